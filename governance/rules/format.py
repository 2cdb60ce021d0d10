"""
The rule language as values: what a checked pack holds.

These are what is left after loading (`governance.rules.keys` is the table of the keys as an
author writes them): everything in them was checked, so nothing that uses them has to ask
again.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Final, Literal, TypeAlias

from attrs import Factory

from governance._attrs import frozen
from governance.rules.verdicts import ORDINARY_TERMS, AskTerms
from governance.values import Json

FORMAT: Final = 1
"""The newest version of the rule language that this engine reads."""

Layer: TypeAlias = Literal["machine", "user", "project"]
Action: TypeAlias = Literal["allow", "warn", "rewrite", "ask", "deny", "halt"]
Severity: TypeAlias = Literal["info", "low", "medium", "high", "critical"]
Mode: TypeAlias = Literal["enforce", "shadow"]
Table: TypeAlias = Mapping[str, object]
"""A table as TOML gave it; of matchers, each key is a fact."""

ArgumentType: TypeAlias = "str | tuple[str, ...]"
"""The type of a tool's argument, or all the texts that it may be."""

LAYERS: tuple[Layer, ...] = ("machine", "user", "project")
"""From the upper to the lower: a lower one may add and tighten, never loosen."""

ACTIONS: tuple[Action, ...] = ("allow", "warn", "rewrite", "ask", "deny", "halt")
"""From the mildest to the strictest."""

SEVERITIES: tuple[Severity, ...] = ("info", "low", "medium", "high", "critical")
MODES: tuple[Mode, ...] = ("enforce", "shadow")
UNKNOWNS = ("ask", "deny", "ignore")
EXEMPTIONS = ("layer", "any", "never")
OVERRIDES = ("none", "force", "acknowledge")
HALT_SCOPES = ("turn", "session")
ASK_SCOPES = ("call", "intent")
PAST_EVENTS = ("tool", "tool-result", "prompt", "command")
"""Events of which a session remembers that they happened."""

OUTCOMES = ("asked", "denied", "allowed", "ok", "failed", "unknown")
"""What becomes of an event; each is a happening of its own."""

RESULT_OUTCOMES = ("denied", "ok", "failed", "unknown")
"""Those that come with the result of a tool."""

SPANS = ("turn", "context", "epoch")
LIMIT_SCOPES = ("session", "tree")
LIMIT_MAX = 1_000
"""The highest `max` of a limit: within an interval every counted moment is kept."""

STEP_ACTIONS = ("warn", "ask", "deny", "halt")
MOMENTS = ("beginning", "compacted", "resumed", "due", "every-request", "tool-result")
PATTERN_SETS = ("secrets", "email", "card")
STEP_EVENTS = (
    "turn_end", "compacting", "compact", "lapse", "interrupt", "resume", "reset", "end",
    "child_start", "approve", "refuse", "pardon",
)  # fmt: skip
"""What a step of a scenario can report that is no call, prompt or command."""

SCHEMA_ORIGINS = ("list", "calls", "hand")
"""What a schema was learned from: a server's own list of its tools, calls, or a person."""

PROMPT_SOURCES = ("user", "agent", "host")
HISTORIES = ("kept", "lost", "unknown")
SECONDS_MAX = 3650 * 86400

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_duration(text: str) -> int | None:
    """
    Seconds of one number with its unit, or ``None`` when *text* is no duration.

    Ten years are the most: a longer one is a slip of the pen.

    >>> parse_duration("10m"), parse_duration("10 min"), parse_duration("1h30m")
    (600, None, None)
    """
    number, unit = text[:-1], text[-1:]
    if unit not in _SECONDS or not (number.isascii() and number.isdigit()) or len(number) > 9:
        return None
    seconds = int(number) * _SECONDS[unit]
    return seconds if 0 < seconds <= SECONDS_MAX else None


@frozen
class NoValue:
    """Stands where a change sets nothing, for ``None`` would be a value of JSON."""


NO_VALUE: Final = NoValue()


@frozen(kw_only=True)
class Change:
    """
    What a rewrite does to one fact: sets it, or bounds, removes, adds or redacts.

    Attributes:
        value: The new value (strings may hold placeholders), or ``NO_VALUE``.

        default: Used when the fact is missing, or ``NO_VALUE``.

        minimum, maximum: Bounds that a number is moved into.

        remove: The fact is taken away.

        add_flags: Flags that a command gets when it has them not.

        redact: A shipped set of patterns whose hits are replaced; ``""`` for none.

        redact_regex: An RE2 pattern whose hits are replaced; ``""`` for none.

        replacement: What stands in place of a redacted hit (the key ``with``).
    """

    value: Json | NoValue = NO_VALUE
    default: Json | NoValue = NO_VALUE
    minimum: int | float | None = None
    maximum: int | float | None = None
    remove: bool = False
    add_flags: tuple[str, ...] = ()
    redact: str = ""
    redact_regex: str = ""
    replacement: str = "[redacted]"


@frozen(kw_only=True)
class PastEvent:
    """
    Something that happened before.

    Attributes:
        on: One of `PAST_EVENTS`; ``""``: as the rule itself, matchers included.

        outcomes: Which of its outcomes count; one, but for results any that came of them.

        same: Facts whose values are those of now, in order.

        within: How far back: a span's name, or seconds.

        not_since: What makes what came before it forgotten.

        path: Where it stands in its document.
    """

    on: str = "tool"
    tools: tuple[str, ...] = ()
    when: Table = Factory(dict)
    outcomes: tuple[str, ...]
    same: tuple[str, ...] = ()
    within: str | int = "epoch"
    not_since: PastEvent | None = None
    path: tuple[str | int, ...] = ()


@frozen(kw_only=True)
class PastLabel:
    """A label that a rule set, *within* a span or so many seconds."""

    label: str
    within: str | int = "epoch"
    path: tuple[str | int, ...] = ()


@frozen(kw_only=True)
class PresentFile:
    """A file that is there now; *glob* may hold placeholders."""

    glob: str
    path: tuple[str | int, ...] = ()


Prerequisite: TypeAlias = "PastEvent | PastLabel | PresentFile"


@frozen(kw_only=True)
class Limit:
    """
    How often something may happen; the event after the `max`-th is refused.

    Attributes:
        of: What is counted, with its span under `within`.

        scope: ``session``, or ``tree``: with all sessions below the same root.
    """

    max: int
    of: PastEvent
    scope: str = "session"


@frozen(kw_only=True)
class Example:
    """
    An event that a rule must match or must not: facts as their author wrote them.

    Attributes:
        facts: ``tool`` (of tool rules) and any facts by name; nested tables stay tables.

        at: The moment it happens, for rules on time; ``None``: any.

        why: Of a known gap: why the rule misses it.

        after: What happened before it, in order.

        repeat: How often it happened itself before; of a past event: how often in all.

        files: The files that are there, as the rules' globs write them.

        outcome: Of a past event: what became of it.
    """

    facts: Table
    at: datetime | None = None
    why: str = ""
    after: tuple[Example, ...] = ()
    repeat: int = 0
    files: tuple[str, ...] = ()
    outcome: str = "ok"


@frozen(kw_only=True)
class Rule:
    """
    One ``[[rule]]``. Names are resolved and known; `when`, `unless` and `any` are tables of
    matchers as written, for the compiler to build.

    Attributes:
        tools: As written: canonical names, ``@set``, globs of ``mcp:``, ``native:host:name``.
            Empty means every tool.

        rewrite: Fact (dotted below a table fact) → its change.

        requires: All of these groups must be found, of each group at least one.

        forbids: None of these may be found.

        override: Who may override a denied command: ``none``, ``force``, ``acknowledge``.

        asks_instead: It rewrites, and nobody has trusted its text: it asks where it would.

        exempt: Who may exempt it: its own or an upper ``layer``, ``any``, ``never``.

        position: Which ``[[rule]]`` of its file this is, from 0.
    """

    id: str
    pack: str
    layer: Layer
    position: int
    on: str = "tool"
    tools: tuple[str, ...] = ()
    when: Table = Factory(dict)
    unless: Table = Factory(dict)
    any: tuple[Table, ...] = ()
    requires: tuple[tuple[Prerequisite, ...], ...] = ()
    forbids: tuple[Prerequisite, ...] = ()
    limit: Limit | None = None
    action: Action
    rewrite: Mapping[str, Change] = Factory(dict)
    asks_instead: bool = False
    ask: AskTerms = ORDINARY_TERMS
    override: str = "none"
    halt_scope: Literal["turn", "session"] = "turn"
    message: str = ""
    severity: Severity = "medium"
    mode: Mode = "enforce"
    unknown: Literal["ask", "deny", "ignore"] = "ask"
    labels: tuple[str, ...] = ()
    exempt: Literal["layer", "any", "never"] = "layer"
    remedy: Example | None = None
    must_match: tuple[Example, ...] = ()
    must_not_match: tuple[Example, ...] = ()
    known_gaps: tuple[Example, ...] = ()

    @property
    def path(self) -> tuple[str | int, ...]:
        """Where it stands in its document."""
        return ("rule", self.position)

    @property
    def looks_back(self) -> bool:
        """Whether it demands anything beside what the event itself is."""
        return bool(self.requires or self.forbids) or self.limit is not None


@frozen(kw_only=True)
class Exempt:
    """An ``[[exempt]]``: *rule* does not hold where *when* does, until the day has passed."""

    rule: str
    reason: str
    layer: Layer
    when: Table = Factory(dict)
    until: date | None = None
    file: str = ""
    position: int = 0


@frozen(kw_only=True)
class RoleDef:
    """
    A ``[[role]]`` with everything it inherits already joined in.

    Attributes:
        agents: The hosts' structured agent names that get this role.

        tools: What it may use (names, ``@set``, globs); empty: nothing.

        writes: Path globs it may write, also through a shell; ``None``: everywhere.

        delegates_to: Roles it may give work to.

        first: Until one of these was ok in this epoch, no other tool.

        extends: The role it narrows, or ``""``.
    """

    name: str
    pack: str
    layer: Layer
    position: int
    agents: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    writes: tuple[str, ...] | None = None
    delegates_to: tuple[str, ...] = ()
    first: tuple[str, ...] = ()
    extends: str = ""


@frozen(kw_only=True)
class EscalationOf:
    """Which violations a step counts; an empty tuple does not narrow."""

    severity: tuple[Severity, ...] = ()
    rule: tuple[str, ...] = ()
    role: tuple[str, ...] = ()
    same: tuple[str, ...] = ()


@frozen(kw_only=True)
class Escalation:
    """
    A step of the ladder: *count* violations within the window bring *action*.

    Attributes:
        within_seconds: The window in which violations are counted.

        lasts_seconds: How long the action holds; ``None``: until a pardon.

        tools: What the action holds for; empty: every tool.
    """

    id: str
    pack: str
    layer: Layer
    position: int
    count: int
    within_seconds: int
    of: EscalationOf
    action: Literal["warn", "ask", "deny", "halt"]
    lasts_seconds: int | None
    message: str
    tools: tuple[str, ...] = ()


@frozen(kw_only=True)
class ContextBlock:
    """
    Text for the model. *at*: the moments of `MOMENTS` at which it is owed; *when* is a table
    of matchers over the session's facts; *keep*: never dropped for want of room.
    """

    id: str
    pack: str
    layer: Layer
    position: int
    at: tuple[str, ...]
    text: str
    priority: int = 50
    keep: bool = False
    when: Table = Factory(dict)


@frozen
class Toolset:
    """``@name`` for several tools; members may be sets themselves."""

    name: str
    tools: tuple[str, ...]


@frozen(kw_only=True)
class ToolSchema:
    """
    The arguments of one tool, as they were recorded.

    Attributes:
        tool: ``mcp:server:tool``, or ``native:host:name``.

        args: Argument → its type, or the texts that it may be; ``any``: no rule can look.

        learned: What they were learned from, one of `SCHEMA_ORIGINS`.

        source: The file or command that told them, for people.

        at: When they were recorded.
    """

    tool: str
    args: Mapping[str, ArgumentType]
    layer: Layer
    position: int
    learned: str = "hand"
    source: str = ""
    at: datetime | None = None

    @property
    def path(self) -> tuple[str | int, ...]:
        """Where it stands in its document."""
        return ("schema", self.position)


@frozen(kw_only=True)
class Expect:
    """
    What the answer to one step must be; ``None`` and ``""`` ask nothing.

    Attributes:
        action: Of the answer; without one, the step must not be refused.

        result: The action on what the call gave, once it was reported.

        rules: Exactly the rules that matched, in the call or in its result.

        message: Stands in the message, or in a reason.

        context: Each stands in the text that was put before the model.

        blocks: Exactly the context blocks of that text.

        rewritten: Arguments of the call as it would run, each by its name.

        labels: Each is set on the session after the step.

        violations: How many the session has had after the step.
    """

    action: Action | None = None
    result: Action | None = None
    rules: tuple[str, ...] | None = None
    message: str = ""
    context: tuple[str, ...] = ()
    blocks: tuple[str, ...] | None = None
    rewritten: Table | None = None
    state: str = ""
    labels: tuple[str, ...] = ()
    violations: int | None = None


@frozen(kw_only=True)
class Step:
    """
    One step of a scenario.

    Attributes:
        kind: ``tool``, ``prompt``, ``command``, or one of `STEP_EVENTS`.

        facts: Of a call: ``tool`` and its own facts, as an example has them.

        given: Every other key of the step, as it was read.

        after_seconds: Time that goes by before it.

        at: The moment it happens; time never goes back.

        session: The child that it happens in; ``""``: the session itself.
    """

    kind: str
    position: int
    facts: Table = Factory(dict)
    given: Table = Factory(dict)
    after_seconds: int = 0
    at: datetime | None = None
    session: str = ""
    expect: Expect = Expect()


@frozen(kw_only=True)
class Scenario:
    """
    A ``[[scenario]]``: one session from its start, step by step, with what must be answered.

    Attributes:
        role: The role of the session, or ``""``.

        asks: Whether a person can be asked.

        at: When it starts; ``None``: at a moment that is always the same.

        fields: Fields of the project that differ in it.
    """

    name: str
    position: int
    role: str = ""
    asks: bool = True
    at: datetime | None = None
    fields: Table = Factory(dict)
    steps: tuple[Step, ...] = ()

    @property
    def path(self) -> tuple[str | int, ...]:
        """Where it stands in its document."""
        return ("scenario", self.position)


@frozen(kw_only=True)
class Pack:
    """
    One checked file of rules.

    Attributes:
        hash: sha256 of its text, in hex; trust is given to this.

        mode: ``shadow`` lets none of its rules decide.
    """

    name: str
    version: str
    summary: str
    layer: Layer
    file: str
    hash: str
    mode: Mode = "enforce"
    vars: Mapping[str, object] = Factory(dict)
    toolsets: tuple[Toolset, ...] = ()
    schemas: tuple[ToolSchema, ...] = ()
    rules: tuple[Rule, ...] = ()
    roles: tuple[RoleDef, ...] = ()
    escalations: tuple[Escalation, ...] = ()
    contexts: tuple[ContextBlock, ...] = ()
    exempts: tuple[Exempt, ...] = ()
    scenarios: tuple[Scenario, ...] = ()


@frozen(kw_only=True)
class Defaults:
    """``[defaults]`` of ``governance.toml``: what holds where no rule speaks."""

    tool: Literal["allow", "ask", "deny"] = "allow"
    unknown_role: Literal["deny", "read-only", "allow"] = "deny"
    mode: Mode = "enforce"
