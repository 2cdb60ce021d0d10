"""Harnesses in process are refused where they are not there."""

from __future__ import annotations

import asyncio
import sys

import pytest

from governance.errors import MisuseError
from governance.hosts import claude_agent_sdk, langchain, openai_agents, pydantic_ai
from governance.hosts.claude_agent_sdk.framework import sdk as claude_sdk
from governance.hosts.langchain.framework import langchain as langchain_itself
from governance.hosts.openai_agents.framework import sdk
from governance.hosts.pydantic_ai.framework import pydantic_ai as pydantic_ai_itself
from governance.testing.engines import memory_engine
from tests.tool_pack import tool_law


def test_openai_agents_without_the_sdk_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is begun, and the remedy names the package."""
    monkeypatch.setitem(sys.modules, "agents", None)
    sdk.cache_clear()

    with memory_engine(law=tool_law()) as engine, openai_agents.start(engine, "s") as session:
        with pytest.raises(MisuseError, match="GOV764") as caught:
            asyncio.run(openai_agents.run(object(), "hello", session=session))
        assert "openai-agents" in caught.value.remedy
        assert session.state.registers.state == "beginning"


def test_langchain_without_langchain_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """No agent can be made with a middleware that is not there."""
    monkeypatch.setitem(sys.modules, "langchain_core", None)
    langchain_itself.cache_clear()

    with memory_engine(law=tool_law()) as engine, langchain.start(engine, "s") as session:
        with pytest.raises(MisuseError, match="GOV764") as caught:
            langchain.middleware(session)
        assert "langchain" in caught.value.remedy


def test_pydantic_ai_without_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """No agent can be made with a capability that is not there."""
    monkeypatch.setitem(sys.modules, "pydantic_ai", None)
    pydantic_ai_itself.cache_clear()

    with pytest.raises(MisuseError, match="GOV764") as caught:
        pydantic_ai.capability({"run": "shell"})
    assert "pydantic-ai-slim" in caught.value.remedy


def test_pydantic_ai_says_whether_a_person_can_be_asked() -> None:
    """Without approvals a question is a denial, from the beginning on."""
    with memory_engine(law=tool_law()) as engine:
        assert not pydantic_ai.start(engine, "s").traits.asks
        assert pydantic_ai.start(engine, "t", approvals=True).traits.asks


def test_claude_agent_sdk_without_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """No client is made."""
    monkeypatch.setitem(sys.modules, "claude_agent_sdk", None)
    claude_sdk.cache_clear()

    with memory_engine(law=tool_law()) as engine, pytest.raises(MisuseError) as caught:
        claude_agent_sdk.client(engine)
    assert caught.value.code == "GOV764"
    assert "claude-agent-sdk" in caught.value.remedy
