"""
A process that is stopped at a statement that it sends to a PostgreSQL server.

Its places are before and after every statement that changes something, and after every commit
of such ones: so it is stopped between any two, between the last one and its commit, and right
after that. Whoever is stopped at a statement that only reads has left the same store behind.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import psycopg
from attrs import define, field, frozen
from psycopg import sql

from governance.errors import GovernanceError
from governance.journal import postgres_connection
from tests.postgres_server import Server, wait_for

Fault = Literal["kill", "cut"]
"""The process is killed; or its connection is cut by the server, and it goes on as it can."""

FAULTS: tuple[Fault, ...] = ("kill", "cut")

_CHANGES = re.compile(rb"\b(INSERT INTO|UPDATE|DELETE FROM) +\"|^\s*(CREATE|ALTER|DROP)\b")
_FAILED = 3

Work = Callable[[], object]


@frozen
class Stop:
    """At which place, counted from 1, of those that the work comes by."""

    fault: Fault
    place: int


def stopped(server: Server, work: Work, stop: Stop | None) -> int:
    """
    Do *work* in a child that is stopped at *stop*; how many places it came by.

    What was cut off may end by itself, or give up with an error of the engine's own.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        counted = _counting(server, stop)
        code = 0
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os.dup2(1, 2)
            work()
        except GovernanceError:
            code = 0
        except BaseException:  # noqa: BLE001 - the child must not go on as a test
            code = _FAILED
        os.write(writing, str(counted[0]).encode())
        os._exit(code)
    os.close(writing)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    told = int(os.read(reading, 100) or 0)
    os.close(reading)
    if stop is not None and stop.fault == "kill":
        assert status == -signal.SIGKILL, f"it was not killed at {stop}"
    else:
        assert status == 0, f"it failed by itself: {stop}"
        assert stop is None or told >= stop.place, f"it was not cut off at {stop}"
    return told


def _counting(server: Server, stop: Stop | None) -> list[int]:
    """From now on the places that this process comes by are counted, and one of them stops it."""
    counted = [0]

    class Stopping(postgres_connection.Connection):
        changed = False

        def execute(self, query: Any, *words: Any, **named: Any) -> Any:
            if not isinstance(query, bytes) or _CHANGES.search(query) is None:
                return super().execute(query, *words, **named)
            self.come_by()
            answer = super().execute(query, *words, **named)
            self.changed = True
            self.come_by()
            return answer

        @contextmanager
        def transaction(self, *words: Any, **named: Any) -> Iterator[psycopg.Transaction]:
            self.changed = False
            with super().transaction(*words, **named) as begun:
                yield begun
            if self.changed:
                self.come_by()

        def come_by(self) -> None:
            counted[0] += 1
            if stop is not None and stop.place == counted[0]:
                _stop(server, self, stop.fault)

    postgres_connection.Connection = Stopping  # type: ignore[misc]
    return counted


def _stop(server: Server, connection: psycopg.Connection[Any], fault: Fault) -> None:
    if fault == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    pid = connection.info.backend_pid
    with server.connect() as other:
        other.execute("SELECT pg_terminate_backend(%s)", (pid,))
        found = "SELECT 1 FROM pg_stat_activity WHERE pid = %s"
        wait_for(lambda: other.execute(found, (pid,)).fetchone() is None)


@define(eq=False)
class Tables:
    """The tables of a schema as they are now, to be put back as often as is wanted."""

    server: Server
    schema: str
    name: str = "kept"
    _names: list[str] = field(factory=list, init=False)

    def keep(self) -> None:
        with self.server.connect() as connection:
            found = connection.execute(
                "SELECT relname FROM pg_class WHERE relnamespace = %s::regnamespace"
                " AND relkind IN ('r', 'p') AND NOT relispartition",
                (self.schema,),
            ).fetchall()
            self._names = sorted(name for (name,) in found)
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(self._kept)))
            for name in self._names:
                connection.execute(_filled("CREATE TABLE {kept} AS TABLE {own}", self, name))

    def put_back(self) -> None:
        """Once nobody is connected any more who could still change them."""
        with self.server.connect() as connection, connection.transaction():
            active = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'governance'"
            wait_for(lambda: connection.execute(active).fetchone() is None)
            # Those that others refer to go last, and come first.
            for name in sorted(self._names, key=_REFERRED_TO.__contains__):
                connection.execute(_filled("DELETE FROM {own}", self, name))
            for name in sorted(self._names, key=_REFERRED_TO.__contains__, reverse=True):
                connection.execute(_filled("INSERT INTO {own} TABLE {kept}", self, name))

    def everything(self) -> bytes:
        """All columns of all rows that a query can see, as they are sent."""
        found = bytearray()
        with self.server.connect() as connection, connection.cursor() as cursor:
            for name in self._names:
                text = _filled("COPY (SELECT * FROM {own}) TO STDOUT (FORMAT binary)", self, name)
                with cursor.copy(text) as rows:
                    for one in rows:
                        found += one
        return bytes(found)

    @property
    def _kept(self) -> str:
        return f"{self.schema}_{self.name}"


_REFERRED_TO = ("tenant",)


def _filled(text: str, tables: Tables, name: str) -> sql.Composed:
    return sql.SQL(text).format(  # type: ignore[arg-type]
        own=sql.Identifier(tables.schema, name), kept=sql.Identifier(tables._kept, name)
    )


def each_stop(
    server: Server, work: Work, anew: Work, faults: tuple[Fault, ...] = FAULTS
) -> Iterator[Stop]:
    """
    The store after *work* was stopped, at each place that it comes by.

    Args:
        anew: Puts the store back, as it is to be before each try.
    """
    anew()
    count = stopped(server, work, None)
    assert count > 1, "it changes too little to be stopped halfway"
    for fault in faults:
        for place in range(1, count + 1):
            anew()
            stopped(server, work, Stop(fault, place))
            yield Stop(fault, place)
