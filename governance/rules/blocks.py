"""Context blocks, compiled: when they apply, and what they say."""

from __future__ import annotations

from collections.abc import Mapping

from governance._attrs import frozen
from governance.rules.format import ContextBlock
from governance.rules.matching import Condition, build_condition
from governance.rules.paths import Places
from governance.rules.template import Template, build_template
from governance.rules.vocabulary import Report, Vocabulary

TOOL_RESULT = "tool-result"

VOLATILE = frozenset(
    {"time", "weekday", "turn", "approvals_open", "labels", "output", "error", "duration_ms"}
)
"""Facts that change from one telling to the next; what names one is told last."""


@frozen
class CompiledBlock:
    """
    One ``[[context]]`` of a pack, ready to be told.

    Attributes:
        block: As checked.

        volatile: Its text names a fact that changes from one telling to the next.
    """

    block: ContextBlock
    template: Template
    when: Condition | None
    volatile: bool

    @property
    def id(self) -> str:
        """Its id."""
        return self.block.id

    @property
    def at(self) -> tuple[str, ...]:
        """The moments at which it is told."""
        return self.block.at

    @property
    def priority(self) -> int:
        """The higher, the longer it is kept when room is short."""
        return self.block.priority

    @property
    def keep(self) -> bool:
        """Whether it is told whatever the budget."""
        return self.block.keep

    def wording(self, facts: Mapping[str, object]) -> str | None:
        """Its text for *facts*, or ``None`` where it does not apply or cannot be known to."""
        if self.when is not None and self.when.test(facts) is not True:
            return None
        return self.template.render(facts)


def compile_block(
    block: ContextBlock, *, vocabulary: Vocabulary, places: Places, report: Report
) -> CompiledBlock | None:
    """*block* compiled, or ``None`` after every problem was reported (GOV264)."""
    path = ("context", block.position)
    on = TOOL_RESULT if set(block.at) == {TOOL_RESULT} else "session"
    when = None
    if block.when:
        when = build_condition(
            block.when,
            vocabulary=vocabulary,
            on=on,
            tools=None,
            places=places,
            path=(*path, "when"),
            report=report,
        )
        if when is None:
            return None
    template = build_template(
        block.text,
        vocabulary=vocabulary,
        on=on,
        tools=None,
        path=(*path, "text"),
        report=report,
        code="GOV264",
    )
    if template is None:
        return None
    named = {name.partition(".")[0] for name in template.names}
    volatile = bool(VOLATILE & named or "usage" in named)
    return CompiledBlock(block, template, when, volatile)
