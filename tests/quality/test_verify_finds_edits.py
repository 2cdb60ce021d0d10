"""
Every table and column of both back ends, edited by somebody who knows how digests are made:
`verify` finds it, or the tables here say why nobody is told anything false by it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Protocol

import apsw
import psycopg
import pytest
from attrs import define

from governance.engine.kept_values import kept_in
from governance.errors import JournalError
from governance.journal.chain import entry_digest, snapshot_digest, tombstone_digest
from governance.journal.postgres import PostgresJournal
from governance.journal.records import Entry, Head, Journal, Origin, Snapshot
from governance.journal.sqlite import SqliteJournal
from governance.journal.verifying import verify_some
from governance.testing.engines import memory_engine
from tests.postgres_server import Server
from tests.quality.edited_stores import (
    UNSHARED_NAME,
    VALUES,
    fill,
    fill_words,
    forged_unshared,
)

FOUND = ""
Row = dict[str, Any]

_BELOW = "it is as if one value went and another came: see `SHELVES`"
_LOOKED = "every word is looked up as a search does it: what hides one is found"
_CACHE = "it is a cache that is made anew where it is not there"
_PLACE = (
    "which place a move has says in what order it is told; rows are told with the next move, and "
    "what figures claim by it is compared"
)
_LEASE = "it says who had better serve a session; expected versions keep writers apart"
_MEMBER = "who may do what is the server's own; whoever can write here owns the tables"
_PASSED = "another version of the fold made it, and everybody passes it over"

COMMON: Mapping[tuple[str, str], str] = {
    **{("event", column): FOUND for column in
       ("session", "seq", "kind", "at_ms", "durable", "key", "body", "hash")},
    **{("session", column): FOUND for column in ("id", "head", "hash", "parent", "base")},
    **{("snapshot", column): FOUND for column in ("session", "seq", "hash", "body", "digest")},
    ("snapshot", "version"): _PASSED,
    ("shelf", "digest"): FOUND,
    ("shelf", "value"): FOUND,
    ("shelf", "version"): "it counts how often the value was put, for who puts it next",
    ("shelf", "shelf"): _BELOW,
    ("shelf", "name"): _BELOW,
    **{("message", column): FOUND for column in ("session", "seq", "at_ms", "words")},
    **{("message_upto", column): FOUND for column in ("session", "seq", "hash")},
}  # fmt: skip
"""Column → `FOUND`, or why a value that is changed there tells nobody anything false."""

SQLITE: Mapping[tuple[str, str], str] = {
    **COMMON,
    ("store", "name"): FOUND,
    ("store", "value"): FOUND,
    ("session", "position"): _PLACE,
    ("session", "echo"): FOUND,
    **{("removed", column): FOUND for column in ("id", "head", "hash", "digest")},
    ("removed", "parent"): "an archive of another origin is refused; no row is read by it",
    ("removed", "base"): FOUND,
    ("removed", "position"): _PLACE,
    ("message", "id"): FOUND,
    ("message_text", "words"): FOUND,
    ("message_text_data", "id"): FOUND,
    ("message_text_data", "block"): FOUND,
    **{("message_text_idx", column): _LOOKED for column in ("segid", "term", "pgno")},
    ("message_text_docsize", "id"): FOUND,
    ("message_text_docsize", "sz"): FOUND,
    ("message_text_config", "k"): FOUND,
    ("message_text_config", "v"): FOUND,
}

POSTGRES: Mapping[tuple[str, str], str] = {
    **COMMON,
    ("store", "name"): FOUND,
    ("store", "value"): FOUND,
    ("tenant", "name"): FOUND,
    ("tenant", "id"): FOUND,
    ("tenant", "base"): "places go on above it, and the next opening lifts it above all there are",
    ("member", "role"): _MEMBER,
    ("member", "tenant"): _MEMBER,
    ("session", "position"): _PLACE,
    ("session", "tombstone"): FOUND,
    **{(table, "tenant"): FOUND for table in
       ("session", "event", "event_key", "message", "message_upto")},
    ("snapshot", "tenant"): _CACHE,
    ("shelf", "tenant"): _BELOW,
    ("lease", "tenant"): _LEASE,
    **{("lease", column): _LEASE for column in ("session", "owner", "ends")},
    **{("event_key", column): FOUND for column in ("name", "session", "seq")},
    ("message", "size"): FOUND,
    ("message", "whole"): "the message is then read for every search, and fits or does not",
}  # fmt: skip

ROWS: Mapping[tuple[str, str], str] = {
    ("store", "deleted"): FOUND,
    ("store", "inserted"): FOUND,
    ("session", "deleted"): FOUND,
    ("session", "inserted"): FOUND,
    ("event", "deleted"): FOUND,
    ("event", "inserted"): FOUND,
    ("event_key", "deleted"): FOUND,
    ("event_key", "inserted"): FOUND,
    ("removed", "deleted"): FOUND,
    ("removed", "inserted"): FOUND,
    ("snapshot", "deleted"): _CACHE,
    ("snapshot", "inserted"): FOUND,
    ("message", "deleted"): FOUND,
    ("message", "inserted"): FOUND,
    ("message_upto", "deleted"): FOUND,
    ("message_upto", "inserted"): FOUND,
    ("message_text", "deleted"): FOUND,
    ("message_text", "inserted"): FOUND,
    **{(f"message_text_{name}", what): FOUND for name in ("docsize", "config")
       for what in ("deleted", "inserted")},
    **{("message_text_idx", what): _LOOKED for what in ("deleted", "inserted")},
    ("message_text_data", "deleted"): FOUND,
    ("message_text_data", "inserted"): "a page that no other page names is never read",
    ("tenant", "deleted"): FOUND,
    ("tenant", "inserted"): "another tenant's store",
    ("member", "deleted"): _MEMBER,
    ("member", "inserted"): _MEMBER,
    ("lease", "deleted"): _LEASE,
    ("lease", "inserted"): _LEASE,
}  # fmt: skip
"""What becomes of a row that goes, and of one that comes; of values see `SHELVES`."""

SHELVES: Mapping[tuple[str, str], tuple[str, str]] = {
    ("blob", "*"): (FOUND, "no row names it, so nobody reads it"),
    ("index", "*"): (_CACHE, "nobody asks for it"),
    ("rollup", "figures-*"): (_CACHE, "nobody asks for it"),
    ("rollup", "position"): ("it says how far figures are behind", "nobody asks for it"),
    ("health", "*"): ("a look at health begins anew", "nobody asks for it"),
    ("lease", "*"): ("retention is looked at anew", "nobody asks for it"),
    ("archive", "*"): (
        "it says where the archive is: that proves itself by the tombstone", "nobody asks for it"),
    ("archiving", "*"): (
        "it is looked at where a session went that has a tombstone with its very hash",
        "as for a deleted one"),
    ("key", "*"): ("in a store that is not encrypted nobody reads it", "as for a deleted one"),
}  # fmt: skip
"""Values → of one that is deleted, and of one that is inserted."""


class Store(Protocol):
    """A store that is filled, and can be edited behind its journal's back."""

    def columns(self) -> Iterator[tuple[str, str]]: ...

    def rows(self, table: str) -> list[Row]: ...

    def change(self, table: str, row: Row, to: Row) -> None: ...

    def delete(self, table: str, row: Row) -> None: ...

    def insert(self, table: str, row: Row) -> None: ...

    def reset(self) -> None: ...

    def opened(self) -> Journal: ...


def findings(store: Store) -> list[str]:
    """What `verify` says of *store*, or why it cannot be opened."""
    try:
        journal = store.opened()
    except JournalError as error:
        return [error.message]
    try:
        report = journal.verify()
        blamed = {one.session for one in report.findings}
        return [one.message for one in (*report.findings, *kept_in(journal, blamed).findings)]
    except JournalError as error:
        return [error.message]
    finally:
        journal.close()


@define(eq=False)
class SqliteStore:
    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / "j.db"

    @classmethod
    def made(cls, folder: Path, filled: Callable[[Journal], None] | None = None) -> SqliteStore:
        made = cls(folder)
        journal = SqliteJournal.open(made.file, create=True, mirror=folder / "m")
        (filled or (lambda journal: fill(journal, folder / "archives")))(journal)
        for name in ("j.db", "m"):
            shutil.copy(folder / name, folder / f"{name}.sound")
        return made

    def opened(self) -> Journal:
        return SqliteJournal.open(self.file, create=False, mirror=self.folder / "m")

    def _ask(self, sql: str, values: tuple[Any, ...] = ()) -> list[Row]:
        connection = apsw.Connection(str(self.file))
        try:
            cursor = connection.execute(sql, values)
            names = [one[0] for one in cursor.get_description()] if sql[0] in "SP" else []
            return [dict(zip(names, row, strict=True)) for row in cursor]
        except apsw.ExecutionCompleteError:
            return []
        finally:
            connection.close()

    def columns(self) -> Iterator[tuple[str, str]]:
        for (one,) in (one.values() for one in self._ask(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        )):  # fmt: skip
            for column in self._ask(f"PRAGMA table_info({one})"):
                yield one, column["name"]

    def rows(self, table: str) -> list[Row]:
        return self._ask(f"SELECT * FROM {table}")

    def _where(self, row: Row) -> tuple[str, tuple[Any, ...]]:
        return " AND ".join(f"{name} IS ?" for name in row), tuple(row.values())

    def change(self, table: str, row: Row, to: Row) -> None:
        where, values = self._where(row)
        if table == "message_text":
            # Its words are those of `message`: only the index behind them can be changed.
            number = self._ask("SELECT id FROM message WHERE words IS ?", (row["words"],))[0]["id"]
            self._ask(
                "INSERT INTO message_text (message_text, rowid, words) VALUES ('delete', ?, ?)",
                (number, row["words"]),
            )
            self._ask(
                "INSERT INTO message_text (rowid, words) VALUES (?, ?)", (number, to["words"])
            )
            return
        given = ", ".join(f"{name} = ?" for name in to)
        self._ask(f"UPDATE {table} SET {given} WHERE {where}", (*to.values(), *values))

    def delete(self, table: str, row: Row) -> None:
        where, values = self._where(row)
        if table == "message_text":
            number = self._ask("SELECT id FROM message WHERE words IS ?", (row["words"],))[0]["id"]
            self._ask(
                "INSERT INTO message_text (message_text, rowid, words) VALUES ('delete', ?, ?)",
                (number, row["words"]),
            )
            return
        self._ask(f"DELETE FROM {table} WHERE {where}", values)

    def insert(self, table: str, row: Row) -> None:
        if table == "message_text":
            self._ask("INSERT INTO message_text (rowid, words) VALUES (99, ?)", (row["words"],))
            return
        names, signs = ", ".join(row), ", ".join("?" * len(row))
        self._ask(f"INSERT INTO {table} ({names}) VALUES ({signs})", tuple(row.values()))

    def reset(self) -> None:
        for name in ("j.db", "m"):
            shutil.copy(self.folder / f"{name}.sound", self.folder / name)
        for end in ("-wal", "-shm"):
            Path(f"{self.file}{end}").unlink(missing_ok=True)


@define(eq=False)
class PostgresStore:
    folder: Path
    server: Server
    schema: str
    tenant: str

    @classmethod
    def made(cls, folder: Path, server: Server) -> PostgresStore:
        journal = server.journal(mirror=folder / "m", schema="edited")
        made = cls(folder, server, journal.target.schema, journal.target.tenant)
        journal.grant("reader")
        journal.leases.take("one", "me", lease_ms=1_000_000)
        fill(journal, folder / "archives")
        shutil.copy(folder / "m", folder / "m.sound")
        with server.connect() as connection:
            for table in made._tables(connection):
                connection.execute(f"CREATE TABLE sound_{table} AS TABLE edited.{table}".encode())
        return made

    def opened(self) -> Journal:
        from governance.journal.postgres_url import target_of

        url = self.server.url(schema=self.schema, tenant=self.tenant)
        return PostgresJournal.open(target_of(url), create=False, mirror=self.folder / "m")

    def _tables(self, connection: psycopg.Connection) -> list[str]:
        found = connection.execute(
            "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = 'edited' AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
        )
        return sorted(name for (name,) in found)

    def columns(self) -> Iterator[tuple[str, str]]:
        with self.server.connect() as connection:
            for table in self._tables(connection):
                for (name,) in connection.execute(
                    "SELECT column_name FROM information_schema.columns"
                    " WHERE table_schema = 'edited' AND table_name = %s", (table,)
                ).fetchall():  # fmt: skip
                    yield table, name

    def _do(self, sql: str, values: Mapping[str, Any] | None = None) -> list[Row]:
        with self.server.connect() as connection:
            # What refers to a tenant is no hindrance to who owns the tables.
            connection.execute("SET session_replication_role = replica")
            cursor = connection.execute(sql.encode(), values)
            if cursor.description is None:
                return []
            names = [one.name for one in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor]

    def rows(self, table: str) -> list[Row]:
        return self._do(f"SELECT * FROM edited.{table} ORDER BY 1, 2")

    def change(self, table: str, row: Row, to: Row) -> None:
        given = ", ".join(f"{name} = %(to_{name})s" for name in to)
        words = {**row, **{f"to_{name}": one for name, one in to.items()}}
        self._do(f"UPDATE edited.{table} SET {given} WHERE {self._where(row)}", words)

    def _where(self, row: Row) -> str:
        return " AND ".join(f"{name} IS NOT DISTINCT FROM %({name})s" for name in row)

    def delete(self, table: str, row: Row) -> None:
        self._do(f"DELETE FROM edited.{table} WHERE {self._where(row)}", row)

    def insert(self, table: str, row: Row) -> None:
        signs = ", ".join(f"%({name})s" for name in row)
        self._do(f"INSERT INTO edited.{table} ({', '.join(row)}) VALUES ({signs})", row)

    def reset(self) -> None:
        shutil.copy(self.folder / "m.sound", self.folder / "m")
        with self.server.connect() as connection:
            connection.execute("SET session_replication_role = replica")
            for table in self._tables(connection):
                connection.execute(f"DELETE FROM edited.{table}".encode())
                connection.execute(
                    f"INSERT INTO edited.{table} SELECT * FROM sound_{table}".encode()
                )


@pytest.fixture(scope="module", params=["sqlite", "postgres"], name="store")
def _store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, server: Server
) -> Iterator[Store]:
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "sqlite":
        yield SqliteStore.made(folder)
        return
    with server.connect() as connection:
        connection.execute("CREATE ROLE reader LOGIN")
    yield PostgresStore.made(folder, server)
    with server.connect() as connection:
        connection.execute("DROP SCHEMA edited CASCADE")
        connection.execute("DROP ROLE reader")


def table_of(store: Store) -> Mapping[tuple[str, str], str]:
    return SQLITE if isinstance(store, SqliteStore) else POSTGRES


def other(value: object) -> object:
    """A value of the same kind that is another one."""
    match value:
        case None:
            return "one"
        case bool():
            return not value
        case int():
            return value + 1
        case str():
            return f"{value}x"
        case bytes():
            return value[:-1] + bytes([value[-1] ^ 1]) if value else b"\x01"
        case _:
            return None


def signed(table: str, row: Row) -> Row:
    """*row* with the digest that fits it."""
    match table:
        case "snapshot":
            names = ("session", "seq", "hash", "version", "body")
            return {**row, "digest": snapshot_digest(Snapshot(*(row[one] for one in names)))}
        case "removed":
            head = Head(row["id"], row["head"], row["hash"])
            origin = Origin(row["parent"], row["base"]) if row["parent"] is not None else None
            return {**row, "digest": tombstone_digest(head, origin, row["position"])}
        case "shelf":
            names = ("shelf", "name", "version", "value")
            return {**row, "digest": entry_digest(Entry(*(row[one] for one in names)))}
        case _:
            return row


def _moved(row: Row, position: int) -> Row:
    """The row of a session whose head moved to *position*, with all that says so."""
    made = {**row, "position": position}
    if "echo" in row:
        made["echo"] = -position
    if row.get("tombstone") is not None:
        head = Head(row["id"], row["head"], bytes(row["hash"]))
        made["tombstone"] = tombstone_digest(head, None, position)
    return made


def edited(table: str, column: str, row: Row) -> Row:
    """*row* with another value in *column*, and all else as an engine would have written it."""
    value = other(row[column])
    if table == "message" and column == "words" and not isinstance(row[column], str):
        return {**row, column: "'other':1"}
    if value is None:  # a time: an hour later
        from datetime import timedelta

        value = row[column] + timedelta(hours=1)
    made = {**row, column: value}
    if column == "position":
        made = _moved(row, row["position"] + (1 if "tombstone" in row else 100))
    if table == "session" and column == "parent" and row[column] is None:
        made["base"] = 1
    return made if column in ("digest", "value") else signed(table, made)


def test_every_column_is_in_the_tables(store: Store) -> None:
    """What a new migration brings has to be said here, whether it is found or why it need not."""
    assert set(store.columns()) == set(table_of(store))
    tables = {table for table, _ in table_of(store)} - {"shelf"}
    assert {table for table, _ in ROWS} >= tables


def test_a_store_that_nobody_edited_is_sound(store: Store) -> None:
    """Nothing is found of it, and every table holds something."""
    store.reset()
    assert findings(store) == []
    for table in {table for table, _ in table_of(store)}:
        assert store.rows(table), table


def _each(
    store: Store, cases: Mapping[tuple[str, str], str], edit: Callable[[str, str, Row], None]
) -> list[str]:
    """Cases that are not as *cases* says, of each row of each table."""
    wrong: list[str] = []
    for (table, what), reason in cases.items():
        if reason in (_BELOW, _LOOKED):
            continue
        for row in _some(table, store.rows(table)):
            try:
                edit(table, what, row)
            except (apsw.ConstraintError, psycopg.errors.IntegrityError):
                store.reset()
                continue  # the back end itself refuses it
            found = findings(store)
            if bool(found) != (reason == FOUND):
                wrong.append(f"{table}.{what} of {list(row.values())[:3]}: {found}")
            store.reset()
    print(*wrong, sep="\n")
    return wrong


def _some(table: str, rows: list[Row]) -> list[Row]:
    """Of many rows the first ones and the last: each edit takes a look at the whole store."""
    if table == "message_upto":  # of a session without messages it says nothing
        rows = [row for row in rows if row["session"] in ("one", "two")]
    return rows if len(rows) <= 2 or table == "session" else [rows[0], rows[-1]]


def test_a_changed_value_is_found_in_every_column(store: Store) -> None:
    """Or does no harm, for the reason that stands with it."""
    store.reset()

    def edit(table: str, column: str, row: Row) -> None:
        to = edited(table, column, row)
        store.change(table, row, {name: one for name, one in to.items() if one != row[name]})

    assert _each(store, table_of(store), edit) == []


def test_a_row_that_goes_or_comes_is_found_in_every_table(store: Store) -> None:
    """Or does no harm, for the reason that stands with it."""
    store.reset()
    tables = {table for table, _ in table_of(store)}
    cases = {case: reason for case, reason in ROWS.items() if case[0] in tables}

    def edit(table: str, what: str, row: Row) -> None:
        if what == "deleted":
            store.delete(table, row)
            return
        made = dict(row)
        for name, value in row.items():
            if name not in ("tenant", "digest", "echo", "words", "ends") or table == "member":
                made[name] = other(value)
        if table == "message_text_data":
            made["id"] = row["id"] + 1_000
        if "position" in row:
            made["position"] = row["position"] + 100  # as no other row has it
        if "echo" in row:
            made["echo"] = -made["position"]
        if table == "session":
            made |= {"parent": row["parent"], "base": row["base"]}
        if table == "member":
            made["tenant"] = row["tenant"]
        if table == "removed":
            made |= {"parent": None, "base": 0}
        store.insert(table, signed(table, made))

    assert _each(store, cases, edit) == []


def test_places_that_hide_a_move_are_found(store: Store) -> None:
    """Two heads in one place, one beyond all, and one that figures say they have counted."""
    store.reset()
    live = [one for one in store.rows("session") if not one.get("tombstone")]
    (two,) = (one for one in live if one["id"] == "two")
    with memory_engine(journal=store.opened()) as engine:
        engine.session("two").tool_finished("c", outcome="ok")
    (later,) = (one for one in store.rows("session") if one["id"] == "two")
    assert findings(store) == []

    for position in (live[0]["position"], 2**62, two["position"]):
        made = _moved(later, position)
        to = {name: made[name] for name in made if made[name] != later[name]}
        store.change("session", later, to)
        assert findings(store), position
        store.change("session", {**later, **to}, {name: later[name] for name in to})
    store.reset()


@pytest.mark.parametrize("seq", [2, 6])
def test_one_look_at_some_sessions_finds_what_a_look_at_each_does(store: Store, seq: int) -> None:
    """Damage of one of them, and of a branch what it has of it; the mirror is told of all."""
    store.reset()
    (row,) = (one for one in store.rows("event") if (one["session"], one["seq"]) == ("two", seq))
    store.change("event", row, {"at_ms": row["at_ms"] + 1})
    journal = store.opened()
    names = ("bough", "one", "gone", "never", "two")

    each = [journal.verify(name) for name in names]
    together = verify_some(journal, names)
    journal.close()

    assert set(together.findings) == {found for one in each for found in one.findings}
    assert together.findings
    assert together.anchored
    store.reset()


def test_a_removed_session_is_the_one_that_the_mirror_was_told_of(store: Store) -> None:
    """Its tombstone has a digest that fits, and another head than it had."""
    store.reset()
    table, one = ("removed", "hash") if isinstance(store, SqliteStore) else ("session", "hash")
    (gone,) = (row for row in store.rows(table) if row["id"] == "gone")
    made = {**gone, one: other(bytes(gone[one]))}
    if table == "removed":
        made = signed(table, made)
    else:
        made["tombstone"] = tombstone_digest(
            Head("gone", gone["head"], made["hash"]), None, gone["position"]
        )

    store.change(table, gone, {name: made[name] for name in made if made[name] != gone[name]})

    assert findings(store)
    store.reset()


def test_a_page_of_words_that_a_search_does_not_find_is_found_out(tmp_path: Path) -> None:
    """A search finds its words by `message_text_idx`; reading all of them in a row does not."""
    store = SqliteStore.made(tmp_path, fill_words)
    assert findings(store) == []
    pages = [one for one in store.rows("message_text_idx") if one["term"]]
    assert len(pages) > 2

    for page in pages:
        store.delete("message_text_idx", page)

    assert "the full-text index is not what the index of messages says" in findings(store)


def test_a_value_that_means_something_else_is_found(store: Store) -> None:
    """Its digest fits, it can be read, and it says what the rows do not."""
    store.reset()
    journal = store.opened()
    forgeries = {**VALUES, ("index", UNSHARED_NAME): forged_unshared(journal)}
    journal.close()
    wrong: list[str] = []
    for (shelf, name), forge in forgeries.items():
        named = name.partition(",")[0]
        rows = [one for one in store.rows("shelf")
                if one["shelf"] == shelf and fnmatchcase(one["name"], named)]  # fmt: skip
        assert rows, (shelf, name)
        for row in rows:
            made = signed("shelf", {**row, "value": forge(bytes(row["value"]))})
            store.change("shelf", row, {"value": made["value"], "digest": made["digest"]})
            found = findings(store)
            if len(found) != 1:
                wrong.append(f"{shelf}/{row['name']}: {found}")
            store.reset()
    assert wrong == []


def test_a_value_that_goes_or_comes_is_found_on_every_shelf(store: Store) -> None:
    """Or does no harm, for the reason that stands with it."""
    store.reset()
    wrong: list[str] = []
    seen: set[tuple[str, str]] = set()
    for row in store.rows("shelf"):
        (case,) = (one for one in SHELVES if one[0] == row["shelf"]
                   and fnmatchcase(row["name"], one[1]))  # fmt: skip
        if case in seen and case[0] == "rollup":
            continue
        seen.add(case)
        comes = signed("shelf", {**row, "name": f"{row['name']}x"})
        for edit, reason in (
            (lambda row=row: store.delete("shelf", row), SHELVES[case][0]),
            (lambda comes=comes: store.insert("shelf", comes), SHELVES[case][1]),
        ):
            edit()
            found = findings(store)
            if bool(found) != (reason == FOUND):
                wrong.append(f"{row['shelf']}/{row['name']}: {found}")
            store.reset()
    assert seen == set(SHELVES)
    assert wrong == []
