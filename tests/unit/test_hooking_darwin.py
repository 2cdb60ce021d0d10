"""What macOS says of processes and peers, read from the bytes that its kernel gives."""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from attrs import frozen

from governance.hooking import hook_client, hook_darwin
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

    words = ("python3", "/x/hook.py")
    assert hook == Process(7, frozenset({"hook", "python3", "hook.py"}), {"A": "b=c"}, words)
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


# -- the system's functions, called as its headers declare them ---------------------------------

ARGUMENTS = arguments("/usr/bin/python3", ["python3", "/x/hook.py"], ["A=b"])


def library(answers: dict[str, bytes]) -> SimpleNamespace:
    """
    Functions of C with the signatures of the headers, which answer for process 7 alone.

    A call whose arguments are of other types, or in another order, is an error here too.
    """
    number, size, room = ctypes.c_int, ctypes.c_size_t, ctypes.c_void_p
    names, sizes = ctypes.POINTER(number), ctypes.POINTER(size)

    def sysctl(name: Any, count: int, old: int, length: Any, new: int | None, _: int) -> int:
        data = answers.get("arguments", b"")
        asked = tuple(name[one] for one in range(count))
        # The kernel gives nothing where the room is too small for all of it.
        if asked != (1, 49, 7) or new is not None or not 0 < len(data) <= length[0]:
            return -1
        ctypes.memmove(old, data, len(data))
        length[0] = len(data)
        return 0

    def proc_pidinfo(pid: int, flavor: int, argument: int, buffer: int, bytes_max: int) -> int:
        data = answers.get("about", b"")
        if (pid, flavor, argument) != (7, 3, 0) or len(data) > bytes_max:
            return 0
        ctypes.memmove(buffer, data, len(data))
        return len(data)

    def proc_pidpath(pid: int, buffer: int, bytes_max: int) -> int:
        data = answers.get("path", b"")
        if pid != 7 or len(data) > bytes_max:
            return 0
        ctypes.memmove(buffer, data, len(data))
        return len(data)

    signed: dict[Callable[..., int], Any] = {
        sysctl: ctypes.CFUNCTYPE(number, names, ctypes.c_uint, room, sizes, room, size),
        proc_pidinfo: ctypes.CFUNCTYPE(number, number, number, ctypes.c_uint64, room, number),
        proc_pidpath: ctypes.CFUNCTYPE(number, number, room, ctypes.c_uint32),
    }
    return SimpleNamespace(**{one.__name__: kind(one) for one, kind in signed.items()})


def test_kernel_asks_as_the_headers_say() -> None:
    """What the system's functions write is what is given on, to the byte."""
    kernel = hook_darwin.Kernel(
        library({"arguments": ARGUMENTS, "about": about(5), "path": CLIENT.encode()})
    )

    assert kernel.arguments(7) == ARGUMENTS
    assert kernel.about(7) == about(5)
    assert kernel.path(7) == CLIENT.encode()


def test_kernel_that_gives_no_answer() -> None:
    """Of another user's process, of one that is gone, and where there is no room: nothing."""
    long = b"\1\0\0\0" + b"x" * hook_darwin.ARGUMENTS_BYTES_MAX
    kernel = hook_darwin.Kernel(library({"arguments": long, "about": about(5)[:-1]}))

    for pid in (7, 8):
        assert (kernel.arguments(pid), kernel.about(pid), kernel.path(pid)) == (b"", b"", b"")


# -- the hook's client there --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("user", "file", "words", "ours"),
    [
        ("me", sys.executable, ("-I", "-S", hook_client.service_script()), True),
        ("other", sys.executable, ("-I", "-S", hook_client.service_script()), False),
        ("me", "/bin/sh", ("-I", "-S", hook_client.service_script()), False),
        ("me", sys.executable, ("-I", "-S", "/tmp/serve.py"), False),
        ("me", sys.executable, (hook_client.service_script(),), False),
        ("me", "", (), False),
    ],
    ids=["ours", "another user", "another program", "another script", "other words", "hidden"],
)
def test_only_our_own_service_is_asked(
    monkeypatch: pytest.MonkeyPatch, user: str, file: str, words: tuple[str, ...], ours: bool
) -> None:
    """On a Mac too a hook gives its payload to this user's service by this interpreter alone."""

    class System:
        def arguments(self, pid: int) -> bytes:
            return arguments(file, [sys.executable, *words], []) if pid == 4711 else b""

        def path(self, pid: int) -> bytes:
            return {4711: file, os.getpid(): sys.executable}[pid].encode()

    monkeypatch.setattr(hook_client, "DARWIN", True)
    module = hook_client._beside("hook_darwin")
    monkeypatch.setattr(module, "Kernel", System)
    uid = os.geteuid() + (user == "other")
    credentials = struct.pack("=IIh", 0, uid, 1).ljust(76, b"\0")

    link = Link(credentials, (4711).to_bytes(4, sys.byteorder))
    assert hook_client._is_ours(link) is ours  # type: ignore[arg-type]
    assert hook_client.socket_path(b"/place", 3, "name") == b"/place/name"
