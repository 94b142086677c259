"""The command line in this process, with a codec that merely deflates the pixels."""

import io
import json
import os
import sys
import threading
import time
import zlib
from contextlib import contextmanager

import numpy as np
import pytest
from PIL import Image, ImageCms

from alic_tf import errors, metrics, progress, storage
from alic_tf import zoo as real_zoo
from alic_tf.bitstream import container
from alic_tf.command import codecs, encoder_decoder
from alic_tf.pictures import images
from alic_tf.pictures.picture import Picture

MODEL_ID = b"fake"


class DeflatingCodec:
    name = "fake"

    def __init__(self):
        self.forgetful, self.efforts = False, []

    def warm_up(self, what):
        pass

    def encode(self, image, quality=None):
        return self.encode_with_latents(image, quality)[0]

    def encode_with_latents(self, image, quality=None, advance=progress.ignore, effort=0):
        picture = Picture.of(image)
        self.efforts.append(effort)
        advance(0.75)
        header = container.Header(MODEL_ID, quality=round(quality * 10), **picture.fields)
        data = container.pack(header, zlib.compress(picture.rgb.tobytes()))
        return data, {"y": picture.rgb.astype(np.int32)}

    def latents(self, data):
        return {"y": self.decode_picture(data).rgb.astype(np.int32) + self.forgetful}

    def decode_picture(self, data, advance=progress.ignore):
        header, payload = container.unpack(data)
        advance(0.5)
        pixels = np.frombuffer(zlib.decompress(payload), np.uint8)
        return Picture.decoded(pixels.reshape(header.height, header.width, 3), header)


class Zoo:
    def __init__(self):
        self.codec = DeflatingCodec()

    def find(self, name):
        if name != "dwan":
            raise errors.UnknownModel(f"unknown model {name!r}; there are: dwan")
        return name

    def shared(self, name):
        self.find(name)
        return self.codec

    def load_by_id(self, model_id):
        if model_id != MODEL_ID:
            raise errors.UnknownModel(f"needs model {model_id.hex()}, which is not here")
        return self.codec

    def describe(self, model_id):
        return {"name": "fake", "lambdas": [1, 2]} if model_id == MODEL_ID else None


@pytest.fixture(autouse=True)
def zoo(monkeypatch):
    fake = Zoo()
    for name in ("find", "shared", "load_by_id", "describe"):
        monkeypatch.setattr(real_zoo, name, getattr(fake, name))
    monkeypatch.setattr(storage, "read_configuration", lambda _: {"lambdas": [1] * 8})
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)
    return fake


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs the command in tmp_path; returns exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        code = encoder_decoder.main(["encoder_decoder.py", *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def pipe(tmp_path, monkeypatch, capsysbinary):
    """As `run`, with bytes on standard input; returns exit code, stdout and stderr as bytes."""
    monkeypatch.chdir(tmp_path)

    def pipe(data, *arguments):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        code = encoder_decoder.main(["encoder_decoder.py", *arguments])
        captured = capsysbinary.readouterr()
        return code, captured.out, captured.err.decode()

    return pipe


def picture(seed=0, shape=(20, 30)):
    return np.random.default_rng(seed).integers(0, 256, (*shape, 3), dtype=np.uint8)


def snapshot(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def refused(run, folder, code, cause, *arguments):
    """Checks exit code, one line on stderr with the cause, nothing on stdout, nothing changed."""
    before = snapshot(folder)
    result, out, err = run(*arguments)
    assert (result, out) == (code, "")
    assert err.startswith("error: ") and err.count("\n") == 1 and cause in err
    assert snapshot(folder) == before


def test_there_and_back(run, tmp_path):
    images.write(tmp_path / "photo.png", picture())
    code, out, err = run("--encode", "photo.png")
    assert (code, err) == (0, "")
    size = (tmp_path / "photo.alic").stat().st_size
    assert out.startswith(f"photo.alic: {size} bytes, {size * 8 / 600:.3f} bpp, 0.0")
    code, out, err = run("--decode", "photo.alic", "--output", "back.png")
    assert (code, err) == (0, "") and out.startswith("back.png: 30x20, ")
    assert np.array_equal(images.read(tmp_path / "back.png"), picture())
    assert sorted(snapshot(tmp_path)) == ["back.png", "photo.alic", "photo.png"]


@pytest.mark.parametrize(
    ("output", "written"),
    [("x.bin", "x.bin"), ("new/", "new/p.alic"), ("new/x.alic", "new/x.alic"), ("d", "d/p.alic")],
)
def test_output_is_a_file_or_a_folder(run, tmp_path, output, written):
    images.write(tmp_path / "p.png", picture())
    (tmp_path / "d").mkdir()
    assert run("--encode", "p.png", "--output", output)[0] == 0
    assert (tmp_path / written).is_file()


def test_decoding_to_other_formats(run, tmp_path):
    images.write(tmp_path / "p.png", picture())
    run("--encode", "p.png")
    assert run("--decode", "p.alic", "--output", "q.jpg")[0] == 0
    with Image.open(tmp_path / "q.jpg") as image:
        assert image.format == "JPEG"
    refused(run, tmp_path, 2, "q.xyz: no image format", "--decode", "p.alic", "--output", "q.xyz")


def test_quality_reaches_the_file_and_info_shows_the_header(run, tmp_path):
    images.write(tmp_path / "p.png", picture())
    run("--encode", "p.png", "--quality", "6.5")
    expected = "p.alic: 30x20, model fake, quality 9.125, "
    for arguments in (["--info", "p.alic"], ["--decode", "p.alic", "--info"], ["--info", "."]):
        code, out, err = run(*arguments)
        assert (code, err) == (0, "") and out.startswith(expected) and "checksum good" in out


def test_verify_measures_and_catches_a_difference(run, tmp_path, zoo):
    images.write(tmp_path / "p.png", picture(shape=(176, 180)))
    code, out, _ = run("--encode", "p.png", "--verify")
    assert code == 0 and "PSNR inf dB, MS-SSIM 1.0000" in out and "latents verified" in out
    zoo.codec.forgetful = True
    refused(
        run, tmp_path, 1, "y does not decode equal", "--encode", "p.png", "--verify", "--overwrite"
    )


def test_warnings_are_one_line_each(run, tmp_path):
    Image.fromarray(picture().astype(np.uint16)[..., 0] * 257).save(tmp_path / "deep.png")
    code, _, err = run("--encode", "deep.png")
    assert (code, err) == (0, "warning: deep.png: 16-bit samples reduced to 8 bits\n")


@pytest.mark.parametrize("action", ["--encode", "--decode", "--info"])
def test_missing_input(run, tmp_path, action):
    refused(run, tmp_path, 2, "none.x: no such file", action, "none.x")
    refused(run, tmp_path, 2, "nothing to do", action, ".")


@pytest.mark.parametrize(
    ("data", "cause"),
    [(b"", "the file is empty"), (b"text", "not an image"), (b"\x89PNG\r\n\x1a\n123", "image")],
)
def test_encoding_what_is_no_image(run, tmp_path, data, cause):
    (tmp_path / "bad.png").write_bytes(data)
    refused(run, tmp_path, 1, cause, "--encode", "bad.png", "--output", "new/bad.alic")


def damaged(good, how):
    return {
        "empty": b"",
        "truncated": good[:-20],
        "trailing": good + b"\0",
        "flipped": good[:40] + bytes([good[40] ^ 1]) + good[41:],
        "wrong magic": b"PK" + good[2:],
        "newer": good[:4] + b"\x09" + good[5:],
    }[how]


@pytest.mark.parametrize(
    ("how", "cause"),
    [
        ("empty", "the file is empty"),
        ("truncated", "truncated: "),
        ("trailing", "1 bytes follow"),
        ("flipped", "checksum mismatch"),
        ("wrong magic", "not an .alic file"),
        ("newer", "newer format version 9"),
    ],
)
def test_decoding_damaged_files(run, tmp_path, zoo, how, cause):
    data = damaged(zoo.codec.encode(picture(), 4), how)
    (tmp_path / "a.alic").write_bytes(data)
    refused(run, tmp_path, 1, f"a.alic: {cause}", "--decode", "a.alic")
    refused(run, tmp_path, 1, f"a.alic: {cause}", "--info", "a.alic")
    refused(run, tmp_path, 1, f"a.alic: {cause}", "--decode", "a.alic", "--output", "new/a.png")


def test_models_that_are_not_here(run, tmp_path):
    images.write(tmp_path / "p.png", picture())
    (tmp_path / "p.alic").write_bytes(container.pack(container.Header(b"\1\2\3\4", 2, 2), b""))
    there = "unknown model 'x'; there are: dwan"
    refused(run, tmp_path, 2, there, "--encode", "p.png", "--model", "x", "--output", "new/")
    refused(run, tmp_path, 2, there, "--decode", "p.alic", "--model", "x", "--output", "q.png")
    refused(
        run, tmp_path, 1, "p.alic: needs model 01020304", "--decode", "p.alic", "--output", "q.png"
    )


@pytest.mark.parametrize(
    ("flag", "limit", "cause"),
    [("--max_pixels", "6299", "limit of 6299 pixels"), ("--max_side", "89", "limit of 89")],
)
def test_oversized_pictures(run, tmp_path, flag, limit, cause):
    (tmp_path / "a.alic").write_bytes(container.pack(container.Header(MODEL_ID, 90, 70), b""))
    refused(run, tmp_path, 1, "a.alic: 90x70", "--decode", "a.alic", flag, limit)
    refused(run, tmp_path, 1, cause, "--decode", "a.alic", flag, limit)


def test_existing_outputs(run, tmp_path):
    images.write(tmp_path / "p.png", picture())
    (tmp_path / "p.alic").write_bytes(b"precious")
    refused(run, tmp_path, 2, "p.alic: exists", "--encode", "p.png")
    refused(run, tmp_path, 2, "p.alic: exists", "--encode", ".")
    assert run("--encode", "p.png", "--overwrite")[0] == 0
    refused(run, tmp_path, 2, "p.png: exists", "--decode", "p.alic")
    (tmp_path / "p.alic").rename(tmp_path / "q.alic")
    (tmp_path / "q.png").mkdir()
    refused(run, tmp_path, 2, "q.png: is a folder", "--decode", "q.alic", "--overwrite")


def test_pipes_are_read_but_not_replaced(run, tmp_path):
    (tmp_path / "p.png").write_bytes(png(picture()))
    os.mkfifo(tmp_path / "pipe")
    code, _, err = run("--encode", "p.png", "--output", "pipe", "--overwrite")
    assert code == 2 and err.startswith("error: pipe: is not a file")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=[png(picture())])
    writer.start()
    assert run("--encode", "pipe", "--output", "p.alic")[0] == 0
    writer.join()
    assert (tmp_path / "pipe").is_fifo() and (tmp_path / "p.alic").is_file()


def test_a_failing_encoder_leaves_an_existing_output_alone(run, tmp_path):
    (tmp_path / "p.png").write_bytes(b"not an image")
    (tmp_path / "p.alic").write_bytes(b"precious")
    refused(run, tmp_path, 1, "p.png: not an image", "--encode", "p.png", "--overwrite")


@pytest.mark.parametrize("name", ["photo.png", "photo.jpg"])
def test_what_is_no_alic_file_is_told_before_anything_of_outputs(run, tmp_path, name):
    for file in ("photo.png", name):
        images.write(tmp_path / file, picture())
    refused(run, tmp_path, 1, f"{name}: not an .alic file", "--decode", name)
    assert run("--decode", name, "--overwrite")[0] == 1


@pytest.mark.parametrize("link", [False, True])
def test_the_input_is_never_replaced(run, tmp_path, link):
    images.write(tmp_path / "p.png", picture())
    target = tmp_path / ("link.alic" if link else "p.png")
    if link:
        target.symlink_to("p.png")
    refused(
        run,
        tmp_path,
        2,
        f"{target.name}: the output would replace the input",
        "--encode",
        "p.png",
        "--output",
        target.name,
        "--overwrite",
    )


def test_unwritable_folders_are_noticed_before_any_work(run, tmp_path, monkeypatch):
    images.write(tmp_path / "p.png", picture())
    (tmp_path / "file").touch()
    monkeypatch.setattr(images, "open_picture", None)  # would fail if it were reached
    for output in ("file/p.alic", "/proc/p.alic"):
        refused(run, tmp_path, 2, "cannot write here", "--encode", "p.png", "--output", output)
    refused(run, tmp_path, 2, "cannot write here", "--encode", "p.png", "--report", "file")
    refused(run, tmp_path, 2, "cannot write here", "--encode", ".", "--output", "file")


def test_a_full_disk_is_one_line(run, tmp_path, monkeypatch):
    images.write(tmp_path / "p.png", picture())

    def full(self, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    refused(run, tmp_path, 1, "p.alic: cannot be written: No space left", "--encode", "p.png")


def test_a_folder_goes_on_after_a_bad_file(run, tmp_path):
    for name in ("a.png", "c.png"):
        images.write(tmp_path / "in" / name, picture())
    (tmp_path / "in" / "b.png").write_bytes(b"no image")
    code, out, err = run("--encode", "in", "--output", "out")
    assert code == 1
    assert [line.split(":")[0] for line in out.splitlines()[:2]] == ["out/a.alic", "out/c.alic"]
    assert "average of 2 pictures" in out and "actual bpp" in out and "PSNR" not in out
    assert err == "error: in/b.png: not an image that can be read\n1 of 3 files failed\n"
    assert sorted(snapshot(tmp_path / "out")) == ["a.alic", "c.alic"]

    (tmp_path / "out" / "b.alic").write_bytes(b"ALIC")
    code, out, err = run("--decode", "out")
    assert code == 1 and "error: out/b.alic: truncated" in err and "average of 2: " in out
    assert np.array_equal(images.read(tmp_path / "out" / "c.png"), picture())


def test_names_that_differ_in_their_ending_stay_apart(run, tmp_path):
    images.write(tmp_path / "a.png", picture(1))
    images.write(tmp_path / "a.bmp", picture(2))
    assert run("--encode", ".")[0] == 0
    assert {"a.png.alic", "a.bmp.alic"} < set(snapshot(tmp_path))
    assert run("--decode", ".", "--output", "back")[0] == 0
    assert np.array_equal(images.read(tmp_path / "back" / "a.bmp.png"), picture(2))


def test_a_report_measures_and_is_written_with_the_files(run, tmp_path):
    for i in range(2):
        images.write(tmp_path / "in" / f"{i}.png", picture(i, shape=(180, 176 - i)))
    code, out, _ = run("--encode", "in", "--report", "out", "--quality", "3")
    assert code == 0 and "RGB PSNR (dB)" in out and "decode (s)" in out
    assert sorted(snapshot(tmp_path / "out")) == ["0.alic", "1.alic", "report.csv", "report.json"]
    content = json.loads((tmp_path / "out" / "report.json").read_text())
    assert (content["model"], content["quality"], content["failed"]) == ("dwan", 3, [])
    assert [row["name"] for row in content["pictures"]] == ["0.png", "1.png"]
    refused(run, tmp_path, 2, "out/0.alic: exists", "--encode", "in", "--report", "out")
    refused(
        run,
        tmp_path,
        2,
        "out/report.json: exists",
        "--encode",
        "in",
        "--report",
        "out",
        "--output",
        "elsewhere",
    )


def png(image):
    return images.encode(Picture.of(image), "PNG")


def test_standard_input_and_output(pipe, tmp_path):
    code, data, err = pipe(png(picture()), "--encode", "-")
    assert code == 0 and err.startswith(f"stdout: {len(data)} bytes, ") and err.count("\n") == 1
    code, out, err = pipe(data, "--info", "-")
    assert (code, err) == (0, "") and out.startswith(b"stdin: 30x20, model fake")
    code, out, err = pipe(data, "--decode", "-", "--output", "-")
    assert code == 0 and err.startswith("stdout: 30x20, ") and err.count("\n") == 1
    assert np.array_equal(images.open_picture(out).rgb, picture())
    assert not list(tmp_path.iterdir())

    assert pipe(data, "--decode", "-", "--output", "a.png")[1].startswith(b"a.png: 30x20")
    assert np.array_equal(images.read(tmp_path / "a.png"), picture())
    code, out, _ = pipe(b"", "--encode", "a.png", "--output", "-")
    assert (code, out) == (0, data)
    code, out, _ = pipe(data, "--decode", "-", "--format", "jpg", "--output_quality", "50")
    with Image.open(io.BytesIO(out)) as image:
        assert image.format == "JPEG"
    assert list(tmp_path.iterdir()) == [tmp_path / "a.png"]


def test_a_report_about_standard_output_goes_elsewhere(pipe, tmp_path):
    code, out, err = pipe(png(picture()), "--encode", "-", "--output", "-", "--report", "r")
    assert code == 0 and container.unpack(out) and "average of 1 picture" in err
    code, out, _ = pipe(png(picture()), "--encode", "-", "--report", "s")
    assert out.startswith(b"s/stdin.alic: ") and (tmp_path / "s" / "stdin.alic").is_file()


@pytest.mark.parametrize(("data", "cause"), [(b"", "the file is empty"), (b"text", "not an im")])
def test_bad_standard_input(pipe, data, cause):
    code, out, err = pipe(data, "--encode", "-")
    assert (code, out) == (1, b"") and err.startswith(f"error: stdin: {cause}")
    code, out, err = pipe(data, "--decode", "-")
    assert (code, out) == (1, b"") and err.startswith("error: stdin: ") and err.count("\n") == 1


def test_what_standard_output_is_not_for(run, tmp_path, monkeypatch):
    images.write(tmp_path / "p.png", picture())
    refused(run, tmp_path, 2, ".: several files do not fit", "--encode", ".", "--output", "-")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    refused(run, tmp_path, 2, "is a terminal", "--encode", "p.png", "--output", "-")


def test_files_of_the_names_of_streams_are_files(run, tmp_path):
    (tmp_path / "stdin").write_bytes(png(picture()))
    assert run("--encode", "stdin", "--output", "stdout")[0] == 0
    assert container.unpack((tmp_path / "stdout").read_bytes())


def test_formats_to_decode_to(run, tmp_path):
    images.write(tmp_path / "in" / "p.png", picture())
    run("--encode", "in", "--output", "alic")
    for ending, form in (("jpg", "JPEG"), ("webp", "WEBP"), ("tiff", "TIFF")):
        assert run("--decode", "alic", "--output", "out", "--format", ending)[0] == 0
        with Image.open(tmp_path / "out" / f"p.{ending}") as image:
            assert image.format == form and image.size == (30, 20)
    sizes = []
    for quality in ("20", "95"):
        run("--decode", "alic/p.alic", "--output", f"{quality}.jpg", "--output_quality", quality)
        sizes.append((tmp_path / f"{quality}.jpg").stat().st_size)
    assert sizes[0] < sizes[1] == (tmp_path / "out" / "p.jpg").stat().st_size
    refused(run, tmp_path, 2, "use one of .png, .jpg", "--decode", "alic", "--format", "xyz")
    refused(run, tmp_path, 2, "--format does not go", "--decode", "alic/p.alic", "--format", "png",
            "--output", "q.jpg")  # fmt: skip
    refused(run, tmp_path, 2, "does not go with PNG", "--decode", "alic", "--output_quality", "9")


def test_grey_alpha_and_metadata_survive_unless_dropped(run, tmp_path):
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Maker", 3
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    rgba = np.maximum(np.dstack([picture(), picture(1)[..., 0]]), 1)
    Image.fromarray(rgba).save(tmp_path / "p.png", exif=exif, icc_profile=icc)
    Image.fromarray(rgba[..., 2:]).save(tmp_path / "g.png")
    for name in ("p", "g"):
        assert run("--encode", f"{name}.png")[0] == 0
        assert run("--decode", f"{name}.alic", "--output", f"{name}2.png")[0] == 0
    _, out, _ = run("--info", "p.alic")
    assert ", alpha " in out and ", EXIF " in out and f", ICC {len(icc)} bytes" in out
    assert "30x20, grey, model" in run("--info", "g.alic")[1]
    back = images.open_picture(tmp_path / "p2.png")
    assert np.array_equal(back.array(), rgba[::-1, ::-1]) and back.icc == icc
    assert back.image().getexif()[0x010F] == "Maker"
    assert np.array_equal(images.open_picture(tmp_path / "g2.png").array(), rgba[..., 2:])

    assert run("--encode", "p.png", "--alpha", "png", "--output", "a.alic")[0] == 0
    coded, asked = (container.unpack((tmp_path / f"{name}.alic").read_bytes()) for name in "pa")
    assert (coded[0].alpha[:4], asked[0].alpha[:4]) == (b"RIFF", b"\x89PNG")
    assert asked[1] == coded[1]
    assert run("--decode", "a.alic", "--output", "a.png")[0] == 0
    assert np.array_equal(images.open_picture(tmp_path / "a.png").array(), back.array())

    for action, source, output in (("encode", "p.png", "q.alic"), ("decode", "p.alic", "q.png")):
        assert run(f"--{action}", source, "--output", output, "--drop_metadata")[0] == 0
    assert "EXIF" not in run("--info", "q.alic")[1] and "alpha" in run("--info", "q.alic")[1]
    bare = images.open_picture(tmp_path / "q.png")
    assert (bare.exif, bare.icc) == (b"", b"") and np.array_equal(bare.array(), back.array())
    code, _, err = run("--decode", "p.alic", "--output", "q.jpg")
    assert (code, err) == (0, "warning: p.alic: JPEG has no transparency: laid on white\n")


class RoughCodec(DeflatingCodec):
    """Keeps as many bits of each sample as the whole quality says."""

    qualities = 8

    def encode_with_latents(self, image, quality=None, *search):
        lost = np.uint8(8 - int(quality))
        rough = (Picture.of(image).rgb >> lost) << lost
        return super().encode_with_latents(rough, quality, *search)


def test_targets(run, tmp_path, zoo):
    zoo.codec = RoughCodec()
    images.write(tmp_path / "p.png", picture())
    for flag, value in (("--max_bytes", 1000), ("--target_bpp", 12), ("--target_psnr", 30)):
        code, out, _ = run("--encode", "p.png", "--overwrite", flag, str(value), "--verify")
        size = (tmp_path / "p.alic").stat().st_size
        assert code == 0 and f"{size} bytes" in out and ", quality " in out
        chosen = float(out.split(", quality ")[1].split(",")[0])
        reached = {
            "--max_bytes": lambda q: -len(zoo.codec.encode(picture(), q)),
            "--target_bpp": lambda q: -len(zoo.codec.encode(picture(), q)) * 8 / 600,
            "--target_psnr": lambda q: metrics.psnr(
                picture(), zoo.codec.decode_picture(zoo.codec.encode(picture(), q)).rgb
            ),
        }[flag]
        value = value if flag == "--target_psnr" else -value
        assert reached(chosen) >= value
        other = chosen + (-1 / 8 if flag == "--target_psnr" else 1 / 8)
        assert 1 < chosen < 8 and reached(other) < value


@pytest.mark.parametrize("target", [(), ("--max_bytes", "1000")])
def test_effort_is_that_of_the_last_search(run, tmp_path, zoo, target):
    zoo.codec = RoughCodec()
    images.write(tmp_path / "p.png", picture())
    code, out, _ = run("--encode", "p.png", "--effort", "3", "--verify", *target)
    assert code == 0 and out.startswith("p.alic: ") and zoo.codec.efforts[-1] == 3
    assert set(zoo.codec.efforts[:-1]) == ({0} if target else set())
    refused(run, tmp_path, 2, "effort", "--encode", "p.png", "--effort", "10", "--overwrite")


def test_targets_hold_for_each_picture_of_a_folder(run, tmp_path, zoo):
    zoo.codec = RoughCodec()
    for i, shape in enumerate([(20, 30), (80, 90), (9, 9)]):
        images.write(tmp_path / "in" / f"{i}.png", picture(i, shape))
    code, out, err = run("--encode", "in", "--output", "out", "--max_bytes", "1500")
    assert code == 1 and out.count(", quality ") == 2
    assert "error: in/1.png: 1500 bytes cannot be reached: the qualities go from " in err
    assert sorted(snapshot(tmp_path / "out")) == ["0.alic", "2.alic"]


@pytest.mark.parametrize("jobs", ["2", "7"])
def test_jobs_change_neither_files_nor_order(run, tmp_path, zoo, jobs):
    class Slow(DeflatingCodec):
        """Takes longer for the first pictures than for the last."""

        def encode_with_latents(self, image, *arguments):
            time.sleep(0.02 * (5 - Picture.of(image).rgb[0, 0, 0]))
            return super().encode_with_latents(image, *arguments)

    zoo.codec = Slow()
    for i in range(5):
        Image.new("I;16", (8, 8), i * 257).save(tmp_path / f"{i}.png")
    (tmp_path / "2.png").write_bytes(b"damaged")
    lines = []
    for folder, number in (("one", "1"), ("many", jobs)):
        code, out, err = run("--encode", ".", "--output", folder, "--jobs", number)
        assert code == 1 and "2.png: not an image" in err
        lines.append(([line.split(":")[0][-6:] for line in out.splitlines()[:4]], err))
    assert lines[0] == lines[1] and lines[0][0] == ["0.alic", "1.alic", "3.alic", "4.alic"]
    assert lines[0][1].count("16-bit") == 4
    assert snapshot(tmp_path / "one") == snapshot(tmp_path / "many")
    code, out, _ = run("--decode", "one", "--jobs", jobs)
    assert code == 0 and [line[4:9] for line in out.splitlines()[:4]] == [
        f"{i}.png" for i in (0, 1, 3, 4)
    ]


def test_a_bad_request_stops_all_jobs(run, tmp_path):
    for i in range(9):
        images.write(tmp_path / f"{i}.png", picture(i))
    refused(run, tmp_path, 2, "unknown model", "--encode", ".", "--model", "x", "--jobs", "3")


@pytest.mark.parametrize("large, files, expected", [
    (1000, 1, [0.75, 0.25]), (1001, 1, []), (1000, 2, [0.75, 0.25] * 2), (1001, 2, [1.0] * 2)])
def test_progress_of_large_pictures_and_folders(run, tmp_path, monkeypatch, large, files, expected):
    told, bars = [], []

    @contextmanager
    def bar(total, hidden):
        bars.append((total, hidden))
        yield told.append

    monkeypatch.setattr(progress, "bar", bar)
    monkeypatch.setattr(codecs, "LARGE", large)
    for number in range(files):
        images.write(tmp_path / f"{number}.png", picture(number, (25, 40)))
    assert run("--encode", "0.png" if files == 1 else ".")[0] == 0
    assert told == expected and bars == [(files, files == 1)]
