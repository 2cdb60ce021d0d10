"""How a program runs an agent of the OpenAI Agents SDK in a governed session."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from governance.engine import Engine, Session
from governance.errors import GovernanceError, MisuseError
from governance.hosts.openai_agents import NAME, framework
from governance.hosts.openai_agents.agents import Running
from governance.hosts.openai_agents.capabilities import TRAITS
from governance.tools.naming import Named, tools_of
from governance.tools.turns import Turns
from governance.tools.waiting import aside


def start(engine: Engine, session: str, *, role: str | None = None) -> Session:
    """
    Start *session*, or take it up again, as one of this host; used in ``with`` it ends once.

    It may have many runs: each is a turn.
    """
    return engine.start(session, role=role, host=NAME, traits=TRAITS)


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
    sdk = framework.sdk()
    if not isinstance(prompt, str) and not isinstance(prompt, list):
        raise MisuseError(
            f"`{type(prompt).__name__}` cannot be the input of a governed run",
            code="GOV764",
            remedy="give a text or a list of items",
        )
    turns = Turns(session)
    running = Running(tools_of(NAME, tools or {}), [turns])
    governed = running.governed(agent)
    config = _config(sdk, run_config, running)
    await aside(lambda: turns.begin(_text(prompt)))
    try:
        result = await sdk.run(
            governed, prompt, hooks=_hooks(sdk, hooks, running), run_config=config, **given
        )
    except BaseException as error:
        failure = type(error).__name__
        try:
            await aside(lambda: running.close(failure))
        except GovernanceError as lost:
            error.add_note(f"governance could not record it: {lost}")
        raise
    await aside(lambda: running.close(""))
    return result


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


def _hooks(sdk: framework.Sdk, given: Any, running: Running) -> Any:
    """*given*, and what tells that the model has answered."""

    base: Any = sdk.hooks_class

    class Hooks(base):  # type: ignore[misc]
        """The program's hooks with ours in front."""

        async def on_llm_end(self, context: Any, agent: Any, response: Any) -> None:
            await aside(running.turns[-1].answered)
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
