"""Named models, as data."""

import copy

# Fu et al., section IV-A: the lambdas of the low rates; 0.0016, 0.0032 and 0.0075 share N = 128.
_FU2022 = {
    "transform": {"kind": "convolutional", "filters": 128},
    "entropy": {"context": "masked", "mixture": "gmm"},
    "lambdas": [0.0075],
}

# Published with these lambdas; for MS-SSIM with 3, 8, 16, 36 and 64.
ICWEM_LAMBDAS = (0.0035, 0.0067, 0.013, 0.025, 0.05)

# Equal ratios from 0.0008 to 0.04: about 0.1 to 1 bit per pixel.
EIGHT_LAMBDAS = [round(0.0008 * (0.04 / 0.0008) ** (i / 7), 6) for i in range(8)]

PRESETS = {
    "fu2022": _FU2022,
    "fu2022-256": {
        **_FU2022,
        "transform": {"kind": "convolutional", "filters": 256},
        "lambdas": [0.03],
    },
    "fu2022-gllmm": {**_FU2022, "entropy": {"context": "masked", "mixture": "gllmm"}},
    "dwan": {
        "transform": {
            "kind": "packet",
            "filters": 128,
            "latents": 256,
            "analysis_units": [2, 2, 1],
            "synthesis_units": [5],
        },
        "entropy": {"context": "ssm", "groups": [32, 80, 144]},
        "lambdas": EIGHT_LAMBDAS,
    },
    "light": {
        "transform": {
            "kind": "convolutional",
            "filters": 128,
            "latents": 192,
            "resampling": "separable",
            "block": "hcnn",
            "normalization": "ln_prelu",
            "attention": False,
            "importance": "dwan",
            "pqf": "wavelet",
        },
        "entropy": {"context": "ssm", "groups": [24, 56, 112]},
        "lambdas": EIGHT_LAMBDAS,
    },
    "resgdn": {
        "transform": {"kind": "residual", "filters": 192, "latents": 32},
        "entropy": {"context": "factorized"},
        "lambdas": [0.0075],
    },
    # Trained for distortion alone, with noise from below: as published.
    "qae": {
        "transform": {"kind": "quantized", "bits": 8, "blocks": [3, 4, 23, 3]},
        "entropy": {
            "context": "factorized",
            "levels": 257,
            "noise": [-0.5, 0.0],
            "rate_gradient": False,
        },
        "lambdas": [0.0075],
    },
    # A width at which a CPU can train it, a fourteenth of the work per pixel.
    "icwem": {
        "transform": {
            "kind": "invertible",
            "filters": 32,
            "latents": 160,
            "enhancement": 16,
            "growth": 8,
            "couplings": [5, 3],
        },
        "entropy": {
            "context": "channel",
            "filters": 32,
            "hyper_latents": 64,
            "attention": 48,
            "widths": [64, 48],
        },
        "lambdas": [ICWEM_LAMBDAS[1]],
    },
    # As published.
    "icwem-128": {
        "transform": {"kind": "invertible", "filters": 128},
        "entropy": {"context": "channel", "filters": 128},
        "lambdas": [ICWEM_LAMBDAS[1]],
    },
}


def configuration(preset, changes=()):
    """The configuration of a preset, with changes.

    Args:
        preset: one of `PRESETS`.
        changes: dictionary from a dotted path ("entropy.mixture", "transform.pqf", "lambdas") to
            its new value.

    Returns:
        dictionary, the arguments of `CompressionModel`.

    Raises:
        ValueError: unknown preset.
    """
    if preset not in PRESETS:
        raise ValueError(f"model must be one of {tuple(PRESETS)}, not {preset!r}")
    return changed(PRESETS[preset], changes)


def changed(config, changes):
    """A copy of a configuration with changes; see `configuration`."""
    config = copy.deepcopy(config)
    for path, value in dict(changes).items():
        *parents, name = path.split(".")
        node = config
        for parent in parents:
            node = node[parent]
        node[name] = value
    return config


def build(preset, changes=()):
    """An untrained model of a preset; see `configuration`."""
    # Keras takes seconds to import, and a name says enough to many.
    from alic_tf.networks.compression_model import CompressionModel

    return CompressionModel(**configuration(preset, changes))
