"""Files that a person asks for: whole, private where they must be, and never over a device."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from pathlib import Path

import pytest

from governance.cli.files import write_file
from governance.errors import DefinitionError


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    """Nothing is left beside it, and its mode is the one that was asked for."""
    file = tmp_path / ("x" * 200)
    file.write_text("before")

    write_file(file, b"after", 0o600)

    assert file.read_bytes() == b"after"
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_a_link_stays_one(tmp_path: Path) -> None:
    """What it leads to is written."""
    there, link = tmp_path / "there", tmp_path / "link"
    there.write_text("before")
    link.symlink_to(there)

    write_file(link, b"after")

    assert link.is_symlink()
    assert there.read_bytes() == b"after"


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    """What is no file is not replaced by one: a pipe, a terminal, `/dev/null`."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()

    for _ in range(100):
        # Until the reader is there, a pipe that nobody reads is refused and not waited for.
        with contextlib.suppress(DefinitionError):
            write_file(pipe, b"told")
            break
        time.sleep(0.01)

    reader.join(10)
    assert read == [b"told"]
    assert not pipe.is_file()


def test_what_is_new_is_never_written_over_anything(tmp_path: Path) -> None:
    """Whoever made the file meanwhile keeps it."""
    file = tmp_path / "key"
    file.write_text("theirs")

    with pytest.raises(DefinitionError, match="GOV610"):
        write_file(file, b"ours", new=True)

    assert file.read_text() == "theirs"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("name", [".", "/", "missing/file", "x" * 300])
def test_where_no_file_can_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A folder, the root, and a name that is too long are errors that say so."""
    monkeypatch.chdir(tmp_path)

    with pytest.raises(DefinitionError, match="GOV610"):
        write_file(Path(name), b"x")
