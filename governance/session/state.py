"""What is known of one session: a fold of its journal, and nothing that is not in it."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import blake2b
from sys import intern
from typing import Any, cast

from governance._attrs import frozen
from governance.context import Anchor
from governance.ledger import EMPTY, Ledger
from governance.machine import ABSENT, Registers
from governance.session.metrics import NO_COUNTS, Metrics, Rolled
from governance.session.stall import NO_STALLS
from governance.session.usage import NOTHING_USED, Usage
from governance.states import LIVE_STATES, State
from governance.temporal.registers import NOTHING, Remembered
from governance.values import Json, dump_json, load_json

FOLD_VERSION = 8
"""Version of `SessionState` and `evolve`; a snapshot of another version is not used."""

OPEN_CALLS_MAX = 256
"""Calls that may be open at once; the oldest is settled as unknown beyond it."""

DENIED_CALLS_MAX = 64
"""Denied calls that are remembered, should they run all the same; the oldest is forgotten."""

CHILDREN_MAX = 256

ROLLED_MAX = 256
"""Children of which is remembered what was counted of them; the one told of longest ago goes."""

CONFLICTS_MAX = 100
"""Conflicts of merges that one session may have open."""

MERGES_MAX = 64
"""Sessions of which is remembered up to where they were merged."""

RECENT_MAX = 3
RECENT_CHARS_MAX = 72


@frozen
class OpenCall:
    """
    A tool call that was let through or put to a person, and has no outcome yet.

    Attributes:
        approval: Id of the approval that it waits for or used, or ``""``.

        stale: It was asked because the session is stale; its success clears that.

        paths: Files that it is about to change.

        labels: Labels that it sets once a person has allowed it.

        marks: What rules that look back wait for its outcome with.

        runs_as: Id that its outcome is reported by, where that is another one, or ``""``.

        fingerprint: Of its arguments as they may run, where the host tells which it ran.
    """

    call_id: str
    tool: str
    intent: str
    asked_at_ms: int
    questioned: bool = False
    approval: str = ""
    stale: bool = False
    paths: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    marks: tuple[tuple[Json, ...], ...] = ()
    runs_as: str = ""
    fingerprint: str = ""


@frozen
class DeniedCall:
    """
    A tool call that was denied, should it run all the same.

    Attributes:
        rules: What denied it; each has counted it already, if it counts.
    """

    tool: str
    rules: tuple[str, ...] = ()


_MARK_BYTES = 8


def _mark(call_id: str) -> bytes:
    return blake2b(call_id.encode("utf-8", "surrogatepass"), digest_size=_MARK_BYTES).digest()


@frozen
class MergeConflict:
    """
    A value that two sessions changed each in its own way; the session keeps its own.

    Attributes:
        kind: Kind of value, a name of `governance.session.merging.KINDS`.

        source: Session that was merged.

        sides: The value by ``"base"``, ``"ours"`` and ``"theirs"``; a side that had none
            is absent.
    """

    id: str
    kind: str
    key: str
    source: str
    sides: Mapping[str, Json]


@frozen
class Identity:
    """
    Who a session is: what is said once and seldom changes.

    Attributes:
        depth: 0 for a root, 1 for its child, and so on: the length of a chain.

        parent_roles: Roles of its parents, the nearest first: it may do what all of them may.

        predecessor: Session that this one follows (after a clear, fork or rename).
    """

    host: str = ""
    role: str = ""
    agent: str = ""
    model_id: str = ""
    parent: str = ""
    depth: int = 0
    parent_roles: tuple[str, ...] = ()
    predecessor: str = ""
    language: str = ""
    document_language: str = ""
    phase: str = ""
    style: str = ""
    fields: Mapping[str, Json] | None = None


NOBODY = Identity()


def packed_anchors(anchors: Iterable[Anchor]) -> bytes:
    """
    *anchors* as a live session keeps them: read seldom, and as objects twice as large.

    Raises:
        ValueRefused: They hold something that no journal may hold.
    """
    listed: list[Json] = [[a.id, a.type, a.priority, a.text, a.at_ms] for a in anchors]
    return zlib.compress(dump_json(listed)) if listed else b""


# Without a slot for weak references: nobody has one to a state, and there may be 100,000.
@frozen(weakref_slot=False)
class SessionState:
    """
    One session as its journal tells it.

    Attributes:
        head: Sequence of the last row folded.

        moved_at: Sequence of the last row that moved the state or added to what is owed;
            a briefing rendered before it is outdated.

        run: Process of the host that works on it, ``""`` when the host does not say.

        last_work_at_ms: When work was last seen (turn, tool, child, start, resume), or
            ``None``; the gap is measured from here.

        denied: The newest denied calls, without their ids, shared with sessions that were denied
            the same.

        denied_marks: Their ids, hashed and packed.

        done_tools: Canonical tools that were ok in this epoch.

        labels: Label, when it was set, and whether in this turn and in this context (bits).

        past: What rules that look back remember of it.

        counts: `metrics`, packed.

        kept_anchors: `anchors`, packed.

        stalls: What may show that it goes in circles, a packed `StallWindow`.

        rolled: What the counts hold of each child that has ended, the newest told last.

        recent: The last few things done, one a line, newest last, for notices.

        used: `usage`, packed.

        origin: The session that it was branched off and the row at which, or ``None``.

        merges: Session, its row up to which it was merged, and the own row that says so.

        conflicts: What merges left for a person to decide.

        size_bytes: Bytes of the bodies of its own rows and of the contents that they name; what
            a branch shares counts elsewhere.
    """

    id: str
    registers: Registers = ABSENT
    identity: Identity = NOBODY
    head: int = 0
    moved_at: int = 0
    run: str = ""
    created_at_ms: int = 0
    last_work_at_ms: int | None = None
    interrupted_at_ms: int | None = None
    briefed_sha256: str = ""
    briefed_pack: str = ""
    task: str = ""
    open_calls: tuple[OpenCall, ...] = ()
    denied: tuple[DeniedCall, ...] = ()
    denied_marks: bytes = b""
    done_tools: frozenset[str] = frozenset()
    labels: tuple[tuple[str, int, int], ...] = ()
    past: Remembered = NOTHING
    children: tuple[str, ...] = ()
    rolled: tuple[Rolled, ...] = ()
    recent: str = ""
    kept_anchors: bytes = b""
    ledger: Ledger = EMPTY
    counts: bytes = NO_COUNTS
    stalls: bytes = NO_STALLS
    used: bytes = NOTHING_USED
    origin: tuple[str, int] | None = None
    merges: tuple[tuple[str, int, int], ...] = ()
    conflicts: tuple[MergeConflict, ...] = ()
    size_bytes: int = 0

    def __repr__(self) -> str:
        # What is packed is nothing to read; its properties are.
        at = f"{self.state.value}, head={self.head}, epoch={self.registers.epoch}"
        role = f", role={self.identity.role!r}" if self.identity.role else ""
        told = f"governance_injected={self.governance_injected}"
        return f"<SessionState {self.id!r}: {at}{role}, {told}, violations={self.ledger.total}>"

    @property
    def state(self) -> State:
        """Where the session stands."""
        return self.registers.state

    @property
    def metrics(self) -> Metrics:
        """What the session has done, as counts."""
        return Metrics.unpacked(self.counts)

    @property
    def usage(self) -> Usage:
        """What its model has used in this epoch, as far as the host tells."""
        return Usage.unpacked(self.used)

    @property
    def anchors(self) -> tuple[Anchor, ...]:
        """What the session wrote down on purpose, in the order in which it came."""
        if not self.kept_anchors:
            return ()
        listed = cast("list[list[Any]]", load_json(zlib.decompress(self.kept_anchors)))
        return tuple(Anchor(*fields) for fields in listed)

    @property
    def governance_injected(self) -> bool:
        """Whether the model has been told all it must be told: derived, never stored."""
        return self.registers.governance_injected

    @property
    def live(self) -> bool:
        """Whether somebody works here."""
        return self.registers.state in LIVE_STATES

    def open_call(self, call_id: str) -> OpenCall | None:
        """The open call of that id, or else one that runs under it, if there is one."""
        changed = None
        for call in self.open_calls:
            if call.call_id == call_id:
                return call
            if call.runs_as == call_id and changed is None:
                changed = call
        return changed

    def denied_call(self, call_id: str) -> DeniedCall | None:
        """The call of that id, if it was denied and nothing was heard of it since."""
        place = _place(self.denied_marks, call_id)
        return None if place is None else self.denied[place]


Denied = tuple[tuple[DeniedCall, ...], bytes]


def without_denied(state: SessionState, call_id: str) -> Denied:
    """The denied calls of *state* but for that of *call_id*, and their marks."""
    place = _place(state.denied_marks, call_id)
    if place is None:
        return state.denied, state.denied_marks
    begins, ends = place * _MARK_BYTES, (place + 1) * _MARK_BYTES
    marks = state.denied_marks[:begins] + state.denied_marks[ends:]
    return shared_denied((*state.denied[:place], *state.denied[place + 1 :])), marks


def with_denied(state: SessionState, call_id: str, call: DeniedCall) -> Denied:
    """The denied calls of *state* and one more, the oldest forgotten, and their marks."""
    calls, marks = without_denied(state, call_id)
    marks = (marks + _mark(call_id))[-DENIED_CALLS_MAX * _MARK_BYTES :]
    return shared_denied((*calls, call)[-DENIED_CALLS_MAX:]), marks


def shared_denied(calls: Iterable[DeniedCall]) -> tuple[DeniedCall, ...]:
    """*calls*, or their equals that another session has already."""
    return _shared_denied(tuple(calls))


@lru_cache(maxsize=4096)
def _shared_denied(calls: tuple[DeniedCall, ...]) -> tuple[DeniedCall, ...]:
    return tuple(
        DeniedCall(intern(one.tool), tuple(intern(name) for name in one.rules)) for one in calls
    )


def _place(marks: bytes, call_id: str) -> int | None:
    if not marks or not call_id:
        return None
    mark = _mark(call_id)
    for begins in range(0, len(marks), _MARK_BYTES):
        if marks[begins : begins + _MARK_BYTES] == mark:
            return begins // _MARK_BYTES
    return None
