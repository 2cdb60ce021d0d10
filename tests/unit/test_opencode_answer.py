"""Replies become the shape that OpenCode's plugin reads, and never a grant."""

from __future__ import annotations

import json
from typing import Any

import pytest

from governance.hooking.answering import SILENCE, Answer
from governance.hooking.payload import Payload
from governance.hosts.opencode.answer import answer, unbound
from governance.hosts.opencode.capabilities import EVENTS
from governance.hosts.opencode.refusal import DECIDING
from governance.session.replies import ACTIONS, Injection, Reply

BRIEFING = Injection("You are governed.", "ab" * 32, "briefing", ("role",), 3)


def reply(action: Any, message: str = "", **more: Any) -> Reply:
    event = more.pop("event", "tool_after")
    return Reply(event=event, action=action, state="between-turn", message=message, **more)


def made(event: str, *replies: Reply, decisive: int = 0, **values: Any) -> Answer:
    return answer(Payload(event, {"hook_event_name": event, **values}), replies, decisive)


def shown(event: str, *replies: Reply, **values: Any) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(made(event, *replies, **values).out)
    assert (value.pop("governance"), value.pop("event")) == (1, event)
    return value


@pytest.mark.parametrize("event", sorted(DECIDING))
@pytest.mark.parametrize("action", ACTIONS)
def test_only_what_may_happen_is_let_through(event: str, action: str) -> None:
    """Asked events are allowed by `allow` and `warn` alone; all else has a reason."""
    told = shown(event, reply(action, "because"))
    assert told["action"] == ("allow" if action in ("allow", "warn") else "deny")
    assert told["action"] == "allow" or told["message"] == "because"


@pytest.mark.parametrize("event", EVENTS)
def test_reported_events_have_no_say(event: str) -> None:
    """What has happened is answered with nothing, where there is nothing to do about it."""
    told = made(event, reply("allow"))
    if event in DECIDING or event == "experimental.session.compacting":
        assert json.loads(told.out)["action"] == "allow"
    else:
        assert told == SILENCE
    assert made(event) == SILENCE, "no command, no answer"


def test_prompt_carries_the_text_and_its_report() -> None:
    """The text goes out with what the plugin reports later; it is not reported at once."""
    told = shown("chat.message", reply("allow", injection=BRIEFING))
    assert told["inject"]["text"] == BRIEFING.text
    assert told["inject"]["told"] == {
        "sha256": "ab" * 32, "rendered_at": 3, "blocks": ["role"], "why": "briefing",
        "characters": 17,
    }  # fmt: skip
    assert made("chat.message", reply("allow", injection=BRIEFING)).told is None
    assert "inject" not in shown("chat.message", reply("deny", "no", injection=BRIEFING))


def test_denied_tool_carries_the_briefing() -> None:
    """A tool that is denied for want of a briefing has it as its message, flushed with it."""
    event, given = "tool.execute.before", reply("deny", "again", injection=BRIEFING)
    told = shown(event, given)
    assert told["message"] == "You are governed.\n\nagain"
    assert told["inject"] == {"text": BRIEFING.text}
    assert made(event, given).told == BRIEFING


def test_rewrite_names_the_arguments() -> None:
    """A rewritten call goes out whole, with what is to be said of it."""
    told = shown("tool.execute.before", reply("rewrite", "so", rewritten={"command": "ls"}))
    assert told == {"action": "rewrite", "args": {"command": "ls"}, "note": "so"}


@pytest.mark.parametrize("event", ["chat.message", "command.execute.before"])
def test_rewritten_prompts_and_commands_are_refused(event: str) -> None:
    """Other words than the user's are not put into their mouth: they are named."""
    told = shown(event, reply("rewrite", "not so", rewritten={"command": "other"}))
    assert told["action"] == "deny"
    assert told["message"] == 'not so\ninstead: {"command": "other"}'


def test_patch_gets_the_strictest_answer() -> None:
    """One denied file denies the patch; a rewritten one does, too, for there is one call."""
    event = "tool.execute.before"
    told = shown(event, reply("allow"), reply("deny", "locked"), reply("warn", "careful"))
    assert told == {"action": "deny", "message": "locked"}
    changed = reply("rewrite", "so", rewritten={"patchText": "x"})
    assert shown(event, reply("allow"), changed)["action"] == "deny"
    notes = shown(event, reply("warn", "a"), reply("warn", "a"), reply("warn", "b"))
    assert notes == {"action": "allow", "note": "a\nb"}


def test_report_before_the_tool_does_not_decide() -> None:
    """The reply to the report of a text is no leave for the tool that follows it."""
    event = "tool.execute.before"
    told = made(event, reply("allow", event="brief"), reply("deny", "no"), decisive=1)
    assert json.loads(told.out)["action"] == "deny"


def test_invalid_call_keeps_the_client_s_own_words() -> None:
    """A call that the client could not read is denied with what was wrong with it."""
    told = shown(
        "tool.execute.before",
        reply("deny", "not known"),
        input={"tool": "invalid"},
        output={"args": {"tool": "x", "error": "no such tool"}},
    )
    assert told["message"] == "not known\nno such tool"


def test_output_is_commented_withheld_and_changed() -> None:
    """A note is put below an output; a denied one is replaced, a rewritten one changed."""
    event = "tool.execute.after"
    assert shown(event, reply("warn", "look")) == {"action": "allow", "note": "look"}
    assert shown(event, reply("deny", "secret")) == {"action": "rewrite", "output": "secret"}
    changed = reply("rewrite", "cut", rewritten={"output": "[…]"})
    assert shown(event, changed) == {"action": "rewrite", "output": "[…]"}
    ended = reply("allow", "over", event="end")
    assert made(event, reply("allow"), ended) == SILENCE


def test_compaction_keeps_and_is_never_refused() -> None:
    """The text goes to the summary; a refusal that the client could not survive is none."""
    event = "experimental.session.compacting"
    assert shown(event, reply("allow", "keep")) == {"action": "allow", "context": "keep"}
    assert shown(event, reply("deny", "no")) == {"action": "allow"}


def test_compacted_session_gets_the_reminder() -> None:
    """What the model must be told after a compaction goes into its next request."""
    told = made("session.compacted", reply("allow"), reply("allow", injection=BRIEFING), decisive=1)
    assert json.loads(told.out)["inject"]["text"] == BRIEFING.text


@pytest.mark.parametrize(("strictness", "action"), [("allow", "allow"), ("ask", "deny"),
                                                    ("deny", "deny")])  # fmt: skip
def test_unbound_is_denied_unless_allowed(strictness: str, action: str) -> None:
    """Nobody can be asked, so that `ask` denies here."""
    told = json.loads(unbound("chat.message", strictness, "no session").out)
    assert told["action"] == action
