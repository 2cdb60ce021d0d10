"""A local service for the time of a test, and gone after it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from governance.service.client import ServiceUnreachable, ask, service_command, stop

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
        # One that a test has killed just now gives no answer.
        with suppress(ServiceUnreachable):
            stop()
        process.kill()
        process.wait()


def services_of(home: Path) -> tuple[int, ...]:
    """Processes of services that run with *home* as the home of their user."""
    found = []
    for one in Path("/proc").iterdir():
        with suppress(OSError):
            words = (one / "cmdline").read_bytes().split(b"\0") if one.name.isdigit() else []
            ours = any(word.endswith(b"/service/serve.py") for word in words)
            if ours and f"HOME={home}".encode() in (one / "environ").read_bytes().split(b"\0"):
                found.append(int(one.name))
    return tuple(found)


def kill_services(home: Path) -> int:
    """Kill those services, and say how many there were; hooks do without them."""
    found = services_of(home)
    for pid in found:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return len(found)
