"""
The deciding half of a hook: payload in, commands through the engine, answer out.

It runs in the hook's own worker process, with an engine for this one call, and in the local
service, with one that is open already.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from attrs import evolve, field

from governance._attrs import define, frozen
from governance.clock import Clock, SystemClock
from governance.config import Config, load_config
from governance.errors import DefinitionError, Diagnostic, MisuseError
from governance.hooking import links, offers
from governance.hooking.adapter import Adapter
from governance.hooking.answering import Answer
from governance.hooking.caller import refuse_agents
from governance.hooking.payload import OtherEvent, Payload, Unbound, read_payload
from governance.hooking.processes import Process, processes_above
from governance.hooking.translation import CLIENT, Note, Translation, continued
from governance.project import Person, Project, person, pin
from governance.session.commands import Command
from governance.values import Json

if TYPE_CHECKING:
    from governance.engine import Engine

EARLIER_SECONDS = 2
"""How much earlier than the host's own time-out an answer must be out, at most a quarter of it."""

IN_MEMORY = "memory:"
"""Url of a journal of one process alone."""

ANCESTORS_MAX = 64
"""Sessions above one that are looked up."""


class Given(Protocol):
    """What the command line of the hook says, but for the host."""

    dir: str
    event: str
    now_ms: int | None
    home: str
    config: str
    state: str


class Line(Protocol):
    """The way to the process that stands before the host."""

    def read(self) -> bytes: ...
    def limit(self, deadline_ms: int) -> None: ...
    def answer(self, out: bytes, *, told: bool = False) -> bool: ...
    def note(self, text: str) -> None: ...


class WorkerLine(Line, Protocol):
    """The way from the hook's own worker, which may ask for a service."""

    def serve(self) -> None: ...


@frozen
class Call:
    """
    One call of a hook.

    Attributes:
        directory: The project's folder, absolute.

        event: As its command line names it; ``""``: whichever the payload names.

        environment: The variables that the host started it with.

        above: The processes that started it, nearest first.

        id: What two processes that get this very payload know it by; ``""``: no other one
            can have it.

        overruled: Places of a person that *environment* has elsewhere than `init` wrote down.
    """

    directory: Path
    event: str
    environment: Mapping[str, str] = field(repr=False)
    above: Callable[[], Sequence[Process]] = field(repr=False)
    id: str = ""
    overruled: tuple[str, ...] = ()


@define(eq=False)
class StandingClock:
    """A clock that stands still until it is set, for replays; deadlines still run."""

    at_ms: int

    def now_ms(self) -> int:
        return self.at_ms

    def monotonic_ms(self) -> int:
        return time.monotonic_ns() // 1_000_000


def run(adapter: Adapter, options: Given, line: WorkerLine, call_id: str = "") -> None:
    """
    Answer one payload of the host of *adapter*, with an engine for this call alone.

    Args:
        call_id: What a service may have taken this very payload by before it gave up.

    Raises:
        GovernanceError: Nothing could be decided, and why; nothing was answered.
    """
    directory = Path(options.dir)
    overruled: tuple[str, ...] = ()
    if options.state:
        overruled = pin(Person(options.home, options.config, options.state))
    above = os.getppid()
    call = Call(
        directory,
        options.event,
        os.environ,
        lambda: tuple(processes_above(above)),
        call_id,
        overruled,
    )

    def config() -> Config:
        from governance.engine.lawmaking import trusted_config

        found = trusted_config(load_config(directory))
        _require_store(found)
        if found.service.enabled:
            line.serve()
        return found

    def engine() -> Engine:
        from governance.engine import Engine

        # A host does not tell which of its processes calls: an empty run never differs.
        clock = _clock(directory, options.now_ms)
        return Engine.open(directory, clock=clock, run="", tools=(adapter.profile.tools,))

    answer(adapter, call, line, config, engine)


def _require_store(config: Config) -> None:
    """
    Raises:
        DefinitionError: GOV510, the journal is in memory, and would end with each hook: no
            violation would be counted up, and nothing that was halted would stay so.
    """
    url = config.journal.url
    if url == IN_MEMORY:
        message = f"a journal at `{url}` keeps nothing from one hook to the next"
        mend = "write `sqlite:///.governance/journal.db`"
        raise DefinitionError(
            (Diagnostic("GOV510", message, path=("journal", "url"), suggestion=mend),)
        )


def _clock(directory: Path, now_ms: int | None) -> Clock:
    if now_ms is None:
        return SystemClock()
    if not Project(directory).replay_mark().is_file():
        raise MisuseError(
            "`--now-ms` is for replays, and this project is none", remedy="leave it out"
        )
    return StandingClock(now_ms)


def answer(
    adapter: Adapter,
    call: Call,
    line: Line,
    config: Callable[[], Config],
    engine: Callable[[], AbstractContextManager[Engine]],
) -> None:
    """
    Answer *call* on *line*, by the configuration and the engine of its project.

    Raises:
        GovernanceError: Nothing could be decided, and why; nothing was answered.
    """
    known = adapter.events.get(call.event)
    lenient = known is not None and not known.decides
    try:
        payload = read_payload(line.read(), call.event, lenient=lenient)
    except OtherEvent as error:
        waited = adapter.events.get(error.named)
        decides = known is not None and known.decides
        if decides or waited is None or not waited.decides:
            raise
        # The client waits in the shape of the event that it has, whatever the hook was told.
        told = f"{error.message}; {error.remedy}"
        line.note(told)
        line.answer(adapter.unbound(error.named, "deny", told).out)
        return
    if payload.mended:
        line.note("the payload held what no journal can; it was mended")
    settings = config().host(adapter.profile.name)
    line.limit(_deadline_ms(settings.deadline_ms, adapter, payload.event))
    try:
        translation = adapter.translate(payload, call.environment)
    except Unbound as error:
        if not adapter.events[payload.event].decides:
            raise
        line.note(error.message)
        line.answer(adapter.unbound(payload.event, settings.unbound, error.message).out)
        return
    if call.overruled and translation.commands:
        note = _overruled(call, adapter.profile.name, translation.commands[0].session)
        translation = evolve(translation, notes=(*translation.notes, note))
    if not translation.commands and not translation.notes:
        if not translation.known:
            line.note(f"`{payload.event}` is no event that this adapter knows; ignored")
        line.answer(b"")
        return
    with engine() as opened:
        journal = opened._journal
        refuse_agents(
            call.above(),
            adapter.agent_session,
            lambda one: journal.head(one).seq > 0,
            (translation.commands or translation.notes)[0].session,
        )
        _decide(adapter, call, line, opened, keyed(translation, call.id), payload)


def _overruled(call: Call, host: str, session: str) -> Note:
    """The row that says so, once for a session and the same places."""
    found = person(call.environment)
    places: dict[str, Json] = {name: getattr(found, name) for name in call.overruled}
    named = ":".join(f"{name}={place}" for name, place in places.items())
    key = sha256(f"{host}:{session}:{named}".encode("utf-8", "surrogateescape")).hexdigest()
    return Note(session, "environment.overruled", {"host": host, "places": places}, f"env:{key}")


def _deadline_ms(configured: int, adapter: Adapter, event: str) -> int:
    known = adapter.events.get(event)
    if known is None:
        return configured
    earlier = min(EARLIER_SECONDS, known.timeout_seconds / 4)
    return min(configured, int((known.timeout_seconds - earlier) * 1000))


def keyed(translation: Translation, call_id: str) -> Translation:
    """
    *translation* with a key for all that has none, made of *call_id* if there is one.

    What a process that gave up has written of a payload is then found by the one that
    answers it in its stead, and not written again.
    """
    if not call_id:
        return translation
    seen: dict[tuple[str, str], int] = {}
    made = []
    for one in translation.commands:
        number = seen[one.event, one.session] = seen.get((one.event, one.session), 0) + 1
        own = f"call:{call_id}:{one.event}:{one.session}:{number}"
        made.append(one if one.key is not None else evolve(one, key=own))
    notes = tuple(
        one if one.key is not None else evolve(one, key=f"note:{call_id}:{one.kind}:{number}")
        for number, one in enumerate(translation.notes)
    )
    return evolve(translation, commands=tuple(made), notes=notes)


def _forget_stale(engine: Engine, translation: Translation) -> None:
    """
    Let *engine* read again what other processes have written of the sessions in question.

    A person's approval, or a hook that decided by itself: an append finds that out, but what
    is only looked at, such as a parent that was halted, would be taken as it was.
    """
    now_ms = engine.clock.now_ms()
    names = dict.fromkeys(
        str(name)
        for one in translation.commands
        for name in (
            one.session, one.parent, one.data.get("child_id"), one.data.get("predecessor"),
        )
        if name
    )  # fmt: skip
    waiting = list(names)
    for _ in range(ANCESTORS_MAX):
        if not waiting:
            return
        name = waiting.pop(0)
        state = engine.live.get(name, now_ms)
        if state is None:
            continue
        if engine._journal.head(name).seq != state.head:
            engine.live.drop(name)
        above = state.identity.parent
        if above and above not in names:
            names[above] = None
            waiting.append(above)


def _decide(
    adapter: Adapter,
    call: Call,
    line: Line,
    engine: Engine,
    translation: Translation,
    payload: Payload,
) -> None:
    """Find what is continued, answer, and report what was delivered."""
    host = adapter.profile.name
    if translation.remember is not None:
        key, ended = translation.remember
        tie = _tie(adapter, call, key)
        if tie:
            links.remember(call.directory, host, tie, ended)
    recall = _tie(adapter, call, translation.recall)
    predecessor = links.find(call.directory, host, recall) if recall else ""
    if not predecessor and translation.forked and adapter.forked_from is not None:
        found = adapter.forked_from(payload, call.above())
        predecessor = found if found and engine._journal.head(found).seq else ""
    if predecessor and predecessor != translation.commands[0].session:
        translation = keyed(continued(translation, predecessor), call.id)
    _report_shown(call, engine, translation)
    made, told = decided(adapter, engine, translation, payload)
    if predecessor and recall:
        links.forget(call.directory, host, recall)
    if made.spilled:
        line.note("the briefing is longer than this answer may be; a denied tool carries it")
    flushed = line.answer(made.out, told=told is not None)
    if flushed and told is not None:
        if offers.waits(translation.commands[translation.decisive]):
            offers.keep(call.directory, told)
        else:
            engine.handle(told)


def _tie(adapter: Adapter, call: Call, key: str) -> str:
    """*key*, or in place of `CLIENT` what names the client's process; ``""`` if it is not seen."""
    if key != CLIENT:
        return key
    named = frozenset(adapter.profile.programs)
    client = next((one for one in call.above() if named & one.programs), None)
    return f"process-{client.pid}" if client is not None else ""


def _report_shown(call: Call, engine: Engine, translation: Translation) -> None:
    """Report a text that an earlier answer carried, where this event shows that it was used."""
    for command in translation.commands[:1]:
        told = offers.shown(call.directory, command)
        if told is not None:
            _forget_stale(engine, translation)
            engine.handle(told)
        if told is not None or command.event == "turn_start":
            # Reported first: of calls at one time each must find either the file or the row.
            offers.forget(call.directory, command)


def decided(
    adapter: Adapter, engine: Engine, translation: Translation, payload: Payload
) -> tuple[Answer, Command | None]:
    """The answer to *payload*, and what to hand to *engine* once the host has it, if anything."""
    _forget_stale(engine, translation)
    _report_used(engine, translation.used, adapter.profile.name)
    replies = [engine.handle(command) for command in translation.commands]
    host = adapter.profile.name
    for note in translation.notes:
        if engine._journal.head(note.session).seq:
            engine.record(note.session, note.kind, note.data, actor=host, host=host, key=note.key)
    made = adapter.answer(payload, replies, translation.decisive)
    if made.told is None:
        return made, None
    return made, delivered(translation.commands[translation.decisive], made)


def _report_used(engine: Engine, used: Note | None, host: str) -> None:
    """Write down what the model has used, where its session is known and it is new."""
    if used is not None and engine.journal.head(used.session).seq:
        from governance.engine.using import report_usage

        report_usage(engine, used.session, used.data, actor=host, host=host)


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
