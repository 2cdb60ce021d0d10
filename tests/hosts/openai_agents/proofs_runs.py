"""What the real SDK does with an agent that is governed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from agents import Agent, FileSearchTool, RunConfig, RunHooks, Usage, function_tool
from agents.run_config import CallModelData, ModelInputData
from agents.testing import ScriptedModel, assistant_message, function_call
from attrs import define, field

from governance.engine import Engine
from governance.errors import MisuseError, StoreFull
from governance.formats import body_of
from governance.hosts.openai_agents import run, run_streamed, start
from governance.journal.memory import MemoryJournal
from governance.rules.host_tools import ToolMap
from governance.states import State
from governance.testing import FailingJournal
from governance.testing.engines import memory_engine
from governance.tools import TurnRefused
from tests.tool_pack import told_law

TOOLS = {"sh": ToolMap("shell", {"command": "command"})}


@define
class Lab:
    """An engine in memory, and an agent on a scripted model."""

    engine: Engine
    journal: FailingJournal
    streamed: bool
    events: list[str] = field(factory=list)
    ran: list[str] = field(factory=list)
    model: ScriptedModel = field(factory=ScriptedModel)

    def agent(self, **given: Any) -> Agent[Any]:
        @function_tool
        def sh(command: str) -> str:
            """Run a command."""
            self.ran.append(command)
            if command == "fail":
                raise ValueError("it broke")
            return "TOPSECRET" if command == "cat secret" else f"did {command}"

        tools = given.pop("tools", [sh])
        return Agent(name="main", instructions="OWN", model=self.model, tools=tools, **given)

    def call(self, command: str, **given: Any) -> str:
        """What the model reads of a call of `sh`."""
        self.model.extend(
            [
                [function_call("sh", {"command": command}, call_id=f"c-{len(self.ran)}-{command}")],
                [assistant_message("done")],
            ]
        )
        with start(self.engine, "s") as session:
            self.run(session, **given)
        return str(self.model.calls[-1].input[-1]["output"])

    def run(self, session: Any, agent: Any = None, prompt: Any = "hello", **given: Any) -> Any:
        given.setdefault("tools", TOOLS)
        agent = agent or self.agent()

        async def stream() -> Any:
            async with run_streamed(agent, prompt, session=session, **given) as result:
                self.events += [event.type async for event in result.stream_events()]
            return result

        if self.streamed:
            return asyncio.run(stream())
        return asyncio.run(run(agent, prompt, session=session, **given))

    def kinds(self, session: str = "s") -> list[str]:
        return [row.kind for row in self.engine.journal.read(session)]

    def finished(self, session: str = "s") -> list[Any]:
        rows = self.engine.journal.read(session)
        return [body_of(row)["data"] for row in rows if row.kind == "tool.finished"]


@pytest.fixture(params=[False, True], ids=["run", "run_streamed"])
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    journal = FailingJournal(MemoryJournal())
    with memory_engine(law=told_law(), journal=journal) as engine:
        yield Lab(engine, journal, request.param)


def prove_allowed_tool_runs_and_is_reported(lab: Lab) -> None:
    """The model reads its output, and its outcome stands in the journal."""
    assert lab.call("ls") == "did ls"
    assert ("run_item_stream_event" in lab.events) is lab.streamed
    assert [row["outcome"] for row in lab.finished()] == ["ok"]


def prove_what_requests_use_is_told(lab: Lab) -> None:
    """Tokens of both requests are added up, for rules to read."""
    lab.model.set_default_usage(Usage(requests=1, input_tokens=20, output_tokens=3))
    lab.call("ls")
    used = lab.engine.state("s").usage
    assert (used.input_tokens, used.output_tokens) == (40, 6)


def prove_denied_tool_does_not_run_and_the_model_reads_why(lab: Lab) -> None:
    """The reason is the tool's output in the next request, and the run goes on."""
    assert "TRIAL-DENIED" in lab.call("touch FORBIDDEN")
    assert lab.ran == []


def prove_rewritten_tool_runs_as_rewritten(lab: Lab) -> None:
    """The tool is invoked with what the rule makes of its arguments."""
    assert lab.call("touch CLUMSY") == "did touch REWRITTEN"
    assert lab.ran == ["touch REWRITTEN"]


def prove_output_is_withheld(lab: Lab) -> None:
    """What a rule on results denies is not read by the model."""
    read = lab.call("cat secret")
    assert "TRIAL-WITHHELD" in read
    assert "TOPSECRET" not in read


def prove_failed_tool_is_reported_as_failed(lab: Lab) -> None:
    """The SDK tells the model of the exception, and the journal has a failure."""
    assert "An error occurred" in lab.call("fail")
    assert [row["outcome"] for row in lab.finished()] == ["failed"]


def prove_unknown_tool_is_denied(lab: Lab) -> None:
    """A tool that the program does not name is asked about, which is a denial here."""
    lab.call("ls", tools={})
    assert lab.ran == []


def prove_briefing_stands_in_each_request(lab: Lab) -> None:
    """It is in front of the agent's own instructions, counted as read once, and kept nowhere."""
    lab.call("ls")
    first, second = (one.system_instructions or "" for one in lab.model.calls)
    assert first.startswith("TRIAL-BRIEFING")
    assert first.endswith("OWN")
    assert first == second
    assert lab.kinds().count("governance.injected") == 1
    assert "TRIAL-BRIEFING" not in str([one.input for one in lab.model.calls])


def prove_request_that_fails_leaves_the_briefing_owed(lab: Lab) -> None:
    """What no model has read is told again, and the turn has ended with the failure."""
    lab.model.extend([ValueError("no model"), [assistant_message("hi")]])
    with start(lab.engine, "s") as session:
        with pytest.raises(ValueError, match="no model"):
            lab.run(session)
        assert "governance.injected" not in lab.kinds()
        assert lab.kinds().count("turn.ended") == 1
        lab.run(session)

    assert "TRIAL-BRIEFING" in (lab.model.calls[-1].system_instructions or "")
    assert "governance.injected" in lab.kinds()


def prove_denied_prompt_is_not_sent(lab: Lab) -> None:
    """The run raises, and the model is not asked."""
    with start(lab.engine, "s") as session, pytest.raises(TurnRefused, match="TRIAL-UNSPOKEN"):
        lab.run(session, prompt="something UNSPEAKABLE")
    with start(lab.engine, "t") as session, pytest.raises(TurnRefused, match="TRIAL-UNSPOKEN"):
        lab.run(session, prompt=[{"role": "user", "content": "something UNSPEAKABLE"}])
    assert lab.model.calls == ()


def prove_handoff_is_a_governed_sub_session(lab: Lab) -> None:
    """The agent that is handed to is briefed and denied in a session of its own, that ends."""
    helper = Agent(name="helper", instructions="HELP", model=lab.model, tools=lab.agent().tools)
    lab.model.extend(
        [
            [function_call("transfer_to_helper", "{}", call_id="h")],
            [function_call("sh", {"command": "touch FORBIDDEN"}, call_id="c")],
            [assistant_message("done")],
        ]
    )
    with start(lab.engine, "s") as session:
        lab.run(session, lab.agent(handoffs=[helper]))
        assert lab.engine.state("s/1-helper").state is State.ENDED

    assert lab.ran == []
    assert "TRIAL-DENIED" in str(lab.model.calls[-1].input[-1])
    assert (lab.model.calls[-1].system_instructions or "").startswith("TRIAL-BRIEFING")
    assert lab.kinds("s/1-helper").count("session.ended") == 1
    assert lab.kinds().count("session.created") == lab.kinds().count("session.ended") == 1


def prove_session_ends_once_also_on_an_exception(lab: Lab) -> None:
    """An exception of the program goes on, and the session has ended."""
    lab.model.extend([[function_call("nothing", "{}", call_id="x")]])
    with pytest.raises(Exception, match="nothing"), start(lab.engine, "s") as session:
        lab.run(session)
    assert lab.kinds().count("session.ended") == 1


def prove_known_session_is_resumed(lab: Lab) -> None:
    """A second start with the same id takes the session up again."""
    lab.call("ls")
    lab.call("pwd")
    assert lab.kinds().count("session.created") == 1


def prove_no_store_means_no_tool(lab: Lab) -> None:
    """A call that cannot be journaled does not run, and the model reads why."""
    lab.model.extend(
        [[function_call("sh", {"command": "ls"}, call_id="c")], [assistant_message("done")]]
    )

    class Break(RunHooks[Any]):
        async def on_llm_start(self, *given: Any, **named: Any) -> None:
            if not lab.model.calls:
                # The briefing is told first, then the tool is asked about.
                lab.journal.fail("append", StoreFull("the disk is full"), skip=1)

    with start(lab.engine, "s") as session:
        lab.run(session, hooks=Break())
    assert "the disk is full" in str(lab.model.calls[-1].input[-1])
    assert lab.ran == []


def prove_closed_engine_means_no_run(lab: Lab) -> None:
    """An engine that is gone lets no request out."""
    session = start(lab.engine, "s")
    lab.engine.close()
    with pytest.raises(MisuseError, match="closed"):
        lab.run(session)
    assert lab.model.calls == ()


def prove_hooks_and_filters_of_the_program_are_kept(lab: Lab) -> None:
    """The program's own filter comes first, and each of its hooks is called."""
    called: list[str] = []

    class Own(RunHooks[Any]):
        async def on_tool_end(self, *given: Any, **named: Any) -> None:
            called.append("tool")

        async def on_llm_end(self, *given: Any, **named: Any) -> None:
            called.append("llm")

    def shorten(data: CallModelData[Any]) -> ModelInputData:
        return ModelInputData(input=data.model_data.input, instructions="SHORT")

    lab.call("ls", hooks=Own(), run_config=RunConfig(call_model_input_filter=shorten))
    assert called == ["llm", "tool", "llm"]
    assert (lab.model.calls[0].system_instructions or "").endswith("\n\nSHORT")


def prove_the_agent_itself_is_left_as_it_was(lab: Lab) -> None:
    """Governing makes a copy: the program's agent has its own tools and handoffs."""
    agent = lab.agent()
    before = list(agent.tools), list(agent.handoffs), agent.tools[0].on_invoke_tool
    lab.model.extend([[assistant_message("hi")]])
    with start(lab.engine, "s") as session:
        lab.run(session, agent)
    assert before == (agent.tools, agent.handoffs, agent.tools[0].on_invoke_tool)


def prove_what_cannot_be_governed_is_refused(lab: Lab) -> None:
    """Tools and prompts of the provider, agents as tools and saved runs do not slip through."""
    as_tool = lab.agent().as_tool("ask_main", "Ask the main agent.")
    for tool in (FileSearchTool(vector_store_ids=[]), as_tool):
        with start(lab.engine, "s") as session, pytest.raises(MisuseError, match="GOV764"):
            lab.run(session, lab.agent(tools=[tool]))
    stored: Any = {"id": "pmpt_1"}
    for agent, prompt in ((lab.agent(), object()), (lab.agent(prompt=stored), "hello")):
        with start(lab.engine, "s") as session, pytest.raises(MisuseError, match="GOV764"):
            lab.run(session, agent, prompt)
    assert lab.model.calls == ()


def prove_what_is_added_to_a_running_agent_is_refused(lab: Lab) -> None:
    """What hooks put into the agent at work does not run; the program's own agent is another."""
    agent = lab.agent()

    @function_tool
    def loose(command: str) -> str:
        """Run a command and ask nobody."""
        lab.ran.append(command)
        return "did it"

    class Adding(RunHooks[Any]):
        async def on_agent_start(self, context: Any, agent: Any) -> None:
            agent.tools.append(loose)

    class Serving(RunHooks[Any]):
        async def on_llm_start(self, context: Any, agent: Any, *rest: Any) -> None:
            agent.mcp_servers.append(object())

    for hooks in (Adding(), Serving()):
        lab.model.extend([[function_call("loose", {"command": "ls"}, call_id="c")]])
        with start(lab.engine, "s") as session, pytest.raises(MisuseError, match="GOV764"):
            lab.run(session, agent, hooks=hooks)
    assert lab.ran == []

    class Meanwhile(RunHooks[Any]):
        async def on_agent_start(self, context: Any, _: Any) -> None:
            agent.mcp_servers.append(object())

    lab.model.extend([[assistant_message("done")]])
    with start(lab.engine, "s") as session:
        lab.run(session, agent, hooks=Meanwhile())


def prove_agents_may_hand_off_in_circles(lab: Lab) -> None:
    """Each handover is a sub-session below the one that handed over, and all of them end."""
    agent, helper = lab.agent(), Agent(name="helper", model=lab.model)
    agent.handoffs, helper.handoffs = [helper], [agent]
    lab.model.extend(
        [
            [function_call("transfer_to_helper", "{}", call_id="1")],
            [function_call("transfer_to_main", "{}", call_id="2")],
            [function_call("sh", {"command": "touch FORBIDDEN"}, call_id="3")],
            [assistant_message("done")],
        ]
    )
    with start(lab.engine, "s") as session:
        lab.run(session, agent)
        assert lab.engine.state("s/1-helper/2-main").state is State.ENDED
    assert lab.ran == []


def prove_streamed_run_that_is_left_is_broken_off(lab: Lab) -> None:
    """No tool runs when its turn has ended, and the model is not asked again."""

    async def leave() -> None:
        given: Any = {"session": session, "tools": TOOLS}
        async with run_streamed(lab.agent(), "hello", **given) as result:
            async for event in result.stream_events():
                if event.type == "run_item_stream_event":
                    break
        assert lab.kinds().count("turn.ended") == 1
        ran, asked = list(lab.ran), len(lab.model.calls)
        await asyncio.sleep(0.2)
        assert (ran, asked) == (lab.ran, len(lab.model.calls))

    calls = [[function_call("sh", {"command": f"{n}"}, call_id=f"{n}")] for n in range(5)]
    lab.model.extend([*calls, [assistant_message("done")]])
    with start(lab.engine, "s") as session:
        asyncio.run(leave())
    assert len(lab.ran) < 5
