"""
Reading one ``[[rule]]``: its keys, the tables of its action, its examples.

Whether its facts exist and its matchers can hold is found when it is compiled; whether its
examples hold, when they are run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from attrs import evolve

from governance.errors import Problem, strange_sign
from governance.rules.changes import read_changes
from governance.rules.draft import Draft, get, tables
from governance.rules.format import Example, Rule, Table
from governance.rules.reading import (
    EVENTS_FORM,
    Findings,
    Path,
    keys_of,
    kind_of,
    one_slip,
    read_keys,
)
from governance.rules.variables import EXAMPLES
from governance.rules.verdicts import AskTerms
from governance.rules.vocabulary import Vocabulary

NAME = re.compile(r"[a-z0-9]+([._-][a-z0-9]+)*")
RULE_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)+")

TOOL_EVENTS = ("tool", "tool-result")
LABELLING = ("tool", "tool-result", "prompt", "command")
"""Events whose rules may set labels."""


def read_rule(draft: Draft, raw: Mapping[str, object], position: int) -> None:
    findings, path = draft.findings, ("rule", position)
    values = read_keys(findings, "rule", raw, path)
    draft.stated["rule", position] = values
    rule_id = get(values, "id", "")
    if rule_id and not RULE_ID.fullmatch(rule_id):
        mend = "write `group.name` in lower-case letters, digits and hyphens"
        text = f"`{rule_id}` is no id of a rule{strange_sign(rule_id)}"
        findings.wrong("GOV210", text, (*path, "id"), mend)
    if ("on" in raw and "on" not in values) or ("tools" in raw and "tools" not in values):
        draft.unread.add(position)
    on = get(values, "on", "tool")
    if values.get("tools") == ():
        mend = "leave `tools` out to mean all"
        findings.wrong("GOV213", "no tool is named", (*path, "tools"), mend)
    elif "tools" in values and on not in TOOL_EVENTS:
        mend = "take `tools` out, or `on`"
        findings.wrong("GOV213", f"`tools` is for tool events, not `{on}`", (*path, "tools"), mend)
        draft.unread.add(position)
    for key in ("when", "unless"):
        if key in values and not values[key]:
            mend = f"say what of the event, or leave `{key}` out"
            findings.wrong("GOV229", "an empty table asks nothing", (*path, key), mend)
    action = get(values, "action", cast("Any", "warn"))
    terms = _action_tables(findings, values, raw, path, on)
    _check_demands(findings, values, raw, path)
    draft.rules.append(
        Rule(
            id=rule_id or f"?{position}",
            pack=draft.name,
            layer=draft.layer,
            position=position,
            on=on,
            tools=get(values, "tools", ()),
            when=get(values, "when", cast("Table", {})),
            unless=get(values, "unless", cast("Table", {})),
            any=get(values, "any", ()),
            **_demands(findings, values, path, on),
            action=action,
            ask=_ask_terms(terms.get("ask", {})),
            override=get(terms.get("deny", {}), "override", "none"),
            halt_scope=get(terms.get("halt", {}), "scope", cast("Any", "turn")),
            message=get(values, "message", ""),
            severity=get(values, "severity", cast("Any", "medium")),
            mode=get(values, "mode", cast("Any", "enforce")),
            unknown=get(values, "unknown", cast("Any", "ask")),
            labels=_read_labels(findings, get(values, "labels", ()), path, on),
            exempt=get(values, "exempt", cast("Any", "layer")),
            remedy=_read_remedy(findings, values, path, on),
            **_all_examples(draft, values, path, on),
        )
    )


def read_rewrites(draft: Draft, vocabulary: Vocabulary) -> None:
    """Read the ``rewrite`` tables of *draft*, now that all sets and fields are known."""
    for index, rule in enumerate(draft.rules):
        raw = draft.stated["rule", rule.position].get("rewrite")
        if raw is None or rule.position in draft.unread or rule.action != "rewrite":
            continue
        # What is wrong with the tools themselves is reported when the rule is compiled.
        tools = vocabulary.expand_tools(rule.tools, (), lambda _: None) if rule.tools else None
        path = (*rule.path, "rewrite")
        changes = read_changes(
            draft.findings, raw, path, on=rule.on, tools=tools, vocabulary=vocabulary
        )
        draft.rules[index] = evolve(rule, rewrite=changes)


def _demands(
    findings: Findings, values: Mapping[str, object], path: Path, on: str
) -> dict[str, Any]:
    """What the rule demands of the past, as fields of `Rule`."""
    made: dict[str, Any] = {}
    if not any(name in values for name in ("requires", "forbids", "limit")):
        return made
    from governance.rules.drafting_demands import read_forbids, read_limit, read_requires

    if "requires" in values:
        made["requires"] = read_requires(findings, values["requires"], (*path, "requires"))
    if "forbids" in values:
        made["forbids"] = read_forbids(findings, values["forbids"], (*path, "forbids"))
    limit = values.get("limit")
    if isinstance(limit, dict):
        made["limit"] = read_limit(findings, limit, (*path, "limit"), on)
    return made


_TABLES = ("rewrite", "ask", "deny", "halt")


def _action_tables(
    findings: Findings,
    values: Mapping[str, object],
    raw: Mapping[str, object],
    path: Path,
    on: str,
) -> dict[str, Mapping[str, object]]:
    """The terms of the rule's own action; tables of other actions are GOV246."""
    action = values.get("action")
    found: dict[str, Mapping[str, object]] = {}
    for name in _TABLES:
        if name not in values:
            continue
        if action is not None and action != name:
            message = f'`{name}` belongs to `action = "{name}"`, and this is `{action}`'
            mend = f"take `{name}` out, or change the action"
            findings.wrong("GOV246", message, (*path, name), mend)
        elif name != "rewrite":
            terms = cast("Mapping[str, object]", values[name])
            found[name] = read_keys(findings, f"rule.{name}", terms, (*path, name))
    if action == "rewrite" and "rewrite" not in raw:
        findings.wrong("GOV242", "a rewrite names no change", path, "write `rewrite.FACT = …`")
    uses = found.get("ask", {}).get("uses", 1)
    if isinstance(uses, int) and uses < 1:
        message = f"`uses` must be 1 or more, not {uses}"
        findings.wrong("GOV243", message, (*path, "ask", "uses"))
    if found.get("deny", {}).get("override", "none") != "none" and on != "command":
        message = "only commands can be overridden"
        mend = 'take it out, or write `on = "command"`'
        findings.wrong("GOV244", message, (*path, "deny", "override"), mend)
    return found


def _ask_terms(values: Mapping[str, object]) -> AskTerms:
    return AskTerms(
        expires_seconds=get(values, "expires", 600),
        uses=get(values, "uses", 1),
        scope=get(values, "scope", cast("Any", "call")),
    )


def _check_demands(
    findings: Findings, values: Mapping[str, object], raw: Mapping[str, object], path: Path
) -> None:
    """What an action demands: a message, examples; what `any` and the matchers demand."""
    action = values.get("action")
    inside = [value for value in raw.values() if isinstance(value, dict)]
    if action in ("warn", "ask", "deny", "halt") and not _given("message", raw, inside):
        mend = "say what is wrong and what to do instead"
        findings.wrong("GOV247", f"a rule that says `{action}` has no `message`", path, mend)
    if action in ("ask", "deny", "halt"):
        for name in ("must_match", "must_not_match"):
            if not _given(name, raw, inside):
                mend = f"give at least one event in `{name}`: write `{EVENTS_FORM}`"
                message = f"a rule that says `{action}` has no `{name}`"
                findings.wrong("GOV252", message, path, mend)
            elif values.get(name) == ():
                mend = f"give an event: write `{EVENTS_FORM}`"
                findings.wrong("GOV252", f"`{name}` is empty", (*path, name), mend)
    alternatives = values.get("any")
    if isinstance(alternatives, tuple) and len(alternatives) < 2:
        mend = "write a single one under `when`"
        message = "`any` takes two alternatives or more"
        findings.wrong("GOV229", message, (*path, "any"), mend)


def _given(name: str, raw: Mapping[str, object], inside: Sequence[Mapping[str, object]]) -> bool:
    # A key that slipped into a table, or was misspelled, is reported there alone.
    known = keys_of("rule")
    return (
        name in raw
        or any(name in table for table in inside)
        or any(one not in known and one_slip(one, name) for one in raw)
    )


def _read_labels(
    findings: Findings, labels: tuple[str, ...], path: Path, on: str
) -> tuple[str, ...]:
    if labels and on not in LABELLING:
        known = ", ".join(f"`{one}`" for one in LABELLING)
        message = f"a rule on `{on}` sets no labels"
        findings.wrong("GOV235", message, (*path, "labels"), f"set them by a rule on {known}")
    for index, label in enumerate(labels):
        if not NAME.fullmatch(label):
            mend = "use lower-case letters, digits, and single `.`, `_`, `-`"
            message = f"`{label}` is no label"
            findings.wrong("GOV235", message, (*path, "labels", index), mend)
    return labels


def _read_remedy(
    findings: Findings, values: Mapping[str, object], path: Path, on: str
) -> Example | None:
    raw = values.get("remedy")
    return read_example(findings, raw, (*path, "remedy"), on) if isinstance(raw, dict) else None


def _all_examples(
    draft: Draft, values: Mapping[str, object], path: Path, on: str
) -> dict[str, Any]:
    """The examples of a rule, as fields of `Rule`; none where nobody wants them."""
    if not draft.examples:
        return {}
    made = {name: _examples(draft.findings, values, name, path, on) for name in EXAMPLES}
    before = draft.happenings
    draft.happenings += sum(_happenings(one) for each in made.values() for one in each)
    if before <= HAPPENINGS_MAX < draft.happenings:
        message = f"more than {HAPPENINGS_MAX} events happen before the examples of this file"
        mend = "let less happen before each, or split the file"
        draft.findings.wrong("GOV224", message, path, mend)
    # Each is played: a file of a few lines must not hold up whoever loads it.
    return {} if draft.happenings > HAPPENINGS_MAX else made


def _happenings(example: Example) -> int:
    return example.repeat + sum(max(1, one.repeat) for one in example.after)


def _examples(
    findings: Findings, values: Mapping[str, object], name: str, path: Path, on: str
) -> tuple[Example, ...]:
    made = []
    for index, raw in enumerate(tables(values.get(name))):
        place = (*path, name, index)
        example = read_example(findings, raw, place, on, gap=name == "known_gaps")
        if example is not None:
            made.append(example)
    return tuple(made)


_SPECIAL = frozenset({"at", "why", "after", "repeat", "files"})
_OF_PAST = frozenset({"at", "repeat", "outcome"})
REPEAT_MAX = 2_000
"""How often one event of an example may be said to have happened."""

HAPPENINGS_MAX = 20_000
"""Events that may happen before all examples of one file together."""


def read_example(
    findings: Findings, raw: Mapping[str, object], path: Path, on: str, *, gap: bool = False
) -> Example | None:
    """An event as an author wrote it, or ``None`` when its frame is wrong."""
    before = len(findings.problems)
    facts, values = _apart(findings, raw, path, _SPECIAL)
    if not facts:
        findings.wrong("GOV224", "an example says nothing", path, "name what happens, by facts")
    elif on in TOOL_EVENTS and type(facts.get("tool")) is not str:
        findings.report(_no_tool(facts, path))
    if gap and "why" not in values:
        mend = "say in `why` why the rule misses it"
        findings.wrong("GOV254", "a known gap has no `why`", path, mend)
    elif "why" in raw and not gap:
        findings.wrong("GOV254", "`why` is for `known_gaps`", (*path, "why"), "take it out")
    after = [
        read_past(findings, one, (*path, "after", index))
        for index, one in enumerate(tables(values.get("after")))
    ]
    if len(findings.problems) > before:
        return None
    return Example(
        facts=facts,
        at=_moment(values),
        why=get(values, "why", ""),
        after=tuple(one for one in after if one is not None),
        repeat=_repeat(findings, values, path),
        files=get(values, "files", ()),
    )


def read_past(findings: Findings, raw: Mapping[str, object], path: Path) -> Example | None:
    """
    Something that happened before an example: a tool call, a prompt, a command, or a
    beginning (``event`` = ``turn``, ``compact``, ``reset``).
    """
    before = len(findings.problems)
    facts, values = _apart(findings, raw, path, _OF_PAST)
    if past_kind(facts) == "":
        slip = next((name for name in facts for one in _PAST_KINDS if one_slip(name, one)), None)
        mend = "name a `tool`, a `prompt`, a `command` or an `event`"
        if slip is None:
            findings.wrong("GOV224", "what happened is not said", path, mend)
        else:
            findings.wrong("GOV220", f"unknown fact `{slip}`", (*path, slip), mend)
    elif "event" in facts and facts["event"] not in BEGINNINGS:
        known = ", ".join(f"`{one}`" for one in BEGINNINGS)
        message = f"`event` is one of {known}, not `{facts['event']}`"
        findings.wrong("GOV225", message, (*path, "event"))
    if len(findings.problems) > before:
        return None
    return Example(
        facts=facts,
        at=_moment(values),
        repeat=_repeat(findings, values, path),
        outcome=get(values, "outcome", "ok"),
    )


BEGINNINGS = ("turn", "compact", "reset")
"""What an example can say has begun anew: a turn, the context, the epoch."""

_PAST_KINDS = ("event", "tool", "prompt", "command")


def past_kind(facts: Mapping[str, object]) -> str:
    """Which of its facts says what a past event is; ``""`` when none does."""
    return next((name for name in _PAST_KINDS if type(facts.get(name)) is str), "")


def _apart(
    findings: Findings, raw: Mapping[str, object], path: Path, special: frozenset[str]
) -> tuple[Mapping[str, object], Mapping[str, object]]:
    """The facts of an example, and the values of its own keys."""
    if special.isdisjoint(raw):
        return raw, {}
    own = {name: value for name, value in raw.items() if name in special}
    facts = {name: value for name, value in raw.items() if name not in special}
    return facts, read_keys(findings, "example", own, path)


def _moment(values: Mapping[str, object]) -> datetime | None:
    moment = values.get("at")
    return moment if isinstance(moment, datetime) else None


def _repeat(findings: Findings, values: Mapping[str, object], path: Path) -> int:
    repeat = get(values, "repeat", 0)
    if "repeat" in values and not 1 <= repeat <= REPEAT_MAX:
        message = f"`repeat` is 1 to {REPEAT_MAX}, not {repeat}"
        findings.wrong("GOV224", message, (*path, "repeat"))
    return repeat


def _no_tool(facts: Mapping[str, object], path: Path) -> Problem:
    slip = next((name for name in facts if one_slip(name, "tool")), None)
    if slip is not None:
        return Problem("GOV220", f"unknown fact `{slip}`", (*path, slip), "did you mean `tool`?")
    if "tool" in facts:
        what = kind_of(facts["tool"])
        return Problem("GOV224", f"`tool` must be a string, not {what}", (*path, "tool"))
    return Problem("GOV224", "the example of a tool rule names no `tool`", path)
