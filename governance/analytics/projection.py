"""
The figures of a store, kept on its shelf with the position up to which they are counted.

Sessions are spread over a few values (`SHARDS`), each of which holds the figures of its
sessions, how far each was counted, and up to where in the feed of moved heads that is all. A
value is written whole or not at all, and only over the one that it was made of: whoever is
killed between two of them has counted nothing twice and left nothing out, and several
processes may count at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any
from zlib import crc32

from attrs import field

from governance._attrs import define, frozen
from governance.analytics.figures import Figures
from governance.analytics.fold import FOLD_VERSION, Draft, Place, Rollup, merged
from governance.errors import GovernanceError, SessionErased, StoreDamaged
from governance.journal.records import Journal, Moved
from governance.values import Json, ValueRefused, dump_json, load_json

SHELF = "rollup"
POSITION = "position"
SHARDS = 16
MOVED_MAX = 1_000
PAGE_MOVED = 10_000
"""Heads that are asked for at once: a store in a file looks at all of its heads for each page."""

PAGE_ROWS = 1_000
SAVE_ROWS = 100_000
"""Rows that are counted before what was counted is written, however many follow."""

ATTEMPTS_MAX = 8
"""Times a part is counted again because another process was faster."""


@frozen
class Counted:
    """
    What is known of a store.

    Attributes:
        days: Figures by day, in days since 1970 UTC.

        position: Up to where in the feed of moved heads all is counted.

        saved: It is on the shelf; not so where the store may only be read, or others wrote
            all the time. The figures are the same.

        damaged: Sessions of which not all could be counted, for their rows do not hold. Then
            nothing new is kept, and all of them is counted once they are mended.
    """

    days: Mapping[int, Figures]
    position: int
    saved: bool
    damaged: tuple[str, ...] = ()


def catch_up(journal: Journal, *, anew: bool = False) -> Counted:
    """
    Count what is new since the last time, keep it, and give everything.

    Args:
        anew: Count all of the journal again, in place of what is kept.

    Raises:
        JournalError: The journal cannot be read.
    """
    run = _Run(journal, anew)
    try:
        saved = run.count_and_keep()
    except _Rewritten:
        # Rows that were counted are gone: only counting again knows what is left.
        run = _Run(journal, anew=True)
        saved = run.count_and_keep()
    days = MappingProxyType(merged(run.rollups()))
    return Counted(days, run.position, saved, tuple(run.damaged))


def recomputed(journal: Journal) -> Rollup:
    """The figures of every row of *journal*, counted at once and kept nowhere."""
    draft = Draft.of(Rollup())
    after = ""
    while page := journal.sessions(after=after, limit=PAGE_ROWS):
        for head in page:
            _read(journal, draft, head.session)
        after = page[-1].session
    return draft.done()


def lag(journal: Journal) -> int:
    """Sessions that moved since figures were last kept, at most `MOVED_MAX`."""
    entry = journal.shelf.get(SHELF, POSITION)
    text = entry.value.decode("ascii", "replace") if entry is not None else ""
    return len(journal.moved(after=int(text) if text.isdecimal() else 0, limit=MOVED_MAX))


class _Rewritten(Exception):
    """A session has fewer rows than were counted."""


def _read(journal: Journal, draft: Draft, session: str) -> int:
    """Count the rows of *session* that *draft* does not hold; how many they were."""
    place = draft.places.get(session)
    if place is None:
        # The rows that a branch shares are counted with the session that wrote them.
        origin = journal.origin(session)
        place = draft.places[session] = Place(origin.seq if origin is not None else 0)
    rows, after = 0, place.seq
    # What an erased session did was done, and stays counted as far as it had been.
    with suppress(SessionErased):
        while page := journal.read(session, after=after, limit=PAGE_ROWS):
            for record in page:
                draft.add(record)
            rows, after = rows + len(page), page[-1].seq
    return rows


@define(eq=False)
class _Shard:
    """
    One value of the shelf.

    Attributes:
        position: Up to where in the feed all of its sessions are counted.

        version: Of the entry that it was read from; 0: there was none.
    """

    draft: Draft
    position: int
    version: int
    changed: bool = False


@define(eq=False)
class _Run:
    """One catching up."""

    journal: Journal
    anew: bool
    position: int = field(default=0, init=False)
    damaged: list[str] = field(factory=list, init=False)
    _shards: list[_Shard] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._shards = [self._loaded(number) for number in range(SHARDS)]

    def rollups(self) -> list[Rollup]:
        return [one.draft.done() for one in self._shards]

    def count_and_keep(self) -> bool:
        """Whether what was counted is on the shelf."""
        left, faster = True, 0
        while left or 0 < faster < ATTEMPTS_MAX:
            left = self._count()
            if self.damaged:
                return self._rest()
            try:
                faster = 0 if self._keep() else faster + 1
            except GovernanceError:
                # Figures are a cache: a store that cannot be written, or not by this actor, is no
                # reason to hide them.
                return self._rest()
        return not faster

    def _rest(self) -> bool:
        """Count what is left, for this once."""
        while self._count():
            pass
        return False

    def _count(self) -> bool:
        """Count a part that is worth keeping; whether more may be left."""
        rows, self.position = 0, min(one.position for one in self._shards)
        while page := self.journal.moved(after=self.position, limit=PAGE_MOVED):
            rows += sum(self._counted(one) for one in page)
            self.position = page[-1].position
            if rows >= SAVE_ROWS:
                break
        for shard in self._shards:
            shard.position = max(shard.position, self.position)
        return rows >= SAVE_ROWS

    def _counted(self, moved: Moved) -> int:
        """Count the rows of one session that are new; how many they were."""
        shard = self._shards[shard_of(moved.session)]
        if not moved.seq or moved.position <= shard.position:
            return 0  # what a removed session did was done, and stays counted
        known = shard.draft.places.get(moved.session)
        if known is not None and moved.seq < known.seq:
            raise _Rewritten
        try:
            rows = _read(self.journal, shard.draft, moved.session)
        except StoreDamaged:
            self.damaged.append(moved.session)
            return 0
        shard.changed = shard.changed or bool(rows) or known is None
        return rows

    def _keep(self) -> bool:
        """Whether no other process was faster; where one was, its value is taken up."""
        faster = False
        for number, shard in enumerate(self._shards):
            if not shard.changed:
                continue
            value = bytes_of(shard.draft.done(), shard.position)
            entry = self.journal.shelf.put(
                SHELF, name_of(number), value, expected_version=shard.version
            )
            if entry is None:
                faster = True
                self._shards[number] = self._loaded(number)
            else:
                shard.version, shard.changed = entry.version, False
        if not faster:
            self.journal.shelf.put(SHELF, POSITION, str(self.position).encode())
        return not faster

    def _loaded(self, number: int) -> _Shard:
        entry = self.journal.shelf.get(SHELF, name_of(number))
        version = entry.version if entry is not None else 0
        kept = None if entry is None or self.anew else rollup_from(entry.value)
        if kept is None:
            return _Shard(Draft.of(Rollup()), 0, version, changed=True)
        return _Shard(Draft.of(kept[0]), kept[1], version)


def shard_of(session: str) -> int:
    """The number of the value that the figures of *session* are in."""
    return crc32(session.encode("utf-8", "surrogatepass")) % SHARDS


def name_of(number: int) -> str:
    """How that value is named on the shelf."""
    return f"figures-{number:02d}"


def bytes_of(rollup: Rollup, position: int) -> bytes:
    """*rollup* as it is kept, counted up to *position*."""
    days: dict[str, Json] = {
        str(day): {group: dict(named) for group, named in figures.items()}
        for day, figures in rollup.days.items()
    }
    places: dict[str, Json] = {
        name: [one.seq, one.turn_ms, one.begun_ms, one.last_ms]
        for name, one in rollup.places.items()
    }
    return dump_json(
        {"version": FOLD_VERSION, "position": position, "days": days, "places": places}
    )


def rollup_from(value: bytes) -> tuple[Rollup, int] | None:
    """What `bytes_of` wrote; none where another version of the fold did, or it is damaged."""
    try:
        kept: Any = load_json(value)
        if kept["version"] != FOLD_VERSION:
            return None
        days = {
            int(day): {
                str(group): {str(name): int(figure) for name, figure in named.items()}
                for group, named in figures.items()
            }
            for day, figures in kept["days"].items()
        }
        places = {
            str(name): Place(*(int(number) for number in numbers))
            for name, numbers in kept["places"].items()
        }
        return Rollup(days, places), int(kept["position"])
    except (ValueRefused, KeyError, AttributeError, TypeError, ValueError):
        return None
