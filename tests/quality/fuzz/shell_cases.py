"""What must hold for every command line, whatever it is; bash itself says what is one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from random import Random

from governance.rules.deciding import History, RuleEvent, RuleSet
from governance.rules.facts import facts_of_call, session_facts
from governance.rules.loader import load_rules
from governance.rules.paths import PLAIN_PLACES
from governance.rules.shell_facts import line_of
from governance.rules.sources import PackSource
from governance.rules.vocabulary import PYTHON_TOOLS, call_of, default_vocabulary
from governance.shell import read_line
from tests.quality.fuzz.findings import Outcome, tried
from tests.quality.fuzz.random_scripts import script_of

BASH = shutil.which("bash")

NEVER_OPAQUE = """
format = 1
[pack]
name = "p"
version = "1.0.0"
summary = "What cannot be known is refused."

[[rule]]
id = "p.opaque"
tools = ["shell"]
when.shell = { opaque = true }
unknown = "deny"
action = "deny"
message = "No."
must_match = [{ tool = "shell", command = "eval \\"$X\\"" }]
must_not_match = [{ tool = "shell", command = "ls" }]
"""
GROWTH_EVERY = 200
"""Every so many cases the work for much longer texts is counted too."""

WORK_MAX = 2_000_000
"""Calls of Python functions within which any text is read: its bounds are met by then."""

WORK_SMALL = 100_000
"""So many calls are some hundredths of a second: what grows below is not looked at."""

KNOWN = History(known=True)


def rules_against_opaque() -> RuleSet:
    """Rules that deny what cannot be known of a command line, and nothing else."""
    return load_rules([PackSource("p", NEVER_OPAQUE, "p.toml", "user")], default_vocabulary())


def refused_by_bash(text: str) -> bool:
    """Whether bash finds no reading of *text*; it parses and runs nothing."""
    assert BASH is not None
    done = subprocess.run(
        [BASH, "-O", "extglob", "-n"],
        input=text.encode("utf-8", "replace"),
        env={"PATH": "/nonexistent", "LC_ALL": "C.UTF-8"},
        cwd="/",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=30,
        check=False,
    )
    return done.returncode != 0


def run(seed: str, numbers: range, outcome: Outcome) -> None:
    """Tries the cases *numbers* of *seed*."""
    rules = rules_against_opaque()
    for number in numbers:
        random = Random(f"{seed}/shell/{number}")
        text = script_of(random)
        outcome.counts["cases"] += 1
        tried(outcome, number, text, lambda n=number, t=text: _read(rules, outcome, n, t))
        if number % GROWTH_EVERY == 0:
            _grows(outcome, number, text)


def _read(rules: RuleSet, outcome: Outcome, number: int, text: str) -> None:
    line = line_of(text)
    call = call_of(PYTHON_TOOLS, "shell", {"command": text})
    facts = {**session_facts(host="python"), **facts_of_call(call, PLAIN_PLACES)}
    action = rules.decide(RuleEvent("tool", facts, call), KNOWN).action
    refused = BASH is not None and refused_by_bash(text)
    every = (*line.opaque, *(one for each in line.commands for one in each.opaque))
    failed = any(one.kind == "syntax" for one in every)
    bounded = any(one.kind == "bound" for one in every)
    outcome.counts["bash refuses"] += refused
    outcome.counts["opaque by syntax"] += failed
    outcome.counts["denied"] += action == "deny"
    if (failed or line.blind is not None) and action != "deny":
        outcome.found(number, "what is opaque is denied", text)
    if failed != refused and not bounded:
        outcome.differs(number, "bash takes it" if failed else "bash refuses it", text)


def _grows(outcome: Outcome, number: int, text: str) -> None:
    """Four times the text takes four times the work, give or take what is begun once."""
    outcome.counts["growth measured"] += 1
    short, long = work(_said(text, 16)), work(_said(text, 64))
    if long > WORK_MAX or (long > WORK_SMALL and long > 8 * short):
        outcome.found(number, "no text takes more than work in proportion", text)


def _said(text: str, times: int) -> str:
    return "\n".join([text] * times)


def work(text: str) -> int:
    """How many Python functions are called to read *text*."""
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        read_line(text)
    finally:
        sys.setprofile(None)
    return calls
