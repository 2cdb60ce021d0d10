"""`governance violations`, `pardon`, `approve`, `pause`, `trust` and `anchor`: a person's word."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from governance.cli.guard import MARKS
from governance.clock import SystemClock
from governance.engine import Engine
from governance.project import Project
from governance.session.commands import HostTraits
from governance.testing import ManualClock
from governance.values import Json
from tests.integration.conftest import TEAM_CONFIG, TEAM_PACK, Run, made_project

OWN = """
[[rule]]
id = "team.publish"
tools = ["shell"]
when.command = { starts_with = "make publish" }
action = "ask"
severity = "low"
ask = { expires = "1h", uses = 1 }
message = "Publishing cannot be undone."
must_match = [{ tool = "shell", command = "make publish" }]
must_not_match = [{ tool = "shell", command = "make test" }]

[[rule]]
id = "team.quiet"
tools = ["shell"]
when.command = "pytest"
action = "rewrite"
rewrite.command = "pytest -q"

[[context]]
id = "team.hello"
at = ["beginning"]
text = "Be governed by the team."
"""
PACK = TEAM_PACK + OWN

PUBLISH: dict[str, Json] = {"command": "make publish"}
NO_ASKING = HostTraits(asks=False)


@pytest.fixture(name="project")
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A trusting project with a session that asks, its child, and one that is halted."""
    monkeypatch.setenv("COLUMNS", "160")
    folder = made_project(tmp_path, monkeypatch, TEAM_CONFIG, {"team.toml": PACK})
    with Engine.open(folder) as engine:
        main = engine.start("main", traits=NO_ASKING)
        main.turn("Release it")
        assert main.tool("shell", PUBLISH, call_id="c1").denied
        child = main.child("helper")
        child.tool("shell", {"command": "make deploy"}, call_id="k1")
        halted = engine.start("halted")
        halted.turn("Deploy")
        for number in range(2):
            halted.tool("shell", {"command": "make deploy"}, call_id=f"h{number}")
    return folder


def asked_id(run: Run) -> str:
    """Id of the one question that waits."""
    _, out, _ = run("approve", "--format", "json")
    (question,) = json.loads(out)
    return str(question["id"])


def publishes(project: Path) -> bool:
    """Whether the call that was asked about may run now."""
    with Engine.open(project) as engine:
        handle = engine.session("main", traits=NO_ASKING)
        return not handle.tool("shell", PUBLISH, call_id="again").denied


class TestAPersonIsNeeded:
    """What the governed agent cannot do."""

    COMMANDS = (
        ("pardon", "halted", "--reason", "x"),
        ("approve", "0123"),
        ("pause", "--for", "10m", "--reason", "x"),
        ("pause", "--end"),
        ("trust",),
        ("trust", "--withdraw"),
    )

    @pytest.mark.parametrize("words", COMMANDS)
    def test_without_terminal_and_key_nothing_is_done(
        self, project: Path, run: Run, words: tuple[str, ...]
    ) -> None:
        """Refused with a code, and not a row or a file is written."""
        before = rows(project)
        code, _, err = run(*words)

        assert code == 2
        assert "GOV60" in err
        assert rows(project) == before
        assert not Project(project).trust_file().exists()

    @pytest.mark.parametrize("words", COMMANDS)
    def test_inside_a_host_a_key_of_the_environment_opens_nothing(
        self,
        run: Run,
        key: tuple[str, str],
        words: tuple[str, ...],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """What a host inherits from a person's shell is not the person."""
        monkeypatch.setenv("GOVERNANCE_KEY_FILE", key[1])
        monkeypatch.setenv(MARKS["claude-code"][0], "1")

        code, _, err = run(*words)

        assert code == 2
        assert "GOV601" in err

    def test_looking_is_free(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        """An agent may see what waits, what stands, and what trust is about."""
        monkeypatch.setenv(MARKS["claude-code"][0], "1")

        assert run("approve")[0] == 0
        assert run("pause")[0] == 0
        assert run("violations")[0] == 1
        assert run("trust", "--list")[0] == 1


def rows(project: Path) -> int:
    """How many rows the store has."""
    with Engine.open(project) as engine:
        heads = engine.journal.sessions()
    return sum(head.seq for head in heads)


class TestViolations:
    """What is said of them."""

    def test_counts_and_rows_of_every_session(self, run: Run) -> None:
        """Children count in their parents and are named there; some stand: exit code 1."""
        code, out, _ = run("violations", "--format", "json")

        found = {one["session"]: one for one in json.loads(out)}
        assert code == 1
        assert found["halted"]["by_rule"] == {"team.no-deploy": 2}
        assert found["halted"]["halted"] == "Twice is enough."
        assert found["main"]["by_severity"] == {"high": 1}
        assert found["main"]["newest"][0]["child"] == "main/helper"

    def test_only_the_newest_are_listed_when_there_are_many(self, run: Run) -> None:
        """The list is bounded, the count is not."""
        _, out, _ = run("violations", "halted", "--limit", "1", "--format", "json")

        (account,) = json.loads(out)
        assert account["total"] == 2
        assert [one["intent"] for one in account["newest"]] == ["shell make deploy"]


class TestPardon:
    """Forgiving."""

    def test_a_pardon_lifts_the_halt_and_is_recorded(
        self, project: Path, run: Run, key: tuple[str, str]
    ) -> None:
        """The session works on; the row says how many and why; pardoned ones stay listed."""
        code, out, _ = run("pardon", "halted", "--reason", "we looked", *key)

        assert code == 0
        assert "2 violations pardoned" in out
        assert "1 halt lifted" in out
        with Engine.open(project) as engine:
            handle = engine.session("halted")
            assert not handle.turn("Go on").denied
            assert engine.state("halted").ledger.total == 0
        code, out, _ = run("violations", "halted")
        assert code == 0
        assert out.count("pardoned") == 3

    def test_what_was_pardoned_stays_so(
        self, project: Path, run: Run, key: tuple[str, str]
    ) -> None:
        """A later pardon of another rule takes nothing back."""
        assert run("pardon", "main", "--rule", "team.no-deploy", "--reason", "x", *key)[0] == 0
        assert run("approve", asked_id(run), "--deny", *key)[0] == 0
        assert run("violations", "main")[0] == 1
        assert run("pardon", "main", "--rule", "team.publish", "--reason", "x", *key)[0] == 0
        code, out, _ = run("violations", "main", "--format", "json")

        (account,) = json.loads(out)
        assert code == 0
        assert [one["pardoned"] for one in account["newest"]] == [True, True]
        assert account["pardoned"] == 2

    def test_one_rule_alone(self, run: Run, key: tuple[str, str]) -> None:
        """A rule that has nothing to pardon is named with the nearest that has."""
        code, _, err = run("pardon", "halted", "--rule", "team.no-deplo", "--reason", "x", *key)
        assert code == 2
        assert "GOV632" in err
        assert "did you mean `team.no-deploy`?" in err

        words = ("pardon", "halted", "--rule", "team.no-deploy", "--reason", "x")
        code, out, _ = run(*words, *key, "--format", "json")
        told = json.loads(out)
        assert code == 0
        assert (told["count"], told["rule"], told["reason"]) == (2, "team.no-deploy", "x")

    def test_a_broken_pack_does_not_keep_a_person_from_it(
        self, project: Path, run: Run, key: tuple[str, str]
    ) -> None:
        """A person's word needs no rules."""
        (project / "team.toml").write_text("broken = [", encoding="utf-8")

        assert run("pardon", "halted", "--reason", "x", *key)[0] == 0
        assert run("pause", "--for", "1m", "--reason", "x", *key)[0] == 0


class TestApprove:
    """Answering what a rule asked."""

    def test_what_waits_is_listed(self, run: Run) -> None:
        """In all sessions, or in one; nothing where nothing waits."""
        code, out, _ = run("approve")
        assert code == 0
        assert "make publish" in out
        assert "team.publish" in out
        assert "nothing waits" in run("approve", "halted")[1]
        assert json.loads(run("approve", "main", "--format", "json")[1])[0]["session"] == "main"

    def test_a_granted_call_runs_once(self, project: Path, run: Run, key: tuple[str, str]) -> None:
        """The id is enough; the leave is used up by the call."""
        assert not publishes(project)
        code, out, _ = run("approve", asked_id(run), "--reason", "go", *key)

        assert code == 0
        assert "for 1 use" in out
        assert publishes(project)
        assert not publishes(project)

    def test_the_time_of_a_leave_can_be_said(
        self, project: Path, run: Run, key: tuple[str, str]
    ) -> None:
        """From now on, not from when it was asked."""
        half_an_hour_ago = ManualClock(SystemClock().now_ms() - 1_800_000)
        with Engine.open(project, clock=half_an_hour_ago) as engine:
            early = engine.start("early", traits=NO_ASKING)
            early.turn("Publish")
            early.tool("shell", PUBLISH, call_id="e1")
            (question,) = engine.state("early").ledger.approvals
        words = ("approve", "early", question.id, "--for", "20m")
        code, out, _ = run(*words, *key, "--format", "json")
        _, state, _ = run("show", "early", "--format", "json")

        (approval,) = json.loads(state)["approvals"]
        assert code == 0
        assert approval["expires_at_ms"] == json.loads(out)["expires_at_ms"]
        assert approval["expires_at_ms"] - approval["asked_at_ms"] >= 3_000_000
        assert approval["status"] == "granted"

    def test_a_refused_question_is_a_violation(
        self, project: Path, run: Run, key: tuple[str, str]
    ) -> None:
        """It is over, the call stays denied, and the rule's severity is counted."""
        ident = asked_id(run)
        assert run("approve", ident, "--deny", *key)[0] == 0
        _, out, _ = run("violations", "main", "--format", "json")

        (account,) = json.loads(out)
        assert account["by_severity"] == {"low": 1, "high": 1}
        assert account["newest"][-1]["rule"] == "team.publish"
        assert account["newest"][-1]["intent"] == "shell make publish"
        assert "nothing waits" in run("approve")[1]
        assert not publishes(project)

    def test_an_unknown_question_is_an_error(self, run: Run, key: tuple[str, str]) -> None:
        """With the nearest id; answering without an id is a wrong use."""
        ident = asked_id(run)
        code, _, err = run("approve", ident[:-1], *key)

        assert code == 2
        assert "GOV631" in err
        assert f"did you mean `{ident}`?" in err
        assert run("approve", "main", "--deny")[0] == 2


class TestPause:
    """The way out."""

    def test_a_pause_lets_everything_through_until_it_ends(
        self, project: Path, run: Run, key: tuple[str, str]
    ) -> None:
        """It is told by everybody's `pause`, and a person can end it before its time."""
        assert run("pause", "--for", "10m", "--reason", "a pack is broken", *key)[0] == 0
        code, out, _ = run("pause", "--format", "json")
        assert code == 0
        assert json.loads(out)["paused"] is True
        assert json.loads(out)["reason"] == "a pack is broken"
        assert publishes(project)

        assert "over" in run("pause", "--end", *key)[1]
        assert json.loads(run("pause", "--format", "json")[1]) == {"paused": False}
        assert not publishes(project)

    def test_a_pause_needs_a_reason_and_a_bound(self, run: Run, key: tuple[str, str]) -> None:
        """Without reason, for longer than a day, or both begun and ended: refused."""
        for words in (
            ("--for", "10m"),
            ("--for", "10m", "--reason", " "),
            ("--for", "2d", "--reason", "x"),
            ("--for", "0m", "--reason", "x"),
            ("--for", "10m", "--reason", "x", "--end"),
        ):
            assert run("pause", *words, *key)[0] == 2
        assert json.loads(run("pause", "--format", "json")[1]) == {"paused": False}


LEFT_OUT = "`packs.paths` leaves out `shipped:self-protection`"


class TestTrust:
    """Whose loosening counts."""

    def test_what_would_be_loosened_is_shown_whole(self, run: Run) -> None:
        """Every rule and block that does not count yet; something waits: exit code 1."""
        code, out, _ = run("trust", "--list", "--format", "json")

        files = {Path(one["file"]).name: one for one in json.loads(out)["files"]}
        # The table begins a line above its id.
        line = PACK.splitlines().index('id = "team.quiet"')
        assert code == 1
        assert files["team.toml"]["trusted"] is False
        assert files["team.toml"]["loosens"] == [
            f"line {line}: rule `team.quiet` rewrites, and asks until then",
            "context `team.hello` tells the model: Be governed by the team.",
        ]
        assert files["governance.toml"]["loosens"] == [LEFT_OUT]

    def test_trust_counts_until_the_file_changes_or_it_is_withdrawn(
        self, project: Path, run: Run, key: tuple[str, str]
    ) -> None:
        """Bound to the text; the engine itself then takes the loosening for good."""
        pack = project / "team.toml"
        assert rewritten(project) is False
        assert run("trust", *key)[0] == 0
        assert rewritten(project) is True
        assert run("trust", "--list")[0] == 0

        pack.write_text(PACK + "\n# another line\n", encoding="utf-8")
        assert rewritten(project) is False
        assert run("trust", "team.toml", *key, "--format", "json")[0] == 0
        assert rewritten(project) is True

        code, out, _ = run("trust", "--withdraw", *key, "--format", "json")
        assert code == 0
        assert set(json.loads(out)["withdrawn"]) == {str(pack), str(project / "governance.toml")}
        assert rewritten(project) is False

    def test_exemptions_of_the_configuration_are_shown(self, project: Path, run: Run) -> None:
        """`governance.toml` loosens as well: exemptions, and keys milder than their defaults."""
        config = project / "governance.toml"
        config.write_text(
            '[packs]\npaths = ["team.toml"]\n[defaults]\nunknown_role = "allow"\n'
            '[[exempt]]\nrule = "team.publish"\nreason = "the bot publishes"\n',
            encoding="utf-8",
        )
        _, out, _ = run("trust", "--list", "--format", "json")

        shown = next(
            one for one in json.loads(out)["files"] if one["file"].endswith("governance.toml")
        )
        assert shown["loosens"] == [
            LEFT_OUT,
            '`defaults.unknown_role = "allow"` counts as `"deny"`',
            "`team.publish` is exempted: the bot publishes",
        ]

    def test_a_file_of_nobody_cannot_be_trusted(self, run: Run) -> None:
        """A misspelled name is an error, not a trust in nothing."""
        code, _, err = run("trust", "tem.toml")

        assert code == 2
        assert "GOV634" in err
        assert "did you mean `team.toml`?" in err


def rewritten(project: Path) -> bool:
    """Whether the rule that needs trust has its say."""
    with Engine.open(project) as engine:
        handle = engine.start(f"fresh-{os.urandom(4).hex()}")
        handle.turn("Test")
        return handle.tool("shell", {"command": "pytest"}).action == "rewrite"


class TestAnchor:
    """What outlives a context."""

    def test_an_anchor_is_told_and_listed(self, run: Run) -> None:
        """The same text again changes nothing; an id of one's own writes over."""
        words = ("anchor", "main", "--type", "decision", "--priority", "critical")
        assert run(*words, "We stay on 3.11")[0] == 0
        assert run(*words, "We stay on 3.11")[0] == 0
        assert run(*words, "We go", "--id", "way")[0] == 0
        assert run(*words, "We wait", "--id", "way")[0] == 0
        code, out, _ = run("anchor", "main", "--format", "json")

        assert code == 0
        assert [(one["type"], one["priority"], one["text"]) for one in json.loads(out)] == [
            ("decision", "critical", "We stay on 3.11"),
            ("decision", "critical", "We wait"),
        ]

    def test_the_row_says_whether_it_was_the_agent(
        self, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An agent may add to what is remembered, under its host's name."""
        monkeypatch.setenv(MARKS["claude-code"][0], "1")
        _, out, _ = run("anchor", "main", "Remember", "--format", "json")

        assert json.loads(out)["by"] == "claude-code"

    def test_what_cannot_be_kept_is_refused_with_all_reasons(self, run: Run) -> None:
        """An empty text, one too long, one critical anchor too many; nothing is written."""
        code, _, err = run("anchor", "main", " ")
        assert (code, "GOV633" in err) == (2, True)
        assert run("anchor", "main", "x" * 1_001)[0] == 2
        for number in range(16):
            assert run("anchor", "main", f"n{number}", "--priority", "critical")[0] == 0
        code, _, err = run("anchor", "main", "one more", "--priority", "critical")
        assert code == 2
        assert "16 critical anchors stand already" in err
        assert len(json.loads(run("anchor", "main", "--format", "json")[1])) == 16

    def test_an_unknown_session_remembers_nothing(self, run: Run) -> None:
        """No session is made by an anchor, an approval or a pardon."""
        code, _, err = run("anchor", "mian", "x")

        assert code == 2
        assert "GOV611" in err
