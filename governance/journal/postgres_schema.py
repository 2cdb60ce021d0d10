"""
The tables of a store on PostgreSQL, their migrations, and how a store comes into being.

One schema holds the stores of several tenants; every table begins with the tenant, and row
security shows a role the rows of its own tenant alone. Events lie in hash partitions of their
session: a session is read from one of them, each has its own small index and is vacuumed by
itself, and the primary key holds that no two rows share a place, which partitions by month
could not promise. What is let go of goes by session, as in every other store, because a chain
whose first month was dropped could not be verified any more.
"""

from __future__ import annotations

import os
from functools import cache

import psycopg

from governance.errors import StoreDamaged, StoreMissing
from governance.journal.faults import DAMAGED_REMEDY, newer
from governance.journal.postgres_connection import Connection
from governance.journal.postgres_faults import (
    DUPLICATE,
    RETRIED,
    ServerRefused,
    ServerUnsuitable,
    server_error,
)
from governance.journal.postgres_url import Target

SERVER_VERSION_MIN = 14_00_00
PARTITIONS = 8
POSITIONS_A_COMMIT = 1_024
"""Places that one transaction has for heads that it moves; an append moves 1,000 at most."""

_TENANT_TABLES = ("session", "event", "event_key", "snapshot", "shelf", "lease")


def _secured(table: str) -> tuple[str, str]:
    """What shows a role the rows of its own tenant alone."""
    return (
        f"ALTER TABLE @.{table} ENABLE ROW LEVEL SECURITY",
        # Asked once a statement, not once a row.
        f"CREATE POLICY own ON @.{table} USING"
        " (tenant = (SELECT m.tenant FROM @.member m WHERE m.role = current_user))",
    )


MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        'CREATE TABLE @.tenant (name text COLLATE "C" PRIMARY KEY, id text NOT NULL,'
        " base bigint NOT NULL DEFAULT 0)",
        "CREATE TABLE @.member (role name PRIMARY KEY,"
        ' tenant text COLLATE "C" NOT NULL REFERENCES @.tenant)',
        'CREATE TABLE @.session (tenant text COLLATE "C" NOT NULL, id text COLLATE "C" NOT NULL,'
        " head bigint NOT NULL, hash bytea NOT NULL, position bigint NOT NULL,"
        ' parent text COLLATE "C", base bigint NOT NULL DEFAULT 0, tombstone bytea,'
        " PRIMARY KEY (tenant, id))",
        "CREATE INDEX session_position ON @.session (tenant, position)",
        "CREATE INDEX session_parent ON @.session (tenant, parent) WHERE parent IS NOT NULL",
        'CREATE TABLE @.event (tenant text COLLATE "C" NOT NULL,'
        ' session text COLLATE "C" NOT NULL, seq bigint NOT NULL, kind text NOT NULL,'
        " at_ms bigint NOT NULL, durable boolean NOT NULL, key text, body bytea NOT NULL,"
        " hash bytea NOT NULL, PRIMARY KEY (tenant, session, seq))"
        " PARTITION BY HASH (tenant, session)",
        *(
            f"CREATE TABLE @.event_{n} PARTITION OF @.event"
            f" FOR VALUES WITH (MODULUS {PARTITIONS}, REMAINDER {n})"
            for n in range(PARTITIONS)
        ),
        # Beside the events, because a unique index over partitions must hold the session too.
        'CREATE TABLE @.event_key (tenant text COLLATE "C" NOT NULL,'
        ' name text COLLATE "C" NOT NULL, session text COLLATE "C" NOT NULL,'
        " seq bigint NOT NULL, PRIMARY KEY (tenant, name))",
        "CREATE INDEX event_key_session ON @.event_key (tenant, session)",
        'CREATE TABLE @.snapshot (tenant text COLLATE "C" NOT NULL,'
        ' session text COLLATE "C" NOT NULL, seq bigint NOT NULL, hash bytea NOT NULL,'
        " version bigint NOT NULL, body bytea NOT NULL, digest bytea NOT NULL,"
        " PRIMARY KEY (tenant, session))",
        'CREATE TABLE @.shelf (tenant text COLLATE "C" NOT NULL,'
        ' shelf text COLLATE "C" NOT NULL, name text COLLATE "C" NOT NULL,'
        " version bigint NOT NULL, value bytea NOT NULL, digest bytea NOT NULL,"
        " PRIMARY KEY (tenant, shelf, name))",
        'CREATE TABLE @.lease (tenant text COLLATE "C" NOT NULL,'
        ' session text COLLATE "C" NOT NULL, owner text NOT NULL, ends timestamptz NOT NULL,'
        " PRIMARY KEY (tenant, session))",
        "ALTER TABLE @.member ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY own ON @.member USING (role = current_user)",
        "ALTER TABLE @.tenant ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY own ON @.tenant USING"
        " (name = (SELECT m.tenant FROM @.member m WHERE m.role = current_user))",
        *(statement for table in _TENANT_TABLES for statement in _secured(table)),
    ),
    (
        # An index of what was said: a cache that fills when it is asked (`postgres_search`).
        'CREATE TABLE @.message (tenant text COLLATE "C" NOT NULL,'
        ' session text COLLATE "C" NOT NULL, seq bigint NOT NULL, at_ms bigint NOT NULL,'
        " size bigint NOT NULL, whole boolean NOT NULL, words tsvector NOT NULL,"
        " PRIMARY KEY (tenant, session, seq))",
        "CREATE INDEX message_words ON @.message USING gin (words)",
        'CREATE TABLE @.message_upto (tenant text COLLATE "C" NOT NULL,'
        ' session text COLLATE "C" NOT NULL, seq bigint NOT NULL, hash bytea NOT NULL,'
        " PRIMARY KEY (tenant, session))",
        *_secured("message"),
        *_secured("message_upto"),
    ),
)
"""Statements that lead from each schema version to the next; the first from nothing to 1."""

VERSION = len(MIGRATIONS)
"""The schema version that this engine reads and writes."""

_VERSION_SQL = "SELECT value FROM @.store WHERE name = 'version'"
_STORE_TABLE_SQL = "CREATE TABLE @.store (name text PRIMARY KEY, value bigint NOT NULL)"
_TENANT_SQL = "SELECT id FROM @.tenant WHERE name = %s"
# A database that was dumped and loaded elsewhere counts its transactions anew.
_BASE_SQL = (
    "UPDATE @.tenant t SET base = moved.last - now.place FROM"
    " (SELECT coalesce(max(position), 0) + 1 AS last FROM @.session WHERE tenant = %(tenant)s)"
    " AS moved, (SELECT pg_current_xact_id()::text::bigint * %(places)s AS place) AS now"
    " WHERE t.name = %(tenant)s AND moved.last > now.place + t.base"
)


@cache
def sql(schema: str, text: str) -> bytes:
    """The statement *text* about the tables of *schema*, which stands there as ``@``."""
    return text.replace("@.", f'"{schema}".').encode()


def check_server(connection: Connection, target: Target) -> None:
    """
    Return quietly if a store can live on the server and in the database of *connection*.

    Raises:
        ServerUnsuitable: Too old, or not in UTF-8.
    """
    version = connection.info.server_version
    if version < SERVER_VERSION_MIN:
        raise ServerUnsuitable(
            f"{target.place} lies on PostgreSQL {version // 10_000}; expected 14 or newer",
            remedy="upgrade the server",
        )
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise ServerUnsuitable(
            f"{target.place} lies in a database with encoding `{encoding}`; expected UTF8",
            remedy="make a database with `ENCODING 'UTF8'`",
        )


def open_store(connection: Connection, target: Target, *, create: bool) -> str:
    """
    The id of the store, after migrating an older one, or after making it if *create* is set.

    Raises:
        StoreMissing: There is none, and *create* is not set.
        StoreNewer: A newer engine migrated it.
        StoreDamaged: The schema is none of this engine.
        ServerRefused: The role may not make or migrate it.
    """
    try:
        version = schema_version(connection, target)
        if version is None and not create:
            raise missing(target)
        if version is None or version != VERSION:
            migrate(connection, target)
        return _found_id(connection, target, create=create)
    except psycopg.Error as error:
        raise server_error(error, target.place) from None


def missing(target: Target) -> StoreMissing:
    """The error for a store that is not there."""
    return StoreMissing(
        f"there is no store: {target.place} was not found",
        remedy="restore the database from a backup, or make a new store with `governance init`",
    )


def schema_version(connection: Connection, target: Target) -> int | None:
    """The schema version of the store as it is now; none where there is no store."""
    try:
        found = connection.execute(sql(target.schema, _VERSION_SQL)).fetchone()
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        return None
    except psycopg.errors.InsufficientPrivilege:
        raise ServerRefused(
            f"{target.place} may not be read by this user",
            remedy="have its owner run `governance store grant`",
        ) from None
    if found is None:
        raise StoreDamaged(f"{target.place} does not say its version", remedy=DAMAGED_REMEDY)
    return int(found[0])


def migrate(connection: Connection, target: Target) -> None:
    """
    Lead the store to `VERSION`, in one transaction: killed in the middle, it is what it was.

    Two engines that make or migrate one store at once do it one after the other: the second
    waits for the first, and finds it done.

    Raises:
        StoreNewer: The store is newer than this engine; it is left untouched.
        StoreDamaged: There is something else in the schema.
    """
    for _ in range(2):
        try:
            with connection.transaction():
                _migrate(connection, target)
            return
        except psycopg.errors.DuplicateTable:
            raise StoreDamaged(
                f"the schema `{target.schema}` holds tables that are no store of this engine",
                remedy="name another `schema` in the URL",
            ) from None
        except psycopg.Error as error:
            # The other engine was faster with the schema or its first table.
            if error.sqlstate not in {DUPLICATE, "42P06", *RETRIED}:
                raise


def _migrate(connection: Connection, target: Target) -> None:
    schema = target.schema
    version = schema_version_locked(connection, target)
    refuse_newer(version, target)
    for step in MIGRATIONS[version:]:
        for statement in step:
            connection.execute(sql(schema, statement))
    connection.execute(
        sql(
            schema,
            "INSERT INTO @.store VALUES ('version', %s)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        ),
        (VERSION,),
    )


def schema_version_locked(connection: Connection, target: Target) -> int:
    """The version, held until the transaction ends; 0 after making the first table."""
    there = connection.execute("SELECT to_regclass(%s)", (f'"{target.schema}".store',)).fetchone()
    if there is None or there[0] is None:
        known = connection.execute(
            "SELECT 1 FROM pg_namespace WHERE nspname = %s", (target.schema,)
        ).fetchone()
        if known is None:
            connection.execute(f'CREATE SCHEMA "{target.schema}"'.encode())
        connection.execute(sql(target.schema, _STORE_TABLE_SQL))
        return 0
    found = connection.execute(sql(target.schema, _VERSION_SQL + " FOR UPDATE")).fetchone()
    if found is None:
        raise StoreDamaged(f"{target.place} does not say its version", remedy=DAMAGED_REMEDY)
    return int(found[0])


def refuse_newer(version: int, target: Target) -> None:
    """
    Return quietly unless schema *version* is one that this engine does not know.

    Raises:
        StoreNewer: It is above `VERSION`.
        StoreDamaged: It is below zero.
    """
    if version > VERSION:
        raise newer(version, VERSION, target.place)
    if version < 0:
        raise StoreDamaged(f"{target.place} has schema version {version}", remedy=DAMAGED_REMEDY)


def tenant_id(connection: Connection, target: Target) -> str | None:
    """What tells the store from every other, if there is one."""
    found = connection.execute(sql(target.schema, _TENANT_SQL), (target.tenant,)).fetchone()
    return str(found[0]) if found is not None else None


def _found_id(connection: Connection, target: Target, *, create: bool) -> str:
    known = tenant_id(connection, target)
    if known is None and create:
        connection.execute(
            sql(
                target.schema,
                "INSERT INTO @.tenant (name, id) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            ),
            (target.tenant, os.urandom(16).hex()),
        )
        known = tenant_id(connection, target)
    if known is None:
        raise missing(target)
    _mend_positions(connection, target)
    return known


def _mend_positions(connection: Connection, target: Target) -> None:
    """See that the next move of a head comes after all that were; see `_BASE_SQL`."""
    words = {"tenant": target.tenant, "places": POSITIONS_A_COMMIT}
    late = connection.execute(
        sql(
            target.schema,
            "SELECT 1 FROM @.tenant t WHERE t.name = %(tenant)s AND t.base +"
            " pg_snapshot_xmax(pg_current_snapshot())::text::bigint * %(places)s <"
            " (SELECT max(position) FROM @.session WHERE tenant = %(tenant)s)",
        ),
        words,
    ).fetchone()
    if late is not None:
        connection.execute(sql(target.schema, _BASE_SQL), words)
