"""Tables in terminals of any width: folded where words end, records where no table fits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from governance.cli.output import styled, value_text
from governance.cli.tables import fold, print_table

ROW = ("22", "git.no-force-push", "read /home/ada/projects/tried/.env and 日本語")
NAMES = ("row", "rule", "what")

texts = st.text(st.sampled_from("ab/.-_ \n日é"), max_size=60)


@given(texts, st.integers(2, 30))
def test_nothing_folded_is_lost_or_too_wide(text: str, width: int) -> None:
    """Only blanks at the ends of lines go; a word that fits on a line is on one."""
    folded = fold(styled(text), width).plain
    lines = folded.split("\n")

    assert "".join(folded.split()) == "".join(text.split())
    assert all(cell_len(line.lstrip()) <= width for line in lines)
    shown = {word for line in lines for word in line.split()}
    assert {word for word in text.split() if cell_len(word) <= width} <= shown


def test_a_path_is_folded_between_its_parts() -> None:
    """Also an id; a file whose name begins with a dot keeps it."""
    assert fold(styled("/home/ada/tried/.env"), 16).plain == "/home/ada/tried/\n.env"
    assert fold(styled("secrets.shell-env-file"), 16).plain == "secrets.shell-\nenv-file"


@pytest.mark.parametrize("width", [1, 20, 40, 60, 80, 300])
def test_every_width_shows_every_word(
    width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No cell is cut, and from 20 columns on none is broken that a line could hold."""
    monkeypatch.setenv("COLUMNS", str(width))

    print_table(NAMES, [ROW, ROW])

    out = capsys.readouterr().out
    assert "".join(out.split()).count("日本語") == 2
    if width >= 40:
        assert max(map(cell_len, out.splitlines())) <= width
        assert out.count("git.no-force-push") == 2
    if width == 40:
        assert out.count("rule  git.no-force-push") == 2


def test_a_value_is_told_without_the_signs_of_json() -> None:
    """A text is itself, a table its names and values, and what is too long ends in an ellipsis."""
    assert value_text("plain", 20) == "plain"
    assert value_text({"text": "a\nb", "tags": ["x", None]}, 40) == "text: a b, tags: [x, null]"
    assert value_text({"a": {"b": True}}, 40) == "a: {b: true}"
    assert value_text("x" * 30, 10) == "xxxxxxxx …"
