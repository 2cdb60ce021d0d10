"""
Errors that only a store on disk can have, and what SQLite's own errors become.

Every one names the store and what a person can do about it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from governance.errors import (
    JournalError,
    MisuseError,
    StoreBusy,
    StoreDamaged,
    StoreFull,
    StoreNewer,
)
from governance.journal.records import BRANCH_DEPTH_MAX
from governance.journal.sqlite_header import HEADER_BYTES, mended_header

if TYPE_CHECKING:
    import apsw


PATH_BYTES_MAX = 480
"""What SQLite can open is 504 bytes long, and a store is made under a longer name than its own."""


class StoreReadOnly(JournalError):
    """The store or its folder may not be written; nothing was written."""

    code = "GOV507"


class StoreUnopenable(JournalError):
    """The store is there but the operating system does not let it be opened."""

    code = "GOV508"


class LibraryUnsafe(JournalError):
    """The SQLite library at hand has a known bug that corrupts stores in WAL mode."""

    code = "GOV509"


class SessionRemoved(JournalError):
    """The session's rows were removed from the store; it takes no new ones."""

    code = "GOV520"


class RowsRefused(JournalError):
    """Rows that were to be put back are not those that belong there."""

    code = "GOV521"


class RemovalRefused(JournalError):
    """A removal that the mirror of heads could not be told of, so it was not done."""

    code = "GOV522"


def bad_value(shelf: object, name: object) -> StoreDamaged:
    """The error for the value *name* on *shelf*, which is not what was put there."""
    return StoreDamaged(
        f"the value `{name}` on the shelf `{shelf}` is not what was put there",
        remedy=DAMAGED_REMEDY,
    )


def was_removed(session: str, seq: int) -> SessionRemoved:
    """The error for whoever would write to *session*, whose *seq* rows were removed."""
    return SessionRemoved(
        f"the {seq} rows of session `{session}` were removed from this store",
        remedy="put them back from their archive, or begin a session of another name",
    )


def too_deep(parent: str) -> MisuseError:
    """The error for a branch of *parent* that would stem from too many sessions."""
    return MisuseError(
        f"a branch of `{parent}` would stem from more than {BRANCH_DEPTH_MAX} sessions",
        remedy="branch off one of those that it stems from",
    )


def newer(version: int, known: int, place: str) -> StoreNewer:
    """The error for the store at *place*, whose schema *version* is above the one *known* here."""
    return StoreNewer(
        f"{place} has schema version {version}; this engine knows {known}",
        remedy="upgrade `session-governance`; the store was left as it is",
    )


DAMAGED_REMEDY = (
    "`governance repair --dry-run` says what is lost; `governance repair` mends it, and keeps what "
    "it replaces"
)


def unwritable(path: Path) -> Path | None:
    """
    What this process may not write of the store at *path*, if anything: its folder or a file.

    A sandbox may refuse more than the system says here.
    """
    # Without its log a store is read, and written, by files that are made beside it.
    if not os.access(path.parent, os.W_OK):
        return path.parent
    files = (path, *(path.with_name(path.name + ending) for ending in ("-wal", "-shm")))
    return next((one for one in files if one.exists() and not os.access(one, os.W_OK)), None)


READ_ONLY_REMEDY = (
    "give its folder and files (also `-wal` and `-shm`) to the user that runs this, or copy the "
    "project to where they may be written; what only reads works as it is"
)


def only_readable(path: str | os.PathLike[str], barred: Path | None) -> StoreReadOnly:
    """The error for whoever would write to the store at *path*, for *barred* may not be written."""
    why = f": `{barred}` may not be written" if barred is not None else ", as the system says"
    return StoreReadOnly(
        f"the store `{os.fspath(path)}` may only be read here{why}", remedy=READ_ONLY_REMEDY
    )


def store_error(error: apsw.Error, path: str | os.PathLike[str]) -> JournalError:
    """
    *error* as a child of `JournalError` that names the store at *path* and a remedy.

    What it means for rows in flight is the caller's to know: this says what went wrong.
    """
    import apsw

    place = f"the store `{os.fspath(path)}`"
    said = f"{error} (SQLite code {getattr(error, 'extendedresult', 0)})"
    if isinstance(error, (apsw.BusyError, apsw.LockedError)):
        return StoreBusy(
            f"{place} is locked by another connection",
            remedy="try again, or find the process that holds it",
        )
    if isinstance(error, apsw.FullError):
        return StoreFull(
            f"{place} has no room for the rows; nothing was written",
            remedy="free space on its disk or raise the quota; then the same call works",
        )
    if isinstance(error, (apsw.CorruptError, apsw.NotADBError, apsw.FormatError)):
        return StoreDamaged(f"{place} is damaged: {said}", remedy=DAMAGED_REMEDY)
    if _has_wrong_header(Path(path)):
        # By what stands there SQLite takes the file for one that it may not write, or cannot read.
        return StoreDamaged(f"{place} is damaged at its beginning: {said}", remedy=DAMAGED_REMEDY)
    unlocked = getattr(error, "extendedresult", 0) == _IO_LOCK
    if unlocked or isinstance(error, (apsw.ReadOnlyError, apsw.CantOpenError)):
        barred = unwritable(Path(path))
        if barred is not None and os.access(path, os.R_OK):
            return only_readable(path, barred)
    if isinstance(error, apsw.ReadOnlyError):
        return StoreReadOnly(f"{place} may not be written: {said}", remedy=READ_ONLY_REMEDY)
    if isinstance(error, (apsw.CantOpenError, apsw.PermissionsError, apsw.AuthError)):
        if len(os.fsencode(path)) > PATH_BYTES_MAX:
            return StoreUnopenable(
                f"{place} has a path of more than {PATH_BYTES_MAX} bytes, which SQLite cannot open",
                remedy="move the project to a folder with a shorter path",
            )
        return StoreUnopenable(
            f"{place} cannot be opened: {said}",
            remedy="look at the owner and mode of the file and of its folder",
        )
    if isinstance(error, apsw.IOError) and getattr(error, "extendedresult", 0) == _SHM_SIZE:
        return StoreFull(
            f"{place} has no room for its index; nothing was written",
            remedy="free space on its disk or raise the quota; then the same call works",
        )
    return JournalError(
        f"{place} failed: {said}", remedy="look at the disk and the system log, then try again"
    )


def _has_wrong_header(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            header = file.read(HEADER_BYTES)
    except OSError:
        return False
    return mended_header(header) != header


def folder_error(error: OSError, path: str | os.PathLike[str]) -> JournalError:
    """*error* of the operating system, about the store at *path*, as a `JournalError`."""
    import errno

    place = f"the store `{os.fspath(path)}`"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreFull(f"{place} has no room: {error.strerror}", remedy="free space on its disk")
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return StoreReadOnly(
            f"{place} may not be written: {error.strerror} (`{error.filename}`)",
            remedy="give its folder to the user that runs this",
        )
    return StoreUnopenable(
        f"{place} cannot be opened: {error.strerror} (`{error.filename}`)",
        remedy="look at the owner and mode of the file and of its folder",
    )


# By number, so that reading this needs no apsw.
_SHM_SIZE = 4874  # SQLITE_IOERR_SHMSIZE
_IO_LOCK = 3850  # SQLITE_IOERR_LOCK: to be held alone, a file has to be one that may be written
