"""The SDK's function for one prompt, by a governed client of its own."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Mapping
from typing import Any

from governance.engine import Engine
from governance.hosts.claude_agent_sdk.governing import client


async def query(
    engine: Engine,
    prompt: str | AsyncIterable[Mapping[str, Any]],
    options: Any = None,
    *,
    role: str | None = None,
) -> AsyncIterator[Any]:
    """
    The messages that the SDK's ``query`` gives, of a client that *engine* governs.

    The client is made for this and ends with it, and so do its sessions: a program that
    stops reading early closes what it reads (``contextlib.aclosing``).

    Args:
        prompt: A text, or messages as the SDK takes them, each given to the client once the
            turn before it has ended.

        options: ``ClaudeAgentOptions``, as for `client`.

        role: As for `client`.

    Raises:
        MisuseError: As `client`.
    """
    async with client(engine, options, role=role) as claude:
        async for one in _prompts(prompt):
            await claude.query(one)
            async for message in claude.receive_response():
                yield message


async def _prompts(
    prompt: str | AsyncIterable[Mapping[str, Any]],
) -> AsyncIterator[str | AsyncIterable[Mapping[str, Any]]]:
    if isinstance(prompt, str):
        yield prompt
        return
    async for message in prompt:
        yield _alone(message)


async def _alone(message: Mapping[str, Any]) -> AsyncIterator[Mapping[str, Any]]:
    yield message
