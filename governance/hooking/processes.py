"""
The processes above one, as far as Linux and macOS show them; elsewhere there are none to see.

An agent can change the environment of what it starts, and replace its own shell by a
program with another environment. It cannot change the client that started that shell.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING

from attrs import field

from governance._attrs import frozen

if TYPE_CHECKING:
    from governance.hooking.hook_darwin import Kernel

ANCESTORS_MAX = 64
ENVIRONMENT_BYTES_MAX = 4_000_000
COMMAND_BYTES_MAX = 8_192
_CHUNK_BYTES = 1 << 16
INTERPRETERS = ("node", "nodejs", "bun", "deno", "python", "sh", "bash")
"""Programs whose first word is the program that is meant."""


@frozen
class Process:
    """
    One process as the system shows it.

    Attributes:
        programs: What it may be called: its own title, its file, the first word of its
            command line and the script of an interpreter, each without a folder.

        environment: The variables that its program was started with; empty when another
            user's.

        words: Its command line, the program first, cut at `COMMAND_BYTES_MAX`.
    """

    pid: int
    programs: frozenset[str]
    environment: Mapping[str, str] = field(repr=False)
    words: tuple[str, ...] = field(default=(), repr=False)


Look = Callable[[int], tuple[Process, int] | None]
"""One process by its number, and the number of the one that started it; ``None``: it is gone."""


def processes_above(pid: int, look: Look | None = None) -> Iterator[Process]:
    """The process *pid* and those that it descends from, nearest first, as *look* sees them."""
    see = look or (darwin_look if sys.platform == "darwin" else _linux_look)
    for _ in range(ANCESTORS_MAX):
        # Process 1 of a container may well be the client.
        found = see(pid) if pid >= 1 else None
        if found is None:
            return
        process, pid = found
        yield process


def _linux_look(pid: int) -> tuple[Process, int] | None:
    home = f"/proc/{pid}"
    stat = os.fsdecode(_read(f"{home}/stat", COMMAND_BYTES_MAX))
    # The title of a program may hold spaces and brackets: count after the last one.
    before, bracket, after = stat.rpartition(")")
    rest = after.split()
    if not bracket or len(rest) < 2 or not rest[1].isdigit():
        return None
    try:
        file = os.readlink(f"{home}/exe")  # noqa: PTH115 -- on the hook's path
    except OSError:
        file = ""  # another user's process
    words = os.fsdecode(_read(f"{home}/cmdline", COMMAND_BYTES_MAX)).split("\0")
    programs = _programs(before.partition("(")[2], file.removesuffix(" (deleted)"), words)
    variables = _variables(_read(f"{home}/environ", ENVIRONMENT_BYTES_MAX))
    return Process(pid, programs, variables, tuple(words)), int(rest[1])


def darwin_look(pid: int, kernel: Kernel | None = None) -> tuple[Process, int] | None:
    """As macOS shows it; it keeps the variables of the system's own programs to itself."""
    from governance.hooking import hook_darwin

    asked = kernel or _kernel()
    about = asked.about(pid)
    if not about:
        return None
    told, variables = hook_darwin.arguments_in(asked.arguments(pid))
    words = [os.fsdecode(one) for one in told]
    file = os.fsdecode(asked.path(pid))
    programs = _programs(os.fsdecode(hook_darwin.title_in(about)), file, words or [""])
    found = Process(pid, programs, _variables(b"\0".join(variables)), tuple(words))
    return found, hook_darwin.parent_in(about)


@cache
def _kernel() -> Kernel:
    from governance.hooking.hook_darwin import Kernel

    return Kernel()


def _programs(title: str, file: str, words: list[str]) -> frozenset[str]:
    named = [title, _base(file), _base(words[0])]
    if len(words) > 1 and _base(words[0]).rstrip("0123456789.") in INTERPRETERS:
        named.append(_base(words[1]))
    return frozenset(named) - {""}


def _base(path: str) -> str:
    return os.path.basename(path)  # noqa: PTH119 -- on the hook's path


def _variables(told: bytes) -> Mapping[str, str]:
    found: dict[str, str] = {}
    # Decoded once as a whole: a zero is part of no other sign.
    for entry in os.fsdecode(told).split("\0"):
        name, sign, value = entry.partition("=")
        if sign:
            found.setdefault(name, value)
    return found


def _read(file: str, bytes_max: int) -> bytes:
    # Without the layers of a file object: a hook reads some twenty of these.
    try:
        handle = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""  # gone, or another user's: no agent of ours started it
    try:
        data = chunk = os.read(handle, min(_CHUNK_BYTES, bytes_max))
        while chunk and len(data) < bytes_max:
            chunk = os.read(handle, min(_CHUNK_BYTES, bytes_max - len(data)))
            data += chunk
        return data
    except OSError:
        return b""
    finally:
        os.close(handle)
