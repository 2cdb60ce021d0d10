"""What the hooks of the Claude Agent SDK are answered, on payloads of the client."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from attrs import define

from governance.engine import Engine
from governance.errors import MisuseError, StoreFull
from governance.hooking.payload import Payload
from governance.hosts.claude_agent_sdk import NAME
from governance.hosts.claude_agent_sdk.profile import TOOLS
from governance.hosts.claude_agent_sdk.seat import CALLS_MAX, Seat
from governance.journal.memory import MemoryJournal
from governance.session.law import HostSettings, Law
from governance.states import State
from governance.testing import FailingJournal
from governance.testing.engines import law_of, memory_engine, settings_with
from governance.testing.host_contract_pack import RULES, TOLD
from tests.slow_journal import SlowJournal

DENIED = "Denied: TRIAL-DENIED: this is forbidden here. [trial.deny]"


@cache
def _law(**host: Any) -> Law:
    settings = settings_with(hosts={NAME: HostSettings(**host)})
    return law_of(RULES + TOLD, settings=settings, tools=(TOOLS,))


@define
class Lab:
    """A seat, and the journal below it."""

    engine: Engine
    journal: FailingJournal
    seat: Seat

    def hook(self, event: str, **fields: Any) -> dict[str, Any]:
        given = {"session_id": "s", "cwd": "/project", "hook_event_name": event, **fields}
        return self.call(event, given)

    def call(self, event: str, given: Any) -> dict[str, Any]:
        async def called() -> dict[str, Any]:
            return await self.seat.hook_of(event)(given, None, None)

        return asyncio.run(called())

    def prompt(self, text: str = "hello", **fields: Any) -> dict[str, Any]:
        return self.hook("UserPromptSubmit", **{"prompt": text, "prompt_id": "p", **fields})

    def bash(self, command: str, call_id: str = "c", **fields: Any) -> dict[str, Any]:
        arguments = {"command": command}
        given = {"tool_name": "Bash", "tool_input": arguments, "tool_use_id": call_id}
        return self.hook("PreToolUse", **given, **fields)

    def kinds(self, session: str = "s") -> list[str]:
        return [row.kind for row in self.engine.journal.read(session)]


@pytest.fixture
def lab() -> Iterator[Lab]:
    journal = FailingJournal(MemoryJournal())
    with memory_engine(law=_law(), journal=journal) as engine:
        yield Lab(engine, journal, Seat(engine, None, ""))


def _decision(answer: dict[str, Any]) -> str:
    return str(answer.get("hookSpecificOutput", {}).get("permissionDecision", ""))


def test_allow_is_silence_and_deny_is_the_clients_shape(lab: Lab) -> None:
    """Nothing is granted; a denial has the fields that the client reads, and no others."""
    lab.prompt()

    assert lab.bash("ls") == {}
    assert lab.bash("touch FORBIDDEN", "d") == {
        "hookSpecificOutput": {
            "hookEventName": "PreToolUse",
            "permissionDecision": "deny",
            "permissionDecisionReason": DENIED,
        }
    }
    assert lab.prompt("UNSPEAKABLE", prompt_id="q")["decision"] == "block"


def test_what_cannot_be_decided_is_denied_where_leave_is_asked(lab: Lab) -> None:
    """A store that fails, a payload that says nothing, and no session: a denial, no exception."""
    lab.prompt()
    lab.bash("ls")
    lab.journal.fail("append", StoreFull("the disk is full"))

    assert _decision(lab.bash("pwd", "d")) == "deny"
    assert _decision(lab.hook("PreToolUse")) == "deny"
    assert _decision(lab.bash("ls", "e", session_id="")) == "deny"
    assert lab.hook("UserPromptSubmit", session_id="../s")["decision"] == "block"


def test_calls_without_a_session_get_what_the_project_says() -> None:
    """``unbound`` is heeded in process as it is elsewhere."""
    with memory_engine(law=_law(unbound="ask")) as engine:
        lab = Lab(engine, FailingJournal(MemoryJournal()), Seat(engine, None, ""))

        assert _decision(lab.bash("ls", session_id="")) == "ask"


def test_observer_that_fails_says_nothing_and_is_not_forgotten(lab: Lab) -> None:
    """What has happened has happened; whoever closes the client is told that it was lost."""
    lab.prompt()
    lab.engine.close()

    assert lab.hook("Stop") == {}
    with pytest.raises(MisuseError, match="closed"):
        lab.seat.close()
    lab.seat.close()


def test_text_counts_as_told_when_something_comes_after_it(lab: Lab) -> None:
    """The briefing is recorded by the next event, and never where there is none."""
    lab.prompt()
    assert "governance.injected" not in lab.kinds()

    lab.hook("Stop")
    assert lab.kinds().count("governance.injected") == 1

    other = Lab(lab.engine, lab.journal, Seat(lab.engine, None, ""))
    other.prompt(session_id="t")
    other.seat.close()
    assert "governance.injected" not in other.kinds("t")
    assert not lab.engine.state("t").governance_injected


def test_answer_that_comes_too_late_is_a_denial_and_tells_nothing() -> None:
    """The prompt is blocked, and what would have been told stays owed."""

    slow = SlowJournal()
    with memory_engine(law=_law(deadline_ms=50), journal=slow) as engine:
        lab = Lab(engine, FailingJournal(slow), Seat(engine, None, ""))
        slow.seconds = 0.2
        said = lab.prompt()
        slow.seconds = 0.0
        # The thread that was given up on goes on, and nobody waits for it.
        while engine.state("s").registers.turn == 0:
            time.sleep(0.01)

        assert "in time" in said["reason"]
        lab.hook("Stop")
        assert "governance.injected" not in lab.kinds()


def test_sessions_begin_and_end_with_their_client(lab: Lab) -> None:
    """New, resumed, and ended once: also by a second close."""
    lab.prompt()
    lab.seat.close()
    lab.seat.close()
    assert lab.kinds().count("session.ended") == 1

    again = Lab(lab.engine, lab.journal, Seat(lab.engine, None, ""))
    again.prompt(prompt_id="q")
    assert lab.kinds().count("session.resumed") == 1
    assert lab.kinds().count("session.created") == 1


def test_clear_and_fork_continue_the_session_before(lab: Lab) -> None:
    """A new id is linked to the one that it comes from, which a clear ends."""
    lab.prompt()
    lab.hook("SessionStart", session_id="t", source="clear", prompt_id="p")
    assert lab.engine.state("s").state is State.ENDED
    assert lab.engine.state("t").identity.predecessor == "s"

    fork = Lab(lab.engine, lab.journal, Seat(lab.engine, "builder", "t"))
    fork.prompt(session_id="u", prompt_id="q")
    assert lab.engine.state("u").identity.predecessor == "t"
    assert lab.engine.state("u").identity.role == "builder"


def test_unknown_events_and_agents_of_the_client_are_silence(lab: Lab) -> None:
    """The client's own compaction agent is nobody's child."""
    assert lab.hook("Notification", message="hello") == {}
    assert lab.hook("SubagentStop", agent_id="a", agent_type="") == {}


def test_calls_are_remembered_within_bounds(lab: Lab) -> None:
    """The newest ones are, so that a person's answer finds its call."""
    lab.prompt()
    for number in range(CALLS_MAX + 1):
        lab.seat._remember(Payload("PreToolUse", {"tool_use_id": f"c{number}"}))
    assert not lab.seat.was_asked("c0")
    assert lab.seat.was_asked(f"c{CALLS_MAX}")


@pytest.mark.parametrize(
    "given",
    [None, [], "x", 7, {}, {"hook_event_name": None}, {"hook_event_name": "PostToolUse"},
     {"hook_event_name": "PreToolUse", "session_id": "s", "tool_input": object()}],
)  # fmt: skip
def test_what_is_no_payload_of_the_event_is_denied(lab: Lab, given: Any) -> None:
    """The hook knows what it is called for, whatever it is given: a denial, and no exception."""
    lab.prompt()
    lab.bash("ls")

    assert _decision(lab.call("PreToolUse", given)) == "deny"
    assert lab.call("UserPromptSubmit", given)["decision"] == "block"
    assert lab.call("PostToolUse", {"hook_event_name": "PreToolUse"}) == {}
