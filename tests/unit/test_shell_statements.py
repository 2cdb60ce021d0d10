"""Statements of SQL: cut where they end, and neither a comment nor a string is one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.shell.statements import CHARACTERS_MAX, STATEMENTS_MAX, statements


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("DROP TABLE x", ["DROP TABLE x"]),
        ("BEGIN; DELETE FROM a;; COMMIT;", ["BEGIN", "DELETE FROM a", "COMMIT"]),
        ("DROP/**/TABLE\n\t x", ["DROP TABLE x"]),
        ("select 1 -- ; drop table x", ["select 1"]),
        ("select 1 /* ; drop table x */, 2", ["select 1 , 2"]),
        ("/*!50000 drop table x */;", ["drop table x"]),
        ("select 'drop; table x'", ["select 'drop; table x'"]),
        ("select 'it''s; a', 1; drop table x", ["select 'it''s; a', 1", "drop table x"]),
        (r"select 'it\'s; a', 1; drop table x", [r"select 'it\'s; a', 1", "drop table x"]),
        ('select "a;b"; drop table `c;d`', ['select "a;b"', "drop table `c;d`"]),
        ("select 'open; drop table x", ["select 'open", "drop table x"]),
        ("DO $$ BEGIN DELETE FROM t; END $$;", ["DO", "DELETE FROM t", "END"]),
        ("BEGIN TRANSACTION; x", ["BEGIN TRANSACTION", "x"]),
        ("EXPLAIN ANALYZE DELETE FROM t", ["DELETE FROM t"]),
        ("EXPLAIN DELETE FROM t", ["EXPLAIN DELETE FROM t"]),
        ("\\dt\ndrop table x", ["\\dt", "drop table x"]),
        ("use app\ndrop table x", ["use app", "drop table x"]),
        ("select 1\nGO\nDROP DATABASE a\ngo", ["select 1", "DROP DATABASE a"]),
        ("  ;; -- none", []),
        ("", []),
    ],
)
def test_a_text_is_cut_into_its_statements(text: str, expected: list[str]) -> None:
    """Each statement stands alone, without comments, its strings as they were."""
    assert statements(text) == expected


@given(st.lists(st.text("ab '\"`;-/*$\\\n!.", max_size=12), max_size=8))
def test_any_text_is_cut_without_an_error(parts: list[str]) -> None:
    """Whatever the signs are, no statement is empty and none has spaces at its ends."""
    for one in statements("".join(parts)):
        assert one
        assert one == one.strip()


@given(st.lists(st.sampled_from(["drop table x", "select 'a;b'", "delete from t"]), max_size=6))
def test_statements_that_are_joined_come_back(parts: list[str]) -> None:
    """What is joined by `;` is cut there again."""
    assert statements(" ; ".join(parts)) == parts


@pytest.mark.parametrize("signs", ["'", "'\\", "/*", '"`', "(begin ", "\\a\n", ";use "])
def test_a_text_beyond_the_bound_is_kept_as_it_stands(signs: str) -> None:
    """What lies beyond the bound is part of the last statement, and the number is bounded too."""
    found = statements(signs * (CHARACTERS_MAX // len(signs)) + " " * CHARACTERS_MAX + "END")
    assert found[-1].endswith("END")
    assert len(found) <= STATEMENTS_MAX + 1
