"""
A process that branches, switches or merges is killed at each of its lines, and nothing is half.

What was begun is ended by whoever comes next: a branch has its first row once, a merge is told
once and with every conflict.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from governance.engine import Engine, branching, engine, merging, restoring
from governance.journal import group_commit, sqlite, sqlite_moves, sqlite_rows, sqlite_writer
from governance.journal.records import Append, Row
from governance.journal.sqlite import SqliteJournal
from governance.session.law import Law
from governance.testing.engines import law_of, memory_engine
from tests.quality.line_kills import Work, each_line, files_of

ROOMS = files_of(
    branching, engine, group_commit, merging, restoring, sqlite, sqlite_moves, sqlite_rows,
    sqlite_writer,
)  # fmt: skip
# The child opens what it needs by itself and ends without a clean-up, whatever threads there are.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")

ANCHOR = {"id": "a1", "type": "decision", "priority": "critical", "text": "Use SQLite."}


@pytest.fixture(name="law", scope="module")
def _law() -> Law:
    return law_of()


@contextmanager
def opened(folder: Path, law: Law) -> Iterator[Engine]:
    journal = SqliteJournal.open(folder / "journal.db", create=False, mirror=folder / "heads")
    with memory_engine(law=law, journal=journal) as engine:
        yield engine


def in_engine(law: Law, work: Callable[[Engine], object]) -> Work:
    """*work* with an engine on the store in a folder."""

    def done(folder: Path) -> None:
        with opened(folder, law) as engine:
            work(engine)

    return done


def count(engine: Engine, session: str, kind: str) -> int:
    return sum(one.kind == kind for one in engine.journal.read(session))


@pytest.fixture(name="store")
def _store(tmp_path: Path, law: Law) -> Path:
    """A store with a session in a turn."""
    folder = tmp_path / "store"
    folder.mkdir()
    SqliteJournal.open(folder / "journal.db", create=True, mirror=folder / "heads").close()
    with opened(folder, law) as engine:
        engine.start("s").turn("go")
        engine.record("s", "anchor.added", ANCHOR, actor="me")
    return folder


# -- branches ---------------------------------------------------------------------------


def branch_is_lawful(folder: Path, law: Law) -> int:
    """How many rows the branch has of its own; then it is used, and has its first row once."""
    with opened(folder, law) as engine:
        report = engine.journal.verify()
        assert (report.findings, report.anchored) == ((), True)
        origin = engine.journal.origin("b")
        own = engine.journal.head("b").seq - origin.seq if origin is not None else -1
        if origin is None:
            engine.branch("s", name="b", actor="me")
        session = engine.session("b")
        session.turn("go on")
        session.tool("read", {"path": "a"}, call_id="1")
        assert count(engine, "b", "session.branched") == 1
        assert count(engine, "s", "session.branched") == 0
        state = engine.state("b")
        assert [one.text for one in state.anchors] == ["Use SQLite."]
        assert state.origin == ("s", engine.journal.head("s").seq)
        assert engine.journal.verify().ok
    return own


def test_a_branch_that_is_killed_is_begun_once(store: Path, law: Law) -> None:
    """There is no branch, or one without a row of its own, or a whole one."""
    work = in_engine(law, lambda engine: engine.branch("s", name="b", actor="me"))

    seen = {branch_is_lawful(folder, law) for folder in each_line(store, ROOMS, work, 23)}

    assert seen == {-1, 0, 1}


def test_a_branch_that_is_begun_twice_is_seen(store: Path, law: Law) -> None:
    """Negative control: whoever begins it without looking does so again."""

    def careless(engine: Engine) -> None:
        engine.branch("s", name="b", actor="me")
        branching.begin(engine, engine.state("b"), "me")

    in_engine(law, careless)(store)

    with pytest.raises(AssertionError):
        branch_is_lawful(store, law)


# -- merges -----------------------------------------------------------------------------


@pytest.fixture(name="apart")
def _apart(store: Path, law: Law) -> Path:
    """A session and its branch that have each decided on something, otherwise."""
    with opened(store, law) as engine:
        engine.branch("s", name="b", actor="me")
        for one, text in (("s", "Use DuckDB."), ("b", "Use PostgreSQL.")):
            engine.record(one, "anchor.added", {**ANCHOR, "text": text}, actor="me")
        engine.record("b", "anchor.added", {**ANCHOR, "id": "a2", "text": "Log."}, actor="me")
    return store


def merge_is_lawful(folder: Path, law: Law) -> bool:
    """Whether the merge is there; then it is merged again, and told once, whole."""
    with opened(folder, law) as engine:
        assert engine.journal.verify().ok
        merged = count(engine, "s", "session.merged") == 1
        assert len(engine.state("s").conflicts) == merged
        engine.merge("s", "b", actor="me")
        state = engine.state("s")
        assert count(engine, "s", "session.merged") == 1
        assert count(engine, "s", "merge.conflicted") == 1
        assert sorted(one.text for one in state.anchors) == ["Log.", "Use DuckDB."]
        (conflict,) = state.conflicts
        engine.resolve("s", conflict.id, "theirs", actor="me")
        texts = sorted(one.text for one in engine.state("s").anchors)
        assert texts == ["Log.", "Use PostgreSQL."]
        assert engine.journal.verify().ok
    return merged


def test_a_merge_that_is_killed_is_told_once_and_whole(apart: Path, law: Law) -> None:
    """All that was taken over and every conflict are there together, or nothing is."""
    work = in_engine(law, lambda engine: engine.merge("s", "b", actor="me"))

    seen = [merge_is_lawful(folder, law) for folder in each_line(apart, ROOMS, work, 23)]

    assert seen == sorted(seen)
    assert set(seen) == {False, True}


def test_a_merge_in_two_appends_is_seen(apart: Path, law: Law) -> None:
    """Negative control: killed between the merge and its conflicts, these are lost."""
    with opened(apart, law) as engine:
        head = engine.journal.head("s").seq
        engine.merge("s", "b", actor="me")
        first = engine.journal.read("s", after=head)[0]
    other = apart.parent / "other"
    other.mkdir()

    def careless(engine: Engine) -> None:
        engine.branch("s", name="b", actor="me")
        engine.record("b", "anchor.added", {**ANCHOR, "id": "a2", "text": "Log."}, actor="me")
        row = Row(first.kind, first.at_ms, first.body)
        engine.journal.append([Append("s", engine.journal.head("s").seq, (row,))])

    SqliteJournal.open(other / "journal.db", create=True, mirror=other / "heads").close()
    with opened(other, law) as engine:
        engine.start("s").turn("go")
        engine.record("s", "anchor.added", ANCHOR, actor="me")
        careless(engine)

    with pytest.raises(AssertionError):
        merge_is_lawful(other, law)


# -- switches ---------------------------------------------------------------------------


def switch_is_lawful(folder: Path, law: Law) -> tuple[str, str]:
    """The states of both sessions; then it is switched again, and one of them is worked on."""
    with opened(folder, law) as engine:
        assert engine.journal.verify().ok
        states = str(engine.state("s").state), str(engine.state("b").state)
        engine.switch("s", "b", actor="me")
        engine.session("b").turn("here")
        assert str(engine.state("s").state) == "interrupted"
        assert engine.state("b").registers.turn_open
        assert engine.journal.verify().ok
    return states


def test_a_switch_that_is_killed_is_ended_by_the_next(store: Path, law: Law) -> None:
    """Nobody works in both at any moment: the first is left before the other is resumed."""
    with opened(store, law) as engine:
        engine.branch("s", name="b", actor="me")
    work = in_engine(law, lambda engine: engine.switch("s", "b", actor="me"))

    seen = [switch_is_lawful(folder, law) for folder in each_line(store, ROOMS, work, 31)]

    left, gone, came = "between-turn", "interrupted", "beginning"
    assert set(seen) == {(left, gone), (gone, gone), (gone, came)}
    assert seen == sorted(seen, key=[(left, gone), (gone, gone), (gone, came)].index)
