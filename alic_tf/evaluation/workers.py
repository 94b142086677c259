"""Worker processes that end when their parent does."""

import contextlib
import multiprocessing
import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from alic_tf import errors


@contextlib.contextmanager
def pool(jobs):
    """Yields submit(function, *arguments) -> future, run by this many processes.

    Raises:
        AlicError: a process has ended by itself, as the system makes it when memory runs out.
    """
    # The processes share the cores rather than fight for them.
    threads = str(max(1, (os.cpu_count() or 1) // jobs))
    for variable in ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(variable, threads)
    context = multiprocessing.get_context("spawn")  # TensorFlow does not survive a fork
    executor = ProcessPoolExecutor(jobs, context, _end_with_parent)
    try:
        yield executor.submit
    except BrokenProcessPool as error:
        cause = "a process ended unexpectedly (memory?); the same command goes on where it stopped"
        raise errors.AlicError(cause) from error
    except KeyboardInterrupt:
        for process in multiprocessing.active_children():
            process.terminate()
        raise
    finally:
        executor.shutdown(cancel_futures=True)


def _end_with_parent():
    """The logs being complete at any time, a worker ends at once and silently with its parent.

    Ctrl-C reaches all processes: were a worker to end by it, its parent might take that for an
    error before it gets the signal itself. A parent that is killed does not tell its workers,
    which would finish their pictures beside those of the next run, and then wait forever.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch():
        multiprocessing.parent_process().join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
