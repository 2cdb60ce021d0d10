"""Laws of archives: whole, sealed where the store is, and nothing comes back that was erased."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.chat import media, whole_part
from governance.engine import Engine
from governance.engine.contexts import Contexts
from governance.errors import GovernanceError, SessionErased
from governance.journal import archive as archives
from governance.journal.archive import check_archive, restore_archive
from governance.journal.copying import copy_store
from governance.journal.encrypted import as_stored, encrypted
from governance.journal.key_sources import KeyEncryptionKey
from governance.journal.memory import MemoryJournal
from governance.journal.records import Journal
from governance.journal.session_values import BLOB_SHELF, SESSION_SHELVES, session_of
from governance.journal.sqlite import SqliteJournal
from governance.journal.vault import Vault, session_scope
from governance.scopes import Reader, Scope
from governance.session.law import Law
from governance.testing.engines import law_of, memory_engine
from tests.profiles import examples

Steps: TypeAlias = list[tuple[str, str, int]]

WORD = "the-plain-words-of-a-session"
KEY = KeyEncryptionKey.of(b"k" * 32)
NAMES = ("s", "s#t", "s!")
"""The session that is archived, and two whose names begin alike."""

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["say", "media", "set", "set", "unset", "reset", "prune"]),
        st.sampled_from(NAMES),
        st.integers(0, 3),
    ),
    max_size=10,
)


@lru_cache(maxsize=1)
def law() -> Law:
    return law_of()


def played(engine: Engine, steps: Steps) -> None:
    """What *steps* say, in sessions of which the one to be archived is over in the end."""
    for name in NAMES:
        engine.start(name)
    for number, (what, name, size) in enumerate(steps):
        session, scope = engine.session(name), Scope("session", name)
        me, text = Reader(session=name), f"{WORD} {number} " * (1 + 500 * size)
        if what == "say":
            session.message("user", text * 3)
        elif what == "media":
            session.message("user", ["see", media(bytes(range(size, 200)) * 9, "image/png")])
        elif what == "set":
            engine.contexts.set(scope, "code", f"k{size % 2}", {"text": text}, by=me)
        elif what == "unset":
            engine.contexts.unset(scope, "code", f"k{size % 2}", by=me)
        elif what == "prune":
            engine.contexts.prune(scope, by=me, bytes_max=size * 1_000)
        else:
            engine.contexts.reset(scope, by=me, to_seq=min(size, engine.journal.head(name).seq))
    engine.contexts.search("plain", by=Reader(session="s"), scopes=(Scope("session", "s"),))
    engine.session("s").end()


def readable(engine: Engine, session: str) -> dict[str, object]:
    """Everything that can be read of *session*."""
    me, scope = Reader(session=session), Scope("session", session)
    contexts = Contexts(engine)
    said = engine.session(session).messages(limit=100).messages
    return {
        "head": engine.journal.head(session),
        "rows": engine.journal.read(session),
        "state": engine.state(session),
        "said": [[whole_part(engine.journal, one, part) for part in one.parts] for one in said],
        "values": contexts.find(scope, by=me, hidden=True),
        "found": contexts.search("plain", by=me, scopes=(scope,), hidden=True),
        "wrong": contexts.validate(scope, by=me),
    }


def shelved(journal: Journal) -> dict[tuple[str, str], bytes]:
    """What lies on the shelves of *journal* in a session's name, as it is stored."""
    within = as_stored(journal).shelf
    return {(kind, one.name): one.value for kind in SESSION_SHELVES for one in within.scan(kind)}


def whose(journal: Journal) -> set[str]:
    return {session_of(name) for _, name in shelved(journal)}


@contextmanager
def engine_on(journal: Journal) -> Iterator[Engine]:
    with memory_engine(law=law(), journal=journal) as engine:
        yield engine


@settings(max_examples=examples(30))
@given(STEPS, st.booleans())
def test_an_archive_gives_in_another_store_all_that_was_there(steps: Steps, on_disk: bool) -> None:
    """The same rows, contents, values and findings; the store that it left has none of them."""
    with TemporaryDirectory() as name, engine_on(MemoryJournal()) as engine:
        folder = Path(name)
        played(engine, steps)
        before, others = readable(engine, "s"), readable(engine, "s#t")
        left = {one: data for one, data in shelved(engine.journal).items() if one[1][:2] != "s#"}

        file = engine.archive("s", folder).path

        assert "s" not in whose(engine.journal)
        assert readable(engine, "s#t") == others
        assert left.items() <= shelved(engine.journal).items()
        other: Journal = MemoryJournal()
        if on_disk:
            other = SqliteJournal.open(folder / "j.db", create=True, power_safe=False)
        with engine_on(other) as second:
            second.unarchive(file)
            assert readable(second, "s") == before
            assert whose(second.journal) <= {"s"}
            assert second.journal.verify().ok
        engine.unarchive(file)
        assert readable(engine, "s") == before


@settings(max_examples=examples(15))
@given(STEPS)
def test_an_archive_is_sealed_and_opens_where_the_key_is(steps: Steps) -> None:
    """No word of it is plain; a copy of the store reads it, another store refuses it."""
    inner = MemoryJournal()
    journal = encrypted(inner, Vault.open(inner.shelf, KEY))
    with TemporaryDirectory() as name, engine_on(journal) as engine:
        played(engine, [*steps, ("set", "s", 3), ("say", "s", 3)])
        before, stored = readable(engine, "s"), shelved(journal)

        file = engine.archive("s", Path(name)).path

        assert WORD.encode() not in plain_of(file)
        assert check_archive(file).values == len([one for one in stored if named(one, "s")])
        copy = MemoryJournal()
        copy_store(inner, copy)
        with engine_on(encrypted(copy, Vault.open(copy.shelf, KEY))) as second:
            second.unarchive(file)
            assert readable(second, "s") == before
            back = {one: data for one, data in shelved(copy).items() if named(one, "s")}
            assert back == {one: data for one, data in stored.items() if named(one, "s")}
        plain, apart = MemoryJournal(), MemoryJournal()
        for one in (plain, encrypted(apart, Vault.open(apart.shelf, KEY))):
            with engine_on(one) as third:
                with pytest.raises(GovernanceError) as refused:
                    third.unarchive(file)
                assert refused.value.code == "GOV525"
                assert not shelved(one)
        # Nor does one that had a session of that name, and another key for it.
        apart = MemoryJournal()
        vault = Vault.open(apart.shelf, KEY)
        vault.key_of(session_scope("s"), make=True)
        with engine_on(encrypted(apart, vault)) as fourth:
            with pytest.raises(GovernanceError) as refused:
                fourth.unarchive(file)
            assert refused.value.code == "GOV525"
            assert not fourth.journal.removed()


def named(place: tuple[str, str], session: str) -> bool:
    return place[0] == BLOB_SHELF and session_of(place[1]) == session


def plain_of(file: Path) -> bytes:
    """What *file* holds, with everything unpacked that is packed in it."""
    lines = list(archives._lines(file))
    told = [json.loads(one) for one in lines]
    packed = [one[key] for one in told for key in ("body64", "value") if key in one]
    return b"".join(lines) + b"".join(map(base64.b64decode, packed))


def test_erased_stays_erased(tmp_path: Path) -> None:
    """An archive from before an erasure brings back what nobody can read, values too."""
    inner = MemoryJournal()
    vault = Vault.open(inner.shelf, KEY)
    with engine_on(encrypted(inner, vault)) as engine:
        played(engine, [("set", "s", 3), ("media", "s", 3)])
        file = engine.archive("s", tmp_path).path
        assert vault.erase(session_scope("s"), 1)

        engine.unarchive(file)

        (name,) = [one.name for one in inner.shelf.scan(BLOB_SHELF)][:1]
        for read in (lambda: engine.journal.read("s"),
                     lambda: engine.journal.shelf.get(BLOB_SHELF, name)):  # fmt: skip
            with pytest.raises(SessionErased):
                read()
        assert engine.journal.verify().ok


class TestWhatIsNoArchive:
    """Values are refused as rows are: changed, missing, twice, or another session's."""

    @pytest.fixture(name="file")
    def _file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setattr(archives, "_zstd", lambda: None)
        with engine_on(MemoryJournal()) as engine:
            played(engine, [("set", "s", 3), ("media", "s", 3), ("say", "s", 0)])
            return engine.archive("s", tmp_path).path

    @pytest.mark.parametrize(
        "change",
        [
            {"value": "AAAA"},
            {"value": "no base64"},
            {"value": None},
            {"name": "s#other"},
            {"name": "t#other"},
            {"name": "s#t#other"},
            {"shelf": "key"},
            {"shelf": "archive", "name": "s"},
            {"shelf": 7},
        ],
    )
    def test_a_changed_value_is_refused(self, file: Path, change: dict[str, object]) -> None:
        """And nothing is put anywhere, least of all over a key."""
        lines = _lines_of(file)
        lines[1] = json.dumps(json.loads(lines[1]) | change).encode()

        _refused(file, lines)

    def test_values_are_missing_or_twice_or_out_of_their_place(self, file: Path) -> None:
        """As many as the header says, in their order, before the rows."""
        head, *rest = _lines_of(file)

        for lines in (rest[1:], [rest[0], *rest], [rest[1], rest[0], *rest[2:]],
                      [*rest[2:], *rest[:2]], rest[:2], []):  # fmt: skip
            _refused(file, [head, *lines])

    def test_what_the_first_version_wrote_is_taken(self, tmp_path: Path) -> None:
        """It has no values: those had stayed on the shelf of their store."""
        with engine_on(MemoryJournal()) as engine:
            session = engine.start("s")
            session.message("user", "hello")
            session.end()
            before = readable(engine, "s")
            file = engine.archive("s", tmp_path).path
            head, *rows = archives._lines(file)
            told = json.loads(head) | {"version": 1}
            for name in ("values", "values_hash"):
                del told[name]
            file.write_bytes(gzip.compress(json.dumps(told).encode() + b"\n" + b"".join(rows)))

            engine.unarchive(file)

            assert readable(engine, "s") == before


def _lines_of(file: Path) -> list[bytes]:
    return gzip.decompress(file.read_bytes()).splitlines()


def _refused(file: Path, lines: list[bytes]) -> None:
    file.write_bytes(gzip.compress(b"\n".join(lines) + b"\n"))
    journal = MemoryJournal()
    with pytest.raises(GovernanceError) as refused:
        restore_archive(journal, file)
    assert refused.value.code == "GOV525"
    assert not shelved(journal)
    assert not journal.removed()


def test_what_a_live_session_lacks_is_put_back(tmp_path: Path) -> None:
    """Given again, a file that is whole mends what was damaged or lost on the shelf."""
    with engine_on(MemoryJournal()) as engine:
        played(engine, [("set", "s", 3), ("media", "s", 3)])
        before = readable(engine, "s")
        file = engine.archive("s", tmp_path).path
        engine.unarchive(file)
        for one in engine.journal.shelf.scan(BLOB_SHELF):
            engine.journal.shelf.delete(BLOB_SHELF, one.name)

        engine.unarchive(file)

        assert readable(engine, "s") == before


def test_an_archive_of_the_same_rows_with_other_values_is_another_file(tmp_path: Path) -> None:
    """So none that lacks a value is taken for one that has it."""
    with engine_on(MemoryJournal()) as engine:
        played(engine, [("set", "s", 3)])
        before = readable(engine, "s")
        whole = engine.archive("s", tmp_path).path
        engine.unarchive(whole)
        assert engine.archive("s", tmp_path).path == whole
        engine.unarchive(whole)
        (entry,) = engine.journal.shelf.scan(BLOB_SHELF)
        engine.journal.shelf.delete(BLOB_SHELF, entry.name)

        poor = engine.archive("s", tmp_path)

        assert poor.path != whole
        assert (check_archive(whole).values, poor.values) == (1, 0)
        engine.unarchive(whole)
        assert readable(engine, "s") == before


def test_a_file_that_lacks_something_is_no_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What goes from the shelf while it is written is found before the rows go."""
    count = archives._counted

    def losing(journal: Journal, session: str) -> tuple[list[tuple[str, str]], bytes]:
        found = count(journal, session)
        for entry in journal.shelf.scan(BLOB_SHELF):
            journal.shelf.delete(BLOB_SHELF, entry.name)
        return found

    with memory_engine(law=law()) as engine:
        played(engine, [("say", "s", 3)])
        head = engine.journal.head("s")
        monkeypatch.setattr(archives, "_counted", losing)

        with pytest.raises(archives.ArchiveRefused):
            engine.archive("s", tmp_path)

        assert list(tmp_path.iterdir()) == []
        assert engine.journal.head("s") == head
        assert not engine.journal.removed()
