"""
Online backups of a SQLite store: a whole copy while others write, proven before it counts.

A backup is one file without a log, named by the store and the time, with the heads that it has
beside it, and with the project's own configuration where that was given. What the store does not
use is not in it. It comes into being under
another name, is read back and checked row by row, synced,
and only then renamed; the oldest go after the newest has come. So a disk that fills up, a kill or
a power cut costs the backup that was being made, and never one that was there.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from governance._attrs import frozen
from governance.errors import JournalError, StoreDamaged
from governance.journal.config_copy import SUFFIX as CONFIG_SUFFIX
from governance.journal.config_copy import ConfigFile, write_copy
from governance.journal.faults import folder_error, store_error
from governance.journal.mirror import Identity, write_heads
from governance.journal.rebuilding import sync_file
from governance.journal.records import Head
from governance.journal.replacing import ms_of, stamp_of
from governance.journal.sqlite_connection import Patience, missing_store
from governance.journal.sqlite_read_only import connected_to_read
from governance.journal.sqlite_schema import check_store, make_folder
from governance.journal.sqlite_verify import verify_store
from governance.project import FILE_MODE
from governance.whole_file import DRAFT, sync_folder

SECONDS_MAX_DEFAULT = 600
BACKUPS_MAX_DEFAULT = 7
_LOCK_MS = 5_000
_STALE_SECONDS = 86_400
_STEPS_BETWEEN_LOOKS = 10_000
_NAME = re.compile(r"(?P<name>.+)-(?P<store>[0-9a-f]{32})-(?P<stamp>\d{8}T\d{6}\.\d{3}Z)\.db")


_WHOLE = rf"\.[0-9a-f]+{re.escape(DRAFT)}"
_DRAFT_NAME = re.compile(
    rf"\.{{1,2}}\d+-[0-9a-f]{{8}}\.(new(-journal|-wal)?|heads|{CONFIG_SUFFIX[1:]})({_WHOLE})?"
    rf"|\.\.gitignore{_WHOLE}"
)
"""What `backup_store` has names for until a backup is whole."""


class BackupFailed(JournalError):
    """A backup could not be finished; those that were there are as they were."""

    code = "GOV545"


@frozen
class Backup:
    """
    One backup in a folder.

    Beside it are ``heads``, in the form of a mirror, and ``config``, if the backup has any.
    """

    path: Path
    store_id: str
    at_ms: int
    size_bytes: int

    @property
    def heads(self) -> Path:
        return self.path.with_suffix(".heads")

    @property
    def config(self) -> Path:
        return self.path.with_suffix(CONFIG_SUFFIX)


def backup_store(
    path: Path,
    folder: Path,
    *,
    now_ms: int,
    backups_max: int = BACKUPS_MAX_DEFAULT,
    seconds_max: float = SECONDS_MAX_DEFAULT,
    vfs: str | None = None,
    config: Sequence[ConfigFile] | None = None,
) -> Backup:
    """
    A new backup of the store at *path* in *folder*; the oldest beyond *backups_max* go.

    Writers go on meanwhile; what they commit after the beginning is not in it.

    Args:
        seconds_max: It is given up when it takes longer.

        vfs: SQLite VFS that the copy is written through, instead of the platform's own.

        config: The project's own files, which are put beside it.

    Raises:
        StoreMissing: There is no store.
        StoreDamaged: The store does not hold; the backups that there are stay all.
        BackupFailed: It took too long.
        ConfigTooLarge: There is more of *config* than a backup takes.
        JournalError: Another child, such as `StoreFull`; nothing is left of it.
    """
    if not path.exists():
        raise missing_store(path)
    make_folder(folder)
    _sweep(folder)
    until = time.monotonic() + seconds_max
    draft = folder / f".{os.getpid()}-{os.urandom(4).hex()}.new"
    heads, beside = draft.with_suffix(".heads"), draft.with_suffix(CONFIG_SUFFIX)
    try:
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_RDWR, FILE_MODE))
        store_id = _copy(path, draft, until, vfs)
        found = _proven(draft, path, until)
        write_heads(heads, Identity(store_id, str(path)), found)
        if config is not None:
            write_copy(beside, config, now_ms)
        sync_file(draft)
        made = _named(folder, path, store_id, now_ms)
        heads.replace(made.heads)
        if config is not None:
            beside.replace(made.config)
        draft.replace(made.path)
        sync_folder(folder)
    except OSError as error:
        raise folder_error(error, folder) from None
    finally:
        for left in (draft, heads, beside, Path(f"{draft}-journal"), Path(f"{draft}-wal")):
            with contextlib.suppress(OSError):
                left.unlink(missing_ok=True)
    _rotate(folder, made, backups_max)
    return made


def _copy(path: Path, draft: Path, until: float, vfs: str | None) -> str:
    """Write what the store holds now, without the room that it does not use; gives its id."""
    import apsw

    _check_time(until)
    patience = Patience()
    patience.allow(_LOCK_MS)
    try:
        # What it writes is written through the same VFS.
        with connected_to_read(path, patience, vfs=vfs) as source:
            check_store(source, path)
            store_id = source.execute("SELECT value FROM store WHERE name = 'id'").get
            source.set_progress_handler(lambda: time.monotonic() > until, _STEPS_BETWEEN_LOOKS)
            # It reads all of one moment, as one transaction: writers go on, unseen.
            source.execute("VACUUM INTO ?", (str(draft),))
    except apsw.InterruptError:
        _check_time(until)
        raise
    except apsw.Error as error:
        raise store_error(error, path) from None
    return str(store_id)


def _check_time(until: float) -> None:
    if time.monotonic() > until:
        raise BackupFailed(
            "the backup took longer than it may and was given up",
            remedy="raise `[backup] seconds_max`, or make it when less is written",
        )


def _proven(draft: Path, path: Path, until: float) -> list[Head]:
    """The heads of the copy, after every row of it was read back and found to hold."""
    import apsw

    try:
        with contextlib.closing(
            apsw.Connection(str(draft), flags=apsw.SQLITE_OPEN_READONLY)
        ) as connection:
            connection.set_progress_handler(lambda: time.monotonic() > until, _STEPS_BETWEEN_LOOKS)
            report = verify_store(connection, draft, None)
            _check_time(until)
            wrong = [one for one in report.findings if one.what != "lost"]
            if wrong:
                raise StoreDamaged(
                    f"the store `{path}` does not hold: {wrong[0].message}; no backup was made",
                    remedy="run `governance verify`, then `governance repair`",
                )
            return [Head(*one) for one in connection.execute("SELECT id, head, hash FROM session")]
    except apsw.Error as error:
        raise store_error(error, draft) from None


def _named(folder: Path, path: Path, store_id: str, now_ms: int) -> Backup:
    """The next backup at *now_ms*, or right after the newest where a clock went back."""
    others = backups_in(folder, store_id)
    if others:
        now_ms = max(now_ms, others[0].at_ms + 1)
    name = f"{path.stem}-{store_id}-{stamp_of(now_ms)}.db"
    return Backup(folder / name, store_id, now_ms, 0)


def backups_in(folder: Path, store_id: str | None = None) -> tuple[Backup, ...]:
    """
    The backups in *folder*, of *store_id* alone where it is given, the newest first.

    Raises:
        JournalError: The folder is there and cannot be read.
    """
    try:
        found = [one for file in folder.iterdir() if (one := _backup_of(file)) is not None]
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise folder_error(error, folder) from None
    wanted = (one for one in found if store_id in (None, one.store_id))
    return tuple(sorted(wanted, key=lambda one: (one.at_ms, one.path.name), reverse=True))


def _backup_of(file: Path) -> Backup | None:
    match = _NAME.fullmatch(file.name)
    if match is None:
        return None
    try:
        return Backup(file, match["store"], ms_of(match["stamp"]), file.stat().st_size)
    except (ValueError, OSError):
        return None


def _rotate(folder: Path, newest: Backup, backups_max: int) -> None:
    for old in backups_in(folder, newest.store_id)[max(1, backups_max) :]:
        for file in (old.path, old.heads, old.config):
            with contextlib.suppress(OSError):
                file.unlink(missing_ok=True)


def _sweep(folder: Path) -> None:
    """Remove what backups that were killed have left, once nobody can still be at them."""
    for left in _leftovers(folder):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > _STALE_SECONDS:
                left.unlink()


def _leftovers(folder: Path) -> Iterator[Path]:
    with contextlib.suppress(OSError):
        for file in folder.iterdir():
            # Whatever else is hidden there is somebody else's.
            if _DRAFT_NAME.fullmatch(file.name):
                yield file
