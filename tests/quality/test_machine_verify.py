"""The closed search proves the shipped machine, and finds the bug in machines that are wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from governance._shipped import machine_text
from governance.machine import load_machine
from governance.states import State
from governance.verify import LAWS, Report, explore

SHIPPED = machine_text()


@pytest.fixture(name="report", scope="module")
def _report() -> Report:
    """What the search finds in the shipped machine; some seconds of work."""
    return explore(load_machine())


def broken(law: str, *changes: tuple[str, str]) -> Report:
    """What *law* says of the shipped machine with *changes* that the loader accepts."""
    text = SHIPPED
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    laws = [one for one in LAWS if one.name == law]
    return explore(load_machine(text), laws=laws, findings_max=1)


def test_shipped_machine_keeps_every_law(report: Report) -> None:
    """Nothing in the closed set of register states breaks a law."""
    assert report.ok, [str(one) for one in report.findings]
    assert {law.name for law in report.laws} == {law.name for law in LAWS}


def test_search_is_closed_and_complete(report: Report) -> None:
    """Every state is reached, and the longest chain is as long as the file allows."""
    assert all(report.registers[state] for state in State)
    assert report.registers[State.ABSENT] == 1
    assert report.chain_longest == load_machine().definition.chain_max
    assert report.sha256 == load_machine().definition.sha256


GUARDS = 'guards = ["journal_writable", "parent_alive", "not_halted"]'
TAKEN = 'when = ["not taken"], to = "compacted", do = ["owe_compacted", "take_compaction"]'
ASLEEP = '  { in = ["interrupted", "ended"], when = ["halted"], outcome = "stay"'
LIVE = '  { in = ["beginning", "between-turn", "compacted", "resumed"]'
STALE = 'do = ["owe_resumed", "set_stale", "await_compaction"]'

WRONG: dict[str, tuple[list[tuple[str, str]], str, list[str]]] = {
    "a compaction owes nothing": (
        [(TAKEN, TAKEN.replace('"owe_compacted", ', ""))],
        "compaction",
        ["compact"],
    ),
    "a compaction stays briefed": (
        [(TAKEN, 'when = ["not taken"], outcome = "stay", do = ["take_compaction"]')],
        "compaction",
        ["compact"],
    ),
    "a halt does not hold": (
        [
            (GUARDS, 'guards = ["journal_writable", "parent_alive"]'),
            (ASLEEP + ', emits = ["event.refused"] },\n', ""),
            ('"not halted", ', ""),
            ('when = ["not halted"], ', ""),
        ],
        "halt",
        ["turn_start"],
    ),
    "a stranger is adopted while nothing can be recorded": (
        [('guards = ["journal_writable"], first', 'guards = ["can_inject"], first')],
        "recorded",
        ["turn_start"],
    ),
    "an orphan starts": (
        [('guards = ["journal_writable", "parent_alive"]', 'guards = ["journal_writable"]')],
        "parent",
        ["start"],
    ),
    "a tool runs before the briefing": (
        [('"can_inject"], outcome = "brief_instead"', '"can_inject"], outcome = "stay"')],
        "briefed",
        ["tool_before"],
    ),
    "a notice gap resumes as if nothing had been": (
        [('"gap_notice"], to = "resumed"', '"gap_notice"], to = "left"')],
        "resume",
        ["resume"],
    ),
    "a stale session is not stale": (
        [(STALE, STALE.replace('"set_stale", ', ""))],
        "resume",
        ["resume"],
    ),
    "a long silence is not noticed": (
        [
            (LIVE + ', when = ["away_between_turns"], first = "interrupt" },\n', ""),
            ('when = ["not away_between_turns"], ', ""),
            ('"not away_between_turns", ', ""),
        ],
        "silence",
        ["start", "tool_before"],
    ),
    "an outdated briefing settles what is owed": (
        [('outcome = "outdated"', 'outcome = "outdated", do = ["owe_nothing"]')],
        "inert",
        ["brief"],
    ),
    "an interruption forgets what is owed": (
        [('"interrupted", do = ["close_turn"', '"interrupted", do = ["owe_nothing", "close_turn"')],
        "duties",
        ["turn_start"],
    ),
    "a turn ends before it began": (
        [('emits = ["turn.started"]', 'emits = ["turn.started", "turn.ended"]')],
        "turns",
        ["turn_start"],
    ),
    "the idle event after an abort wakes the session": (
        [
            (
                '{ in = ["interrupted"], outcome = "duplicate" }',
                '{ in = ["interrupted"], to = "left" }',
            )
        ],
        "waking",
        ["interrupt", "turn_end"],
    ),
    "a turn stays open where nobody works": (
        [('to = "interrupted", do = ["close_turn"]', 'to = "interrupted"')],
        "registers",
        ["turn_start", "start"],
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_bug_is_found(name: str) -> None:
    """A table that is total and still wrong is found, with the shortest way to the fault."""
    changes, law, trace = WRONG[name]

    report = broken(law, *changes)
    found = {one.law: one for one in report.findings}
    assert law in found, [str(one) for one in report.findings]
    assert [step.event for step in found[law].trace] == trace


def test_every_law_can_be_broken() -> None:
    """No law is idle: a wrong table is known for each, but for two that need a broken engine."""
    shown = {law for _, law, _ in WRONG.values()}
    assert {law.name for law in LAWS} - shown == {"told", "refused"}


def test_findings_print_as_diagnostics() -> None:
    """A finding names its law, what was found and the trace, under one code."""
    report = broken("compaction", (TAKEN, TAKEN.replace('"owe_compacted", ', "")))
    (one, *_) = report.diagnostics("mine.toml")
    assert (one.code, one.file) == ("GOV168", "mine.toml")
    assert "[compact() -> compacted (move)]" in one.message


def test_the_reviewers_page_lists_every_law() -> None:
    """`states/README.md` says of each law what it is, in the law's own words."""
    page = (Path(__file__).parents[2] / "states" / "README.md").read_text(encoding="utf-8")
    rows = {f"| {law.name} | {law.says} |" for law in LAWS}
    assert rows <= set(page.splitlines())
