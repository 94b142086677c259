import shutil
import tarfile

import numpy as np
import pytest
from PIL import Image

from alic_tf import errors
from alic_tf.training.data import CropSampler, load_photographs, with_reductions
from tests.training import tiny


def test_folders_and_tar_shards_read_equally(tmp_path):
    folder = tiny.write_photographs(tmp_path / "folder")
    (folder / "notes.txt").write_text("no picture")
    shards = tmp_path / "shards"
    shards.mkdir()
    with tarfile.open(shards / "a.tar", "w") as tar:
        tar.add(folder / "0.png", "0.png")
        tar.add(folder / "notes.txt", "notes.txt")
    with tarfile.open(shards / "b.tar", "w") as tar:
        tar.add(folder / "1.png", "deep/1.png")
    shutil.copy(folder / "2.png", shards / "c.png")
    for path in (folder, shards):
        read = load_photographs(path)
        assert len(read) == 3
        assert all(np.array_equal(a, b) for a, b in zip(read, tiny.photographs()))


def test_pictures_smaller_than_asked_for_are_left_out(tmp_path):
    folder = tiny.write_photographs(tmp_path, count=1)
    Image.new("RGB", (300, 95)).save(folder / "low.png")
    assert [p.shape for p in load_photographs(folder, 96)] == [(96, 112, 3)]
    with pytest.raises(errors.ImageUnreadable, match="none of 2 pictures .* at least 97 pixels"):
        load_photographs(folder, 97)


@pytest.mark.parametrize("name", ["damaged.png", "damaged.tar"])
def test_what_cannot_be_read_is_named(tmp_path, name):
    with pytest.raises(errors.ImageUnreadable, match="holds no pictures"):
        load_photographs(tmp_path)
    (tmp_path / name).write_bytes(b"neither picture nor archive" * 50)
    with pytest.raises(errors.ImageUnreadable, match=name):
        load_photographs(tmp_path)


def test_reduced_copies_are_never_smaller_than_the_patch():
    photographs = tiny.photographs()
    both = with_reductions(photographs, 80)
    assert all(a is b for a, b in zip(both[:3], photographs)) and len(both) == 6
    for original, reduced in zip(photographs, both[3:]):
        factors = np.array(reduced.shape[:2]) / original.shape[:2]
        assert min(reduced.shape[:2]) >= 80 and 0.6 <= min(factors) <= max(factors) < 0.91
        assert abs(np.mean(reduced) - np.mean(original)) < 1
    again = with_reductions(photographs, 80)
    assert all(np.array_equal(a, b) for a, b in zip(both, again))


def test_crops_depend_on_seed_and_step_alone():
    def sampler(seed):
        return CropSampler(tiny.photographs(), 64, 4, 8, seed)

    one, other = sampler(3), sampler(3)
    one(0), one(1)  # what was drawn before does not matter
    for a, b in zip(one(7), other(7)):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(one(7)[0], one(8)[0])
    assert not np.array_equal(one(7)[0], sampler(4)(7)[0])


def test_crops_have_their_size_and_range():
    crops, quality = CropSampler(tiny.photographs(), 64, 500, 8)(0)
    assert crops.shape == (500, 64, 64, 3) and crops.dtype == np.uint8
    assert quality.shape == (500,) and quality.dtype == np.float32
    assert 1 <= quality.min() < 1.2 and 7.8 < quality.max() <= 8
    assert set(CropSampler(tiny.photographs(), 64, 5, 1)(0)[1]) == {1.0}


def test_crops_cover_the_eight_flips_and_all_photographs_by_area():
    square = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    flips = {}
    for transposed in (square, square.transpose(1, 0, 2)):
        for rows in (transposed, transposed[::-1]):
            for flip in (rows, rows[:, ::-1]):
                flips[flip.tobytes()] = 0
    for crop in CropSampler([square], 64, 400, 1)(0)[0]:
        flips[crop.tobytes()] += 1
    assert len(flips) == 8 and min(flips.values()) > 25

    grey = [np.full((64, 64 * n, 3), n, "uint8") for n in (1, 3)]
    levels = CropSampler(grey, 64, 1000, 1)(0)[0][:, 0, 0, 0]
    assert 0.7 < np.mean(levels == 3) < 0.8


def test_crops_reach_every_corner():
    rows = np.arange(70, dtype="uint8")[:, None, None] + np.zeros((1, 64, 3), "uint8")
    crops = CropSampler([rows], 64, 200, 1)(0)[0]
    assert {crop.min() for crop in crops} == set(range(7))
