"""
Reading one file of rules into a `Draft`: everything that the file alone can tell.

A rule with a problem is drafted all the same, with defaults where it is wrong, so that its
matchers and its relations to other rules are checked in the same run. What comes of a
draft with problems never reaches a session.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, TypeVar, cast

from attrs import define, field

from governance._toml import read_toml
from governance.rules.changes import read_changes
from governance.rules.format import (
    FORMAT,
    AskTerms,
    ContextBlock,
    Escalation,
    EscalationOf,
    Example,
    Exempt,
    Layer,
    Mode,
    RoleDef,
    Rule,
    Table,
    Toolset,
)
from governance.rules.reading import Findings, Path, kind_of, read_keys
from governance.rules.sources import PackSource
from governance.rules.variables import put_in
from governance.rules.vocabulary import BUILT_IN_SETS, Vocabulary

T = TypeVar("T")

_KEBAB = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_RULE_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)+")
_NAME = re.compile(r"[a-z0-9]+([._-][a-z0-9]+)*")
_VERSION = re.compile(r"(0|[1-9]\d*)(\.(0|[1-9]\d*)){1,2}([-+][0-9A-Za-z.-]+)?")
_HASH_LENGTH = 64

TOOL_EVENTS = ("tool", "tool-result")


@define(eq=False)
class Draft:
    """
    One file on its way to a pack.

    Attributes:
        unread: Positions of rules whose event is not known, so that no fact can be checked.

        stated: What each rule wrote itself, by position; defaults are not in it.

        names: Toolset, role, escalation, context and rule names → where they stand.
    """

    source: PackSource
    findings: Findings
    name: str = ""
    version: str = ""
    summary: str = ""
    mode: Mode = "enforce"
    variables: Mapping[str, object] = field(factory=dict)
    toolsets: list[Toolset] = field(factory=list)
    rules: list[Rule] = field(factory=list)
    roles: list[RoleDef] = field(factory=list)
    escalations: list[Escalation] = field(factory=list)
    contexts: list[ContextBlock] = field(factory=list)
    exempts: list[Exempt] = field(factory=list)
    unread: set[int] = field(factory=set)
    stated: dict[tuple[str, int], Mapping[str, object]] = field(factory=dict)

    @property
    def layer(self) -> Layer:
        """Whose file it is."""
        return self.source.layer


def draft_pack(source: PackSource) -> Draft:
    """
    *source* read strictly.

    Raises:
        DefinitionError: The file is no TOML at all (GOV101-104).
    """
    document = read_toml(source.text, source.file)
    findings = Findings(document)
    draft = Draft(source, findings)
    if not _check_format(findings, document.data):
        return draft
    data = put_in(findings, document.data)
    if "vars" in document.data:
        data["vars"] = document.data["vars"]
    top = read_keys(findings, "", data, ())
    variables = top.get("vars")
    draft.variables = variables if isinstance(variables, dict) else {}
    _read_pack(draft, top)
    for name, read in _SECTIONS.items():
        for position, raw in enumerate(_tables(top.get(name))):
            read(draft, raw, position)
    return draft


def _check_format(findings: Findings, data: Mapping[str, object]) -> bool:
    value = data.get("format", FORMAT)
    if type(value) is not int or value < 1:
        message = f"`format` must be an integer from 1, not {value!r}"
        findings.wrong("GOV201", message, ("format",), f"write `format = {FORMAT}`")
        return False
    if value > FORMAT:
        # A newer language has keys and meanings that cannot be judged by this table.
        message = f"`format = {value}` is newer than this engine, which reads {FORMAT}"
        findings.wrong("GOV202", message, ("format",), "use a newer engine")
        return False
    return True


def _tables(value: object) -> tuple[dict[str, object], ...]:
    return cast("tuple[dict[str, object], ...]", value) if isinstance(value, tuple) else ()


def _get(values: Mapping[str, object], name: str, default: T) -> T:
    # Sound because `read_keys` gives only values of the type that the key has in `KEYS`.
    return cast("T", values.get(name, default))


def _read_pack(draft: Draft, top: Mapping[str, object]) -> None:
    raw = top.get("pack")
    if not isinstance(raw, dict):
        return
    findings = draft.findings
    values = read_keys(findings, "pack", raw, ("pack",))
    draft.name = _get(values, "name", "")
    draft.version = _get(values, "version", "")
    draft.summary = _get(values, "summary", "")
    draft.mode = _get(values, "mode", draft.mode)
    if draft.name and not _KEBAB.fullmatch(draft.name):
        mend = "use lower-case letters, digits and single hyphens"
        message = f"`{draft.name}` is no name of a pack"
        findings.wrong("GOV203", message, ("pack", "name"), mend)
    if draft.version and not _VERSION.fullmatch(draft.version):
        message = f"`{draft.version}` is no version"
        findings.wrong("GOV203", message, ("pack", "version"), 'write it as `"1.2.3"`')


def _read_toolset(draft: Draft, raw: Mapping[str, object], position: int) -> None:
    findings, path = draft.findings, ("toolset", position)
    values = read_keys(findings, "toolset", raw, path)
    name = _get(values, "name", "")
    if name in BUILT_IN_SETS:
        findings.wrong("GOV206", f"`@{name}` is built in", (*path, "name"), "choose another name")
    elif name and not _KEBAB.fullmatch(name):
        mend = "use lower-case letters, digits and single hyphens; no `@`"
        findings.wrong("GOV206", f"`{name}` is no name of a set", (*path, "name"), mend)
    elif name:
        tools: tuple[str, ...] = _get(values, "tools", ())
        if "tools" in values and not tools:
            findings.wrong("GOV206", f"`@{name}` has no members", (*path, "tools"))
        draft.toolsets.append(Toolset(name, tools))
        draft.stated["toolset", len(draft.toolsets) - 1] = {"position": position}


def _read_rule(draft: Draft, raw: Mapping[str, object], position: int) -> None:
    findings, path = draft.findings, ("rule", position)
    values = read_keys(findings, "rule", raw, path)
    draft.stated["rule", position] = values
    rule_id = _get(values, "id", "")
    if rule_id and not _RULE_ID.fullmatch(rule_id):
        mend = "write `group.name` in lower-case letters, digits and hyphens"
        findings.wrong("GOV210", f"`{rule_id}` is no id of a rule", (*path, "id"), mend)
    if ("on" in raw and "on" not in values) or ("tools" in raw and "tools" not in values):
        draft.unread.add(position)
    on = _get(values, "on", "tool")
    if "tools" in values and on not in TOOL_EVENTS:
        mend = "take `tools` out, or `on`"
        findings.wrong("GOV213", f"`tools` is for tool events, not `{on}`", (*path, "tools"), mend)
        draft.unread.add(position)
    action = _get(values, "action", cast("Any", "warn"))
    terms = _action_tables(findings, values, raw, path, on)
    _check_demands(findings, values, raw, path)
    draft.rules.append(
        Rule(
            id=rule_id or f"?{position}",
            pack=draft.name,
            layer=draft.layer,
            position=position,
            on=on,
            tools=_get(values, "tools", ()),
            when=_get(values, "when", cast("Table", {})),
            unless=_get(values, "unless", cast("Table", {})),
            any=_get(values, "any", ()),
            action=action,
            ask=_ask_terms(terms.get("ask", {})),
            override=_get(terms.get("deny", {}), "override", "none"),
            halt_scope=_get(terms.get("halt", {}), "scope", cast("Any", "turn")),
            message=_get(values, "message", ""),
            severity=_get(values, "severity", cast("Any", "medium")),
            mode=_get(values, "mode", cast("Any", "enforce")),
            unknown=_get(values, "unknown", cast("Any", "ask")),
            labels=_read_labels(findings, _get(values, "labels", ()), path),
            exempt=_get(values, "exempt", cast("Any", "layer")),
            remedy=_read_remedy(findings, values, path, on),
            must_match=_examples(findings, values, "must_match", path, on),
            must_not_match=_examples(findings, values, "must_not_match", path, on),
            known_gaps=_examples(findings, values, "known_gaps", path, on),
        )
    )


def read_rewrites(
    draft: Draft, vocabulary: Vocabulary, sets: Mapping[str, tuple[str, ...]]
) -> None:
    """Read the ``rewrite`` tables of *draft*, now that the facts of all fields are known."""
    from attrs import evolve

    for index, rule in enumerate(draft.rules):
        raw = draft.stated["rule", rule.position].get("rewrite")
        if raw is None or rule.position in draft.unread or rule.action != "rewrite":
            continue
        known = vocabulary.with_names(toolsets=sets)
        tools = known.expand_tools(rule.tools, (), lambda _: None) if rule.tools else None
        path = (*rule.path, "rewrite")
        changes = read_changes(draft.findings, raw, path, on=rule.on, tools=tools, vocabulary=known)
        draft.rules[index] = evolve(rule, rewrite=changes)


_TABLE_OF = {"rewrite": "rewrite", "ask": "ask", "deny": "deny", "halt": "halt"}


def _action_tables(
    findings: Findings,
    values: Mapping[str, object],
    raw: Mapping[str, object],
    path: Path,
    on: str,
) -> dict[str, Mapping[str, object]]:
    """The terms of the rule's own action; tables of other actions are GOV246."""
    action = values.get("action")
    found: dict[str, Mapping[str, object]] = {}
    for name in _TABLE_OF:
        if name not in values:
            continue
        if action is not None and action != name:
            message = f'`{name}` belongs to `action = "{name}"`, and this is `{action}`'
            mend = f"take `{name}` out, or change the action"
            findings.wrong("GOV246", message, (*path, name), mend)
        elif name != "rewrite":
            terms = cast("Mapping[str, object]", values[name])
            found[name] = read_keys(findings, f"rule.{name}", terms, (*path, name))
    if action == "rewrite" and "rewrite" not in raw:
        findings.wrong("GOV242", "a rewrite names no change", path, "write `rewrite.FACT = …`")
    uses = found.get("ask", {}).get("uses", 1)
    if isinstance(uses, int) and uses < 1:
        message = f"`uses` must be 1 or more, not {uses}"
        findings.wrong("GOV243", message, (*path, "ask", "uses"))
    if found.get("deny", {}).get("override", "none") != "none" and on != "command":
        message = "only commands can be overridden"
        mend = 'take it out, or write `on = "command"`'
        findings.wrong("GOV244", message, (*path, "deny", "override"), mend)
    return found


def _ask_terms(values: Mapping[str, object]) -> AskTerms:
    return AskTerms(
        expires_seconds=_get(values, "expires", 600),
        uses=_get(values, "uses", 1),
        scope=_get(values, "scope", cast("Any", "call")),
    )


def _check_demands(
    findings: Findings, values: Mapping[str, object], raw: Mapping[str, object], path: Path
) -> None:
    """What an action demands: a message, examples; what `any` and the matchers demand."""
    action = values.get("action")
    inside = [value for value in raw.values() if isinstance(value, dict)]
    if action in ("warn", "ask", "deny", "halt") and not _given("message", raw, inside):
        mend = "say what is wrong and what to do instead"
        findings.wrong("GOV247", f"a rule that says `{action}` has no `message`", path, mend)
    if action in ("ask", "deny", "halt"):
        for name in ("must_match", "must_not_match"):
            if not _given(name, raw, inside):
                mend = f"give at least one event in `{name}`"
                message = f"a rule that says `{action}` has no `{name}`"
                findings.wrong("GOV252", message, path, mend)
            elif values.get(name) == ():
                findings.wrong("GOV252", f"`{name}` is empty", (*path, name), "give an event")
    alternatives = values.get("any")
    if isinstance(alternatives, tuple) and len(alternatives) < 2:
        mend = "write a single one under `when`"
        message = "`any` takes two alternatives or more"
        findings.wrong("GOV229", message, (*path, "any"), mend)


def _given(name: str, raw: Mapping[str, object], inside: Sequence[Mapping[str, object]]) -> bool:
    # A key that slipped into a table, or was misspelled, is reported there alone.
    from governance.rules.reading import keys_of, one_slip

    known = keys_of("rule")
    return (
        name in raw
        or any(name in table for table in inside)
        or any(one not in known and one_slip(one, name) for one in raw)
    )


def _read_labels(findings: Findings, labels: tuple[str, ...], path: Path) -> tuple[str, ...]:
    for index, label in enumerate(labels):
        if not _NAME.fullmatch(label):
            mend = "use lower-case letters, digits, and single `.`, `_`, `-`"
            message = f"`{label}` is no label"
            findings.wrong("GOV235", message, (*path, "labels", index), mend)
    return labels


def _read_remedy(
    findings: Findings, values: Mapping[str, object], path: Path, on: str
) -> Example | None:
    raw = values.get("remedy")
    return read_example(findings, raw, (*path, "remedy"), on) if isinstance(raw, dict) else None


def _examples(
    findings: Findings, values: Mapping[str, object], name: str, path: Path, on: str
) -> tuple[Example, ...]:
    made = []
    for index, raw in enumerate(_tables(values.get(name))):
        place = (*path, name, index)
        example = read_example(findings, raw, place, on, gap=name == "known_gaps")
        if example is not None:
            made.append(example)
    return tuple(made)


_SPECIAL = ("at", "why", "after", "repeat", "files")


def read_example(
    findings: Findings, raw: Mapping[str, object], path: Path, on: str, *, gap: bool = False
) -> Example | None:
    """An event as an author wrote it, or ``None`` when its frame is wrong."""
    before = len(findings.problems)
    special = {name: value for name, value in raw.items() if name in _SPECIAL}
    facts = {name: value for name, value in raw.items() if name not in _SPECIAL}
    values = read_keys(findings, "example", special, path)
    if not facts:
        findings.wrong("GOV224", "an example says nothing", path, "name what happens, by facts")
    elif on in TOOL_EVENTS and type(facts.get("tool")) is not str:
        findings.report(_no_tool(facts, path))
    if gap and "why" not in values:
        mend = "say in `why` why the rule misses it"
        findings.wrong("GOV254", "a known gap has no `why`", path, mend)
    elif "why" in raw and not gap:
        findings.wrong("GOV254", "`why` is for `known_gaps`", (*path, "why"), "take it out")
    if len(findings.problems) > before:
        return None
    moment = values.get("at")
    at = moment if isinstance(moment, datetime) else None
    return Example(facts=facts, at=at, why=_get(values, "why", ""))


def _no_tool(facts: Mapping[str, object], path: Path) -> Any:
    from governance.errors import Problem
    from governance.rules.reading import one_slip

    slip = next((name for name in facts if one_slip(name, "tool")), None)
    if slip is not None:
        return Problem("GOV220", f"unknown fact `{slip}`", (*path, slip), "did you mean `tool`?")
    if "tool" in facts:
        what = kind_of(facts["tool"])
        return Problem("GOV224", f"`tool` must be a string, not {what}", (*path, "tool"))
    return Problem("GOV224", "the example of a tool rule names no `tool`", path)


def _read_role(draft: Draft, raw: Mapping[str, object], position: int) -> None:
    path = ("role", position)
    values = read_keys(draft.findings, "role", raw, path)
    name = _get(values, "name", "")
    if name and not _NAME.fullmatch(name):
        mend = "use lower-case letters, digits, and single `.`, `_`, `-`"
        draft.findings.wrong("GOV260", f"`{name}` is no name of a role", (*path, "name"), mend)
    writes: tuple[str, ...] | None = _get(values, "writes", None)
    draft.stated["role", position] = values
    draft.roles.append(
        RoleDef(
            name=name or f"?{position}",
            pack=draft.name,
            layer=draft.layer,
            position=position,
            agents=_get(values, "agents", ()),
            tools=_get(values, "tools", ()),
            writes=writes,
            delegates_to=_get(values, "delegates_to", ()),
            first=_get(values, "first", ()),
            extends=_get(values, "extends", ""),
        )
    )


def _read_escalation(draft: Draft, raw: Mapping[str, object], position: int) -> None:
    findings, path = draft.findings, ("escalation", position)
    values = read_keys(findings, "escalation", raw, path)
    count = _get(values, "count", 1)
    if count < 1:
        message = f"`count` must be 1 or more, not {count}"
        findings.wrong("GOV263", message, (*path, "count"))
    table = values.get("of")
    of: Mapping[str, object] = {}
    if isinstance(table, dict):
        of = read_keys(findings, "escalation.of", table, (*path, "of"))
        if not table:
            mend = "name `severity`, `rule`, `role` or `same`"
            findings.wrong("GOV263", "`of` is empty", (*path, "of"), mend)
    _check_name(findings, "GOV263", _get(values, "id", ""), path)
    lasts = values.get("lasts", "pardon")
    draft.escalations.append(
        Escalation(
            id=_get(values, "id", f"?{position}"),
            pack=draft.name,
            layer=draft.layer,
            position=position,
            count=count,
            within_seconds=_get(values, "within", 1),
            of=EscalationOf(
                severity=_get(of, "severity", ()),
                rule=_get(of, "rule", ()),
                role=_get(of, "role", ()),
                same=_get(of, "same", ()),
            ),
            action=_get(values, "action", cast("Any", "deny")),
            lasts_seconds=lasts if isinstance(lasts, int) else None,
            message=_get(values, "message", ""),
            tools=_get(values, "tools", ()),
        )
    )
    if "tools" in values and values["tools"] == ():
        mend = "leave `tools` out to mean all"
        findings.wrong("GOV213", "no tool is named", (*path, "tools"), mend)


def _check_name(findings: Findings, code: str, name: str, path: Path) -> None:
    if name and not _NAME.fullmatch(name):
        mend = "use lower-case letters, digits, and single `.`, `_`, `-`"
        findings.wrong(code, f"`{name}` is no id", (*path, "id"), mend)


def _read_context(draft: Draft, raw: Mapping[str, object], position: int) -> None:
    path = ("context", position)
    values = read_keys(draft.findings, "context", raw, path)
    _check_name(draft.findings, "GOV264", _get(values, "id", ""), path)
    draft.contexts.append(
        ContextBlock(
            id=_get(values, "id", f"?{position}"),
            pack=draft.name,
            layer=draft.layer,
            position=position,
            at=_get(values, "at", ()),
            text=_get(values, "text", ""),
            priority=_get(values, "priority", 50),
            keep=_get(values, "keep", False),
            when=_get(values, "when", cast("Table", {})),
        )
    )


def _read_exempt(draft: Draft, raw: Mapping[str, object], position: int) -> None:
    made = read_exempt(draft.findings, raw, position, draft.layer)
    if made is not None:
        draft.exempts.append(made)


def read_exempt(
    findings: Findings, raw: Mapping[str, object], position: int, layer: Layer
) -> Exempt | None:
    """One ``[[exempt]]`` of a pack or of ``governance.toml``."""
    path = ("exempt", position)
    values = read_keys(findings, "exempt", raw, path)
    if "rule" not in values:
        return None
    until = values.get("until")
    return Exempt(
        rule=_get(values, "rule", ""),
        reason=_get(values, "reason", ""),
        layer=layer,
        when=_get(values, "when", cast("Table", {})),
        until=until if isinstance(until, date) else None,
        file=findings.document.file,
        position=position,
    )


_SECTIONS = {
    "toolset": _read_toolset,
    "rule": _read_rule,
    "role": _read_role,
    "escalation": _read_escalation,
    "context": _read_context,
    "exempt": _read_exempt,
}
