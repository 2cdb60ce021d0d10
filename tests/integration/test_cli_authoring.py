"""`governance test`, `rule new`, `schema` and the flip of `why`, as an author types them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from governance import cli
from governance.project import create_project
from tests.profiles import examples

HEAD = 'format = 1\n\n[pack]\nname = "team"\nversion = "1.0.0"\nsummary = "What we agreed on."\n'
RULE = """
[[rule]]
id = "team.no-deploy"
tools = ["shell"]
when.command = { starts_with = "make deploy" }
action = "deny"
message = "A person deploys."
must_match = [{ tool = "shell", command = "make deploy" }]
must_not_match = [{ tool = "shell", command = "make test" }]
"""
SCENARIO = """
[[scenario]]
name = "deploying is refused"
steps = [
  { tool = "shell", command = "make test" },
  { tool = "shell", command = "make deploy", expect = { action = "deny", violations = 1 } },
]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that the commands run in."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    place = tmp_path / "here"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = cli.main(words)
    told = capsys.readouterr()
    return code, " ".join(told.out.split()), " ".join(told.err.split())


class TestTest:
    """`governance test`."""

    def test_all_well_exits_with_0(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """Examples and scenarios are counted, and nothing else is said."""
        (folder / "team.toml").write_text(HEAD + RULE + SCENARIO, encoding="utf-8")

        code, out, _ = run(capsys, "test", "team.toml")

        assert code == 0
        assert "2 examples, 1 scenario: 0 failed" in out

    def test_what_fails_is_told_with_matcher_value_and_step(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Exit code 1; each failure has its line, its code, and what decided."""
        text = HEAD + RULE.replace("make test", "make deploy-test") + SCENARIO
        (folder / "team.toml").write_text(
            text.replace("violations = 1", "violations = 2"), encoding="utf-8"
        )

        code, out, _ = run(capsys, "test", "team.toml")

        assert code == 1
        assert "team.toml:15: GOV253 must_not_match of `team.no-deploy` failed" in out
        assert "holds for `make deploy-test`" in out
        assert "team.toml:21: GOV281 deploying is refused failed" in out
        assert "step 2: tool = 'shell', command = 'make deploy'" in out
        assert "expected 2 violations, not 1 (1 of `team.no-deploy`)" in out

    def test_programs_read_it_as_json(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The same, with every place and problem, and the coverage when it is asked for."""
        text = HEAD + RULE + SCENARIO.replace("violations = 1", "violations = 2")
        (folder / "team.toml").write_text(text, encoding="utf-8")

        code = cli.main(["test", "team.toml", "--coverage", "--format", "json"])

        told = json.loads(capsys.readouterr().out)
        assert code == 1
        assert (told["ok"], told["examples"], told["scenarios"]) == (False, 2, 1)
        (failed,) = told["failed"]
        assert (failed["code"], failed["kind"], failed["line"]) == ("GOV281", "scenario", 21)
        (covered,) = told["coverage"]
        assert (covered["rule"], covered["survivors"]) == ("team.no-deploy", [])
        assert covered["mutants"] == covered["killed"] > 2

    def test_survivors_make_the_run_fail(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """With --coverage a fault that nothing notices is told, with what would notice it."""
        text = HEAD + RULE.replace("make deploy", "make x").replace(
            '{ starts_with = "make x" }', '["make x", "make y"]'
        )
        (folder / "team.toml").write_text(text, encoding="utf-8")

        assert run(capsys, "test", "team.toml")[0] == 0
        code, out, _ = run(capsys, "test", "team.toml", "--coverage")

        assert code == 1
        assert "team.toml:11: team.no-deploy: without `make y` in `when.command`" in out
        assert '`must_match` of { tool = "shell", command = "make y" } would notice' in out

    def test_a_pack_with_errors_is_told_and_fails(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """What keeps rules from being tested is shown as `check` shows it."""
        (folder / "team.toml").write_text(HEAD + RULE.replace("tools", "tolls"), encoding="utf-8")

        code, out, _ = run(capsys, "test", "team.toml")

        assert code == 1
        assert "GOV207" in out
        assert "did you mean `tools`?" in out

    def test_of_a_file_of_scenarios_that_is_wrong_its_packs_are_not_blamed(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Whoever reads it looks where the mistake is."""
        (folder / "team.toml").write_text(HEAD + RULE, encoding="utf-8")
        text = 'packs = ["team.toml"]\n' + SCENARIO.replace("expect =", "expects =")
        (folder / "x.scenario.toml").write_text(text, encoding="utf-8")

        code, out, _ = run(capsys, "test", "x.scenario.toml")

        assert code == 1
        assert "did you mean `expect`?" in out
        assert "its file has errors" in out
        assert "packs cannot be loaded" not in out

    def test_a_path_that_is_not_there_exits_with_2(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """It could not do what was asked, and says which path."""
        code, _, err = run(capsys, "test", "none.toml")

        assert code == 2
        assert "GOV610" in err
        assert "none.toml" in err

    @pytest.mark.parametrize("text", ["", "\x00", "a = ", "format = 1", "[[scenario]]\n"])
    @pytest.mark.parametrize("name", ["x.toml", "x.scenario.toml"])
    def test_what_is_no_pack_is_told_so(
        self, folder: Path, capsys: pytest.CaptureFixture[str], name: str, text: str
    ) -> None:
        """Any nonsense ends in a diagnostic and the code 1, never in a traceback."""
        (folder / name).write_text(text, encoding="utf-8")

        code, out, err = run(capsys, "test", name)

        assert code == 1
        assert "GOV" in out + err

    def test_a_project_tests_its_packs_and_the_scenarios_below_it(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Without a path it is the project around; its fields and packs are those in force."""
        create_project(folder, '[packs]\npaths = ["team.toml"]\n[fields]\nteam = "blue"\n')
        (folder / "team.toml").write_text(HEAD + RULE, encoding="utf-8")
        (folder / "tests").mkdir()
        (folder / "tests" / "all.scenario.toml").write_text(
            "format = 1\n" + SCENARIO.replace("steps", 'fields = { team = "red" }\nsteps'),
            encoding="utf-8",
        )

        code, out, _ = run(capsys, "test")

        assert code == 0, out
        assert "2 examples, 1 scenario: 0 failed" in out
        assert run(capsys, "check", ".")[0] == 0

    def test_check_reads_files_of_scenarios(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """What cannot be played is found before it is played, on its line."""
        (folder / "team.toml").write_text(HEAD + RULE, encoding="utf-8")
        (folder / "x.scenario.toml").write_text(
            'format = 1\npacks = ["team.toml"]\n[[scenario]]\nname = "x"\n'
            'steps = [{ tool = "shell", comand = "x" }]\n',
            encoding="utf-8",
        )

        code, out, _ = run(capsys, "check", ".")

        assert code == 1
        assert "x.scenario.toml:5: GOV220 unknown fact `comand`" in out


WISHES = st.fixed_dictionaries(
    {},
    optional={
        "--tool": st.sampled_from(["shell", "read", "write", "fetch", "todo", "@reads", "@writes"]),
        "--command": st.sampled_from(["make deploy", "git push -f", "rm", "a 'b' \"c\" {d}"]),
        "--path": st.sampled_from(["gen/**", ".env", "~/.ssh/*", "a/{b,c}.py", "/etc/**"]),
        "--domain": st.sampled_from(["example.com", "*.example.com", "pypi.org"]),
        "--content": st.sampled_from(["x", 'quo"te\\', "it's", "{brace}", "zeile\n"]),
        "--action": st.sampled_from(["warn", "ask", "deny", "halt"]),
        "--severity": st.sampled_from(["info", "critical"]),
        "--message": st.sampled_from(["No.", 'Say "why".']),
    },
)


class TestRuleNew:
    """`governance rule new`."""

    def test_a_new_pack_passes_check_and_test(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The file is made, and what is in it is covered by its own examples."""
        words = ("--pack", "team.toml", "--command", "make deploy")

        assert run(capsys, "rule", "new", "team.no-deploy", *words)[0] == 0

        assert run(capsys, "check", "team.toml")[0] == 0
        code, out, _ = run(capsys, "test", "team.toml", "--coverage")
        assert code == 0, out
        assert run(capsys, "decide", "--tool", "x")[0] == 2

    def test_what_is_there_stays_as_it_is(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Comments, order and line ends are the author's own."""
        before = (HEAD + "# a word of mine\n" + RULE).replace("\n", "\r\n")
        (folder / "team.toml").write_bytes(before.encode())

        code, *_ = run(capsys, "rule", "new", "team.gen", "--pack", "team.toml", "--path", "gen/**")

        after = (folder / "team.toml").read_bytes().decode()
        assert code == 0
        assert after.startswith(before.rstrip())
        assert "\n" not in after.replace("\r\n", "")

    @pytest.mark.parametrize(
        "words",
        [
            ("new", "team.no-deploy", "--path", "gen/**"),
            ("new", "No Id", "--path", "gen/**"),
            ("new", "team.x", "--tool", "shel"),
            ("new", "team.x", "--path", "a{"),
            ("new", "team.x", "--message", "{nothing}", "--path", "gen/**"),
            ("new", "team.x"),
            ("new", "team.x", "--command", "a", "--path", "b/c"),
            ("old", "team.x", "--command", "a"),
        ],
    )
    def test_what_cannot_be_is_refused_and_nothing_is_written(
        self, folder: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
    ) -> None:
        """A taken id, a wrong one, a wrong tool, glob or placeholder, and nothing to say."""
        (folder / "team.toml").write_text(HEAD + RULE, encoding="utf-8")

        code, _, err = run(capsys, "rule", *words, "--pack", "team.toml")

        assert code == 2
        assert err
        assert (folder / "team.toml").read_text(encoding="utf-8") == HEAD + RULE
        assert [one.name for one in folder.iterdir()] == ["team.toml"]

    @settings(
        max_examples=examples(20), suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(WISHES)
    def test_whatever_is_written_passes(self, folder: Path, wish: dict[str, str]) -> None:
        """Any options give a pack without an error, or nothing at all and the code 2."""
        file = folder / "made.toml"
        file.unlink(missing_ok=True)
        words = [word for pair in wish.items() for word in pair]

        code = cli.main(["rule", "new", "made.it", "--pack", str(file), *words])

        assert code in (0, 2)
        assert file.exists() is (code == 0)
        if code == 0:
            assert cli.main(["check", str(file)]) == 0
            assert cli.main(["test", str(file)]) == 0


class TestBeside:
    """A pack in a project is looked at beside the project's packs."""

    OFFERS = HEAD.replace('"team"', '"offers"') + RULE.replace(
        "team.no-deploy", "offers.write"
    ).replace(
        'action = "deny"', 'action = "deny"\nremedy = { tool = "shell", command = "curl x.test" }'
    )

    @pytest.fixture
    def governed(self, folder: Path) -> Path:
        """A project with one pack, whose rule offers `curl`."""
        create_project(folder, '[packs]\npaths = ["offers.toml"]\n')
        (folder / "offers.toml").write_text(self.OFFERS, encoding="utf-8")
        return folder

    def test_a_rule_that_refuses_what_another_offers_warns_and_stops_nothing(
        self, governed: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Told when it is written and when it is checked; once it is in force, calls go on."""
        new = run(capsys, "rule", "new", "one.curl", "--pack", "one.toml", "--command", "curl")
        checked = run(capsys, "check", "one.toml")

        for code, out, _ in (new, checked):
            assert code == 0
            assert "GOV251 `one.curl` refuses the remedy of `offers.write`" in out
            assert f"looked at alone, and beside 1 pack of {governed}" in out
            assert "not in force yet: name it in `[packs] paths`" in out
        (governed / "governance.toml").write_text(
            '[packs]\npaths = ["offers.toml", "one.toml"]\n', encoding="utf-8"
        )
        assert "not in force yet" not in run(capsys, "check", "one.toml")[1]
        ask = ("decide", "--tool", "shell", "--args")
        assert run(capsys, *ask, '{"command": "make test"}')[1].startswith("allow")
        denied = run(capsys, *ask, '{"command": "make deploy"}')[1]
        assert "A person deploys." in denied
        assert "Instead" not in denied

    def test_a_name_that_a_pack_of_the_project_has_is_refused_at_once(
        self, governed: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Nothing is written that would keep the project's rules from loading."""
        code, _, err = run(
            capsys, "rule", "new", "offers.write", "--pack", "one.toml", "--command", "curl"
        )

        assert code == 2
        assert "GOV211 rule `offers.write` stands already in" in err
        assert not (governed / "one.toml").exists()

    def test_another_text_of_a_pack_in_force_takes_its_place(
        self, governed: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A copy that is worked on is not told that its names are taken."""
        (governed / "next.toml").write_text(self.OFFERS + "# more\n", encoding="utf-8")

        code, out, _ = run(capsys, "check", "next.toml")

        assert (code, "GOV211" in out, "beside 0 packs" in out) == (0, False, True)

    def test_beside_packs_that_are_wrong_it_is_looked_at_alone(
        self, governed: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """What is wrong elsewhere is not this pack's fault, and is not passed over."""
        (governed / "offers.toml").write_text("format = ", encoding="utf-8")
        (governed / "one.toml").write_text(HEAD + RULE, encoding="utf-8")

        code, out, _ = run(capsys, "check", "one.toml")

        assert code == 0
        assert f"looked at alone: the packs of {governed} are not right themselves" in out


class TestSchema:
    """`governance schema`."""

    @pytest.mark.parametrize("words", [(), ("pack",), ("scenario",)])
    def test_it_prints_json(
        self, folder: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
    ) -> None:
        """Whatever is asked for is a schema that names its draft."""
        assert cli.main(["schema", *words]) == 0

        assert json.loads(capsys.readouterr().out)["$schema"].startswith("https://json-schema.org")


class TestWhy:
    """The smallest change that `governance why` shows."""

    def test_the_change_is_shown_and_holds(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """People read it, programs too, and `decide` gives the answer that it promises."""
        create_project(folder, '[packs]\npaths = ["shipped"]\n')
        asked = ("--tool", "shell", "--args", '{"command": "git push -f origin main"}')

        code, out, _ = run(capsys, "why", *asked)
        assert code == 0
        assert "the smallest change that turns it over command = `git push origin main`" in out

        cli.main(["why", *asked, "--format", "json"])
        flip = json.loads(capsys.readouterr().out)["flip"]
        (change,) = flip["changes"]
        args = json.dumps({change["fact"]: change["after"]})
        cli.main(["decide", "--tool", "shell", "--args", args, "--format", "json"])
        assert json.loads(capsys.readouterr().out)["action"] == flip["action"] == "allow"

    def test_where_none_is_found_it_says_so(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """With how many changes were tried."""
        (folder / "team.toml").write_text(HEAD, encoding="utf-8")
        create_project(folder, '[packs]\npaths = ["team.toml"]\n')

        _, out, _ = run(capsys, "why", "--tool", "todo", "--args", "{}")

        assert "no change of one or two facts that was tried" in out


@pytest.fixture
def tests_of_packs(folder: Path) -> Path:
    """A project of strangers that has a pack of ours, and TOML of its own."""
    (folder / "team.toml").write_text(HEAD + RULE + SCENARIO, encoding="utf-8")
    (folder / "other.toml").write_text("[tool]\nx = 1\n", encoding="utf-8")
    (folder / "x.scenario.toml").write_text('play = "hamlet"\n', encoding="utf-8")
    return folder


def pytest_run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    plugin = ("-p", "governance.testing.pytest_plugin", "-p", "no:cacheprovider")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--rootdir", str(folder), *plugin, *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=240,
    )


class TestPytestPlugin:
    """`governance.testing.pytest_plugin`."""

    def test_nothing_is_collected_unasked(self, tests_of_packs: Path) -> None:
        """Neither packs nor anybody's TOML, and no engine is imported for it."""
        (tests_of_packs / "test_x.py").write_text(
            "import sys\n\ndef test_x():\n    assert 'governance.engine' not in sys.modules\n",
            encoding="utf-8",
        )

        done = pytest_run(tests_of_packs)

        assert "1 passed" in done.stdout, done.stdout

    def test_what_the_project_names_is_collected(self, tests_of_packs: Path) -> None:
        """Each example and each scenario is a test of its own name."""
        (tests_of_packs / "pytest.ini").write_text(
            "[pytest]\ngovernance_packs = team.toml\n", encoding="utf-8"
        )

        listed = pytest_run(tests_of_packs, "--collect-only").stdout
        done = pytest_run(tests_of_packs)

        assert "team.toml::team.no-deploy:must_match[0]" in listed
        assert "team.toml::deploying is refused" in listed
        assert "3 passed" in done.stdout

    def test_what_the_command_line_names_is_collected(self, tests_of_packs: Path) -> None:
        """A pack that is asked for by its path needs no configuration; other TOML is none."""
        assert "3 passed" in pytest_run(tests_of_packs, "team.toml").stdout
        assert "no tests ran" in pytest_run(tests_of_packs, "x.scenario.toml").stdout

    def test_a_failure_reads_as_a_sentence(self, tests_of_packs: Path) -> None:
        """Place, code, step, expectation and matcher; no line of our own code."""
        text = HEAD + RULE + SCENARIO.replace("make test", "make deploy")
        (tests_of_packs / "team.toml").write_text(text, encoding="utf-8")

        done = pytest_run(tests_of_packs, "team.toml")

        assert done.returncode == 1
        assert "team.toml:20: GOV281 deploying is refused failed" in done.stdout
        assert "step 1: tool = 'shell', command = 'make deploy'" in done.stdout
        assert "holds for `make deploy`" in done.stdout
        assert ".py:" not in done.stdout

    def test_a_broken_pack_is_one_failing_test(self, tests_of_packs: Path) -> None:
        """Every diagnostic stands in it; a file that is no TOML fails to be collected."""
        (tests_of_packs / "pytest.ini").write_text(
            "[pytest]\ngovernance_packs = *.toml\n", encoding="utf-8"
        )
        (tests_of_packs / "team.toml").write_text(
            HEAD + RULE.replace("tools", "tolls"), encoding="utf-8"
        )
        (tests_of_packs / "other.toml").write_text("a = ", encoding="utf-8")

        done = pytest_run(tests_of_packs)

        assert done.returncode != 0
        assert "GOV207 unknown key `tolls`" in done.stdout
        assert "GOV101" in done.stdout
