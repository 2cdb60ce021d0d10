"""
The shell around the heart: locks, the atomic step, live sessions, publishing.

One command goes one way: *before* listeners (outside any lock), then under the lock of
its session gather, decide, append with the expected head, COMMIT, replace the state;
then *after* events. A conflict with another process decides again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, final

from attrs import Factory, evolve, field

from governance._attrs import define
from governance.calls import ToolCall
from governance.clock import Clock
from governance.engine import racing, restoring
from governance.engine.before import run_before
from governance.engine.catching_up import (
    catch_up_all,
    catch_up_others,
    is_gone,
    known_line,
    publishing,
    record_command,
    turn_of,
)
from governance.engine.cleaning import (
    check_call,
    kept_reply,
    with_whole_texts,
    without_secrets,
)
from governance.engine.encoding import encode_rows, event_of, reply_of
from governance.engine.given import check_command, check_role, check_row, checked
from governance.engine.idling import interrupt_idle
from governance.engine.live import LiveSessions
from governance.engine.news import News
from governance.engine.options import EngineOptions
from governance.engine.outside import Said, write_said
from governance.engine.pause import Pause
from governance.engine.recording import ID_CHARS_MAX
from governance.engine.related import Step, line_above, related_steps
from governance.engine.session import Session
from governance.engine.store_verbs import StoreVerbs
from governance.engine.telling import tell_news
from governance.engine.untold import Unsettled, Untold
from governance.engine.verbs import SessionVerbs
from governance.errors import (
    JournalError,
    MisuseError,
    OutcomeUnknown,
    SessionErased,
    StoreDamaged,
)
from governance.events import Event
from governance.formats import body_of
from governance.journal.faults import SessionRemoved
from governance.journal.records import Append, Appended, Conflict, Duplicate, Journal, Record
from governance.process_metrics import PROCESS
from governance.session.commands import Command, History, HostTraits
from governance.session.decide import decide, is_asked
from governance.session.draft import Outcome
from governance.session.law import Gathered, Law
from governance.session.replies import Reply
from governance.session.state import SessionState
from governance.states import State
from governance.values import Json, check_json

if TYPE_CHECKING:
    from governance.access.grants import Authorize
    from governance.access.guard import Guard
    from governance.engine.contexts import Contexts
    from governance.engine.later import Sent
    from governance.journal.key_sources import KeySource
    from governance.listeners import ListenerFailure, Listeners
    from governance.rules.vocabulary import HostTools

CODES: Mapping[str, str] = {
    "GOV401": "a session id that no store can hold",
    "GOV511": "a session that others write all the time",
    "GOV512": "an event that could neither be journaled nor kept",
}

RECORDED: Mapping[str, str] = {
    "anchor.added": "anchor",
    "approval.settled": "approve",
    "violation.pardoned": "pardon",
    "governance.paused": "pause",
    "trust.granted": "trust",
    "trust.withdrawn": "trust",
    "session.repaired": "keep",
    "session.erased": "erase",
    "keys.rotated": "keys",
}
"""Rows that a person decides → the action that it takes a grant for."""


@final
@define(eq=False, repr=False)
class Engine(SessionVerbs, StoreVerbs):
    """
    Governs sessions: one door for commands, and handles for those who embed it.

    Thread-safe and free of any event loop. Made by `open`; closed by ``with`` or `close`.
    """

    law: Law
    _journal: Journal
    clock: Clock
    listeners: Listeners
    live: LiveSessions
    options: EngineOptions
    _locks: dict[str, threading.Lock] = field(factory=dict, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)
    _idle_pause: Pause = field(factory=Pause, init=False)
    _untold: Untold = field(
        init=False, default=Factory(lambda self: Untold(self.options.spool), takes_self=True)
    )
    _closed: bool = field(default=False, init=False)

    _contexts: Contexts | None = field(default=None, init=False)

    @classmethod
    @checked
    def open(
        cls,
        directory: str | Path = ".",
        *,
        clock: Clock | None = None,
        journal: Journal | None = None,
        listeners: Listeners | None = None,
        run: str | None = None,
        tools: Sequence[HostTools] = (),
        actor: str | None = None,
        authorize: Authorize | None = None,
        key: KeySource | None = None,
    ) -> Engine:
        """
        The engine of the project in *directory*, which `governance init` has made.

        Args:
            journal: A store of the caller's, in place of the configured one.

            run: Names this process, where the caller knows better than a random name.

            tools: Tables of native tool names, one a host.

            actor: Who is behind all that is done; by default the user of this process.

            authorize: ``(actor, action, session) -> reasons``, in place of ``[access]``.

            key: Gives the key-encryption key where ``[encryption] key`` is ``program``.

        Raises:
            DefinitionError: Configuration or packs are missing or wrong, with every
                problem; nothing is created.

            JournalError: The store is missing, damaged, newer or cannot be reached.
        """
        from governance.engine.opening import open_engine

        return open_engine(
            Path(directory),
            clock=clock,
            journal=journal,
            listeners=listeners,
            run=run,
            tools=tools,
            actor=actor,
            authorize=authorize,
            key=key,
        )

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @checked
    def close(self) -> None:
        """Drain background listeners and release the store; a second call does nothing."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        try:
            if self.options.keeper is not None:
                self.options.keeper.stop()
            if self.options.spool is None:
                # Whoever told what cannot be written now either was told so then.
                catch_up_all(self)
            lost = self._record_failures(self.listeners.close())
            if lost:
                raise lost[0]
        finally:
            self._journal.close()

    @checked
    def start(
        self,
        session: str,
        *,
        role: str | None = None,
        host: str = "python",
        traits: HostTraits | None = None,
        history: History = "lost",
        model_id: str = "",
        model_options: Mapping[str, Json] | None = None,
        actor: str | None = None,
        **data: Json,
    ) -> Session:
        """
        Start *session*, or take it up again; ``.reply`` says whether it may.

        Args:
            actor: Who begins it, and is behind all that is done by the handle.

            history: Whether the model still has what an earlier process told it; a
                program that begins with an empty context leaves it at ``"lost"``.

            data: Further own fields of ``session.creating``, such as ``context_type``.

        Raises:
            MisuseError: GOV403, an argument that this does not take, as with every verb; or a
                *role* that no pack describes, where it could do nothing.
        """
        check_role(self.law.rules.roles, role)
        handle = self.session(session, role=role, host=host, traits=traits, actor=actor)
        given: dict[str, Json] = {"model_id": model_id, "backend_name": host, **data}
        if model_options is not None:
            given["model_options"] = model_options
        handle.reply = self.handle(
            Command(
                event="start",
                session=session,
                host=host,
                traits=handle.traits,
                run=self.options.run,
                role=role,
                actor=actor,
                delivery="none",
                history=history,
                data=given,
            )
        )
        return handle

    @checked
    def session(
        self,
        session: str,
        *,
        role: str | None = None,
        host: str = "python",
        traits: HostTraits | None = None,
        actor: str | None = None,
    ) -> Session:
        """A handle on *session*, without any event; *actor* as for `start`."""
        return Session(
            engine=self,
            id=session,
            host=host,
            traits=traits or HostTraits(),
            role=role,
            actor=actor,
            run=self.options.run,
        )

    @checked
    def call(
        self,
        host: str,
        tool: str,
        arguments: Mapping[str, Json],
        *,
        cwd: str | None = None,
        call_id: str = "",
    ) -> ToolCall:
        """*tool* with *arguments* as rules see it, by the table of *host*."""
        from governance.rules.vocabulary import PYTHON_TOOLS, call_of

        table = self.options.tools.get(host, PYTHON_TOOLS)
        return call_of(table, tool, arguments, cwd=cwd, call_id=call_id)

    @property
    def guard(self) -> Guard | None:
        """What is asked before anything is done or shown, by the configuration of now."""
        self._in_force()
        return self.options.guard

    @checked
    def state(
        self, session: str, *, actor: str | None = None, audited: bool = True
    ) -> SessionState:
        """
        What is known of *session* now; ``absent`` if it was never seen.

        Of what is in memory one look at the journal's head says whether another process has
        moved it since; then it is read anew.

        Args:
            actor: Who looks; by default the engine's own.

            audited: ``False`` where nobody looks: for what decides by it, or a display that a
                host asks for all the time. Then an audit of reads does not record it.

        Raises:
            AccessRefused: *actor* may not read it.

            JournalError: The store cannot be read.
        """
        self._check_open()
        guard = self.guard
        if guard is not None:
            guard.require("read", session, actor=actor, audited=audited)
        return self._newest(session, self.clock.now_ms())

    def _newest(self, session: str, now: int) -> SessionState:
        """The state of *session*, read anew where another process has moved it."""
        held = self.live.get(session, now)
        if held is not None and held.head != self._journal.head(session).seq:
            self.live.drop(session)
        return self._state(session, now)

    def _looked(self, command: Command) -> tuple[SessionState, Gathered]:
        """The session of *command*, and what is gathered for it, before its lock is taken."""
        now = command.at_ms if command.at_ms is not None else self.clock.now_ms()
        state = self._state(command.session, now)
        return state, self._gather(command, state, now)

    @checked
    def handle(self, command: Command) -> Reply:
        """
        Take one command of one session, durably, and answer it.

        The one door for every host. Asked commands that cannot be journaled are denied;
        told ones are kept and written before anything else of their session.

        Raises:
            MisuseError: The engine is closed, or the command breaks the contract.

            JournalError: A told command could not be written.
        """
        self._check_open()
        command = with_whole_texts(command)
        self._check(command)
        command = self._completed(command)
        refused = self._refused(command)
        if refused is not None:
            return refused
        try:
            command = run_before(self.listeners, self.law, command, self._looked)
        except JournalError as error:
            # What is told is kept below; what nobody can be shown is not let through.
            if isinstance(error, SessionRemoved) and is_gone(self, command.session):
                return _gone(command, error)
            if is_asked(self.law, command.event):
                return self._unwritable(command, error)
        return self._handle_listened(command)

    def _completed(self, command: Command) -> Command:
        """*command* with its moment, and with who is behind it, where it does not say."""
        if command.at_ms is None:
            command = evolve(command, at_ms=self.clock.now_ms())
        # Looked up first of all: changed grants hold for this very command.
        guard, actor = self.guard, self.options.actor
        # Without a guard the first row alone says who began the session: the rest is theirs.
        if actor and command.actor is None and (guard or command.event == "start"):
            command = evolve(command, actor=actor)
        return command

    def _refused(self, command: Command) -> Reply | None:
        """Why the actor of *command* may not write, or ``None``."""
        guard = self.options.guard
        if guard is None:
            return None
        try:
            reasons = guard.reasons("write", command.session, actor=command.actor)
        except JournalError as error:
            # Nobody knows whether it may be kept, so whoever tells it must know.
            if not is_asked(self.law, command.event):
                raise
            return self._unwritable(command, error)
        if not reasons:
            return None
        return Reply(
            event=command.event,
            action="deny",
            state="unknown",
            message="; ".join(reasons),
            reasons=reasons,
        )

    def _handle_listened(self, command: Command, sent: Sent | None = None) -> Reply:
        """*command*, as its listeners left it; what was *sent* for it is taken up with its lock."""
        with publishing(self) as written:
            reply = self._written(command, sent, written)
        catch_up_others(self, command)
        interrupt_idle(self, command)
        if self.options.keeper is not None:
            self.options.keeper.look(self)
        if self.options.after is not None:
            self.options.after()
        return reply

    def _written(self, command: Command, sent: Sent | None, written: list[Record]) -> Reply:
        """The answer to *command*; what stands in the journal, also of others, is *written*."""
        law, unsettled = self.law, None
        try:
            with sent.held() if sent is not None else turn_of(self, command, written):
                law, news = self._in_force()
                if sent is None:
                    tell_news(self, command, law, news, written)
                try:
                    reply, records = self._step(command, law, sent)
                except Unsettled as error:
                    unsettled = error
                    raise
        except JournalError as error:
            # It may be a parent's, or a child's, that is gone: then this one goes on.
            gone = isinstance(error, (SessionRemoved, SessionErased))
            gone = gone and is_gone(self, command.session)
            if gone and isinstance(error, SessionRemoved):
                return _gone(command, error)
            if not is_asked(law, command.event):
                # What nobody may read any more must not wait in a file either.
                if not gone:
                    clean = partial(without_secrets, law)
                    self._untold.keep(command, clean, known_line(self, command), unsettled)
                raise
            return self._unwritable(command, error)
        written.extend(records)
        return reply

    @checked
    def record(
        self,
        session: str,
        kind: str,
        data: Mapping[str, Json],
        *,
        actor: str,
        host: str = "person",
        key: str | None = None,
    ) -> Record:
        """
        Write one row that a person, a host or the engine itself decided (a pardon, an anchor).

        Args:
            key: Idempotency key: what was written under it before is given back, and nothing
                is written.

        Raises:
            AccessRefused: *actor* may not.
            JournalError: It could not be written.
        """
        self._check_open()
        check_json(data)
        guard = self.guard
        if guard is not None:
            guard.require(RECORDED.get(kind, "write"), session, actor=actor)
        check_row(kind, data)
        problem = restoring.id_problem(session, ID_CHARS_MAX)
        if problem:
            raise MisuseError(problem, code="GOV401")
        return self._record(Said(session, kind, data, actor, host, key))

    def _record_access(self, data: Mapping[str, Json], actor: str) -> None:
        """
        Write into the audit that *actor* looked; nobody is asked whether it may be written.

        Raises:
            JournalError: It could not be written, so nothing may be shown.
        """
        from governance.access.guard import AUDIT_SESSION, DATA_ACCESSED

        self._record(Said(AUDIT_SESSION, DATA_ACCESSED, data, actor, "person"))

    @checked
    def announce(self, records: Sequence[Record]) -> None:
        """
        Give listeners the *after* events of rows that were written outside of an engine.

        What is held of their sessions is forgotten: the rows say where they stand now.
        """
        self._check_open()
        for record in records:
            self.live.drop(record.session)
        self._publish(records)

    def _record(self, said: Said) -> Record:
        told = record_command(self, said.session)
        with publishing(self) as written, turn_of(self, told, written):
            result = write_said(self, self.law, said)
            if isinstance(result, Appended):
                written.extend(result.records)
        return result.record if isinstance(result, Duplicate) else result.records[0]

    # -- changed rules ------------------------------------------------------------

    def _in_force(self) -> tuple[Law, News | None]:
        """The law to decide the next command by, all of one, and how it came into force."""
        bulletin = self.options.bulletin
        if bulletin is None:
            return self.law, None
        news = bulletin.newest(self.law, self.clock.now_ms())
        if news is None:
            return self.law, None
        self.law = news.law
        return news.law, news

    # -- one step ---------------------------------------------------------------

    def _step(
        self, command: Command, law: Law, sent: Sent | None = None
    ) -> tuple[Reply, tuple[Record, ...]]:
        """Decide and append until no other process was faster; bounded; *sent* is the first."""
        steps = sent.steps if sent is not None else []
        result: Appended | Conflict | Duplicate | None = None
        if sent is not None:
            try:
                result = self._applied(steps, self._outcome(sent.batch, sent.answer))
            except SessionRemoved:
                racing.forget(self, steps)
        if result is None or isinstance(result, Conflict):
            steps, result = racing.written(
                self,
                command.session,
                lambda: self._decide(command, law),
                replies=True,
                key=command.key,
            )
        reply = steps[0].outcome.reply
        if isinstance(result, Duplicate):
            return reply_of(result.record) or evolve(reply, duplicate=True), ()
        return reply, result.records

    def _decide(self, command: Command, law: Law) -> list[Step]:
        now = command.at_ms if command.at_ms is not None else self.clock.now_ms()
        state = self._state(command.session, now)
        outcome = self._decided(command, state, self._gather(command, state, now), law)
        return self._with_related(command, Step(state, outcome), now, law)

    def _decided(
        self, command: Command, state: SessionState, gathered: Gathered, law: Law
    ) -> Outcome:
        outcome = decide(law, state, command, gathered)
        if not outcome.wanted:
            return outcome
        # Only rules that ask for files pay for what looks for them.
        from governance.engine.looking import decide_looking

        return decide_looking(law, state, command, gathered)

    def _with_related(self, command: Command, main: Step, now: int, law: Law) -> list[Step]:
        # Of a session that seems to need no row, no row would find out that it does.
        related = related_steps(
            law,
            command,
            main,
            lambda one: self._readable(one, now, SessionErased),
            lambda one: self._readable(one, now, SessionErased, StoreDamaged),
        )
        return [main, *related]

    def _commit(
        self, steps: Sequence[Step], *, reply: Reply | None = None, key: str | None = None
    ) -> Appended | Conflict | Duplicate:
        """Append the rows of all *steps* or none; what was decided on too old is forgotten."""
        batch = self._batch(steps, reply)
        if not batch:
            return Appended((), ())
        return self._applied(steps, self._append(batch, key=key))

    def _batch(self, steps: Sequence[Step], reply: Reply | None) -> list[Append]:
        """The rows of all *steps*; *reply* goes into the last one of the first."""
        first = kept_reply(self.law, reply, steps[0]) if reply is not None else None
        return [
            Append(
                one.state.id,
                one.state.head,
                encode_rows(one.outcome.rows, first if one is steps[0] else None),
            )
            for one in steps
            if one.outcome.rows
        ]

    def _applied(
        self, steps: Sequence[Step], result: Appended | Conflict | Duplicate
    ) -> Appended | Conflict | Duplicate:
        """*result*, after what it says of *steps* is what is held of their sessions."""
        if isinstance(result, Appended):
            now = self.clock.now_ms()
            states = [restoring.grown(one.outcome.state, result.records) for one in steps]
            for state in states:
                self.live.put(state, now)
            self._snapshot(steps, states)
        elif isinstance(result, Conflict):
            for head in result.actual:
                self.live.drop(head.session)
        return result

    def _gather(self, command: Command, state: SessionState, now: int) -> Gathered:
        """Look up whatever `decide` may need from outside its session."""
        parent_id = command.parent or state.identity.parent
        child_id = command.data.get("child_id")
        predecessor = command.data.get("predecessor")
        absent = state.state is State.ABSENT
        paused = self.options.paused
        return Gathered(
            at_ms=now,
            # No row of this step would find out what another process has made of them.
            parents=line_above(parent_id, lambda one: self._newest(one, now)),
            child=(
                self._readable(child_id, now, SessionErased, StoreDamaged)
                if isinstance(child_id, str)
                else None
            ),
            predecessor=(
                self._newest(predecessor, now)
                if absent and isinstance(predecessor, str) and predecessor
                else None
            ),
            paused_reason=paused(now) if paused is not None else "",
        )

    def _readable(self, session: str, now: int, *unless: type[JournalError]) -> SessionState | None:
        """The newest state of *session*; ``None``: one of *unless*, and others go on without it."""
        try:
            return self._newest(session, now)
        except unless:
            return None

    def _append(
        self, batch: Sequence[Append], *, key: str | None
    ) -> Appended | Conflict | Duplicate:
        limit = self.options.deadline_ms
        return self._outcome(batch, lambda: self._journal.append(batch, key=key, deadline_ms=limit))

    def _outcome(
        self, batch: Sequence[Append], answer: Callable[[], Appended | Conflict | Duplicate]
    ) -> Appended | Conflict | Duplicate:
        """What *answer* says became of *batch*, or what the store says where it cannot."""
        began = time.perf_counter() if PROCESS.on else None
        try:
            return answer()
        except OutcomeUnknown as error:
            settled = restoring.settle_unknown(self._journal, batch)
            if settled is None:
                raise Unsettled(error, batch) from None
            return settled
        finally:
            if began is not None:
                PROCESS.save.add(time.perf_counter() - began)

    def _state(self, session: str, now: int) -> SessionState:
        held = self.live.get(session, now)
        if held is not None:
            return held
        began = time.perf_counter() if PROCESS.on else None
        state, begun = restoring.restored(self._journal, session)
        if began is not None:
            PROCESS.load.add(time.perf_counter() - began)
        if not begun:
            # A process died between the two rows of a branch: this one ends what it began.
            from governance.engine.branching import READER, begin

            state, _ = begin(self, state, READER)
        if state.head:
            self.live.put(state, now)
        return state

    def _snapshot(self, steps: Sequence[Step], states: Sequence[SessionState]) -> None:
        for one, state in zip(steps, states, strict=True):
            if self._keeps_snapshot(one):
                restoring.keep_snapshot(self._journal, state)

    def _keeps_snapshot(self, step: Step) -> bool:
        before, after = step.state.head, step.outcome.state.head
        return before // self.options.snapshot_rows != after // self.options.snapshot_rows

    # -- what could not be written ------------------------------------------------

    def _unwritable(self, command: Command, error: JournalError) -> Reply:
        reason = f"the journal cannot be written: {error}"
        return Reply(
            event=command.event, action="deny", state="unknown", message=reason, reasons=(reason,)
        )

    # -- around it ----------------------------------------------------------------

    def _publish(self, records: Sequence[Record]) -> None:
        """After events, outside every lock; a failing listener is recorded and no more."""
        if not self.listeners.wants_after():
            return
        events: list[Event] = [event_of(record, body_of(record)) for record in records]
        self._record_failures(self.listeners.run_after(events))

    def _record_failures(self, failures: Sequence[ListenerFailure]) -> list[JournalError]:
        """Record *failures*; what cannot be is reported again with later events, and why."""
        lost: list[JournalError] = []
        for failure in failures:
            data, session = failure.as_json(), failure.session_id
            try:
                self._record(Said(session, "listener.failed", data, "engine", "person"))
            except (SessionRemoved, SessionErased):
                continue  # nobody can write there any more
            except JournalError as error:
                # The events have happened, and their answer is given all the same.
                self.listeners.report_later(failure)
                lost.append(error)
        return lost

    def _lock_of(self, session: str) -> threading.Lock:
        with self._lock:
            if len(self._locks) > 2 * self.live.capacity:
                self._locks = {k: lock for k, lock in self._locks.items() if lock.locked()}
            return self._locks.setdefault(session, threading.Lock())

    def _check_open(self) -> None:
        if self._closed:
            raise MisuseError("the engine is closed", remedy="open it again")

    def _check_id(self, session: object, of: str = "") -> None:
        problem = restoring.id_problem(session, ID_CHARS_MAX)
        if not problem and str(session).startswith("@"):
            problem = "a session id that begins with `@` is the project's own"
        if problem:
            raise MisuseError(f"{of}{problem}", code="GOV401")

    def _check(self, command: Command) -> None:
        check_command(command)
        self._check_id(command.session)
        if command.event not in self.law.machine.definition.events:
            known = ", ".join(sorted(self.law.machine.definition.events))
            raise MisuseError(f"unknown event `{command.event}`", remedy=f"one of {known}")
        check_json(command.data)
        if command.event in ("child_start", "child_end"):
            self._check_id(command.data.get("child_id"), "`child_id`: ")
        if command.call is not None:
            check_call(command.call)


def _gone(command: Command, error: SessionRemoved) -> Reply:
    """The answer to whatever comes of a session whose rows are archived or removed."""
    reason = f"{error.message}; {error.remedy}"
    return Reply(
        event=command.event, action="deny", state="absent", message=reason, reasons=(reason,)
    )
