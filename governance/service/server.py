"""
The process itself: one socket, a bounded number of connections, and an end.

It listens on a socket in a folder that only its user may enter, under a name made from the
installation, so that two installations do not take each other's calls. It ends when nobody
has asked for any project for long enough, when its installation was changed, when its socket
or folder is no longer its own, and when it is told to.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from queue import SimpleQueue
from typing import Literal, TypeAlias

from attrs import field

from governance import __version__
from governance._attrs import define, frozen
from governance._shipped import shipped_dir
from governance.engine.reloading import mark_of
from governance.hooking.hook_client import (
    SERVED,
    Failed,
    service_folder,
    service_name,
    service_stamp,
    socket_path,
)
from governance.hosts import HOOKED, profile_of
from governance.process_metrics import PROCESS
from governance.service.answering import HEAD_BYTES_MAX, Link, Unfit, answer_hook, peer_of, why_not
from governance.service.projects import Projects
from governance.values import Json, dump_json

CONNECTIONS_MAX = 64
"""Connections at once; who comes then decides by itself."""

WAITING_MAX = 8
"""Threads that wait for the next connection; to start one takes longer than to wake one."""

BACKLOG = 128
TICK_SECONDS = 1.0
FIRST_SECONDS_MAX = 60.0
"""How long a service without any project waits for the first one."""

LEAVE_SECONDS_MAX = 10.0
"""How long an ending service waits for the calls that it is deciding."""

STUCK_SECONDS_MAX = 120.0
"""A connection that takes longer hangs in something, and the process ends at once."""

SOCKET_MODE = 0o600
USAGE = "serve.py [--dir PROJECT] [--path FOLDER]... [--lock NUMBER] [--stay] [--http PORT]"


@frozen
class Options:
    """
    The command line.

    Attributes:
        lock: Number of the open file whose lock the starter took; ``None``: take it here.

        stay: Somebody started it by hand: it does not end for want of calls.

        port: Of loopback, for observations over HTTP; 0: one that is free; ``None``: no such door.
    """

    directory: str = ""
    paths: tuple[str, ...] = ()
    lock: int | None = None
    stay: bool = False
    port: int | None = None


def options_of(words: list[str]) -> Options:
    """
    The options that *words* say.

    Raises:
        Failed: They make no sense.
    """
    directory, lock, stay, port = "", None, False, None
    paths: list[str] = []
    rest = iter(words)
    for word in rest:
        if word == "--stay":
            stay = True
            continue
        value = next(rest, "")
        if word == "--dir" and value.startswith("/"):
            directory = value
        elif word == "--path":
            paths.append(value)
        elif word == "--lock" and value.isdigit():
            lock = int(value)
        elif word == "--http" and value.isdigit():
            port = int(value)
        else:
            raise Failed(f"`{word} {value}` is not understood; {USAGE}")
    return Options(directory, tuple(paths), lock, stay, port)


@define(eq=False)
class Installation:
    """The files that this process runs from; changed ones make it another's."""

    stamp: str
    _marks: dict[str, tuple[int, ...]] = field(factory=dict, init=False)

    def stands(self) -> bool:
        """Whether every file is still as it was when it was first seen."""
        for file in (*_module_files(), *_shipped_files()):
            found = mark_of(file)
            if self._marks.setdefault(file, found) != found:
                return False
        return True


def _module_files() -> tuple[str, ...]:
    names = tuple(name for name in sys.modules if name.partition(".")[0] == "governance")
    found = (getattr(sys.modules.get(name), "__file__", None) for name in names)
    return tuple(one for one in found if one)


def _shipped_files() -> tuple[str, ...]:
    folder = shipped_dir()
    if not isinstance(folder, Path):
        return ()
    return tuple(str(one) for name in ("rules", "states") for one in (folder / name).glob("*.toml"))


Became: TypeAlias = Literal["answered", "told", "left"]
"""What came of a connection: a hook was answered, a question about the service was, or neither."""


@define(eq=False)
class Service:
    """
    One running service.

    Attributes:
        folder: Where its socket is, private.

        name: Of its socket and lock, without an ending.

        door: The file with address and token of its loopback door, where it has one.

        answered, left: Calls of hooks that were answered, and connections that were not.
    """

    folder: Path
    name: str
    projects: Projects
    installation: Installation
    stay: bool = False
    door: Path | None = None
    started: float = field(factory=time.monotonic)
    answered: int = field(default=0, init=False)
    left: int = field(default=0, init=False)
    _open: dict[int, float] = field(factory=dict, init=False)
    _ending: str = field(default="", init=False)
    _inode: int = field(default=0, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)
    _links: SimpleQueue[socket.socket] = field(factory=SimpleQueue, init=False)
    _waiting: int = field(default=0, init=False)

    @property
    def socket_file(self) -> Path:
        """The socket that hooks look for."""
        return self.folder / f"{self.name}.sock"

    def run(self) -> None:
        """Serve until there is a reason to end; the socket is gone afterwards."""
        listener = self._listen()
        try:
            while not self._ending:
                with contextlib.suppress(InterruptedError):
                    if select.select([listener], [], [], TICK_SECONDS)[0]:
                        self._accept(listener)
                        continue
                self._tick()
        finally:
            self._unlink()
            listener.close()
            self._leave()

    def end(self, why: str) -> None:
        """Have it end soon, for the reason *why*."""
        self._ending = self._ending or why

    def _listen(self) -> socket.socket:
        made = self.folder / f"{self.name}.{os.getpid()}"
        made.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        handle = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            listener.bind(socket_path(os.fsencode(self.folder), handle, made.name))
        finally:
            os.close(handle)
        made.chmod(SOCKET_MODE)
        listener.listen(BACKLOG)
        listener.setblocking(False)
        self._inode = made.stat().st_ino
        # Put in place at once: nobody ever meets a socket that nobody listens on yet.
        made.replace(self.socket_file)
        return listener

    def _accept(self, listener: socket.socket) -> None:
        try:
            link, _ = listener.accept()
        except OSError:
            return
        with self._lock:
            full = len(self._open) >= CONNECTIONS_MAX
            if not full:
                self._open[id(link)] = time.monotonic()
        try:
            if not full and peer_of(link).uid == os.geteuid():
                self._hand(link)
                return
        except (OSError, RuntimeError):
            pass  # the peer has gone, or no thread is to be had: its hook decides by itself
        self._closed(link)

    def _hand(self, link: socket.socket) -> None:
        """Give *link* to a thread that waits for one, or to a new one where none does."""
        with self._lock:
            waits = self._waiting > 0
            self._waiting -= waits
        if waits:
            self._links.put(link)
        else:
            threading.Thread(target=self._work, args=(link,), daemon=True).start()

    def _work(self, link: socket.socket) -> None:
        while True:
            self._serve(link)
            with self._lock:
                if self._waiting >= WAITING_MAX:
                    return
                self._waiting += 1
            link = self._links.get()

    def _serve(self, link: socket.socket) -> None:
        link.setblocking(True)
        way = Link(link)
        became: Became = "left"
        try:
            became = self._answer(way)
        except BaseException as error:  # noqa: BLE001 -- the hook decides by itself, whatever it is
            with contextlib.suppress(OSError, Unfit):
                way.send(b"X", why_not(error).encode("utf-8", "replace"))
        finally:
            self._closed(link, became)

    def _closed(self, link: socket.socket, became: Became = "left") -> None:
        with self._lock:
            self._open.pop(id(link), None)
            self.answered += became == "answered"
            self.left += became == "left"
        with contextlib.suppress(OSError):
            link.close()

    def _answer(self, way: Link) -> Became:
        if way.peek() == b"C":
            self._control(way)
            return "told"
        try:
            answer_hook(way, self.projects, self.installation.stamp)
            return "answered"
        except Unfit as error:
            if str(error) == "another installation":
                self.end(str(error))
            raise

    def _control(self, way: Link) -> None:
        asked = way.receive(b"C", HEAD_BYTES_MAX)
        if asked == b"stop":
            self.end("told to")
        elif asked != b"status":
            raise Unfit("no request that is understood")
        way.send(b"A", dump_json(self.status()))

    def status(self) -> Mapping[str, Json]:
        """What `governance serve --status` shows."""
        return {
            "pid": os.getpid(),
            "version": __version__,
            "seconds": int(time.monotonic() - self.started),
            "answered": self.answered,
            "left": self.left,
            "connections": len(self._open),
            "projects": list(self.projects.names()),
            "http": str(self.door or ""),
            "process": PROCESS.as_json(),
        }

    def _tick(self) -> None:
        now = time.monotonic()
        held = self.projects.tick()
        waited = self.projects.begun or now - self.started > FIRST_SECONDS_MAX
        if not held and waited and not self.stay:
            self.end("nobody asks")
        if self.projects.lost:
            self.end("a store was lost")
        if not self._is_mine():
            self.end("its socket is not its own any more")
        if not self.installation.stands():
            self.end("its installation was changed")
        with self._lock:
            oldest = min(self._open.values(), default=now)
        if now - oldest > STUCK_SECONDS_MAX:
            self._unlink()
            os._exit(1)

    def _is_mine(self) -> bool:
        try:
            return self.socket_file.stat().st_ino == self._inode
        except OSError:
            return False

    def _unlink(self) -> None:
        if self._is_mine():
            self.socket_file.unlink(missing_ok=True)

    def _leave(self) -> None:
        until = time.monotonic() + LEAVE_SECONDS_MAX
        while self._open and time.monotonic() < until:
            time.sleep(0.02)
        self.projects.close()


def run(options: Options) -> int:
    """
    Be the service of this installation; 0.

    Raises:
        Failed: There is no place for it, or another one runs.
    """
    _check_system(options)
    os.umask(0o077)
    given = service_folder(dict(os.environb))
    if not given:
        raise Failed("nothing says where the home of this user is")
    folder = Path(os.fsdecode(given))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.stat(follow_symlinks=False)
    if status.st_uid != os.geteuid() or status.st_mode & 0o077 or folder.is_symlink():
        raise Failed(f"`{folder}` must be a folder that this user alone may enter")
    name = service_name(list(options.paths))
    lock = _locked(folder / f"{name}.lock", options.lock)
    os.chdir("/")
    PROCESS.on = True
    tools = tuple(profile_of(host).tools for host in HOOKED)
    service = Service(
        folder, name, Projects(tools), Installation(service_stamp()), stay=options.stay
    )
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: service.end("told to by a signal"))
    if options.directory:
        service.projects.want(Path(options.directory))
    door = None
    try:
        if options.port is not None:
            from governance.service.loopback import open_door

            service.door = folder / f"{name}.http"
            door = open_door(service.projects, options.port, service.door)
        service.run()
    finally:
        if door is not None:
            door.close()
        os.close(lock)
    return 0


def _check_system(options: Options) -> None:
    if not SERVED:
        raise Failed(
            f"`{sys.platform}` does not say who is at the other end of a socket; the service runs"
            " on Linux and macOS, and hooks decide by themselves here"
        )
    if options.port is not None and sys.platform != "linux":
        raise Failed("who calls over loopback can be seen on Linux alone; leave `--http` out")


def _locked(file: Path, given: int | None) -> int:
    """The open lock file: the one that the starter locked, or our own."""
    lock = given if given is not None else os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    os.set_inheritable(lock, False)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        same = os.fstat(lock).st_ino == file.stat().st_ino
    except OSError:
        same = False
    if not same:
        os.close(lock)
        raise Failed("another service of this installation runs already")
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    return lock
