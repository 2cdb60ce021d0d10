"""The laws that tools in the process of a program are tried on."""

from __future__ import annotations

from functools import cache

from governance.session.law import Law
from governance.testing.engines import law_of
from governance.testing.host_contract_pack import RULES, TOLD


@cache
def tool_law() -> Law:
    """The law of the contract's rules alone, loaded once."""
    return law_of(RULES)


@cache
def told_law() -> Law:
    """The same with what the model is told."""
    return law_of(RULES + TOLD)
