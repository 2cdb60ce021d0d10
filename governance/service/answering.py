"""
One connection of a hook: whose it is, what it asks, and what it is answered.

Whatever goes wrong here is left to the hook, which then decides by itself: the service says
yes or no only as an engine decided.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import field

from governance._attrs import define, frozen
from governance.errors import GovernanceError
from governance.hooking import hook_client
from governance.hooking.hook_alone import log
from governance.hooking.hook_client import PAYLOAD_BYTES_MAX, frame
from governance.hooking.processes import processes_above
from governance.hooking.worker import Call, answer
from governance.hosts import adapter_of
from governance.rules.moved import MOVED

if TYPE_CHECKING:
    from governance.engine import Engine
    from governance.service.projects import Held, Projects

HEAD_BYTES_MAX = 16_384
READ_SECONDS_MAX = 2.0
"""How long a request may take to arrive; slower ones are dropped."""

WRITE_SECONDS_MAX = 5.0
ACK_SECONDS_MAX = 30.0
"""How long a hook may take to write an answer out; then its text does not count as told."""

FIELDS = 6
VARIABLES = ("HOME", "XDG_CACHE_HOME", *MOVED)
"""What says where a person's files are: a hook with others is not ours to answer."""


class Unfit(Exception):
    """The request is not one that is answered here; the hook decides by itself."""


class Gone(Unfit):
    """The other end has closed the connection."""


@frozen
class Peer:
    """Who is at the other end of a connection, as the system says."""

    pid: int
    uid: int


def peer_of(link: socket.socket) -> Peer:
    """Who made this connection; its own word is never asked."""
    return Peer(*hook_client.peer_of(link))


@define(eq=False)
class Link:
    """Frames over one connection, within a time."""

    socket: socket.socket
    _until: float = field(init=False)
    _held: bytearray = field(factory=bytearray, init=False)

    def __attrs_post_init__(self) -> None:
        self.within(READ_SECONDS_MAX)

    def within(self, seconds: float) -> None:
        """Give what follows so much time."""
        self._until = time.monotonic() + seconds

    def receive(self, kind: bytes, bytes_max: int) -> bytes:
        """
        The body of the next frame, which must be of *kind*.

        Raises:
            Gone: The other end has closed the connection.

            Unfit: It is of another kind, too large, or too slow.
        """
        while len(self._held) < 5 or len(self._held) < 5 + self._size():
            if len(self._held) >= 5 and (self._held[:1] != kind or self._size() > bytes_max):
                raise Unfit("no request that is understood")
            self._wait()
            chunk = self.socket.recv(1 << 18)
            if not chunk:
                raise Gone("the other end has gone")
            self._held += chunk
        if self._held[:1] != kind or self._size() > bytes_max:
            raise Unfit("no request that is understood")
        end = 5 + self._size()
        body = bytes(self._held[5:end])
        del self._held[:end]
        return body

    def peek(self) -> bytes:
        """The kind of the next frame, or ``b""`` where the other end has gone."""
        self._wait()
        return self.socket.recv(1, socket.MSG_PEEK)

    def send(self, kind: bytes, body: bytes = b"") -> None:
        """Send one frame whole, or raise `OSError`."""
        self.within(WRITE_SECONDS_MAX)
        self._wait()
        self.socket.sendall(frame(kind, body))

    def acknowledged(self) -> bool:
        """Whether the other end says that it has written the answer out."""
        self.within(ACK_SECONDS_MAX)
        try:
            self._wait()
            return self.socket.recv(1) == b"k"
        except (OSError, Unfit):
            return False

    def _size(self) -> int:
        return int.from_bytes(self._held[1:5], "big")

    def _wait(self) -> None:
        left = self._until - time.monotonic()
        if left <= 0:
            raise Unfit("too slow")
        self.socket.settimeout(left)


@define(eq=False)
class ServiceLine:
    """The way back to a hook, as the deciding half of one sees it."""

    link: Link
    data: bytes
    project: str
    event: str

    def read(self) -> bytes:
        """The payload."""
        return self.data

    def limit(self, deadline_ms: int) -> None:
        """Tell how long the answer may take."""
        self.link.send(b"T", str(deadline_ms).encode())

    def answer(self, out: bytes, *, told: bool = False) -> bool:
        """Hand over the answer; true when it was *told* with it and the hook flushed it."""
        self.link.send(b"D" if told else b"A", out)
        return told and self.link.acknowledged()

    def note(self, text: str) -> None:
        """A line for the project's log that changes nothing in the answer."""
        log(self.project, self.event, text)


def answer_hook(link: Link, projects: Projects, stamp: str) -> None:
    """
    Answer the hook at the other end of *link*.

    Raises:
        Unfit: It must decide by itself, and why.

        GovernanceError: The same; by itself it finds that too, and refuses.

        OSError: It has gone.
    """
    told = link.receive(b"Q", HEAD_BYTES_MAX)
    fields = told.decode("utf-8", "surrogateescape").split("\0")
    if len(fields) != FIELDS:
        raise Unfit("no request that is understood")
    theirs, call_id, host, event, directory, at = fields
    if at and not hook_client.is_moment(at):
        raise Unfit("no request that is understood")
    data = link.receive(b"P", PAYLOAD_BYTES_MAX)
    if theirs != stamp:
        raise Unfit("another installation")
    link.send(b"G")
    pid = peer_of(link.socket).pid
    above = tuple(processes_above(pid))
    if not above:
        raise Unfit("who asks cannot be seen")
    environment = above[0].environment
    if not same_home(environment):
        raise Unfit("another home")
    with projects.use(Path(directory), int(at) if at else None) as held:
        if held is None:
            raise Unfit("the project is not open here")
        if not held.fits(environment):
            raise Unfit("another key of the journal")
        call = Call(Path(directory), event, environment, lambda: above, call_id)
        line = ServiceLine(link, data, directory, event)
        answer(adapter_of(host), call, line, lambda: held.config, lambda: _engine(held))


@contextmanager
def _engine(held: Held) -> Iterator[Engine]:
    yield held.engine


def why_not(error: BaseException) -> str:
    """*error* in a few words, for who must decide by itself."""
    own = isinstance(error, (GovernanceError, Unfit))
    return str(error)[:300] if own else f"{type(error).__name__}: {error}"[:300]


def same_home(environment: Mapping[str, str]) -> bool:
    """Whether *environment* names the same places of a person as ours."""
    return all(environment.get(name) == os.environ.get(name) for name in VARIABLES)
