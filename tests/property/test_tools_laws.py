"""Whatever kind of function a tool is, it runs exactly when it may, and as it may."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance import ToolRefused, governed_tool, governing
from governance.formats import body_of
from governance.testing.engines import memory_engine
from governance.tools.signature import signature_of
from tests.profiles import examples
from tests.tool_pack import tool_law

RAN: list[str] = []
REWRITTEN = {"touch CLUMSY": "touch REWRITTEN"}


def _work(command: str) -> str:
    RAN.append(command)
    if "fail" in command:
        raise ValueError(command)
    return command


class Box:
    """Tools of every kind; the same work in each."""

    @governed_tool(tool="shell")
    def method(self, command: str) -> str:
        return _work(command)

    @classmethod
    @governed_tool(tool="shell")
    def of_class(cls, command: str) -> str:
        return _work(command)

    @staticmethod
    @governed_tool(tool="shell")
    def of_nobody(command: str) -> str:
        return _work(command)

    @governed_tool(tool="shell")
    async def later(self, command: str) -> str:
        await asyncio.sleep(0)
        return _work(command)

    @governed_tool(tool="shell")
    def pieces(self, command: str) -> Iterator[str]:
        yield _work(command)

    @governed_tool(tool="shell")
    async def pieces_later(self, command: str) -> AsyncIterator[str]:
        yield _work(command)


@governed_tool(tool="shell")
def plain(command: str) -> str:
    return _work(command)


def outcome_of(tool: Callable[[str], Any], command: str) -> str:
    """What came of one call: its result, or the exception's name."""

    async def main() -> str:
        made = tool(command)
        if inspect.isawaitable(made):
            return str(await made)
        if inspect.isasyncgen(made):
            return "".join([one async for one in made])
        return made if isinstance(made, str) else "".join(made)

    try:
        return asyncio.run(main())
    except (ToolRefused, ValueError) as error:
        return type(error).__name__


KINDS = [plain, *(getattr(Box(), name) for name in vars(Box) if not name.startswith("_"))]
COMMANDS = st.sampled_from(["ls", "touch allowed", "touch FORBIDDEN", "touch CLUMSY", "fail"])


@pytest.mark.parametrize("tool", KINDS, ids=lambda one: one.__name__)
@settings(max_examples=examples(20))
@given(commands=st.lists(COMMANDS, max_size=4))
def test_tool_runs_exactly_when_and_as_it_may(
    tool: Callable[[str], Any], commands: list[str]
) -> None:
    """Denied calls do not run, rewritten ones run so, and each that ran is reported once."""
    RAN.clear()
    with memory_engine(law=tool_law()) as engine, engine.start("s") as session:
        session.turn("go")
        with governing(session):
            came = [outcome_of(tool, one) for one in commands]
        rows = [body_of(row) for row in engine.journal.read("s") if row.kind == "tool.finished"]

    may = [REWRITTEN.get(one, one) for one in commands if "FORBIDDEN" not in one]
    expected = {"touch FORBIDDEN": "ToolRefused", "fail": "ValueError"} | REWRITTEN
    assert may == RAN
    assert came == [expected.get(one, one) for one in commands]
    outcomes = ["failed" if one == "fail" else "ok" for one in may]
    assert [row["data"]["outcome"] for row in rows] == outcomes  # type: ignore[call-overload]


def _first(a: object, /, b: object, *c: object, d: object = 4, **e: object) -> object:
    return a, b, c, d, e


VALUES = st.one_of(st.integers(-9, 9), st.text(max_size=3), st.lists(st.booleans(), max_size=2))


@given(
    args=st.lists(VALUES, min_size=2, max_size=4),
    named=st.dictionaries(st.sampled_from("defgh"), VALUES, max_size=4),
    wanted=VALUES,
)
def test_call_comes_back_from_its_arguments(
    args: list[Any], named: dict[str, Any], wanted: Any
) -> None:
    """Arguments by name make the same call again, and changing one changes that one alone."""
    bound = signature_of(_first).bind(tuple(args), named)
    again = bound.changed(bound.shown)
    other = bound.changed({**bound.shown, "b": wanted})

    assert _first(*again.args, **again.kwargs) == _first(*args, **named)
    assert _first(*other.args, **other.kwargs) == _first(args[0], wanted, *args[2:], **named)
