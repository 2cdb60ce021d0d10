"""
Heads kept outside the project, so that a cut tail and a removed store do not go unseen.

The file is append-only text, one line a head, each line with its own checksum. A line is
written after its rows were committed and synced, and is not synced itself: when the process
dies nothing is lost; when the power fails the newest lines may be, and then the mirror lags
behind the store (which `verify` bears) but is never ahead of it. Heads of observations
are written only once a durable commit has carried their rows to the disk as well.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from attrs import define, field, frozen

from governance.errors import JournalError
from governance.journal.records import Head

try:
    import fcntl
except ImportError:  # a platform without it: see `_locked`
    fcntl = None  # type: ignore[assignment]

_MAGIC = "governance-heads 1"
_FILE_MODE = 0o600
_FOLDER_MODE = 0o700
_CHECK_CHARACTERS = 16
_LINE_BYTES_MAX = 4_096
PENDING_MAX = 10_000
"""Heads that may wait for a durable commit; beyond it the oldest are forgotten, so unmirrored."""

COMPACT_BYTES_MIN = 1024 * 1024
COMPACT_GROWTH = 4
"""The file is rewritten once it is this many times as long as after the last rewriting."""

_LOCK_TRIES = 50
_LOCK_NAP_SECONDS = 0.001


@frozen
class Identity:
    """Which store a mirror speaks of: its id, and where it stood when the mirror began."""

    store: str
    path: str


@frozen
class Damaged:
    """A line of a mirror that does not have its checksum."""

    line: int


def _sealed(text: str) -> bytes:
    check = hashlib.sha256(text.encode()).hexdigest()[:_CHECK_CHARACTERS]
    return f"{text} {check}\n".encode()


def _unsealed(line: bytes) -> str | None:
    try:
        text, _, check = line.decode().rstrip("\n").rpartition(" ")
    except UnicodeDecodeError:
        return None
    return text if line.endswith(b"\n") and _sealed(text) == line and check else None


def _header(identity: Identity) -> bytes:
    return _sealed(f"{_MAGIC} {identity.store} {json.dumps(identity.path)}")


def _line(head: Head) -> bytes:
    return _sealed(f"{head.seq} {head.hash.hex()} {json.dumps(head.session)}")


def _head_of(text: str) -> Head | None:
    try:
        seq, hash_, session = text.split(" ", 2)
        return Head(json.loads(session), int(seq), bytes.fromhex(hash_))
    except ValueError:
        return None


def read_identity(path: Path) -> Identity | Damaged | None:
    """
    Which store the mirror at *path* speaks of; none where there is no mirror.

    Raises:
        OSError: It is there but cannot be read.
    """
    try:
        with path.open("rb") as file:
            first = file.readline(_LINE_BYTES_MAX * 4)
    except FileNotFoundError:
        return None
    text = _unsealed(first)
    if text is None or not text.startswith(_MAGIC + " "):
        return Damaged(1)
    store, _, place = text[len(_MAGIC) + 1 :].partition(" ")
    try:
        return Identity(store, str(json.loads(place)))
    except ValueError:
        return Damaged(1)


def read_heads(path: Path) -> Iterator[Head | Damaged]:
    """
    Every head that the mirror at *path* was told, in order, a damaged line as `Damaged`.

    A last line that was torn by a power cut counts as damaged. Streams: bounded memory.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        file.readline(_LINE_BYTES_MAX * 4)
        number = 1
        while line := file.readline(_LINE_BYTES_MAX):
            number += 1
            text = _unsealed(line)
            yield (_head_of(text) if text is not None else None) or Damaged(number)


@define(eq=False)
class Mirror:
    """
    The writing side. Not thread-safe: the leader of a group commit alone uses it.

    Attributes:
        problem: Why heads are not being mirrored, or ``""``. A mirror that cannot be
            written fails no append: the rows are safe without it, and `verify` says that
            the store is not anchored.
    """

    path: Path
    identity: Identity
    problem: str = field(default="", init=False)
    _handle: int = field(default=-1, init=False)
    _pending: dict[str, Head] = field(factory=dict, init=False)
    _compact_at_bytes: int = field(default=COMPACT_BYTES_MIN, init=False)

    def begin(self, heads: Iterable[Head]) -> None:
        """
        Open the file; where there is none, begin one with *heads*, whole or not at all.

        A new one is synced, since its presence is what tells a vanished store from a new.
        """
        try:
            if not self.path.exists():
                self.path.parent.mkdir(parents=True, exist_ok=True, mode=_FOLDER_MODE)
                self._replace(heads, fresh=True)
            self._open()
        except OSError as error:
            self.problem = f"`{self.path}`: {error.strerror or error}"
        except JournalError as error:
            self.problem = f"`{self.path}` was not begun: {error}"

    def note(self, heads: Iterable[Head], *, durable: bool) -> None:
        """Write *heads* now if their rows are *durable*, else together with the next that are."""
        for head in heads:
            self._pending.pop(head.session, None)
            self._pending[head.session] = head
        while len(self._pending) > PENDING_MAX:
            del self._pending[next(iter(self._pending))]
        if not durable or self.problem:
            return
        try:
            self._flush()
        except OSError as error:
            self.problem = f"`{self.path}`: {error.strerror or error}"

    def close(self) -> None:
        """Close the file; heads that no durable commit covered stay unmirrored."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def _flush(self) -> None:
        lines = b"".join(_line(head) for head in self._pending.values())
        with self._locked() as held:
            if not held:
                return  # still pending: the next durable commit writes them
            if os.write(self._handle, lines) != len(lines):
                raise OSError(0, "the heads were written in part")
            self._pending.clear()
            if os.fstat(self._handle).st_size > self._compact_at_bytes:
                self._compact()

    def _open(self) -> None:
        self._handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | getattr(os, "O_CLOEXEC", 0))
        self._end_torn_line()

    def _end_torn_line(self) -> None:
        """A line torn by a power cut is ended, so that the next one stands by itself."""
        size = os.fstat(self._handle).st_size
        with self.path.open("rb") as file:
            file.seek(max(0, size - 1))
            if file.read(1) not in (b"\n", b""):
                os.write(self._handle, b"\n")

    @contextlib.contextmanager
    def _locked(self) -> Iterator[bool]:
        """
        Hold the file alone among processes, and make sure that it is still the one in place.

        Gives ``False`` after a bounded wait (a stopped process may hold it for ever). Where
        the platform has no such lock, a rewriting by another process at the same moment
        may lose this line: the mirror lags until the session's next durable commit.
        """
        for _ in range(_LOCK_TRIES):
            if fcntl is not None:
                try:
                    fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    time.sleep(_LOCK_NAP_SECONDS)
                    continue
            if self._is_in_place():
                break
            self.close()
            self._open()
        else:
            yield False
            return
        try:
            yield True
        finally:
            if fcntl is not None:
                fcntl.flock(self._handle, fcntl.LOCK_UN)

    def _is_in_place(self) -> bool:
        mine, there = os.fstat(self._handle), self.path.stat()
        return (mine.st_ino, mine.st_dev) == (there.st_ino, there.st_dev)

    def _compact(self) -> None:
        """Rewrite the file with the newest head of each session; called under the lock."""
        newest: dict[str, Head] = {}
        for head in read_heads(self.path):
            if isinstance(head, Head):
                known = newest.get(head.session)
                if known is None or head.seq >= known.seq:
                    newest[head.session] = head
        self._replace(newest.values(), fresh=False)
        old = self._handle
        self._open()
        os.close(old)  # this also lets its lock go; the new file is taken at the next line
        size = os.fstat(self._handle).st_size
        self._compact_at_bytes = max(COMPACT_BYTES_MIN, COMPACT_GROWTH * size)

    def _replace(self, heads: Iterable[Head], *, fresh: bool) -> None:
        draft = self.path.with_name(f".{self.path.name}.{os.getpid()}.new")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _FILE_MODE)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_header(self.identity))
                file.writelines(_line(head) for head in heads)
                file.flush()
                os.fsync(file.fileno())
            if fresh:
                # Another process may have begun it meanwhile: its file stays.
                with contextlib.suppress(FileExistsError):
                    os.link(draft, self.path)
            else:
                draft.replace(self.path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                draft.unlink()
