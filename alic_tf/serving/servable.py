"""The functions of a codec that a model server offers."""

import numpy as np
import tensorflow as tf

from alic_tf import errors, padding
from alic_tf.codec import LATENT_LIMIT, levels
from alic_tf.entropy.exact_masked import ExactMaskedModel
from alic_tf.entropy.exact_parallel import ExactParallelModel
from alic_tf.entropy.fixed_point import ONE
from alic_tf.quality_steps import STEPS_PER_QUALITY, quality_of_step
from alic_tf.serving import container, pictures
from alic_tf.serving.checks import checked
from alic_tf.serving.masked import MaskedModel
from alic_tf.serving.parallel import ParallelModel
from alic_tf.serving.questions import TracedOnce

# Images of a request that are worked on at a time.
PARALLEL = 4
ENTROPY_MODELS = {ExactMaskedModel: MaskedModel, ExactParallelModel: ParallelModel}
_STRINGS = tf.TensorSpec([None], tf.string)
_FLOATS = tf.TensorSpec([None], tf.float32)


class Servable(tf.Module):
    """A codec in TensorFlow's own operations, to be saved as a SavedModel.

    What belongs to the entropy coder is placed on a CPU, whose float64 products of integers are
    exact; the transforms may run on a GPU.

    Args:
        codec: the `Codec`.
        max_pixels: larger pictures are refused, both ways.

    Raises:
        UsageError: the entropy model of the codec has no counterpart here.
    """

    def __init__(self, codec, max_pixels):
        super().__init__()
        if type(codec.exact) not in ENTROPY_MODELS:
            raise errors.UsageError(f"{codec.name} cannot be served yet: only models with masked, "
                                    "checkerboard or ssm context can")
        self.entropy = ENTROPY_MODELS[type(codec.exact)](codec.exact)
        self.weights = [variable.value for variable in codec.model.variables]
        self._codec, self._max_pixels = codec, max_pixels
        self._traced = TracedOnce()
        self._padding = codec.model.stride, codec.model.transform.centred

    def functions(self):
        """Concrete functions by the name of their signature; see docs/serving.md."""
        latents = tf.TensorSpec([None, None, None, self._codec.model.latents], tf.int32)
        return {
            "decode": _batched(self._decode, alic_bytes=_STRINGS),
            "decode_latents": _batched(self._decode_latents, latents=latents, quality=_FLOATS),
            "latents": _batched(self._latents, alic_bytes=_STRINGS),
            "encode": _batched(self._encode, image_bytes=_STRINGS, quality=_FLOATS),
            "info": _batched(self._info, alic_bytes=_STRINGS),
        }

    def _decode(self, alic_bytes):
        header, latent, _ = self._traced("unpack", self._unpack)(alic_bytes)
        image = self._synthesize(latent, quality_of_step(header.step))
        image = padding.crop(image, header.height, header.width, *self._padding)
        return {"png_bytes": pictures.write(image, header.grey)}

    def _decode_latents(self, latents, quality):
        return {"images": self._synthesize(latents, quality)}

    def _latents(self, alic_bytes):
        _, latent, z = self._traced("unpack", self._unpack)(alic_bytes)
        return {"latents": tf.cast(latent, tf.int32), "hyper_latents": tf.cast(z, tf.int32)}

    def _info(self, alic_bytes):
        header = container.unpack(alic_bytes, self._codec, self._max_pixels)
        size = tf.cast(tf.strings.length(alic_bytes), tf.int64)
        return {
            "width": header.width, "height": header.height, "grey": header.grey,
            "quality": tf.cast(quality_of_step(header.step), tf.float32), "lanes": header.lanes,
            "bytes": size, "bpp": tf.cast(8 * size / (header.width * header.height), tf.float32)}

    def _encode(self, image_bytes, quality):
        with tf.device("CPU"):
            image, grey = pictures.read(image_bytes)
            height, width, _ = tf.unstack(tf.shape(image, tf.int64))
            image = checked(image, *container.size_checks(width, height, self._max_pixels))
            padded = pictures.pad(image, *self._padding)
            # Division by a constant would be made a multiplication by its inverse.
            shades = np.arange(256, dtype="uint8") / np.float32(255)
            pixels = tf.gather(shades, tf.cast(padded, tf.int32))
            step = self._step(quality)
        real = tf.cast(quality_of_step(step), tf.float32)
        latent, z = self._codec.model.analyze(pixels[None], real[None])
        with tf.device("CPU"):
            latent, z = (tf.clip_by_value(x[0], -LATENT_LIMIT, LATENT_LIMIT) for x in (latent, z))
            y = tf.cast(tf.floor(tf.cast(latent, tf.float64) * ONE + 0.5), tf.int64)
            z = tf.cast(tf.round(z), tf.int64)
            payload, lanes = self.entropy.encode(y, z, step)
            header = container.Header(width, height, step, lanes, grey, payload)
            return {"alic_bytes": container.pack(header, self._codec.model_id)}

    def _step(self, quality):
        """As `step_of_quality`, of a float32 scalar."""
        quality = checked(quality, (tf.math.is_finite(quality), "quality must be a number"))
        quality = tf.clip_by_value(tf.cast(quality, tf.float64), 1, self._codec.qualities)
        return tf.cast(tf.round((quality - 1) * STEPS_PER_QUALITY), tf.int64)

    def _unpack(self, alic_bytes):
        """(`Header`, latent, hyper latent) of a file."""
        header = container.unpack(alic_bytes, self._codec, self._max_pixels)
        stride, latent_stride = self._codec.model.stride, self._codec.model.latent_stride
        height, width = (
            tf.cast(padding.padded_size(size, stride) // latent_stride, tf.int32)
            for size in (header.height, header.width))
        latent, z = self.entropy.decode(
            header.payload, header.lanes, header.step, height, width)
        return header, latent, z

    def _synthesize(self, latent, quality):
        """The image uint8 (height, width, 3) of a latent with 12 fraction bits."""
        latent = tf.cast(tf.cast(latent, tf.float64) / ONE, tf.float32)
        image = self._codec.model.synthesize(latent[None], tf.cast(quality, tf.float32)[None])
        return levels(image[0])


def _batched(function, **inputs):
    """The concrete function of batches that calls a function of single examples for each.

    Args:
        function: of the inputs by name, returns a dictionary of tensors.
        inputs: the specification of each input, batches.
    """
    def example(examples):
        return function(**examples)

    single = tf.function(example, autograph=False)
    outputs = single.get_concrete_function(
        {name: tf.TensorSpec(spec.shape[1:], spec.dtype) for name, spec in inputs.items()}
    ).structured_outputs
    specs = {name: tf.TensorSpec(x.shape, x.dtype) for name, x in outputs.items()}

    def batch(**batches):
        return tf.map_fn(single, batches, fn_output_signature=specs, parallel_iterations=PARALLEL)

    named = {name: tf.TensorSpec(spec.shape, spec.dtype, name) for name, spec in inputs.items()}
    return tf.function(batch, autograph=False).get_concrete_function(**named)
