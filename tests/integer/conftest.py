"""What the tests of the coders share."""

import pytest

from alic_tf.integer import coder


@pytest.fixture
def lanes(request, monkeypatch):
    """The number of lanes that the encoder is made to choose (an indirect parameter)."""
    monkeypatch.setattr(coder, "choose_lanes", lambda cost: request.param)
    return request.param
