"""Results, tables, plots, the page and README, from measurements made up for the purpose."""

import dataclasses
import html.parser
import json
import math
import re

import pytest
from PIL import Image

from alic_tf import errors
from alic_tf.evaluation import page, plots, published, readme, results, tables
from alic_tf.evaluation.baselines import CODECS

KODAK = [f"kodim{i:02d}.png" for i in range(1, 25)]
WEBP = dataclasses.replace(CODECS["webp"], settings=(5, 50, 80))


def measurements(names, codec=WEBP, factor=1.0):
    """Rate doubles from setting to setting, PSNR rises by 3 dB; the second picture is perfect."""
    return [
        {
            "codec": codec.identity, "image": name, "digest": "0", "setting": setting,
            "width": 100, "height": 80, "bytes": 200 * 2**i, "bpp": factor * 0.2 * 2**i,
            "psnr": None if (i, j) == (2, 1) else 29.0 + 3 * i + 2 * (j == 0),
            "ssim": 0.8 + 0.08 * i, "ms_ssim": 0.9 + 0.03 * i, "encode_seconds": 1.0 + 9 * (j == 0),
            "decode_seconds": 0.5,
        }
        for i, setting in enumerate(codec.settings)
        for j, name in enumerate(names)
    ]  # fmt: skip


def result(names=KODAK, codec=WEBP, factor=1.0, **changes):
    return results.summarize(codec, measurements(names, codec, factor), names, 1) | changes


def learned():
    return result(
        factor=0.5, name="ours", kind="learned", parameters=3_800_000, model_bytes=9e6,
        macs_per_pixel={"encoder": 19_210.0, "decoder": 8_930.0},
    )  # fmt: skip


def test_averages():
    first, second, third = result(["a", "b", "c"])["averages"]
    assert [row["setting"] for row in (first, second, third)] == [5, 50, 80]
    assert first["psnr"] == pytest.approx(29 + 2 / 3) and first["bpp"] == pytest.approx(0.2)
    assert third["psnr"] == pytest.approx((37 + 35) / 2)  # infinite PSNR does not count
    assert first["encode_seconds"] == 1.0  # the median
    assert second["share_good_psnr"] == pytest.approx(1 / 3, abs=1e-6)
    assert third["share_good_psnr"] == 1
    assert [row["share_good_ssim"] for row in (first, second, third)] == [0, 0, 1]
    assert [row["share_small"] for row in (first, second, third)] == [1, 1, 0]


def test_results_come_back_as_they_were_written(tmp_path):
    made = [result(), learned()]
    for each in made:
        results.write(tmp_path, each)
    assert results.read(tmp_path) == [made[1], made[0]]  # ours first
    assert made[0]["kodak"] and not result(KODAK[1:])["kodak"]
    assert made[0]["commit"] is None or re.match(r"[0-9a-f]{12}", made[0]["commit"])
    partly = results.summarize(WEBP, measurements(["a"]), ["a", "b"], 2)
    assert (partly["pictures"], partly["failed"]) == (1, ["b"])
    assert results.summarize(WEBP, [], ["b"], 2)["averages"] == []
    for text in ("[]", "{", '{"format": 0}'):
        (tmp_path / "x.json").write_text(text)
        with pytest.raises(errors.UsageError, match="x.json"):
            results.read(tmp_path)


def test_commit_without_git(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert results.commit() is None


def test_tables():
    curves = page.curves_of([learned(), result()])
    assert len(curves) > 20 and curves["webp"].points[0][0] == 0.2  # measured now, not before
    table = tables.bd_rates(curves, ["webp"])
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows["ours"][0] == "-50.0 %" and rows["webp"][0] == "+0.0 %"
    assert rows["ours"][-1] == ""  # no point at 1 bpp
    text = tables.averages(result()).markdown()
    assert "| 50 | 0.400 | 32.08 | 0.9300 | 11.55 | 0.8800 | 1.000 | 0.500 |" in text
    assert "the 24 Kodak pictures" in text and WEBP.identity in text
    rows = {row[0]: row for row in tables.complexity([learned(), result()], True).rows}
    assert rows["ours"][1:7] == ["3.80", "9.0", "19.2", "8.9", "1.000", "0.500"]
    assert rows["webp"][1:5] == ["", "", "", ""]
    assert rows["Fu et al. 2022"][2:7] == ["54.1 to 181.3", "", "", "22.620", "23.512"]
    assert tables.distribution(result()).rows[0] == ["5", "0%", "0%", "100%"]


class Checker(html.parser.HTMLParser):
    """Counts open tags and notes what a page would load."""

    def __init__(self):
        super().__init__()
        self.tags, self.loaded, self.text = [], [], ""

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.loaded += [v for k, v in attributes if k in ("src", "href", "xlink:href")]

    def handle_data(self, data):
        self.text += data


def test_the_page_stands_alone(tmp_path):
    page.write(tmp_path, [learned(), result()])
    text = (tmp_path / page.PAGE).read_text()
    checker = Checker()
    checker.feed(text)
    assert all(link.startswith("#") for link in checker.loaded)
    assert "url(http" not in text and "@import" not in text and "<script" not in text
    assert checker.tags.count("svg") == 1 and checker.tags.count("table") == 7
    for shown in ("ours", "webp", "Fu et al. 2022", "GLLMM 2022", "VVC-Intra 4:4:4", "bits per"):
        assert shown in checker.text
    with Image.open(tmp_path / page.PLOT) as image:
        assert image.size == (1400, 650)
    markdown = (tmp_path / page.MARKDOWN).read_text()
    assert f"]({page.PLOT})" in markdown and markdown.count("\n## ") == 7


def test_published_curves_are_shown_beside_kodak_only(tmp_path):
    few = [result(KODAK[:2])]
    page.write(tmp_path, few, anchors=["VVC-Intra 4:4:4"])
    for name in (page.PAGE, page.MARKDOWN):
        text = (tmp_path / name).read_text()
        assert "GLLMM" not in text and "left out" in text and "BD-rate vs. webp" in text
    page.check_anchors(["VVC-Intra 4:4:4", "jpeg", "x"], ["x"], KODAK)
    with pytest.raises(errors.UsageError, match="no curve 'jpeg'.*there are: x$"):
        page.check_anchors(["jpeg"], ["x"], KODAK[:2])


def test_plots_are_reproducible():
    assert plots.svg(page.draw([result()])) == plots.svg(page.draw([result()]))


README = """# Title
<!-- results:rates -->
old
<!-- /results:rates -->
between
<!-- results:bd-rate -->
<!-- /results:bd-rate -->
end
"""


def test_readme_sections_are_written_from_results():
    text = readme.regenerate(README, [learned(), result()])
    assert text.startswith("# Title\n<!-- results:rates -->\nours:\n\n| quality | bpp |")
    assert "old" not in text and "\nbetween\n" in text and text.endswith("-->\nend\n")
    bd_rates = text[text.index("between") :]
    assert "| ours |" in bd_rates and "| GLLMM 2022 |" in bd_rates and "(MS-SSIM)" not in bd_rates
    assert readme.regenerate(text, [learned(), result()]) == text
    better = result(factor=0.4, name="ours", kind="learned")
    assert readme.regenerate(text, [better, result()]) != text
    for wrong, cause in (("no markers", "has no"), (README.replace("rates", "x"), "section 'x'")):
        with pytest.raises(errors.UsageError, match=cause):
            readme.regenerate(wrong, [result()])
    with pytest.raises(errors.UsageError, match="no results"):
        readme.regenerate(README, [])


def test_a_model_of_one_rate_has_its_rows_in_the_readme():
    single = result(codec=dataclasses.replace(WEBP, settings=(1,)), name="fu2022", kind="learned")
    text = readme.regenerate(README, [single, learned(), result()])
    assert "fu2022:\n\n| quality | bpp |" in text and "| 1 | 0.200 | 29.08 |" in text
    bd_rates = text[text.index("between") :]
    assert re.search(r"\| fu2022 \| [+-].* % \|.*\|  \|  \|  \|\n", bd_rates)


def test_the_readme_command(tmp_path, monkeypatch):
    monkeypatch.setattr(readme, "ROOT", tmp_path)
    (tmp_path / "docs" / "images").mkdir(parents=True)
    for name in readme.DOCUMENTS:
        (tmp_path / name).write_text(README)
    results.write(tmp_path / "report", learned())
    assert readme.run(["readme", "--report", str(tmp_path / "report")]) == 0
    kept = json.loads((tmp_path / "results" / "ours.json").read_text())
    assert "measurements" not in kept and len(kept["averages"]) == 3
    for name, plot in zip(readme.DOCUMENTS, readme.PLOTS):
        assert "ours:" in (tmp_path / name).read_text()
        with Image.open(tmp_path / plot) as image:
            assert image.format == "PNG" and image.text["Comment"] == readme.fingerprint([kept])
    assert readme.fingerprint([kept]) != readme.fingerprint([result(name="ours", kind="learned")])


@pytest.mark.parametrize("number", range(2))
def test_documents_agree_with_results(number):
    text = (readme.ROOT / readme.DOCUMENTS[number]).read_text()
    measured = results.read(readme.ROOT / readme.RESULTS)
    assert text == readme.regenerate(text, measured), "run: python -m alic_tf.evaluation.readme"
    with Image.open(readme.ROOT / readme.PLOTS[number]) as image:
        assert image.text["Comment"] == readme.fingerprint(measured)


@pytest.mark.parametrize("name", ["jpeg", "jpeg2000", "webp", "avif"])
def test_classical_results_equal_those_of_another_program(name):
    """Same pictures, versions and settings: all points, averaged over the 24 pictures."""
    result = {r["name"]: r for r in results.read(readme.ROOT / readme.RESULTS)}[name]
    ours, theirs = results.curve(result).points, published.measured()[name].points
    for point, expected in zip(sorted(ours), sorted(theirs), strict=True):
        assert point[0] == pytest.approx(expected[0], abs=1e-3)
        assert point[1] == pytest.approx(expected[1], abs=0.01)
        assert point[2] == pytest.approx(expected[2], abs=1e-5)


def test_a_curve_leaves_out_what_is_not_known():
    made = result()
    made["averages"][0]["ms_ssim"] = None
    curve = results.curve(made)
    assert math.isnan(curve.points[0][2])
    assert len(curve.known("ms_ssim_db")[0]) == 2 and len(curve.known("psnr")[0]) == 3
