"""Lets Pillow read and write .alic files: `import alic_tf.pillow_plugin`, and

    image = Image.open("photo.alic")
    image.save("smaller.alic", quality=2, model="dwan")

Opening reads and checks the file and gives size, mode and metadata; TensorFlow is imported when
pixels are asked for. The model is the shipped one that the file names. `save` takes, beside
`quality` and `model`, `exif` and `icc_profile` in place of those of the image, as for PNG.
"""

import io

from PIL import Image, ImageFile

from alic_tf import container, metadata, zoo

FORMAT = "ALIC"
ENDING = ".alic"


class AlicImageFile(ImageFile.ImageFile):
    """An .alic file, opened. Raises the errors of `container.unpack`, and those of the codec."""

    format = FORMAT
    format_description = "alic_tf learned image compression"

    def _open(self):
        self._data = self.fp.read()
        header, _ = container.unpack(self._data)
        self._size = header.width, header.height
        self._mode = ("L" if header.grey else "RGB") + ("A" if header.alpha else "")
        self._model_id = header.model_id
        self.info |= metadata.info_of(header.exif, header.icc)
        self.tile = [ImageFile._Tile("raw", (0, 0, *self.size), 0, self.mode)]

    def load(self):
        if self.tile and self._data:
            pixels = zoo.load_by_id(self._model_id).decode(self._data)
            if self._exclusive_fp:
                self.fp.close()
            self.fp, self._data = io.BytesIO(pixels.tobytes()), None
        return super().load()

    def load_seek(self, position):
        """Nothing to do: `load` puts pixels in the place of the file."""


def _save(image, stream, _):
    options = image.encoderinfo
    replaced = {name: options[name] for name in ("exif", "icc_profile") if name in options}
    if replaced:
        image = image.copy()
        image.info |= replaced
        if isinstance(replaced.get("exif"), Image.Exif):
            image.info["exif"] = replaced["exif"].tobytes()
    codec = zoo.shared(options.get("model", "dwan"))
    stream.write(codec.encode(image, options.get("quality")))


Image.register_open(FORMAT, AlicImageFile, lambda prefix: prefix.startswith(container.MAGIC))
Image.register_save(FORMAT, _save)
Image.register_extension(FORMAT, ENDING)
Image.register_mime(FORMAT, "image/x-alic")
