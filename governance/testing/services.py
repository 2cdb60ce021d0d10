"""A local service for the time of a test, and gone after it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from governance.service.client import ask, service_command, stop

READY_SECONDS_MAX = 60.0


@contextmanager
def running_service(project: Path) -> Iterator[int]:
    """
    Run the service of this installation until the block ends; its process id.

    It begins once *project* is open in it. The folder of its socket is that of the user's
    state, which a test puts elsewhere by ``XDG_STATE_HOME``.

    Raises:
        TimeoutError: The project could not be opened in a minute.
    """
    process = subprocess.Popen(  # noqa: S603 -- our own script
        service_command(project, "--stay"), stdin=subprocess.DEVNULL
    )
    until = time.monotonic() + READY_SECONDS_MAX
    try:
        while str(project) not in str((ask("status") or {}).get("projects")):
            if time.monotonic() > until or process.poll() is not None:
                raise TimeoutError(f"the service does not open `{project}`")
            time.sleep(0.02)
        yield process.pid
    finally:
        stop()
        process.kill()
        process.wait()
