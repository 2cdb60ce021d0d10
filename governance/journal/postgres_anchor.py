"""
The mirror of heads, told by many connections at once.

A head goes into it only after its row is on the server's disk. Rows of observations are
acknowledged before that; they are there once a durable commit that began later has been
acknowledged, because the server writes its log in order.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

from attrs import field

from governance._attrs import define
from governance.errors import StoreMissing
from governance.journal.faults import RemovalRefused
from governance.journal.mirror import PENDING_MAX, Damaged, Gone, Identity, Mirror, read_identity
from governance.journal.postgres_connection import Connection
from governance.journal.postgres_moves import listed
from governance.journal.postgres_url import Target
from governance.journal.records import Head

_LISTED_MAX = 10_000


@define(eq=False, repr=False)
class Anchor:
    """What a `Mirror` is told, in which order. Thread-safe."""

    mirror: Mirror
    _lock: threading.Lock = field(factory=threading.Lock, init=False)
    _count: int = field(default=0, init=False)
    _pending: dict[str, tuple[int, Head]] = field(factory=dict, init=False)

    def mark(self) -> int:
        """Asked before a commit is sent: what was acknowledged up to now, that commit covers."""
        return self._count

    def note(self, heads: Iterable[Head], *, mark: int, durable: bool) -> None:
        """*heads* were acknowledged, by a commit before which `mark` had given *mark*."""
        with self._lock:
            if not durable:
                for head in heads:
                    self._count += 1
                    self._pending.pop(head.session, None)
                    self._pending[head.session] = (self._count, head)
                while len(self._pending) > PENDING_MAX:
                    del self._pending[next(iter(self._pending))]
                return
            covered = [head for number, head in self._pending.values() if number <= mark]
            for head in covered:
                del self._pending[head.session]
            self.mirror.note([*covered, *heads], durable=True)

    def announce(self, head: Head) -> None:
        """
        Tell the mirror, before the commit, that the session of *head* is being removed.

        Raises:
            RemovalRefused: It cannot be told: later the removal could not be told from a loss.
        """
        with self._lock:
            self._pending.pop(head.session, None)
            self.mirror.announce(head)
            if self.mirror.problem:
                raise RemovalRefused(
                    f"session `{head.session}` was not removed, for the mirror of heads cannot "
                    f"be told: {self.mirror.problem}",
                    remedy="mend the mirror, or add `mirror=off` to the URL",
                )

    def close(self) -> None:
        with self._lock:
            self.mirror.close()


def known_store(mirror: Path | None) -> Identity | Damaged | None:
    """The store that *mirror* speaks of, if it says."""
    if mirror is None:
        return None
    try:
        return read_identity(mirror)
    except OSError:
        return None  # `Mirror.begin` meets the same and states it as its problem


def refuse_other(
    store_id: str, known: Identity | Damaged | None, mirror: Path | None, target: Target
) -> None:
    """
    Return quietly unless *mirror* holds the heads of another store than *store_id*.

    Raises:
        StoreMissing: It does.
    """
    if isinstance(known, Identity) and known.store != store_id:
        raise StoreMissing(
            f"another store than the one whose heads `{mirror}` holds: {target.place}; "
            "a store that vanished is not a new store",
            remedy=f"restore the old one from a backup, or remove `{mirror}` to accept this one",
        )


def begun(
    connection: Connection,
    target: Target,
    store_id: str,
    known: Identity | Damaged | None,
    mirror: Path | None,
) -> Anchor | None:
    """The mirror of the store *store_id*, begun with its heads where there was none."""
    if mirror is None:
        return None
    made = Mirror(mirror, Identity(store_id, target.identity))
    if isinstance(known, Damaged):
        made.problem = f"`{mirror}`: its first line is damaged"
    else:
        made.begin(_all_heads(connection, target) if known is None else ())
    return Anchor(made)


def _all_heads(connection: Connection, target: Target) -> Iterator[Head | Gone]:
    for gone in (False, True):
        after = ""
        while page := listed(connection, target, after, _LISTED_MAX, gone=gone):
            for head in page:
                yield Gone(head) if gone else head
            after = page[-1].session
