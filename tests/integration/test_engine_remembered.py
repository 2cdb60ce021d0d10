"""What a project remembers of loading its rules spares work, and never changes an answer."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings

from governance._shipped import pack_texts
from governance.calls import ToolCall
from governance.config import default_toml, load_config
from governance.engine import Engine, parsed, remembered
from governance.engine.project_rules import (
    examine_project_rules,
    load_project_rules,
    load_settings,
    pack_sources,
    read_project_rules,
)
from governance.engine.remembered import FILE_NAME, PROVEN_MAX
from governance.errors import DefinitionError
from governance.journal.opening import open_journal
from governance.project import Project, create_project
from governance.rules import examples, trying
from governance.rules.facts import facts_of_call
from governance.rules.format import Rule
from governance.rules.loader import load_rules
from governance.rules.paths import places_of
from governance.rules.reading import Findings
from governance.rules.ruleset import RuleSet, WaitingRule
from governance.rules.variables import EXAMPLES
from governance.rules.verdicts import History, RuleEvent
from governance.rules.vocabulary import default_vocabulary
from governance.testing.strategies import tool_calls

PACK = """
format = 1
[pack]
name = "own"
version = "1.0.0"
summary = "One rule of the project's own."
[[rule]]
id = "own.no-notes"
tools = ["write"]
when.path.glob = "**/notes.txt"
action = "deny"
message = "Keep notes elsewhere."
must_match = [{ tool = "write", path = "notes.txt" }, { tool = "write", path = "a/notes.txt" }]
must_not_match = [{ tool = "write", path = "a.txt" }, { tool = "write", path = "b.txt" }]
"""

OWN = "own.no-notes"
NOW_MS = 1_780_000_000_000
PACKS = 'packs.paths = ["shipped", "own.toml"]\n'


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new project with a pack of its own, whose state is kept in a folder of the test."""
    for name in ("STATE", "CONFIG"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    folder = tmp_path / "project"
    folder.mkdir()
    create_project(folder, default_toml())
    (folder / "own.toml").write_text(PACK)
    (folder / "governance.toml").write_text(PACKS)
    open_journal(base=folder, create=True).close()
    return folder


def record(project: Path) -> Path:
    """Where *project* remembers."""
    return Project(project).state_directory() / FILE_NAME


def rules_of(project: Path) -> RuleSet:
    """The rules of *project*, as an engine of its own process would load them."""
    return load_project_rules(load_config(project), now_ms=0, examples=False)


@cache
def at_once(project: Path) -> RuleSet:
    """The rules of *project*, each compiled and tried, wherever it comes from."""
    config = load_config(project)
    rules = load_rules(
        pack_sources(config),
        default_vocabulary(),
        settings=load_settings(config, None, 0),
        places=places_of(str(config.directory)),
    )
    assert waiting(rules) == set()
    rules_of(project)
    return rules


def waiting(rules: RuleSet) -> set[str]:
    """Ids of the rules that are compiled by need, for they were proven before."""
    tried = [one for on in rules.by_event.values() for one in on]
    return {one.rule.id for one in tried if isinstance(one, WaitingRule)}


def is_proven(rules: RuleSet) -> bool:
    """Whether the examples of the project's own rule were left alone."""
    return OWN in waiting(rules)


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ids of the rules whose examples are run from here on."""
    found: list[str] = []
    run = examples.run_examples

    def watched(rule: Rule, bench: examples.Bench, findings: Findings) -> None:
        found.append(rule.id)
        run(rule, bench, findings)

    monkeypatch.setattr(trying, "run_examples", watched)
    return found


def test_examples_are_run_once(project: Path, ran: list[str]) -> None:
    """The first load runs the examples of the project's own rule, the second none."""
    first = rules_of(project)
    second = rules_of(project)

    assert ran == [OWN]
    assert is_proven(second)
    assert not is_proven(first)
    assert (second.hash, set(second.rules)) == (first.hash, set(first.rules))


def test_examples_of_shipped_packs_were_run_before_the_release(
    project: Path, ran: list[str]
) -> None:
    """An engine and `check` leave them alone as long as their texts are the shipped ones."""
    loaded = rules_of(project)
    assert waiting(loaded) == set(loaded.rules) - {OWN}
    changed = project / "git-safety.toml"
    changed.write_text(pack_texts()["git-safety"] + "\n# changed\n")
    config = project / "governance.toml"
    config.write_text('packs.paths = ["git-safety.toml"]\n')
    del ran[:]

    own = rules_of(project)
    assert waiting(own) == set()
    assert set(ran) == set(own.rules)
    del ran[:]
    config.write_text('packs.paths = ["shipped:git-safety"]\n')
    read_project_rules(load_config(project), now_ms=0)
    assert ran == []
    examine_project_rules(load_config(project), now_ms=0)
    assert ran == []


def test_rules_with_a_warning_are_remembered(project: Path) -> None:
    """What is perhaps not meant is for `check` to tell: it is no reason to prove it each time."""
    config = project / "governance.toml"
    config.write_text(
        PACKS + '[[exempt]]\nrule = "own.no-notes"\nreason = "r"\nuntil = 2020-01-01\n'
    )
    found = read_project_rules(load_config(project), now_ms=NOW_MS).diagnostics
    assert [one.severity for one in found] == ["warning"]

    assert not is_proven(load_project_rules(load_config(project), now_ms=NOW_MS))
    assert is_proven(load_project_rules(load_config(project), now_ms=NOW_MS))


@pytest.mark.parametrize("change", ["pack", "zone", "field", "tools"])
def test_another_policy_is_proven_anew(project: Path, change: str) -> None:
    """A pack, the time zone, a field or a host's tools that differ: the examples are run."""
    from governance.hosts.claude_code.tools import TOOLS

    rules_of(project)
    assert is_proven(rules_of(project))
    config = project / "governance.toml"
    text = config.read_text()
    if change == "pack":
        config.write_text('packs.paths = ["shipped:git-safety", "own.toml"]\n')
    elif change == "zone":
        config.write_text(PACKS + 'project.time_zone = "Europe/Paris"\n')
    elif change == "field":
        config.write_text(PACKS + "fields.more = true\n")
    tools = (TOOLS,) if change == "tools" else ()

    assert not is_proven(load_project_rules(load_config(project), tools, now_ms=0))
    config.write_text(text)
    assert is_proven(rules_of(project))


def test_a_broken_pack_is_never_remembered(project: Path) -> None:
    """Rules with an example that fails are refused each time, and nothing is written."""
    (project / "own.toml").write_text(PACK.replace('"notes.txt" }, {', '"other.txt" }, {'))
    (project / "governance.toml").write_text('packs.paths = ["own.toml"]\n')

    for _ in range(2):
        with pytest.raises(DefinitionError) as caught:
            rules_of(project)
        assert [one.code for one in caught.value.diagnostics] == ["GOV253"]
    assert not record(project).exists()


def spoilt(file: Path, how: str) -> None:
    """Damage the record in one of several ways."""
    data = file.read_bytes()
    found = json.loads(data)
    if how == "cut":
        file.write_bytes(data[:-10])
    elif how == "open":
        file.chmod(0o666)
    elif how == "folder":
        file.unlink()
        file.mkdir()
    else:
        if how == "version":
            found["format"] = [1, "0.0.0"]
        elif how == "list":
            found = [found]
        else:
            found["proven"] = 7
        file.write_bytes(json.dumps(found).encode())


@pytest.mark.parametrize("how", ["cut", "open", "folder", "version", "list", "shape"])
def test_a_record_that_is_not_ours_counts_for_nothing(project: Path, how: str) -> None:
    """Damaged, open to others or of another version: all is read and proven anew."""
    rules_of(project)
    spoilt(record(project), how)

    assert remembered.remembered(record(project).parent) == ()
    assert not is_proven(rules_of(project))


def test_a_record_that_cannot_be_written_is_no_failure(project: Path) -> None:
    """Without a place for its record a project is slower, and governed all the same."""
    record(project).mkdir(parents=True)

    for _ in range(2):
        assert not is_proven(rules_of(project))
    assert sorted(one.name for one in record(project).parent.iterdir()) == [
        parsed.FILE_NAME,
        FILE_NAME,
    ]


def test_the_record_is_private_bounded_and_whole(project: Path) -> None:
    """Only its owner reads it, no draft is left beside it, and old policies leave it."""
    for number in range(PROVEN_MAX + 3):
        (project / "governance.toml").write_text(f"{PACKS}fields.number = {number}\n")
        rules_of(project)
    file = record(project)
    kept = remembered.remembered(file.parent)

    assert file.stat().st_mode & 0o777 == 0o600
    assert sorted(one.name for one in file.parent.iterdir()) == [parsed.FILE_NAME, FILE_NAME]
    assert len(kept) == PROVEN_MAX


def test_what_only_decides_has_no_examples_of_shipped_packs(project: Path) -> None:
    """They are left out of released packs alone, and the rules are the same but for them."""
    whole = load_project_rules(load_config(project), now_ms=0)
    lean = rules_of(project)

    assert set(lean.rules) == set(whole.rules)
    for name, rule in whole.rules.items():
        left = (lean.rules[name].must_match, lean.rules[name].must_not_match)
        assert left == ((rule.must_match, rule.must_not_match) if name == OWN else ((), ()))
        assert evolve(lean.rules[name], **examples_of(rule)) == rule
    assert lean.hash == whole.hash
    assert lean.contexts == whole.contexts


def examples_of(rule: Rule) -> dict[str, Any]:
    return {name: getattr(rule, name) for name in EXAMPLES}


def test_an_engine_opens_on_what_is_remembered(project: Path) -> None:
    """A second engine takes the rules as proven, and denies what the first one denied."""
    answers = []
    for number in range(2):
        with Engine.open(project) as engine:
            session = engine.session(f"s-{number}")
            reply = session.tool("shell", {"command": "rm -rf /"}, call_id="1")
            answers.append((reply.action, reply.message))
            assert is_proven(engine.law.rules) is bool(number)

    assert answers[0] == answers[1]
    assert answers[0][0] in ("deny", "halt", "ask")


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tool_calls())
def test_rules_compiled_by_need_decide_alike(project: Path, call: ToolCall) -> None:
    """Whatever the call, rules compiled by need say what rules compiled at once say."""
    eager = at_once(project)
    proven = rules_of(project)
    assert is_proven(proven)
    facts = facts_of_call(call, places_of(str(project)))
    event, history = RuleEvent("tool", facts, call), History(known=True)

    assert proven.decide(event, history) == eager.decide(event, history)


def test_a_rule_that_no_longer_compiles_denies(project: Path) -> None:
    """A proven rule that fails after all refuses every call that it is about, and no other."""
    rules_of(project)
    rules = rules_of(project)
    waiting = next(
        one
        for one in rules.by_event["tool"]
        if isinstance(one, WaitingRule)
        and one.rule.action == "deny"
        and one.rule.tools == ("shell",)
    )
    broken = waiting.rule.when
    assert isinstance(broken, dict)
    broken["command"] = {"regex": "("}
    call = ToolCall(tool="shell", own={"command": "ls"})
    facts = facts_of_call(call, places_of(str(project)))
    decision = rules.decide(RuleEvent("tool", facts, call), History(known=True))

    assert decision.action == "deny"
    assert [one.rule for one in decision.verdicts] == [waiting.rule.id]
    assert "governance check" in decision.verdicts[0].reason
