"""Rewrites: what each change makes of a fact, how they join, and the way back to the host."""

from __future__ import annotations

import pytest

from governance.calls import ToolCall
from governance.errors import Problem
from governance.rules.deciding import Decision, History, RuleEvent, compile_rules
from governance.rules.facts import facts_of_call
from governance.rules.format import Change, Pack, Rule
from governance.rules.paths import PLAIN_PLACES
from governance.rules.rewriting import can_rewrite, rewrite_call
from governance.rules.vocabulary import (
    PYTHON_TOOLS,
    HostTools,
    ToolMap,
    call_of,
    default_vocabulary,
)
from governance.values import Json

HOST = HostTools(
    "h",
    {
        "Bash": ToolMap("shell", {"command": "cmd"}, {"cmd": "str", "timeout": "int"}),
        "MultiEdit": ToolMap("edit", {"path": "file", "content": "edits[].new"}),
    },
)
VOCABULARY = default_vocabulary(HOST)


def decide(changes: list[dict[str, Change]], event: RuleEvent) -> Decision:
    rules = tuple(
        Rule(
            id=f"p.r{n}", pack="p", layer="user", position=n, on=event.on, action="rewrite",
            rewrite=change,
        )
        for n, change in enumerate(changes)
    )  # fmt: skip
    pack = Pack(name="p", version="1", summary="", layer="user", file="p", hash="h", rules=rules)
    return compile_rules([pack], VOCABULARY).decide(event, History(known=True))


def call_event(call: ToolCall) -> RuleEvent:
    return RuleEvent("tool", facts_of_call(call, PLAIN_PLACES), call)


def shell(command: str) -> RuleEvent:
    return call_event(call_of(PYTHON_TOOLS, "shell", {"command": command}))


def model(**options: Json) -> RuleEvent:
    return RuleEvent("session", {f"model_options.{name}": one for name, one in options.items()})


@pytest.mark.parametrize(
    ("change", "options", "wanted"),
    [
        (Change(value=0.2), {"temperature": 0.7}, {"model_options.temperature": 0.2}),
        (Change(value=0.2), {"temperature": 0.2}, {}),
        (Change(value=0.2), {}, {"model_options.temperature": 0.2}),
        (Change(maximum=0.3), {"temperature": 0.7}, {"model_options.temperature": 0.3}),
        (Change(maximum=0.3), {"temperature": 0.1}, {}),
        (Change(maximum=0.3), {}, {}),
        (Change(minimum=0.5), {"temperature": 0.1}, {"model_options.temperature": 0.5}),
        (Change(default=0.9, maximum=0.3), {}, {"model_options.temperature": 0.3}),
        (Change(default=0.9), {"temperature": 0.1}, {}),
        (Change(remove=True), {"temperature": 0.1}, {"model_options.temperature": None}),
        (Change(remove=True), {}, {}),
    ],
)
def test_changes_of_numbers(
    change: Change, options: dict[str, Json], wanted: dict[str, Json]
) -> None:
    """Values, bounds, defaults and removal; a change with nothing to do is no rewrite."""
    decision = decide([{"model_options.temperature": change}], model(**options))

    assert dict(decision.rewrites) == wanted
    assert decision.action == ("rewrite" if wanted else "allow")


@pytest.mark.parametrize(
    ("command", "wanted"),
    [
        ("git push", "git push --dry-run -v"),
        ("git push -v", "git push -v --dry-run"),
        ("git commit -m 'a; b'", "git commit -m 'a; b' --dry-run -v"),
        ("git push > log", "git push > log --dry-run -v"),
        ("git push --dry-run -v", None),
    ],
)
def test_flags_are_added_to_a_simple_command(command: str, wanted: str | None) -> None:
    """A simple command gets the flags that it has not."""
    decision = decide([{"command": Change(add_flags=("--dry-run", "-v"))}], shell(command))

    assert decision.rewrites.get("command") == wanted


@pytest.mark.parametrize(
    "command",
    [
        "a; b",
        "a && b",
        "a | b",
        "a $(b)",
        "a `b`",
        "a\nb",
        "a # b",
        "a 'b",
        "a -- b",
        "(a)",
        "a&",
        "",
    ],
)
def test_flags_that_cannot_be_placed_deny(command: str) -> None:
    """Where it cannot be told where a flag belongs, the call is denied with the reason."""
    decision = decide([{"command": Change(add_flags=("-n",))}], shell(command))

    assert decision.action == "deny"
    assert "one simple command" in decision.message
    assert dict(decision.rewrites) == {}


def test_redaction() -> None:
    """Hits of a shipped set or of a pattern are replaced, and once is enough."""
    event = call_event(
        call_of(PYTHON_TOOLS, "write", {"path": "a", "content": "mail a@b.org key-12 now"})
    )
    by_set = decide([{"content": Change(redact="email")}], event)
    by_pattern = decide([{"content": Change(redact_regex="key-[0-9]+", replacement="K")}], event)
    done = call_event(rewrite_call(event.call or ToolCall("write"), by_set.rewrites))

    assert by_set.rewrites["content"] == "mail [redacted] key-12 now"
    assert by_pattern.rewrites["content"] == "mail a@b.org K now"
    assert decide([{"content": Change(redact="email")}], done).action == "allow"


def test_values_with_placeholders() -> None:
    """A new value may name facts; one that is missing denies."""
    change = {"command": Change(value="plan:{arguments.0}")}
    given = RuleEvent("command", {"command": "execute", "arguments": ["7"]})
    bare = RuleEvent("command", {"command": "execute", "arguments": []})

    assert decide([change], given).rewrites == {"command": "plan:7"}
    assert decide([change], bare).action == "deny"


def test_changes_of_different_facts_join() -> None:
    """Several rules may change several facts."""
    decision = decide(
        [{"model_options.seed": Change(value=1)}, {"model_options.top_k": Change(value=2)}],
        model(),
    )

    assert dict(decision.rewrites) == {"model_options.seed": 1, "model_options.top_k": 2}


def test_two_values_for_one_fact_deny() -> None:
    """Two rules that want different values deny; two that agree do not."""
    one, two = {"model_options.seed": Change(value=1)}, {"model_options.seed": Change(value=2)}

    conflict = decide([one, two], model())

    assert conflict.action == "deny"
    assert "`p.r0` and `p.r1`" in conflict.message
    assert dict(conflict.rewrites) == {}
    assert decide([one, one], model()).action == "rewrite"


def test_rewritten_calls_speak_the_hosts_names() -> None:
    """A new fact goes back into the native argument that it came from."""
    call = call_of(HOST, "Bash", {"cmd": "ls", "timeout": 5})

    made = rewrite_call(call, {"command": "ls -l", "args.timeout": None})

    assert dict(made.args) == {"cmd": "ls -l"}
    assert made.own["command"] == "ls -l"
    assert rewrite_call(call, {"args.cmd": "pwd"}).own["command"] == "pwd"
    assert call.args["cmd"] == "ls"


def test_what_cannot_be_turned_back_denies() -> None:
    """A fact without one native argument cannot be rewritten, and denies."""
    call = call_of(HOST, "MultiEdit", {"file": "a", "edits": [{"new": "a@b.org"}]})

    decision = decide([{"content": Change(redact="email")}], call_event(call))

    assert not can_rewrite(call, "content")
    assert can_rewrite(call, "path")
    assert decision.action == "deny"
    assert "cannot be changed" in decision.message


def test_several_paths_are_not_rewritten() -> None:
    """A path of a call that names several cannot be changed as one."""
    call = call_of(PYTHON_TOOLS, "edit", {"path": ["a", "b"], "content": "x"})

    decision = decide([{"path": Change(value="/project/c")}], call_event(call))

    assert decision.action == "deny"


def test_patterns_are_checked_when_built() -> None:
    """A redaction that RE2 refuses is a problem of the pack."""
    problems: list[Problem] = []
    one = Rule(
        id="p.r", pack="p", layer="user", position=0, action="rewrite", tools=("write",),
        rewrite={"content": Change(redact_regex="(?=x)")},
    )  # fmt: skip
    pack = Pack(name="p", version="1", summary="", layer="user", file="p", hash="h", rules=(one,))

    compile_rules([pack], VOCABULARY, report=lambda file, problem: problems.append(problem))

    assert [(one.code, one.path) for one in problems] == [
        ("GOV227", ("rule", 0, "rewrite", "content", "redact"))
    ]


def test_a_change_that_differs_by_path_denies() -> None:
    """A new value that would be another for each path of one call denies."""
    call = call_of(PYTHON_TOOLS, "edit", {"path": ["a", "b"], "content": "x"})

    same = decide([{"content": Change(value="y")}], call_event(call))
    other = decide([{"content": Change(value="{path}")}], call_event(call))

    assert (same.action, dict(same.rewrites)) == ("rewrite", {"content": "y"})
    assert other.action == "deny"


@pytest.mark.parametrize(
    ("change", "value"),
    [
        (Change(maximum=1), "hot"),
        (Change(maximum=1), True),
        (Change(redact="email"), 5),
        (Change(add_flags=("-x",)), 5),
    ],
)
def test_values_that_no_change_fits_deny(change: Change, value: Json) -> None:
    """A change of a value of another type cannot be made, and denies."""
    decision = decide([{"model_options.temperature": change}], model(temperature=value))

    assert decision.action == "deny"
    assert "cannot be changed" in decision.message


def test_unknown_values_are_not_changed() -> None:
    """What is unknown cannot be bounded or redacted, and denies."""
    event = call_event(call_of(PYTHON_TOOLS, "write", {"path": "a", "content": 5}))

    assert decide([{"content": Change(redact="email")}], event).action == "deny"


def test_rewrites_with_nothing_to_do_do_not_fire() -> None:
    """A rewriting rule fires where it would change something, and only there."""
    one = Rule(
        id="p.r", pack="p", layer="user", position=0, on="session", action="rewrite",
        rewrite={"model_options.temperature": Change(maximum=0.3)},
    )  # fmt: skip
    pack = Pack(name="p", version="1", summary="", layer="user", file="p", hash="h", rules=(one,))
    rules = compile_rules([pack], VOCABULARY)

    assert rules.fires(one, model(temperature=0.7)) is True
    assert rules.fires(one, model(temperature=0.2)) is False
    assert rules.fires(one, shell("ls")) is False
