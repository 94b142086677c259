"""Progress of long work: functions that are told each share of it as it is done."""

import sys
from collections.abc import Callable
from contextlib import contextmanager

Advance = Callable[[float], None]


def ignore(share: float) -> None:
    """Stands for nobody who wants to know."""


def part(advance: Advance, weight: float) -> Advance:
    """What a part of the work, of this weight in the whole, is to tell its shares to."""
    return lambda share: advance(weight * share)


@contextmanager
def bar(total, hidden=False):
    """Yields a function that advances a bar of this total by a share.

    The bar is on standard error, and only if a person is looking at it.

    Arguments:
        total: of all shares.
        hidden: whether the bar appears only with the first share.
    """
    if not (sys.stderr and sys.stderr.isatty()):  # None where it was closed before the start
        yield ignore
        return
    from rich.console import Console
    from rich.progress import Progress

    # Redirected lines go to the bar's stream: wanted on a terminal, wrong for `> list.txt`.
    with Progress(console=Console(stderr=True), redirect_stdout=sys.stdout.isatty()) as progress:
        task = progress.add_task("", total=total, visible=not hidden)

        def advance(share):
            progress.update(task, advance=share, visible=True)

        yield advance
