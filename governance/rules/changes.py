"""Reading ``rewrite``: which fact is changed, and how."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite

from attrs import evolve

from governance.errors import Problem
from governance.rules.format import NO_VALUE, Change
from governance.rules.patterns import PatternRefused, compile_pattern
from governance.rules.reading import Findings, Path, keys_of, kind_of, nearest, read_keys
from governance.rules.vocabulary import SLASH, FactSpec, Vocabulary

_TYPES: Mapping[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
}


def read_changes(
    findings: Findings,
    raw: object,
    path: Path,
    *,
    on: str,
    tools: tuple[str, ...] | None,
    vocabulary: Vocabulary,
) -> dict[str, Change]:
    """
    The changes of a ``rewrite`` table by fact; what is wrong is reported as GOV242.

    Args:
        tools: The rule's tools, sets expanded; ``None`` for all.
    """
    if type(raw) is not dict or not raw:
        mend = "write `rewrite.FACT = …`"
        findings.wrong("GOV242", "`rewrite` must be a table that names a fact", path, mend)
        findings.dead.add(path)
        return {}
    made: dict[str, Change] = {}
    for fact, value, where in _flat(raw, path, vocabulary):
        spec = vocabulary.fact(fact, on=on, tools=tools, path=where)
        if isinstance(spec, Problem):
            findings.report(evolve(spec, code="GOV242"))
            continue
        if on not in spec.writable:
            names = sorted(one for one, held in vocabulary.facts.items() if on in held.writable)
            writable = ", ".join(f"`{one}`" for one in names) or "none"
            message = f"`{fact}` cannot be rewritten on `{on}` events"
            findings.wrong("GOV242", message, where, f"what can be: {writable}")
            continue
        change = _read(findings, spec, value, where)
        if change is not None:
            made[fact] = change
    return made


def _flat(
    raw: Mapping[str, object], path: Path, vocabulary: Vocabulary, prefix: str = ""
) -> list[tuple[str, object, Path]]:
    found: list[tuple[str, object, Path]] = []
    families = {name.split(".")[0] for name in vocabulary.facts if "." in name} | {"args"}
    for name, value in raw.items():
        if not prefix and name in families and isinstance(value, dict):
            found.extend(_flat(value, (*path, name), vocabulary, f"{name}."))
        else:
            found.append((prefix + name, value, (*path, name)))
    return found


def _read(findings: Findings, spec: FactSpec, value: object, path: Path) -> Change | None:
    if not isinstance(value, dict):
        return Change(value=_json(value)) if _fits(findings, spec, value, path) else None
    before = len(findings.problems)
    keys = read_keys(findings, "rule.rewrite", value, path)
    if not value:
        mend = "give a value, or one of " + ", ".join(f"`{one}`" for one in keys_of("rule.rewrite"))
        findings.wrong("GOV242", f"the change of `{spec.name}` is empty", path, mend)
    _check_fit(findings, spec, keys, path)
    redact, pattern = _read_redact(findings, keys.get("redact"), (*path, "redact"))
    if len(findings.problems) > before:
        return None
    change = Change(
        default=_json(keys["default"]) if "default" in keys else NO_VALUE,
        minimum=_number(keys.get("min")),
        maximum=_number(keys.get("max")),
        remove=keys.get("remove") is True,
        add_flags=_strings(keys.get("add_flags", ())),
        redact=redact,
        redact_regex=pattern,
    )
    return evolve(change, replacement=str(keys["with"])) if "with" in keys else change


def _number(value: object) -> int | float | None:
    return value if isinstance(value, int | float) else None


def _strings(value: object) -> tuple[str, ...]:
    return tuple(str(one) for one in value) if isinstance(value, tuple) else ()


def _json(value: object) -> str | int | float | bool | list[str]:
    if isinstance(value, list):
        return [str(one) for one in value]
    # INVARIANT: `_fits` has let nothing else pass.
    assert isinstance(value, str | int | float | bool), f"`{value!r}` was checked before"
    return value


_FITS: Mapping[str, tuple[str, ...]] = {
    "min": ("int", "float"),
    "max": ("int", "float"),
    "redact": ("str",),
    "with": ("str",),
    "add_flags": ("str",),
}


def _check_fit(findings: Findings, spec: FactSpec, keys: Mapping[str, object], path: Path) -> None:
    for name in keys:
        kinds = _FITS.get(name)
        if kinds and spec.type not in kinds:
            message = f"`{name}` does not fit `{spec.name}`, which is {spec.type}"
            findings.wrong("GOV242", message, (*path, name))
    if "add_flags" in keys and spec.name != "command":
        findings.wrong("GOV242", "`add_flags` is for `command` alone", (*path, "add_flags"))
    if "add_flags" in keys:
        _check_flags(findings, _strings(keys["add_flags"]), (*path, "add_flags"))
    if "with" in keys and "redact" not in keys:
        findings.wrong("GOV242", "`with` says what stands for a `redact`", (*path, "with"))
    if keys.get("remove") is False:
        message = f"`remove = false` changes nothing of `{spec.name}`"
        findings.wrong("GOV242", message, (*path, "remove"), "take it out")
    if keys.get("remove") is True and len(keys) > 1:
        findings.wrong("GOV242", "`remove` goes with no other change", path)
    if "default" in keys:
        _fits(findings, spec, keys["default"], (*path, "default"))
    low, high = keys.get("min"), keys.get("max")
    if isinstance(low, int | float) and isinstance(high, int | float) and low > high:
        findings.wrong("GOV242", f"`min` {low} is above `max` {high}", (*path, "min"))


def _check_flags(findings: Findings, flags: tuple[str, ...], path: Path) -> None:
    from governance.rules.shell_building import flag_mend  # few rules add any

    for index, flag in enumerate(flags):
        mend = flag_mend(flag.partition("=")[0])
        if mend:
            findings.wrong("GOV242", f"`{flag}` is no flag", (*path, index), mend)


def _fits(findings: Findings, spec: FactSpec, value: object, path: Path) -> bool:
    kinds = _TYPES.get(spec.element, ())
    items = value if spec.is_list and isinstance(value, list) else [value]
    right = (not spec.is_list or isinstance(value, list)) and all(
        type(one) in kinds and (type(one) is not float or isfinite(one)) for one in items
    )
    if not right:
        finite = not any(type(one) is float and not isfinite(one) for one in items)
        what = kind_of(value) if finite else f"`{value}`, which is no number to count with"
        message = f"`{spec.name}` is {spec.type}, and cannot become {what}"
        findings.wrong("GOV242", message, path)
    elif spec.kind == SLASH and str(value).startswith("/"):
        bare = str(value).lstrip("/")
        message = f"a command is named without its slash, and `{value}` begins with one"
        findings.wrong("GOV242", message, path, f"write `{bare}`" if bare else "take it out")
    elif spec.values and value not in spec.values and "{" not in str(value):
        hint = nearest(str(value), spec.values)
        findings.wrong("GOV225", f"`{spec.name}` cannot be `{value}`", path, hint)
    return right


def _read_redact(findings: Findings, value: object, path: Path) -> tuple[str, str]:
    if value is None:
        return "", ""
    sets = keys_of("rule.rewrite")["redact"].values
    if type(value) is str and value in sets:
        return value, ""
    if isinstance(value, dict) and value.keys() == {"regex"} and type(value["regex"]) is str:
        pattern = value["regex"]
        try:
            empty = compile_pattern(pattern).search("") is not None
        except PatternRefused as error:
            findings.wrong("GOV227", f"`{pattern}` is no RE2 pattern: {error}", (*path, "regex"))
            return "", ""
        if empty:
            message = f"`{pattern}` fits an empty text, which stands between any two signs"
            mend = "let the least that it fits be one sign"
            findings.wrong("GOV242", message, (*path, "regex"), mend)
        return "", pattern
    hint = nearest(value, sets) if isinstance(value, str) else ""
    allowed = ", ".join(f"`{one}`" for one in sets)
    message = f"`redact` is one of {allowed}, or `{{ regex = '…' }}`"
    findings.wrong("GOV242", message, path, hint)
    return "", ""
