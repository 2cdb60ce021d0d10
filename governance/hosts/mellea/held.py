"""What the adapter keeps of a session while it lives: nothing that the journal must have."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Literal, TypeAlias

from attrs import evolve, field

from governance._attrs import define, frozen
from governance.hosts.mellea.capabilities import TRAITS
from governance.hosts.mellea.tools import TOOLS
from governance.hosts.mellea.translate import Identity
from governance.rules.host_tools import HostTools
from governance.session.replies import Injection

SESSIONS_MAX = 10_000
"""Sessions that are kept; the one that was longest unused goes, and is then one unknown."""

OPEN_MAX = 256
"""Components and requests of one session that are open at once."""

NOTES_MAX = 16
"""Messages that wait for the next request; the oldest goes."""

Denial: TypeAlias = Literal["soft", "hard"]


@frozen(kw_only=True)
class Options:
    """
    How sessions are governed that are begun with them.

    Attributes:
        tools: The program's table of its tools.

        role: The role that the program gives them, or ``None``.

        parent: Id of the session that they are cloned from, or ``None``.

        denial: What a denied tool is to the program: ``"soft"``: another tool, which
            answers with the reason; ``"hard"``: Mellea's exception.

        inject: Whether the backend heeds a system prompt among the model options.
    """

    tools: HostTools = TOOLS
    role: str | None = None
    parent: str | None = None
    denial: Denial = "soft"
    inject: bool = True

    def identity(self, session: str, run: str) -> Identity:
        """Who *session* is."""
        return Identity(
            session=session,
            parent=self.parent,
            role=self.role,
            run=run,
            traits=TRAITS if self.inject else evolve(TRAITS, inject="none"),
            tools=self.tools,
        )


@define(eq=False)
class Held:
    """
    One session of Mellea.

    Attributes:
        default_prompt: The system prompt of its backend, which ours goes in front of.

        ended: Its end was reported.

        managed: A `governed_session` will end it.

        injection: What each request of this turn carries, or ``None``.

        carried: The injection that a request of this turn went out with.

        told: The model has read `injection`.

        notes: What the next request carries besides, once.

        open: Components and lone requests that have begun and not ended.

        items: What the model saw of the context when it was last looked at.

        lost: The context has come back shorter than it should, and nobody was told yet.
    """

    who: Identity
    options: Options
    default_prompt: str = ""
    ended: bool = False
    managed: bool = False
    injection: Injection | None = None
    carried: Injection | None = None
    told: bool = False
    notes: list[str] = field(factory=list)
    open: OrderedDict[str, None] = field(factory=OrderedDict)
    items: int = 0
    lost: bool = False
    lock: threading.RLock = field(factory=threading.RLock)

    def note(self, message: str) -> None:
        """Let the next request carry *message*."""
        if message and self.options.inject:
            self.notes.append(message)
            del self.notes[:-NOTES_MAX]

    def texts(self) -> tuple[str, ...]:
        """What the next request carries; notes are given away with it."""
        notes, self.notes = self.notes, []
        return ((self.injection.text,) if self.injection else ()) + tuple(notes)


def remember(kept: OrderedDict[str, None], key: str) -> None:
    """Keep *key*, and let the oldest go."""
    kept[key] = None
    while len(kept) > OPEN_MAX:
        kept.popitem(last=False)


@define(eq=False)
class Book:
    """The sessions that are kept, by id; thread-safe and bounded."""

    run: str
    _held: OrderedDict[str, Held] = field(factory=OrderedDict, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)

    def get(self, session: str) -> Held | None:
        """What is kept of *session*."""
        with self._lock:
            held = self._held.get(session)
            if held is not None:
                self._held.move_to_end(session)
            return held

    def make(self, session: str, options: Options, default_prompt: str = "") -> Held:
        """Begin to keep *session*, anew if it was kept."""
        made = Held(options.identity(session, self.run), options, default_prompt)
        with self._lock:
            self._held[session] = made
            self._held.move_to_end(session)
            while len(self._held) > SESSIONS_MAX:
                self._held.popitem(last=False)
        return made

    def adopt(self, session: str, options: Options) -> Held:
        """What is kept of *session*, or the beginning of it."""
        return self.get(session) or self.make(session, options)


@define(eq=False)
class Announcement:
    """
    Sessions that a program is about to build, told to the hooks that see them come.

    Attributes:
        started: Ids of those that came.
    """

    options: Options
    started: list[str] = field(factory=list)


def prompt_among(options: object, key: str) -> str:
    """The system prompt in a backend's model options, or ``""``."""
    if not isinstance(options, Mapping):
        return ""
    return str(options.get(key) or options.get("system") or "")
