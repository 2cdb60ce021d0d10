"""Harnesses in process are refused where they are not there."""

from __future__ import annotations

import asyncio
import sys

import pytest

from governance.errors import MisuseError
from governance.hosts import langchain, openai_agents
from governance.hosts.langchain.framework import langchain as langchain_itself
from governance.hosts.openai_agents.framework import sdk
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
