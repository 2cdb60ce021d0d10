"""The published contract suite, run against every back end of the engine."""

from __future__ import annotations

from inspect import signature
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from governance.journal import Append, Appended, Conflict, Duplicate, Journal, Row
from governance.journal.encrypted import as_stored, encrypted
from governance.journal.key_sources import KeyEncryptionKey
from governance.journal.memory import MemoryJournal
from governance.journal.sqlite import SqliteJournal
from governance.journal.vault import Vault
from governance.testing.journal_contract import DurableJournalContract, JournalContract


class TestMemoryJournal(JournalContract):
    """The model keeps its own contract."""

    def open_journal(self, folder: Path) -> Journal:
        return MemoryJournal()


class TestSqliteJournal(DurableJournalContract):
    """SQLite, anchored in a mirror."""

    def open_journal(self, folder: Path) -> Journal:
        return SqliteJournal.open(
            folder / "project" / "journal.db", create=True, mirror=folder / "mirror" / "heads"
        )


class TestSqliteJournalWithoutMirror(DurableJournalContract):
    """SQLite as it is without a mirror and without syncs."""

    def open_journal(self, folder: Path) -> Journal:
        return SqliteJournal.open(folder / "journal.db", create=True, power_safe=False)


KEY = KeyEncryptionKey.of(b"k" * 32)

OF_WHAT_IS_STORED = (
    "test_a_branch_begins_where_its_parent_stood",
    "test_what_was_removed_can_be_put_back",
    "test_a_journal_moves_to_another_store",
    "test_only_the_rows_that_belong_there_are_put_back",
    "test_a_removal_and_a_return_are_moves",
    "test_each_hash_covers_the_row_and_the_hash_before",
    "test_branches_tombstones_and_values_are_there_again",
    "test_a_lost_end_is_gone_on_from",
)
"""Promises about hashes and about rows that are put back: they hold of sealed rows, as stored."""


def of_what_is_stored(kind: type[JournalContract]) -> type[JournalContract]:
    """*kind*, whose tests of `OF_WHAT_IS_STORED` look at the store behind the keys."""
    for name in OF_WHAT_IS_STORED:
        _look_behind(kind, name)
    return kind


def _look_behind(kind: type[JournalContract], name: str) -> None:
    whole = getattr(kind, name)

    def test(self: JournalContract, journal: Journal, folder: Path) -> None:
        opened = type(self).open_journal
        self.open_journal = lambda place: as_stored(opened(self, place))  # type: ignore[method-assign]
        given: dict[str, object] = {"journal": as_stored(journal), "folder": folder}
        whole(self, **{name: given[name] for name in signature(whole).parameters if name in given})

    test.__doc__ = whole.__doc__
    setattr(kind, name, test)


STEPS = st.lists(
    st.tuples(
        st.sampled_from("ab"),
        st.integers(0, 3),
        st.lists(st.binary(max_size=9), min_size=1, max_size=3),
        st.sampled_from([None, "k1", "k2"]),
    ),
    max_size=12,
)


@given(STEPS)
def test_behind_keys_it_behaves_like_the_model(steps: list) -> None:  # type: ignore[type-arg]
    """The same answers and the same rows as the model, hashes apart."""
    model, inner = MemoryJournal(), MemoryJournal()
    journal = encrypted(inner, Vault.open(inner.shelf, KEY))

    def told(one: Journal, batch: list[Append], key: str | None) -> object:
        match one.append(batch, key=key):
            case Appended(records=found):
                return [(r.session, r.seq, r.body, r.key) for r in found]
            case Conflict(actual=heads):
                return [(head.session, head.seq) for head in heads]
            case Duplicate(record=r):
                return (r.session, r.seq, r.body, r.key)

    for session, expected, bodies, key in steps:
        batch = [Append(session, expected, tuple(Row("k", 1, one) for one in bodies))]
        assert told(journal, batch, key) == told(model, batch, key)
    for session in "ab":
        assert [one.body for one in journal.read(session)] == [
            one.body for one in model.read(session)
        ]


@of_what_is_stored
class TestEncryptedSqliteJournal(DurableJournalContract):
    """Behind keys, over SQLite; hashes are others than the model's, so see the law above."""

    test_it_behaves_like_the_model = None  # type: ignore[assignment]

    def open_journal(self, folder: Path) -> Journal:
        inner = SqliteJournal.open(folder / "journal.db", create=True, power_safe=False)
        return encrypted(inner, Vault.open(inner.shelf, KEY))
