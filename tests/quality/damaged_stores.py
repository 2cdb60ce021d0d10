"""Stores to be damaged: who knows which row lies on which page, and what every row was."""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from attrs import define, field

from governance.journal.records import Append, Appended, Record, Row, VerifyReport
from governance.journal.repair import RepairReport, repair_store
from governance.journal.sources import Source
from governance.journal.sqlite import SqliteJournal

PAGE_BYTES = 4096
NOW_MS = 1_800_000_000_000
_MARK = re.compile(rb"<row (\d+)>")


@define
class Damaged:
    """
    A store, closed, and what was in it before anything was done to it.

    Attributes:
        rows: Every row that was written, by session and sequence.
    """

    path: Path
    mirror: Path
    rows: dict[tuple[str, int], Record] = field(factory=dict)
    image: bytes = b""

    def open(self) -> SqliteJournal:
        return SqliteJournal.open(self.path, create=False, mirror=self.mirror)

    @property
    def pages(self) -> int:
        return len(self.image) // PAGE_BYTES

    def on_pages(self, pages: Iterable[int]) -> set[tuple[str, int]]:
        """The rows of which some part lies on one of *pages*, counted from 0."""
        numbers = {int(n) for p in pages for n in _MARK.findall(self.page(p))}
        marked = {int(_MARK.findall(r.body)[0]): key for key, r in self.rows.items()}
        return {marked[n] for n in numbers}

    def beyond_proof(self, pages: Iterable[int]) -> set[tuple[str, int]]:
        """
        The rows on *pages*, and those that stand alone between two of these.

        Of such a one and the row after it, where that can still be read in a wrong form, one
        contradicts the other, and nothing is left to say which of them is right.
        """
        lost = self.on_pages(pages)
        between = {
            (session, seq)
            for session, seq in self.rows
            if (session, seq - 1) in lost and (session, seq + 1) in lost
        }
        return lost | between

    def page(self, number: int) -> bytes:
        return self.image[number * PAGE_BYTES : (number + 1) * PAGE_BYTES]

    def overwrite(self, pages: Iterable[int], chance: random.Random) -> None:
        """Put noise on *pages*."""
        image = bytearray(self.image)
        for number in pages:
            noise = chance.choice((chance.randbytes(PAGE_BYTES), bytes(PAGE_BYTES)))
            image[number * PAGE_BYTES : (number + 1) * PAGE_BYTES] = noise
        self.put(bytes(image))

    def put(self, image: bytes) -> None:
        """The file as *image*, without a log."""
        for suffix in ("-wal", "-shm"):
            Path(f"{self.path}{suffix}").unlink(missing_ok=True)
        self.path.write_bytes(image)

    def repair(
        self, *sources: Source, mirrored: bool = True, dry_run: bool = False
    ) -> RepairReport:
        mirror = self.mirror if mirrored else None
        return repair_store(
            self.path, now_ms=NOW_MS, mirror=mirror, sources=sources, dry_run=dry_run
        )

    def verify(self) -> VerifyReport:
        journal = self.open()
        try:
            return journal.verify()
        finally:
            journal.close()

    def recovered(self) -> set[tuple[str, int]]:
        """Rows that are there as they were, to the last column and their hash."""
        journal = self.open()
        try:
            found = [
                row for head in journal.sessions() for row in journal.read(head.session, limit=9999)
            ]
        finally:
            journal.close()
        return {
            (row.session, row.seq) for row in found if self.rows.get((row.session, row.seq)) == row
        }


def make_store(folder: Path, *, rows: int = 150, sessions: int = 4) -> Damaged:
    """A store of *rows* rows, short and long ones; the last of each session is mirrored."""
    made = Damaged(folder / "store" / "journal.db", folder / "heads")
    journal = SqliteJournal.open(made.path, create=True, mirror=made.mirror, power_safe=False)
    for n in range(rows):
        session = f"s-{n % sessions}"
        row = Row("k", n, b"<row %d>" % n * (1 + n * 37 % 700), n % 3 != 1 or n >= rows - sessions)
        answer = journal.append(
            [Append(session, n // sessions, (row,))], key=f"key-{n}" if n % 4 == 0 else None
        )
        assert isinstance(answer, Appended)
        made.rows |= {(one.session, one.seq): one for one in answer.records}
    journal.close()
    made.image = made.path.read_bytes()
    return made


def copied(store: Damaged, folder: Path) -> Damaged:
    """*store* in another folder, so that one that took long to make can be damaged often."""
    shutil.copytree(store.path.parent.parent, folder)
    there = folder / store.path.parent.name / store.path.name
    return Damaged(there, folder / store.mirror.name, store.rows, store.image)
