"""What the real OpenAI Agents SDK proves of our sessions, with a scripted model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from agents import Agent, ModelResponse, RunConfig, Runner, function_tool
from agents.items import TResponseInputItem
from agents.memory import Session, SessionSettings
from agents.models.interface import Model
from agents.usage import Usage
from openai.types.responses import (
    ResponseFunctionToolCall,
    ResponseOutputMessage,
    ResponseOutputText,
)

from governance.errors import StoreDamaged, StoreNewer
from governance.interop.kept import MovedOn
from governance.interop.openai_agents import JournalSession
from governance.journal import Append, Journal, Row
from governance.values import ValueRefused
from tests.hosts.interop.tampering import change

SESSION = "@openai-agents/s/000001"
QUIET = RunConfig(tracing_disabled=True)


class Scripted(Model):
    """Calls the tool where it has not been called, then says how much it was shown."""

    def __init__(self) -> None:
        self.seen: list[list[Any]] = []

    async def get_response(
        self, system_instructions: Any, input: Any, *words: Any, **named: Any
    ) -> ModelResponse:
        self.seen.append(list(input))
        if input[-1].get("role") == "user":
            call = ResponseFunctionToolCall(
                arguments="{}", call_id=f"c{len(self.seen)}", name="look", type="function_call"
            )
            return ModelResponse([call], Usage(), None)
        text = ResponseOutputText(annotations=[], text=f"saw {len(input)}", type="output_text")
        said = ResponseOutputMessage(
            id="m", content=[text], role="assistant", status="completed", type="message"
        )
        return ModelResponse([said], Usage(), None)

    def stream_response(self, *words: Any, **named: Any) -> AsyncIterator[Any]:
        raise NotImplementedError


@function_tool
def look() -> str:
    """Look around."""
    return "a room"


def item(text: str) -> TResponseInputItem:
    """What a user says."""
    return {"role": "user", "content": text}


def prove_a_conversation_goes_on(journal: Journal) -> None:
    """Runs with new session objects see all that was said, tool calls and results included."""
    model = Scripted()
    agent = Agent(name="a", model=model, tools=[look])

    async def main() -> tuple[str, str, list[Any]]:
        told = []
        for text in ("first", "second"):
            session = JournalSession("s", journal)
            run = await Runner.run(agent, text, session=session, run_config=QUIET)
            told.append(run.final_output)
        return told[0], told[1], await JournalSession("s", journal).get_items()

    first, second, items = asyncio.run(main())

    assert (first, second) == ("saw 3", "saw 7")
    assert [one.get("type", one.get("role")) for one in items] == 2 * [
        "user",
        "function_call",
        "function_call_output",
        "message",
    ]
    assert journal.verify().ok


def prove_it_is_a_session_to_the_sdk(journal: Journal) -> None:
    """The SDK's own protocol takes it, and its limit is heeded."""
    session = JournalSession("s", journal, session_settings=SessionSettings(limit=2))
    assert isinstance(session, Session)

    async def main() -> tuple[list[Any], ...]:
        await session.add_items([item(text) for text in "abcd"])
        limits = (None, 0, 1, 3, 9)
        return tuple([await session.get_items(limit) for limit in limits])

    told = ["".join(str(one["content"]) for one in page) for page in asyncio.run(main())]
    assert told == ["cd", "", "d", "bcd", "abcd"]


def prove_items_can_be_popped_and_cleared(journal: Journal) -> None:
    """The newest item comes off, a cleared session is empty and can go on, for all objects."""

    async def main() -> None:
        session, other = JournalSession("s", journal), JournalSession("s", journal)
        assert await session.pop_item() is None
        await session.add_items([item("a"), item("b")])
        assert await session.pop_item() == item("b")
        assert await other.get_items() == [item("a")]
        await session.clear_session()
        assert await session.get_items() == await other.get_items() == []
        await other.add_items([item("c")])
        assert await session.get_items() == [item("c")]

    asyncio.run(main())

    assert [one.session for one in journal.removed()] == [SESSION]
    assert journal.read(SESSION) == ()
    assert journal.verify().ok


def prove_two_runs_do_not_interleave(journal: Journal) -> None:
    """Who writes behind what they have not read is told so, and nothing is written."""

    async def main() -> None:
        ours, theirs = JournalSession("s", journal), JournalSession("s", journal)
        await ours.add_items([item("a")])
        await theirs.get_items()
        await ours.add_items([item("b")])
        for late in (
            lambda: theirs.add_items([item("c")]),
            theirs.pop_item,
            theirs.clear_session,
        ):
            with pytest.raises(MovedOn, match="GOV781"):
                await late()
        assert await theirs.get_items() == [item("a"), item("b")]
        await theirs.add_items([item("c")])
        await theirs.clear_session()
        with pytest.raises(MovedOn):
            await ours.add_items([item("d")])
        assert await ours.get_items() == []

    asyncio.run(main())


def prove_two_first_runs_do_not_interleave(journal: Journal) -> None:
    """The same where both have read that there is nothing, or one has cleared it."""

    async def main() -> None:
        ours, theirs = JournalSession("s", journal), JournalSession("s", journal)
        assert await ours.get_items() == await theirs.get_items() == []
        await ours.add_items([item("a")])
        with pytest.raises(MovedOn):
            await theirs.add_items([item("b")])
        await theirs.get_items()
        await theirs.clear_session()
        await JournalSession("s", journal).add_items([item("c")])
        with pytest.raises(MovedOn):
            await theirs.add_items([item("d")])
        assert await theirs.get_items() == [item("c")]

    asyncio.run(main())


def prove_items_are_whole_or_not_there(journal: Journal) -> None:
    """Where one of three items cannot be kept, none is."""
    bad: Any = {"role": "user", "content": float("nan")}

    async def main() -> list[Any]:
        session = JournalSession("s", journal)
        with pytest.raises(ValueRefused):
            await session.add_items([item("a"), bad, item("c")])
        return await session.get_items()

    assert asyncio.run(main()) == []


def prove_a_cancelled_write_is_whole(journal: Journal) -> None:
    """A call that is cancelled has ended when its caller goes on, and what it wrote is known."""

    async def main() -> list[Any]:
        session = JournalSession("s", journal)
        task = asyncio.ensure_future(session.add_items([item("a")]))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        found = await session.get_items()
        await session.add_items([item("b")])
        return found

    found = asyncio.run(main())

    assert len(journal.read(SESSION)) == len(found) + 1


@pytest.mark.parametrize("read_before", [False, True])
def prove_a_changed_item_is_an_error(journal: Journal, tmp_path: Path, read_before: bool) -> None:
    """An item that was changed in the file is refused by whoever reads it anew."""

    async def main() -> None:
        session = JournalSession("s", journal)
        await session.add_items([item("approved")])
        reader = JournalSession("s", journal)
        if read_before:
            assert await reader.get_items()
        await session.add_items([item("rejected")])
        change(tmp_path / "journal.db", SESSION, 2, b"rejected", b"accepted")
        with pytest.raises(StoreDamaged):
            await reader.get_items()

    asyncio.run(main())


def prove_rows_of_another_kind_are_no_items(journal: Journal) -> None:
    """What a later version wrote, or what makes no sense, is not passed over."""
    for name, kind, error in (
        ("x", "agents.later", StoreNewer),
        ("y", "agents.items", StoreDamaged),
        ("z", "agents.popped", StoreDamaged),
    ):
        journal.append([Append(f"@openai-agents/{name}/000001", 0, (Row(kind, 0, b"{}"),))])
        with pytest.raises(error):
            asyncio.run(JournalSession(name, journal).get_items())
