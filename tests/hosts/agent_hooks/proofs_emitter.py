"""What the real SDK's emitter does with our interceptor."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from agent_hooks import AgentContextBuilder, InterceptionBlocked, InterceptionEmitter, Verdict
from agent_hooks.approval import ApprovalOutcome, ApprovalRequest, ApprovalResolution
from attrs import define, field

from governance.engine import Engine
from governance.errors import StoreFull
from governance.hosts.agent_hooks import Governance
from governance.hosts.agent_hooks.profile import PROFILE
from governance.journal.memory import MemoryJournal
from governance.testing import FailingJournal
from governance.testing.engines import memory_engine
from governance.testing.host_contract import contract_law


class Person:
    """Says yes to whatever is asked."""

    def resolve(self, request: ApprovalRequest) -> ApprovalResolution:
        return ApprovalResolution(
            ApprovalOutcome.APPROVE, request.context_identity, Verdict.allow()
        )


@define
class Lab:
    """One session with the real emitter in front of an engine in memory."""

    engine: Engine
    journal: FailingJournal
    builder: Any = field(init=False)
    governance: Governance = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.builder = AgentContextBuilder(agent_id="a", framework="f", session_id="s1")
        self.governance = Governance(self.engine, tools={"sh": "shell"})

    def emit(self, *contexts: Any, resolver: Any = None) -> list[Any]:
        """The targets that the host is to use, after each of *contexts*."""
        emitter = InterceptionEmitter(resolver=resolver)
        emitter.register(self.governance)

        async def run() -> list[Any]:
            return [(await emitter.emit(one)).target for one in contexts]

        return asyncio.run(run())

    def begun(self) -> tuple[Any, ...]:
        """A session in which the model has answered once."""
        build = self.builder
        return (
            build.agent_startup(tools_registered=["sh"]),
            build.input(content="hello"),
            build.pre_model_call(model_id="m", messages=[{"role": "user", "content": "hello"}]),
            build.post_model_call(model_id="m", content="", tool_calls=[], finish_reason="stop"),
        )

    def call(self, command: str) -> Any:
        return self.builder.pre_tool_call(call_id="c1", name="sh", args={"command": command})


@pytest.fixture
def lab() -> Iterator[Lab]:
    journal = FailingJournal(MemoryJournal())
    with memory_engine(law=contract_law(PROFILE.tools), journal=journal) as engine:
        yield Lab(engine, journal)


def prove_briefing_stands_in_front_of_the_messages(lab: Lab) -> None:
    """The target of a model call is what was there, with our text before it."""
    sent = lab.emit(*lab.begun())[2]
    assert "TRIAL-BRIEFING" in sent[0]["content"]
    assert sent[1:] == [{"role": "user", "content": "hello"}]


def prove_denied_tool_blocks(lab: Lab) -> None:
    """The emitter raises, with rule and reason in the record."""
    with pytest.raises(InterceptionBlocked) as caught:
        lab.emit(*lab.begun(), lab.call("touch FORBIDDEN"))
    assert caught.value.result.verdict.reason == "trial:deny"
    assert "TRIAL-DENIED" in str(caught.value.result.verdict.message)


def prove_rewritten_tool_is_given_other_arguments(lab: Lab) -> None:
    """The target of the call is what the rule makes of it."""
    *_, args = lab.emit(*lab.begun(), lab.call("touch CLUMSY"))
    assert args == {"command": "touch REWRITTEN"}


def prove_asking_is_lifted_by_the_host_s_approval_alone(lab: Lab) -> None:
    """With a resolver that says yes the call goes on; without one it stays denied."""
    with pytest.raises(InterceptionBlocked):
        lab.emit(*lab.begun(), lab.call("touch QUESTION"))
    *_, args = lab.emit(lab.call("touch QUESTION"), resolver=Person())
    assert args == {"command": "touch QUESTION"}


def prove_no_store_means_no_tool(lab: Lab) -> None:
    """What cannot be journaled is not let through."""
    lab.emit(*lab.begun())
    lab.journal.fail("append", StoreFull("the disk is full"), times=9)
    with pytest.raises(InterceptionBlocked) as caught:
        lab.emit(lab.call("touch allowed"))
    assert "the disk is full" in str(caught.value.result.verdict.message)
