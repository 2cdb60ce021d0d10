"""
Permission rules of Claude Code: the lists `allow`, `ask` and `deny` of a settings file.

There a rule is `Tool` or `Tool(specifier)`, `deny` goes before `ask` before `allow`, and a
command line is compared as text, command by command. Sources: the client's documentation of
permissions and settings, and the client itself (see `docs/hosts/claude-code.md`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from governance.hosts.claude_code.tools import TOOLS
from governance.importing import commands
from governance.importing.json_lines import Path, read_json
from governance.importing.paths import PathRefused, globs_of, path_matchers, sample_path
from governance.importing.values import (
    EXAMPLES,
    Entry,
    Reading,
    Rule,
    Source,
    Table,
    message_of,
    unreadable,
)
from governance.values import Json

HOST = TOOLS.name

_LISTS = ("deny", "ask", "allow")
_RULE = re.compile(r"(?P<tool>[A-Za-z_*][A-Za-z0-9_*.-]*)(?:\((?P<specifier>.*)\))?", re.DOTALL)
_FILES: Mapping[str, tuple[str, ...]] = {
    "Read": ("read", "grep", "glob"),
    "Edit": ("write", "edit", "delete"),
    "MultiEdit": ("edit",),
    "Write": ("write",),
    "NotebookEdit": ("native:claude-code:NotebookEdit",),
    "NotebookRead": ("native:claude-code:NotebookRead",),
    "Grep": ("grep",),
    "Glob": ("glob",),
    "LS": ("glob",),
}
"""Tools whose specifier is a path → the canonical tools that the rule is about here."""

_DECISIONS: Mapping[str, str] = {"deny": "is refused", "ask": "is asked about"}
_OTHER_KEYS: Mapping[str, str] = {
    "defaultMode": "a mode of the client is no rule; `[defaults] tool` says what holds here",
    "additionalDirectories": "folders that the client may work in are its own setting",
    "disableBypassPermissionsMode": "a switch of the client is no rule; leave it in its settings",
}


def read(source: Source, reading: Reading) -> None:
    """
    Read the permission rules of one settings file.

    Raises:
        DefinitionError: GOV670, it is no strict JSON, or has no table `permissions`.
    """
    value, lines = read_json(source)
    permissions = value.get("permissions") if isinstance(value, Mapping) else None
    if not isinstance(permissions, Mapping):
        message = "there is no table `permissions` in it"
        raise unreadable(source.file, 1, message, "give a settings file with permission rules")
    for key in permissions:
        entry = Entry(source.file, lines.get(("permissions", key), 0), f"permissions.{key}")
        if key not in _LISTS:
            reading.leave(entry, _OTHER_KEYS.get(key, "it is no list of rules"))
    for name in _LISTS:
        _read_list(source, reading, name, permissions.get(name), lines)


def _read_list(
    source: Source, reading: Reading, name: str, listed: Json, lines: Mapping[Path, int]
) -> None:
    if listed is None:
        return
    if not isinstance(listed, (list, tuple)):
        line = lines.get(("permissions", name), 0)
        raise unreadable(source.file, line, f"`permissions.{name}` is no array of rules")
    for at, one in enumerate(listed):
        line = lines.get(("permissions", name, at), 0)
        entry = Entry(source.file, line, one if isinstance(one, str) else str(one))
        reading.count(entry)
        found = _RULE.fullmatch(one.strip()) if isinstance(one, str) else None
        if found is None:
            reading.leave(entry, "it is not of the form `Tool` or `Tool(specifier)`")
            continue
        if name == "allow" and not reading.carries_allow:
            reading.tell(
                entry,
                "what no rule refuses is let be, so it needs no rule",
                "`--allow` carries it, for a project whose `[defaults] tool` is stricter",
            )
            continue
        specifier = found["specifier"]
        if specifier is not None and specifier.strip() in ("", "*", ":*"):
            specifier = None
        _read_rule(reading, entry, name, found["tool"], specifier)


def _read_rule(
    reading: Reading, entry: Entry, decision: str, tool: str, specifier: str | None
) -> None:
    if tool.startswith("mcp__"):
        _mcp(reading, entry, decision, tool, specifier)
    elif tool == "*":
        reading.leave(
            entry, "a rule about every tool is the project's default", "set `[defaults] tool`"
        )
    elif tool in ("Bash", "Monitor", "PowerShell"):
        _bash(reading, entry, decision, specifier)
    elif tool in _FILES:
        _file(reading, entry, decision, tool, specifier)
    elif tool == "WebFetch":
        _fetch(reading, entry, decision, specifier)
    elif tool in ("Agent", "Task"):
        matchers: Table = {"agent": specifier} if specifier else {}
        good: Table = {"agent": specifier or "a", "prompt": "do it"}
        near: Table = {"tool": "delegate", "agent": f"{specifier}-not", "prompt": "do it"}
        misses = ((near,),) if specifier else ()
        _add(reading, entry, decision, ("delegate",), matchers, ({**good},), misses)
    else:
        _native(reading, entry, decision, tool, specifier)


def _add(
    reading: Reading,
    entry: Entry,
    decision: str,
    tools: tuple[str, ...],
    matchers: Table,
    matches: tuple[Table, ...] = (),
    misses: tuple[tuple[Table, ...], ...] = (),
) -> None:
    """Add the rule, with examples of its tools and a tool that it is not about."""
    table: Table = {"tools": list(tools)}
    if matchers:
        table["when"] = matchers
    table["action"] = decision
    if decision == "allow":
        reading.rules.append(Rule(entry=entry, name=f"allow {entry.text}", table=table))
        return
    table["message"] = message_of(
        f"`{entry.shown}` {_DECISIONS[decision]}: {entry.file}, line {entry.line}."
    )
    first = _example(tools[0])
    made = tuple({**first, **one} for one in matches) or (first,)
    other: Table = {"tool": "todo"} if tools[0] != "todo" else {"tool": "shell", "command": "ls"}
    reading.rules.append(
        Rule(
            entry=entry,
            name=f"{decision} {entry.text}",
            table=table,
            matches=(made,),
            misses=(*misses, (other,)),
        )
    )


def _example(tool: str) -> Table:
    if tool.startswith("mcp:"):
        return {"tool": tool.replace("*", "a")}
    if tool.startswith("native:"):
        kind = TOOLS.tools[tool.rpartition(":")[2]].canonical
        return {"tool": tool, "host": HOST, **EXAMPLES.get(kind, {})}
    return {"tool": tool, **EXAMPLES.get(tool, {})}


def _bash(reading: Reading, entry: Entry, decision: str, specifier: str | None) -> None:
    if specifier is None:
        _add(reading, entry, decision, ("shell",), {})
        return
    text = specifier.strip()
    prefix = next((text[: -len(end)] for end in (":*", " *") if text.endswith(end)), None)
    plain = text if prefix is None else prefix
    words = commands.words_of(plain, closed=prefix is None) if "*" not in plain else None
    if decision == "allow":
        whole = prefix + " *" if prefix is not None and words is None else text
        _add(reading, entry, decision, ("shell",), commands.alone(words, whole))
        reading.tell(entry, commands.ALONE)
        return
    near: tuple[str, ...] = ()
    if words is not None:
        matchers, reach = commands.begins_with(words)
        matches, near = commands.shell(words.spelled), (words.near,)
        reading.tell(entry, reach)
    else:
        pattern = text if prefix is None else f"{prefix}*"
        matchers = commands.globbed(pattern)
        matches = commands.shell(pattern.replace("*", "a"))
        reading.tell(entry, commands.TEXTUAL)
    _add(
        reading,
        entry,
        decision,
        ("shell",),
        matchers,
        (matches,),
        commands.shell_misses(*near),
    )


def _file(reading: Reading, entry: Entry, decision: str, tool: str, specifier: str | None) -> None:
    tools = _FILES[tool]
    try:
        globs = globs_of(specifier) if specifier is not None else None
    except PathRefused as error:
        reading.leave(entry, str(error))
        return
    if globs is None:
        _add(reading, entry, decision, tools, {})
    else:
        good: Table = {"path": sample_path(globs[0])}
        misses = tuple(
            ({**_example(tools[0]), "path": path},) for path in ("zz/none.zz", "other", "a")
        )
        _add(reading, entry, decision, tools, path_matchers(globs), (good,), misses)
    if specifier is not None and specifier.strip().startswith(("./", "/")):
        reading.tell(entry, "the path begins at the project's folder here")
    if decision != "allow":
        _tell_file(reading, entry, tool)


def _tell_file(reading: Reading, entry: Entry, tool: str) -> None:
    if tool in ("Read", "Edit"):
        named = ", ".join(f"`{one}`" for one in _FILES[tool])
        fact = "reads" if tool == "Read" else "writes"
        reading.tell(
            entry,
            f"it is about {named} here; what a shell command touches passes it",
            f"`when.{fact}` with `shell` among the tools sees that as well",
        )
    elif tool == "Write":
        reading.tell(
            entry,
            "it is about whole files alone; the source has one rule, `Edit`, for every change",
        )


def _fetch(reading: Reading, entry: Entry, decision: str, specifier: str | None) -> None:
    if specifier is None:
        _add(reading, entry, decision, ("fetch",), {})
        return
    kind, colon, domain = specifier.strip().partition(":")
    if not colon or kind != "domain" or not domain:
        reading.leave(entry, "of an address only its domain is compared, as `domain:example.com`")
        return
    host = domain.replace("*", "a")
    _add(
        reading,
        entry,
        decision,
        ("fetch",),
        {"domains": {"domain_in": [domain]}},
        ({"url": f"https://{host}/"},),
        (({"tool": "fetch", "url": "https://nobody.invalid/"},),),
    )
    if decision != "allow":
        reading.tell(
            entry, "what a shell command fetches passes it", "add `shell` to the tools of the rule"
        )


def _mcp(reading: Reading, entry: Entry, decision: str, tool: str, specifier: str | None) -> None:
    if specifier is not None:
        reading.leave(entry, "a rule on an MCP tool takes no specifier")
        return
    server, _, name = tool.removeprefix("mcp__").partition("__")
    if not server:
        reading.leave(entry, "it names no MCP server")
        return
    _add(reading, entry, decision, (f"mcp:{server}:{name or '*'}",), {})


def _native(
    reading: Reading, entry: Entry, decision: str, tool: str, specifier: str | None
) -> None:
    known = TOOLS.tools.get(tool)
    if known is None:
        reading.leave(entry, f"the client has no tool `{tool}` that is known here")
        return
    named = known.canonical if known.canonical != "other" else f"native:{HOST}:{tool}"
    if specifier is None:
        _add(reading, entry, decision, (named,), {})
        return
    argument, colon, value = specifier.partition(":")
    if not colon or known.args.get(argument) != "str":
        reading.leave(entry, f"no recorded argument of `{tool}` is compared with it")
        return
    native = f"native:{HOST}:{tool}"
    example: Table = {"args": {argument: value}}
    near: Table = {**_example(native), "args": {argument: f"{value}-not"}}
    matchers: Table = {"args": {argument: value}}
    _add(reading, entry, decision, (native,), matchers, (example,), ((near,),))


__all__ = ["read"]
