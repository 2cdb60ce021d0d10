"""A folder that came from elsewhere works on no other project's store, unless a person says so."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from governance.cli import main
from governance.engine import Engine
from governance.engine.store_place import StoreElsewhere
from governance.journal import open_journal
from governance.project import Project, create_project
from governance.rules.trust import grant_trust

pytestmark = pytest.mark.skipif(os.name != "posix", reason="platform: links need rights")

SMALL = "[packs]\npaths = []\n"
VERBS = (
    ("sessions",),
    ("log",),
    ("verify",),
    ("report",),
    ("backup",),
    ("repair", "--dry-run"),
    ("health",),
    ("doctor",),
)


@pytest.fixture(name="ours")
def _ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of a person, with one session."""
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    monkeypatch.setenv("COLUMNS", "300")
    folder = tmp_path / "ours"
    folder.mkdir()
    create_project(folder, SMALL)
    open_journal(base=folder, create=True).close()
    with Engine.open(folder) as engine:
        engine.start("mine").turn("what nobody else shall read")
    return folder


@pytest.fixture(name="clone", params=["folder", "file", "address"])
def _clone(request: pytest.FixtureRequest, ours: Path, tmp_path: Path) -> Path:
    """A folder that leads to that project's store, by a link or by its configuration."""
    made = tmp_path / "clone"
    made.mkdir()
    (made / "governance.toml").write_text(SMALL)
    store = ours / ".governance"
    match request.param:
        case "folder":
            (made / ".governance").symlink_to(store)
        case "file":
            (made / ".governance").mkdir(0o700)
            (made / ".governance" / "journal.db").symlink_to(store / "journal.db")
        case _:
            (made / ".governance").mkdir(0o700)
            address = f"[journal]\nurl = 'sqlite:///{store}/journal.db'\n"
            (made / "governance.toml").write_text(SMALL + address)
    return made


def trust(folder: Path) -> None:
    file = folder / "governance.toml"
    record = str(Project(folder).trust_file())
    grant_trust(record, file.read_text(), file=str(file), project=str(folder), by="me", at_ms=0)


def rows(folder: Path) -> int:
    journal = open_journal(base=folder, create=False)
    try:
        return sum(one.seq for one in journal.sessions())
    finally:
        journal.close()


def test_nothing_is_read_or_written_there(
    ours: Path, clone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every verb and the engine say where the store would be, and the store is as it was."""
    before = rows(ours)
    for words in VERBS:
        code = main([*words, "--dir", str(clone)])
        shown = capsys.readouterr()
        said = " ".join((shown.out + shown.err).split())
        assert code in (1, 2), words
        assert f"would be `{ours}/.governance/journal.db`" in said, words
        assert "mine" not in shown.out
    with pytest.raises(StoreElsewhere):
        Engine.open(clone)
    assert rows(ours) == before
    assert main(["init", str(clone)]) == 2
    assert rows(ours) == before


def test_a_person_may_have_it_there(
    ours: Path, clone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Once the configuration is trusted; `doctor` and `health` go on saying where it is."""
    trust(clone)
    with Engine.open(clone) as engine:
        assert engine.state("mine").head
    for word in ("doctor", "health"):
        main([word, "--dir", str(clone)])
        said = " ".join(capsys.readouterr().out.split())
        assert f"`{ours}/.governance/journal.db`, outside the project" in said, word
    assert main(["sessions", "--dir", str(clone)]) == 0


def test_a_place_that_is_no_projects_needs_nobody(ours: Path, tmp_path: Path) -> None:
    """The address names it, nothing lies there but the store, and the project may be linked to."""
    (ours / "governance.toml").write_text(f"{SMALL}[journal]\nurl = 'sqlite:///{tmp_path}/j.db'\n")
    open_journal(f"sqlite:///{tmp_path}/j.db", base=ours, create=True).close()
    link = tmp_path / "link"
    link.symlink_to(ours)
    for folder in (ours, link):
        Engine.open(folder).close()
    (ours / "governance.toml").write_text(SMALL)
    with Engine.open(link) as engine:
        assert engine.state("mine").head
