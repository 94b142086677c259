"""Work on files and on those in folders: which, where to, and one after the other."""

import json
import os
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import NamedTuple

from alic_tf import errors, files, progress

DASH = "-"  # on the command line, for standard input and output
STDIN, STDOUT = Path("stdin"), Path("stdout")  # told from files of these names by identity


class Item(NamedTuple):
    """A file to work on.

    Fields:
        path: of it, or STDIN.
        target: path of what becomes of it, or STDOUT, or None.
        name: its path in the folder among the sources that it is from; else its name.
    """

    path: Path
    target: Path | None
    name: str

    def read(self):
        """The bytes of the file, or of standard input."""
        try:
            return sys.stdin.buffer.read() if self.path is STDIN else self.path.read_bytes()
        except OSError as error:
            raise errors.AlicError(f"cannot be read: {error.strerror}", self.path) from error


def check_sources(sources):
    """Raises UsageError unless the sources, paths or "-", are there."""
    if not sources:
        raise errors.UsageError("give a file or a folder; see --help")
    if DASH in sources and len(sources) > 1:
        raise errors.UsageError("- does not go with other files")
    for source in sources:
        if source == "":
            raise errors.UsageError("a path is empty")
        if source != DASH and not os.path.exists(source):
            raise errors.UsageError("no such file or folder", source)


def find_alic(folder):
    """Paths of the .alic files in a folder, sorted by name."""
    return sorted(p for p in Path(folder).iterdir() if p.suffix.lower() == ".alic" and p.is_file())


def plan(sources, output, find, ending, values):
    """`Item`s: the files among the sources, and those in the folders among them.

    Outputs lie beside their inputs unless `output` says otherwise, which is a file for a single
    file, unless it is that of a folder or ends with a slash, and else a folder. What comes from
    standard input goes to standard output.

    Arguments:
        sources: paths, or "-".
        output: path, "-", or None.
        find: function from a folder to the paths of its files that are of the right kind.
        ending: of outputs, or None if there are none.
        values: with `recursive` and `quiet`, see `options`.

    Raises:
        UsageError: there is no such file, or two have the same output.
    """
    found = [place for source in sources for place in _found(source, find, values)]
    if ending is None:
        return [Item(path, None, _name(path, folder)) for path, folder in found]
    if output == DASH or (sources == [DASH] and not output):
        if len(sources) > 1 or Path(sources[0]).is_dir():
            raise errors.UsageError("several files do not fit into standard output", sources[0])
        if sys.stdout.isatty():
            raise errors.UsageError("standard output is a terminal; redirect it, or give --output")
        return [Item(found[0][0], STDOUT, found[0][0].name)]
    if names_a_file(sources, output):
        return [Item(found[0][0], Path(output), found[0][0].name)]
    if output and Path(output).suffix == ending and not Path(output).is_dir():
        raise errors.UsageError("one file for several; --output must be a folder", output)
    stems = {(folder, Path(_name(path, folder)).with_suffix("")) for path, folder in found}
    # a.png and a.jpg would both become a.alic: then all names keep their ending.
    distinct = len(stems) == len(found)
    items = {}
    for path, folder in found:
        name = _name(path, folder)
        place = Path(output, name) if output else path
        target = place.with_name((path.stem if distinct else path.name) + ending)
        if target in items:
            raise errors.UsageError(f"{items[target].path} would have the same output", path)
        items[target] = Item(path, target, name)
    return list(items.values())


def _found(source, find, values):
    """(path, folder or None) of the file `source`, or of the files in the folder `source`."""
    if source == DASH:
        return [(STDIN, None)]
    source = Path(source)
    if not source.is_dir():
        return [(source, None)]
    try:
        found = list(_walk(source, find, values.quiet)) if values.recursive else find(source)
    except OSError as error:
        raise errors.UsageError(f"cannot be read: {error.strerror}", error.filename) from error
    if not found:
        raise errors.UsageError("nothing to do: no such files in this folder", source)
    return [(path, source) for path in found]


def _walk(source, find, quiet):
    """Paths that `find` finds in a folder and in those within; what is skipped is named."""

    def fail(error):
        raise error

    for folder, folders, names in os.walk(source, onerror=fail):
        folders.sort()
        found = find(folder)
        yield from found
        links = [name for name in folders if Path(folder, name).is_symlink()]
        skipped = {Path(folder, name) for name in (*names, *links)} - set(found)
        if not quiet:
            for path in sorted(skipped):
                print(f"skipped: {path}", file=sys.stderr)


def _name(path, folder):
    return path.name if folder is None else str(path.relative_to(folder))


def names_a_file(sources, output):
    """Whether `output` is the name of a file to write, not that of a folder to write to."""
    if not output or output == DASH or len(sources) > 1 or Path(sources[0]).is_dir():
        return False
    return not output.endswith(os.sep) and not Path(output).is_dir()


def check_outputs(items, others, overwrite):
    """Raises UsageError if an output exists, would replace its input, or cannot be written."""
    items = [item for item in items if item.target is not STDOUT]
    targets = [item.target for item in items] + others
    for path, target, _ in items:
        if path is not STDIN and target.exists() and target.samefile(path):
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


def rehearse(items, values):
    """Prints which files would be made of which; returns the exit code."""
    for path, target, _ in items:
        line = f"{path} -> {target}"
        record = {"input": str(path), "output": str(target)}
        say(json.dumps(record) if values.json else line, target, values, asked=True)
    return 0


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


def say(text, target, values, asked=False):
    """Prints what is said about an output: not on standard output if that is the output itself.

    Arguments:
        text: lines.
        target: the output, or None.
        values: with `quiet` and `json`, see `options`.
        asked: whether the text is what was asked for; else it is for people, and left out of JSON.
    """
    if not values.quiet and (asked or not values.json):
        print(text, file=sys.stderr if target is STDOUT else sys.stdout)


class Done(NamedTuple):
    """What a piece of work returns: a line for people, a dictionary for JSON, and its result."""

    line: str
    record: dict
    result: object = None


def for_each(items, work, values):
    """Runs work(item, advance) on all items; one that fails is reported, others go on.

    Lines, warnings and errors are printed in the order of the items, whatever is done first: lines
    on standard output (on standard error if that is where the data go), the others on standard
    error. With `values.json`, failures are objects among the others, too.

    Arguments:
        items: of `plan`.
        work: function that returns a `Done`; called from several threads if there are several jobs.
            It may tell shares of its work to `advance`, see `progress`; a bar shows them. There is
            none for a single item of which nothing is told.
        values: with `json` and `quiet`, and perhaps `jobs`, see `options`.

    Returns:
        (results, names of the items that failed)

    Raises:
        UsageError: what is raised as such would be the same for every item.
    """
    results, failed = [], []

    def attempt(item):
        _notes.lines = []
        told = 0.0

        def tell(share):
            nonlocal told
            told += share
            advance(share)

        try:
            return work(item, tell), None, _notes.lines
        except MemoryError:
            error = errors.LimitExceeded("too large for the memory of this machine")
        except errors.UsageError:
            raise
        except errors.AlicError as raised:
            error = raised
        finally:
            if told or len(items) > 1:
                advance(1 - told)
        return None, error, _notes.lines

    bar = nullcontext(progress.ignore)
    if not values.quiet:
        bar = progress.bar(len(items), hidden=len(items) == 1)
    jobs = getattr(values, "jobs", 1)
    with _warnings_by_thread(), bar as advance, _mapping(jobs) as mapped:
        for item, (done, error, notes) in zip(items, mapped(attempt, items)):
            for note in notes:
                print(f"warning: {item.path}: {note}", file=sys.stderr)
            if error:
                error.path = error.path or item.path
                print(f"error: {error}", file=sys.stderr)
                failed.append(item.name)
            else:
                results.append(done.result)
            if values.json:
                record = {"error": error.cause} if error else done.record
                paths = {"input": str(item.path)}
                paths |= {"output": str(item.target)} if item.target else {}
                say(json.dumps(paths | record), item.target, values, asked=True)
            elif done:
                say(done.line, item.target, values)
    if len(items) > 1 and failed:
        print(f"{len(failed)} of {len(items)} files failed", file=sys.stderr)
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
