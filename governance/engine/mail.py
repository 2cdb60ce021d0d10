"""What goes between one event loop and the journal: appends there, replies back."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import TypeAlias, TypeVar

from attrs import field

from governance._attrs import define
from governance.engine.later import Rest
from governance.errors import GovernanceError
from governance.journal.records import Append, Appended, AppendsLater, Conflict, Duplicate
from governance.session.replies import Reply

GATHERED_MAX = 16
"""Appends that are gathered before they are handed to the journal, so that few commits take
them all; the end of a round of the loop hands in what there is."""

Answer: TypeAlias = Appended | Conflict | Duplicate
Settle: TypeAlias = Callable[[Callable[[], Answer]], None]

T = TypeVar("T")


@define(eq=False, repr=False)
class Mail:
    """
    Appends of one loop on their way to the journal, and replies on their way back.

    Both go many at once: a commit takes what several tasks have decided, and the loop is
    woken once for all that it brought, not once a reply.
    """

    loop: asyncio.AbstractEventLoop
    _journal: AppendsLater
    _outgoing: list[tuple[Callable[[], None], Settle]] = field(factory=list, init=False)
    _put: deque[tuple[asyncio.Future[Reply], Reply | None, Rest | None]] = field(
        factory=deque, init=False
    )
    _rung: bool = field(default=False, init=False)

    def append_later(
        self,
        batch: Sequence[Append],
        done: Settle,
        *,
        key: str | None = None,
        deadline_ms: int | None = None,
        told: Callable[[], None] | None = None,
    ) -> None:
        """As the journal's own, in the loop's thread; what the journal raises, *done* gets."""
        hand_in = partial(
            self._journal.append_later,
            batch,
            done,
            key=key,
            deadline_ms=deadline_ms,
            told=told or self.wake,
        )
        self._outgoing.append((hand_in, done))
        if len(self._outgoing) == 1:
            self.loop.call_soon(self.hand_in)
        elif len(self._outgoing) >= GATHERED_MAX:
            self.hand_in()

    def hand_in(self) -> None:
        """Give the journal what was gathered."""
        outgoing, self._outgoing = self._outgoing, []
        for hand_in, done in outgoing:
            try:
                hand_in()
            except GovernanceError as error:
                done(partial(_raised, error))
                self.wake()

    def put(self, future: asyncio.Future[Reply], reply: Reply | None, rest: Rest | None) -> None:
        """
        Let *future* be settled by *reply*, or by what *rest* gives in a thread, at the next wake.

        From any thread. The loop is woken apart, once all of a commit are there: else it would
        begin with the first of them while the others are still put, and the next commit would
        take few.
        """
        self._put.append((future, reply, rest))

    def wake(self) -> None:
        """Have the loop settle what was put, from any thread."""
        if self._rung:
            return
        self._rung = True
        try:
            self.loop.call_soon_threadsafe(self._look)
        except RuntimeError:
            # The loop is closed and nobody waits; what was begun is ended all the same.
            self._rung = False
            for future, _, left in _emptied(self._put):
                if left is not None:
                    _end(future, left)

    def _look(self) -> None:
        # First, so that whoever puts something from now on wakes it again.
        self._rung = False
        for future, reply, rest in _emptied(self._put):
            if rest is not None:
                _end(future, rest)
            else:
                _set(future, reply, None)


def _raised(error: GovernanceError) -> Answer:
    raise error


def _emptied(items: deque[T]) -> Iterator[T]:
    while items:
        yield items.popleft()


def _end(future: asyncio.Future[Reply], rest: Rest) -> None:
    """Settle *future* by *rest*, which waits, and runs to its end even if nobody else does."""

    def run() -> None:
        try:
            settle = partial(_set, future, rest(), None)
        except Exception as error:  # noqa: BLE001 - it belongs to whoever awaits the future
            settle = partial(_set, future, None, error)
        with suppress(RuntimeError):  # the loop is closed, and nobody awaits anything
            future.get_loop().call_soon_threadsafe(settle)

    threading.Thread(target=run, name="governance-rest").start()


def _set(future: asyncio.Future[Reply], reply: Reply | None, error: Exception | None) -> None:
    if future.done():
        return
    if error is not None:
        future.set_exception(error)
    elif reply is not None:
        future.set_result(reply)
