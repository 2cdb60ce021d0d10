"""Laws of what is encrypted at rest: it comes back as it was, or not at all."""

from __future__ import annotations

import os

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from governance.journal.encrypted import EncryptedJournal, encrypted
from governance.journal.key_sources import KeyEncryptionKey
from governance.journal.memory import MemoryJournal
from governance.journal.records import Append, Appended, Record, Row, Snapshot
from governance.journal.sealing import (
    OVERHEAD_BYTES,
    DataKey,
    SealBroken,
    is_sealed,
    row_bound,
    texts_bound,
)
from governance.journal.vault import Vault, WrongKey
from governance.values import dump_json

NAMES = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=8
)
BODIES = st.binary(max_size=200)
KEY = DataKey.new()


def journal_over(inner: MemoryJournal, key: KeyEncryptionKey | None = None) -> EncryptedJournal:
    return encrypted(inner, Vault.open(inner.shelf, key or KeyEncryptionKey.of(os.urandom(32))))


@given(BODIES, BODIES)
def test_what_is_sealed_opens_to_what_it_was(value: bytes, bound: bytes) -> None:
    """open(seal(x)) = x, 40 bytes longer, and never twice the same."""
    sealed = KEY.seal(value, bound)

    assert KEY.open(sealed, bound, "it") == value
    assert len(sealed) == len(value) + OVERHEAD_BYTES
    assert is_sealed(sealed)
    assert KEY.seal(value, bound) != sealed
    assert len(value) < 12 or value not in sealed


@given(BODIES, st.data())
def test_a_flipped_bit_is_found(value: bytes, data: st.DataObject) -> None:
    """Any bit of the whole, its mark and nonce included, makes it not open."""
    sealed = bytearray(KEY.seal(value, b"here"))
    bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[bit // 8] ^= 1 << bit % 8
    broken = bytes(sealed)

    with pytest.raises(SealBroken):
        KEY.open(broken, b"here", "it")


@given(BODIES, st.data())
def test_a_cut_value_does_not_open(value: bytes, data: st.DataObject) -> None:
    """Whatever is missing at its end, the nonce alone included."""
    sealed = KEY.seal(value, b"here")
    cut = data.draw(st.integers(0, len(sealed) - 1))

    with pytest.raises(SealBroken):
        KEY.open(sealed[:cut], b"here", "it")


@given(BODIES, BODIES, BODIES)
def test_it_opens_only_where_it_belongs(value: bytes, here: bytes, there: bytes) -> None:
    """Bound to another place, or under another key, it does not open."""
    sealed = KEY.seal(value, here)

    if here != there:
        with pytest.raises(SealBroken):
            KEY.open(sealed, there, "it")
    with pytest.raises(SealBroken):
        DataKey.new().open(sealed, here, "it")
    # Even one that claims to be the same key by its id.
    with pytest.raises(SealBroken):
        DataKey(KEY.key_id, os.urandom(32)).open(sealed, here, "it")


PLACES = st.tuples(NAMES, st.integers(1, 3), NAMES, st.integers(-2, 2), st.booleans())


@given(PLACES, PLACES)
def test_no_two_places_are_bound_alike(one: tuple, other: tuple) -> None:  # type: ignore[type-arg]
    """Session, sequence, kind, time and durability all count, and no way of cutting confuses."""
    assert (row_bound(*one) == row_bound(*other)) == (one == other)


@given(st.lists(NAMES, max_size=3), st.lists(NAMES, max_size=3))
def test_no_two_lists_of_texts_are_bound_alike(one: list[str], other: list[str]) -> None:
    """`ab`, `c` is not `a`, `bc`."""
    assert (texts_bound("x", *one) == texts_bound("x", *other)) == (one == other)


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), BODIES), min_size=2, max_size=6), st.data())
def test_rows_cannot_change_places(rows: list[tuple[str, bytes]], data: st.DataObject) -> None:
    """A body put into any other row, of its own session or another, does not open there."""
    inner = MemoryJournal()
    journal = journal_over(inner)
    for session, body in rows:
        seq = journal.head(session).seq
        assert isinstance(journal.append([Append(session, seq, (Row("k", 1, body),))]), Appended)
    stored = [*inner.read("a"), *inner.read("b")]
    read = [*journal.read("a"), *journal.read("b")]
    first, second = data.draw(st.permutations(range(len(stored))))[:2]
    swapped = evolve(stored[first], body=stored[second].body)

    with pytest.raises(SealBroken):
        journal._opened(swapped, {})
    assert [(one.session, one.body) for one in read] == sorted(rows, key=lambda one: one[0])


@given(st.lists(st.binary(min_size=8, max_size=60), min_size=1, max_size=4))
def test_nothing_of_a_body_is_stored(bodies: list[bytes]) -> None:
    """Rows, snapshots and values on shelves hold no byte string that was handed in."""
    inner = MemoryJournal()
    journal = journal_over(inner)
    journal.append([Append("s", 0, tuple(Row("k", 1, one) for one in bodies))])
    head = journal.head("s")
    journal.snapshot_put(Snapshot("s", head.seq, head.hash, 1, bodies[0]))
    journal.shelf.put("blob", "s#1", bodies[0])
    journal.shelf.put("rollup", "all", bodies[0])

    held = [one.body for one in inner.read("s")]
    kept = inner.snapshot_get("s", version=1)
    assert kept is not None
    held += [kept.body]
    for shelf, name in (("blob", "s#1"), ("rollup", "all")):
        entry = inner.shelf.get(shelf, name)
        assert entry is not None
        held.append(entry.value)

    assert not [body for body in bodies for one in held if body in one]
    snapshot = journal.snapshot_get("s", version=1)
    assert snapshot is not None
    assert snapshot.body == bodies[0]
    assert [one.value for one in journal.shelf.scan("blob")] == [bodies[0]]
    assert inner.verify().ok


@given(st.binary(min_size=32, max_size=32))
def test_a_wrong_key_is_an_error(other: bytes) -> None:
    """Never an empty list: the store does not even open."""
    inner = MemoryJournal()
    journal_over(inner).append([Append("s", 0, (Row("k", 1, b"{}"),))])

    with pytest.raises(WrongKey):
        journal_over(inner, KeyEncryptionKey.of(other))


def test_rows_from_before_encryption_read_on() -> None:
    """A store that was encrypted later gives old and new rows alike."""
    inner = MemoryJournal()
    inner.append([Append("s", 0, (Row("k", 1, dump_json({"n": 1})),))])
    journal = journal_over(inner)
    journal.append([Append("s", 1, (Row("k", 2, dump_json({"n": 2})),))])

    def bodies(records: tuple[Record, ...]) -> list[bytes]:
        return [one.body for one in records]

    assert bodies(journal.read("s")) == [b'{"n":1}', b'{"n":2}']
    assert [is_sealed(one) for one in bodies(inner.read("s"))] == [False, True]
    assert journal.verify().ok


@given(BODIES)
def test_what_was_never_sealed_is_no_snapshot(body: bytes) -> None:
    """Without the key nobody can say of a session what its rows do not."""
    inner = MemoryJournal()
    journal = journal_over(inner)
    journal.append([Append("s", 0, (Row("a", 1, b"{}"),))])
    head = inner.head("s")

    inner.snapshot_put(Snapshot("s", head.seq, head.hash, 1, body))

    assert inner.snapshot_get("s", version=1) is not None
    assert journal.snapshot_get("s", version=1) is None
