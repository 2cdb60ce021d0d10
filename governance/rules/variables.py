"""Variables: ``{ var = "x" }`` stands for any value, and for a whole value only."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import isfinite

from governance.rules.reading import Findings, Path, kind_of, nearest

_VARIABLE = re.compile(r"""\bvars?["']?[ \t]*[\].=]""")
"""Stands somewhere in each text that declares variables or names one."""


EXAMPLES = ("must_match", "must_not_match", "known_gaps")
"""Keys of a rule under which its examples stand."""


def put_in(
    findings: Findings, data: Mapping[str, object], *, examples: bool = True
) -> dict[str, object]:
    """
    *data* with the value of each variable in its place, and without ``vars``.

    Reports unknown variables (GOV204), values that no place could take (GOV205) and, as
    warnings, variables that are used nowhere. *findings* learns where values were put in,
    so that what does not fit there is blamed on the variable.

    Args:
        examples: Without them, those of rules are left as they stand, for nobody reads them.
    """
    raw = data.get("vars", {})
    known: dict[str, object] = {}
    if isinstance(raw, dict):
        known = {name: value for name, value in raw.items() if _sound(findings, name, value)}
    else:
        findings.wrong("GOV205", f"`vars` must be a table, not {kind_of(raw)}", ("vars",))
    rest = {name: value for name, value in data.items() if name != "vars"}
    # Most packs use none, and a walk over a pack costs as much as reading its keys.
    if _VARIABLE.search(findings.document.text) is None:
        return rest
    used: set[str] = set()
    names = raw if isinstance(raw, dict) else {}
    left = frozenset() if examples else frozenset(EXAMPLES)
    made = {
        name: [
            _entry(findings, one, (name, index), known, names, used, left)
            for index, one in enumerate(value)
        ]
        if isinstance(value, list)
        else _walk(findings, value, (name,), known, names, used)
        for name, value in rest.items()
    }
    for name in known:
        # What stands in examples alone is used as well, and was not looked for.
        if examples and name not in used:
            message = f"variable `{name}` is used nowhere"
            findings.warn("GOV204", message, ("vars", name), "take it out, or use it")
    return made


def _sound(findings: Findings, name: str, value: object) -> bool:
    path: Path = ("vars", name)
    items = value if isinstance(value, list) else [value]
    for one in items:
        if type(one) is float and not isfinite(one):
            findings.wrong("GOV205", f"variable `{name}` is no finite number", path)
            return False
        if type(one) not in (str, int, float, bool):
            what = kind_of(one)
            mend = "a variable is a string, a number, a boolean, or an array of these"
            findings.wrong("GOV205", f"variable `{name}` holds {what}", path, mend)
            return False
    return True


def _entry(
    findings: Findings,
    value: object,
    path: Path,
    known: Mapping[str, object],
    names: Mapping[str, object],
    used: set[str],
    left: frozenset[str],
) -> object:
    """As `_walk`, of one rule or another table of an array, but for its keys in *left*."""
    if not isinstance(value, dict):
        return _walk(findings, value, path, known, names, used)
    kept = {key: one for key, one in value.items() if key in left}
    rest = {key: one for key, one in value.items() if key not in left} if kept else value
    # Most rules name none, which the text of one tells in a third of the time of a walk.
    if "'var': " not in repr(rest):
        return value
    walked = _walk(findings, rest, path, known, names, used)
    return {**walked, **kept} if isinstance(walked, dict) else walked


def _walk(
    findings: Findings,
    value: object,
    path: Path,
    known: Mapping[str, object],
    names: Mapping[str, object],
    used: set[str],
) -> object:
    # Only what holds others is walked into: nearly all values are texts.
    if isinstance(value, list):
        return [
            _walk(findings, one, (*path, index), known, names, used)
            if isinstance(one, (dict, list))
            else one
            for index, one in enumerate(value)
        ]
    if not isinstance(value, dict):
        return value
    if value.keys() != {"var"}:
        return {
            key: _walk(findings, one, (*path, key), known, names, used)
            if isinstance(one, (dict, list))
            else one
            for key, one in value.items()
        }
    name = value["var"]
    if type(name) is not str:
        findings.wrong("GOV204", f"a variable is named by a string, not {kind_of(name)}", path)
    elif name in known:
        used.add(name)
        findings.put_in[path] = name
        return known[name]
    elif name not in names:
        mend = nearest(name, names) or f"write `{name} = …` under `[vars]`"
        findings.wrong("GOV204", f"unknown variable `{name}`", path, mend)
    findings.dead.add(path)
    return value
