"""
Following what is written: every row of every process on a store, from a place one knows.

The journal's feed of moved heads says where to look, and rows are read behind a cursor that
holds how far each session was told. So nothing is missed and nothing comes twice, whoever
writes; rows of one session come in their order, those of different sessions in any.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from itertools import islice
from types import MappingProxyType, TracebackType
from typing import final

from attrs import field

from governance._attrs import define, frozen
from governance.engine.encoding import event_of
from governance.errors import JournalError, MisuseError, SessionErased, StoreDamaged
from governance.events import Event
from governance.formats import body_of
from governance.journal.records import Journal, Record
from governance.values import Json, ValueRefused, dump_json, load_json

MOVED_MAX = 200
"""Sessions that one look at the feed takes."""

PAGE_ROWS = 500
WAIT_SECONDS_MIN = 0.02
WAIT_SECONDS_MAX = 0.5
"""The pause between two looks doubles up to here while nothing is written."""

LOOK_SHARE = 4
"""A pause is at least so many times as long as the look before it, up to `LOOK_SECONDS_MAX`."""

LOOK_SECONDS_MAX = 10.0

CURSOR_BYTES_MAX = 64 * 1024 * 1024

CODES: Mapping[str, str] = {"GOV575": "a cursor that no follower has given"}


@frozen
class Cursor:
    """
    How far a follower has come; who begins after it misses nothing and gets nothing twice.

    Attributes:
        position: In the feed of moved heads; the sessions up to there are told whole.

        seqs: The last row that was told, by session.
    """

    position: int = 0
    seqs: Mapping[str, int] = field(factory=lambda: MappingProxyType({}))

    def text(self) -> str:
        """The cursor as one line of JSON, to be kept until the next start."""
        value: dict[str, Json] = {"position": self.position, "seqs": dict(self.seqs)}
        return dump_json(value).decode()

    @classmethod
    def from_text(cls, text: str) -> Cursor:
        """
        The cursor that `text` wrote.

        >>> Cursor.from_text(Cursor(7, {"s-1": 3}).text())
        Cursor(position=7, seqs=mappingproxy({'s-1': 3}))

        Raises:
            MisuseError: GOV575, it is none.
        """
        try:
            value = load_json(text, bytes_max=CURSOR_BYTES_MAX)
        except ValueRefused:
            value = None
        seqs = value.get("seqs") if isinstance(value, Mapping) else None
        position = value.get("position") if isinstance(value, Mapping) else None
        if not isinstance(seqs, Mapping) or not _is_count(position):
            raise _no_cursor()
        if not all(_is_count(seq) for seq in seqs.values()):
            raise _no_cursor()
        return cls(int(position), MappingProxyType({k: int(v) for k, v in seqs.items()}))  # type: ignore[arg-type]


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _no_cursor() -> MisuseError:
    return MisuseError(
        "this is no cursor of a follower",
        code="GOV575",
        remedy="give the text that `Cursor.text` wrote, or begin without one",
    )


def cursor_now(journal: Journal) -> Cursor:
    """The cursor behind everything that is written at this moment."""
    position, seqs = 0, {}
    while page := journal.moved(after=position, limit=MOVED_MAX):
        for one in page:
            position, seqs[one.session] = one.position, one.seq
    return Cursor(position, MappingProxyType(seqs))


@final
@define(eq=False, repr=False)
class Follower:
    """
    Gives rows as they come, without an end; a context manager, for one thread at a time.

    `poll` gives what is there now; iterating waits for more until `close` is called, from any
    thread. It looks every half second at the least, less often only where a look takes long.

    Attributes:
        session: The one that is followed; ``None``: all of the store. Of one session that is
            a branch the rows that it shares come too; of all, each row comes once.

        over: Asked before each look; ``True`` ends it as `close` does.
    """

    journal: Journal
    session: str | None = None
    over: Callable[[], bool] = field(default=lambda: False, kw_only=True)
    _position: int = field(default=0, init=False)
    _seqs: dict[str, int] = field(factory=dict, init=False)
    _begun: bool = field(default=False, init=False)
    _stop: threading.Event = field(factory=threading.Event, init=False)

    @classmethod
    def after(
        cls,
        journal: Journal,
        cursor: Cursor | None = None,
        *,
        session: str | None = None,
        over: Callable[[], bool] = lambda: False,
    ) -> Follower:
        """
        A follower that begins behind *cursor*, without one with the first row there is.

        Args:
            over: Asked before each look; ``True`` ends it as `close` does.
        """
        made = cls(journal, session, over=over)
        if cursor is not None:
            made._position, made._seqs = cursor.position, dict(cursor.seqs)
        return made

    @property
    def cursor(self) -> Cursor:
        """Behind the last row that was given."""
        return Cursor(self._position, MappingProxyType(dict(self._seqs)))

    @property
    def position(self) -> int:
        """The position of `cursor`."""
        return self._position

    def __enter__(self) -> Follower:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the iteration; the store is the caller's and stays open."""
        self._stop.set()

    @property
    def closed(self) -> bool:
        return self._stop.is_set() or self.over()

    def __iter__(self) -> Iterator[Record]:
        pause = WAIT_SECONDS_MIN
        while not self.closed:
            begun = time.monotonic()
            try:
                for record in self.poll():
                    pause = WAIT_SECONDS_MIN
                    yield record
                    begun = time.monotonic()  # what its reader did took no look
            except (JournalError, MisuseError):
                if self.closed:
                    return  # the store was closed beneath a look that had begun
                raise
            # A look at very many sessions takes its time: it shall not be all that is done.
            looked = LOOK_SHARE * (time.monotonic() - begun)
            if self._stop.wait(max(pause, min(looked, LOOK_SECONDS_MAX))):
                return
            pause = min(pause * 2, WAIT_SECONDS_MAX)

    def poll(self) -> Iterator[Record]:
        """
        The rows that are there and were not given yet; waits for nothing.

        Raises:
            StoreDamaged: A session cannot be read; the rows of all others were given before.
            JournalError: The store cannot be read; what was not given comes next time.
        """
        if self.session is not None:
            yield from self._rest_of(self.session)
            return
        if not self._begun:
            self._begun = True
            if self._position and not self.journal.moved(after=self._position - 1, limit=1):
                # The store is an older one than the cursor is of: what was told is known by
                # its session, and what has come since stands at positions that were passed.
                self._position = 0
        position, broken = self._position, None
        while page := self.journal.moved(after=position, limit=MOVED_MAX):
            for one in page:
                # A removed session stays known: what is put back was told before.
                if one.seq:
                    if one.session not in self._seqs:
                        origin = self.journal.origin(one.session)
                        self._seqs[one.session] = origin.seq if origin is not None else 0
                    # A repair may have let go of rows that were told.
                    self._seqs[one.session] = min(self._seqs[one.session], one.seq)
                    # Nobody reads an erased one again; whoever follows it alone is told so.
                    try:
                        with suppress(SessionErased):
                            yield from self._rest_of(one.session)
                    except StoreDamaged as error:
                        broken = broken or error
                position = one.position
                # What cannot be read now is looked for again, until it can.
                if broken is None:
                    self._position = position
        if broken is not None:
            raise broken

    def take(self, limit: int = PAGE_ROWS) -> tuple[Record, ...]:
        """As `poll`, at most *limit* rows."""
        return tuple(islice(self.poll(), limit))

    def events(self) -> Iterator[Event]:
        """
        The rows as lifecycle events, as iterating gives them.

        Raises:
            ValueRefused: A row is damaged; `verify` says how.
        """
        for record in self:
            yield event_of(record, body_of(record))

    def _rest_of(self, session: str) -> Iterator[Record]:
        while page := self.journal.read(session, after=self._seqs.get(session, 0), limit=PAGE_ROWS):
            for record in page:
                self._seqs[session] = record.seq
                yield record
