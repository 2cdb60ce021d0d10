"""
Contexts that are brought elsewhere while somebody is killed at each of their lines.

A value is there whole, with its content, or not at all; who merges again after a kill comes to
what one merge comes to; and who keeps a copy by what changed since goes on where the copy ends.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from governance.chat import contents
from governance.engine import Engine, context_states, contexts, racing, recording
from governance.engine.contexts import Contexts
from governance.journal import group_commit, sqlite_rows, sqlite_shelf, sqlite_writer
from governance.journal.sqlite import SqliteJournal
from governance.scopes import PROJECT, Reader, Scope, Value
from governance.session.law import Law
from governance.testing.engines import law_of, memory_engine
from tests.quality.line_kills import Work, each_line, files_of

ROOMS = files_of(
    contents, context_states, contexts, group_commit, racing, recording, sqlite_rows,
    sqlite_shelf, sqlite_writer,
)  # fmt: skip
# The child opens what it needs by itself and ends without a clean-up, whatever threads there are.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")

ME = Reader("ada", "s")
OWN = Scope("session", "s")
BIG = ["one of many words", "x" * 9_000]
STEP = 23


@pytest.fixture(name="law", scope="module")
def _law() -> Law:
    return law_of()


@contextmanager
def opened(folder: Path, law: Law) -> Iterator[Engine]:
    journal = SqliteJournal.open(folder / "journal.db", create=False, mirror=folder / "heads")
    with memory_engine(law=law, journal=journal) as engine:
        yield engine


def in_contexts(law: Law, work: Callable[[Contexts, Path], object]) -> Work:
    """*work* with the contexts of the store in a folder."""

    def done(folder: Path) -> None:
        with opened(folder, law) as engine:
            work(engine.contexts, folder)

    return done


@pytest.fixture(name="store")
def _store(tmp_path: Path, law: Law) -> Path:
    """A store in which a session and its project both changed what they share."""
    folder = tmp_path / "store"
    folder.mkdir()
    SqliteJournal.open(folder / "journal.db", create=True, mirror=folder / "heads").close()
    with opened(folder, law) as engine:
        engine.start("s")
        of = engine.contexts
        of.set(PROJECT, "code", "shared", 1, by=ME)
        of.merge(OWN, PROJECT, by=ME)
        of.set(PROJECT, "code", "shared", 2, by=ME)
        of.set(OWN, "code", "shared", 3, by=ME)
        of.set(PROJECT, "code", "big", BIG, by=ME)
        of.set(PROJECT, "code", "small", "s", by=ME)
    return folder


def held(of: Contexts, scope: Scope) -> dict[str, object]:
    return {one.key: one.value for one in of.find(scope, by=ME)}


# -- one value --------------------------------------------------------------------------


def set_is_lawful(folder: Path, law: Law) -> bool:
    """Whether the value is there; then it is set again, by the version that it has."""
    with opened(folder, law) as engine:
        of = engine.contexts
        assert engine.journal.verify().ok
        assert of.validate(OWN, by=ME) == {}
        there = of.get(OWN, "code", "big", by=ME)
        version = there.version if isinstance(there, Value) else 0
        assert not version or held(of, OWN)["big"] == BIG
        made = of.set(OWN, "code", "big", [*BIG, "more"], by=ME, expected_version=version)
        assert isinstance(made, Value)
        assert made.version == version + 1
        assert engine.journal.verify().ok
    return bool(version)


def test_a_value_that_is_killed_is_whole_or_not_there(store: Path, law: Law) -> None:
    """Its content is on the shelf before the row that names it."""
    work = in_contexts(law, lambda of, _: of.set(OWN, "code", "big", BIG, by=ME))

    seen = [set_is_lawful(folder, law) for folder in each_line(store, ROOMS, work, STEP)]

    assert seen == sorted(seen)
    assert set(seen) == {False, True}


def test_a_row_before_its_content_is_seen(store: Path, law: Law) -> None:
    """Negative control: killed between the two, the row names what nobody has."""
    with opened(store, law) as engine:
        engine.contexts.set(OWN, "code", "big", BIG, by=ME)
        shelf = engine.journal.shelf
        for entry in shelf.scan("blob"):
            shelf.delete(entry.shelf, entry.name)

    with pytest.raises(AssertionError):
        set_is_lawful(store, law)


# -- one scope into another -------------------------------------------------------------

MERGED = {"shared": 3, "big": BIG, "small": "s"}


def merge_is_lawful(folder: Path, law: Law) -> bool:
    """Whether the merge is there, whole; then it is done again, and comes to the same."""
    with opened(folder, law) as engine:
        of = engine.contexts
        assert engine.journal.verify().ok
        before = held(of, OWN)
        assert before in ({"shared": 3}, MERGED)
        again = of.merge(OWN, PROJECT, by=ME)
        assert held(of, OWN) == MERGED
        rows = [one.kind for one in engine.journal.read("s")]
        assert rows.count("context.merged") == 2
        merged = before == MERGED
        conflicts = getattr(again, "conflicts", None)
        assert conflicts == (() if merged else (("code", "shared"),))
        assert of.validate(OWN, by=ME) == {}
    return merged


def test_a_merge_that_is_killed_is_whole_or_not_there(store: Path, law: Law) -> None:
    """What both have changed is never overwritten, and named by the merge that finds it."""
    work = in_contexts(law, lambda of, _: of.merge(OWN, PROJECT, by=ME))

    seen = [merge_is_lawful(folder, law) for folder in each_line(store, ROOMS, work, STEP)]

    assert seen == sorted(seen)
    assert set(seen) == {False, True}


# -- a copy elsewhere -------------------------------------------------------------------

COPY = "copy.json"


def synchronize(of: Contexts, folder: Path) -> None:
    """Bring a copy up to date by what changed since; it is replaced whole, with its position."""
    file = folder / COPY
    copy = json.loads(file.read_text()) if file.exists() else {"seq": 0, "values": {}}
    changed = of.changes(PROJECT, by=ME, after=copy["seq"])
    values = copy["values"] | {one.key: one.value for one in changed.values}
    for _, key in changed.gone:
        values.pop(key, None)
    fresh = folder / "fresh.json"
    fresh.write_text(json.dumps({"seq": changed.seq, "values": values}))
    fresh.replace(file)


def test_a_copy_whose_making_is_killed_goes_on(store: Path, law: Law) -> None:
    """Wherever it broke off, the next one comes to what is there, also after more changed."""
    in_contexts(law, synchronize)(store)
    with opened(store, law) as engine:
        engine.contexts.unset(PROJECT, "code", "small", by=ME)
        engine.contexts.set(PROJECT, "code", "shared", 4, by=ME)
    rooms = ROOMS | {__file__}

    for folder in each_line(store, rooms, in_contexts(law, synchronize), STEP):
        with opened(folder, law) as engine:
            engine.contexts.set(PROJECT, "code", "late", 5, by=ME)
            synchronize(engine.contexts, folder)
            copy = json.loads((folder / COPY).read_text())
            assert copy["values"] == held(engine.contexts, PROJECT)
            assert copy["values"] == {"shared": 4, "big": BIG, "late": 5}
