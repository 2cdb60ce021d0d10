"""A PostgreSQL store: its roles, schema, feed, leases, mirror, and what it says of a server."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql as names

from governance.errors import (
    JournalError,
    MisuseError,
    SessionErased,
    StoreBusy,
    StoreDamaged,
    StoreFull,
    StoreMissing,
    StoreNewer,
)
from governance.journal import open_journal, postgres_schema
from governance.journal.faults import StoreReadOnly
from governance.journal.key_sources import KeyEncryptionKey
from governance.journal.mirror import Identity, Mirror, read_heads
from governance.journal.postgres import PostgresJournal
from governance.journal.postgres_access import CHANGED_SHELVES, Access
from governance.journal.postgres_anchor import Anchor
from governance.journal.postgres_faults import (
    DriverMissing,
    ServerRefused,
    ServerUnreachable,
    ServerUnsuitable,
    is_hopeless,
    server_error,
)
from governance.journal.postgres_schema import VERSION, sql
from governance.journal.postgres_server import exposed
from governance.journal.postgres_url import target_of
from governance.journal.records import Append, Appended, Entry, Head, Row, Snapshot
from governance.journal.servers import OnServer
from governance.journal.vault import Vault, session_scope
from tests.postgres_server import Server


@pytest.fixture
def journal(server: Server) -> Iterator[PostgresJournal]:
    made = server.journal()
    yield made
    made.close()


def _row(text: str = "{}", *, durable: bool = True) -> Row:
    return Row("k", 0, text.encode(), durable)


def _put(journal: PostgresJournal, session: str, *, durable: bool = True) -> Appended:
    batch = [Append(session, journal.head(session).seq, (_row(durable=durable),))]
    done = journal.append(batch)
    assert isinstance(done, Appended)
    return done


def _statement(journal: PostgresJournal, text: str) -> bytes:
    return sql(journal.target.schema, text)


# -- roles and tenants -----------------------------------------------------------------------


@pytest.fixture
def role(server: Server, journal: PostgresJournal) -> str:
    """A role that may append to the store of *journal*."""
    name = f"engine@.{{}}%s {journal.target.tenant}"
    with server.connect() as connection:
        connection.execute(names.SQL("CREATE ROLE {} LOGIN").format(names.Identifier(name)))
    journal.grant(name)
    return name


@pytest.fixture
def confined(server: Server, journal: PostgresJournal, role: str) -> Iterator[PostgresJournal]:
    """The store of *journal* for that role."""
    made = server.again(journal, user=role)
    yield made
    made.close()


def test_a_granted_role_appends_and_reads(confined: PostgresJournal) -> None:
    """Everything that an engine does works for the role that may not change anything."""
    record = _put(confined, "s").records[0]
    confined.append([Append("s", 1, (_row(),)), Append("t", 0, (_row(),))], key="k")
    confined.snapshot_put(Snapshot("s", 1, record.hash, 1, b"x"))
    for shelf in ("blob", "key", *CHANGED_SHELVES):
        assert confined.shelf.put(shelf, "a", b"1", expected_version=0) is not None
        assert confined.shelf.put(shelf, "a", b"2", expected_version=0) is None
    for shelf in CHANGED_SHELVES:
        assert confined.shelf.put(shelf, "a", b"2", expected_version=1) is not None
        assert confined.shelf.put(shelf, "a", b"3") is not None
    assert confined.leases.take("s", "me", lease_ms=1_000).owner == "me"
    assert isinstance(confined.branch("b", "s", 1), Head)
    assert [move.session for move in confined.moved()] == ["s", "t", "b"]
    turn = confined.append_alone("s", lambda: [Append("s", 2, (_row(),))])
    assert isinstance(turn, Appended)
    assert confined.snapshot_get("s", version=1) is not None
    assert confined.verify().ok


@pytest.mark.parametrize(
    "text",
    [
        "UPDATE @.event SET body = ''",
        "DELETE FROM @.event",
        "TRUNCATE @.event",
        "UPDATE @.event_0 SET body = ''",
        "SELECT * FROM @.event_0",
        "UPDATE @.session SET tombstone = ''",
        "DELETE FROM @.session",
        "DELETE FROM @.event_key",
        "UPDATE @.store SET value = 99",
        "UPDATE @.tenant SET id = 'x'",
        "INSERT INTO @.member VALUES (current_user, 'other')",
        "ALTER TABLE @.event DISABLE ROW LEVEL SECURITY",
        "DROP TABLE @.event",
        "CREATE TABLE @.mine (x int)",
    ],
)
def test_the_server_refuses_a_granted_role_everything_else(
    server: Server, confined: PostgresJournal, role: str, text: str
) -> None:
    """No row of a journal is changed or removed by it, past our code as well."""
    _put(confined, "s")
    with server.connect(user=role) as connection, pytest.raises(psycopg.Error) as caught:
        connection.execute(_statement(confined, text))
    assert caught.value.sqlstate == "42501"


@pytest.fixture
def kept(journal: PostgresJournal) -> tuple[Entry, ...]:
    """What lies beside the rows, put by the owner: contents, a key, a cache."""
    places = (("blob", "s#1"), ("key", "vault"), ("key", "session:1"), ("archive", "s"))
    made = [journal.shelf.put(*place, b"1") for place in (*places, ("index", "s#1"))]
    return tuple(one for one in made if one is not None)


@pytest.mark.parametrize(
    "text",
    [
        "DELETE FROM @.shelf",
        "DELETE FROM @.shelf WHERE shelf = 'index'",
        "TRUNCATE @.shelf",
        "UPDATE @.shelf SET value = ''",
        "UPDATE @.shelf SET shelf = 'key', name = 'erased:1' WHERE shelf = 'index'",
        "UPDATE @.shelf SET tenant = 'other' WHERE shelf = 'index'",
        "INSERT INTO @.shelf SELECT tenant, shelf, 'erased:1', 1, value, digest FROM @.shelf"
        " WHERE name = 'vault'",
        "INSERT INTO @.shelf SELECT * FROM @.shelf WHERE shelf = 'blob'"
        " ON CONFLICT (tenant, shelf, name) DO UPDATE SET value = ''",
        "DROP POLICY changed ON @.shelf",
    ],
)
def test_a_granted_role_takes_no_content_and_no_key(
    server: Server,
    journal: PostgresJournal,
    confined: PostgresJournal,
    role: str,
    kept: tuple[Entry, ...],
    text: str,
) -> None:
    """By SQL of its own: of what lies beside the rows just caches change, and nothing goes."""
    refused = False
    with server.connect(user=role) as connection:
        try:
            connection.execute(_statement(confined, text))
        except psycopg.errors.InsufficientPrivilege:
            refused = True

    # What is not shown to an UPDATE is left out of it without a word.
    caches = 0 if refused else 1
    assert refused or text == "UPDATE @.shelf SET value = ''"
    found = {(one.shelf, one.name) for one in kept}
    with server.connect() as connection:
        rows = connection.execute(
            _statement(confined, "SELECT shelf, name, value FROM @.shelf WHERE tenant = %s"),
            (journal.target.tenant,),
        ).fetchall()
    assert {(shelf, name) for shelf, name, _ in rows} == found
    assert [shelf for shelf, _, value in rows if value != b"1"] == ["index"] * caches


def test_a_granted_role_is_told_what_it_may_not_change(
    confined: PostgresJournal, kept: tuple[Entry, ...]
) -> None:
    """By our own code: an error that says so, never an answer that there is nothing."""
    for one in kept[:-1]:
        place = one.shelf, one.name
        assert confined.shelf.get(*place) == one
        assert confined.shelf.put(*place, b"2", expected_version=7) is None
        for version in (1, None):
            with pytest.raises(ServerRefused, match="does not allow this"):
                confined.shelf.put(*place, b"2", expected_version=version)
            with pytest.raises(ServerRefused, match="does not allow this"):
                confined.shelf.delete(*place, expected_version=version)
        assert confined.shelf.get(*place) == one


def test_no_session_is_erased_by_a_granted_role(
    journal: PostgresJournal, confined: PostgresJournal
) -> None:
    """It makes keys and reads them; that one is destroyed takes the owner, mark and key alike."""
    scope, key = session_scope("s"), KeyEncryptionKey.of(b"k" * 32)
    vault = Vault.open(confined.shelf, key)
    assert vault.key_of(scope, make=True) is not None
    with pytest.raises(ServerRefused):
        vault.erase(scope, 1)
    with pytest.raises(ServerRefused):
        Vault.open(confined.shelf, KeyEncryptionKey.of(b"n" * 32), [key]).rotate()
    assert not vault.is_erased(scope)
    assert Vault.open(journal.shelf, key).key_of(scope, make=False) is not None

    assert Vault.open(journal.shelf, key).erase(scope, 1)
    with pytest.raises(SessionErased):
        Vault.open(confined.shelf, key).key_of(scope, make=False)


def test_to_grant_again_takes_what_was_given_by_hand(
    server: Server, journal: PostgresJournal, confined: PostgresJournal, role: str
) -> None:
    """A role that an older engine has let do more is confined by a new grant."""
    confined.shelf.put("blob", "s#1", b"1")
    with server.connect() as connection:
        given = _statement(journal, "GRANT DELETE, UPDATE ON @.shelf, @.event TO ").decode()
        connection.execute(names.SQL(given) + names.Identifier(role))  # type: ignore[arg-type]
    journal.grant(role)

    with pytest.raises(ServerRefused):
        confined.shelf.delete("blob", "s#1")
    with (
        server.connect(user=role) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(_statement(journal, "UPDATE @.event SET body = ''"))


def test_a_granted_role_removes_and_restores_nothing(confined: PostgresJournal) -> None:
    """Retention is the owner's; the error says so by name, and the rows are there."""
    head = _put(confined, "s").heads[0]
    with pytest.raises(ServerRefused, match="does not allow this"):
        confined.remove("s", expected=head)
    assert confined.head("s") == head


def test_a_tenant_never_sees_anothers_rows(
    server: Server, journal: PostgresJournal, confined: PostgresJournal, role: str
) -> None:
    """Neither by a URL that names the other's store, nor by SQL of its own."""
    other = server.journal()
    _put(other, "theirs")
    other.shelf.put("key", "theirs", b"secret")
    _put(confined, "mine")
    with pytest.raises(StoreMissing):
        server.again(other, user=role)
    with server.connect(user=role) as connection:
        for table in ("tenant", "session", "event", "event_key", "snapshot", "shelf", "lease"):
            column = "name" if table == "tenant" else "tenant"
            text = f"SELECT DISTINCT {column} FROM @.{table}"
            found = connection.execute(_statement(confined, text)).fetchall()
            assert found in ([(journal.target.tenant,)], []), table
        words = (other.target.tenant, "mine", 1, "k", 0, True, b"", b"")
        text = "INSERT INTO @.event (tenant, session, seq, kind, at_ms, durable, body, hash)"
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(
                _statement(confined, text + " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"), words
            )
    assert [head.session for head in confined.sessions()] == ["mine"]
    assert [head.session for head in other.sessions()] == ["theirs"]
    other.close()


def test_two_tenants_have_keys_and_sessions_of_their_own(
    server: Server, journal: PostgresJournal
) -> None:
    """The same session and the same key in two stores of one schema do not meet."""
    other = server.journal()
    for one in (journal, other):
        assert isinstance(one.append([Append("s", 0, (_row(),))], key="k"), Appended)
    assert journal.store_id != other.store_id
    other.close()


def test_a_revoked_role_sees_nothing(
    server: Server, journal: PostgresJournal, confined: PostgresJournal, role: str
) -> None:
    """What was granted is taken back; a right that somebody gives by hand shows no row."""
    _put(confined, "s")
    journal.revoke(role)
    with pytest.raises(ServerRefused):
        confined.read("s")
    with server.connect() as connection:
        for text in ("USAGE ON SCHEMA {s}", "SELECT ON {s}.event, {s}.member"):
            granted = "GRANT " + text.format(s=journal.target.schema) + f' TO "{role}"'
            connection.execute(granted.encode())
    with server.connect(user=role) as connection:
        found = connection.execute(_statement(confined, "SELECT count(*) FROM @.event"))
        assert found.fetchone() == (0,)


def test_no_right_is_given_to_a_role_that_none_could_confine(
    journal: PostgresJournal, confined: PostgresJournal, role: str
) -> None:
    """A superuser, an unknown role, and a grant by a role that does not own the tables."""
    with pytest.raises(MisuseError, match="nothing can confine"):
        journal.grant("postgres")
    with pytest.raises(MisuseError, match="has no role"):
        journal.grant("nobody at all")
    with pytest.raises(ServerRefused, match="only the owner"):
        confined.grant(role)


# -- schema ----------------------------------------------------------------------------------


def test_events_lie_in_partitions_of_their_session(server: Server) -> None:
    """Rows of a session are in one partition; sessions spread over several."""
    journal = server.journal(schema="spread")
    for number in range(40):
        journal.append([Append(f"s{number}", 0, (_row(), _row()))])
    with server.connect() as connection:
        found = connection.execute(
            "SELECT count(DISTINCT tableoid), count(DISTINCT (tableoid, session)) FROM spread.event"
        ).fetchone()
    assert found is not None
    assert found[0] > 4
    assert found[1] == 40
    journal.close()


def test_a_store_is_not_made_by_opening_it(server: Server) -> None:
    """Neither a schema nor a tenant comes into being without being asked for."""
    for words in ({"schema": "absent"}, {"tenant": "absent"}):
        with pytest.raises(StoreMissing):
            PostgresJournal.open(target_of(server.url(**words)), create=False)
    with server.connect() as connection:
        found = connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = 'absent'")
        assert found.fetchone() is None


def test_engines_that_make_one_store_at_once_make_one(server: Server) -> None:
    """All of them get the same store; none finds it half made."""
    ids: list[str] = []
    begin = threading.Barrier(4)

    def make() -> None:
        begin.wait()
        made = server.journal(schema="together", tenant="one")
        ids.append(made.store_id)
        made.close()

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 4
    assert len(set(ids)) == 1


def test_a_schema_with_other_tables_is_left_alone(server: Server) -> None:
    """A schema that holds somebody's table of that name is no store, and is not touched."""
    with server.connect() as connection:
        connection.execute("CREATE SCHEMA theirs")
        connection.execute("CREATE TABLE theirs.session (x int)")
        with pytest.raises(StoreDamaged, match="no store of this engine"):
            server.journal(schema="theirs")
        found = connection.execute(
            "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = 'theirs' AND c.relkind IN ('r', 'p')"
        ).fetchone()
        assert found == (1,)


def test_an_old_engine_refuses_a_newer_store(server: Server) -> None:
    """When it is opened, and when it is migrated under an engine that has it open."""
    journal = server.journal(schema="newer")
    _put(journal, "s")
    with server.connect() as connection:
        connection.execute("UPDATE newer.store SET value = %s", (VERSION + 1,))
    for call in (
        lambda: journal.append([Append("s", 1, (_row(),))]),
        lambda: server.again(journal).close(),
        lambda: journal.shelf.put("blob", "a", b""),
    ):
        with pytest.raises(StoreNewer, match="schema version"):
            call()
    assert [one.what for one in journal.verify().findings] == ["newer"]
    with server.connect() as connection:
        connection.execute("UPDATE newer.store SET value = %s", (VERSION,))
    assert journal.head("s").seq == 1
    journal.close()


def test_a_store_that_was_replaced_takes_no_rows(server: Server) -> None:
    """Dropped, or another store in its place: the open journal writes to neither."""
    journal = server.journal(schema="replaced", tenant="one")
    _put(journal, "s")
    with server.connect() as connection:
        connection.execute("DROP SCHEMA replaced CASCADE")
        with pytest.raises(StoreMissing):
            journal.append([Append("s", 1, (_row(),))])
        server.journal(schema="replaced", tenant="one").close()
        with pytest.raises(StoreMissing, match="replaced while it was open"):
            journal.append([Append("s", 1, (_row(),))])
    assert [one.what for one in journal.verify().findings] == ["vanished"]
    journal.close()


# -- the feed of moves -----------------------------------------------------------------------


def test_no_move_is_skipped_while_an_older_one_is_under_way(
    server: Server, journal: PostgresJournal
) -> None:
    """A later commit does not show before an earlier transaction that still runs has ended."""
    _put(journal, "a")
    (first,) = journal.moved()
    with server.connect() as connection:
        with connection.transaction():
            connection.execute("SELECT pg_current_xact_id()")
            _put(journal, "b")
            assert journal.moved(after=first.position) == ()
        assert [move.session for move in journal.moved(after=first.position)] == ["b"]


def test_the_feed_goes_on_in_a_cluster_that_counts_anew(server: Server) -> None:
    """Loaded into a server whose transactions are behind, moves still come after the old ones."""
    journal = server.journal(schema="loaded")
    _put(journal, "a")
    ahead = journal.moved()[0].position * 1_000
    with server.connect() as connection:
        connection.execute("UPDATE loaded.session SET position = %s", (ahead,))
    again = server.again(journal)
    _put(again, "b")
    assert [(move.session, move.position > ahead) for move in again.moved(after=ahead)] == [
        ("b", True)
    ]
    for one in (journal, again):
        one.close()


@pytest.mark.parametrize("notify", ["on", "off"])
def test_whoever_waits_is_told_of_a_move(
    server: Server, journal: PostgresJournal, notify: str
) -> None:
    """With a call or by polling alone, what moves while one waits is given."""
    caller = server.again(journal, notify=notify)
    threading.Timer(0.1, _put, (caller, "s")).start()
    found = caller.wait_moved(seconds=20)
    assert [move.session for move in found] == ["s"]
    assert caller.wait_moved(after=found[-1].position, seconds=0) == ()
    with pytest.raises(MisuseError):
        caller.wait_moved(seconds=-1)
    caller.close()


# -- leases ----------------------------------------------------------------------------------


def test_a_lease_has_one_holder_until_it_ends(journal: PostgresJournal) -> None:
    """Others are told who has it; it is made longer, ends by itself, or is given back."""
    leases = journal.leases
    assert leases.holder("s") is None
    mine = leases.take("s", "a", lease_ms=60_000)
    assert (mine.owner, 0 < mine.left_ms <= 60_000) == ("a", True)
    assert leases.take("s", "b", lease_ms=60_000).owner == "a"
    assert leases.release("s", "b") is False
    assert leases.take("s", "a", lease_ms=80_000).left_ms > 60_000
    assert leases.release("s", "a") is True
    assert leases.take("s", "b", lease_ms=1).owner == "b"
    time.sleep(0.01)
    assert leases.holder("s") is None
    assert leases.take("s", "a", lease_ms=60_000).owner == "a"
    with pytest.raises(MisuseError):
        leases.take("s", "a", lease_ms=0)


# -- the mirror ------------------------------------------------------------------------------


def test_a_mirror_is_told_of_nothing_that_is_not_on_the_disk(tmp_path: Path) -> None:
    """Heads of observations wait for a durable commit that began after they were acknowledged."""
    mirror = Mirror(tmp_path / "heads", Identity("store", "place"))
    mirror.begin(())
    anchor = Anchor(mirror)
    early, late, sure = (Head(name, 1, bytes(32)) for name in ("early", "late", "sure"))
    anchor.note([early], mark=anchor.mark(), durable=False)
    mark = anchor.mark()
    anchor.note([late], mark=anchor.mark(), durable=False)
    anchor.note([sure], mark=mark, durable=True)
    assert list(read_heads(mirror.path)) == [early, sure]
    anchor.note([sure], mark=anchor.mark(), durable=True)
    assert list(read_heads(mirror.path))[2:] == [late, sure]
    anchor.close()


def test_verify_finds_what_was_done_behind_its_back(server: Server, tmp_path: Path) -> None:
    """Each kind of tampering by the owner of the tables is found, and named by its row."""
    changes = {
        "UPDATE @.event SET kind = 'other' WHERE session = 'a' AND seq = 2": ("hash", "a", 2),
        "DELETE FROM @.event WHERE session = 'b' AND seq = 1": ("gap", "b", 1),
        "UPDATE @.session SET head = 9 WHERE id = 'c'": ("cut", "c", 4),
        "DELETE FROM @.session WHERE id = 'd'": ("head", "d", 1),
        "DELETE FROM @.event_key WHERE name = 'e'": ("unreadable", "e", 1),
        "DELETE FROM @.event WHERE session = 'f'": ("cut", "f", 1),
        "UPDATE @.session SET tombstone = 'x' WHERE id = 'g'": ("unreadable", "g", 0),
        "UPDATE @.event SET session = 'z' WHERE session = 'h'": ("cut", "h", 1),
    }
    journal = server.journal(schema="tampered", mirror=tmp_path / "heads")
    for name in "abcdefgh":
        for number in range(3):
            key = name if number == 0 else None
            journal.append([Append(name, number, (_row(),))], key=key)
    removed = _put(journal, "removed").heads[0]
    sound = journal.verify()
    assert (sound.ok, sound.anchored, sound.rows) == (True, True, 25)
    with server.connect() as connection:
        for text in changes:
            connection.execute(_statement(journal, text))
        for text in ("DELETE FROM @.event", "DELETE FROM @.session"):
            column = "session" if "event" in text else "id"
            connection.execute(_statement(journal, f"{text} WHERE {column} = 'removed'"))
    report = journal.verify()
    found = {(one.what, one.session, one.seq) for one in report.findings}
    assert found >= set(changes.values()) | {("removed", removed.session, 1), ("head", "z", 1)}
    with pytest.raises(StoreDamaged):
        journal.read("a")
    again = server.again(journal)
    with pytest.raises(StoreDamaged):
        again.append([Append("c", 9, (_row(),))])
    for one in (journal, again):
        one.close()


def test_a_tail_that_was_cut_is_found_by_the_mirror_alone(server: Server, tmp_path: Path) -> None:
    """With the head moved back to fit, only what was mirrored shows that rows are gone."""
    journal = server.journal(schema="cut", mirror=tmp_path / "heads")
    first = _put(journal, "s").records[0]
    _put(journal, "s")
    with server.connect() as connection:
        connection.execute(_statement(journal, "DELETE FROM @.event WHERE seq = 2"))
        back = _statement(journal, "UPDATE @.session SET head = 1, hash = %s")
        connection.execute(back, (first.hash,))
    unanchored = server.again(journal)
    assert unanchored.verify().ok
    unanchored.close()
    cut = journal.verify()
    assert [(one.what, one.seq) for one in cut.findings] == [("cut", 2)]
    assert cut.anew_ms == 0
    late = PostgresJournal.open(journal.target, create=False, mirror=tmp_path / "late")
    report = late.verify()
    assert (report.ok, report.anchored, report.anew_ms > 0) == (True, True, True)
    late.close()
    journal.close()


def test_another_store_in_the_place_of_the_mirrored_one_is_refused(
    server: Server, tmp_path: Path
) -> None:
    """A store that vanished is not a new store, on any machine that has seen it."""
    words = {"schema": "vanishing", "tenant": "one"}
    server.journal(mirror=tmp_path / "heads", **words).close()
    with server.connect() as connection:
        connection.execute("DROP SCHEMA vanishing CASCADE")
    with pytest.raises(StoreMissing):
        server.journal(mirror=tmp_path / "heads", **words)
    server.journal(**words).close()
    with pytest.raises(StoreMissing, match="another store"):
        server.journal(mirror=tmp_path / "heads", **words)


# -- the server ------------------------------------------------------------------------------


def test_what_keeps_less_than_is_promised_is_said(
    server: Server, journal: PostgresJournal, confined: PostgresJournal, role: str
) -> None:
    """The test's own server does not sync, and its superuser may change everything."""
    assert isinstance(journal, OnServer)
    report = journal.server_report()
    assert report.saw.startswith("PostgreSQL 1")
    assert "by a local socket" in report.saw
    said = " ".join(one.message for one in report.findings)
    assert "`fsync` off" in said
    assert "`postgres` can change and remove" in said
    weaker = confined.server_report()
    assert f"role `{role}` appends and reads" in weaker.saw
    assert "can change" not in " ".join(one.message for one in weaker.findings)


def test_a_line_that_others_can_read_is_said(journal: PostgresJournal) -> None:
    """Over the network without TLS is a finding; encrypted, or by a local socket, is none."""
    access = Access("engine", False, "main")
    assert ["sslmode" in one.suggestion for one in exposed(access, "not encrypted")] == [True]
    assert exposed(access, "encrypted") == exposed(access, "by a local socket") == []


def test_a_server_that_no_store_can_live_on_is_refused(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database in another encoding than UTF-8, and a server that is too old."""
    with server.connect() as connection:
        connection.execute("CREATE DATABASE odd ENCODING 'SQL_ASCII' TEMPLATE template0")
    with pytest.raises(ServerUnsuitable, match="expected UTF8"):
        server.journal(dbname="odd")
    monkeypatch.setattr(postgres_schema, "SERVER_VERSION_MIN", 99_00_00)
    with pytest.raises(ServerUnsuitable, match="expected 14"):
        server.journal()


def test_without_its_driver_a_store_on_a_server_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names what to install; nothing else of the engine needs the driver."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(DriverMissing, match="needs a driver") as caught:
        open_journal("postgresql://host/db", base=tmp_path, create=False)
    assert "session-governance[postgres]" in caught.value.remedy


def test_rows_of_a_server_that_does_not_wait_are_waited_for(server: Server) -> None:
    """A database whose commits are asynchronous does not weaken rows that are to be durable."""
    with server.connect() as connection:
        connection.execute("CREATE ROLE hasty SUPERUSER LOGIN")
        connection.execute("ALTER ROLE hasty SET synchronous_commit = off")
    journal = server.journal(user="hasty")
    levels = []
    with server.connect() as connection:
        for durable in (True, False):
            before = connection.execute("SELECT pg_current_wal_flush_lsn()").fetchone()
            _put(journal, "s", durable=durable)
            after = connection.execute("SELECT pg_current_wal_flush_lsn()").fetchone()
            levels.append(before != after)
    assert levels == [True, False]
    journal.close()


def test_a_journal_of_a_parent_process_is_not_used(journal: PostgresJournal) -> None:
    """A connection that two processes share would mix their answers."""
    journal._process -= 1
    with pytest.raises(MisuseError, match="before a fork"):
        journal.head("s")
    journal._process += 1


# -- errors ----------------------------------------------------------------------------------


def _error(state: str, text: str = "said") -> psycopg.Error:
    return type("Said", (psycopg.Error,), {"sqlstate": state})(text)


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ("55P03", StoreBusy),
        ("57014", StoreBusy),
        ("40001", StoreBusy),
        ("53100", StoreFull),
        ("25006", StoreReadOnly),
        ("XX001", StoreDamaged),
        ("42P01", StoreMissing),
        ("42501", ServerRefused),
        ("28P01", ServerRefused),
        ("57P03", ServerUnreachable),
        ("08006", ServerUnreachable),
        ("22023", JournalError),
    ],
)
def test_what_the_server_says_has_a_name(state: str, kind: type[JournalError]) -> None:
    """Each class of SQLSTATE becomes the error that says what a person can do."""
    made = server_error(_error(state), "the store")
    assert type(made) is kind
    assert made.remedy


def test_a_refusal_is_not_tried_again() -> None:
    """A wrong password is hopeless, a server that starts is not."""
    assert is_hopeless(psycopg.OperationalError("password authentication failed for user"))
    assert not is_hopeless(psycopg.OperationalError("the database system is starting up"))
    assert not is_hopeless(
        psycopg.OperationalError('connection to server on socket "/x" failed: No such file')
    )


def test_a_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Nobody listens: the error says where, and that nothing was written, before the deadline."""
    target = target_of(f"postgresql:///db?host={tmp_path}&user=u")
    with pytest.raises(ServerUnreachable, match="takes no connection"):
        PostgresJournal.open(target, create=True, deadline_ms=150)


class Silent:
    """A server that lets everybody in and then says nothing more."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.listener.getsockname()[1])
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                link, _ = self.listener.accept()
                threading.Thread(target=self._greet, args=(link,), daemon=True).start()

    def _greet(self, link: socket.socket) -> None:
        with link, contextlib.suppress(OSError):
            while asked := link.recv(4096):
                # Questions for encryption, told by their number, are answered with no.
                plain = int.from_bytes(asked[4:8], "big") == 196_608
                link.sendall(b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I" if plain else b"N")
                if plain:
                    break
            while link.recv(4096):
                pass


def test_a_server_that_goes_silent_holds_nobody_for_ever() -> None:
    """The very first question after the greeting ends with the deadline, as all others do."""
    server = Silent()
    target = target_of(f"postgresql://u@127.0.0.1:{server.port}/db?sslmode=disable")
    done: list[JournalError] = []

    def work() -> None:
        try:
            PostgresJournal.open(target, create=False, deadline_ms=200)
        except JournalError as error:
            done.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(20)
    server.listener.close()

    assert [type(one) for one in done] == [ServerUnreachable]
