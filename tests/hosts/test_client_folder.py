"""The folder of a client is gone after it, also where the client still writes."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hosts import client_folder as room
from tests.hosts.client_folder import client_folder


def writing_on(times: int) -> Callable[[Path], None]:
    """`shutil.rmtree` beside a client that writes a line the first *times* that it is emptied."""
    real = shutil.rmtree
    left = iter(range(times))

    def removed(folder: Path) -> None:
        if next(left, None) is not None:
            raise OSError(errno.ENOTEMPTY, "Directory not empty", str(folder))
        real(folder)

    return removed


def test_folder_is_gone_after_a_client_that_writes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """What appears while the folder is removed is removed too."""
    monkeypatch.setattr("shutil.rmtree", writing_on(times=3))
    with client_folder() as folder:
        (folder / "governance.log").write_text("a line")
    assert not folder.exists()


def test_client_that_never_stops_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """After its time the system's error is told, and not swallowed."""
    monkeypatch.setattr(room, "LEAVING_SECONDS_MAX", 0.2)
    monkeypatch.setattr("shutil.rmtree", writing_on(times=1_000))
    with pytest.raises(OSError, match="not empty"), client_folder() as folder:
        pass
    folder.rmdir()
