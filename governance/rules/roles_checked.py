"""Roles against each other: what they extend, what they may use first, who gets which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import evolve

from governance._attrs import frozen
from governance.rules.draft import Draft
from governance.rules.format import RoleDef
from governance.rules.globs import tool_pattern
from governance.rules.linking import is_lower, recode
from governance.rules.reading import Path, nearest
from governance.rules.vocabulary import Vocabulary

_DEPTH_MAX = 16


@frozen
class _Known:
    """A role with its file and its tools, sets expanded."""

    role: RoleDef
    draft: Draft
    tools: tuple[str, ...]

    @property
    def path(self) -> Path:
        return ("role", self.role.position)


def check_roles(drafts: Sequence[Draft], vocabulary: Vocabulary) -> None:
    """
    Check every role, and put what it inherits into it.

    GOV260: unknown tools and roles; GOV261: `first` names what `tools` has not; GOV262:
    `extends` in a circle or wider than what it extends, one agent in two roles. An agent
    may stand in a role of a lower layer that narrows its role of an upper one: then it has
    the narrower.
    """
    known: dict[str, _Known] = {}
    for draft in drafts:
        for role in draft.roles:
            path: Path = ("role", role.position)
            report = recode(draft.findings.report, "GOV260")
            place = (*path, "tools")
            tools = vocabulary.expand_tools(role.tools, place, report) if role.tools else ()
            known.setdefault(role.name, _Known(role, draft, tools))
    for one in known.values():
        _check_names(one, known, vocabulary)
    joined: dict[str, RoleDef] = {}
    for one in known.values():
        _join(one, known, joined, vocabulary)
    _check_agents(known, joined)
    for draft in drafts:
        draft.roles = [
            joined[role.name] if known[role.name].draft is draft else role for role in draft.roles
        ]


def _check_names(one: _Known, known: Mapping[str, _Known], vocabulary: Vocabulary) -> None:
    findings, role = one.draft.findings, one.role
    for index, name in enumerate(role.delegates_to):
        if name not in known:
            place = (*one.path, "delegates_to", index)
            findings.wrong("GOV260", f"unknown role `{name}`", place, nearest(name, known))
    report = recode(findings.report, "GOV260")
    place = (*one.path, "first")
    for tool in vocabulary.expand_tools(role.first, place, report) if role.first else ():
        if not _covered(tool, one.tools):
            message = f"`{tool}` comes first, but is not among the role's `tools`"
            index = role.first.index(tool) if tool in role.first else 0
            mend = nearest(tool, one.tools) or "add it to `tools`"
            findings.wrong("GOV261", message, (*place, index), mend)


def _covered(tool: str, tools: Sequence[str]) -> bool:
    return any(tool == one or tool_pattern(one)(tool) for one in tools)


def _join(
    one: _Known,
    known: Mapping[str, _Known],
    joined: dict[str, RoleDef],
    vocabulary: Vocabulary,
    within: tuple[str, ...] = (),
) -> RoleDef:
    role = one.role
    if role.name in joined:
        return joined[role.name]
    place = (*one.path, "extends")
    findings = one.draft.findings
    parent = known.get(role.extends)
    if role.extends and parent is None:
        hint = nearest(role.extends, known)
        findings.wrong("GOV260", f"unknown role `{role.extends}`", place, hint)
    elif parent is not None and (role.extends in (*within, role.name) or len(within) > _DEPTH_MAX):
        circle = " → ".join((*within, role.name, role.extends))
        findings.wrong("GOV262", f"roles extend each other: {circle}", place, "break the circle")
        parent = None
    if parent is not None:
        base = _join(parent, known, joined, vocabulary, (*within, role.name))
        stated = one.draft.stated["role", role.position]
        _check_narrower(one, parent, base, stated)
        role = evolve(
            role,
            writes=role.writes if "writes" in stated else base.writes,
            delegates_to=role.delegates_to if "delegates_to" in stated else base.delegates_to,
            first=role.first if "first" in stated else base.first,
        )
    joined[role.name] = role
    return role


def _check_narrower(
    one: _Known, parent: _Known, base: RoleDef, stated: Mapping[str, object]
) -> None:
    def wider(key: str, index: int, what: str) -> None:
        message = f"`{what}` is more than `{base.name}` has, which this role extends"
        mend = f"take it out, or add it to `{base.name}`"
        one.draft.findings.wrong("GOV262", message, (*one.path, key, index), mend)

    for tool in one.tools:
        if not _covered(tool, parent.tools):
            index = one.role.tools.index(tool) if tool in one.role.tools else 0
            wider("tools", index, tool)
    if "writes" in stated and base.writes is not None:
        for index, glob in enumerate(one.role.writes or ()):
            if not any(_below(glob, upper) for upper in base.writes):
                wider("writes", index, glob)
    for index, name in enumerate(one.role.delegates_to if "delegates_to" in stated else ()):
        if name not in base.delegates_to:
            wider("delegates_to", index, name)
    if "first" in stated and base.first:
        allowed = base.first
        for index, name in enumerate(one.role.first):
            if name not in allowed:
                wider("first", index, name)
        if not one.role.first:
            message = f"`{base.name}` demands a first tool, and this role drops that"
            one.draft.findings.wrong("GOV262", message, (*one.path, "first"))


def _below(glob: str, upper: str) -> bool:
    # Two globs are compared by their text: the same, or below a folder given as a whole.
    return glob == upper or (
        upper.endswith("/**") and glob.startswith(upper[:-2]) and ".." not in glob
    )


def _check_agents(known: Mapping[str, _Known], joined: dict[str, RoleDef]) -> None:
    holders: dict[str, _Known] = {}
    for one in known.values():
        for index, agent in enumerate(one.role.agents):
            if "*" in agent:
                message = f"`{agent}` is compared whole, and no agent has a `*` in its name"
                place = (*one.path, "agents", index)
                one.draft.findings.wrong("GOV262", message, place, "name each agent")
            first = holders.setdefault(agent, one)
            if first is one:
                continue
            upper, lower = (first, one) if _narrows(one, first, known) else (one, first)
            if _narrows(lower, upper, known):
                holders[agent] = lower
                held = joined[upper.role.name]
                rest = tuple(name for name in held.agents if name != agent)
                joined[upper.role.name] = evolve(held, agents=rest)
                continue
            message = f"agent `{agent}` has the role `{first.role.name}` already"
            place = (*one.path, "agents", index)
            one.draft.findings.wrong("GOV262", message, place, "name it in one role alone")


def _narrows(lower: _Known, upper: _Known, known: Mapping[str, _Known]) -> bool:
    if not is_lower(lower.role.layer, upper.role.layer):
        return False
    name: str = lower.role.extends
    for _ in range(_DEPTH_MAX):
        if name == upper.role.name:
            return True
        if name not in known:
            return False
        name = known[name].role.extends
    return False
