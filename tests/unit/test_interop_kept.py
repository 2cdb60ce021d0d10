"""Rows that other frameworks keep in a journal prove themselves as they are read."""

from __future__ import annotations

from pathlib import Path

import pytest
from attrs import evolve

from governance.errors import StoreDamaged
from governance.interop.kept import Follower
from governance.journal.encrypted import encrypted
from governance.journal.key_sources import KeyEncryptionKey
from governance.journal.memory import MemoryJournal
from governance.journal.records import Journal, Record, Row
from governance.journal.sqlite import SqliteJournal
from governance.journal.vault import Vault

SESSION = "@family/name/000001"


def filled(journal: Journal) -> Follower:
    """A follower that has written three rows, and read them."""
    writer = Follower(journal, SESSION)
    for number in range(3):
        assert writer.append(Row("note", 1, b'{"n":%d}' % number))
        assert [record.seq for _, record in writer.news()] == [number + 1]
    return writer


class Careless(MemoryJournal):
    """A back end that gives its second row as somebody has changed it."""

    def read(
        self,
        session: str,
        *,
        after: int = 0,
        before: int | None = None,
        limit: int = 1000,
        reverse: bool = False,
    ) -> tuple[Record, ...]:
        found = super().read(session, after=after, before=before, limit=limit, reverse=reverse)
        return tuple(evolve(one, body=b"{}") if one.seq == 2 else one for one in found)


def test_a_changed_row_is_found_by_who_reads_it() -> None:
    """Whatever the back end has looked at, the chain is looked at here."""
    journal = Careless()
    for number in range(3):
        writer = Follower(journal, SESSION)
        writer.seq = number
        assert writer.append(Row("note", 1, b'{"n":1}'))

    with pytest.raises(StoreDamaged, match="row 2"):
        list(Follower(journal, SESSION).news())


def test_sealed_rows_are_read_again(tmp_path: Path) -> None:
    """Behind keys the chain is over what is stored; what was opened is taken, and read again."""
    inner = SqliteJournal.open(tmp_path / "journal.db", create=True, power_safe=False)
    journal = encrypted(inner, Vault.open(inner.shelf, KeyEncryptionKey.of(b"k" * 32)))
    writer = filled(journal)

    reader = Follower(journal, SESSION)
    read = list(reader.news())

    assert [record.body for _, record in read] == [b'{"n":0}', b'{"n":1}', b'{"n":2}']
    assert reader.again(read[1][0]).body == b'{"n":1}'
    assert writer.seq == reader.seq == 3
    journal.close()
