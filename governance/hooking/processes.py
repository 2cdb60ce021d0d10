"""
The processes above one, as far as Linux shows them; elsewhere there are none to see.

An agent can change the environment of what it starts, and replace its own shell by a
program with another environment. It cannot change the client that started that shell.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from attrs import field, frozen

ANCESTORS_MAX = 64
ENVIRONMENT_BYTES_MAX = 4_000_000
COMMAND_BYTES_MAX = 8_192
INTERPRETERS = ("node", "nodejs", "bun", "deno", "python", "sh", "bash")
"""Programs whose first word is the program that is meant."""


@frozen
class Process:
    """
    One process as it stands in ``/proc``.

    Attributes:
        programs: What it may be called: its own title, its file, the first word of its
            command line and the script of an interpreter, each without a folder.

        environment: The variables that its program was started with; empty when another
            user's.
    """

    pid: int
    programs: frozenset[str]
    environment: Mapping[str, str] = field(repr=False)


def processes_above(pid: int) -> Iterator[Process]:
    """The process *pid* and those that it descends from, nearest first."""
    for _ in range(ANCESTORS_MAX):
        # Process 1 of a container may well be the client.
        if pid < 1:
            return
        home = f"/proc/{pid}"
        stat = os.fsdecode(_read(f"{home}/stat", COMMAND_BYTES_MAX))
        # The title of a program may hold spaces and brackets: count after the last one.
        before, bracket, after = stat.rpartition(")")
        rest = after.split()
        if not bracket or len(rest) < 2 or not rest[1].isdigit():
            return
        title = before.partition("(")[2]
        yield Process(pid, _programs(home, title), _environment(home))
        pid = int(rest[1])


def _programs(home: str, title: str) -> frozenset[str]:
    words = os.fsdecode(_read(f"{home}/cmdline", COMMAND_BYTES_MAX)).split("\0")
    try:
        file = os.readlink(f"{home}/exe")  # noqa: PTH115 -- on the hook's path
    except OSError:
        file = ""  # another user's process
    named = [title, _base(file.removesuffix(" (deleted)")), _base(words[0])]
    if len(words) > 1 and _base(words[0]).rstrip("0123456789.") in INTERPRETERS:
        named.append(_base(words[1]))
    return frozenset(named) - {""}


def _base(path: str) -> str:
    return os.path.basename(path)  # noqa: PTH119 -- on the hook's path


def environment_of(pid: int) -> Mapping[str, str]:
    """The variables that the program of *pid* was started with; empty when it is not ours."""
    return _environment(f"/proc/{pid}")


def _environment(home: str) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for entry in _read(f"{home}/environ", ENVIRONMENT_BYTES_MAX).split(b"\0"):
        name, sign, value = entry.partition(b"=")
        if sign:
            found.setdefault(os.fsdecode(name), os.fsdecode(value))
    return found


def _read(file: str, bytes_max: int) -> bytes:
    try:
        with open(file, "rb") as stream:  # noqa: PTH123 -- on the hook's path
            return stream.read(bytes_max)
    except OSError:
        return b""  # gone, or another user's: no agent of ours started it
