"""Keys, erasure and grants with all that keeps, moves and mends a store."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from governance import Engine
from governance.access.actors import process_actor
from governance.cli.app import run
from governance.cli.guard import make_key
from governance.engine.retention import RetentionPolicy
from governance.errors import GovernanceError, JournalError, SessionErased
from governance.formats import body_of
from governance.journal import archive as archives
from governance.journal.archive import ArchiveRefused
from governance.journal.backup import backups_in
from governance.journal.copying import CopyRefused, copy_store
from governance.journal.encrypted import as_stored
from governance.journal.gaps import GAP_KIND
from governance.journal.key_sources import new_key_text
from governance.journal.memory import MemoryJournal
from governance.journal.opening import open_journal
from governance.journal.records import Append, Entry, Journal, Row
from governance.journal.sealing import is_sealed
from governance.journal.staging import Staging
from governance.journal.vault import entry_name, erased_name, session_scope
from governance.project import Project, create_project

WORD = "the-plain-words-of-a-session"
ME = process_actor()
SMALL = "[packs]\npaths = []\n[live]\nrules_check_ms = 0\n[backup]\nage_seconds_max = 0\n"


class Place:
    """An encrypted project in a home of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.project = folder / "project"
        self.project.mkdir()
        self.key_file = folder / "journal.key"
        self.key_file.write_text(new_key_text())
        self.key_file.chmod(0o600)
        self.write("")
        create_project(self.project, "")
        open_journal(base=self.project, create=True).close()
        self.key = make_key(Project(self.project))
        self.store = Project(self.project).journal_file

    def write(self, more: str) -> None:
        text = f'{SMALL}[encryption]\nkey = "file:{self.key_file}"\n{more}'
        (self.project / "governance.toml").write_text(text)

    def engine(self, **more: str) -> Engine:
        return Engine.open(self.project, **more)  # type: ignore[arg-type]

    def person(self, *words: str) -> int:
        return run([*words, "--dir", str(self.project), "--key", str(self.key)])

    def backup(self) -> Path:
        assert run(["backup", "--dir", str(self.project)]) == 0
        return backups_in(self.project / ".governance" / "backups")[0].path

    def damage(self, session: str, seq: int) -> None:
        connection = apsw.Connection(str(self.store))
        connection.execute("DELETE FROM event WHERE session = ? AND seq = ?", (session, seq))
        connection.close()

    def words(self, session: str) -> bytes:
        with self.engine() as engine:
            return b"".join(one.body for one in engine.journal.read(session))


def work(engine: Engine, *sessions: str, ended: bool = True) -> None:
    for name in sessions:
        session = engine.start(name)
        session.turn(WORD)
        if ended:
            session.end()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(archives, "_zstd", lambda: None)
    return Place(tmp_path)


# -- encryption -----------------------------------------------------------------------


def packed(file: Path) -> bytes:
    """What an archive holds, with its bodies unpacked as well."""
    lines = [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]
    bodies = [base64.b64decode(one["body64"]) for one in lines if "body64" in one]
    return json.dumps(lines).encode() + b"".join(bodies)


def test_an_archive_is_encrypted_and_comes_back_readable(place: Place) -> None:
    """Its rows are those of the store, byte for byte, and open by the same key."""
    folder = place.folder / "cold"
    with place.engine() as engine:
        work(engine, "s")
        rows, stored = engine.journal.read("s"), as_stored(engine.journal).read("s")

        made = engine.archive("s", folder)

        assert WORD.encode() not in packed(made.path)
        assert len(made.path.read_bytes()) > 500
        assert not engine.journal.read("s")
        engine.unarchive(made.path)
        assert engine.journal.read("s") == rows
        assert as_stored(engine.journal).read("s") == stored
        assert all(is_sealed(one.body) for one in stored)
        assert engine.journal.verify().ok


def test_what_retention_takes_out_is_encrypted(place: Place) -> None:
    """By the same way as a person's archive."""
    folder = place.folder / "cold"
    with place.engine() as engine:
        work(engine, "s", "t")
        engine.prune(RetentionPolicy(sessions_max=1, folder=str(folder)))

    (file,) = folder.iterdir()
    assert WORD.encode() not in packed(file)


def test_an_archive_of_another_stores_keys_is_refused(place: Place) -> None:
    """It would be rows that nobody can read; nothing is put back."""
    with place.engine() as engine:
        work(engine, "s")
        file = engine.archive("s", place.folder / "cold").path
        for row in as_stored(engine.journal).removed():
            assert row.session == "s"
    place.store.rename(place.folder / "other.db")
    for mirror in place.folder.rglob("*.heads*"):
        mirror.unlink()
    (place.folder / "two").mkdir()
    other = Place(place.folder / "two")
    with other.engine() as engine:
        with pytest.raises(ArchiveRefused, match="by a key that this store has not"):
            engine.unarchive(file)
        assert not engine.journal.head("s").seq


def test_an_archived_session_is_erased_by_its_key(place: Place) -> None:
    """The file stays what it is, and its rows come back as erased ones."""
    with place.engine() as engine:
        work(engine, "s")
        file = engine.archive("s", place.folder / "cold").path

    assert place.person("erase", "s", "--yes", "--reason", "asked") == 0

    assert place.person("unarchive", str(file)) == 0
    with place.engine() as engine:
        assert engine.journal.head("s").seq
        with pytest.raises(SessionErased):
            engine.journal.read("s")
        assert engine.journal.verify().ok


def test_branches_of_an_erased_session_go_with_it(place: Place) -> None:
    """They show its rows, and what it had come to stands in their own."""
    with place.engine() as engine:
        work(engine, "s", "apart", ended=False)
        engine.branch("s", name="try").turn("more")
        engine.branch("try", name="again")

    assert place.person("erase", "s", "--yes", "--reason", "asked") == 0

    with place.engine() as engine:
        for name in ("s", "try", "again"):
            with pytest.raises(SessionErased):
                engine.journal.read(name)
        assert engine.journal.read("apart")
        erased = [
            body_of(one)["data"]["session"]  # type: ignore[index, call-overload]
            for one in engine.journal.read("@project")
            if one.kind == "session.erased"
        ]
        assert erased == ["again", "try", "s"]


def test_an_erased_session_hinders_nobody_who_keeps_the_store(place: Place) -> None:
    """Its rows stay as proof; retention, preloading and acceptances go on with the others."""
    with place.engine() as engine:
        work(engine, "s", "t", "u")
    assert place.person("erase", "s", "--yes", "--reason", "asked") == 0

    with place.engine() as engine:
        assert engine.preload(3) == 2
        folder = str(place.folder / "cold")
        report = engine.prune(RetentionPolicy(sessions_max=1, folder=folder))
        assert [name for name, _ in report.gone] == ["t"], "what was erased takes no place"
        assert report.needed == ()
        assert engine.journal.verify().ok
    assert place.person("repair", "--accept-all", "--reason", "seen") == 0


def test_an_encrypted_store_is_repaired_from_a_backup_without_being_opened(place: Place) -> None:
    """Sealed rows come back as they were; a stand-in is plain, read, and hinders no erasure."""
    with place.engine() as engine:
        work(engine, "s", "t")
        rows = engine.journal.read("s")
    backup = place.backup()
    place.damage("s", 2)

    assert place.person("repair") == 0

    with place.engine() as engine:
        assert engine.journal.read("s")[: len(rows)] == rows
    for one in place.project.rglob("*.db.damaged-*"):
        one.unlink()
    backup.unlink()
    place.damage("t", 3)
    assert place.person("repair") == 1
    with place.engine() as engine:
        assert GAP_KIND in {one.kind for one in engine.journal.read("t")}
        assert engine.session("t").turn("more").denied
    assert place.person("repair", "--accept", "t", "--reason", "seen") == 0
    with place.engine() as engine:
        assert not engine.start("t").reply.denied  # type: ignore[union-attr]
    assert place.person("erase", "t", "--yes", "--reason", "asked") == 0


def test_a_repair_takes_rows_of_an_encrypted_replica(place: Place) -> None:
    """`--from` the URL of a copy: on the stored form, whoever holds the key."""
    with place.engine() as engine:
        work(engine, "s")
        rows = engine.journal.read("s")
    copy = f"sqlite:///{place.folder / 'copy.db'}"
    own = f"sqlite:///{place.store}"
    assert place.person("store", "copy", own, copy, "--create") == 0
    place.damage("s", 2)

    assert place.person("repair", "--from", copy) == 0

    with place.engine() as engine:
        assert engine.journal.read("s")[: len(rows)] == rows


def test_a_store_is_not_mended_before_its_key_is_there(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was done could not be recorded, so nothing is."""
    with place.engine() as engine:
        work(engine, "s")
    place.backup()
    place.damage("s", 2)
    place.key_file.rename(place.folder / "elsewhere")
    before = place.store.read_bytes()

    for words in (("repair",), ("restore", "latest")):
        assert place.person(*words) == 2
        assert "GOV550" in capsys.readouterr().err

    assert place.store.read_bytes() == before
    assert run(["repair", "--dry-run", "--dir", str(place.project)]) == 0
    assert "1 row of them would be brought back" in capsys.readouterr().out


@pytest.mark.parametrize("way", ["restore", "repair"])
def test_an_older_backup_brings_no_key_back(place: Place, way: str) -> None:
    """Erased is erased, also where the store is put together from what was before."""
    with place.engine() as engine:
        work(engine, "s", "t")
    place.backup()
    assert place.person("erase", "s", "--yes", "--reason", "asked") == 0
    if way == "repair":
        place.damage("t", 2)

    assert place.person(*(("restore", "latest") if way == "restore" else ("repair",))) in (0, 1)

    with closing(open_journal(base=place.project, create=False)) as journal:
        names = {one.name for one in journal.shelf.scan("key")}
    scope = session_scope("s")
    assert erased_name(scope) in names
    assert entry_name(scope) not in names
    assert WORD.encode() in place.words("t")
    with place.engine() as engine, pytest.raises(SessionErased):
        engine.journal.read("s")


def test_a_mark_found_anywhere_lets_a_key_go(tmp_path: Path) -> None:
    """However the parts of a damaged store are found: the mark in one, the key in another."""
    names = [entry_name(session_scope(one)) for one in ("s", "t")]
    with closing(Staging.open(tmp_path / "staging.db")) as staging:
        for name in (*names, "vault", erased_name(session_scope("s"))):
            staging.keep(Entry("key", name, 1, b"x"))
        staging.keep(Entry("blob", names[0], 1, b"x"))

        staging.drop_erased()

        left = {(str(one[0]), str(one[1])) for one in staging.entries()}
    kept = {("key", name) for name in (names[1], "vault", erased_name(session_scope("s")))}
    assert left == kept | {("blob", names[0])}


def test_a_copy_has_the_keys_and_loses_them_with_the_store(place: Place) -> None:
    """Encrypted as the store is; copied again, what was erased since is erased there."""
    with place.engine() as engine:
        work(engine, "s", "t")
    copy = place.folder / "copy.db"
    words = ("store", "copy", f"sqlite:///{place.store}", f"sqlite:///{copy}")
    assert place.person(*words, "--create") == 0
    assert WORD.encode() not in copy.read_bytes()
    with closing(open_journal(f"sqlite:///{copy}", base=place.project, create=False)) as journal:
        before = len(journal.shelf.scan("key"))
    assert place.person("erase", "s", "--yes", "--reason", "asked") == 0

    assert place.person(*words) == 0

    place.write(f'[journal]\nurl = "sqlite:///{copy}"\n')
    with place.engine() as engine:
        scope = session_scope("s")
        assert engine.journal.vault.is_erased(scope)  # type: ignore[attr-defined]
        assert len(as_stored(engine.journal).shelf.scan("key")) == before + 1
        with pytest.raises(SessionErased):
            engine.journal.read("s")
        assert WORD.encode() in b"".join(one.body for one in engine.journal.read("t"))


def test_nothing_is_copied_over_keys_of_another_store(place: Place) -> None:
    """Its sessions would become unreadable, or stand in it as plain words."""
    with place.engine() as engine:
        work(engine, "s")
        plain = MemoryJournal()
        with pytest.raises(CopyRefused, match="keys of its own"):
            copy_store(plain, as_stored(engine.journal))
        (place.folder / "two").mkdir()
        with Place(place.folder / "two").engine() as other:
            work(other, "t")
            with pytest.raises(CopyRefused, match="keys of its own"):
                copy_store(as_stored(other.journal), as_stored(engine.journal))
        assert WORD.encode() in b"".join(one.body for one in engine.journal.read("s"))


# -- grants ---------------------------------------------------------------------------

TABLE = """
[access.actors]
root = ["all"]
ann = ["own"]
bob = ["own"]
kai = ["keeper"]
[access.roles]
all = ["*"]
own = ["read:own", "write:own", "keep:own"]
keeper = ["keep"]
[audit]
reads = true
"""

Verb = Callable[[Engine, str, Path], object]

VERBS: dict[str, Verb] = {
    "branch": lambda engine, who, _: engine.branch("s", actor=who),
    "switch": lambda engine, who, _: engine.switch("s", "s~2", actor=who),
    "merge": lambda engine, who, _: engine.merge("s", "s~2", actor=who),
    "resolve": lambda engine, who, _: engine.resolve("s", "x", "ours", actor=who),
    "events": lambda engine, who, _: engine.events("s", actor=who),
    "archive": lambda engine, who, to: engine.archive("ended", to, actor=who),
    "unarchive": lambda engine, who, to: engine.unarchive(to / "file", actor=who),
    "prune": lambda engine, who, _: engine.prune(RetentionPolicy(sessions_max=1), actor=who),
    "prune --dry-run": lambda engine, who, _: engine.prune(
        RetentionPolicy(sessions_max=1), dry_run=True, actor=who
    ),
}

MAY = {
    "root": set(VERBS),
    "ann": {"branch", "switch", "merge", "resolve", "events", "archive"},
    "bob": set[str](),
    "kai": {"archive", "unarchive", "prune", "prune --dry-run"},
}
"""Actor → what it may do with sessions that ann began, written down by hand."""


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Engine, Path]]:
    folder = tmp_path_factory.mktemp("asked")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME"):
            patch.setenv(name, str(folder / name.lower()))
        create_project(folder, SMALL + TABLE)
        open_journal(base=folder, create=True).close()
        with Engine.open(folder, actor="root") as engine:
            for name in ("s", "ended"):
                session = engine.start(name, actor="ann")
                session.turn("go")
                if name == "ended":
                    session.end()
            engine.branch("s", name="s~2", actor="ann")
            yield engine, folder


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("actor", ["bob", "kai", "ann"])
def test_every_verb_with_whole_sessions_is_asked(
    asked: tuple[Engine, Path], tmp_path: Path, actor: str, verb: str
) -> None:
    """Refused, nothing is done or shown; granted, it fails by something else at most."""
    engine, _ = asked
    before = heads(engine)
    try:
        VERBS[verb](engine, actor, tmp_path)
        outcome = ""
    except GovernanceError as error:
        outcome = error.code

    # A verb that was let through may find nothing to do.
    assert outcome == "GOV556" if verb not in MAY[actor] else outcome in FINE
    if verb not in MAY[actor]:
        assert heads(engine) == before
        assert not [one for one in tmp_path.rglob("*") if one.is_file()]


FINE = ("", "GOV523", "GOV524", "GOV525", "GOV526")


def heads(engine: Engine) -> list[tuple[str, int]]:
    """Where each session ends, but for the audit, which has a row for each refusal."""
    return [(one.session, one.seq) for one in engine.journal.sessions() if one.session != "@audit"]


def test_a_branch_belongs_to_who_made_it(place: Place) -> None:
    """Not to who began its parent; and until it says so, to them alone."""
    place.write('[access.actors]\nroot = ["all"]\nann = ["own"]\nbob = ["own", "looks"]\n'
                '[access.roles]\nall = ["*"]\nlooks = ["read"]\n'
                'own = ["read:own", "write:own"]\n')  # fmt: skip
    with place.engine(actor="root") as engine:
        engine.start("s", actor="ann").turn("go")

        made = engine.branch("s", name="of-bob", actor="bob")

        assert not made.turn("more").denied
        assert engine.session("of-bob", actor="ann").turn("more").denied
        engine.journal.branch("bare", "s", 2)
        assert engine.session("bare", actor="bob").turn("more").denied
        assert engine.state("bare", actor="ann").head


def test_pages_of_events_are_recorded(place: Place) -> None:
    """As a look at the state is."""
    place.write("[audit]\nreads = true\n")
    with place.engine(actor="ann") as engine:
        work(engine, "s", "t")
        engine.events("s")
        engine.branch("t", name="u", actor="bob")
        # What an agent reports of its calls is no look.
        engine.session("t").tool_finished("1", outcome="ok")

        seen = [body_of(one) for one in engine._journal.read("@audit")]
    named = [(one["actor"], one["data"]["session"]) for one in seen]  # type: ignore[index, call-overload]
    assert named == [("ann", "s"), ("bob", "t")]


def looks(journal: Journal) -> list[tuple[object, ...]]:
    """What the audit of *journal* says: who, what, of which session, and how it went."""
    found = []
    for one in journal.read("@audit"):
        body = body_of(one)
        data = body["data"]
        assert isinstance(data, dict)
        told = (data[name] for name in ("action", "session", "outcome", "through"))
        found.append((body["actor"], *told))
    return found


COPIED = (ME, "export", "", "granted", "cli")


@pytest.mark.parametrize("way", ["backup", "copy", "copy without key"])
def test_a_copy_of_the_store_is_recorded_before_it_is_made(place: Place, way: str) -> None:
    """Whoever takes all of it has looked at all of it; the copy itself says so."""
    with place.engine() as engine:
        work(engine, "s")

    def copied(name: str) -> Journal:
        copy = place.folder / name
        if way == "backup":
            place.backup().rename(copy)
        else:
            own = f"sqlite:///{place.store}"
            assert place.person("store", "copy", own, f"sqlite:///{copy}", "--create") == 0
        return open_journal(f"sqlite:///{copy}", base=place.project, create=False)

    with closing(copied("before.db")) as journal:
        assert not journal.head("@audit").seq
    place.write("[audit]\nreads = true\n")
    if way.endswith("without key"):
        place.key_file.rename(place.folder / "elsewhere")

    with closing(copied("after.db")) as journal:
        (row,) = journal.read("@audit")
        assert is_sealed(row.body) is not way.endswith("without key")
    if way.endswith("without key"):
        (place.folder / "elsewhere").rename(place.key_file)
    with place.engine() as engine:
        assert looks(engine._journal) == [COPIED]


@pytest.mark.parametrize("words", [("backup",), ("store", "copy")])
def test_a_copy_that_cannot_be_recorded_is_not_made(
    place: Place,
    words: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As any other look."""
    with place.engine() as engine:
        work(engine, "s")
    place.write("[audit]\nreads = true\n")

    def full(*_: object) -> None:
        raise JournalError("no room")

    monkeypatch.setattr("governance.access.guard.append_audit", full)
    copy = place.folder / "copy.db"
    named = (f"sqlite:///{place.store}", f"sqlite:///{copy}", "--create") if words[1:] else ()
    key = ("--key", str(place.key)) if words[1:] else ()

    assert run([*words, *named, "--dir", str(place.project), *key]) == 2

    assert "no room" in capsys.readouterr().err
    if copy.exists():
        made = open_journal(f"sqlite:///{copy}", base=place.project, create=False)
        with closing(made) as journal:
            assert not journal.sessions()
    assert not backups_in(place.project / ".governance" / "backups")


def test_a_copy_of_a_store_without_keys_gets_none(place: Place) -> None:
    """To record it there is no reason to encrypt what is another's."""
    other = place.folder / "other.db"
    url = f"sqlite:///{other}"
    with closing(open_journal(url, base=place.project, create=True)) as journal:
        journal.append([Append("t", 0, (Row("k", 1, b"{}"),))])
    place.write("[audit]\nreads = true\n")

    assert place.person("store", "copy", url, f"sqlite:///{place.folder}/two.db", "--create") == 0

    with closing(open_journal(url, base=place.project, create=False)) as journal:
        assert looks(journal) == [COPIED]
        assert not journal.shelf.scan("key")


COMMANDS = [
    ("backup",),
    ("backup", "list"),
    ("restore", "latest"),
    ("repair",),
    ("repair", "--dry-run"),
    ("repair", "--accept-all"),
    ("store", "copy", "sqlite:///.governance/journal.db", "sqlite:///copy.db", "--create"),
    ("store", "grant", "someone"),
    ("branch", "s"),
    ("switch", "s", "s"),
    ("merge", "s", "t"),
    ("merge", "s", "--show"),
    ("merge", "s", "--resolve", "x", "--take", "ours"),
    ("archive", "s"),
    ("unarchive", "file"),
    ("prune",),
    ("prune", "--dry-run"),
]


def test_the_commands_take_a_grant(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever has none is refused by each of them, with exit code 2, and nothing was done."""
    with place.engine() as engine:
        work(engine, "s", "t")
        rows = engine.journal.verify().rows
    place.write("[access.actors]\nroot = []\n")

    for words in COMMANDS:
        key = () if words[0] == "backup" else ("--key", str(place.key))
        assert run([*words, "--dir", str(place.project), *key]) == 2, words
        assert "GOV556" in capsys.readouterr().err, words

    place.write("")
    with place.engine() as engine:
        assert engine.journal.verify().rows == rows
    assert not (place.project / "copy.db").exists()
    assert not (place.project / ".governance" / "backups").exists()
