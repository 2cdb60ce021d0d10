"""
What plugins want from the sessions of a chat: four uses of their events.

`Desk` keeps something for each session, counts what happens in it, says a word at its
beginning and at its end, and cleans up after it. It leans on events that come once for each
session, also where the gateway of Hermes itself tells of no beginning or no end.

In Hermes it runs inside the gateway. Install it as an entry point of the group
``governance.listeners`` that names `listen`, and name that in ``governance.toml``::

    [listeners]
    entry_points = ["hermes-desk"]

To see it at work without Hermes, in a project that ``governance init`` has made::

    python examples/hermes_listener.py path/to/project
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from attrs import define, field

from governance import Engine
from governance.events import Event
from governance.listeners import Listeners

SESSIONS_MAX = 1_000
"""Sessions that are kept in mind; of more, the oldest is let go."""


class Registers(Protocol):
    """What `listen` is given: a registry of listeners, or what an entry point gets."""

    def register(
        self, events: str | Sequence[str], function: Callable[[Event], None]
    ) -> object: ...


@define
class Visit:
    """What is kept of one session while it lasts."""

    began_ms: int
    folder: Path
    turns: int = 0
    tools: int = 0
    refused: int = 0


@define(eq=False)
class Desk:
    """
    Four uses of session events.

    Attributes:
        book: A file that gets one line of JSON for each session that ended.

        say: Tells a session's user something; in a gateway, a message to the chat.
    """

    book: Path
    say: Callable[[str, str], None]
    visits: dict[str, Visit] = field(factory=dict)

    def created(self, event: Event) -> None:
        """Per-session state: something to begin with, and a folder of its own."""
        while len(self.visits) >= SESSIONS_MAX:
            self._clean_up(next(iter(self.visits)))
        folder = Path(tempfile.mkdtemp(prefix="visit-"))
        self.visits[event.session_id] = Visit(event.at_ms, folder)

    def started(self, event: Event) -> None:
        """Welcome: the first message of the session is here."""
        self.say(event.session_id, f"welcome, {event.actor or 'whoever you are'}")

    def worked(self, event: Event) -> None:
        """Analytics: what happens is counted."""
        visit = self.visits.get(event.session_id)
        if visit is None:
            return
        visit.turns += event.name == "turn.started"
        visit.tools += event.name == "tool.finished"
        visit.refused += event.name == "tool.decided" and event.data["action"] in ("deny", "halt")

    def ended(self, event: Event) -> None:
        """Goodbye, a line in the book, and nothing of the session is left."""
        visit = self.visits.get(event.session_id)
        if visit is None:
            return
        line = {
            "session": event.session_id,
            "reason": event.data["reason"],
            "seconds": (event.at_ms - visit.began_ms) / 1000,
            "turns": visit.turns,
            "tools": visit.tools,
            "refused": visit.refused,
        }
        with self.book.open("a", encoding="utf-8") as book:
            book.write(json.dumps(line) + "\n")
        self.say(event.session_id, f"goodbye after {visit.turns} turns")
        self._clean_up(event.session_id)

    def _clean_up(self, session: str) -> None:
        shutil.rmtree(self.visits.pop(session).folder, ignore_errors=True)

    def listen(self, listeners: Registers) -> None:
        """Register for the events that the four uses need."""
        listeners.register("session.created", self.created)
        listeners.register("session.started", self.started)
        listeners.register(("turn.started", "tool.decided", "tool.finished"), self.worked)
        listeners.register("session.ended", self.ended)


def listen(listeners: Registers) -> None:
    """The entry point: the desk's book lies where ``DESK_BOOK`` says."""
    book = Path(os.environ.get("DESK_BOOK", "visits.jsonl"))
    said = book.with_suffix(".said")
    Desk(book, lambda session, text: _append(said, session, text)).listen(listeners)


def _append(file: Path, session: str, text: str) -> None:
    with file.open("a", encoding="utf-8") as stream:
        stream.write(f"{session}: {text}\n")


def main(project: str) -> None:
    """A short session, as the gateway of Hermes would have one."""
    listeners = Listeners()
    Desk(Path("visits.jsonl"), lambda session, text: print(f"{session}: {text}")).listen(listeners)
    with (
        Engine.open(project, listeners=listeners) as engine,
        engine.start("chat-1", host="hermes") as session,
    ):
        session.turn("hello")
        if not session.tool("read", {"path": "README.md"}, call_id="c1").denied:
            session.tool_finished("c1", outcome="ok", tool="read")
        session.turn_ended()
    print(Path("visits.jsonl").read_text(encoding="utf-8").splitlines()[-1])


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else ".")
