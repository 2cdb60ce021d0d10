"""`governance metrics`: the text of Prometheus, as output, file and endpoint."""

from __future__ import annotations

import re
import sqlite3
import threading
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest

from governance import cli
from governance.analytics.figures import step
from governance.analytics.prometheus import METRICS, Looked, exposition
from governance.cli.metrics import server_of
from governance.config import default_toml, load_config
from governance.journal import Append, Row, open_journal
from governance.project import Project, create_project

GOLDEN = [
    "governance_sessions_total", "governance_tool_calls_total", "governance_tool_decisions_total",
    "governance_tool_outcomes_total", "governance_tool_denials_total",
    "governance_tool_failures_total", "governance_rule_matches_total",
    "governance_violations_total", "governance_violation_severities_total",
    "governance_approvals_total", "governance_injections_total",
    "governance_interruptions_total", "governance_stalls_total", "governance_commands_total",
    "governance_happenings_total", "governance_tool_duration_seconds",
    "governance_turn_duration_seconds", "governance_session_duration_seconds",
    "governance_process_cpu_seconds_total",
    "governance_process_resident_memory_bytes", "governance_session_load_duration_seconds",
    "governance_session_save_duration_seconds", "governance_check_duration_seconds",
    "governance_healthy",
]  # fmt: skip
LABEL = r'[a-z]+="(?:[^"\\\n]|\\["\\n])*"'
LINE = re.compile(rf"[a-z_]+(\{{{LABEL}(?:,{LABEL})*\}})? \S+")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one turn of two seconds."""
    for name in ("STATE", "CONFIG"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    folder = tmp_path / "project"
    folder.mkdir()
    create_project(folder, default_toml())
    journal = open_journal(load_config(folder).journal.url, base=folder, create=True)
    rows = (Row("turn.started", 1_000, b"{}"), Row("turn.ended", 3_000, b"{}"))
    journal.append([Append("s-1", 0, rows)])
    journal.close()
    return folder


def test_the_names_are_these(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Dashboards hang on them: a name changes here first; every line is one that is read."""
    code = cli.main(["metrics", "--dir", str(project)])

    text = capsys.readouterr().out
    assert code == 0
    assert re.findall(r"^# TYPE (\w+)", text, re.MULTILINE) == GOLDEN
    assert [one.name for one in METRICS] == GOLDEN[:18]
    assert all(LINE.fullmatch(one) for one in text.splitlines() if not one.startswith("#"))
    assert 'governance_happenings_total{what="turns"} 1' in text
    assert 'governance_turn_duration_seconds_bucket{le="+Inf"} 1' in text
    assert "governance_turn_duration_seconds_sum 2\n" in text
    assert 'governance_healthy{check="chain"} 1' in text


def test_a_damaged_store_is_told_to_who_watches(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What cannot be counted is no zero, and the checks that are red say so."""
    with closing(sqlite3.connect(project / ".governance" / "journal.db")) as store:
        store.execute("UPDATE event SET body = X'7B' WHERE seq = 2")
        store.commit()

    code = cli.main(["metrics", "--dir", str(project)])

    text = capsys.readouterr().out
    assert code == 0
    assert "governance_happenings_total{" not in text
    assert 'governance_healthy{check="chain"} 0' in text
    assert 'governance_healthy{check="figures"} 0' in text
    assert 'governance_healthy{check="read"} 1' in text


def test_names_of_agents_break_no_line() -> None:
    """Quotes, line ends and backslashes in a tool's name are written as the format says."""
    text = exposition({"tool": {'a"b\\c\nd': 1}}, {"disk": Looked(False, 0)})

    assert 'governance_tool_calls_total{tool="a\\"b\\\\c\\nd"} 1\n' in text
    assert text.endswith('governance_healthy{check="disk"} 0\n')


def test_buckets_are_exact() -> None:
    """Each bucket holds what is not longer than its bound, and they never fall."""
    took = [1, 10, 250, 1_000, 60_000]
    scale: dict[str, int] = {}
    for one in took:
        scale[str(step(one))] = scale.get(str(step(one)), 0) + 1

    text = exposition({"tool_ms": scale}, {})

    found = re.findall(r'governance_tool_duration_seconds_bucket\{le="([\d.e+]+)"\} (\d+)', text)
    counts = [int(count) for _, count in found]
    assert counts == sorted(counts)
    for bound, count in found:
        assert int(count) == sum(one / 1000 <= float(bound) * 1.00001 for one in took)


def test_a_file_is_written_whole(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file is what would be printed, and no draft stays."""
    file = project / "governance.prom"

    assert cli.main(["metrics", "-o", str(file), "--dir", str(project)]) == 0

    assert capsys.readouterr().out == ""
    assert "governance_healthy" in file.read_text()
    assert list(project.glob(".governance.prom*")) == []


def test_the_endpoint_answers(project: Path) -> None:
    """At its path, with its type; elsewhere nothing; a store that is gone is 503, with why."""
    with server_of(Project(project), "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        try:
            with urllib.request.urlopen(f"{url}/metrics", timeout=30) as answer:
                kind, text = answer.headers["Content-Type"], answer.read().decode()
            with pytest.raises(urllib.error.HTTPError) as other:
                urllib.request.urlopen(f"{url}/", timeout=30)
            (project / ".governance" / "journal.db").unlink()
            with pytest.raises(urllib.error.HTTPError) as gone:
                urllib.request.urlopen(f"{url}/metrics", timeout=30)
            said = gone.value.read().decode()
        finally:
            server.shutdown()
            thread.join()

    assert kind.startswith("text/plain; version=0.0.4")
    assert "governance_healthy" in text
    assert other.value.code == 404
    assert gone.value.code == 503
    assert "GOV504" in said
    other.value.close()
    gone.value.close()


@pytest.mark.parametrize("listen", ["0.0.0.0:9464", "example.org:1", "127.0.0.1", "127.0.0.1:x"])
def test_other_machines_are_not_served(
    project: Path, capsys: pytest.CaptureFixture[str], listen: str
) -> None:
    """An address that others reach, or none at all, is refused by name."""
    assert cli.main(["metrics", "--listen", listen, "--dir", str(project)]) == 2
    assert "GOV580" in capsys.readouterr().err
