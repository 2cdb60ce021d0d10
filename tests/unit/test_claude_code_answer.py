"""Replies become exactly the shapes that Claude Code heeds, and never a grant."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.hooking.answering import SILENCE, Answer, units
from governance.hooking.claude.answers import INJECT_UNITS_MAX, answer
from governance.hooking.payload import Payload
from governance.session.replies import ACTIONS, Injection, Reply

CAPTURES = Path(__file__).parent.parent / "captures" / "claude-code"
BRIEFING = Injection("You are governed.", "ab" * 32, "briefing", ("role",), 3)


def captured(name: str) -> Payload:
    values = json.loads((CAPTURES / f"{name}.json").read_text())["stdin"]
    return Payload(values["hook_event_name"], values)


def reply(action: Any, message: str = "", **more: Any) -> Reply:
    return Reply(event="x", action=action, state=more.pop("state", "between-turn"),
                 message=message, **more)  # fmt: skip


def shown(made: Answer) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(made.out)
    return value


def specific(made: Answer) -> dict[str, Any]:
    value: dict[str, Any] = shown(made)["hookSpecificOutput"]
    return value


FIRST = [
    "SessionStart.startup", "UserPromptSubmit", "UserPromptExpansion", "PreToolUse.Bash",
    "PostToolUse.Bash", "PostToolUseFailure.Bash", "PostToolBatch", "Stop", "StopFailure",
    "SubagentStart", "SubagentStop", "PreCompact.auto", "PostCompact.auto", "SessionEnd.other",
]  # fmt: skip


@pytest.mark.parametrize("name", FIRST)
def test_allow_is_silence(name: str) -> None:
    """What is merely allowed is answered with nothing at all."""
    assert answer(captured(name), [reply("allow")]) == SILENCE


def test_no_reply_is_silence() -> None:
    """A payload that became no command is answered with nothing."""
    assert answer(captured("SubagentStop"), []) == SILENCE


@pytest.mark.parametrize("name", FIRST)
@pytest.mark.parametrize("action", ACTIONS)
def test_nothing_ever_grants(name: str, action: str) -> None:
    """No answer to any event holds a word that the client takes for leave."""
    made = answer(
        captured(name),
        [reply(action, "m", rewritten={"command": "ls"}, injection=BRIEFING)],
    )
    assert b'"allow"' not in made.out
    assert b'"approve"' not in made.out


def test_deny_is_the_client_s_own_shape() -> None:
    """A denied tool is a deny with the event's name, for without it the tool runs."""
    made = answer(captured("PreToolUse.Bash"), [reply("deny", "not this way")])
    assert shown(made) == {
        "hookSpecificOutput": {
            "hookEventName": "PreToolUse",
            "permissionDecision": "deny",
            "permissionDecisionReason": "not this way",
        }
    }


def test_halt_denies_and_does_not_let_the_tool_run() -> None:
    """`continue: false` beside a tool lets it run, so a halt is a deny there."""
    made = answer(captured("PreToolUse.Bash"), [reply("halt", "stop")])
    assert specific(made)["permissionDecision"] == "deny"
    assert "continue" not in shown(made)


def test_deny_without_message_gives_the_reasons() -> None:
    """The model always reads why."""
    made = answer(captured("PreToolUse.Bash"), [reply("deny", reasons=("a", "b"))])
    assert specific(made)["permissionDecisionReason"] == "a; b"
    bare = answer(captured("PreToolUse.Bash"), [reply("deny")])
    assert specific(bare)["permissionDecisionReason"]


def test_owed_briefing_is_the_deny_s_message() -> None:
    """A call before the briefing is denied with the briefing, which counts as told."""
    made = answer(captured("PreToolUse.Bash"), [reply("deny", "brief first", injection=BRIEFING)])
    assert specific(made)["permissionDecisionReason"] == "You are governed.\n\nbrief first"
    assert made.told is BRIEFING


def test_briefing_in_the_message_is_not_said_twice() -> None:
    """Where the message already holds the briefing it stands once."""
    made = answer(
        captured("PreToolUse.Bash"),
        [reply("deny", "You are governed. Ask again.", injection=BRIEFING)],
    )
    assert specific(made)["permissionDecisionReason"].count("You are governed.") == 1


def test_ask_asks() -> None:
    """An ask is handed to the person whom the client asks."""
    made = answer(captured("PreToolUse.Bash"), [reply("ask", "really?")])
    assert specific(made)["permissionDecision"] == "ask"
    assert specific(made)["permissionDecisionReason"] == "really?"


def test_rewrite_carries_no_decision() -> None:
    """Rewritten arguments go alone: the user's own settings judge the rewritten call."""
    made = answer(
        captured("PreToolUse.Bash"), [reply("rewrite", "safer", rewritten={"command": "ls"})]
    )
    assert specific(made) == {
        "hookEventName": "PreToolUse",
        "updatedInput": {"command": "ls"},
        "additionalContext": "safer",
    }


def test_rewrite_without_arguments_denies() -> None:
    """A rewrite that lost its arguments lets nothing through."""
    made = answer(captured("PreToolUse.Bash"), [reply("rewrite", "x")])
    assert specific(made)["permissionDecision"] == "deny"


def test_warning_reaches_the_model_without_a_decision() -> None:
    """A warning is context beside the call and leaves leave to the client."""
    made = answer(captured("PreToolUse.Bash"), [reply("warn", "careful")])
    assert specific(made) == {"hookEventName": "PreToolUse", "additionalContext": "careful"}


@pytest.mark.parametrize("name", ["UserPromptSubmit", "UserPromptExpansion"])
@pytest.mark.parametrize("action", ["deny", "ask", "halt"])
def test_refused_prompt_is_blocked(name: str, action: str) -> None:
    """A refused prompt or command is blocked with its reason."""
    made = answer(captured(name), [reply(action, "not now")])
    assert shown(made) == {"decision": "block", "reason": "not now"}


def test_command_rewrite_is_refused_with_the_other_command() -> None:
    """The client cannot run another command instead: it is refused and named."""
    made = answer(
        captured("UserPromptExpansion"),
        [reply("rewrite", "no plan yet", rewritten={"command": "plan:phase 1"})],
    )
    assert shown(made)["decision"] == "block"
    assert "plan:phase 1" in shown(made)["reason"]


@pytest.mark.parametrize("name", ["SessionStart.startup", "UserPromptSubmit", "SubagentStart"])
def test_briefing_is_injected_and_told(name: str) -> None:
    """A briefing goes into the context under the event's own name, and counts as told."""
    payload = captured(name)
    made = answer(payload, [reply("allow", injection=BRIEFING)])
    assert specific(made) == {
        "hookEventName": payload.event,
        "additionalContext": "You are governed.",
    }
    assert made.told is BRIEFING


def test_blocked_prompt_briefs_nobody() -> None:
    """A briefing beside a refusal of the prompt never reaches the model."""
    made = answer(captured("UserPromptSubmit"), [reply("deny", "no", injection=BRIEFING)])
    assert made.told is None


def test_decisive_reply_is_the_one_that_answers() -> None:
    """Of several replies only the decisive one makes the answer."""
    made = answer(
        captured("SubagentStart"),
        [reply("deny", "parent's"), reply("allow", injection=BRIEFING)],
        1,
    )
    assert specific(made)["additionalContext"] == "You are governed."


def test_too_long_a_briefing_is_left_owed() -> None:
    """The client would put it into a file unread, so it is not sent and not told."""
    long = Injection("😀" * 6000, "cd" * 32, "briefing", (), 1)
    made = answer(captured("SessionStart.startup"), [reply("allow", injection=long)])
    assert (made.out, made.told, made.spilled) == (b"", None, True)
    denied = answer(captured("PreToolUse.Bash"), [reply("deny", "later", injection=long)])
    assert denied.told is long


def test_message_makes_room_for_the_briefing() -> None:
    """Where both do not fit the briefing goes and the message stays behind."""
    long = Injection("x" * INJECT_UNITS_MAX, "cd" * 32, "briefing", (), 1)
    made = answer(captured("UserPromptSubmit"), [reply("warn", "note", injection=long)])
    assert specific(made)["additionalContext"] == long.text
    assert made.told is long


@given(st.text(max_size=40), st.integers(0, 400))
def test_context_never_exceeds_the_limit(text: str, times: int) -> None:
    """Whatever is said, no context is longer than what the client passes on."""
    message = text * times
    made = answer(captured("PostToolUse.Bash"), [reply("warn", message)])
    if made.out:
        assert units(specific(made)["additionalContext"]) <= INJECT_UNITS_MAX


@given(st.text())
def test_answers_are_ascii_json(message: str) -> None:
    """Any message makes an answer that every JSON reader takes."""
    made = answer(captured("PreToolUse.Bash"), [reply("deny", message or "x")])
    assert made.out.isascii()
    assert specific(made)["permissionDecisionReason"] == (message or "x")


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("PostToolUse.Bash", ("updatedToolOutput", "stdout")),
        ("PostToolUse.Read", ("updatedToolOutput", "file", "content")),
        ("PostToolUse.mcp__demo__echo", ("updatedMCPToolOutput", 0, "text")),
    ],
)
def test_withheld_output_keeps_the_tool_s_shape(name: str, where: tuple[Any, ...]) -> None:
    """A withheld result is replaced in the tool's own shape; another would be dropped."""
    payload = captured(name)
    made = specific(answer(payload, [reply("deny", "withheld")]))
    value: Any = made
    for step in where:
        value = value[step]
    assert value == "withheld"
    new, old = made[where[0]], payload.values["tool_response"]
    if isinstance(old, dict):
        assert new.keys() == old.keys()
    if "file" in where:
        told = {"content": "withheld", "numLines": 1, "startLine": 1, "totalLines": 1}
        assert new["file"] == old["file"] | told


def test_output_that_cannot_be_replaced_is_commented() -> None:
    """Where no shape is known the model is at least told."""
    made = answer(captured("PostToolUse.Write"), [reply("deny", "withheld")])
    assert shown(made) == {"decision": "block", "reason": "withheld"}


def test_halted_session_stops_after_the_batch() -> None:
    """When the tools of an answer are over a halted session's turn is stopped."""
    made = answer(captured("PostToolBatch"), [reply("allow", halted="three serious violations")])
    assert shown(made)["continue"] is False
    assert "three serious violations" in shown(made)["stopReason"]


def test_compaction_gets_plain_text() -> None:
    """What the summary should keep is plain text, not JSON."""
    made = answer(captured("PreCompact.manual"), [reply("allow", "keep: ünïcode")])
    assert made.out.decode() == "keep: ünïcode"
    refused = answer(captured("PreCompact.manual"), [reply("deny", "not yet")])
    assert shown(refused) == {"decision": "block", "reason": "not yet"}


@pytest.mark.parametrize("name", ["Stop", "StopFailure", "PostCompact.auto", "SessionEnd.other"])
@pytest.mark.parametrize("action", ACTIONS)
def test_observers_are_always_silent(name: str, action: str) -> None:
    """An answer to Stop would go on with the turn, endlessly: there is none."""
    assert answer(captured(name), [reply(action, "m", injection=BRIEFING)]) == SILENCE
