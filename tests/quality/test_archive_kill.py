"""
A process that archives, puts back or prunes is killed at each of its lines, and nothing is lost.

A child process works on a copy of a store and leaves for good, without any clean-up, at the
n-th line that it runs of the rooms that archive. Then the store and the folder are looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import pytest

from governance.engine import Engine, keeping, retention
from governance.engine.retention import RetentionPolicy
from governance.journal import archive as archives
from governance.journal import archive_lines
from governance.journal.records import Head
from governance.journal.sqlite import SqliteJournal
from governance.session.law import Law
from governance.testing.engines import law_of, memory_engine
from tests.quality.archive_laws import (
    archiving_is_lawful,
    contents_are_there,
    fill,
    pruning_is_lawful,
)
from tests.quality.line_kills import Work, each_line, files_of, killed_at

ROOMS = files_of(keeping, retention, archives, archive_lines)
# The child opens what it needs by itself and ends without a clean-up, whatever threads there are.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


@pytest.fixture(name="law", scope="module")
def _law() -> Law:
    return law_of()


@contextmanager
def opened(folder: Path, law: Law) -> Iterator[Engine]:
    journal = SqliteJournal.open(folder / "journal.db", create=False, mirror=folder / "heads")
    with memory_engine(law=law, journal=journal) as engine:
        yield engine


@pytest.fixture(name="store")
def _store(tmp_path: Path, law: Law) -> Path:
    """A store with a session that is over."""
    folder = tmp_path / "store"
    folder.mkdir()
    SqliteJournal.open(folder / "journal.db", create=True, mirror=folder / "heads").close()
    with opened(folder, law) as engine:
        fill(engine)
    return folder


def head_of(folder: Path) -> Head:
    file, mirror = folder / "journal.db", folder / "heads"
    with closing(SqliteJournal.open(file, create=False, mirror=mirror)) as journal:
        return journal.head("s")


def in_engine(law: Law, work: Callable[[Engine, Path], object]) -> Work:
    """*work* with an engine on the store in a folder, and the folder that it archives to."""

    def done(folder: Path) -> None:
        with opened(folder, law) as engine:
            work(engine, folder / "archive")

    return done


def test_archiving_loses_nothing(store: Path, law: Law) -> None:
    """The rows are in the store or in a whole file, and the next try ends what was begun."""
    head = head_of(store)
    seen = set()
    work = in_engine(law, lambda engine, to: engine.archive("s", to))
    for folder in each_line(store, ROOMS, work, 17):
        seen.add(archiving_is_lawful(partial(opened, folder, law), folder / "archive", head))
    assert seen == {(True, 0), (True, 1), (False, 1)}


def test_putting_back_loses_nothing(store: Path, law: Law) -> None:
    """The file stays, and a second try gives the whole session."""
    head = head_of(store)
    with opened(store, law) as engine:
        file = engine.archive("s", store / "archive").path.name
    seen = set()
    work = in_engine(law, lambda engine, to: engine.unarchive(to / file))
    for folder in each_line(store, ROOMS, work, 29):
        with opened(folder, law) as engine:
            assert engine.journal.verify().ok
            seen.add(engine.journal.head("s").seq)
            contents_are_there(engine)
            assert engine.unarchive(folder / "archive" / file) == head
            assert contents_are_there(engine)
            assert engine.journal.verify().ok
    assert seen == {0, head.seq}


def test_rows_that_go_first_are_lost(store: Path, law: Law) -> None:
    """Negative control: killed where the file comes after the removal, the session is nowhere."""

    def careless(engine: Engine, to: Path) -> None:
        head = engine.journal.head("s")
        engine.journal.remove("s", expected=head)
        archives.write_archive(engine.journal, head, to, 1)

    assert killed_at(1, store, ROOMS, in_engine(law, careless))

    assert head_of(store).seq == 0
    assert not (store / "archive").exists()


# -- pruning ----------------------------------------------------------------------------


@pytest.fixture(name="stock")
def _stock(store: Path, law: Law) -> Path:
    """A store with three sessions that are over, of which one may stay."""
    with opened(store, law) as engine:
        for name in ("u", "v"):
            fill(engine, name)
    return store


def heads_in(stock: Path) -> dict[str, Head]:
    file, mirror = stock / "journal.db", stock / "heads"
    with closing(SqliteJournal.open(file, create=False, mirror=mirror)) as journal:
        return {name: journal.head(name) for name in ("s", "u", "v")}


@pytest.mark.parametrize("archived", [False, True], ids=["removed", "archived"])
def test_pruning_takes_whole_sessions_and_tells_of_each(
    stock: Path, law: Law, archived: bool
) -> None:
    """Each session is there whole or gone whole, and given again the pruning ends."""
    heads = heads_in(stock)
    policy = RetentionPolicy(
        sessions_max=1, folder=str(stock.parent / "copy" / "archive") if archived else ""
    )
    work = in_engine(law, lambda engine, _: engine.prune(policy, actor="me"))

    seen = {
        pruning_is_lawful(partial(opened, folder, law), policy, heads, {"v"})
        for folder in each_line(stock, ROOMS, work, 53 if archived else 19)
    }

    assert seen == {0, 1, 2}


def test_a_pruning_that_leaves_no_note_is_seen(stock: Path, law: Law) -> None:
    """Negative control: killed right after the rows went, nobody ever tells of it."""
    heads = heads_in(stock)

    def careless(engine: Engine, _: Path) -> None:
        engine.journal.remove("s", expected=engine.journal.head("s"))

    in_engine(law, careless)(stock)

    with pytest.raises(AssertionError, match="told once"):
        pruning_is_lawful(
            partial(opened, stock, law), RetentionPolicy(sessions_max=1), heads, {"v"}
        )
