"""The deciding half of the hook: payload in, commands through the engine, answer out."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Protocol

from attrs import frozen

from governance.clock import Clock, SystemClock
from governance.config import load_config
from governance.errors import MisuseError
from governance.hooking import links
from governance.hooking.adapter import Adapter
from governance.hooking.answering import Answer
from governance.hooking.caller import refuse_agents
from governance.hooking.payload import PAYLOAD_BYTES_MAX, Payload, Unbound, read_payload
from governance.hooking.processes import processes_above
from governance.hooking.translation import Translation, continued
from governance.project import Project
from governance.session.commands import Command
from governance.values import Json

EARLIER_SECONDS = 2
"""How much earlier than the host's own time-out an answer must be out."""


class Given(Protocol):
    """What the command line of the hook says, but for the host."""

    dir: str
    event: str
    now_ms: int | None


class Line(Protocol):
    """The way to the process that stands before the host."""

    def read(self, bytes_max: int) -> bytes: ...
    def limit(self, deadline_ms: int) -> None: ...
    def answer(self, out: bytes) -> bool: ...
    def note(self, text: str) -> None: ...


@frozen
class FixedClock:
    """A clock that stands still, for replays; deadlines still run."""

    at_ms: int

    def now_ms(self) -> int:
        return self.at_ms

    def monotonic_ms(self) -> int:
        return time.monotonic_ns() // 1_000_000


def run(adapter: Adapter, options: Given, line: Line) -> None:
    """
    Answer one payload of the host of *adapter*.

    Raises:
        GovernanceError: Nothing could be decided, and why; nothing was answered.
    """
    data = line.read(PAYLOAD_BYTES_MAX)
    known = adapter.events.get(options.event)
    payload = read_payload(data, options.event, lenient=known is not None and not known.decides)
    if payload.mended:
        line.note("the payload held what no journal can; it was mended")
    project = Path(options.dir)
    settings = load_config(project).host(adapter.profile.name)
    line.limit(_deadline_ms(settings.deadline_ms, adapter, payload.event))
    try:
        translation = adapter.translate(payload, os.environ)
    except Unbound as error:
        if not adapter.events[payload.event].decides:
            raise
        line.note(error.message)
        line.answer(adapter.unbound(payload.event, settings.unbound, error.message).out)
        return
    if not translation.commands and not translation.notes:
        if not translation.known:
            line.note(f"`{payload.event}` is no event that this adapter knows; ignored")
        line.answer(b"")
        return
    clock: Clock = SystemClock()
    if options.now_ms is not None:
        if not Project(project).replay_mark().is_file():
            raise MisuseError(
                "`--now-ms` is for replays, and this project is none", remedy="leave it out"
            )
        clock = FixedClock(options.now_ms)
    decide(adapter, project, clock, line, payload, translation)


def _deadline_ms(configured: int, adapter: Adapter, event: str) -> int:
    known = adapter.events.get(event)
    if known is None:
        return configured
    return min(configured, max(1, known.timeout_seconds - EARLIER_SECONDS) * 1000)


def decide(
    adapter: Adapter,
    project: Path,
    clock: Clock,
    line: Line,
    payload: Payload,
    translation: Translation,
) -> None:
    """Hand the commands to the engine, answer, and report what was delivered."""
    from governance.engine import Engine

    # A host does not tell which of its processes calls: an empty run never differs.
    with Engine.open(project, clock=clock, run="", tools=(adapter.profile.tools,)) as engine:
        journal = engine.journal
        refuse_agents(
            processes_above(os.getppid()),
            adapter.agent_session,
            lambda one: journal.head(one).seq > 0,
        )
        translation = linked(project, adapter.profile.name, translation)
        replies = [engine.handle(command) for command in translation.commands]
        for note in translation.notes:
            if journal.head(note.session).seq:
                name = adapter.profile.name
                engine.record(note.session, note.kind, note.data, actor=name, host=name)
        made = adapter.answer(payload, replies, translation.decisive)
        if made.spilled:
            line.note("the briefing is longer than this answer may be; a denied tool carries it")
        flushed = line.answer(made.out)
        if flushed and made.told is not None:
            decisive = translation.commands[translation.decisive]
            engine.handle(delivered(decisive, made))


def linked(project: Path, host: str, translation: Translation) -> Translation:
    """Tie the session to the one that it continues, and leave the tie for one to come."""
    if translation.remember is not None:
        links.remember(project, host, *translation.remember)
    if not translation.recall:
        return translation
    predecessor = links.take(project, host, translation.recall)
    if not predecessor or predecessor == translation.commands[0].session:
        return translation
    return continued(translation, predecessor)


def delivered(command: Command, made: Answer) -> Command:
    """The event that says that the text of *made* reached the model of *command*."""
    told = made.told
    # INVARIANT: only an answer that carries a text is reported as delivered.
    assert told is not None, "an answer without a text briefs nobody"
    blocks: list[Json] = list(told.blocks)
    data: dict[str, Json] = {
        "sha256": told.sha256,
        "rendered_at": told.rendered_at,
        "blocks": blocks,
        "why": told.why,
        "characters": len(told.text),
    }
    return Command(
        event="brief",
        session=command.session,
        host=command.host,
        traits=command.traits,
        parent=command.parent,
        agent=command.agent,
        history=command.history,
        delivery="none",
        data=data,
    )
