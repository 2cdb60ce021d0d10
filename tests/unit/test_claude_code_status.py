"""The status line says where a session stands, in one line, and never fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from governance.config import default_toml
from governance.engine import Engine, EngineOptions
from governance.engine.opening import PAUSE_ROWS_MAX, PROJECT_SESSION
from governance.hooking import hook_alone
from governance.hooking.command_line import import_folders
from governance.hosts.claude_code import glance, statusline
from governance.hosts.claude_code.settings import STATUS_FILE
from governance.hosts.claude_code.status import read_standing, report_used, standing_of
from governance.journal import sqlite_glance, sqlite_schema
from governance.journal.opening import open_journal
from governance.ledger import Ledger, Violation
from governance.machine import Registers
from governance.project import create_project
from governance.session.state import FOLD_VERSION, SessionState
from governance.session.usage import Usage
from governance.states import State


def shown(directory: str, data: bytes) -> subprocess.CompletedProcess[bytes]:
    words = [sys.executable, "-I", "-S", str(STATUS_FILE), "--dir", directory]
    places = {name: place for name, place in os.environ.items() if name.startswith("XDG_")}
    for folder in import_folders():
        words += ["--path", folder]
    return subprocess.run(words, input=data, capture_output=True, timeout=20, env=places)


def wait_for(done: Callable[[], bool]) -> None:
    for _ in range(200):
        if done():
            return
        time.sleep(0.1)
    raise AssertionError("it did not come")


def test_live_session_is_described() -> None:
    """State and briefing stand in the line."""
    registers = Registers(state=State.BETWEEN_TURN)
    text = standing_of(SessionState("s", registers=registers)).line()
    assert text == "governance: between-turn · briefed"
    owing = SessionState("s", registers=Registers(state=State.BEGINNING))
    assert "not briefed" in standing_of(owing).line()


def test_violations_are_counted() -> None:
    """All violations, and how many of them were severe."""
    ledger = Ledger()
    for severity in ("low", "high", "low"):
        one = Violation("r", "deny", severity, "", 1, 1, "x", 0)
        ledger = ledger.apply("violation.counted", one.as_json(), 0)
    state = SessionState("s", registers=Registers(state=State.BETWEEN_TURN), ledger=ledger)
    assert standing_of(state).line().endswith("3 violations (1 severe)")


def test_halt_is_named() -> None:
    """A halted session says so, and why."""
    data = {"by": "r", "scope": "session", "why": "three times"}
    ledger = Ledger().apply("session.halted", data, 0)
    state = SessionState("s", registers=Registers(state=State.INTERRUPTED), ledger=ledger)
    assert "HALTED: " in standing_of(state).line()
    assert "three times" in standing_of(state).line()


def test_pause_stands_in_front() -> None:
    """A pause is seen before anything else, session or none."""
    assert standing_of(None, "a broken pack").line() == "governance: PAUSED: a broken pack"


@pytest.mark.parametrize("data", [b"", b"{", b'{"session_id": 1}', b"\xff\x00", b"[]"])
def test_whatever_comes_is_one_line_and_exit_zero(tmp_path: Path, data: bytes) -> None:
    """No payload and no project makes it fail, print two lines, or create a file."""
    done = shown(str(tmp_path), data)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"governance: ")
    assert done.stdout.count(b"\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(name="project")
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    made = tmp_path / "project"
    made.mkdir()
    create_project(made, default_toml())
    open_journal(base=made, create=True).close()
    return made


def worked(project: Path) -> None:
    """A session that has been at work, in the store of *project*."""
    with Engine.open(project) as engine:
        session = engine.start("s", host="claude-code")
        session.turn("go")
        session.tool("read", {"path": "a"}, call_id="1")
        session.tool_finished("1", outcome="ok")


def told(project: Path, **payload: object) -> str:
    """The line for *payload*; nobody is waited for as long as a store may stay locked."""
    done = shown(str(project), json.dumps({"session_id": "s", **payload}).encode())
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.count(b"\n") == 1
    return done.stdout.decode().strip()


def store_of(project: Path) -> Path:
    return project / ".governance" / "journal.db"


def used_in(project: Path, session: str = "s") -> Usage:
    with Engine.open(project) as engine:
        return engine.state(session).usage


def test_a_context_is_full_at_most() -> None:
    """A client that has gone over its window says more than a hundred."""
    for told in (100, 130.5):
        assert glance.usage_of({"context_window": {"used_percentage": told}})["context_ratio"] == 1


def hooked(project: Path) -> str:
    """What the hook answers before a tool of session `s`."""
    given = {"session_id": "s", "cwd": str(project), "hook_event_name": "PreToolUse"}
    given |= {"tool_name": "Read", "tool_input": {"file_path": "a"}, "tool_use_id": "u-1"}
    code = "import sys; from governance.cli import main; sys.exit(main())"
    words = [sys.executable, "-c", code, "hook", "claude-code", "--event", "PreToolUse"]
    variables = {**os.environ, "GOVERNANCE_SERVICE": "off"}
    done = subprocess.run(
        [*words, "--dir", str(project)],
        input=json.dumps(given).encode(),
        capture_output=True,
        timeout=60,
        env=variables,
    )
    assert done.returncode == 0
    return done.stdout.decode()


@pytest.mark.parametrize("file", ["governance.toml", "rules/team.toml"])
@pytest.mark.parametrize("begun", [True, False])
def test_a_hook_that_could_not_decide_is_told(project: Path, file: str, begun: bool) -> None:
    """By its line in the log, until something is recorded for the session again."""
    if begun:
        worked(project)
    calm = told(project)
    config = project / "governance.toml"
    whole = config.read_text()
    (project / "rules").mkdir()
    config.write_text(whole.replace('paths = ["shipped"]', 'paths = ["shipped", "rules"]'))
    (project / file).write_text("[[[")

    assert "deny" in hooked(project)
    said = told(project)
    config.write_text(whole)
    assert "cannot decide" not in hooked(project)

    assert said.startswith("governance: REFUSED: ")
    assert "GOV101" in said
    assert "REFUSED" not in calm
    assert "REFUSED" not in told(project)


def test_other_lines_of_the_log_are_no_refusals(project: Path) -> None:
    """Neither a note of a hook, nor a line of nobody, nor a link that stands there."""
    worked(project)
    log = project / ".governance" / "governance.log"
    calm = told(project)

    for text in ("2026-01-01T00:00:00Z Stop after the answer: late\n", "", "refused", "\xff\n\n"):
        log.write_text(text, encoding="latin-1")
        assert told(project) == calm
    log.write_text("2026-01-01T00:00:00Z PreToolUse refused: no time\n")
    assert "REFUSED: no time · between-turn" in told(project)
    log.rename(project / "elsewhere")
    log.symlink_to(project / "elsewhere")
    assert told(project) == calm


def test_what_the_line_is_told_of_costs_reaches_rules(project: Path) -> None:
    """The client tells no hook of it; a payload that says less makes no room again."""
    worked(project)
    window = {"used_percentage": 16}
    told(project, cost={"total_cost_usd": 0.5}, context_window=window)
    wait_for(lambda: used_in(project).cost_usd == 0.5)

    for cost in (0.1, "much", -1):
        told(project, cost={"total_cost_usd": cost}, context_window=window)
    told(project, cost={"total_cost_usd": 0.75}, context_window=window)
    shown(str(project), b'{"session_id": "nobody", "cost": {"total_cost_usd": 1}}')

    wait_for(lambda: used_in(project).cost_usd == 0.75)
    assert used_in(project) == Usage(cost_usd=0.75, context_ratio=0.16)
    with Engine.open(project) as engine:
        assert engine.state("nobody").head == 0
        rows = [one for one in engine.events("s") if one.name == "usage.reported"]
    assert rows[0].data["cost_usd"] == 0.5


def test_what_was_told_already_starts_no_process(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Most lines bring no figure that is new, and write nothing down."""
    worked(project)
    used = {"cost_usd": 0.5, "whole": True}
    report_used(str(project), "s", used)
    payload = json.dumps({"session_id": "s", "cost": {"total_cost_usd": 0.5}}).encode()

    assert statusline._line(str(project), payload)[1] == {}
    more = payload.replace(b"0.5", b"0.6")
    assert statusline._line(str(project), more)[1] == {
        "session": "s",
        "used": {"cost_usd": 0.6, "whole": True},
    }
    assert statusline._line(str(project), more.replace(b'"s"', b'"t"'))[1] == {}


def test_a_writer_that_holds_the_store_is_not_waited_for(project: Path) -> None:
    """The line is out while the store is locked; what it was told of use is written later."""
    worked(project)
    writer = apsw.Connection(str(store_of(project)))
    writer.execute("BEGIN EXCLUSIVE")
    try:
        line = told(project, cost={"total_cost_usd": 0.5})
    finally:
        writer.execute("ROLLBACK")
        writer.close()

    assert line == "governance: between-turn · briefed"
    wait_for(lambda: used_in(project).cost_usd == 0.5)


def test_nothing_is_written(project: Path) -> None:
    """The store stays byte for byte, and no file comes beside its log."""
    worked(project)
    private = store_of(project).parent
    before = {one: one.read_bytes() for one in private.rglob("*") if one.is_file()}

    assert told(project) == "governance: between-turn · briefed"

    after = {one: one.read_bytes() for one in private.rglob("*") if one.is_file()}
    assert {one: after[one] for one in before} == before
    assert {one.name for one in after.keys() - before.keys()} <= {
        "journal.db-wal",
        "journal.db-shm",
    }


def _spoil(project: Path) -> None:
    store_of(project).write_bytes(b"no store of anybody" * 500)


def _cut(project: Path) -> None:
    with store_of(project).open("r+b") as stream:
        stream.truncate(5_000)


def _version(number: int) -> Callable[[Path], None]:
    def change(project: Path) -> None:
        connection = apsw.Connection(str(store_of(project)))
        connection.execute(f"PRAGMA user_version = {number}")
        connection.close()

    return change


def _garble(project: Path) -> None:
    connection = apsw.Connection(str(store_of(project)))
    connection.execute("UPDATE event SET body = x'7b'")
    connection.close()


def _lose(project: Path) -> None:
    connection = apsw.Connection(str(store_of(project)))
    connection.execute("DELETE FROM event WHERE seq = 2")
    connection.close()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda project: store_of(project).unlink(), "the store is missing"),
        (lambda project: (project / "governance.toml").unlink(), "no project here"),
        (_spoil, "the store is damaged: run `governance verify`"),
        (_cut, "the store is damaged: run `governance verify`"),
        (_garble, "the store is damaged: run `governance verify`"),
        (_lose, "the store is damaged: run `governance verify`"),
        (_version(99), "the store is of a newer engine: upgrade `session-governance`"),
        (_version(1), "the store is of an older engine: the next call brings it up to date"),
    ],
)
def test_what_cannot_be_read_is_said_in_a_few_words(
    project: Path, change: Callable[[Path], None], said: str
) -> None:
    """One short line, and the exit code is that of every line: 0."""
    worked(project)
    for one in store_of(project).parent.glob("journal.db-*"):
        one.unlink()
    change(project)

    assert told(project) == f"governance: no status ({said})"


def test_a_store_behind_keys_is_read_with_them(project: Path, tmp_path: Path) -> None:
    """Also while a writer holds it; without its key the line says what is missing."""
    key = tmp_path / "key"
    key.write_text("ab" * 32, encoding="ascii")
    key.chmod(0o600)
    config = project / "governance.toml"
    plain = config.read_text(encoding="utf-8")
    keyed = plain.replace("[encryption]\n", f'[encryption]\nkey = "file:{key}"\n')
    config.write_text(keyed, encoding="utf-8")
    worked(project)
    writer = apsw.Connection(str(store_of(project)))
    writer.execute("BEGIN EXCLUSIVE")
    try:
        assert told(project) == "governance: between-turn · briefed"
    finally:
        writer.close()

    config.write_text(plain, encoding="utf-8")
    assert told(project).startswith("governance: no status (KeyNeeded: ")


def test_a_store_that_stands_elsewhere_is_found(project: Path) -> None:
    """By the configuration; a link that no person wanted leads nowhere."""
    moved = project / "elsewhere.db"
    store_of(project).rename(moved)
    config = project / "governance.toml"
    plain = config.read_text(encoding="utf-8")
    named = plain.replace("[journal]\n", '[journal]\nurl = "sqlite:///elsewhere.db"\n')
    config.write_text(named, encoding="utf-8")
    worked(project)
    assert told(project) == "governance: between-turn · briefed"

    config.write_text(plain, encoding="utf-8")
    outside = project.parent / "outside.db"
    moved.rename(outside)
    store_of(project).symlink_to(outside)
    assert told(project).startswith("governance: no status (StoreElsewhere: ")


def test_a_branch_and_a_mended_session_are_told(project: Path) -> None:
    """What a glance is not sure of is folded as it is where it counts."""
    worked(project)
    with Engine.open(project) as engine:
        branch = engine.branch("s").id
        engine.start("mended", host="claude-code")
        engine.record(
            "mended", "session.damaged", {"what": "rows 2 to 3 are lost", "rows": 2}, actor="a"
        )

    for session in (branch, "mended"):
        with pytest.raises(glance.Elsewhere):
            glance.look(str(project), session)
    assert told(project, session_id=branch) == "governance: interrupted · not briefed"
    assert "HALTED: rows 2 to 3 are lost" in told(project, session_id="mended")


def test_a_pause_is_told_as_long_as_it_lasts(project: Path) -> None:
    """With its reason, by the glance as by the fold."""
    worked(project)
    for until, said in ((1 << 50, "PAUSED: a broken pack · "), (1, "")):
        data = {"reason": "a broken pack", "until_ms": until, "by": "a"}
        with Engine.open(project) as engine:
            engine.record("@project", "governance.paused", data, actor="a")

        for standing in (glance.look(str(project), "s"), read_standing(str(project), "s")):
            assert standing.line() == f"governance: {said}between-turn · briefed"


def test_a_halt_stands_until_its_own_pardon(project: Path) -> None:
    """The first that holds is told, by the glance as by the fold."""
    worked(project)
    with Engine.open(project) as engine:
        for rule in ("first", "second"):
            data = {"by": rule, "scope": "session", "why": f"by the {rule}"}
            engine.record("s", "session.halted", data, actor="a")
        for pardoned, said in (
            ("other", "HALTED: by the first · "),
            ("first", "HALTED: by the second · "),
            ("", ""),
        ):
            pardon = {"rule": pardoned, "count": 0, "by": "a", "reason": "seen"}
            engine.record("s", "violation.pardoned", pardon, actor="a")

            for standing in (glance.look(str(project), "s"), read_standing(str(project), "s")):
                assert standing.line() == f"governance: {said}between-turn · briefed"


def test_it_knows_the_store_and_the_fold_as_they_are() -> None:
    """What would cost too much to import is written down twice, and is the same."""
    assert sqlite_glance.APPLICATION_ID == sqlite_schema.APPLICATION_ID
    assert sqlite_glance.SCHEMA_VERSION == sqlite_schema.VERSION
    assert glance.FOLD_VERSION == FOLD_VERSION
    assert glance.PROJECT == PROJECT_SESSION
    assert glance.REFUSED == hook_alone.REFUSED
    assert glance.LOG_NAME == hook_alone.LOG_NAME
    assert glance.PAUSE_ROWS_MAX == PAUSE_ROWS_MAX
    assert EngineOptions(run="").snapshot_rows < glance.ROWS_MAX


def test_the_line_imports_next_to_nothing(project: Path) -> None:
    """Neither `json` nor `re` nor what a row, a rule or a session is made of."""
    worked(project)
    words = [
        sys.executable,
        "-X",
        "importtime",
        "-I",
        "-S",
        str(STATUS_FILE),
        "--dir",
        str(project),
    ]
    words += [word for folder in import_folders() for word in ("--path", folder)]
    done = subprocess.run(words, input=b'{"session_id": "s"}', capture_output=True, timeout=60)
    loaded = {one.split("|")[-1].strip() for one in done.stderr.decode().splitlines()}

    assert done.stdout.decode() == "governance: between-turn · briefed\n"
    assert {"apsw", "glance", "sqlite_glance"} <= loaded
    assert not loaded & {"json", "re", "typing", "enum", "importlib", "attrs", "attr", "hashlib"}
    own = {one for one in loaded if one.startswith("governance")}
    assert own == {"governance", "governance.hooking", "governance.hooking.hook_client"}
