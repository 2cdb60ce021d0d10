"""`governance report` on a real store."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from governance.config import default_toml, load_config
from governance.journal import Append, Row, open_journal
from governance.project import create_project
from tests.integration.conftest import made_project
from tests.integration.conftest import run_words as run

DAY_MS = 86_400_000


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a session of ten turns on ten days."""
    folder = made_project(tmp_path, monkeypatch)
    append(folder, 0, *(Row("turn.started", (20_000 + day) * DAY_MS, b"{}") for day in range(10)))
    return folder


def append(folder: Path, after: int, *rows: Row) -> None:
    journal = open_journal(load_config(folder).journal.url, base=folder, create=True)
    journal.append([Append("s-1", after, rows)])
    journal.close()


def test_a_report_in_the_terminal(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Measures with their line over time, and bars."""
    code, out, _ = run(capsys, "report", "--dir", str(project))

    assert code == 0
    assert "2024-10-04 to 2024-10-13" in out
    assert "██████████" in out


@pytest.mark.parametrize("columns", [40, 80, 300])
def test_a_report_fits_its_terminal(
    project: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    columns: int,
) -> None:
    """Names stand whole beside their bars as long as there is room, and nothing is cut."""
    rules = ("databases.drop-table", "escalation.freeze-writes.of-the-whole-team")
    body = {"data": {"action": "deny", "rules": list(rules), "tool": "shell"}}
    append(project, 10, Row("tool.decided", 20_009 * DAY_MS, json.dumps(body).encode()))
    monkeypatch.setenv("COLUMNS", f"{columns}")

    code, out, _ = run(capsys, "report", "--dir", str(project))

    lines = out.splitlines()
    assert code == 0
    assert max(map(len, lines[1:])) <= columns
    assert "…" not in out
    assert any(line.startswith("  deny  ███") for line in lines)
    for rule in rules[: 1 if columns == 40 else 2]:
        assert any(re.match(rf"  {rule} +██████", line) for line in lines)


def test_a_store_in_which_nothing_happened_is_told_of_today(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], project: Path
) -> None:
    """And of no day long ago."""
    folder = tmp_path / "new"
    folder.mkdir()
    create_project(folder, default_toml())
    open_journal(load_config(folder).journal.url, base=folder, create=True).close()

    code, out, _ = run(capsys, "report", "--dir", str(folder))

    assert code == 0
    assert "nothing happened in these days" in out
    assert "1970" not in out


def test_a_report_counts_what_came_since(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The second report knows the new rows; counted anew it is the same."""
    words = ("report", "--format", "json", "--dir", str(project))
    first = json.loads(run(capsys, *words)[1])
    append(project, 10, Row("turn.started", 20_009 * DAY_MS, b"{}"))
    second = json.loads(run(capsys, *words)[1])

    assert first["measures"]["turns"]["value"] == 10
    assert second["measures"]["turns"]["value"] == 11
    assert json.loads(run(capsys, *words, "--anew")[1]) == second


def test_what_a_removed_session_did_stays_counted(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Until somebody has what is left counted anew."""
    words = ("report", "--format", "json", "--dir", str(project))
    run(capsys, *words)
    journal = open_journal(load_config(project).journal.url, base=project, create=False)
    assert journal.remove("s-1", expected=journal.head("s-1")) is True
    journal.close()

    kept = json.loads(run(capsys, *words)[1])
    anew = json.loads(run(capsys, *words, "--anew")[1])

    assert [one["measures"]["turns"]["value"] for one in (kept, anew)] == [10, 0]


def test_a_span_of_days(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Only days within count; a day that is none is refused."""
    span = ("--since", "2024-10-05", "--until", "2024-10-07")
    _, out, _ = run(capsys, "report", *span, "--format", "json", "--dir", str(project))
    code, _, err = run(capsys, "report", "--since", "today", "--dir", str(project))

    assert json.loads(out)["measures"]["turns"]["series"] == [1, 1, 1]
    assert code == 2
    assert "`today` is no day" in err


@pytest.mark.parametrize("form", ["html", "markdown", "json", "csv"])
def test_a_report_as_a_file(project: Path, capsys: pytest.CaptureFixture[str], form: str) -> None:
    """What goes to a file is what would have been printed, and nothing is printed."""
    file = project / "report"
    words = ("report", "--format", form, "--dir", str(project))
    code, out, err = run(capsys, *words, "-o", str(file))
    _, printed, _ = run(capsys, *words)

    assert code == 0
    assert out == ""
    assert "bytes" in err
    if form == "json":
        assert json.loads(file.read_text()) == json.loads(printed)
    else:
        assert file.read_text() == printed
