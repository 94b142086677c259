"""Pictures at equal bytes: the search, and the page, in a browser if there is one."""

import base64
import dataclasses
import io
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alic_tf.evaluation import pictures
from alic_tf.evaluation.baselines import CODECS
from alic_tf.pictures import images

CODEC_LIST = [CODECS[name] for name in ("webp", "jpeg", "jpeg2000")]
BROWSER = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def photo():
    demo = images.read(Path(__file__).parents[2] / "docs" / "images" / "demo.png")
    return np.ascontiguousarray(demo[:120, :160])


@pytest.mark.parametrize("codec", CODEC_LIST, ids=lambda codec: codec.name)
def test_the_largest_file_that_is_not_larger(codec, photo):
    limit = 3000
    data = pictures.at_most(codec, photo, limit)
    sizes = [len(codec.encode(photo, s)) for s in codec.scale(8 * limit / photo[..., 0].size)]
    assert len(data) == max(size for size in sizes if size <= limit) and len(data) > 0.8 * limit
    assert codec.decode(data).shape == photo.shape
    assert pictures.at_most(codec, photo, 20) is None


def layers(page):
    """The pictures in the page, as arrays."""
    found = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))) for data in found]


def test_the_page_holds_what_the_codecs_decode(tmp_path, photo):
    images.write(tmp_path / "<a>.png", photo)
    (tmp_path / "bad.png").write_bytes(b"no picture")
    paths = [tmp_path / "<a>.png", tmp_path / "bad.png"]
    pictures.write(tmp_path, CODEC_LIST, paths)
    page = (tmp_path / pictures.PAGE).read_text()
    original, webp, jpeg, _ = layers(page)
    assert np.array_equal(original, photo)
    first = CODEC_LIST[0].encode(photo, 40)  # the middle of its settings
    assert np.array_equal(webp, CODEC_LIST[0].decode(first))
    second = pictures.at_most(CODEC_LIST[1], photo, len(first))
    assert np.array_equal(jpeg, CODEC_LIST[1].decode(second))
    assert f"webp: {len(first)} bytes" in page and f"jpeg: {len(second)} bytes" in page
    assert "&lt;a&gt;.png" in page and "bad.png" not in page
    assert not re.search(r'(src|href)="(?!data:)', page) and "@import" not in page


def test_a_codec_alone_is_beside_the_original(tmp_path, photo):
    images.write(tmp_path / "a.png", photo)
    codec = dataclasses.replace(CODECS["jpeg"], settings=(10,))
    pictures.write(tmp_path, [codec], [tmp_path / "a.png"])
    page = (tmp_path / pictures.PAGE).read_text()
    left, right = re.findall(r'value="(\d)" selected', page)
    assert (left, right) == ("0", "1") and len(layers(page)) == 2


@pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")
def test_the_page_works_in_a_browser(tmp_path, photo):
    images.write(tmp_path / "a.png", photo)
    pictures.write(tmp_path, CODEC_LIST, [tmp_path / "a.png"])
    page = tmp_path / pictures.PAGE
    # Moves the slider and chooses the original for the left side, as a person would.
    page.write_text(page.read_text().replace("</html>", """<script>
      const act = (name, value, event) => {
        const element = document.querySelector(name);
        element.value = value;
        element.dispatchEvent(new Event(event));
      };
      act("input", 20, "input");
      act("select[name=left]", 0, "change");
    </script></html>"""))  # fmt: skip
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", page.as_uri()]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=60).stdout
    assert re.search(r'<div class="stage"[^>]*--x: ?20%', shown)
    classes = re.findall(r'<img [^>]*?src="data[^"]*"( class="[^"]*")?', shown)
    assert [c.strip() for c in classes] == ['class="left"', 'class="right"', "", 'class=""']
