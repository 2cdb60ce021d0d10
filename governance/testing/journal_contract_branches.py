"""The contract of branches, removals and what is put back, and of the feed of moves."""

from __future__ import annotations

import pytest
from attrs import evolve

from governance.errors import GovernanceError, JournalError, MisuseError
from governance.journal.chain import ZERO_HASH, record_hash
from governance.journal.memory import MemoryJournal
from governance.journal.records import (
    BRANCH_DEPTH_MAX,
    ROWS_MAX,
    Append,
    Conflict,
    Duplicate,
    Head,
    Journal,
    Moved,
    Origin,
    Record,
    RestoresMany,
    Snapshot,
    Whole,
)
from governance.testing.journal_filling import appended, fill, row


class BranchContract:
    """What every journal promises of sessions that share rows, go, and come back."""

    # -- paging back ---------------------------------------------------------------------

    @pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
    def test_pages_from_the_end_join_to_the_whole(self, journal: Journal, limit: int) -> None:
        """Reading newest first, page before page, gives every row once; of a branch too."""
        records = fill(journal, "s", 4)
        journal.branch("b", "s", 3)
        whole = [*records[:3], *fill(journal, "b", 4)]
        joined: list[Record] = []
        before: int | None = None
        while page := journal.read("b", before=before, limit=limit, reverse=True):
            assert len(page) <= limit
            joined += page
            before = page[-1].seq
        assert joined == whole[::-1]

    def test_before_is_an_upper_bound_in_either_direction(self, journal: Journal) -> None:
        """Rows at or after `before` are not given; below it `after` and `limit` hold as ever."""
        records = fill(journal, "s", 5)
        assert journal.read("s", before=3) == tuple(records[:2])
        assert journal.read("s", after=1, before=4, limit=1) == (records[1],)
        assert journal.read("s", after=1, before=4, limit=1, reverse=True) == (records[2],)
        assert journal.read("s", before=99) == tuple(records)
        assert journal.read("s", before=1) == ()
        assert journal.read("s", after=3, before=4) == ()
        with pytest.raises(MisuseError):
            journal.read("s", before=0)

    # -- branches ------------------------------------------------------------------------

    def test_a_branch_begins_where_its_parent_stood(self, journal: Journal) -> None:
        """It has the parent's rows up to there, the chain goes on, and both go their own ways."""
        records = fill(journal, "s", 3)
        head = journal.branch("b", "s", 2)
        assert head == Head("b", 2, records[1].hash) == journal.head("b")
        assert journal.read("b") == tuple(records[:2])
        (own,) = fill(journal, "b", 1)
        assert (own.session, own.seq, own.hash) == ("b", 3, record_hash(records[1].hash, own))
        fill(journal, "s", 1)
        assert journal.read("b") == (*records[:2], own)
        assert journal.read("b", after=1, limit=1) == (records[1],)
        assert [one.seq for one in journal.read("s")] == [1, 2, 3, 4]
        assert [(head.session, head.seq) for head in journal.sessions()] == [("b", 3), ("s", 4)]
        assert (journal.origin("b"), journal.origin("s")) == (Origin("s", 2), None)
        assert journal.verify().ok

    def test_branches_branch(self, journal: Journal) -> None:
        """Through several of them every row is found at its place, also before the last fork."""
        whole = fill(journal, "s", 2)
        for depth in range(1, 6):
            parent = "s" if depth == 1 else f"b{depth - 1}"
            journal.branch(f"b{depth}", parent, 2 * depth)
            whole += fill(journal, f"b{depth}", 2)
        assert journal.read("b5") == tuple(whole)
        assert journal.read("b5", after=3, limit=5) == tuple(whole[3:8])
        journal.branch("early", "b5", 3)
        assert journal.read("early") == tuple(whole[:3])
        report = journal.verify("b5")
        assert (report.ok, report.sessions, report.rows) == (True, 6, 12)
        whole_report = journal.verify()
        assert (whole_report.ok, whole_report.sessions, whole_report.rows) == (True, 7, 12)

    def test_a_branch_in_the_way_is_a_conflict(self, journal: Journal) -> None:
        """A name that is taken, and a row that is not there, are named by the actual head."""
        last = fill(journal, "s", 2)[-1]
        (taken,) = fill(journal, "t", 1)
        assert journal.branch("t", "s", 1) == Conflict((Head("t", 1, taken.hash),))
        assert journal.branch("b", "s", 3) == Conflict((Head("s", 2, last.hash),))
        assert journal.branch("b", "nobody", 1) == Conflict((Head("nobody", 0, ZERO_HASH),))
        assert journal.head("b").seq == 0
        for parent, seq in (("b", 1), ("s", 0), ("s", -1)):
            with pytest.raises(MisuseError):
                journal.branch("b", parent, seq)

    def test_branches_have_a_depth(self, journal: Journal) -> None:
        """A branch stems from at most so many sessions, all of which are read through."""
        (first,) = fill(journal, "0", 1)
        for depth in range(1, BRANCH_DEPTH_MAX + 1):
            journal.branch(str(depth), str(depth - 1), 1)
        deepest = str(BRANCH_DEPTH_MAX)
        assert journal.read(deepest) == (first,)
        assert fill(journal, deepest, 1)[0].seq == 2
        with pytest.raises(MisuseError):
            journal.branch("x", deepest, 1)
        assert journal.verify(deepest).ok

    def test_a_branch_has_snapshots_of_its_own(self, journal: Journal) -> None:
        """A fold of shared rows alone, or of own rows too, is kept under the branch's name."""
        records = fill(journal, "s", 2)
        journal.branch("b", "s", 2)
        (own,) = fill(journal, "b", 1)
        for one in (records[0], records[1], own):
            snapshot = Snapshot("b", one.seq, one.hash, 1, b"x")
            journal.snapshot_put(snapshot)
            assert journal.snapshot_get("b", version=1) == snapshot
        assert journal.snapshot_get("s", version=1) is None
        fill(journal, "s", 1)
        journal.snapshot_put(Snapshot("s", 3, own.hash, 1, b"of the other's row"))
        assert journal.snapshot_get("s", version=1) is None

    def test_keys_hold_across_branches(self, journal: Journal) -> None:
        """A key of a shared row is known in the branch, and one of the branch everywhere."""
        first = appended(journal.append([Append("s", 0, (row(),))], key="k")).records[0]
        journal.branch("b", "s", 1)
        assert journal.append([Append("b", 1, (row(),))], key="k") == Duplicate(first)
        own = appended(journal.append([Append("b", 1, (row(),))], key="l")).records[0]
        assert journal.append([Append("s", 1, (row(),))], key="l") == Duplicate(own)

    # -- removing ------------------------------------------------------------------------

    def test_what_was_removed_is_gone_and_known(self, journal: Journal) -> None:
        """Rows, keys and snapshot go; a tombstone stays, takes no rows, and is no damage."""
        fill(journal, "other", 1)
        done = appended(journal.append([Append("s", 0, (row(), row()))], key="k"))
        journal.snapshot_put(Snapshot("s", 2, done.records[1].hash, 1, b"x"))
        assert journal.remove("s", expected=done.heads[0]) is True
        assert (journal.read("s"), journal.head("s")) == ((), Head("s", 0, ZERO_HASH))
        assert [head.session for head in journal.sessions()] == ["other"]
        assert journal.removed() == done.heads
        assert journal.snapshot_get("s", version=1) is None
        for attempt in (
            lambda: journal.append([Append("s", 0, (row(),)), Append("t", 0, (row(),))]),
            lambda: journal.append([Append("s", 2, (row(),))]),
            lambda: journal.branch("s", "other", 1),
            lambda: journal.branch("t", "s", 1),
        ):
            with pytest.raises(JournalError) as refused:
                attempt()
            assert refused.value.code == "GOV520"
        assert journal.head("t").seq == 0
        assert appended(journal.append([Append("t", 0, (row(),))], key="k")).heads[0].seq == 1
        report = journal.verify()
        assert (report.ok, report.findings, report.sessions, report.rows) == (True, (), 2, 2)

    def test_a_removal_names_what_it_removes(self, journal: Journal) -> None:
        """Another head than the actual one removes nothing; nor does a second removal."""
        records = fill(journal, "s", 2)
        actual = journal.head("s")
        stale = Head("s", 1, records[0].hash)
        assert journal.remove("s", expected=stale) == Conflict((actual,))
        assert journal.remove("s", expected=Head("s", 2, bytes(32))) == Conflict((actual,))
        assert journal.read("s") == tuple(records)
        assert journal.remove("s", expected=actual) is True
        nothing = Head("s", 0, ZERO_HASH)
        assert journal.remove("s", expected=actual) == Conflict((nothing,))
        with pytest.raises(MisuseError):
            journal.remove("s", expected=nothing)

    def test_rows_that_a_branch_needs_stay(self, journal: Journal) -> None:
        """A parent goes only once its branches have gone."""
        fill(journal, "s", 2)
        journal.branch("b", "s", 1)
        fill(journal, "b", 1)
        assert journal.remove("s", expected=journal.head("s")) is False
        assert len(journal.read("s")) == 2
        assert journal.remove("b", expected=journal.head("b")) is True
        assert journal.origin("b") == Origin("s", 1)
        assert journal.remove("s", expected=journal.head("s")) is True
        assert [head.session for head in journal.removed(after="b")] == ["s"]
        assert journal.verify().ok

    # -- putting back --------------------------------------------------------------------

    def test_what_was_removed_can_be_put_back(self, journal: Journal) -> None:
        """Page by page, hidden until the last row is there; then it is all as it was."""
        records = fill(journal, "s", 3)
        records += appended(journal.append([Append("s", 3, (row(),))], key="k")).records
        head = journal.head("s")
        journal.remove("s", expected=head)
        assert journal.restore(head, records[:2]) == Head("s", 2, records[1].hash)
        assert (journal.read("s"), journal.head("s").seq) == ((), 0)
        assert journal.removed() == (head,)
        report = journal.verify()
        assert (report.ok, report.sessions, report.rows) == (True, 0, 2)
        with pytest.raises(JournalError):
            journal.append([Append("s", 0, (row(),))])
        assert journal.restore(head, records[:1]) == Head("s", 2, records[1].hash)
        assert journal.restore(head, records[1:]) == head == journal.head("s")
        assert journal.read("s") == tuple(records)
        assert journal.removed() == ()
        assert journal.append([Append("t", 0, (row(),))], key="k") == Duplicate(records[3])
        assert fill(journal, "s", 1)[0].seq == 5
        assert journal.verify().ok
        assert isinstance(journal.restore(head, records), Conflict)

    def test_a_journal_moves_to_another_store(self, journal: Journal) -> None:
        """Rows of a session never seen here become one with the same head, or nothing does."""
        records = fill(journal, "s", 3)
        journal.branch("b", "s", 2)
        own = fill(journal, "b", 2)
        heads = {name: journal.head(name) for name in ("s", "b")}
        origin = Origin("s", 2)
        for name in ("b", "s"):
            assert journal.remove(name, expected=heads[name]) is True
        assert journal.restore(heads["b"], own, origin=origin) == Conflict(
            (Head("s", 0, ZERO_HASH),)
        )
        assert journal.restore(heads["s"], records) == heads["s"]
        with pytest.raises(MisuseError):
            journal.restore(heads["b"], own, origin=Origin("s", 1))
        assert journal.restore(heads["b"], own[:1], origin=origin) == Head("b", 3, own[0].hash)
        assert journal.restore(heads["b"], own[1:]) == heads["b"]
        assert journal.read("b") == (*records[:2], *own)
        new = [evolve(one, session="n") for one in records[:1]]
        new = [evolve(one, hash=record_hash(ZERO_HASH, one)) for one in new]
        head = Head("n", 1, new[0].hash)
        assert journal.restore(head, ()) == Head("n", 0, ZERO_HASH)
        assert journal.removed() == (head,)
        assert journal.restore(head, new) == head
        assert journal.read("n") == tuple(new)
        assert journal.verify().ok

    def test_only_the_rows_that_belong_there_are_put_back(self, journal: Journal) -> None:
        """A changed, missing, surplus or foreign row refuses the whole page, by name."""
        records = fill(journal, "s", 4)
        fill(journal, "other", 1)
        kept = appended(journal.append([Append("s", 4, (row(),))], key="k")).records[0]
        head = journal.head("s")
        journal.remove("s", expected=head)
        journal.restore(head, records[:1])
        changed = evolve(records[1], body=b"[]")
        for bad in (
            [changed],
            records[2:],
            [records[1], records[1]],
            [evolve(records[0], at_ms=9), records[1]],
            [records[1], records[3]],
            [evolve(records[1], session="t")],
            [evolve(records[1], kind="")],
            records[1:2] * (ROWS_MAX + 1),
        ):
            with pytest.raises(GovernanceError):
                journal.restore(head, bad)
        appended(journal.append([Append("t", 0, (row(),))], key="k"))
        with pytest.raises(JournalError) as refused:
            journal.restore(head, [*records[1:], kept])
        assert refused.value.code == "GOV521"
        assert journal.restore(head, ()) == Head("s", 1, records[0].hash)
        short = Head("other", 9, bytes(32))
        assert journal.restore(short, ()) == Conflict((journal.head("other"),))
        assert journal.restore(evolve(head, seq=4), ()) == Conflict((head,))
        with pytest.raises(JournalError):
            journal.restore(Head("n", 1, bytes(32)), [evolve(records[0], session="n")])
        assert journal.removed() == (head,)
        assert journal.verify().ok

    def test_many_sessions_are_taken_in_at_once_or_none(self, journal: Journal) -> None:
        """Whole ones that the store knows nothing of; of a known one or key nothing is done."""
        if not isinstance(journal, RestoresMany):
            return
        source = MemoryJournal()
        for name, key in (("s", "k"), ("t", None), ("u", None), ("v", "w"), ("x", None)):
            fill(source, name, 2)
            source.append([Append(name, 2, (row(),))], key=key)
        s, t, u, v, x = (Whole(one, source.read(one.session)) for one in source.sessions())
        assert journal.restore_many([s, t])
        assert [journal.read(name) for name in "st"] == [s.records, t.records]
        assert [one.session for one in journal.moved()] == ["s", "t"]
        assert isinstance(journal.append([Append("y", 0, (row(),))], key="k"), Duplicate)
        appended(journal.append([Append("y", 0, (row(),))], key="w"))
        journal.restore(x.head, x.records[:1])
        for known in ([u, s], [u, v], [u, x]):
            assert journal.restore_many(known) is False
        cut, other = Whole(u.head, u.records[:2]), Whole(u.head, t.records)
        changed = Whole(u.head, (*u.records[:2], evolve(u.records[2], body=b"[]")))
        twice = Whole(x.head, (*x.records[:2], evolve(x.records[2], key="w")))
        for bad in ([cut], [other], [changed], [u, u], [], [v, twice]):
            with pytest.raises(GovernanceError):
                journal.restore_many(bad)
        assert journal.head("u").seq == 0
        assert journal.restore_many([u])
        assert fill(journal, "u", 1)[0].seq == 4
        assert journal.verify().ok

    # -- the feed ------------------------------------------------------------------------

    def test_every_move_is_told_once(self, journal: Journal) -> None:
        """A session stands where it moved last; who goes on after a position misses none."""
        fill(journal, "a", 2)
        fill(journal, "b", 1)
        fill(journal, "a", 1)
        feed = journal.moved()
        assert [(one.session, one.seq) for one in feed] == [("b", 1), ("a", 3)]
        assert 0 < feed[0].position < feed[1].position
        assert journal.moved(limit=1) == feed[:1]
        assert journal.moved(after=feed[0].position) == feed[1:]
        last = feed[1].position
        assert journal.moved(after=last) == ()
        appended(journal.append([Append("c", 0, (row(),)), Append("a", 3, (row(),))]))
        journal.branch("d", "a", 1)
        found = journal.moved(after=last)
        assert [(one.session, one.seq) for one in found] == [("c", 1), ("a", 4), ("d", 1)]
        assert sorted({one.position for one in found}) == [one.position for one in found]

    def test_a_removal_and_a_return_are_moves(self, journal: Journal) -> None:
        """A removed session is told with sequence 0, one that is back with its head."""
        records = fill(journal, "s", 2)
        head = journal.head("s")
        before = journal.moved()[-1].position
        journal.remove("s", expected=head)
        (gone,) = journal.moved(after=before)
        assert (gone.session, gone.seq) == ("s", 0)
        journal.restore(head, records)
        (back,) = journal.moved(after=gone.position)
        assert back == Moved("s", 2, back.position)
        assert journal.moved() == (back,)
        fill(journal, "t", 1)
        assert journal.moved(after=back.position)[0].session == "t"
