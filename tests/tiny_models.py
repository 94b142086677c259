"""Tiny untrained models with random weights of reasonable size, for tests of whole codecs."""

import keras
import numpy as np

from alic_tf.networks import presets

TINY_DWAN = {
    "transform.filters": 8, "transform.latents": 16, "transform.analysis_units": [1],
    "transform.synthesis_units": [1], "entropy.groups": [4, 12], "entropy.hyper_filters": 8,
    "entropy.hyper_latents": 4, "entropy.width": 8,
}


def randomize(model, seed=0):
    """Draws all weights anew, so that every part of the model has its say."""
    rng = np.random.default_rng(seed)
    for variable in model.trainable_variables:
        shape, noise = variable.shape, rng.normal(size=variable.shape)
        if "prior" in variable.path:
            variable.assign(variable + 0.3 * noise)
        elif len(shape) == 4:
            variable.assign(noise / np.sqrt(np.prod(shape[:3])))
        elif "bias" in variable.path:
            variable.assign(noise / 4)
        else:
            variable.assign(variable + 0.02 * noise)


def tiny_dwan(seed=0, **changes):
    """A light model of 16 latents that starts somewhat like a transform codec."""
    model = presets.build("dwan", {**TINY_DWAN, **changes})
    randomize(model, seed)
    for transform in (model.transform.analysis, model.transform.synthesis):
        transform.latent_deviation.assign(np.geomspace(800, 20, 16))
        transform.band_deviation.assign(np.geomspace(500, 4, 192))
        kernel = transform.linear.kernel
        scale = 4 if transform is model.transform.analysis else 0.25
        kernel.assign(scale * np.asarray(kernel))
    # Learned gains of the hyper output: half of the deviation remains, give or take.
    for i, size in enumerate(np.repeat(model.entropy.groups, 2)):
        last = model.entropy.context.passes[i].head[-1]
        last.kernel.assign(0.5 * np.asarray(last.kernel))
        bias = np.asarray(last.bias).copy()
        bias[size:] -= 1
        last.bias.assign(bias)
    model.entropy.prior.center()
    return model


def tiny_fu2022(seed=0, mixture="gmm"):
    """The faithful model with 8 channels."""
    model = presets.build("fu2022", {"transform.filters": 8, "entropy.mixture": mixture})
    randomize(model, seed)
    # Normalizations keep their weights: random ones are not positive definite.
    model.entropy.prior.center()
    return model


TINY_LIGHT = {
    "transform.filters": 8, "transform.latents": 16, "entropy.groups": [4, 12],
    "entropy.hyper_filters": 8, "entropy.hyper_latents": 4, "entropy.width": 8,
    "lambdas": [0.002, 0.01, 0.05],
}


def tiny_light(seed=0):
    """The light model as published, with 8 channels and 16 latents, for three qualities."""
    model = presets.build("light", TINY_LIGHT)
    randomize(model, seed)
    head, last = model.transform.analysis.head[0], model.transform.synthesis.trunk[-1].convolution
    head.kernel.assign(4 * np.asarray(head.kernel))
    last.kernel.assign(0.1 * np.asarray(last.kernel))
    # Pictures around grey.
    last.bias.assign(np.full(12, 0.5))
    model.entropy.prior.center()
    return model


def tiny_resgdn(seed=0, **changes):
    """The residual model with 8 channels and 6 latents, its pictures around grey."""
    model = presets.build("resgdn", {"transform.filters": 8, "transform.latents": 6, **changes})
    randomize(model, seed)
    first, *_, up = model.transform.synthesis
    for convolution in (first, up.shortcut.convolution, up.trunk[1]):
        convolution.kernel.assign(0.1 * np.asarray(convolution.kernel))
    up.shortcut.convolution.bias.assign(np.full(12, 0.5))
    model.entropy.prior.center()
    return model


TINY_ICWEM = {
    "transform.filters": 8, "transform.latents": 8, "transform.blocks": [0, 1, 2, 1, 0, 0],
    "transform.head_dims": [4] * 6, "transform.enhancement": 4, "transform.growth": 4,
    "transform.couplings": [3], "entropy.filters": 8, "entropy.hyper_latents": 4,
    "entropy.blocks": 1, "entropy.head_dim": 4, "entropy.slices": 2, "entropy.attention": 16,
    "entropy.widths": [12, 8],
}


def tiny_icwem(seed=0):
    """The invertible model with 8 latents in two slices."""
    # Positions keep their initial values, give or take.
    keras.utils.set_random_seed(seed)
    model = presets.build("icwem", TINY_ICWEM)
    randomize(model, seed)
    transform, entropy = model.transform, model.entropy
    shrunk = [(transform.analysis[-1], 0.2), (entropy.hyper_analysis[-1], 0.02),
              (entropy.mean_synthesis[-1].convolution, 0.02),
              (entropy.scale_synthesis[-1].convolution, 0.02),
              (transform.synthesis[-1].convolution, 0.02),
              (transform.restore.stages[-1].convolutions[-1], 0.1)]
    for layer in entropy.context.slices:
        # Residuals near 1/2 would be rounded in one way here, in another there.
        shrunk += [(layer.mean[-1], 0.3), (layer.scale[-1], 0.2), (layer.residual[-1], 0.1)]
        layer.scale[-1].bias.assign(np.full(layer.size, 2.0))
    for layer, factor in shrunk:
        layer.kernel.assign(factor * np.asarray(layer.kernel))
    # Pictures around grey.
    transform.synthesis[-1].convolution.bias.assign(np.full(12, 0.5))
    transform.invertible.operations[0].kernel.assign(np.eye(3)[::-1])
    model.entropy.prior.center()
    return model


TINY_QAE = {"transform.blocks": [1, 1, 1, 1], "transform.width": 2, "transform.bits": 5,
            "entropy.levels": 33}


def tiny_qae(seed=0, **changes):
    """The quantized autoencoder with one block a stage, 64 latents and 33 levels."""
    model = presets.build("qae", {**TINY_QAE, **changes})
    randomize(model, seed)
    rng = np.random.default_rng(seed)
    for variable in model.transform.variables:
        if variable.path.endswith("moving_variance"):
            size = 5000 if "conv1/" in variable.path else 1
            variable.assign(size * rng.uniform(0.5, 1.5, variable.shape))
        elif variable.path.endswith("beta"):
            variable.assign(rng.uniform(-0.2, 0.5, variable.shape))
    frequencies = model.entropy.prior.frequencies
    frequencies.assign(rng.dirichlet(np.ones(33), frequencies.shape[0]))
    return model


def codec(model, name="tiny"):
    """The `Codec` of a model that has no file."""
    # These need TensorFlow, which training on JAX does without.
    from alic_tf.codec import Codec
    from alic_tf.networks import to_integer

    return Codec(model, to_integer.exact_model(model), name[:4].encode(), name)
