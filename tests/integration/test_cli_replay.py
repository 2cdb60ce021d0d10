"""`governance replay` and `governance violations --shadow` on recorded sessions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from governance import Engine, cli
from governance.cli.comparing import SILENT_SHOWN, print_coverage
from governance.cli.replayed import Coverage
from governance.journal.opening import open_journal
from governance.project import Project, create_project

HEAD = """\
format = 1

[pack]
name = "team"
version = "1.0.0"
summary = "What the team agreed on."
"""
PUSH = """
[[rule]]
id = "team.no-push"
tools = ["shell"]
when.command = { starts_with = "git push" }
action = "deny"
message = "A person pushes."
must_match = [{ tool = "shell", command = "git push" }]
must_not_match = [{ tool = "shell", command = "git pull" }]
"""
ENV = """
[[rule]]
id = "team.no-env"
tools = ["read"]
when.path = { glob = "**/.env" }
action = "ask"
message = "Who needs {path}?"
must_match = [{ tool = "read", path = ".env" }]
must_not_match = [{ tool = "read", path = "a.py" }]
"""
SPOKEN = """
[[rule]]
id = "team.no-deploy"
on = "prompt"
when.prompt = { contains = "deploy" }
action = "deny"
message = "Not from here."
must_match = [{ prompt = "deploy it" }]
must_not_match = [{ prompt = "test it" }]
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one rule, and one session that it has governed."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    folder = tmp_path / "project"
    folder.mkdir()
    create_project(folder, '[packs]\npaths = ["team.toml"]\n')
    open_journal(base=folder, create=True).close()
    (folder / "team.toml").write_text(HEAD + PUSH, encoding="utf-8")
    with Engine.open(folder) as engine, engine.start("s-1") as session:
        session.turn("tidy up and deploy")
        session.tool("shell", {"command": "git push"}, call_id="c1")
        session.tool("read", {"path": ".env"}, call_id="c2")
        session.tool_finished("c2", outcome="ok")
        session.tool("read", {"path": "a.py"}, call_id="c3")
        session.tool_finished("c3", outcome="ok")
        session.tool("shell", {"command": "curl -H 'Authorization: Bearer abcdef123456' x"})
    return folder


@pytest.fixture
def run(project: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[object]:
    """The command on the project: exit code, and what it printed as JSON."""

    def play(*words: str) -> tuple[int, dict[str, object]]:
        code = cli.main([*words, "--dir", str(project), "--format", "json"])
        return code, json.loads(capsys.readouterr().out)

    return play  # type: ignore[return-value]


def pack(folder: Path, *rules: str) -> str:
    """The path of a pack with *rules*."""
    file = folder / "new.toml"
    file.write_text(HEAD + "".join(rules), encoding="utf-8")
    return str(file)


class TestReplay:
    """Recorded decisions under other rules."""

    def test_the_same_rules_give_no_difference(self, run) -> None:
        """Nothing changes and the exit code is 0; a redacted call is unknown all the same."""
        code, found = run("replay")

        assert code == 0
        assert found["counts"] == {
            "same": 3, "stricter": 0, "laxer": 0, "rules": 0, "unknown": 1
        }  # fmt: skip
        assert found["changed"][0]["why"] == "a secret was taken out of the arguments"
        assert found["coverage"][0]["matched"] == found["coverage"][0]["decided"] == 1

    def test_new_and_lost_refusals_are_told_by_rule_and_call(self, run, project: Path) -> None:
        """What would now be asked, and what would no longer be denied, with its row."""
        code, found = run("replay", "--rules", pack(project, ENV))

        assert code == 1
        assert found["by_rule"] == {
            "stricter": {"team.no-env": 1},
            "laxer": {"team.no-push": 1},
        }
        told = {
            (one["change"], one["tool"]): (one["then"]["action"], one["now"]["action"])
            for one in found["changed"]
            if one["change"] != "unknown"
        }
        assert told == {
            ("laxer", "shell"): ("deny", "allow"),
            ("stricter", "read"): ("allow", "ask"),
        }

    @pytest.mark.parametrize(
        ("regressions", "code"),
        [(("laxer",), 0), (("stricter",), 1), (("laxer", "unknown"), 1), (("rules",), 0)],
    )
    def test_one_says_what_is_a_regression(
        self, run, project: Path, regressions: tuple[str, ...], code: int
    ) -> None:
        """Only the changes that were named make the exit code 1."""
        words = [word for one in regressions for word in ("--regression", one)]

        found = run("replay", "--rules", pack(project, PUSH, ENV), *words)

        assert found[0] == code

    def test_the_project_and_a_pack_more_are_joined(self, run, project: Path) -> None:
        """`--rules` given twice decides by both; a project brings its configuration along."""
        code, found = run("replay", "--rules", str(project), "--rules", "shipped:secrets")

        assert code == 1
        assert found["counts"]["laxer"] == 0
        assert "secrets.env-file" in found["by_rule"]["stricter"]

    def test_prompts_are_decided_again(self, run, project: Path) -> None:
        """A prompt that was let be would now be refused."""
        code, found = run("replay", "--rules", pack(project, PUSH, SPOKEN))

        assert code == 1
        (changed,) = [one for one in found["changed"] if one["change"] == "stricter"]
        assert (changed["event"], changed["arguments"]["prompt"]) == (
            "prompt",
            "tidy up and deploy",
        )

    def test_since_leaves_out_what_is_older(self, run) -> None:
        """A moment to come leaves nothing to decide."""
        code, found = run("replay", "--since", "2999-01-01", "s-1")

        assert (code, found["decisions"]) == (0, 0)

    def test_what_rows_do_not_keep_is_said(self, run, project: Path) -> None:
        """A rule on results cannot be replayed, and is not told as one that never fired."""
        rule = SPOKEN.replace('"prompt"', '"tool-result"', 1).replace("when.prompt", "when.output")
        rule = rule.replace("{ prompt = ", '{ tool = "shell", output = ')

        _, found = run("replay", "--rules", pack(project, rule))

        assert "tool-result" in found["coverage"][0]["unseen"]

    @pytest.mark.parametrize(
        ("words", "code"),
        [
            (("--rules", "nowhere.toml"), "GOV610"),
            (("--rules", "shipped:sceret"), "GOV680"),
            (("s-2",), "GOV611"),
        ],
    )
    def test_what_cannot_be_looked_at_is_named(
        self, run, words: tuple[str, ...], code: str
    ) -> None:
        """Exit code 2 and a diagnostic, never a traceback."""
        done, found = run("replay", *words)

        assert done == 2
        assert [one["code"] for one in found["diagnostics"]] == [code]

    def test_people_read_it_as_well(
        self, project: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The text names the rule, the row and the rules that never matched."""
        code = cli.main(["replay", "--dir", str(project), "--rules", pack(project, ENV, SPOKEN)])

        shown = capsys.readouterr().out
        assert code == 1
        assert "team.no-env" in shown
        assert "1 would be let be" in shown
        assert "cannot be known" in shown


def test_an_approved_question_is_no_difference(project: Path, run) -> None:
    """A question that a person answered is the same question under the same rules."""
    (project / "team.toml").write_text(HEAD + ENV, encoding="utf-8")
    with Engine.open(project) as engine, engine.start("s-2") as session:
        session.turn("look")
        assert session.tool("read", {"path": ".env"}, call_id="c1").action == "ask"
        session.tool_finished("c1", outcome="ok")
        session.tool("read", {"path": ".env"}, call_id="c2")

    code, found = run("replay", "s-2", "--rules", pack(project, ENV, PUSH))

    assert (code, found["counts"]["same"]) == (0, 2)


class TestShadow:
    """What rules in shadow mode have met."""

    def test_matches_are_counted_by_rule(self, project: Path, run) -> None:
        """Calls and prompts that a shadow rule would have stopped, though nothing did."""
        shadowed = [rule.replace("action", 'mode = "shadow"\naction') for rule in (ENV, SPOKEN)]
        (project / "team.toml").write_text(HEAD + "".join(shadowed), encoding="utf-8")
        with Engine.open(project) as engine, engine.start("s-2") as session:
            assert not session.turn("deploy").denied
            assert session.tool("read", {"path": ".env"}).action == "allow"

        code, found = run("violations", "--shadow")

        assert code == 1
        assert {one["rule"]: (one["actions"], one["stopped"]) for one in found} == {
            "team.no-env": ({"ask": 1}, 1),
            "team.no-deploy": ({"deny": 1}, 1),
        }

    def test_nothing_met_is_fine(self, run) -> None:
        """No shadow rule has matched: an empty list, and exit code 0."""
        assert run("violations", "s-1", "--shadow") == (0, [])

    def test_people_read_it_as_well(
        self, project: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The table names the rule, what it would have done, and what was done."""
        rule = ENV.replace("action", 'mode = "shadow"\naction')
        (project / "team.toml").write_text(HEAD + rule, encoding="utf-8")
        with Engine.open(project) as engine, engine.start("s-2") as session:
            session.tool("read", {"path": ".env"})

        code = cli.main(["violations", "--shadow", "s-2", "--dir", str(project)])

        assert code == 1
        assert "team.no-env" in capsys.readouterr().out


@pytest.mark.parametrize("first", [1, 4])
def test_a_damaged_session_hides_no_other(
    project: Path, capsys: pytest.CaptureFixture[str], first: int
) -> None:
    """The others are taken again, it is named, and a pipeline does not take that for well."""
    rule = ENV.replace("action", 'mode = "shadow"\naction')
    (project / "team.toml").write_text(HEAD + rule, encoding="utf-8")
    with Engine.open(project) as engine:
        for name in ("s-0", "s-2"):
            with engine.start(name) as session:
                session.turn("work")
                session.tool("read", {"path": ".env"}, call_id="c1")
                session.tool_finished("c1", outcome="ok")
    (project / "team.toml").write_text(HEAD + PUSH, encoding="utf-8")
    connection = apsw.Connection(str(Project(project).journal_file))
    connection.execute("UPDATE event SET at_ms = 1 WHERE session = 's-0' AND seq = ?", (first,))
    connection.close()

    code = cli.main(["replay", "--dir", str(project), "--format", "json"])
    shown = capsys.readouterr()
    shadows = cli.main(["violations", "--shadow", "--dir", str(project), "--format", "json"])
    met = capsys.readouterr()

    found = json.loads(shown.out)
    assert (code, found["ok"], found["damaged"], found["sessions"]) == (1, False, ["s-0"], 2)
    assert shown.err.startswith("left out from there on: row")
    assert (shadows, json.loads(met.out)[0]["sessions"]) == (1, ["s-2"])
    assert "`s-0`" in met.err
    assert cli.main(["replay", "s-0", "--dir", str(project)]) == 2
    assert cli.main(["replay", "s-2", "--dir", str(project)]) == 0


def test_rules_that_had_no_say_are_named_up_to_a_limit(capsys: pytest.CaptureFixture[str]) -> None:
    """People see how many there are and the first of them; programs are told all."""
    print_coverage([Coverage(f"r.{number}", "deny") for number in range(SILENT_SHOWN + 5)])

    out = capsys.readouterr().out
    assert f"never matched ({SILENT_SHOWN + 5})" in out
    assert f"r.{SILENT_SHOWN - 1} …" in out
    assert f"r.{SILENT_SHOWN}" not in out
