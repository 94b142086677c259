"""Keeps quiet what the libraries of TensorFlow say while they are loaded.

From TensorFlow 2.18 on they write to standard error that they miss a GPU, before they read from the
environment how much they shall say. What goes wrong raises an error, which is not lost.
"""

import contextlib
import os
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import PathFinder


@contextlib.contextmanager
def silence():
    """Lets nothing pass that libraries write to the standard error of the process."""
    if sys.stderr is None:  # It was closed before the start.
        yield
        return
    stream, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(stream, 2)
        os.close(nowhere)
        os.close(stream)


class _Finder(MetaPathFinder):
    """Finds TensorFlow as ever, to be loaded in silence."""

    def find_spec(self, name, path=None, target=None):
        spec = PathFinder.find_spec(name, path, target) if name == "tensorflow" else None
        if spec:
            load = spec.loader.exec_module

            def exec_module(module):
                with silence():
                    load(module)

            spec.loader.exec_module = exec_module
        return spec


@contextlib.contextmanager
def tensorflow():
    """Whoever imports TensorFlow meanwhile does so in silence."""
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
