"""`governance sessions`, `show` and `why` on a project that sessions have worked in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from governance.engine import Engine
from governance.session.commands import HostTraits
from governance.testing import ManualClock
from tests.integration.conftest import TEAM_CONFIG, TEAM_PACK, made_project
from tests.integration.conftest import run_words as run

OWN = """
[[rule]]
id = "team.publish"
tools = ["shell"]
when.command = { starts_with = "make publish" }
action = "ask"
message = "Publishing cannot be undone."
must_match = [{ tool = "shell", command = "make publish" }]
must_not_match = [{ tool = "shell", command = "make test" }]

[[rule]]
id = "team.sources"
tools = ["write"]
when.path = { glob = "dist/**" }
action = "warn"
message = "Built files are not written by hand."
must_match = [{ tool = "write", path = "dist/a.js", content = "" }]
must_not_match = [{ tool = "write", path = "src/a.js", content = "" }]

[[role]]
name = "reviewer"
tools = ["read"]
"""
PACK = TEAM_PACK + OWN

BEGUN_MS = 1_700_000_000_000


@pytest.fixture(name="project")
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a session that was denied, its child, one that is halted, one that ended."""
    monkeypatch.setenv("COLUMNS", "160")
    folder = made_project(tmp_path, monkeypatch, TEAM_CONFIG, {"team.toml": PACK})
    clock = ManualClock(BEGUN_MS)
    with Engine.open(folder, clock=clock) as engine:
        main = engine.start("main")
        main.turn("Release it")
        main.tool("shell", {"command": "make test"}, call_id="c1")
        main.tool_finished("c1", outcome="ok", duration_ms=1_500)
        clock.advance(1_000)
        main.tool("shell", {"command": "make deploy"}, call_id="c2")
        child = main.child("review", role="reviewer")
        child.tool("read", {"path": "a.py"}, call_id="k1")
        child.tool("write", {"path": "a.py", "content": ""}, call_id="k2")
        clock.advance(60_000)
        halted = engine.start("halted", host="claude-code")
        halted.turn("Deploy")
        for number in range(3):
            halted.tool("shell", {"command": "make deploy"}, call_id=f"h{number}")
        clock.advance(60_000)
        with engine.start("over\x1b[31m") as over:
            over.turn("Nothing")
        engine.record("@project", "governance.paused",
                      {"until_ms": 0, "by": "me", "reason": "x"}, actor="me")  # fmt: skip
    return folder


@pytest.fixture(name="other_day")
def _other_day(project: Path) -> Path:
    """The same project, whose rule has another name today."""
    pack = project / "team.toml"
    pack.write_text(PACK.replace("team.no-deploy", "team.deploys-never"), encoding="utf-8")
    return project


def listed(capsys: pytest.CaptureFixture[str], project: Path, *words: str) -> list[str]:
    """Ids that `sessions` lists, in order."""
    code, out, err = run(capsys, "sessions", "--dir", str(project), "--format", "json", *words)
    assert (code, err) == (0, "")
    return [one["id"] for one in json.loads(out)["sessions"]]


class TestSessions:
    """What the list says."""

    def test_the_last_worked_on_comes_first_and_children_follow_parents(
        self, project: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A child stands right under its parent; the project's own journal is no session."""
        assert listed(capsys, project) == ["over\x1b[31m", "halted", "main", "main/review"]

        _, out, _ = run(capsys, "sessions", "--dir", str(project))
        assert " └─main/review" in out
        assert "@project" not in out
        _, out, _ = run(capsys, "violations", "main", "--dir", str(project))
        assert "2 violations, 1 high, 1 medium" in out

    def test_each_line_says_how_the_session_stands(
        self, project: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """State, briefing, turns, tools, violations by severity, and the halt."""
        _, out, _ = run(capsys, "sessions", "--dir", str(project), "--format", "json")

        found = {one["id"]: one for one in json.loads(out)["sessions"]}
        assert found["main"]["violations"] == {"medium": 1, "high": 1}
        assert found["main"]["tools"] == 2
        assert found["main"]["denied"] == 1
        assert found["main"]["governance_injected"] is True
        assert found["main/review"]["depth"] == 1
        assert found["main/review"]["role"] == "reviewer"
        assert found["halted"]["state"] == "interrupted"
        assert found["halted"]["halted"] == "Twice is enough."
        assert found["halted"]["host"] == "claude-code"

    def test_filters_leave_out_what_does_not_fit(
        self, project: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """By state, host, time and halt; a child without its parent stands by itself."""
        assert listed(capsys, project, "--state", "ended") == ["over\x1b[31m"]
        assert listed(capsys, project, "--host", "claude-code") == ["halted"]
        assert listed(capsys, project, "--halted") == ["halted"]
        assert listed(capsys, project, "--since", "1d") == []
        assert listed(capsys, project, "--since", "3650d", "--limit", "2") == [
            "over\x1b[31m", "halted"
        ]  # fmt: skip
        assert listed(capsys, project, "--after", "main") == ["over\x1b[31m", "main/review"]

    def test_a_cut_list_says_how_many_are_missing(
        self, project: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Nothing is left out silently."""
        _, out, _ = run(capsys, "sessions", "--dir", str(project), "--limit", "1")

        assert "3 more" in out

    def test_what_an_agent_named_cannot_paint_the_terminal(
        self, project: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Control characters of an id are shown, not sent; at 80 columns as well."""
        for columns in ("80", "160"):
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("COLUMNS", columns)
                _, out, _ = run(capsys, "sessions", "--dir", str(project))
            assert "over␛[31m" in out
            assert "\x1b" not in out
            assert max(map(len, out.splitlines())) <= int(columns)

    def test_a_wrong_length_of_time_is_refused(
        self, project: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A duration is one number and its unit."""
        code, _, err = run(capsys, "sessions", "--dir", str(project), "--since", "a while")

        assert code == 2
        assert "10m" in err


class TestShow:
    """What is told of one session."""

    def test_json_has_everything_that_is_known(
        self, project: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Registers, identity, figures with roll-up, ledger, children, rows."""
        code, out, _ = run(
            capsys, "show", "main", "--rows", "3", "--dir", str(project), "--format", "json"
        )

        known = json.loads(out)
        assert code == 0
        assert known["state"] == "between-turn"
        assert known["registers"]["turn"] == 1
        assert known["registers"]["owed"] == []
        assert known["task"] == "Release it"
        assert known["metrics"]["tool_ms"] == 1_500
        assert known["with_children"]["children_tools"] == 2
        assert known["violations"]["by_rule"] == {
            "role.reviewer.tools": 1, "team.no-deploy": 1
        }  # fmt: skip
        assert known["children"] == ["main/review"]
        assert [row["seq"] for row in known["rows"]] == list(
            range(known["head"] - 2, known["head"] + 1)
        )

    def test_people_see_why_it_is_halted_and_what_lifts_it(
        self, project: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The halt stands at the top, with the command that ends it."""
        code, out, _ = run(capsys, "show", "halted", "--dir", str(project))

        assert code == 0
        assert "HALTED: Twice is enough." in out.splitlines()[1]
        assert "governance pardon halted" in out
        assert "team.halt" in out

    def test_an_unknown_session_is_told_with_the_nearest(
        self, project: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A misspelled id is an error, in both forms."""
        for words in (("show", "mian"), ("why", "mian"), ("violations", "mian")):
            code, _, err = run(capsys, *words, "--dir", str(project))
            assert code == 2
            assert "did you mean `main`?" in err


class TestWhy:
    """Decisions taken again."""

    def test_the_last_decision_that_was_not_allow(
        self, project: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """By default; with the rule that matched, its reason, and the matcher."""
        code, out, _ = run(capsys, "why", "main", "--dir", str(project))

        assert code == 0
        assert "shell command=make deploy" in out
        assert "deny by team.no-deploy" in out
        assert "A person deploys." in out
        assert "when.command = { starts_with = make deploy } holds for `make deploy`" in out

    def test_rules_that_did_not_match_say_which_matcher_failed(
        self, project: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Candidates about the same tool only, with the value that did not fit."""
        _, out, _ = run(capsys, "why", "main", "c2", "--dir", str(project), "--format", "json")

        told = json.loads(out)
        # The guard's own pack is in force everywhere, whatever a project names.
        own = [one for one in told["not_matched"] if not one["rule"].startswith("self-protection.")]
        assert [one["rule"] for one in own] == ["team.publish"]
        assert "does not hold for `make deploy`" in own[0]["because"]
        assert told["differs"] is False
        assert told["recorded"]["action"] == told["action"] == "deny"

    def test_a_row_of_the_call_and_its_id_lead_to_the_same(
        self, project: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The violation of a call, the call's own row and its id: one decision."""
        _, rows, _ = run(capsys, "log", "main", "--dir", str(project), "--format", "json")
        own = [one["seq"] for one in json.loads(rows) if one["body"].get("call_id") == "c2"]
        assert len(own) == 2

        told = [
            json.loads(run(capsys, "why", "main", str(which), "--dir", str(project),
                           "--format", "json")[1])
            for which in (*own, "c2")
        ]  # fmt: skip
        assert told[0] == told[1] == told[2]

    def test_an_allowed_call_is_explained_as_well(
        self, project: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """What would have to change for a rule to fire is named."""
        code, out, _ = run(capsys, "why", "main", "c1", "--dir", str(project))

        assert code == 0
        assert "allow" in out
        assert "does not hold for `make test`" in out

    def test_it_says_when_todays_rules_answer_otherwise(
        self, other_day: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Exit code 1, what was recorded and what holds now."""
        code, out, _ = run(capsys, "why", "main", "c2", "--dir", str(other_day))

        assert code == 1
        assert "then  deny by team.no-deploy" in out
        assert "now   deny by team.deploys-never" in out

    def test_the_session_is_taken_as_it_was_then(
        self, project: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The first denied call of a session that was halted later was denied by its rule."""
        for call, rules in (("h0", ["team.no-deploy"]), ("h2", [])):
            _, out, _ = run(
                capsys, "why", "halted", call, "--dir", str(project), "--format", "json"
            )
            told = json.loads(out)
            assert told["rules"] == rules
            assert told["differs"] is False
            assert bool(told["reasons"]) is not bool(rules)

    def test_a_question_that_was_answered_is_explained_as_it_was_put(
        self, project: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The approval that a call asked for is not taken for one it found."""
        traits = HostTraits(asks=False)
        with Engine.open(project, clock=ManualClock(BEGUN_MS + 500_000)) as engine:
            asking = engine.start("asking", traits=traits)
            asking.turn("Publish")
            asking.tool("shell", {"command": "make publish"}, call_id="p1")
            state = engine.state("asking")
            approval = state.ledger.approvals[0]
            granted = {"id": approval.id, "by": "me", "decision": "granted"}
            engine.record("asking", "approval.settled", granted, actor="me")
            assert not asking.tool("shell", {"command": "make publish"}, call_id="p2").denied

        actions = []
        for call in ("p1", "p2"):
            _, out, _ = run(
                capsys, "why", "asking", call, "--dir", str(project), "--format", "json"
            )
            told = json.loads(out)
            assert told["rules"] == ["team.publish"]
            actions.append((told["recorded"]["action"], told["action"]))
        assert actions == [("deny", "ask"), ("allow", "allow")]

    def test_a_role_is_the_session_s_own(
        self, project: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A child's call is decided with its role, and limits of roles are among the reasons."""
        code, out, _ = run(capsys, "why", "main/review", "--dir", str(project))

        assert code == 0
        assert "deny by role.reviewer.tools" in out
        assert "role `reviewer` may not use `write`" in out

    def test_a_call_that_nobody_made(
        self, project: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """--tool and --args need no session; arguments that are no object are refused."""
        words = ("why", "--dir", str(project), "--tool", "write", "--args")
        code, out, _ = run(capsys, *words, '{"path": "dist/x.js", "content": ""}')
        wrong, _, err = run(capsys, *words, "[1]")

        assert code == 0
        assert "warn by team.sources" in out
        assert wrong == 2
        assert "JSON object" in err

    def test_what_is_no_decision_is_an_error(
        self, project: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A row of something else, a row that is not there, an unknown call."""
        for which in ("1", "999", "0", "nope"):
            code, _, err = run(capsys, "why", "main", which, "--dir", str(project))
            assert code == 2
            assert "GOV630" in err

    def test_a_session_without_refusals_has_nothing_to_explain(
        self, project: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """It says so, and that is no error; without session and tool the command is wrong."""
        code, out, _ = run(capsys, "why", "over\x1b[31m", "--dir", str(project))

        assert code == 0
        assert "nothing was refused" in out
        assert run(capsys, "why", "--dir", str(project))[0] == 2
