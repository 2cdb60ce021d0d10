"""From a journal's URL to the journal."""

from __future__ import annotations

import errno
import hashlib
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from governance.errors import DefinitionError, Diagnostic
from governance.journal.records import Journal
from governance.project import user_state_directory

DEFAULT_URL = "sqlite:///.governance/journal.db"
"""Where a project's journal is, unless its configuration says otherwise."""

CODES: Mapping[str, str] = {"GOV510": "a journal's URL that names no store there is"}

_CODE = "GOV510"
_SUPPORTED = "`sqlite:///path/to/journal.db`, `postgresql://host/database` and `memory:`"
_SQLITE = "sqlite:///"
_POSTGRES = ("postgresql://", "postgres://")
_NO_MIRROR = "?mirror=off"
_SECRET = re.compile(r"(//[^@:]*:).*(@)|(password=)[^&\s]*", re.DOTALL)


def open_journal(
    url: str = DEFAULT_URL,
    *,
    base: Path,
    create: bool,
    mirror: Path | None = None,
    for_reading: bool = False,
) -> Journal:
    """
    The journal that *url* names.

    Args:
        url: ``memory:``; ``sqlite:///`` and a path, which is taken from *base* unless it is
            absolute; or ``postgresql://``, as `governance.journal.postgres_url` reads it.
            Ending in ``?mirror=off``, heads are not mirrored.

        base: The project's folder.

        create: Make a store that is not there; without it `StoreMissing`.

        mirror: File for the heads; by default one for this store in the user's state folder.

        for_reading: A store in a file that may not be written is given all the same: what it
            holds can be read, nothing is made beside it, and what would write raises
            `StoreReadOnly`.

    Raises:
        DefinitionError: *url* is not one of these.
        DriverMissing: The driver for PostgreSQL is not installed.
        JournalError: The store cannot be opened; see `SqliteJournal.open` and
            `PostgresJournal.open`.
    """
    check_url(url)
    if url == "memory:":
        from governance.journal.memory import MemoryJournal

        return MemoryJournal()
    if url.startswith(_POSTGRES):
        return _open_postgres(url, create=create, mirror=mirror)
    from governance.journal.sqlite import SqliteJournal

    path = store_path(url, base)
    heads = None if url.endswith(_NO_MIRROR) else mirror or mirror_for(url, path)
    if for_reading:
        from governance.journal.sqlite_read_only import open_to_read

        return open_to_read(path, mirror=heads)
    return SqliteJournal.open(path, create=create, mirror=heads)


def check_url(url: str) -> None:
    """
    Return quietly if `open_journal` takes *url*, whether or not a store is there.

    Raises:
        DefinitionError: It does not.
        DriverMissing: The driver for PostgreSQL is not installed.
    """
    if url.startswith(_POSTGRES):
        require_driver()
        from governance.journal.postgres_url import target_of

        target_of(url)
    elif url != "memory:" and (
        not url.startswith(_SQLITE) or not _path_text(url) or "?" in _path_text(url)
    ):
        raise _refused(url)


def _open_postgres(url: str, *, create: bool, mirror: Path | None) -> Journal:
    from governance.journal.postgres import PostgresJournal
    from governance.journal.postgres_url import target_of

    target = target_of(url)
    if target.mirrored and mirror is None:
        mirror = _if_any(lambda: mirror_of(target.identity.encode()))
    return PostgresJournal.open(target, create=create, mirror=mirror if target.mirrored else None)


def require_driver() -> None:
    """
    Return quietly if a PostgreSQL server can be talked to.

    Raises:
        DriverMissing: `psycopg`, or the library that it needs, is not there.
    """
    from governance.journal.postgres_faults import DriverMissing

    try:
        import psycopg  # noqa: F401 - whether it can be imported is the question
    except ImportError as error:
        raise DriverMissing(
            f"a journal on PostgreSQL needs a driver, which cannot be loaded: {error}",
            remedy="install `session-governance[postgres]`",
        ) from None


def store_path(url: str, base: Path) -> Path:
    """
    The file that a ``sqlite:///`` *url* names, absolute, with links in its folders followed.

    Raises:
        DefinitionError: No store can lie there: its name is no UTF-8, or a link leads to itself.
    """
    path = base / _path_text(url)
    try:
        found = path.resolve()
        str(found).encode()
        if _leads_to_itself(found):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    except (UnicodeEncodeError, RuntimeError, OSError) as error:
        loops = not isinstance(error, UnicodeEncodeError)
        why = "a link in it leads to itself" if loops else "its name is no UTF-8"
        message = f"no store can lie at `{path}`: {why}"
        raise DefinitionError((Diagnostic(_CODE, message, path=("journal", "url")),)) from None
    return found


def _leads_to_itself(path: Path) -> bool:
    """Whether a link in *path* does: `resolve` stopped saying so in Python 3.13."""
    try:
        path.stat()
    except OSError as error:
        return error.errno == errno.ELOOP
    return False


def default_mirror(path: Path) -> Path:
    """
    Where the heads of the store at *path* are mirrored: in the user's state folder, under a
    name made from the store's own place.
    """
    return mirror_of(os.fsencode(path))


def mirror_of(identity: bytes) -> Path:
    """Where the heads of the store that *identity* names are mirrored."""
    name = hashlib.sha256(identity).hexdigest()[:32]
    return user_state_directory() / "heads" / f"{name}.heads"


def mirror_for(url: str, path: Path) -> Path | None:
    """Where the heads of the store at *path*, named by *url*, are mirrored, if they are."""
    return None if url.endswith(_NO_MIRROR) else _if_any(lambda: default_mirror(path))


def _if_any(mirror: Callable[[], Path]) -> Path | None:
    try:
        return mirror()
    except RuntimeError:
        # A user without a home: the store works, and `verify` says that it is not anchored.
        return None


def shown_url(url: str) -> str:
    """*url* as it may be shown: without what could be a password."""
    return _SECRET.sub(r"\1\3…\2", url)


def _path_text(url: str) -> str:
    return url.removeprefix(_SQLITE).removesuffix(_NO_MIRROR)


def _refused(url: str) -> DefinitionError:
    scheme = url.partition(":")[0]
    if scheme == "sqlite":
        message = f"`{shown_url(url)}` is no url of a store"
        mend = "write `sqlite:///.governance/journal.db`; the one option is `?mirror=off`"
    else:
        message = f"`{shown_url(url)}` is no journal url of a supported scheme"
        mend = f"supported are {_SUPPORTED}"
    return DefinitionError((Diagnostic(_CODE, message, path=("journal", "url"), suggestion=mend),))
