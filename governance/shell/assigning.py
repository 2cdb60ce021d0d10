"""
Assignments: `NAME=value`, `NAME+=value`, arrays and their elements.
"""

from __future__ import annotations

import re

from governance.shell.boundaries import ASSIGNMENT, TooDeep, Unclosed, bracket_end
from governance.shell.expanding import Expander
from governance.shell.quoting import TooMany
from governance.shell.state import Value
from governance.shell.substituting import Around, text_of
from governance.shell.values import HOLE


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
        if index:
            made = _item(around, before, index, made)
        origins = [*around.feeders, *(state.origins.get(name, ()) if sign == "+=" else ())]
        state.assign(name, made, origins)
    return f"{name}={shown}"


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
