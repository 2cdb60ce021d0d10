"""
The journal's contract as a test suite that any back end can run.

Subclass `DurableJournalContract` in a test module (`JournalContract` where nothing is kept),
say how a journal is opened, and pytest runs every promise against it, a stateful comparison
with `MemoryJournal` included:

    class TestMyJournal(DurableJournalContract):
        def open_journal(self, folder: Path) -> Journal:
            return MyJournal(folder / "store")

This module imports pytest and hypothesis, so it is for tests only.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from governance.errors import GovernanceError, JournalError, MisuseError
from governance.journal.chain import ZERO_HASH, record_hash
from governance.journal.limits import (
    KEY_CHARACTERS_MAX,
    KIND_CHARACTERS_MAX,
    LIMIT_MAX,
    SESSION_CHARACTERS_MAX,
)
from governance.journal.records import (
    ROWS_MAX,
    Append,
    Appended,
    Conflict,
    Duplicate,
    Head,
    Journal,
    Record,
    Row,
    Snapshot,
)
from governance.testing.journal_contract_branches import BranchContract
from governance.testing.journal_contract_losses import LossesContract
from governance.testing.journal_contract_shelf import ShelfContract
from governance.testing.journal_contract_turns import TurnsContract
from governance.testing.journal_filling import appended, fill, row
from governance.testing.journal_model import model_machine

_ODD_NAMES = ("s", "S", "s-1", "s/../1", "é", "日本", "\U0001f512", "a b", "'; --", "\n")
_THREADS = 8


class JournalContract(BranchContract, LossesContract, ShelfContract, TurnsContract):
    """
    What every journal promises, a test each.

    Attributes:
        can_reopen: Whether a journal opened again on the same folder holds what was written;
            set by `DurableJournalContract`.
    """

    can_reopen: ClassVar[bool] = False

    def open_journal(self, folder: Path) -> Journal:
        """A journal whose store lives in *folder*; made there when there is none."""
        raise MisuseError(f"say in the subclass how the journal in `{folder}` is opened")

    @pytest.fixture
    def folder(self) -> Iterator[Path]:
        made = Path(tempfile.mkdtemp(prefix="journal-contract-"))
        yield made
        shutil.rmtree(made, ignore_errors=True)

    @pytest.fixture
    def journal(self, folder: Path) -> Iterator[Journal]:
        made = self.open_journal(folder)
        yield made
        made.close()

    # -- appending ---------------------------------------------------------------------

    def test_an_unknown_session_is_empty(self, journal: Journal) -> None:
        """A session never seen has sequence 0, the zero hash and no rows."""
        assert journal.head("s") == Head("s", 0, ZERO_HASH)
        assert journal.read("s") == ()
        assert journal.sessions() == ()
        assert isinstance(journal, Journal)

    def test_rows_get_sequences_without_a_gap(self, journal: Journal) -> None:
        """Sequences run 1, 2, 3 … over appends of any length."""
        appended(journal.append([Append("s", 0, (row(), row()))]))
        done = appended(journal.append([Append("s", 2, (row(), row(), row()))]))
        assert [one.seq for one in done.records] == [3, 4, 5]
        assert [one.seq for one in journal.read("s")] == [1, 2, 3, 4, 5]
        assert journal.head("s") == done.heads[0] == Head("s", 5, done.records[-1].hash)

    def test_what_is_read_is_what_was_written(self, journal: Journal) -> None:
        """Every column comes back as it was given, whatever bytes and names it holds."""
        bodies = (b"", b"{}", bytes(range(256)), b"\x00" * 5_000, "é\u2400".encode())
        for name in _ODD_NAMES:
            rows = tuple(
                Row(f"kind.{n}", (-1) ** n * n * 10**12, body, n % 2 == 0)
                for n, body in enumerate(bodies)
            )
            done = appended(journal.append([Append(name, 0, rows)], key=f"key {name}"))
            assert journal.read(name) == done.records
            found = [Row(one.kind, one.at_ms, one.body, one.durable) for one in done.records]
            assert tuple(found) == rows
            keys = [one.key for one in done.records]
            assert keys == [None] * (len(rows) - 1) + [f"key {name}"]

    def test_each_hash_covers_the_row_and_the_hash_before(self, journal: Journal) -> None:
        """The chain starts at the zero hash and each record continues it."""
        fill(journal, "s", 4)
        previous = ZERO_HASH
        for one in journal.read("s"):
            assert one.hash == record_hash(previous, one)
            previous = one.hash

    @pytest.mark.parametrize("expected", [0, 1, 3, 100])
    def test_a_wrong_head_is_a_conflict(self, journal: Journal, expected: int) -> None:
        """Another expected head than the actual one writes nothing and names the actual."""
        records = fill(journal, "s", 2)
        answer = journal.append([Append("s", expected, (row(),))])
        assert answer == Conflict((Head("s", 2, records[-1].hash),))
        assert journal.read("s") == tuple(records)

    def test_a_batch_is_one(self, journal: Journal) -> None:
        """Rows for several sessions are written together, heads in the order given."""
        done = appended(journal.append([Append("b", 0, (row(), row())), Append("a", 0, (row(),))]))
        assert [(head.session, head.seq) for head in done.heads] == [("b", 2), ("a", 1)]
        assert [(one.session, one.seq) for one in done.records] == [("b", 1), ("b", 2), ("a", 1)]

    def test_a_conflict_in_one_session_writes_to_none(self, journal: Journal) -> None:
        """One stale head among several refuses the whole append, and names all heads."""
        (last,) = fill(journal, "b", 1)
        answer = journal.append([Append("a", 0, (row(),)), Append("b", 0, (row(),))])
        assert answer == Conflict((Head("a", 0, ZERO_HASH), Head("b", 1, last.hash)))
        assert journal.head("a").seq == 0
        assert [head.session for head in journal.sessions()] == ["b"]

    # -- keys --------------------------------------------------------------------------

    def test_a_known_key_gives_the_first_answer(self, journal: Journal) -> None:
        """A key seen before writes nothing, whatever session, rows and head come with it."""
        first = appended(journal.append([Append("s", 0, (row(), row("1")))], key="k")).records[-1]
        fill(journal, "s", 1)
        for batch in ([Append("s", 0, (row("2"),))], [Append("t", 0, (row("3"),))]):
            assert journal.append(batch, key="k") == Duplicate(first)
        assert journal.head("s").seq == 3
        assert journal.head("t").seq == 0

    def test_the_key_stands_on_the_last_row_of_the_first_session(self, journal: Journal) -> None:
        """Of a batch over several sessions exactly one row carries the key."""
        batch = [Append("b", 0, (row(), row())), Append("a", 0, (row(),))]
        done = appended(journal.append(batch, key="k"))
        assert [one.key for one in done.records] == [None, "k", None]

    def test_a_conflict_does_not_use_up_a_key(self, journal: Journal) -> None:
        """A keyed append that conflicted can be tried again under its key."""
        fill(journal, "s", 1)
        assert isinstance(journal.append([Append("s", 0, (row(),))], key="k"), Conflict)
        assert appended(journal.append([Append("s", 1, (row(),))], key="k")).records[0].key == "k"

    # -- reading -----------------------------------------------------------------------

    @pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
    def test_pages_join_to_the_whole(self, journal: Journal, limit: int) -> None:
        """Reading page after page gives every row once, in order."""
        records = fill(journal, "s", 7)
        fill(journal, "t", 3)
        joined: list[Record] = []
        while page := journal.read("s", after=len(joined), limit=limit):
            assert len(page) <= limit
            joined += page
        assert joined == records

    def test_reverse_gives_the_newest_first(self, journal: Journal) -> None:
        """Reversed, the newest rows come first; `after` stays the lower bound."""
        records = fill(journal, "s", 5)
        assert journal.read("s", limit=2, reverse=True) == tuple(records[:-3:-1])
        assert journal.read("s", after=2, reverse=True) == tuple(records[:1:-1])
        assert journal.read("s", after=4, limit=9, reverse=True) == (records[-1],)
        assert journal.read("s", after=5, reverse=True) == ()
        assert journal.read("s", after=99, reverse=True) == ()
        assert journal.read("s", after=99) == ()

    def test_sessions_come_in_order_of_id(self, journal: Journal) -> None:
        """Heads are listed by code point of their id, page after page, once each."""
        heads = {name: fill(journal, name, n)[-1] for n, name in enumerate(_ODD_NAMES, start=1)}
        joined: list[Head] = []
        while page := journal.sessions(after=joined[-1].session if joined else "", limit=3):
            joined += page
        assert [head.session for head in joined] == sorted(_ODD_NAMES)
        assert {head.session: head.hash for head in joined} == {
            name: record.hash for name, record in heads.items()
        }

    # -- snapshots ---------------------------------------------------------------------

    def test_a_snapshot_comes_back_while_its_hash_holds(self, journal: Journal) -> None:
        """A snapshot is given for its session and version as it was put."""
        records = fill(journal, "s", 3)
        snapshot = Snapshot("s", 2, records[1].hash, 7, b"\x00folded")
        journal.snapshot_put(snapshot)
        assert journal.snapshot_get("s", version=7) == snapshot
        assert journal.snapshot_get("s", version=8) is None
        assert journal.snapshot_get("t", version=7) is None
        fill(journal, "s", 1)
        assert journal.snapshot_get("s", version=7) == snapshot

    def test_a_snapshot_of_other_rows_is_none(self, journal: Journal) -> None:
        """A snapshot whose hash is not the hash of its row is never given."""
        records = fill(journal, "s", 2)
        for seq, hash_ in ((1, records[1].hash), (2, bytes(32)), (3, records[1].hash)):
            journal.snapshot_put(Snapshot("s", seq, hash_, 1, b"x"))
            assert journal.snapshot_get("s", version=1) is None

    def test_a_newer_snapshot_takes_the_place(self, journal: Journal) -> None:
        """A session has one snapshot: the one put last."""
        records = fill(journal, "s", 2)
        old = Snapshot("s", 1, records[0].hash, 1, b"old")
        new = Snapshot("s", 2, records[1].hash, 1, b"new")
        journal.snapshot_put(old)
        journal.snapshot_put(new)
        assert journal.snapshot_get("s", version=1) == new

    # -- verifying ---------------------------------------------------------------------

    def test_verify_counts_what_it_walked(self, journal: Journal) -> None:
        """A sound store has no findings; sessions and rows are counted."""
        fill(journal, "a", 3)
        fill(journal, "b", 2, durable=False)
        report = journal.verify()
        assert (report.ok, report.findings) == (True, ())
        assert (report.sessions, report.rows) == (2, 5)
        alone = journal.verify("a")
        assert (alone.ok, alone.sessions, alone.rows) == (True, 1, 3)
        unknown = journal.verify("c")
        assert (unknown.ok, unknown.sessions, unknown.rows) == (True, 0, 0)

    # -- what is refused ---------------------------------------------------------------

    @pytest.mark.parametrize(
        ("batch", "key"),
        [
            pytest.param([], None, id="no session"),
            pytest.param([Append("s", 0, ())], None, id="no rows"),
            pytest.param([Append("s", 0, (row(),))] * 2, None, id="a session twice"),
            pytest.param([Append("s", -1, (row(),))], None, id="a head below zero"),
            pytest.param([Append("", 0, (row(),))], None, id="no name"),
            pytest.param([Append("x" * 301, 0, (row(),))], None, id="a long name"),
            pytest.param([Append("a\x00b", 0, (row(),))], None, id="NUL in a name"),
            pytest.param([Append("\ud800", 0, (row(),))], None, id="surrogate in a name"),
            pytest.param([Append("s", 0, (row(kind=""),))], None, id="no kind"),
            pytest.param([Append("s", 0, (row(kind="\udfff"),))], None, id="surrogate in a kind"),
            pytest.param([Append("s", 0, (row(at_ms=2**63),))], None, id="time beyond 64 bits"),
            pytest.param([Append("s", 0, (row(),))], "", id="an empty key"),
            pytest.param([Append("s", 0, (row(),))], "k" * 301, id="a long key"),
            pytest.param([Append("s", 0, (row(),))], "\ud83d", id="surrogate in a key"),
            pytest.param([Append("s", 0, (row(),) * (ROWS_MAX + 1))], None, id="too many rows"),
        ],
    )
    def test_a_bad_append_is_refused_whole(
        self, journal: Journal, batch: list[Append], key: str | None
    ) -> None:
        """What cannot be stored is an error by name, and nothing of the batch is written."""
        fill(journal, "before", 1)
        with pytest.raises(GovernanceError):
            journal.append([Append("good", 0, (row(),)), *batch] if batch else batch, key=key)
        assert [head.session for head in journal.sessions()] == ["before"]

    def test_the_limits_themselves_are_taken(self, journal: Journal) -> None:
        """Names, keys, kinds, times, bodies and row counts at their limits are stored."""
        name, key = "n" * SESSION_CHARACTERS_MAX, "\U0001f511" * KEY_CHARACTERS_MAX
        rows = (Row("k" * KIND_CHARACTERS_MAX, -(2**63), bytes(3_000_000), False),) + (
            row(at_ms=2**63 - 1),
        ) * (ROWS_MAX - 1)
        appended(journal.append([Append(name, 0, rows)], key=key, deadline_ms=60_000))
        page = journal.read(name, limit=2)
        assert (page[0].at_ms, len(page[0].body), page[1].at_ms) == (-(2**63), 3_000_000, 2**63 - 1)
        assert journal.read(name, after=ROWS_MAX - 1)[0].key == key
        assert journal.verify().ok

    @pytest.mark.parametrize("limit", [0, -1, LIMIT_MAX + 1])
    def test_a_page_has_bounds(self, journal: Journal, limit: int) -> None:
        """A limit outside 1 to 100,000, and a place before the first row, are misuse."""
        for call in (
            lambda: journal.read("s", limit=limit),
            lambda: journal.sessions(limit=limit),
            lambda: journal.read("s", after=-1),
        ):
            with pytest.raises(MisuseError):
                call()

    def test_a_closed_journal_says_so(self, journal: Journal) -> None:
        """Closing twice is fine; any other call afterwards is misuse, by name."""
        fill(journal, "s", 1)
        journal.close()
        journal.close()
        for call in (
            lambda: journal.append([Append("s", 1, (row(),))]),
            lambda: journal.read("s"),
            lambda: journal.head("s"),
            journal.sessions,
            journal.verify,
            lambda: journal.snapshot_get("s", version=1),
            lambda: journal.snapshot_put(Snapshot("s", 1, bytes(32), 1, b"")),
            journal.moved,
            journal.removed,
            lambda: journal.branch("b", "s", 1),
            lambda: journal.origin("s"),
            lambda: journal.remove("s", expected=Head("s", 1, bytes(32))),
            lambda: journal.restore(Head("s", 1, bytes(32)), ()),
        ):
            with pytest.raises(MisuseError):
                call()

    # -- many callers ------------------------------------------------------------------

    def test_racers_on_one_session_each_win_their_rows(self, journal: Journal) -> None:
        """Threads that race with expected heads: rows are the sum of wins, without a gap."""
        wins = [0] * _THREADS

        def race(place: int) -> None:
            for _ in range(20):
                seq = journal.head("s").seq
                answer = journal.append([Append("s", seq, (row(f'{{"by":{place}}}'),))])
                wins[place] += isinstance(answer, Appended)

        in_threads(race)
        rows = journal.read("s")
        assert [one.seq for one in rows] == list(range(1, sum(wins) + 1))
        assert sum(wins) >= 20
        assert journal.verify().ok

    def test_callers_on_different_sessions_all_get_through(self, journal: Journal) -> None:
        """Threads with sessions of their own never conflict, and each row is its owner's."""

        def work(place: int) -> None:
            for n in range(20):
                batch = [Append(f"s{place}", n, (row(f"{place}/{n}", durable=n % 2 == 0),))]
                appended(journal.append(batch))

        in_threads(work)
        for place in range(_THREADS):
            bodies = [one.body.decode() for one in journal.read(f"s{place}")]
            assert bodies == [f"{place}/{n}" for n in range(20)]
        assert journal.verify().ok

    def test_one_key_from_many_threads_counts_once(self, journal: Journal) -> None:
        """Of callers with the same key one writes, the others get its record."""
        answers: list[Appended | Conflict | Duplicate] = []

        def call(place: int) -> None:
            answers.append(journal.append([Append(f"s{place}", 0, (row(),))], key="k"))

        in_threads(call)
        (winner,) = [one for one in answers if isinstance(one, Appended)]
        others = [one for one in answers if one is not winner]
        assert others == [Duplicate(winner.records[0])] * (_THREADS - 1)

    # -- everything at once ------------------------------------------------------------

    def test_it_behaves_like_the_model(self) -> None:
        """Any sequence of calls gives what `MemoryJournal` gives, hashes included."""
        run_state_machine_as_test(
            model_machine(self.open_journal, can_reopen=self.can_reopen),
            settings=settings(
                deadline=None,
                stateful_step_count=30,
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
            ),
        )


class DurableJournalContract(JournalContract):
    """`JournalContract`, and what a journal promises that outlives its process."""

    can_reopen: ClassVar[bool] = True

    def test_what_was_written_is_there_again(self, journal: Journal, folder: Path) -> None:
        """Opened again, the store gives the same rows, heads and keys, and goes on."""
        records = fill(journal, "s", 3)
        done = appended(journal.append([Append("s", 3, (row(),))], key="k"))
        journal.close()
        second = self.open_journal(folder)
        try:
            assert second.read("s") == (*records, *done.records)
            assert second.append([Append("s", 0, (row(),))], key="k") == Duplicate(done.records[0])
            assert fill(second, "s", 1)[0].seq == 5
            assert second.verify().ok
        finally:
            second.close()

    def test_branches_tombstones_and_values_are_there_again(
        self, journal: Journal, folder: Path
    ) -> None:
        """Opened again, a branch, a half restored session, the feed and the shelf are as before."""
        records = fill(journal, "s", 3)
        journal.branch("b", "s", 2)
        (own,) = fill(journal, "b", 1)
        gone = fill(journal, "g", 2)
        head = journal.head("g")
        journal.remove("g", expected=head)
        journal.restore(head, gone[:1])
        entry = journal.shelf.put("key", "n", b"1")
        feed = journal.moved()
        journal.close()
        second = self.open_journal(folder)
        try:
            assert second.read("b") == (*records[:2], own)
            assert (second.moved(), second.removed()) == (feed, (head,))
            assert second.shelf.get("key", "n") == entry
            assert second.restore(head, gone[1:]) == head
            assert second.read("g") == tuple(gone)
            assert second.moved()[-1].position > feed[-1].position
            assert second.verify().ok
        finally:
            second.close()

    def test_two_handles_on_one_store_agree(self, journal: Journal, folder: Path) -> None:
        """What one handle wrote the other reads; the loser of a race gets the conflict."""
        second = self.open_journal(folder)
        try:
            (first,) = fill(journal, "s", 1)
            assert second.read("s") == (first,)
            appended(second.append([Append("s", 1, (row(),))], key="k"))
            answer = journal.append([Append("s", 1, (row(),))])
            assert answer == Conflict((second.head("s"),))
            assert isinstance(journal.append([Append("s", 2, (row(),))], key="k"), Duplicate)
            fill(second, "t", 1)
            fill(journal, "u", 1)
            assert [one.session for one in second.moved()] == ["s", "t", "u"]
            assert second.remove("s", expected=second.head("s")) is True
            with pytest.raises(JournalError) as refused:
                journal.append([Append("s", 2, (row(),))])
            assert refused.value.code == "GOV520"
        finally:
            second.close()


def in_threads(work: Callable[[int], None], count: int = _THREADS) -> None:
    """Run *work* on 0, 1, … at once, *count* in all; the first exception is raised here."""
    failures: list[BaseException] = []
    barrier = threading.Barrier(count)

    def run(place: int) -> None:
        try:
            barrier.wait()
            work(place)
        except BaseException as error:  # noqa: BLE001 - raised again below, in the test
            failures.append(error)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
