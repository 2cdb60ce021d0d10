"""
What a lower layer decides for rules of an upper one, though it names none of them.

Exemptions, shadow mode and wider roles of a lower layer are refused when packs are loaded. What
is left is what an upper rule itself leaves to names: a label, a role or a field that excuses,
and a set of tools that it is about. Who says what the name stands for decides with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from governance.rules.format import Layer, Pack, PastLabel, Rule
from governance.rules.linking import is_lower
from governance.rules.possible import texts_in
from governance.rules.reading import Findings
from governance.rules.sources import LoadSettings

_CODE = "GOV258"


def check_weakening(
    packs: Sequence[Pack], findings: Mapping[str, Findings], settings: LoadSettings
) -> None:
    """
    Warn of names of lower layers by which rules of upper ones hold less (GOV258).

    Args:
        findings: By file, packs and ``governance.toml``.
    """
    for pack in packs:
        for rule in pack.rules:
            if rule.exempt != "any":
                _check_labels(rule, packs, findings)
                _check_roles(rule, packs, findings)
                _check_sets(rule, packs, findings)
                _check_fields(rule, findings, settings)


def _check_labels(rule: Rule, packs: Sequence[Pack], findings: Mapping[str, Findings]) -> None:
    excusing = set(texts_in(rule.unless.get("labels")))
    demands = [one for group in rule.requires for one in group]
    excusing |= {one.label for one in demands if isinstance(one, PastLabel)}
    for pack in _below(rule.layer, packs):
        for other in pack.rules:
            for index, label in enumerate(other.labels):
                if label in excusing:
                    message = (
                        f"label `{label}`, which `{other.id}` of the {pack.layer} layer sets, "
                        f"excuses from `{rule.id}` of the {rule.layer} layer"
                    )
                    path = (*other.path, "labels", index)
                    findings[pack.file].warn(_CODE, message, path, _mend(rule))


def _check_roles(rule: Rule, packs: Sequence[Pack], findings: Mapping[str, Findings]) -> None:
    excusing = set(texts_in(rule.unless.get("role")))
    for pack in _below(rule.layer, packs):
        for role in pack.roles:
            if role.name in excusing and role.agents:
                message = (
                    f"role `{role.name}`, to which the {pack.layer} layer puts agents, "
                    f"excuses from `{rule.id}` of the {rule.layer} layer"
                )
                path = ("role", role.position, "name")
                findings[pack.file].warn(_CODE, message, path, _mend(rule))


def _check_sets(rule: Rule, packs: Sequence[Pack], findings: Mapping[str, Findings]) -> None:
    for pack in _below(rule.layer, packs):
        for index, one in enumerate(pack.toolsets):
            if f"@{one.name}" in rule.tools:
                message = (
                    f"the {pack.layer} layer says what tools `@{one.name}` has, which "
                    f"`{rule.id}` of the {rule.layer} layer is about"
                )
                mend = f"define the set in the {rule.layer} layer"
                findings[pack.file].warn(_CODE, message, ("toolset", index, "name"), mend)


def _check_fields(rule: Rule, findings: Mapping[str, Findings], settings: LoadSettings) -> None:
    if settings.project is None or not is_lower(settings.project_layer, rule.layer):
        return
    fields = rule.unless.get("fields")
    named = list(fields) if isinstance(fields, Mapping) else []
    named += [name.removeprefix("fields.") for name in rule.unless if name.startswith("fields.")]
    declared = settings.project.data.get("fields")
    for name in named:
        if isinstance(declared, Mapping) and name in declared:
            message = (
                f"field `{name}`, which the {settings.project_layer} layer sets, "
                f"excuses from `{rule.id}` of the {rule.layer} layer"
            )
            known = findings[settings.project.file]
            known.warn(_CODE, message, ("fields", name), _mend(rule))


def _below(layer: Layer, packs: Sequence[Pack]) -> Iterator[Pack]:
    return (pack for pack in packs if is_lower(pack.layer, layer))


def _mend(rule: Rule) -> str:
    return f'name it otherwise, or let `{rule.id}` say `exempt = "any"`, if that is meant'
