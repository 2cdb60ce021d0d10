"""What the real LangGraph, and its suite for checkpointers, prove of ours."""

from __future__ import annotations

import asyncio
import operator
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from attrs import evolve
from langgraph.checkpoint.base import BaseCheckpointSaver, empty_checkpoint
from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt

from governance.errors import StoreDamaged, StoreNewer
from governance.interop.kept import MovedOn
from governance.interop.langgraph import JournalSaver, ValueUnsafe
from governance.journal import Append, Journal, Row, open_journal
from governance.journal.memory import MemoryJournal
from tests.hosts.interop.tampering import change

THREAD = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
SESSION = "@langgraph/t/000001"
BASE = {"put", "put_writes", "get_tuple", "list", "delete_thread"}


class Work(TypedDict):
    """What the graph of these proofs keeps."""

    n: Annotated[int, operator.add]
    big: str
    said: str


class Opaque:
    """What no serializer but pickle can write."""


def graph(saver: BaseCheckpointSaver[Any]) -> Any:
    """Adds one, asks a person, adds ten."""
    made = StateGraph(Work)
    made.add_node("one", lambda _: {"n": 1})
    made.add_node("ask", lambda _: {"said": interrupt("go on?")})
    made.add_node("ten", lambda _: {"n": 10})
    made.add_edge(START, "one")
    made.add_edge("one", "ask")
    made.add_edge("ask", "ten")
    made.add_edge("ten", END)
    return made.compile(checkpointer=saver)


def put(saver: BaseCheckpointSaver[Any], config: Any, **values: object) -> Any:
    """A checkpoint with *values* after that of *config*."""
    made = empty_checkpoint()
    versions: Any = dict.fromkeys(values, "1")
    made["channel_values"], made["channel_versions"] = dict(values), versions
    return saver.put(config, made, {"source": "loop", "step": 0, "parents": {}}, versions)


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def prove_the_suite_for_checkpointers_passes(kind: str, tmp_path: Path) -> None:
    """LangGraph's own conformance suite passes in all that a checkpointer must do."""
    stores: list[Journal] = []

    @checkpointer_test(name=f"journal-{kind}")
    async def made() -> AsyncIterator[BaseCheckpointSaver[Any]]:
        url = f"sqlite:///{len(stores)}.db?mirror=off" if kind == "sqlite" else "memory:"
        stores.append(open_journal(url, base=tmp_path, create=True))
        yield JournalSaver(stores[-1])

    report = asyncio.run(validate(made))

    results = report.results
    assert {name for name, one in results.items() if one.detected} == BASE
    assert {name: one.failures for name, one in results.items() if one.passed is False} == {}
    assert sum(one.tests_passed for one in results.values()) >= 58
    for one in stores:
        assert one.verify().ok
        one.close()


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
def prove_a_graph_goes_on_with_another_saver(journal: Journal, durability: str) -> None:
    """A graph stops for a person, and goes on in what could be another process."""
    graph(JournalSaver(journal)).invoke({"n": 0, "big": "b"}, THREAD, durability=durability)
    later = graph(JournalSaver(journal))
    assert later.get_state(THREAD).next == ("ask",)

    told = later.invoke(Command(resume="yes"), THREAD, durability=durability)

    assert told == {"n": 11, "big": "b", "said": "yes"}
    assert later.get_state(THREAD).values == told
    assert journal.verify().ok


def prove_a_graph_goes_on_in_an_event_loop(journal: Journal) -> None:
    """The same without keeping the event loop."""

    async def main() -> Any:
        await graph(JournalSaver(journal)).ainvoke({"n": 0, "big": "b"}, THREAD)
        return await graph(JournalSaver(journal)).ainvoke(Command(resume="yes"), THREAD)

    assert asyncio.run(main())["n"] == 11


def prove_history_can_be_gone_back_to(journal: Journal) -> None:
    """Who reads an old checkpoint may branch off it, and each branch keeps its values."""
    work = graph(JournalSaver(journal))
    work.invoke({"n": 0, "big": "b"}, THREAD)
    work.invoke(Command(resume="first"), THREAD)
    asked = next(one for one in work.get_state_history(THREAD) if one.next == ("ask",))
    first = work.get_state(THREAD).config

    forked = work.update_state(asked.config, {"n": 100})

    assert work.get_state(forked).values["n"] == 101
    assert work.get_state(first).values["n"] == 11


def prove_two_engines_do_not_fork_a_thread(journal: Journal) -> None:
    """Of two that go on from one checkpoint one is told so, and nothing of it is written."""
    ours, theirs = JournalSaver(journal), JournalSaver(journal)
    start = put(ours, THREAD, n=0)
    assert ours.get_tuple(THREAD)
    assert theirs.get_tuple(THREAD)

    put(ours, start, n=1)
    before = journal.head(SESSION)
    with pytest.raises(MovedOn, match="GOV781"):
        put(theirs, start, n=2)

    assert journal.head(SESSION) == before
    assert theirs.get_tuple(THREAD).checkpoint["channel_values"] == {"n": 1}
    put(theirs, theirs.get_tuple(THREAD).config, n=2)


def prove_one_saver_does_not_fork_a_thread(journal: Journal) -> None:
    """The same of two runs of one process that share a saver, and of two first runs."""
    saver = JournalSaver(journal)
    assert saver.get_tuple(THREAD) is None
    start = put(saver, THREAD, n=0)
    with pytest.raises(MovedOn):
        put(saver, THREAD, n=5)
    assert saver.get_tuple(THREAD)
    assert saver.get_tuple(THREAD)

    put(saver, start, n=1)

    with pytest.raises(MovedOn):
        put(saver, start, n=2)
    with pytest.raises(MovedOn):
        put(JournalSaver(journal), start, n=2)


def prove_writes_are_whole_or_not_there(journal: Journal) -> None:
    """Where one of three writes cannot be kept, none is."""
    saver = JournalSaver(journal)
    start = put(saver, THREAD, n=0)

    with pytest.raises(ValueUnsafe):
        saver.put_writes(start, [("a", 1), ("b", Opaque()), ("c", 3)], "task")

    assert saver.get_tuple(start).pending_writes == []


def prove_nothing_is_pickled(journal: Journal) -> None:
    """Neither written by a serializer that would, nor read from a row that holds a pickle."""
    saver = JournalSaver(journal, serde=JsonPlusSerializer(pickle_fallback=True))
    with pytest.raises(ValueUnsafe, match="pickle"):
        put(saver, THREAD, n=Opaque())
    assert journal.head(SESSION).seq == 0
    put(saver, THREAD, n=b"\x80\x04N.")
    (row,) = journal.read(SESSION)
    for form in (b"pickle", b"json"):
        forged = row.body.replace(b'"bytes"', b'"' + form + b'"').replace(b'"ns":""', b'"ns":"x"')
        end = journal.head(SESSION).seq
        journal.append([Append(SESSION, end, (Row(row.kind, row.at_ms, forged),))])

        with pytest.raises(ValueUnsafe, match=form.decode()):
            saver.get_tuple({"configurable": {"thread_id": "t", "checkpoint_ns": "x"}})


@pytest.mark.parametrize("read_before", [False, True])
def prove_a_changed_row_is_an_error(journal: Journal, tmp_path: Path, read_before: bool) -> None:
    """A row that was changed in the file is refused, also by who had read it before."""
    saver = JournalSaver(journal)
    put(saver, put(saver, THREAD, n="yes"), n="yes")
    reader = JournalSaver(journal)
    if read_before:
        assert reader.get_tuple(THREAD)

    change(tmp_path / "journal.db", SESSION, 2, b'"n"', b'"m"')

    for read in (lambda: reader.get_tuple(THREAD), lambda: list(reader.list(THREAD))):
        with pytest.raises(StoreDamaged):
            read()


@pytest.mark.parametrize("read_before", [False, True])
def prove_a_back_end_that_does_not_look_is_looked_at(read_before: bool) -> None:
    """The same on a store that gives rows as they are, for reading promises no proof."""
    journal = MemoryJournal()
    saver = JournalSaver(journal)
    put(saver, THREAD, n="yes")
    if read_before:
        assert saver.get_tuple(THREAD)
    else:
        saver = JournalSaver(journal)
    rows = journal._chains[SESSION].rows
    rows[0] = evolve(rows[0], body=rows[0].body.replace(b'"n"', b'"m"'))

    with pytest.raises(StoreDamaged, match="row 1 "):
        saver.get_tuple(THREAD)


def prove_rows_of_another_kind_are_an_error(journal: Journal) -> None:
    """A thread with a row that a later version wrote is not read as if it were not there."""
    put(JournalSaver(journal), THREAD, n=0)
    journal.append([Append(SESSION, 1, (Row("langgraph.later", 0, b"{}"),))])

    with pytest.raises(StoreNewer, match="later"):
        JournalSaver(journal).get_tuple(THREAD)


def prove_a_deleted_thread_is_gone_and_may_begin_again(journal: Journal, tmp_path: Path) -> None:
    """Its rows go, a tombstone stays, and its name can be used again by any saver."""
    saver, other = JournalSaver(journal), JournalSaver(journal)
    put(saver, THREAD, n="a-secret")
    assert other.get_tuple(THREAD) is not None

    saver.delete_thread("t")

    assert [one.session for one in journal.removed()] == [SESSION]
    assert journal.read(SESSION) == ()
    assert other.get_tuple(THREAD) is None
    put(other, THREAD, n="again")
    assert saver.get_tuple(THREAD).checkpoint["channel_values"] == {"n": "again"}
    assert [one.config["configurable"]["thread_id"] for one in saver.list(None)] == ["t"]
    assert journal.verify().ok


def prove_what_did_not_change_is_not_written_again(journal: Journal) -> None:
    """A step costs what it changed, however much the thread holds."""
    saver = JournalSaver(journal)
    graph(saver).invoke({"n": 0, "big": "x" * 100_000}, THREAD)
    graph(saver).invoke(Command(resume="yes"), THREAD)

    sizes = sorted((len(one.body) for one in journal.read(SESSION)), reverse=True)

    # What was put in stands there as the input's write, and as the channel's value.
    assert sum(size > 100_000 for size in sizes) <= 3
    assert sum(size < 10_000 for size in sizes) == len(sizes) - sum(
        size > 100_000 for size in sizes
    )


def prove_types_that_could_run_code_are_not_made(journal: Journal) -> None:
    """A class that is not on the list comes back as its plain parts."""
    saver = JournalSaver(journal)
    put(saver, THREAD, path=Path("/a/b"), task=Named("x"))

    told = saver.get_tuple(THREAD).checkpoint["channel_values"]

    assert told["path"] == Path("/a/b")
    assert not isinstance(told["task"], Named)


def prove_many_threads_of_one_saver_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept in memory of threads is bounded, and what fell out of it is read again."""
    import governance.interop.langgraph as room

    monkeypatch.setattr(room, "THREADS_MAX", 3)
    monkeypatch.setattr(room, "READS_MAX", 3)
    saver = JournalSaver(MemoryJournal())

    def config(n: int) -> Any:
        return {"configurable": {"thread_id": str(n), "checkpoint_ns": ""}}

    for number in range(8):
        put(saver, config(number), n=number)
        assert saver.get_tuple(config(number)) is not None

    assert len(saver._threads) == len(saver._read) == 3
    assert saver.get_tuple(config(0)).checkpoint["channel_values"] == {"n": 0}


class Named:
    """A class of the program's own that LangGraph's serializer can write."""

    def __init__(self, name: str) -> None:
        self.name = name

    def model_dump(self) -> dict[str, str]:
        return {"name": self.name}
