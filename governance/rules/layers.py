"""
Layers: machine, user, project. The strictest wins, and a lower one never loosens.

Two things are kept apart. What a lower layer may *never* do to an upper one is an error at
load, for everybody to see. What a project may do only after a person has trusted its text
is left out until then, with a warning, so that a cloned repository still forbids.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import evolve

from governance.rules.draft import Draft
from governance.rules.drafting import read_exempt
from governance.rules.format import Defaults, Exempt, PastLabel
from governance.rules.linking import Target, check_exempt, is_lower
from governance.rules.reading import Findings
from governance.rules.sources import LoadSettings
from governance.rules.trust import pack_hash

LEFT_OUT = "GOV259"
"""Code of what is left out of an untrusted file."""

_SHOWN_MAX = 5


def check_exempts(
    drafts: Sequence[Draft], project: Findings | None, settings: LoadSettings
) -> list[Exempt]:
    """
    Check the exemptions of all packs and of ``governance.toml``; give the latter's.

    An exemption that has expired is a warning and is left out.
    """
    targets = {rule.id: Target(rule, draft.source.file) for draft in drafts for rule in draft.rules}
    today = settings.today
    for draft in drafts:
        draft.exempts = [
            one
            for one in draft.exempts
            if check_exempt(one, draft.findings, targets, own_file=True, today=today)
        ]
    kept: list[Exempt] = []
    if project is None:
        return kept
    for position, raw in enumerate(_exempt_tables(project)):
        made = read_exempt(project, raw, position, settings.project_layer)
        if made is None:
            continue
        if check_exempt(made, project, targets, own_file=False, today=today):
            kept.append(made)
    return kept


def _exempt_tables(project: Findings) -> list[Mapping[str, object]]:
    raw = project.document.data.get("exempt", [])
    if not isinstance(raw, list) or not all(isinstance(one, dict) for one in raw):
        mend = "write `[[exempt]]` with double brackets"
        project.wrong("GOV208", "`exempt` must be an array of tables", ("exempt",), mend)
        return []
    return raw


def check_shadow(drafts: Sequence[Draft], project: Findings | None, settings: LoadSettings) -> None:
    """Report a project's ``defaults.mode = "shadow"`` over rules of an upper layer (GOV258)."""
    if settings.defaults.mode != "shadow" or project is None:
        return
    hit = [
        rule.id
        for draft in drafts
        for rule in draft.rules
        if is_lower(settings.project_layer, rule.layer) and rule.exempt != "any"
    ]
    if hit:
        shown = ", ".join(f"`{one}`" for one in hit[:_SHOWN_MAX])
        more = f" and {len(hit) - _SHOWN_MAX} more" if len(hit) > _SHOWN_MAX else ""
        message = f"`shadow` would switch off rules of an upper layer: {shown}{more}"
        mend = "take it out, or shadow the project's own packs with `[pack] mode`"
        project.wrong("GOV258", message, ("defaults", "mode"), mend)


def is_trusted(draft: Draft, settings: LoadSettings) -> bool:
    """Whether what *draft* loosens counts: all but a project's untrusted text."""
    return draft.layer != "project" or settings.trusted(pack_hash(draft.source.text))


def upper_agents(drafts: Sequence[Draft]) -> dict[str, tuple[str, ...]]:
    """Roles of the layers above the project, and the agents that have them."""
    return {
        role.name: role.agents
        for draft in drafts
        for role in draft.roles
        if is_lower("project", role.layer)
    }


def labels_that_excuse(drafts: Sequence[Draft], beside: Draft) -> frozenset[str]:
    """
    The labels by which files other than *beside* may let something be.

    A label that is only forbidden elsewhere excuses nothing. One that a matcher looks at may
    be any, so then all of them are given.
    """
    named: set[str] = set()
    for draft in drafts:
        if draft is beside:
            continue
        tables = [one.when for one in draft.contexts]
        tables += [one.when for one in draft.exempts]
        for rule in draft.rules:
            tables += [rule.when, rule.unless, *rule.any]
            demands = [one for group in rule.requires for one in group]
            named |= {one.label for one in demands if isinstance(one, PastLabel)}
        if any("labels" in table for table in tables):
            return frozenset(label for rule in beside.rules for label in rule.labels)
    return frozenset(named)


def drop_loosening(
    draft: Draft,
    settings: LoadSettings,
    upper: Mapping[str, tuple[str, ...]],
    excusing: frozenset[str],
) -> None:
    """
    Leave only what forbids in an untrusted *draft*, and warn of the rest (GOV259).

    Left out are rules that allow, labels that other files may look for as an excuse, text for
    the model, exemptions, and agents of roles, where an agent without a role would have less.
    An agent stays in a role that narrows the one it has above. A rule that rewrites asks
    where it would: what it was to make harmless must not run as it came. The loader checks
    what is left out all the same, for trust alone brings it in force.

    Args:
        upper: What `upper_agents` gave.

        excusing: What `labels_that_excuse` gave.
    """
    left_out: list[str] = []
    rules = [
        evolve(rule, asks_instead=rule.action == "rewrite")
        for rule in draft.rules
        if rule.action != "allow"
    ]
    draft.loose_rules = [rule for rule in draft.rules if rule.action == "allow"]
    draft.loose_contexts, draft.loose_exempts = draft.contexts, draft.exempts
    left_out += [f"rule `{rule.id}`" for rule in draft.loose_rules]
    left_out += [
        f"the change of `{rule.id}`, which asks instead" for rule in rules if rule.asks_instead
    ]
    left_out += [f"labels of `{rule.id}`" for rule in rules if excusing.intersection(rule.labels)]
    draft.unset = excusing.intersection(one for rule in rules for one in rule.labels)
    draft.unset |= {
        label
        for rule in draft.loose_rules
        for label in rule.labels
        if not any(label in kept.labels for kept in rules)
    }
    draft.rules = [
        evolve(rule, labels=tuple(one for one in rule.labels if one not in excusing))
        for rule in rules
    ]
    left_out += [f"context `{block.id}`" for block in draft.contexts]
    draft.contexts = []
    left_out += [f"the exemption of `{one.rule}`" for one in draft.exempts]
    draft.exempts = []
    if settings.defaults.unknown_role != "allow":
        for index, role in enumerate(draft.roles):
            above = upper.get(role.extends, ())
            kept = tuple(agent for agent in role.agents if agent in above)
            left_out += [
                f"agent `{agent}` of role `{role.name}`"
                for agent in role.agents
                if agent not in kept
            ]
            draft.roles[index] = evolve(role, agents=kept)
    if left_out:
        shown = ", ".join(left_out[:_SHOWN_MAX])
        more = f" and {len(left_out) - _SHOWN_MAX} more" if len(left_out) > _SHOWN_MAX else ""
        message = f"not trusted, so only what forbids counts; left out: {shown}{more}"
        draft.findings.warn(LEFT_OUT, message, (), "read it, then run `governance trust`")


def settings_in_force(
    project: Findings | None, exempts: list[Exempt], settings: LoadSettings
) -> tuple[Defaults, list[Exempt]]:
    """
    The defaults and exemptions of ``governance.toml`` that count.

    Of an untrusted project's file, ``mode = "shadow"``, ``unknown_role`` beyond ``deny`` and
    every exemption are left out, with a warning (GOV259).
    """
    defaults = settings.defaults
    if project is None or settings.project_layer != "project":
        return defaults, exempts
    if settings.trusted(pack_hash(project.document.text)):
        return defaults, exempts
    left_out = [f"the exemption of `{one.rule}`" for one in exempts]
    if defaults.mode == "shadow":
        left_out.append("`defaults.mode`")
    if defaults.unknown_role != "deny":
        left_out.append("`defaults.unknown_role`")
    if left_out:
        message = "not trusted, so only what forbids counts; left out: " + ", ".join(left_out)
        project.warn(LEFT_OUT, message, (), "read it, then run `governance trust`")
    return evolve(defaults, mode="enforce", unknown_role="deny"), []
