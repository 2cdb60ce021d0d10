"""
Reading what a rule demands of the past: ``requires``, ``forbids`` and ``limit``.

Whether the facts of a past event exist is found when the rule is compiled, and whether a
label is ever set when all files are linked.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve

from governance.rules.draft import get
from governance.rules.format import (
    LIMIT_MAX,
    PAST_EVENTS,
    RESULT_OUTCOMES,
    Limit,
    PastEvent,
    PastLabel,
    Prerequisite,
    PresentFile,
    Table,
)
from governance.rules.reading import Findings, Path, kind_of, read_keys

_KINDS = ("label", "file")
_OF_EVENTS = ("on", "tools", "when", "outcome", "same", "not_since")
_ALTERNATIVES_MAX = 32


def read_requires(
    findings: Findings, raw: object, path: Path
) -> tuple[tuple[Prerequisite, ...], ...]:
    """The groups of ``requires``: all of them must be found, of each at least one."""
    groups: list[tuple[Prerequisite, ...]] = []
    for one, place in _listed(findings, raw, path):
        if "any" in one:
            groups += _alternatives(findings, one, place)
        else:
            made = _prerequisite(findings, one, place, demand="requires")
            groups += [(made,)] if made is not None else []
    return tuple(groups)


def _alternatives(
    findings: Findings, raw: Mapping[str, object], path: Path
) -> list[tuple[Prerequisite, ...]]:
    for name in raw:
        if name != "any":
            message = "`any` stands alone: its alternatives have the other keys"
            findings.wrong("GOV231", message, (*path, name), "move it into each of them")
    several = _listed(findings, raw["any"], (*path, "any"))
    if not 2 <= len(several) <= _ALTERNATIVES_MAX:
        message = f"`any` takes 2 to {_ALTERNATIVES_MAX} alternatives"
        findings.wrong("GOV231", message, (*path, "any"), "write a single one without it")
    made = [_prerequisite(findings, one, place, demand="requires") for one, place in several]
    known = tuple(one for one in made if one is not None)
    return [known] if known else []


def read_forbids(findings: Findings, raw: object, path: Path) -> tuple[Prerequisite, ...]:
    """The past of ``forbids``, of which nothing may be found."""
    made = [
        _prerequisite(findings, one, place, demand="forbids")
        for one, place in _listed(findings, raw, path)
    ]
    return tuple(one for one in made if one is not None)


def read_limit(findings: Findings, raw: Mapping[str, object], path: Path, on: str) -> Limit | None:
    """The ``limit`` of a rule on events *on*, or ``None`` when it cannot be read."""
    values = read_keys(findings, "limit", raw, path)
    most = values.get("max")
    if isinstance(most, int) and not 0 <= most <= LIMIT_MAX:
        message = f"`max` is 0 to {LIMIT_MAX}, not {most}"
        findings.wrong("GOV236", message, (*path, "max"), "count over a shorter span")
        return None
    of = values.get("of")
    if isinstance(of, dict):
        event = _event(findings, of, (*path, "of"), demand="limit")
        for name in ("same", "outcome", "not_since", "within"):
            if name in of:
                message = f"`{name}` of what is counted stands beside `of`"
                mend = "write `per`" if name == "within" else f"move `{name}` one table up"
                findings.wrong("GOV236", message, (*path, "of", name), mend)
    elif on not in PAST_EVENTS:
        message = f"a session does not remember `{on}` events, so nothing is counted"
        findings.wrong("GOV236", message, path, "name what is counted in `of`")
        return None
    else:
        event = PastEvent(on="", outcomes=("allowed",), path=path)
    if event is None or not isinstance(most, int) or "per" not in values:
        return None
    counted = on if event.on == "" else event.on
    event = evolve(
        event,
        outcomes=_outcomes(findings, values, path, counted, "limit"),
        same=get(values, "same", ()),
        within=get(values, "per", "epoch"),
        not_since=_not_since(findings, values, path, get(values, "same", ())),
    )
    return Limit(max=most, of=event, scope=get(values, "scope", "session"))


def _listed(findings: Findings, raw: object, path: Path) -> list[tuple[Mapping[str, object], Path]]:
    """The tables of an array, or one table, with their places."""
    if isinstance(raw, dict):
        return [(raw, path)]
    if not isinstance(raw, list) or not raw:
        what = "an empty array" if raw == [] else kind_of(raw)
        message = f"`{path[-1]}` is a table or an array of tables, not {what}"
        findings.wrong("GOV208", message, path, 'write `{ tools = ["…"] }`')
        return []
    found: list[tuple[Mapping[str, object], Path]] = []
    for index, one in enumerate(raw):
        if isinstance(one, dict):
            found.append((one, (*path, index)))
        else:
            message = f"`{path[-1]}` holds {kind_of(one)} where a table must be"
            findings.wrong("GOV208", message, (*path, index))
    return found


def _prerequisite(
    findings: Findings, raw: Mapping[str, object], path: Path, *, demand: str
) -> Prerequisite | None:
    kinds = [name for name in _KINDS if name in raw]
    if len(kinds) > 1 or (kinds and any(name in raw for name in _OF_EVENTS)):
        mend = "write each as a table of its own, in an array"
        message = "a past event, a label and a file are three things"
        findings.wrong("GOV231", message, path, mend)
        return None
    if not kinds:
        if not raw:
            mend = 'name an event (`tools = ["…"]`), a `label` or a `file`'
            findings.wrong("GOV231", "an empty table names nothing", path, mend)
            return None
        return _event(findings, raw, path, demand=demand)
    values = read_keys(findings, "past", raw, path)
    if "label" in values:
        within = get(values, "within", "epoch")
        return PastLabel(label=get(values, "label", ""), within=within, path=path)
    if demand != "requires":
        message = "a file can be required, and not forbidden"
        findings.wrong("GOV231", message, (*path, "file"), "take it out")
        return None
    if "within" in raw:
        message = "a file is there now, or is not: it has no span"
        findings.wrong("GOV231", message, (*path, "within"), "take `within` out")
    return PresentFile(glob=get(values, "file", ""), path=path) if "file" in values else None


def _event(
    findings: Findings, raw: Mapping[str, object], path: Path, *, demand: str
) -> PastEvent | None:
    values = read_keys(findings, "past", raw, path)
    on = get(values, "on", "tool")
    for name in _KINDS:
        if name in raw:
            findings.wrong("GOV231", f"an event has no `{name}`", (*path, name), "take it out")
    tools = get(values, "tools", ())
    if values.get("tools") == ():
        findings.wrong("GOV213", "no tool is named", (*path, "tools"), "leave it out to mean all")
    elif tools and on not in ("tool", "tool-result"):
        message = f"`tools` is for tool events, not `{on}`"
        findings.wrong("GOV213", message, (*path, "tools"), "take `tools` out, or `on`")
        return None
    if "on" in raw and "on" not in values:
        return None
    empty: Table = {}
    return PastEvent(
        on=on,
        tools=tools,
        when=get(values, "when", empty),
        outcomes=_outcomes(findings, values, path, on, demand),
        same=get(values, "same", ()),
        within=get(values, "within", "epoch"),
        not_since=(
            None
            if demand == "not_since"
            else _not_since(findings, values, path, get(values, "same", ()))
        ),
        path=path,
    )


def _outcomes(
    findings: Findings, values: Mapping[str, object], path: Path, on: str, demand: str
) -> tuple[str, ...]:
    """The outcomes that count: the one named, or those that the demand means by itself."""
    outcome = values.get("outcome")
    if outcome is None:
        if demand == "requires":
            return ("ok",)
        return ("ok", "failed", "unknown") if on == "tool-result" else ("allowed",)
    name = str(outcome)
    if on == "tool-result" and name not in RESULT_OUTCOMES:
        message = f"a result is never `{name}`"
        mend = "one of " + ", ".join(f"`{one}`" for one in RESULT_OUTCOMES)
        findings.wrong("GOV233", message, (*path, "outcome"), mend)
    if on in ("prompt", "command") and name in ("failed", "unknown"):
        message = f"a `{on}` event is never `{name}`"
        mend = "one of `asked`, `denied`, `allowed`, `ok`"
        findings.wrong("GOV233", message, (*path, "outcome"), mend)
    return (name,)


def _not_since(
    findings: Findings, values: Mapping[str, object], path: Path, same: tuple[str, ...]
) -> PastEvent | None:
    raw = values.get("not_since")
    if not isinstance(raw, dict):
        return None
    path = (*path, "not_since")
    if not raw:
        findings.wrong("GOV231", "an empty table names nothing", path, "name an event")
        return None
    for name in ("not_since", "within"):
        if name in raw:
            message = f"`{name}` has no meaning in `not_since`"
            findings.wrong("GOV230", message, (*path, name), "take it out")
    made = _event(findings, raw, path, demand="not_since")
    if made is not None and made.same and set(made.same) != set(same):
        message = "what makes an event forgotten is kept apart by the same facts as the event"
        mend = f"write `same = {list(same)}` here, or take it out" if same else "take `same` out"
        findings.wrong("GOV234", message, (*path, "same"), mend)
    return made
