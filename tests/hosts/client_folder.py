"""A folder for a client, and gone after it."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LEAVING_SECONDS_MAX = 10.0


@contextmanager
def client_folder() -> Iterator[Path]:
    """
    Make a folder for a client, and remove it when the block ends.

    A client answers that it has left before its plugins have written their last line, so what
    appears while the folder is removed is removed too, for ten seconds.

    Raises:
        OSError: The client writes on.
    """
    folder = Path(tempfile.mkdtemp(prefix="governed-")).resolve()
    try:
        yield folder
    finally:
        _remove(folder)


def _remove(folder: Path) -> None:
    until = time.monotonic() + LEAVING_SECONDS_MAX
    while True:
        try:
            shutil.rmtree(folder)
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            return
