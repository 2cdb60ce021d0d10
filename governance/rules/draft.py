"""One file of rules on its way to a pack, and how checked values are taken out of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar, cast

from attrs import field

from governance._attrs import define
from governance.rules.format import (
    ContextBlock,
    Escalation,
    Exempt,
    Layer,
    Mode,
    RoleDef,
    Rule,
    Scenario,
    ToolSchema,
    Toolset,
)
from governance.rules.reading import Findings
from governance.rules.sources import PackSource

T = TypeVar("T")


@define(eq=False)
class Draft:
    """
    One file on its way to a pack.

    Attributes:
        unread: Positions of rules whose event is not known, so that no fact can be checked.

        unset: Labels that its rules do not set until somebody trusts it.

        loose_rules, loose_contexts, loose_exempts: What is left out until then.

        stated: What each rule wrote itself, by position; defaults are not in it.

        examples: Whether the examples of its rules are read.

        happenings: How many events happen before those that were read.

        names: Toolset, role, escalation, context and rule names → where they stand.
    """

    source: PackSource
    findings: Findings
    name: str = ""
    version: str = ""
    summary: str = ""
    mode: Mode = "enforce"
    variables: Mapping[str, object] = field(factory=dict)
    toolsets: list[Toolset] = field(factory=list)
    schemas: list[ToolSchema] = field(factory=list)
    rules: list[Rule] = field(factory=list)
    roles: list[RoleDef] = field(factory=list)
    escalations: list[Escalation] = field(factory=list)
    contexts: list[ContextBlock] = field(factory=list)
    exempts: list[Exempt] = field(factory=list)
    scenarios: tuple[Scenario, ...] = ()
    unread: set[int] = field(factory=set)
    unset: frozenset[str] = frozenset()
    loose_rules: list[Rule] = field(factory=list)
    loose_contexts: list[ContextBlock] = field(factory=list)
    loose_exempts: list[Exempt] = field(factory=list)
    examples: bool = True
    happenings: int = 0
    stated: dict[tuple[str, int], Mapping[str, object]] = field(factory=dict)

    @property
    def layer(self) -> Layer:
        """Whose file it is."""
        return self.source.layer


def tables(value: object) -> tuple[dict[str, object], ...]:
    """An array of tables that `read_keys` gave, or none."""
    return cast("tuple[dict[str, object], ...]", value) if isinstance(value, tuple) else ()


def get(values: Mapping[str, object], name: str, default: T) -> T:
    """The value of the key *name* as `read_keys` gave it, or *default*."""
    # Sound because `read_keys` gives only values of the type that the key has in `KEYS`.
    return cast("T", values.get(name, default))
