"""
The words a machine file may use in ``when`` and ``guards``: each a small, total question.

A predicate asks about one `View`: what the session's registers say, what the circumstances
are, and how the event was reached. It names the variables it reads, so that the loader can
try every combination of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from governance._attrs import frozen
from governance.machine.registers import AfterEnd, Gap, Inject, Unbriefed
from governance.states import LIVE_STATES, State


class View(Protocol):
    """What predicates can see: the variables of `VARIABLES`, one attribute each."""

    @property
    def gap(self) -> Gap: ...
    @property
    def lost(self) -> bool: ...
    @property
    def other_run(self) -> bool: ...
    @property
    def late(self) -> bool: ...
    @property
    def halted(self) -> bool: ...
    @property
    def parent_alive(self) -> bool: ...
    @property
    def journal_writable(self) -> bool: ...
    @property
    def rendered_current(self) -> bool: ...
    @property
    def carries_text(self) -> bool: ...
    @property
    def idle(self) -> bool: ...
    @property
    def inject(self) -> Inject: ...
    @property
    def unbriefed(self) -> Unbriefed: ...
    @property
    def after_end(self) -> AfterEnd: ...
    @property
    def turn_open(self) -> bool: ...
    @property
    def taken(self) -> bool: ...
    @property
    def owes(self) -> bool: ...
    @property
    def left(self) -> State | None: ...
    @property
    def chained(self) -> bool: ...


BOTH: tuple[object, ...] = (False, True)
GAPS: tuple[Gap, ...] = ("none", "short", "notice", "stale", "fresh", "unknown", "negative")

VARIABLES: Mapping[str, tuple[object, ...]] = {
    "gap": GAPS,
    "lost": BOTH,
    "other_run": BOTH,
    "late": BOTH,
    "halted": BOTH,
    "parent_alive": BOTH,
    "journal_writable": BOTH,
    "rendered_current": BOTH,
    "carries_text": BOTH,
    "idle": BOTH,
    "inject": ("transcript", "request", "none"),
    "unbriefed": ("allow", "ask", "deny"),
    "after_end": ("deny", "ask", "rules"),
    "turn_open": BOTH,
    "taken": BOTH,
    "owes": BOTH,
    "left": tuple(sorted(LIVE_STATES)),
    "chained": BOTH,
}
"""Every variable that a predicate may read, with all the values it can have."""


@frozen
class Predicate:
    """
    One question.

    Attributes:
        reads: The variables of `VARIABLES` that the answer depends on.

        test: The answer, always a real bool.

        means: What it means when the answer is yes, in plain words.

        refusal: The reason given when it is a guard and the answer is no; ``""`` for a
            predicate that cannot be a guard.
    """

    reads: tuple[str, ...]
    test: Callable[[View], bool]
    means: str
    refusal: str = ""


_LONG = frozenset({"notice", "stale", "fresh"})
_NEAR = frozenset({"short", "negative"})
# A gap that nobody measured is as little known as one that nobody could measure.
_NOTICE = frozenset({"notice", "unknown", "none"})

PREDICATES: Mapping[str, Predicate] = {
    "process_died": Predicate(
        ("gap", "other_run"),
        lambda view: view.other_run or view.gap in _LONG,
        "another process speaks for the session, or nothing was heard for an hour or more",
    ),
    "away": Predicate(
        ("gap",),
        lambda view: view.gap in _LONG,
        "nothing was heard for an hour or more",
    ),
    "away_between_turns": Predicate(
        ("gap", "turn_open"),
        lambda view: view.gap in _LONG and not view.turn_open,
        "nothing was heard for an hour or more, and no turn is open",
    ),
    "past_unknown": Predicate(
        ("gap",),
        lambda view: view.gap == "unknown",
        "nobody knows when the session last worked",
    ),
    "past_in_doubt": Predicate(
        ("gap", "lost"),
        lambda view: view.gap == "unknown" or view.lost,
        "nobody knows when the session last worked, or the model's history is lost",
    ),
    "history_lost": Predicate(
        ("lost",), lambda view: view.lost, "the model no longer has what it was told"
    ),
    "gap_short": Predicate(
        ("gap",), lambda view: view.gap in _NEAR, "the gap is below the first bound"
    ),
    "gap_notice": Predicate(
        ("gap",),
        lambda view: view.gap in _NOTICE,
        "the gap is between the first bound and the second, or not known",
    ),
    "gap_stale": Predicate(
        ("gap",),
        lambda view: view.gap == "stale",
        "the gap is between the second bound and the third",
    ),
    "gap_fresh": Predicate(
        ("gap",), lambda view: view.gap == "fresh", "the gap is at the third bound or above"
    ),
    "left_beginning": Predicate(
        ("left",),
        lambda view: view.left is State.BEGINNING,
        "the session was in Beginning when it was left",
    ),
    "chained": Predicate(
        ("chained",),
        lambda view: view.chained,
        "this very event made another one necessary first",
    ),
    "late": Predicate(("late",), lambda view: view.late, "the adapter marked the event as late"),
    "halted": Predicate(
        ("halted",), lambda view: view.halted, "a halt is in force, and nobody has lifted it"
    ),
    "turn_open": Predicate(("turn_open",), lambda view: view.turn_open, "a turn is open"),
    "taken": Predicate(("taken",), lambda view: view.taken, "this compaction was reported already"),
    "owed": Predicate(("owes",), lambda view: view.owes, "the model must still be told something"),
    "something_to_tell": Predicate(
        ("owes", "inject"),
        lambda view: view.owes or view.inject == "request",
        "something is owed, or the host forgets with each request",
    ),
    "answer_can_brief": Predicate(
        ("carries_text", "inject"),
        lambda view: view.carries_text and view.inject != "none",
        "the answer to this event can carry a briefing",
    ),
    "briefing_current": Predicate(
        ("rendered_current", "chained"),
        # What the chain itself has just done is newer than any briefing.
        lambda view: view.rendered_current and not view.chained,
        "the briefing was rendered after the last move",
    ),
    "idle": Predicate(("idle",), lambda view: view.idle, "the idle clock caused it"),
    "unbriefed_allow": Predicate(
        ("unbriefed",), lambda view: view.unbriefed == "allow", '`unbriefed = "allow"`'
    ),
    "unbriefed_ask": Predicate(
        ("unbriefed",), lambda view: view.unbriefed == "ask", '`unbriefed = "ask"`'
    ),
    "unbriefed_deny": Predicate(
        ("unbriefed",), lambda view: view.unbriefed == "deny", '`unbriefed = "deny"`'
    ),
    "after_end_deny": Predicate(
        ("after_end",), lambda view: view.after_end == "deny", '`after_end = "deny"`'
    ),
    "after_end_ask": Predicate(
        ("after_end",), lambda view: view.after_end == "ask", '`after_end = "ask"`'
    ),
    "after_end_rules": Predicate(
        ("after_end",), lambda view: view.after_end == "rules", '`after_end = "rules"`'
    ),
    "journal_writable": Predicate(
        ("journal_writable",),
        lambda view: view.journal_writable,
        "what happens can be recorded",
        "the journal cannot be written, and nothing unrecorded may happen",
    ),
    "parent_alive": Predicate(
        ("parent_alive",),
        lambda view: view.parent_alive,
        "the parent still works, or there is none",
        "the parent session does not work any more",
    ),
    "not_halted": Predicate(
        ("halted",),
        lambda view: not view.halted,
        "no halt is in force",
        "the session is halted until a person pardons it",
    ),
    "can_inject": Predicate(
        ("inject",),
        lambda view: view.inject != "none",
        "the host has a place where a briefing can be put",
        "this host has no place where a briefing could be put",
    ),
}
