"""What must hold for every text that is given to the loader of packs."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Mapping
from datetime import date, datetime, time
from pathlib import Path
from random import Random
from typing import Any

import tomli_w

from governance._shipped import pack_texts
from governance.rules.deciding import History, RuleEvent, RuleSet
from governance.rules.facts import facts_of_call, session_facts
from governance.rules.loader import read_rules
from governance.rules.paths import PLAIN_PLACES
from governance.rules.sources import LoadSettings, PackSource
from governance.rules.vocabulary import PYTHON_TOOLS, call_of, default_vocabulary
from tests.quality.fuzz.findings import Outcome, tried
from tests.quality.fuzz.random_scripts import damaged

EVERYTHING = Path(__file__).parents[1] / "packs" / "everything.toml"
VOCABULARY = default_vocabulary()
SETTINGS = LoadSettings(
    fields={"language": "en"}, time_zone="UTC", trusted=lambda _: True, today=date(2030, 1, 1)
)
KNOWN = History(known=True)
CALLS = (
    ("shell", {"command": "cd src && git push -f origin main | tee ~/log"}),
    ("write", {"path": "src/.env", "content": "x"}),
    ("fetch", {"url": "https://user@a.example:80/x"}),
    ("todo", {}),
    ("mcp:a:b", {"x": 1}),
    ("unheard", {"path": None}),
)
EXAMPLES_MAX = 2

_WORDS = (
    "", "x", "tool", "read", "@writes", "@nothing", "mcp:a:*", "native:python:read", "**/.env", "{",
    "{path}", "deny", "(", "10m", "-1h",
    "var", "exists", "not", "every", "\u202e", "é", "\x7f", "**",
    "a/../..", "[a", "(?i)a{1,1000}", "(a+)+$", "\0", "shell", "1.0.0", "never", "UTC",
)  # fmt: skip
_KEYS = (
    "when", "unless", "any", "tools", "rewrite", "var", "not", "every", "in", "regex", "glob",
    "path", "usage", "fields", "args", "tool", "length", "between", "redact", "default", "x",
    "shell", "program", "flags_any", "flows_to", "requires", "forbids", "limit", "same", "within",
    "max", "per", "command", "must_match", "after", "repeat", "detect", "lt", "exists", "extends",
    "mode",
)  # fmt: skip


def seeds() -> list[dict[str, Any]]:
    """Small packs that are right: of each shipped one rule at a time, and one of everything."""
    made = [tomllib.loads(EVERYTHING.read_text("utf-8"))]
    for text in pack_texts().values():
        pack = tomllib.loads(text)
        rest = {name: one for name, one in pack.items() if name not in ("rule", "scenario")}
        for rule in pack.get("rule", ()):
            for name in ("must_match", "must_not_match", "known_gaps"):
                if name in rule:
                    rule[name] = rule[name][:EXAMPLES_MAX]
            made.append({**rest, "rule": [rule]})
    return made


def run(seed: str, numbers: range, outcome: Outcome) -> None:
    """Tries the cases *numbers* of *seed*."""
    packs = seeds()
    for number in numbers:
        random = Random(f"{seed}/packs/{number}")
        text = _text(random, packs)
        outcome.counts["cases"] += 1
        shown = text if isinstance(text, str) else text.decode("latin-1")
        tried(outcome, number, shown, lambda n=number, t=text: _load(outcome, n, t))


def _text(random: Random, packs: list[dict[str, Any]]) -> str | bytes:
    pack = random.choice(packs)
    if random.random() < 0.5:
        pack = copy.deepcopy(pack)
        for _ in range(random.choice((1, 1, 1, 2, 4))):
            _changed(random, pack)
        return tomli_w.dumps(pack)
    data = damaged(random, tomli_w.dumps(pack).encode())
    return data if random.random() < 0.5 else data.decode("utf-8", "replace")


def _changed(random: Random, pack: dict[str, Any]) -> None:
    """One node put in, taken out, replaced, misspelled or moved, at any depth."""
    node: Any = pack
    while True:
        below = [one for one in _children(node) if isinstance(one, (dict, list)) and one]
        if not below or random.random() < 0.25:
            break
        node = random.choice(below)
    if isinstance(node, list):
        at = random.randrange(len(node) + 1)
        if at < len(node) and random.random() < 0.6:
            node[at] = _value(random)
        elif at < len(node) and random.random() < 0.5:
            del node[at]
        else:
            node.insert(at, _value(random))
        return
    key = random.choice(list(node)) if node else "x"
    match random.randrange(5):
        case 0:
            node.pop(key, None)
        case 1:
            node[random.choice(_KEYS)] = _value(random)
        case 2 if key in node and len(key) > 1:
            at = random.randrange(len(key))
            node[key[:at] + key[at + 1 :]] = node.pop(key)
        case 3 if key in node:
            node[random.choice(_KEYS)] = node.pop(key)
        case _:
            node[key] = _value(random)


def _children(node: Any) -> list[Any]:
    return list(node.values()) if isinstance(node, dict) else list(node)


def _value(random: Random, depth: int = 0) -> Any:
    made = random.randrange(10 if depth < 2 else 7)
    if made < 3:
        return random.choice(_WORDS)
    match made:
        case 3:
            return random.choice((0, 1, -1, 2**63 - 1, -(2**63), 7))
        case 4:
            return random.choice((0.5, float("nan"), float("inf"), -0.0, 1e308))
        case 5:
            return random.choice((True, False))
        case 6:
            return random.choice((date(2030, 1, 1), datetime(2030, 1, 1), time(1)))
        case 7 | 8:
            return {
                random.choice(_KEYS): _value(random, depth + 1) for _ in range(random.randrange(3))
            }
        case _:
            return [_value(random, depth + 1) for _ in range(random.randrange(3))]


def _load(outcome: Outcome, number: int, text: str | bytes) -> None:
    loaded = read_rules([PackSource("", text, "p.toml", "user")], VOCABULARY, settings=SETTINGS)
    shown = text if isinstance(text, str) else text.decode("latin-1")
    outcome.counts["refused"] += bool(loaded.errors)
    outcome.counts["loaded"] += loaded.rules is not None
    if (loaded.rules is None) != bool(loaded.errors):
        outcome.found(number, "there are rules, or errors, and never both", shown)
    lines = shown.count("\n") + 1
    for one in loaded.diagnostics:
        if not (one.code.startswith("GOV") and one.message and 1 <= one.line <= lines):
            outcome.found(number, "a diagnostic has a code, a message and a line", shown)
    if loaded.rules is not None:
        decide_all(loaded.rules)


def decide_all(rules: RuleSet) -> Mapping[str, str]:
    """What *rules* say of a call of each kind."""
    made: dict[str, str] = {}
    for tool, arguments in CALLS:
        call = call_of(PYTHON_TOOLS, tool, arguments)  # type: ignore[arg-type]
        facts = {**session_facts(host="python"), **facts_of_call(call, PLAIN_PLACES)}
        made[tool] = rules.decide(RuleEvent("tool", facts, call), KNOWN).action
    return made
