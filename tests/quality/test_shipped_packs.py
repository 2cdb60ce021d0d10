"""The packs that come with the engine: they load, they are described, and they decide well."""

from __future__ import annotations

import re
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest

from governance._shipped import pack_texts
from governance.calls import ToolCall
from governance.rules.detect import detector
from governance.rules.facts import facts_of_call
from governance.rules.loader import Loaded, read_rules
from governance.rules.paths import PLAIN_PLACES
from governance.rules.sources import LoadSettings, PackSource
from governance.rules.verdicts import Decision, RuleEvent
from governance.rules.vocabulary import default_vocabulary

ROOT = Path(__file__).parents[2]
README = ROOT / "rules" / "README.md"
CALLS = tomllib.loads((Path(__file__).parent / "shipped_calls.toml").read_text(encoding="utf-8"))
PACKS = {name: tomllib.loads(text) for name, text in pack_texts().items()}
HARMFUL = [(action, one) for action, listed in CALLS["harmful"].items() for one in listed]
RULES = [(name, rule) for name, pack in PACKS.items() for rule in pack.get("rule", ())]

FILES_HARMLESS = [
    ("read", "README.md", ""),
    ("read", ".env.example", ""),
    ("read", "src/environment.py", ""),
    ("read", "~/.ssh/id_ed25519.pub", ""),
    ("read", "~/.gitconfig", ""),
    ("read", "certs/ca.pem", ""),
    ("read", "/etc/hosts", ""),
    ("read", "governance.toml", ""),
    ("read", "rules/team.toml", ""),
    ("read", ".claude/settings.json", ""),
    ("write", "src/app.py", "print(1)"),
    ("write", "compose.yml", "postgres://postgres:postgres@localhost:5432/app"),
    ("write", "docs/rules.md", "never run `rm -rf /`"),
    ("write", ".github/workflows/ci.yml", "env: { TOKEN: ${{ secrets.TOKEN }} }"),
    ("write", ".gitignore", ".env\n"),
    ("edit", "pyproject.toml", "version = '1'"),
    ("edit", "CLAUDE.md", "be brief"),
    ("edit", ".claude/agents/reviewer.md", "x"),
    ("edit", ".vscode/settings.json", "{}"),
    ("edit", "src/rules/lint.toml", "a = 1"),
    ("delete", "build/out.txt", ""),
    ("grep", "src", ""),
    ("glob", ".", ""),
]
FILES_HARMFUL = [
    ("deny", "read", ".env", ""),
    ("deny", "read", "../other/.env.production", ""),
    ("deny", "read", "~/.ssh/id_rsa", ""),
    ("deny", "read", "/home/user/.aws/credentials", ""),
    ("deny", "grep", "/etc/shadow", ""),
    ("deny", "edit", "~/.kube/config", ""),
    ("ask", "write", ".env", "A=1"),
    ("deny", "write", "src/a.py", "k = 'AKIAIOSFODNN7EXAMPLE'"),
    ("ask", "write", "src/a.py", "u = 'https://bob:hunter22@git.corp.io/x'"),
    ("deny", "write", "~/.ssh/authorized_keys", "ssh-ed25519 A"),
    ("deny", "write", ".git/hooks/pre-commit", "#!/bin/sh"),
    ("deny", "edit", "governance.toml", "mode = 'shadow'"),
    ("deny", "edit", "./a/../governance.toml", ""),
    ("deny", "write", "rules/mine.toml", ""),
    ("deny", "delete", ".governance/journal.db", ""),
    ("deny", "write", ".claude/settings.local.json", "{}"),
    ("deny", "write", "/project/../project/.claude/settings.json", "{}"),
    ("deny", "edit", "~/.claude/settings.json", "{}"),
    ("deny", "edit", ".codex/config.toml", ""),
    ("deny", "edit", ".gemini/settings.json", ""),
    ("deny", "edit", ".opencode/opencode.json", ""),
    ("deny", "write", ".opencode/plugins/x.js", ""),
    ("deny", "edit", ".venv/lib/python3.11/site-packages/governance/engine/__init__.py", ""),
]


@pytest.fixture(scope="module")
def loaded() -> Loaded:
    sources = [
        PackSource(name, text, f"rules/{name}.toml", "machine")
        for name, text in pack_texts().items()
    ]
    fields = {"language": "English", "phase": "planning"}
    settings = LoadSettings(fields=fields, characters_max=8000)
    return read_rules(sources, default_vocabulary(), settings=settings)


def _decide(loaded: Loaded, call: ToolCall) -> Decision:
    assert loaded.rules is not None
    return loaded.rules.decide(RuleEvent("tool", facts_of_call(call, PLAIN_PLACES), call))


def _shell(loaded: Loaded, command: str) -> Decision:
    return _decide(loaded, ToolCall("shell", own={"command": command}))


def _file(loaded: Loaded, tool: str, path: str, content: str) -> Decision:
    own = {"path": path, "pattern": "x"} if tool in ("grep", "glob") else {"path": path}
    if content:
        own["content"] = content
    return _decide(loaded, ToolCall(tool, own=own))


def test_every_pack_loads_without_error_or_warning(loaded: Loaded) -> None:
    """The shipped packs load together with nothing to say but their known gaps."""
    said = [str(one) for one in loaded.diagnostics if one.severity in ("error", "warning")]
    assert said == []
    assert loaded.rules is not None


def test_the_packs_that_are_promised_are_there() -> None:
    """All packs come with the engine, each named as its file."""
    promised = {"briefing", "roles", "secrets", "git-safety", "destructive", "self-protection"}
    promised |= {"privilege", "persistence", "containers", "network", "cloud", "databases"}
    promised |= {"packages", "hiding", "escalation", "idumb-chains", "services"}
    assert set(PACKS) == promised
    assert set(PACKS) == promised
    assert all(pack["pack"]["name"] == name for name, pack in PACKS.items())


@pytest.mark.parametrize("command", CALLS["harmless"])
def test_everyday_commands_are_left_alone(loaded: Loaded, command: str) -> None:
    """What is typed every day meets no rule at all."""
    decision = _shell(loaded, command)
    assert (decision.action, [one.rule for one in decision.verdicts]) == ("allow", [])


@pytest.mark.parametrize(("action", "command"), HARMFUL)
def test_harmful_commands_meet_their_action(loaded: Loaded, action: str, command: str) -> None:
    """Each harmful command, by whatever spelling, gets exactly the action that is expected."""
    assert _shell(loaded, command).action == action


@pytest.mark.parametrize(
    "line",
    [
        " | ".join(["{ " + "cat ~/.ssh/id_rsa; " * 333 + "}"] * 3),
        " | ".join(["$x"] * 400),
    ],
    ids=["groups", "pipes"],
)
def test_a_line_of_many_commands_is_decided_within_seconds(loaded: Loaded, line: str) -> None:
    """Also where each of them feeds hundreds of others."""
    before = time.thread_time()

    _shell(loaded, line)

    assert time.thread_time() - before < 5.0


@pytest.mark.parametrize("command", CALLS["false_alarms"])
def test_known_false_alarms_are_still_such(loaded: Loaded, command: str) -> None:
    """A false alarm that is gone must leave the list, and the page that speaks of it."""
    assert _shell(loaded, command).action != "allow"


@pytest.mark.parametrize(("tool", "path", "content"), FILES_HARMLESS)
def test_everyday_files_are_left_alone(loaded: Loaded, tool: str, path: str, content: str) -> None:
    """Files of everyday work meet no rule at all."""
    decision = _file(loaded, tool, path, content)
    assert (decision.action, [one.rule for one in decision.verdicts]) == ("allow", [])


@pytest.mark.parametrize(("action", "tool", "path", "content"), FILES_HARMFUL)
def test_sensitive_files_meet_their_action(
    loaded: Loaded, action: str, tool: str, path: str, content: str
) -> None:
    """Secrets, git's own files, governance and host settings are held by every file tool."""
    assert _file(loaded, tool, path, content).action == action


def test_there_are_enough_of_both_kinds() -> None:
    """The two lists are long enough to mean something, and none stands in both."""
    harmful = {one for _, one in HARMFUL}
    assert len(CALLS["harmless"]) >= 150
    assert len(harmful) >= 150
    assert not harmful & set(CALLS["harmless"])


@pytest.mark.parametrize(("pack", "rule"), RULES, ids=[rule["id"] for _, rule in RULES])
def test_every_rule_is_made_with_care(pack: str, rule: dict[str, object]) -> None:
    """A rule is named after its pack, has several spellings on both sides, and says why."""
    prefix = {"git-safety": "git", "idumb-chains": "idumb"}.get(pack, pack)
    assert str(rule["id"]).startswith(f"{prefix}.")
    assert len(rule["must_match"]) >= 2  # type: ignore[arg-type]
    assert len(rule["must_not_match"]) >= 3  # type: ignore[arg-type]
    assert len(str(rule["message"])) >= 40
    for gap in rule.get("known_gaps", ()):  # type: ignore[attr-defined]
        assert gap["why"]


def test_nothing_of_self_protection_can_be_exempted(loaded: Loaded) -> None:
    """Every rule of self-protection denies, is critical, and says that nobody exempts it."""
    own = [rule for pack, rule in RULES if pack == "self-protection"]
    assert {(one["action"], one["severity"], one["exempt"]) for one in own} == {
        ("deny", "critical", "never")
    }


def test_self_protection_knows_the_paths_of_mcp_tools(loaded: Loaded) -> None:
    """What a tool of a server writes is known by its arguments, as the page of Claude Code says."""
    call = ToolCall("mcp:fs:write_file", args={"path": "governance.toml", "content": ""})

    assert _decide(loaded, call).action == "deny"


def test_no_rule_denies_for_want_of_history(loaded: Loaded) -> None:
    """No shipped role demands a first tool, so a decision without a session skips nothing."""
    assert all("first" not in role for role in PACKS["roles"]["role"])
    assert loaded.rules is not None
    for role in [one["name"] for one in PACKS["roles"]["role"]]:
        call = ToolCall("read", own={"path": "README.md"})
        facts = {**facts_of_call(call, PLAIN_PLACES), "role": role}
        decision = loaded.rules.decide(RuleEvent("tool", facts, call))
        assert (decision.action, decision.skipped) == ("allow", ())


@pytest.mark.parametrize(
    ("role", "tool", "allowed"),
    [
        ("lead", "delegate", True),
        ("builder", "write", True),
        ("builder", "delegate", False),
        ("validator", "shell", True),
        ("validator", "edit", False),
        ("reviewer", "shell", False),
        ("researcher", "fetch", True),
        ("researcher", "write", False),
        ("planner", "edit", False),
        ("coordinator", "write", False),
        ("coordinator", "delegate", True),
    ],
)
def test_roles_hold_what_they_promise(loaded: Loaded, role: str, tool: str, allowed: bool) -> None:
    """Who builds may write, who checks may run, who hands out work does none of it."""
    own = {"delegate": {"agent": "general-purpose"}, "shell": {"command": "ls"}}
    call = ToolCall(tool, own=own.get(tool, {"path": "a.txt"} if tool != "fetch" else {}))
    facts = {**facts_of_call(call, PLAIN_PLACES), "role": role}
    assert loaded.rules is not None
    decision = loaded.rules.decide(RuleEvent("tool", facts, call))
    assert (decision.action == "allow") is allowed


@pytest.mark.parametrize("role", ["validator", "researcher", "planner"])
@pytest.mark.parametrize(
    ("command", "allowed"),
    [
        ("pytest -q 2>&1 | tail -5", True),
        ("make check > /tmp/out.log", True),
        ("find . -name '*.py' | xargs wc -l > /dev/null", True),
        ("git log --oneline", True),
        ("echo x > src/a.py", False),
        ("sed -i s/a/b/ src/a.py", False),
        ("bash -c 'cp a b'", False),
        ("rm src/a.py", False),
        ("python3 -c \"open('a', 'w').write('x')\"", False),
    ],
)
def test_roles_that_look_write_nothing_by_a_shell(
    loaded: Loaded, role: str, command: str, allowed: bool
) -> None:
    """They run what they must, and change no file of the project by it."""
    call = ToolCall("shell", own={"command": command})
    facts = {**facts_of_call(call, PLAIN_PLACES), "role": role}
    assert loaded.rules is not None
    decision = loaded.rules.decide(RuleEvent("tool", facts, call))
    assert (decision.action == "allow") is allowed
    named = [verdict.rule for verdict in decision.verdicts]
    assert allowed or f"role.{role}.writes" in named


def test_a_session_without_an_agent_is_not_limited_by_roles(loaded: Loaded) -> None:
    """Where no role is known no tool is refused by one."""
    for tool in ("shell", "write", "delegate", "mcp:docs:search", "other"):
        own = {"shell": {"command": "ls"}, "write": {"path": "a", "content": "b"}}.get(tool, {})
        assert _decide(loaded, ToolCall(tool, own=own)).action == "allow"


def _sentence(text: str) -> str:
    return " ".join(text.split()).split(". ")[0].rstrip(".") + "."


def test_the_readme_lists_every_rule_with_its_sentence() -> None:
    """Each rule, block, step and role has its row, and the row says what the file says."""
    rows = {}
    for line in README.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `"):
            rows[cells[0].strip("`")] = cells
    for _, rule in RULES:
        row = rows.pop(rule["id"])
        assert row[1:] == [rule["action"], rule["severity"], _sentence(rule["message"])]
    for block in PACKS["briefing"]["context"]:
        row = rows.pop(block["id"])
        assert row[1] == ", ".join(block["at"])
        assert row[4] == _sentence(block["text"])
    for step in PACKS["escalation"]["escalation"]:
        row = rows.pop(step["id"])
        assert row[2] == step["action"]
        assert row[4:] == [step["lasts"], _sentence(step["message"])]
    for role in PACKS["roles"]["role"]:
        row = rows.pop(role["name"])
        assert row[2] == ", ".join(f"`{one}`" for one in role["tools"])
    assert rows == {}


@pytest.mark.parametrize(("pack", "rule"), RULES, ids=[rule["id"] for _, rule in RULES])
def test_a_rule_has_an_example_for_each_alternative(pack: str, rule: dict[str, Any]) -> None:
    """As many calls that it must match as it has alternatives, where it asks, denies or halts."""
    shell = rule.get("when", {}).get("shell", {})
    alternatives = max(len(rule.get("any", ())), len(shell) if isinstance(shell, list) else 1)

    assert "must_match" not in rule or len(rule["must_match"]) >= alternatives, pack


def test_the_token_pattern_of_commands_knows_what_the_shipped_set_knows() -> None:
    """What `detect = "secrets"` finds by its own form is found on a command line too."""
    pattern = re.compile(PACKS["secrets"]["vars"]["token_in_command"])
    samples = [
        "AKIA" + "Q3EGTZ5N7XAMPLE2",
        "ghp_" + "a1" * 18,
        "glpat-" + "x" * 20,
        "xoxb-123456789012",
        "AIza" + "b" * 35,
        "sk_live_" + "c" * 24,
        "sk-ant-" + "d" * 24,
        "hf_" + "e" * 34,
        "npm_" + "f" * 36,
    ]
    for sample in samples:
        assert detector("secrets")(sample)
        assert pattern.search(f"x --key {sample}")
    assert not pattern.search("x --key AKIAIOSFODNN7EXAMPLE")  # that of the manuals
