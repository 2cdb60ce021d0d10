"""Stores on a server of every released schema version: opened and led on whole, or refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from governance.errors import StoreNewer
from governance.journal import postgres_schema
from governance.journal.postgres import PostgresJournal
from governance.journal.postgres_schema import MIGRATIONS, VERSION
from governance.journal.postgres_url import target_of
from governance.journal.records import Append, Appended, Duplicate, Entry, Head, Origin, Row
from governance.journal.searching import Query
from tests.postgres_server import Server
from tests.quality.make_stores import FOLDER, STORE_ID, rows_of
from tests.quality.statement_kills import each_stop
from tests.quality.test_journal_versions import HEADS

VERSIONS = tuple(range(1, VERSION + 1))
SCHEMA = "older"

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


@pytest.fixture(name="load")
def _load(server: Server) -> Iterator[Callable[[int], None]]:
    """Puts the store of a version into the schema `SCHEMA`, in place of any other."""

    def drop() -> None:
        with server.connect() as connection:
            connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")

    def load(version: int) -> None:
        drop()
        text = (FOLDER / f"schema-{version}.sql").read_text("utf-8")
        with server.connect() as connection:
            connection.execute(text.replace("@", SCHEMA).encode())

    yield load
    drop()


def _open(server: Server, tenant: str = "main") -> PostgresJournal:
    return PostgresJournal.open(target_of(server.url(schema=SCHEMA, tenant=tenant)), create=False)


def _version(server: Server) -> int:
    with server.connect() as connection:
        found = connection.execute(f"SELECT value FROM {SCHEMA}.store").fetchall()
    ((version,),) = found
    return int(version)


def _tables(server: Server) -> set[str]:
    with server.connect() as connection:
        found = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = %s", (SCHEMA,)
        ).fetchall()
    return {name for (name,) in found}


def _holds(server: Server) -> None:
    """Every row, head, key and value is there, proven, of each tenant, and the store works."""
    with closing(_open(server)) as journal:
        assert journal.store_id == STORE_ID
        assert journal.verify().findings == ()
        for name, hash_ in HEADS.items():
            assert journal.head(name).hash.hex() == hash_
            assert list(journal.read(name)) == rows_of(name, 7)
        assert [row.session for row in journal.read("twig")] == ["s-1"] * 4 + ["twig"] * 2
        assert journal.origin("twig") == Origin("s-1", 4)
        assert journal.removed() == (Head("gone", 5, rows_of("gone", 5)[-1].hash),)
        assert journal.shelf.get("blob", "a") == Entry("blob", "a", 1, b"a value")
        assert [one.session for one in journal.moved()] == ["s-1", "é", "twig", "gone"]
        again = Append("s-1", 7, (Row("k", 0, b"{}"),))
        assert isinstance(journal.append([again], key="s-1:key"), Duplicate)
        assert journal.snapshot_get("s-1", version=1) is not None
        assert journal.snapshot_get("s-1", version=2) is None
        assert journal.search(Query.of("nothing")) == ()
    with closing(_open(server, "other")) as journal:
        assert journal.store_id == STORE_ID[::-1]
        assert list(journal.read("s-1")) == rows_of("s-1", 3)
        assert journal.sessions() == (Head("s-1", 3, rows_of("s-1", 3)[-1].hash),)
        assert journal.verify().findings == ()
    with server.connect() as connection:
        found = connection.execute(f"SELECT role::text, tenant FROM {SCHEMA}.member").fetchall()
        assert found == [("somebody", "other")]
        bare = connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = %s::regnamespace"
            " AND relkind IN ('r', 'p') AND NOT relispartition AND NOT relrowsecurity",
            (SCHEMA,),
        ).fetchall()
        assert bare == [("store",)], "every table but that of the version is kept to its tenant"


def test_every_version_has_a_store() -> None:
    """A migration comes with the SQL of a store that an engine of that version could have made."""
    found = {int(file.stem.removeprefix("schema-")) for file in FOLDER.glob("schema-*.sql")}
    assert found == set(VERSIONS), "run `python -m tests.quality.make_stores` and commit the file"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_migration_that_was_released_never_changes(version: int) -> None:
    """The tables of a kept store are those that the migrations up to it have always made."""
    text = (FOLDER / f"schema-{version}.sql").read_text("utf-8")
    for step in MIGRATIONS[:version]:
        for statement in step:
            assert f"{statement};\n" in text


@pytest.mark.parametrize("version", VERSIONS)
def test_a_store_of_an_older_engine_is_opened(
    server: Server, load: Callable[[int], None], version: int
) -> None:
    """It is migrated, and every row, key and head is what it was."""
    load(version)
    assert _version(server) == version
    _holds(server)
    assert _version(server) == VERSION
    with closing(_open(server)) as journal:
        assert isinstance(journal.append([Append("s-1", 7, (Row("k", 0, b"{}"),))]), Appended)


@pytest.mark.parametrize("ahead", [1, 7])
def test_a_newer_store_is_refused_by_name(
    server: Server, load: Callable[[int], None], ahead: int
) -> None:
    """Opening leaves it as it is; who has it open already writes nothing any more."""
    load(VERSION)
    row = Append("s-1", 7, (Row("k", 0, b"{}"),))
    told = f"version {VERSION + ahead}; this engine knows {VERSION}"
    with closing(_open(server)) as journal:
        with server.connect() as connection:
            connection.execute(f"UPDATE {SCHEMA}.store SET value = {VERSION + ahead}")
        before = _tables(server)
        with pytest.raises(StoreNewer, match=told):
            _open(server)
        with pytest.raises(StoreNewer, match=told):
            PostgresJournal.open(target_of(server.url(schema=SCHEMA)), create=True)
        with pytest.raises(StoreNewer, match=told):
            journal.append([row])
        assert [one.what for one in journal.verify().findings] == ["newer"]
    assert (_version(server), _tables(server)) == (VERSION + ahead, before)
    with server.connect() as connection:
        connection.execute(f"UPDATE {SCHEMA}.store SET value = {VERSION}")
    _holds(server)


def test_a_migration_stopped_at_any_statement_loses_nothing(
    server: Server, load: Callable[[int], None]
) -> None:
    """Killed or cut off there the store is the old one or the new one, and the next goes on."""
    load(1)
    old = _tables(server)
    load(VERSION)
    new = _tables(server)
    seen = set()
    for _ in each_stop(server, lambda: _open(server).close(), lambda: load(1)):
        version = _version(server)
        assert _tables(server) == {1: old, VERSION: new}[version]
        seen.add(version)
        _holds(server)
    assert seen == {1, VERSION}


def test_a_migration_without_a_transaction_is_found_out(
    server: Server, load: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: statements that are committed one by one leave half of it."""
    load(1)
    old = _tables(server)
    load(VERSION)
    new = _tables(server)

    def careless() -> None:
        monkeypatch.setattr(postgres_schema, "migrate", postgres_schema._migrate)
        _open(server).close()

    halves = [
        stop
        for stop in each_stop(server, careless, lambda: load(1), ("kill",))
        if _tables(server) not in (old, new) or (_version(server) == 1) != (_tables(server) == old)
    ]
    assert halves
