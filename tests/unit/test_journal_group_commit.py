"""The queue of callers in front of one commit: who leads, who rides along, who gives up."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable
from functools import partial

import pytest
from attrs import Factory, define, field

from governance.errors import JournalError, StoreBusy
from governance.journal import group_commit
from governance.journal.group_commit import GroupCommit, Request
from governance.journal.records import Append, Appended, Row

_WAIT_MS = 20_000


def _request(name: str, *, durable: bool = True, rows: int = 1) -> Request:
    return Request.of((Append(name, 0, (Row("k", 0, b"", durable),) * rows),), None)


@define(eq=False)
class Recorder:
    """A committer in memory: it notes its groups and can be held at its lock."""

    groups: list[list[str]] = Factory(list)
    levels: list[bool] = Factory(list)
    free: threading.Event = field(factory=threading.Event)
    entered: threading.Event = field(factory=threading.Event)
    failure: BaseException | None = None

    def __attrs_post_init__(self) -> None:
        self.free.set()

    def begin(self, durable: bool, wait_ms: int) -> None:
        self.entered.set()
        if not self.free.wait(wait_ms / 1000):
            raise StoreBusy("held")
        self.levels.append(durable)

    def commit(self, group: list[Request]) -> None:
        self.groups.append([one.batch[0].session for one in group])
        if self.failure is not None:
            raise self.failure
        for one in group:
            one.answer = Appended((), ())


def _start(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def _await_queue(queue: GroupCommit, length: int) -> None:
    deadline = time.monotonic() + 20
    while len(queue._waiting) < length:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_a_single_caller_leads_itself_in_its_own_thread() -> None:
    """Without company there is no hop: begin and commit run where submit was called."""
    seen: list[int] = []

    class Here(Recorder):
        def commit(self, group: list[Request]) -> None:
            seen.append(threading.get_ident())
            super().commit(group)

    queue = GroupCommit(Here())
    assert isinstance(queue.submit(_request("a"), _WAIT_MS), Appended)
    assert seen == [threading.get_ident()]


def test_callers_that_come_while_the_lock_is_waited_for_ride_along() -> None:
    """One commit takes everybody who queued before it began; nobody is left or taken twice."""
    recorder = Recorder()
    recorder.free.clear()
    queue = GroupCommit(recorder)
    threads = [
        _start(lambda n=n: queue.submit(_request(f"s{n}"), _WAIT_MS))  # type: ignore[misc]
        for n in range(6)
    ]
    _await_queue(queue, 5)
    recorder.free.set()
    for thread in threads:
        thread.join()
    assert [sorted(group) for group in recorder.groups] == [[f"s{n}" for n in range(6)]]


def test_a_durable_caller_never_rides_in_an_unsynced_commit() -> None:
    """A durable append that arrives once an unsynced commit was begun waits for the next."""
    recorder = Recorder()
    recorder.free.clear()
    queue = GroupCommit(recorder)
    first = _start(lambda: queue.submit(_request("seen", durable=False), _WAIT_MS))
    recorder.entered.wait()
    second = _start(lambda: queue.submit(_request("decided"), _WAIT_MS))
    third = _start(lambda: queue.submit(_request("seen too", durable=False), _WAIT_MS))
    _await_queue(queue, 2)
    recorder.free.set()
    for thread in (first, second, third):
        thread.join()
    assert recorder.groups == [["seen", "seen too"], ["decided"]]
    assert recorder.levels == [False, True]


def test_a_group_has_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not fit into one commit goes into the next; the leader's own always fits."""
    monkeypatch.setattr(group_commit, "GROUP_ROWS_MAX", 3)
    recorder = Recorder()
    recorder.free.clear()
    queue = GroupCommit(recorder)
    threads = [_start(lambda: queue.submit(_request("own", rows=9), _WAIT_MS))]
    recorder.entered.wait()
    for n in range(4):
        threads.append(
            _start(lambda n=n: queue.submit(_request(f"s{n}", rows=2), _WAIT_MS))  # type: ignore[misc]
        )
        _await_queue(queue, n + 1)
    recorder.free.set()
    for thread in threads:
        thread.join()
    assert recorder.groups == [["own", "s0"], ["s1", "s2"], ["s3"]]


def test_the_queue_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """One caller too many is told at once that the store is busy."""
    monkeypatch.setattr(group_commit, "WAITING_MAX", 0)
    recorder = Recorder()
    recorder.free.clear()
    queue = GroupCommit(recorder)
    first = _start(lambda: queue.submit(_request("a"), _WAIT_MS))
    recorder.entered.wait()
    with pytest.raises(StoreBusy, match="wait for the store already"):
        queue.submit(_request("b"), _WAIT_MS)
    recorder.free.set()
    first.join()
    assert recorder.groups == [["a"]]


def test_everybody_hears_where_one_who_should_wake_others_is_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Callers wake each other; one that was interrupted in its sleep keeps no answer back."""
    monkeypatch.setattr(group_commit, "WAKE_SECONDS_MAX", 0.05)
    recorder = Recorder()
    recorder.free.clear()
    queue = GroupCommit(recorder)
    threads = [_start(lambda: queue.submit(_request("a"), _WAIT_MS))]
    recorder.entered.wait()
    gone = _request("gone")
    gone.gate = threading.Lock()
    gone.gate.acquire()
    queue._waiting.append(gone)
    threads += [
        _start(lambda n=n: queue.submit(_request(f"s{n}"), _WAIT_MS))  # type: ignore[misc]
        for n in range(6)
    ]
    _await_queue(queue, 7)
    began = time.monotonic()
    recorder.free.set()
    for thread in threads:
        thread.join(_WAIT_MS / 1000)
    assert not any(thread.is_alive() for thread in threads)
    assert time.monotonic() - began < _WAIT_MS / 2000
    assert len(recorder.groups) == 1


def test_a_caller_that_is_interrupted_in_its_sleep_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It leaves the queue, in which it would be the next to lead; the one behind it leads."""
    monkeypatch.setattr(group_commit, "WAKE_SECONDS_MAX", 0.01)
    recorder = Recorder()
    recorder.free.clear()
    queue = GroupCommit(recorder)
    interrupted: list[str] = []

    def sleeper() -> None:
        with pytest.raises(KeyboardInterrupt):
            queue.submit(_request("interrupted"), _WAIT_MS)
        interrupted.append("yes")

    threads = [_start(lambda: queue.submit(_request("seen", durable=False), _WAIT_MS))]
    recorder.entered.wait()
    threads.append(_start(sleeper))
    _await_queue(queue, 1)
    threads.append(_start(lambda: queue.submit(_request("next"), _WAIT_MS)))
    _await_queue(queue, 2)
    raised = ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(threads[1].ident or 0), ctypes.py_object(KeyboardInterrupt)
    )
    assert raised == 1
    threads[1].join(_WAIT_MS / 1000)
    recorder.free.set()
    for thread in threads:
        thread.join(_WAIT_MS / 1000)
    assert interrupted == ["yes"]
    assert recorder.groups == [["seen"], ["next"]]


def test_who_gives_up_is_not_written_later() -> None:
    """A follower past its deadline leaves the queue; the commit that follows is without it."""
    recorder = Recorder()
    recorder.free.clear()
    queue = GroupCommit(recorder)
    first = _start(lambda: queue.submit(_request("a"), _WAIT_MS))
    recorder.entered.wait()
    with pytest.raises(StoreBusy, match="past the deadline"):
        queue.submit(_request("b"), 10)
    recorder.free.set()
    first.join()
    assert isinstance(queue.submit(_request("c"), _WAIT_MS), Appended)
    assert recorder.groups == [["a"], ["c"]]


def test_a_leader_that_cannot_begin_hands_over() -> None:
    """A leader past its own deadline fails alone; the next in the queue leads."""
    recorder = Recorder()
    recorder.free.clear()
    queue = GroupCommit(recorder)
    outcome: list[object] = []

    def impatient() -> None:
        with pytest.raises(StoreBusy):
            queue.submit(_request("a"), 200)
        outcome.append("busy")

    first = _start(impatient)
    recorder.entered.wait()
    second = _start(lambda: outcome.append(queue.submit(_request("b"), _WAIT_MS)))
    first.join()
    recorder.free.set()
    second.join()
    assert outcome == ["busy", Appended((), ())]
    assert recorder.groups == [["b"]]


def test_an_interrupted_leader_leaves_no_caller_hanging() -> None:
    """When the leading thread is interrupted, its followers get an error, and the queue lives."""
    recorder = Recorder(failure=KeyboardInterrupt())
    recorder.free.clear()
    queue = GroupCommit(recorder)
    outcome: list[str] = []

    def leader() -> None:
        with pytest.raises(KeyboardInterrupt):
            queue.submit(_request("a"), _WAIT_MS)
        outcome.append("interrupted")

    def follower() -> None:
        with pytest.raises(JournalError, match="nothing was written"):
            queue.submit(_request("b"), _WAIT_MS)
        outcome.append("told")

    first = _start(leader)
    recorder.entered.wait()
    second = _start(follower)
    _await_queue(queue, 1)
    recorder.free.set()
    first.join()
    second.join()
    assert sorted(outcome) == ["interrupted", "told"]
    recorder.failure = None
    assert isinstance(queue.submit(_request("c"), _WAIT_MS), Appended)


def test_work_that_wants_the_store_alone_gets_its_turn() -> None:
    """Solo work waits for the commit under way, is not taken into a group, and then runs."""
    recorder = Recorder()
    recorder.free.clear()
    queue = GroupCommit(recorder)
    ran: list[int] = []
    first = _start(lambda: queue.submit(_request("a"), _WAIT_MS))
    recorder.entered.wait()
    solo = _start(lambda: queue.alone(lambda: ran.append(len(recorder.groups)), _WAIT_MS))
    _await_queue(queue, 1)
    third = _start(lambda: queue.submit(_request("b"), _WAIT_MS))
    _await_queue(queue, 2)
    assert ran == []
    recorder.free.set()
    for thread in (first, solo, third):
        thread.join()
    assert recorder.groups == [["a", "b"]]
    assert ran == [1]
    with pytest.raises(ZeroDivisionError):
        queue.alone(lambda: 1 // 0, _WAIT_MS)  # type: ignore[arg-type,return-value]
    assert isinstance(queue.submit(_request("c"), _WAIT_MS), Appended)


def _later(queue: GroupCommit, request: Request) -> threading.Event:
    settled = threading.Event()
    queue.submit_later(request, settled.set, _WAIT_MS)
    return settled


def test_a_caller_that_does_not_wait_is_told_when_it_is_settled() -> None:
    """Another thread leads for it; afterwards the queue is free for whoever waits."""
    recorder = Recorder()
    queue = GroupCommit(recorder)
    first = _request("a")
    assert _later(queue, first).wait(20)
    assert isinstance(first.outcome(), Appended)
    assert isinstance(queue.submit(_request("b"), _WAIT_MS), Appended)
    assert recorder.groups == [["a"], ["b"]]
    queue.close()


def test_callers_of_both_kinds_share_a_commit_whoever_leads() -> None:
    """One that waits takes those along that do not, and hands over to them as well."""
    recorder = Recorder()
    recorder.free.clear()
    queue = GroupCommit(recorder)
    leader = _start(lambda: queue.submit(_request("leads"), _WAIT_MS))
    assert recorder.entered.wait(20)
    told = [_later(queue, _request(name)) for name in ("a", "b")]
    waiter = _start(lambda: queue.submit(_request("c"), _WAIT_MS))
    _await_queue(queue, 3)
    recorder.free.set()
    assert all(one.wait(20) for one in told)
    leader.join()
    waiter.join()
    assert sorted(name for group in recorder.groups for name in group) == ["a", "b", "c", "leads"]
    assert isinstance(queue.submit(_request("d"), _WAIT_MS), Appended)
    queue.close()


def test_callers_of_one_commit_are_woken_once_when_all_are_told() -> None:
    """Whoever waits for several hears of them all before it is woken, once for each commit."""
    recorder = Recorder()
    recorder.free.clear()
    queue = GroupCommit(recorder)
    heard: list[str] = []
    woken = threading.Semaphore(0)

    def wake() -> None:
        heard.append("wake")
        woken.release()

    queue.submit_later(_request("a"), lambda: heard.append("a"), _WAIT_MS, wake)
    assert recorder.entered.wait(20)
    for name in ("b", "c"):
        queue.submit_later(_request(name), partial(heard.append, name), _WAIT_MS, wake)
    lonely = _later(queue, _request("d"))
    recorder.free.set()
    assert woken.acquire(timeout=20)
    assert lonely.wait(20)
    assert (recorder.groups, heard) == ([["a", "b", "c", "d"]], ["a", "b", "c", "wake"])
    recorder.failure = JournalError("no")
    queue.submit_later(_request("e"), lambda: heard.append("e"), _WAIT_MS, wake)
    assert woken.acquire(timeout=20)
    assert heard[4:] == ["e", "wake"]
    queue.close()


def test_work_alone_hands_over_to_callers_that_do_not_wait() -> None:
    """Nothing takes a caller along out of the turn of one that wants the store to itself."""
    recorder = Recorder()
    queue = GroupCommit(recorder)
    entered, free = threading.Event(), threading.Event()

    def work() -> None:
        entered.set()
        assert free.wait(20)

    alone = _start(lambda: queue.alone(work, _WAIT_MS))
    assert entered.wait(20)
    told = _later(queue, _request("a"))
    assert not told.wait(0.05)
    free.set()
    assert told.wait(20)
    alone.join()
    queue.close()


@pytest.mark.parametrize("failure", [AssertionError("a bug"), JournalError("no")])
def test_what_fails_for_a_caller_that_does_not_wait_is_its_own_error(
    failure: BaseException,
) -> None:
    """It is told, gets a `JournalError`, and the thread leads the next one all the same."""
    recorder = Recorder()
    recorder.failure = failure
    queue = GroupCommit(recorder)
    request = _request("a")
    assert _later(queue, request).wait(20)
    with pytest.raises(JournalError):
        request.outcome()
    recorder.failure = None
    again = _request("b")
    assert _later(queue, again).wait(20)
    assert isinstance(again.outcome(), Appended)
    queue.close()


def test_a_store_that_stays_locked_is_told_to_callers_that_do_not_wait() -> None:
    """The deadline of the one that leads counts, and it writes nothing."""
    recorder = Recorder()
    recorder.free.clear()
    queue = GroupCommit(recorder)
    request = _request("a")
    settled = threading.Event()
    queue.submit_later(request, settled.set, 10)
    assert settled.wait(20)
    with pytest.raises(StoreBusy):
        request.outcome()
    assert recorder.groups == []
    queue.close()


def test_close_ends_the_thread_that_leads() -> None:
    """No thread is left behind, and none is started where nobody needed one."""
    queue = GroupCommit(Recorder())
    queue.close()
    before = set(threading.enumerate())
    assert _later(queue, _request("a")).wait(20)
    assert set(threading.enumerate()) > before
    queue.close()
    assert set(threading.enumerate()) <= before
