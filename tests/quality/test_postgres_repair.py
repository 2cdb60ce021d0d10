"""Rows that are damaged on a server: every sound one comes back, in place or in another store."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from governance import cli
from governance.cli.guard import key_path
from governance.config import default_toml
from governance.errors import StoreDamaged
from governance.journal.copying import copy_store
from governance.journal.gaps import GAP_KIND
from governance.journal.memory import MemoryJournal
from governance.journal.opening import open_journal
from governance.journal.postgres import PostgresJournal
from governance.journal.postgres_faults import ServerRefused
from governance.journal.records import Append, Appended, Journal, Record, Row
from governance.journal.repair import repair_store
from governance.journal.sources import FileSource, JournalSource, Source
from governance.journal.sqlite import SqliteJournal
from governance.project import Project
from tests.postgres_server import Server, running_server
from tests.quality.statement_kills import Tables, each_stop

NOW_MS = 1_800_000_000_000
LONG = random.Random(1).randbytes(30_000)
ROWS = 7


def fill(journal: Journal, *names: str) -> None:
    """Sessions of `ROWS` rows; every third row has a key."""
    for name in names:
        for seq in range(ROWS):
            row = Row("turn.started", seq, b'{"n":"%s %d"}' % (name.encode(), seq))
            key = f"{name}-{seq}" if seq % 3 == 0 else None
            assert isinstance(journal.append([Append(name, seq, (row,))], key=key), Appended)


def rows_of(journal: Journal) -> dict[tuple[str, int], Record]:
    """Every own row of every session that can be read."""
    return {
        (row.session, row.seq): row
        for head in journal.sessions()
        for row in journal.read(head.session)
    }


@pytest.fixture
def journal(server: Server, tmp_path: Path) -> Iterator[PostgresJournal]:
    """A store of three sessions, and a branch of one of them; its heads are mirrored."""
    with closing(server.journal(mirror=tmp_path / "heads")) as made:
        fill(made, "a", "b", "c")
        made.branch("twig", "b", 3)
        made.append([Append("twig", 3, (Row("turn.started", 9, b'{"on":"the twig"}'),))])
        yield made


def edit(server: Server, journal: PostgresJournal, text: str, session: str = "b") -> None:
    """Change the tables of the store of *journal*, past the engine."""
    with server.connect() as connection:
        connection.execute("SET allow_system_table_mods = on")
        connection.execute(text, {"tenant": journal.target.tenant, "session": session})


HERE = "WHERE tenant = %(tenant)s AND session = %(session)s"
DAMAGES = {
    "a column": (f"UPDATE governance.event SET at_ms = at_ms + 1 {HERE} AND seq = 4", {4}),
    "a hash": (f"UPDATE governance.event SET hash = '\\x00' {HERE} AND seq = 4", set()),
    "a row that is gone": (f"DELETE FROM governance.event {HERE} AND seq = 4", {4}),
    "the last row": (f"UPDATE governance.event SET body = '{{}}' {HERE} AND seq = 7", {7}),
    "a cut tail": (f"DELETE FROM governance.event {HERE} AND seq > 5", {6, 7}),
    "the hash of the head": (
        "UPDATE governance.session SET hash = '\\x00'"
        " WHERE tenant = %(tenant)s AND id = %(session)s",
        set(),
    ),
    "the head": (
        "DELETE FROM governance.session WHERE tenant = %(tenant)s AND id = %(session)s",
        set(),
    ),
    "a head beyond": (
        "UPDATE governance.session SET head = 900000000"
        " WHERE tenant = %(tenant)s AND id = %(session)s",
        set(),
    ),
    "a key": (f"DELETE FROM governance.event_key {HERE} AND seq = 4", set()),
    "a key of another row": (
        f"UPDATE governance.event_key SET seq = 2 {HERE} AND seq = 4",
        set(),
    ),
    "a row beyond the head": (
        "INSERT INTO governance.event SELECT tenant, session, 8, kind, at_ms, durable, null, body,"
        f" hash FROM governance.event {HERE} AND seq = 2",
        set(),
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_store_on_a_server_is_mended_in_place(
    server: Server, journal: PostgresJournal, tmp_path: Path, damage: str
) -> None:
    """Every sound row stays, each lost one is stated, and nothing goes on before it is accepted."""
    before = rows_of(journal)
    text, lost = DAMAGES[damage]
    edit(server, journal, text)
    assert not journal.verify().ok

    told = journal.repair(now_ms=NOW_MS, beside=tmp_path / "store", dry_run=True)
    assert (told.needed, told.dry_run, told.lost) == (True, True, len(lost))
    assert not journal.verify().ok
    report = journal.repair(now_ms=NOW_MS, beside=tmp_path / "store")

    assert (report.needed, report.lost, report.unmended) == (True, len(lost), ())
    after = rows_of(journal)
    kept = {place: row for place, row in before.items() if place not in {("b", n) for n in lost}}
    assert {place: after.get(place) for place in kept} == kept
    assert {seq for (name, seq), row in after.items() if row.kind == GAP_KIND} == lost
    assert {one.what for one in journal.verify().findings} == ({"lost"} if lost else set())
    if lost:
        _accept(journal, "b")
    assert journal.verify().findings == ()
    again = journal.append([Append("b", journal.head("b").seq, (Row("k", 0, b"{}"),))], key="new")
    assert isinstance(again, Appended)
    for row in kept.values():
        if row.key is not None:
            found = journal.append([Append("x", 0, (Row("k", 0, b"{}"),))], key=row.key)
            assert not isinstance(found, Appended)
    assert not journal.repair(now_ms=NOW_MS, beside=tmp_path / "store").needed


def _accept(journal: Journal, session: str) -> None:
    row = Row("session.repaired", 0, b"{}")
    answer = journal.append([Append(session, journal.head(session).seq, (row,))])
    assert isinstance(answer, Appended)


def test_what_is_replaced_is_kept_in_a_file(
    server: Server, journal: PostgresJournal, tmp_path: Path
) -> None:
    """The damaged row is in the quarantine, as it stood there."""
    edit(server, journal, DAMAGES["a column"][0])
    report = journal.repair(now_ms=NOW_MS, beside=tmp_path / "store")
    assert report.quarantine is not None
    assert report.quarantine.stat().st_mode & 0o777 == 0o600
    (one,) = map(json.loads, report.quarantine.read_text().splitlines())
    assert (one["session"], one["seq"], one["at_ms"]) == ("b", 4, 4)


def test_a_copy_brings_back_what_is_lost_on_a_server(
    server: Server, journal: PostgresJournal, tmp_path: Path
) -> None:
    """With a copy nothing is lost, also where the loss had been stated and gone on from."""
    before = rows_of(journal)
    with closing(SqliteJournal.open(tmp_path / "copy.db", create=True)) as copy:
        copy_store(journal, copy)
        edit(server, journal, DAMAGES["a column"][0])
        assert journal.repair(now_ms=NOW_MS, beside=tmp_path / "store").lost == 1
        _accept(journal, "b")
        source = JournalSource(copy, "the copy")
        report = journal.repair(now_ms=NOW_MS, beside=tmp_path / "store", sources=[source])
    assert (report.merged, report.lost) == (1, 0)
    after = rows_of(journal)
    assert {place: after.get(place) for place in before} == before
    assert journal.verify().findings == ()


def test_a_mending_that_does_not_hold_changes_nothing(
    server: Server, journal: PostgresJournal, tmp_path: Path
) -> None:
    """The server's owner alone mends; whoever may not has changed nothing."""
    with server.connect() as connection:
        connection.execute("DROP ROLE IF EXISTS mender")
        connection.execute("CREATE ROLE mender LOGIN")
    journal.grant("mender")
    edit(server, journal, DAMAGES["a column"][0])
    with closing(server.again(journal, user="mender")) as confined:
        with pytest.raises(ServerRefused, match=r"does not allow this"):
            confined.repair(now_ms=NOW_MS, beside=tmp_path / "store")
        assert [one.what for one in confined.verify().findings] == ["hash"]


def _tear(server: Server, journal: PostgresJournal, session: str, seq: int) -> None:
    """Lose what the server keeps beside the table of long bodies: the row cannot be read then."""
    with server.connect() as connection:
        found = connection.execute(
            "SELECT pg_relation_filepath(c.reltoastrelid), pg_column_toast_chunk_id(body)"
            " FROM governance.event e JOIN pg_class c ON c.oid = e.tableoid"
            " WHERE tenant = %s AND session = %s AND seq = %s",
            (journal.target.tenant, session, seq),
        ).fetchone()
    assert found is not None
    assert found[1] is not None, "the body is not long enough"
    server.stop("fast")
    file = server.data / found[0]
    file.write_bytes(bytes(file.stat().st_size))
    server.start()


def test_a_row_that_the_server_cannot_read_costs_itself_alone(tmp_path: Path) -> None:
    """Rows are read around it, in place and from another store."""
    with running_server() as server, closing(server.journal()) as journal:
        fill(journal, "a")
        for seq in range(20):
            row = Row("k", seq, LONG if seq == 12 else b"{}")
            assert isinstance(journal.append([Append("long", seq, (row,))]), Appended)
        before = rows_of(journal)
        _tear(server, journal, "long", 13)
        with pytest.raises(StoreDamaged):
            journal.read("long")

        source = JournalSource(journal, "the server")
        found = {columns[1] for columns in source.rows("long", 1, 20)}
        assert found == set(range(1, 21)) - {13}
        assert source.problems == ["1 row of `long` cannot be read: row 13"]

        report = journal.repair(now_ms=NOW_MS, beside=tmp_path / "store")
        assert [(one.session, one.lost) for one in report.sessions] == [("long", ((13, 13),))]
        after = rows_of(journal)
        kept = {place: row for place, row in before.items() if place != ("long", 13)}
        assert {place: after.get(place) for place in kept} == kept


@pytest.mark.parametrize("damage", ["a column", "a hash", "a row that is gone", "the head"])
def test_another_store_gets_every_sound_row_of_a_damaged_one(
    server: Server, journal: PostgresJournal, tmp_path: Path, damage: str
) -> None:
    """The others are copied, the damaged ones brought by a repair, with branches; and back."""
    before = rows_of(journal)
    text, lost = DAMAGES[damage]
    edit(server, journal, text)
    path = tmp_path / "new" / "journal.db"
    with closing(SqliteJournal.open(path, create=True)) as other:
        copied = copy_store(journal, other)
        # Of a session without a head, the list of sessions does not know.
        broken = {"twig"} if damage == "the head" else {"b", "twig"}
        assert {one.session for one in copied.findings} == broken
        assert all(one.what == "unreadable" for one in copied.findings)
        assert (copied.sessions, copied.rows, copied.ok) == (2, 2 * ROWS, False)
        assert [one.session for one in other.sessions()] == ["a", "c"]

    source = JournalSource(journal, "the server")
    report = repair_store(path, now_ms=NOW_MS, mirror=None, sources=[source])

    assert {one.session: one.lost for one in report.sessions if one.lost} == (
        {"b": tuple((n, n) for n in lost)} if lost else {}
    )
    with closing(SqliteJournal.open(path, create=False)) as other:
        after = rows_of(other)
        kept = {
            place: row for place, row in before.items() if place[1] not in lost or place[0] != "b"
        }
        assert {place: after.get(place) for place in kept} == kept
        assert other.origin("twig") == journal.origin("twig")
        if lost:
            _accept(other, "b")
        assert other.verify().ok
        with closing(server.journal()) as fresh:
            assert copy_store(other, fresh).ok
            assert fresh.sessions() == other.sessions()


def test_a_long_session_that_breaks_halfway_leaves_nothing_in_the_copy(
    server: Server, journal: PostgresJournal, tmp_path: Path
) -> None:
    """Half a session would stand there as a removed one, which nothing brings back."""
    rows = tuple(Row("k", n, b"{}") for n in range(1_200))
    assert isinstance(journal.append([Append("long", 0, rows)]), Appended)
    edit(server, journal, f"UPDATE governance.event SET at_ms = 7 {HERE} AND seq = 900", "long")
    with closing(SqliteJournal.open(tmp_path / "new.db", create=True)) as other:
        assert [one.session for one in copy_store(journal, other).findings] == ["long"]
        assert other.removed() == ()


def test_a_damaged_value_costs_no_value_of_another_kind(
    server: Server, journal: PostgresJournal, tmp_path: Path
) -> None:
    """Keys and archives are copied, and what could not be is told."""
    for shelf in ("key", "blob", "archive"):
        journal.shelf.put(shelf, "x", shelf.encode())
    edit(
        server,
        journal,
        "UPDATE governance.shelf SET value = 'other' WHERE tenant = %(tenant)s AND shelf = 'blob'",
    )
    with closing(SqliteJournal.open(tmp_path / "new.db", create=True)) as other:
        report = copy_store(journal, other)
        assert [(one.what, one.session) for one in report.findings] == [("unreadable", "")]
        assert "shelf `blob`" in report.findings[0].message
        assert (other.shelf.get("key", "x"), other.shelf.get("archive", "x")) == (
            journal.shelf.get("key", "x"),
            journal.shelf.get("archive", "x"),
        )
        assert other.sessions() == journal.sessions()


@pytest.mark.parametrize("from_", ["file", "contract"])
def test_damaged_values_are_mended_in_place(
    server: Server, journal: PostgresJournal, tmp_path: Path, from_: str
) -> None:
    """From a copy, else they are taken out and kept in a file; what was destroyed stays so."""
    mark, key = f"erased:{'a' * 64}", f"session:{'a' * 64}"
    journal.shelf.put("key", key, b"wrapped")
    journal.shelf.put("blob", "b#kept", b"value")
    path = tmp_path / "copy.db"
    with closing(SqliteJournal.open(path, create=True)) as other:
        assert copy_store(journal, other).findings == ()
    journal.shelf.put("key", mark, b"{}")
    for name in ("b#lost", "c#sound"):
        journal.shelf.put("blob", name, name.encode())
    journal.shelf.put("index", "b#i", b"made anew")
    changed = "UPDATE governance.shelf SET value = 'x' WHERE tenant = %(tenant)s"
    edit(server, journal, f"{changed} AND name <> 'c#sound'")
    edit(server, journal, DAMAGES["a column"][0])

    beside = tmp_path / "store"
    copy: Source = FileSource(path)
    if from_ == "contract":
        copy = JournalSource(SqliteJournal.open(path, create=False), "the copy")
    with closing(copy):
        planned = journal.repair(now_ms=NOW_MS, beside=beside, sources=(copy,), dry_run=True)
        assert len(journal.verify().findings) > 4
        report = journal.repair(now_ms=NOW_MS, beside=beside, sources=(copy,))

    lost = ("the value `b#lost` on the shelf `blob`", f"the value `{key}` on the shelf `key`")
    for one in (planned, report):
        assert (one.needed, one.values_lost, one.values_merged) == (True, lost, 2)
        assert (one.merged, one.lost, one.unmended) == (1, 0, ())
    assert (planned.quarantine, report.quarantined_values) == (None, 5)
    assert report.quarantine is not None
    lines = [json.loads(line) for line in report.quarantine.read_text().splitlines()]
    values = {one["name"]: one["value_base64"] for one in lines if "shelf" in one}
    assert values == dict.fromkeys(("b#i", "b#kept", "b#lost", mark, key), "eA==")
    assert journal.verify().findings == ()
    found = {name: journal.shelf.get("blob", name) for name in ("b#kept", "b#lost", "c#sound")}
    assert {name: one and one.value for name, one in found.items()} == {
        "b#kept": b"value", "b#lost": None, "c#sound": b"c#sound",
    }  # fmt: skip
    assert journal.shelf.get("key", mark) is not None
    assert (journal.shelf.get("key", key), journal.shelf.get("index", "b#i")) == (None, None)
    assert not journal.repair(now_ms=NOW_MS, beside=beside).needed


def test_any_back_end_is_read_around(tmp_path: Path) -> None:
    """By the contract alone a page is halved until the bad row stands by itself."""
    memory = MemoryJournal()
    fill(memory, "a")

    class Torn:
        """A store that cannot give row 4, by itself or with others."""

        def read(self, session: str, *, after: int, limit: int) -> tuple[Record, ...]:
            found = memory.read(session, after=after, limit=limit)
            if any(row.seq == 4 for row in found):
                raise StoreDamaged("row 4 is damaged", remedy="none")
            return found

    source = JournalSource(Torn(), "torn")  # type: ignore[arg-type]
    assert [columns[1] for columns in source.rows("a", 1, 7)] == [1, 2, 3, 5, 6, 7]
    assert source.problems == ["1 row of `a` cannot be read: row 4"]


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_mending_that_is_killed_changes_all_or_nothing(server: Server, tmp_path: Path) -> None:
    """Killed before or after any statement, and the next one mends what is left."""
    with closing(server.journal(tenant="t", schema="mending")) as journal:
        fill(journal, "a", "b")
        before = rows_of(journal)
        edit(server, journal, DAMAGES["a column"][0].replace("governance.", "mending."))
    tables = Tables(server, "mending")
    tables.keep()

    def mend() -> None:
        with closing(server.journal(tenant="t", schema="mending")) as journal:
            journal.repair(now_ms=NOW_MS, beside=tmp_path / "store")

    stops = 0
    for _ in each_stop(server, mend, tables.put_back, ("kill",)):
        stops += 1
        with closing(server.journal(tenant="t", schema="mending")) as journal:
            report = journal.repair(now_ms=NOW_MS, beside=tmp_path / "store")
            assert (report.needed, report.lost) in {(True, 1), (False, 1)}
            assert {one.what for one in journal.verify().findings} == {"lost"}
            after = rows_of(journal)
            assert [place for place, row in before.items() if after[place] != row] == [("b", 4)]
    assert stops > 10


# -- by commands ------------------------------------------------------------------------


@pytest.fixture
def project(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose journal is on a server, with two sessions."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "GOVERNANCE_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "project"
    folder.mkdir()
    _named(folder, server.url(tenant=f"p{tmp_path.name[-20:].strip('_')}".lower()))
    assert cli.main(["init", str(folder)]) == 0
    with closing(_opened(folder)) as journal:
        fill(journal, "a", "b")
    return folder


def _named(folder: Path, url: str) -> None:
    text = default_toml().replace('paths = ["shipped"]', "paths = []")
    line = next(line for line in text.splitlines() if line.startswith("#url = "))
    (folder / "governance.toml").write_text(text.replace(line, f"url = {json.dumps(url)}"))


def _url(folder: Path) -> str:
    from governance.config import load_config

    return load_config(folder).journal.url


def _opened(folder: Path) -> PostgresJournal:
    journal = open_journal(_url(folder), base=folder, create=False)
    assert isinstance(journal, PostgresJournal)
    return journal


def _run(project: Path, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    capsys.readouterr()
    given = [*words, "--dir", str(project)]
    if words[0] in {"store", "repair"} and "--dry-run" not in words:
        given += ["--key", str(key_path(Project(project)))]
    code = cli.main(given)
    out, err = capsys.readouterr()
    return code, out, err


def test_the_command_mends_a_server_in_place(
    server: Server, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Found by `verify`, said by `--dry-run`, mended, accepted, and worked on."""
    with closing(_opened(project)) as journal:
        edit(server, journal, DAMAGES["a column"][0])
    assert _run(project, capsys, "verify")[0] == 1
    code, out, _ = _run(project, capsys, "repair", "--dry-run", "--format", "json")
    told = json.loads(out)
    assert (code, told["needed"], told["ok"], told["lost"]) == (1, True, False, 1)
    code, out, err = _run(project, capsys, "repair")
    assert (code, err) == (1, "")
    assert "1 row lost" in out
    assert "--accept SESSION" in out
    assert _run(project, capsys, "verify")[0] == 1
    assert _run(project, capsys, "repair", "--accept", "b", "--reason", "seen")[0] == 0
    assert _run(project, capsys, "verify")[0] == 0
    code, out, _ = _run(project, capsys, "repair", "--format", "json")
    assert (code, json.loads(out)["needed"]) == (0, False)


def test_the_command_says_what_it_cannot_mend_there(
    server: Server, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a store says of itself is named, with exit code 1 and the way out; a value is mended."""
    with closing(_opened(project)) as journal:
        journal.shelf.put("blob", "x", b"value")
        edit(
            server,
            journal,
            "UPDATE governance.shelf SET value = 'other' WHERE tenant = %(tenant)s"
            " AND shelf = 'blob'",
        )
    code, out, _ = _run(project, capsys, "repair")
    assert code == 1
    assert "lost: the value `x` on the shelf `blob`" in out
    assert "what fits nowhere, 1 damaged value, is in" in " ".join(out.split())
    assert _run(project, capsys, "verify")[0] == 0
    with server.connect() as connection:
        connection.execute("INSERT INTO governance.store VALUES ('strange', 1)")
    code, out, _ = _run(project, capsys, "repair")
    json_code, told, _ = _run(project, capsys, "repair", "--format", "json")
    with server.connect() as connection:
        connection.execute("DELETE FROM governance.store WHERE name = 'strange'")
    assert (code, "not mended: `strange`" in out, "--from" in out) == (1, True, True)
    assert (json_code, json.loads(told)["ok"], len(json.loads(told)["unmended"])) == (1, False, 1)


def test_the_command_copies_around_a_damaged_session(
    server: Server, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The way into another store and back, as the page on repairs tells it."""
    with closing(_opened(project)) as journal:
        edit(server, journal, DAMAGES["a column"][0])
    old, new = _url(project), "sqlite:///mended/journal.db"
    code, out, _ = _run(project, capsys, "store", "copy", old, new, "--create", "--format", "json")
    told = json.loads(out)
    assert (code, told["ok"], told["rows"]) == (1, False, ROWS)
    assert [(one["session"], one["what"]) for one in told["findings"]] == [("b", "unreadable")]
    _named(project, new)
    code, out, _ = _run(project, capsys, "repair", "--from", old, "--format", "json")
    told = json.loads(out)
    assert (code, told["lost"], told["rows"]) == (1, 1, 2 * ROWS - 1)
    assert _run(project, capsys, "repair", "--accept", "b", "--reason", "seen")[0] == 0
    assert _run(project, capsys, "verify")[0] == 0
    back = f"{old}back"
    assert _run(project, capsys, "store", "copy", new, back, "--create")[0] == 0
