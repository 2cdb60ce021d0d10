"""The contract of the named values beside the journals."""

from __future__ import annotations

import threading

import pytest

from governance.errors import GovernanceError, MisuseError
from governance.journal.limits import LIMIT_MAX, NAME_CHARACTERS_MAX, SHELF_CHARACTERS_MAX
from governance.journal.records import KEY_SHELF, Append, Entry, Journal, Row
from governance.journal.session_values import SESSION_SHELVES

_NAMES = ("a", "A", "a/b", "é", "日本", "\U0001f512", "'; --", "\n")
_RACERS = 8


class ShelfContract:
    """What every journal promises of its shelf."""

    def test_a_value_comes_back_as_it_was_put(self, journal: Journal) -> None:
        """Under its shelf and name alone, whatever bytes and names; putting counts versions."""
        shelf = journal.shelf
        for name in _NAMES:
            assert shelf.get("blob", name) is None
            assert shelf.put("blob", name, b"\x00\xff") == Entry("blob", name, 1, b"\x00\xff")
            assert shelf.put("blob", name, b"") == Entry("blob", name, 2, b"")
            assert shelf.get("blob", name) == Entry("blob", name, 2, b"")
            assert shelf.get("other", name) is None
        assert journal.moved() == ()
        assert journal.verify().ok

    def test_an_expected_version_guards_a_change(self, journal: Journal) -> None:
        """Another version than the actual one changes nothing, 0 meaning that there is none."""
        shelf = journal.shelf
        assert shelf.put("lease", "n", b"1", expected_version=1) is None
        assert shelf.put("lease", "n", b"1", expected_version=0) is not None
        assert shelf.put("lease", "n", b"2", expected_version=0) is None
        assert shelf.put("lease", "n", b"2", expected_version=2) is None
        assert shelf.get("lease", "n") == Entry("lease", "n", 1, b"1")
        assert shelf.put("lease", "n", b"2", expected_version=1) == Entry("lease", "n", 2, b"2")
        assert not shelf.delete("lease", "n", expected_version=1)
        assert not shelf.delete("lease", "m")
        assert not shelf.delete("lease", "m", expected_version=0)
        assert shelf.delete("lease", "n", expected_version=2)
        assert shelf.get("lease", "n") is None
        assert shelf.put("lease", "n", b"3", expected_version=0) == Entry("lease", "n", 1, b"3")

    @pytest.mark.parametrize("limit", [1, 3, 100])
    def test_a_scan_gives_every_value_in_order(self, journal: Journal, limit: int) -> None:
        """Pages of one shelf, by code point of the name, until an empty one."""
        shelf = journal.shelf
        for name in _NAMES:
            shelf.put("rollup", name, name.encode())
            shelf.put("rolluq", name, b"another shelf")
        joined: list[Entry] = []
        while page := shelf.scan("rollup", after=joined[-1].name if joined else "", limit=limit):
            assert len(page) <= limit
            joined += page
        assert joined == [Entry("rollup", name, 1, name.encode()) for name in sorted(_NAMES)]

    def test_a_scan_of_large_values_is_bounded(self, journal: Journal) -> None:
        """It ends with the value that fills it, and goes on with the next page."""
        big = bytes(40 * 1024 * 1024)
        for name in ("a", "b", "c"):
            journal.shelf.put("blob", name, big)
        assert [one.name for one in journal.shelf.scan("blob")] == ["a", "b"]
        assert [one.name for one in journal.shelf.scan("blob", after="b")] == ["c"]

    def test_one_of_many_takes_a_lease(self, journal: Journal) -> None:
        """Of threads that expect no value exactly one makes it."""
        won: list[Entry] = []
        barrier = threading.Barrier(_RACERS)

        def race(place: int) -> None:
            barrier.wait()
            made = journal.shelf.put("lease", "n", b"%d" % place, expected_version=0)
            if made is not None:
                won.append(made)

        threads = [threading.Thread(target=race, args=(n,)) for n in range(_RACERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert won == [journal.shelf.get("lease", "n")]

    @pytest.mark.parametrize(
        ("shelf", "name"),
        [("", "n"), ("s", ""), ("s\x00", "n"), ("s", "\ud800"), ("s" * 101, "n"), ("s", "n" * 301)],
    )
    def test_a_bad_name_is_refused(self, journal: Journal, shelf: str, name: str) -> None:
        """What no store can name is an error in every method."""
        for call in (
            lambda: journal.shelf.get(shelf, name),
            lambda: journal.shelf.put(shelf, name, b""),
            lambda: journal.shelf.delete(shelf, name),
        ):
            with pytest.raises(GovernanceError):
                call()

    def test_values_of_a_session_go_with_its_rows(self, journal: Journal) -> None:
        """Those named after it, on the shelves of sessions, and no others; at once."""
        names = ("s#a", "s#", "s##a", "s#t#a", "s!#a", "s", "s$", "t#a")
        for name in names:
            for shelf in (*SESSION_SHELVES, KEY_SHELF, "archive"):
                journal.shelf.put(shelf, name, b"1")
        for session in ("s", "t"):
            journal.append([Append(session, 0, (Row("k", 0, b"{}"),))])
        journal.branch("b", "t", 1)

        assert journal.remove("t", expected=journal.head("t")) is False
        assert journal.remove("s", expected=journal.head("s")) is True

        for shelf in SESSION_SHELVES:
            left = [one.name for one in journal.shelf.scan(shelf)]
            assert left == sorted(set(names) - {"s#a"})
        for shelf in (KEY_SHELF, "archive"):
            assert set(names) <= {one.name for one in journal.shelf.scan(shelf)}

    def test_names_at_their_limits_are_taken(self, journal: Journal) -> None:
        """The longest names are stored, and pages have the bounds of all pages."""
        shelf, name = "s" * SHELF_CHARACTERS_MAX, "\U0001f512" * NAME_CHARACTERS_MAX
        assert journal.shelf.put(shelf, name, b"1") == journal.shelf.get(shelf, name)
        for limit in (0, LIMIT_MAX + 1):
            with pytest.raises(MisuseError):
                journal.shelf.scan("s", limit=limit)
        with pytest.raises(MisuseError):
            journal.shelf.put("s", "n", b"", expected_version=-1)

    def test_a_closed_journal_has_no_shelf(self, journal: Journal) -> None:
        """After `close` every method is misuse, by name."""
        shelf = journal.shelf
        shelf.put(KEY_SHELF, "n", b"1")
        journal.close()
        for call in (
            lambda: shelf.get(KEY_SHELF, "n"),
            lambda: shelf.put(KEY_SHELF, "n", b"2"),
            lambda: shelf.delete(KEY_SHELF, "n"),
            lambda: shelf.scan(KEY_SHELF),
        ):
            with pytest.raises(MisuseError):
                call()
