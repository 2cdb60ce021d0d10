"""
Heads kept outside the project, so that a cut tail and a removed store do not go unseen.

The file is append-only text, one line a head, each line with its own checksum. A line is
written after its rows were committed and synced, and is not synced itself: when the process
dies nothing is lost; when the power fails the newest lines may be, and then the mirror lags
behind the store (which `verify` bears) but is never ahead of it. Heads of observations
are written only once a durable commit has carried their rows to the disk as well. That a
session is being removed is written, and synced, before the commit that removes it: there the
mirror may be ahead, so that a session that went without a word is never taken for a removed one.
"""

from __future__ import annotations

import contextlib
import os
import time
import zlib
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from attrs import evolve, field

from governance._attrs import define, frozen
from governance.errors import JournalError
from governance.journal.records import Head
from governance.project import make_private_folder, plain_file
from governance.whole_file import write_whole

try:
    import fcntl
except ImportError:  # a platform without it: see `Mirror._compact`
    fcntl = None  # type: ignore[assignment]

_MAGIC = "governance-heads 1"
_GONE = " gone"
_LINE_BYTES_MAX = 4_096
PENDING_MAX = 10_000
"""Heads that may wait for a durable commit; beyond it the oldest are forgotten, so unmirrored."""

COMPACT_BYTES_MIN = 1024 * 1024
COMPACT_GROWTH = 4
"""The file is rewritten once it is this many times as long as after the last rewriting."""

CHECK_WRITES = 64
"""Writes after which it is looked at whether the file is still in its place."""

_REPLACED_TRIES = 10
_CHUNK_BYTES = 1024 * 1024


@frozen
class Identity:
    """
    Which store a mirror speaks of: its id, and where it stood when the mirror began.

    Attributes:
        anew_ms: When it was begun on a store that had rows already (milliseconds since 1970),
            so that it knows nothing from before; 0: it knows the store from its beginning.
    """

    store: str
    path: str
    anew_ms: int = 0


@frozen
class Gone:
    """The session of *head*, its last one, was about to be removed from the store."""

    head: Head


@frozen
class Damaged:
    """A line of a mirror that does not have its checksum."""

    line: int


def _sealed(text: str) -> bytes:
    # Against accidents alone: who may write here can write a checksum as well.
    data = text.encode()
    return b"%b %08x\n" % (data, zlib.crc32(data))


def _unsealed(line: bytes) -> str | None:
    try:
        text, _, check = line.decode().rstrip("\n").rpartition(" ")
    except UnicodeDecodeError:
        return None
    return text if line.endswith(b"\n") and _sealed(text) == line and check else None


def _header(identity: Identity) -> bytes:
    anew = f" {identity.anew_ms}" if identity.anew_ms else ""
    return _sealed(f"{_MAGIC} {identity.store} {os.fsencode(identity.path).hex()}{anew}")


def _line(one: Head | Gone) -> bytes:
    head, mark = (one.head, _GONE) if isinstance(one, Gone) else (one, "")
    # Names in hexadecimal: no name can hold a space or a line's end then, at no cost.
    return _sealed(f"{head.seq} {head.hash.hex()} {head.session.encode().hex()}{mark}")


def _read(text: str) -> Head | Gone | None:
    known = text.removesuffix(_GONE)
    try:
        seq, hash_, session = known.split(" ")
        head = Head(bytes.fromhex(session).decode(), int(seq), bytes.fromhex(hash_))
    except ValueError:
        return None
    return head if known == text else Gone(head)


def read_identity(path: Path) -> Identity | Damaged | None:
    """
    Which store the mirror at *path* speaks of; none where there is no mirror.

    Raises:
        OSError: It is there but cannot be read.
    """
    try:
        with open(path, "rb", opener=plain_file) as file:
            first = file.readline(_LINE_BYTES_MAX * 4)
    except FileNotFoundError:
        return None
    text = _unsealed(first)
    if text is None or not text.startswith(_MAGIC + " "):
        return Damaged(1)
    store, _, rest = text[len(_MAGIC) + 1 :].partition(" ")
    place, _, anew = rest.partition(" ")
    try:
        return Identity(store, os.fsdecode(bytes.fromhex(place)), int(anew or 0))
    except ValueError:
        return Damaged(1)


def mirror_identity(mirror: Path | None) -> Identity | None:
    """Which store the mirror speaks of, where it can be read."""
    if mirror is None:
        return None
    try:
        known = read_identity(mirror)
    except OSError:
        return None
    return None if isinstance(known, Damaged) else known


def read_heads(path: Path) -> Iterator[Head | Gone | Damaged]:
    """
    Every head that the mirror at *path* was told, in order, a damaged line as `Damaged`.

    Where the same head is told as one that stays and as one that goes, it went, whichever
    stands last: two processes may have told it in either order.

    A last line that was torn by a power cut counts as damaged. Streams: bounded memory.

    Raises:
        OSError: It cannot be read.
    """
    with open(path, "rb", opener=plain_file) as file:
        file.readline(_LINE_BYTES_MAX * 4)
        number = 1
        while line := file.readline(_LINE_BYTES_MAX):
            number += 1
            text = _unsealed(line)
            yield (_read(text) if text is not None else None) or Damaged(number)


def _overrules(one: Head | Gone, known: Head | Gone) -> bool:
    """Whether *one*, told after *known*, is what is to be known of their session from then on."""
    if isinstance(one, Gone):
        return True
    if isinstance(known, Gone):
        return one.seq > known.head.seq
    return one.seq >= known.seq


def write_heads(
    path: Path, identity: Identity, heads: Iterable[Head | Gone], *, new: bool = False
) -> None:
    """
    Make the file *path* in the form of a mirror that was told *heads*; private and synced.

    Args:
        new: Refuse to write over one that is there.

    Raises:
        OSError: It cannot be written.
    """
    write_whole(path, b"".join((_header(identity), *map(_line, heads))), new=new)


@define(eq=False, repr=False)
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
    _place: str = field(init=False)
    _handle: int = field(default=-1, init=False)
    _pending: dict[str, Head] = field(factory=dict, init=False)
    _unchecked: dict[str, Head | Gone] = field(factory=dict, init=False)
    _writes: int = field(default=0, init=False)
    _compact_at_bytes: int = field(default=COMPACT_BYTES_MIN, init=False)

    def __attrs_post_init__(self) -> None:
        self._place = str(self.path)

    def begin(self, heads: Iterable[Head | Gone]) -> None:
        """
        Open the file; where there is none, begin one with *heads*, whole or not at all.

        A new one is synced, since its presence is what tells a vanished store from a new. One
        that begins with heads says so, for it cannot tell whether there had been more of them.
        """
        try:
            if not self.path.exists():
                make_private_folder(self.path.parent)
                found = self._found(heads)
                # Another process may have begun it meanwhile: its file stays.
                with contextlib.suppress(FileExistsError):
                    write_heads(self.path, self.identity, found, new=True)
            self._open()
        except OSError as error:
            self.problem = f"`{self.path}`: {error.strerror or error}"
        except JournalError as error:
            self.problem = f"`{self.path}` was not begun: {error}"

    def _found(self, heads: Iterable[Head | Gone]) -> Iterable[Head | Gone]:
        found = iter(heads)
        first = next(found, None)
        if first is None:
            return ()
        self.identity = evolve(self.identity, anew_ms=int(time.time() * 1000))
        return chain((first,), found)

    def note(self, heads: Iterable[Head], *, durable: bool) -> None:
        """Write *heads* now if their rows are *durable*, else together with the next that are."""
        pending = self._pending
        for head in heads:
            pending.pop(head.session, None)
            pending[head.session] = head
        while len(pending) > PENDING_MAX:
            del pending[next(iter(pending))]
        if not durable or self.problem:
            return
        try:
            self._write(pending.values())
            self._unchecked.update(pending)
            pending.clear()
            self._writes += 1
            if self._writes >= CHECK_WRITES or len(self._unchecked) > PENDING_MAX:
                self._check_place()
        except OSError as error:
            self.problem = f"`{self.path}`: {error.strerror or error}"

    def announce(self, head: Head) -> None:
        """Write, and sync, that the session of *head* is about to be removed."""
        self._pending.pop(head.session, None)
        if self.problem:
            return
        try:
            self._write([Gone(head)])
            self._unchecked[head.session] = Gone(head)
            self._check_place()
            os.fsync(self._handle)
        except OSError as error:
            self.problem = f"`{self.path}`: {error.strerror or error}"

    def close(self) -> None:
        """Close the file; heads that no durable commit covered stay unmirrored."""
        if self._handle < 0:
            return
        if self._unchecked and not self.problem:
            with contextlib.suppress(OSError):  # the lines were written; this is for the rare
                self._check_place()
        os.close(self._handle)
        self._handle = -1

    def _write(self, heads: Iterable[Head | Gone]) -> None:
        """Add a line a head, in one write, which other processes' writes cannot tear apart."""
        lines = b"".join([_line(head) for head in heads])
        if os.write(self._handle, lines) != len(lines):
            raise OSError(0, "the heads were written in part")

    def _check_place(self) -> None:
        """
        See whether another process has rewritten the file, and whether it has grown long.

        A line that was added to the old file before the new one took its place is carried
        over by whoever rewrites; what was written to it afterwards is written again here.
        Not asked at every write: a file whose status was asked for has its times
        recorded anew by the next write, which then makes the next sync of the store wait.
        """
        for _ in range(_REPLACED_TRIES):
            mine = os.fstat(self._handle)
            if mine.st_nlink:
                self._unchecked.clear()
                self._writes = 0
                if mine.st_size > self._compact_at_bytes:
                    self._compact()
                return
            os.close(self._handle)
            self._handle = -1
            self._open()
            self._write(self._unchecked.values())
        raise OSError(0, "the file was replaced again and again")

    def _open(self) -> None:
        flags = os.O_RDWR | os.O_APPEND | getattr(os, "O_CLOEXEC", 0)
        self._handle = plain_file(self._place, flags)
        # A line torn by a power cut is ended, so that the next one stands by itself.
        with self.path.open("rb") as file:
            file.seek(max(0, os.fstat(self._handle).st_size - 1))
            if file.read(1) not in (b"\n", b""):
                os.write(self._handle, b"\n")

    def _compact(self) -> None:
        """
        Rewrite the file with the newest head of each session, and take it up from there.

        One process at a time; another that is at it is not waited for. Where the platform
        has no such lock, two at once may lose a line, and the mirror lags by it until the
        session's next durable commit.
        """
        if fcntl is not None:
            try:
                fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
        old, read_bytes = self._handle, os.fstat(self._handle).st_size
        newest: dict[str, Head | Gone] = {}
        for one in read_heads(self.path):
            if isinstance(one, Damaged):
                continue
            name = (one.head if isinstance(one, Gone) else one).session
            if name not in newest or _overrules(one, newest[name]):
                newest[name] = one
        known = read_identity(self.path)
        if isinstance(known, Identity):
            self.identity = known  # another process may have begun the file, and anew
        write_heads(self.path, self.identity, newest.values())
        self._open()
        # What others added to the old file meanwhile belongs into the new one as well.
        while late := os.read(old, _CHUNK_BYTES) if os.lseek(old, read_bytes, 0) >= 0 else b"":
            os.write(self._handle, late)
            read_bytes += len(late)
        os.close(old)
        size = os.fstat(self._handle).st_size
        self._compact_at_bytes = max(COMPACT_BYTES_MIN, COMPACT_GROWTH * size)
