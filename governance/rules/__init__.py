"""
The rule language: packs in TOML, checked, compiled, decided and explained.

Names are imported when they are first used, so that a process pays for what it touches.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from governance._lazy import lazily

if TYPE_CHECKING:
    from governance.rules.compiling import compile_rules
    from governance.rules.explain import Explanation, explain
    from governance.rules.facts import facts_of_call, session_facts
    from governance.rules.host_tools import PYTHON_TOOLS, HostTools, ToolMap, call_of
    from governance.rules.paths import Places, places_of
    from governance.rules.rewriting import rewrite_call
    from governance.rules.ruleset import RuleSet
    from governance.rules.verdicts import Decision, History, RuleEvent, Verdict
    from governance.rules.vocabulary import Vocabulary, default_vocabulary

__all__ = [
    "PYTHON_TOOLS",
    "Decision",
    "Explanation",
    "History",
    "HostTools",
    "Places",
    "RuleEvent",
    "RuleSet",
    "ToolMap",
    "Verdict",
    "Vocabulary",
    "call_of",
    "compile_rules",
    "default_vocabulary",
    "explain",
    "facts_of_call",
    "places_of",
    "rewrite_call",
    "session_facts",
]

_HOMES = {
    "PYTHON_TOOLS": ".host_tools",
    "Decision": ".verdicts",
    "Explanation": ".explain",
    "History": ".verdicts",
    "HostTools": ".host_tools",
    "Places": ".paths",
    "RuleEvent": ".verdicts",
    "RuleSet": ".ruleset",
    "ToolMap": ".host_tools",
    "Verdict": ".verdicts",
    "Vocabulary": ".vocabulary",
    "call_of": ".host_tools",
    "compile_rules": ".compiling",
    "default_vocabulary": ".vocabulary",
    "explain": ".explain",
    "facts_of_call": ".facts",
    "places_of": ".paths",
    "rewrite_call": ".rewriting",
    "session_facts": ".facts",
}

__getattr__ = lazily(__name__, _HOMES)
