"""Writing files so that nothing half-written is ever left under its final name."""

import os
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path

from alic_tf import errors


@contextmanager
def replacing(path):
    """Yields a temporary path in the folder of `path` that becomes `path` if the block succeeds.

    Folders on the way are created. If the block raises, the temporary file is removed and an
    existing file at `path` stays as it was.

    Raises:
        AlicError: an operating system's error, such as a full disk, as one line.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        cause = error.strerror or str(error)
        raise errors.AlicError(f"cannot be written: {cause}", path) from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def check_writable(folder):
    """Raises UsageError unless files can be created in `folder`, which need not exist yet.

    Tried with a nameless temporary file: permission bits alone say nothing about read-only
    file systems, and nothing to the superuser.
    """
    existing = Path(folder).absolute()
    while not os.path.lexists(existing):
        existing = existing.parent
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        raise errors.UsageError(f"cannot write here: {error.strerror}", folder) from error
