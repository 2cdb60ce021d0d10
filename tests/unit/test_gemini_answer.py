"""Replies become exactly the shapes that Gemini CLI heeds."""

from __future__ import annotations

import json
from typing import Any

import pytest

from governance.hooking.answering import SILENCE, Answer
from governance.hooking.payload import Payload
from governance.hosts.gemini_cli.answer import answer, unbound
from governance.hosts.gemini_cli.capabilities import EVENTS
from governance.session.replies import ACTIONS, Injection, Reply

BRIEFING = Injection("You are governed.", "ab" * 32, "briefing", ("role",), 3)


def reply(action: Any, message: str = "", **more: Any) -> Reply:
    return Reply(event="x", action=action, state="between-turn", message=message, **more)


def made(event: str, one: Reply) -> Answer:
    return answer(Payload(event, {}), [one])


def shown(one: Answer) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(one.out)
    return value


@pytest.mark.parametrize("event", EVENTS)
def test_allow_is_silence(event: str) -> None:
    """What is merely allowed is answered with nothing at all."""
    assert made(event, reply("allow")) == SILENCE
    assert answer(Payload(event, {}), []) == SILENCE


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("action", ACTIONS)
def test_nothing_ever_grants(event: str, action: str) -> None:
    """No answer holds a word that the client takes for leave, or that another client reads."""
    out = made(event, reply(action, "m", rewritten={"command": "ls"}, injection=BRIEFING)).out
    for word in (b'"allow"', b'"approve"', b'"ask"', b"permissionDecision", b'"block"'):
        assert word not in out


@pytest.mark.parametrize("event", ["BeforeTool", "BeforeAgent", "AfterTool"])
@pytest.mark.parametrize("action", ["deny", "ask", "halt"])
def test_deny_stands_at_the_top(event: str, action: str) -> None:
    """A deny has the client's own words; an ask and a halt are the same."""
    assert shown(made(event, reply(action, "not so"))) == {"decision": "deny", "reason": "not so"}
    assert shown(made(event, reply(action)))["reason"]


def test_rewrite_carries_no_decision() -> None:
    """Rewritten arguments go alone: the client's policies judge the call that will run."""
    value = shown(made("BeforeTool", reply("rewrite", "safer", rewritten={"command": "ls"})))
    assert value == {
        "hookSpecificOutput": {"hookEventName": "BeforeTool", "tool_input": {"command": "ls"}}
    }


@pytest.mark.parametrize("event", ["BeforeAgent", "AfterTool"])
def test_briefing_is_context(event: str) -> None:
    """A briefing stands in front of the message, as context."""
    one = made(event, reply("warn", "careful", injection=BRIEFING))
    assert one.told is BRIEFING
    assert shown(one)["hookSpecificOutput"] == {
        "hookEventName": event,
        "additionalContext": "You are governed.\n\ncareful",
    }


def test_nothing_is_said_at_the_start() -> None:
    """What is said at the start costs a resumed session its first prompt: it stays owed."""
    assert made("SessionStart", reply("warn", "careful", injection=BRIEFING)) == SILENCE


def test_owed_briefing_is_the_deny_s_message() -> None:
    """Before a tool only a deny has a place for the briefing; without one it stays owed."""
    one = made("BeforeTool", reply("deny", "brief first", injection=BRIEFING))
    assert one.told is BRIEFING
    assert shown(one)["reason"] == "You are governed.\n\nbrief first"
    assert made("BeforeTool", reply("warn", "careful", injection=BRIEFING)) == SILENCE


def test_output_is_replaced() -> None:
    """A withheld or rewritten output is the reason of a deny."""
    assert shown(made("AfterTool", reply("deny", "withheld")))["reason"] == "withheld"
    rewritten = reply("rewrite", "m", rewritten={"output": "clean"})
    assert shown(made("AfterTool", rewritten))["reason"] == "clean"


def test_other_words_are_named() -> None:
    """A prompt that should be another is refused, naming it."""
    value = shown(made("BeforeAgent", reply("rewrite", "so:", rewritten={"prompt": "x"})))
    assert value == {"decision": "deny", "reason": 'so:\ninstead: {"prompt": "x"}'}


def test_unbound_is_decided_by_the_project() -> None:
    """Without a session the project's word holds; an ask is a deny here."""
    assert unbound("BeforeTool", "allow", "who?") == SILENCE
    for strictness in ("ask", "deny"):
        assert shown(unbound("BeforeTool", strictness, "who?"))["decision"] == "deny"
