"""What the real Pydantic AI does with an agent that is governed."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest
from attrs import define, field
from fastmcp.client.transports import StdioTransport
from pydantic import BaseModel
from pydantic_ai import (
    Agent,
    ApprovalRequired,
    DeferredToolRequests,
    DeferredToolResults,
    ModelRetry,
    PromptedOutput,
    RunContext,
    TextOutput,
    ToolOutput,
)
from pydantic_ai.agent import AgentSpec, WrapperAgent
from pydantic_ai.capabilities import Hooks, NativeTool
from pydantic_ai.exceptions import UnexpectedModelBehavior, UserError
from pydantic_ai.mcp import MCPToolset
from pydantic_ai.messages import (
    CompactionPart,
    InstructionPart,
    ModelMessage,
    ModelRequest,
    ModelResponse,
    TextPart,
    ToolCallPart,
)
from pydantic_ai.models.function import AgentInfo, DeltaToolCall, FunctionModel
from pydantic_ai.native_tools import WebSearchTool
from pydantic_ai.tools import ToolApproved, ToolDefinition
from pydantic_ai.toolsets import ExternalToolset, FunctionToolset, WrapperToolset

from governance.engine import Engine
from governance.errors import MisuseError, StoreFull
from governance.formats import body_of
from governance.hosts.pydantic_ai import capability, start
from governance.journal.memory import MemoryJournal
from governance.rules.host_tools import ToolMap
from governance.states import State
from governance.testing import FailingJournal
from governance.testing.engines import memory_engine
from governance.tools import ToolRefused, TurnRefused, governing
from tests.hosts import mcp_server
from tests.tool_pack import told_law

TOOLS = {"sh": ToolMap("shell", {"command": "command"})}
ASK = {"ask": ToolMap("delegate", {"prompt": "question"})}
WAYS = ("run", "run_stream", "iter", "run_stream_events")

Answer = list[Any] | Exception


def call(command: str, name: str = "sh", fact: str = "command") -> ToolCallPart:
    return ToolCallPart(name, {fact: command}, tool_call_id=f"c-{command}")


class Work(BaseModel):
    """Arguments that are a model."""

    command: str


@define
class Script:
    """A model that gives *answers* in turn, and keeps what it was asked."""

    answers: list[Answer]
    asked: list[list[ModelMessage]] = field(factory=list)
    told: list[str] = field(factory=list)
    before: Callable[[], None] = lambda: None

    def next(self, messages: list[ModelMessage], info: AgentInfo) -> list[Any]:
        self.asked.append(list(messages))
        self.told.append(info.instructions or "")
        self.before()
        answer = self.answers.pop(0) if self.answers else [TextPart("that is all")]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def model(self) -> FunctionModel:
        def whole(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
            return ModelResponse(parts=self.next(messages, info))

        async def stream(messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[Any]:
            for place, part in enumerate(self.next(messages, info)):
                if isinstance(part, ToolCallPart):
                    yield {
                        place: DeltaToolCall(
                            part.tool_name, part.args_as_json_str(), tool_call_id=part.tool_call_id
                        )
                    }
                else:
                    yield part.content

        return FunctionModel(whole, stream_function=stream)

    def read(self) -> str:
        """What stands in the newest message of the last request."""
        return str([getattr(one, "content", "") for one in self.asked[-1][-1].parts])


@define
class Lab:
    """An engine in memory, and what an agent did."""

    engine: Engine
    journal: FailingJournal
    way: str = "run"
    ran: list[str] = field(factory=list)

    def sh(self, command: str) -> str:
        """Run a command."""
        self.ran.append(command)
        if command == "fail":
            raise ValueError("it broke")
        if command == "retry":
            raise ModelRetry("try another one")
        return "TOPSECRET" if command == "cat secret" else f"did {command}"

    def agent(self, script: Script, **given: Any) -> Agent[Any, Any]:
        given.setdefault("tools", [self.sh])
        given.setdefault("instructions", "OWN")
        own = given.pop("capabilities", [])
        names = given.pop("names", TOOLS)
        return Agent(script.model(), capabilities=[capability(names), *own], name="main", **given)

    def run(self, agent: Agent[Any, Any], prompt: Any = "hello", **given: Any) -> Any:
        """What the run gives, in the way of this lab."""
        return asyncio.run(self._run(agent, prompt, **given))

    async def _run(self, agent: Agent[Any, Any], prompt: Any, **given: Any) -> Any:
        if self.way == "run_stream":
            async with agent.run_stream(prompt, **given) as result:
                return await result.get_output()
        if self.way == "iter":
            async with agent.iter(prompt, **given) as run:
                async for _ in run:
                    pass
            assert run.result is not None
            return run.result.output
        if self.way == "run_stream_events":
            last: Any = None
            async with agent.run_stream_events(prompt, **given) as events:
                async for event in events:
                    last = event
            return last.result.output
        return (await agent.run(prompt, **given)).output

    def calls(self, *commands: str, **given: Any) -> str:
        """What the model reads of calls of `sh`, made at once."""
        script = Script([[call(one) for one in commands], [TextPart("done")]])
        with start(self.engine, "s") as session, governing(session):
            assert self.run(self.agent(script, **given)) == "done"
        return script.read()

    def kinds(self, session: str = "s") -> list[str]:
        return [row.kind for row in self.engine.journal.read(session)]

    def rows(self, kind: str, session: str = "s") -> list[Any]:
        rows = self.engine.journal.read(session)
        return [body_of(row)["data"] for row in rows if row.kind == kind]

    def outcomes(self, session: str = "s") -> list[str]:
        return [row["outcome"] for row in self.rows("tool.finished", session)]


@pytest.fixture
def lab() -> Iterator[Lab]:
    journal = FailingJournal(MemoryJournal())
    with memory_engine(law=told_law(), journal=journal) as engine:
        yield Lab(engine, journal)


@pytest.fixture(params=WAYS)
def driven(lab: Lab, request: pytest.FixtureRequest) -> Lab:
    """A lab whose agents are run in each way that there is."""
    lab.way = request.param
    return lab


def prove_allowed_tool_runs_and_is_reported(driven: Lab) -> None:
    """The model reads its output, and its outcome stands in the journal."""
    assert "did ls" in driven.calls("ls")
    assert driven.outcomes() == ["ok"]


def prove_what_requests_use_is_told(driven: Lab) -> None:
    """Tokens of both requests are added up, for rules to read."""
    driven.calls("ls")
    used = driven.engine.state("s").usage
    assert (used.input_tokens or 0) > 0
    assert (used.output_tokens or 0) > 0
    assert len(driven.rows("usage.reported")) == 2


def prove_denied_tool_does_not_run_and_the_model_reads_why(driven: Lab) -> None:
    """The reason is the tool's return in the next request, and the run goes on."""
    assert "TRIAL-DENIED" in driven.calls("touch FORBIDDEN")
    assert driven.ran == []


def prove_rewritten_tool_runs_as_rewritten(driven: Lab) -> None:
    """The tool is given what the rule makes of its arguments."""
    assert "did touch REWRITTEN" in driven.calls("touch CLUMSY")
    assert driven.ran == ["touch REWRITTEN"]


def prove_output_is_withheld(driven: Lab) -> None:
    """What a rule on results denies is not read by the model."""
    read = driven.calls("cat secret")
    assert "TRIAL-WITHHELD" in read
    assert "TOPSECRET" not in read


def prove_briefing_stands_in_each_request(driven: Lab) -> None:
    """It is in front of the agent's instructions, counted once, and kept in no message."""
    script = Script([[call("ls")], [TextPart("done")]])
    with start(driven.engine, "s") as session, governing(session):
        driven.run(driven.agent(script))
    first, second = script.told
    assert first.startswith("TRIAL-BRIEFING")
    assert first.endswith("OWN")
    assert first == second
    assert driven.kinds().count("governance.injected") == 1
    assert "TRIAL-BRIEFING" not in str(script.asked)


def prove_briefing_stands_once_where_a_history_goes_on(driven: Lab) -> None:
    """The next run takes the messages of the last one over, and is told once."""
    script = Script([[call("ls")], [TextPart("done")], [TextPart("hi")]])
    with start(driven.engine, "s") as session, governing(session):
        agent = driven.agent(script)
        result = asyncio.run(agent.run("hello"))
        driven.run(agent, message_history=result.all_messages())
    assert script.told[-1].count("TRIAL-BRIEFING") == 1


def prove_other_capabilities_take_no_briefing_out(driven: Lab) -> None:
    """What another capability makes of a request stands behind the briefing."""
    hooks: Any = Hooks()

    @hooks.on.before_model_request
    async def strip(ctx: Any, request_context: Any) -> Any:
        parts = [InstructionPart(content="STRIPPED")]
        request_context.model_request_parameters.instruction_parts = parts
        return request_context

    script = Script([[TextPart("hi")]])
    with start(driven.engine, "s") as session, governing(session):
        driven.run(driven.agent(script, capabilities=[hooks]))
    assert script.told[0].startswith("TRIAL-BRIEFING")
    assert script.told[0].endswith("STRIPPED")


def prove_denied_prompt_is_not_sent(driven: Lab) -> None:
    """The run raises, and the model is not asked."""
    script = Script([])
    for prompt in ("something UNSPEAKABLE", ["first", "something UNSPEAKABLE"]):
        with (
            start(driven.engine, "s") as session,
            governing(session),
            pytest.raises(TurnRefused, match="TRIAL-UNSPOKEN"),
        ):
            driven.run(driven.agent(script), prompt)
    assert script.asked == []


def prove_prompt_at_the_end_of_a_history_is_a_prompt(lab: Lab) -> None:
    """What a program gives by the messages is asked about as what it gives by itself."""
    script = Script([])
    said = ModelRequest.user_text_prompt("something UNSPEAKABLE")
    with start(lab.engine, "s") as session, governing(session):
        agent = lab.agent(script)
        with pytest.raises(TurnRefused, match="TRIAL-UNSPOKEN"):
            asyncio.run(agent.run(message_history=[said]))
    assert script.asked == []


def prove_run_is_a_turn_that_ends_once(driven: Lab) -> None:
    """Each run is a turn, also one that fails; the session ends with its ``with``."""
    script = Script([[TextPart("hi")], ValueError("no model"), [TextPart("hi")]])
    agent = driven.agent(script)
    with start(driven.engine, "s") as session, governing(session):
        driven.run(agent)
        with pytest.raises(ValueError, match="no model"):
            driven.run(agent)
        driven.run(agent)
        assert driven.kinds().count("turn.ended") == 3
    assert driven.kinds().count("session.ended") == 1


def prove_parallel_calls_are_decided_each_for_itself(driven: Lab) -> None:
    """Of several calls of one answer those that are denied do not run."""
    read = driven.calls("ls", "touch FORBIDDEN", "pwd")
    assert sorted(driven.ran) == ["ls", "pwd"]
    assert "TRIAL-DENIED" in read
    assert driven.outcomes() == ["ok", "ok"]


def prove_run_outside_of_every_session_is_refused(driven: Lab) -> None:
    """Nobody said whose run it is, so nothing is sent."""
    script = Script([])
    with pytest.raises(MisuseError, match="GOV761"):
        driven.run(driven.agent(script))
    assert script.asked == []


def prove_no_store_means_no_tool(driven: Lab) -> None:
    """A call that cannot be journaled does not run, and the model reads why."""
    script = Script([[call("ls")], [TextPart("done")]])

    def break_down() -> None:
        if len(script.asked) == 1:
            # What was told and used is written first, then the tool is asked about.
            driven.journal.fail("append", StoreFull("the disk is full"), skip=2)

    script.before = break_down
    with start(driven.engine, "s") as session, governing(session):
        driven.run(driven.agent(script))
    assert "the disk is full" in script.read()
    assert driven.ran == []


def prove_closed_engine_means_no_request(driven: Lab) -> None:
    """An engine that is gone lets no request out."""
    script = Script([])
    session = start(driven.engine, "s")
    driven.engine.close()
    with governing(session), pytest.raises(MisuseError, match="closed"):
        driven.run(driven.agent(script))
    assert script.asked == []


def prove_engine_that_goes_in_mid_run_means_no_tool(lab: Lab) -> None:
    """The tool is not run, and the run raises."""
    script = Script([[call("ls")]], before=lab.engine.close)
    session = start(lab.engine, "s")
    with governing(session), pytest.raises(MisuseError, match="closed"):
        lab.run(lab.agent(script))
    assert lab.ran == []


def prove_failed_tool_is_reported_and_its_exception_goes_on(lab: Lab) -> None:
    """The program gets the tool's exception."""
    with pytest.raises(ValueError, match="it broke"):
        lab.calls("fail")
    assert lab.outcomes() == ["failed"]


def prove_retried_tool_is_asked_about_again(lab: Lab) -> None:
    """Each attempt is a call of its own; the second one is denied."""
    script = Script([[call("retry")], [call("touch FORBIDDEN")], [TextPart("done")]])
    with start(lab.engine, "s") as session, governing(session):
        lab.run(lab.agent(script))
    assert lab.ran == ["retry"]
    assert lab.outcomes() == ["failed"]
    assert "TRIAL-DENIED" in script.read()


def prove_denial_costs_no_retry(lab: Lab) -> None:
    """A model that is denied many times may go on."""
    denied: list[Answer] = [[call(f"touch FORBIDDEN {n}")] for n in range(4)]
    with start(lab.engine, "s") as session, governing(session):
        assert lab.run(lab.agent(Script(denied))) == "that is all"
    assert lab.ran == []


def prove_unknown_tool_is_denied(lab: Lab) -> None:
    """A tool that the program does not name is asked about, which is a denial here."""
    lab.calls("ls", names={})
    assert lab.ran == []


def prove_question_is_a_denial_without_approvals(lab: Lab) -> None:
    """It names what a person may do, and the tool does not run."""
    assert "governance approve" in lab.calls("ls", names={})


def _deferred(lab: Lab, script: Script, **given: Any) -> tuple[Agent[Any, Any], Any, Any]:
    agent = lab.agent(script, names={}, output_type=[str, DeferredToolRequests], **given)
    session = start(lab.engine, "s", approvals=True)
    with governing(session):
        result = asyncio.run(agent.run("hello"))
    return agent, session, result


def prove_question_waits_for_a_person_and_runs_after_a_yes(lab: Lab) -> None:
    """The call is deferred with the reason, and runs once it was approved."""
    script = Script([[call("ls")], [TextPart("done")]])
    agent, session, result = _deferred(lab, script)
    assert lab.ran == []
    (asked,) = result.output.approvals
    assert "reason" in result.output.metadata[asked.tool_call_id]
    answer = DeferredToolResults(approvals={asked.tool_call_id: True})
    with session, governing(session):
        asyncio.run(agent.run(message_history=result.all_messages(), deferred_tool_results=answer))
    assert lab.ran == ["ls"]
    assert lab.outcomes() == ["unknown", "ok"]


def prove_question_stops_after_a_no(lab: Lab) -> None:
    """A call that a person refuses does not run."""
    script = Script([[call("ls")], [TextPart("done")]])
    agent, session, result = _deferred(lab, script)
    answer = DeferredToolResults(approvals={result.output.approvals[0].tool_call_id: False})
    with session, governing(session):
        asyncio.run(agent.run(message_history=result.all_messages(), deferred_tool_results=answer))
    assert lab.ran == []


def prove_approval_of_a_person_overrules_no_denial(lab: Lab) -> None:
    """What a rule denies is denied, also where a person of the program has said yes."""

    def risky(ctx: RunContext[Any], command: str) -> str:
        """Run a command when a person agrees."""
        if not ctx.tool_call_approved:
            raise ApprovalRequired
        return lab.sh(command)

    script = Script([[call("touch fine", "risky")], [TextPart("done")]])
    agent = lab.agent(
        script,
        tools=[risky],
        names={"risky": TOOLS["sh"]},
        output_type=[str, DeferredToolRequests],
    )
    with start(lab.engine, "s") as session, governing(session):
        result = asyncio.run(agent.run("hello"))
        (asked,) = result.output.approvals
        other = ToolApproved(override_args={"command": "touch FORBIDDEN"})
        answer = DeferredToolResults(approvals={asked.tool_call_id: other})
        asyncio.run(agent.run(message_history=result.all_messages(), deferred_tool_results=answer))
    assert lab.ran == []
    assert "TRIAL-DENIED" in script.read()


def prove_toolsets_are_governed(lab: Lab) -> None:
    """Tools of a toolset, of one given to the run, and of one that replaces them all."""
    toolset = FunctionToolset([lab.sh])
    for place in ("agent", "run", "override"):
        script = Script([[call(f"touch FORBIDDEN {place}")], [TextPart("done")]])
        given: dict[str, Any] = {"toolsets": [toolset]} if place == "agent" else {}
        agent = lab.agent(script, tools=[], **given)
        with start(lab.engine, "s") as session, governing(session):
            if place == "override":
                with agent.override(toolsets=[toolset]):
                    lab.run(agent)
            else:
                lab.run(agent, **({"toolsets": [toolset]} if place == "run" else {}))
        assert "TRIAL-DENIED" in script.read(), place
    assert lab.ran == []


def prove_overridden_agent_is_governed(lab: Lab) -> None:
    """Another model, other tools and other instructions change nothing."""
    agent = lab.agent(Script([]), tools=[])
    script = Script([[call("touch FORBIDDEN")], [TextPart("done")]])
    with (
        start(lab.engine, "s") as session,
        governing(session),
        agent.override(model=script.model(), tools=[lab.sh], instructions="OTHER"),
    ):
        lab.run(agent)
    assert lab.ran == []
    assert script.told[0].startswith("TRIAL-BRIEFING")
    assert script.told[0].endswith("OTHER")


def prove_toolset_that_calls_others_passes_nothing_by(lab: Lab) -> None:
    """Calls that a tool makes of its own toolset are asked about, each for itself."""

    class Twice(WrapperToolset[Any]):
        async def call_tool(self, name: str, tool_args: Any, ctx: Any, tool: Any) -> Any:
            await super().call_tool(name, tool_args, ctx, tool)
            return await super().call_tool(name, {"command": "touch FORBIDDEN"}, ctx, tool)

    class Wrap(Hooks[Any]):
        def get_wrapper_toolset(self, toolset: Any) -> Any:
            return Twice(toolset)

    assert "TRIAL-DENIED" in lab.calls("ls", capabilities=[Wrap()])
    assert lab.ran == ["ls"]


def prove_tool_of_a_capabilitys_own_toolset_is_governed(lab: Lab) -> None:
    """A tool that a wrapper adds above all others is asked about too, and what it calls."""

    class Adds(WrapperToolset[Any]):
        async def get_tools(self, ctx: Any) -> Any:
            tools = await super().get_tools(ctx)
            named = replace(tools["sh"].tool_def, name="both")
            return {**tools, "both": replace(tools["sh"], tool_def=named)}

        async def call_tool(self, name: str, tool_args: Any, ctx: Any, tool: Any) -> Any:
            if name != "both":
                return await super().call_tool(name, tool_args, ctx, tool)
            lab.ran.append("both")
            return await super().call_tool("sh", {"command": "touch FORBIDDEN"}, ctx, tool)

    class Wrap(Hooks[Any]):
        def get_wrapper_toolset(self, toolset: Any) -> Any:
            return Adds(toolset)

    for command in ("touch FORBIDDEN", "ls"):
        script = Script([[call(command, "both")], [TextPart("done")]])
        names = {**TOOLS, "both": TOOLS["sh"]}
        agent = lab.agent(script, names=names, capabilities=[Wrap()])
        with start(lab.engine, "s") as session, governing(session):
            lab.run(agent)
        assert "TRIAL-DENIED" in script.read()
    assert lab.ran == ["both"]


@pytest.mark.parametrize("in_place", [False, True])
def prove_wrapper_that_changes_a_call_is_decided_as_it_leaves_it(lab: Lab, in_place: bool) -> None:
    """What a toolset above the tools makes of the arguments is asked about as well."""

    class Spoil(WrapperToolset[Any]):
        async def call_tool(self, name: str, tool_args: Any, ctx: Any, tool: Any) -> Any:
            made = tool_args if in_place else {}
            made["command"] = "touch FORBIDDEN"
            return await super().call_tool(name, made, ctx, tool)

    class Wrap(Hooks[Any]):
        def get_wrapper_toolset(self, toolset: Any) -> Any:
            return Spoil(toolset)

    assert "TRIAL-DENIED" in lab.calls("ls", capabilities=[Wrap()])
    assert lab.ran == []


def prove_yes_of_a_person_is_for_one_call(lab: Lab) -> None:
    """A call that a tool makes under the id of one that was approved is a question again."""

    class Twice(WrapperToolset[Any]):
        async def call_tool(self, name: str, tool_args: Any, ctx: Any, tool: Any) -> Any:
            await super().call_tool(name, tool_args, ctx, tool)
            return await super().call_tool(name, {"command": "rm other"}, ctx, tool)

    class Wrap(Hooks[Any]):
        def get_wrapper_toolset(self, toolset: Any) -> Any:
            return Twice(toolset)

    script = Script([[call("ls")], [TextPart("done")]])
    agent, session, result = _deferred(lab, script, capabilities=[Wrap()])
    answer = DeferredToolResults(approvals={result.output.approvals[0].tool_call_id: True})
    history = result.all_messages()
    with session, governing(session):
        asyncio.run(agent.run(message_history=history, deferred_tool_results=answer))
    assert lab.ran == ["ls"]


def prove_other_capabilities_are_decided_as_they_leave_a_call(lab: Lab) -> None:
    """What another capability makes of the arguments is what is asked about."""
    hooks: Any = Hooks()

    @hooks.on.before_tool_execute
    async def spoil(ctx: Any, *, call: Any, tool_def: Any, args: Any) -> Any:
        return {"command": "touch FORBIDDEN"}

    assert "TRIAL-DENIED" in lab.calls("ls", capabilities=[hooks])
    assert lab.ran == []


def prove_tools_of_a_server_are_governed(lab: Lab) -> None:
    """A tool of an MCP server does not run when it is denied."""
    toolset = MCPToolset(StdioTransport(sys.executable, [mcp_server.__file__]))
    script = Script([[call("touch FORBIDDEN", "echo", "text")], [TextPart("done")]])
    names = {"echo": ToolMap("shell", {"command": "text"})}
    agent = lab.agent(script, tools=[], toolsets=[toolset], names=names)
    with start(lab.engine, "s") as session, governing(session):
        lab.run(agent)
    assert "TRIAL-DENIED" in script.read()


def prove_call_that_the_program_runs_itself_is_asked_about(lab: Lab) -> None:
    """An external tool that is denied is not handed out; one that is allowed is."""
    schema = {"type": "object", "properties": {"command": {"type": "string"}}}
    external: Any = ExternalToolset([ToolDefinition(name="sh", parameters_json_schema=schema)])
    script = Script([[call("touch FORBIDDEN")], [call("ls")]])
    agent = lab.agent(
        script, tools=[], toolsets=[external], output_type=[str, DeferredToolRequests]
    )
    with start(lab.engine, "s") as session, governing(session):
        result = lab.run(agent)
    assert [one.args for one in result.calls] == [{"command": "ls"}]
    assert "TRIAL-DENIED" in script.read()


def prove_tools_of_the_provider_are_refused(lab: Lab) -> None:
    """A tool that does not run in this process does not slip through."""
    script = Script([])
    agent = lab.agent(script, capabilities=[NativeTool(WebSearchTool())])
    with (
        start(lab.engine, "s") as session,
        governing(session),
        pytest.raises(MisuseError, match="GOV764"),
    ):
        lab.run(agent)
    assert script.asked == []


def prove_output_function_is_asked_about(lab: Lab) -> None:
    """A function that ends the run does not act when it is denied, and the model reads why."""
    for output in (lab.sh, ToolOutput(lab.sh, name="finish")):
        script = Script(
            [
                [call("touch FORBIDDEN", _output_name(output))],
                [call("touch fine", _output_name(output))],
            ]
        )
        agent = lab.agent(script, tools=[], output_type=output)
        with start(lab.engine, "s") as session, governing(session):
            assert lab.run(agent) == "did touch fine"
        assert "TRIAL-DENIED" in script.read()
    assert lab.ran == ["touch fine", "touch fine"]


def _output_name(output: Any) -> str:
    return "finish" if isinstance(output, ToolOutput) else "final_result"


def prove_output_function_of_a_text_is_asked_about(lab: Lab) -> None:
    """So is one that takes the model's text."""

    def say(text: str) -> str:
        return lab.sh(text)

    script = Script([[TextPart("touch FORBIDDEN")], [TextPart("touch fine")]])
    names = {"say": ToolMap("shell", {"command": "output"})}
    agent = lab.agent(script, tools=[], output_type=TextOutput(say), names=names)
    with start(lab.engine, "s") as session, governing(session):
        assert lab.run(agent) == "did touch fine"
    assert lab.ran == ["touch fine"]


def prove_output_function_that_is_not_named_is_denied(lab: Lab) -> None:
    """Of several behind one output the host does not say which one will run."""

    def other(number: int) -> str:
        return lab.sh(str(number))

    made = {"result": {"kind": "sh", "data": {"command": "touch fine"}}}
    script = Script([[TextPart(json.dumps(made))]])
    agent = lab.agent(script, tools=[], output_type=PromptedOutput([lab.sh, other]), retries=0)
    with (
        start(lab.engine, "s") as session,
        governing(session),
        pytest.raises(UnexpectedModelBehavior),
    ):
        lab.run(agent)
    assert lab.ran == []


def prove_output_function_is_rewritten(lab: Lab) -> None:
    """It gets what a rule makes of its arguments, also where these are a model."""

    def do(work: Work) -> str:
        return lab.sh(work.command)

    for output, name in ((lab.sh, "sh"), (do, "do")):
        script = Script([[call("touch CLUMSY", "final_result")]])
        agent = lab.agent(script, tools=[], output_type=output, names={name: TOOLS["sh"]})
        with start(lab.engine, "s") as session, governing(session):
            lab.run(agent)
    assert lab.ran == ["touch REWRITTEN", "touch REWRITTEN"]


def prove_output_function_runs_once_when_streamed(lab: Lab) -> None:
    """It does not act on what has come in so far, but on the whole, if it may."""

    async def work(agent: Agent[Any, Any]) -> None:
        async with agent.run_stream("hello") as result:
            async for _ in result.stream_output(debounce_by=None):
                pass

    for command in ("touch fine", "touch FORBIDDEN"):
        script = Script([[call(command, "final_result")]])
        agent = lab.agent(script, tools=[], output_type=lab.sh)
        denied = pytest.raises(UnexpectedModelBehavior) if "FORBIDDEN" in command else nullcontext()
        with start(lab.engine, "s") as session, governing(session), denied:
            asyncio.run(work(agent))
    assert lab.ran == ["touch fine"]


def prove_withheld_output_of_an_output_function_raises(lab: Lab) -> None:
    """There is no model left to read the reason: the program gets it."""
    script = Script([[call("cat secret", "final_result")]])
    agent = lab.agent(script, tools=[], output_type=lab.sh)
    with (
        start(lab.engine, "s") as session,
        governing(session),
        pytest.raises(ToolRefused, match="TRIAL-WITHHELD"),
    ):
        lab.run(agent)


def prove_agent_in_a_tool_is_a_sub_session(lab: Lab) -> None:
    """It is briefed and denied in a session of its own, that ends; each run is another one."""
    inner = Script([[call("touch FORBIDDEN")], [TextPart("inner done")]] * 2)
    helper = lab.agent(inner)

    async def ask(question: str) -> str:
        """Ask the helper."""
        return str((await helper.run(question)).output)

    outer = Script(
        [
            [call("a", "ask", "question"), call("b", "ask", "question")],
            [TextPart("done")],
        ]
    )
    agent = lab.agent(outer, tools=[ask], names=ASK)
    with start(lab.engine, "s") as session, governing(session):
        lab.run(agent)
        for child in ("s/1-main", "s/2-main"):
            assert lab.engine.state(child).state is State.ENDED
            assert lab.kinds(child).count("session.ended") == 1
    assert lab.ran == []
    assert inner.told[0].startswith("TRIAL-BRIEFING")
    assert "inner done" in outer.read()
    assert lab.kinds().count("session.created") == lab.kinds().count("session.ended") == 1


def prove_runs_of_one_task_are_turns_of_one_session(driven: Lab) -> None:
    """A run that comes after another one is not below it."""
    script = Script([[TextPart("hi")], [TextPart("hi")]])
    agent = driven.agent(script)

    async def work() -> None:
        for _ in range(2):
            await driven._run(agent, "hello")

    with start(driven.engine, "s") as session, governing(session):
        asyncio.run(work())
    assert driven.kinds().count("turn.started") == 2
    assert "child.started" not in driven.kinds()


def prove_prompt_of_a_sub_agent_that_is_denied_is_told_to_the_one_above(lab: Lab) -> None:
    """The tool that was to run it fails, and the run above goes on."""
    inner = Script([])
    helper = lab.agent(inner)

    async def ask(question: str) -> str:
        """Ask the helper."""
        return str((await helper.run(question)).output)

    outer = Script([[call("UNSPEAKABLE", "ask", "question")], [TextPart("done")]])
    with start(lab.engine, "s") as session, governing(session):
        assert lab.run(lab.agent(outer, tools=[ask], names=ASK)) == "done"
    assert inner.asked == []
    assert "TRIAL-UNSPOKEN" in outer.read()
    assert lab.kinds("s/1-main").count("session.ended") == 1


def prove_compaction_of_the_provider_is_seen(lab: Lab) -> None:
    """What it has summarized stands in the journal, and the briefing is owed again."""
    script = Script([[CompactionPart("a summary"), TextPart("hi")], [TextPart("hi")]])
    agent = lab.agent(script)
    with start(lab.engine, "s") as session, governing(session):
        lab.run(agent)
        assert lab.kinds().count("session.compacted") == 1
        lab.run(agent)
    assert "TRIAL-REMINDER" not in script.told[0]
    assert "TRIAL-REMINDER" in script.told[1]
    assert lab.kinds().count("governance.injected") == 2


def prove_known_session_is_resumed(lab: Lab) -> None:
    """A second start with the same id takes the session up again."""
    lab.calls("ls")
    lab.calls("pwd")
    assert lab.kinds().count("session.created") == 1
    assert lab.kinds().count("session.ended") == 2


def prove_reset_is_a_new_epoch(lab: Lab) -> None:
    """After it the model is told again."""
    script = Script([[TextPart("hi")], [TextPart("hi")]])
    agent = lab.agent(script)
    with start(lab.engine, "s") as session, governing(session):
        lab.run(agent)
        session.reset()
        lab.run(agent)
    assert lab.kinds().count("session.reset") == 1
    assert lab.kinds().count("governance.injected") == 2


def prove_run_that_is_left_ends_its_turn(lab: Lab) -> None:
    """Leaving the iteration early breaks the run off: no tool runs, and the turn has ended."""
    script = Script([[call("ls")]])
    agent = lab.agent(script)

    async def work() -> None:
        async with agent.iter("hello") as run:
            async for node in run:
                if agent.is_call_tools_node(node):
                    break

    with start(lab.engine, "s") as session, governing(session):
        asyncio.run(work())
        assert lab.kinds().count("turn.ended") == 1
    assert lab.ran == []


def prove_two_capabilities_are_refused(lab: Lab) -> None:
    """A call is asked about once."""
    with start(lab.engine, "s") as session, governing(session), pytest.raises(UserError):
        lab.run(lab.agent(Script([]), capabilities=[capability(TOOLS)]))


def prove_session_of_another_host_is_refused(lab: Lab) -> None:
    """What this host can do was not what it was begun with."""
    script = Script([])
    with (
        lab.engine.start("s") as session,
        governing(session),
        pytest.raises(MisuseError, match="GOV764"),
    ):
        lab.run(lab.agent(script))
    assert script.asked == []


def prove_spec_that_replaces_capabilities_is_refused(lab: Lab) -> None:
    """`override(spec=…)` with capabilities would take ours out; another spec, or a run's, stays."""
    script = Script([[call("touch FORBIDDEN")], [TextPart("done")]] * 2)
    agent = lab.agent(script)
    more = {"capabilities": ["Thinking"]}
    for one in (agent, WrapperAgent(agent)):
        for spec in (more, AgentSpec.from_dict(more)):
            with pytest.raises(MisuseError, match="GOV764"), one.override(spec=spec):
                lab.run(one)

    with start(lab.engine, "s") as session, governing(session):
        with agent.override(spec={"instructions": "OTHER"}):
            lab.run(agent)
        lab.run(agent, spec=more)

    assert lab.ran == []
    assert "TRIAL-DENIED" in script.read()


def prove_capability_of_a_run_stays_whatever_is_overridden(lab: Lab) -> None:
    """An agent that is governed by its run alone may get other capabilities of its own."""
    script = Script([])
    agent = Agent(script.model(), tools=[lab.sh])
    ours = capability(TOOLS)
    for _ in range(2):
        script.answers += [[call("touch FORBIDDEN")], [TextPart("done")]]
        with (
            start(lab.engine, "s") as session,
            governing(session),
            agent.override(spec={"capabilities": ["Thinking"]}),
        ):
            lab.run(agent, capabilities=[ours])
        assert "TRIAL-DENIED" in script.read()

    assert lab.ran == []
