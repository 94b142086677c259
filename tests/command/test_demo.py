"""`alic demo`: what the page's server answers, and the page, in a browser if there is one."""

import http.client
import io
import json
import re
import shutil
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from alic_tf import __main__ as alic
from alic_tf.command import codecs
from alic_tf.demo import server, workshop
from alic_tf.evaluation import pictures
from alic_tf.evaluation.baselines import CODECS
from alic_tf.pictures import images
from alic_tf.pictures.picture import Picture
from tests import tiny_models

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (10, 14, 3), "uint8").repeat(8, 0).repeat(8, 1)
PNG = images.encode(Picture.of(PIXELS), "PNG")


@pytest.fixture(scope="module")
def codec():
    return tiny_models.codec(tiny_models.tiny_dwan())


@pytest.fixture
def served(codec):
    """A server at work in a thread: `ask`, `server` and `workshop`."""
    with server.Server(0) as serving:
        serving.workshop = workshop.Workshop(codec)
        thread = threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()

        def ask(path, body=None, **headers):
            """(status, content): bytes of a PNG or of a file, else what the JSON says."""
            connection = http.client.HTTPConnection(server.ADDRESS, serving.server_port, timeout=60)
            headers = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request("GET" if body is None else "POST", path, body, headers)
            answer = connection.getresponse()
            content, kind = answer.read(), answer.headers["Content-Type"]
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
            return answer.status, json.loads(content) if kind == "application/json" else content

        try:
            yield SimpleNamespace(ask=ask, server=serving, workshop=serving.workshop)
        finally:
            serving.shutdown()
            thread.join()


def image(content):
    return np.asarray(Image.open(io.BytesIO(content)))


def test_a_picture_is_coded_and_compared_at_equal_bytes(served, codec):
    status, report = served.ask("/encode?quality=2.5&effort=0", PNG)
    expected = codec.encode(PIXELS, 2.5)
    place = f"/result/{report['id']}/"
    assert status == 200 and served.ask(place + "file.alic") == (200, expected)
    assert np.array_equal(image(served.ask(place + "original.png")[1]), PIXELS)
    assert np.array_equal(image(served.ask(place + "decoded.png")[1]), codec.decode(expected))
    ours, *others = report["codecs"]
    assert (ours["name"], ours["bytes"]) == ("tiny", len(expected))
    assert ours["bpp"] == 8 * len(expected) / PIXELS[..., 0].size
    error = np.mean((codec.decode(expected).astype(float) - PIXELS) ** 2)
    assert ours["psnr"] == pytest.approx(10 * np.log10(255**2 / error), abs=1e-3)
    assert ours["ms_ssim"] is None and report["notes"] == []  # a side is below 176 pixels
    assert [other["name"] for other in others][:2] == ["JPEG", "WebP"]
    for other in others:
        data = pictures.at_most(CODECS[other["layer"]], PIXELS, len(expected))
        shown = image(served.ask(f"{place}{other['layer']}.png")[1])
        assert other["bytes"] == len(data)
        assert np.array_equal(shown, CODECS[other["layer"]].decode(data))
    assert image(served.ask(place + "bits.png")[1]).shape == PIXELS.shape
    assert report["bits"]["block"] == 16 and report["bits"]["highest"] > 0
    # Only the last result is kept.
    assert served.ask("/encode?quality=1", PNG)[0] == 200
    assert served.ask(place + "file.alic")[0] == 404


def test_the_map_is_brighter_where_there_are_more_bits(served):
    busy = np.full((64, 128, 3), 128, "uint8")
    busy[:, 64:] = RNG.integers(0, 256, (64, 64, 3))
    _, report = served.ask("/encode", images.encode(Picture.of(busy), "PNG"))
    shown = image(served.ask(f"/result/{report['id']}/bits.png")[1]).astype(int).sum(-1)
    assert shown[:, 80:].min() > shown[:, :32].max()


def test_what_is_not_there_is_left_out(served, monkeypatch):
    monkeypatch.setattr(workshop, "MAX_PIXELS_OF_MAP", 1)
    clear = np.dstack([PIXELS, np.full(PIXELS.shape[:2], 128, "uint8")])[:8, :8]
    status, report = served.ask("/encode?quality=1", images.encode(Picture.of(clear), "PNG"))
    assert status == 200 and report["bits"] is None
    assert report["notes"] == ["transparency laid on white"]
    assert report["codecs"][1] == {"name": "JPEG"}  # whose headers alone are longer
    assert served.ask(f"/result/{report['id']}/bits.png")[0] == 404


@pytest.mark.parametrize("path, body, headers, status, cause", [
    ("/encode?quality=9", PNG, {}, 400, "quality must be in 1..8, not 9.0"),
    ("/encode?quality=nan", PNG, {}, 400, "quality must be in 1..8, not nan"),
    ("/encode?effort=10", PNG, {}, 400, "effort must be in 0..9, not 10"),
    ("/encode?effort=1.5", PNG, {}, 400, "effort must be a whole number, not '1.5'"),
    ("/encode", b"no picture", {}, 400, "not an image that can be read"),
    ("/encode", b"", {}, 400, "the file is empty"),
    ("/encode", PNG[:-300], {}, 400, "damaged image"),
    ("/encode", images.encode(Picture.of(PIXELS.repeat(2, 0)), "PNG"), {}, 413,
     "112x160, which is more than 9000 pixels"),
    ("/encode", b"", {"Content_Length": "33554433"}, 413, "33554433 bytes, but 33554432 are"),
    ("/encode", b"", {"Content_Length": "-1"}, 413, "-1 bytes"),
    ("/encode", PNG, {"Host": "example.org:80"}, 403, "not the host 'example.org:80'"),
    ("/", None, {"Host": "127.0.0.1.example.org"}, 403, "not the host"),
    ("/encode", PNG, {"Origin": "http://example.org"}, 403, "'http://example.org' may not ask"),
    ("/stop", b"", {"Origin": "null"}, 403, "'null' may not ask"),
    ("/none", None, {}, 404, "no such page"),
    ("/none", b"", {}, 404, "no such page"),
    ("/../server.py", None, {}, 404, "no such page"),
    ("/result/1/file.alic", None, {}, 404, "no such page"),
])  # fmt: skip
def test_refusals_are_one_line(served, monkeypatch, path, body, headers, status, cause):
    monkeypatch.setattr(workshop, "MAX_PIXELS", 9000)
    got, content = served.ask(path, body, **headers)
    assert got == status and list(content) == ["error"]
    assert cause in content["error"] and "\n" not in content["error"]
    assert served.workshop.progress["stage"] == ""


def test_a_search_is_followed_and_stopped_and_others_wait(served, codec, monkeypatch):
    plain = codec.encode(PIXELS, 4)

    def search(picture, quality, advance, effort):
        assert (quality, effort) == (4.0, 9)
        with pytest.raises(workshop.Enough):
            while True:
                advance(1e-4)
                time.sleep(0.001)
        return plain, None

    monkeypatch.setattr(codec, "encode_with_latents", search)
    answers = []
    first = threading.Thread(target=lambda: answers.append(served.ask("/encode?effort=9", PNG)))
    first.start()
    while not served.ask("/progress")[1]["done"]:
        time.sleep(0.01)
    assert served.ask("/encode", PNG) == (503, {"error": "another picture is in work; wait"})
    assert served.ask("/stop", b"") == (200, {})
    first.join(60)
    (status, report), = answers
    assert status == 200 and served.ask(f"/result/{report['id']}/file.alic")[1] == plain
    assert served.ask("/progress")[1] == {"stage": "", "done": None}


def test_the_command_says_where_it_serves_until_it_is_interrupted(codec, monkeypatch, capsys):
    def interrupt(serving):
        assert serving.server_address[0] == "127.0.0.1"
        assert serving.workshop.about()["qualities"] == 8
        raise KeyboardInterrupt

    monkeypatch.setattr(codecs, "check_quality", lambda model: None)
    monkeypatch.setattr(codecs, "encoder", lambda model: codec)
    monkeypatch.setattr(server.Server, "serve_forever", interrupt)
    assert alic.main(["alic", "demo", "--port", "0"]) == 0
    said = capsys.readouterr().out
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/ \(control-C ends it\)\n", said)


def test_a_port_that_is_taken_and_a_model_that_is_none(served, monkeypatch, capsys):
    port = str(served.server.server_port)
    monkeypatch.setattr(codecs, "check_quality", lambda model: None)
    assert alic.main(["alic", "demo", "--port", port]) == 2
    assert capsys.readouterr().err == f"error: port {port}: Address already in use\n"
    monkeypatch.undo()
    assert alic.main(["alic", "demo", "--model", "none", "--port", "0"]) == 2
    assert "unknown model 'none'" in capsys.readouterr().err


def test_help_names_the_flags():
    result = subprocess.run([sys.executable, "-m", "alic_tf", "demo", "--help"],
                            capture_output=True, text=True)
    assert result.returncode == 0 and re.findall(r"--([a-z]+) ", result.stdout)[-4:] == [
        "port", "model", "open", "help"]


# Drops a picture on the page, waits for the result, and moves what there is to move.
ACT = """
(async () => {
  const wait = async what => { while (!what()) await new Promise(go => setTimeout(go, 20)); };
  const act = (name, value, event) => {
    find(name).value = value;
    find(name).dispatchEvent(new Event(event));
  };
  await wait(() => about);
  const data = new DataTransfer();
  data.items.add(new File([await (await fetch("/photo.png")).blob()], "a photo.png"));
  document.dispatchEvent(new DragEvent("drop", {dataTransfer: data}));
  await wait(() => !find("result").hidden);
  act("left", "bits", "change");
  act("split", 20, "input");
  act("quality", 2, "change");
  await wait(() => !running);
})();
"""


@pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")
def test_the_page_works_in_a_browser(served, codec, tmp_path, monkeypatch):
    shutil.copytree(server.Server.folder, tmp_path, dirs_exist_ok=True)
    (tmp_path / "photo.png").write_bytes(PNG)
    with open(tmp_path / "script.js", "a") as script:
        script.write(ACT)
    monkeypatch.setattr(served.server, "folder", tmp_path)
    monkeypatch.setitem(server.PAGE, "/photo.png", ("photo.png", "image/png"))
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom",
               "--virtual-time-budget=60000", served.server.url]  # fmt: skip
    shown = subprocess.run(command, capture_output=True, text=True, timeout=120).stdout
    size = len(codec.encode(PIXELS, 2))
    place = f"/result/{served.workshop.result.id}/"
    assert served.workshop.result.file == codec.encode(PIXELS, 2)
    assert f'href="{place}file.alic" download="a photo.alic"' in shown
    assert f"download .alic, {size:,} bytes" in shown and f"<td>{size:,}</td>" in shown
    assert re.search(r'id="layers"[^>]*--x: ?20%', shown)
    assert re.search(rf'<img class="bits left"[^>]*src="{place}bits.png"', shown)
    assert re.search(rf'<img class="decoded right"[^>]*src="{place}decoded.png"', shown)
    assert re.search(r'<main id="result">', shown) and re.search(r'id="drop" hidden', shown)
    assert re.search(r'<figure id="scale">', shown) and re.search(r'id="error"[^>]* hidden', shown)
