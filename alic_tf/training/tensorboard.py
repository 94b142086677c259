"""Rows and pictures of a run for TensorBoard; imports TensorFlow, also beside another backend."""

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
                        tf.summary.scalar(f"validation_bpp/quality_{quality}", bpp)
                        tf.summary.scalar(f"validation_psnr/quality_{quality}", psnr)
                elif value is not None:
                    tf.summary.scalar(name, value)
        self.writer.flush()

    def pictures(self, step, images):
        """Pictures uint8 [n, h, w, 3], all of them."""
        with self.writer.as_default(step):
            tf.summary.image("validation", images, max_outputs=len(images))
        self.writer.flush()
