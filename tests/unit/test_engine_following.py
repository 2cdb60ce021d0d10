"""Followers: which rows come, in which order, from where on, and when it ends."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.aengine import AsyncEngine
from governance.engine.following import Cursor, Follower, cursor_now
from governance.errors import MisuseError
from governance.journal.backup import backup_store
from governance.journal.memory import MemoryJournal
from governance.journal.records import Append, Journal, Row
from governance.journal.restore import restore_store
from governance.journal.sqlite import SqliteJournal
from governance.testing.engines import memory_engine

WRITER = """
import sys
from pathlib import Path
from governance.journal.records import Append, Row
from governance.journal.sqlite import SqliteJournal
journal = SqliteJournal.open(Path(sys.argv[1]), create=False)
for number in range(int(sys.argv[3])):
    journal.append([Append(sys.argv[2], number, (Row("turn.started", 1, b"{}"),))])
journal.close()
"""


def write(journal: Journal, session: str, count: int = 1) -> None:
    rows = tuple(Row("turn.started", 1, b"{}") for _ in range(count))
    journal.append([Append(session, journal.head(session).seq, rows)])


def places(rows: object) -> list[tuple[str, int]]:
    return [(one.session, one.seq) for one in rows]  # type: ignore[attr-defined]


@pytest.fixture
def journal() -> Iterator[Journal]:
    made = MemoryJournal()
    yield made
    made.close()


def test_every_row_comes_once_in_order_of_its_session(journal: Journal) -> None:
    """What was there comes first, what is written later comes at the next look, nothing twice."""
    write(journal, "a", 3)
    follower = Follower.after(journal)

    first = places(follower.take())
    write(journal, "b", 2)
    write(journal, "a")
    second = places(follower.take())

    assert first == [("a", 1), ("a", 2), ("a", 3)]
    assert sorted(second) == [("a", 4), ("b", 1), ("b", 2)]
    assert follower.take() == ()


def test_a_follower_can_begin_now(journal: Journal) -> None:
    """Behind the cursor of this moment only what is written from now on comes."""
    write(journal, "a", 3)

    follower = Follower.after(journal, cursor_now(journal))
    write(journal, "a")
    write(journal, "b")

    assert sorted(places(follower.take())) == [("a", 4), ("b", 1)]


def test_one_session_alone(journal: Journal) -> None:
    """Rows of others do not come."""
    write(journal, "a", 2)
    write(journal, "b", 2)

    assert places(Follower.after(journal, session="b").take()) == [("b", 1), ("b", 2)]


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 4)), max_size=12),
    st.lists(st.integers(0, 6), max_size=12),
)
def test_stops_anywhere_lose_and_repeat_nothing(
    writes: list[tuple[str, int]], takes: list[int]
) -> None:
    """However often a follower is left and another one goes on after its cursor, as text."""
    journal = MemoryJournal()
    cursor: Cursor | None = None
    got: list[tuple[str, int]] = []
    for place, (session, count) in enumerate(writes):
        write(journal, session, count)
        follower = Follower.after(journal, cursor)
        got += places(follower.take(takes[place] if place < len(takes) else 1))
        cursor = Cursor.from_text(follower.cursor.text())
    got += places(Follower.after(journal, cursor).take(10_000))

    for session in "abc":
        mine = [seq for name, seq in got if name == session]
        assert mine == list(range(1, journal.head(session).seq + 1))


def test_a_branch_brings_its_own_rows_alone(journal: Journal) -> None:
    """Rows that it shares came with the session that wrote them; alone it is whole."""
    write(journal, "a", 4)
    journal.branch("fork", "a", 2)
    write(journal, "fork", 2)

    got = places(Follower.after(journal).take())

    assert sorted(got) == [("a", 1), ("a", 2), ("a", 3), ("a", 4), ("fork", 3), ("fork", 4)]
    assert [one.seq for one in Follower.after(journal, session="fork").take()] == [1, 2, 3, 4]


def test_a_removed_session_is_passed_over(journal: Journal) -> None:
    """It has no rows, and when they are put back they are not told again."""
    write(journal, "a", 2)
    follower = Follower.after(journal)
    follower.take()
    head, rows = journal.head("a"), journal.read("a")

    journal.remove("a", expected=head)
    assert follower.take() == ()
    journal.restore(head, rows)

    assert follower.take() == ()
    write(journal, "a")
    assert places(follower.take()) == [("a", 3)]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"position":-1,"seqs":{}}',
                                  '{"position":1,"seqs":{"a":true}}'])  # fmt: skip
def test_what_is_no_cursor_is_refused(text: str) -> None:
    """A text of another origin is misuse, never a follower that begins anywhere."""
    with pytest.raises(MisuseError) as refused:
        Cursor.from_text(text)

    assert refused.value.code == "GOV575"


def test_rows_of_several_processes_come(tmp_path: Path) -> None:
    """Two other processes write to the store while it is followed; all of theirs come."""
    journal = SqliteJournal.open(tmp_path / "journal.db", create=True)
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(journal.path), name, "30"])
        for name in ("a", "b")
    ]

    with Follower.after(journal) as follower:
        got = places(islice(follower, 60))

    assert [one.wait(60) for one in writers] == [0, 0]
    assert [seq for name, seq in got if name == "a"] == list(range(1, 31))
    assert [seq for name, seq in got if name == "b"] == list(range(1, 31))
    journal.close()


@pytest.mark.parametrize("how", ["follower", "engine"])
def test_closing_ends_a_wait(how: str) -> None:
    """The follower's own close, or that of its engine, ends an iteration in another thread."""
    engine = memory_engine()
    engine.start("s-1")
    follower = engine.follow()
    got: list[str] = []
    first = threading.Event()

    def read() -> None:
        for event in follower.events():
            got.append(event.name)
            first.set()

    thread = threading.Thread(target=read)
    thread.start()
    assert first.wait(10)
    (follower if how == "follower" else engine).close()
    thread.join(10)

    assert not thread.is_alive()
    assert got == ["session.created"]
    engine.close()


def test_an_engine_follows_from_now() -> None:
    """`cursor` and `follow` belong together, and a closed engine has neither."""
    with memory_engine() as engine:
        session = engine.start("s-1")
        follower = engine.follow(after=engine.cursor())
        session.turn("hello")

        assert "turn.started" in {one.kind for one in follower.take()}
    with pytest.raises(MisuseError):
        engine.follow()


def test_a_task_awaits_rows() -> None:
    """``async for`` gives the same; its cursor is behind what was given, not what was read."""

    async def follow() -> None:
        async with AsyncEngine(memory_engine()) as engine:
            session = await engine.start("s-1")
            await session.turn("one")
            follower = engine.follow()

            first = await anext(follower)
            rest = Follower.after(engine.engine.journal, follower.cursor).take()
            assert first.seq == 1
            assert [one.seq for one in rest] == list(range(2, rest[-1].seq + 1))
            for _ in rest:
                await anext(follower)

            async def later() -> None:
                await asyncio.sleep(0.05)
                await session.turn("two")

            task = asyncio.create_task(later())
            assert (await anext(follower)).seq == rest[-1].seq + 1
            await task
            follower.close()
            # What was read ahead is still given; then it ends.
            async for one in follower:
                assert one.session == "s-1"

    asyncio.run(follow())


@pytest.mark.parametrize("vanished", [True, False])
def test_a_store_that_was_restored_is_followed_on(tmp_path: Path, vanished: bool) -> None:
    """What is written after the restore of an older backup comes, wherever the cursor had been."""
    path = tmp_path / "store" / "journal.db"
    with closing(SqliteJournal.open(path, create=True)) as store:
        write(store, "a", 3)
    kept = backup_store(path, tmp_path / "kept", now_ms=1).path
    with closing(SqliteJournal.open(path, create=False)) as store:
        write(store, "b", 9)
        follower = Follower.after(store)
        assert len(follower.take()) == 12
    cursor = follower.cursor
    if vanished:
        for file in path.parent.glob("journal.db*"):
            file.unlink()
    restore_store(path, kept, now_ms=1_700_000_000_000, mirror=None)

    with closing(SqliteJournal.open(path, create=False)) as store:
        write(store, "c", 2)
        got = places(Follower.after(store, cursor).take())
        positions = [one.position for one in store.moved()]

    assert ("c", 1) in got
    assert ("c", 2) in got
    assert not [one for one in got if one[0] == "a"]
    assert min(positions) > cursor.position


def test_a_cursor_of_a_later_store_begins_anew() -> None:
    """A server's own tools put an older store in the place: what is known is not told again."""
    later, older = MemoryJournal(), MemoryJournal()
    for _ in range(9):
        write(later, "a")
    follower = Follower.after(later)
    follower.take()
    write(older, "a", 9)
    write(older, "b", 2)

    got = places(Follower.after(older, follower.cursor).take())

    assert got == [("b", 1), ("b", 2)]
