"""
`restore`: a backup in the place of a store that is gone, or that is to be given up.

What stands in the place is kept aside, never overwritten. Rows that the mirror, or the store
that is replaced, knows to be newer than the backup are lost by it: they get their stand-ins as
in a repair, so that no session goes on as if they had never been before a person accepts it.
"""

from __future__ import annotations

from pathlib import Path

from governance.errors import JournalError
from governance.journal.mirror import mirror_identity
from governance.journal.rebuilding import judge
from governance.journal.repair import (
    OtherStore,
    Plan,
    RepairReport,
    know_mirror,
    put,
    reported,
    staged,
    work_folder,
)
from governance.journal.replacing import HOLD_MS_DEFAULT, Hold, hold, named_errors
from governance.journal.salvage import Salvage
from governance.journal.sources import FileSource
from governance.journal.sqlite_schema import make_folder
from governance.journal.staging import Staging


class BackupDamaged(JournalError):
    """The backup does not hold by its own chain, so nothing was restored from it."""

    code = "GOV544"


def restore_store(
    path: Path,
    backup: Path,
    *,
    now_ms: int,
    mirror: Path | None,
    dry_run: bool = False,
    wait_ms: int = HOLD_MS_DEFAULT,
) -> RepairReport:
    """
    Put what *backup* holds in the place of the store at *path*.

    Args:
        mirror: The heads kept outside the store; it stays, and says what the backup lacks.

        dry_run: Only say what would come of it; nothing is changed.

    Raises:
        BackupDamaged: `repair` with the backup as a source takes what is left of it.
        OtherStore: The backup is that of another store than stands here, or stood here.
        StoreInUse: Somebody has the store open.
        StoreNewer: A newer engine wrote the backup.
        JournalError: The backup is not there, or a file could not be written.
    """
    source = FileSource(backup)
    source.close()
    if not dry_run:
        make_folder(path.parent)
    with (
        named_errors(path),
        hold(path, wait_ms=wait_ms, for_reading=dry_run) as held,
        work_folder(path) as work,
    ):
        copy = work / "copy.db"
        # Nobody writes to a backup, and it may lie where nobody can.
        Hold(backup, None).copy(copy)
        with staged(work) as staging:
            salvage = Salvage(copy, str(backup), staging)
            whole = salvage.by_key()
            _refuse_damaged(copy, backup, whole=whole)
            _refuse_other(salvage.store_id, backup, mirror)
            know_mirror(staging, mirror)
            _know_replaced(staging, held, work, salvage.store_id)
            staging.drop_erased()
            plan = Plan(staging)
            for session in staging.sessions():
                plan.complete(session, ())
            if dry_run:
                return reported(plan, salvage, salvage.store_id, (), needed=True, dry_run=True)
            return put(held, work, plan, salvage, salvage.store_id, (), now_ms, "replaced")


def _refuse_damaged(copy: Path, backup: Path, *, whole: bool) -> None:
    wrong = [one for one in judge(copy, None).findings if one.what != "lost"]
    if wrong or not whole:
        why = wrong[0].message if wrong else "it cannot be read to its end"
        raise BackupDamaged(
            f"the backup `{backup}` is damaged: {why}",
            remedy=f"take an older one, or `governance repair --from {backup}`",
        )


def _refuse_other(store_id: str, backup: Path, mirror: Path | None) -> None:
    known = mirror_identity(mirror)
    if known is not None and known.store != store_id:
        raise OtherStore(
            f"`{backup}` is a backup of store {store_id}, and `{mirror}` holds the heads of "
            f"store {known.store}, which stood here",
            remedy="take a backup of that store",
        )


def _know_replaced(staging: Staging, held: Hold, work: Path, store_id: str) -> None:
    """Take in the heads of the store that is given up, where it can still be read."""
    if not held.there:
        return
    there = work / "there.db"
    held.copy(there)
    with staged(work, "there-staging.db") as aside:
        salvage = Salvage(there, str(held.path), aside)
        salvage.by_key()
        if salvage.store_id and salvage.store_id != store_id:
            raise OtherStore(
                f"`{held.path}` is store {salvage.store_id}, and the backup is one of {store_id}",
                remedy="move the store away first if the other one is to stand in its place",
            )
        heads = aside.confirmed_heads()
        marks = tuple(aside.erased_marks())
        staging.position = max(staging.position, aside.position)
    with staging.connection:
        for head in heads:
            staging.know(head, str(held.path))
        # A backup from before brings nothing back that was erased since.
        for mark in marks:
            staging.keep(mark)
