"""
Rewrites: what a change makes of a fact, and a call with its facts turned back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from attrs import evolve

from governance._attrs import frozen
from governance.calls import ToolCall
from governance.errors import Problem
from governance.rules.fact_table import MISSING, Unknown
from governance.rules.format import Change, NoValue
from governance.rules.template import Template, build_template, value_of
from governance.rules.vocabulary import Place, Report, Vocabulary
from governance.values import Json

if TYPE_CHECKING:
    from governance.shell.values import Command, Line


class Unchanged:
    """The type of `UNCHANGED`."""

    __slots__ = ()


UNCHANGED = Unchanged()
"""The fact already is as the change would have it."""


@frozen
class CompiledChange:
    """
    One fact's change, ready to be worked out.

    Attributes:
        template: The value's template, when the value is a text with placeholders.

        words: What placeholders bring in are single words, as of a command.

        spans: Where a redaction hits in a text, when the change redacts.
    """

    fact: str
    change: Change
    template: Template | None = None
    words: bool = False
    spans: Callable[[str], Iterator[tuple[int, int]]] | None = None

    def result(self, facts: Mapping[str, object]) -> Json | Unchanged | Unknown:
        """
        The fact's new value (``None``: taken away), `UNCHANGED`, or why there is none.

        A change that has nothing to do is no rewrite: that is what makes the second
        decision, after rewriting, come to rest.
        """
        before = value_of(facts, self.fact)
        if isinstance(before, Unknown):
            return before
        after = self._after(before, facts)
        if isinstance(after, Unknown):
            return after
        gone = after is MISSING or after is None
        if gone:
            return UNCHANGED if before is MISSING else None
        same = type(after) is type(before) and after == before
        return UNCHANGED if same else after  # type: ignore[return-value]

    def _after(self, before: object, facts: Mapping[str, object]) -> object:
        change = self.change
        if change.remove:
            return MISSING
        if self.template is not None:
            return self._filled(self.template, facts)
        if not isinstance(change.value, NoValue):
            return change.value
        value = before
        if value is MISSING and not isinstance(change.default, NoValue):
            value = change.default
        if value is MISSING:
            return value
        if change.minimum is not None or change.maximum is not None:
            return _bounded(value, change)
        if change.add_flags:
            return _with_flags(value, change.add_flags, str(facts.get("native", "")))
        if self.spans is not None:
            return _replaced(value, self.spans, change.replacement)
        return value

    def _filled(self, template: Template, facts: Mapping[str, object]) -> object:
        for name in template.names if self.words else ():
            value = value_of(facts, name)
            for one in value if isinstance(value, (list, tuple)) else [value]:
                if isinstance(one, str) and len(one.split()) != 1:
                    return Unknown(f"`{name}` is not one word")
        return template.value(facts)


def build_change(
    fact: str,
    change: Change,
    *,
    vocabulary: Vocabulary,
    on: str,
    tools: tuple[str, ...] | None,
    path: Place,
    report: Report,
) -> CompiledChange | None:
    """The compiled change, or ``None`` after every problem was reported (GOV242, GOV227)."""
    if isinstance(change.value, str):
        template = build_template(
            change.value,
            vocabulary=vocabulary,
            on=on,
            tools=tools,
            path=path,
            report=report,
            code="GOV242",
        )
        if template is None:
            return None
        return CompiledChange(fact, change, template, on == "command" and fact == "command")
    if change.redact:
        from functools import partial

        from governance.rules.detect import spans

        return CompiledChange(fact, change, spans=partial(spans, change.redact))
    if change.redact_regex:
        from governance.rules.patterns import PatternRefused, compile_pattern

        try:
            pattern = compile_pattern(change.redact_regex)
        except PatternRefused as error:
            message = f"RE2 refuses `{change.redact_regex}`: {error}"
            report(Problem("GOV227", message, (*path, "redact")))
            return None
        return CompiledChange(
            fact,
            change,
            spans=lambda text: ((hit.start(), hit.end()) for hit in pattern.finditer(text)),
        )
    return CompiledChange(fact, change)


def _bounded(value: object, change: Change) -> object:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return Unknown("a value that is no number cannot be bounded")
    if change.minimum is not None and value < change.minimum:
        return change.minimum
    if change.maximum is not None and value > change.maximum:
        return change.maximum
    return value


def _with_flags(value: object, flags: tuple[str, ...], native: str) -> object:
    """
    A command line with the *flags* that it has not, where that is certain to be right.

    Only a line of one simple command is changed, and only if that command, taken apart
    again, has the flags and is otherwise the same: behind `--`, in a comment, or in a line
    that runs something else as well they would be lost or mean something else.
    """
    import shlex

    from governance.rules.shell_facts import line_of

    if not isinstance(value, str):
        return Unknown("a command that is no text")
    refused = Unknown("flags are added to one simple command only")
    before = _only(line_of(value, native))
    if before is None:
        return refused
    missing = [flag for flag in flags if flag not in before.flags]
    if not missing:
        return value
    changed = " ".join([value.rstrip(), *(shlex.quote(flag) for flag in missing)])
    after = _only(line_of(changed, native))
    if (
        after is None
        or after.program != before.program
        or after.arguments != (*before.arguments, *missing)
        or not set(missing) <= set(after.flags)
        or (after.assigns, after.cwd) != (before.assigns, before.cwd)
    ):
        return refused
    return changed


def _only(line: Line) -> Command | None:
    """The one command of *line*; ``None``: it has others, or may have."""
    single = len(line.commands) == 1 and line.blind is None and not line.commands[0].background
    return line.commands[0] if single and line.commands[0].program else None


def _replaced(
    value: object, spans: Callable[[str], Iterator[tuple[int, int]]], replacement: str
) -> object:
    if not isinstance(value, str):
        return Unknown("what is no text cannot be redacted")
    parts: list[str] = []
    end = 0
    for start, stop in spans(value):
        if value[start:stop] != replacement:
            parts.extend((value[end:start], replacement))
            end = stop
    parts.append(value[end:])
    return "".join(parts)


def can_rewrite(call: ToolCall, fact: str) -> bool:
    """Whether a new value of *fact* can be turned back into the native arguments."""
    if fact.startswith("args.") or not call.args:
        return True
    native = call.fields.get(fact, "")
    return bool(native) and "[]." not in native


def rewrite_call(call: ToolCall, rewrites: Mapping[str, Json]) -> ToolCall:
    """*call* with the *rewrites* of a decision put into its facts and native arguments."""
    own, args = dict(call.own), dict(call.args)
    for fact, value in rewrites.items():
        # INVARIANT: a decision refuses what cannot be turned back.
        assert can_rewrite(call, fact), f"`{fact}` has no native argument"
        if fact.startswith("args."):
            _put(args, fact[5:], value)
            for name, native in call.fields.items():
                if native == fact[5:]:
                    _put(own, name, value)
            continue
        _put(own, fact, value)
        if call.args:
            _put(args, call.fields[fact], value)
    return evolve(call, own=own, args=args)


def _put(table: dict[str, Json], name: str, value: Json) -> None:
    if value is None:
        table.pop(name, None)
    else:
        table[name] = value
