"""
Keeps the governed agent from governing itself.

`approve`, `pardon`, `pause`, `trust`, `uninstall`, and what works with whole sessions
(`branch`, `switch`, `merge`, `archive`, `unarchive`, `prune`) are a person's. They refuse inside a
host's environment and where there is no terminal, unless a key is given that `init` put
outside the project. A host is known by marks in the environment of this process **and of
the processes above it**, and by its own program among these: an agent can take a variable
out of what it starts, replace its shell by a program without any, and start a terminal of
its own, but it cannot take away the client that started its shell.

What has no client above it any more (a process of the agent's that was handed to the
system's first process, with an empty environment and a terminal of its own) looks like a
person here. Only another user account, or a container, keeps an agent from that.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from attrs import field

from governance._attrs import frozen
from governance.errors import GovernanceError, MisuseError
from governance.hooking.processes import Process, processes_above
from governance.hosts import HOSTS, profile_of
from governance.project import (
    Project,
    make_private_folder,
    plain_file,
    user_config_directory,
)
from governance.whole_file import write_whole

MARKS: Mapping[str, tuple[str, ...]] = {host: profile_of(host).marks for host in HOSTS}
"""Host → variables that stand in the environment of what it starts."""

PROGRAMS: Mapping[str, tuple[str, ...]] = {host: profile_of(host).programs for host in HOSTS}
"""Host → names of its program, whatever folder it lies in."""

KEY_VARIABLE = "GOVERNANCE_KEY_FILE"
_KEY_BYTES_MAX = 1_000

CODES: Mapping[str, str] = {
    "GOV601": "a command that is a person's was called from inside a host",
    "GOV602": "a command that is a person's was called without a terminal",
    "GOV603": "the key that was given does not open this project",
}


class PersonNeeded(GovernanceError):
    """The command is a person's, and nothing shows that a person gave it."""

    code = "GOV601"


@frozen
class Surroundings:
    """
    Where a command runs, as far as it tells a person from an agent.

    Attributes:
        environment: The variables of this process.

        above: The processes that started it, nearest first, where the system shows them.

        terminal: Whether standard input is a terminal.
    """

    environment: Mapping[str, str] = field(repr=False)
    above: tuple[Process, ...] = field(default=(), repr=False)
    terminal: bool = False

    def host(self) -> str:
        """The host in whose environment this is, or ``""``."""
        for host, marks in MARKS.items():
            if any(mark in self.environment for mark in marks):
                return host
        for process in self.above:
            host = _host_of(process)
            if host:
                return host
        return ""

    def started_with(self) -> Mapping[str, str]:
        """The variables that the outermost process of a host was started with, if any."""
        hosts = [one for one in self.above if _host_of(one)]
        return hosts[-1].environment if hosts else {}


def _host_of(process: Process) -> str:
    for host, marks in MARKS.items():
        if any(mark in process.environment for mark in marks):
            return host
    return next((host for host, names in PROGRAMS.items() if process.programs & set(names)), "")


def surroundings() -> Surroundings:
    """The surroundings of this process."""
    return Surroundings(
        environment=dict(os.environ),
        above=tuple(processes_above(os.getppid())),
        terminal=os.isatty(0),
    )


def require_person(
    command: str, project: Project, key_file: Path | None, around: Surroundings | None = None
) -> None:
    """
    Return quietly if a person may be behind *command*.

    *key_file* opens it anywhere. The variable ``GOVERNANCE_KEY_FILE`` stands for a
    terminal alone: what a host inherits from the shell it was started in must not open
    anything to the agent.

    Raises:
        PersonNeeded: GOV601 inside a host, GOV602 without a terminal, GOV603 when the
            key is not this project's.
    """
    where = around if around is not None else surroundings()
    if key_file is not None:
        _check_key(project, key_file, where)
        return
    host = where.host()
    if host:
        raise PersonNeeded(
            f"`governance {command}` is a person's, and this runs inside {host}",
            remedy="run it in a terminal of your own, or give `--key FILE`",
        )
    if where.terminal:
        return
    inherited = where.environment.get(KEY_VARIABLE, "")
    if inherited:
        _check_key(project, Path(inherited), where)
        return
    raise PersonNeeded(
        f"`governance {command}` is a person's, and this is no terminal",
        code="GOV602",
        remedy=f"run it in a terminal, or give `--key FILE` or `{KEY_VARIABLE}`",
    )


def require_terminal(command: str) -> None:
    """
    Return quietly if somebody can be asked whether *command* is meant.

    Raises:
        MisuseError: Nobody is there.
    """
    if not os.isatty(0):
        raise MisuseError(
            f"`governance {command}` asks, and nobody is there to answer", remedy="give `--yes`"
        )


def make_key(project: Project) -> Path:
    """
    Make the key of *project* if it has none, and give the file that holds it.

    The key lies in the configuration folder of the person and may be moved anywhere; what
    it is checked against is a digest in the state folder. Neither lies in the project.
    """
    key_file, digest_file = key_path(project), _digest_path(project)
    if digest_file.exists():
        return key_file
    key = secrets.token_urlsafe(32)
    make_private_folder(key_file.parent)
    make_private_folder(digest_file.parent)
    write_whole(key_file, f"{key}\n".encode())
    write_whole(digest_file, f"{_digest(key)}\n".encode())
    return key_file


def remove_key(project: Project) -> None:
    """Forget the key of *project*: its digest, and the key where `make_key` put it."""
    key_path(project).unlink(missing_ok=True)
    _digest_path(project).unlink(missing_ok=True)


def key_path(project: Project) -> Path:
    """Where `make_key` puts the key of *project*."""
    return user_config_directory() / "keys" / f"{project.key}.key"


def _digest_path(project: Project, environment: Mapping[str, str] | None = None) -> Path:
    return project.state_directory(environment) / "key.sha256"


def _digest_in_force(project: Project, where: Surroundings) -> Path:
    """
    The digest that a key of *project* has to meet.

    A project that the person in front of a host has keeps the digest that it has there: an
    agent that names a state folder of its own must not bring its own key along.
    """
    outer = where.started_with()
    if "HOME" in outer:
        theirs = _digest_path(project, outer)
        if theirs.exists():
            return theirs
    return _digest_path(project)


def _check_key(project: Project, key_file: Path, where: Surroundings) -> None:
    digest_file = _digest_in_force(project, where)
    why = ""
    try:
        with open(key_file, encoding="utf-8", opener=plain_file) as stream:
            given = stream.read(_KEY_BYTES_MAX).strip()
        expected = digest_file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        given = expected = ""
        why = f": {error.strerror.lower()}" if isinstance(error, OSError) and error.strerror else ""
    if not expected or not hmac.compare_digest(_digest(given), expected):
        raise PersonNeeded(
            f"`{key_file}` does not hold the key of `{project.directory}`{why}",
            code="GOV603",
            remedy="`governance init` says where it put the key",
        )


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
