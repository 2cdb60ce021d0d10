"""What no store is given: each bound refuses the first value beyond it, and names it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve

from governance.errors import MisuseError
from governance.journal import limits
from governance.journal.chain import ZERO_HASH, chain_rows
from governance.journal.limits import (
    KEY_CHARACTERS_MAX,
    LIMIT_MAX,
    check_append,
    check_head,
    check_page,
    check_restored,
    check_snapshot,
    check_value,
)
from governance.journal.records import (
    BODY_BYTES_MAX,
    ROWS_MAX,
    Append,
    Head,
    Origin,
    Record,
    Row,
    Snapshot,
)
from governance.values import INTEGER_MAX, ValueRefused

ROW = Row("k", 0, b"{}")
SNAPSHOT = Snapshot("s", 1, ZERO_HASH, 1, b"{}")
HEAD = Head("s", 2, ZERO_HASH)
RECORD = Record("s", 1, "k", 0, b"{}", True, None, ZERO_HASH)


def big(size: int = BODY_BYTES_MAX + 1) -> bytes:
    return bytes(size)


@pytest.mark.parametrize(
    ("row", "error", "said"),
    [
        ({"at_ms": True}, ValueRefused, "64 bits"),
        ({"at_ms": INTEGER_MAX + 1}, ValueRefused, "64 bits"),
        ({"at_ms": -INTEGER_MAX - 2}, ValueRefused, "64 bits"),
        ({"body": "{}"}, MisuseError, "type `str`; expected bytes"),
        ({"durable": 1}, MisuseError, "expected true or false"),
        ({"kind": ""}, ValueRefused, "kind"),
    ],
)
def test_a_row_that_is_none_is_refused(
    row: dict[str, Any], error: type[Exception], said: str
) -> None:
    """Of a wrong type or beyond its bound, in an append and among what is put back."""
    wrong = evolve(ROW, **row)
    record = evolve(RECORD, **row)

    for refused in (
        lambda: check_append([Append("s", 0, (wrong,))], None),
        lambda: check_restored(HEAD, [record], None),
    ):
        with pytest.raises(error, match=said):
            refused()


@pytest.mark.parametrize(
    ("batch", "said"),
    [
        ([], "at least one session"),
        ([Append("s", 0, ())], "without rows"),
        ([Append("s", -1, (ROW,))], "expected head"),
        ([Append("s", INTEGER_MAX, (ROW,))], "expected head"),
        ([Append("s", 0, (ROW,) * (ROWS_MAX + 1))], f"at most {ROWS_MAX}"),
        ([Append("s", 0, (ROW,)), Append("s", 1, (ROW,))], "twice"),
        (
            [Append(f"s{n}", 0, (ROW,)) for n in range(limits.SESSIONS_MAX + 1)],
            f"at most {limits.SESSIONS_MAX}",
        ),
    ],
)
def test_an_append_that_is_none_is_refused(batch: list[Append], said: str) -> None:
    """Nothing in it, too much in it, or a head that no session has."""
    with pytest.raises(MisuseError, match=said):
        check_append(batch, None)


def test_bytes_are_counted_over_all_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that are small enough each are refused together, and taken at the bound itself."""
    monkeypatch.setattr(limits, "APPEND_BYTES_MAX", 10)
    batch = [Append(name, 0, (Row("k", 0, b"12345"),)) for name in ("s", "t")]
    records = chain_rows(ZERO_HASH, "s", 0, (Row("k", 0, b"12345"),) * 2, None)

    assert check_append(batch, "k" * KEY_CHARACTERS_MAX) == tuple(batch)
    assert check_restored(HEAD, records, None) == tuple(records)
    monkeypatch.setattr(limits, "APPEND_BYTES_MAX", 9)
    with pytest.raises(ValueRefused, match="more than 9 bytes"):
        check_append(batch, None)
    with pytest.raises(ValueRefused, match="more than 9 bytes"):
        check_restored(HEAD, records, None)


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ({"seq": 0}, MisuseError, "sequence 0"),
        ({"hash": b"short"}, MisuseError, "5 bytes"),
        ({"version": -1}, MisuseError, "version -1"),
        ({"version": True}, MisuseError, "version True"),
        ({"body": "{}"}, MisuseError, "type `str`; expected bytes"),
        ({"body": big()}, ValueRefused, f"at most {BODY_BYTES_MAX}"),
        ({"session": ""}, ValueRefused, "session"),
    ],
)
def test_a_snapshot_that_is_none_is_refused(
    given: dict[str, Any], error: type[Exception], said: str
) -> None:
    """Whoever keeps one names a row that can be there, and a version of the fold."""
    check_snapshot(SNAPSHOT)
    with pytest.raises(error, match=said):
        check_snapshot(evolve(SNAPSHOT, **given))


REFUSED: list[tuple[Callable[[], object], str]] = [
    (lambda: check_head(evolve(HEAD, seq=0)), "sequence 0"),
    (lambda: check_head(evolve(HEAD, seq=True)), "sequence True"),
    (lambda: check_head(evolve(HEAD, hash=b"short")), "not 32 bytes"),
    (lambda: check_restored(HEAD, [], Origin("p", 3)), "a branch at 3 whose head is 2"),
    (lambda: check_restored(HEAD, [evolve(RECORD, session="t")], None), "a record of `t`"),
    (lambda: check_restored(HEAD, [RECORD] * (ROWS_MAX + 1), None), f"at most {ROWS_MAX}"),
    (lambda: check_page(0, LIMIT_MAX + 1), str(LIMIT_MAX)),
    (lambda: check_value("text"), "expected bytes"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("check", "said"), REFUSED)
def test_what_names_nothing_that_can_be_is_refused(check: Callable[[], object], said: str) -> None:
    """Heads, branches, pages and values of the wrong kind never reach a store."""
    with pytest.raises(MisuseError, match=said):
        check()


def test_bodies_and_values_have_a_size() -> None:
    """The largest is taken, one byte more is refused."""
    for taken in (
        lambda size: check_value(big(size)),
        lambda size: check_append([Append("s", 0, (Row("k", 0, big(size)),))], None),
    ):
        taken(BODY_BYTES_MAX)
        with pytest.raises(ValueRefused, match=f"at most {BODY_BYTES_MAX}"):
            taken(BODY_BYTES_MAX + 1)
