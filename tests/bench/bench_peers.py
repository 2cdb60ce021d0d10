"""
A durable decision beside what other frameworks keep durably, in turn within one process.

Each function gives ``(measured, bound)``: the time of one `Session.tool`, decided by the
shipped packs and on disk, over that of one write of theirs to a store of the same kind, which
syncs what it commits as ours does. What is compared with is imported here alone.
"""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.bench.disks import AS_IT_IS
from tests.bench.turns import deciding

_SAID = "The importer reads each line twice, which is why the second half is late. " * 4


def _putting(saver: Any, messages: int) -> Callable[[], object]:
    """One `put` of LangGraph's *saver*, of a checkpoint with so many *messages* in its state."""
    from langchain_core.messages import HumanMessage
    from langgraph.checkpoint.base import empty_checkpoint

    state = [HumanMessage(_SAID, id=str(number)) for number in range(messages)]
    config: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
    steps = itertools.count(1)

    def put() -> object:
        nonlocal config
        step = next(steps)
        version = f"{step:032}.0"
        made = {
            **empty_checkpoint(),
            "channel_values": {"messages": state},
            "channel_versions": {"messages": version},
        }
        told = {"source": "loop", "step": step, "parents": {}}
        config = saver.put(config, made, told, {"messages": version})
        return config

    return put


def _over_sqlite_saver(folder: Path, messages: int) -> float:
    from langgraph.checkpoint.sqlite import SqliteSaver

    with closing(sqlite3.connect(folder / "theirs.db", check_same_thread=False)) as connection:
        saver = SqliteSaver(connection)
        saver.setup()
        # INVARIANT: both sync each commit.
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
        with deciding(AS_IT_IS.store(folder / "own")) as calls:
            return calls.over(_putting(saver, messages), per_round=25).ratio


def over_sqlite_saver(folder: Path) -> tuple[float, float]:
    """LangGraph's `SqliteSaver.put`, with one message in the state."""
    return _over_sqlite_saver(folder, 1), 1.1


def over_long_sqlite_saver(folder: Path) -> tuple[float, float]:
    """LangGraph's `SqliteSaver.put`, with 1,000 messages in the state."""
    return _over_sqlite_saver(folder, 1_000), 0.3


def _over_postgres_saver(folder: Path, messages: int) -> float:
    from langgraph.checkpoint.postgres import PostgresSaver
    from psycopg.rows import dict_row

    from tests.postgres_server import running_server

    with running_server(synced=True) as server, server.connect() as connection:
        connection.row_factory = dict_row  # type: ignore[assignment]
        saver = PostgresSaver(connection)  # type: ignore[arg-type]
        saver.setup()
        with deciding(server.journal(mirror=folder / "heads")) as calls:
            return calls.over(_putting(saver, messages), rounds=12, per_round=25).ratio


def over_postgres_saver(folder: Path) -> tuple[float, float]:
    """LangGraph's `PostgresSaver.put` on the same server, with one message in the state."""
    return _over_postgres_saver(folder, 1), 1.1


def over_long_postgres_saver(folder: Path) -> tuple[float, float]:
    """LangGraph's `PostgresSaver.put` on the same server, with 1,000 messages in the state."""
    return _over_postgres_saver(folder, 1_000), 0.3


def over_sqlite_session(folder: Path) -> tuple[float, float]:
    """One item that the OpenAI Agents SDK adds to its `SQLiteSession`, called in a loop of its."""
    from agents import SQLiteSession

    session = SQLiteSession("s", folder / "theirs.db")
    item: Any = {"role": "user", "content": _SAID}
    with (
        closing(asyncio.new_event_loop()) as loop,
        deciding(AS_IT_IS.store(folder / "own")) as calls,
    ):

        def add() -> None:
            loop.run_until_complete(session.add_items([item]))

        found = calls.over(add, per_round=25).ratio
        assert len(loop.run_until_complete(session.get_items())) > 100
    session.close()
    return found, 1.1
