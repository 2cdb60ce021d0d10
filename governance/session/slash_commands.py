"""
Slash commands: judged before they run, redirected, overridden, recorded when they may.

A redirect is a rewrite of ``command``: the command that it leads to is judged like any other,
and may not be redirected again. A denial that a rule lets a person override is lifted by a
word among the arguments, and only when the user gave the command.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve

from governance._attrs import frozen
from governance.machine import Step
from governance.rules.composing import REWRITE_CONFLICT, compose
from governance.rules.verdicts import Decision, RuleEvent, Verdict
from governance.session import judging
from governance.session.answering import allow, refusal_reply
from governance.session.draft import Draft, texts
from governance.session.remembering import decided
from governance.session.replies import Reply
from governance.values import Json

OVERRIDES: Mapping[str, tuple[str, ...]] = {
    "force": ("--force",),
    "acknowledge": ("--acknowledge", "--force"),
}
"""What a rule's ``deny.override`` names → the words that lift its denial."""

_REFUSING = ("ask", "deny", "halt")


@frozen
class Slash:
    """A command by its name, without slash, and its words."""

    name: str
    arguments: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join((self.name, *self.arguments))


@frozen(kw_only=True)
class Judged:
    """
    What rules make of a command.

    Attributes:
        asked: As it was given.

        run: As it may run: another one after a redirect.

        written: A listener wrote other arguments than the host has.

        decision: On *asked*, without what was overridden.

        target: On *run*, where that is another.

        override: The word that lifted a denial, or ``""``.

        lifted: Ids of the rules whose denial it lifted.
    """

    asked: Slash
    run: Slash
    decision: Decision
    written: bool = False
    target: Decision | None = None
    override: str = ""
    lifted: tuple[str, ...] = ()
    refusal: str = ""

    @property
    def redirected(self) -> bool:
        """Whether another command is to run."""
        return self.run != self.asked

    @property
    def changed(self) -> bool:
        """Whether the host must run other words than it was given."""
        return self.redirected or self.written

    @property
    def rules(self) -> tuple[str, ...]:
        """Every rule that matched, strictest first."""
        decisions = (self.decision, *([self.target] if self.target is not None else []))
        return tuple(dict.fromkeys(v.rule for one in decisions for v in one.verdicts))

    @property
    def message(self) -> str:
        """What, why, and what instead."""
        decisions = (self.decision, *([self.target] if self.target is not None else []))
        told = [*(one.message for one in decisions), self.refusal]
        return "\n".join(dict.fromkeys(one for one in told if one))

    @property
    def refused(self) -> bool:
        """Whether neither it nor what it was redirected to may run."""
        decisions = (self.decision, *([self.target] if self.target is not None else []))
        return bool(self.refusal) or any(one.action in _REFUSING for one in decisions)


def command(draft: Draft, step: Step) -> Reply:
    """A slash command: judged before it runs, recorded when it may."""
    words = draft.command.data.get("arguments")
    asked = Slash(
        # A host that leaves the slash must not get past what is said of the command.
        str(draft.command.data.get("name") or "").removeprefix("/"),
        tuple(str(one) for one in words) if isinstance(words, (list, tuple)) else (),
    )
    judged = _judged(draft, asked)
    judging.note_shadows(draft, "command", judged.decision)
    judging.count_violations(draft, judged.decision, intent=f"command:{asked.name}")
    if judged.target is not None:
        judging.count_violations(draft, judged.target, intent=f"command:{judged.run.name}")
    if judged.refused:
        return _refuse(draft, judged, judged.message)
    if judged.changed and not draft.command.traits.redirects:
        return _refuse(draft, judged, f"{judged.message}\nrun instead: /{judged.run}".strip())
    if judged.changed and str(judged.run).split() != [judged.run.name, *judged.run.arguments]:
        # The host splits the line at its spaces: it would run other words than were judged.
        split = f"/{judged.run} has an argument that is not one word"
        return _refuse(draft, judged, f"{judged.message}\n{split}".strip())
    return _run(draft, step, judged)


def _judged(draft: Draft, asked: Slash) -> Judged:
    rules = draft.law.rules
    decision = rules.decide(_event(draft, asked), judging.history(draft))
    decision = _one_redirect(draft, asked, decision)
    override, lifted = _override(draft, asked, decision)
    if override:
        kept = [one for one in decision.verdicts if one.action != "deny"]
        decision = compose(kept, decision.shadows, skipped=decision.skipped)
    judged = Judged(
        asked=asked,
        run=asked,
        written=draft.command.rewritten,
        decision=decision,
        override=override,
        lifted=lifted,
    )
    if decision.action in _REFUSING or not decision.rewrites:
        return evolve(judged, refusal=_how_to_override(draft, asked, decision))
    run = _redirected(asked, decision.rewrites)
    if run == asked:
        return judged
    target = rules.decide(_event(draft, run), judging.history(draft))
    again = ""
    if target.rewrites and target.action not in _REFUSING:
        again = f"/{run} would be redirected again; give the command that is meant"
    return evolve(judged, run=run, target=target, refusal=again)


def _event(draft: Draft, slash: Slash) -> RuleEvent:
    facts = {"command": slash.name, "arguments": list(slash.arguments)}
    return judging.event_on(draft, "command", facts)


def _one_redirect(draft: Draft, asked: Slash, decision: Decision) -> Decision:
    """
    *decision* where rules redirect to several commands, and just one of these may run.

    What leads to a command that must itself be redirected gives way: the first step of a
    chain is then the one that is taken.
    """
    denying = [one.rule for one in decision.verdicts if one.action in ("deny", "halt")]
    if denying != [REWRITE_CONFLICT]:
        return decision
    ways: dict[Slash, list[Verdict]] = {}
    kept: list[Verdict] = []
    for one in decision.verdicts:
        if one.rewrite is not None:
            ways.setdefault(_redirected(asked, one.rewrite), []).append(one)
        elif one.rule != REWRITE_CONFLICT:
            kept.append(one)
    free = [verdicts for run, verdicts in ways.items() if _runs(draft, run)]
    if len(free) != 1:
        return decision
    return compose([*kept, *free[0]], decision.shadows, skipped=decision.skipped)


def _runs(draft: Draft, slash: Slash) -> bool:
    """Whether the rules let this command run as it is."""
    decision = draft.law.rules.decide(_event(draft, slash), judging.history(draft))
    return decision.action not in _REFUSING and not decision.rewrites


def _redirected(asked: Slash, rewrites: Mapping[str, Json]) -> Slash:
    name, arguments = asked.name, asked.arguments
    if "command" in rewrites:
        # The rule says all of it: a placeholder brings single words in.
        name, *words = str(rewrites["command"] or "").removeprefix("/").split() or [""]
        arguments = tuple(words)
    given = rewrites.get("arguments", arguments)
    if isinstance(given, (list, tuple)):
        arguments = tuple(str(one) for one in given)
    return Slash(name, arguments)


def _override(draft: Draft, asked: Slash, decision: Decision) -> tuple[str, tuple[str, ...]]:
    """The word that lifts the denial of *decision*, and the rules that it lifts."""
    if decision.action != "deny" or _source(draft) != "user":
        return "", ()
    words = OVERRIDES.get(decision.override, ())
    found = next((one for one in words if one in asked.arguments), "")
    lifted = tuple(one.rule for one in decision.verdicts if one.action == "deny")
    return (found, lifted) if found else ("", ())


def _how_to_override(draft: Draft, asked: Slash, decision: Decision) -> str:
    words = OVERRIDES.get(decision.override, ())
    if decision.action != "deny" or not words or _source(draft) != "user":
        return ""
    return f"the user can run it all the same: /{asked} {words[0]}"


def _source(draft: Draft) -> str:
    return str(draft.command.data.get("source") or "user")


def _refuse(draft: Draft, judged: Judged, message: str) -> Reply:
    seen = decided(draft.law.rules.watch, draft.state, _event(draft, judged.asked), "deny")
    refused: dict[str, Json] = {"event": "command", "reasons": texts((message,))}
    if judged.rules:
        refused["rules"] = texts(judged.rules)
    draft.emit("event.refused", refused, seen=seen)
    return refusal_reply(draft, (message,), judged.rules, message)


def _run(draft: Draft, step: Step, judged: Judged) -> Reply:
    data, watch = draft.command.data, draft.law.rules.watch
    executed: dict[str, Json] = {
        "name": judged.run.name,
        "arguments": texts(judged.run.arguments),
        "source": _source(draft),
    }
    labels = set(judged.decision.labels)
    if judged.target is not None:
        labels |= set(judged.target.labels)
    if labels:
        executed["labels"] = texts(sorted(labels))
    if judged.override:
        executed |= {"override": judged.override, "overridden": texts(judged.lifted)}
    if judged.redirected:
        executed["redirected_from"] = judged.asked.name
        reasons = texts((f"redirected to /{judged.run}",))
        seen = decided(watch, draft.state, _event(draft, judged.asked), "deny")
        draft.emit("event.refused", {"event": "command", "reasons": reasons}, seen=seen)
    seen = decided(watch, draft.state, _event(draft, judged.run), "allow")
    draft.emit("command.executed", executed, step=step, seen=seen)
    if data.get("style"):
        draft.emit("style.changed", {"style": data["style"]}, durable=False)
    reply = allow(draft, judged.message, judged.rules)
    if judged.changed:
        return evolve(reply, action="rewrite", rewritten={"command": str(judged.run)})
    return reply
