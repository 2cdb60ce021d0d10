"""What the real LangChain does with an agent that is governed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from attrs import define, field
from langchain.agents import create_agent
from langchain.agents.middleware import wrap_tool_call
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command, interrupt
from pydantic import PrivateAttr

from governance.engine import Engine
from governance.errors import MisuseError, StoreFull
from governance.formats import body_of
from governance.hosts.langchain import middleware, start
from governance.journal.memory import MemoryJournal
from governance.rules.host_tools import ToolMap
from governance.session.usage import Usage
from governance.testing import FailingJournal
from governance.testing.engines import memory_engine
from governance.tools import TurnRefused
from tests.tool_pack import told_law

TOOLS = {"sh": ToolMap("shell", {"command": "command"})}


class Model(GenericFakeChatModel):
    """LangChain's own scripted model, which keeps what it was asked."""

    _asked: list[list[BaseMessage]] = PrivateAttr(default_factory=list)

    def bind_tools(self, tools: Any, **given: Any) -> Any:
        return self

    def _generate(self, messages: list[BaseMessage], *given: Any, **named: Any) -> Any:
        self._asked.append(list(messages))
        return super()._generate(messages, *given, **named)


@define
class Lab:
    """An engine in memory, and an agent on a scripted model."""

    engine: Engine
    journal: FailingJournal
    later: bool
    ran: list[str] = field(factory=list)
    asked: list[list[BaseMessage]] = field(factory=list)

    def invoke(
        self, session: Any, answers: list[Any], prompt: str = "hello", **given: Any
    ) -> list[BaseMessage]:
        """The messages of a run in which the model gives *answers*."""

        @tool
        def sh(command: str) -> str:
            """Run a command."""
            self.ran.append(command)
            if command == "fail":
                raise ValueError("it broke")
            return "TOPSECRET" if command == "cat secret" else f"did {command}"

        model = Model(messages=iter(answers))
        model._asked = self.asked
        others = given.pop("others", [])
        names = given.pop("names", TOOLS)
        agent = create_agent(
            model,
            given.pop("tools", [sh]),
            system_prompt=given.pop("system_prompt", "OWN"),
            middleware=[*others, middleware(session, tools=names)],
        )
        request = {"messages": [("user", prompt)]}
        if self.later:
            return asyncio.run(agent.ainvoke(request))["messages"]  # type: ignore[no-any-return]
        return agent.invoke(request)["messages"]  # type: ignore[no-any-return]

    def call(self, command: str, **given: Any) -> Any:
        """The message that the model reads of a call of `sh`."""
        with start(self.engine, "s") as session:
            made = self.invoke(session, [calling(command), AIMessage("done")], **given)
        return made[-2]

    def kinds(self, session: str = "s") -> list[str]:
        return [row.kind for row in self.engine.journal.read(session)]

    def finished(self) -> list[Any]:
        rows = self.engine.journal.read("s")
        return [body_of(row)["data"] for row in rows if row.kind == "tool.finished"]


def calling(command: str) -> AIMessage:
    return AIMessage("", tool_calls=[{"name": "sh", "args": {"command": command}, "id": command}])


@pytest.fixture(params=[False, True], ids=["invoke", "ainvoke"])
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    journal = FailingJournal(MemoryJournal())
    with memory_engine(law=told_law(), journal=journal) as engine:
        yield Lab(engine, journal, request.param)


def prove_allowed_tool_runs_and_is_reported(lab: Lab) -> None:
    """The model reads its output, and its outcome stands in the journal."""
    assert lab.call("ls").content == "did ls"
    assert [row["outcome"] for row in lab.finished()] == ["ok"]


def prove_what_requests_use_is_told(lab: Lab) -> None:
    """Tokens of each request are added up, for rules to read."""
    used = {"input_tokens": 20, "output_tokens": 3, "total_tokens": 23}
    asking = calling("ls")
    asking.usage_metadata = used  # type: ignore[assignment]
    with start(lab.engine, "s") as session:
        lab.invoke(session, [asking, AIMessage("done", usage_metadata=used)])
    assert lab.engine.state("s").usage == Usage(40, 6)


def prove_denied_tool_does_not_run_and_the_model_reads_why(lab: Lab) -> None:
    """The reason is the tool's message in the next request, and the run goes on."""
    message = lab.call("touch FORBIDDEN")
    assert "TRIAL-DENIED" in message.content
    assert message.status == "error"
    assert "TRIAL-DENIED" in str(lab.asked[-1][-1].content)
    assert lab.ran == []


def prove_rewritten_tool_runs_as_rewritten(lab: Lab) -> None:
    """The tool is invoked with what the rule makes of its arguments."""
    assert lab.call("touch CLUMSY").content == "did touch REWRITTEN"
    assert lab.ran == ["touch REWRITTEN"]


def prove_output_is_withheld(lab: Lab) -> None:
    """What a rule on results denies is not read by the model."""
    read = lab.call("cat secret").content
    assert "TRIAL-WITHHELD" in read
    assert "TOPSECRET" not in read


def prove_failed_tool_is_reported_and_its_exception_goes_on(lab: Lab) -> None:
    """The program gets the tool's exception, and the next run begins a new turn."""
    with start(lab.engine, "s") as session:
        with pytest.raises(ValueError, match="it broke"):
            lab.invoke(session, [calling("fail")])
        lab.invoke(session, [AIMessage("hi")])
    assert [row["outcome"] for row in lab.finished()] == ["failed"]
    assert lab.kinds().count("turn.ended") == 2


def prove_unknown_tool_is_denied(lab: Lab) -> None:
    """A tool that the program does not name is asked about, which is a denial here."""
    lab.call("ls", names={})
    assert lab.ran == []


def prove_other_middleware_is_decided_as_it_leaves_a_call(lab: Lab) -> None:
    """What another middleware makes of a call is what is asked about, ours being last."""

    @wrap_tool_call
    def spoil(request: Any, handler: Any) -> Any:
        changed = {**request.tool_call, "args": {"command": "touch FORBIDDEN"}}
        return handler(request.override(tool_call=changed))

    if lab.later:
        return
    assert "TRIAL-DENIED" in lab.call("ls", others=[spoil]).content
    assert lab.ran == []


def prove_briefing_stands_in_each_request(lab: Lab) -> None:
    """It is in front of the program's system prompt, counted once, and kept nowhere."""
    with start(lab.engine, "s") as session:
        made = lab.invoke(session, [calling("ls"), AIMessage("done")])
    systems = [str(one[0].content) for one in lab.asked]
    assert systems[0].startswith("TRIAL-BRIEFING")
    assert systems[0].endswith("\n\nOWN")
    assert systems[0] == systems[1]
    assert lab.kinds().count("governance.injected") == 1
    assert "TRIAL-BRIEFING" not in str(made)


def prove_request_that_fails_leaves_the_briefing_owed(lab: Lab) -> None:
    """What no model has read is told again."""
    with start(lab.engine, "s") as session:
        with pytest.raises(Exception):  # noqa: B017, PT011 - a script that is at its end
            lab.invoke(session, [])
        assert "governance.injected" not in lab.kinds()
        lab.invoke(session, [AIMessage("hi")], system_prompt=None)
    assert "TRIAL-BRIEFING" in str(lab.asked[-1][0].content)
    assert "governance.injected" in lab.kinds()


def prove_denied_prompt_is_not_sent(lab: Lab) -> None:
    """The run raises, and the model is not asked."""
    with start(lab.engine, "s") as session, pytest.raises(TurnRefused, match="TRIAL-UNSPOKEN"):
        lab.invoke(session, [AIMessage("hi")], prompt="something UNSPEAKABLE")
    assert lab.asked == []


def prove_session_ends_once_and_is_resumed(lab: Lab) -> None:
    """``with`` ends it, and a second start with its id takes it up again."""
    lab.call("ls")
    assert lab.kinds().count("session.ended") == 1
    lab.call("pwd")
    assert lab.kinds().count("session.created") == 1


def prove_no_store_means_no_tool(lab: Lab) -> None:
    """A call that cannot be journaled does not run, and the model reads why."""

    class Break(Model):
        def _generate(self, *given: Any, **named: Any) -> Any:
            made = super()._generate(*given, **named)
            if len(lab.asked) == 1:
                # The briefing is told first, then the tool is asked about.
                lab.journal.fail("append", StoreFull("the disk is full"), skip=1)
            return made

    @tool
    def sh(command: str) -> str:
        """Run a command."""
        lab.ran.append(command)
        return ""

    model = Break(messages=iter([calling("ls"), AIMessage("done")]))
    model._asked = lab.asked
    with start(lab.engine, "s") as session:
        agent = create_agent(model, [sh], middleware=[middleware(session, tools=TOOLS)])
        agent.invoke({"messages": [("user", "hello")]})
    assert "the disk is full" in str(lab.asked[-1][-1].content)
    assert lab.ran == []


def prove_closed_engine_means_no_request(lab: Lab) -> None:
    """An engine that is gone lets no request out."""
    session = start(lab.engine, "s")
    lab.engine.close()
    with pytest.raises(MisuseError, match="closed"):
        lab.invoke(session, [AIMessage("hi")])
    assert lab.asked == []


def prove_tools_of_the_provider_are_refused(lab: Lab) -> None:
    """A tool that does not run in this process does not slip through."""
    with start(lab.engine, "s") as session, pytest.raises(MisuseError, match="GOV764"):
        lab.invoke(session, [AIMessage("hi")], tools=[{"type": "web_search"}])
    assert lab.asked == []


def prove_agent_in_a_tool_is_a_sub_session(lab: Lab) -> None:
    """An agent that a tool runs is given a child, and is denied there."""
    with start(lab.engine, "s") as session:
        child = session.child("helper")
        with child:
            made = lab.invoke(child, [calling("touch FORBIDDEN"), AIMessage("done")])
    assert "TRIAL-DENIED" in str(made[-2].content)
    assert lab.ran == []
    assert lab.kinds("s/helper").count("session.ended") == 1


def prove_tool_that_waits_for_a_person_is_asked_about_again(lab: Lab) -> None:
    """A pause is no failure; when the tool is run again it is asked about again."""

    @tool
    def sh(command: str) -> str:
        """Run a command when a person agrees."""
        lab.ran.append(f"{command}: {interrupt('may it?')}")
        return "done"

    with start(lab.engine, "s") as session:
        agent = create_agent(
            Model(messages=iter([calling("ls"), AIMessage("done")])),
            [sh],
            middleware=[middleware(session, tools=TOOLS)],
            checkpointer=InMemorySaver(),
        )
        thread: Any = {"configurable": {"thread_id": "1"}}
        agent.invoke({"messages": [("user", "hello")]}, thread)
        assert lab.ran == []
        agent.invoke(Command(resume="yes"), thread)

    assert lab.ran == ["ls: yes"]
    assert [row["outcome"] for row in lab.finished()] == ["unknown", "ok"]
    assert lab.kinds().count("turn.ended") == 1
