"""From a journal's URL to the journal."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from governance.errors import DefinitionError, Diagnostic
from governance.journal.records import Journal
from governance.project import user_state_directory

DEFAULT_URL = "sqlite:///.governance/journal.db"
"""Where a project's journal is, unless its configuration says otherwise."""

CODES: Mapping[str, str] = {"GOV510": "a journal's URL that names no store there is"}

_CODE = "GOV510"
_SUPPORTED = "`sqlite:///path/to/journal.db` and `memory:`"
_SQLITE = "sqlite:///"
_NO_MIRROR = "?mirror=off"


def open_journal(
    url: str = DEFAULT_URL, *, base: Path, create: bool, mirror: Path | None = None
) -> Journal:
    """
    The journal that *url* names.

    Args:
        url: ``memory:``, or ``sqlite:///`` and a path, which is taken from *base* unless it
            is absolute. Ending in ``?mirror=off``, heads are not mirrored.

        base: The project's folder.

        create: Make a store that is not there; without it `StoreMissing`.

        mirror: File for the heads; by default one for this store in the user's state folder.

    Raises:
        DefinitionError: *url* is not one of these.
        JournalError: The store cannot be opened; see `SqliteJournal.open`.
    """
    if url == "memory:":
        from governance.journal.memory import MemoryJournal

        return MemoryJournal()
    if not url.startswith(_SQLITE) or not _path_text(url) or "?" in _path_text(url):
        raise _refused(url)
    from governance.journal.sqlite import SqliteJournal

    path = store_path(url, base)
    if url.endswith(_NO_MIRROR):
        return SqliteJournal.open(path, create=create)
    return SqliteJournal.open(path, create=create, mirror=mirror or mirror_of(url, path))


def store_path(url: str, base: Path) -> Path:
    """The file that a ``sqlite:///`` *url* names, absolute, with links in its folders followed."""
    return (base / _path_text(url)).resolve()


def default_mirror(path: Path) -> Path:
    """
    Where the heads of the store at *path* are mirrored: in the user's state folder, under a
    name made from the store's own place.
    """
    name = hashlib.sha256(os.fsencode(path)).hexdigest()[:32]
    return user_state_directory() / "heads" / f"{name}.heads"


def mirror_of(url: str, path: Path) -> Path | None:
    """Where the heads of the store at *path*, named by *url*, are mirrored, if they are."""
    return None if url.endswith(_NO_MIRROR) else _mirror_if_any(path)


def _mirror_if_any(path: Path) -> Path | None:
    try:
        return default_mirror(path)
    except RuntimeError:
        # A user without a home: the store works, and `verify` says that it is not anchored.
        return None


def _path_text(url: str) -> str:
    return url.removeprefix(_SQLITE).removesuffix(_NO_MIRROR)


def _refused(url: str) -> DefinitionError:
    scheme = url.partition(":")[0]
    if scheme in ("postgresql", "postgres"):
        message = f"journals of scheme `{scheme}` are not supported"
        mend = f"supported are {_SUPPORTED}"
    elif scheme == "sqlite":
        message = f"`{url}` is no url of a store"
        mend = "write `sqlite:///.governance/journal.db`; the one option is `?mirror=off`"
    else:
        message = f"`{url}` is no journal url of a supported scheme"
        mend = f"supported are {_SUPPORTED}"
    return DefinitionError((Diagnostic(_CODE, message, path=("journal", "url"), suggestion=mend),))
