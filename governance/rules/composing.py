"""
Verdicts into one decision: the strictest wins, and the message says why and what instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from governance.rules.format import Example
from governance.rules.template import TEXT_CHARACTERS_MAX, one_line
from governance.rules.verdicts import STRICTNESS, AskTerms, Decision, Verdict, rank
from governance.session.replies import Action
from governance.values import Json, dump_json

REWRITE_CONFLICT = "rewrite.conflict"

_LEAD: Mapping[str, str] = {
    "halt": "Halted",
    "deny": "Denied",
    "ask": "A person has to agree",
    "rewrite": "Changed",
    "warn": "Note",
}
_TOLD_MAX = 8


def compose(
    verdicts: Sequence[Verdict],
    shadows: Sequence[Verdict],
    *,
    skipped: Sequence[str] = (),
    intent: str = "",
) -> Decision:
    """
    The one decision of all *verdicts*, whatever order they come in.

    Changes to different facts join; two values for one fact deny.
    """
    if not verdicts and not shadows:
        untried = tuple(sorted(set(skipped))) if skipped else ()
        return Decision(skipped=untried, intent=intent)
    joined, conflicts = _join_rewrites(verdicts)
    ordered = sorted([*verdicts, *conflicts], key=rank)
    action: Action = ordered[0].action if ordered else "allow"
    let_through = STRICTNESS[action] < STRICTNESS["deny"]
    denies = [one for one in ordered if one.action in ("deny", "halt")]
    return Decision(
        action=action,
        verdicts=tuple(ordered),
        shadows=tuple(sorted(shadows, key=rank)),
        message=message_of(action, ordered),
        labels=tuple(sorted({label for one in ordered for label in one.labels}))
        if let_through
        else (),
        rewrites=joined if let_through else {},
        ask=_narrowest([one.ask or AskTerms() for one in ordered if one.action == "ask"]),
        halt_scope=_widest(ordered),
        override=_override(denies),
        skipped=tuple(sorted(set(skipped))),
        intent=intent,
    )


def _join_rewrites(verdicts: Iterable[Verdict]) -> tuple[dict[str, Json], list[Verdict]]:
    joined: dict[str, Json] = {}
    owners: dict[str, set[str]] = {}
    conflicting: set[str] = set()
    for verdict in verdicts:
        for fact, value in (verdict.rewrite or {}).items():
            owners.setdefault(fact, set()).add(verdict.rule)
            if fact in joined and not _same(joined[fact], value):
                conflicting.add(fact)
            joined[fact] = value
    conflicts = [
        Verdict(
            rule=REWRITE_CONFLICT,
            action="deny",
            message=f"`{fact}` would be changed to two different values, by "
            + " and ".join(f"`{owner}`" for owner in sorted(owners[fact])),
        )
        for fact in sorted(conflicting)
    ]
    return dict(sorted(joined.items())), conflicts


def _same(one: Json, other: Json) -> bool:
    return type(one) is type(other) and one == other


def _narrowest(terms: Sequence[AskTerms]) -> AskTerms:
    if not terms:
        return AskTerms()
    return AskTerms(
        expires_seconds=min(one.expires_seconds for one in terms),
        uses=min(one.uses for one in terms),
        scope="call" if any(one.scope == "call" for one in terms) else "intent",
    )


def _widest(verdicts: Sequence[Verdict]) -> str:
    halts = [one.halt_scope for one in verdicts if one.action == "halt"]
    return "session" if "session" in halts else "turn"


def _override(denies: Sequence[Verdict]) -> str:
    """What all denials allow: one that allows nothing forbids for all, `force` is the harder."""
    ways = {one.override for one in denies}
    if not ways or "none" in ways:
        return "none"
    return "force" if "force" in ways else "acknowledge"


def message_of(action: Action, ordered: Sequence[Verdict]) -> str:
    """What the model reads: what holds, every reason with its rule, and what to do instead."""
    told = [one for one in ordered if one.message or one.reason]
    if not told:
        return ""
    lines: list[str] = []
    for one in told[:_TOLD_MAX]:
        why = f" ({one.reason})" if one.reason and one.message else ""
        lines.append(f"{one.message or one.reason}{why} [{one.rule}]")
    if len(told) > _TOLD_MAX:
        lines.append(f"and {len(told) - _TOLD_MAX} more")
    lead = _LEAD.get(action, "Note")
    head = f"{lead}: {lines[0]}" if len(lines) == 1 else "\n- ".join([f"{lead}:", *lines])
    instead = list(dict.fromkeys(one.remedy for one in told if one.remedy))
    text = "\n".join([head, *(f"Instead: {one}" for one in instead[:_TOLD_MAX])])
    if len(text) <= TEXT_CHARACTERS_MAX:
        return text
    return text[: TEXT_CHARACTERS_MAX - 1] + "…"


def remedy_text(remedy: Example | None) -> str:
    """The call that a rule proposes, in a few words."""
    if remedy is None:
        return ""
    facts = dict(remedy.facts)
    tool = str(facts.pop("tool", ""))
    if list(facts) == ["command"]:
        return f"{tool} `{one_line(str(facts['command']))}`".strip()
    shown = " ".join(f"{name}={_shown(value)}" for name, value in facts.items())
    return f"{tool} {shown}".strip()


def _shown(value: object) -> str:
    # What has no JSON (a number that is not finite) is no right value, and is told elsewhere.
    if isinstance(value, (str, int, bool)):
        return one_line(dump_json(value).decode())
    return one_line(str(value))
