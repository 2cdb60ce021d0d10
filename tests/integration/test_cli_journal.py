"""`governance log` and `governance verify` on a real store."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from governance import Engine, cli
from governance.cli.row_text import row_text
from governance.config import load_config
from governance.journal import Append, Row, open_journal
from governance.journal.records import Record
from governance.project import create_project
from tests.integration.conftest import RUN, made_project
from tests.integration.conftest import run_words as run


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose store has two sessions of five rows."""
    folder = made_project(tmp_path, monkeypatch)
    journal = open_journal(base=folder, create=False)
    for session in ("alpha", "beta"):
        rows = tuple(
            Row("turn.started", 1_700_000_000_000 + number, b'{"turn":%d}' % number)
            for number in range(1, 6)
        )
        journal.append([Append(session, 0, rows)])
    journal.close()
    return folder


def test_log_prints_every_row_in_order(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """JSON lines: one a row, in the order of the journal, with every column."""
    code, out, _ = run(capsys, "log", "alpha", "--format", "jsonl", "--dir", str(project))

    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [row["seq"] for row in rows] == [1, 2, 3, 4, 5]
    assert [row["body"] for row in rows] == [{"turn": number} for number in range(1, 6)]
    assert set(rows[0]) == {
        "session", "seq", "kind", "at_ms", "durable", "key", "hash", "body"
    }  # fmt: skip


def test_damage_of_what_is_kept_hides_no_row(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A page of an index that is none is a finding, beside the row that is not what it was."""
    store = project / ".governance" / "journal.db"
    with contextlib.closing(sqlite3.connect(store)) as base:
        base.execute("UPDATE event SET at_ms = 1 WHERE session = 'beta' AND seq = 3")
        base.commit()
        tables = "('message', 'message_upto', 'snapshot')"
        roots = base.execute(
            f"SELECT rootpage FROM sqlite_master WHERE name IN {tables}"
        ).fetchall()
        (size,) = base.execute("PRAGMA page_size").fetchone()
    data = bytearray(store.read_bytes())
    for (page,) in roots:
        data[(page - 1) * size : page * size] = b"\xff" * size
    store.write_bytes(data)

    code, out, err = run(capsys, "verify", "--dir", str(project))

    assert (code, err) == (1, "")
    assert "unreadable" in out
    assert "session beta row 3" in out


def test_a_store_that_cannot_be_opened_names_what_mends_it(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """To run the very command that has just failed would help nobody."""
    (project / ".governance" / "journal.db").write_bytes(b"\xff" * 8_192)

    code, _, err = run(capsys, "verify", "--dir", str(project))

    assert code == 2
    assert "`governance repair`" in err
    assert "governance verify" not in err


def test_log_without_a_session_prints_all(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rows of all sessions come, in order within each; `--after` leaves out what was seen."""
    _, out, _ = run(capsys, "log", "--after", "3", "--format", "json", "--dir", str(project))

    assert [(row["session"], row["seq"]) for row in json.loads(out)] == [
        ("alpha", 4), ("alpha", 5), ("beta", 4), ("beta", 5)
    ]  # fmt: skip


def test_log_for_people_is_one_line_a_row(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each row shows session, sequence, time and kind."""
    code, out, _ = run(capsys, "log", "beta", "--dir", str(project))

    assert code == 0
    assert out.splitlines()[0] == "beta      1 2023-11-14T22:13:20Z turn.started turn: 1"
    assert len(out.splitlines()) == 5


def test_log_says_what_a_row_tells(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Own fields in short, without what is empty, and the state that it leads to."""
    create_project(tmp_path, "[packs]\npaths = []\n")
    open_journal(base=tmp_path, create=True).close()
    with Engine.open(tmp_path) as engine:
        session = engine.start("s")
        session.turn("tidy\nup " + "x" * 200)

    code, out, _ = run(capsys, "log", "s", "--dir", str(tmp_path))

    born, asked, *_ = out.splitlines()
    assert code == 0
    assert "session.created adopted: false; " in born
    assert born.endswith("; → beginning")
    assert "prompt: tidy up xxx" in asked
    assert " …; " in asked


def test_what_says_most_of_a_row_is_not_cut() -> None:
    """What was decided of which tool stands before the ids of the call, figures nowhere."""
    data = {"action": "deny", "call_id": "toolu_1", "cwd": "/p", "stats": {"n": 1}, "tool": "shell"}
    body = json.dumps({"data": data, "before": "a", "after": "a"}).encode()
    record = Record("s", 1, "tool.decided", 0, body, durable=True, key=None, hash=bytes(32))

    assert row_text(record, 200) == "action: deny; tool: shell; call_id: toolu_1; cwd: /p"
    assert row_text(record, 27) == "action: deny; tool: shell …"


def test_log_follows_what_others_write(project: Path) -> None:
    """Rows appear as another process writes them, and an interrupt ends it without a traceback."""
    words = ["log", "--follow", "--after", "4", "--format", "jsonl", "--dir", str(project)]
    reader = subprocess.Popen(
        [sys.executable, "-c", RUN, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        # Where the tests run in the background of a shell, they ignore what a terminal sends.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    with reader:
        assert reader.stdout is not None
        there = [json.loads(reader.stdout.readline()) for _ in range(2)]

        journal = open_journal(load_config(project).journal.url, base=project, create=False)
        journal.append([Append("beta", 5, (Row("turn.ended", 1, b"{}"),))])
        journal.append([Append("gamma", 0, tuple(Row("turn.ended", 1, b"{}") for _ in range(5)))])
        journal.close()
        came = [json.loads(reader.stdout.readline()) for _ in range(2)]
        reader.send_signal(signal.SIGINT)
        try:
            _, err = reader.communicate(timeout=120)
        finally:
            reader.kill()

    assert sorted((row["session"], row["seq"]) for row in there) == [("alpha", 5), ("beta", 5)]
    assert sorted((row["session"], row["seq"]) for row in came) == [("beta", 6), ("gamma", 5)]
    assert reader.returncode == 0
    assert err.strip() == "stopped"


def test_what_goes_on_is_no_json_document(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is refused, and not printed as if nobody had asked to follow."""
    code = cli.main(["log", "alpha", "--follow", "--format", "json", "--dir", str(project)])

    (problem,) = json.loads(capsys.readouterr().out)["diagnostics"]
    assert code == 2
    assert problem["suggestion"] == "take `--format jsonl`"


def test_an_unknown_session_is_told_with_the_nearest(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A misspelled id is no empty journal."""
    code, _, err = run(capsys, "log", "alfa", "--dir", str(project))

    assert code == 2
    assert "GOV611" in err
    assert "`alpha`" in err


def test_verify_says_that_all_holds(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An untouched store is fine, and its heads are compared with their mirror."""
    code, out, _ = run(capsys, "verify", "--format", "json", "--dir", str(project))

    assert code == 0
    assert json.loads(out) == {
        "ok": True, "sessions": 2, "rows": 10, "anchored": True,
        "mirrored_since_ms": 0, "findings": [],
    }  # fmt: skip
    assert run(capsys, "verify", "--dir", str(project))[0] == 0


@pytest.mark.parametrize("between", [None, "sessions"])
def test_a_mirror_that_was_taken_away_is_missed(
    project: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, between: str | None
) -> None:
    """One that was made anew, by whichever command, proves nothing of what was before it."""
    (mirror,) = tmp_path.rglob("*.heads")
    mirror.unlink()
    if between:
        assert run(capsys, between, "--dir", str(project))[0] == 0

    first = run(capsys, "verify", "--dir", str(project))[1]
    second = run(capsys, "verify", "--dir", str(project))[1]
    told = json.loads(run(capsys, "verify", "--format", "json", "--dir", str(project))[1])

    assert ("heads are not mirrored" in first) is (between is None)
    assert ("was made anew" in first) is (between is not None)
    assert "heads match their mirror, which was made anew at 2" in second
    assert (told["ok"], told["anchored"], told["mirrored_since_ms"] > 0) == (True, True, True)


def test_verify_names_the_first_bad_row(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A row that was changed behind the engine's back is named, and the exit code is 1."""
    with sqlite3.connect(project / ".governance" / "journal.db") as connection:
        tables = [
            name
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            if "body" in {row[1] for row in connection.execute(f"PRAGMA table_info({name})")}
        ]
        for table in tables:
            connection.execute(f"UPDATE {table} SET body = x'7b7d' WHERE seq = 3")
    connection.close()

    code, out, _ = run(capsys, "verify", "--dir", str(project))
    code_json, out_json, _ = run(capsys, "verify", "--format", "json", "--dir", str(project))

    assert code == code_json == 1
    assert "first bad row: session alpha row 3" in out
    assert "heads were compared with their mirror; " in out
    assert "match" not in out
    assert json.loads(out_json)["findings"][0]["seq"] == 3


def test_a_vanished_store_is_an_error(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No command makes a store anew."""
    store = project / ".governance" / "journal.db"
    store.unlink()

    for command in ("log", "verify"):
        code, _, err = run(capsys, command, "--dir", str(project))
        assert code == 2
        assert "GOV504" in err
        assert not store.exists()


def test_a_folder_that_is_no_project_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both the text and the JSON form name what is missing."""
    code, _, err = run(capsys, "verify", "--dir", str(tmp_path))
    code_json, out, _ = run(capsys, "verify", "--format", "json", "--dir", str(tmp_path))

    assert code == code_json == 2
    assert "GOV331" in err
    assert {one["code"] for one in json.loads(out)["diagnostics"]} == {"GOV331", "GOV332"}
