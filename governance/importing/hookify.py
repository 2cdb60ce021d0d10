"""
Rule files of hookify: Markdown whose front matter says what to watch for.

The front matter is read as that plugin reads it: `key: value` a line, values as they
stand but for one pair of quotes, `conditions` as a list of such lines. That is less than
YAML, and what is more than it is refused. Patterns are searched without regard to case.
Source: the plugin's documentation of its rules, and its loader and rule engine.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from attrs import field

from governance._attrs import frozen
from governance.importing import commands
from governance.importing.samples import sample_of
from governance.importing.values import (
    TEXT_CHARACTERS_MAX,
    Entry,
    Reading,
    Rule,
    Source,
    Table,
    message_of,
    text_of,
    unreadable,
)
from governance.rules.patterns import PatternRefused, compile_pattern

BYTES_MAX = 500_000
LINES_MAX = 500

_KEYS = ("name", "enabled", "event", "pattern", "conditions", "action", "tool_matcher")
_CONDITION_KEYS = ("field", "operator", "pattern")
_EVENTS = ("bash", "file", "stop", "prompt", "all")
_ACTIONS: Mapping[str, str] = {"warn": "warn", "block": "deny"}
_FIELDS: Mapping[str, Mapping[str, str]] = {
    "bash": {"command": "command"},
    "file": {
        "file_path": "path",
        "content": "content",
        "new_text": "content",
        "new_string": "content",
        "old_text": "removed",
        "old_string": "removed",
    },
    "prompt": {"user_prompt": "prompt"},
}
_DEFAULT_FIELD: Mapping[str, str] = {"bash": "command", "file": "new_text", "prompt": "user_prompt"}
_TOOLS: Mapping[str, tuple[str, ...]] = {
    "Bash": ("shell",),
    "Write": ("write",),
    "Edit": ("edit",),
    "MultiEdit": ("edit",),
}
_PAIR = re.compile(r"(?P<key>[A-Za-z_][A-Za-z0-9_]*)\s*:(?:\s+(?P<value>.*))?")
_INLINE = re.compile(r",\s*(?=(?:field|operator|pattern)\s*:)")
_ABSENT = "zz"


@frozen
class _Condition:
    field: str
    operator: str
    pattern: str
    line: int


@frozen
class _File:
    """One rule file: its keys with their lines, its conditions, and the text below."""

    name: str
    keys: Mapping[str, tuple[str, int]]
    conditions: tuple[_Condition, ...]
    body: str = field(repr=False)

    def get(self, key: str, default: str = "") -> str:
        return self.keys.get(key, (default, 0))[0]

    def line(self, key: str) -> int:
        return self.keys.get(key, ("", 1))[1]


def read(source: Source, reading: Reading) -> None:
    """
    Read one rule file.

    Raises:
        DefinitionError: GOV670, there is no front matter, or more in it than is understood.
    """
    found = _file(source)
    entry = Entry(source.file, found.line("name"), found.get("name") or source.file)
    reading.count(entry)
    why = _cannot(found)
    if why:
        reading.leave(entry, why)
        return
    event = found.get("event", "all")
    conditions = found.conditions or _simple(found, event)
    if not conditions:
        reading.leave(entry, "it has neither `pattern` nor `conditions`, so it never matches")
        return
    if event == "all":
        event = _event_of(conditions)
    if event not in _FIELDS:
        reading.leave(entry, "its fields are of no event that is known here")
        return
    _rule(reading, entry, found, event, conditions)


def _cannot(found: _File) -> str:
    event, action = found.get("event", "all"), found.get("action", "warn")
    for key in found.keys:
        if key not in _KEYS:
            return f"`{key}` is no key of a rule that is known here"
    if found.get("enabled", "true").lower() == "false":
        return "it is switched off"
    if event == "stop":
        return "no rule here looks at the end of a turn"
    if event not in _EVENTS:
        return f"`{event}` is no event; `bash`, `file`, `prompt`, `stop`, `all` are"
    if action not in _ACTIONS:
        return f"`{action}` is no action; `warn` and `block` are"
    return ""


def _simple(found: _File, event: str) -> tuple[_Condition, ...]:
    pattern = found.get("pattern")
    if not pattern:
        return ()
    name = _DEFAULT_FIELD.get(event, "content")
    return (_Condition(name, "regex_match", pattern, found.line("pattern")),)


def _event_of(conditions: tuple[_Condition, ...]) -> str:
    """The event whose fields all *conditions* look at, for a rule about every event."""
    names = {one.field for one in conditions}
    return next((event for event, known in _FIELDS.items() if names <= set(known)), "all")


def _rule(
    reading: Reading,
    entry: Entry,
    found: _File,
    event: str,
    conditions: tuple[_Condition, ...],
) -> None:
    tools = _tools(found, event, conditions)
    if tools == ():
        reading.leave(entry, "no tool that is known here has all its fields")
        return
    when: dict[str, Table] = {}
    example: Table = {}
    for one in conditions:
        fact = _FIELDS[event].get(one.field)
        if fact is None:
            reading.leave(entry, f"`{one.field}` is no field of `{event}` events")
            return
        try:
            matcher, sample = _matcher(one)
        except (ValueError, PatternRefused) as error:
            reading.leave(Entry(entry.file, one.line, entry.text), str(error))
            return
        known = when.get(fact)
        when[fact] = matcher if known is None else {**known, **_beside(known, matcher)}
        # A text that must be there goes before one that must not.
        if one.operator.startswith("not_"):
            example.setdefault(fact, sample)
        elif known is None or example.get(fact) == _ABSENT:
            example[fact] = sample
        else:
            example[fact] = f"{example[fact]} {sample}"
    action = _ACTIONS[found.get("action", "warn")]
    table: Table = {"on": "prompt"} if event == "prompt" else {"tools": list(tools or ())}
    said = message_of(found.body) or f"`{found.name}` has matched."
    table |= {"when": when, "action": action, "message": said}
    matches, misses = _examples(event, tools or (), when, example)
    reading.rules.append(
        Rule(entry=entry, name=found.name, table=table, matches=matches, misses=misses)
    )
    _tell(reading, entry, found, event, tools or ())


def _tools(found: _File, event: str, conditions: tuple[_Condition, ...]) -> tuple[str, ...] | None:
    """Canonical tools that the rule is about; ``None`` on prompts."""
    if event == "prompt":
        return None
    named: tuple[str, ...] = ("shell",) if event == "bash" else ("write", "edit")
    matcher = found.get("tool_matcher")
    if matcher and matcher != "*":
        wanted = {one for name in matcher.split("|") for one in _TOOLS.get(name.strip(), ())}
        named = tuple(one for one in named if one in wanted)
    if any(_FIELDS[event].get(one.field) == "removed" for one in conditions):
        named = tuple(one for one in named if one == "edit")
    return named


def _matcher(one: _Condition) -> tuple[Table, str]:
    """The matcher of one condition, and a text that it holds for."""
    pattern = one.pattern
    if not pattern:
        raise ValueError("an empty pattern fits everything")
    if len(pattern) > TEXT_CHARACTERS_MAX:
        raise ValueError(f"a pattern of more than {TEXT_CHARACTERS_MAX} characters")
    match one.operator:
        case "regex_match" | "not_regex_match":
            source = f"(?i){pattern}"
            try:
                sample = sample_of(source)
            except PatternRefused as error:
                raise ValueError(f"RE2 refuses the pattern `{pattern}`: {error}") from None
            if one.operator == "not_regex_match":
                if compile_pattern(source).search(_ABSENT) is not None:
                    raise ValueError(f"no example could be made of what `{pattern}` leaves out")
                return {"not": {"regex": source}}, _ABSENT
            if sample is None:
                raise ValueError(f"no example could be made of the pattern `{pattern}`")
            return {"regex": source}, sample
        case "contains":
            return {"contains": pattern}, pattern
        case "equals":
            return {"equals": pattern}, pattern
        case "starts_with":
            return {"starts_with": pattern}, pattern
        case "ends_with":
            return {"ends_with": pattern}, pattern
        case "not_contains":
            return {"not": {"contains": pattern}}, _ABSENT
        case _:
            raise ValueError(f"`{one.operator}` is no operator of the source: it never matches")


def _beside(known: Table, matcher: Table) -> Table:
    """*matcher* so that it can stand beside *known* in one table: both have to hold."""
    taken = [key for key in matcher if key in known]
    if not taken:
        return matcher
    if "not" not in known and taken != ["not"]:
        return {"not": {"not": matcher}}
    raise ValueError("two conditions on one field are of a kind that one table cannot hold")


def _examples(
    event: str, tools: tuple[str, ...], when: Mapping[str, Table], example: Table
) -> tuple[tuple[tuple[Table, ...], ...], tuple[tuple[Table, ...], ...]]:
    if event == "prompt":
        texts: tuple[Table, ...] = tuple({"prompt": text} for text in ("hello", "zz", "1"))
        return ((example,),), tuple((one,) for one in texts)
    tool = tools[0]
    if tool == "shell":
        return ((commands.shell(str(example["command"])),),), commands.shell_misses()
    plain: Table = {"path": "a.txt", "content": "zz"}
    if tool == "edit":
        plain["removed"] = "zz"
    good: Table = {"tool": tool, **plain, **example}
    path = str(example.get("path", "a.txt"))
    # A path is compared absolute; what a pattern wants before the name must stand there.
    absolute: Table = {**good, "path": path if path.startswith("/") else f"/{path}"}
    misses: list[Table] = []
    for text in ("zz", "1", "hello"):
        said: Table = {name: text for name in when if name != "path"}
        misses += [{"tool": tool, **plain, **said, "path": at} for at in ("zz.none", "other/1")]
    misses.append({"tool": "todo"})
    return ((good,), (absolute,)), tuple((one,) for one in misses)


def _tell(reading: Reading, entry: Entry, found: _File, event: str, tools: tuple[str, ...]) -> None:
    if event == "bash":
        reading.tell(entry, commands.TEXTUAL)
    elif event == "prompt" and found.get("action") == "block":
        reading.tell(entry, "the source only showed its message; here the prompt is refused")
    elif event == "file" and "write" in tools:
        reading.tell(
            entry, "the source looks for `new_text` in edits alone; here in whole files too"
        )
    if found.get("event", "all") == "all":
        reading.tell(entry, f"it is about `{event}` events here, for only these have its fields")


def _file(source: Source) -> _File:
    text = text_of(source, BYTES_MAX)
    lines = text.splitlines()
    end = next((at for at in range(1, len(lines)) if lines[at].strip() == "---"), 0)
    if lines[0].strip() != "---" or not end:
        message = "there is no front matter between two lines of `---`"
        raise unreadable(source.file, 1, message, "give a rule file of hookify")
    if end > LINES_MAX:
        raise unreadable(source.file, 1, f"the front matter has more than {LINES_MAX} lines")
    keys: dict[str, tuple[str, int]] = {}
    items: list[dict[str, tuple[str, int]]] = []
    within = ""
    for number, line in enumerate(lines[1:end], 2):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        if not line[0].isspace() and not stripped.startswith("-"):
            key, value = _pair(source, stripped, number)
            if key in keys:
                raise unreadable(source.file, number, f"the key `{key}` stands twice")
            keys[key] = (value, number)
            within = "" if value else key
        elif within == "conditions":
            _item(source, stripped, number, items)
        else:
            message = f"`{stripped[:60]}` belongs to no list of conditions"
            raise unreadable(source.file, number, message, "write `key: value` on one line")
    conditions = tuple(_condition(source, one) for one in items)
    body = "\n".join(lines[end + 1 :]).strip()
    return _File(keys.get("name", (source.file, 1))[0], keys, conditions, body)


def _item(
    source: Source, stripped: str, number: int, items: list[dict[str, tuple[str, int]]]
) -> None:
    """One line of the list: it begins a condition, or goes on with the last one."""
    text = stripped
    if stripped.startswith("-"):
        items.append({})
        text = stripped[1:].strip()
    elif not items:
        raise unreadable(source.file, number, f"`{stripped[:60]}` stands before the first `-`")
    for part in _INLINE.split(text) if text else ():
        key, value = _pair(source, part.strip(), number)
        if key not in _CONDITION_KEYS:
            raise unreadable(source.file, number, f"`{key}` is no key of a condition")
        if key in items[-1]:
            raise unreadable(source.file, number, f"the key `{key}` stands twice")
        items[-1][key] = (value, number)


def _pair(source: Source, text: str, number: int) -> tuple[str, str]:
    found = _PAIR.fullmatch(text)
    if found is None:
        message = f"`{text[:60]}` is not of the form `key: value`"
        raise unreadable(source.file, number, message, "only such lines are understood")
    value = (found["value"] or "").strip()
    if value in ("|", ">", "|-", ">-"):
        raise unreadable(source.file, number, "a text of several lines is not understood")
    return found["key"], value.strip('"').strip("'")


def _condition(source: Source, item: Mapping[str, tuple[str, int]]) -> _Condition:
    name, line = item.get("field", ("", 0))
    pattern, at = item.get("pattern", ("", line))
    if not name:
        raise unreadable(source.file, at, "a condition without `field`")
    return _Condition(name, item.get("operator", ("regex_match", 0))[0], pattern, at or line)
