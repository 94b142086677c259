"""SavedModels of all systems: the bytes, latents and pixels of the codec, by stock operations.

That of `dwan` is in test_servable.py.
"""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from alic_tf.serving import export
from tests.serving.decode_stock import unknown_operations
from tests.tiny_models import codec, tiny_fu2022, tiny_icwem, tiny_light, tiny_qae, tiny_resgdn

SYSTEMS = {"fu2022-gllmm": lambda: tiny_fu2022(mixture="gllmm"), "light": tiny_light,
           "resgdn": tiny_resgdn, "qae": tiny_qae, "icwem": tiny_icwem}
SIZES = [(70, 130), (33, 17)]


@pytest.mark.long
@pytest.mark.parametrize("system", SYSTEMS)
def test_bytes_latents_and_pixels_are_those_of_the_codec(system, photograph, tmp_path):
    made = codec(SYSTEMS[system]())
    export.save(made, tmp_path / "1", 2**15)
    assert unknown_operations(tmp_path / "1") == []
    served = tf.saved_model.load(str(tmp_path / "1")).signatures
    pictures, files = [photograph(*size) for size in SIZES], []
    for picture in pictures:
        out = io.BytesIO()
        Image.fromarray(picture).save(out, "PNG")
        files.append(out.getvalue())
    coded = served["encode"](image_bytes=tf.constant(files), quality=tf.constant([1.0, 1.0]))
    expected = [made.encode(picture, 1) for picture in pictures]
    assert coded["alic_bytes"].numpy().tolist() == expected
    for data in expected:
        found = served["latents"](alic_bytes=tf.constant([data]))
        assert found["error"].numpy() == [b""]
        latents = made.latents(data)
        np.testing.assert_array_equal(found["latents"][0] / 4096, latents["latent"])
        np.testing.assert_array_equal(found["hyper_latents"][0], latents["hyper_latent"])
        assert len(np.unique(latents["latent"])) > 3
    decoded = served["decode"](alic_bytes=tf.constant(expected))["png_bytes"].numpy()
    for data, png in zip(expected, decoded):
        np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(png))), made.decode(data))
    short = served["info"](alic_bytes=tf.constant([expected[0][:-1]]))
    assert b"truncated" in short["error"].numpy()[0]
