"""Control-C during searches."""

import os
import signal

import pytest

from alic_tf.command.interruption import searches
from alic_tf.refinement import Enough


@pytest.fixture(autouse=True)
def interruptible():
    """Control-C interrupts, as in a program that a person starts; in the background it may not."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_the_first_ends_the_search_and_the_next_the_program(capsys):
    told = []
    with searches() as searching:
        tell = searching.guarded(told.append)
        tell(0.5)
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(Enough):
            tell(0.25)
        with pytest.raises(KeyboardInterrupt):
            searching.guarded(told.append)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert told == [0.5, 0.25]
    assert capsys.readouterr().err.count("the search ends here") == 1
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
