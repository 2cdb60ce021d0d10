"""
The names that the rules of one project may use, checked against their tables.

The rule loader checks every name in a pack against one `Vocabulary`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from attrs import evolve, field

from governance._attrs import frozen
from governance.errors import Problem, did_you_mean
from governance.rules.fact_table import (
    ALL_EVENTS,
    BUILT_IN_SETS,
    FACTS,
    FAMILIES,
    MISSING,
    MODEL_OPTIONS,
    OPERATORS,
    SLASH,
    STATES,
    TOOL_EVENTS,
    TOOLS,
    FactSpec,
    Missing,
    ToolSpec,
    Unknown,
    fact_spec,
    tool_class,
)
from governance.rules.format import ArgumentType
from governance.rules.globs import PatternError, split_tool_name, tool_pattern
from governance.rules.host_tools import PYTHON_TOOLS, HostTools, ToolMap, call_of
from governance.rules.verdicts import EVENTS

__all__ = [
    "ANY_TYPE",
    "BUILT_IN_SETS",
    "FAMILIES",
    "MISSING",
    "OPERATORS",
    "PYTHON_TOOLS",
    "SLASH",
    "TOOLS",
    "FactSpec",
    "HostTools",
    "Missing",
    "Place",
    "Report",
    "ToolMap",
    "ToolSpec",
    "Unknown",
    "Vocabulary",
    "call_of",
    "default_vocabulary",
    "tool_class",
]

Report: TypeAlias = Callable[[Problem], None]
"""Where build-time checks hand the problems they find."""

Place: TypeAlias = tuple[str | int, ...]
"""Where in a document something stands."""


ANY_TYPE = "any"
"""The type of an argument that rules cannot look into: a table, or several types."""


@frozen
class Vocabulary:
    """
    All names that rules may use; immutable, grown by `with_names`.

    Attributes:
        facts: By name; families (``args.*``, ``fields.*``) stand in with each member.

        toolsets: Set name without ``@`` → members, built-in ones included.

        hosts: The hosts' tables by name.

        roles: Declared roles; empty means that none is declared, and any may be named.

        labels: Labels that some rule sets.

        fields: Project fields with their defaults.

        args: Tool → argument → type, from recorded schemas; of MCP tools as
            ``mcp:server:tool``, of a host's own as its canonical or ``native:host:name``.
    """

    facts: Mapping[str, FactSpec]
    toolsets: Mapping[str, tuple[str, ...]]
    hosts: Mapping[str, HostTools]
    roles: frozenset[str] = frozenset()
    labels: frozenset[str] = frozenset()
    fields: Mapping[str, object] = field(factory=dict)
    args: Mapping[str, Mapping[str, ArgumentType]] = field(factory=dict)

    @property
    def tools(self) -> tuple[str, ...]:
        """Canonical tools by name; ``mcp`` is written ``mcp:server:tool``."""
        return tuple(TOOLS)

    @property
    def events(self) -> tuple[str, ...]:
        """What `on` may be."""
        return EVENTS

    @property
    def states(self) -> tuple[str, ...]:
        """The names of the states."""
        return STATES

    def with_names(
        self,
        *,
        toolsets: Mapping[str, tuple[str, ...]] | None = None,
        roles: Iterable[str] = (),
        labels: Iterable[str] | None = None,
        fields: Mapping[str, object] | None = None,
        hosts: Iterable[str] = (),
        args: Mapping[str, Mapping[str, ArgumentType]] | None = None,
    ) -> Vocabulary:
        """
        This vocabulary and the names that packs and the project declare.

        Args:
            labels: All labels that rules set; once given, a rule may ask for no other.
        """
        known_hosts = dict(self.hosts)
        for name in hosts:
            known_hosts.setdefault(name, HostTools(name, {}))
        facts = dict(self.facts)
        for name, default in (fields or {}).items():
            facts[f"fields.{name}"] = _field_fact(name, default)
        all_labels = self.labels | frozenset(labels or ())
        if labels is not None:
            facts["labels"] = evolve(facts["labels"], values=tuple(sorted(all_labels)))
        all_roles = self.roles | frozenset(roles)
        facts["host"] = evolve(facts["host"], values=tuple(sorted(known_hosts)))
        if all_roles:
            facts["role"] = evolve(facts["role"], values=tuple(sorted(all_roles)))
        return evolve(
            self,
            facts=facts,
            toolsets={**self.toolsets, **(toolsets or {})},
            hosts=known_hosts,
            roles=all_roles,
            labels=all_labels,
            fields={**self.fields, **(fields or {})},
            args={**self.args, **(args or {})},
        )

    def fact(
        self, name: str, *, on: str, tools: tuple[str, ...] | None, path: Place = ()
    ) -> FactSpec | Problem:
        """
        The fact *name* for events *on* of *tools* (``None``: all), or why there is none.

        Args:
            tools: Expanded names, as `expand_tools` gives them.
        """
        if name.startswith("args."):
            return self._argument(name, tools, path)
        spec = self.facts.get(name)
        if spec is None:
            return self._unknown_fact(name, on, path)
        if on not in spec.events:
            events = " and ".join(f"`{one}`" for one in EVENTS if one in spec.events)
            return Problem(
                "GOV221", f"`{name}` is no fact of `{on}` events; {events} events have it", path
            )
        if name == "command" and on == "command":
            return _SLASH_COMMAND
        if spec.tools is None or tools is None or on not in TOOL_EVENTS:
            return spec
        for tool in tools:
            kind = self.class_of(tool)
            if kind in spec.tools:
                continue
            have = ", ".join(f"`{one}`" for one in sorted(spec.tools))
            mend = _INSTEAD.get((kind, name), "")
            fitting = [one for one in tools if self.class_of(one) in spec.tools]
            if fitting and not mend:
                shown = ", ".join(f"`{one}`" for one in fitting)
                mend = f"name only tools that have it, here {shown}"
            message = f"`{tool}` has no fact `{name}`; {have} have it"
            return Problem("GOV221", message, path, mend)
        return spec

    def class_of(self, tool: str) -> str:
        """The canonical tool behind an expanded name, ``native:host:name`` included."""
        if tool.startswith("native:"):
            _, host, native = split_tool_name(tool)
            table = self.hosts.get(host)
            known = table.tools.get(native) if table else None
            return known.canonical if known else "other"
        return tool_class(tool)

    def expand_tools(self, names: Iterable[object], path: Place, report: Report) -> tuple[str, ...]:
        """
        *names* with every ``@set`` replaced by its members, in order, each once.

        Unknown names, empty lists and globs that hit nothing are reported as GOV213,
        members of sets that lead back to themselves as GOV206.
        """
        found: dict[str, None] = {}
        listed = list(names)
        if not listed:
            report(Problem("GOV213", "no tool is named; leave `tools` out to mean all", path))
        for index, name in enumerate(listed):
            self._expand(name, (*path, index), report, found, ())
        return tuple(found)

    def _expand(
        self,
        name: object,
        path: Place,
        report: Report,
        found: dict[str, None],
        within: tuple[str, ...],
    ) -> None:
        if type(name) is not str:
            report(Problem("GOV224", f"a tool is named by a string, not `{name!r}`", path))
        elif name.startswith("@"):
            if name in within:
                report(Problem("GOV206", f"the set `{name}` contains itself", path))
            elif name[1:] not in self.toolsets:
                known = ["@" + one for one in self.toolsets]
                hint = did_you_mean(name, known)
                report(Problem("GOV213", f"unknown set of tools `{name}`", path, hint))
            else:
                for member in self.toolsets[name[1:]]:
                    self._expand(member, path, report, found, (*within, name))
        else:
            problem = self._check_tool(name, path)
            if problem is not None:
                report(problem)
            else:
                found[name] = None

    def _check_tool(self, name: str, path: Place) -> Problem | None:
        if name.startswith("native:"):
            return self._check_native(name, path)
        if name.startswith("mcp:"):
            return self._check_mcp(name, path)
        if name in TOOLS and name != "mcp":
            return None
        if "*" in name:
            mend = "name the tools, or a set such as `@writes`"
            return Problem("GOV213", f"globs are for MCP tools, not for `{name}`", path, mend)
        return Problem("GOV213", f"unknown tool `{name}`", path, self._tool_hint(name))

    def _tool_hint(self, name: str) -> str:
        if name == "mcp":
            return "write `mcp:server:tool`; `mcp:*:*` is every MCP tool"
        hosts: dict[str, list[str]] = {}
        for host in self.hosts.values():
            if name in host.tools:
                hosts.setdefault(host.tools[name].canonical, []).append(host.name)
        if hosts:
            return "; ".join(
                f"`{name}` of {', '.join(of)} is `{canonical}` here"
                for canonical, of in hosts.items()
            )
        return did_you_mean(name, [one for one in TOOLS if one != "mcp"])

    def _check_native(self, name: str, path: Place) -> Problem | None:
        parts = split_tool_name(name)
        if len(parts) != 3 or not all(parts):
            return Problem("GOV213", f"`{name}` is not of the form `native:host:name`", path)
        table = self.hosts.get(parts[1])
        if table is None:
            hint = did_you_mean(parts[1], self.hosts)
            return Problem("GOV213", f"unknown host `{parts[1]}` in `{name}`", path, hint)
        if table.tools and parts[2] not in table.tools:
            hint = did_you_mean(parts[2], table.tools)
            return Problem("GOV213", f"`{parts[1]}` has no tool `{parts[2]}`", path, hint)
        return None

    def _check_mcp(self, name: str, path: Place) -> Problem | None:
        parts = split_tool_name(name)
        if len(parts) != 3 or not all(parts):
            return Problem("GOV213", f"`{name}` is not of the form `mcp:server:tool`", path)
        try:
            tool_pattern(name)
        except PatternError as error:
            return Problem("GOV213", f"`{name}`: {error}", path)
        return None

    def recorded(self, name: str) -> tuple[str, ...]:
        """The tools behind *name* whose arguments are recorded; a glob may hit several."""
        if name.startswith("mcp:"):
            fits = tool_pattern(name)
            return tuple(one for one in self.args if one.startswith("mcp:") and fits(one))
        known = name if name in self.args else self.class_of(name)
        return (known,) if known in self.args else ()

    def _argument(
        self, name: str, tools: tuple[str, ...] | None, path: Place
    ) -> FactSpec | Problem:
        argument = name[5:]
        kinds: set[ArgumentType] = set()
        for named in tools if tools is not None else tuple(self.args):
            found = self.recorded(named)
            for tool in found or (named,):
                schema = self.args[tool] if found else {}
                if argument not in schema:
                    message = f"no recorded schema of `{tool}` has an argument `{argument}`"
                    mend = did_you_mean(argument, schema) or _record_hint(tool, schema)
                    return Problem("GOV221", message, path, mend)
                kinds.add(schema[argument])
        if not kinds:
            return Problem("GOV221", f"no recorded schema has an argument `{argument}`", path)
        values = next(iter(kinds)) if len(kinds) == 1 else ()
        types = {"str" if isinstance(one, tuple) else one for one in kinds}
        kind = types.pop()
        if types:
            message = f"`{argument}` is not of one type in all of these tools"
            return Problem("GOV221", message, path, "write a rule for each")
        if kind == ANY_TYPE:
            message = f"the argument `{argument}` is a table, or of several types"
            return Problem("GOV221", message, path, "no rule can look into it")
        doc = "An argument as the host spells it."
        one_of = values if isinstance(values, tuple) and values else None
        return fact_spec(name, kind, TOOL_EVENTS, doc, values=one_of)

    def _unknown_fact(self, name: str, on: str, path: Place) -> Problem:
        from governance.rules.keys import KEYS  # only a pack with an error pays for it

        if any(key.table == "rule" and key.name == name for key in KEYS):
            mend = "write it before the first table of the rule, and facts as dotted keys"
            return Problem("GOV220", f"`{name}` is a key of the rule, not a fact", path, mend)
        from governance.rules.shell_keys import SHELL_KEYS

        if name in SHELL_KEYS:
            mend = f"write `when.shell = {{ {name} = … }}`"
            return Problem("GOV220", f"`{name}` is asked of a command, in `shell`", path, mend)
        if name.partition(".")[0] == "predicate":
            mend = "declare what a program finds out as a field, and write `when.fields.NAME = …`"
            return Problem("GOV220", "there are no predicates", path, mend)
        here = [one for one, spec in self.facts.items() if on in spec.events]
        hint = did_you_mean(name, here) or did_you_mean(name, self.facts)
        return Problem("GOV220", f"unknown fact `{name}`", path, hint)


_SLASH_COMMAND = evolve(next(one for one in FACTS if one.name == "command"), kind=SLASH)
"""The fact `command` of a slash command, which on tool events is a line of a shell."""

_INSTEAD = {
    ("shell", "path"): "a command has `reads`, `writes` and `removes`; ask these",
    ("shell", "url"): "a command has `domains`; ask these",
    ("shell", "content"): "a command has `shell`, with `code` and `words`; ask these",
}
"""Canonical tool and a fact that it has not → what it has in its place."""


def _record_hint(tool: str, schema: Mapping[str, ArgumentType]) -> str:
    if schema:
        return "it has " + ", ".join(f"`{one}`" for one in schema)
    if tool.startswith(("mcp:", "native:")):
        return "record its arguments: `governance tools --help`"
    return "use a canonical fact instead"


def _field_fact(name: str, default: object) -> FactSpec:
    kinds: Mapping[type, str] = {bool: "bool", int: "int", float: "float", str: "str"}
    kind = kinds.get(type(default), "list[str]")
    return fact_spec(f"fields.{name}", kind, ALL_EVENTS, "A field that the project declares.")


def default_vocabulary(*hosts: HostTools) -> Vocabulary:
    """The shipped vocabulary and the tables of *hosts*; harnesses in Python are known."""
    facts = {one.name: one for one in FACTS}
    for name, kind, doc in MODEL_OPTIONS:
        full = f"model_options.{name}"
        facts[full] = fact_spec(full, kind, "session model", doc, writable="session model")
    args: dict[str, dict[str, ArgumentType]] = {}
    for host in hosts:
        for native, one in host.tools.items():
            if one.args:
                args.setdefault(one.canonical, {}).update(one.args)
                args[f"native:{host.name}:{native}"] = dict(one.args)
    bare = Vocabulary(
        facts, BUILT_IN_SETS, {one.name: one for one in (PYTHON_TOOLS, *hosts)}, args=args
    )
    return bare.with_names()
