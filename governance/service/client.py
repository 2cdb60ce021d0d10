"""Asking the service about itself, for the command line: what it does, and that it end."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from governance.errors import GovernanceError
from governance.hooking.command_line import import_folders
from governance.hooking.hook_client import (
    service_folder,
    service_name,
    service_script,
    socket_path,
)
from governance.service.answering import Gone, Link, Unfit, peer_of
from governance.values import Json, load_json

STATUS_BYTES_MAX = 1_000_000
END_SECONDS_MAX = 15.0
ENDING_SECONDS_MAX = 1.0


class ServiceUnreachable(GovernanceError):
    """The service could not be started, did not answer, or did not end."""

    code = "GOV711"


def service_command(directory: Path | None, *more: str) -> tuple[str, ...]:
    """The command line of the service of this installation, with the project to begin with."""
    first = ("--dir", str(directory)) if directory is not None else ()
    paths = tuple(word for folder in import_folders() for word in ("--path", folder))
    return (sys.executable, "-I", "-S", service_script(), *first, *paths, *more)


def socket_file(environment: Mapping[bytes, bytes] | None = None) -> Path | None:
    """Where the socket of this installation's service would be; ``None``: nobody has a home."""
    folder = service_folder(dict(os.environb if environment is None else environment))
    if not folder:
        return None
    return Path(os.fsdecode(folder)) / f"{service_name(list(import_folders()))}.sock"


def ask(what: str) -> Mapping[str, Json] | None:
    """
    What the service says to *what* (``"status"`` or ``"stop"``); ``None``: none runs.

    Raises:
        ServiceUnreachable: One is there, and is no service or gives no answer.
    """
    file = socket_file()
    if file is None:
        return None
    until = time.monotonic() + ENDING_SECONDS_MAX
    while True:
        try:
            return _asked(file, what)
        except (ConnectionError, Gone) as error:
            # A service that ends takes along what waits for it; then there is none, or a new one.
            if time.monotonic() > until:
                raise ServiceUnreachable(
                    f"what is at `{file}` ends each call without an answer: {error}"
                ) from None
        time.sleep(0.02)


def _asked(file: Path, what: str) -> Mapping[str, Json] | None:
    """As `ask`, once; raises `ConnectionError` or `Gone` where the other end has gone."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as raw:
        try:
            handle = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            return None
        try:
            raw.settimeout(2.0)
            raw.connect(socket_path(os.fsencode(file.parent), handle, file.name))
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        except OSError as error:
            raise ServiceUnreachable(
                f"the service at `{file}` cannot be reached: {error}"
            ) from None
        finally:
            os.close(handle)
        try:
            link = Link(raw)
            link.send(b"C", what.encode())
            told = load_json(link.receive(b"A", STATUS_BYTES_MAX))
        except (ConnectionError, Gone):
            raise
        except (OSError, Unfit) as error:
            raise ServiceUnreachable(
                f"the service at `{file}`, process {peer_of(raw).pid}, gives no answer: {error}",
                remedy=f"end it: `kill {peer_of(raw).pid}`; hooks decide by themselves meanwhile",
            ) from None
    return told if isinstance(told, Mapping) else {}


def stop() -> Mapping[str, Json] | None:
    """
    Have the service end, and wait until it has; what it said, or ``None`` where none runs.

    Raises:
        ServiceUnreachable: It gives no answer, or is still there.
    """
    told = ask("stop")
    if told is None:
        return None
    until = time.monotonic() + END_SECONDS_MAX
    pid = told.get("pid")
    while isinstance(pid, int) and _runs(pid):
        if time.monotonic() > until:
            raise ServiceUnreachable(f"process {pid} said that it ends, and is still there")
        time.sleep(0.02)
    return told


def _runs(pid: int) -> bool:
    if sys.platform != "linux":
        try:
            os.kill(pid, 0)
        except OSError:
            return False
        return True
    try:
        state = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0]
    except OSError:
        return False
    return state != b"Z"


def as_words(status: Mapping[str, Json]) -> Sequence[tuple[str, str]]:
    """*status* as rows for people."""
    projects = status.get("projects")
    listed = projects if isinstance(projects, (list, tuple)) else ()
    return (
        ("process", str(status.get("pid"))),
        ("version", str(status.get("version"))),
        ("runs for", f"{status.get('seconds')} s"),
        ("calls answered", str(status.get("answered"))),
        ("left to the hooks", str(status.get("left"))),
        ("projects open", "\n".join(str(one) for one in listed) or "none"),
        ("loopback", str(status.get("http") or "closed")),
    )
