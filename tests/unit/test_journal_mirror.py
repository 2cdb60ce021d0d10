"""The file of heads outside the project: what it keeps, and what it survives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.journal import mirror as mirror_module
from governance.journal.mirror import Damaged, Gone, Identity, Mirror, read_heads, read_identity
from governance.journal.records import Append, Appended, Head, Row
from governance.journal.sqlite import SqliteJournal

_IDENTITY = Identity("00ff", "/some where/journal.db")


def _head(session: str, seq: int) -> Head:
    return Head(session, seq, bytes([seq % 256]) * 32)


def _begun(path: Path, *heads: Head) -> Mirror:
    made = Mirror(path, _IDENTITY)
    made.begin(heads)
    assert made.problem == ""
    return made


_NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300)


@given(st.lists(st.tuples(_NAMES, st.integers(1, 2**63 - 1)), max_size=5))
def test_heads_come_back_as_they_were_noted(
    tmp_path_factory: pytest.TempPathFactory, noted: list[tuple[str, int]]
) -> None:
    """Any session name and sequence survives the file, line by line."""
    path = tmp_path_factory.mktemp("mirror") / "heads"
    mirror = _begun(path)
    heads = [_head(name, seq) for name, seq in noted]
    for head in heads:
        mirror.note([head], durable=True)
    mirror.close()
    assert list(read_heads(path)) == heads
    assert read_identity(path) == _IDENTITY


def test_a_torn_last_line_spoils_no_other(tmp_path: Path) -> None:
    """What a power cut tore off is one damaged line; the next head stands by itself."""
    path = tmp_path / "heads"
    mirror = _begun(path, _head("a", 1), _head("b", 2))
    mirror.close()
    path.write_bytes(path.read_bytes()[:-20])
    mirror = _begun(path)
    mirror.note([_head("c", 3)], durable=True)
    mirror.close()
    assert list(read_heads(path)) == [_head("a", 1), Damaged(3), _head("c", 3)]


@pytest.mark.parametrize("place", range(0, 200, 7))
def test_a_flipped_bit_is_a_damaged_line(tmp_path: Path, place: int) -> None:
    """No changed line is taken for a head or for an identity."""
    path = tmp_path / "heads"
    _begun(path, _head("a", 1), _head("b", 2)).close()
    data = bytearray(path.read_bytes())
    data[place] ^= 4
    path.write_bytes(data)
    seen = [read_identity(path), *read_heads(path)]
    assert any(isinstance(one, Damaged) for one in seen)
    assert {one for one in seen if isinstance(one, Head)} <= {_head("a", 1), _head("b", 2)}


def test_a_damaged_mirror_is_not_anchored_and_hides_nothing(tmp_path: Path) -> None:
    """With a damaged line `verify` says unanchored, and still compares the lines that hold."""
    path, heads = tmp_path / "journal.db", tmp_path / "heads"
    journal = SqliteJournal.open(path, create=True, mirror=heads)
    for name in ("a", "b"):
        answer = journal.append([Append(name, 0, (Row("k", 0, b"{}"),))])
        assert isinstance(answer, Appended)
    journal.close()
    lines = heads.read_bytes().splitlines(keepends=True)
    heads.write_bytes(lines[0] + b"?" + lines[1] + lines[2])
    journal = SqliteJournal.open(path, create=False, mirror=heads)
    report = journal.verify()
    assert (report.ok, report.anchored) == (True, False)
    journal._writer.connection.execute("DELETE FROM session WHERE id = 'b'")
    journal._writer.connection.execute("DELETE FROM event WHERE session = 'b'")
    assert [(f.what, f.session) for f in journal.verify().findings] == [("removed", "b")]
    journal.close()


def test_a_mirror_with_a_damaged_first_line_is_not_written(tmp_path: Path) -> None:
    """It cannot be known whose it is: it is left as evidence, and the store is unanchored."""
    path, heads = tmp_path / "journal.db", tmp_path / "heads"
    SqliteJournal.open(path, create=True, mirror=heads).close()
    heads.write_bytes(b"x" + heads.read_bytes())
    before = heads.read_bytes()
    journal = SqliteJournal.open(path, create=False, mirror=heads)
    assert "first line" in journal.mirror_problem
    assert isinstance(journal.append([Append("s", 0, (Row("k", 0, b"{}"),))]), Appended)
    assert not journal.verify().anchored
    journal.close()
    assert heads.read_bytes() == before


def test_the_file_stays_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is rewritten with the newest head of each session, also of sessions not seen lately."""
    monkeypatch.setattr(mirror_module, "COMPACT_BYTES_MIN", 4_000)
    path = tmp_path / "heads"
    monkeypatch.setattr(mirror_module, "CHECK_WRITES", 10)
    mirror = Mirror(path, _IDENTITY)
    mirror._compact_at_bytes = 4_000
    mirror.begin([_head("quiet", 9)])
    begun = read_identity(path)
    assert isinstance(begun, Identity)
    assert begun.anew_ms > 0
    other = _begun(path)
    other._compact_at_bytes = 4_000
    for seq in range(1, 500):
        mirror.note([_head("busy", seq)], durable=True)
        other.note([_head("other", seq)], durable=True)
        assert path.stat().st_size < 20_000
    assert (mirror.problem, other.problem) == ("", "")
    mirror.close()
    other.close()
    newest = {one.session: one for one in read_heads(path) if isinstance(one, Head)}
    assert newest == {
        "quiet": _head("quiet", 9),
        "busy": _head("busy", 499),
        "other": _head("other", 499),
    }
    assert read_identity(path) == begun


def test_whoever_rewrites_the_file_keeps_since_when_it_knows_the_store(tmp_path: Path) -> None:
    """Also a process that came later and found it there."""
    path = tmp_path / "heads"
    _begun(path, _head("old", 1)).close()
    begun = read_identity(path)
    later = _begun(path)
    later._compact_at_bytes = 0
    later.note([_head("new", 2)], durable=True)
    later._check_place()
    later.close()

    assert list(read_heads(path)) == [_head("old", 1), _head("new", 2)]
    assert isinstance(begun, Identity)
    assert begun.anew_ms > 0
    assert read_identity(path) == begun


def test_a_mirror_locked_by_a_stopped_process_delays_no_append(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process stopped while it rewrites the file holds nobody up; lines go on being added."""
    fcntl = pytest.importorskip("fcntl")
    monkeypatch.setattr(mirror_module, "CHECK_WRITES", 1)
    path = tmp_path / "heads"
    mirror = _begun(path)
    mirror._compact_at_bytes = 0
    with path.open("rb") as stopped:
        fcntl.flock(stopped, fcntl.LOCK_EX)
        mirror.note([_head("a", 1)], durable=True)
        mirror.note([_head("a", 2)], durable=True)
    assert mirror.problem == ""
    assert list(read_heads(path)) == [_head("a", 1), _head("a", 2)]
    mirror.note([_head("b", 2)], durable=True)
    assert list(read_heads(path)) == [_head("a", 2), _head("b", 2)]
    mirror.close()


def test_lines_written_while_the_file_is_replaced_are_carried_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A head that another process adds between the reading and the replacing is not lost."""
    path = tmp_path / "heads"
    monkeypatch.setattr(mirror_module, "CHECK_WRITES", 1)
    one, other = _begun(path, _head("old", 1)), _begun(path)
    write = mirror_module.write_heads

    def write_late(*words: Any, **more: Any) -> None:
        other.note([_head("late", 7)], durable=True)
        write(*words, **more)

    monkeypatch.setattr(mirror_module, "write_heads", write_late)
    one._compact_at_bytes = 0
    one.note([_head("new", 3)], durable=True)
    assert list(read_heads(path)) == [_head("old", 1), _head("new", 3), _head("late", 7)]
    other.note([_head("later", 8)], durable=True)
    assert list(read_heads(path))[-1] == _head("later", 8)
    one.close()
    other.close()


def test_lines_written_after_the_file_was_replaced_are_written_again(tmp_path: Path) -> None:
    """Heads written to a file without a name follow into the new one, by close at the latest."""
    path = tmp_path / "heads"
    one, other = _begun(path, _head("old", 1)), _begun(path)
    other.note([_head("before", 2)], durable=True)
    one._compact_at_bytes = 0
    one._check_place()
    other.note([_head("after", 3)], durable=True)
    assert _head("after", 3) not in list(read_heads(path))
    other.close()
    heads = list(read_heads(path))
    assert {_head("old", 1), _head("before", 2), _head("after", 3)} == set(heads)
    one.close()


def test_pending_heads_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more observations than may wait, the oldest are forgotten, not kept without end."""
    monkeypatch.setattr(mirror_module, "PENDING_MAX", 3)
    mirror = _begun(tmp_path / "heads")
    for n in range(1, 6):
        mirror.note([_head(f"s{n}", n)], durable=False)
    mirror.note([_head("d", 1)], durable=True)
    heads = [one.session for one in read_heads(tmp_path / "heads") if isinstance(one, Head)]
    assert heads == ["s4", "s5", "d"]
    mirror.close()


def test_a_rewritten_file_still_knows_who_was_to_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A removal stays told through rewritings, a late line of the same head notwithstanding."""
    monkeypatch.setattr(mirror_module, "CHECK_WRITES", 10)
    path = tmp_path / "heads"
    mirror = Mirror(path, _IDENTITY)
    mirror._compact_at_bytes = 4_000
    mirror.begin([_head("gone", 9), _head("back", 3)])
    mirror.announce(_head("gone", 9))
    mirror.announce(_head("back", 3))
    mirror.note([_head("gone", 9), _head("back", 4)], durable=True)
    size = path.stat().st_size
    for seq in range(1, 60):
        mirror.note([_head("busy", seq)], durable=True)
    assert path.stat().st_size < size + 59 * 70
    kept = list(read_heads(path))
    mirror.close()
    assert Gone(_head("gone", 9)) in kept
    assert _head("gone", 9) not in kept
    assert _head("back", 4) in kept
    assert Gone(_head("back", 3)) not in kept
