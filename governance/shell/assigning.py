"""
Assignments: `NAME=value`, `NAME+=value`, arrays and their elements.
"""

from __future__ import annotations

import re
from typing import Final

from governance.shell.boundaries import ASSIGNMENT, TooDeep, Unclosed, array_words, bracket_end
from governance.shell.expanding import Expander
from governance.shell.quoting import TooMany
from governance.shell.state import HOME, State, Value
from governance.shell.substituting import Around, text_of
from governance.shell.values import HOLE

KEYS_MAX: Final = 64
"""Keys of one array that are followed."""


def assignment(raw: str) -> tuple[str, str, str, str] | None:
    """Name, index, operator and value of an assignment as written."""
    found = ASSIGNMENT.match(raw)
    if found is not None:
        return found[1], (found[2] or "")[1:-1], found[3], raw[found.end() :]
    item = re.match(r"([A-Za-z_]\w*)\[", raw, re.A)
    if item is None:
        return None
    try:
        end = bracket_end(raw, item.end())
    except (Unclosed, TooDeep):
        return None
    sign = "+=" if raw.startswith("+=", end) else "=" if raw.startswith("=", end) else ""
    if not sign:
        return None
    return item[1], raw[item.end() : end - 1], sign, raw[end + len(sign) :]


def array(around: Around, raw: str) -> tuple[str, ...]:
    around.walker.notes.step()
    try:
        return Expander(around.state, around).array(raw)
    except (Unclosed, TooDeep, TooMany):
        around.walker.notes.note("bound", "an array with more words than are looked at")
        return (HOLE,)


def assigned_text(around: Around, raw: str, *, keep: bool) -> str:
    """Do one assignment, or only expand it where a command follows; ``NAME=value``."""
    name, index, sign, value = assignment(raw) or (raw, "", "", "")
    state = around.state
    made: Value
    before = state.variables.get(name, (None,))[0] if name != "PWD" else None
    if value.startswith("(") and value.endswith(")"):
        made = array(around, value)
        if sign == "+=":
            made = (before if isinstance(before, tuple) else (before,) if before else ()) + made
    else:
        made = text_of(around, value, assigned=True)[0]
        if sign == "+=" and not index:
            if isinstance(before, tuple):
                made = ((before[0] if before else "") + made, *before[1:])
            elif name in state.variables:
                made = (before or "") + made
            else:
                made = HOLE + made
    shown = " ".join(made) if isinstance(made, tuple) else made
    if keep:
        items = _keyed(around, state, name, index, value, made)
        if index:
            made = _item(around, before, index, made)
        origins = [*around.feeders, *(state.origins.get(name, ()) if sign == "+=" else ())]
        state.assign(name, made, origins)
        if items is not None:
            state.keyed[name] = items
    return f"{name}={shown}"


def _keyed(
    around: Around, state: State, name: str, index: str, value: str, made: Value
) -> dict[str, str] | None:
    """What an array holds under keys of its own when this is assigned; ``None``: it has none."""
    before = state.keyed.get(name) or {}
    if index and isinstance(made, str):
        try:
            key = Expander(state, around).text(index)[0]
        except (Unclosed, TooDeep):
            key = HOLE
        _named(state, name, {key: made})
        if name not in state.keyed and isinstance(state.variables.get(name, (None,))[0], tuple):
            return None
        if HOLE in key or len(before) >= KEYS_MAX:
            return {HOLE: HOLE}  # any of the keys before may have another value
        return {**before, key: made}
    items = items_with_keys(around, value)
    _named(state, name, items)
    return items or None


def _named(state: State, name: str, items: dict[str, str]) -> None:
    """The tables of the shell itself, which say what runs under a name."""
    if name in ("BASH_ALIASES", "BASH_CMDS"):
        state.aliases.update({key: (text.replace(HOME, "~"),) for key, text in items.items()})


def items_with_keys(around: Around, value: str) -> dict[str, str]:
    """The elements of `([k]=v …)` by their keys."""
    if "]=" not in value or value[:1] != "(":
        return {}
    expander = Expander(around.state, around)
    found: dict[str, str] = {}
    try:
        words = array_words(value, 1)
    except (Unclosed, TooDeep):
        return {}  # `array` has said so
    for start, end in words[:KEYS_MAX]:
        key, sign, text = value[start + 1 : end].partition("]=")
        if sign and value[start] == "[":
            found[expander.text(key)[0]] = expander.text(text)[0]
    return found


def _item(around: Around, before: Value, index: str, value: Value) -> Value:
    """An array with one element set."""
    try:
        place = Expander(around.state, around).arithmetic(index)
    except (Unclosed, TooDeep):
        place = HOLE
    elements = list(before) if isinstance(before, tuple) else [before] if before else []
    if not place.isdigit() or int(place) > 256 or not isinstance(value, str) or before == HOLE:
        return HOLE
    if int(place) > len(elements):
        return HOLE  # an array with gaps
    elements[int(place) : int(place) + 1] = [value]
    return tuple(elements)
