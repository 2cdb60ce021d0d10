"""
A harness as its author would write it; mypy and pyright read it, nothing runs it.

Every `assert_type` is a promise: a signature that loses its type fails the type check.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import assert_type

from governance import (
    AsyncEngine,
    DefinitionError,
    Diagnostic,
    Engine,
    Injection,
    Reply,
    Session,
    State,
    governed_tool,
    governing,
)
from governance.scopes import PROJECT, Reader, Refusal, Value
from governance.session.state import SessionState
from governance.values import Json


def work(project: Path) -> str:
    with Engine.open(project) as engine:
        assert_type(engine, Engine)
        with engine.start("s-1", role="builder", host="my-harness") as session:
            assert_type(session, Session)
            briefing = session.turn("Fix the login bug")
            assert_type(briefing, Reply)
            assert_type(briefing.injection, Injection | None)
            assert_type(briefing.text, str)
            verdict = session.tool("shell", {"command": "git push -f"}, call_id="c1")
            if verdict.denied:
                return verdict.message
            assert_type(verdict.rewritten, Mapping[str, Json] | None)
            session.tool_finished("c1", outcome="ok")
            session.compact()
            assert_type(session.governance_injected, bool)
            assert_type(session.state.registers.state, State)
    return ""


def problems(project: Path) -> tuple[Diagnostic, ...]:
    try:
        Engine.open(project).close()
    except DefinitionError as error:
        assert_type(error.diagnostics, tuple[Diagnostic, ...])
        return error.diagnostics
    return ()


async def work_async(project: Path) -> str:
    async with await AsyncEngine.open(project) as engine:
        session = await engine.start("s-1")
        verdict = await session.tool("read", {"path": "a.py"}, call_id="c1")
        assert_type(verdict, Reply)
        kept = await engine.contexts.get(PROJECT, "code", "entry", by=Reader("ann"))
        assert_type(kept, Value | Refusal | None)
        return verdict.message


def whoever(actor: str, action: str, session: str) -> Sequence[str]:
    return [] if (actor, action) == ("ann", "read") else [f"not {session}"]


def for_several_people(project: Path) -> SessionState:
    with Engine.open(project, actor="ann", authorize=whoever, key=lambda: b"k" * 32) as engine:
        session = engine.start("s-1", actor="bob")
        assert_type(session.actor, str | None)
        return engine.state("s-1", actor="ann")


@governed_tool(tool="shell")
def run(command: str, *, times: int = 1) -> int:
    return len(command) * times


@governed_tool
async def later(command: str) -> bytes:
    return command.encode()


async def tools(session: Session) -> None:
    with governing(session) as one:
        assert_type(one, Session)
        assert_type(run("ls", times=2), int)
        assert_type(await later("ls"), bytes)
