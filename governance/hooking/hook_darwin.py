"""
What macOS says of processes, and of who is at the other end of a socket; Linux has `/proc`.

Numbers and layouts are those of Apple's headers: `sys/un.h` and `sys/ucred.h` for sockets,
`sys/sysctl.h` and `sys/proc_info.h` for processes. What asks the system is `Kernel`, and all
else reads the bytes that it gives. The hook's client loads this file by itself, as it does
`hook_alone`.
"""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    class Link(Protocol):
        """A connection, as far as it is asked about its other end."""

        def getsockopt(self, level: int, option: int, size: int, /) -> bytes: ...


SOL_LOCAL = 0
LOCAL_PEERCRED = 1
LOCAL_PEERPID = 2
PEER_BYTES = 76
"""A ``struct xucred``: version, user, and up to 16 groups."""

CTL_KERN = 1
KERN_PROCARGS2 = 49
PROC_PIDTBSDINFO = 3
ABOUT_BYTES = 136
"""A ``struct proc_bsdinfo``."""

PARENT_AT = 16
TITLE_AT = 64
TITLE_BYTES = 32
ARGUMENTS_BYTES_MAX = 1 << 20
PATH_BYTES_MAX = 4096


class Kernel:
    """
    The three questions that are put to the system; ``b""`` where it gives no answer.

    It says nothing of another user's processes, and not the variables of programs that the
    system protects.

    Args:
        library: The system's functions; by default those of this process.
    """

    def __init__(self, library: "Any" = None) -> None:
        import ctypes

        self._ctypes = ctypes
        self._library = library or ctypes.CDLL(None, use_errno=True)
        number, size, room = ctypes.c_int, ctypes.c_size_t, ctypes.c_void_p
        names, sizes = ctypes.POINTER(number), ctypes.POINTER(size)
        self._library.sysctl.argtypes = (names, ctypes.c_uint, room, sizes, room, size)
        self._library.proc_pidinfo.argtypes = (number, number, ctypes.c_uint64, room, number)
        self._library.proc_pidpath.argtypes = (number, room, ctypes.c_uint32)

    def arguments(self, pid: int) -> bytes:
        """File, command line and variables of *pid*, as `arguments_in` reads them."""
        name = (self._ctypes.c_int * 3)(CTL_KERN, KERN_PROCARGS2, pid)
        made = self._ctypes.create_string_buffer(ARGUMENTS_BYTES_MAX)
        size = self._ctypes.c_size_t(ARGUMENTS_BYTES_MAX)
        failed = self._library.sysctl(name, 3, made, self._ctypes.byref(size), None, 0)
        return b"" if failed else made.raw[: size.value]

    def about(self, pid: int) -> bytes:
        """The ``struct proc_bsdinfo`` of *pid*."""
        made = self._ctypes.create_string_buffer(ABOUT_BYTES)
        size = self._library.proc_pidinfo(pid, PROC_PIDTBSDINFO, 0, made, ABOUT_BYTES)
        return made.raw if size == ABOUT_BYTES else b""

    def path(self, pid: int) -> bytes:
        """The file that *pid* runs."""
        made = self._ctypes.create_string_buffer(PATH_BYTES_MAX)
        size = self._library.proc_pidpath(pid, made, PATH_BYTES_MAX)
        return made.raw[:size] if size > 0 else b""


def peer_of(link: "Link") -> tuple[int, int]:
    """
    Process and user at the other end of *link*.

    Raises:
        OSError: The system does not say.
    """
    told = link.getsockopt(SOL_LOCAL, LOCAL_PEERCRED, PEER_BYTES)
    pid = link.getsockopt(SOL_LOCAL, LOCAL_PEERPID, 4)
    if len(told) < 8 or _number(told, 0) != 0 or len(pid) != 4:
        raise OSError("who is at the other end is not told")
    return _number(pid, 0), _number(told, 4)


def arguments_in(data: bytes) -> tuple[list[bytes], list[bytes]]:
    """
    The command line and the variables in *data*: both empty where it makes no sense.

    A number of words, the file, zeros up to a boundary, the words, and the variables up to
    an empty one.
    """
    if len(data) < 4:
        return [], []
    count = _number(data, 0)
    _, found, rest = data[4:].partition(b"\0")
    texts = rest.lstrip(b"\0").split(b"\0")
    if not found or count > len(texts):
        return [], []
    variables = texts[count:]
    return texts[:count], variables[: variables.index(b"")] if b"" in variables else variables


def parent_in(about: bytes) -> int:
    """The process that started the one of *about*; 0 where there is none to see."""
    return _number(about, PARENT_AT) if len(about) == ABOUT_BYTES else 0


def title_in(about: bytes) -> bytes:
    """What the process of *about* calls itself."""
    return about[TITLE_AT : TITLE_AT + TITLE_BYTES].partition(b"\0")[0]


def program_of(pid: int, kernel: "Any" = None) -> tuple[bytes, bytes]:
    """The file that *pid* runs, and its command line, each word ended by a zero."""
    asked = kernel or Kernel()
    words, _ = arguments_in(asked.arguments(pid))
    return asked.path(pid), b"".join(word + b"\0" for word in words)


def _number(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4], sys.byteorder)
