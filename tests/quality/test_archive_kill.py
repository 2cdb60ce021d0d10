"""
A process that archives or puts back is killed at each of its lines, and nothing is lost.

A child process works on a copy of a store and leaves for good, without any clean-up, at the
n-th line that it runs of the rooms that archive. Then the store and the folder are looked at.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from types import FrameType

import pytest

from governance.engine import Engine, keeping, retention
from governance.journal import archive as archives
from governance.journal import archive_lines
from governance.journal.records import Head
from governance.journal.sqlite import SqliteJournal
from governance.session.law import Law
from governance.testing.engines import law_of, memory_engine
from tests.quality.archive_laws import archiving_is_lawful, contents_are_there, fill

ROOMS = frozenset(
    str(one.__file__)
    for one in (keeping, retention, archives, archive_lines)
    if one.__file__ is not None
)
# The child opens what it needs by itself and ends without a clean-up, whatever threads there are.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")

KILLED = 9
LINES_MAX = 2_000

Work = Callable[[Engine, Path], object]


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


def killed_at(line: int, folder: Path, law: Law, work: Work) -> bool:
    """Whether a child was killed at its *line*-th line; else it has done its work."""
    child = os.fork()
    if child == 0:
        left = line

        def trace(frame: FrameType, event: str, _: object) -> object:
            nonlocal left
            if frame.f_code.co_filename not in ROOMS:
                return None
            if event == "line":
                left -= 1
                if left <= 0:
                    os._exit(KILLED)
            return trace

        try:
            with opened(folder, law) as engine:
                sys.settrace(trace)  # type: ignore[arg-type]
                work(engine, folder / "archive")
                sys.settrace(None)
        except BaseException:  # noqa: BLE001 - the child must not go on as a test
            os._exit(1)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, KILLED), f"line {line}: the child failed by itself"
    return status == KILLED


def each_line(store: Path, law: Law, work: Work, step: int) -> Iterator[Path]:
    """A copy of *store* after *work* was killed, once for every *step*-th line of it."""
    for line in range(1, LINES_MAX, step):
        folder = store.parent / "copy"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(store, folder)
        killed = killed_at(line, folder, law, work)
        yield folder
        if not killed:
            return
    pytest.fail(f"the work has more than {LINES_MAX} lines")


def test_archiving_loses_nothing(store: Path, law: Law) -> None:
    """The rows are in the store or in a whole file, and the next try ends what was begun."""
    head = head_of(store)
    seen = set()
    for folder in each_line(store, law, lambda engine, to: engine.archive("s", to), 17):
        seen.add(archiving_is_lawful(partial(opened, folder, law), folder / "archive", head))
    assert seen == {(True, 0), (True, 1), (False, 1)}


def test_putting_back_loses_nothing(store: Path, law: Law) -> None:
    """The file stays, and a second try gives the whole session."""
    head = head_of(store)
    with opened(store, law) as engine:
        file = engine.archive("s", store / "archive").path.name
    seen = set()
    for folder in each_line(store, law, lambda engine, to: engine.unarchive(to / file), 29):
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

    assert killed_at(1, store, law, careless)

    assert head_of(store).seq == 0
    assert not (store / "archive").exists()
