"""
What deciding takes and gives: events with facts in, verdicts and one decision out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from attrs import field

from governance._attrs import frozen
from governance.calls import ToolCall
from governance.session.replies import ACTIONS, Action
from governance.temporal.registers import NOTHING, Remembered
from governance.values import Json

EVENTS = ("tool", "tool-result", "prompt", "command", "session", "model", "transition")
"""What rules may be about."""

STRICTNESS: Mapping[str, int] = {action: rank for rank, action in enumerate(ACTIONS)}
SEVERITY_RANK: Mapping[str, int] = {
    name: rank for rank, name in enumerate(("info", "low", "medium", "high", "critical"))
}


@frozen(kw_only=True)
class AskTerms:
    """How long an approval holds, how often, and for what."""

    expires_seconds: int = 600
    uses: int = 1
    scope: Literal["call", "intent"] = "call"


ORDINARY_TERMS = AskTerms()
"""Those of a rule that says nothing of them."""


@frozen
class RuleEvent:
    """
    One event as rules see it.

    Attributes:
        on: ``tool``, ``tool-result``, ``prompt`` … as the key `on` of rules.

        facts: Name → plain JSON value, or `Unknown`; what is not there is missing.

        call: The tool call, on tool events.

        beside: It is what the call of another tool comes to: rules and paths of roles hold
            for it, and what is said of tools by name is said of that other one.
    """

    on: str
    facts: Mapping[str, object]
    call: ToolCall | None = None
    beside: bool = False


LABEL_TURN, LABEL_CONTEXT = 1, 2
"""Bits of a label: it was set in the present turn, and in the present context."""

LABELS_MAX = 256
"""Labels that a session keeps; packs may not set more, so that none is ever lost."""


def no_files(_glob: str) -> bool | None:
    """What is known of files where nobody has looked."""
    return None


@frozen
class History:
    """
    What rules may know of the past, and of files.

    Attributes:
        done_tools: Canonical tools that were ok in this epoch.

        known: Whether there is a session behind it; without one, rules that need history
            decide nothing and are listed as skipped.

        past: The registers of the rule set's monitors, before the event that is decided.

        tree: Those of the root of the session's tree; ``None``: not known.

        labels: Label → when it was set, and the bits of `LABEL_TURN` and `LABEL_CONTEXT`.

        pending_labels: Labels of calls that a person has yet to allow.

        files: Whether a file fits a glob; ``None``: nobody knows.
    """

    done_tools: frozenset[str] = frozenset()
    known: bool = False
    past: Remembered = NOTHING
    tree: Remembered | None = None
    labels: Mapping[str, tuple[int, int]] = field(factory=dict)
    pending_labels: frozenset[str] = frozenset()
    files: Callable[[str], bool | None] = no_files


@frozen(kw_only=True)
class Verdict:
    """
    What one rule says of one event.

    Attributes:
        rule: Its id; ``role.<name>.<limit>`` for limits of roles.

        action: What it wants; of an undecidable rule, what its `unknown` says.

        message: The rendered text for the model; ``""`` when the rule has none.

        reason: Why it holds, when that is not the message: what could not be known, or
            what went wrong while it was evaluated.

        rewrite: Fact → value after the rewrite, ``None`` for taken away.

        unknown: Whether the rule applies could not be known.
    """

    rule: str
    action: Action
    severity: str = "medium"
    message: str = ""
    reason: str = ""
    labels: tuple[str, ...] = ()
    ask: AskTerms | None = None
    halt_scope: str = "turn"
    override: str = "none"
    rewrite: Mapping[str, Json] | None = None
    remedy: str = ""
    unknown: bool = False


@frozen(kw_only=True)
class Decision:
    """
    What all rules together say of one event.

    Attributes:
        verdicts: All that are in force and matched, the strictest first.

        shadows: Verdicts of shadow rules, which decide nothing.

        message: What, why, and what instead; ``""`` when there is nothing to say.

        labels: To be set on the session once the event is let through.

        rewrites: Fact → new value (``None``: taken away); given with *ask* and *warn* as
            well, for a question is about the call as it would run.

        ask: The narrowest terms of all that ask.

        override: How a denied command may be run all the same; ``"none"`` if one forbids.

        skipped: Rules that did not decide for want of history.

        intent: What the call is about; of a command line only where a rule says something.
    """

    action: Action = "allow"
    verdicts: tuple[Verdict, ...] = ()
    shadows: tuple[Verdict, ...] = ()
    message: str = ""
    labels: tuple[str, ...] = ()
    rewrites: Mapping[str, Json] = field(factory=dict)
    ask: AskTerms = ORDINARY_TERMS
    halt_scope: str = "turn"
    override: str = "none"
    skipped: tuple[str, ...] = ()
    intent: str = ""

    def rewritten(self, facts: Mapping[str, object]) -> dict[str, Json]:
        """*facts* with the rewrites put in; only what is plain JSON is given back."""
        plain = {
            name: value
            for name, value in facts.items()
            if value is None or isinstance(value, (bool, int, float, str, list, tuple, dict))
        }
        return {**plain, **self.rewrites}


def rank(verdict: Verdict) -> tuple[int, int, str, bool]:
    """The place of *verdict* among others: strictest, gravest, by id, what is known first."""
    strict, grave = STRICTNESS[verdict.action], SEVERITY_RANK[verdict.severity]
    return (-strict, -grave, verdict.rule, verdict.unknown)
