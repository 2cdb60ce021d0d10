"""
What only all files together can tell: names taken twice, names that nothing has, sets.

Roles have a module of their own (`governance.rules.roles_checked`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date

from attrs import evolve

from governance._attrs import frozen
from governance.errors import Problem
from governance.rules.draft import Draft
from governance.rules.format import LAYERS, Escalation, Exempt, Layer, PastLabel, Rule
from governance.rules.reading import Findings, Path, nearest, one_slip
from governance.rules.verdicts import LABELS_MAX
from governance.rules.vocabulary import Vocabulary


@frozen
class Origin:
    """Where a name was first given."""

    findings: Findings
    path: Path

    def __str__(self) -> str:
        document = self.findings.document
        return f"{document.file}:{document.line_of(self.path)}"


def recode(report: Callable[[Problem], None], code: str) -> Callable[[Problem], None]:
    """*report*, with *code* instead of the code that the problem came with."""
    return lambda problem: report(evolve(problem, code=code))


def _named(draft: Draft) -> Iterator[tuple[str, str, Path, str]]:
    """Kind, name, path and code of everything in *draft* that must be one of its kind."""
    if draft.name:
        yield "pack", draft.name, ("pack", "name"), "GOV211"
    for rule in draft.rules:
        yield "rule", rule.id, (*rule.path, "id"), "GOV211"
    for role in draft.roles:
        yield "role", role.name, ("role", role.position, "name"), "GOV211"
    for step in draft.escalations:
        yield "escalation", step.id, ("escalation", step.position, "id"), "GOV211"
    for block in draft.contexts:
        yield "context", block.id, ("context", block.position, "id"), "GOV211"
    for index, one in enumerate(draft.toolsets):
        yield "toolset", one.name, ("toolset", _position(draft, index), "name"), "GOV206"


def check_names(drafts: Sequence[Draft]) -> None:
    """Report every name that was given twice, at its second place (GOV211, GOV206)."""
    seen: dict[tuple[str, str], Origin] = {}
    for draft in drafts:
        for kind, name, path, code in _named(draft):
            if name.startswith("?"):
                continue
            first = seen.setdefault((kind, name), Origin(draft.findings, path))
            if first.path != path or first.findings is not draft.findings:
                message = f"{kind} `{name}` stands already in {first}"
                draft.findings.wrong(code, message, path, "choose another name")


def all_sets(drafts: Sequence[Draft]) -> dict[str, tuple[str, ...]]:
    """Every declared set of tools, by name."""
    return {one.name: one.tools for draft in drafts for one in draft.toolsets}


def check_sets(drafts: Sequence[Draft], vocabulary: Vocabulary) -> None:
    """Report unknown members and cycles of sets (GOV206)."""
    for draft in drafts:
        for index, one in enumerate(draft.toolsets):
            path: Path = ("toolset", _position(draft, index), "tools")
            if one.tools:
                vocabulary.expand_tools(one.tools, path, recode(draft.findings.report, "GOV206"))


def _position(draft: Draft, index: int) -> int:
    position = draft.stated["toolset", index]["position"]
    # INVARIANT: the reader of sets puts a number there.
    assert isinstance(position, int), "a toolset knows its place"
    return position


def check_escalations(drafts: Sequence[Draft], vocabulary: Vocabulary) -> None:
    """Report steps that count rules or roles that nobody has, or hold for unknown tools."""
    rules = {rule.id: rule for draft in drafts for rule in draft.rules}
    roles = {role.name for draft in drafts for role in draft.roles}
    for draft in drafts:
        findings = draft.findings
        for step in draft.escalations:
            path: Path = ("escalation", step.position)
            for index, name in enumerate(step.of.rule):
                if name not in rules:
                    place = (*path, "of", "rule", index)
                    findings.wrong("GOV263", f"unknown rule `{name}`", place, nearest(name, rules))
                elif why := _never_counted(rules[name], step):
                    place = (*path, "of", "rule", index)
                    mend = "take it out, or let the two say the same"
                    findings.wrong("GOV263", f"`{name}` is never counted here: {why}", place, mend)
            for index, name in enumerate(step.of.role):
                if name not in roles:
                    place = (*path, "of", "role", index)
                    findings.wrong("GOV260", f"unknown role `{name}`", place, nearest(name, roles))
            if step.tools:
                vocabulary.expand_tools(step.tools, (*path, "tools"), findings.report)


def _never_counted(rule: Rule, step: Escalation) -> str:
    """Why no violation of *rule* is one that *step* counts; ``""``: some are."""
    if rule.action == "allow":
        return "what is allowed is no violation"
    # Of a question that was put because nobody could know, a refusal counts as `low` at most.
    if step.of.severity and not {rule.severity, "low", "info"}.intersection(step.of.severity):
        return f"its severity is `{rule.severity}`, which `severity` does not name"
    return ""


def all_labels(drafts: Sequence[Draft]) -> tuple[str, ...]:
    """Every label that some rule sets."""
    return tuple(one for draft in drafts for rule in draft.rules for one in rule.labels)


def check_labels(drafts: Sequence[Draft]) -> None:
    """
    Report labels that are looked for and never set, or too many to keep; warn of those that
    differ from another by one slip (GOV235).
    """
    known = set(all_labels(drafts))
    for draft in drafts:
        for rule in draft.rules:
            for one in (*(each for group in rule.requires for each in group), *rule.forbids):
                if isinstance(one, PastLabel) and one.label not in known:
                    message = f"no rule sets the label `{one.label}`"
                    mend = nearest(one.label, known) or "name it in `labels` of a rule"
                    draft.findings.wrong("GOV235", message, (*one.path, "label"), mend)
    if len(known) > LABELS_MAX:
        message = f"{len(known)} labels are more than a session keeps, which is {LABELS_MAX}"
        first = next(draft for draft in drafts if any(rule.labels for rule in draft.rules))
        first.findings.wrong("GOV235", message, ())
        return
    places: dict[str, tuple[Draft, Path]] = {}
    for draft in drafts:
        for rule in draft.rules:
            for index, label in enumerate(rule.labels):
                places.setdefault(label, (draft, (*rule.path, "labels", index)))
    names = sorted(places)
    for index, label in enumerate(names):
        for other in names[:index]:
            if one_slip(label, other) and not (label[-1:].isdigit() and other[-1:].isdigit()):
                draft, path = places[label]
                message = f"label `{label}` is all but the same as `{other}`"
                draft.findings.warn("GOV235", message, path, "use one of the two")


@frozen
class Target:
    """A rule that can be exempted, and the file that it stands in."""

    rule: Rule
    file: str


def check_exempt(
    exempt: Exempt,
    findings: Findings,
    targets: Mapping[str, Target],
    *,
    own_file: bool,
    today: date | None,
) -> Rule | None:
    """
    The rule that *exempt* lifts, or ``None`` with the reason reported (GOV250).

    One that has expired lifts nothing any more, which is a warning.

    Args:
        own_file: The exemption stands in a pack, which may exempt its own rules alone.
    """
    path: Path = ("exempt", exempt.position)
    place = (*path, "rule")
    target = targets.get(exempt.rule)
    if target is None:
        hint = nearest(exempt.rule, targets)
        if own_file and not hint:
            hint = (
                "a pack exempts its own rules; write those of others, shipped ones too, "
                "in `governance.toml`"
            )
        findings.wrong("GOV250", f"unknown rule `{exempt.rule}`", place, hint)
        return None
    rule = target.rule
    if own_file and target.file != exempt.file:
        message = f"`{rule.id}` is a rule of {target.file}, which this pack cannot exempt"
        findings.wrong("GOV250", message, place, "write it in `governance.toml`")
        return None
    if rule.exempt == "never":
        message = f"`{rule.id}` can be exempted by nobody"
        findings.wrong("GOV250", message, place, "take the exemption out")
        return None
    if rule.exempt == "layer" and is_lower(exempt.layer, rule.layer):
        message = (
            f"`{rule.id}` is of the {rule.layer} layer, which the {exempt.layer} cannot exempt"
        )
        mend = f'exempt it in the {rule.layer} layer, or let it say `exempt = "any"`'
        findings.wrong("GOV250", message, place, mend)
        return None
    if exempt.until is not None and today is not None and exempt.until < today:
        message = f"the exemption of `{rule.id}` ended on {exempt.until}"
        findings.warn("GOV250", message, (*path, "until"), "take it out, or renew it")
        return None
    return rule


def is_lower(layer: Layer, than: Layer) -> bool:
    """Whether *layer* stands below *than*, and so may only tighten what it says."""
    return LAYERS.index(layer) > LAYERS.index(than)


def check_budget(drafts: Sequence[Draft], characters_max: int | None) -> None:
    """
    Report moments at which the blocks that must be kept exceed the budget, and warn of other
    blocks that alone do, so that they are never told (GOV265).
    """
    if characters_max is None:
        return
    totals: dict[str, int] = {}
    for draft in drafts:
        for block in draft.contexts:
            plain = len(re.sub(r"\{[^{}]*\}", "", block.text))
            if not block.keep and plain > characters_max:
                message = (
                    f"a block of {plain} characters is never told: {characters_max} are the most"
                )
                path: Path = ("context", block.position, "text")
                mend = "shorten it, split it, or raise `[context] characters_max`"
                # The rest is told all the same, so that a small budget needs no packs of its own.
                draft.findings.warn("GOV265", message, path, mend)
            over: list[str] = []
            for moment in block.at if block.keep else ():
                before = totals.get(moment, 0)
                totals[moment] = before + len(block.text)
                if before <= characters_max < totals[moment]:
                    over.append(f"`{moment}` ({totals[moment]})")
            if over:
                message = (
                    f"with this block, what must be kept exceeds {characters_max} characters "
                    f"at {', '.join(over)}"
                )
                path = ("context", block.position, "keep")
                mend = "shorten the texts, keep fewer, or raise `[context] characters_max`"
                draft.findings.wrong("GOV265", message, path, mend)
