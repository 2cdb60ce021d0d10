"""
Many callers, one commit: the first caller that finds nobody leading commits for all who wait.

A caller that waits for its answer leads in its own thread, so a single one pays two lock
operations and no hop. A leader commits one group and hands over to whoever queued up
meanwhile. Of its group it wakes one caller, who wakes two more, and so on: woken all at once,
they would only wait again, for the interpreter, and hold up the next leader. Callers that do
not wait (an event loop must not) are led by one thread, which is started for the first of them
and ended by `close`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from attrs import field

from governance._attrs import define
from governance.errors import JournalError, MisuseError, StoreBusy
from governance.journal.records import Append, Appended, Conflict, Duplicate

if TYPE_CHECKING:
    from queue import SimpleQueue

WAITING_MAX = 4_096
"""Callers that may queue; the next one gets `StoreBusy` at once."""

GROUP_REQUESTS_MAX = 256
GROUP_ROWS_MAX = 10_000
GROUP_BYTES_MAX = 16 * 1024 * 1024
"""How much one commit takes along, besides what its leader brings."""

WOKEN_BY_ONE = 2
WAKE_SECONDS_MAX = 1.0
"""How long a caller sleeps whose answer is there, when who should wake it was interrupted."""


@define(eq=False, repr=False)
class Request:
    """
    One caller's append on its way: what it wants, and what became of it.

    Attributes:
        solo: Instead of an append, work that wants the store to itself.

        done: Called once it is settled, in whatever thread led it, instead of a caller that
            waits; must be quick, and raise nothing.

        told: Called after `done`, once for all of a group that have the same one.

        gate: What its caller sleeps at; ``None``: it does not wait, or not any more.

        following: The gates that its caller opens once it is awake.

        leads: The last leader has handed over to it.
    """

    batch: tuple[Append, ...]
    key: str | None
    durable: bool
    rows: int
    size_bytes: int
    solo: Callable[[], None] | None = None
    done: Callable[[], None] | None = field(default=None, init=False)
    told: Callable[[], None] | None = field(default=None, init=False)
    until: float = field(default=0.0, init=False)
    answer: Appended | Conflict | Duplicate | None = field(default=None, init=False)
    error: JournalError | None = field(default=None, init=False)
    gate: threading.Lock | None = field(default=None, init=False)
    following: tuple[threading.Lock, ...] = field(default=(), init=False)
    leads: bool = field(default=False, init=False)

    @classmethod
    def of(cls, batch: tuple[Append, ...], key: str | None) -> Request:
        """A request to write *batch* under *key*; durable if any of its rows is."""
        durable, rows, size_bytes = False, 0, 0
        for one in batch:
            for row in one.rows:
                durable = durable or row.durable
                rows += 1
                size_bytes += len(row.body)
        return cls(batch, key, durable, rows, size_bytes)

    @classmethod
    def alone(cls, work: Callable[[], None]) -> Request:
        """A request to run *work* while nobody commits."""
        return cls((), None, False, 0, 0, work)

    @property
    def settled(self) -> bool:
        return self.answer is not None or self.error is not None

    def outcome(self) -> Appended | Conflict | Duplicate:
        """The answer, or the error raised in its own caller."""
        if self.error is not None:
            raise self.error
        # INVARIANT: a caller comes back only after its request was settled.
        assert self.answer is not None, "a request was left without an answer"
        return self.answer


class Committer(Protocol):
    """What a leader needs of the store: write a group, settling every request in it."""

    def begin(self, durable: bool, wait_ms: int) -> None:
        """Take the store's write lock, waiting at most *wait_ms*; else `StoreBusy`."""
        ...

    def commit(self, group: list[Request]) -> None:
        """Write *group* and settle each of its requests; never raises a `JournalError`."""
        ...


@define(eq=False, repr=False)
class GroupCommit:
    """The queue in front of a `Committer`. Thread-safe."""

    _committer: Committer
    _lock: threading.Lock = field(factory=threading.Lock, init=False)
    _waiting: list[Request] = field(factory=list, init=False)
    _led: bool = field(default=False, init=False)
    _leader: Leader | None = field(default=None, init=False)
    _alone: int = field(default=0, init=False)

    def submit(self, request: Request, wait_ms: int) -> Appended | Conflict | Duplicate:
        """
        What became of *request*, once it is settled.

        Raises:
            StoreBusy: The store stayed locked for *wait_ms*, or too many callers wait.
            JournalError: Whatever else the committer says; nothing was written then, but
                for `OutcomeUnknown`.
        """
        self._go_through(request, wait_ms)
        return request.outcome()

    def submit_later(
        self,
        request: Request,
        done: Callable[[], None],
        wait_ms: int,
        told: Callable[[], None] | None = None,
    ) -> None:
        """
        As `submit`, without waiting: *done* is called once *request* is settled, then *told*.

        They may be called before this returns, and *told* is called once for all of a commit
        that were handed in with it. What `submit` would have raised is then raised by
        `Request.outcome`.

        Raises:
            StoreBusy: Too many callers wait; *done* is never called.
        """
        self._refuse_nested()
        request.done, request.told = done, told
        request.until = time.monotonic() + wait_ms / 1000
        with self._lock:
            if self._leader is None:
                self._leader = Leader.started(self._lead_other)
            if self._led:
                self._check_room()
                self._waiting.append(request)
                return
            self._led = True
        self._leader.requests.put(request)

    def close(self) -> None:
        """End the thread that leads for others, once it has led whom it was given."""
        leader = self._leader
        if leader is not None:
            leader.requests.put(None)
            leader.thread.join()

    def _lead_other(self, request: Request) -> None:
        try:
            self._lead(request, request.until)
        except BaseException as error:  # noqa: BLE001 - its caller is told, and others go on
            if not request.settled:
                if not isinstance(error, JournalError):
                    error = JournalError(f"the append was interrupted: {error!r}")
                request.error = error
        finally:
            self._hand_over()
            self._answer([request])

    def alone(self, work: Callable[[], None], wait_ms: int) -> None:
        """
        Run *work*, in its turn, while nobody commits; it takes the store's lock itself.

        Raises:
            StoreBusy: Its turn did not come within *wait_ms*, or too many callers wait.
        """
        self._go_through(Request.alone(work), wait_ms)

    def _go_through(self, request: Request, wait_ms: int) -> None:
        self._refuse_nested()
        until = time.monotonic() + wait_ms / 1000
        gate = None
        with self._lock:
            if not self._led:
                self._led = True
            else:
                self._check_room()
                gate = request.gate = threading.Lock()
                gate.acquire()
                self._waiting.append(request)
        if gate is None or self._wait_turn(request, gate, until):
            try:
                self._lead(request, until)
            finally:
                self._hand_over()

    def _refuse_nested(self) -> None:
        # Who has the store to itself would wait for itself.
        if self._alone and self._alone == threading.get_ident():
            raise MisuseError("nothing else can be written to a journal in one's turn of it")

    def _check_room(self) -> None:
        if len(self._waiting) >= WAITING_MAX:
            raise StoreBusy(
                f"{WAITING_MAX} callers wait for the store already",
                remedy="try again in a moment",
            )

    def _wait_turn(self, request: Request, gate: threading.Lock, until: float) -> bool:
        """Wait for an answer; ``True`` where this caller must lead instead."""
        try:
            while not gate.acquire(
                timeout=max(0.0, min(until - time.monotonic(), WAKE_SECONDS_MAX))
            ):
                if request.settled:
                    break
                if time.monotonic() >= until:
                    self._leave(request)
                    # Some leader holds it, in a commit that is under way: its end is near,
                    # and only that end says whether the rows were written.
                    until += WAKE_SECONDS_MAX
            return not request.settled
        except BaseException:
            self._give_up(request)
            raise
        finally:
            for one in request.following:
                one.release()

    def _give_up(self, request: Request) -> None:
        """Its caller was interrupted in its sleep: nobody may wait for it to lead."""
        with self._lock:
            if request in self._waiting:
                self._waiting.remove(request)
        if request.leads:
            self._hand_over()

    def _leave(self, request: Request) -> None:
        with self._lock:
            if request in self._waiting:
                self._waiting.remove(request)
                raise StoreBusy("the store stayed locked past the deadline", remedy="try again")

    def _lead(self, own: Request, until: float) -> None:
        own.gate = None
        if own.solo is not None:
            self._alone = threading.get_ident()
            try:
                own.solo()
            finally:
                self._alone = 0
            return
        durable = own.durable
        if self._waiting and not durable:
            with self._lock:
                durable = any(one.durable for one in self._waiting)
        self._committer.begin(durable, max(0, int((until - time.monotonic()) * 1000)))
        group = self._take(own, durable)
        try:
            self._committer.commit(group)
        finally:
            for one in group:
                if not one.settled:
                    one.error = JournalError("the append was interrupted; nothing was written")
            self._answer(group)

    def _take(self, own: Request, durable: bool) -> list[Request]:
        """
        Everything that waits and fits, *own* first.

        Taken after the lock was won, so that callers who came while it was waited for ride
        along; a durable one that came into a commit that is not synced waits for the next.
        """
        group, rows, size = [own], 0, 0
        if not self._waiting:
            return group
        left: list[Request] = []
        with self._lock:
            for one in self._waiting:
                if one.solo is not None:
                    left.append(one)
                    continue
                rows += one.rows
                size += one.size_bytes
                fits = (
                    len(group) < GROUP_REQUESTS_MAX
                    and rows <= GROUP_ROWS_MAX
                    and size <= GROUP_BYTES_MAX
                    and (durable or not one.durable)
                )
                (group if fits else left).append(one)
            self._waiting = left
        return group

    @staticmethod
    def _answer(requests: Sequence[Request]) -> None:
        """Tell whoever handed *requests* in that they are settled, each once; who leads knows."""
        last: dict[Callable[[], None], None] = {}
        asleep: list[Request] = []
        gates: list[threading.Lock] = []
        for one in requests:
            if one.gate is not None:
                asleep.append(one)
                gates.append(one.gate)
            elif one.done is not None:
                one.done()
                if one.told is not None:
                    last[one.told] = None
            one.gate = one.done = None
        for place, one in enumerate(asleep):
            first = WOKEN_BY_ONE * place + 1
            one.following = tuple(gates[first : first + WOKEN_BY_ONE])
        for gate in gates[:1]:
            gate.release()
        for told in last:
            told()

    def _hand_over(self) -> None:
        with self._lock:
            if not self._waiting:
                self._led = False
                return
            heir = self._waiting.pop(0)
            heir.leads = True
        if heir.gate is not None:
            heir.gate.release()
            return
        # INVARIANT: whoever waits has a gate, or was handed in where a leader was started.
        assert self._leader is not None
        self._leader.requests.put(heir)


@define(eq=False, repr=False)
class Leader:
    """The thread that leads for callers that do not wait: one request after the other."""

    requests: SimpleQueue[Request | None]
    thread: threading.Thread

    @classmethod
    def started(cls, lead: Callable[[Request], None]) -> Leader:
        """A thread that calls *lead* with every request that is put, until it gets none."""
        from queue import SimpleQueue

        requests: SimpleQueue[Request | None] = SimpleQueue()

        def run() -> None:
            while (request := requests.get()) is not None:
                lead(request)

        thread = threading.Thread(target=run, name="governance-commit", daemon=True)
        thread.start()
        return cls(requests, thread)
