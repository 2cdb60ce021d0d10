"""A governed client of the Claude Agent SDK, as a program would write it."""

from __future__ import annotations

from governance import Engine
from governance.hosts.claude_agent_sdk import client, query


async def work(engine: Engine, options: object) -> None:
    async with client(engine, options, role="builder") as claude:
        await claude.query("hello")
    async with client(engine) as claude:
        await claude.query("hello")
    async for message in query(engine, "hello", options, role="builder"):
        print(message)
