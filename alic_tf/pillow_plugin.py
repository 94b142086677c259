"""Lets Pillow read and write .alic files: `import alic_tf.pillow_plugin`, and

    image = Image.open("photo.alic")
    image.save("smaller.alic", quality=2, model="dwan")

Opening reads and checks the file and gives size, mode and metadata; TensorFlow is imported when
pixels are asked for. The model is the shipped one that the file names. `save` takes, beside
`quality`, `effort` and `model`, `exif`, `icc_profile` and `xmp`; as in Pillow's other formats, the
profile is that of the image by default, and EXIF and XMP are left out. What goes wrong raises
OSError, as Pillow's users expect, from the `alic_tf.errors` that tells the kind.
"""

import contextlib
import io

from PIL import Image, ImageFile

from alic_tf import errors, zoo
from alic_tf.bitstream import container
from alic_tf.pictures import metadata

FORMAT = "ALIC"
ENDING = ".alic"


class AlicImageFile(ImageFile.ImageFile):
    """An .alic file, opened. Raises OSError from the errors of `container.unpack` and the codec."""

    format = FORMAT
    format_description = "alic_tf learned image compression"

    def _open(self):
        self._data = self.fp.read()
        with _os_errors():
            header, _ = container.unpack(self._data)
        self._size = header.width, header.height
        self._mode = ("L" if header.grey else "RGB") + ("A" if header.alpha else "")
        self._model_id = header.model_id
        self.info |= metadata.info_of(header.exif, header.icc, header.xmp)
        self.tile = [ImageFile._Tile("raw", (0, 0, *self.size), 0, self.mode)]

    def load(self):
        """As Pillow; also after `verify`, since the file has been read.

        Raises:
            ValueError: the image was closed.
        """
        if self.tile:
            if self._data is None:
                raise ValueError("Operation on closed image")
            with _os_errors():
                pixels = zoo.load_by_id(self._model_id).decode(self._data)
            if self._exclusive_fp and self.fp:
                self.fp.close()
            self.fp, self._data = io.BytesIO(pixels.tobytes()), None
        return super().load()

    def load_seek(self, position):
        """Nothing to do: `load` puts pixels in the place of the file."""

    def close(self):
        self._data = None
        super().close()


def _save(image, stream, _):
    options, info = image.encoderinfo, image.info
    given = {"icc_profile": info.get("icc_profile"), "transparency": info.get("transparency")}
    given |= {name: options[name] for name in ("exif", "icc_profile", "xmp") if name in options}
    if isinstance(given.get("exif"), Image.Exif):
        given["exif"] = given["exif"].tobytes()
    image = image.copy()
    image.info = {name: value for name, value in given.items() if value is not None}
    with _os_errors():
        codec = zoo.shared(options.get("model", "dwan"))
        data = codec.encode(image, options.get("quality"), options.get("effort", 0))
    stream.write(data)


@contextlib.contextmanager
def _os_errors():
    """Inside, errors of the codec become OSErrors of the same text."""
    try:
        yield
    except errors.AlicError as error:
        raise OSError(str(error)) from error


Image.register_open(FORMAT, AlicImageFile, container.accepts)
Image.register_save(FORMAT, _save)
Image.register_extension(FORMAT, ENDING)
Image.register_mime(FORMAT, "image/x-alic")
