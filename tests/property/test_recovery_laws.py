"""Laws of putting a session together again, whatever was lost, changed, doubled or made up."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from governance.journal.chain import ZERO_HASH, chain_rows
from governance.journal.gaps import GAP_KIND, Bridge, Link, is_next, link_after
from governance.journal.reassembling import Facts, Kept, Lost, reassemble, woven
from governance.journal.records import Record, Row

WHOLE, GONE, BODY, HASH, TWICE = "whole", "gone", "body", "hash", "twice"


def _rows(count: int) -> list[Record]:
    return chain_rows(ZERO_HASH, "s", 0, [Row("k", n, b"row %d" % n) for n in range(count)], "key")


def _candidates(row: Record, fate: str) -> tuple[Record, ...]:
    match fate:
        case "gone":
            return ()
        case "body":
            return (evolve(row, body=row.body + b" changed"),)
        case "hash":
            return (evolve(row, hash=bytes(32)),)
        case "twice":
            return (evolve(row, body=b"of a bad copy"), row)
        case _:
            return (row,)


def _facts(rows: list[Record], known: frozenset[int]) -> Facts:
    hashes: Mapping[int, bytes] = {row.seq: row.hash for row in rows}
    return Facts(
        base=0,
        link=ZERO_HASH,
        last=len(rows),
        known=lambda seq: (hashes[seq],) if seq in known and seq in hashes else (),
    )


@given(
    fates=st.lists(st.sampled_from((WHOLE, WHOLE, WHOLE, GONE, BODY, HASH, TWICE)), min_size=1),
    known=st.frozensets(st.integers(1, 30)),
)
def test_the_whole_is_covered_and_holds(fates: list[str], known: frozenset[int]) -> None:
    """Each number once, in order; the woven chain holds; what is proven is what was written."""
    rows = _rows(len(fates))
    slots = [
        (row.seq, found)
        for row, fate in zip(rows, fates, strict=True)
        if (found := _candidates(row, fate))
    ]

    parts = list(reassemble(slots, _facts(rows, known)))

    covered: list[int] = []
    for part in parts:
        match part:
            case Kept(record=record, proven=proven):
                covered.append(record.seq)
                if proven:
                    assert record == rows[record.seq - 1]
            case Lost(first=first, last=last):
                covered += range(first, last + 1)
    assert covered == list(range(1, len(rows) + 1))
    link: Link = ZERO_HASH
    for seq, row in enumerate(woven(parts, "s", ZERO_HASH, 7), start=1):
        assert (row.session, row.seq) == ("s", seq)
        assert is_next(link, row)
        link = link_after(row)


@given(
    gone=st.frozensets(st.integers(1, 20), max_size=12),
    known=st.frozensets(st.integers(1, 20)),
)
def test_rows_that_are_gone_cost_no_other(gone: frozenset[int], known: frozenset[int]) -> None:
    """When rows are missing and none is changed, exactly these are lost."""
    rows = _rows(20)
    slots = [(row.seq, (row,)) for row in rows if row.seq not in gone]

    kept = {p.record.seq for p in reassemble(slots, _facts(rows, known)) if isinstance(p, Kept)}

    assert kept == {row.seq for row in rows} - gone


@given(damaged=st.integers(1, 19), fate=st.sampled_from((BODY, HASH)))
def test_one_damaged_row_costs_at_most_itself(damaged: int, fate: str) -> None:
    """A changed body costs its row; a changed hash costs nothing, for the next row proves it."""
    rows = _rows(20)
    slots = [(row.seq, _candidates(row, fate if row.seq == damaged else WHOLE)) for row in rows]

    kept = [p.record for p in reassemble(slots, _facts(rows, frozenset())) if isinstance(p, Kept)]

    lost = {damaged} if fate == BODY else set()
    assert kept == [row for row in rows if row.seq not in lost]


@given(
    gone=st.frozensets(st.integers(1, 12), min_size=1, max_size=6),
    found=st.frozensets(st.integers(1, 12)),
)
def test_a_second_repair_finds_what_the_first_did_not(
    gone: frozenset[int], found: frozenset[int]
) -> None:
    """Stand-ins of a repair give way to rows that turn up, and stay where none does."""
    rows = _rows(14)
    once = list(
        woven(
            reassemble(
                [(row.seq, (row,)) for row in rows if row.seq not in gone],
                _facts(rows, frozenset()),
            ),
            "s",
            ZERO_HASH,
            7,
        )
    )
    slots = [
        (
            row.seq,
            (row, rows[row.seq - 1]) if row.seq in found and row != rows[row.seq - 1] else (row,),
        )
        for row in once
    ]

    bridges = {row.seq: link_after(row) for row in once if row.kind == GAP_KIND}
    known = frozenset(seq for seq, one in bridges.items() if isinstance(one, Bridge) and one.lost)
    facts = evolve(_facts(rows, known), bridge=bridges.get)

    twice = list(woven(reassemble(slots, facts), "s", ZERO_HASH, 7))

    back = {row.seq for row in twice if row == rows[row.seq - 1]}
    assert back == {row.seq for row in rows} - (gone - found)
    assert {row.seq for row in twice if row.kind == GAP_KIND} == gone - found
