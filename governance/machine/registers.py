"""
What the machine knows of a session, what it may look at, and what it answers.

All of it is plain values. `Registers` is what a journal has to keep of a session's place in
the machine; `Circumstances` is the world as it was when an event arrived; a `Run` says what
came of the event. Nothing here knows the table itself (`states/session.toml`).
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from governance._attrs import frozen
from governance.states import State

Gap: TypeAlias = Literal["none", "short", "notice", "stale", "fresh", "unknown", "negative"]
Past: TypeAlias = Literal["kept", "lost", "unknown"]
Inject: TypeAlias = Literal["transcript", "request", "none"]
Unbriefed: TypeAlias = Literal["allow", "ask", "deny"]
AfterEnd: TypeAlias = Literal["deny", "ask", "rules"]

NOTHING_OWED: frozenset[str] = frozenset()

OUTCOMES: dict[str, str] = {
    "move": "the session is in another state, or entered its own anew",
    "stay": "it happened, and the state is what it was; for a tool call: the rules decide",
    "duplicate": "it repeats what is known already; nothing changes",
    "late": "it came after the end, or after work stopped; nothing changes",
    "outdated": "the briefing was rendered before the last move; what is owed stays owed",
    "unmatched": "it ends what never began; nothing is created",
    "brief_with": "the turn starts, and the answer carries the briefing",
    "brief_instead": "the tool is denied, and the briefing is the message",
    "unbriefed_allow": "the model cannot be briefed in this host; the rules decide all the same",
    "unbriefed_ask": "the model cannot be briefed in this host; a person is asked",
    "unbriefed_deny": "the model cannot be briefed in this host; the tool is denied",
    "after_end_deny": "a tool after the end of the session is denied",
    "after_end_ask": "a tool after the end of the session is put to a person",
    "after_end_rules": "a tool after the end of the session is decided by the rules",
}
"""Every word that `Step.outcome` can be, and what it means for who acts on it."""


@frozen
class Registers:
    """
    Where a session stands.

    Attributes:
        state: One of seven.

        left: The live state that was left for Interrupted or ended; ``None`` elsewhere.

        owed: What the model must still be told: any of `governance.states.OWED`. Grows
            until one ``brief`` empties it, and selects the context blocks.

        stale: The session was away so long that its first write has to be approved.
            ``approve_write`` and a new epoch clear it.

        turn: Number of the newest turn of this epoch; 0 before the first.

        turn_open: Whether that turn has not ended yet.

        taken: A compaction was taken, and nothing has happened since that could lead to
            another; a second report of it changes nothing.

        epoch: 1 from the start, one more after each reset; 0 while absent.
    """

    state: State
    left: State | None = None
    owed: frozenset[str] = NOTHING_OWED
    stale: bool = False
    turn: int = 0
    turn_open: bool = False
    taken: bool = False
    epoch: int = 0

    @property
    def governance_injected(self) -> bool:
        """Whether the model knows its governance: Between-Turn, and nothing owed."""
        return self.state is State.BETWEEN_TURN and not self.owed

    def approve_write(self) -> Registers:
        """These registers after a person let a stale session write again."""
        from attrs import evolve

        return evolve(self, stale=False) if self.stale else self


ABSENT = Registers(State.ABSENT)
"""A session that was never seen."""


@frozen(kw_only=True)
class Circumstances:
    """
    Everything the machine may look at besides the registers, measured before it runs.

    Attributes:
        gap: Class of the time since the last work, by `classify_gap`; ``"none"`` where
            nothing was measured, as inside a turn.

        history: Whether the model still has what it was told. ``"unknown"`` counts as
            lost when `other_run` holds, for the process that kept it is gone.

        other_run: The event comes from another process of the host than the last one.

        late: The adapter knows that the event is no new work.

        halted: A halt is in force and no person has lifted it.

        parent_alive: For a child, that its parent still works; ``True`` for a root.

        journal_writable: Whether what happens now can be recorded.

        rendered_current: For ``brief``, that its text was rendered after the last step
            that moved the session or added to what is owed.

        carries_text: The answer to this event can carry a briefing now.

        idle: For ``interrupt``, that the idle clock caused it.

        inject: Where text given to the model lives in this host.

        unbriefed: What holds for tools where the model cannot be briefed.

        after_end: What holds for tools after the end.

        refused_by_rules: Reasons of the rules with ``on = "transition"`` that refuse it.
    """

    gap: Gap = "none"
    history: Past = "kept"
    other_run: bool = False
    late: bool = False
    halted: bool = False
    parent_alive: bool = True
    journal_writable: bool = True
    rendered_current: bool = True
    carries_text: bool = False
    idle: bool = False
    inject: Inject = "transcript"
    unbriefed: Unbriefed = "allow"
    after_end: AfterEnd = "deny"
    refused_by_rules: tuple[str, ...] = ()


@frozen
class Step:
    """
    One event that was accepted.

    Attributes:
        event: Its name.

        before: The registers it found.

        after: The registers it left; equal to `before` where nothing changed.

        outcome: A word of `OUTCOMES`.

        emits: Names of lifecycle events, in order. ``turn.ended`` in a step of another
            event than ``turn_end`` is implied: that event closed an open turn.

        reasons: Why an event that was told had no effect; empty otherwise.
    """

    event: str
    before: Registers
    after: Registers
    outcome: str
    emits: tuple[str, ...]
    reasons: tuple[str, ...] = ()


@frozen
class Refusal:
    """An event that must not happen: where the session stood, and every reason."""

    event: str
    state: State
    reasons: tuple[str, ...]


@frozen
class Run:
    """
    What came of one event.

    Attributes:
        steps: What had to come first, and then the event itself, in order. They stand
            also when the event itself is refused.

        refusal: Why the event itself must not happen, or ``None``.
    """

    steps: tuple[Step, ...]
    refusal: Refusal | None = None

    def after(self, before: Registers) -> Registers:
        """The registers after the run that began at *before*."""
        return self.steps[-1].after if self.steps else before

    @property
    def outcome(self) -> str:
        """What became of the event itself: a word of `OUTCOMES`, or ``"refused"``."""
        return "refused" if self.refusal is not None else self.steps[-1].outcome
