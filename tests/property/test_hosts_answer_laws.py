"""Whatever the engine replies, every host that reads a hook's output is told just that."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

from governance.hooking.answering import CUT, SILENCE, Answer, fitting
from governance.hooking.claude.answers import answer as claude_answer
from governance.hooking.payload import Payload
from governance.hosts.codex.answer import answer as codex_answer
from governance.hosts.gemini_cli.answer import answer as gemini_answer
from governance.hosts.opencode.answer import answer as opencode_answer
from governance.session.replies import ACTIONS, Injection, Reply


@frozen
class Said:
    """What an answer says: whether it stops, what is to run instead, and in which words."""

    stops: bool = False
    instead: Mapping[str, Any] | None = None
    words: str = ""


def _said_by_hooks(value: Mapping[str, Any]) -> Said:
    own = value.get("hookSpecificOutput", {})
    words = (
        value.get("reason") or own.get("permissionDecisionReason") or own.get("additionalContext")
    )
    stops = value.get("decision") in ("block", "deny") or own.get("permissionDecision") in (
        "deny",
        "ask",
    )
    return Said(stops, own.get("updatedInput") or own.get("tool_input"), words or "")


def _said_to_plugin(value: Mapping[str, Any]) -> Said:
    inject = value.get("inject") or {}
    words = value.get("message") or f"{inject.get('text', '')}\n{value.get('note', '')}"
    return Said(value["action"] == "deny", value.get("args"), words)


@frozen
class Host:
    """
    How a host is answered, how it reads that, and what it calls a tool and a prompt.

    Attributes:
        reports: It says itself when a text of the prompt's answer went out.
    """

    answer: Callable[[Payload, Sequence[Reply], int], Answer]
    reads: Callable[[Mapping[str, Any]], Said]
    tool: str
    prompt: str
    result: str
    reports: bool = False

    def said(self, event: str, *replies: Reply) -> tuple[Said, Answer]:
        made = self.answer(Payload(event, {}), replies, 0)
        return self.reads(json.loads(made.out)) if made.out else Said(), made


HOSTS = {
    "claude-code": Host(
        claude_answer, _said_by_hooks, "PreToolUse", "UserPromptSubmit", "PostToolUse"
    ),
    "codex": Host(codex_answer, _said_by_hooks, "PreToolUse", "UserPromptSubmit", "PostToolUse"),
    "gemini-cli": Host(gemini_answer, _said_by_hooks, "BeforeTool", "BeforeAgent", "AfterTool"),
    "opencode": Host(
        opencode_answer,
        _said_to_plugin,
        "tool.execute.before",
        "chat.message",
        "tool.execute.after",
        reports=True,
    ),
}
EACH_HOST = pytest.mark.parametrize("host", HOSTS.values(), ids=HOSTS)

BRIEFING = Injection("You are governed.", "ab" * 32, "briefing", ("role",), 3)
NOTHING_TO_SAY = Injection("", "", "briefing", (), 3)
CHANGED = {"command": "ls", "deep": {"n": 1}}


def replies(event: str) -> st.SearchStrategy[Reply]:
    return st.builds(
        Reply,
        event=st.just(event),
        action=st.sampled_from(ACTIONS),
        state=st.just("between-turn"),
        message=st.sampled_from(["", "Not so.", "You are governed. Not so."]),
        reasons=st.sampled_from([(), ("the session has ended",)]),
        rewritten=st.sampled_from([None, CHANGED]),
        injection=st.sampled_from([None, BRIEFING, NOTHING_TO_SAY]),
    )


def _lets_be(reply: Reply) -> bool:
    return reply.action in ("allow", "warn")


@EACH_HOST
@given(reply=replies("tool_before"))
def test_a_tool_runs_as_it_was_decided(host: Host, reply: Reply) -> None:
    """It runs, runs changed, or does not run; a change that names nothing is a refusal."""
    said, made = host.said(host.tool, reply)

    changed = reply.action == "rewrite" and reply.rewritten is not None
    assert said.stops == (not _lets_be(reply) and not changed)
    assert said.instead == (CHANGED if changed else None)
    assert made.told is None or BRIEFING.text in said.words
    if said.stops:
        assert (reply.message or "; ".join(reply.reasons) or "governance refuses") in said.words
        assert (BRIEFING.text in said.words) == (
            reply.injection is BRIEFING or BRIEFING.text in reply.message
        )
        assert said.words.count(BRIEFING.text) <= 1
        assert made.told == (BRIEFING if reply.injection is BRIEFING else None)


@EACH_HOST
@given(reply=replies("turn_start"))
def test_a_prompt_is_never_changed(host: Host, reply: Reply) -> None:
    """Nobody puts words in a user's mouth: what would have other words is refused, naming them."""
    said, made = host.said(host.prompt, reply)

    assert said.stops == (not _lets_be(reply))
    assert said.instead is None
    if _lets_be(reply):
        due = reply.injection is BRIEFING
        assert made.told == (BRIEFING if due and not host.reports else None)
        assert (BRIEFING.text in said.words) == (due or BRIEFING.text in reply.message)
        assert reply.message in said.words
    elif reply.action == "rewrite" and reply.rewritten is not None:
        assert json.dumps(CHANGED) in said.words
    else:
        assert (reply.message or "; ".join(reply.reasons) or "governance refuses") in said.words
    assert json.dumps(CHANGED) not in said.words or reply.action == "rewrite"


@pytest.mark.parametrize("host", [HOSTS["codex"], HOSTS["opencode"]], ids=["codex", "opencode"])
@given(several=st.lists(replies("tool_before"), min_size=2, max_size=3))
def test_a_patch_runs_whole_or_not_at_all(host: Host, several: list[Reply]) -> None:
    """One file that may not be changed stops the call, and no change is made to a part of it."""
    said, _ = host.said(host.tool, *several)

    assert said.stops == (not all(_lets_be(one) for one in several))
    assert said.instead is None
    if not said.stops:
        assert all(one.message in said.words for one in several)


@EACH_HOST
@given(reply=replies("tool_after"))
def test_an_output_that_is_withheld_is_not_shown(host: Host, reply: Reply) -> None:
    """What is allowed says at most a word; all else stands in place of the output."""
    made = host.answer(Payload(host.result, {}), (reply,), 0)
    if _lets_be(reply):
        said, _ = host.said(host.result, reply)
        assert not said.stops
        assert bool(made.out) >= bool(reply.message)
        return
    value = json.loads(made.out)
    output = reply.rewritten.get("output") if reply.rewritten is not None else None
    assert output is None
    assert value.get("decision") in ("block", "deny") or value.get("action") == "rewrite"
    words = value.get("reason") or value.get("output")
    assert (reply.message or "; ".join(reply.reasons) or "governance refuses") in words


ASKED = {
    "claude-code": {"PreToolUse", "UserPromptSubmit", "UserPromptExpansion"},
    "codex": {"PreToolUse", "UserPromptSubmit"},
    "gemini-cli": {"BeforeAgent", "BeforeTool"},
    "opencode": {"chat.message", "command.execute.before", "tool.execute.before"},
}
"""What each host waits for: where we fail, nothing of that may happen."""


@pytest.mark.parametrize("name", HOSTS)
@given(reason=st.text().filter(str.strip))
def test_what_fails_is_refused_as_the_engine_refuses(name: str, reason: str) -> None:
    """The shape that needs nothing else is, byte by byte, that of an ordinary refusal."""
    refusal = import_module(f"governance.hosts.{name.replace('-', '_')}.refusal")
    assert ASKED[name] == refusal.DECIDING
    for event in ASKED[name]:
        denied = Reply("tool_before", "deny", "between-turn", reason)

        made = HOSTS[name].answer(Payload(event, {}), (denied,), 0)

        assert refusal.deny_bytes(event, json.dumps(reason)) == made.out


@pytest.mark.parametrize("host", [HOSTS["codex"], HOSTS["opencode"]], ids=["codex", "opencode"])
@given(several=st.lists(replies("tool_after"), min_size=2, max_size=3))
def test_an_output_is_withheld_by_the_strictest(host: Host, several: list[Reply]) -> None:
    """Of several results the one that is refused decides; where none is, all have their say."""
    made = host.answer(Payload(host.result, {}), several, 0)
    said = json.loads(made.out) if made.out else {}

    held = said.get("decision") == "block" or said.get("action") == "rewrite"
    assert held == (not all(_lets_be(one) for one in several))
    if not held:
        assert all(one.message in made.out.decode() for one in several)


@EACH_HOST
@pytest.mark.parametrize("sign", ["a", "é", "€", "😀"])
@pytest.mark.parametrize("before", ["", "x", "xy", "xyz"])
def test_a_long_message_is_cut_between_two_signs(host: Host, sign: str, before: str) -> None:
    """Where a client shows only so much, what it gets is a beginning, marked as cut."""
    message = before + sign * 12_000

    said, _ = host.said(host.prompt, Reply("turn_start", "warn", "between-turn", message))

    kept = said.words.strip()
    assert message.startswith(kept.removesuffix(" […]"))
    assert kept.startswith(before + sign * 1000)


@EACH_HOST
def test_nothing_replied_and_nothing_known_is_silence(host: Host) -> None:
    """An event without a reply, or that has no answer, gets none."""
    for event in (host.tool, host.prompt, host.result, "SomethingNew"):
        assert host.answer(Payload(event, {}), (), 0) == SILENCE
    asked = Reply("tool_before", "deny", "between-turn", "Not so.")
    assert host.answer(Payload("SomethingNew", {}), (asked,), 0) == SILENCE


@given(st.text(max_size=60), st.integers(2 * len(CUT), 40))
def test_a_text_that_is_too_long_is_cut_and_says_so(text: str, units_max: int) -> None:
    """By the units that clients in JavaScript count; one that fits stays as it is."""
    made = fitting(text, units_max)

    size = len(text.encode("utf-16-le", "surrogatepass")) // 2
    assert len(made.encode("utf-16-le", "surrogatepass")) // 2 <= units_max
    assert (made == text) is (size <= units_max)
    assert made == text or (made.endswith(CUT) and text.startswith(made.removesuffix(CUT)))
