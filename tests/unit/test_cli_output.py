"""What commands print: nothing an agent wrote can act on a terminal, JSON stays JSON."""

from __future__ import annotations

import json
import os
import sys
from contextlib import redirect_stdout
from importlib import import_module
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.cli.output import (
    action_text,
    console,
    diagnostic_json,
    moment,
    print_diagnostics,
    print_error,
    print_json,
    print_line,
    span,
    styled,
    visible,
)
from governance.cli.tables import print_table, width_of
from governance.errors import WARNING, DefinitionError, Diagnostic, StoreBusy

FOUND = Diagnostic(
    "GOV220", "unknown fact `pth`", file="p.toml", line=7, suggestion="did you mean `path`?"
)


@given(st.text(st.characters()))
def test_nothing_visible_acts_on_a_terminal(text: str) -> None:
    """No control sign, no surrogate and no turner of writing is left, whatever was written."""
    shown = visible(text)

    assert not [sign for sign in shown if ord(sign) < 0x20 and sign not in "\n\t"]
    assert not {"\x7f", "\x9b", "\u202e", "\u2066"} & set(shown)
    shown.encode("utf-8")


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E)))
def test_plain_text_stays_as_it_is(text: str) -> None:
    """What is printable is shown unchanged."""
    assert visible(text) == text


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="platform: no pseudo-terminals")
@pytest.mark.parametrize("columns", ["", "40"])
def test_a_terminal_that_can_only_append_is_as_wide_as_it_is(
    monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    """And not eighty columns; what `COLUMNS` says counts more."""
    struct, fcntl, termios = (import_module(one) for one in ("struct", "fcntl", "termios"))
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", columns)
    above, below = os.openpty()
    fcntl.ioctl(below, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
    with os.fdopen(above), os.fdopen(below, "w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)

        assert console().width == int(columns or 60)


def test_markup_and_escapes_in_cells_are_only_text(capsys: pytest.CaptureFixture[str]) -> None:
    """A cell that looks like markup, or holds an escape, is shown and not obeyed."""
    print_table(("a", "b"), [("[red]x[/red]", "\x1b[31mred"), (action_text("deny"), "y")])

    out = capsys.readouterr().out
    assert "[red]x[/red]" in out
    assert "␛[31mred" in out
    assert "\x1b" not in out


def test_no_cell_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    """A long word is folded over lines and none of it is lost."""
    word = "w" * 500

    print_table(("word",), [(word,)])

    assert capsys.readouterr().out.count("w") == len(word) + 1


def test_no_color_is_kept(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`NO_COLOR` wins over a terminal that could show colour."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    print_line("x", "bad")
    coloured = capsys.readouterr().out
    monkeypatch.setenv("NO_COLOR", "1")
    print_line("x", "bad")

    assert "\x1b[" in coloured
    assert "31m" not in capsys.readouterr().out


def test_a_colour_ends_where_it_should(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The place of a problem is dim, and what is said of it is not."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)

    print_diagnostics((FOUND,))

    assert "\x1b[0munknown fact" in capsys.readouterr().out


def test_columns_sets_the_width(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tables keep to the width that `COLUMNS` asks for."""
    monkeypatch.setenv("COLUMNS", "40")

    print_table(("word",), [("word " * 40,)])

    assert max(len(line) for line in capsys.readouterr().out.splitlines()) <= 40


def test_json_is_ascii_and_comes_back(capsys: pytest.CaptureFixture[str]) -> None:
    """What is printed as JSON is read back the same, whatever the terminal's encoding."""
    value = {"a": ["ü", 1, None, {"\u202e": "x"}]}

    print_json(value)
    print_json(value, lines=True)

    out = capsys.readouterr().out
    whole, _, line = out.rstrip("\n").rpartition("\n")
    assert out.isascii()
    assert json.loads(whole) == value
    assert json.loads(line) == value


def test_a_diagnostic_is_printed_with_place_code_and_remedy(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A person reads where, what and how to mend."""
    print_diagnostics([FOUND, Diagnostic("GOV300", "expired", severity=WARNING)])

    assert capsys.readouterr().out.splitlines() == [
        "p.toml:7: GOV220 unknown fact `pth`",
        "    did you mean `path`?",
        "GOV300 expired",
    ]


def test_errors_are_json_for_programs_and_text_for_people(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """All problems come at once: on standard output as JSON, on standard error as text."""
    error = DefinitionError((FOUND, Diagnostic("GOV201", "no `format`")))

    print_error(error, as_json=True)
    as_json = capsys.readouterr()
    print_error(StoreBusy("locked", remedy="try again"), as_json=False)
    as_text = capsys.readouterr()

    assert json.loads(as_json.out) == {
        "ok": False,
        "diagnostics": [diagnostic_json(one) for one in error.diagnostics],
    }
    assert as_json.err == ""
    assert as_text.out == ""
    assert as_text.err == "GOV505 locked\n    try again\n"


@given(st.integers(min_value=-(2**63), max_value=2**63 - 1))
def test_any_moment_and_any_span_can_be_shown(at_ms: int) -> None:
    """A clock gone mad in a journal does not break what shows it."""
    assert moment(at_ms)
    assert span(at_ms).startswith("-") == (at_ms <= -1000 or -1000 < at_ms < 0)


def test_a_moment_is_shown_in_utc() -> None:
    """The form is ISO 8601 in UTC, whatever zone the machine is in."""
    assert moment(1_700_000_000_000) == "2023-11-14T22:13:20Z"


cells = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=12)
tables = st.integers(1, 5).flatmap(
    lambda columns: st.tuples(
        st.lists(cells, min_size=columns, max_size=columns),
        st.lists(st.lists(cells, min_size=columns, max_size=columns), min_size=1, max_size=4),
    )
)


@given(tables)
def test_a_table_as_wide_as_is_told_folds_no_cell(table: tuple[list[str], list[list[str]]]) -> None:
    """Each row stands on a line of its own, with all of its cells."""
    columns, rows = table
    shown = [[styled(cell) for cell in row] for row in rows]
    out = StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out):
        patch.setenv("COLUMNS", str(width_of(columns, shown)))
        print_table(columns, shown)

    lines = [line.split() for line in out.getvalue().splitlines() if line.strip(" ─")]
    assert lines == [columns, *rows]
