"""The strip of pictures at equal bytes."""

import numpy as np
from PIL import Image

from alic_tf import flags
from alic_tf.evaluation import strip
from alic_tf.evaluation.baselines import CODECS
from alic_tf.pictures import images

COLUMN, GAP, LINE = strip.COLUMN, strip.GAP, strip.LINE


def test_columns_are_the_original_and_each_codec_in_files_of_one_size(tmp_path, capsys):
    rows, columns = np.mgrid[:60, :90]
    image = np.stack([2 * columns, 4 * rows, columns + rows], -1).astype("uint8")
    image += np.random.default_rng(0).integers(0, 9, image.shape, "uint8")
    source, target = tmp_path / "a.png", tmp_path / "strip.webp"
    images.write(source, image)
    words = [str(source), "--bytes", "1500", "--codecs", "jpeg,webp", "--out", str(target)]
    assert flags.main(strip.run, ["strip", *words, "--zoom", "30,20,20,20"]) == 0
    assert capsys.readouterr().out == f"{target}\n"
    drawn = np.asarray(Image.open(target).convert("RGB")).astype(int)
    assert drawn.shape == (200 + GAP + 300 + 2 * LINE, 3 * COLUMN + 2 * GAP, 3)
    wholes = [drawn[2 * LINE :][:200, i * (COLUMN + GAP) :][:, :COLUMN] for i in range(3)]
    expected = np.asarray(Image.fromarray(image).resize((300, 200), Image.Resampling.LANCZOS))
    np.testing.assert_array_equal(wholes[0], expected)
    for whole in wholes[1:]:
        assert 0 < np.abs(whole - expected).mean() < 10
    codecs = [CODECS["jpeg"], CODECS["webp"]]
    for (_, text), _ in list(strip.layers(image, codecs, 1500))[1:]:
        assert 1000 < int(text.split()[0].replace(",", "")) <= 1500


def test_bad_requests(tmp_path, capsys):
    images.write(tmp_path / "a.png", np.zeros((30, 30, 3), "uint8"))
    for words, cause in (([], "give a picture"),
                         (["a.png", "--out", "b.png", "--zoom", "x"], "--zoom must be whole")):
        words = [str(tmp_path / word) if word.endswith(".png") else word for word in words]
        assert flags.main(strip.run, ["strip", *words]) == 2
        assert cause in capsys.readouterr().err
