"""What one session's step does to its parents and children, for the same commit."""

from __future__ import annotations

from collections.abc import Callable

from governance._attrs import frozen
from governance.session.commands import Command
from governance.session.decide import decide
from governance.session.draft import Draft, Outcome
from governance.session.judging import count_over_tree, roll_up
from governance.session.law import Gathered, Law
from governance.session.replies import Reply
from governance.session.state import SessionState

STEPS_MAX = 1000
"""Sessions that one commit may touch."""

ABOVE_MAX = 64
"""Parents of one session that are looked up to find the root of its tree."""


@frozen
class Step:
    """One session's part of a commit: the state decided on, and what it leads to."""

    state: SessionState
    outcome: Outcome


def line_above(
    parent: str | None, state_of: Callable[[str], SessionState]
) -> tuple[SessionState, ...]:
    """The states of *parent*, of its own parent, and so on to the root, within `ABOVE_MAX`."""
    found: list[SessionState] = []
    while parent and len(found) < ABOVE_MAX:
        found.append(state_of(parent))
        parent = found[-1].identity.parent
    return tuple(found)


def related_steps(
    law: Law,
    command: Command,
    main: Step,
    parent_of: Callable[[str], SessionState | None],
    child_of: Callable[[str], SessionState | None],
) -> list[Step]:
    """
    The steps of other sessions that *main* entails: roll-up upwards, interrupts downwards.

    A halt that a roll-up leads to in the parent interrupts the parent's other children
    in the same commit.

    Args:
        parent_of: Gives the state of a session, ``None`` where nobody can write there any more.

        child_of: The same, and ``None`` also where it cannot be read now: it does nothing then.
    """
    steps: list[Step] = []
    held = {main.state.id: main}
    _upwards(law, command, main, parent_of, held, steps)
    for one in [main, *steps]:
        _downwards(law, command, one, child_of, held, steps)
    return steps


def _upwards(
    law: Law,
    command: Command,
    main: Step,
    state_of: Callable[[str], SessionState | None],
    held: dict[str, Step],
    steps: list[Step],
) -> None:
    below, violations, counted = main.state.id, main.outcome.violations, main.outcome.counted
    above = main.outcome.state.identity.parent
    while (violations or counted) and above:
        parent = state_of(above)
        # INVARIANT: parents form a chain, so no session is met twice.
        if parent is None or parent.id in held or parent.head == 0:
            return
        draft = _draft(law, command, parent)
        roll_up(draft, violations, below)
        if not parent.identity.parent:
            count_over_tree(draft, counted, main.state.id)
        if draft.rows:
            step = Step(parent, draft.outcome(_no_reply(command, parent)))
            held[parent.id] = step
            steps.append(step)
        below, above = parent.id, parent.identity.parent


def _downwards(
    law: Law,
    command: Command,
    above: Step,
    state_of: Callable[[str], SessionState | None],
    held: dict[str, Step],
    steps: list[Step],
) -> None:
    for child_id in above.outcome.interrupts:
        if child_id in held or len(steps) >= STEPS_MAX:
            continue
        child = state_of(child_id)
        if child is None or not child.live:
            continue
        interrupt = Command(
            event="interrupt",
            session=child_id,
            at_ms=command.at_ms,
            host=child.identity.host,
            data={"reason": above.outcome.interrupt_reason},
        )
        gathered = Gathered(at_ms=command.at_ms or 0, parents=(above.outcome.state,))
        step = Step(child, decide(law, child, interrupt, gathered))
        held[child_id] = step
        steps.append(step)
        _downwards(law, command, step, state_of, held, steps)


def _draft(law: Law, command: Command, state: SessionState) -> Draft:
    caused = Command(
        event="record", session=state.id, at_ms=command.at_ms, host=state.identity.host
    )
    return Draft(law, caused, Gathered(at_ms=command.at_ms or 0), state)


def _no_reply(command: Command, state: SessionState) -> Reply:
    return Reply(event=command.event, action="allow", state=state.state)
