"""
Facts of an event: what a call, a result and a session are, in canonical terms.

Facts are plain JSON values, `Unknown` where the host sent what cannot be read, or
`Deferred` where they are read off a command line, which is only done when something asks:
take them by `fact_of`. The entry `REAL_PATHS` is no fact: it holds where links lead, for
matchers of paths. Nor is `MEANT`: it holds the facts of the calls that a foreign tool's call
comes to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta, timezone

from attrs import evolve

from governance.calls import ToolCall
from governance.rules.deferred import Deferred
from governance.rules.domains import hosts_of
from governance.rules.fact_table import (
    BY_COMMAND,
    DOMAINS_OF,
    NAME_GLOBS,
    READS_OF,
    REMOVES_OF,
    TOOLS,
    WEEKDAYS,
    WRITES_OF,
    Unknown,
    tool_class,
)
from governance.rules.globs import composed
from governance.rules.intents import intent_of
from governance.rules.matchers import REAL_PATHS
from governance.rules.partial import HOLE
from governance.rules.paths import Places
from governance.rules.shell_facts import ShellCall, deferred_call
from governance.rules.shell_intents import shell_intent
from governance.rules.verdicts import RuleEvent
from governance.values import mend_text

SEVERAL_MAX = 1_000
"""Paths or addresses of one call that are decided one by one; a longer list is unknown."""

MEANT = "meant"
"""Key of the facts of calls under which those stand that they come to."""

GUESSED = "guessed"
"""Key under which such facts say that the tool may as well do something else."""

NOWHERE = f"/{HOLE}"
"""The working folder of a call that nobody can tell: what is relative to it is unknown."""

_FOREIGN = frozenset({"mcp", "other"})
_OF_FOREIGN = ("server", "mcp_tool", MEANT)
_SEVERAL = ("path", "url")
_FILLED = (
    (READS_OF, "reads"),
    (WRITES_OF, "writes"),
    (REMOVES_OF, "removes"),
    (DOMAINS_OF, "domains"),
)
_SEARCHES = frozenset({"grep", "glob"})
_SPAN_MS = 253_370_764_800_000  # the year 9999, the last that a calendar here can hold


def facts_of_call(call: ToolCall, places: Places) -> dict[str, object]:
    """
    Everything that rules may know of *call*: own facts, paths, domains, intent, arguments.

    A value of the wrong type is `Unknown`. A call that names several paths or addresses
    has a list under ``path`` or ``url``, and `RuleSet.decide` decides it for each.
    """
    kind = tool_class(call.tool)
    facts: dict[str, object] = {"tool": call.tool}
    real: dict[str, str] = {}
    if call.native:
        facts["native"] = clean_text(call.native)
    cwd = _cwd(call, places, real)
    facts["cwd"] = cwd
    base = cwd if isinstance(cwd, str) else NOWHERE
    for name in TOOLS[kind].own:
        value = call.own.get(name)
        if value is not None:
            facts[name] = _own_fact(name, value, places, base, real)
    if kind == "mcp":
        _, server, tool = (*call.tool.split(":", 2), "", "")[:3]
        facts.setdefault("server", clean_text(server))
        facts.setdefault("mcp_tool", clean_text(tool))
    if kind in _SEARCHES and "path" not in facts:
        facts["path"] = cwd  # a search without a path is one of the working folder
    for table, name in _FILLED:
        _fill(facts, name, table.get(kind))
    for name, argument in call.args.items():
        facts[f"args.{name}"] = _plain(argument)
    if kind == "shell":
        facts[REAL_PATHS] = real  # what the line names is put into it when it is read
        _read_by_need(facts, call, places, base, real)
    else:
        if real:
            facts[REAL_PATHS] = real
        facts["intent"] = intent_of(call, facts)
    if kind in _FOREIGN or (kind == "grep" and any(one in call.args for one in NAME_GLOBS)):
        _add_meant(facts, call, places, real)
    return facts


def _add_meant(
    facts: dict[str, object], call: ToolCall, places: Places, real: dict[str, str]
) -> None:
    """The facts of the calls that *call* comes to, and its intent where it comes to one."""
    # Few calls need them.
    from governance.rules.meant import calls_meant, says_what_it_does
    from governance.rules.searched import files_searched

    found = files_searched(call) if call.tool == "grep" else calls_meant(call)
    meant = [facts_of_call(evolve(one, args={}), places) for one in found]
    if not meant:
        return
    if call.tool != "grep" and not says_what_it_does(call):
        meant = [{**one, GUESSED: True} for one in meant]
    facts[MEANT] = tuple(meant)
    for one in meant:
        links = one.get(REAL_PATHS)
        real.update(links if isinstance(links, dict) else {})
    if real:
        facts[REAL_PATHS] = real
    if len(meant) == 1 and call.tool != "grep":
        facts["intent"] = meant[0]["intent"]


def _read_by_need(
    facts: dict[str, object],
    call: ToolCall,
    places: Places,
    cwd: str | None,
    real: dict[str, str],
) -> None:
    """Everything that is read off the command line, once it is asked for."""
    text = facts.get("command")
    line = Deferred(deferred_call(text, call.native, cwd=cwd, places=places, real=real))
    facts["shell"] = line

    def listed(name: str) -> Callable[[], object]:
        def make() -> object:
            read = line.value()
            return read.all(name) if isinstance(read, ShellCall) else read

        return make

    for name in BY_COMMAND:
        facts[name] = Deferred(listed(name))
    facts["intent"] = Deferred(lambda: shell_intent(line.value(), text))


def _cwd(call: ToolCall, places: Places, real: dict[str, str]) -> str | Unknown:
    return _path(call.cwd or places.project, places, None, real)


def _path(text: str, places: Places, cwd: str | None, real: dict[str, str]) -> str | Unknown:
    forms = places.forms(text, cwd)
    if isinstance(forms, Unknown):
        return forms
    spelled, followed = forms
    if cwd == NOWHERE and HOLE in spelled:
        return Unknown(f"`{text[:200]}` lies in a folder that is not known")
    if spelled != followed:
        real[spelled] = followed
    return spelled


def _own_fact(
    name: str, value: object, places: Places, cwd: str | None, real: dict[str, str]
) -> object:
    if isinstance(value, (list, tuple)) and name in _SEVERAL:
        if not 0 < len(value) <= SEVERAL_MAX:
            return Unknown(f"`{name}` names {len(value)} things")
        several = [_own_fact(name, one, places, cwd, real) for one in value]
        return several if len(several) > 1 else several[0]
    if type(value) is not str:
        return Unknown(f"`{name}` is no string")
    return _path(value, places, cwd, real) if name == "path" else clean_text(value)


def _fill(facts: dict[str, object], name: str, source: str | None) -> None:
    if source is None or source not in facts:
        return
    value = facts[source]
    each = value if isinstance(value, list) else [value]
    if source == "url":
        hosts = [host for one in each for host in _hosts(one)]
        facts[name] = list(dict.fromkeys(hosts))
    else:
        facts[name] = each


def _hosts(address: object) -> Sequence[object]:
    return hosts_of(address) if isinstance(address, str) else (address,)


def _plain(value: object) -> object:
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, Mapping):
        return Unknown("a table of arguments has no value of its own")
    return value


def clean_text(text: str) -> str:
    """*text* as matchers take it: NFC, no lone surrogate, no NUL."""
    if text.isascii():
        return text.replace("\0", "\u2400") if "\0" in text else text
    return composed(mend_text(text))


def one_by_one(event: RuleEvent) -> tuple[RuleEvent, ...]:
    """*event* once for each path and each address that its call names, or comes to."""
    facts = event.facts
    events: tuple[RuleEvent, ...] = (event,)
    meant = facts.get(MEANT)
    if isinstance(meant, tuple):
        events = (event, *(split for one in meant for split in one_by_one(_beside(event, one))))
    for name in _SEVERAL:
        # Those that the call comes to were split when they were made, and stand beside it.
        events = tuple(split for one in events for split in _split(one, name))
    return events


def _beside(event: RuleEvent, meant: Mapping[str, object]) -> RuleEvent:
    """*event* as the call that it comes to; its links are known already."""
    facts = {name: one for name, one in event.facts.items() if name not in _OF_FOREIGN}
    return RuleEvent(event.on, {**facts, **meant}, event.call, beside=True)


def _split(event: RuleEvent, name: str) -> list[RuleEvent]:
    facts = event.facts
    values = facts.get(name)
    if not isinstance(values, list):
        return [event]
    made: list[RuleEvent] = []
    for value in values:
        single: dict[str, object] = {**facts, name: value}
        for table, fact in _FILLED:
            if table.get(tool_class(str(facts.get("tool")))) == name:
                _fill(single, fact, name)
        made.append(evolve(event, facts=single))
    return made


def session_facts(
    *,
    role: str | None = None,
    depth: int = 0,
    state: str = "",
    host: str = "",
    model: str = "",
    labels: Sequence[str] = (),
    turn: int = 0,
    at_ms: int | None = None,
    time_zone: str = "",
    approvals_open: int = 0,
    usage: Mapping[str, object] | None = None,
    fields: Mapping[str, object] | None = None,
    parent_roles: Sequence[str] = (),
) -> dict[str, object]:
    """
    The facts that every event has, from plain values; what is empty is missing.

    Args:
        at_ms: Milliseconds since the epoch; with *time_zone* (IANA) it gives `time` and
            `weekday`.

        parent_roles: Roles of the session's parents: a child may do what all of them may.
    """
    facts: dict[str, object] = {
        "depth": depth,
        "turn": turn,
        "labels": [clean_text(one) for one in labels],
        "approvals_open": approvals_open,
    }
    for name, value in (("role", role), ("state", state), ("host", host), ("model", model)):
        if value:
            facts[name] = clean_text(value)
    for name, number in (usage or {}).items():
        facts[f"usage.{name}"] = number
    for name, given in (fields or {}).items():
        facts[f"fields.{name}"] = _plain(given)
    if parent_roles:
        facts["parent_roles"] = list(parent_roles)
    if at_ms is not None:
        facts["at_ms"] = at_ms
        facts.update(_time_facts(at_ms, time_zone))
    return facts


def _time_facts(at_ms: int, time_zone: str) -> dict[str, object]:
    if not time_zone:
        return {}
    from zoneinfo import ZoneInfo

    try:
        zone = ZoneInfo(time_zone)
    except (KeyError, ValueError, OSError):
        unknown = Unknown(f"no such time zone: `{time_zone}`")
        return {"time": unknown, "weekday": unknown}
    if not 0 <= at_ms < _SPAN_MS:
        unknown = Unknown("a time that no calendar holds")
        return {"time": unknown, "weekday": unknown}
    start = datetime(1970, 1, 1, tzinfo=timezone.utc)  # noqa: UP017 — `UTC` costs an import
    now = (start + timedelta(milliseconds=at_ms)).astimezone(zone)
    return {"time": now.strftime("%H:%M:%S"), "weekday": WEEKDAYS[now.weekday()]}


def result_facts(
    *,
    outcome: str,
    output: str | None = None,
    error: str | None = None,
    exit_code: int | None = None,
    duration_ms: int | None = None,
) -> dict[str, object]:
    """The facts that a result adds to those of its call."""
    given = {
        "outcome": outcome,
        "output": None if output is None else clean_text(output),
        "error": None if error is None else clean_text(error),
        "exit_code": exit_code,
        "duration_ms": duration_ms,
    }
    return {name: value for name, value in given.items() if value is not None}


def plain_facts(data: Mapping[str, object]) -> dict[str, object]:
    """*data* of any other event, cleaned; tables become dotted facts."""
    facts: dict[str, object] = {}
    for name, value in data.items():
        if isinstance(value, Mapping):
            facts.update({f"{name}.{key}": _plain(one) for key, one in value.items()})
        elif value is not None:
            facts[name] = _plain(value)
    return facts
