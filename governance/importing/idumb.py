"""
Deny rules in the manner of iDumb: a YAML file of what agents may not do.

It names shell commands that are refused or asked about, and for each agent the commands,
tools, files and agents that it may or may not use and what it must do first. Agents become
roles here; what is refused with a message becomes a rule. The source never reads that file
itself, so what its patterns mean is taken from how they are written: words that a command
begins with, and `*` for any text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import field

from governance._attrs import define
from governance.importing import commands
from governance.importing.packing import with_role
from governance.importing.values import (
    EXAMPLES,
    Entry,
    Reading,
    Role,
    Rule,
    Source,
    Table,
    message_of,
    unreadable,
)
from governance.importing.yaml_subset import Node, Scalar, Yaml, read_yaml

_EVERY_TOOL = (
    "shell", "read", "write", "edit", "delete", "grep", "glob", "fetch", "search", "delegate",
    "todo", "other", "mcp:*:*",
)  # fmt: skip
_TOOLS: Mapping[str, str] = {
    "bash": "shell",
    "read": "read",
    "write": "write",
    "edit": "edit",
    "list": "glob",
    "glob": "glob",
    "grep": "grep",
    "webfetch": "fetch",
    "websearch": "search",
    "task": "delegate",
    "todo": "todo",
    "todoread": "todo",
    "todowrite": "todo",
}
_SEVERITIES: Mapping[str, str] = {"block": "deny", "warn": "warn"}
_PLAIN_KEYS = ("version", "last_updated", "author")
_SIGNS_OF_PATTERNS = (".*", "$.", "\\", "[", "^", "(")


def read(source: Source, reading: Reading) -> None:
    """
    Read one file of deny rules.

    Raises:
        DefinitionError: GOV670, it is no YAML that is understood, or has no rule in it.
    """
    document = read_yaml(source)
    file = _File(source, reading, document)
    known = set(_READERS) & set(document.root)
    if not known:
        names = ", ".join(f"`{one}`" for one in _READERS)
        raise unreadable(source.file, 1, "there is no list of rules in it", f"there may be {names}")
    for key, node in document.root.items():
        if key in _READERS:
            _READERS[key](file, key, node)
        elif key not in _PLAIN_KEYS:
            why = (
                "texts are written by the rules themselves"
                if key == "message_templates"
                else ("it is no list of rules that is known here")
            )
            reading.leave(file.entry(document.root, key, key), why)
    file.add_roles()


@define(eq=False)
class _File:
    """One file while it is read: what is known of each agent is gathered first."""

    source: Source
    reading: Reading
    document: Yaml
    agents: dict[str, Table] = field(factory=dict)
    entries: dict[str, Entry] = field(factory=dict)

    def entry(self, table: dict[str, Node], key: str, text: str) -> Entry:
        return Entry(self.source.file, self.document.line_of(table, key), text)

    def agent(self, name: str, entry: Entry) -> Table:
        """What is known of the agent *name*, to be added to."""
        self.entries.setdefault(name, entry)
        return self.agents.setdefault(name, {})

    def tables(self, key: str, node: Node) -> Iterator[tuple[Entry, dict[str, Node]]]:
        """The tables of a list, each with its place."""
        for one in node if isinstance(node, list) else ():
            if isinstance(one, dict):
                first = next(iter(one), "")
                value = one.get(first)
                text = value.text if isinstance(value, Scalar) else key
                entry = self.entry(one, first, text)
                self.reading.count(entry)
                yield entry, one
            else:
                self._misplaced(key, one)
        if not isinstance(node, list):
            self._misplaced(key, node)

    def by_agent(self, key: str, node: Node) -> Iterator[tuple[str, Entry, Node]]:
        """Agent, place and value of each key of a table by agents."""
        if not isinstance(node, dict):
            self._misplaced(key, node)
            return
        for name, value in node.items():
            entry = self.entry(node, name, f"{key}: {name}")
            self.reading.count(entry)
            yield name, entry, value

    def _misplaced(self, key: str, node: Node) -> None:
        if isinstance(node, Scalar) and not node.text:
            return
        line = node.line if isinstance(node, Scalar) else 0
        entry = Entry(self.source.file, line or self.document.line_of(self.document.root, key), key)
        self.reading.leave(entry, "it is not of the form that the list has")

    def add_roles(self) -> None:
        """The role of every agent that the file says anything of, or names as a target."""
        for table in list(self.agents.values()):
            targets = table.get("delegates_to")
            for name in targets if isinstance(targets, list) else ():
                entry = next(iter(self.entries.values()))
                self.agent(str(name), entry)
        for name, table in self.agents.items():
            made: Table = {"name": name, "agents": [name], "tools": list(_EVERY_TOOL), **table}
            self.reading.roles.append(Role(self.entries[name], made))


def _text(table: Mapping[str, Node], key: str) -> str:
    value = table.get(key)
    return value.text if isinstance(value, Scalar) else ""


def _texts(node: Node | None) -> list[str]:
    listed = node if isinstance(node, list) else []
    return [one.text for one in listed if isinstance(one, Scalar) and one.text]


def _said(table: Mapping[str, Node], otherwise: str) -> str:
    parts = [_text(table, "message") or otherwise, _text(table, "suggestion")]
    return message_of(" ".join(f"{one.rstrip('.')}." for one in parts if one))


def _command_rule(file: _File, entry: Entry, pattern: str, action: str, said: str) -> Rule | None:
    """A rule on commands that *pattern* begins; ``None`` after it was said why not."""
    found = next((sign for sign in _SIGNS_OF_PATTERNS if sign in pattern), None)
    if not pattern or found is not None:
        why = f"`{found}` is no sign of words and `*`" if found else "it has no pattern"
        file.reading.leave(entry, why, "write the rule anew")
        return None
    prefix = pattern[:-2] if pattern.endswith(" *") else pattern
    words = commands.words_of(prefix) if "*" not in prefix else None
    near: tuple[str, ...] = ()
    if words is not None:
        matchers, reach = commands.begins_with(words)
        near = (words.near,)
        spelled = words.spelled
        file.reading.tell(entry, f"it is taken for words of a command: {reach}")
    else:
        matchers = commands.globbed(f"{pattern.rstrip('*')}*")
        spelled = pattern.replace("*", "a")
        file.reading.tell(entry, "its `*` is taken for any text")
    return Rule(
        entry=entry,
        name=f"{action} {pattern}",
        table={"tools": ["shell"], "when": matchers, "action": action, "message": said},
        matches=((commands.shell(spelled),),),
        misses=commands.shell_misses(*near),
    )


def _bash_denies(file: _File, key: str, node: Node) -> None:
    for entry, table in file.tables(key, node):
        severity, scope = _text(table, "severity") or "block", _text(table, "scope") or "all"
        action = _SEVERITIES.get(severity)
        if action is None:
            file.reading.leave(entry, f"`{severity}` is no severity; `block` and `warn` are")
            continue
        pattern = _text(table, "pattern")
        rule = _command_rule(file, entry, pattern, action, _said(table, f"`{pattern}` is refused"))
        if rule is not None and scope != "all":
            file.agent(scope, entry)
            rule = with_role(rule, scope)
        if rule is not None:
            file.reading.rules.append(rule)


def _ask_permissions(file: _File, key: str, node: Node) -> None:
    for entry, table in file.tables(key, node):
        pattern = _text(table, "operation")
        rule = _command_rule(file, entry, pattern, "ask", _said(table, f"`{pattern}` is asked"))
        if rule is not None:
            file.reading.rules.append(rule)


def _bash_allows(file: _File, key: str, node: Node) -> None:
    """Commands that are all an agent may run: every other line is refused."""
    for name, entry, value in file.by_agent(key, node):
        patterns = _texts(value)
        if not patterns:
            file.reading.leave(entry, "it lists no command")
            continue
        file.agent(name, entry)
        sources: list[str] = []
        for pattern in patterns:
            loose = pattern.endswith("*") and not pattern.endswith(" *")
            prefix = pattern.removesuffix(" *")
            words = commands.words_of(prefix, closed=not pattern.endswith(" *"))
            matcher = commands.alone(None if loose or "*" in prefix else words, pattern)
            command = matcher["command"]
            assert isinstance(command, dict)  # INVARIANT: `alone` looks at the command
            sources.append(str(command["regex"]))
        excused = "|".join(f"(?:{one})" for one in sources)
        fine = tuple(commands.shell(one.removesuffix(" *").replace("*", "a")) for one in patterns)
        rule = Rule(
            entry=entry,
            name=f"only commands of {name}",
            table={
                "tools": ["shell"],
                "unless": {"command": {"regex": excused}},
                "action": "deny",
                "message": message_of(f"`{name}` runs only: {'; '.join(patterns)}"),
            },
            matches=((commands.shell("zz --none"),),),
            misses=(fine, fine[:1]),
        )
        file.reading.rules.append(with_role(rule, name))
        file.reading.tell(entry, commands.ALONE)


def _delegation_denies(file: _File, key: str, node: Node) -> None:
    for name, entry, value in file.by_agent(key, node):
        for one in value if isinstance(value, list) else ():
            pattern = _text(one, "pattern") if isinstance(one, dict) else ""
            if pattern != "task":
                file.reading.leave(entry, f"`{pattern}` is no way to hand work on")
                continue
            file.agent(name, entry)["delegates_to"] = []


def _delegation_allows(file: _File, key: str, node: Node) -> None:
    for name, entry, value in file.by_agent(key, node):
        targets = value.get("targets") if isinstance(value, dict) else value
        file.agent(name, entry).setdefault("delegates_to", _texts(targets))


def _file_allows(file: _File, key: str, node: Node) -> None:
    for name, entry, value in file.by_agent(key, node):
        table = value if isinstance(value, dict) else {}
        paths = _texts(table.get("paths"))
        kinds = [*_texts(table.get("meta_scope")), *_texts(table.get("project_scope"))]
        if kinds and not paths:
            paths = [f"**/{one}" if "/" not in one else one for one in kinds]
        elif kinds:
            file.reading.tell(entry, "its folders are carried, the kinds of files in them are not")
        file.agent(name, entry)["writes"] = paths


def _tool_denies(file: _File, key: str, node: Node) -> None:
    for name, at, value in file.by_agent(key, node):
        if isinstance(value, list) and value:
            file.agent(name, at)
        for entry, table in file.tables(key, value):
            wanted = _text(table, "tool")
            tool = _TOOLS.get(wanted)
            if tool is None:
                file.reading.leave(entry, f"`{wanted}` is no tool that is known here")
                continue
            example: Table = {"tool": tool, **EXAMPLES[tool]}
            other: Table = {"tool": "todo"} if tool != "todo" else commands.shell("ls")
            rule = Rule(
                entry=entry,
                name=f"{name} no {tool}",
                table={
                    "tools": [tool],
                    "action": "deny",
                    "message": _said(table, f"`{name}` does not use `{tool}`"),
                },
                matches=((example,),),
                misses=((other,),),
            )
            file.reading.rules.append(with_role(rule, name))


def _first_tools(file: _File, key: str, node: Node) -> None:
    for name, entry, value in file.by_agent(key, node):
        wanted = _texts(value.get("tools") if isinstance(value, dict) else value)
        lost = [one for one in wanted if one not in _TOOLS]
        for one in lost:
            file.reading.leave(entry, f"`{one}` is no tool that is known here")
        known = list(dict.fromkeys(_TOOLS[one] for one in wanted if one in _TOOLS))
        if known:
            file.agent(name, entry)["first"] = known


_READERS = {
    "bash_denies": _bash_denies,
    "bash_allows": _bash_allows,
    "delegation_denies": _delegation_denies,
    "delegation_allows": _delegation_allows,
    "file_allows": _file_allows,
    "tool_denies": _tool_denies,
    "first_tool_requires": _first_tools,
    "ask_permissions": _ask_permissions,
}
