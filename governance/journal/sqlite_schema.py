"""
The tables of a SQLite store, their migrations, and how a store comes into being.

A store is made whole beside its place and then linked there, so a file that is empty or has
no tables is never one that is just being made: it is damage.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from governance.errors import StoreDamaged
from governance.journal.faults import (
    DAMAGED_REMEDY,
    LibraryUnsafe,
    StoreReadOnly,
    folder_error,
    newer,
    store_error,
)
from governance.project import FILE_MODE, make_private_folder
from governance.whole_file import write_whole

if TYPE_CHECKING:
    import apsw

APPLICATION_ID = 0x676F7631
"""Marks the file as a store of this engine (``PRAGMA application_id``)."""

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE store (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID",
        "CREATE TABLE session (id TEXT PRIMARY KEY, head INTEGER NOT NULL, hash BLOB NOT NULL)"
        " STRICT, WITHOUT ROWID",
        "CREATE TABLE event (session TEXT NOT NULL, seq INTEGER NOT NULL, kind TEXT NOT NULL,"
        " at_ms INTEGER NOT NULL, durable INTEGER NOT NULL, key TEXT, body BLOB NOT NULL,"
        " hash BLOB NOT NULL, PRIMARY KEY (session, seq)) STRICT, WITHOUT ROWID",
        "CREATE UNIQUE INDEX event_key ON event (key) WHERE key IS NOT NULL",
        "INSERT INTO store VALUES ('id', lower(hex(randomblob(16))))",
    ),
    (
        "CREATE TABLE snapshot (session TEXT PRIMARY KEY, seq INTEGER NOT NULL,"
        " hash BLOB NOT NULL, version INTEGER NOT NULL, body BLOB NOT NULL,"
        " digest BLOB NOT NULL) STRICT, WITHOUT ROWID",
    ),
    (
        "ALTER TABLE session ADD COLUMN parent TEXT",
        "ALTER TABLE session ADD COLUMN base INTEGER NOT NULL DEFAULT 0",
        # No chain covers a position, and an index would cost every append a page: `echo`,
        # its negative, tells a changed one.
        "ALTER TABLE session ADD COLUMN position INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE session ADD COLUMN echo INTEGER NOT NULL DEFAULT 0",
        "UPDATE session SET position = n, echo = -n FROM"
        " (SELECT id AS name, row_number() OVER (ORDER BY id) AS n FROM session)"
        " WHERE name = id",
        "INSERT INTO store SELECT 'position', CAST(count(*) AS TEXT) FROM session",
        "CREATE INDEX session_parent ON session (parent) WHERE parent IS NOT NULL",
        "CREATE TABLE removed (id TEXT PRIMARY KEY, head INTEGER NOT NULL, hash BLOB NOT NULL,"
        " parent TEXT, base INTEGER NOT NULL, position INTEGER NOT NULL, digest BLOB NOT NULL)"
        " STRICT, WITHOUT ROWID",
        "CREATE TABLE shelf (shelf TEXT NOT NULL, name TEXT NOT NULL, version INTEGER NOT NULL,"
        " value BLOB NOT NULL, digest BLOB NOT NULL, PRIMARY KEY (shelf, name))"
        " STRICT, WITHOUT ROWID",
    ),
    (
        # An index of what was said: a cache that fills when it is asked (`sqlite_search`).
        "CREATE TABLE message (id INTEGER PRIMARY KEY, session TEXT NOT NULL,"
        " seq INTEGER NOT NULL, at_ms INTEGER NOT NULL, words TEXT NOT NULL,"
        " UNIQUE (session, seq)) STRICT",
        "CREATE VIRTUAL TABLE message_text USING"
        " fts5 (words, content = 'message', content_rowid = 'id', tokenize = 'ascii')",
        # Without it the words of what is deleted stay in the file until segments are merged.
        "INSERT INTO message_text (message_text, rank) VALUES ('secure-delete', 1)",
        "CREATE TABLE message_upto (session TEXT PRIMARY KEY, seq INTEGER NOT NULL,"
        " hash BLOB NOT NULL) STRICT, WITHOUT ROWID",
    ),
)
"""Statements that lead from each schema version to the next; the first from nothing to 1."""

VERSION = len(MIGRATIONS)
"""The schema version that this engine reads and writes (``PRAGMA user_version``)."""

AHEAD_MAX = 100
"""How far above `VERSION` a version is one of a newer engine; beyond that it is damage."""

_FOLDER_MODE = 0o700
_OWN_FOLDER = ".governance"


def wal_is_safe(version: tuple[int, int, int]) -> bool:
    """
    Whether SQLite *version* is free of the WAL-reset bug, which can corrupt a store that
    several connections write (present from 3.7.0, mended in 3.51.3, 3.50.7 and 3.44.6).

    >>> wal_is_safe((3, 51, 2)), wal_is_safe((3, 50, 7)), wal_is_safe((3, 54, 1))
    (False, True, True)
    """
    return (
        version >= (3, 51, 3)
        or (3, 50, 7) <= version < (3, 51, 0)
        or (3, 44, 6) <= version < (3, 45, 0)
    )


def check_library(version_text: str) -> None:
    """
    Return quietly if the SQLite library *version_text* may write a store.

    Raises:
        LibraryUnsafe: It has the WAL-reset bug.
    """
    major, minor, patch = ([int(part) for part in version_text.split(".")] + [0, 0])[:3]
    if not wal_is_safe((major, minor, patch)):
        raise LibraryUnsafe(
            f"SQLite {version_text} can corrupt a store in WAL mode (the WAL-reset bug); "
            "expected 3.51.3 or newer, 3.50.7 or 3.44.6 of their lines",
            remedy="install `apsw>=3.51.3`, which brings its own SQLite",
        )


def make_folder(folder: Path) -> None:
    """
    Make *folder* private (0700) with a ``.gitignore`` that keeps it out of every commit.

    A folder that was there before, and is not called ``.governance``, is the user's: it is
    left as it is.

    Raises:
        JournalError: A child that says what the operating system refused.
    """
    try:
        ours = folder.name == _OWN_FOLDER or not folder.exists()
        make_private_folder(folder)
        if not ours:
            return
        if folder.stat().st_mode & 0o777 != _FOLDER_MODE:
            folder.chmod(_FOLDER_MODE)
        ignore = folder / ".gitignore"
        if not ignore.exists():
            write_whole(ignore, b"*\n", synced=False)
    except OSError as error:
        raise folder_error(error, folder) from None


def create_store(path: Path) -> None:
    """
    Put a new, empty store at *path*; one that another process put there first is left alone.

    Raises:
        JournalError: A child that says what could not be done; nothing stands at *path* then.
    """
    import apsw

    make_folder(path.parent)
    draft = path.with_name(f".{path.name}.{os.getpid()}-{os.urandom(4).hex()}.new")
    try:
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_RDWR, FILE_MODE))
        connection = apsw.Connection(str(draft), flags=apsw.SQLITE_OPEN_READWRITE)
        try:
            # Before anything is in it: what it does not use can be given back, see `compacting`.
            connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
            migrate(connection, path)
            connection.execute("PRAGMA journal_mode=WAL")
        finally:
            connection.close()
        _publish(draft, path)
    except apsw.Error as error:
        raise store_error(error, path) from None
    except OSError as error:
        raise folder_error(error, path) from None
    finally:
        for left in (draft, Path(f"{draft}-wal"), Path(f"{draft}-shm"), Path(f"{draft}-journal")):
            with contextlib.suppress(OSError):
                left.unlink(missing_ok=True)


def _publish(draft: Path, path: Path) -> None:
    try:
        os.link(draft, path)
    except FileExistsError:
        return
    except OSError:
        # A file system without hard links: renaming is as atomic, and only the window
        # between the look and the move is not covered.
        if not path.exists():
            draft.rename(path)
    if os.name == "posix":
        handle = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def schema_version(connection: apsw.Connection) -> int:
    """The schema version of the store as it is now."""
    return int(connection.execute("PRAGMA user_version").get)


def check_store(connection: apsw.Connection, path: Path) -> None:
    """
    Return quietly if the file behind *connection* is a store that this engine can use,
    after migrating an older one.

    Raises:
        StoreDamaged: It is no store of this engine.
        StoreNewer: A newer engine wrote it.
    """
    if _known_version(connection, path) != VERSION:
        migrate(connection, path)


def check_readable(connection: apsw.Connection, path: Path) -> None:
    """
    As `check_store`, for a store that may only be read: an older one cannot be migrated.

    Raises:
        StoreReadOnly: It is older than what this engine reads.
    """
    version = _known_version(connection, path)
    refuse_newer(version, path)
    if version != VERSION:
        raise StoreReadOnly(
            f"the store `{path}` may only be read here, and has schema version {version}, which "
            f"has to be brought to {VERSION} first",
            remedy="copy the project to where it may be written, and look at the copy",
        )


def _known_version(connection: apsw.Connection, path: Path) -> int:
    if connection.execute("PRAGMA application_id").get != APPLICATION_ID:
        raise StoreDamaged(
            f"`{path}` is no store of this engine", remedy="name another file or restore a backup"
        )
    return schema_version(connection)


def migrate(connection: apsw.Connection, path: Path) -> None:
    """
    Lead the store to `VERSION`, in one transaction: killed in the middle, it is what it was.

    Raises:
        StoreNewer: The store is newer than this engine; it is left untouched.
        StoreDamaged: It is not of the version that it says.
    """
    import apsw

    connection.execute("BEGIN IMMEDIATE")
    try:
        version = schema_version(connection)
        refuse_newer(version, path)
        try:
            for step in MIGRATIONS[version:]:
                for statement in step:
                    connection.execute(statement)
        except apsw.SQLError:
            raise StoreDamaged(
                f"the store `{path}` says to have schema version {version}, and has other tables",
                remedy=DAMAGED_REMEDY,
            ) from None
        connection.execute(f"PRAGMA user_version={VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def refuse_newer(version: int, path: Path) -> None:
    """
    Return quietly unless schema *version* is one that this engine does not know.

    Raises:
        StoreNewer: It is above `VERSION`.
        StoreDamaged: It is below zero, or above what any engine to come could have made of it.
    """
    if VERSION < version <= VERSION + AHEAD_MAX:
        raise newer(version, VERSION, f"the store `{path}`")
    if version > VERSION or version < 0:
        raise StoreDamaged(
            f"the store `{path}` has schema version {version}", remedy=DAMAGED_REMEDY
        )
