"""`governance check` and `governance decide` on packs and projects."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from governance.project import Project
from governance.rules.trust import grant_trust
from tests.integration.conftest import TEAM_CONFIG, made_project
from tests.integration.conftest import run_words as run

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

PACK = """\
format = 1

[pack]
name = "team"
version = "1.0.0"
summary = "What the team agreed on."

[[rule]]
id = "team.no-deploy"
tools = ["shell"]
when.command = { regex = '^make deploy' }
action = "deny"
message = "A person deploys."
must_match = [{ tool = "shell", command = "make deploy" }]
must_not_match = [{ tool = "shell", command = "make test" }]
known_gaps = [{ tool = "shell", command = "cd x; make deploy", why = "not at the beginning" }]

[[rule]]
id = "team.one-folder"
tools = ["write"]
when.path = { not = { glob = "src/**" } }
action = "warn"
message = "Sources stand in src."

[[role]]
name = "builder"
tools = ["read", "write", "shell"]
first = ["read"]
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that one pack governs."""
    return made_project(tmp_path, monkeypatch, TEAM_CONFIG, {"team.toml": PACK}, stored=False)


def ask(
    capsys: pytest.CaptureFixture[str], project: Path, tool: str, args: object, *more: str
) -> dict[str, object]:
    """The answer of `decide` to one call, as JSON."""
    words = ("decide", "--dir", str(project), "--tool", tool, "--args", json.dumps(args))
    code, out, err = run(capsys, *words, "--format", "json", *more)
    assert (code, err) == (0, "")
    answer = json.loads(out)
    assert set(answer) == {"action", "rules", "message", "skipped"}
    return dict(answer)


class Endless(io.RawIOBase):
    """A stream of one line that does not end; reading 20 MB of it is a failure."""

    given = 0

    def readable(self) -> bool:
        """It can be read."""
        return True

    def readinto(self, into: WriteableBuffer, /) -> int:
        """Fill *into*."""
        view = memoryview(into)
        self.given += len(view)
        assert self.given < 20_000_000
        view[:] = b"x" * len(view)
        return len(view)


class TestCheck:
    """What `check` finds."""

    def test_a_good_pack_is_fine(self, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """No errors: exit code 0, and what the rules are known to miss is listed."""
        for path in (project, project / "team.toml", project / "governance.toml"):
            code, out, _ = run(capsys, "check", str(path))

            assert code == 0
            assert "2 rules in 1 pack: 0 errors" in out
            assert "is known to miss: command = cd x; make deploy (not at the beginning)" in out

    def test_roles_that_nobody_has_are_told(
        self, project: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Whoever writes roles and no actor has no access control, and hears so."""
        config = project / "governance.toml"
        config.write_text(config.read_text() + '[access.roles]\nown = ["read:own"]\n')

        code, out, _ = run(capsys, "check", str(project))

        assert code == 0
        assert "GOV311 nobody has any of these roles" in out

    def test_a_misspelled_role_of_a_host_is_found(
        self, project: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """An agent mapped to a role that no pack describes would be denied everything."""
        config = project / "governance.toml"
        config.write_text(
            '[packs]\npaths = ["shipped"]\n[hosts.codex]\nroles = { plan = "reviewr" }\n'
        )

        code, out, _ = run(capsys, "check", str(project))

        assert code == 1
        assert f"{config}:4: GOV275" in out
        assert "did you mean `reviewer`?" in out

    def test_json_has_the_fixed_form(
        self, project: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Every problem with its code, severity, place and suggestion; exit code 1."""
        pack = project / "team.toml"
        pack.write_text(PACK.replace("message", "mesage", 1).replace('"warn"', '"wran"'))

        code, out, _ = run(capsys, "check", str(pack), "--format", "json")

        found = json.loads(out)
        assert code == 1
        assert found["ok"] is False
        assert all(
            set(one) == {"code", "severity", "message", "file", "line", "suggestion"}
            for one in found["diagnostics"]
        )
        errors = {
            (one["code"], one["line"]): one["suggestion"]
            for one in found["diagnostics"]
            if one["severity"] == "error"
        }
        assert "`message`" in errors["GOV207", 13]
        assert "`warn`" in errors["GOV240", 22]

    def test_bad_configuration_is_found(
        self, project: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A misspelled key of governance.toml, and a pack that is not there."""
        config = project / "governance.toml"
        config.write_text('[packs]\npahts = ["team.toml"]\n')
        code, out, _ = run(capsys, "check", str(project))
        config.write_text('[packs]\npaths = ["taem.toml"]\n')
        code_missing, out_missing, _ = run(capsys, "check", str(project))

        assert code == code_missing == 1
        assert "`paths`" in out
        assert "GOV270" in out_missing or "GOV311" in out_missing

    def test_projects_are_checked_for_what_rules_have_in_common(
        self, project: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A covered rule of the project's own pack is told, with its witness, in both forms."""
        pack = project / "own.toml"
        rule = (
            '[[rule]]\nid = "own.{0}"\ntools = ["read"]\nwhen.path = {{ glob = "{1}" }}\n'
            'action = "deny"\nmessage = "No."\nmust_match = [{{ tool = "read", path = "s/a" }}]\n'
            'must_not_match = [{{ tool = "read", path = "b" }}]\n'
        )
        head = 'format = 1\n[pack]\nname = "own"\nversion = "1.0.0"\nsummary = "x"\n'
        pack.write_text(head + rule.format("all", "s/**") + rule.format("one", "s/a"))
        (project / "governance.toml").write_text('[packs]\npaths = ["own.toml"]\n')

        code, out, _ = run(capsys, "check", str(project))
        _, as_json, _ = run(capsys, "check", str(project), "--format", "json")

        assert code == 0
        assert "GOV266" in out
        assert "read: path = `s/a`" in out
        told = json.loads(as_json)["diagnostics"]
        assert [one["severity"] for one in told if one["code"] == "GOV266"] == ["warning"]

    def test_a_path_that_is_not_there_is_two(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """What cannot be read was not checked, and is not called fine."""
        empty = tmp_path / "empty"
        empty.mkdir()
        for path in (tmp_path / "nothing.toml", empty):
            code, out, _ = run(capsys, "check", str(path), "--format", "json")

            assert code == 2
            assert json.loads(out)["diagnostics"][0]["code"] == "GOV610"

    def test_without_a_path_the_project_here_is_checked(
        self, project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """`governance check` in a folder of the project."""
        deep = project / "a"
        deep.mkdir()
        monkeypatch.chdir(deep)

        assert run(capsys, "check")[0] == 0


@pytest.mark.parametrize("rule", ["self-protection.files", "self-protection.host-settings"])
def test_self_protection_is_exempted_by_nobody(
    project: Path, capsys: pytest.CaptureFixture[str], rule: str
) -> None:
    """With whatever reason: it is an error, and names the rule."""
    (project / "governance.toml").write_text(
        f'[packs]\npaths = ["shipped"]\n[[exempt]]\nrule = "{rule}"\nreason = "I want to."\n'
    )

    code, out, _ = run(capsys, "check", str(project), "--format", "json")

    told = {one["code"]: one["message"] for one in json.loads(out)["diagnostics"]}
    assert (code, told["GOV250"]) == (1, f"`{rule}` can be exempted by nobody")


class TestDecide:
    """What `decide` answers."""

    def test_what_nobody_trusted_does_not_decide(
        self, project: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """It answers what a session would be answered: a milder setting counts once trusted."""
        config = project / "governance.toml"
        config.write_text(config.read_text() + '[hosts.codex]\nunknown_tool = "allow"\n')
        before = ask(capsys, project, "frobnicate", {}, "--host", "codex")
        text = config.read_bytes()
        record = str(Project(project).trust_file())
        grant_trust(record, text, file=str(config), project=str(project), by="p", at_ms=0)

        after = ask(capsys, project, "frobnicate", {}, "--host", "codex")

        assert (before["action"], after["action"]) == ("deny", "allow")

    def test_a_rule_decides_and_is_named(
        self, project: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Action, rules and message of one call; others are let through."""
        denied = ask(capsys, project, "shell", {"command": "make deploy"})

        assert denied["action"] == "deny"
        assert denied["rules"] == ["team.no-deploy"]
        assert "A person deploys." in str(denied["message"])
        assert ask(capsys, project, "shell", {"command": "make test"}) == {
            "action": "allow", "rules": [], "message": "", "skipped": []
        }  # fmt: skip
        warned = ask(capsys, project, "write", {"path": "a.py", "content": ""})
        assert warned["action"] == "warn"

    @pytest.mark.parametrize("default", ["ask", "deny"])
    def test_a_project_may_be_stricter_than_what_the_shipped_packs_recommend(
        self, project: Path, capsys: pytest.CaptureFixture[str], default: str
    ) -> None:
        """What they offer instead may be refused by the default: the packs hold all the same."""
        rules = '[packs]\npaths = ["shipped:git-safety", "team.toml"]\n'
        (project / "governance.toml").write_text(f'{rules}[defaults]\ntool = "{default}"\n')

        other = ask(capsys, project, "shell", {"command": "git status"})
        forced = ask(capsys, project, "shell", {"command": "git push --force"})

        assert (other["action"], other["rules"]) == (default, ["default.tool"])
        assert (forced["action"], forced["rules"][0]) == ("deny", "git.no-force-push")

    def test_a_host_brings_its_names(
        self, project: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The same rule holds for the tool of a host."""
        denied = ask(capsys, project, "Bash", {"command": "make deploy"}, "--host", "claude-code")

        assert denied["action"] == "deny"

    def test_rules_on_the_past_are_skipped_and_never_deny(
        self, project: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Without a past, what a role must do first does not decide and is named."""
        answer = ask(capsys, project, "shell", {"command": "ls"}, "--role", "builder")

        assert answer["action"] == "allow"
        assert answer["skipped"] != []

    def test_a_past_lets_them_decide(
        self, project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """With `--history` they decide: denied before the first tool, let through after it."""
        past = tmp_path / "past.jsonl"
        past.write_text('{"tool": "read", "outcome": "failed"}\n')
        words = ("--role", "builder", "--history", str(past))
        before = ask(capsys, project, "shell", {"command": "ls"}, *words)
        past.write_text('{"tool": "read", "args": {"path": "a"}}\n')
        after = ask(capsys, project, "shell", {"command": "ls"}, *words)

        assert before["action"] == "deny"
        assert after["action"] == "allow"
        assert before["skipped"] == after["skipped"] == []

    def test_a_state_is_heeded(self, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """After the end a tool is denied, as in a real session."""
        ended = ask(capsys, project, "read", {"path": "a"}, "--state", "ended")

        assert ended["action"] == "deny"

    def test_a_batch_is_answered_line_by_line(
        self, project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One line for each, in order, from a file as from standard input."""
        lines = [
            {"tool": "shell", "args": {"command": "make deploy"}},
            {"tool": "read", "args": {"path": "a"}, "state": "ended"},
            {"tool": "fetch", "args": {"url": "https://x.test"}, "role": "builder"},
            {"tool": "shell", "args": {"command": "make test"}},
        ]
        text = "\n".join(json.dumps(line) for line in lines) + "\n\n"
        file = project / "batch.jsonl"
        file.write_text(text)
        code, out, _ = run(capsys, "decide", "--dir", str(project), "--batch", str(file))
        stream = io.TextIOWrapper(io.BytesIO(text.encode()))
        monkeypatch.setattr(sys, "stdin", stream)
        code_stdin, out_stdin, _ = run(capsys, "decide", "--dir", str(project), "--batch", "-")

        assert code == code_stdin == 0
        assert out == out_stdin
        assert [json.loads(line)["action"] for line in out.splitlines()] == [
            "deny", "deny", "deny", "allow"
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("line", "said"),
        [
            ("{", "no JSON"),
            ("[]", "expected a JSON object"),
            ("{}", "`tool` is missing"),
            ('{"tool": "read", "agrs": {}}', "did you mean `args`?"),
            ('{"tool": "read", "args": []}', "`args` is no object"),
            ('{"tool": "read", "state": "endded"}', "did you mean `ended`?"),
            ('{"tool": "read", "role": 1}', "`role` is no text"),
            ('{"tool": "read", "args": {"a": NaN}}', "`NaN`"),
            ('{"tool": "read", "args": {"a": "\\ud800"}}', "lone surrogate"),
        ],
    )
    def test_a_line_that_cannot_be_read_is_named(
        self, project: Path, capsys: pytest.CaptureFixture[str], line: str, said: str
    ) -> None:
        """It is denied in its place, with file, line, what is wrong and what was meant."""
        file = project / "batch.jsonl"
        good = '{"tool": "shell", "args": {"command": "make test"}}'
        file.write_text(f"\n{line}\n{good}\n")

        code, out, err = run(capsys, "decide", "--dir", str(project), "--batch", str(file))

        first, second = map(json.loads, out.splitlines())
        assert code == 1
        assert (first["action"], first["rules"], first["skipped"]) == ("deny", [], [])
        assert f"{file}:2: GOV612" in first["message"]
        assert said in first["message"]
        assert second["action"] == "allow"
        assert "denied: 1 line" in err

    def test_a_line_without_end_is_refused(
        self, project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """No more of it is read than one line may have."""
        endless = io.BufferedReader(Endless())
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(endless))

        code, out, err = run(capsys, "decide", "--dir", str(project), "--batch", "-")

        assert code == 2
        assert json.loads(out)["action"] == "deny"
        assert "-:1: GOV612" in err

    def test_a_line_that_is_too_long_is_denied_and_passed_over(
        self, project: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """It has one answer, and the line behind it has its own."""
        file = project / "batch.jsonl"
        file.write_text(f'{{"tool": "read", "args": {{"path": "{"a" * 4_000_000}"}}}}\n{{}}\n')

        code, out, _ = run(capsys, "decide", "--dir", str(project), "--batch", str(file))

        assert code == 1
        assert ["4000000" in json.loads(line)["message"] for line in out.splitlines()] == [
            True, False
        ]  # fmt: skip

    def test_a_call_must_be_given(self, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """Neither --tool nor --batch is bad usage."""
        code, _, err = run(capsys, "decide", "--dir", str(project))

        assert code == 2
        assert "--tool" in err

    def test_a_broken_pack_answers_nothing(
        self, project: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Rules that cannot be loaded let nothing through as if there were none."""
        (project / "team.toml").write_text("format = 1\n")

        code, out, err = run(
            capsys, "decide", "--dir", str(project), "--tool", "read", "--args", "{}"
        )

        assert (code, out) == (2, "")
        assert "GOV203" in err or "GOV209" in err


LEFT_OUT = """
[[rule]]
id = "team.dry"
tools = ["shell"]
when.command = { starts_with = "apply" }
action = "rewrite"
rewrite.command = { add_flags = ["--dry-run"] }

[[context]]
id = "team.words"
at = ["beginning"]
text = "Mind the words."
"""


def test_what_is_left_out_for_want_of_trust_is_named_by_decide_why_and_doctor(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody may think that a rule holds which does not; the remedy stands beside it."""
    pack = project / "team.toml"
    pack.write_text(pack.read_text(encoding="utf-8") + LEFT_OUT, encoding="utf-8")
    call = ("--tool", "shell", "--args", '{"command": "apply x"}', "--role", "builder")
    told = "not trusted, so only what forbids counts; left out: the change of `team.dry`"
    words = [("decide", *call), ("why", *call), ("doctor",)]

    def all_said() -> dict[str, str]:
        told = {one[0]: run(capsys, *one, "--dir", str(project))[1] for one in words}
        return {name: " ".join(out.split()) for name, out in told.items()}

    said = all_said()
    record, text = str(Project(project).trust_file()), pack.read_bytes()
    grant_trust(record, text, file=str(pack), project=str(project), by="p", at_ms=0)
    after = all_said()

    for name, out in said.items():
        assert told in out, name
        assert "context `team.words`" in out, name
        assert "`governance trust`" in out, name
        assert "left out" not in after[name], name
    assert said["decide"].startswith("ask")
    assert after["decide"].startswith("rewrite")
