"""The bar: on a terminal only, and not before there is something to show."""

import io
import sys

import pytest

from alic_tf import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("hidden", [False, True])
def test_bar_on_a_terminal(monkeypatch, hidden):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress.bar(2, hidden) as advance:
        assert ("0%" in terminal.getvalue()) is not hidden
        advance(0.5)
        progress.part(advance, 0.5)(3)
    assert "100%" in terminal.getvalue()


def test_no_bar_without_news(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress.bar(1, hidden=True):
        pass
    assert "%" not in terminal.getvalue()


def test_no_bar_elsewhere(capsys):
    with progress.bar(1) as advance:
        advance(1)
    assert capsys.readouterr() == ("", "")
