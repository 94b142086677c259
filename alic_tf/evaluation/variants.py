"""Variants of the paper's model, and which of them its figures compare; as data."""

from typing import NamedTuple

# Changes of a preset, as `train_tf.py --set` takes them. "paper" is the preset as it is.
VARIANTS = {
    "paper": {},
    "baseline": {
        "transform.encoder_blocks": 0,
        "transform.decoder_blocks": 0,
        "transform.importance": "none",
        "transform.pqf": False,
    },
    "msrb": {"transform.importance": "none", "transform.pqf": False},
    "msrb-importance": {"transform.pqf": False},
    "blocks-3-3": {"transform.decoder_blocks": 3},
    "blocks-1-1": {"transform.encoder_blocks": 1},
    "blocks-0-0": {"transform.encoder_blocks": 0, "transform.decoder_blocks": 0},
    "no-attention": {"transform.attention": False},
    "gaussian": {"entropy.mixture": "gaussian"},
    "gllmm": {"entropy.mixture": "gllmm"},
    "checkerboard": {"entropy.context": "checkerboard", "entropy.mixture": "gaussian"},
    "ssm": {"entropy.context": "ssm", "entropy.mixture": "gaussian"},
    "hcnn": {"transform.block": "hcnn"},
    "ln-prelu": {"transform.normalization": "ln_prelu"},
    "dwan": {"transform.importance": "dwan"},
}


class Comparison(NamedTuple):
    """What is compared with what.

    Fields:
        title: of the table.
        rows: {variant: its label}; the last one is what the others are compared with.
        figure: of the paper, if its curves are in the package's data; or "".
    """

    title: str
    rows: dict
    figure: str = ""


COMPARISONS = (
    Comparison(
        "Modules",
        {
            "baseline": "neither MSRB nor importance map nor filter",
            "msrb": "MSRBs",
            "msrb-importance": "MSRBs, importance map",
            "paper": "MSRBs, importance map, post-quantization filter",
        },
        "figure 7",
    ),
    Comparison(
        "Number of MSRBs",
        {
            "blocks-0-0": "none",
            "blocks-1-1": "encoder 1, decoder 1",
            "blocks-3-3": "encoder 3, decoder 3",
            "paper": "encoder 3, decoder 1",
        },
        "figure 9",
    ),
    Comparison(
        "Attention modules", {"no-attention": "none", "paper": "encoder 2, decoder 2"}
    ),
    Comparison(
        "Mixture",
        {
            "gaussian": "one Gaussian",
            "gllmm": "three each of Gaussians, Laplacians and logistics",
            "paper": "three Gaussians",
        },
    ),
    Comparison(
        "Context, with one Gaussian",
        {
            "checkerboard": "checkerboard, two passes",
            "ssm": "checkerboard and state space, two passes",
            "gaussian": "masked, serial",
        },
    ),
    Comparison(
        "Parts of the light successor",
        {
            "hcnn": "HCNN for MSRB",
            "ln-prelu": "LayerNorm and PReLU for GDN",
            "dwan": "wavelet attention for the importance map",
            "paper": "the paper's",
        },
    ),
)
