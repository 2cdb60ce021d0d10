"""
What this process has seen of Hermes' sessions: whose they are, and what their models were told.

Hermes leaves ids out of some events and changes them in others. Here stands what leads from
what an event does name (a chat, a task, a thread) to the session that is meant. All of it is
bounded, and none of it is evidence: that is the journal's.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

from attrs import field

from governance._attrs import define
from governance.session.replies import Injection

SESSIONS_MAX = 10_000
LINKS_MAX = 20_000
"""Chats, tasks and users that lead to a session; the oldest is forgotten first."""

ID_CHARS_MAX = 128
_ID_SIGNS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:+=")


def is_identity(text: object) -> bool:
    """
    Whether *text* may be the id of a session of Hermes.

    A ``/`` would let one session pass for the child of another, an ``@`` for the project.
    """
    if not isinstance(text, str) or not text or len(text) > ID_CHARS_MAX:
        return False
    return not text.startswith(".") and _ID_SIGNS.issuperset(text)


@define(eq=False)
class Told:
    """
    A text on its way to a model, until a request shows that it arrived.

    Attributes:
        text: What the request must hold: all of it, or the mark where it went in escaped.
    """

    injection: Injection
    text: str


@define(eq=False)
class Sighting:
    """
    One session of Hermes.

    Attributes:
        started: Its start was given to the engine by this process.

        mark: The mark that the model's history must hold, or ``""``.

        refused: Why the prompt of this turn was refused, or ``""``; its tools are blocked.

        summary: The newest summary that its history was seen with; ``None``: not looked yet.

        announced: A compaction was told of whose summary was not seen yet.
    """

    id: str
    platform: str = ""
    user: str = ""
    key: str = ""
    parent: str = ""
    agent: str = ""
    source: str = ""
    predecessor: str = ""
    started: bool = False
    ended: bool = False
    mark: str = ""
    told: Told | None = None
    refused: str = ""
    summary: str | None = None
    announced: bool = False


@define(eq=False)
class Sightings:
    """Every session that this process has seen, and what leads to it. Thread-safe."""

    _sessions: OrderedDict[str, Sighting] = field(init=False, factory=OrderedDict)
    _links: OrderedDict[tuple[str, str], str] = field(init=False, factory=OrderedDict)
    _lock: threading.Lock = field(init=False, factory=threading.Lock)

    def see(self, session: str) -> Sighting:
        """The session of that id, now the one that was seen last."""
        with self._lock:
            found = self._sessions.pop(session, None) or Sighting(session)
            self._sessions[session] = found
            _cut(self._sessions, SESSIONS_MAX)
            return found

    def link(self, kind: str, name: object, session: str) -> str:
        """Let the *name* of that *kind* lead to *session*; what it led to before, or ``""``."""
        if not isinstance(name, str) or not name:
            return ""
        with self._lock:
            before = self._links.pop((kind, name), "")
            self._links[kind, name] = session
            _cut(self._links, LINKS_MAX)
        return before

    def linked(self, kind: str, name: object) -> str:
        """The session that the *name* of that *kind* leads to, or ``""``."""
        return self._links.get((kind, name), "") if isinstance(name, str) else ""

    def open(self) -> Iterator[Sighting]:
        """Sessions that this process began or worked on and has not ended, newest first."""
        with self._lock:
            found = list(reversed(self._sessions.values()))
        return (one for one in found if one.started and not one.ended)


def _cut(held: OrderedDict[Any, Any], most: int) -> None:
    while len(held) > most:
        held.popitem(last=False)
