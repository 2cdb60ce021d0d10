"""What must hold for every command line, whatever it is; bash itself says what is one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

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

TOGETHER = 200
"""Cases that bash is asked about at once."""

KNOWN = History(known=True)

_PARSE_EACH = """
for ((number = 0; number < $2; number++)); do
  "$0" -O extglob -n < "$1/$number" > /dev/null 2>&1
  echo $?
done
"""


def rules_against_opaque() -> RuleSet:
    """Rules that deny what cannot be known of a command line, and nothing else."""
    return load_rules([PackSource("p", NEVER_OPAQUE, "p.toml", "user")], default_vocabulary())


def refused_by_bash(texts: Sequence[str]) -> list[bool]:
    """Of each of *texts* whether bash finds no reading; it parses and runs nothing of them."""
    assert BASH is not None
    with TemporaryDirectory() as folder:
        for number, text in enumerate(texts):
            Path(folder, str(number)).write_bytes(text.encode("utf-8", "replace"))
        done = subprocess.run(
            [BASH, "-c", _PARSE_EACH, BASH, folder, str(len(texts))],
            env={"PATH": "/nonexistent", "LC_ALL": "C.UTF-8"},
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=600,
            check=True,
        )
    return [line != b"0" for line in done.stdout.split()]


def run(seed: str, numbers: range, outcome: Outcome) -> None:
    """Tries the cases *numbers* of *seed*."""
    rules = rules_against_opaque()
    for begin in range(numbers.start, numbers.stop, TOGETHER):
        batch = range(begin, min(begin + TOGETHER, numbers.stop))
        texts = {one: script_of(Random(f"{seed}/shell/{one}")) for one in batch}
        refused = refused_by_bash(list(texts.values())) if BASH is not None else [None] * len(texts)
        for (number, text), one in zip(texts.items(), refused, strict=True):
            outcome.counts["cases"] += 1
            tried(outcome, number, text, partial(judge, rules, outcome, number, text, one))
            if number % GROWTH_EVERY == 0:
                _grows(outcome, number, text)


def judge(
    rules: RuleSet, outcome: Outcome, number: int, text: str, refused: bool | None = None
) -> None:
    line = line_of(text)
    call = call_of(PYTHON_TOOLS, "shell", {"command": text})
    facts = {**session_facts(host="python"), **facts_of_call(call, PLAIN_PLACES)}
    action = rules.decide(RuleEvent("tool", facts, call), KNOWN).action
    every = (*line.opaque, *(one for each in line.commands for one in each.opaque))
    failed = any(one.kind == "syntax" for one in every)
    bounded = any(one.kind == "bound" for one in every)
    outcome.counts["bash refuses"] += bool(refused)
    outcome.counts["opaque by syntax"] += failed
    outcome.counts["denied"] += action == "deny"
    if (failed or line.blind is not None) and action != "deny":
        outcome.found(number, "what is opaque is denied", text)
    if refused is not None and failed != refused and not bounded:
        outcome.differs(number, "bash takes it" if failed else "bash refuses it", text)


def _grows(outcome: Outcome, number: int, text: str) -> None:
    """Four times the text takes four times the work, give or take what is begun once."""
    outcome.counts["growth measured"] += 1
    # Below some dozens the work still grows with what stands open, of which there is a bound.
    short, long = work(_said(text, 48)), work(_said(text, 192))
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
