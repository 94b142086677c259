"""What encoding and decoding share: loading models, and times that are those of the work alone."""

import contextlib
import functools

from PIL import Image

from alic_tf import errors, progress, storage, zoo
from alic_tf.bitstream import container

# Pixels of the pictures whose progress is shown.
LARGE = 1 << 24


def configuration(model):
    """What the file of a model says of it, which is read at once; see `storage`.

    Raises:
        UsageError: there is no such model.
    """
    with _asked_for():
        return storage.read_configuration(zoo.find(model))


def check_quality(model, quality=None):
    """Checks a request against what the model's file says.

    Raises:
        UsageError: there is no such model, or it has no such quality, if one is given.
    """
    most = len(configuration(model)["lambdas"])
    if quality is not None and most > 1 and not 1 <= quality <= most:
        raise errors.UsageError(f"--quality must be from 1 to {most} for {model}, not {quality:g}")


def encoder(model):
    """The codec of a model, ready to encode.

    Raises:
        UsageError: there is no such model.
    """
    with _asked_for():
        codec = zoo.shared(model)
    warm_up(codec, "encoding")
    return codec


def decoder(model_id, model=None):
    """The codec that a file names by its id, or the model that is asked for, ready to decode.

    Raises:
        UsageError: there is no such model as is asked for.
        UnknownModel: none of the shipped ones has the id.
    """
    with _asked_for():
        codec = zoo.shared(model) if model else None
    codec = codec or zoo.load_by_id(model_id)
    warm_up(codec, "decoding")
    return codec


@contextlib.contextmanager
def _asked_for():
    """A model that is asked for and is none makes a bad request."""
    try:
        yield
    except errors.UnknownModel as error:
        raise errors.UsageError(error.cause, error.path) from error


@functools.cache
def warm_up(codec, what):
    """Lets TensorFlow trace its graphs, once per codec: no part of the times that are printed."""
    codec.warm_up(what)


def lift_limit_of_pillow():
    """In this process the container's limit on pixels counts; it is checked as early."""
    Image.MAX_IMAGE_PIXELS = container.MAX_PIXELS


def if_large(width, height, advance):
    """`advance`, or a function that ignores progress for a picture that takes but a moment."""
    return advance if width * height >= LARGE else progress.ignore
