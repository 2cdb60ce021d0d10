"""
Waiting for heads to move: a poll at intervals, cut short where the server calls.

What counts is what the poll finds. A call (`NOTIFY`) that is lost, that never comes because
other processes do not send any, or that comes too early, costs an interval and nothing else.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

import psycopg
import psycopg.sql

from governance._attrs import define
from governance.errors import JournalError, MisuseError
from governance.journal.postgres_connection import Connection, connect
from governance.journal.postgres_url import Target
from governance.journal.records import Moved

POLL_SECONDS = 0.5
WAIT_SECONDS_MAX = 3_600.0


def channel(target: Target) -> str:
    """Where the moves of this store are called out, with ``notify=on``."""
    return f"governance/{target.schema}/{target.tenant}".encode()[:63].decode()


@define(eq=False, repr=False)
class WakeUps:
    """Waits for moves of one store; has a connection of its own while it listens."""

    _target: Target
    _moved: Callable[[], tuple[Moved, ...]]

    def wait(self, seconds: float) -> tuple[Moved, ...]:
        """
        What has moved, as soon as anything has; nothing when *seconds* have passed.

        Raises:
            MisuseError: Below 0, or above an hour.
            JournalError: The store cannot be read.
        """
        if not 0 <= seconds <= WAIT_SECONDS_MAX:
            raise MisuseError(f"a wait of {seconds} s; expected 0 to {WAIT_SECONDS_MAX:.0f}")
        until = time.monotonic() + seconds
        with self._listening(until) as listener:
            while True:
                found = self._moved()
                left = until - time.monotonic()
                if found or left <= 0:
                    return found
                _pause(listener, min(POLL_SECONDS, left))

    @contextlib.contextmanager
    def _listening(self, until: float) -> Iterator[Connection | None]:
        """A connection that hears the calls; none where there are none, or it cannot be had."""
        listener: Connection | None = None
        if self._target.notifies:
            with contextlib.suppress(JournalError, psycopg.Error):
                listener = connect(self._target, min(until, time.monotonic() + POLL_SECONDS))
                name = psycopg.sql.Identifier(channel(self._target))
                listener.execute(psycopg.sql.SQL("LISTEN {}").format(name))
        try:
            yield listener
        finally:
            if listener is not None:
                listener.close()


def _pause(listener: Connection | None, seconds: float) -> None:
    """Sleep for *seconds*, or until a call is heard."""
    if listener is None or listener.closed:
        time.sleep(seconds)
        return
    try:
        for _ in listener.notifies(timeout=seconds, stop_after=1):
            return
    except psycopg.Error:
        listener.close()
