"""Replies become exactly the shapes that Codex heeds: one key more, and the tool runs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.hooking.answering import SILENCE, Answer
from governance.hooking.payload import Payload
from governance.hosts.codex.answer import answer, unbound
from governance.hosts.codex.capabilities import EVENTS, INJECT_BYTES_MAX
from governance.session.replies import ACTIONS, Injection, Reply

BRIEFING = Injection("You are governed.", "ab" * 32, "briefing", ("role",), 3)
SPECIFIC = {
    "PreToolUse": {
        "permissionDecision", "permissionDecisionReason", "updatedInput", "additionalContext",
    },
    "PostToolUse": {"additionalContext"},
    "UserPromptSubmit": {"additionalContext"},
    "SessionStart": {"additionalContext"},
    "SubagentStart": {"additionalContext"},
}  # fmt: skip
"""What the client's own schemas allow in the part of an event, of what we say."""


def reply(action: Any, message: str = "", **more: Any) -> Reply:
    return Reply(event="x", action=action, state="between-turn", message=message, **more)


def made(event: str, *replies: Reply) -> Answer:
    return answer(Payload(event, {}), replies)


def shown(one: Answer) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(one.out)
    return value


@pytest.mark.parametrize("event", EVENTS)
def test_allow_is_silence(event: str) -> None:
    """What is merely allowed is answered with nothing at all."""
    assert made(event, reply("allow")) == SILENCE
    assert answer(Payload(event, {}), []) == SILENCE


@given(event=st.sampled_from([*EVENTS]), action=st.sampled_from(ACTIONS), message=st.text())
def test_no_answer_has_a_key_too_many(event: str, action: str, message: str) -> None:
    """Every answer holds what the client's schema knows, and a deny always has a reason."""
    out = made(event, reply(action, message, rewritten={"command": "ls"}, injection=BRIEFING)).out
    if not out:
        return
    value = json.loads(out)
    if "decision" in value:
        assert value.keys() == {"decision", "reason"}
        assert value["decision"] == "block"
        assert value["reason"].strip()
        return
    assert value.keys() == {"hookSpecificOutput"}
    specific = value["hookSpecificOutput"]
    assert specific.pop("hookEventName") == event
    assert specific.keys() <= SPECIFIC[event]
    if specific.get("permissionDecision") == "deny":
        assert specific["permissionDecisionReason"].strip()
    else:
        assert ("permissionDecision" in specific) is ("updatedInput" in specific)


def test_deny_is_the_client_s_own_shape() -> None:
    """A denied tool is a deny with the event's name; an ask and a halt are the same."""
    for action in ("deny", "ask", "halt"):
        assert shown(made("PreToolUse", reply(action, "not this way"))) == {
            "hookSpecificOutput": {
                "hookEventName": "PreToolUse",
                "permissionDecision": "deny",
                "permissionDecisionReason": "not this way",
            }
        }


def test_rewrite_is_the_one_allow() -> None:
    """Other arguments are taken only beside an allow."""
    value = shown(made("PreToolUse", reply("rewrite", "safer", rewritten={"command": "ls"})))
    assert value["hookSpecificOutput"] == {
        "hookEventName": "PreToolUse",
        "permissionDecision": "allow",
        "updatedInput": {"command": "ls"},
        "additionalContext": "safer",
    }


def test_patch_gets_the_strictest_answer() -> None:
    """One file that is denied denies the whole patch; one that is rewritten does, too."""
    value = shown(made("PreToolUse", reply("allow"), reply("deny", "no"), reply("warn", "hm")))
    assert value["hookSpecificOutput"]["permissionDecisionReason"] == "no"
    value = shown(made("PreToolUse", reply("allow"), reply("rewrite", rewritten={"path": "x"})))
    assert value["hookSpecificOutput"]["permissionDecision"] == "deny"


def test_owed_briefing_is_the_deny_s_message() -> None:
    """A call before the briefing is denied with the briefing, which counts as told."""
    one = made("PreToolUse", reply("deny", "brief first", injection=BRIEFING))
    assert one.told is BRIEFING
    assert "You are governed." in one.out.decode()


@pytest.mark.parametrize("event", ["SessionStart", "SubagentStart", "UserPromptSubmit"])
def test_briefing_is_context(event: str) -> None:
    """A briefing stands in front of the message, as context."""
    one = made(event, reply("warn", "careful", injection=BRIEFING))
    assert one.told is BRIEFING
    text = shown(one)["hookSpecificOutput"]["additionalContext"]
    assert text == "You are governed.\n\ncareful"


def test_long_text_stays_within_what_the_client_shows() -> None:
    """A briefing that does not fit stays owed, a message is cut."""
    long = Injection("é" * INJECT_BYTES_MAX, "ab" * 32, "briefing", ("role",), 3)
    one = made("SessionStart", reply("allow", injection=long))
    assert (one.out, one.told, one.spilled) == (b"", None, True)
    value = shown(made("PostToolUse", reply("warn", "é" * INJECT_BYTES_MAX)))
    text = value["hookSpecificOutput"]["additionalContext"]
    assert len(text.encode()) <= INJECT_BYTES_MAX
    assert text.endswith("[…]")


def test_output_is_replaced() -> None:
    """A withheld or rewritten output is the reason of a block."""
    assert shown(made("PostToolUse", reply("deny", "withheld")))["reason"] == "withheld"
    rewritten = reply("rewrite", "m", rewritten={"output": "clean"})
    assert shown(made("PostToolUse", rewritten))["reason"] == "clean"


def test_other_words_are_named() -> None:
    """A prompt that should be another is refused, naming it."""
    value = shown(made("UserPromptSubmit", reply("rewrite", "so:", rewritten={"prompt": "x"})))
    assert value == {"decision": "block", "reason": 'so:\ninstead: {"prompt": "x"}'}


def test_unbound_is_decided_by_the_project() -> None:
    """Without a session the project's word holds; an ask is a deny here."""
    assert unbound("PreToolUse", "allow", "who?") == SILENCE
    for strictness in ("ask", "deny"):
        value = shown(unbound("PreToolUse", strictness, "who?"))
        assert value["hookSpecificOutput"]["permissionDecision"] == "deny"
        assert shown(unbound("UserPromptSubmit", strictness, "who?"))["decision"] == "block"
