"""Harnesses in process are refused where they are not there."""

from __future__ import annotations

import asyncio
import sys
from types import SimpleNamespace

import pytest

from governance.errors import JournalError, MisuseError
from governance.hosts import claude_agent_sdk, langchain, openai_agents, pydantic_ai
from governance.hosts.claude_agent_sdk.framework import sdk as claude_sdk
from governance.hosts.langchain.framework import langchain as langchain_itself
from governance.hosts.openai_agents.framework import sdk
from governance.hosts.openai_agents.running import _answered
from governance.hosts.pydantic_ai.framework import pydantic_ai as pydantic_ai_itself
from governance.journal.memory import MemoryJournal
from governance.testing import FailingJournal
from governance.testing.engines import memory_engine
from governance.tools.turns import Turns
from tests.property.told_events import law as briefing_law
from tests.tool_pack import tool_law
from tests.unit.faulty_engines import FULL


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


def test_what_a_request_has_used_is_counted_though_it_cannot_be_written() -> None:
    """It comes with what the next one has used, whatever else of the answer could not be told."""
    journal = FailingJournal(MemoryJournal())
    with memory_engine(law=briefing_law(), journal=journal) as engine:
        turns = Turns(openai_agents.start(engine, "s"))
        turns.begin("go")
        journal.fail("append", FULL, times=2)

        with pytest.raises(JournalError):
            _answered(turns, _response(7, 2))
        _answered(turns, _response(1, 1))

        usage = turns.session.state.usage
        assert (usage.input_tokens, usage.output_tokens) == (8, 3)


def _response(input_tokens: int, output_tokens: int) -> SimpleNamespace:
    return SimpleNamespace(
        usage=SimpleNamespace(input_tokens=input_tokens, output_tokens=output_tokens)
    )
