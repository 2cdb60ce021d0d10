"""
A session of the OpenAI Agents SDK over a journal.

`JournalSession` has the four methods of the SDK's ``Session``. The items of one call are one
row, whole or not there, behind the row that this session knew of: where somebody else wrote
in the meantime, that is an error and nothing is interleaved. Nothing of the SDK is imported.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from attrs import field

from governance._attrs import define
from governance.clock import Clock, SystemClock
from governance.errors import MisuseError
from governance.interop.kept import (
    Follower,
    MovedOn,
    current_session,
    no_sense,
    settled,
    unknown_row,
)
from governance.journal.faults import SessionRemoved
from governance.journal.records import Journal, Record, Row
from governance.values import Json, dump_json, load_json

FAMILY = "openai-agents"
ITEMS_KIND = "agents.items"
POPPED_KIND = "agents.popped"

T = TypeVar("T")


@define(eq=False)
class _History:
    """The items of one session, as far as its rows were read; each as JSON bytes."""

    follower: Follower
    items: list[bytes] = field(factory=list, init=False)

    def refresh(self) -> None:
        for _, record in self.follower.news():
            if record.kind == ITEMS_KIND:
                self.items.extend(map(dump_json, _items_of(record)))
            elif record.kind == POPPED_KIND:
                if not self.items:
                    raise no_sense(record)
                self.items.pop()
            else:
                raise unknown_row(record)


class JournalSession:
    """
    The conversation *session_id* of the OpenAI Agents SDK, kept in *journal*.

    Attributes:
        session_settings: The SDK's settings, of which ``limit`` is heeded, or none.
    """

    def __init__(
        self,
        session_id: str,
        journal: Journal,
        *,
        session_settings: Any = None,
        clock: Clock | None = None,
    ) -> None:
        self.session_id = session_id
        self.session_settings = session_settings
        self._journal = journal
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._history = self._open()
        self._was_read = False

    async def get_items(self, limit: int | None = None) -> list[Any]:
        """
        The items in their order; of *limit*, the newest.

        Raises:
            MisuseError: A limit below 0.
            StoreDamaged: A row is not what the chain says.
        """
        if limit is None:
            limit = getattr(self.session_settings, "limit", None)
        if limit is not None and limit < 0:
            raise MisuseError(f"a limit of {limit}; expected 0 or more")

        def work() -> list[Any]:
            history = self._newest()
            start = 0 if limit is None else max(0, len(history.items) - limit)
            return [load_json(one) for one in history.items[start:]]

        return await self._alone(work)

    async def add_items(self, items: Sequence[Any]) -> None:
        """
        Add *items* behind those that this session knows of: all of them, or none.

        Raises:
            MovedOn: GOV781: somebody else wrote since they were read here.
            ValueRefused: An item that is not JSON.
        """
        body: list[Json] = list(items)
        if body:
            await self._alone(lambda: self._write(ITEMS_KIND, {"items": body}))

    async def pop_item(self) -> Any:
        """
        Take the newest item off and give it; none where there is none.

        Raises:
            MovedOn: GOV781: somebody else wrote since the items were read here.
        """

        def work() -> Any:
            history = self._known()
            if not history.items:
                return None
            last = history.items[-1]
            self._write(POPPED_KIND, {})
            return load_json(last)

        return await self._alone(work)

    async def clear_session(self) -> None:
        """
        Let all rows of the session go; the journal keeps a tombstone with its last hash.

        Raises:
            MovedOn: GOV781: somebody else wrote since the items were read here.
        """

        def work() -> None:
            if not self._known().follower.remove():
                raise self._moved_on()
            self._history = self._open()

        await self._alone(work)

    def _open(self) -> _History:
        session = current_session(self._journal, FAMILY, self.session_id)
        return _History(Follower(self._journal, session))

    def _newest(self) -> _History:
        """The history with all that others have written, cleared or not."""
        for _ in range(2):
            head = self._journal.head(self._history.follower.session)
            if not head.seq:
                self._history = self._open()
            try:
                self._history.refresh()
                break
            except MovedOn:
                continue
        self._was_read = True
        return self._history

    def _known(self) -> _History:
        """The history as it was read here; read now, where it never was."""
        return self._history if self._was_read else self._newest()

    def _write(self, kind: str, body: Mapping[str, Json]) -> None:
        row = Row(kind, self._clock.now_ms(), dump_json(body))
        history = self._known()
        try:
            written = history.follower.append(row)
        except SessionRemoved:
            written = False
        if not written:
            raise self._moved_on()
        history.refresh()

    def _moved_on(self) -> MovedOn:
        return MovedOn(
            f"somebody else wrote to the session `{self.session_id}`",
            remedy="read its items again and decide anew",
        )

    async def _alone(self, work: Callable[[], T]) -> T:
        def locked() -> T:
            with self._lock:
                return work()

        return await settled(locked)


def _items_of(record: Record) -> Sequence[Json]:
    body = load_json(record.body)
    items = body.get("items") if isinstance(body, Mapping) else None
    if not isinstance(items, list) or not items:
        raise no_sense(record)
    return items
