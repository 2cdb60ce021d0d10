"""
Damaged values beside the journals of a PostgreSQL store: put back from a copy, or taken out.

Those that are taken out, and what is replaced, go into the quarantine as they lie there. A mark
that a data key was destroyed says so by its name: it stays, whatever became of its bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from governance._attrs import define, frozen
from governance.journal.chain import entry_digest, entry_of
from governance.journal.postgres_connection import Connection
from governance.journal.postgres_schema import sql
from governance.journal.postgres_shelf import GET_SQL, NEXT_SQL
from governance.journal.postgres_url import Target
from governance.journal.rebuilding import Quarantine
from governance.journal.records import KEY_SHELF, Entry
from governance.journal.repair import called
from governance.journal.salvage import mark_of
from governance.journal.session_values import INDEX_SHELF, is_made_anew
from governance.journal.sources import Source
from governance.journal.vault import ERASED_PREFIX

DAMAGED_MAX = 10_000
"""Damaged values that one repair takes on."""

_DROP_SQL = """
    DELETE FROM @.shelf WHERE tenant = %(tenant)s AND shelf = %(shelf)s AND name = %(name)s
"""
_PUT_SQL = """
    INSERT INTO @.shelf (tenant, shelf, name, version, value, digest)
        VALUES (%(tenant)s, %(shelf)s, %(name)s, %(version)s, %(value)b, %(digest)b)
"""
Name = tuple[str, str]


@frozen
class MendedValues:
    """
    What became of the damaged values.

    Attributes:
        found: How many were damaged, or were keys that are gone and that a copy has. What they
            are found by, made anew from the rows, counts here alone.

        merged: Those that are whole again.

        lost: Those that no copy had, in words.

        more: Whether there are further ones.
    """

    found: int = 0
    merged: int = 0
    lost: tuple[str, ...] = ()
    more: bool = False


@define(eq=False, repr=False)
class ValuesRepair:
    """One mending of the values of *target*, in the transaction of its caller."""

    connection: Connection
    target: Target
    sources: Sequence[Source]
    quarantine: Quarantine | None

    def work(self) -> MendedValues:
        """Mend what is damaged, or without a quarantine only say what would come of it."""
        found = list(islice(self._damaged(), DAMAGED_MAX + 1))
        damaged = dict.fromkeys(found[:DAMAGED_MAX])
        for name in list(damaged):
            mark = mark_of(*name, *self._row(GET_SQL, name)[2:4])
            if mark is not None:
                self._replace(name, mark)
                del damaged[name]
        brought = 0
        for source in self.sources:
            for entry in source.entries():
                name = (entry.shelf, entry.name)
                if name in damaged and not self._was_destroyed(entry):
                    self._replace(name, entry)
                    del damaged[name]
                elif self._lacks_key(entry):
                    self._put(entry)
                    brought += 1
        for name in damaged:
            self._replace(name, None)
        lost = [called(*name) for name in damaged if not is_made_anew(*name)]
        merged = len(found[:DAMAGED_MAX]) - len(damaged)
        more = len(found) > DAMAGED_MAX
        return MendedValues(len(found) + brought, merged + brought, tuple(lost), more)

    def _damaged(self) -> Iterator[Name]:
        name = ("", "")
        while columns := self._row(NEXT_SQL, name):
            name = (str(columns[0]), str(columns[1]))
            if entry_of(columns) is None:
                yield name

    def _lacks_key(self, entry: Entry) -> bool:
        """Whether *entry* is a data key that is not there, and that nobody has destroyed."""
        if entry.shelf != KEY_SHELF or entry.name.startswith(ERASED_PREFIX):
            return False
        return not (self._row(GET_SQL, (KEY_SHELF, entry.name)) or self._was_destroyed(entry))

    def _was_destroyed(self, entry: Entry) -> bool:
        """Whether *entry* is a data key that a mark says is not to come back."""
        if entry.shelf != KEY_SHELF:
            return False
        return bool(
            self._row(GET_SQL, (KEY_SHELF, f"{ERASED_PREFIX}{entry.name.partition(':')[2]}"))
        )

    def _replace(self, name: Name, entry: Entry | None) -> None:
        """Take out what lies there, and put *entry* in its place, if there is one."""
        if self.quarantine is None:
            return
        self.quarantine.put_value(self._row(GET_SQL, name))
        words = {"tenant": self.target.tenant, "shelf": name[0], "name": name[1]}
        self.connection.execute(sql(self.target.schema, _DROP_SQL), words)
        if entry is not None and entry.shelf != INDEX_SHELF:  # that one is made anew from rows
            self._put(entry)

    def _put(self, entry: Entry) -> None:
        if self.quarantine is not None:
            words = {"tenant": self.target.tenant, "shelf": entry.shelf, "name": entry.name}
            row = {"version": entry.version, "value": entry.value, "digest": entry_digest(entry)}
            self.connection.execute(sql(self.target.schema, _PUT_SQL), {**words, **row})

    def _row(self, text: str, name: Name) -> tuple[object, ...]:
        words = {"tenant": self.target.tenant, "shelf": name[0], "name": name[1]}
        statement = sql(self.target.schema, text)
        return self.connection.execute(statement, words, binary=True).fetchone() or ()
