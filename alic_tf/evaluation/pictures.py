"""A page to look at: pictures as several codecs decode them from files of equal size."""

import base64
import html
import io
from pathlib import Path
from string import Template

from PIL import Image

from alic_tf import errors, files, metrics
from alic_tf.evaluation import runner

PAGE = "pictures.html"

_PAGE = Template("""\
<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>alic_tf: pictures at equal bytes</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 64em; margin: 2em auto; padding: 0 1em; }
.stage { --x: 50%; position: relative; touch-action: pan-y; overflow: hidden; }
.stage img { position: absolute; inset: 0; width: 100%; visibility: hidden; }
.stage .left { visibility: visible; clip-path: inset(0 calc(100% - var(--x)) 0 0); }
.stage .right { visibility: visible; clip-path: inset(0 0 0 var(--x)); }
.stage .left.right { clip-path: none; }
.stage::after { content: ""; position: absolute; inset: 0 auto 0 var(--x); width: 1px;
  background: white; box-shadow: 0 0 2px black; }
input { width: 100%; margin: 0; }
.sides { display: flex; justify-content: space-between; }
</style>
<h1>Pictures at equal bytes</h1>
<p>$introduction</p>
$figures
<script>
for (const figure of document.querySelectorAll("figure")) {
  const stage = figure.querySelector(".stage"), slider = figure.querySelector("input");
  const split = percent => stage.style.setProperty("--x", percent + "%");
  slider.oninput = () => split(slider.value);
  stage.onpointermove = event => {
    const box = stage.getBoundingClientRect();
    split(slider.value = 100 * (event.clientX - box.left) / box.width);
  };
  for (const select of figure.querySelectorAll("select")) {
    const show = () => stage.querySelectorAll("img").forEach(
      (image, i) => image.classList.toggle(select.name, i == select.value));
    select.onchange = show;
    show();
  }
}
</script>
</html>
""")

_FIGURE = Template("""\
<figure>
<h2>$name</h2>
<div class="stage" style="aspect-ratio: $width / $height">
$images
</div>
<input type="range" min="0" max="100" step="any" value="50" aria-label="where the sides meet">
<div class="sides">
<select name="left" aria-label="left side">$left</select>
<select name="right" aria-label="right side">$right</select>
</div>
</figure>
""")


def write(folder, codecs, paths):
    """Writes the page: each picture as it is, by the first codec, and by the others at its size.

    Args:
        folder: of the report.
        codecs: list of `baselines.Classical` and `learned.Learned`; the first at the middle of its
            settings, the others with the largest files that are not larger.
        paths: of the pictures; those that cannot be read or coded are left out.
    """
    figures = []
    for path in paths:
        try:
            figures.append(_figure(path.name, *_layers(codecs, runner.read(path))))
        except errors.AlicError:
            continue  # reported when it was measured
    others = ", ".join(codec.name for codec in codecs[1:])
    introduction = f"The original, {codecs[0].name}" + (
        f", and {others} with files as large as possible but not larger." if others else "."
    )
    page = _PAGE.substitute(introduction=html.escape(introduction), figures="\n".join(figures))
    with files.replacing(Path(folder, PAGE)) as temporary:
        temporary.write_text(page)


def at_most(codec, image, limit):
    """The largest file of a codec that is not over a limit of bytes; None if there is none."""
    settings = codec.scale(8 * limit / (image.shape[0] * image.shape[1]))
    low, high, best = 0, len(settings), None
    while low < high:
        middle = (low + high) // 2
        data = codec.encode(image, settings[middle])
        if len(data) <= limit:
            low, best = middle + 1, data
        else:
            high = middle
    return best


def _layers(codecs, image):
    """Labels and arrays of what there is to compare: the original, then one per codec."""
    first = codecs[0].encode(image, codecs[0].settings[len(codecs[0].settings) // 2])
    labels, arrays = ["original"], [image]
    for codec in codecs:
        data = first if codec is codecs[0] else at_most(codec, image, len(first))
        if data is not None:
            arrays.append(codec.decode(data))
            psnr = metrics.psnr(image, arrays[-1])
            labels.append(f"{codec.name}: {len(data)} bytes, {psnr:.2f} dB")
    return labels, arrays


def _figure(name, labels, arrays):
    """The HTML of a picture: the first codec on the right, the last other layer on the left."""
    chosen = {"left": len(labels) - 1 if len(labels) > 2 else 0, "right": 1}
    options = {
        side: "".join(
            f'<option value="{i}"{" selected" * (i == number)}>{html.escape(label)}</option>'
            for i, label in enumerate(labels)
        )
        for side, number in chosen.items()
    }
    height, width = arrays[0].shape[:2]
    layers = "\n".join(f'<img alt="" src="{_data_url(array)}">' for array in arrays)
    return _FIGURE.substitute(
        name=html.escape(name), width=width, height=height, images=layers, **options
    )


def _data_url(array):
    """A picture without loss in the page itself."""
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, format="PNG")
    return f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}"
