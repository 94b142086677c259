"""Web pages and user interfaces: HTML of ours, rendered by a headless Chromium."""

import base64
import html
import io
import subprocess
import tempfile
from pathlib import Path

from PIL import Image

from examples.graphics.source import Source

STACKS = ("system-ui, sans-serif", "Georgia, serif", "'DejaVu Sans', sans-serif", "monospace",
          "'Liberation Sans Narrow', sans-serif", "'Noto Serif', serif")  # fmt: skip
KEYWORDS = ("def", "return", "for", "if", "else", "class", "import", "while", "yield", "with")
SCALES = (1, 1, 1.25, 1.5, 2)


def page(source: Source, chromium):
    """A page at one of several zooms and themes.

    Args:
        chromium: path of the browser.
    """
    width, height = source.size()
    with tempfile.TemporaryDirectory() as folder:
        file, picture = Path(folder, "page.html"), Path(folder, "page.png")
        file.write_text(_document(source))
        subprocess.run(
            [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
             "--no-first-run", "--disable-background-networking", "--disable-component-update",
             "--disable-sync", f"--user-data-dir={folder}/profile", f"--screenshot={picture}",
             f"--window-size={width},{height}",
             f"--force-device-scale-factor={source.pick(SCALES)}", file.as_uri()],
            check=True, capture_output=True, timeout=60,
        )  # fmt: skip
        with Image.open(picture) as image:
            return image.convert("RGB")


def _document(source):
    dark = source.rng.random() < 0.35
    ground = source.colour((0, 0.25), (0.03, 0.2) if dark else (0.9, 1))
    if not dark and source.rng.random() < 0.5:
        ground = (255, 255, 255)
    ink, accent = source.contrast(ground), source.colour((0.5, 1), (0.4, 1))
    parts = [source.pick((_article, _code, _table, _cards, _form, _chat))(source)
             for _ in range(source.whole(1, 4))]  # fmt: skip
    style = f"""
        body {{ margin: {source.whole(0, 24)}px; background: rgb{ground}; color: rgb{ink};
               font: {source.whole(10, 19)}px/{source.rng.uniform(1.2, 1.7):.2f}
                     {source.pick(STACKS)}; }}
        a, h1, h2, .k {{ color: rgb{accent}; }}
        nav, button, th {{ background: rgb{accent}; color: rgb{source.contrast(accent)}; }}
        nav {{ padding: {source.whole(4, 18)}px; }}  nav span {{ margin-right: 2em; }}
        pre, .card, input, td, th {{ border: 1px solid rgba(127, 127, 127, .4);
               border-radius: {source.whole(0, 10)}px; padding: 6px; }}
        .row {{ display: flex; flex-wrap: wrap; gap: 12px; }}  .card {{ width: 180px; }}
        .card img {{ width: 100%; }}  table {{ border-collapse: collapse; }}
        button, input {{ font: inherit; padding: 6px 14px; margin: 4px; }}
        .says {{ width: 60%; border-radius: 14px; padding: 8px; margin: 8px;
                 background: rgba(127, 127, 127, .2); }}
        .says:nth-child(even) {{ margin-left: 35%; background: rgb{accent};
                 color: rgb{source.contrast(accent)}; }}"""
    menu = "".join(f"<span>{_words(source, 1, 1)}</span>" for _ in range(source.whole(3, 7)))
    return (f"<!doctype html><meta charset=utf-8><style>{style}</style><body>"
            f"<nav>{menu}</nav>{''.join(parts)}")


def _words(source, low, high):
    return html.escape(source.text(low, high))


def _article(source):
    paragraphs = "".join(f"<p>{_words(source, 30, 120)} <a href=#>{_words(source, 1, 4)}</a></p>"
                         for _ in range(source.whole(1, 5)))  # fmt: skip
    columns = source.pick([1, 1, 2, 3])
    return (f"<h1>{_words(source, 2, 6)}</h1><div style='column-count: {columns}'>"
            f"{paragraphs}</div>")


def _code(source):
    lines = [f"{'    ' * source.whole(0, 3)}<span class=k>{source.pick(KEYWORDS)}</span> "
             f"{_words(source, 1, 6)}" for _ in range(source.whole(6, 30))]  # fmt: skip
    return f"<h2>{_words(source, 1, 3)}</h2><pre>{chr(10).join(lines)}</pre>"


def _table(source):
    columns = source.whole(3, 7)
    head = "".join(f"<th>{_words(source, 1, 2)}" for _ in range(columns))
    rows = "".join("<tr>" + "".join(f"<td>{source.rng.normal() * 100:.2f}" for _ in range(columns))
                   for _ in range(source.whole(4, 20)))  # fmt: skip
    return f"<table><tr>{head}{rows}</table>"


def _cards(source):
    def card():
        stream = io.BytesIO()
        photograph = Image.fromarray(source.pick(source.photographs))
        photograph.resize((360, 240)).save(stream, "PNG")
        data = base64.b64encode(stream.getvalue()).decode()
        return (f"<div class=card><img src=data:image/png;base64,{data}>"
                f"<b>{_words(source, 1, 3)}</b><br>{_words(source, 4, 14)}</div>")

    return f"<div class=row>{''.join(card() for _ in range(source.whole(2, 6)))}</div>"


def _form(source):
    kinds = ("text", "checkbox", "radio", "range", "date", "color")
    fields = "".join(
        f"<label>{_words(source, 1, 3)} <input type={source.pick(kinds)} checked "
        f"value='{_words(source, 1, 2)}'></label><br>" for _ in range(source.whole(3, 9)))
    return f"<form>{fields}<button>{_words(source, 1, 2)}</button><progress value=0.6></form>"


def _chat(source):
    return "".join(f"<div class=says>{_words(source, 3, 30)}</div>"
                   for _ in range(source.whole(3, 9)))
