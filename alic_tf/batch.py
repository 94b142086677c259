"""Work on a file or on the files of a folder: which, where to, and one after the other."""

import os
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from alic_tf import errors, files, progress

DASH = "-"  # on the command line, for standard input and output
STDIN, STDOUT = Path("stdin"), Path("stdout")  # told from files of these names by identity


def inputs(source, find):
    """Paths of the file `source`, or of the files that `find` finds in the folder `source`."""
    if source == DASH:
        return [STDIN]
    source = Path(source)
    if not source.is_dir():
        return [source]
    try:
        found = find(source)
    except OSError as error:
        raise errors.UsageError(f"cannot be read: {error.strerror}", source) from error
    if not found:
        raise errors.UsageError("nothing to do: no such files in this folder", source)
    return found


def plan(source, output, find, ending):
    """Pairs (input, output) of paths.

    Outputs lie beside their inputs unless `output` says otherwise; it means a folder if it is one,
    ends with a slash, or if the source is a folder. What comes from standard input goes to
    standard output.
    """
    paths = inputs(source, find)
    to_folder = Path(source).is_dir()
    if output == DASH or (source == DASH and not output):
        if to_folder:
            raise errors.UsageError("a folder does not fit into standard output", source)
        if sys.stdout.isatty():
            raise errors.UsageError("standard output is a terminal; redirect it, or give --output")
        return [(paths[0], STDOUT)]
    if names_a_file(source, output):
        return [(paths[0], Path(output))]
    # a.png and a.jpg would both become a.alic: then all names keep their ending.
    distinct = len({path.stem for path in paths}) == len(paths)
    return [
        (path, Path(output or path.parent, (path.stem if distinct else path.name) + ending))
        for path in paths
    ]


def names_a_file(source, output):
    """Whether `output` is the name of a file to write, not that of a folder to write to."""
    if not output or output == DASH or Path(source).is_dir():
        return False
    return not output.endswith(os.sep) and not Path(output).is_dir()


def check_outputs(pairs, others, overwrite):
    """Raises UsageError if an output exists, would replace its input, or cannot be written."""
    pairs = [(source, target) for source, target in pairs if target is not STDOUT]
    targets = [target for _, target in pairs] + others
    for source, target in pairs:
        if source is not STDIN and target.exists() and target.samefile(source):
            raise errors.UsageError("the output would replace the input; give --output", target)
    for target in targets:
        if target.is_dir():
            raise errors.UsageError("is a folder", target)
        if target.exists() and not target.is_file():  # a device, say, which would be replaced
            raise errors.UsageError("is not a file; give - for standard output", target)
        if os.path.lexists(target) and not overwrite:
            hint = "exists; give --overwrite to replace it, or --output to write elsewhere"
            raise errors.UsageError(hint, target)
    for folder in {target.parent for target in targets}:
        files.check_writable(folder)


def read(path):
    """The bytes of an input."""
    try:
        return sys.stdin.buffer.read() if path is STDIN else path.read_bytes()
    except OSError as error:
        raise errors.AlicError(f"cannot be read: {error.strerror}", path) from error


def write(path, data):
    """Writes an output, all of it or nothing (standard output: once it is complete)."""
    if path is not STDOUT:
        with files.replacing(path) as temporary:
            temporary.write_bytes(data)
        return
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except OSError as error:
        # What is left in the buffer would fail again, with a traceback, when Python exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise errors.AlicError(f"cannot be written: {error.strerror}", path) from error


def lines_to(target):
    """The stream for what is said about an output: not the one that the output itself is."""
    return sys.stderr if target is STDOUT else sys.stdout


class Done(NamedTuple):
    """What a piece of work returns: a line to print, and its result."""

    line: str
    result: object


def for_each(pairs, work, jobs=1):
    """Runs work(input, output, advance) on all pairs; one that fails is reported, others go on.

    Lines, warnings and errors are printed in the order of the pairs, whatever is done first: lines
    on standard output (on standard error if that is where the data go), the others on standard
    error.

    Arguments:
        pairs: of `plan`.
        work: function that returns a `Done`; called from several threads if `jobs` is above 1.
            It may tell shares of its work to `advance`, see `progress`; a bar shows them. There is
            none for a single pair of which nothing is told.
        jobs: number of pairs that are worked on at once.

    Returns:
        (results, names of inputs that failed)

    Raises:
        UsageError: what is raised as such would be the same for every pair.
    """
    results, failed = [], []

    def attempt(pair):
        _notes.lines = []
        told = 0.0

        def tell(share):
            nonlocal told
            told += share
            advance(share)

        try:
            return work(*pair, tell), None, _notes.lines
        except MemoryError:
            error = errors.LimitExceeded("too large for the memory of this machine")
        except errors.UsageError:
            raise
        except errors.AlicError as raised:
            error = raised
        finally:
            if told or len(pairs) > 1:
                advance(1 - told)
        return None, error, _notes.lines

    bar = progress.bar(len(pairs), hidden=len(pairs) == 1)
    with _warnings_by_thread(), bar as advance, _mapping(jobs) as mapped:
        for (path, target), (done, error, notes) in zip(pairs, mapped(attempt, pairs)):
            for note in notes:
                print(f"warning: {path}: {note}", file=sys.stderr)
            if error:
                error.path = error.path or path
                print(f"error: {error}", file=sys.stderr)
                failed.append(path.name)
            else:
                print(done.line, file=lines_to(target))
                results.append(done.result)
    if len(pairs) > 1 and failed:
        print(f"{len(failed)} of {len(pairs)} files failed", file=sys.stderr)
    return results, failed


@contextmanager
def _mapping(jobs):
    """Yields a function like `map`, which works on so many items at once."""
    if jobs == 1:
        yield map
        return
    pool = ThreadPoolExecutor(jobs)
    try:
        yield pool.map
    finally:
        pool.shutdown(cancel_futures=True)


class _Notes(threading.local):
    """The warnings of the pair that a thread is working on."""

    def __init__(self):
        self.lines = []


_notes = _Notes()


@contextmanager
def _warnings_by_thread():
    """Collects warnings in `_notes`; those of every picture, not only the first of a kind."""
    with warnings.catch_warnings():
        warnings.filterwarnings("always", category=errors.ImageWarning)
        warnings.filterwarnings("always", module="PIL")
        warnings.showwarning = lambda message, *_, **__: _notes.lines.append(
            " ".join(str(message).split())
        )
        yield
