"""A governed run of the OpenAI Agents SDK, as a program would write it."""

from __future__ import annotations

from typing import assert_type

from governance import Engine, Session
from governance.hosts.openai_agents import run, run_streamed, start
from governance.rules.host_tools import ToolMap
from governance.tools.naming import Named


async def work(engine: Engine, agent: object) -> None:
    with start(engine, "s-1", role="builder") as session:
        assert_type(session, Session)
        tools: Named = {"look": ToolMap("read", {"path": "file"}), "sh": "shell"}
        await run(agent, "hello", session=session, tools=tools, max_turns=3)
        async with run_streamed(agent, "hello", session=session, tools=tools) as result:
            async for event in result.stream_events():
                print(event.type)
