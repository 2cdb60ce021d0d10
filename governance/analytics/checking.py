"""
The figures that are kept of a store, held against its rows.

What a removed session did stays counted, and its rows are gone: of a value that counts such a
session no figure may be below what the other rows come to, and more cannot be said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set

from attrs import field

from governance._attrs import define
from governance.analytics.fold import DAYS_MAX, Draft, Place, Rollup
from governance.analytics.projection import (
    MOVED_MAX,
    PAGE_MOVED,
    SHARDS,
    SHELF,
    name_of,
    rollup_from,
    shard_of,
)
from governance.errors import JournalError
from governance.journal.records import Journal, Moved, Record
from governance.journal.sealing import is_sealed


@define(eq=False)
class _Shard:
    """One value of the shelf, counted again as far as it says it is counted."""

    kept: Rollup
    position: int
    counted: Draft = field(factory=lambda: Draft.of(Rollup()))
    wrong: bool = False
    unknown: bool = False


@define(eq=False, repr=False)
class FiguresCheck:
    """
    Counts again what the figures of *journal* count; it is given the rows by whoever reads them.

    Attributes:
        blamed: Sessions whose rows are not given.
    """

    journal: Journal
    blamed: Set[str]
    _shards: Mapping[int, _Shard] = field(init=False)

    def __attrs_post_init__(self) -> None:
        loaded = ((number, self._loaded(number)) for number in range(SHARDS))
        self._shards = {number: one for number, one in loaded if one is not None}

    def _loaded(self, number: int) -> _Shard | None:
        try:
            entry = self.journal.shelf.get(SHELF, name_of(number))
        except JournalError:
            return None  # what cannot be read is found where the store is walked
        kept = rollup_from(entry.value) if entry is not None else None
        if kept is None:
            return None
        made = _Shard(*kept)
        made.wrong = any(shard_of(one) != number for one in made.kept.places)
        return made

    def moved(self) -> Iterator[Moved]:
        """Every live session of the store; what is said of it is compared with where it is."""
        after = 0
        while page := self.journal.moved(after=after, limit=PAGE_MOVED):
            for one in page:
                if one.seq:
                    self._look(one)
                    yield one
            after = page[-1].position

    def _look(self, moved: Moved) -> None:
        shard = self._shards.get(shard_of(moved.session))
        if shard is None:
            return
        place = shard.kept.places.get(moved.session)
        if moved.session in self.blamed or (place is not None and place.seq > moved.seq):
            # Rows that were counted and are gone are counted anew by whoever asks for figures.
            shard.unknown = True
        elif place is None or place.seq < moved.seq:
            shard.wrong = shard.wrong or moved.position <= shard.position

    def begin(self, session: str, base: int) -> None:
        """The rows of *session* come next, those after *base*."""
        shard = self._shards.get(shard_of(session))
        if shard is not None and session in shard.kept.places:
            shard.counted.places[session] = Place(base)

    def pass_over(self, session: str) -> None:
        """Not all rows of *session* can be read."""
        shard = self._shards.get(shard_of(session))
        if shard is not None:
            shard.unknown = True

    def add(self, record: Record) -> None:
        """Count *record*, if the kept figures say that they do."""
        shard = self._shards.get(shard_of(record.session))
        place = shard.kept.places.get(record.session) if shard is not None else None
        if shard is None or place is None or record.seq > place.seq:
            return
        if is_sealed(record.body):
            shard.unknown = True
        else:
            shard.counted.add(record)

    def wrong(self) -> Iterator[str]:
        """Names of the values that are not what the rows come to."""
        strange = self._strange()
        for number, shard in self._shards.items():
            if shard.unknown or len(shard.kept.days) >= DAYS_MAX:
                continue
            if shard.wrong or strange & shard.kept.places.keys() or not _is_sound(shard):
                yield name_of(number)

    def _strange(self) -> set[str]:
        """Sessions that are counted, and that the store neither has nor had."""
        counted = [name for one in self._shards.values() for name in _gone(one)]
        strange = set(counted)
        after = ""
        while strange and (page := self.journal.removed(after=after, limit=MOVED_MAX)):
            strange.difference_update(head.session for head in page)
            after = page[-1].session
        return strange - self.blamed


def _gone(shard: _Shard) -> Set[str]:
    return shard.kept.places.keys() - shard.counted.places.keys()


def _is_sound(shard: _Shard) -> bool:
    kept, counted = shard.kept, shard.counted.done()
    if not _gone(shard):
        return kept == counted
    same_places = all(kept.places[name] == one for name, one in counted.places.items())
    return same_places and all(
        figure <= kept.days.get(day, {}).get(group, {}).get(name, 0)
        for day, figures in counted.days.items()
        for group, named in figures.items()
        for name, figure in named.items()
    )
