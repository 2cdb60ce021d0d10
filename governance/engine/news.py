"""Whether the rules in force are new, and which sessions have been told so."""

from __future__ import annotations

import os
import threading
from typing import Literal, Protocol

from attrs import field

from governance._attrs import define, frozen
from governance.session.law import Law
from governance.values import Json

PROBLEMS_MAX = 8
"""Problems of a refused change that are written into a journal; `governance check` has all."""


@frozen(eq=False)
class News:
    """
    What became of the newest change of the rules.

    Attributes:
        number: Grows with each change, from 1.

        law: What is in force now.

        problems: Why a change was refused.
    """

    number: int
    kind: Literal["rules.changed", "rules.refused"]
    law: Law
    problems: tuple[str, ...] = ()

    def data(self, before: Law) -> dict[str, Json]:
        """Own fields of the row for a session that was decided by the law *before*."""
        told: dict[str, Json] = {"packs": _packs(self.law), "before": _packs(before)}
        if self.problems:
            told["problems"] = list(self.problems[:PROBLEMS_MAX])
            told["count"] = len(self.problems)
        return told


class Watching(Protocol):
    """What notices a change, as `governance.engine.reloading.Watch` does."""

    def look(self, law: Law, now_ms: int) -> News | None:
        """What is new since the last look, or ``None``."""
        ...


@define(eq=False)
class Bulletin:
    """
    The newest change, and the law by which each session was decided last. Thread-safe.

    Attributes:
        sessions_max: Sessions that are remembered; one that is forgotten is not told of a
            change that it has slept through.

        name: That of this one alone: each counts its changes from 1.
    """

    watch: Watching
    sessions_max: int
    name: str = field(factory=lambda: os.urandom(16).hex(), init=False)
    _newest: News | None = field(default=None, init=False)
    _heard: dict[str, tuple[int, Law]] = field(factory=dict, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)

    def newest(self, law: Law, now_ms: int) -> News | None:
        """The newest change of all, after a look for another one; ``None``: none so far."""
        found = self.watch.look(law, now_ms)
        if found is not None:
            with self._lock:
                if self._newest is None or self._newest.number < found.number:
                    self._newest = found
        return self._newest

    def has_told(self, session: str, news: News | None) -> bool:
        """Whether *session* is decided by the newest rules already, and knows of *news*."""
        known = self._heard.get(session)
        return known is not None and known[0] >= (0 if news is None else news.number)

    def before(self, session: str, news: News | None, law: Law, *, begins: bool) -> Law | None:
        """
        The law by which *session* was decided before, if it must be told of *news*.

        It is told by whoever asks, who says so by `note`: what could not be written is asked
        for again. A session that is new here is told of what is refused alone: to it nothing
        changed.

        Args:
            begins: It has no journal yet, and is told at its next event.
        """
        if self.has_told(session, news):
            return None
        known = self._heard.get(session)
        found = known[1] if known is not None else law
        if news is not None and not begins and (known is not None or news.problems):
            return found
        self.note(session, news, law, begins=begins)
        return None

    def note(self, session: str, news: News | None, law: Law, *, begins: bool = False) -> None:
        """Note that *session* is decided by *law*, and knows of *news* unless it *begins*."""
        number = 0 if news is None else news.number
        if begins and news is not None and news.problems:
            number -= 1
        with self._lock:
            while len(self._heard) >= self.sessions_max:
                del self._heard[next(iter(self._heard))]
            self._heard[session] = number, law


def _packs(law: Law) -> str:
    """The short hash by which journals name packs."""
    return law.rules.hash[:16]


def tell_alike(one: Law, other: Law) -> bool:
    """Whether both laws brief a model alike."""
    mine, theirs = one.settings, other.settings
    return (
        [block.block for block in one.rules.contexts]
        == [block.block for block in other.rules.contexts]
        and mine.fields == theirs.fields
        and mine.budget == theirs.budget
    )
