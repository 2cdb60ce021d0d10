"""How a program runs an agent of the OpenAI Agents SDK in a governed session."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from governance._attrs import define, frozen
from governance.engine import Engine, Session
from governance.errors import GovernanceError, MisuseError
from governance.hosts.openai_agents import NAME, framework
from governance.hosts.openai_agents.agents import Running
from governance.hosts.openai_agents.capabilities import TRAITS
from governance.tools.naming import Named, tools_of
from governance.tools.turns import Turns, begun
from governance.tools.waiting import aside

STOP_SECONDS_MAX = 10.0
"""How long a run that was left may take to stop."""


def start(engine: Engine, session: str, *, role: str | None = None) -> Session:
    """
    Start *session*, or take it up again, as one of this host; used in ``with`` it ends once.

    It may have many runs: each is a turn.

    Raises:
        TurnRefused: GOV763, the session may not begin.
    """
    return begun(engine.start(session, role=role, host=NAME, traits=TRAITS))


async def run(
    agent: object,
    prompt: str | Sequence[Any],
    *,
    session: Session,
    tools: Named | None = None,
    hooks: Any = None,
    run_config: Any = None,
    **given: Any,
) -> Any:
    """
    ``Runner.run`` of a governed copy of *agent*, as one turn of *session*.

    Tools that are denied answer with the reason, which the model reads; the briefing stands
    in front of each request's instructions; an agent that is handed to is a sub-session.

    Args:
        prompt: What ``Runner.run`` takes as input, but no ``RunState``.

        tools: The program's tools → canonical tools, such as ``{"run": "shell"}``. Others
            get what ``unknown_tool`` says.

        given: Further arguments of ``Runner.run``.

    Raises:
        TurnRefused: GOV763, the prompt or a handoff was refused.

        MisuseError: GOV764, there is no SDK here, or a part of the agent would work without
            being asked about: tools that are no function tools, agents as tools, MCP servers.
    """
    made = _Governed.of(agent, prompt, session, tools, hooks, run_config)
    async with made.turn():
        return await framework.sdk().run(made.agent, prompt, **made.given, **given)


@asynccontextmanager
async def run_streamed(
    agent: object,
    prompt: str | Sequence[Any],
    *,
    session: Session,
    tools: Named | None = None,
    hooks: Any = None,
    run_config: Any = None,
    **given: Any,
) -> AsyncIterator[Any]:
    """
    ``Runner.run_streamed`` of a governed copy of *agent*, used in ``async with``.

    As `run`, but for what it gives: the SDK's own result, whose ``stream_events`` are read
    within. A run that is left before it is over is broken off, so that no tool runs when its
    turn has ended.

    Raises:
        TurnRefused, MisuseError: As `run`, before anything is sent; a refused handoff comes
            out of ``stream_events``.
    """
    made = _Governed.of(agent, prompt, session, tools, hooks, run_config)
    async with made.turn() as left:
        result = framework.sdk().run_streamed(made.agent, prompt, **made.given, **given)
        try:
            yield result
        finally:
            await _stopped(result)
        lost = result.run_loop_exception
        left.failure = type(lost).__name__ if lost is not None else ""


async def _stopped(result: Any) -> None:
    """Wait until nothing of the run goes on any more; what is not over is broken off."""
    from anyio import CancelScope, move_on_after

    task = result.run_loop_task
    if task is None or task.done():
        return
    result.cancel()
    with CancelScope(shield=True), move_on_after(STOP_SECONDS_MAX):
        await asyncio.wait({task})


@define(eq=False)
class _Left:
    """How a turn was left: ``failure`` names what went wrong, where no exception does."""

    failure: str = ""


@frozen
class _Governed:
    """A run that is to be: the copy of the agent, and what the SDK is given beside it."""

    agent: Any
    running: Running
    prompt: str
    given: Mapping[str, Any]

    @classmethod
    def of(
        cls,
        agent: object,
        prompt: str | Sequence[Any],
        session: Session,
        tools: Named | None,
        hooks: Any,
        run_config: Any,
    ) -> _Governed:
        sdk = framework.sdk()
        if not isinstance(prompt, str) and not isinstance(prompt, list):
            raise MisuseError(
                f"`{type(prompt).__name__}` cannot be the input of a governed run",
                code="GOV764",
                remedy="give a text or a list of items",
            )
        running = Running(tools_of(NAME, tools or {}), [Turns(session)])
        given = {
            "hooks": _hooks(sdk, hooks, running),
            "run_config": _config(sdk, run_config, running),
        }
        return cls(running.governed(agent), running, _text(prompt), given)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[_Left]:
        """The turn that the run is; it ends once, also on an exception."""
        left = _Left()
        await aside(lambda: self.running.turns[0].begin(self.prompt))
        try:
            yield left
        except BaseException as error:
            failure = type(error).__name__
            try:
                await aside(lambda: self.running.close(failure))
            except GovernanceError as lost:
                error.add_note(f"governance could not record it: {lost}")
            raise
        await aside(lambda: self.running.close(left.failure))


def _text(prompt: str | Sequence[Any]) -> str:
    """What is said by the last item of a user's, or the text itself."""
    if isinstance(prompt, str):
        return prompt
    said = [
        one.get("content") for one in prompt if isinstance(one, dict) and one.get("role") == "user"
    ]
    return str(said[-1]) if said else ""


def _config(sdk: framework.Sdk, given: Any, running: Running) -> Any:
    """*given* with a filter that puts the briefing first, after the program's own filter."""
    base = given if given is not None else sdk.config_class()
    if not isinstance(base, sdk.config_class):
        raise MisuseError("`run_config` is no `RunConfig`", code="GOV764")
    own = base.call_model_input_filter

    async def put_first(data: Any) -> Any:
        made = data.model_data
        if own is not None:
            made = own(data)
            made = await made if hasattr(made, "__await__") else made
        texts = (running.turns[-1].text, made.instructions or "")
        return dataclasses.replace(made, instructions="\n\n".join(filter(None, texts)) or None)

    return dataclasses.replace(base, call_model_input_filter=put_first)


def _answered(turns: Turns, response: Any) -> None:
    usage = getattr(response, "usage", None)
    turns.used(getattr(usage, "input_tokens", None), getattr(usage, "output_tokens", None))
    turns.answered()


def _hooks(sdk: framework.Sdk, given: Any, running: Running) -> Any:
    """*given*, and what tells that the model has answered."""

    base: Any = sdk.hooks_class

    class Hooks(base):  # type: ignore[misc]
        """The program's hooks with ours in front."""

        async def on_llm_end(self, context: Any, agent: Any, response: Any) -> None:
            running.check(agent)
            await aside(partial(_answered, running.turns[-1], response))
            if given is not None:
                await given.on_llm_end(context, agent, response)

    made = Hooks()
    if given is not None:
        for name in (
            "on_llm_start",
            "on_agent_start",
            "on_agent_end",
            "on_handoff",
            "on_tool_start",
            "on_tool_end",
        ):
            setattr(made, name, getattr(given, name))
    return made
