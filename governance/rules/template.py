"""
Templates of messages: ``{fact}`` is put in, ``{{`` and ``}}`` are braces.

What is put in comes from the governed agent, so it is bounded, on one line, and without
signs that a terminal would act on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from attrs import field

from governance._attrs import frozen
from governance.errors import Problem
from governance.rules.deferred import fact_of
from governance.rules.fact_table import MISSING, Unknown
from governance.rules.partial import HOLE
from governance.rules.vocabulary import Place, Report, Vocabulary

VALUE_CHARACTERS_MAX = 200
TEXT_CHARACTERS_MAX = 4_000


@frozen
class Template:
    """
    A text with placeholders, checked when it was built.

    Attributes:
        source: As the pack has it.

        names: The facts that it names.
    """

    source: str
    names: tuple[str, ...]
    _parts: tuple[tuple[str, str], ...] = field(repr=False)

    def render(self, facts: Mapping[str, object]) -> str:
        """The text for people and models: values bounded and on one line."""
        return self._put_in(facts, _shown)[:TEXT_CHARACTERS_MAX]

    def value(self, facts: Mapping[str, object]) -> str | Unknown:
        """The text as a new value of a fact: whole, or unknown when a part of it is."""
        for name in self.names:
            found = value_of(facts, name)
            if found is MISSING or isinstance(found, Unknown) or _has_unknown(found):
                return Unknown(f"`{name}` is not known")
        return self._put_in(facts, _whole)

    def filled(self, word: str) -> str:
        """The text with *word* in each place, for a look at its form."""
        return "".join(text + (word if name else "") for text, name in self._parts)

    def _put_in(self, facts: Mapping[str, object], show: Callable[[object], str]) -> str:
        return "".join(
            text + (show(value_of(facts, name)) if name else "") for text, name in self._parts
        )


def build_template(
    text: str,
    *,
    vocabulary: Vocabulary,
    on: str,
    tools: tuple[str, ...] | None,
    path: Place,
    report: Report,
    code: str = "GOV247",
) -> Template | None:
    """The template in *text*, or ``None`` after every problem was reported as *code*."""
    try:
        parts = _parse(text)
    except ValueError as error:
        report(Problem(code, str(error), path, "a brace is written `{{` or `}}`"))
        return None
    failed = False
    for _, name in parts:
        problem = _check(name, vocabulary, on, tools, path) if name else None
        if problem is not None:
            message = f"`{{{name}}}`: {problem.message}"
            report(Problem(code, message, path, problem.suggestion))
            failed = True
    names = tuple(dict.fromkeys(name for _, name in parts if name))
    return None if failed else Template(text, names, tuple(parts))


def _check(
    name: str, vocabulary: Vocabulary, on: str, tools: tuple[str, ...] | None, path: Place
) -> Problem | None:
    base, _, index = name.rpartition(".")
    if index.isdigit() and base:
        spec = vocabulary.fact(base, on=on, tools=tools, path=path)
        if not isinstance(spec, Problem) and not spec.is_list:
            return Problem("GOV247", f"`{base}` is no list", path)
    else:
        spec = vocabulary.fact(name, on=on, tools=tools, path=path)
    if not isinstance(spec, Problem) and spec.type == "shell":
        return Problem("GOV247", "`shell` has no text", path, "use `command`, the line itself")
    return spec if isinstance(spec, Problem) else None


def _parse(text: str) -> list[tuple[str, str]]:
    """Pairs of literal text and the name that follows it, ``""`` at the end."""
    parts: list[tuple[str, str]] = []
    literal = ""
    at = 0
    while at < len(text):
        sign = text[at]
        if sign in "{}" and text[at + 1 : at + 2] == sign:
            literal += sign
            at += 2
        elif sign == "{":
            end = text.find("}", at)
            name = text[at + 1 : end].strip()
            if end < 0 or not name or "{" in name:
                raise ValueError(f"a `{{` that names no fact in `{text[at : at + 40]}`")
            parts.append((literal, name))
            literal = ""
            at = end + 1
        elif sign == "}":
            raise ValueError(f"a `}}` without its `{{` in `{text[max(0, at - 40) : at + 1]}`")
        else:
            literal += sign
            at += 1
    parts.append((literal, ""))
    return parts


def value_of(facts: Mapping[str, object], name: str) -> object:
    """The fact *name*, or the element of a list that ``name.0`` stands for."""
    value = fact_of(facts, name)
    if value is MISSING:
        base, _, index = name.rpartition(".")
        several = fact_of(facts, base) if base and index.isdigit() else None
        if isinstance(several, (list, tuple)) and int(index) < len(several):
            value = several[int(index)]
    return MISSING if value is None else value


def _has_unknown(value: object) -> bool:
    several = value if isinstance(value, (list, tuple)) else (value,)
    return any(
        isinstance(one, Unknown) or (isinstance(one, str) and HOLE in one) for one in several
    )


def _whole(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return " ".join(_whole(one) for one in value)
    return str(value)


def _shown(value: object) -> str:
    if value is MISSING:
        return "(none)"
    if isinstance(value, Unknown):
        return "(unknown)"
    if isinstance(value, (list, tuple)):
        known = [one for one in value if not (isinstance(one, Unknown) and one.more)]
        return ", ".join(_shown(one) for one in known[:10])[:VALUE_CHARACTERS_MAX] or "(none)"
    return one_line(_whole(value))


def one_line(text: str) -> str:
    """*text* bounded, its line breaks and control signs made visible, holes as `…`."""
    short = text[: VALUE_CHARACTERS_MAX + 1].replace(HOLE, "…")
    if not short.isprintable():
        # Formatting signs (bidirectional overrides) are not printable either.
        short = "".join(sign if sign.isprintable() else "\u2423" for sign in short)
    return short if len(text) <= VALUE_CHARACTERS_MAX else short[: VALUE_CHARACTERS_MAX - 1] + "…"
