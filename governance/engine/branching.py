"""
Branches and switches: a session that goes on from a row of another, and which one is worked on.

A branch is one row in the store, and then its own first row, ``session.branched``, which says
what begins anew. Whoever finds a branch without that row writes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from attrs import evolve

from governance.engine import restoring
from governance.engine.catching_up import publishing, record_command, turn_of
from governance.engine.racing import CONFLICTS_MAX
from governance.engine.related import Step
from governance.engine.session import Session
from governance.errors import JournalError, MisuseError
from governance.formats import body_of
from governance.journal.records import Appended, Conflict, Origin, Record
from governance.session.commands import Command
from governance.session.draft import Draft, Outcome
from governance.session.evolve import branch_registers, registers_json
from governance.session.law import Gathered, Law
from governance.session.replies import Reply
from governance.session.state import SessionState
from governance.states import State
from governance.values import Json

if TYPE_CHECKING:
    from governance.engine.engine import Engine

CODES: Mapping[str, str] = {
    "GOV523": "a branch or a switch that cannot be made",
}

READER = "engine"
"""The actor of a branch's first own row that was written by who found it without one."""

NAMES_MAX = 1000
"""Names that are tried for a branch that was given none."""


def branch(engine: Engine, session: str, at: int | None, name: str | None, actor: str) -> Session:
    """As `Engine.branch`."""
    engine._check_id(session)
    if name is not None:
        engine._check_id(name)
    told = record_command(engine, session)
    # What waits of the parent belongs to what the branch goes on from.
    with publishing(engine) as written, turn_of(engine, told, written):
        parent = engine._newest(session, engine.clock.now_ms())
    row = parent.head if at is None else at
    base = parent
    if 0 < row < parent.head:
        base = restoring.restore_at(engine._journal, session, row)
    if not 0 < row <= parent.head or base.state is State.ABSENT:
        raise MisuseError(
            f"`{session}` has no row {row} at which it had begun",
            code="GOV523",
            remedy=f"its rows are 1 to {parent.head}" if parent.head else "`governance sessions`",
        )
    taken = name or _free_name(engine, session, row)
    guard = engine.guard
    if guard is not None:
        guard.require("write", taken, actor=actor)
    with engine._lock_of(taken):
        made = engine._journal.branch(taken, session, row)
        # One that was given no name is a new one: it takes up nothing that another has begun.
        mended = name is not None and _is_half_made(engine, taken, Origin(session, row))
        if isinstance(made, Conflict) and not mended:
            raise _taken(taken)
        # What the rows tell of the branch so far is known: nobody has to read them for it.
        state, records = begin(engine, evolve(base, id=taken), actor)
        # Of two that make it at once it is whose that wrote its first own row.
        if not records and (isinstance(made, Conflict) or not _is_begun_for(engine, taken, row)):
            raise _taken(taken)
        restoring.keep_snapshot(engine._journal, state)
    engine._publish(records)
    return Session(engine=engine, id=taken, host=state.identity.host, run=engine.options.run)


def _taken(name: str) -> MisuseError:
    return MisuseError(f"there is a session `{name}` already", code="GOV523", remedy="name another")


def _is_half_made(engine: Engine, name: str, origin: Origin) -> bool:
    """Whether *name* is that very branch without a row of its own: whoever made it was cut off."""
    journal = engine._journal
    return journal.origin(name) == origin and journal.head(name).seq == origin.seq


def _is_begun_for(engine: Engine, name: str, row: int) -> bool:
    """Whether the first own row of *name* was written for whoever made it, by one who read it."""
    first = body_of(engine._journal.read(name, after=row, limit=1)[0])
    data = first["data"]
    return isinstance(data, Mapping) and data["by"] == READER


def _free_name(engine: Engine, session: str, row: int) -> str:
    stem = f"{session}~{row}"
    for number in range(1, NAMES_MAX):
        name = stem if number == 1 else f"{stem}.{number}"
        if not engine._journal.head(name).seq and engine._journal.origin(name) is None:
            return name
    raise MisuseError(
        f"`{session}` has {NAMES_MAX} branches there", code="GOV523", remedy="name it"
    )


def begin(
    engine: Engine, state: SessionState, actor: str
) -> tuple[SessionState, tuple[Record, ...]]:
    """
    Write the first own row of a branch that has none, and give what it leads to.

    The ledger is the parent's as it stands **now**: nobody leaves a violation or a halt
    behind by going on from an earlier row.
    """
    session = state.id
    for _ in range(CONFLICTS_MAX):
        origin = engine._journal.origin(session)
        assert origin is not None, "only a branch can be without a row of its own"
        now = engine.clock.now_ms()
        outcome = _branched(
            engine.law, state, origin, engine._newest(origin.parent, now), now, actor
        )
        result = engine._commit([Step(state, outcome)])
        if isinstance(result, Appended):
            return restoring.grown(outcome.state, result.records), result.records
        state, begun = restoring.restored(engine._journal, session)
        if begun:
            return state, ()
    raise JournalError("the session is written by others all the time", code="GOV511")


def _branched(
    law: Law, state: SessionState, origin: Origin, parent: SessionState, now: int, actor: str
) -> Outcome:
    command = Command(
        event="record", session=state.id, at_ms=now, actor=actor, host=state.identity.host
    )
    draft = Draft(law, command, Gathered(at_ms=now), state)
    to: dict[str, Json] = registers_json(state.registers, branch_registers(state.registers))
    to |= {"last_work_at_ms": now, "identity": {"predecessor": origin.parent}}
    data: dict[str, Json] = {
        "parent": origin.parent,
        "at": origin.seq,
        "carried": parent.ledger.carry(),
        "by": actor,
    }
    draft.emit("session.branched", data, to=to)
    return draft.outcome(Reply(event="record", action="allow", state=draft.state.state))


def switch(engine: Engine, session: str, to: str, actor: str | None) -> Session:
    """As `Engine.switch`."""
    for one in (session, to):
        engine._check_id(one)
    now = engine.clock.now_ms()
    states = [engine._newest(one, now) for one in (session, to)]
    for state in states:
        if state.state is State.ABSENT:
            raise MisuseError(
                f"there is no session `{state.id}`", code="GOV523", remedy="`governance sessions`"
            )
    left, entered = (
        Session(
            engine=engine,
            id=one.id,
            host=one.identity.host,
            actor=actor,
            run=engine.options.run,
        )
        for one in states
    )
    if states[0].live and session != to:
        left.interrupt("switched")
    # Nobody is known to put this answer before the model; the next turn is.
    entered.reply = entered._handle("resume", history="lost", delivery="none")
    return entered
