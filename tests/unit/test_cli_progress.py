"""Progress of slow commands: shown on a terminal, after a while, and on standard error."""

from __future__ import annotations

import io
import sys
import time

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


def test_what_goes_to_a_file_goes_there_while_a_bar_is_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A bar on the terminal keeps nothing that is printed into a file or a pipe."""
    stream, file = Terminal(), io.StringIO()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(sys, "stdout", file)
    monkeypatch.setattr(progress, "QUIET_SECONDS", -1.0)

    for one in progress.progressing("abc", "deciding"):
        sys.stdout.write(f"{one}\n")

    assert file.getvalue() == "a\nb\nc\n"
    assert "3/?" in stream.getvalue()


def test_a_terminal_that_can_only_append_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that is written over and over would stand there over and over."""
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(progress, "QUIET_SECONDS", 0.0)
    monkeypatch.setenv("TERM", "dumb")

    with progress.working("counting"):
        time.sleep(0.05)
    assert list(progress.progressing([1, 2], "counting")) == [1, 2]

    assert stream.getvalue() == ""


def test_what_is_quick_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """No bar flickers up for what is done at once."""
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(progress, "QUIET_SECONDS", 3_600.0)

    assert list(progress.progressing(range(50), "reading")) == list(range(50))
    assert stream.getvalue() == ""


def test_who_waits_is_told_for_how_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot say how far it is says that it works, and leaves no trace."""
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(progress, "QUIET_SECONDS", 0.0)

    with progress.working("proving\x07"):
        while not stream.getvalue():
            time.sleep(0.001)

    shown = stream.getvalue()
    assert shown.startswith("\rproving␇ … 0 s")
    assert shown.endswith(" \r")


@pytest.mark.parametrize("stream", [Terminal(), io.StringIO()])
def test_what_is_quick_or_nobody_sees_says_nothing(
    monkeypatch: pytest.MonkeyPatch, stream: io.StringIO
) -> None:
    """Neither in the first second nor in a pipe."""
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(progress, "QUIET_SECONDS", 3_600.0 if stream.isatty() else 0.0)

    with progress.working("proving"):
        pass

    assert stream.getvalue() == ""
