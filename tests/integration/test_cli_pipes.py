"""Where a file is asked for and a pipe or a device stands, a command says so and does not wait."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from governance.cli import main
from governance.config import default_toml
from governance.errors import JournalError
from governance.journal import open_journal
from governance.journal.archive import read_archive
from governance.journal.key_sources import KeyUnavailable, load_key
from governance.journal.sqlite import SqliteJournal
from governance.project import create_project
from tests.integration.conftest import RUN

pytestmark = pytest.mark.skipif(os.name != "posix", reason="platform: there are no named pipes")

SECONDS_MAX = 60
"""Of a process that would wait for ever."""


@pytest.fixture(name="pipe")
def _pipe(tmp_path: Path) -> Path:
    made = tmp_path / "pipe"
    os.mkfifo(made, 0o600)
    return made


@pytest.fixture(name="project")
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    folder = tmp_path / "project"
    folder.mkdir()
    create_project(folder, default_toml())
    open_journal(base=folder, create=True).close()
    assert main(["anchor-heads", "--to", str(tmp_path / "heads"), "--dir", str(folder)]) == 0
    return folder


@pytest.mark.parametrize(
    "words",
    [
        ("verify", "--against", "PIPE"),
        ("verify", "--against", "heads", "--public-key", "PIPE"),
        ("anchor-heads", "--to", "PIPE"),
        ("anchor-heads", "--sign", "PIPE"),
        ("repair", "--key", "PIPE"),
        ("repair", "--dry-run", "--from", "PIPE"),
        ("restore", "PIPE", "--config-only", "--dry-run"),
        ("backup", "--to", "PIPE"),
    ],
)
def test_a_pipe_that_nobody_writes_to_is_refused(
    project: Path, pipe: Path, words: tuple[str, ...]
) -> None:
    """With its name and why, at once."""
    given = [str(pipe) if one == "PIPE" else one for one in words]

    done = subprocess.run(
        [sys.executable, "-c", RUN, *given, "--dir", str(project)],
        cwd=project.parent, capture_output=True, text=True, stdin=subprocess.DEVNULL,
        timeout=SECONDS_MAX,
    )  # fmt: skip

    assert done.returncode == 2, done.stdout
    assert str(pipe) in done.stderr
    assert "Traceback" not in done.stderr


def test_the_engine_waits_for_no_pipe_either(
    tmp_path: Path, pipe: Path, within: Callable[..., object]
) -> None:
    """As a key, as an archive, and in the place of the mirror of heads, which then is none."""
    with pytest.raises(KeyUnavailable, match="not a regular file"):
        within(lambda: load_key(f"file:{pipe}"))
    with pytest.raises(JournalError, match="not a regular file"):
        within(lambda: next(read_archive(pipe)[1]))
    journal = within(lambda: SqliteJournal.open(tmp_path / "j.db", create=True, mirror=pipe))
    assert isinstance(journal, SqliteJournal)
    assert "regular file" in journal.mirror_problem
    assert not journal.verify().anchored
    journal.close()


@pytest.fixture(name="within")
def _within() -> Callable[..., object]:
    """Gives what a function gives, which has to be done in a moment."""
    import threading

    def run(work: Callable[[], object]) -> object:
        done: list[object] = []
        errors: list[Exception] = []

        def work_aside() -> None:
            try:
                done.append(work())
            except Exception as error:  # noqa: BLE001 - raised again by who asked
                errors.append(error)

        thread = threading.Thread(target=work_aside, daemon=True)
        thread.start()
        thread.join(SECONDS_MAX)
        assert not thread.is_alive()
        if errors:
            raise errors[0]
        return done[0]

    return run
