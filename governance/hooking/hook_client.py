"""
The hook as it is run each time: hand the payload to the local service, write what it answers.

Where no service is, or none that can be relied upon, or it gives up, `hook_alone.py` beside
this file decides in processes of its own: a service that is gone, hung or replaced costs time
and changes no answer. Where nothing can decide, that file refuses in the host's own shape.

This runs before every tool call: it imports neither `json` nor `re` nor anything of the
engine, and takes the system's calls from where `os` has them. What is said to a service is
frames: one byte for the kind, four for the size, and the body.
"""

import _imp
import _signal  # type: ignore[import-not-found]  # `signal` would load `enum`
import posix
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket
    from types import FrameType
    from typing import Any, NoReturn

USAGE = (
    "usage: hook.py --host NAME --dir PROJECT [--event NAME] [--path FOLDER]... [--now-ms N]"
    " [--call ID] [--home FOLDER --config FOLDER --state FOLDER]"
)
PAYLOAD_BYTES_MAX = 16 * 1024 * 1024
FRAME_BYTES_MAX = 64 * 1024 * 1024
FIRST_WORD_SECONDS_MAX = 1.0
"""How long the service may take to say that it has the payload, before others decide."""

DEADLINE_MS = 20_000
"""Of the whole hook, until it is told the project's own."""

SHARE_MAX = 0.5
"""Of the deadline, how much a service that decides may use up; the rest is for deciding here."""

SWITCH = b"GOVERNANCE_SERVICE"
"""``off`` in the environment of a host keeps its hooks from the service."""

DARWIN = sys.platform == "darwin"
SERVED = DARWIN or sys.platform == "linux"
"""Systems that say who is at the other end of a socket; elsewhere there is no service."""

ANSWERED = (b"A", b"D")
"""The service's answer; ``D`` carries a text that counts as told once it was written out."""

HEARD = b"H"
"""A service may have the payload, and others must decide on it, by the same name."""

STOPPING = (1, 2, 15)
"""SIGHUP, SIGINT and SIGTERM."""


class Failed(Exception):
    """There is no answer; the text says why, and is all that needs to be said."""

    plain = True


CALL_CHARS_MAX = 64
SHOWN_CHARS_MAX = 100
NOW_DIGITS_MAX = 14
"""Of the time that a replay is told, in milliseconds: up to the year 5138."""


class Options:
    """
    The command line: which host calls, where the project is and which event this is.

    ``call`` is what a service may have taken this very payload by already, from another
    process that gave up on it; it is not asked again. ``stopped_by`` is the signal that told
    this one to stop, or 0. ``home``, ``config`` and ``state`` are where `init` found a
    person's files; ``""``: nobody wrote that down.
    """

    def __init__(self, words: list[str]) -> None:
        self.host = ""
        self.dir = ""
        self.event = ""
        self.paths: list[str] = []
        self.now_ms: int | None = None
        self.call = ""
        self.stopped_by = 0
        self.home = self.config = self.state = ""
        rest = iter(words)
        for word in rest:
            value = next(rest, "")
            if word == "--host":
                self.host = value
            elif word == "--dir":
                self.dir = value
            elif word == "--event":
                self.event = value
            elif word == "--path":
                self.paths.append(value)
            elif word == "--home":
                self.home = value
            elif word == "--config":
                self.config = value
            elif word == "--state":
                self.state = value
            elif word == "--now-ms" and is_moment(value):
                self.now_ms = int(value)
            elif word == "--call" and value.isalnum() and len(value) <= CALL_CHARS_MAX:
                self.call = value
            else:
                told = f"{word} {value}"[:SHOWN_CHARS_MAX]
                raise Failed(f"`{told}` is not understood; {USAGE}")
        if not self.dir.startswith("/"):
            raise Failed(f"`--dir` needs the absolute path of the project; {USAGE}")
        if not self.host:
            raise Failed(f"`--host` needs the name of a host; {USAGE}")


def is_moment(value: str) -> bool:
    """Whether *value* is milliseconds since 1970, of a year that a calendar can have."""
    return value.isdecimal() and len(value) <= NOW_DIGITS_MAX


def main(words: list[str]) -> int:
    """Answer one hook; the exit code. Raises only where nothing is left to refuse with."""
    try:
        started = time.monotonic()
        for one in STOPPING:
            _signal.signal(one, _stop)
        options = Options(words)
        for one in STOPPING:
            _signal.signal(one, lambda number, _: alone().told_to_stop(options, number))
        data = read_input(PAYLOAD_BYTES_MAX)
        call = options.call
        served = posix.environ.get(SWITCH) != b"off"
        # A service started with other places of a person would go on with them for others.
        served = served and not is_elsewhere(options, posix.environ)
        if served and not call:
            call = new_call()
            kind, out, link = ask_service(options, data, call, started)
            if kind in ANSWERED:
                if out and options.stopped_by:
                    alone().require_reader(options)
                _written(out)
                if kind == b"D":
                    report(link, started)
                return 0
            if kind != HEARD:
                call = ""
        code, wants_service = alone().supervise(options, data, call, started)
    except BaseException as error:  # noqa: BLE001 -- a host runs the tool on a traceback
        return int(alone().refuse(words, error))
    if wants_service and served and SERVED:
        _start(options)
    return int(code)


def _stop(number: int, _: "FrameType | None") -> "NoReturn":
    # Being told to stop is a failure like any other: it must end in an answer.
    raise Failed(f"the hook was stopped by signal {number}")


def alone() -> "Any":
    """`hook_alone.py`, which decides without a service, or refuses."""
    return _beside("hook_alone")


def _beside(name: str) -> "Any":
    """A module from beside this file, without its package: that may be broken."""
    folder = _folder()
    sys.path.insert(0, folder)
    try:
        return __import__(name)
    finally:
        sys.path.remove(folder)


def read_input(bytes_max: int) -> bytes:
    """Standard input up to *bytes_max* and something more; the rest is read away."""
    data = posix.read(0, 1 << 16)
    if not data:
        return data
    kept = [data]
    size = len(data)
    while data := posix.read(0, 1 << 16):
        if size <= bytes_max:
            kept.append(data)
            size += len(data)
    return b"".join(kept)


# -- the service -------------------------------------------------------------------------


def is_elsewhere(options: Options, environment: "dict[bytes, bytes]") -> bool:
    """Whether *environment* has a person's files elsewhere than `init` wrote down."""
    if not options.state:
        return False
    home = environment.get(b"HOME", b"")
    found = (
        home,
        _below(environment.get(b"XDG_CONFIG_HOME", b""), home + b"/.config"),
        _below(environment.get(b"XDG_STATE_HOME", b""), home + b"/.local/state"),
    )
    pinned = (options.home, options.config, options.state)
    return found != tuple([one.encode("utf-8", "surrogateescape") for one in pinned])


def _below(given: bytes, default: bytes) -> bytes:
    return (given if given.startswith(b"/") else default).rstrip(b"/") + b"/session-governance"


def service_folder(environment: "dict[bytes, bytes]") -> bytes:
    """The private folder of the person's services, or ``b""`` where there is no home."""
    given = environment.get(b"XDG_STATE_HOME", b"")
    if not given.startswith(b"/"):
        home = environment.get(b"HOME", b"")
        given = home + b"/.local/state" if home.startswith(b"/") else b""
    return given and given + b"/session-governance/service"


def service_name(paths: list[str]) -> str:
    """What the service of this very installation is called, without an ending."""
    told = "\0".join((_folder(), sys.executable, *paths))
    return _imp.source_hash(0, told.encode("utf-8", "surrogateescape")).hex()


def service_stamp() -> str:
    """A text that differs once this installation was replaced by another one."""
    status = posix.stat(__file__)
    return f"{status.st_ino}.{status.st_size}.{status.st_mtime_ns}"


def _folder() -> str:
    return __file__.rpartition("/")[0]


def new_call() -> str:
    """A name for one payload that nobody else gives to another one."""
    return posix.urandom(12).hex()


def ask_service(
    options: Options, data: bytes, call: str, started: float
) -> "tuple[bytes, bytes, socket | None]":
    """
    What the service says to *data*, which it knows as *call*: kind, answer and connection.

    The kind is `ANSWERED`, or `HEARD` where it may have the payload and gave no answer, or
    ``b""`` where none can have heard of it. The connection is open only with ``b"D"``: then
    the text counts as told once `report` says so.
    """
    from _socket import AF_UNIX, SOCK_STREAM, socket

    elsewhere = is_elsewhere(options, posix.environ)
    if len(data) > PAYLOAD_BYTES_MAX or not SERVED or elsewhere:
        return b"", b"", None
    place = service_folder(posix.environ)
    try:
        folder = posix.open(place, posix.O_RDONLY | posix.O_DIRECTORY | posix.O_NOFOLLOW)
    except OSError:
        return b"", b"", None
    heard = b""
    # Python lets no program that is started have it.
    link = socket(AF_UNIX, SOCK_STREAM)
    try:
        link.settimeout(FIRST_WORD_SECONDS_MAX)
        status = posix.fstat(folder)
        if status.st_uid != posix.geteuid() or status.st_mode & 0o077:
            raise ValueError("others may enter the folder")
        link.connect(socket_path(place, folder, f"{service_name(options.paths)}.sock"))
        if not _is_ours(link):
            raise ValueError("another program listens")
        at = "" if options.now_ms is None else str(options.now_ms)
        fields = (service_stamp(), call, options.host, options.event, options.dir, at)
        told = "\0".join(fields).encode("utf-8", "surrogateescape")
        heard = HEARD
        link.sendall(frame(b"Q", told) + frame(b"P", data))
        kind, out = _waited(link, started)
    except (OSError, ValueError):
        kind, out = b"", b""
    finally:
        posix.close(folder)
    if kind == b"D":
        return kind, out, link
    link.close()
    return kind or heard, out, None


def socket_path(place: bytes, folder: int, name: str) -> bytes:
    """
    What to call *name* in the folder *place*, which is open as *folder*.

    Through the open folder where the system has names for that: it is the one that was
    looked at, and no path is too long for a socket.
    """
    told = place if DARWIN else b"/proc/self/fd/%d" % folder
    return told + b"/" + name.encode()


def peer_of(link: "socket") -> tuple[int, int]:
    """
    Process and user at the other end of *link*, as the system says; its word is never asked.

    Raises:
        OSError: The system does not say.
    """
    if DARWIN:
        pid, user = _beside("hook_darwin").peer_of(link)
        return int(pid), int(user)
    told = link.getsockopt(1, 17, 12)  # SOL_SOCKET, SO_PEERCRED: pid, uid, gid
    return int.from_bytes(told[:4], sys.byteorder), int.from_bytes(told[4:8], sys.byteorder)


def _program_of(pid: int) -> tuple[bytes, bytes]:
    """The file that *pid* runs, and the start of its command line, each word ended by a zero."""
    if DARWIN:
        file, words = _beside("hook_darwin").program_of(pid)
        return bytes(file), bytes(words)
    command = posix.open(f"/proc/{pid}/cmdline", posix.O_RDONLY)
    try:
        words = posix.read(command, 4096)
    finally:
        posix.close(command)
    return posix.readlink(b"/proc/%d/exe" % pid), words


def _is_ours(link: "socket") -> bool:
    """Whether who listens runs as this user, this interpreter and our own script."""
    pid, user = peer_of(link)
    if user != posix.geteuid():
        return False
    expected = "\0".join((sys.executable, "-I", "-S", service_script(), ""))
    file, words = _program_of(pid)
    own, _ = _program_of(posix.getpid())
    return (
        bool(file) and file == own and words.startswith(expected.encode("utf-8", "surrogateescape"))
    )


def service_script() -> str:
    """The script that the service is run from."""
    return _folder().rpartition("/")[0] + "/service/serve.py"


def _start(options: Options) -> None:
    """Start the service for the calls to come; the answer is out, and nothing may fail now."""
    try:
        folder = service_folder(posix.environ).decode("utf-8", "surrogateescape")
        if folder:
            words = [sys.executable, "-I", "-S", service_script()]
            # What is replayed is opened for a call, at its time.
            words += ["--dir", options.dir] if options.now_ms is None else []
            words += [word for path in options.paths for word in ("--path", path)]
            alone().start_service(folder, service_name(options.paths), words)
    except BaseException:  # noqa: BLE001 -- see above
        return


def frame(kind: bytes, body: bytes) -> bytes:
    """*body* as one frame of *kind*."""
    return kind + len(body).to_bytes(4, "big") + body


def _waited(link: "socket", started: float) -> tuple[bytes, bytes]:
    """The kind and the text of the answer; the kind is ``b""`` where we must decide."""
    until = time.monotonic() + FIRST_WORD_SECONDS_MAX
    held = b""
    while True:
        while len(held) >= 5 and len(held) >= 5 + (size := int.from_bytes(held[1:5], "big")):
            kind, body, held = held[:1], held[5 : 5 + size], held[5 + size :]
            if kind in b"AD":
                return kind, body
            if kind not in b"GT":
                return b"", b""
            deadline_ms = int(body) if kind == b"T" else DEADLINE_MS
            until = started + deadline_ms / 1000 * SHARE_MAX
        left = until - time.monotonic()
        if left <= 0:
            return b"", b""
        link.settimeout(left)
        chunk = link.recv(1 << 16)
        if not chunk or len(held) > FRAME_BYTES_MAX:
            return b"", b""
        held += chunk


def _written(out: bytes) -> None:
    # From here on an answer is on its way: half of one, or two, would be none.
    for one in STOPPING:
        _signal.signal(one, _signal.SIG_IGN)
    while out:
        out = out[posix.write(1, out) :]


def report(link: "socket | None", started: float) -> None:
    """Say on *link* that the text was delivered, and wait until that was written down."""
    if link is None:
        return
    try:
        link.settimeout(max(started + DEADLINE_MS / 1000 - time.monotonic(), 0.001))
        link.sendall(b"k")
        while link.recv(64):
            pass
    except OSError:
        return
