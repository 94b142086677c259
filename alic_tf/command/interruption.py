"""Control-C while files are searched: the first ends the search, the second the program."""

import signal
import sys
from contextlib import contextmanager

from alic_tf.refinement import Enough


class Searches:
    """Whether searches are still wanted."""

    wanted = True

    def guarded(self, advance):
        """`advance`, which ends the search that tells it once no more are wanted.

        Raises:
            KeyboardInterrupt: they were not when this was called: the file is not begun.
        """
        if not self.wanted:
            raise KeyboardInterrupt

        def tell(share):
            advance(share)
            if not self.wanted:
                raise Enough

        return tell


@contextmanager
def searches():
    """Yields `Searches`, which the first control-C within ends; the next one is as any."""
    state, usual = Searches(), signal.getsignal(signal.SIGINT)

    def end(*_):
        state.wanted = False
        signal.signal(signal.SIGINT, usual)
        print("the search ends here; control-C once more for no file", file=sys.stderr)

    signal.signal(signal.SIGINT, end)
    try:
        yield state
    finally:
        signal.signal(signal.SIGINT, usual)
