"""
What rules can speak of: events, tools, facts, their types and their enumerations.

Everything here is data. The rule loader checks every name in a pack against one
`Vocabulary`, and the docs table of facts is printed from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from attrs import evolve, field, frozen

from governance.errors import Problem, did_you_mean
from governance.rules.format import EVENTS
from governance.rules.globs import PatternError, split_tool_name, tool_pattern
from governance.states import State

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
OUTCOMES = ("ok", "failed", "refused", "unknown")
ASKED_EVENTS = ("start", "turn_start", "tool_before", "command", "compacting", "child_start")
"""Events of the machine that rules with `on = "transition"` may refuse."""

OPERATORS: Mapping[str, tuple[str, ...]] = {
    "str": (
        "equals", "in", "not", "glob", "regex", "contains", "starts_with", "ends_with",
        "length", "exists", "path_under", "domain_in", "detect",
    ),
    "int": ("equals", "in", "not", "lt", "lte", "gt", "gte", "exists"),
    "float": ("equals", "in", "not", "lt", "lte", "gt", "gte", "exists"),
    "bool": ("equals", "exists"),
    "time": ("between", "not"),
}  # fmt: skip
"""Operators of each type; a list has those of its elements, `every` and `length`."""

FAMILIES = ("args", "fields", "model_options", "usage")
"""Names whose members are facts: `usage.tokens` stands below `usage`."""

BUILT_IN_SETS: Mapping[str, tuple[str, ...]] = {
    "writes": ("write", "edit", "delete"),
    "reads": ("read", "grep", "glob"),
    "network": ("fetch", "search"),
}


class Missing:
    """The type of `MISSING`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "MISSING"


MISSING = Missing()
"""A fact that the event does not have, or has as JSON null."""


@frozen
class Unknown:
    """A fact, or a result, that cannot be known, and why; it is neither true nor false."""

    reason: str

    def __bool__(self) -> bool:
        # A Kleene value in an `if` would silently count as true.
        raise TypeError("an unknown result has no truth; compare with `is True`")


@frozen
class FactSpec:
    """
    One fact that a rule may name.

    Attributes:
        name: As rules write it, dotted for a family: ``"usage.tokens"``.

        type: ``str``, ``int``, ``float``, ``bool``, ``list[str]`` or ``time``.

        events: The events that have it.

        tools: Canonical tools that can fill it on tool events (``mcp`` stands for every
            MCP tool), or ``None`` for all of them.

        kind: How its text compares: ``text``, ``path``, ``domain``, ``url``, ``tool``.

        values: The whole enumeration, or ``None`` when any value may come.

        writable: The events on which a rewrite may change it.

        doc: One sentence for the table of facts.
    """

    name: str
    type: str
    events: frozenset[str]
    doc: str
    tools: frozenset[str] | None = None
    kind: str = "text"
    values: tuple[str, ...] | None = None
    writable: frozenset[str] = frozenset()

    @property
    def element(self) -> str:
        """The type of one element: that of the fact itself when it is no list."""
        return self.type[5:-1] if self.type.startswith("list[") else self.type

    @property
    def is_list(self) -> bool:
        """Whether the fact holds any number of elements."""
        return self.type.startswith("list[")

    @property
    def operators(self) -> tuple[str, ...]:
        """The operators that a matcher of this fact may use."""
        own = OPERATORS[self.element]
        return tuple(dict.fromkeys((*own, "every", "length"))) if self.is_list else own


@frozen
class ToolSpec:
    """A canonical tool: its name, the facts it alone has, and a sentence about it."""

    name: str
    own: tuple[str, ...]
    doc: str


TOOLS: Mapping[str, ToolSpec] = {
    one.name: one
    for one in (
        ToolSpec("shell", ("command",), "Runs a command line."),
        ToolSpec("read", ("path",), "Reads one file."),
        ToolSpec("write", ("path", "content"), "Writes a whole file."),
        ToolSpec("edit", ("path", "content", "removed"), "Changes part of a file."),
        ToolSpec("delete", ("path",), "Removes a file."),
        ToolSpec("grep", ("path", "pattern"), "Searches the text of files below a path."),
        ToolSpec("glob", ("path", "pattern"), "Lists files by name below a path."),
        ToolSpec("fetch", ("url",), "Fetches one address."),
        ToolSpec("search", ("query",), "Searches the web."),
        ToolSpec("delegate", ("agent", "prompt"), "Hands a task to another agent."),
        ToolSpec("todo", (), "Reads or writes the list of tasks."),
        ToolSpec("mcp", ("server", "mcp_tool"), "Any tool of an MCP server."),
        ToolSpec("other", (), "Every tool that no table names."),
    )
}

READS_OF: Mapping[str, str] = {"read": "path", "edit": "path", "grep": "path"}
WRITES_OF: Mapping[str, str] = {"write": "path", "edit": "path", "delete": "path"}
DOMAINS_OF: Mapping[str, str] = {"fetch": "url"}
"""Which own fact fills `reads`, `writes` and `domains` of each tool."""

UNPARSED: Mapping[str, frozenset[str]] = {"shell": frozenset({"reads", "writes", "domains"})}
"""Facts that a tool does have, but that this engine cannot read off its arguments."""

_ALL = frozenset(EVENTS)
_TOOL = frozenset({"tool", "tool-result"})
_STATES = tuple(state.value for state in State)


def _owners(fact: str) -> frozenset[str]:
    return frozenset(tool.name for tool in TOOLS.values() if fact in tool.own)


def _fact(
    name: str,
    type: str,
    events: frozenset[str] | str,
    doc: str,
    *,
    tools: frozenset[str] | None = None,
    kind: str = "text",
    values: tuple[str, ...] | None = None,
    writable: str = "",
) -> FactSpec:
    on = frozenset(events.split()) if isinstance(events, str) else events
    return FactSpec(name, type, on, doc, tools, kind, values, frozenset(writable.split()))


_FACTS = (
    # Always.
    _fact("role", "str", _ALL, "The role of the acting agent."),
    _fact("depth", "int", _ALL, "How many parents the session has; a root has 0."),
    _fact("state", "str", _ALL, "The session's state.", values=_STATES),
    _fact("host", "str", _ALL, "The host that reports the event."),
    _fact("model", "str", _ALL, "The model, as the host names it.", writable="session model"),
    _fact("labels", "list[str]", _ALL, "Labels that rules have set on the session."),
    _fact("turn", "int", _ALL, "The number of the turn in this epoch, from 1."),
    _fact("time", "time", _ALL, "The time of day in the project's time zone."),
    _fact("weekday", "str", _ALL, "The day of the week in the time zone.", values=WEEKDAYS),
    _fact("approvals_open", "int", _ALL, "How many questions to a person are open."),
    _fact("usage.tokens", "int", _ALL, "Tokens used in this epoch."),
    _fact("usage.input_tokens", "int", _ALL, "Tokens sent to the model in this epoch."),
    _fact("usage.output_tokens", "int", _ALL, "Tokens made by the model in this epoch."),
    _fact("usage.cost_usd", "float", _ALL, "What the epoch has cost, in US dollars."),
    _fact("usage.context_ratio", "float", _ALL, "How full the model's context is, 0 to 1."),
    # Every tool.
    _fact("tool", "str", _TOOL, "The tool's canonical name.", kind="tool"),
    _fact("native", "str", _TOOL, "The host's own name of the tool."),
    _fact("intent", "str", _TOOL, "What the call is about, alike for every spelling of it."),
    _fact("cwd", "str", _TOOL, "The working folder of the call.", kind="path"),
    _fact(
        "reads", "list[str]", _TOOL, "Paths that the call reads.",
        tools=frozenset(READS_OF), kind="path",
    ),
    _fact(
        "writes", "list[str]", _TOOL, "Paths that the call writes or removes.",
        tools=frozenset(WRITES_OF), kind="path",
    ),
    _fact(
        "domains", "list[str]", _TOOL, "Hosts that the call talks to.",
        tools=frozenset(DOMAINS_OF), kind="domain",
    ),
    # Results.
    _fact("output", "str", "tool-result", "What the tool gave.", writable="tool-result"),
    _fact("outcome", "str", "tool-result", "How the call ended.", values=OUTCOMES),
    _fact("exit_code", "int", "tool-result", "The exit code of a process."),
    _fact("error", "str", "tool-result", "The text of the failure."),
    _fact("duration_ms", "int", "tool-result", "How long the call took, in milliseconds."),
    # Own facts of tools, and what other events call by the same names.
    _fact(
        "command", "str", "tool tool-result command",
        "The command line of a shell call; on commands the name, parts joined by `:`.",
        tools=_owners("command"), writable="tool command",
    ),
    _fact("arguments", "list[str]", "command", "The command's words.", writable="command"),
    _fact(
        "path", "str", _TOOL, "The file or folder that the call names.",
        tools=_owners("path"), kind="path", writable="tool",
    ),
    _fact(
        "content", "str", _TOOL, "The text to be written; of an edit only the new text.",
        tools=_owners("content"), writable="tool",
    ),
    _fact("removed", "str", _TOOL, "The text an edit removes.", tools=_owners("removed")),
    _fact(
        "pattern", "str", _TOOL, "What is searched for.",
        tools=_owners("pattern"), writable="tool",
    ),
    _fact(
        "url", "str", _TOOL, "The address to fetch.",
        tools=_owners("url"), kind="url", writable="tool",
    ),
    _fact("query", "str", _TOOL, "The words searched.", tools=_owners("query"), writable="tool"),
    _fact("agent", "str", _TOOL, "The agent that gets the task.", tools=_owners("agent")),
    _fact(
        "prompt", "str", "tool tool-result prompt",
        "What the user wrote; of a delegation the task handed over.",
        tools=_owners("prompt"), writable="tool",
    ),
    _fact("server", "str", _TOOL, "The MCP server.", tools=_owners("server")),
    _fact("mcp_tool", "str", _TOOL, "The tool's name at its server.", tools=_owners("mcp_tool")),
    _fact(
        "prompt_source", "str", "prompt", "Who wrote the prompt.",
        values=("user", "agent", "host"),
    ),
    # Session, model and transition.
    _fact("source", "str", "session model", "What made the session: startup, resume …"),
    _fact("backend", "str", "session model", "The backend that runs the model."),
    _fact("parent", "str", "session model", "The id of the parent session."),
    _fact("model_switched", "bool", "session model", "Whether the model has just changed."),
    _fact("event", "str", "transition", "The machine's event.", values=ASKED_EVENTS),
    _fact("from", "str", "transition", "The state before.", values=_STATES),
    _fact("to", "str", "transition", "The state after.", values=_STATES),
    _fact("reason", "str", "transition", "Why the host reports the event."),
    _fact("gap_seconds", "int", "transition", "How long nothing was heard, in seconds."),
)  # fmt: skip

_MODEL_OPTIONS = (
    ("temperature", "float", "Sampling temperature."),
    ("top_p", "float", "Nucleus sampling bound."),
    ("top_k", "int", "How many tokens sampling chooses from."),
    ("max_tokens", "int", "Tokens that one answer may have."),
    ("seed", "int", "Seed of the sampling."),
    ("frequency_penalty", "float", "Penalty on frequent tokens."),
    ("presence_penalty", "float", "Penalty on tokens seen before."),
    ("reasoning_effort", "str", "How long the model thinks."),
    ("stop", "list[str]", "Texts that end the answer."),
)

@frozen
class ToolMap:
    """
    How one native tool of a host maps to a canonical one.

    Attributes:
        canonical: ``"shell"``, ``"read"`` … or ``"other"``.

        fields: Own fact → native argument. ``"edits[].new_string"`` joins the texts of a
            list of tables, line by line; such a fact cannot be rewritten.

        args: Native argument → type, where a schema is recorded; only these may be named
            as ``args.*`` in rules.
    """

    canonical: str
    fields: Mapping[str, str] = field(factory=dict)
    args: Mapping[str, str] = field(factory=dict)


@frozen
class HostTools:
    """
    The native tools of one host, as data.

    Attributes:
        name: The host, as the fact `host` and ``native:host:name`` write it.

        tools: Native name → map.

        mcp_prefix: What native names of MCP tools begin with, or ``""`` for none.

        mcp_separator: What stands between server and tool.

        servers: The host's own list of MCP servers; names are split by it where it is
            known, else at the first separator.
    """

    name: str
    tools: Mapping[str, ToolMap]
    mcp_prefix: str = ""
    mcp_separator: str = "__"
    servers: tuple[str, ...] = ()


PYTHON_HOST = HostTools(
    "python",
    {
        tool.name: ToolMap(tool.name, {fact: fact for fact in tool.own})
        for tool in TOOLS.values()
        if tool.name not in ("mcp", "other")
    },
    mcp_prefix="mcp:",
    mcp_separator=":",
)
"""Harnesses that call the engine in process speak canonical names themselves."""

Report = Callable[[Problem], None]
"""Where build-time checks hand the problems they find."""

Place = tuple[str | int, ...]
"""Where in a document something stands."""


def tool_class(tool: str) -> str:
    """The canonical tool whose facts *tool* has: ``mcp`` for every ``mcp:…`` name."""
    return "mcp" if tool.startswith("mcp:") else tool if tool in TOOLS else "other"


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

        args: Canonical tool → native argument → type, from recorded schemas.

        mcp_tools: MCP tools that are known to exist, as ``mcp:server:tool``.
    """

    facts: Mapping[str, FactSpec]
    toolsets: Mapping[str, tuple[str, ...]]
    hosts: Mapping[str, HostTools]
    roles: frozenset[str] = frozenset()
    labels: frozenset[str] = frozenset()
    fields: Mapping[str, object] = field(factory=dict)
    args: Mapping[str, Mapping[str, str]] = field(factory=dict)
    mcp_tools: frozenset[str] = frozenset()

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
        return _STATES

    def with_names(
        self,
        *,
        toolsets: Mapping[str, tuple[str, ...]] | None = None,
        roles: Iterable[str] = (),
        labels: Iterable[str] = (),
        fields: Mapping[str, object] | None = None,
        hosts: Iterable[str] = (),
        mcp_tools: Iterable[str] = (),
    ) -> Vocabulary:
        """This vocabulary and the names that packs and the project declare."""
        known_hosts = dict(self.hosts)
        for name in hosts:
            known_hosts.setdefault(name, HostTools(name, {}))
        facts = dict(self.facts)
        for name, default in (fields or {}).items():
            facts[f"fields.{name}"] = _field_fact(name, default)
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
            labels=self.labels | frozenset(labels),
            fields={**self.fields, **(fields or {})},
            mcp_tools=self.mcp_tools | frozenset(mcp_tools),
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
        if spec.tools is None or tools is None or on not in _TOOL:
            return spec
        for tool in tools:
            kind = self.class_of(tool)
            if kind in spec.tools:
                continue
            if name in UNPARSED.get(kind, ()):
                message = f"this engine cannot know `{name}` of a `{tool}` call"
                mend = f"take `{tool}` out of `tools`, or match its `command`"
                return Problem("GOV221", message, path, mend)
            have = ", ".join(f"`{one}`" for one in sorted(spec.tools))
            return Problem("GOV221", f"`{tool}` has no fact `{name}`; {have} have it", path)
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
        known = [*(one for one in TOOLS if one != "mcp"), "mcp:server:tool"]
        return Problem("GOV213", f"unknown tool `{name}`", path, did_you_mean(name, known))

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
            matches = tool_pattern(name)
        except PatternError as error:
            return Problem("GOV213", f"`{name}`: {error}", path)
        if self.mcp_tools and not any(map(matches, self.mcp_tools)):
            hint = did_you_mean(name, self.mcp_tools)
            return Problem("GOV213", f"`{name}` hits none of the known MCP tools", path, hint)
        return None

    def _argument(
        self, name: str, tools: tuple[str, ...] | None, path: Place
    ) -> FactSpec | Problem:
        argument = name[5:]
        named = tools if tools is not None else tuple(self.args)
        kinds: set[str] = set()
        for tool in named:
            schema = self.args.get(tool) or self.args.get(self.class_of(tool)) or {}
            if argument not in schema:
                hint = did_you_mean(argument, schema) if schema else "use a canonical fact instead"
                message = f"no recorded schema of `{tool}` has an argument `{argument}`"
                return Problem("GOV221", message, path, hint)
            kinds.add(schema[argument])
        if len(kinds) != 1:
            return Problem("GOV221", f"no recorded schema has an argument `{argument}`", path)
        return _fact(name, kinds.pop(), _TOOL, "An argument as the host spells it.")

    def _unknown_fact(self, name: str, on: str, path: Place) -> Problem:
        from governance.rules.keys import KEYS  # only a pack with an error pays for it

        if any(key.table == "rule" and key.name == name for key in KEYS):
            mend = "write it before the first table of the rule, and facts as dotted keys"
            return Problem("GOV220", f"`{name}` is a key of the rule, not a fact", path, mend)
        if name == "shell":
            message = "`shell` is not supported by this engine"
            return Problem("GOV220", message, path, "match the fact `command` instead")
        here = [one for one, spec in self.facts.items() if on in spec.events]
        hint = did_you_mean(name, here) or did_you_mean(name, self.facts)
        return Problem("GOV220", f"unknown fact `{name}`", path, hint)


def _field_fact(name: str, default: object) -> FactSpec:
    kinds: Mapping[type, str] = {bool: "bool", int: "int", float: "float", str: "str"}
    kind = kinds.get(type(default), "list[str]")
    return _fact(f"fields.{name}", kind, _ALL, "A field that the project declares.")


def default_vocabulary(*hosts: HostTools) -> Vocabulary:
    """The shipped vocabulary and the tables of *hosts*; harnesses in Python are known."""
    facts = {one.name: one for one in _FACTS}
    for name, kind, doc in _MODEL_OPTIONS:
        full = f"model_options.{name}"
        facts[full] = _fact(full, kind, "session model", doc, writable="session model")
    args: dict[str, dict[str, str]] = {}
    for host in hosts:
        for native, one in host.tools.items():
            if one.args:
                args.setdefault(one.canonical, {}).update(one.args)
                args[f"native:{host.name}:{native}"] = dict(one.args)
    bare = Vocabulary(
        facts, BUILT_IN_SETS, {one.name: one for one in (PYTHON_HOST, *hosts)}, args=args
    )
    return bare.with_names()
