"""
What the hosts in use can do of what the rules ask.

An action that a host lacks becomes the next stricter one that it has, which is worth a
warning. A refusal that a host would not honour is an error: the rule would stand there and
hold nothing. A rule that no host in use ever comes to holds nothing either; that is told by
`governance check` alone, for the same packs serve projects with other hosts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from governance.errors import Problem
from governance.rules.fact_table import TOOL_EVENTS, TOOLS
from governance.rules.format import Rule
from governance.rules.globs import split_tool_name
from governance.rules.host_tools import HostTools, ToolMap
from governance.rules.matching import flattened
from governance.rules.reading import Findings
from governance.rules.sources import LoadSettings
from governance.rules.vocabulary import Vocabulary
from governance.states import ASKED_EVENTS

_MACHINE_EVENT = {
    "tool": "tool_before",
    "prompt": "turn_start",
    "command": "command",
    "session": "start",
}
_REFUSING = ("ask", "deny", "halt")
_INSTEAD = 'bind it to `on = "tool"` and `on = "prompt"`, or to a host that can'


def check_hosts(rule: Rule, findings: Findings, settings: LoadSettings) -> None:
    """Report what the hosts of *settings* cannot do of *rule* (GOV257), or no host can."""
    if rule.on == "model":
        message = f"no host asks before it calls a model, so `{rule.id}` would hold nothing"
        findings.wrong("GOV257", message, (*rule.path, "on"), _INSTEAD)
        return
    for name, host in settings.hosts.items():
        for event in _events(rule) if rule.action in _REFUSING else ():
            if event not in host.deny_at:
                message = (
                    f"`{name}` honours no refusal at `{event}`, "
                    f"where `{rule.id}` would hold nothing"
                )
                findings.wrong("GOV257", message, (*rule.path, "action"), _INSTEAD)
        if rule.action == "ask" and not host.asks:
            message = f"`{name}` cannot ask a person, so `{rule.id}` denies there"
            findings.warn("GOV257", message, (*rule.path, "action"))
        if rule.action == "rewrite" and rule.on == "command" and not host.redirects:
            message = (
                f"`{name}` cannot run another command, so `{rule.id}` refuses there and names it"
            )
            findings.warn("GOV257", message, (*rule.path, "action"))
        if rule.action == "rewrite" and not host.rewrites and rule.on == "tool":
            message = f"`{name}` cannot rewrite, so `{rule.id}` denies there and names the call"
            findings.warn("GOV257", message, (*rule.path, "action"))


def check_idle(
    rule: Rule, findings: Findings, vocabulary: Vocabulary, settings: LoadSettings
) -> None:
    """
    Report that *rule* does nothing in any host of *settings* (GOV257).

    Its tools are none that these hosts have, or it is about another host alone, or about what
    none of them tells. Of hosts whose tools are not known nothing is said.
    """
    named = rule.when.get("host")
    wanted = [named] if isinstance(named, str) else named if isinstance(named, list) else []
    if settings.hosts and wanted and not any(one in settings.hosts for one in wanted):
        shown = ", ".join(f"`{one}`" for one in wanted)
        message = f"`{rule.id}` is about {shown}, which this project does not use"
        findings.tell("GOV257", message, (*rule.path, "when", "host"))
        return
    _check_told(rule, findings, settings)
    tables = [vocabulary.hosts[name] for name in settings.hosts if name in vocabulary.hosts]
    if rule.on not in TOOL_EVENTS or not rule.tools or len(tables) < len(settings.hosts):
        return
    if not tables or not all(one.tools for one in tables):
        return
    quiet: list[Problem] = []
    tools = vocabulary.expand_tools(rule.tools, (), quiet.append)
    maps = [one for name in tools for table in tables for one in _maps(name, table)]
    if maps:
        _check_facts(rule, maps, findings)
    elif not any(_is_any(name) for name in tools):
        hosts = ", ".join(f"`{one.name}`" for one in tables)
        shown = ", ".join(f"`{one}`" for one in rule.tools)
        message = f"`{rule.id}` does nothing here, for {hosts} has no tool {shown}"
        path = (*rule.path, "tools")
        if all(name.startswith("native:") for name in tools):
            findings.tell("GOV257", message, path)
        else:
            mend = "name the tool by which it is done there; `shell` has `writes` and `removes`"
            findings.warn("GOV257", message, path, mend)


def _check_told(rule: Rule, findings: Findings, settings: LoadSettings) -> None:
    """Report a fact that *rule* demands and no host of *settings* ever tells."""
    hosts = settings.hosts
    for name, raw, path in flattened(rule.when, (*rule.path, "when")) if hosts else ():
        if isinstance(raw, Mapping) and raw.keys() <= {"not", "exists"}:
            continue  # this may hold of what is missing
        family = name.partition(".")[0]
        if all(name in one.untold or family in one.untold for one in hosts.values()):
            shown = ", ".join(f"`{one}`" for one in hosts)
            message = f"`{rule.id}` does nothing here: {shown} tells no `{name}`"
            by = f" (`{_TOLD_BY[family]}`)" if family in _TOLD_BY else ""
            mend = f"match another fact, or tell it by a program of yours{by}"
            findings.warn("GOV257", message, path, mend)


_TOLD_BY = {
    "usage": "Session.used",
    "model_options": "Engine.start",
    "exit_code": "Session.tool_finished",
    "duration_ms": "Session.tool_finished",
}
"""Family of facts, or fact, that some hosts do not tell → what else tells it."""


def _is_any(tool: str) -> bool:
    """Whether *tool* may be there though no table lists it: of a server, or unknown."""
    return tool.startswith("mcp:") or tool == "other"


def _maps(tool: str, table: HostTools) -> list[ToolMap]:
    """How the host's own tools that are *tool* are mapped."""
    if tool.startswith("native:"):
        _, host, native = split_tool_name(tool)
        found = table.tools.get(native) if host == table.name else None
        return [] if found is None else [found]
    return [one for one in table.tools.values() if one.canonical == tool]


def _check_facts(rule: Rule, maps: Sequence[ToolMap], findings: Findings) -> None:
    """Report a fact of `when` that no tool of *maps* fills."""
    for name, raw in rule.when.items():
        owners = {one.canonical for one in maps if name in TOOLS[one.canonical].own}
        given = any(name in one.fields for one in maps)
        # A search without a path is one of the working folder.
        if not owners or given or (name == "path" and owners & {"grep", "glob"}):
            continue
        if isinstance(raw, Mapping) and raw.keys() <= {"not", "exists"}:
            continue  # this may hold of what is missing
        message = f"`{rule.id}` does nothing here: no host in use tells the `{name}` of these tools"
        findings.warn("GOV257", message, (*rule.path, "when", name), "match another fact")


def _events(rule: Rule) -> Iterator[str]:
    """The machine's events at which *rule* may refuse."""
    if rule.on in _MACHINE_EVENT:
        yield _MACHINE_EVENT[rule.on]
    elif rule.on == "transition":
        named = rule.when.get("event")
        if isinstance(named, str):
            yield named
        elif isinstance(named, list):
            yield from (str(one) for one in named)
        else:
            yield from ASKED_EVENTS
