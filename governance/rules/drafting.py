"""
Reading one file of rules into a `Draft`: everything that the file alone can tell.

A rule with a problem is drafted all the same, with defaults where it is wrong, so that its
matchers and its relations to other rules are checked in the same run. What comes of a
draft with problems never reaches a session.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any, cast

from governance._toml import parsed_document, read_toml
from governance.rules.draft import Draft, get, tables
from governance.rules.drafting_rules import NAME, read_rule
from governance.rules.format import (
    FORMAT,
    ContextBlock,
    Escalation,
    EscalationOf,
    Exempt,
    Layer,
    RoleDef,
    Table,
    Toolset,
)
from governance.rules.reading import Findings, Path, read_keys
from governance.rules.recorded import read_schema
from governance.rules.sources import PackSource, Parsed, nothing_parsed
from governance.rules.variables import put_in
from governance.rules.vocabulary import BUILT_IN_SETS

KEBAB = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
VERSION = re.compile(r"(0|[1-9]\d*)(\.(0|[1-9]\d*)){1,2}([-+][0-9A-Za-z.-]+)?")


def draft_pack(
    source: PackSource, parsed: Parsed = nothing_parsed, *, examples: bool = True
) -> Draft:
    """
    *source* read strictly.

    Args:
        parsed: What a text parses to, where that is known by its sha256.

        examples: Read the examples of its rules, which are most of a pack.

    Raises:
        DefinitionError: The file is no TOML at all (GOV101-104).
    """
    known = parsed(source.hash)
    if known is None:
        document = read_toml(source.text, source.file)
    else:
        document = parsed_document(known, source.text, source.file)
    findings = Findings(document)
    draft = Draft(source, findings, examples=examples)
    if not _check_format(findings, document.data):
        return draft
    data = put_in(findings, document.data, examples=examples)
    if "vars" in document.data:
        data["vars"] = document.data["vars"]
    top = read_keys(findings, "", data, ())
    variables = top.get("vars")
    draft.variables = variables if isinstance(variables, dict) else {}
    _read_pack(draft, top)
    for name, read in _SECTIONS.items():
        for position, raw in enumerate(tables(top.get(name))):
            read(draft, raw, position)
    if "scenario" in top:
        # Tests are of no use to a process that lives for one call.
        from governance.rules.scenarios import read_scenarios

        draft.scenarios = read_scenarios(findings, tables(top["scenario"]))
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


def _read_pack(draft: Draft, top: Mapping[str, object]) -> None:
    raw = top.get("pack")
    if not isinstance(raw, dict):
        return
    findings = draft.findings
    values = read_keys(findings, "pack", raw, ("pack",))
    draft.name = get(values, "name", "")
    draft.version = get(values, "version", "")
    draft.summary = get(values, "summary", "")
    draft.mode = get(values, "mode", draft.mode)
    if draft.name and not KEBAB.fullmatch(draft.name):
        mend = "use lower-case letters, digits and single hyphens"
        message = f"`{draft.name}` is no name of a pack"
        findings.wrong("GOV203", message, ("pack", "name"), mend)
    if draft.version and not VERSION.fullmatch(draft.version):
        message = f"`{draft.version}` is no version"
        findings.wrong("GOV203", message, ("pack", "version"), 'write it as `"1.2.3"`')


def _read_toolset(draft: Draft, raw: Mapping[str, object], position: int) -> None:
    findings, path = draft.findings, ("toolset", position)
    values = read_keys(findings, "toolset", raw, path)
    name = get(values, "name", "")
    if name in BUILT_IN_SETS:
        findings.wrong("GOV206", f"`@{name}` is built in", (*path, "name"), "choose another name")
    elif name and not KEBAB.fullmatch(name):
        mend = "use lower-case letters, digits and single hyphens; no `@`"
        findings.wrong("GOV206", f"`{name}` is no name of a set", (*path, "name"), mend)
    elif name:
        tools: tuple[str, ...] = get(values, "tools", ())
        if "tools" in values and not tools:
            findings.wrong("GOV206", f"`@{name}` has no members", (*path, "tools"))
        draft.toolsets.append(Toolset(name, tools))
        draft.stated["toolset", len(draft.toolsets) - 1] = {"position": position}


def _read_role(draft: Draft, raw: Mapping[str, object], position: int) -> None:
    path = ("role", position)
    values = read_keys(draft.findings, "role", raw, path)
    name = get(values, "name", "")
    if name and not NAME.fullmatch(name):
        mend = "use lower-case letters, digits, and single `.`, `_`, `-`"
        draft.findings.wrong("GOV260", f"`{name}` is no name of a role", (*path, "name"), mend)
    writes: tuple[str, ...] | None = get(values, "writes", None)
    draft.stated["role", position] = values
    draft.roles.append(
        RoleDef(
            name=name or f"?{position}",
            pack=draft.name,
            layer=draft.layer,
            position=position,
            agents=get(values, "agents", ()),
            tools=get(values, "tools", ()),
            writes=writes,
            delegates_to=get(values, "delegates_to", ()),
            first=get(values, "first", ()),
            extends=get(values, "extends", ""),
        )
    )


def _read_escalation(draft: Draft, raw: Mapping[str, object], position: int) -> None:
    findings, path = draft.findings, ("escalation", position)
    values = read_keys(findings, "escalation", raw, path)
    count = get(values, "count", 1)
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
    _check_name(findings, "GOV263", get(values, "id", ""), path)
    lasts = values.get("lasts", "pardon")
    draft.escalations.append(
        Escalation(
            id=get(values, "id", f"?{position}"),
            pack=draft.name,
            layer=draft.layer,
            position=position,
            count=count,
            within_seconds=get(values, "within", 1),
            of=EscalationOf(
                severity=get(of, "severity", ()),
                rule=get(of, "rule", ()),
                role=get(of, "role", ()),
                same=get(of, "same", ()),
            ),
            action=get(values, "action", cast("Any", "deny")),
            lasts_seconds=lasts if isinstance(lasts, int) else None,
            message=get(values, "message", ""),
            tools=get(values, "tools", ()),
        )
    )
    if "tools" in values and values["tools"] == ():
        mend = "leave `tools` out to mean all"
        findings.wrong("GOV213", "no tool is named", (*path, "tools"), mend)


def _check_name(findings: Findings, code: str, name: str, path: Path) -> None:
    if name and not NAME.fullmatch(name):
        mend = "use lower-case letters, digits, and single `.`, `_`, `-`"
        findings.wrong(code, f"`{name}` is no id", (*path, "id"), mend)


def _read_context(draft: Draft, raw: Mapping[str, object], position: int) -> None:
    path = ("context", position)
    values = read_keys(draft.findings, "context", raw, path)
    _check_name(draft.findings, "GOV264", get(values, "id", ""), path)
    draft.contexts.append(
        ContextBlock(
            id=get(values, "id", f"?{position}"),
            pack=draft.name,
            layer=draft.layer,
            position=position,
            at=get(values, "at", ()),
            text=get(values, "text", ""),
            priority=get(values, "priority", 50),
            keep=get(values, "keep", False),
            when=get(values, "when", cast("Table", {})),
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
        rule=get(values, "rule", ""),
        reason=get(values, "reason", ""),
        layer=layer,
        when=get(values, "when", cast("Table", {})),
        until=until if isinstance(until, date) else None,
        file=findings.document.file,
        position=position,
    )


_SECTIONS = {
    "toolset": _read_toolset,
    "schema": read_schema,
    "rule": read_rule,
    "role": _read_role,
    "escalation": _read_escalation,
    "context": _read_context,
    "exempt": _read_exempt,
}
