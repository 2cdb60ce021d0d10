"""
The tables that rules speak from: events, tools, facts, their types and enumerations.

Everything here is data; the docs table of facts is printed from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from governance._attrs import frozen
from governance.rules.verdicts import EVENTS
from governance.states import ASKED_EVENTS, State

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
OUTCOMES = ("ok", "failed", "refused", "unknown")

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

SLASH = "slash"
"""The kind of a text that names a slash command: one word, without the slash."""

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
    """
    A fact, or a result, that cannot be known, and why; it is neither true nor false.

    Attributes:
        more: As an element of a list it stands for any number of elements, none included.
    """

    reason: str
    more: bool = False

    def __bool__(self) -> bool:
        # A Kleene value in an `if` would silently count as true.
        raise TypeError("an unknown result has no truth; compare with `is True`")


@frozen
class FactSpec:
    """
    One fact that a rule may name.

    Attributes:
        name: As rules write it, dotted for a family: ``"usage.tokens"``.

        type: ``str``, ``int``, ``float``, ``bool``, ``list[str]``, ``time`` or ``shell``,
            whose matchers are tables of their own (`governance.rules.shell_keys`).

        events: The events that have it.

        tools: Canonical tools that can fill it on tool events (``mcp`` stands for every
            MCP tool), or ``None`` for all of them.

        kind: How its text compares: ``text``, ``path``, ``domain``, ``url``, ``tool``;
            ``program`` compares by either of a program's names; ``slash`` names a command.

        values: The whole enumeration, or ``None`` when any value may come.

        writable: The events on which a rewrite may change it.

        partial: Its texts may be known in part, with `governance.shell.values.HOLE` in them.

        low, high: The least and the most that its numbers can be; ``None``: no bound.

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
    partial: bool = False
    low: int | None = None
    high: int | None = None

    def outside(self, value: object) -> str:
        """Why the number *value* can be none of its; ``""`` where it can, or is none."""
        if type(value) not in (int, float):
            return ""
        if self.low is not None and value < self.low:  # type: ignore[operator]
            return f"`{self.name}` is never below {self.low}, and `{value}` is"
        if self.high is not None and value > self.high:  # type: ignore[operator]
            return f"`{self.name}` is never above {self.high}, and `{value}` is"
        return ""

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
        own = OPERATORS.get(self.element, ())  # a `shell` table has keys instead
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
        ToolSpec("shell", ("command",), "Runs a command line; `shell` is asked what that runs."),
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
REMOVES_OF: Mapping[str, str] = {"delete": "path"}
DOMAINS_OF: Mapping[str, str] = {"fetch": "url"}
"""Which own fact fills `reads`, `writes`, `removes` and `domains` of each tool."""

NAME_GLOBS = ("glob", "include", "include_pattern", "file_glob", "glob_pattern")
"""Arguments by which a search of text names the files that it is about, whatever the host."""

BY_COMMAND = frozenset({"reads", "writes", "removes", "domains"})
"""Facts of a `shell` call that are read off its command line."""

ALL_EVENTS = frozenset(EVENTS)
TOOL_EVENTS = frozenset({"tool", "tool-result"})
STATES = tuple(state.value for state in State)


def _owners(fact: str) -> frozenset[str]:
    return frozenset(tool.name for tool in TOOLS.values() if fact in tool.own)


def fact_spec(
    name: str,
    type: str,
    events: frozenset[str] | str,
    doc: str,
    *,
    tools: frozenset[str] | None = None,
    kind: str = "text",
    values: tuple[str, ...] | None = None,
    writable: str = "",
    partial: bool = False,
    low: int | None = None,
    high: int | None = None,
) -> FactSpec:
    on = frozenset(events.split()) if isinstance(events, str) else events
    write = frozenset(writable.split())
    return FactSpec(name, type, on, doc, tools, kind, values, write, partial, low, high)


def _with_shell(tools: Iterable[str]) -> frozenset[str]:
    return frozenset({*tools, "shell"})


FACTS = (
    # Always.
    fact_spec("role", "str", ALL_EVENTS, "The role of the acting agent."),
    fact_spec("depth", "int", ALL_EVENTS, "How many parents the session has; a root has 0.", low=0),
    fact_spec("state", "str", ALL_EVENTS, "The session's state.", values=STATES),
    fact_spec("host", "str", ALL_EVENTS, "The host that reports the event."),
    fact_spec(
        "model", "str", ALL_EVENTS, "The model, as the host names it.", writable="session model"
    ),
    fact_spec("labels", "list[str]", ALL_EVENTS, "Labels that rules have set on the session."),
    fact_spec("turn", "int", ALL_EVENTS, "The number of the turn in this epoch, from 1.", low=0),
    fact_spec("time", "time", ALL_EVENTS, "The time of day in the project's time zone."),
    fact_spec(
        "weekday", "str", ALL_EVENTS, "The day of the week in the time zone.", values=WEEKDAYS
    ),
    fact_spec(
        "approvals_open", "int", ALL_EVENTS, "How many questions to a person are open.", low=0
    ),
    fact_spec("usage.tokens", "int", ALL_EVENTS, "Tokens used in this epoch.", low=0),
    fact_spec(
        "usage.input_tokens", "int", ALL_EVENTS, "Tokens sent to the model in this epoch.", low=0
    ),
    fact_spec(
        "usage.output_tokens", "int", ALL_EVENTS, "Tokens made by the model in this epoch.", low=0
    ),
    fact_spec(
        "usage.cost_usd", "float", ALL_EVENTS, "What the epoch has cost, in US dollars.", low=0
    ),
    fact_spec(
        "usage.context_tokens", "int", ALL_EVENTS, "Tokens in the model's context now.", low=0
    ),
    fact_spec(
        "usage.context_ratio",
        "float",
        ALL_EVENTS,
        "How full the model's context is, 0 to 1.",
        low=0,
        high=1,
    ),
    # Every tool.
    fact_spec("tool", "str", TOOL_EVENTS, "The tool's canonical name.", kind="tool"),
    fact_spec("native", "str", TOOL_EVENTS, "The host's own name of the tool."),
    fact_spec(
        "intent", "str", TOOL_EVENTS, "What the call is about, alike for every spelling of it."
    ),
    fact_spec("cwd", "str", TOOL_EVENTS, "The working folder of the call.", kind="path"),
    fact_spec(
        "reads",
        "list[str]",
        TOOL_EVENTS,
        "Paths that the call reads.",
        tools=_with_shell(READS_OF),
        kind="path",
        partial=True,
    ),
    fact_spec(
        "writes",
        "list[str]",
        TOOL_EVENTS,
        "Paths that the call writes or removes.",
        tools=_with_shell(WRITES_OF),
        kind="path",
        partial=True,
    ),
    fact_spec(
        "removes",
        "list[str]",
        TOOL_EVENTS,
        "Paths that the call removes; they are among those that it writes.",
        tools=_with_shell(REMOVES_OF),
        kind="path",
        partial=True,
    ),
    fact_spec(
        "domains",
        "list[str]",
        TOOL_EVENTS,
        "Hosts that the call talks to.",
        tools=_with_shell(DOMAINS_OF),
        kind="domain",
        partial=True,
    ),
    # Results.
    fact_spec("output", "str", "tool-result", "What the tool gave.", writable="tool-result"),
    fact_spec("outcome", "str", "tool-result", "How the call ended.", values=OUTCOMES),
    fact_spec("exit_code", "int", "tool-result", "The exit code of a process."),
    fact_spec("error", "str", "tool-result", "The text of the failure."),
    fact_spec(
        "duration_ms", "int", "tool-result", "How long the call took, in milliseconds.", low=0
    ),
    # Own facts of tools, and what other events call by the same names.
    fact_spec(
        "command",
        "str",
        "tool tool-result command",
        "The command line of a shell call; on commands the name, parts joined by `:`.",
        tools=_owners("command"),
        writable="tool command",
    ),
    fact_spec(
        "shell",
        "shell",
        TOOL_EVENTS,
        "What the command line runs: a table of matchers for one of its commands, or several.",
        tools=frozenset({"shell"}),
    ),
    fact_spec("arguments", "list[str]", "command", "The command's words.", writable="command"),
    fact_spec(
        "path",
        "str",
        TOOL_EVENTS,
        "The file or folder that the call names.",
        tools=_owners("path"),
        kind="path",
        writable="tool",
    ),
    fact_spec(
        "content",
        "str",
        TOOL_EVENTS,
        "The text to be written; of an edit only the new text.",
        tools=_owners("content"),
        writable="tool",
    ),
    fact_spec("removed", "str", TOOL_EVENTS, "The text an edit removes.", tools=_owners("removed")),
    fact_spec(
        "pattern",
        "str",
        TOOL_EVENTS,
        "What is searched for.",
        tools=_owners("pattern"),
        writable="tool",
    ),
    fact_spec(
        "url",
        "str",
        TOOL_EVENTS,
        "The address to fetch.",
        tools=_owners("url"),
        kind="url",
        writable="tool",
    ),
    fact_spec(
        "query", "str", TOOL_EVENTS, "The words searched.", tools=_owners("query"), writable="tool"
    ),
    fact_spec("agent", "str", TOOL_EVENTS, "The agent that gets the task.", tools=_owners("agent")),
    fact_spec(
        "prompt",
        "str",
        "tool tool-result prompt",
        "What the user wrote; of a delegation the task handed over.",
        tools=_owners("prompt"),
        writable="tool",
    ),
    fact_spec("server", "str", TOOL_EVENTS, "The MCP server.", tools=_owners("server")),
    fact_spec(
        "mcp_tool", "str", TOOL_EVENTS, "The tool's name at its server.", tools=_owners("mcp_tool")
    ),
    fact_spec(
        "prompt_source",
        "str",
        "prompt",
        "Who wrote the prompt.",
        values=("user", "agent", "host"),
    ),
    # Session, model and transition.
    fact_spec("source", "str", "session model", "What made the session, such as `startup`."),
    fact_spec("backend", "str", "session model", "The backend that runs the model."),
    fact_spec("context_type", "str", "session", "The kind of context that the host keeps."),
    fact_spec("parent", "str", "session model", "The id of the parent session."),
    fact_spec(
        "model_switched",
        "bool",
        "session model",
        "Whether it is another model than in the session that this one follows.",
    ),
    fact_spec("event", "str", "transition", "The machine's event.", values=ASKED_EVENTS),
    fact_spec("from", "str", "transition", "The state in which it is asked.", values=STATES),
    fact_spec(
        "to",
        "str",
        "transition",
        "The state that it leads to; the same where it changes none.",
        values=STATES,
    ),
    fact_spec("reason", "str", "transition", "Why the host reports the event."),
    fact_spec("gap_seconds", "int", "transition", "How long nothing was heard, in seconds."),
)

MODEL_OPTIONS = (
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


def tool_class(tool: str) -> str:
    """The canonical tool whose facts *tool* has: ``mcp`` for every ``mcp:…`` name."""
    return "mcp" if tool.startswith("mcp:") else tool if tool in TOOLS else "other"
