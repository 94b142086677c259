"""The functions of a codec that a model server offers."""

import functools
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from alic_tf import padding
from alic_tf.bitstream.quality_steps import STEPS_PER_QUALITY, quality_of_step
from alic_tf.codec import LATENT_LIMIT, levels
from alic_tf.integer.fixed_point import ONE
from alic_tf.serving import alpha, container, pictures
from alic_tf.serving.byte_strings import text
from alic_tf.serving.channel import ChannelModel
from alic_tf.serving.checks import first_cause
from alic_tf.serving.factorized import FactorizedModel
from alic_tf.serving.masked import MaskedModel
from alic_tf.serving.parallel import ParallelModel
from alic_tf.serving.questions import TracedOnce

# Images of a request that are worked on at a time.
PARALLEL = 4
ENTROPY_MODELS = {family.integer: family
                  for family in (MaskedModel, ParallelModel, ChannelModel, FactorizedModel)}
_STRINGS = tf.TensorSpec([None], tf.string)
_FLOATS = tf.TensorSpec([None], tf.float32)


class File(NamedTuple):
    """An .alic file that is known to be decodable.

    Fields:
        header: `container.Header`.
        strings: of the lanes, see `EntropyModel.find`.
        shape: int32 (2,), height and width of its latent.
    """

    header: container.Header
    strings: tuple
    shape: tf.Tensor


class Servable(tf.Module):
    """A codec in TensorFlow's own operations, to be saved as a SavedModel.

    What is wrong with an example becomes its output `error`, one line that names the cause, and
    its other outputs are empty or zeros then; it is empty for all others.

    What belongs to the entropy coder is placed on a CPU, whose float64 products of integers are
    exact; the transforms may run on a GPU.

    Args:
        codec: the `Codec`.
        max_pixels: larger pictures are refused, both ways.
    """

    def __init__(self, codec, max_pixels):
        super().__init__()
        self.entropy = ENTROPY_MODELS[type(codec.exact)](codec.exact)
        self.weights = [variable.value for variable in codec.model.variables]
        self._codec, self._max_pixels = codec, max_pixels
        self._traced = TracedOnce()
        self._padding = codec.model.stride, codec.model.transform.centred

    def functions(self):
        """Concrete functions by the name of their signature; see docs/serving.md."""
        latents = tf.TensorSpec([None, None, None, self._codec.model.latents], tf.int32)

        def each(function):
            return functools.partial(_each, function)

        return {
            "decode": _concrete(each(self._decode), alic_bytes=_STRINGS),
            "decode_latents": _concrete(self._decode_latents, latents=latents, quality=_FLOATS),
            "latents": _concrete(self._latents, alic_bytes=_STRINGS),
            "encode": _concrete(each(self._encode), image_bytes=_STRINGS, quality=_FLOATS),
            "info": _concrete(each(self._info), alic_bytes=_STRINGS),
        }

    def _decode(self, alic_bytes):
        cause, file = self._traced("open", self._open)(alic_bytes)
        width, height = file.header.width, file.header.height
        with tf.device("CPU"):
            nothing = tf.zeros([0, 0, 0], tf.uint8)
            cause, plane = tf.cond(
                cause == "", lambda: alpha.unpack(file.header.alpha, width, height),
                lambda: (cause, nothing))

        def png():
            latent, _ = self._traced("entropy", self._decode_entropy)(file)
            image = self._synthesize(latent, quality_of_step(file.header.step))
            image = padding.crop(image, height, width, *self._padding)
            return pictures.write(image, file.header.grey, plane)

        return {"png_bytes": tf.cond(cause == "", png, lambda: ""), "error": cause}

    def _decode_latents(self, latents, quality):
        count, height, width, _ = tf.unstack(tf.shape(latents))
        cause = first_cause(((height > 0) & (width > 0), "there are no latents"),
                            self._batch_check(count, tf.stack([height, width])))
        # What is too large is not made of zeros either.
        sides = [tf.where(cause == "", self._codec.model.latent_stride * side, 0)
                 for side in (height, width)]
        nothing = tf.zeros([*sides, 3], tf.uint8)

        def image(latents, quality):
            error = first_cause(cause, self._quality_check(quality))
            image = tf.cond(error == "", lambda: self._synthesize(latents, quality),
                            lambda: nothing)
            return {"images": image, "error": error}

        return _each(image, latents=latents, quality=quality)

    def _latents(self, alic_bytes):
        opened = _each(self._shape, alic_bytes=alic_bytes)
        # All latents of the batch are one tensor, of the size that the first good file gives.
        shapes = tf.boolean_mask(opened["shape"], opened["error"] == "")
        shape = tf.pad(shapes, [[0, 1], [0, 0]])[0]
        cause = first_cause(self._batch_check(tf.size(alic_bytes), shape))
        common = tf.where(cause == "", shape, 0)
        channels = self._codec.model.latents, self.entropy.prior.offsets.shape[0]
        hyper = common // self.entropy.hyper_stride
        nothing = tuple(tf.zeros([*tf.unstack(sides), count], tf.int64)
                        for sides, count in zip((common, hyper), channels))

        def latents(alic_bytes):
            error, file = self._traced("open", self._open)(alic_bytes)
            error = first_cause(error, cause, (
                tf.reduce_all(file.shape == shape),
                text("its padded size is ", self._padded_size(file.shape), ", that of the batch's "
                     "first picture ", self._padded_size(shape))))
            latent, z = tf.cond(
                error == "", lambda: self._traced("entropy", self._decode_entropy)(file),
                lambda: nothing)
            return {"latents": tf.cast(latent, tf.int32), "hyper_latents": tf.cast(z, tf.int32),
                    "error": error}

        return _each(latents, alic_bytes=alic_bytes)

    def _shape(self, alic_bytes):
        cause, file = self._traced("open", self._open)(alic_bytes)
        return {"shape": file.shape, "error": cause}

    def _info(self, alic_bytes):
        cause, header = container.unpack(alic_bytes, self._codec, self._max_pixels)
        size = tf.cast(tf.strings.length(alic_bytes), tf.int64)
        found = {
            "width": header.width, "height": header.height, "grey": header.grey,
            "quality": tf.cast(quality_of_step(header.step), tf.float32), "lanes": header.lanes,
            "alpha": tf.cast(tf.strings.length(header.alpha), tf.int64), "bytes": size,
            "bpp": tf.cast(8 * size / (header.width * header.height), tf.float32)}
        found = {name: tf.where(cause == "", value, tf.zeros_like(value))
                 for name, value in found.items()}
        return {**found, "error": cause}

    def _encode(self, image_bytes, quality):
        with tf.device("CPU"):
            cause, image, grey, chunk = pictures.read(image_bytes, self._max_pixels)
            cause = first_cause(self._quality_check(quality), cause)
        coded = tf.cond(cause == "", lambda: self._coded(image, grey, chunk, quality), lambda: "")
        return {"alic_bytes": coded, "error": cause}

    def _coded(self, image, grey, chunk, quality):
        """The .alic file of a picture and its chunk of alpha, which may be empty."""
        with tf.device("CPU"):
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
            height, width, _ = tf.unstack(tf.shape(image, tf.int64))
            header = container.Header(width, height, step, lanes, grey, payload, chunk)
            return container.pack(header, self._codec.model_id)

    def _step(self, quality):
        """As `step_of_quality`, of a float32 scalar; one that is refused gives any step."""
        quality = tf.clip_by_value(tf.cast(quality, tf.float64), 1, self._codec.qualities)
        return tf.cast(tf.round((quality - 1) * STEPS_PER_QUALITY), tf.int64)

    def _quality_check(self, quality):
        """Check of a float scalar; it means nothing to a model of one rate."""
        most = self._codec.qualities
        if most == 1:
            return tf.math.is_finite(quality), "quality must be a number"
        return (quality >= 1) & (quality <= most), f"quality must be in 1..{most}"

    def _open(self, alic_bytes):
        """(cause, `File`) of a file."""
        cause, header = container.unpack(alic_bytes, self._codec, self._max_pixels)
        stride, latent_stride = self._codec.model.stride, self._codec.model.latent_stride
        shape = [tf.cast(padding.padded_size(size, stride) // latent_stride, tf.int32)
                 for size in (header.height, header.width)]
        no_strings, strings = self.entropy.find(header.payload, header.lanes, *shape)
        return first_cause(cause, no_strings), File(header, strings, tf.stack(shape))

    def _decode_entropy(self, file):
        """(latent, hyper latent) of a `File`."""
        header = file.header
        return self.entropy.decode(
            header.payload, file.strings, header.step, *tf.unstack(file.shape))

    def _batch_check(self, count, shape):
        """Check of the size of all pictures of a batch together, whose latents have a shape."""
        sides = tf.cast(shape, tf.int64) * self._codec.model.latent_stride
        return (tf.cast(count, tf.int64) * tf.reduce_prod(sides) <= self._max_pixels,
                text("", count, " times ", self._padded_size(shape),
                     f" is over the limit of {self._max_pixels} pixels for a batch"))

    def _padded_size(self, shape):
        """The size in pixels of a picture whose latent has a shape, as text."""
        height, width = tf.unstack(self._codec.model.latent_stride * shape)
        return text("", width, "x", height)

    def _synthesize(self, latent, quality):
        """The image uint8 (height, width, 3) of a latent with 12 fraction bits."""
        latent = tf.cast(tf.cast(latent, tf.float64) / ONE, tf.float32)
        image = self._codec.model.synthesize(latent[None], tf.cast(quality, tf.float32)[None])
        return levels(image[0])


def _each(function, **batches):
    """What a function of single examples makes of each of a batch: tensors by name.

    Args:
        function: of the inputs by name, returns a dictionary of tensors.
        batches: inputs by name.
    """
    single = tf.function(lambda example: function(**example), autograph=False)
    outputs = single.get_concrete_function(
        {name: tf.TensorSpec(batch.shape[1:], batch.dtype) for name, batch in batches.items()}
    ).structured_outputs
    specs = {name: tf.TensorSpec(x.shape, x.dtype) for name, x in outputs.items()}
    return tf.map_fn(single, batches, fn_output_signature=specs, parallel_iterations=PARALLEL)


def _concrete(function, **inputs):
    """The concrete function of batches.

    Args:
        function: of the inputs by name, returns a dictionary of tensors.
        inputs: the specification of each input.
    """
    named = {name: tf.TensorSpec(spec.shape, spec.dtype, name) for name, spec in inputs.items()}
    return tf.function(function, autograph=False).get_concrete_function(**named)
