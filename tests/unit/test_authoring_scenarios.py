"""Scenarios: whole decisions played in a real engine, and what is said when they fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from governance.authoring.playing import Played, play
from governance.authoring.subjects import Subject, subjects_of
from governance.authoring.tried import Tried, tried
from governance.rules.loader import read_rules
from governance.rules.sources import LoadSettings, PackSource
from governance.rules.vocabulary import default_vocabulary
from governance.testing.engines import law_of

HEAD = """\
format = 1

[pack]
name = "team"
version = "1.0.0"
summary = "For these tests."
"""
PACK = f"""\
{HEAD}
[[rule]]
id = "team.no-rm"
tools = ["shell"]
when.command = {{ contains = "rm" }}
action = "deny"
severity = "high"
message = "{{command}} removes things."
must_match = [{{ tool = "shell", command = "rm a" }}]
must_not_match = [{{ tool = "shell", command = "ls" }}]

[[rule]]
id = "team.publish"
tools = ["shell"]
when.command = {{ starts_with = "npm publish" }}
action = "ask"
ask = {{ expires = "10m", uses = 1 }}
message = "Publishing cannot be undone."
must_match = [{{ tool = "shell", command = "npm publish" }}]
must_not_match = [{{ tool = "shell", command = "npm pack" }}]

[[rule]]
id = "team.output"
on = "tool-result"
tools = ["read"]
when.output = {{ contains = "hush" }}
action = "deny"
message = "That is kept back."
must_match = [{{ tool = "read", path = "a", output = "hush" }}]
must_not_match = [{{ tool = "read", path = "a", output = "loud" }}]

[[rule]]
id = "team.dry"
tools = ["shell"]
when.command = {{ starts_with = "make deploy" }}
action = "rewrite"
rewrite.command = {{ add_flags = ["--dry-run"] }}
labels = ["deployed"]

[[rule]]
id = "team.stop"
on = "command"
when.command = "stop"
action = "deny"
message = "Nobody stops here."
must_match = [{{ command = "stop" }}]
must_not_match = [{{ command = "go" }}]

[[role]]
name = "reader"
tools = ["read"]

[[role]]
name = "worker"
tools = ["read", "shell"]
delegates_to = ["reader"]

[[escalation]]
id = "team.frozen"
count = 2
within = "10m"
of = {{ severity = ["high"] }}
action = "deny"
tools = ["shell"]
lasts = "1h"
message = "Two of them: no more shell for an hour."

[[context]]
id = "team.language"
at = ["beginning", "compacted"]
text = "Answer in {{fields.language}}."
"""


def played(*steps: str, frame: str = "") -> Played:
    """A scenario of *steps* in the pack above, played."""
    listed = ",\n  ".join(steps)
    text = f'{PACK}\n[[scenario]]\nname = "it"\n{frame}\nsteps = [\n  {listed}\n]\n'
    settings = LoadSettings(fields={"language": "English"})
    source = PackSource("", text, "team.toml")
    loaded = read_rules([source], default_vocabulary(), settings=settings)
    assert loaded.errors == (), "\n".join(map(str, loaded.errors))
    return play(law_of(PACK), loaded.packs[0].scenarios[0])


def told(result: Played) -> str:
    """Everything that is said of a failure."""
    return "\n".join(
        line for one in result.failures for line in (one.expectation, one.message, *one.because)
    )


def test_a_session_is_played_from_its_start_to_its_end() -> None:
    """Briefing, refusals, compaction, states and counts are those of a real session."""
    result = played(
        '{ prompt = "go", expect = { context = ["Answer in English"],'
        ' blocks = ["team.language"] } }',
        '{ tool = "shell", command = "rm a", expect = { action = "deny", rules = ["team.no-rm"],'
        ' message = "rm a removes", violations = 1, state = "between-turn" } }',
        '{ event = "turn_end", expect = { state = "between-turn" } }',
        '{ event = "compact", expect = { state = "compacted" } }',
        '{ prompt = "on", expect = { context = ["Answer in English"] } }',
        '{ event = "end", expect = { state = "ended" } }',
    )

    assert result.ok, told(result)


def test_a_turn_is_begun_where_the_first_step_is_a_call() -> None:
    """Nobody has to write the prompt that means nothing."""
    assert played('{ tool = "shell", command = "ls", expect = { state = "between-turn" } }').ok


def test_time_goes_by_and_the_ladder_sees_it() -> None:
    """Two violations within ten minutes freeze the shell, and an hour later it is free."""
    result = played(
        '{ tool = "shell", command = "rm a", expect = { action = "deny" } }',
        '{ tool = "shell", command = "rm b", after = "9m", expect = { action = "deny" } }',
        '{ tool = "shell", command = "ls", expect = { action = "deny", message = "for an hour" } }',
        '{ tool = "shell", command = "ls", after = "2h" }',
    )

    assert result.ok, told(result)


def test_violations_that_lie_apart_freeze_nothing() -> None:
    """The same with eleven minutes between: the steps say what the clock says."""
    result = played(
        '{ tool = "shell", command = "rm a", expect = { action = "deny" } }',
        '{ tool = "shell", command = "rm b", after = "11m", expect = { action = "deny" } }',
        '{ tool = "shell", command = "ls" }',
    )

    assert result.ok, told(result)


def test_a_person_grants_refuses_and_pardons() -> None:
    """A leave holds once and ends; a refusal counts; a pardon takes it away."""
    result = played(
        '{ tool = "shell", command = "npm publish", expect = { action = "ask" } }',
        '{ event = "approve" }',
        '{ tool = "shell", command = "npm publish" }',
        '{ tool = "shell", command = "npm publish", expect = { action = "ask" } }',
        '{ event = "refuse", expect = { violations = 1 } }',
        '{ event = "pardon", rule = "team.publish", expect = { violations = 0 } }',
    )

    assert result.ok, told(result)


def test_where_nobody_can_be_asked_it_is_refused() -> None:
    """`asks = false` makes a host without a person of it."""
    step = '{ tool = "shell", command = "npm publish", expect = { action = "deny" } }'

    assert played(step, frame="asks = false").ok


def test_results_rewrites_labels_and_commands_are_seen() -> None:
    """What a call gives, what it becomes, what it leaves, and what is no call."""
    result = played(
        '{ tool = "read", path = "a", output = "hush", expect = { result = "deny",'
        ' rules = ["team.output"] } }',
        '{ tool = "shell", command = "make deploy", expect = { action = "rewrite",'
        ' rewritten = { command = "make deploy --dry-run" }, labels = ["deployed"] } }',
        '{ command = "stop", expect = { action = "deny", rules = ["team.stop"] } }',
        '{ command = "go", arguments = ["on"] }',
    )

    assert result.ok, told(result)


def test_a_child_has_its_own_role_and_state() -> None:
    """What a child may not, its parent may; and what it does wrong, its parent has as well."""
    result = played(
        '{ prompt = "go" }',
        '{ event = "child_start", child = "helper", role = "reader" }',
        '{ prompt = "look", session = "helper", expect = { blocks = ["team.language"] } }',
        '{ tool = "shell", command = "ls", session = "helper", expect = { action = "deny",'
        ' rules = ["role.reader.tools"], violations = 1 } }',
        '{ event = "end", session = "helper", expect = { state = "ended" } }',
        '{ tool = "shell", command = "ls", expect = { violations = 1 } }',
        frame='role = "worker"',
    )

    assert result.ok, told(result)


def test_fields_and_the_hour_are_the_scenarios_own() -> None:
    """`fields` differ in it alone, and it begins at its own time."""
    result = played(
        '{ prompt = "go", expect = { context = ["Answer in Welsh"] } }',
        '{ prompt = "on", at = 2030-01-31T10:00:00 }',
        frame='at = 2030-01-31T09:00:00\nfields = { language = "Welsh" }',
    )

    assert result.ok, told(result)


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (
            '{ tool = "shell", command = "ls", expect = { action = "deny",'
            ' rules = ["team.no-rm"] } }',
            ("expected `deny`, not `allow`", "`when.command`", "does not hold for `ls`"),
        ),
        (
            '{ tool = "shell", command = "rm a" }',
            ("let through, not `deny` by `team.no-rm`", "holds for `rm a`"),
        ),
        (
            '{ tool = "read", path = "a", expect = { rules = ["team.no-rm"] } }',
            ("expected `team.no-rm`, not none", "is not about this event or tool"),
        ),
        (
            '{ tool = "read", path = "a", expect = { rules = ["team.none"] } }',
            ("`team.none` is no rule of these packs",),
        ),
        (
            '{ tool = "shell", command = "rm", expect = { action = "deny", message = "adds" } }',
            ("`adds` in the message", "removes things"),
        ),
        ('{ prompt = "go", expect = { context = ["Welsh"] } }', ("`Welsh`", "Answer in English")),
        ('{ prompt = "go", expect = { blocks = [] } }', ("not `team.language`",)),
        ('{ prompt = "go", expect = { state = "ended" } }', ("`ended`, not `between-turn`",)),
        ('{ prompt = "go", expect = { labels = ["x"] } }', ("the label `x`", "none")),
        ('{ prompt = "go", expect = { violations = 3 } }', ("3 violations, not 0",)),
        (
            '{ tool = "shell", command = "ls", expect = { rewritten = { command = "x" } } }',
            ("is rewritten, and it was not",),
        ),
        (
            '{ tool = "shell", command = "make deploy", expect = {'
            ' rewritten = { command = "x" } } }',
            ("`command` = `x`, not `make deploy --dry-run`",),
        ),
        ('{ event = "approve" }', ("nothing waits for a person",)),
        (
            '{ tool = "shell", command = "rm a", outcome = "ok" }',
            ("it has an outcome, but was answered `deny`",),
        ),
        (
            '{ tool = "shell", command = "ls", at = 2001-01-01T00:00:00 }',
            ("seconds before the step before it",),
        ),
        (
            '{ command = "go", expect = { result = "deny" } }',
            ("`deny` of its result, but there is none",),
        ),
    ],
)
def test_what_is_not_as_expected_is_told_with_its_reason(step: str, words: tuple[str, ...]) -> None:
    """The expectation, what was found, and the matcher with the value that it saw."""
    result = played(step)

    assert not result.ok
    for word in words:
        assert word in told(result)


def test_the_first_step_that_fails_ends_it() -> None:
    """Later steps rest on it, so nothing is said of them."""
    result = played(
        '{ tool = "shell", command = "ls" }',
        '{ tool = "shell", command = "ls", expect = { action = "deny" } }',
        '{ tool = "shell", command = "rm", expect = { action = "ask" } }',
    )

    assert result.step == 1
    assert len(result.failures) == 1


def outcomes(path: Path) -> list[Tried]:
    return [one for subject in subjects_of(path) for one in tried(subject)]


def test_a_file_of_scenarios_names_its_packs(tmp_path: Path) -> None:
    """Relative to itself, shipped ones by name; and a failure stands on the step's line."""
    (tmp_path / "team.toml").write_text(PACK, encoding="utf-8")
    file = tmp_path / "tests" / "all.scenario.toml"
    file.parent.mkdir()
    file.write_text(
        'format = 1\npacks = ["../team.toml", "shipped:git-safety"]\n[[scenario]]\nname = "both"\n'
        "steps = [\n"
        '  { tool = "shell", command = "git push -f", expect = { action = "deny" } },\n'
        '  { tool = "shell", command = "rm a" },\n'
        "]\n",
        encoding="utf-8",
    )

    (one,) = outcomes(file)

    assert (one.code, one.line, one.of) == ("GOV281", 7, "both")
    assert one.what.startswith("step 2: tool = 'shell'")


def test_a_pack_that_a_file_names_and_that_is_not_there_is_told(tmp_path: Path) -> None:
    """GOV270 on its line, and the scenarios count as failed, not as passed."""
    file = tmp_path / "all.scenario.toml"
    file.write_text(
        'format = 1\npacks = [\n  "none.toml",\n]\n[[scenario]]\nname = "x"\n'
        'steps = [{ prompt = "go" }]\n',
        encoding="utf-8",
    )

    (subject,) = list(subjects_of(file))

    assert [(one.code, one.line) for one in subject.problems] == [("GOV270", 3)]
    assert [one.ok for one in tried(subject)] == [False]


def test_a_failing_example_keeps_no_scenario_from_being_played(tmp_path: Path) -> None:
    """An author sees both at once."""
    text = PACK.replace('command = "ls" }]', 'command = "rm" }]', 1)
    scenario = '\n[[scenario]]\nname = "it"\nsteps = [{ tool = "shell", command = "ls" }]\n'
    (tmp_path / "team.toml").write_text(text + scenario, encoding="utf-8")

    found = outcomes(tmp_path / "team.toml")

    assert [(one.kind, one.code) for one in found if not one.ok] == [("must_not_match", "GOV253")]
    assert [one.ok for one in found if one.kind == "scenario"] == [True]


def test_a_folder_is_loaded_together_and_its_scenarios_are_found(tmp_path: Path) -> None:
    """Packs of one folder see each other; scenario files lie anywhere below, but not hidden."""
    sets = f'{HEAD.replace("team", "sets")}\n[[toolset]]\nname = "sinks"\ntools = ["fetch"]\n'
    uses = (
        f'{HEAD}\n[[rule]]\nid = "team.sinks"\ntools = ["@sinks"]\naction = "warn"\nmessage = "!"\n'
    )
    (tmp_path / "a.toml").write_text(sets, encoding="utf-8")
    (tmp_path / "b.toml").write_text(uses, encoding="utf-8")
    for folder in ("deep/er", ".hidden"):
        place = tmp_path / folder / "x.scenario.toml"
        place.parent.mkdir(parents=True)
        place.write_text(
            'format = 1\npacks = ["shipped"]\n[[scenario]]\nname = "x"\n'
            'steps = [{ prompt = "go" }]\n',
            encoding="utf-8",
        )

    subjects: list[Subject] = list(subjects_of(tmp_path))

    assert [one.problems for one in subjects] == [(), ()]
    assert [len(one.scenarios) for one in subjects] == [0, 1]


def test_a_folder_of_a_scenario_begins_at_the_project() -> None:
    """As it does in an example; a program gives its engine an absolute one."""
    result = played(
        '{ tool = "shell", command = "rm a", cwd = "sub", expect = { action = "deny" } }'
    )

    assert result.ok, told(result)
