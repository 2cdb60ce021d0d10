"""Archives and retention: what leaves the store, what stays, and what comes back."""

from __future__ import annotations

import gzip
import json
import stat
import sys
import threading
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from governance.engine import Engine, EngineOptions
from governance.engine.keeping import candidates
from governance.engine.pruning import Keeper
from governance.engine.retention import Candidate, RetentionPolicy, plan
from governance.errors import GovernanceError, MisuseError
from governance.journal import archive as archives
from governance.journal.archive import check_archive, restore_archive
from governance.journal.memory import MemoryJournal
from governance.journal.records import Append, Row
from governance.journal.sqlite import SqliteJournal
from governance.session.law import Law
from governance.states import State
from governance.testing import ManualClock
from governance.testing.engines import law_of, memory_engine

DAY_MS = 86_400_000

PAGES = [
    page.read_text(encoding="utf-8")
    for page in sorted((Path(__file__).parents[2] / "docs" / "howto").glob("*.md"))
]
RATIO_MIN = 3
PACK = """
format = 1
[pack]
name = "keeping"
version = "1.0.0"
summary = "One rule that halts, and one that asks."

[[rule]]
id = "keeping.halt"
tools = ["shell"]
when.command = "stop"
action = "halt"
message = "Stop."
must_match = [{ tool = "shell", command = "stop" }]
must_not_match = [{ tool = "shell", command = "fine" }]
"""


@pytest.fixture(name="law", scope="module")
def _law() -> Law:
    return law_of(PACK)


@pytest.fixture(name="clock")
def _clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(name="engine")
def _engine(law: Law, clock: ManualClock) -> Iterator[Engine]:
    with memory_engine(law=law, clock=clock) as engine:
        yield engine


def worked(engine: Engine, name: str, *, end: bool = True) -> None:
    session = engine.start(name)
    session.turn("go")
    session.tool("shell", {"command": "fine ß \U0001f600"}, call_id="1")
    session.tool_finished("1", outcome="ok")
    if end:
        session.end()


def kinds(engine: Engine) -> list[str]:
    return [one.name for one in engine.events("@project")]


class TestArchive:
    def test_it_comes_back_as_it_was(self, engine: Engine, tmp_path: Path) -> None:
        """The same rows, the same head, and the chain holds before, between and after."""
        worked(engine, "s")
        head, rows, state = engine.journal.head("s"), engine.journal.read("s"), engine.state("s")

        made = engine.archive("s", tmp_path, actor="me")

        assert engine.journal.head("s").seq == 0
        assert [one.session for one in engine.journal.removed()] == ["s"]
        assert engine.journal.verify().ok
        assert engine.unarchive(made.path, actor="me") == head
        assert engine.journal.read("s") == rows
        assert engine.state("s") == state
        assert engine.journal.verify().ok
        assert kinds(engine) == ["session.archived", "session.unarchived"]
        assert engine.unarchive(made.path) == head

    def test_the_file_is_private_and_alone(self, engine: Engine, tmp_path: Path) -> None:
        """Nobody else reads it, nothing is left beside it, and the store knows where it is."""
        worked(engine, "s/über:1")

        made = engine.archive("s/über:1", tmp_path / "a" / "b")

        assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
        assert stat.S_IMODE(made.path.parent.stat().st_mode) == 0o700
        assert list(made.path.parent.iterdir()) == [made.path]
        entry = engine.journal.shelf.get("archive", "s/über:1")
        assert entry is not None
        assert json.loads(entry.value)["path"] == str(made.path)
        assert engine.journal.shelf.scan("archiving") == ()
        engine.unarchive(made.path)
        assert engine.journal.shelf.get("archive", "s/über:1") is None

    def test_another_store_takes_it(self, engine: Engine, tmp_path: Path) -> None:
        """A store that never had the session has it then, with the same head."""
        worked(engine, "s")
        head = engine.journal.head("s")
        made = engine.archive("s", tmp_path)

        with closing(SqliteJournal.open(tmp_path / "other.db", create=True)) as journal:
            restore_archive(journal, made.path)
            assert journal.head("s") == head
            assert journal.verify().ok

    def test_a_branch_goes_before_what_it_stems_from(self, engine: Engine, tmp_path: Path) -> None:
        """What a branch needs stays; they come back in the other order."""
        worked(engine, "s")
        branch = engine.branch("s").id
        heads = [engine.journal.head(one) for one in ("s", branch)]
        with pytest.raises(MisuseError) as refused:
            engine.archive("s", tmp_path)
        assert refused.value.code == "GOV526"
        assert list(tmp_path.iterdir()) == []

        files = [engine.archive(one, tmp_path).path for one in (branch, "s")]

        with pytest.raises(GovernanceError) as early:
            engine.unarchive(files[0])
        assert early.value.code == "GOV521"
        for one in reversed(files):
            engine.unarchive(one)
        assert [engine.journal.head(one) for one in ("s", branch)] == heads
        assert engine.journal.verify().ok

    @pytest.mark.parametrize("name", ["live", "halted", "nobody", "@project"])
    def test_what_must_stay_stays(self, engine: Engine, tmp_path: Path, name: str) -> None:
        """Live, halted, never there, the project's own: refused, and nothing is written."""
        worked(engine, "live", end=False)
        worked(engine, "halted", end=False)
        engine.session("halted").tool("shell", {"command": "stop"}, call_id="2")
        engine.record("@project", "governance.paused", {"until_ms": 1, "by": "", "reason": ""},
                      actor="me")  # fmt: skip

        with pytest.raises(MisuseError):
            engine.archive(name, tmp_path)

        assert list(tmp_path.iterdir()) == []
        assert engine.journal.removed() == ()

    def test_it_is_archived_again_after_it_came_back(self, engine: Engine, tmp_path: Path) -> None:
        """Each time with its event, and with what came to it since."""
        worked(engine, "s")
        first = engine.archive("s", tmp_path)
        engine.unarchive(first.path)
        again = engine.archive("s", tmp_path)
        engine.unarchive(again.path)
        engine.session("s").turn("on")
        engine.session("s").end()
        second = engine.archive("s", tmp_path)

        assert again.path == first.path != second.path
        assert kinds(engine).count("session.archived") == 3
        with pytest.raises(GovernanceError) as refused:
            engine.unarchive(first.path)
        assert refused.value.code == "GOV521"

    def test_a_body_that_is_no_text_is_kept(self, tmp_path: Path) -> None:
        """Rows go as they are stored, whatever bytes they are: encrypted ones too."""
        journal = MemoryJournal()
        bodies = (bytes(range(256)), b'{"a":"\xc3\xa9"}', b"\xff\xfe")
        journal.append([Append("s", 0, tuple(Row("turn.started", 1, one) for one in bodies))])
        head, rows = journal.head("s"), journal.read("s")

        made = archives.write_archive(journal, head, tmp_path, 1)
        journal.remove("s", expected=head)
        restore_archive(journal, made.path)

        assert journal.read("s") == rows


class TestWhatIsNoArchive:
    @pytest.fixture(name="file")
    def _file(self, engine: Engine, tmp_path: Path) -> Path:
        worked(engine, "s")
        return engine.archive("s", tmp_path).path

    def test_every_flipped_byte_is_found(self, engine: Engine, file: Path) -> None:
        """Wherever it is changed or cut it is refused, and the tombstone stays."""
        whole = file.read_bytes()
        for at in range(0, len(whole), max(1, len(whole) // 60)):
            for damaged in (whole[:at], whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :]):
                file.write_bytes(damaged)
                try:
                    assert check_archive(file).head == engine.journal.removed()[0]
                except GovernanceError as error:
                    assert error.code == "GOV525"  # noqa: PT017 - either is right, not another
                else:
                    # A bit of the packing that changes nothing of what is packed.
                    assert len(damaged) == len(whole)
        file.write_bytes(whole)
        assert check_archive(file).head == engine.journal.removed()[0]

    def test_a_changed_row_is_found_by_the_chain(self, engine: Engine, file: Path) -> None:
        """Packed anew with another word in it, each row of it is refused."""
        lines = _unpacked(file)
        for at in range(1, len(lines)):
            told = json.loads(lines[at])
            for change in ({"at_ms": told["at_ms"] + 1}, {"kind": "x"}, {"seq": 7.5}, {"key": 1},
                           {"body": 3}, {"durable": "yes"}, {"hash": "zz"}):  # fmt: skip
                changed = [*lines[:at], json.dumps({**told, **change}).encode(), *lines[at + 1 :]]
                file.write_bytes(gzip.compress(b"\n".join(changed) + b"\n"))
                with pytest.raises(GovernanceError) as refused:
                    engine.unarchive(file)
                assert refused.value.code == "GOV525"
        assert engine.journal.head("s").seq == 0

    def test_rows_are_missing_or_twice(self, engine: Engine, file: Path) -> None:
        """As many as the head says, each once."""
        lines = _unpacked(file)
        for changed in (lines[:-1], [*lines, lines[-1]], [lines[0], *lines[2:]], [], [b"[]"]):
            file.write_bytes(gzip.compress(b"\n".join(changed) + b"\n"))
            with pytest.raises(GovernanceError) as refused:
                engine.unarchive(file)
            assert refused.value.code == "GOV525"

    def test_a_bomb_is_not_unpacked(
        self, engine: Engine, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A small file of a huge line costs no more memory than the longest row may."""
        line_bytes_max = 1_000_000
        monkeypatch.setattr(archives, "LINE_BYTES_MAX", line_bytes_max)
        header = _unpacked(file)[0]
        bomb = gzip.compress(b"x" * 64 * line_bytes_max)
        tracemalloc.start()
        for content in (bomb, gzip.compress(header + b"\n") + bomb):
            file.write_bytes(content)
            with pytest.raises(GovernanceError) as refused:
                engine.unarchive(file)
            assert refused.value.code == "GOV525"
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 4 * line_bytes_max

    @pytest.mark.parametrize(
        "content", [b"", b"\x28\xb5\x2f\xfd", b"\x1f\x8b", b"PK\x03\x04", b"\x1f\x8bxxxxxxxx"]
    )
    def test_other_files_are_refused(self, engine: Engine, tmp_path: Path, content: bytes) -> None:
        """By name, whatever they begin with."""
        other = tmp_path / "other"
        other.write_bytes(content)
        for file in (other, tmp_path / "none", tmp_path):
            with pytest.raises(GovernanceError) as refused:
                engine.unarchive(file)
            assert refused.value.code == "GOV525"

    def test_a_newer_format_is_refused_by_its_number(self, engine: Engine, file: Path) -> None:
        """Nothing is guessed of what a later version wrote."""
        lines = _unpacked(file)
        newer = json.dumps({**json.loads(lines[0]), "version": 3}).encode()
        file.write_bytes(gzip.compress(b"\n".join([newer, *lines[1:]]) + b"\n"))

        with pytest.raises(GovernanceError, match="version 3"):
            engine.unarchive(file)


def _unpacked(file: Path) -> list[bytes]:
    with file.open("rb") as raw, archives._unpacking(file, raw) as stream:
        return stream.read().splitlines()


class TestPacking:
    @pytest.mark.parametrize("packer", ["zst", "gz"])
    def test_it_takes_a_third_of_what_was_said(
        self, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packer: str
    ) -> None:
        """Texts as people write them: a message for each section of the how-to pages."""
        if packer == "gz":
            monkeypatch.setitem(sys.modules, "backports.zstd", None)
            monkeypatch.setitem(sys.modules, "compression.zstd", None)
        session = engine.start("s")
        for text in "".join(PAGES).split("\n## "):
            session.message("assistant", text)
        session.end()

        made = engine.archive("s", tmp_path).path

        size_bytes = sum(len(line) + 1 for line in _unpacked(made))
        assert made.name.endswith(packer)
        assert size_bytes > 100_000
        assert size_bytes / made.stat().st_size >= RATIO_MIN

    def test_without_zstd_it_is_gzip(
        self, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A session can be archived wherever it can be governed, and every Python reads it."""
        worked(engine, "s")
        monkeypatch.setitem(sys.modules, "backports.zstd", None)
        monkeypatch.setitem(sys.modules, "compression.zstd", None)
        head = engine.journal.head("s")

        made = engine.archive("s", tmp_path)

        assert made.path.name.endswith(".jsonl.gz")
        assert engine.unarchive(made.path) == head

    def test_a_packed_file_without_zstd_says_what_is_missing(
        self, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The remedy is the extra, and the file is not called damaged."""
        worked(engine, "s")
        made = engine.archive("s", tmp_path)
        assert made.path.name.endswith(".jsonl.zst")
        monkeypatch.setitem(sys.modules, "backports.zstd", None)
        monkeypatch.setitem(sys.modules, "compression.zstd", None)

        with pytest.raises(GovernanceError, match=r"session-governance\[zstd\]"):
            engine.unarchive(made.path)

    def test_a_folder_that_is_a_file(self, engine: Engine, tmp_path: Path) -> None:
        """The session stays."""
        worked(engine, "s")
        (tmp_path / "a").write_text("x")

        with pytest.raises(GovernanceError) as refused:
            engine.archive("s", tmp_path / "a")

        assert refused.value.code == "GOV525"
        assert engine.journal.head("s").seq


class TestRetention:
    def test_each_bound_asks_for_the_oldest(self) -> None:
        """By age, by number and by size; what is needed stays and still counts."""
        found = [Candidate(f"s{n}", n * DAY_MS, 100, "live" if n == 1 else "") for n in range(5)]
        now = 5 * DAY_MS

        def gone(**bounds: int) -> list[tuple[str, str]]:
            return list(plan(found, RetentionPolicy(**bounds), now))

        assert gone() == []
        assert gone(age_ms_max=3 * DAY_MS) == [("s0", "age")]
        assert gone(sessions_max=3) == [("s0", "count"), ("s2", "count")]
        assert gone(bytes_max=250) == [("s0", "size"), ("s2", "size"), ("s3", "size")]
        assert gone(age_ms_max=DAY_MS * 4, sessions_max=4) == [("s0", "age")]
        assert list(plan(found, RetentionPolicy(age_ms_max=1), -now)) == []

    def test_what_cannot_be_read_takes_no_place(self) -> None:
        """It can never go, so that the newest would have to, once there are enough of it."""
        lost = [Candidate(f"l{n}", 0, 0, "it was erased", False) for n in range(3)]
        found = [*lost, *(Candidate(f"s{n}", n * DAY_MS, 100) for n in range(1, 5))]

        for count, gone in ((4, ()), (3, ("s1",)), (1, ("s1", "s2", "s3"))):
            policy = RetentionPolicy(sessions_max=count)
            assert plan(found, policy, 5 * DAY_MS) == tuple((one, "count") for one in gone)

    def test_what_somebody_needs_stays(
        self, engine: Engine, clock: ManualClock, tmp_path: Path
    ) -> None:
        """Live, halted, branched off, under a live parent, in conflict: each for its reason."""
        for name in ("old", "parent", "trunk"):
            worked(engine, name)
        worked(engine, "halted", end=False)
        engine.session("halted").tool("shell", {"command": "stop"}, call_id="2")
        engine.branch("trunk", name="twig")
        clock.advance(10 * DAY_MS)
        worked(engine, "live", end=False)
        policy = RetentionPolicy(age_ms_max=DAY_MS, folder=str(tmp_path))

        planned = engine.prune(policy, dry_run=True)
        assert engine.journal.removed() == ()
        report = engine.prune(policy, actor="me")

        assert planned.gone == report.gone
        assert {name for name, _ in report.gone} == {"old", "parent", "twig"}
        assert dict(report.needed) == {
            "halted": "it is halted",
            "trunk": "`twig` was branched off it",
        }
        assert {one.session for one in engine.journal.sessions()} == {
            "@project", "halted", "live", "trunk",
        }  # fmt: skip
        assert {name for name, _ in engine.prune(policy, actor="me").gone} == {"trunk"}
        assert engine.journal.verify().ok
        last = engine.events("@project", limit=1, reverse=True)[0]
        assert (last.name, last.data["archived"], last.data["by"]) == ("retention.pruned", 1, "me")

    def test_a_sub_session_of_a_live_parent_stays(
        self, engine: Engine, clock: ManualClock, tmp_path: Path
    ) -> None:
        """Its figures may still be asked for."""
        parent = engine.start("p")
        parent.turn("go")
        parent.child("c").end()
        clock.advance(2 * DAY_MS)

        (child,) = [
            one for one in candidates(engine.journal, clock.now_ms()) if one.session == "p/c"
        ]

        assert child.needed == "`p`, whose sub-session it is, is live"

    def test_without_an_archive_the_rows_are_gone(self, engine: Engine, clock: ManualClock) -> None:
        """The event says so, and the store still proves itself."""
        worked(engine, "s")
        clock.advance(2 * DAY_MS)

        engine.prune(RetentionPolicy(age_ms_max=DAY_MS), actor="me")

        assert kinds(engine) == ["session.removed", "retention.pruned"]
        assert engine.journal.verify().ok
        assert engine.session("s").turn("go").denied

    def test_a_running_engine_keeps_the_store(
        self, law: Law, clock: ManualClock, tmp_path: Path
    ) -> None:
        """When it is due, once for all processes, and in a thread of its own."""
        journal = MemoryJournal()
        policy = RetentionPolicy(age_ms_max=DAY_MS, folder=str(tmp_path))
        keepers = [Keeper(policy, 3_600_000) for _ in range(2)]
        engines = [
            memory_engine(law=law, clock=clock, journal=journal,
                          options=EngineOptions(run=f"r{n}", keeper=one))
            for n, one in enumerate(keepers)
        ]  # fmt: skip
        worked(engines[0], "old")
        keepers[0].wait()
        clock.advance(2 * DAY_MS)

        worked(engines[0], "new")
        worked(engines[1], "newer")
        for one in keepers:
            one.wait()

        assert [one.session for one in journal.removed()] == ["old"]
        assert kinds(engines[0]).count("retention.pruned") == 1
        lease = journal.shelf.get("lease", "retention")
        assert lease is not None
        assert int(lease.value) == clock.now_ms()
        for one in engines:
            one.close()

    def test_a_clock_that_went_back_puts_no_run_off(self, law: Law, clock: ManualClock) -> None:
        """By whichever process the last run was: the next one comes after an interval at most."""
        policy = RetentionPolicy(age_ms_max=DAY_MS)
        keeper = Keeper(policy, 3_600_000)
        options = EngineOptions(run="r", keeper=keeper)
        with memory_engine(law=law, clock=clock, options=options) as engine:
            worked(engine, "old")
            keeper.wait()
            clock.skew(-10 * DAY_MS)
            worked(engine, "older")
            keeper.wait()
            lease = engine.journal.shelf.get("lease", "retention")
            assert lease is not None
            assert int(lease.value) == clock.now_ms()

    def test_a_lease_that_is_damaged_keeps_nobody(self, law: Law, clock: ManualClock) -> None:
        """It is taken as one of long ago, and written anew."""
        keeper = Keeper(RetentionPolicy(age_ms_max=DAY_MS), 3_600_000)
        options = EngineOptions(run="r", keeper=keeper)
        journal = MemoryJournal()
        journal.shelf.put("lease", "retention", b"{damaged")
        with memory_engine(law=law, clock=clock, journal=journal, options=options) as engine:
            worked(engine, "old")
            keeper.wait()
            lease = journal.shelf.get("lease", "retention")
            assert lease is not None
            assert int(lease.value) == clock.now_ms()

    def test_a_run_that_finds_no_thread_stops_nobody(
        self, law: Law, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What was asked is answered, and the next run takes it up."""
        keeper = Keeper(RetentionPolicy(age_ms_max=DAY_MS), 1)
        options = EngineOptions(run="r", keeper=keeper)
        with memory_engine(law=law, clock=clock, options=options) as engine:
            with monkeypatch.context() as patched:
                patched.setattr("threading.Thread.start", _no_thread)
                worked(engine, "old")
            keeper.wait()
            assert engine.journal.shelf.get("lease", "retention") is None
            clock.advance(2)
            worked(engine, "new")
            keeper.wait()
            assert engine.journal.shelf.get("lease", "retention") is not None

    def test_what_cannot_be_pruned_stops_nobody(
        self, law: Law, clock: ManualClock, tmp_path: Path
    ) -> None:
        """The failure is told in the journal; work goes on."""
        (tmp_path / "file").write_text("x")
        policy = RetentionPolicy(age_ms_max=DAY_MS, folder=str(tmp_path / "file"))
        keeper = Keeper(policy, 1)
        options = EngineOptions(run="r", keeper=keeper)
        with memory_engine(law=law, clock=clock, options=options) as engine:
            worked(engine, "old")
            keeper.wait()
            clock.advance(2 * DAY_MS)
            worked(engine, "new")
            keeper.wait()
            told = engine.events("@project", limit=1, reverse=True)[0]

            assert told.name == "retention.pruned"
            assert "cannot be written" in str(told.data["problem"])
            assert engine.state("old").state is State.ENDED

    def test_the_newest_sessions_are_brought_in(self, law: Law, clock: ManualClock) -> None:
        """As many as asked for, those that moved last."""
        journal = MemoryJournal()
        with memory_engine(law=law, clock=clock, journal=journal) as engine:
            for n in range(5):
                worked(engine, f"s{n}")
            engine.session("s0").turn("again")
            with memory_engine(law=law, clock=clock, journal=journal) as other:
                assert other.preload(2) == 2
                held = {one.id for one in other.live.oldest(10)}
                assert held == {"s4", "s0"}


def _no_thread(_: object) -> None:
    raise RuntimeError("can't start new thread")


def test_a_note_of_a_living_session_is_given_up(engine: Engine, clock: ManualClock) -> None:
    """A process that died before the rows went leaves a note; it goes, and the session stays."""
    worked(engine, "s")
    note = {"session": "s", "head": 1, "hash": "00", "rows": 1, "path": "", "why": "person",
            "by": "me", "key": "k", "armed": True, "at_ms": clock.now_ms()}  # fmt: skip
    engine.journal.shelf.put("archiving", "s", json.dumps(note).encode())

    engine.prune(RetentionPolicy(), actor="me")
    assert engine.journal.shelf.get("archiving", "s") is not None
    clock.advance(DAY_MS)
    engine.prune(RetentionPolicy(), actor="me")

    assert engine.journal.shelf.get("archiving", "s") is None
    assert engine.state("s").state is State.ENDED


def test_two_that_archive_at_once_leave_one_event(
    law: Law, clock: ManualClock, tmp_path: Path
) -> None:
    """Whoever removes the rows, one file and one event are left, and no note."""
    journal = MemoryJournal()
    with (
        memory_engine(law=law, clock=clock, journal=journal) as one,
        memory_engine(law=law, clock=clock, journal=journal) as other,
    ):
        for number in range(20):
            worked(one, f"s{number}")
        ready = threading.Barrier(2)

        def archive(engine: Engine) -> int:
            ready.wait()
            done = 0
            for number in range(20):
                try:
                    engine.archive(f"s{number}", tmp_path)
                    done += 1
                except MisuseError:
                    continue
            return done

        with ThreadPoolExecutor(2) as pool:
            done = sum(pool.map(archive, (one, other)))

        assert done == 20
        told = [event.data["session"] for event in one.events("@project")]
        assert sorted(told) == sorted(f"s{number}" for number in range(20))
        assert journal.shelf.scan("archiving") == ()
        assert len(list(tmp_path.iterdir())) == 20
