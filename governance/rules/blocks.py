"""Context blocks, compiled: text for the model with its placeholders and its condition."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from attrs import field, frozen

from governance.errors import Problem
from governance.rules.fact_table import ALL_EVENTS
from governance.rules.format import ContextBlock
from governance.rules.matching import Condition, build_condition, flattened
from governance.rules.paths import Places
from governance.rules.template import Template, build_template
from governance.rules.vocabulary import Place, Vocabulary

RESULT = "tool-result"
"""The one moment that knows a call; all others know what every event knows."""

_CHANGING = frozenset({"time", "weekday", "turn", "approvals_open", "labels"})


@frozen(kw_only=True)
class CompiledBlock(ContextBlock):
    """
    A context block that can be worded.

    Attributes:
        volatile: Its text names what changes from request to request (a time, a count), so
            it is best told last, behind what a host can keep cached.
    """

    volatile: bool
    _condition: Condition | None = field(repr=False)
    _template: Template = field(repr=False)

    def wording(self, facts: Mapping[str, object]) -> str | None:
        """The text for these facts; ``None`` where it does not apply, or may not."""
        if self._condition is not None and self._condition.test(facts) is not True:
            return None
        return self._template.render(facts)


def compile_block(
    block: ContextBlock,
    *,
    vocabulary: Vocabulary,
    places: Places,
    report: Callable[[Problem], None],
) -> CompiledBlock | None:
    """*block* with its condition and text, or ``None`` after every problem was reported."""
    path: Place = ("context", block.position)
    on = RESULT if block.at == (RESULT,) else "session"
    failed = False

    def noted(problem: Problem) -> None:
        nonlocal failed
        failed = True
        report(problem)

    condition = None
    if block.when:
        condition = build_condition(
            block.when,
            vocabulary=vocabulary,
            on=on,
            tools=None,
            places=places,
            path=(*path, "when"),
            report=noted,
        )
    template = build_template(
        block.text,
        vocabulary=vocabulary,
        on=on,
        tools=None,
        path=(*path, "text"),
        report=noted,
        code="GOV264",
    )
    names = template.names if template is not None else ()
    if on != RESULT:
        for name, _, place in flattened(block.when, (*path, "when")):
            _only_always(name, "GOV221", place, vocabulary, noted)
        for name in names:
            _only_always(name, "GOV264", (*path, "text"), vocabulary, noted)
    if failed or template is None:
        return None
    return CompiledBlock(
        id=block.id,
        pack=block.pack,
        layer=block.layer,
        position=block.position,
        at=block.at,
        text=block.text,
        priority=block.priority,
        keep=block.keep,
        when=block.when,
        volatile=any(name in _CHANGING or name.startswith("usage.") for name in names),
        condition=condition,
        template=template,
    )


def _only_always(
    name: str, code: str, place: Place, vocabulary: Vocabulary, report: Callable[[Problem], None]
) -> None:
    spec = vocabulary.facts.get(name)
    if spec is not None and spec.events != ALL_EVENTS:
        message = f"`{name}` is not known when text is put before the model"
        mend = "use what every event has: role, state, host, model, `fields.…`, `usage.…`"
        report(Problem(code, message, place, mend))
