"""`governance store`, and a project whose journal is on a PostgreSQL server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from governance import cli
from governance.config import default_toml, load_config
from governance.journal import Append, Appended, Journal, Row, open_journal
from governance.project import Project
from tests.postgres_server import Server

FILE = "sqlite:///.governance/journal.db"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "CLAUDE_CONFIG_DIR", "GOVERNANCE_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)


def found(folder: Path, url: str) -> Path:
    """A project without rules whose journal is at *url*."""
    folder.mkdir()
    text = default_toml().replace('paths = ["shipped"]', "paths = []")
    assert text.count("#url = ") == 1
    line = next(line for line in text.splitlines() if line.startswith("#url = "))
    (folder / "governance.toml").write_text(text.replace(line, f'url = "{url}"'))
    assert cli.main(["init", str(folder)]) == 0
    return folder


def key(project: Path) -> list[str]:
    from governance.cli.guard import key_path

    return ["--dir", str(project), "--key", str(key_path(Project(project)))]


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    code = cli.main([*words, "--format", "json"])
    return code, json.loads(capsys.readouterr().out)


def fill(project: Path, url: str) -> None:
    journal = open_journal(url, base=project, create=False)
    for session in ("alpha", "beta"):
        for seq in range(3):
            row = Row("turn.started", seq, b"{}")
            assert isinstance(journal.append([Append(session, seq, (row,))]), Appended)
    journal.close()


def opened(project: Path, url: str) -> Journal:
    return open_journal(url, base=project, create=False)


def test_the_url_of_a_project_chooses_its_store(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`init` makes the store on the server, and every command works on it."""
    url = server.url(tenant="chosen")
    project = found(tmp_path / "project", url)
    assert load_config(project).journal.url == url
    fill(project, url)

    code, report = run(capsys, "verify", "--dir", str(project))
    assert (code, report["rows"], report["anchored"]) == (0, 6, True)
    assert not (project / ".governance" / "journal.db").exists()


def test_uninstalling_leaves_a_store_on_a_server(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The project goes; what others may share stays, even when the journal is to be erased."""
    url = server.url(tenant="left")
    project = found(tmp_path / "project", url)
    fill(project, url)
    words = ["uninstall", "--all", "--erase-journal", "--yes", *key(project)]
    assert run(capsys, *words)[0] == 0
    assert not (project / ".governance").exists()
    journal = opened(tmp_path, url)
    assert journal.head("alpha").seq == 3
    journal.close()


def test_doctor_says_what_it_found_of_the_server(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Version, way and role; a server that does not sync is a finding, and so is an owner."""
    project = found(tmp_path / "project", server.url(tenant="doctored"))
    code, report = run(capsys, "doctor", "--dir", str(project))
    saw = next(one for one in report["checks"] if one["check"] == "journal")["saw"]
    told = [one for one in report["diagnostics"] if one["code"] == "GOV534"]
    assert code == 1
    assert "PostgreSQL 1" in saw
    assert "by a local socket" in saw
    assert any("`fsync` off" in one["message"] for one in told)
    assert all(one["severity"] == "warning" for one in told)


def test_a_copy_moves_a_project_to_a_server_and_back(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both ways everything is there, the heads are the same, and a second copy brings nothing."""
    project = found(tmp_path / "project", FILE)
    fill(project, FILE)
    there, back = server.url(tenant="copied"), "sqlite:///back/journal.db"
    code, report = run(capsys, "store", "copy", FILE, there, "--create", *key(project))
    assert (code, report["rows"], report["new_rows"], report["findings"]) == (0, 6, 6, [])
    assert run(capsys, "store", "copy", FILE, there, *key(project))[1]["new_rows"] == 0
    assert run(capsys, "store", "copy", there, back, "--create", *key(project))[0] == 0

    stores = [opened(project, url) for url in (FILE, there, back)]
    assert len({store.sessions() for store in stores}) == 1
    assert len({store.read("alpha") for store in stores}) == 1
    for store in stores:
        store.close()


@pytest.mark.parametrize(
    "words",
    [
        ["copy", FILE],
        ["copy", FILE, FILE],
        ["copy", FILE, "memory:"],
        ["copy", FILE, "sqlite:///absent.db"],
        ["copy", FILE, "postgresql://me:secret-word@host/db"],
        ["grant", "role"],
        ["revoke"],
        ["grant", "role", "--create"],
    ],
)
def test_what_cannot_be_done_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    """Too few words, one store twice, none that stays, none that is there, no roles."""
    project = found(tmp_path / "project", FILE)
    code, report = run(capsys, "store", *words, *key(project))
    assert (code, report["ok"]) == (2, False)
    assert report["diagnostics"][0]["message"]
    assert "secret-word" not in json.dumps(report)


def test_copying_is_a_persons_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal and without the key nothing is copied."""
    project = found(tmp_path / "project", FILE)
    words = ["store", "copy", FILE, "sqlite:///x.db", "--create", "--dir", str(project)]
    code, report = run(capsys, *words)
    assert code == 2
    assert report["diagnostics"][0]["code"] in ("GOV601", "GOV602")
    assert not (project / "x.db").exists()


def test_a_role_is_granted_and_revoked(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The role opens the store after the one and not after the other."""
    project = found(tmp_path / "project", server.url(tenant="roles"))
    with server.connect() as connection:
        connection.execute("CREATE ROLE clerk LOGIN")
    url = server.url(tenant="roles", user="clerk")
    assert run(capsys, "store", "grant", "clerk", *key(project))[0] == 0
    opened(project, url).close()
    assert run(capsys, "store", "revoke", "clerk", *key(project))[0] == 0
    with pytest.raises(Exception, match="GOV5"):
        opened(project, url)
