"""
Policy files of Gemini CLI: TOML with `[[rule]]` tables and priorities.

There the rule of the highest priority that matches decides alone; here the strictest does.
A command is compared, piece by piece of the line, with the JSON text of the arguments.
Source: the reference of its policy engine and the loader of `packages/core/src/policy`.
"""

from __future__ import annotations

from collections.abc import Mapping

from governance._toml import read_toml
from governance.errors import DefinitionError, Diagnostic
from governance.importing import commands
from governance.importing.samples import sample_of
from governance.importing.values import (
    EXAMPLES,
    SAID,
    Entry,
    Reading,
    Rule,
    Source,
    Table,
    message_of,
    text_of,
    unreadable,
)
from governance.rules.patterns import PatternRefused

BYTES_MAX = 2_000_000

_ACTIONS: Mapping[str, str] = {"allow": "allow", "deny": "deny", "ask_user": "ask"}
_SHELL = "run_shell_command"
_TOOLS: Mapping[str, str] = {
    _SHELL: "shell",
    "read_file": "read",
    "read_many_files": "read",
    "write_file": "write",
    "replace": "edit",
    "grep_search": "grep",
    "search_file_content": "grep",
    "glob": "glob",
    "list_directory": "glob",
    "web_fetch": "fetch",
    "google_web_search": "search",
    "write_todos": "todo",
}
_KEYS = (
    "toolName", "mcpName", "argsPattern", "commandPrefix", "commandRegex", "decision",
    "priority", "modes", "toolAnnotations", "interactive", "denyMessage",
    "deny_message", "allowRedirection", "allow_redirection",
)  # fmt: skip
_COMMAND_KEY = '"command":"'


def read(source: Source, reading: Reading) -> None:
    """
    Read one policy file.

    Raises:
        DefinitionError: GOV670, it is no TOML, or has neither rules nor checkers.
    """
    text = text_of(source, BYTES_MAX)
    try:
        document = read_toml(text, source.file)
    except DefinitionError as error:
        raise DefinitionError(
            tuple(
                Diagnostic("GOV670", one.message, one.file, one.line, suggestion=one.suggestion)
                for one in error.diagnostics
            )
        ) from None
    rules, checkers = document.data.get("rule", []), document.data.get("safety_checker", [])
    if not isinstance(rules, list) or not isinstance(checkers, list) or not (rules or checkers):
        raise unreadable(source.file, 1, "there is no `[[rule]]` in it", "give a policy file")
    for at in range(len(checkers)):
        entry = Entry(source.file, document.line_of(("safety_checker", at)), "safety_checker")
        reading.count(entry)
        reading.leave(entry, "a checker is a program of the source, and none is run here")
    for key in document.data:
        if key not in ("rule", "safety_checker"):
            entry = Entry(source.file, document.line_of((key,)), key)
            reading.leave(entry, "it is no table of rules")
    read_rules = [
        _Read(Entry(source.file, document.line_of(("rule", at)), _shown(one)), one)
        for at, one in enumerate(rules)
        if isinstance(one, Mapping)
    ]
    for one in read_rules:
        reading.count(one.entry)
        _rule(reading, one)
    _tell_priorities(reading, read_rules)


class _Read:
    """One `[[rule]]` as it stands in the file."""

    __slots__ = ("entry", "given")

    def __init__(self, entry: Entry, given: Mapping[str, object]) -> None:
        self.entry = entry
        self.given = given

    def texts(self, key: str) -> list[str] | None:
        """The value of *key* as texts; ``None`` where it is none, or not all are texts."""
        value = self.given.get(key)
        listed = value if isinstance(value, list) else [value]
        found = [one for one in listed if isinstance(one, str) and one]
        return found if found and len(found) == len(listed) else None

    @property
    def priority(self) -> int:
        value = self.given.get("priority")
        return value if isinstance(value, int) else 0

    @property
    def tools(self) -> set[str]:
        server = self.texts("mcpName")
        names = self.texts("toolName") or ["*"]
        return {f"{server[0]} {one}" for one in names} if server else set(names)


def _shown(one: object) -> str:
    given = one if isinstance(one, Mapping) else {}
    names = ("mcpName", "toolName", "commandPrefix", "commandRegex", "argsPattern", "decision")
    return ", ".join(f"{name} = {given[name]!r}" for name in names if name in given) or "[[rule]]"


def _rule(reading: Reading, one: _Read) -> None:
    why = _cannot(one)
    if why:
        reading.leave(one.entry, why)
        return
    action = _ACTIONS[str(one.given["decision"])]
    if action == "allow" and not reading.carries_allow:
        reading.tell(
            one.entry,
            "what no rule refuses is let be, so it needs no rule",
            "`--allow` carries it, for a project whose `[defaults] tool` is stricter",
        )
        return
    if one.given.get("modes"):
        reading.tell(one.entry, "modes of the client are not known here, so it always holds")
    if one.given.get("interactive") is True:
        reading.tell(one.entry, "it holds without a person as well, where asking is refusing")
    if one.texts("commandPrefix"):
        _prefixes(reading, one, action)
    elif one.texts("commandRegex") or one.texts("argsPattern"):
        _pattern(reading, one, action)
    else:
        _tools(reading, one, action)


def _cannot(one: _Read) -> str:
    """Why the rule cannot be carried at all, or ``""``."""
    given = one.given
    for key in given:
        if key not in _KEYS:
            return f"`{key}` is no key of a rule that is known here"
    decision = given.get("decision")
    if not isinstance(decision, str) or decision not in _ACTIONS:
        return f"`{decision}` is no decision; `allow`, `deny`, `ask_user` are"
    if given.get("toolAnnotations"):
        return "annotations of tools are not known here"
    if given.get("interactive") is False:
        return "it is about runs without a person, which no fact here tells"
    modes = given.get("modes")
    if isinstance(modes, list) and modes and "default" not in modes:
        return "it is about modes of the client, which no fact here tells"
    command = given.get("commandPrefix") or given.get("commandRegex")
    if command and given.get("toolName") != _SHELL:
        return f"`commandPrefix` and `commandRegex` need `toolName = {_SHELL!r}`"
    if sum(1 for key in ("argsPattern", "commandPrefix", "commandRegex") if given.get(key)) > 1:
        return "of `argsPattern`, `commandPrefix` and `commandRegex` one may stand"
    return ""


def _add(
    reading: Reading,
    one: _Read,
    action: str,
    name: str,
    table: Table,
    matches: tuple[tuple[Table, ...], ...],
    misses: tuple[tuple[Table, ...], ...],
) -> None:
    made: Table = {**table, "action": action}
    if action == "allow":
        reading.rules.append(Rule(entry=one.entry, name=f"allow {name}", table=made))
        return
    said = one.given.get("denyMessage") or one.given.get("deny_message")
    text = str(said) if isinstance(said, str) and said.strip() else ""
    where = f"{one.entry.file}, line {one.entry.line}"
    made["message"] = message_of(text or f"`{name}` {SAID[action]}: {where}.")
    reading.rules.append(
        Rule(entry=one.entry, name=f"{action} {name}", table=made, matches=matches, misses=misses)
    )


def _prefixes(reading: Reading, one: _Read, action: str) -> None:
    for text in one.texts("commandPrefix") or ():
        words = commands.words_of(text)
        near = (words.near,) if words is not None else ()
        if action == "allow":
            matchers = commands.alone(words, f"{text}*")
            reading.tell(one.entry, commands.ALONE)
        elif words is not None:
            matchers, reach = commands.begins_with(words)
            reading.tell(one.entry, reach)
        else:
            matchers = commands.globbed(f"{text}*")
            reading.tell(one.entry, commands.TEXTUAL)
        spelled = words.spelled if words is not None else text.strip()
        _add(
            reading,
            one,
            action,
            text.strip(),
            {"tools": ["shell"], "when": matchers},
            ((commands.shell(spelled),), (commands.shell(f"{text}a"),)),
            commands.shell_misses(*near),
        )


def _pattern(reading: Reading, one: _Read, action: str) -> None:
    found = one.texts("commandRegex") or one.texts("argsPattern") or [""]
    source, from_start = found[0], True
    if one.given.get("argsPattern"):
        if one.tools != {_SHELL} or not source.startswith(_COMMAND_KEY):
            reading.leave(
                one.entry,
                "it is compared with the JSON text of the arguments, which is no fact here",
                f"of commands a pattern that begins with `{_COMMAND_KEY}` is carried",
            )
            return
        source = source.removeprefix(_COMMAND_KEY)
    if '"' in source or "^" in source.replace("[^", "") or "$" in source:
        reading.leave(one.entry, "the pattern looks at the JSON around the command")
        return
    if action == "allow":
        reading.leave(one.entry, "what a pattern lets be may go on with any other command")
        return
    matchers = commands.searched(source, from_start=from_start)
    try:
        sample = sample_of(source)
    except PatternRefused as error:
        reading.leave(one.entry, f"RE2 refuses the pattern: {error}")
        return
    if sample is None:
        reading.leave(one.entry, "no example could be made of the pattern", "write the rule anew")
        return
    reading.tell(one.entry, commands.TEXTUAL)
    _add(
        reading,
        one,
        action,
        source,
        {"tools": ["shell"], "when": matchers},
        ((commands.shell(sample),),),
        commands.shell_misses(),
    )


def _tools(reading: Reading, one: _Read, action: str) -> None:
    server = one.texts("mcpName")
    names = one.texts("toolName") or []
    found: list[str] = []
    for name in names or ["*"]:
        tool = _mcp(server[0], name) if server else _tool(name)
        if tool is None and name == "*":
            why = "a rule about every tool is the project's default"
            reading.leave(one.entry, why, "set `[defaults] tool`")
        elif tool is None:
            reading.leave(one.entry, f"`{name}` is no tool that is known here")
        elif tool not in found:
            found.append(tool)
    if not found:
        return
    tool = found[0]
    example: Table = {"tool": tool.replace("*", "a"), **EXAMPLES.get(tool, {})}
    other: Table = {"tool": "delegate", "agent": "a", "prompt": "b"}
    label = " ".join([*(server or []), *names]) or "every tool"
    _add(reading, one, action, label, {"tools": list(found)}, ((example,),), ((other,),))


def _tool(name: str) -> str | None:
    if name in _TOOLS:
        return _TOOLS[name]
    if name.startswith("mcp_"):
        # The source splits at the first underscore after the server's name as well.
        server, _, tool = name.removeprefix("mcp_").lstrip("_").partition("_")
        if server:
            return f"mcp:{server}:{tool.lstrip('_') or '*'}"
    return None


def _mcp(server: str, name: str) -> str:
    return f"mcp:{server}:{name}"


def _tell_priorities(reading: Reading, rules: list[_Read]) -> None:
    """Say where a milder rule of higher priority would have excused a call."""
    order = ("allow", "ask_user", "deny")
    carried = {rule.entry for rule in reading.rules}
    for one in rules:
        decision = one.given.get("decision")
        if decision not in ("deny", "ask_user") or one.entry not in carried:
            continue
        milder = [
            other.entry.line
            for other in rules
            if other.given.get("decision") in order[: order.index(str(decision))]
            and other.priority > one.priority
            and ("*" in other.tools | one.tools or other.tools & one.tools)
        ]
        if milder:
            lines = ", ".join(map(str, milder[:5]))
            reading.tell(
                one.entry,
                f"a milder rule of higher priority (line {lines}) went before it; here the "
                "strictest holds, so what that one let be is refused or asked about",
            )
