"""
Which store a SQLite file is, and whether it is the one whose heads are kept outside the project.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from governance.errors import StoreDamaged, StoreMissing
from governance.journal.faults import DAMAGED_REMEDY, store_error
from governance.journal.mirror import Damaged, Identity, read_identity

if TYPE_CHECKING:
    import apsw


def known_store(path: Path, mirror: Path | None) -> Identity | Damaged | None:
    """The store that the mirror knows at *path*; refuses one that vanished."""
    if mirror is None:
        return None
    try:
        known = read_identity(mirror)
    except OSError:
        return None  # `Mirror.begin` meets the same and states it as its problem
    if known is None:
        return None
    if not path.exists():
        raise StoreMissing(
            f"the store `{path}` is gone, but `{mirror}` holds its heads; "
            "a store that vanished is not a new store",
            remedy="bring it back with `governance restore`, "
            f"or remove `{mirror}` to begin a new one",
        )
    return known


def store_id_of(
    connection: apsw.Connection,
    path: Path,
    known: Identity | Damaged | None,
    mirror: Path | None,
) -> str:
    import apsw

    try:
        found = connection.execute("SELECT value FROM store WHERE name = 'id'").get
    except apsw.Error as error:
        raise store_error(error, path) from None
    if not isinstance(found, str):
        raise StoreDamaged(f"the store `{path}` has no id", remedy=DAMAGED_REMEDY)
    if isinstance(known, Identity) and known.store != found:
        raise StoreMissing(
            f"another store stands at `{path}` than the one whose heads `{mirror}` holds; "
            "a store that vanished is not a new store",
            remedy="bring the old one back with `governance restore`, "
            f"or remove `{mirror}` to accept this one",
        )
    return found
