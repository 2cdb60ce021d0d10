"""A machine file that is wrong is refused whole, with every problem at its line."""

from __future__ import annotations

import pytest

from governance._shipped import machine_text
from governance.errors import DefinitionError, Diagnostic
from governance.machine import load_machine

SHIPPED = machine_text()


def problems(text: str) -> tuple[Diagnostic, ...]:
    """What the loader says of *text*."""
    with pytest.raises(DefinitionError) as caught:
        load_machine(text, file="mine.toml")
    return caught.value.diagnostics


def changed(old: str, new: str, text: str = SHIPPED) -> str:
    """*text* with one change that is really there."""
    assert text.count(old) >= 1, old
    return text.replace(old, new, 1)


def line_of(text: str, part: str) -> int:
    """The line of *text* that holds *part*."""
    return next(n for n, line in enumerate(text.splitlines(), 1) if part in line)


LATE_END = '{ in = ["ended"], outcome = "late" },'

BROKEN = [
    pytest.param("format = 1", "format = 2", "GOV150", "", id="format"),
    pytest.param("format = 1", "format = true", "GOV150", "", id="format-type"),
    pytest.param('mark = "T"\nlive = true', 'mark = "T"', "GOV150", "`live = true`", id="dead"),
    pytest.param('mark = "I"', 'mark = "I"\nlive = true', "GOV150", "`live = false`", id="live"),
    pytest.param("chain_max = 4", "chain_max = 99", "GOV150", "", id="chain-max"),
    pytest.param('mode = "asked"', 'mode = "ask"', "GOV150", "`asked`", id="mode"),
    pytest.param('outcome = "late" }', 'outcom = "late" }', "GOV150", "`outcome`", id="key"),
    pytest.param(
        'to = "between-turn"', 'to = "between-turns"', "GOV152", "`between-turn`", id="to"
    ),
    pytest.param('{ in = ["absent"]', '{ in = ["absnt"]', "GOV152", "`absent`", id="in"),
    pytest.param("[state.resumed]", "[state.resume]", "GOV152", "`resumed`", id="state"),
    pytest.param("[event.turn_end]", "[event.turn_ends]", "GOV153", "`turn_end`", id="event"),
    pytest.param('first = "interrupt"', 'first = "interupt"', "GOV153", "`interrupt`", id="first"),
    pytest.param('"not chained"', '"not chaind"', "GOV154", "`chained`", id="predicate"),
    pytest.param('"parent_alive"]', '"parent_live"]', "GOV154", "`parent_alive`", id="guard"),
    pytest.param('guards = ["can_inject"]', 'guards = ["halted"]', "GOV154", "", id="no-guard"),
    pytest.param('"begin_epoch"', '"begin_epok"', "GOV155", "`begin_epoch`", id="effect"),
    pytest.param('"outdated"', '"outdatet"', "GOV156", "`outdated`", id="outcome"),
    pytest.param('"turn.started"', '"turn.start"', "GOV157", "`turn.started`", id="emits"),
    pytest.param('["owe_nothing"]', '["owe_nothing", "owe_nothing"]', "GOV158", "", id="twice"),
    pytest.param('when = ["idle"]', 'when = ["idle", "not idle"]', "GOV158", "", id="both"),
    pytest.param(LATE_END, LATE_END + "\n  " + LATE_END, "GOV160", "exclude", id="two-rows"),
    pytest.param('when = ["idle"]', 'when = ["idle", "late"]', "GOV159", "add a row", id="gap"),
    pytest.param('when = ["not idle"], ', "", "GOV160", "exclude", id="overlap"),
    pytest.param(
        'when = ["not away", "past_in_doubt"], first',
        'when = ["not away", "past_in_doubt", "gap_fresh"], first',
        "GOV161",
        "remove it",
        id="never",
    ),
    pytest.param(
        '  { in = ["ended"], outcome = "late" },\n]\n\n# ----',
        "]\n\n# ----",
        "GOV151",
        "add",
        id="hole",
    ),
    pytest.param(
        'emits = ["tool.finished"]',
        'emits = ["tool.finished"]\nguards = ["can_inject"]',
        "GOV166",
        "asked",
        id="told-guard",
    ),
    pytest.param(
        '{ in = ["interrupted"], outcome = "duplicate" }',
        '{ in = ["interrupted"], refuse = "no" }',
        "GOV166",
        "asked",
        id="told-refuse",
    ),
    pytest.param('uses = ["gap", "history", "other_run"]', "", "GOV164", "spend", id="loop"),
    pytest.param("chain_max = 4", "chain_max = 3", "GOV165", "shorten", id="chain-long"),
]


@pytest.mark.parametrize(("old", "new", "code", "suggestion"), BROKEN)
def test_broken(old: str, new: str, code: str, suggestion: str) -> None:
    """Each kind of mistake has its own code, and a way to mend it."""
    text = changed(old, new)
    found = [one for one in problems(text) if one.code == code]
    assert found, f"no {code} among {[str(one) for one in problems(text)]}"
    assert suggestion in found[0].suggestion
    assert found[0].file == "mine.toml"
    assert found[0].line > 0


def test_unreachable_and_trapped_states() -> None:
    """A state nothing leads to, and a state that never comes to the end, are refused."""
    text = SHIPPED.replace('to = "resumed", do', 'to = "compacted", do')
    assert {one.code for one in problems(text)} == {"GOV162"}
    assert "`resumed`" in problems(text)[0].message
    everywhere = '["beginning", "between-turn", "compacted", "resumed", "interrupted"]'
    text = changed(f'{everywhere}, to = "ended"', f'{everywhere}, to = "interrupted"')
    codes = {one.code for one in problems(text)}
    assert codes == {"GOV162", "GOV163"}


def test_all_problems_at_once_each_in_its_line() -> None:
    """Three mistakes in one file are three problems, in order of their lines."""
    text = changed('title = "Compacted"', "title = 7")
    text = changed('"briefing_current"], to', '"briefing_curent"], to', text)
    text = changed('"session.ended"]', '"session.endet"]', text)
    found = problems(text)
    assert [one.code for one in found if one.code != "GOV159" and one.code != "GOV160"] == [
        "GOV150",
        "GOV154",
        "GOV157",
    ]
    assert [one.line for one in found] == sorted(one.line for one in found)
    by_code = {one.code: one for one in found}
    assert by_code["GOV150"].line == line_of(text, "title = 7")
    assert by_code["GOV154"].line == line_of(text, "briefing_curent")
    assert by_code["GOV154"].suggestion == "did you mean `briefing_current`?"
    assert by_code["GOV157"].line == line_of(text, "session.endet")


def test_a_missing_event_is_named() -> None:
    """A machine that lacks an event the hosts speak of is refused."""
    start = SHIPPED.index("[event.child_end]")
    assert [one.code for one in problems(SHIPPED[:start])] == ["GOV167"]


@pytest.mark.parametrize(
    "text",
    [
        "format = 1",
        "format = 1\nevent = 3\nstate = []\nmachine = 'x'",
        "format = 1\n[event]\nstart = 1\n[state]\nabsent = 2",
        'format = 1\n[event.start]\nmode = "asked"\nrows = "x"\nemits = [1]',
        "format = 1\n[event.start]\nrows = [1, {}, { in = 3 }, { in = [], to = 2 }]",
        'format = 1\n[event.start]\nrows = [{ in = ["absent"], to = "ended", first = "end" }]',
        'format = 1\n[event.start]\nrows = [{ in = ["absent"], outcome = "move" }]',
    ],
)
def test_shapes_never_crash_the_loader(text: str) -> None:
    """Whatever stands in a key, the answer is a list of problems."""
    assert "GOV150" in {one.code for one in problems(text)}


def test_syntax_has_its_line() -> None:
    """What is no TOML at all is refused with the line."""
    (found,) = problems("format = 1\n[event.start\n")
    assert (found.code, found.line) == ("GOV101", 2)


def test_rows_of_a_state_share_their_guards() -> None:
    """Two rows of one state cannot ask for different guards."""
    text = changed(
        '{ in = ["ended"], when = ["late"], outcome = "late" }',
        '{ in = ["ended"], guards = [], when = ["late"], outcome = "late" }',
    )
    assert "different `guards`" in problems(text)[0].message


def test_the_shipped_machine_is_read_once() -> None:
    """Every caller shares one shipped machine."""
    assert load_machine() is load_machine()
    assert load_machine(SHIPPED).definition == load_machine().definition


def test_a_loop_over_the_history_is_found() -> None:
    """A chain that would go round only when the history is lost is found at load."""
    text = changed('uses = ["gap", "history", "other_run"]', 'uses = ["gap", "other_run"]')
    text = changed(
        '"history_lost"], to = "compacted", do = ["owe_compacted", "await_compaction"] },\n'
        '  { in = ["between-turn"]',
        '"history_lost"], outcome = "stay" },\n  { in = ["between-turn"]',
        text,
    )
    found = problems(text)
    assert {one.code for one in found} == {"GOV164"}
    assert "`turn_start` in `absent`" not in found[0].message
