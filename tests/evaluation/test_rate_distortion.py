"""BD-rates against a closed form and against tables computed by another program."""

import math

import numpy as np
import pytest

from alic_tf.evaluation import published
from alic_tf.evaluation.rate_distortion import Curve, bd_rate, quality_at

NAN = math.nan
# Computed by an independent implementation from the same points: BD-rate of PSNR against VVC and
# against BPG, of MS-SSIM against VVC, and PSNR at 0.15, 0.25, 0.4 and 0.8 bits per pixel.
EXPECTED = {
    "GLLMM 2022": (-3.07, -24.54, None, 29.51, 31.33, 33.48, 37.12),
    "Fu et al. 2022": (-0.77, -22.76, -12.55, 29.35, 31.14, 33.45, 37.05),
    "VVC-Intra 4:4:4": (0.00, -21.81, 0.00, 29.42, 31.29, 33.29, 36.89),
    "Cheng 2020": (3.87, -19.40, None, 29.32, 31.12, 33.24, 36.46),
    "Chen 2021": (10.18, -13.84, None, 28.98, 30.78, 33.04, 36.43),
    "Hu 2021": (13.24, -11.11, None, None, 30.78, 32.73, None),
    "Lee 2019": (18.41, -8.05, 11.10, 28.90, 30.63, 32.49, 36.00),
    "BPG 4:4:4": (27.90, 0.00, 24.64, 28.46, 30.22, 32.17, 35.75),
    "JPEG 2000 (paper)": (61.31, 25.26, 73.61, None, 29.27, 31.17, 34.65),
    "WebP (paper)": (101.84, 58.89, 70.17, None, 28.19, 30.09, 33.75),
    "JPEG (paper)": (224.55, 167.47, 136.52, None, None, 27.83, 31.50),
    "Fu et al. 2022 (MS-SSIM)": (172.74, 104.79, -48.22, None, 27.80, 29.24, None),
    "vvc420-vvenc-medium": (10.57, -13.86, 11.33, 29.10, 30.88, 32.80, 36.39),
    "bpg444-x265": (27.08, 0.04, 25.71, 28.45, 30.22, 32.17, 35.75),
    "avif": (37.23, 9.10, 31.16, 28.06, 29.87, 31.81, 35.37),
    "avif420": (49.58, 18.07, 9.59, 27.86, 29.60, 31.46, 34.84),
    "jpeg2000": (58.49, 25.98, 73.25, 27.54, 29.24, 31.15, 34.65),
    "webp": (84.69, 47.17, 60.30, 26.88, 28.59, 30.44, 33.96),
    "jpeg": (191.65, 134.15, 109.94, 24.19, 26.58, 28.62, 31.77),
}
CURVES = {**published.paper(), **published.measured()}


@pytest.mark.parametrize("name", EXPECTED)
def test_published_curves_have_their_known_bd_rates(name):
    vvc, bpg, vvc_ms_ssim, *qualities = EXPECTED[name]
    curve = CURVES[name]
    anchor = CURVES["VVC-Intra 4:4:4"]
    assert bd_rate(anchor, curve) == pytest.approx(vvc, abs=0.01)
    assert bd_rate(CURVES["BPG 4:4:4"], curve) == pytest.approx(bpg, abs=0.01)
    if vvc_ms_ssim is not None:
        assert bd_rate(anchor, curve, "ms_ssim_db") == pytest.approx(vvc_ms_ssim, abs=0.01)
    for bpp, quality in zip((0.15, 0.25, 0.4, 0.8), qualities):
        assert quality_at(curve, bpp) == (quality and pytest.approx(quality, abs=0.006))


def test_the_probable_misprint_of_figure_5():
    # Figure 7 of the paper has 31.89 dB where figure 5 has 31.72; with it, Table I is nearer.
    points = [(b, 31.89 if p == 31.72 else p, m) for b, p, m in CURVES["Fu et al. 2022"].points]
    corrected = Curve("corrected", tuple(points))
    assert bd_rate(CURVES["VVC-Intra 4:4:4"], corrected) == pytest.approx(-1.79, abs=0.01)


def test_a_constant_factor_of_rate_is_the_bd_rate():
    qualities = np.linspace(28, 38, 6)
    anchor = Curve("a", tuple((0.1 * 1.25**i, q, NAN) for i, q in enumerate(qualities)))
    curve = Curve("b", tuple((0.8 * bpp, q + 0.0, NAN) for bpp, q, _ in anchor.points))
    assert bd_rate(anchor, curve) == pytest.approx(-20)
    assert bd_rate(curve, anchor) == pytest.approx(25)


def test_a_model_of_one_rate_is_compared_at_its_quality():
    anchor = Curve("a", ((0.1, 28, NAN), (0.4, 32, NAN)))
    for point, expected in (((0.2, 30), 0), ((0.3, 30), 50), ((0.1, 32), -75), ((0.1, 28), 0)):
        assert bd_rate(anchor, Curve("b", ((*point, NAN),))) == pytest.approx(expected, abs=1e-9)
    assert bd_rate(Curve("b", ((0.3, 30, NAN),)), anchor) == pytest.approx(-100 / 3)


def test_what_cannot_be_compared_is_none():
    good = Curve("good", ((0.1, 28, 0.9), (0.5, 33, 0.97), (1.0, 37, 0.99)))
    for points in (
        (),
        ((0.2, 27, NAN),),  # worse than all
        ((0.2, 40, NAN), (0.4, 42, NAN)),  # no quality in common
        ((0.2, 30, NAN), (0.4, 29, NAN)),  # quality falls
        ((0.01, 29, NAN), (2.0, 36, NAN)),  # outside of the range of rates
    ):
        assert bd_rate(good, Curve("other", points)) is None
    assert quality_at(good, 0.05) is None and quality_at(Curve("empty", ()), 0.5) is None
    assert quality_at(good, 0.5, "ms_ssim_db") == pytest.approx(-10 * math.log10(0.03))
    with pytest.raises(ValueError, match="psnr"):
        bd_rate(good, good, "ssim")


def test_data_name_their_source_and_stay_small():
    for path in published._DATA.iterdir():
        assert path.stat().st_size < 50_000
        assert all(row["source"] for row in published._rows(path.stem))
    ours = {row["codec"]: row for row in published.complexity()}["Fu et al. 2022"]
    assert (ours["encode_seconds"], ours["decode_seconds"]) == ("22.62", "23.512")
    assert all("Xeon" in row["hardware"] for row in published.complexity())


def test_only_all_24_pictures_are_kodak():
    names = [f"kodim{i:02d}.png" for i in range(1, 25)]
    assert published.is_kodak(names) and not published.is_kodak(names[1:])
