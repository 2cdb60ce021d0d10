"""What macOS says of processes and peers, read from the bytes that its kernel gives."""

from __future__ import annotations

import struct
import sys

import pytest
from attrs import frozen

from governance.hooking import hook_darwin
from governance.hooking.processes import Process, darwin_look, processes_above

CLIENT = "/Applications/Some Client.app/Contents/MacOS/client"


def about(parent: int, title: bytes = b"zsh") -> bytes:
    """A ``struct proc_bsdinfo``, field by field as the header has it."""
    numbers = struct.pack("=12I", 0, 2, 0, 1, parent, 501, 20, 501, 20, 501, 20, 0)
    names = title.ljust(16, b"\0")[:16] + title.ljust(32, b"\0")
    return numbers + names + struct.pack("=5IiQQ", 3, 1, 0, 0, 0, 0, 0, 0)


def arguments(file: str, words: list[str], variables: list[str]) -> bytes:
    """What ``KERN_PROCARGS2`` gives: the number of words, the file, zeros, words, variables."""
    texts = [*words, *variables, "", "ptr_munge="]
    head = struct.pack("=i", len(words)) + file.encode() + b"\0" * 5
    return head + b"\0".join(one.encode() for one in texts) + b"\0"


@frozen
class Kernel:
    """A system of three processes: the client, its shell, and a hook below that."""

    def about(self, pid: int) -> bytes:
        return {7: about(5, b"hook"), 5: about(3), 3: about(1, b"client")}.get(pid, b"")

    def arguments(self, pid: int) -> bytes:
        return {
            7: arguments("/usr/bin/python3", ["python3", "/x/hook.py"], ["A=b=c", "A=later"]),
            5: arguments("/bin/zsh", ["-zsh"], []),
        }.get(pid, b"")

    def path(self, pid: int) -> bytes:
        return {7: b"/usr/bin/python3", 5: b"/bin/zsh", 3: CLIENT.encode()}.get(pid, b"")


@frozen
class Link:
    """A connection whose other end is what the system says."""

    credentials: bytes
    pid: bytes

    def getsockopt(self, level: int, option: int, size: int, /) -> bytes:
        assert (level, size) == (0, {1: 76, 2: 4}[option])
        return self.credentials if option == 1 else self.pid


def test_ancestors_are_seen() -> None:
    """From the hook up to the client, by title, file and words; the first process is not shown."""
    system = Kernel()

    hook, shell, client = processes_above(7, lambda pid: darwin_look(pid, system))  # type: ignore[arg-type]

    assert hook == Process(7, frozenset({"hook", "python3", "hook.py"}), {"A": "b=c"})
    assert shell.programs == {"zsh", "-zsh"}
    assert client.programs == {"client"}
    assert client.environment == {}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\1\0\0",
        struct.pack("=i", 3) + b"/bin/sh\0\0sh\0",
        struct.pack("=i", 1) + b"/bin/sh",
        b"\xff" * 40,
    ],
)
def test_arguments_without_sense_are_none(data: bytes) -> None:
    """What is cut off or of another shape names no word and no variable."""
    assert hook_darwin.arguments_in(data) == ([], [])


def test_peer_is_told_by_the_system() -> None:
    """The user is the one of the credentials, the process the one of the socket."""
    credentials = struct.pack("=IIh", 0, 501, 1).ljust(76, b"\0")
    link = Link(credentials, (4711).to_bytes(4, sys.byteorder))
    assert hook_darwin.peer_of(link) == (4711, 501)


@pytest.mark.parametrize(
    ("credentials", "pid"),
    [(b"", b"\1\0\0\0"), (struct.pack("=II", 1, 501), b"\1\0\0\0"), (b"\0" * 76, b"")],
    ids=["nothing", "another version", "no process"],
)
def test_peer_of_another_shape_is_refused(credentials: bytes, pid: bytes) -> None:
    """Credentials that are not understood name nobody."""
    with pytest.raises(OSError, match="not told"):
        hook_darwin.peer_of(Link(credentials, pid))


def test_program_is_its_file_and_its_words() -> None:
    """As the hook's client compares them with what the service must be."""
    assert hook_darwin.program_of(7, Kernel()) == (b"/usr/bin/python3", b"python3\0/x/hook.py\0")
