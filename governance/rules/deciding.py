"""
The door of the rules room for those who decide: compile packs, ask the rule set.

`governance.rules.ruleset` has the hot loop, `governance.rules.compiling` what makes it.
"""

from __future__ import annotations

from governance.rules.compiling import compile_rules
from governance.rules.ruleset import RuleSet
from governance.rules.verdicts import Decision, History, RuleEvent, Verdict

__all__ = ["Decision", "History", "RuleEvent", "RuleSet", "Verdict", "compile_rules"]
