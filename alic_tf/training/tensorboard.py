"""Rows and pictures of a run for TensorBoard; imports TensorFlow, also beside another backend.

The functions of `tf.summary` for numbers and pictures need the package of TensorBoard, which newer
versions of TensorFlow come without. `tf.summary.write` does not: told by the metadata what a tensor
is, TensorBoard shows it all the same.
"""

import keras
import tensorflow as tf


class EventFile:
    """Writes what `RunLog` hands on to an event file.

    Args:
        folder: where the event files of the run are.
    """

    def __init__(self, folder):
        if keras.backend.backend() != "tensorflow":
            # The accelerator belongs to the backend that trains.
            tf.config.set_visible_devices([], "GPU")
        self.writer = tf.summary.create_file_writer(str(folder))

    def row(self, step, values):
        """The numbers of a history row under their names; those of validation by quality."""
        with self.writer.as_default(step):
            for name, value in values.items():
                if name == "validation":
                    for quality, bpp, psnr in value:
                        _write_number(f"validation_bpp/quality_{quality}", bpp)
                        _write_number(f"validation_psnr/quality_{quality}", psnr)
                elif value is not None:
                    _write_number(name, value)
        self.writer.flush()

    def pictures(self, step, images):
        """Pictures uint8 [n, h, w, 3], all of them."""
        height, width = images.shape[1:3]
        pngs = [tf.io.encode_png(image).numpy() for image in images]
        with self.writer.as_default(step):
            _write("images", "validation", [str(width), str(height), *pngs])
        self.writer.flush()


def _write_number(tag, value):
    _write("scalars", tag, float(value))


def _write(plugin, tag, value):
    """Writes what this plugin of TensorBoard shows."""
    metadata = tf.compat.v1.SummaryMetadata(plugin_data={"plugin_name": plugin})
    tf.summary.write(tag, tf.constant(value), metadata=metadata)
