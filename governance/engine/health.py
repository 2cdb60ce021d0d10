"""
Whether a store can do its work now: what monitoring asks every minute.

Every look has bounds. The chain is walked a part at a time: each look goes on where the last
one ended, which stands on the store's shelf, so that all of it is walked again and again.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Protocol, runtime_checkable

from attrs import evolve

from governance._attrs import frozen
from governance.analytics.projection import MOVED_MAX, lag
from governance.engine.health_check import SHELF, HealthCheck, remember
from governance.engine.health_depths import pages, values
from governance.engine.restoring import restored
from governance.errors import (
    WARNING,
    DefinitionError,
    Diagnostic,
    GovernanceError,
    SessionErased,
    number_of,
)
from governance.journal.faults import StoreReadOnly
from governance.journal.records import Journal
from governance.journal.verifying import first_of, verify_some
from governance.values import Json, ValueRefused, dump_json, load_json

PROBE = "probe"
WALKED = "walked"
LOADED = "loaded"
VERIFIED_ROWS_MAX = 5_000
"""Rows after which a look walks no further session."""

SESSIONS_MAX = 500
UNUSED_MEGABYTES_MAX = 16
"""What the file of a store may hold without using it, as long as that is not most of it."""

_MEGABYTE = 1_000_000

CODES: Mapping[str, str] = {
    "GOV537": "a store most of whose file is not used",
    "GOV577": "a write-ahead log that is larger than it may be",
    "GOV578": "a disk with too little room",
    "GOV579": "rows that are no more what was written",
    "GOV582": "a session that takes too long to load",
    "GOV583": "a store that takes too long to write to",
}


@runtime_checkable
class InFile(Protocol):
    """A `Journal` whose store is a file."""

    @property
    def path(self) -> Path: ...


@runtime_checkable
class _Wrapped(Protocol):
    """A `Journal` over another one."""

    @property
    def inner(self) -> Journal: ...


@frozen
class HealthLimits:
    """
    What counts as healthy.

    Attributes:
        wal_megabytes_max: Size of the write-ahead log of a store in a file.

        free_megabytes_min: Room on the disk of a store in a file.

        load_seconds_max: Wall time that loading one session from the store may take, from its
            snapshot and the rows after it, or from all of its rows where it has none.

        save_seconds_max: Wall time that one small durable write may take: a commit, waiting for
            other writers and for the disk included.
    """

    wal_megabytes_max: int = 64
    free_megabytes_min: int = 100
    load_seconds_max: float = 5.0
    save_seconds_max: float = 2.0


@frozen
class Health:
    """What was seen of a store; ``ok`` when nothing is wrong."""

    checks: tuple[HealthCheck, ...]

    @property
    def ok(self) -> bool:
        return all(one.ok for one in self.checks)


def free_bytes(folder: Path) -> int:
    """
    Room that is left to us on the disk of *folder*.

    Raises:
        OSError: It cannot be asked.
    """
    return shutil.disk_usage(folder).free


def health_of(
    journal: Journal,
    *,
    now_ms: int,
    limits: HealthLimits | None = None,
    loading: Journal | None = None,
    free: Callable[[Path], int] = free_bytes,
    timer: Callable[[], float] = time.perf_counter,
) -> Health:
    """
    Look at *journal*: read, write, load, a part of its chain and values, pages, size and room.

    Raises nothing.

    Args:
        loading: Where a session is loaded from, which shows nothing of it to anybody; by
            default *journal*.

        free: Says how many bytes are left on the disk of a folder.

        timer: Gives seconds of a clock that never goes back.
    """
    bounds = limits or HealthLimits()
    stored = _stored(journal)
    checks: list[tuple[str, Callable[[], HealthCheck]]] = [
        ("read", lambda: _read(journal)),
        ("write", lambda: _write(journal, now_ms)),
        ("load", lambda: _load(journal, loading or journal)),
        ("chain", lambda: _chain(journal, now_ms)),
        ("values", lambda: values(journal, stored)),
    ]
    if isinstance(stored, InFile):
        path = stored.path
        checks += [
            ("pages", lambda: pages(path)),
            ("log", lambda: _log(path, bounds.wal_megabytes_max)),
            ("disk", lambda: _disk(path, bounds.free_megabytes_min, free)),
            ("unused", lambda: unused(path)),
        ]
    checks.append(("figures", lambda: _figures(journal)))
    slowest = {"write": bounds.save_seconds_max, "load": bounds.load_seconds_max}
    return Health(
        tuple(_in_time(guarded(name, check, timer), slowest.get(name)) for name, check in checks)
    )


def _stored(journal: Journal) -> Journal:
    """*journal* as it is stored, without what asks for leave or opens what is encrypted."""
    while isinstance(journal, _Wrapped):
        journal = journal.inner
    return journal


def guarded(
    name: str, check: Callable[[], HealthCheck], timer: Callable[[], float] = time.perf_counter
) -> HealthCheck:
    """What *check* saw, and how long it took; one that cannot be made is itself a finding."""
    began = timer()
    try:
        return evolve(check(), seconds=timer() - began)
    except GovernanceError as error:
        return failed(name, error)


def _in_time(seen: HealthCheck, seconds_max: float | None) -> HealthCheck:
    """*seen*, and a finding where it took longer than it may."""
    if seconds_max is None or not seen.ok:
        return seen
    saw = f"{seen.saw}, in {seen.seconds * 1000:.1f} ms"
    if seen.seconds <= seconds_max:
        return evolve(seen, saw=saw)
    found = Diagnostic(
        {"load": "GOV582", "write": "GOV583"}[seen.name],
        f"{saw}, more than {seconds_max:g} s",
        suggestion="the disk or the machine is overloaded, or the store lies on a network",
    )
    return evolve(seen, saw=saw, findings=(found,))


def failed(name: str, error: GovernanceError) -> HealthCheck:
    """A check that came to *error*."""
    if isinstance(error, DefinitionError):
        return HealthCheck(name, "cannot be looked at", error.diagnostics)
    found = Diagnostic(error.code, error.message, suggestion=error.remedy)
    return HealthCheck(name, "cannot be looked at", (found,))


def _read(journal: Journal) -> HealthCheck:
    there = journal.sessions(limit=1)
    return HealthCheck("read", "can be read" if there else "can be read, and is empty")


def _write(journal: Journal, now_ms: int) -> HealthCheck:
    try:
        journal.shelf.put(SHELF, PROBE, str(now_ms).encode())
    except StoreReadOnly as error:
        found = Diagnostic(error.code, error.message, suggestion=error.remedy)
        return HealthCheck("write", "may only be read: every call is denied", (found,))
    return HealthCheck("write", "can be written, durably")


def _load(journal: Journal, loading: Journal) -> HealthCheck:
    """Load one session, each time the next one in the order of their names."""
    entry = journal.shelf.get(SHELF, LOADED)
    last = entry.value.decode("utf-8", "replace") if entry is not None else ""
    session = _next(journal, last) or _next(journal, "")
    if not session:
        return HealthCheck("load", "there is no session to load")
    saw = f"`{session}` is erased"
    with suppress(SessionErased):
        saw = f"`{session}` of {number_of(restored(loading, session)[0].head, 'row')} can be loaded"
    # One that cannot be loaded is loaded again by the next look: it stays red until it is mended.
    remember(journal, LOADED, session.encode("utf-8", "replace"))
    return HealthCheck("load", saw)


def _next(journal: Journal, after: str) -> str:
    """The session after that one, or ``""``; what begins with `@` is none of an agent's."""
    for head in journal.sessions(after=after, limit=SESSIONS_MAX):
        if head.seq and not head.session.startswith("@"):
            return head.session
    return ""


def _chain(journal: Journal, now_ms: int) -> HealthCheck:
    after, round_ms = _walked(journal)
    heads = journal.sessions(after=after, limit=SESSIONS_MAX)
    names = first_of(heads, VERIFIED_ROWS_MAX)
    report = verify_some(journal, names)
    after = names[-1] if names else after
    found = [
        Diagnostic(
            "GOV579",
            f"session `{one.session}`: {one.message}",
            suggestion="`governance verify` says all, `governance repair` mends",
        )
        for one in report.findings
    ]
    if len(names) == len(heads) < SESSIONS_MAX:
        after, round_ms = "", now_ms
    # What does not hold is looked at again by the next look: it stays red until it is mended.
    if not found:
        value: dict[str, Json] = {"after": after, "round_ms": round_ms}
        remember(journal, WALKED, dump_json(value))
    ago = f", all of it {(now_ms - round_ms) // 1000} s ago" if round_ms and after else ""
    seen = f"{number_of(report.rows, 'row')} of {number_of(len(names), 'session')}"
    saw = "does not hold" if found else f"nothing wrong in {seen}{ago}"
    return HealthCheck("chain", saw, tuple(found))


def _walked(journal: Journal) -> tuple[str, int]:
    """The session that was walked last, and when all had been walked, or 0."""
    entry = journal.shelf.get(SHELF, WALKED)
    try:
        value = load_json(entry.value) if entry is not None else None
    except ValueRefused:
        value = None
    if not isinstance(value, Mapping):
        return "", 0
    after, round_ms = value.get("after"), value.get("round_ms")
    return str(after or ""), round_ms if isinstance(round_ms, int) else 0


def _log(path: Path, megabytes_max: int) -> HealthCheck:
    try:
        size = Path(f"{path}-wal").stat().st_size
    except FileNotFoundError:
        size = 0
    except OSError as error:
        return _unseen("log", "GOV577", error)
    saw = f"{size / _MEGABYTE:.1f} MB of write-ahead log"
    if size <= megabytes_max * _MEGABYTE:
        return HealthCheck("log", saw)
    found = Diagnostic(
        "GOV577",
        f"{saw}, more than {megabytes_max} MB",
        suggestion="a process reads for very long, or hangs: end it, and the log is folded back",
    )
    return HealthCheck("log", saw, (found,))


def _disk(path: Path, megabytes_min: int, free: Callable[[Path], int]) -> HealthCheck:
    try:
        left = free(path.parent)
    except OSError as error:
        return _unseen("disk", "GOV578", error)
    saw = f"{left // _MEGABYTE} MB are left"
    if left >= megabytes_min * _MEGABYTE:
        return HealthCheck("disk", saw)
    found = Diagnostic(
        "GOV578",
        f"{saw} on the disk of `{path.parent}`, less than {megabytes_min} MB",
        suggestion="make room: what cannot be written is denied",
    )
    return HealthCheck("disk", saw, (found,))


def unused(path: Path, megabytes_max: int = UNUSED_MEGABYTES_MAX) -> HealthCheck:
    """
    What the file of the store at *path* holds without using it: room that sessions have left.

    What is written next uses it again; too much is more than *megabytes_max* and half of the file.

    Raises:
        JournalError: It cannot be read.
    """
    from governance.journal.compacting import room_of

    room = room_of(path)
    saw = f"{room.unused_bytes / _MEGABYTE:.1f} of {room.total_bytes / _MEGABYTE:.1f} MB not used"
    if room.unused_bytes <= max(megabytes_max * _MEGABYTE, room.total_bytes / 2):
        return HealthCheck("unused", saw)
    found = Diagnostic(
        "GOV537",
        f"{saw} in the store's file",
        suggestion="`governance store compact` gives it back to the disk",
        severity=WARNING,
    )
    return HealthCheck("unused", saw, (found,))


def _unseen(name: str, code: str, error: OSError) -> HealthCheck:
    why = (error.strerror or str(error)).lower()
    return HealthCheck(name, "cannot be looked at", (Diagnostic(code, why),))


def _figures(journal: Journal) -> HealthCheck:
    behind = lag(journal)
    more = " or more" if behind >= MOVED_MAX else ""
    moved = f"{number_of(behind, 'session')}{more}"
    return HealthCheck("figures", f"{moved} moved since figures were counted")
