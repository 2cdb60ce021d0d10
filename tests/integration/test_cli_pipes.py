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


ENTRY = "import sys; from governance.cli import entry; sys.exit(entry())"


PROBE = """
import os, sys
from governance import cli

def main():
    for number in (0, 1, 2):
        os.fstat(number)
    try:
        os.write(1, b"anything")
    except OSError:
        return 7
    return 1

cli.main = main
sys.exit(cli.entry())
"""
"""Ends with 7 where each of the three is taken, and nothing that is written goes anywhere."""


def closed(
    project: Path, *words: str, ends: str, code: str = ENTRY
) -> subprocess.CompletedProcess[str]:
    """The command in a process that was started with the descriptors *ends* closed."""
    line = " ".join(f"{one}>&-" if one != "0" else "0<&-" for one in ends)
    return subprocess.run(
        ["/bin/sh", "-c", f'exec "$@" {line}', "sh", sys.executable, "-c", code, *words],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
    )


@pytest.mark.parametrize("ends", ["1", "01"])
@pytest.mark.parametrize(
    "words",
    [
        ("anchor-heads",),
        ("diagram", "--format", "svg"),
        ("decide", "--tool", "read", "--format", "json"),
        ("sessions",),
        ("schema",),
    ],
    ids=lambda words: words[0],
)
def test_output_that_goes_nowhere_is_no_success(
    project: Path, words: tuple[str, ...], ends: str
) -> None:
    """Whoever asked for it has not got it; and it is not written into what is opened next."""
    done = closed(project, *words, ends=ends)

    assert done.returncode == 2
    assert done.stderr == "the output cannot be written: standard output is closed\n"
    assert main(["verify", "--dir", str(project)]) == 0


@pytest.mark.parametrize("ends", ["1", "012"])
def test_a_file_needs_no_output(project: Path, tmp_path: Path, ends: str) -> None:
    """What was asked for is there, and holds nothing else."""
    file = tmp_path / "machine.mmd"

    done = closed(project, "diagram", "-o", str(file), ends=ends)

    assert done.returncode == 0
    assert file.read_text().startswith("stateDiagram")
    assert "byte" not in file.read_text()[-200:]


@pytest.mark.parametrize("ends", ["1", "01", "012"])
def test_no_file_takes_the_place_of_a_closed_end(project: Path, ends: str) -> None:
    """The store would be opened as standard output, into which anything may write."""
    assert closed(project, ends=ends, code=PROBE).returncode == 7


def test_all_closed_ends_with_an_error_all_the_same(project: Path) -> None:
    """Its exit code alone can tell; and where input is closed, that is told."""
    assert closed(project, "anchor-heads", ends="012").returncode == 2
    done = closed(project, "decide", "--batch", "-", ends="0")
    assert (done.returncode, done.stdout) == (2, "")
    assert "bad file descriptor" in done.stderr


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
