"""
One connection that never waits for ever, and the few of them that a journal shares.

Own code in place of a pool from a package: it connects in the thread that needs a connection,
so the reason why there is none reaches whoever asked, within that caller's deadline; and it
has no threads, which a process that answers one hook would start for nothing.
"""

from __future__ import annotations

import contextlib
import math
import random
import select
import threading
import time
from collections.abc import Callable, Generator, Iterator
from typing import Any, TypeVar

import psycopg
from attrs import field
from psycopg.conninfo import make_conninfo
from psycopg.pq import TransactionStatus

from governance._attrs import define
from governance.errors import MisuseError, StoreBusy
from governance.journal.postgres_faults import (
    RETRIED,
    connect_error,
    is_hopeless,
    server_error,
)
from governance.journal.postgres_url import CONNECT_SECONDS, Target

T = TypeVar("T")

GRACE_SECONDS = 1.0
"""How long after its deadline a statement is waited for, so that the server can say no itself."""

CANCEL_SECONDS = 1.0
"""How long the server then has to confirm that it was cancelled."""

CONNECT_TRIES_MAX = 12
READ_TRIES_MAX = 4
WAITING_MAX = 4_096
"""Callers that may wait for a connection; the next one gets `StoreBusy` at once."""

_NAP_SECONDS_MIN = 0.02
_NAP_SECONDS_MAX = 1.0


class Unanswered(psycopg.OperationalError):
    """The server neither answered in time nor confirmed that it had stopped."""


class Connection(psycopg.Connection[tuple[Any, ...]]):
    """A connection whose statements end at *until* (`time.monotonic`), whatever the server does."""

    until: float = math.inf
    durable: str = "on"

    def level(self, *, durable: bool) -> str:
        """How far a commit must have come before it is acknowledged."""
        return self.durable if durable else "off"

    def wait(self, gen: Generator[Any, Any, T], *words: Any, **named: Any) -> T:
        return super().wait(self._bounded(gen), *words, **named)

    def _bounded(self, gen: Generator[Any, Any, T]) -> Generator[Any, Any, T]:
        """*gen*, which is asked again and again whether the socket is ready, until the deadline."""
        until, cancelled = self.until, False
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if not ready and time.monotonic() > until:
                    if cancelled:
                        raise Unanswered("the server did not answer in time")
                    cancelled = True
                    until = time.monotonic() + CANCEL_SECONDS
                    with contextlib.suppress(psycopg.Error):
                        self.cancel_safe(timeout=CANCEL_SECONDS)
                wanted = gen.send(ready)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]

    @property
    def alive(self) -> bool:
        """Whether it can be used again."""
        return not self.closed and self.info.transaction_status == TransactionStatus.IDLE

    @property
    def quiet(self) -> bool:
        """Whether the server has said nothing while it lay idle: a goodbye would be heard."""
        try:
            heard = select.poll()
            heard.register(self.fileno(), select.POLLIN)
            return self.alive and not heard.poll(0)
        except (OSError, psycopg.Error):
            return False


@define(eq=False, repr=False)
class Connections:
    """At most so many connections to one server, made when they are needed. Thread-safe."""

    target: Target
    _idle: list[Connection] = field(factory=list, init=False)
    _free: threading.Condition = field(factory=threading.Condition, init=False)
    _used: int = field(default=0, init=False)
    _waiting: int = field(default=0, init=False)
    _closed: bool = field(default=False, init=False)
    _kept: threading.local = field(factory=threading.local, init=False)

    @property
    def kept(self) -> Connection | None:
        """The connection that this thread keeps at present; see `keep`."""
        return getattr(self._kept, "connection", None)

    @contextlib.contextmanager
    def keep(self, connection: Connection) -> Iterator[None]:
        """Have this thread use *connection*, which it was lent, for all that it does inside."""
        self._kept.connection = connection
        try:
            yield
        finally:
            self._kept.connection = None

    @contextlib.contextmanager
    def lend(self, until: float) -> Iterator[Connection]:
        """
        A connection for one caller, whose statements end soon after *until*.

        Raises:
            StoreBusy: All are in use, and none came back in time.
            ServerUnreachable, ServerRefused: There is none to be had.
        """
        connection = self.kept
        if connection is not None:
            yield connection
            return
        self._enter(until)
        try:
            connection = self._at_hand(until)
            connection.until = until + GRACE_SECONDS
            yield connection
        finally:
            self._leave(connection)

    def read(self, work: Callable[[Connection], T], until: float) -> T:
        """
        What *work* reads; tried again, a few times, when the connection broke under it.

        Raises:
            JournalError: The server could not do it before *until*.
        """
        for tries in range(READ_TRIES_MAX):
            try:
                with self.lend(until) as connection:
                    return work(connection)
            except psycopg.Error as error:
                state = error.sqlstate
                again = state is None or state in RETRIED or state.startswith(("08", "57P"))
                last = tries + 1 == READ_TRIES_MAX or isinstance(error, Unanswered)
                # The transaction that it was read in is over.
                last = last or self.kept is not None
                if not again or last or not nap(tries, until):
                    raise server_error(error, self.target.place) from None
        raise AssertionError("the last try returns or raises")

    def close(self) -> None:
        """Close what is idle now, and the rest as it comes back."""
        with self._free:
            self._closed = True
            idle, self._idle = self._idle, []
            self._free.notify_all()
        for connection in idle:
            connection.close()

    def _enter(self, until: float) -> None:
        with self._free:
            if self._waiting >= WAITING_MAX:
                raise StoreBusy(
                    f"{WAITING_MAX} callers wait for a connection already",
                    remedy="try again in a moment",
                )
            self._waiting += 1
            try:
                while self._used >= self.target.connections_max and not self._closed:
                    if not self._free.wait(max(0.0, until - time.monotonic())):
                        raise StoreBusy(
                            f"all {self.target.connections_max} connections to "
                            f"{self.target.place} are in use",
                            remedy="try again, or raise `connections_max` in the URL",
                        )
            finally:
                self._waiting -= 1
            if self._closed:
                raise MisuseError("the journal is closed; open it again")
            self._used += 1

    def _leave(self, connection: Connection | None) -> None:
        if connection is not None and not connection.alive:
            connection.close()
            connection = None
        with self._free:
            self._used -= 1
            if connection is not None and not self._closed:
                self._idle.append(connection)
                connection = None
            self._free.notify()
        if connection is not None:
            connection.close()

    def _at_hand(self, until: float) -> Connection:
        while True:
            with self._free:
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                return connect(self.target, until)
            if connection.quiet:
                return connection
            connection.close()


def connect(target: Target, until: float) -> Connection:
    """
    A new connection, tried for until *until*, but a few times at most.

    Raises:
        ServerUnreachable: Nobody answers there, or the server is just starting.
        ServerRefused: The server said no, and would say it again.
    """
    tries = 0
    while True:
        left = max(1, min(CONNECT_SECONDS, math.ceil(until - time.monotonic())))
        given = int(target.parameters["connect_timeout"] or CONNECT_SECONDS)
        try:
            words = {**target.parameters, "connect_timeout": str(min(left, given))}
            made = Connection.connect(make_conninfo("", **words), autocommit=True)
            made.until = until + GRACE_SECONDS
            return _prepared(made)
        except psycopg.Error as error:
            tries += 1
            if is_hopeless(error) or tries >= CONNECT_TRIES_MAX or not nap(tries, until):
                raise connect_error(error, target.place) from None


def _prepared(connection: Connection) -> Connection:
    """*connection*, knowing what the server's owner wants of commits; stricter wishes stay."""
    try:
        found = connection.execute("SELECT current_setting('synchronous_commit')").fetchone()
    except psycopg.Error:
        connection.close()
        raise
    if found is not None and found[0] != "off":
        connection.durable = str(found[0])
    return connection


def nap(tries: int, until: float) -> bool:
    """Sleep a little longer after each of *tries*, unevenly; ``False`` once *until* is near."""
    seconds = min(_NAP_SECONDS_MIN * 2.0**tries, _NAP_SECONDS_MAX) * random.uniform(0.5, 1.5)  # noqa: S311 - for spreading, not for secrets
    if time.monotonic() + seconds >= until:
        return False
    time.sleep(seconds)
    return True
