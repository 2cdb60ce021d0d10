"""Progress of slow commands: shown on a terminal, after a while, and on standard error."""

from __future__ import annotations

import io
import sys

import pytest

from governance.cli import progress


class Terminal(io.StringIO):
    """A text stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_items_come_through_unchanged_where_there_is_no_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A pipe gets no bar, however long it takes."""
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(progress, "QUIET_SECONDS", -1.0)

    assert list(progress.progressing(range(50), "reading")) == list(range(50))
    assert stream.getvalue() == ""


def test_a_terminal_sees_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """The label and the count, with control characters of the label made visible."""
    stream = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(progress, "QUIET_SECONDS", -1.0)

    assert list(progress.progressing(iter("abc"), "reading\x07", total=3)) == ["a", "b", "c"]
    assert "reading␇" in stream.getvalue()
    assert "3/3" in stream.getvalue()


def test_what_is_quick_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """No bar flickers up for what is done at once."""
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(progress, "QUIET_SECONDS", 3_600.0)

    assert list(progress.progressing(range(50), "reading")) == list(range(50))
    assert stream.getvalue() == ""
