"""
The keys of the rule language and the codes of its problems: one table each.

The loader reads by `KEYS`, the reference pages are made from it, and a test holds that no
key and no code is missing from them.
"""

from __future__ import annotations

from collections.abc import Mapping

from governance._attrs import frozen
from governance.rules.fact_table import OUTCOMES as ENDINGS
from governance.rules.fact_table import STATES
from governance.rules.format import (
    ACTIONS,
    ASK_SCOPES,
    EXEMPTIONS,
    HALT_SCOPES,
    HISTORIES,
    LIMIT_SCOPES,
    MODES,
    MOMENTS,
    OUTCOMES,
    OVERRIDES,
    PAST_EVENTS,
    PATTERN_SETS,
    PROMPT_SOURCES,
    SCHEMA_ORIGINS,
    SEVERITIES,
    STEP_ACTIONS,
    STEP_EVENTS,
    UNKNOWNS,
)
from governance.rules.verdicts import EVENTS


@frozen(kw_only=True)
class Key:
    """
    One key of the language.

    Attributes:
        table: The table it stands in: ``rule``, ``pack``, ``rule.ask`` … ``""`` is the root.

        type: How it is read: ``str``, ``int``, ``bool``, ``enum`` (one of *values*), ``strs``,
            ``enums``, ``duration``, ``span``, ``table``, ``tables``, ``matchers``, ``event``,
            ``events``, ``date``, ``datetime``, ``number``, ``value``.

        default: As an author would write it; ``required`` when there is none.

        codes: What is reported when it is wrong.

        feature: Named when this engine does not have it yet: using it is an error.
    """

    table: str
    name: str
    type: str
    default: str
    meaning: str
    codes: tuple[str, ...]
    values: tuple[str, ...] = ()
    feature: str = ""

    @property
    def required(self) -> bool:
        """Whether a table without it is an error."""
        return self.default == "required"


def _key(row: str, *codes: str, values: tuple[str, ...] = (), feature: str = "") -> Key:
    place, kind, default, meaning = (part.strip() for part in row.split("|"))
    table, _, name = place.rpartition(".")
    return Key(
        table=table,
        name=name,
        type=kind,
        default=default,
        meaning=meaning,
        codes=codes,
        values=values,
        feature=feature,
    )


_PAST = ("GOV230", "GOV231", "GOV232", "GOV233", "GOV234", "GOV235")
_MATCH = (
    "GOV204",
    "GOV205",
    "GOV220",
    "GOV221",
    "GOV222",
    "GOV223",
    "GOV224",
    "GOV225",
    "GOV226",
    "GOV227",
    "GOV228",
    "GOV229",
)

_SCENARIO_ROWS = (
    ("scenario.name | str | required | what it shows, one of its kind in the file",),
    ("scenario.role | str | none | the role of the session",),
    ("scenario.asks | bool | true | whether a person can be asked",),
    ("scenario.at | datetime | always the same | when it starts",),
    ("scenario.fields | table | none | fields of the project that differ in it",),
    ("scenario.steps | tables | required | what happens, one after the other",),
    ("scenario.steps.tool | str | none | a call of this tool, with its own facts",),
    ("scenario.steps.args | table | none | arguments by the host's names",),
    ("scenario.steps.outcome | enum | ok | how a call ends that was let through", ENDINGS),
    ("scenario.steps.output | str | none | what the call gave",),
    ("scenario.steps.error | str | none | the text of its failure",),
    ("scenario.steps.exit_code | int | none | the exit code of its process",),
    ("scenario.steps.duration_ms | int | none | how long it took",),
    ("scenario.steps.prompt | str | none | a turn begins with this text",),
    ("scenario.steps.prompt_source | enum | user | who wrote it", PROMPT_SOURCES),
    ("scenario.steps.command | str | none | a slash command, parts joined by `:`",),
    ("scenario.steps.arguments | strs | none | the words of the command",),
    ("scenario.steps.event | enum | none | anything else that happens", STEP_EVENTS),
    ("scenario.steps.history | enum | kept | on resume: what the model still has", HISTORIES),
    ("scenario.steps.child | str | none | on child_start: the name of the child",),
    ("scenario.steps.role | str | none | on child_start: the role of the child",),
    ("scenario.steps.rule | str | all | on pardon: only what was done against it",),
    ("scenario.steps.session | str | the session itself | the child it happens in",),
    ("scenario.steps.after | duration | none | time that goes by before it",),
    ("scenario.steps.at | datetime | none | the moment it happens",),
    ("scenario.steps.expect | table | let through | what the answer must be",),
    ("scenario.steps.expect.action | enum | let through | what is answered", ACTIONS),
    ("scenario.steps.expect.result | enum | let through | the answer to its result", ACTIONS),
    ("scenario.steps.expect.rules | strs | any | exactly the rules that matched",),
    ("scenario.steps.expect.message | str | any | stands in the message, or in a reason",),
    ("scenario.steps.expect.context | strs | any | each stands in the text for the model",),
    ("scenario.steps.expect.blocks | strs | any | exactly the context blocks in that text",),
    ("scenario.steps.expect.rewritten | table | any | arguments of the call as it would run",),
    ("scenario.steps.expect.state | enum | any | the session's state afterwards", STATES),
    ("scenario.steps.expect.labels | strs | any | each is set on the session afterwards",),
    ("scenario.steps.expect.violations | int | any | how many the session has had",),
    ("scenario-file.format | int | required | version of the rule language",),
    ("scenario-file.packs | strs | those of the project | what they are played against",),
    ("scenario-file.scenario | tables | required | tests of whole decisions",),
)

SCENARIO_KEYS = tuple(
    _key(row[0], "GOV280", values=row[1] if len(row) > 1 else ()) for row in _SCENARIO_ROWS
)
"""The keys of ``[[scenario]]``, in a pack or in a file of scenarios."""

KEYS: tuple[Key, ...] = (
    _key("format | int | required | version of the rule language", "GOV201", "GOV202"),
    _key("pack | table | required | what this file is", "GOV203"),
    _key('vars | value | none | constants, used as `{ var = "x" }`', "GOV204", "GOV205"),
    _key("toolset | tables | none | names for several tools", "GOV206"),
    _key("schema | tables | none | the arguments of tools, as they were recorded", "GOV274"),
    _key("rule | tables | none | what an agent may do", "GOV210"),
    _key("role | tables | none | limits of an agent", "GOV260"),
    _key("escalation | tables | none | steps that follow repeated violations", "GOV263"),
    _key("context | tables | none | text for the model", "GOV264"),
    _key("exempt | tables | none | where a rule of this file does not hold", "GOV250"),
    _key("scenario | tables | none | tests of whole decisions", "GOV280"),
    _key("pack.name | str | required | lower-kebab name, one of its kind", "GOV203"),
    _key("pack.version | str | required | `1.2.3`", "GOV203"),
    _key("pack.summary | str | required | one sentence for people", "GOV203"),
    _key(
        "pack.mode | enum | enforce | `shadow`: none of its rules decides", "GOV225", values=MODES
    ),
    _key("toolset.name | str | required | used as `@name`", "GOV206"),
    _key("toolset.tools | strs | required | tools and other sets", "GOV206"),
    _key("schema.tool | str | required | `mcp:server:tool` or `native:host:name`", "GOV274"),
    _key("schema.args | table | required | argument → its type, or all that it may be", "GOV274"),
    _key(
        "schema.from | enum | hand | what told them: the server's list, calls, or a person",
        "GOV274",
        values=SCHEMA_ORIGINS,
    ),
    _key("schema.source | str | none | the file or command that told them", "GOV274"),
    _key("schema.at | datetime | none | when they were recorded", "GOV274"),
    _key("rule.id | str | required | `pack.name`, unique over all packs", "GOV210", "GOV211"),
    _key("rule.on | enum | tool | the event it looks at", "GOV212", values=EVENTS),
    _key("rule.tools | strs | all | any of these tools", "GOV213"),
    _key("rule.when | matchers | none | what the event must be", *_MATCH),
    _key("rule.unless | matchers | none | what excuses it", *_MATCH),
    _key("rule.any | tables | none | two or more tables of which one must hold", *_MATCH),
    _key("rule.requires | value | none | must have happened before, or be there", *_PAST),
    _key("rule.forbids | value | none | must not have happened before", *_PAST),
    _key("rule.limit | table | none | how often it may happen", *_PAST, "GOV236"),
    _key(
        "rule.action | enum | required | what follows",
        "GOV240",
        "GOV241",
        values=ACTIONS,
    ),
    _key("rule.rewrite | value | with rewrite | fact → its change", "GOV242", "GOV246"),
    _key("rule.ask | table | none | terms of an approval", "GOV243", "GOV246"),
    _key("rule.deny | table | none | terms of a denial", "GOV244", "GOV246"),
    _key("rule.halt | table | none | how far a halt reaches", "GOV245", "GOV246"),
    _key("rule.message | str | but for allow, rewrite | what the model reads", "GOV247"),
    _key("rule.severity | enum | medium | for the ledger", "GOV225", values=SEVERITIES),
    _key("rule.mode | enum | enforce | `shadow`: it decides nothing", "GOV225", values=MODES),
    _key("rule.unknown | enum | ask | when a matcher cannot be decided", "GOV225", values=UNKNOWNS),
    _key("rule.labels | strs | none | set on the session when let through", "GOV235"),
    _key("rule.exempt | enum | layer | who may exempt it", "GOV225", values=EXEMPTIONS),
    _key("rule.remedy | event | none | the call to make instead", "GOV251"),
    _key("rule.must_match | events | for ask, deny, halt | it fires on each", "GOV252", "GOV253"),
    _key(
        "rule.must_not_match | events | for ask, deny, halt | it fires on none",
        "GOV252",
        "GOV253",
    ),
    _key("rule.known_gaps | events | none | spellings it misses, each with `why`", "GOV254"),
    _key("past.on | enum | tool | the kind of event", "GOV212", values=PAST_EVENTS),
    _key("past.tools | strs | all | any of these tools", "GOV213"),
    _key("past.when | matchers | none | what the event was", *_MATCH),
    _key(
        "past.outcome | enum | `ok` in `requires`, else `allowed` | what became of it",
        "GOV233",
        values=OUTCOMES,
    ),
    _key("past.same | strs | none | facts that were then as they are now", "GOV234"),
    _key(
        "past.within | span | epoch | how far back: `turn`, `context`, `epoch`, or a duration",
        "GOV232",
    ),
    _key("past.not_since | table | none | a past event that makes it forgotten", "GOV231"),
    _key("past.label | str | none | a label that a rule set; takes `within`", "GOV235"),
    _key("past.file | str | none | a glob that a file must fit; in `requires`", "GOV231"),
    _key("limit.max | int | required | the event after so many is refused", "GOV236"),
    _key(
        "limit.per | span | required | `turn`, `context`, `epoch`, or a duration back from now",
        "GOV236",
        "GOV232",
    ),
    _key("limit.of | table | as this rule | the past event that is counted", "GOV231"),
    _key("limit.same | strs | none | counted apart by these facts", "GOV234"),
    _key("limit.outcome | enum | allowed | what became of it", "GOV233", values=OUTCOMES),
    _key("limit.not_since | table | none | a past event that begins the count anew", "GOV231"),
    _key(
        "limit.scope | enum | session | `tree` counts all sessions below one root",
        "GOV236",
        values=LIMIT_SCOPES,
    ),
    _key("rule.ask.expires | duration | 10m | how long an approval holds", "GOV243"),
    _key("rule.ask.uses | int | 1 | how often it may be used", "GOV243"),
    _key(
        "rule.ask.scope | enum | call | the exact call, or its intent",
        "GOV243",
        values=ASK_SCOPES,
    ),
    _key(
        "rule.deny.override | enum | none | how a command is run all the same",
        "GOV244",
        values=OVERRIDES,
    ),
    _key("rule.halt.scope | enum | turn | what ends", "GOV245", values=HALT_SCOPES),
    _key("rule.rewrite.default | value | none | used when the fact is missing", "GOV242"),
    _key("rule.rewrite.min | number | none | the least that it may be", "GOV242"),
    _key("rule.rewrite.max | number | none | the most that it may be", "GOV242"),
    _key("rule.rewrite.remove | bool | false | takes the fact away", "GOV242"),
    _key("rule.rewrite.add_flags | strs | none | flags a command gets", "GOV242"),
    _key(
        "rule.rewrite.redact | value | none | a pattern set, or `{ regex = … }`",
        "GOV242",
        "GOV227",
        values=PATTERN_SETS,
    ),
    _key("rule.rewrite.with | str | [redacted] | what stands for a redacted hit", "GOV242"),
    _key("example.tool | str | of tool rules | the tool that is called", "GOV220"),
    _key("example.args | value | none | arguments by the host's names", "GOV224"),
    _key("example.at | datetime | any time | when it happens", "GOV224"),
    _key("example.why | str | of known gaps | why the rule misses it", "GOV254"),
    _key(
        "example.after | tables | none | what happened before: events by facts, a `prompt`, "
        "a `command`, or `event` = `turn`, `compact`, `reset`",
        "GOV224",
    ),
    _key("example.repeat | int | none | how often it happened before", "GOV224"),
    _key("example.files | strs | none | files that are there", "GOV224"),
    _key(
        "example.outcome | enum | ok | of a past event: what became of it",
        "GOV233",
        values=OUTCOMES,
    ),
    _key("role.name | str | required | what rules and hosts call it", "GOV260"),
    _key("role.agents | strs | none | agent names of hosts that get it", "GOV262"),
    _key("role.tools | strs | required | what it may use", "GOV260", "GOV262"),
    _key("role.writes | strs | all | path globs that it may write", "GOV228", "GOV262"),
    _key("role.delegates_to | strs | none | roles it may give work to", "GOV260", "GOV262"),
    _key("role.first | strs | none | one of them before any other tool", "GOV261"),
    _key("role.extends | str | none | the role it narrows", "GOV260", "GOV262"),
    _key("escalation.id | str | required | stable name", "GOV263", "GOV211"),
    _key("escalation.count | int | required | how many violations", "GOV263"),
    _key("escalation.within | duration | required | the window they fall in", "GOV263"),
    _key("escalation.of | table | required | which violations count", "GOV263"),
    _key("escalation.action | enum | required | what follows", "GOV263", values=STEP_ACTIONS),
    _key("escalation.tools | strs | all | what it holds for", "GOV213"),
    _key("escalation.lasts | duration | required | how long, or `pardon`", "GOV263"),
    _key("escalation.message | str | required | what the model reads", "GOV263"),
    _key("escalation.of.severity | enums | any | one of these", "GOV225", values=SEVERITIES),
    _key("escalation.of.rule | strs | any | one of these rules", "GOV263"),
    _key("escalation.of.role | strs | any | one of these roles", "GOV260"),
    _key("escalation.of.same | enums | none | counted apart by this", "GOV263", values=("intent",)),
    _key("context.id | str | required | stable name", "GOV264", "GOV211"),
    _key("context.at | enums | required | at which moments", "GOV264", values=MOMENTS),
    _key("context.priority | int | 50 | the highest is kept first", "GOV264"),
    _key("context.keep | bool | false | never dropped for want of room", "GOV264"),
    _key("context.when | matchers | none | only where this holds", *_MATCH),
    _key("context.text | str | required | the text, with placeholders", "GOV264"),
    _key("exempt.rule | str | required | the rule's id", "GOV250"),
    _key("exempt.when | matchers | none | only where this holds", *_MATCH),
    _key("exempt.reason | str | required | why, for the journal", "GOV250"),
    _key("exempt.until | date | none | the last day on which it holds", "GOV250"),
    *SCENARIO_KEYS,
)

CODES: Mapping[str, str] = {
    "GOV201": "no language version",
    "GOV202": "a language version or feature that this engine does not have",
    "GOV203": "the pack does not say what it is",
    "GOV204": "unknown variable",
    "GOV205": "a variable of the wrong type",
    "GOV206": "a set of tools that cannot be",
    "GOV207": "unknown key",
    "GOV208": "wrong type",
    "GOV210": "an id of the wrong form",
    "GOV211": "a name that is taken",
    "GOV212": "unknown event",
    "GOV213": "unknown tool",
    "GOV220": "unknown fact",
    "GOV221": "a fact that a named tool or event does not have",
    "GOV222": "unknown operator",
    "GOV223": "an operator that does not fit the fact",
    "GOV224": "a value that does not fit the fact",
    "GOV225": "a value that is none of those allowed",
    "GOV226": "a matcher that can never hold",
    "GOV227": "a pattern that RE2 refuses",
    "GOV228": "a path without a folder",
    "GOV229": "an empty matcher, or too few alternatives",
    "GOV230": "an unknown key of a past event",
    "GOV231": "not exactly one of a past event, a label and a file",
    "GOV232": "a span that cannot be",
    "GOV233": "an outcome that cannot be",
    "GOV234": "a fact that then and now do not have in common",
    "GOV235": "a label of the wrong form, that no rule sets, or all but the same as another",
    "GOV236": "a limit that cannot be",
    "GOV237": "a redirect that leads back to itself",
    "GOV238": "a demand that nothing can meet",
    "GOV240": "unknown action",
    "GOV241": "an allow that changes nothing",
    "GOV242": "a rewrite that cannot be done",
    "GOV243": "terms of asking",
    "GOV244": "terms of denying",
    "GOV245": "terms of halting",
    "GOV246": "a table of another action",
    "GOV247": "no message, or an unknown placeholder",
    "GOV250": "an exemption that may not be",
    "GOV251": "a remedy that is refused",
    "GOV252": "no examples",
    "GOV253": "an example that fails",
    "GOV254": "a known gap that is none, or says nothing",
    "GOV255": "rules that overlap",
    "GOV256": "what a set or a glob stands for",
    "GOV257": "a rule that a host in use cannot enforce as written",
    "GOV258": "a loosening of an upper layer",
    "GOV259": "a pack that is not trusted loosens nothing",
    "GOV260": "unknown role or tool of a role",
    "GOV261": "a first tool that the role may not use",
    "GOV262": "a role that contradicts another",
    "GOV263": "a step of the ladder that cannot be",
    "GOV264": "a context block that cannot be",
    "GOV265": "blocks that must be kept exceed the budget",
    "GOV266": "a rule that another one covers",
    "GOV267": "an exemption that nothing needs",
    "GOV268": "a rule on text that the same command gets past",
    "GOV271": "a rule on time without a time zone",
    "GOV272": "an undeclared field",
    "GOV273": "the record of trust cannot be read",
    "GOV274": "a recorded schema that cannot be",
    "GOV280": "a scenario that cannot be played",
    "GOV281": "a scenario that fails",
}
"""Stable code of a rule file's problem → its title; each has a page in the docs."""
