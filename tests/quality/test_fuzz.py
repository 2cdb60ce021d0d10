"""A fixed share of the random command lines and packs that are run in their hundred thousands."""

from __future__ import annotations

import pytest

from governance.rules.loader import load_rules
from governance.rules.sources import PackSource
from governance.rules.vocabulary import default_vocabulary
from tests.quality.fuzz import long_cases, pack_cases, shell_cases
from tests.quality.fuzz.__main__ import main
from tests.quality.fuzz.findings import SECONDS_MAX, Outcome, tried

SHELL_CASES = 1_200
PACK_CASES = 400
LONG_CASES = 400
SEED = "suite"

OTHERWISE_MAX = 0.10
"""The share of cases in which bash and the engine may disagree whether a text is a script."""


@pytest.fixture(scope="module")
def lines() -> Outcome:
    """What the share of random command lines came to."""
    outcome = Outcome()
    shell_cases.run(SEED, range(SHELL_CASES), outcome)
    return outcome


def test_random_command_lines_break_no_law(lines: Outcome) -> None:
    """No crash, no long time, no more than work in proportion, and what is opaque is denied."""
    assert lines.findings == []
    assert lines.counts["cases"] == SHELL_CASES
    assert SHELL_CASES / 4 < lines.counts["opaque by syntax"] < SHELL_CASES


@pytest.mark.skipif(shell_cases.BASH is None, reason="platform: there is no bash here")
def test_bash_and_the_engine_mostly_agree_on_what_is_a_script(lines: Outcome) -> None:
    """Where they do not, one of them reads more of a text that hardly is one."""
    otherwise = sum(n for name, n in lines.counts.items() if name.startswith("otherwise"))

    assert lines.counts["bash refuses"] > SHELL_CASES / 4
    assert 0 < otherwise <= OTHERWISE_MAX * SHELL_CASES


def test_long_lines_break_no_law() -> None:
    """No crash and no long time, whatever is repeated, wherever it stands."""
    outcome = Outcome()

    long_cases.run(SEED, range(LONG_CASES), outcome)

    assert outcome.findings == []
    assert outcome.counts["blind"] + outcome.counts["read"] == LONG_CASES


def test_random_packs_break_no_law() -> None:
    """Rules or reasons, each with a code and a line, and rules that are loaded decide."""
    outcome = Outcome()

    pack_cases.run(SEED, range(PACK_CASES), outcome)

    assert outcome.findings == []
    assert outcome.counts["refused"] + outcome.counts["loaded"] == PACK_CASES
    assert outcome.counts["loaded"] > PACK_CASES / 20


def test_what_breaks_a_law_is_found() -> None:
    """Rules that let pass what is opaque are caught: the laws are no decoration."""
    outcome = Outcome()
    lenient = shell_cases.NEVER_OPAQUE.replace('"deny"', '"warn"').replace(
        'unknown = "warn"', 'unknown = "ignore"'
    )
    rules = load_rules([PackSource("p", lenient, "p.toml", "user")], default_vocabulary())

    shell_cases.judge(rules, outcome, 7, "for", None)

    assert [(one.number, one.law) for one in outcome.findings] == [(7, "what is opaque is denied")]


def test_what_crashes_or_takes_long_is_found() -> None:
    """An exception out of a case is a finding with its text, and the run goes on."""
    outcome = Outcome()
    clock = iter([0.0, SECONDS_MAX + 1])

    tried(outcome, 3, "text", lambda: {}["missing"])
    tried(outcome, 4, "slow", lambda: None, lambda: next(clock))

    assert [one.number for one in outcome.findings] == [3, 4]
    assert outcome.findings[0].law.startswith("never a crash (KeyError")


def test_a_run_is_made_again_by_its_seed(capsys: pytest.CaptureFixture[str]) -> None:
    """Two halves of a run are the run, so that one can be gone on with."""
    figures = []
    for words in (["--cases", "40"], ["--cases", "20"], ["--cases", "20", "--first", "20"]):
        assert main(["packs", "--seed", "suite", *words]) == 0
        printed = capsys.readouterr().out.splitlines()
        figures.append(
            {
                name: int(count.replace(",", ""))
                for name, _, count in (line.partition(": ") for line in printed)
                if name in ("cases", "refused", "loaded")
            }
        )

    whole, first, second = figures
    assert {name: first[name] + second[name] for name in whole} == whole
    assert whole["cases"] == 40
