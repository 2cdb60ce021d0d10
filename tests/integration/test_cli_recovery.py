"""`governance backup`, `restore` and `repair`, and what an engine makes of a damaged session."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import apsw
import attrs
import pytest

from governance.cli.guard import MARKS
from governance.config import load_config
from governance.engine import Engine
from governance.engine.backing import (
    BackupSchedule,
    BackupStatus,
    main,
    read_status,
    schedule_of,
    status_file,
    write_status,
)
from governance.engine.context_states import ContextStates
from governance.engine.keeping import candidates
from governance.engine.restoring import keep_snapshot_at
from governance.engine.retention import Candidate
from governance.events import check_data
from governance.journal import open_journal
from governance.journal.backup import backups_in
from governance.journal.opening import DEFAULT_URL
from governance.journal.postgres import PostgresJournal
from governance.journal.records import Append, Row
from governance.journal.searching import Query, Search
from governance.journal.sqlite_schema import VERSION
from governance.project import Project, create_project
from governance.rules.trust import grant_trust
from governance.scopes import Reader, Scope
from governance.scopes.packing import packed_state, unpacked_state
from tests.integration.conftest import Run
from tests.postgres_server import Server

LISTEN = "import sys; open({file!r}, 'a').write(sys.stdin.read().strip() + chr(10))"


@pytest.fixture(name="project")
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with two sessions that have worked, and a listener that writes down events."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("COLUMNS", "160")
    folder = tmp_path / "project"
    folder.mkdir()
    listener = json.dumps(
        [sys.executable, "-c", LISTEN.format(file=str(tmp_path / "events.jsonl"))]
    )
    create_project(
        folder,
        "[packs]\npaths = []\n[backup]\nbackups_max = 2\n[[listener]]\nname = 'notes'\n"
        f"events = ['session.damaged', 'session.repaired']\ncommand = {listener}\n",
    )
    trusted(folder)
    open_journal(load_config(folder).journal.url, base=folder, create=True).close()
    with Engine.open(folder) as engine:
        for name in ("one", "two"):
            session = engine.start(name)
            session.turn("work")
            for number in range(6):
                session.tool("read", {"path": "a"}, call_id=f"c{number}")
                session.tool_finished(f"c{number}", outcome="ok")
    return folder


def trusted(project: Path) -> None:
    """A person has trusted the configuration as it is: its listeners are called."""
    place, file = Project(project), project / "governance.toml"
    text = file.read_text()
    record = str(place.trust_file())
    grant_trust(record, text, file=str(file), project=str(project), by="me", at_ms=0)


def damage(project: Path, session: str = "one", first: int = 5, last: int = 7) -> None:
    """Rows of *session* are gone."""
    connection = apsw.Connection(str(Project(project).journal_file))
    connection.execute(
        "DELETE FROM event WHERE session = ? AND seq BETWEEN ? AND ?", (session, first, last)
    )
    connection.close()


def seen(project: Path) -> list[tuple[str, str, dict[str, object]]]:
    """(event, session, own fields) of what the listener was shown."""
    file = project.parent / "events.jsonl"
    lines = file.read_text().splitlines() if file.exists() else []
    return [(one["event"], one["session_id"], one["data"]) for one in map(json.loads, lines)]


def test_a_session_with_lost_rows_waits_for_a_person(
    project: Path, run: Run, key: tuple[str, str]
) -> None:
    """From the damage over the repair to the acceptance: denied, stated, accepted, let through."""
    damage(project)
    with Engine.open(project) as engine:
        verdict = engine.session("one").tool("read", {"path": "a"}, call_id="before")
        assert verdict.denied
        assert "GOV502" in verdict.message
        assert not engine.session("two").tool("read", {"path": "a"}, call_id="x").denied
    assert run("repair", "--dry-run")[0] == 1
    code, out, err = run("repair", *key)
    assert (code, err) == (1, "")
    assert "5-7" in out
    assert "3 rows lost" in out
    ((name, session, data),) = seen(project)
    assert (name, session, data) == (
        "session.damaged",
        "one",
        {"what": "rows 5 to 7 are lost", "rows": 3},
    )
    assert check_data("session.damaged", data) == ()

    with Engine.open(project) as engine:
        session = engine.session("one")
        for reply in (
            session.tool("read", {"path": "a"}, call_id="c"),
            session.turn("go on"),
        ):
            assert reply is not None
            assert reply.action == "deny"
            assert "rows 5 to 7 are lost" in reply.reasons[0]
            assert "repair --accept" in reply.reasons[0]
            assert not any("pardon" in reason for reason in reply.reasons)
        child = session.child("helper")
        assert child.tool("read", {"path": "a"}, call_id="k").denied
        assert not engine.session("two").tool("read", {"path": "a"}, call_id="y").denied
        heir = engine.start("heir", predecessor="one")
        assert heir.tool("read", {"path": "a"}, call_id="h").denied
    assert run("pardon", "one", "--reason", "no", *key)[0] == 2
    assert run("verify")[0] == 1

    code, out, _ = run("repair", "--accept", "one", "--reason", "seen", *key)

    assert code == 0
    assert seen(project)[-1][:2] == ("session.repaired", "one")
    assert str(seen(project)[-1][2]["what"]).endswith(": seen")
    assert run("verify")[0] == 0
    with Engine.open(project) as engine:
        session = engine.session("one")
        session.turn("go on")
        assert not session.tool("read", {"path": "a"}, call_id="d").denied
    assert run("repair", "--accept", "one", "--reason", "seen", *key)[0] == 2
    assert run("repair", "--accept-all", "--reason", "seen", "--format", "json", *key)[0] == 0
    assert (
        run("repair", "--accept-all", "--reason", "seen", *key)[1]
        == "nothing is lost of any session\n"
    )


def forge(project: Path, session: str = "one") -> None:
    """Keep a state of *session* that says that all which comes first was done."""
    with Engine.open(project) as engine:
        state, head = engine.state(session), engine.journal.head(session)
        forged = attrs.evolve(state, done_tools=frozenset({"todo", "shell"}))
        keep_snapshot_at(engine.journal, forged, head.hash)


def done_tools(project: Path, session: str = "one") -> set[str]:
    """What an engine that is opened now takes *session* to have done."""
    with Engine.open(project) as engine:
        return set(engine.state(session).done_tools)


def test_a_kept_state_that_its_rows_do_not_tell_is_found_and_made_anew(
    project: Path, run: Run, key: tuple[str, str]
) -> None:
    """No chain covers what is kept to save time: `verify` folds it anew, `repair` puts it right."""
    forge(project)
    assert done_tools(project) == {"todo", "shell"}
    code, out, _ = run("verify")
    assert (code, "session one" in out, "not what they tell" in out) == (1, True, True)
    (found,) = json.loads(run("verify", "one", "--format", "json")[1])["findings"]
    assert (found["what"], found["session"]) == ("kept", "one")
    assert run("verify", "two")[0] == 0
    assert json.loads(run("repair", "--dry-run", "--format", "json")[1])["anew"] == ["one"]
    assert done_tools(project) == {"todo", "shell"}

    code, out, err = run("repair", *key)

    assert (code, err) == (0, "")
    assert "one: the state that is kept of it was made anew" in out
    assert done_tools(project) == {"read"}
    assert run("verify")[0] == 0
    assert ("session.repaired", "one") in {one[:2] for one in seen(project)}
    assert "nothing is to be repaired" in run("repair", *key)[1]


def found(project: Path) -> list[str]:
    """Sessions with a message that an index finds."""
    journal = open_journal(load_config(project).journal.url, base=project, create=False)
    with closing(journal):
        assert isinstance(journal, Search)
        return [one.session for one in journal.search(Query.of("needle"))]


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_all_that_is_kept_of_rows_is_made_anew(
    project: Path, run: Run, key: tuple[str, str], kind: str, server: Server
) -> None:
    """What messages are found by, states of contexts and figures: forged, found, made anew."""
    if kind == "postgres":
        tenant = f"t{os.urandom(6).hex()}"
        url = server.url(tenant=tenant)
        (project / "governance.toml").write_text(
            f"[packs]\npaths = []\n[journal]\nurl = {json.dumps(url)}\n"
        )
        trusted(project)
        open_journal(url, base=project, create=True).close()
    with Engine.open(project) as engine:
        session = engine.start("three")
        session.turn("work")
        session.message("user", "needle in the hay")
        engine.contexts.set(Scope("session", "three"), "code", "k", 1, by=Reader("me", "three"))
    assert found(project) == ["three"]
    assert run("report")[0] == 0
    states = ContextStates(lambda: journal, snapshot_rows=1)
    with closing(open_journal(load_config(project).journal.url, base=project, create=False)) as (
        journal
    ):
        states.shelf = journal.shelf
        states.newest(Scope("session", "three"))
        name = "three#state"
        entry = journal.shelf.get("index", name)
        assert entry is not None
        state, hash_ = unpacked_state(Scope("session", "three"), entry.value)  # type: ignore[misc]
        journal.shelf.put("index", name, packed_state(attrs.evolve(state, values={}), hash_) or b"")
        for figures in journal.shelf.scan("rollup"):
            if figures.name.startswith("figures") and b'"rows":' in figures.value:
                forged = figures.value.replace(b'"rows":', b'"rows":1', 1)
                journal.shelf.put("rollup", figures.name, forged)
        if isinstance(journal, PostgresJournal):
            with server.connect() as connection:
                connection.execute(
                    "UPDATE governance.message SET at_ms = at_ms + 1 WHERE tenant = %s", (tenant,)
                )
        else:
            connection = apsw.Connection(str(Project(project).journal_file))
            connection.execute("UPDATE message SET at_ms = at_ms + 1")
            connection.close()
    anew = ["@messages", "@figures", "three"]

    assert run("verify")[0] == 1
    assert json.loads(run("repair", "--dry-run", "--format", "json")[1])["anew"] == anew
    assert run("verify")[0] == 1
    code, out, err = run("repair", *key)

    assert (code, err) == (0, "")
    assert [line.partition(": ")[0] for line in out.splitlines()] == ["the store"] * 2 + ["three"]
    assert run("verify")[0] == 0
    assert found(project) == ["three"]
    assert run("verify")[0] == 0


def test_what_was_decided_before_a_loss_is_not_judged_by_it(
    project: Path, run: Run, key: tuple[str, str]
) -> None:
    """Looking back, a decision is seen as it was taken: nobody knew that rows would be lost."""
    damage(project, first=2, last=2)
    run("repair", *key)
    _, out, _ = run("replay", "one", "--format", "json")
    told = json.loads(out)
    assert told["counts"]["same"] == told["decisions"] > 3
    assert "lost" not in run("why", "one", "c5")[1]
    assert "`governance repair --accept one` lifts it" in run("show", "one")[1]


@pytest.mark.parametrize("harmed", ["file"], indirect=True)
def test_a_message_that_is_damaged_hides_no_other(harmed: Path, run: Run) -> None:
    """What the index finds and the journal does not prove is left out, and its session named."""
    change = "at_ms = at_ms + 1 WHERE kind = 'message.added' AND session = 'a'"
    connection = apsw.Connection(str(Project(harmed).journal_file))
    connection.execute(f"UPDATE event SET {change}")
    connection.close()

    code, out, _ = run("chat", "search", "--all", "hedgehog", "--format", "json")

    told = json.loads(out)
    assert (code, told["damaged"]) == (1, ["a"])
    assert "c" in {one["session"] for one in told["messages"]}


def test_a_session_that_cannot_be_read_keeps_no_other_waiting(
    project: Path, run: Run, key: tuple[str, str]
) -> None:
    """All losses are accepted but of what cannot be told, which is named."""
    damage(project)
    assert run("repair", *key)[0] == 1
    with Engine.open(project) as engine:
        head = engine.journal.head("two").seq
        engine.journal.append([Append("two", head, (Row("of.a.newer.engine", 1, b"{}"),))])

    code, out, err = run("repair", "--accept-all", "--reason", "the disk was lost", *key)

    assert (code, "one: the loss is accepted" in out) == (1, True)
    assert f"left out, for it cannot be read: row {head + 1} of `two`" in err
    with Engine.open(project) as engine:
        assert not engine.session("one").tool("read", {"path": "a"}, call_id="after").denied


def test_what_a_backup_has_is_brought_back(project: Path, run: Run, key: tuple[str, str]) -> None:
    """With a backup nothing is lost; that rows came back is on record, and the session works."""
    assert run("backup")[0] == 0
    damage(project)

    code, out, _ = run("repair", "--format", "json", *key)

    told = json.loads(out)
    assert (code, told["merged"], told["lost"], told["ok"]) == (0, 3, 0, True)
    assert Path(told["kept"]).is_file()
    assert [one[:2] for one in seen(project)] == [("session.repaired", "one")]
    assert run("verify")[0] == 0
    with Engine.open(project) as engine:
        assert not engine.session("one").tool("read", {"path": "a"}, call_id="d").denied
    assert run("repair", *key)[:2] == (
        0,
        f"nothing is to be repaired in {_rows(project)} rows\n",
    )


def _rows(project: Path) -> int:
    journal = open_journal(load_config(project).journal.url, base=project, create=False)
    try:
        return journal.verify().rows
    finally:
        journal.close()


def test_a_named_copy_is_looked_into(
    project: Path, run: Run, key: tuple[str, str], tmp_path: Path
) -> None:
    """`--from` takes a file and the url of a store."""
    copy = tmp_path / "copy.db"
    shutil.copy(Project(project).journal_file, copy)
    damage(project, last=5)
    assert json.loads(run("repair", "--from", str(copy), "--format", "json", *key)[1])["ok"]
    damage(project, first=6, last=6)
    for old in Project(project).private.glob("*.damaged-*"):
        old.unlink()
    url = f"sqlite:///{copy}?mirror=off"
    assert json.loads(run("repair", "--from", url, "--format", "json", *key)[1])["ok"]
    assert run("repair", "--from", str(tmp_path / "none"), *key)[0] == 2


def test_backups_are_listed_and_rotated(project: Path, run: Run, tmp_path: Path) -> None:
    """As many as `[backup] backups_max` says are kept; `--to` has a folder of its own."""
    for _ in range(3):
        assert run("backup")[0] == 0
    _, out, _ = run("backup", "list", "--format", "json")
    listed = json.loads(out)
    assert len(listed) == 2
    assert listed[0]["at_ms"] > listed[1]["at_ms"]
    assert Path(listed[0]["path"]).parent == Project(project).private / "backups"
    assert listed[0]["path"].rpartition("/")[2] in run("backup", "list")[1]
    assert run("backup", "--to", str(tmp_path / "own"))[0] == 0
    assert len(backups_in(tmp_path / "own")) == 1
    assert len(backups_in(Project(project).private / "backups")) == 2
    assert "no backup is in" in run("backup", "list", "--to", str(tmp_path / "nowhere"))[1]
    code, _, err = run("backup", "--to", str(tmp_path / "\udcff"))
    assert (code, "GOV610 cannot be used: its name is no utf-8" in err) == (2, True)


def test_a_vanished_store_is_restored(
    project: Path, run: Run, key: tuple[str, str], tmp_path: Path
) -> None:
    """The whole private folder goes; the newest backup brings it back, and that is on record."""
    run("backup", "--to", str(tmp_path / "own"))
    (made,) = backups_in(tmp_path / "own")
    shutil.rmtree(Project(project).private)
    assert run("restore", "latest", *key)[0] == 2

    code, out, _ = run("restore", str(made.path), *key)

    assert (code, "lost" in out) == (0, False)
    assert seen(project)[-1] == (
        "session.repaired",
        "@project",
        {"what": f"the store was restored from `{made.path.name}`", "rows": _rows(project) - 1},
    )
    assert run("verify")[0] == 0
    with Engine.open(project) as engine:
        assert not engine.session("one").tool("read", {"path": "a"}, call_id="d").denied


@pytest.mark.parametrize("gone", ["nothing", "the store", "the folder"])
def test_what_a_restore_would_lose_is_told_beforehand(
    project: Path, run: Run, tmp_path: Path, gone: str
) -> None:
    """By anybody, whatever is left to be replaced; nothing is changed by looking."""
    run("backup", "--to", str(tmp_path / "own"))
    (made,) = backups_in(tmp_path / "own")
    with Engine.open(project) as engine:
        engine.session("two").tool("read", {"path": "a"}, call_id="after")
    if gone == "the store":
        for suffix in ("", "-wal", "-shm"):
            Path(f"{Project(project).journal_file}{suffix}").unlink(missing_ok=True)
    elif gone == "the folder":
        shutil.rmtree(Project(project).private)
    before = files_of(project)

    code, out, _ = run("restore", str(made.path), "--dry-run")
    told = json.loads(run("restore", str(made.path), "--dry-run", "--format", "json")[1])

    assert code == 1
    assert out.endswith("1 row would be lost\n")
    assert (told["ok"], told["dry_run"]) == (False, True)
    assert [(one["session"], bool(one["lost"])) for one in told["sessions"]] == [("two", True)]
    assert files_of(project) == before


@pytest.mark.parametrize("held", [b"", b"no store at all\n", b"\xff\x00" * 4000])
@pytest.mark.parametrize("words", [("restore",), ("restore", "--dry-run"), ("repair", "--from")])
def test_a_file_that_is_no_store_is_named(
    project: Path,
    run: Run,
    key: tuple[str, str],
    tmp_path: Path,
    words: tuple[str, ...],
    held: bytes,
) -> None:
    """It is that file that is wrong, not the store that stands there, and nothing is changed."""
    file = tmp_path / "wrong.db"
    file.write_bytes(held)
    before = files_of(project)

    code, _, err = run(*words, str(file), *(() if "--dry-run" in words else key))

    assert code == 2
    assert f"GOV502 `{file}` cannot be read as a store: " in err
    assert "governance repair" not in err
    assert files_of(project) == before


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file below *folder*, but for what SQLite keeps beside an open store."""
    return {
        str(one.relative_to(folder)): one.read_bytes()
        for one in sorted(folder.rglob("*"))
        if one.is_file() and not one.name.endswith(("-wal", "-shm"))
    }


def test_an_older_backup_stops_the_sessions_that_were_newer(
    project: Path, run: Run, key: tuple[str, str]
) -> None:
    """What came after the backup is lost by restoring it, which a person accepts or repairs."""
    run("backup")
    with Engine.open(project) as engine:
        engine.session("two").tool("read", {"path": "a"}, call_id="after")

    assert run("restore", "latest", *key)[0] == 1

    with Engine.open(project) as engine:
        assert engine.session("two").tool("read", {"path": "a"}, call_id="d").denied
        assert not engine.session("one").tool("read", {"path": "a"}, call_id="d").denied
    assert run("repair", "--accept-all", "--reason", "seen", *key)[0] == 0
    assert run("verify")[0] == 0
    with Engine.open(project) as engine:
        assert not engine.session("two").tool("read", {"path": "a"}, call_id="e").denied


@pytest.mark.parametrize(
    "words", [("repair",), ("repair", "--accept", "one", "--reason", "x"), ("restore", "latest")]
)
def test_only_a_person_repairs_and_restores(
    project: Path, run: Run, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a terminal and a key, and inside a host, nothing is done; looking is free."""
    damage(project)
    before = Project(project).journal_file.read_bytes()
    code, _, err = run(*words)
    assert (code, "GOV602" in err) == (2, True)
    monkeypatch.setenv(MARKS["claude-code"][0], "1")
    assert "GOV601" in run(*words)[2]
    assert run("repair", "--dry-run")[0] == 1
    assert run("backup", "list")[0] == 0
    assert Project(project).journal_file.read_bytes() == before


@pytest.mark.parametrize("word", ["backup", "repair", "restore"])
def test_a_store_that_is_no_file_is_refused(
    project: Path, run: Run, key: tuple[str, str], word: str
) -> None:
    """Stores on a server are backed up by its own tools, and the error says so."""
    (project / "governance.toml").write_text("[packs]\npaths = []\n[journal]\nurl = 'memory:'\n")
    more = ("latest",) if word == "restore" else ()
    code, _, err = run(word, *more, *(() if word == "backup" else key))
    assert (code, "GOV546" in err) == (2, True)


# -- backups that are made by themselves ----------------------------------------------------


def _wait_for(what: Callable[[], bool]) -> bool:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if what():
            return True
        time.sleep(0.05)
    return False


def test_a_due_backup_is_made_by_another_process(project: Path) -> None:
    """A decision when one is due has it made, and what became of it can be read."""
    place = Project(project)
    status = read_status(place)
    assert status is not None
    assert not status.path
    assert backups_in(place.private / "backups") == ()
    os.utime(status_file(place), (0, 0))

    with Engine.open(project) as engine:
        assert not engine.session("one").tool("read", {"path": "a"}, call_id="d").denied

    assert _wait_for(lambda: bool((one := read_status(place)) and (one.path or one.error)))
    status = read_status(place)
    assert status is not None
    assert not status.error
    assert [str(one.path) for one in backups_in(place.private / "backups")] == [status.path]


def test_a_backup_that_fails_fails_nothing_else(project: Path, run: Run, tmp_path: Path) -> None:
    """Where the folder cannot be made the failure is kept, `doctor` shows it, and work goes on."""
    (tmp_path / "file").write_text("in the way")
    text = (project / "governance.toml").read_text()
    text = text.replace("[backup]", f"[backup]\nfolder = '{tmp_path / 'file' / 'x'}'")
    (project / "governance.toml").write_text(text)
    trusted(project)
    place = Project(project)
    code, _, err = run("backup")
    assert (code, "GOV5" in err) == (2, True)
    status = read_status(place)
    assert status is not None
    assert status.error

    _, out, _ = run("doctor", "--format", "json")

    checks = {one["check"]: one for one in json.loads(out)["checks"]}
    assert checks["backup"] == {"check": "backup", "ok": False, "saw": "failed"}
    assert "GOV549" in out
    with Engine.open(project) as engine:
        assert not engine.session("one").tool("read", {"path": "a"}, call_id="d").denied
    write_status(place, BackupStatus(1, "/a/backup", ""))
    told = json.loads(run("doctor", "--format", "json")[1])
    assert [one["ok"] for one in told["checks"] if one["check"] == "backup"] == [True]


def test_an_untrusted_project_backs_up_into_itself(project: Path, tmp_path: Path) -> None:
    """A folder elsewhere that a cloned file names is not written to before a person trusts it."""
    text = (project / "governance.toml").read_text()
    text = text.replace("[backup]", f"[backup]\nfolder = '{tmp_path / 'elsewhere'}'")
    (project / "governance.toml").write_text(text)
    script = "import sys; from governance.engine.backing import main; sys.exit(main(sys.argv[1]))"
    assert subprocess.run([sys.executable, "-c", script, str(project)]).returncode == 0
    assert not (tmp_path / "elsewhere").exists()
    assert len(backups_in(Project(project).private / "backups")) == 1
    assert main.__doc__


class TestSchedule:
    """When a backup is begun, and that looking for it costs and breaks nothing."""

    def test_one_is_begun_once_when_due(self, project: Path) -> None:
        """Not before the time, once at it, and not again by another process that looks."""
        place, started = Project(project), []
        write_status(place, BackupStatus(0))

        def schedule() -> BackupSchedule:
            return BackupSchedule(place, 3_600, lambda: started.append(1))

        schedule().look()
        assert started == []
        os.utime(status_file(place), (time.time() - 3_601,) * 2)
        first = schedule()
        first.look()
        assert _wait_for(lambda: started == [1])
        first.look()
        assert _wait_for(lambda: time.time() - status_file(place).stat().st_mtime < 60)
        schedule().look()
        time.sleep(0.05)
        assert started == [1]

    def test_a_clock_that_went_back_puts_none_off(self, project: Path) -> None:
        """A last try that lies years ahead was never made at that time, so one is due."""
        place, started = Project(project), []
        write_status(place, BackupStatus(0))
        os.utime(status_file(place), (time.time() + 10 * 365 * 86_400,) * 2)

        BackupSchedule(place, 3_600, lambda: started.append(1)).look()

        assert _wait_for(lambda: started == [1])
        assert abs(status_file(place).stat().st_mtime - time.time()) < 60

    def test_a_folder_that_is_gone_fails_nothing(self, tmp_path: Path) -> None:
        """Looking raises nothing, whatever is wrong, and starting may fail as well."""
        tried: list[int] = []

        def fail() -> None:
            tried.append(1)
            raise OSError("no process is free")

        BackupSchedule(Project(tmp_path / "gone"), 1, fail).look()
        assert tried == []
        (tmp_path / ".governance").mkdir()
        write_status(Project(tmp_path), BackupStatus(0))
        os.utime(status_file(Project(tmp_path)), (0, 0))
        schedule = BackupSchedule(Project(tmp_path), 1, fail)
        schedule.look()
        assert _wait_for(lambda: tried == [1])
        # It is done with it: the next look would be free to begin another one.
        assert _wait_for(lambda: not schedule._busy.locked())

    def test_it_follows_the_configuration(self, project: Path) -> None:
        """The age is the configured one; 0 and a store that is no file want none."""
        schedule = schedule_of(load_config(project))
        assert schedule is not None
        assert schedule.interval_seconds == 24 * 3_600
        (project / "governance.toml").write_text("[backup]\nage_seconds_max = 300\n")
        schedule = schedule_of(load_config(project))
        assert schedule is not None
        assert schedule.interval_seconds == 300
        for text in ("[backup]\nage_seconds_max = 0\n", "[journal]\nurl = 'memory:'\n"):
            (project / "governance.toml").write_text(text)
            assert schedule_of(load_config(project)) is None


def test_a_newer_store_is_named_as_the_person_knows_it(
    project: Path, run: Run, key: tuple[str, str]
) -> None:
    """What is told is about the store, and about no copy that was made to look at it."""
    store = project / ".governance" / "journal.db"
    connection = apsw.Connection(str(store))
    connection.pragma("user_version", VERSION + 1)
    connection.close()

    code, _, err = run("repair", *key)

    assert code == 2
    assert f"GOV503 the store `{store}` has schema version {VERSION + 1}" in err


def test_a_new_store_needs_no_repair(
    project: Path, run: Run, key: tuple[str, str], tmp_path: Path
) -> None:
    """An empty store that is sound is told to be so; one that was emptied is not."""
    (project / "governance.toml").write_text(
        "[packs]\npaths = []\n[journal]\nurl = 'sqlite:///n.db'\n"
    )
    open_journal("sqlite:///n.db", base=project, create=True).close()
    assert run("repair", *key)[:2] == (0, "nothing is to be repaired in 0 rows\n")
    with Engine.open(project) as engine:
        engine.start("s")
    connection = apsw.Connection(str(project / "n.db"))
    connection.execute("DELETE FROM event")
    connection.execute("DELETE FROM session")
    connection.close()
    code, _, err = run("repair", "--dry-run")
    assert (code, "GOV542" in err) == (2, True)


def test_a_folder_that_cannot_be_made_is_named(run: Run, tmp_path: Path) -> None:
    """A backup that has no place to go says so."""
    (tmp_path / "file").write_text("in the way")
    code, _, err = run("backup", "--to", str(tmp_path / "file" / "x"))
    assert (code, "GOV610" in err) == (2, True)


# -- one damaged session among others --------------------------------------------------------


@pytest.fixture(name="harmed", params=["file", "server"])
def _harmed(project: Path, server: Server, request: pytest.FixtureRequest) -> Path:
    """A project with sessions `a`, `b` and `c`, each with a message; a row of `b` was changed."""
    url = DEFAULT_URL
    if request.param == "server":
        url = server.url(tenant=f"h{os.urandom(6).hex()}")
        file = project / "governance.toml"
        file.write_text(f'{file.read_text()}\n[journal]\nurl = "{url}"\n')
        open_journal(url, base=project, create=True).close()
    with Engine.open(project) as engine:
        for name in "abc":
            with engine.start(name) as session:
                session.turn("go")
                session.message("user", "a hedgehog")
    if request.param == "server":
        tenant = url.rpartition("tenant=")[2]
        with server.connect() as connection:
            connection.execute(
                "UPDATE governance.event SET at_ms = at_ms + 1"
                " WHERE tenant = %s AND session = 'b' AND seq = 3",
                (tenant,),
            )
    else:
        connection = apsw.Connection(str(Project(project).journal_file))
        connection.execute("UPDATE event SET at_ms = at_ms + 1 WHERE session = 'b' AND seq = 3")
        connection.close()
    return project


def test_a_damaged_session_hides_no_other(harmed: Path, run: Run) -> None:
    """Lists name it, figures and searches leave it out and say so, and all others are there."""
    listed = json.loads(run("sessions", "--format", "json")[1])["sessions"]
    states = {one["id"]: one["state"] for one in listed if len(one["id"]) == 1}
    assert states == {"a": "ended", "b": "damaged", "c": "ended"}
    code, out, err = run("report", "--format", "json")
    assert (code, "`b`" in err) == (0, True)
    assert json.loads(out)["measures"]["sessions"]["value"] >= 2
    code, out, _ = run("metrics")
    assert code == 0
    assert 'governance_healthy{check="chain"} 0' in out
    assert 'governance_healthy{check="read"} 1' in out
    code, out, err = run("violations")
    assert (code, "`b`" in err, "no violation" in out) == (2, True, False)
    code, out, err = run("log")
    assert (code, "GOV502" in err) == (2, True)
    assert {line.split()[0] for line in out.splitlines()} >= {"a", "c"}
    code, out, err = run("approve")
    assert (code, "row 3 of `b`" in err) == (0, True)
    code, out, _ = run("context", "search", "x", "--scope", "all", "--format", "json")
    assert (code, json.loads(out)["damaged"]) == (1, ["session:b"])
    code, out, _ = run("prune", "--dry-run")
    assert code == 0
    with Engine.open(harmed) as engine:
        assert engine.preload(20) >= 2
        assert [one for one in candidates(engine.journal, 0) if one.session == "b"] == [
            Candidate("b", 0, 0, "it is damaged", False)
        ]
        assert not engine.session("d").turn("go").denied
