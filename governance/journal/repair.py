"""
`repair`: a damaged store, put together again from all that can be read of it and of its copies.

The damaged file is never written to. It is copied aside byte for byte; what can be read of it
is gathered; lost rows are looked for in backups and replicas; a new store is built, proven by
its chain, and put in the old one's place in one rename. Where a row is found nowhere a stand-in
takes its number, and its session may not work until a person accepts the loss.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from attrs import evolve, field

from governance._attrs import define, frozen
from governance.errors import JournalError, StoreDamaged
from governance.journal.chain import ZERO_HASH
from governance.journal.gaps import GAP_KIND, Bridge, Link, link_after
from governance.journal.mirror import Damaged, Gone, Identity, Mirror, mirror_identity, read_heads
from governance.journal.reassembling import Facts, Kept, Lost, reassemble
from governance.journal.rebuilding import Quarantine, build_store, judge, proven_draft
from governance.journal.records import BRANCH_DEPTH_MAX, KEY_SHELF, Head, Origin, VerifyReport
from governance.journal.replacing import (
    HOLD_MS_DEFAULT,
    Hold,
    free_name,
    hold,
    named_errors,
    stamp_of,
)
from governance.journal.salvage import Salvage
from governance.journal.session_values import is_made_anew
from governance.journal.sources import Source
from governance.journal.sqlite_connection import missing_store
from governance.journal.staging import GivenUp, Staging
from governance.journal.vault import ERASED_PREFIX

LISTED_MAX = 1_000
"""Sessions that a report describes one by one."""


class OtherStore(JournalError):
    """A copy or a mirror speaks of another store than the one that is repaired."""

    code = "GOV541"


class NothingToRepair(JournalError):
    """Nothing of the store could be read at all, and no copy of it was named."""

    code = "GOV542"


@frozen
class SessionRepair:
    """
    What became of one session.

    Attributes:
        rows: That it has now, stand-ins among them.

        merged: Brought back from a copy.

        lost: First and last row of each stretch that nothing was found of.

        fresh: Rows among them that were not stated to be lost before; the session may not
            work until a person accepts that.

        unproven: Rows after a loss whose hash nothing confirms.
    """

    session: str
    rows: int
    merged: int
    lost: tuple[tuple[int, int], ...]
    fresh: int
    unproven: int

    @property
    def lost_rows(self) -> int:
        return sum(last - first + 1 for first, last in self.lost)


@frozen
class RepairReport:
    """
    What `repair` found and did.

    Attributes:
        needed: Whether anything was wrong; if not, nothing else was done.

        rows: In the store as it is (or would be) now, stand-ins not among them.

        sessions: Those that lost rows or got rows back; the others are as they were.

        more: Further ones beyond `LISTED_MAX`.

        kept: Where the damaged file is now; none: a dry run, or nothing was wrong.

        quarantine: File with what was read and fits nowhere; none: there was nothing.

        problems: What could not be read, in words.

        values_merged: Damaged values beside the journals that are whole again, and keys of
            sessions that are there again.

        values_lost: Those that none had, in words; they are in the store no longer.

        quarantined_values: Of these, and of those that were replaced, how many are in the
            quarantine; a file's stay in the damaged file.

        unmended: What is wrong and cannot be mended there, in words; a file's is all mended.
    """

    needed: bool
    store_id: str
    rows: int
    merged: int
    lost: int
    sessions: tuple[SessionRepair, ...]
    more: int = 0
    quarantined: int = 0
    kept: Path | None = None
    quarantine: Path | None = None
    values_merged: int = 0
    values_lost: tuple[str, ...] = ()
    quarantined_values: int = 0
    problems: tuple[str, ...] = ()
    unmended: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    dry_run: bool = False


@define(eq=False, repr=False)
class Plan:
    """
    What each session comes to, before anything is written.

    Attributes:
        keys: Data keys that were not there and that a copy still had.
    """

    staging: Staging
    rows: int = 0
    merged: int = 0
    lost: int = 0
    keys: int = 0
    found: list[SessionRepair] = field(factory=list)
    _links: dict[tuple[str, int], Link] = field(factory=dict, init=False)

    @property
    def changes(self) -> bool:
        """Whether something is found again, or is lost though its chain holds."""
        return bool(self.merged or self.keys) or any(one.fresh for one in self.found)

    def facts(self, session: str) -> Facts:
        """What is known of *session*, with what its first row must follow."""
        origin = self.staging.origin(session)
        if origin is None:
            return self.staging.facts(session, 0, ZERO_HASH)
        return self.staging.facts(session, origin.seq, self._link(origin))

    def _link(self, origin: Origin) -> Link:
        """What follows the row that a branch begins at, whichever session holds that row."""
        owner, seq = origin.parent, origin.seq
        for _ in range(BRANCH_DEPTH_MAX):
            above = self.staging.origin(owner)
            if above is None or seq > above.seq:
                break
            owner = above.parent
        known = self._links.get((owner, seq))
        if known is None:
            known = self._links[owner, seq] = self._followed(owner, seq)
        return known

    def _followed(self, owner: str, seq: int) -> Link:
        for part in reassemble(self.staging.slots(owner), self.facts(owner)):
            if isinstance(part, Kept) and part.record.seq == seq:
                return link_after(part.record)
            if isinstance(part, Lost) and part.first <= seq <= part.last:
                return Bridge(b"", lost=part.hash if seq == part.last else b"")
        return Bridge(b"")

    def look(self, session: str) -> SessionRepair:
        """What the candidates at hand give of *session*."""
        rows = fresh = unproven = 0
        lost: list[tuple[int, int]] = []
        for part in reassemble(self.staging.slots(session), self.facts(session)):
            if isinstance(part, Lost):
                lost.append((part.first, part.last))
                count = part.last - part.first + 1
                fresh += count - self.staging.stated(session, part.first, part.last)
                rows += count
                continue
            rows += 1
            unproven += not part.proven
            if part.record.kind == GAP_KIND:
                _add_row(lost, part.record.seq)
        return SessionRepair(session, rows, 0, tuple(lost), fresh, unproven)

    def complete(self, session: str, sources: Sequence[Source]) -> None:
        """Settle *session*, with rows of *sources* where its own are not all there."""
        first = self.look(session)
        now = first
        for source in sources:
            if not now.lost:
                break
            for start, end in now.lost:
                rows = self.staging.readable(session, source.rows(session, start, end))
                self.staging.add(rows, source.name)
            self._links.clear()
            now = self.look(session)
        merged = max(0, first.lost_rows - now.lost_rows)
        made = evolve(now, merged=merged)
        self.rows += made.rows - made.lost_rows
        self.merged += merged
        self.lost += made.lost_rows
        if made.lost or merged or made.unproven:
            self.found.append(made)


def _add_row(lost: list[tuple[int, int]], seq: int) -> None:
    if lost and lost[-1][1] == seq - 1:
        lost[-1] = (lost[-1][0], seq)
    else:
        lost.append((seq, seq))


def repair_store(
    path: Path,
    *,
    now_ms: int,
    mirror: Path | None,
    sources: Sequence[Source] = (),
    give_up: GivenUp | None = None,
    dry_run: bool = False,
    wait_ms: int = HOLD_MS_DEFAULT,
) -> RepairReport:
    """
    Mend the store at *path* as far as anything of it can be found.

    Args:
        mirror: The heads kept outside the store; they know of rows that are gone.

        sources: Copies to look for lost rows and keys in, the best first.

        give_up: Rows that count as lost, for nobody can read them.

        dry_run: Only say what would come of it; nothing is changed.

    Raises:
        StoreMissing: There is no file; `restore` brings back a backup.
        StoreInUse: Somebody has it open.
        StoreNewer: A newer engine wrote it.
        OtherStore: The mirror or a source belongs to another store.
        NothingToRepair: Nothing at all was found.
    """
    if not path.exists():
        raise missing_store(path)
    with (
        named_errors(path),
        hold(path, wait_ms=wait_ms, for_reading=dry_run) as held,
        work_folder(path) as work,
    ):
        copy = work / "copy.db"
        held.copy(copy)
        with staged(work) as staging:
            salvage = Salvage(copy, str(path), staging)
            staging.given_up = give_up or {}
            whole = salvage.by_key()
            store_id = settle_id(salvage, mirror, sources)
            know_mirror(staging, mirror)
            seen = judged(copy, path, mirror, store_id)
            plan = _planned(staging, sources, salvage, whole=whole)
            if not plan.rows and not sources and not (seen is not None and seen.ok):
                raise NothingToRepair(
                    f"no row of ours can be found in `{path}`",
                    remedy="name a copy of it with `--from`, or use `governance restore`",
                )
            needed = salvage.header_mended or plan.changes or not is_as_good(seen, plan)
            if not needed or dry_run:
                return reported(plan, salvage, store_id, sources, needed=needed, dry_run=dry_run)
            return put(held, work, plan, salvage, store_id, sources, now_ms, "damaged")


def is_as_good(seen: VerifyReport | None, plan: Plan) -> bool:
    """Whether nothing is wrong but losses that were stated before."""
    stated = {one.session: one.lost for one in plan.found if not one.fresh}
    return seen is not None and all(
        one.what == "lost"
        # The mirror still holds the hash of the row that a stand-in stands for.
        or (one.what == "mirror" and any(a <= one.seq <= b for a, b in stated.get(one.session, ())))
        for one in seen.findings
    )


def _planned(staging: Staging, sources: Sequence[Source], salvage: Salvage, *, whole: bool) -> Plan:
    """A plan for all sessions; the pages are read one by one where the keys did not give all."""
    plan = Plan(staging)
    if not whole or any(plan.look(name).lost for name in staging.sessions()):
        salvage.by_page()
        for head, _ in staging.tombstones():
            if staging.is_live(head.session):
                staging.stayed(head.session)
    for source in sources:
        know_source(staging, source)
        if salvage.shelf_whole:
            plan.keys += bring_keys(staging, source)
        else:
            for entry in source.entries():
                staging.keep(entry)
    staging.drop_erased()
    for name in staging.sessions():
        plan.complete(name, sources)
    return plan


def bring_keys(staging: Staging, source: Source) -> int:
    """Take the data keys that *source* has and the store has lost; how many they were."""
    keys = (one for one in source.entries(KEY_SHELF) if not one.name.startswith(ERASED_PREFIX))
    return sum(staging.keep(entry) for entry in keys if staging.lacks_key(entry.name))


def put(
    held: Hold,
    work: Path,
    plan: Plan,
    salvage: Salvage,
    store_id: str,
    sources: Sequence[Source],
    now_ms: int,
    why: str,
) -> RepairReport:
    """Build the new store, keep the old one aside, and put the new one in its place."""
    path, stamp = held.path, stamp_of(now_ms)
    draft = work / "draft.db"
    build_store(draft, plan.staging, plan.facts, store_id, now_ms)
    proven_draft(draft)
    kept = free_name(path, why, stamp) if held.there else None
    if kept is not None:
        held.copy(kept)
    with Quarantine(free_name(path, "quarantine", stamp)) as quarantine:
        quarantine.put_unused(plan.staging, draft)
    held.replace(draft)
    return reported(
        plan,
        salvage,
        store_id,
        sources,
        needed=True,
        dry_run=False,
        kept=kept,
        quarantined=quarantine.rows,
        quarantine=quarantine.file,
    )


def called(shelf: str, name: str) -> str:
    """What a value beside the journals is called in a report."""
    return f"the value `{name}` on the shelf `{shelf}`"


def reported(
    plan: Plan,
    salvage: Salvage,
    store_id: str,
    sources: Sequence[Source],
    *,
    needed: bool,
    dry_run: bool,
    kept: Path | None = None,
    quarantined: int = 0,
    quarantine: Path | None = None,
) -> RepairReport:
    """What became of the store by *plan*, or with *dry_run* would."""
    damaged = sorted(one for one in salvage.damaged if not is_made_anew(*one))
    gone = [one for one in damaged if not plan.staging.has_entry(*one)]
    return RepairReport(
        needed=needed,
        store_id=store_id,
        rows=plan.rows,
        merged=plan.merged,
        lost=plan.lost,
        sessions=tuple(plan.found[:LISTED_MAX]),
        more=max(0, len(plan.found) - LISTED_MAX),
        quarantined=quarantined,
        kept=kept,
        quarantine=quarantine,
        values_merged=len(damaged) - len(gone) + plan.keys,
        values_lost=tuple(called(*one) for one in gone),
        problems=(*salvage.problems, *(said for one in sources for said in one.problems)),
        sources=tuple(one.name for one in sources),
        dry_run=dry_run,
    )


def settle_id(salvage: Salvage, mirror: Path | None, sources: Sequence[Source]) -> str:
    """
    The id of the store, from itself or from what knows it.

    Raises:
        OtherStore: The mirror or a source tells another one.
    """
    known = mirror_identity(mirror)
    told = [(one.store_id, one.name) for one in sources if one.store_id]
    store_id = salvage.store_id or (known.store if known else "") or (told[0][0] if told else "")
    if known is not None and known.store != store_id:
        told = [(known.store, str(mirror)), *told]
    for other, name in told:
        if other != store_id:
            raise OtherStore(
                f"`{name}` belongs to store {other}, and this is store {store_id}",
                remedy="name a copy of this very store",
            )
    return store_id


def know_mirror(staging: Staging, mirror: Path | None, names: frozenset[str] | None = None) -> None:
    """Take in every head that the mirror was ever told, of the sessions *names* alone if given."""
    if mirror_identity(mirror) is None or mirror is None:
        return
    with staging.connection:
        gone: dict[str, Head] = {}
        for one in read_heads(mirror):
            if names is not None and _session_of(one) not in names:
                continue
            match one:
                case Gone(head=head):
                    gone[head.session] = head
                case Head(session=session, seq=seq):
                    staging.know(one, "the mirror")
                    if session in gone and seq > gone[session].seq:
                        del gone[session]  # put back, and gone on with
                case _:
                    continue
        stated = {head.session for head, _ in staging.tombstones()}
        for session, head in gone.items():
            # What stands there live was put back; a removal is told before it is done.
            if session not in stated and not staging.is_live(session):
                staging.went(head, None)


def _session_of(one: Head | Gone | Damaged) -> str:
    match one:
        case Gone(head=head):
            return head.session
        case Head(session=session):
            return session
        case _:
            return ""


def know_source(staging: Staging, source: Source, names: frozenset[str] | None = None) -> None:
    """
    Take in the heads of a copy, of the sessions *names* alone if given: what it has, the store had.

    Where a session begins is believed where the store itself says nothing of it.
    """
    with staging.connection:
        for one in source.heads():
            if names is not None and one.head.session not in names:
                continue
            if one.sure:
                staging.know(one.head, source.name)
            if not one.sure or (one.origin and not staging.is_live(one.head.session)):
                staging.state(one.head, one.origin, source.name)


def judged(copy: Path, path: Path, mirror: Path | None, store_id: str) -> VerifyReport | None:
    """What `verify` says of the *copy* of the store at *path*; none: it cannot be opened."""
    compared = None
    if mirror_identity(mirror) is not None and mirror is not None:
        compared = Mirror(mirror, Identity(store_id, str(path)))
    try:
        return judge(copy, compared)
    except StoreDamaged:
        return None


@contextmanager
def work_folder(path: Path) -> Iterator[Path]:
    """
    A private folder that is gone afterwards: beside *path*, on the same disk.

    For who only looks, where no folder can be made there, among the temporary files.
    """
    beside = path.parent if os.access(path.parent, os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".work", dir=beside))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def staged(work: Path, name: str = "staging.db") -> Iterator[Staging]:
    """A `Staging` in *work*, closed afterwards."""
    staging = Staging.open(work / name)
    try:
        yield staging
    finally:
        staging.close()
