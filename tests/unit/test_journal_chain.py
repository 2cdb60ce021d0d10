"""The chain's encoding: fixed for ever, and different for everything that differs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from governance.journal.chain import ZERO_HASH, chain_rows, record_hash, row_hash, snapshot_digest
from governance.journal.heads import compare_heads, take_heads
from governance.journal.memory import MemoryJournal
from governance.journal.records import Append, Row, Snapshot

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
_COLUMNS = st.tuples(
    st.binary(min_size=32, max_size=32),
    _TEXT,
    st.integers(1, 2**63 - 1),
    _TEXT,
    st.integers(-(2**63), 2**63 - 1),
    st.booleans(),
    st.none() | _TEXT,
    st.binary(max_size=16),
)


def test_the_encoding_does_not_change() -> None:
    """A stored hash stays valid in every later version: these are of the first."""
    plain = row_hash(ZERO_HASH, "s-1", 1, "turn.started", 1_700_000_000_000, True, None, b"{}")
    keyed = row_hash(plain, "日本", 2, "tool.decided", -1, False, "k", b"\x00\xff")
    assert plain.hex() == "3f0208f3239dabd76e4ed0e4d1234abc3b7db088a89af6e2d86b48af018967c4"
    assert keyed.hex() == "97b962892df3e36a088a2ca94f5d1e2620ba574022dc4d7c4ec6342cc27e4e50"
    digest = snapshot_digest(Snapshot("s-1", 2, keyed, 3, b"folded"))
    assert digest.hex() == "4f8665edc51517fe0cc222365de1930e3b0604d1dc91ddab9b6377cabcfd619f"


@given(_COLUMNS, _COLUMNS)
def test_different_rows_have_different_hashes(one: tuple, other: tuple) -> None:  # type: ignore[type-arg]
    """No two rows that differ in any column share a hash."""
    assert (row_hash(*one) == row_hash(*other)) == (one == other)


@given(columns=_COLUMNS, place=st.integers(0, 7), data=st.data())
def test_every_column_is_covered(columns: tuple, place: int, data: st.DataObject) -> None:  # type: ignore[type-arg]
    """A row with one column exchanged has another hash."""
    changed = list(columns)
    changed[place] = data.draw(_COLUMNS.map(lambda drawn: drawn[place]))
    assert (row_hash(*columns) == row_hash(*changed)) == (tuple(changed) == columns)


@given(text=_TEXT, cut=st.integers(0, 8), other=st.integers(0, 8))
def test_no_byte_moves_between_columns(text: str, cut: int, other: int) -> None:
    """The same text cut differently into session and kind, or kind and key, is another row."""
    one, two = (text[:cut], text[cut:]), (text[:other], text[other:])
    hashes = {row_hash(ZERO_HASH, a, 1, b, 0, True, None, b"") for a, b in (one, two)}
    assert len(hashes) == len({one, two})
    hashes = {row_hash(ZERO_HASH, "s", 1, a, 0, True, b, b"") for a, b in (one, two)}
    assert len(hashes) == len({one, two})


def test_no_key_is_not_an_empty_key() -> None:
    """A key that is not there and one without characters are told apart."""
    assert row_hash(ZERO_HASH, "s", 1, "k", 0, True, None, b"") != row_hash(
        ZERO_HASH, "s", 1, "k", 0, True, "", b""
    )


@given(st.lists(st.binary(max_size=8), min_size=1, max_size=5), st.integers(0, 9))
def test_rows_are_chained_one_to_the_next(bodies: list[bytes], seq: int) -> None:
    """Records run on from the sequence given, each over the hash before it; one has the key."""
    rows = [Row("k", n, body, n % 2 == 0) for n, body in enumerate(bodies)]
    records = chain_rows(b"p" * 32, "s", seq, rows, "key")
    previous = b"p" * 32
    for n, record in enumerate(records, start=1):
        assert record.seq == seq + n
        assert record.hash == record_hash(previous, record)
        previous = record.hash
    assert [record.key for record in records] == [None] * (len(rows) - 1) + ["key"]


def test_exported_heads_expose_a_session_that_was_cut_before_it_was_removed() -> None:
    """A tombstone of fewer rows than were exported hides nothing; one of as many, or more, fits."""

    def removed_after(count: int) -> MemoryJournal:
        journal = MemoryJournal()
        journal.append([Append("s", 0, (Row("k", 1, b"{}"),) * count)])
        assert journal.remove("s", expected=journal.head("s")) is True
        return journal

    whole = MemoryJournal()
    whole.append([Append("s", 0, (Row("k", 1, b"{}"),) * 5)])
    exported = take_heads(whole, at_ms=1, by="me")

    found = {count: compare_heads(removed_after(count), exported) for count in (3, 5, 7)}

    assert {count: [(one.what, one.seq) for one in each] for count, each in found.items()} == {
        3: [("cut", 4)],
        5: [],
        7: [],
    }
