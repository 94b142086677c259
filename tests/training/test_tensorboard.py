import json

import numpy as np

from alic_tf.training.folder import RunFolder
from alic_tf.training.log import RunLog
from alic_tf.training.schedule import Schedule
from alic_tf.training.tensorboard import EventFile


def events(folder):
    """Yields (tag, step, value) of all event files in a folder: numbers, or lists of pictures."""
    import tensorflow as tf

    for file in sorted(map(str, folder.iterdir())):
        for record in tf.data.TFRecordDataset(file):
            event = tf.compat.v1.Event.FromString(record.numpy())
            for value in event.summary.value:
                array = tf.make_ndarray(value.tensor)
                if value.metadata.plugin_data.plugin_name == "images":
                    array = [tf.io.decode_png(data).numpy() for data in array[2:]]
                yield value.tag, event.step, array


def test_event_files_show_the_history_and_the_pictures(tmp_path):
    folder, schedule = RunFolder(tmp_path), Schedule(1e-3, steps=100)
    log = RunLog(folder, schedule, EventFile(folder.events))
    pictures = np.random.default_rng(0).integers(0, 256, (2, 32, 96, 3), dtype="uint8")
    schedule.step = 20
    log.row(loss=1.5, learning_rate=1e-3, skipped=2)
    log.row(validation=[[1, 0.25, 30.5], [3, 0.5, 33.25]], validation_loss=0.75)
    log.pictures(pictures)
    log = RunLog(folder, schedule, EventFile(folder.events))  # resumed
    schedule.step = 40
    log.row(loss=float("nan"), learning_rate=5e-4, skipped=2)

    shown = {(tag, step): value for tag, step, value in events(folder.events)}
    np.testing.assert_array_equal(shown.pop(("validation", 20)), pictures)
    expected = {}
    for row in map(json.loads, folder.history.read_text().splitlines()):
        for quality, bpp, psnr in row.pop("validation", []):
            expected["validation_bpp/quality_" + str(quality), row["step"]] = bpp
            expected["validation_psnr/quality_" + str(quality), row["step"]] = psnr
        names = row.keys() - {"step", "seconds", "cpu_seconds"}
        expected |= {(name, row["step"]): row[name] for name in names if row[name] is not None}
    assert len(expected) == 10 and shown.keys() == expected.keys()
    for key, value in expected.items():
        np.testing.assert_allclose(shown[key], value, rtol=1e-6)
