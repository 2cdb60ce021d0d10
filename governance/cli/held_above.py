"""What holds of a session because it holds of those above it, as the engine sees it."""

from __future__ import annotations

from collections.abc import Sequence

from governance._attrs import frozen
from governance.cli.output import moment, print_line, visible
from governance.engine.related import ABOVE_MAX
from governance.engine.restoring import restore
from governance.errors import GovernanceError
from governance.journal.records import Journal
from governance.ledger import Ledger, StepTaken, damage, halted, in_force
from governance.session.state import SessionState
from governance.states import DEAD_STATES, State
from governance.values import Json


@frozen
class Above:
    """
    A session that stands above another one.

    Attributes:
        state: As its rows tell it; ``None``: that is not known.

        unknown: Why it is not, or ``""``; then it is the last of the line that can be named.
    """

    session: str
    state: SessionState | None
    unknown: str = ""


def line_of(journal: Journal, parent: str) -> tuple[Above, ...]:
    """*parent*, its own parent, and so on to the root, as far as *journal* shows them."""
    found: list[Above] = []
    while parent:
        if len(found) == ABOVE_MAX:
            return (*found, Above(parent, None, f"more than {ABOVE_MAX} sessions stand above"))
        try:
            state = restore(journal, parent)
        except GovernanceError as error:
            return (*found, Above(parent, None, error.message))
        found.append(Above(parent, state))
        parent = state.identity.parent
    return tuple(found)


def above_json(line: Sequence[Above], now_ms: int) -> list[Json]:
    """What *line* holds, for programs: the nearest first."""
    told: list[Json] = []
    for one in line:
        state = one.state
        if state is None:
            told.append({"session": one.session, "state": None, "unknown": one.unknown})
            continue
        told.append(
            {
                "session": one.session,
                "state": str(state.state),
                "works": state.state not in DEAD_STATES,
                "halted": halted(state.ledger, now_ms),
                "steps_in_force": [step.as_json() for step in in_force(state.ledger, now_ms)],
            }
        )
    return told


def print_holds(state: SessionState, line: Sequence[Above], now_ms: int) -> None:
    """Why nothing may happen in *state*, by itself and by each of *line*, and what changes that."""
    _print_halt(state.id, state.ledger, now_ms, "")
    for one in line:
        name = visible(one.session)
        if one.state is None:
            print_line(f"what `{name}` above it holds is not known: {one.unknown}", "wary")
            continue
        if one.state.state in DEAD_STATES:
            ended = one.state.state is State.ENDED
            why = "has ended" if ended else "was never seen"
            print_line(f"HELD: `{name}` above it {why}, so nothing may happen here", "bad")
        _print_halt(one.session, one.state.ledger, now_ms, f" by `{name}` above it")


def _print_halt(session: str, ledger: Ledger, now_ms: int, by: str) -> None:
    why = halted(ledger, now_ms)
    if why is None:
        return
    print_line(f"HALTED{by}: {' '.join(why.split())}", "bad")
    lifts = f"repair --accept {visible(session)}"
    if not damage(ledger):
        lifts = f"pardon {visible(session)} --reason …"
    print_line(f"`governance {lifts}` lifts it", "quiet")


def step_lines(ledger: Ledger, line: Sequence[Above], now_ms: int) -> list[tuple[str, str]]:
    """The steps of the ladder that hold: its own, then those of each of *line*."""
    lines = [("in force", _step_text(step)) for step in in_force(ledger, now_ms)]
    for one in line:
        steps = in_force(one.state.ledger, now_ms) if one.state is not None else ()
        lines += [(f"in force by {one.session}", _step_text(step)) for step in steps]
    return lines


def _step_text(step: StepTaken) -> str:
    until = moment(step.until_ms) if step.until_ms is not None else "a pardon"
    what = ", ".join(step.tools) or "every tool"
    return f"{step.id}: {step.action} {what} until {until}"
