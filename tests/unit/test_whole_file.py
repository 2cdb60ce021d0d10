"""A file is old or new, and what is to outlive a power cut is synced, its name with it."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from governance.whole_file import remove_drafts, write_whole


def test_file_and_name_are_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bytes before they have the name, and the folder once they have it; else nothing."""
    file, synced = tmp_path / "file", []

    def sync(handle: int) -> None:
        what = "folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file"
        synced.append((what, file.exists()))

    monkeypatch.setattr(os, "fsync", sync)

    write_whole(file, b"x")

    assert synced == [("file", False), ("folder", True)]
    write_whole(file, b"y", synced=False)
    assert len(synced) == 2
    assert file.read_bytes() == b"y"


def test_where_there_are_no_links_nothing_is_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new file is put there, and one that stands there stays."""

    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuse)
    file = tmp_path / "file"
    write_whole(file, b"first", new=True)

    with pytest.raises(FileExistsError) as told:
        write_whole(file, b"second", new=True)

    assert told.value.filename == str(file)
    assert file.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [file]


def test_only_drafts_of_a_file_are_removed(tmp_path: Path) -> None:
    """Those of a file whose name only begins alike stay, and so does the file."""
    names = (".a.12ab12ab.draft", ".a.b.12ab12ab.draft", ".ab.12ab12ab.draft", "a", ".a.txt")
    for name in names:
        (tmp_path / name).touch()

    remove_drafts(tmp_path / "a")
    remove_drafts(tmp_path / "missing" / "a")

    assert {one.name for one in tmp_path.iterdir()} == set(names) - {names[0]}
