"""
Any sequence of calls, made to a journal and to the model `MemoryJournal`, answers compared.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from governance.errors import GovernanceError
from governance.journal.limits import LIMIT_MAX
from governance.journal.memory import MemoryJournal
from governance.journal.records import (
    KEY_SHELF,
    Append,
    Head,
    Journal,
    Origin,
    Record,
    Row,
    Snapshot,
)
from governance.journal.session_values import SESSION_SHELVES

Opener = Callable[[Path], Journal]


def model_machine(opener: Opener, *, can_reopen: bool) -> type[RuleBasedStateMachine]:
    """
    A Hypothesis state machine that compares journals made by *opener* with the model.

    With *can_reopen* it also closes the journal now and then and opens its folder again.
    """
    return type("ModelMachine", (_ModelMachine,), {"openers": [opener], "can_reopen": can_reopen})


_NAMES = st.sampled_from(["a", "b", "ab", "é", "\U0001f512"])
_SHELVES = (KEY_SHELF, *SESSION_SHELVES)
# Of a session, of one whose name begins alike, and of none.
_PLACES = st.tuples(
    st.sampled_from(_SHELVES), st.builds("{}{}".format, _NAMES, st.sampled_from(["", "#x", "#b#x"]))
)
_KEYS = st.none() | st.sampled_from(["k1", "k2", "k3"])
_ROWS = st.builds(
    Row,
    st.sampled_from(["turn.started", "tool.decided"]),
    st.integers(-(2**63), 2**63 - 1),
    st.binary(max_size=40),
    st.booleans(),
)


class _ModelMachine(RuleBasedStateMachine):
    """Does everything to a journal and to the model, and compares the answers."""

    openers: ClassVar[list[Opener]] = []
    can_reopen: ClassVar[bool] = False

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="journal-model-"))
        self.journal = self.openers[0](self.folder)
        self.model = MemoryJournal()
        self.gone: dict[str, tuple[Head, tuple[Record, ...], Origin | None]] = {}

    @rule(
        names=st.lists(_NAMES, min_size=1, max_size=3, unique=True),
        rows=st.lists(_ROWS, min_size=1, max_size=4),
        off=st.sampled_from([0, 0, 0, 0, 1, -1]),
        key=_KEYS,
    )
    def append(self, names: list[str], rows: list[Row], off: int, key: str | None) -> None:
        batch = [
            Append(name, max(0, self.model.head(name).seq + (off if n == 0 else 0)), tuple(rows))
            for n, name in enumerate(names)
        ]
        self.same(lambda one: one.append(batch, key=key))

    @rule(
        name=_NAMES,
        after=st.integers(0, 12),
        before=st.none() | st.integers(1, 12),
        limit=st.integers(1, 6),
        reverse=st.booleans(),
    )
    def read(self, name: str, after: int, before: int | None, limit: int, reverse: bool) -> None:
        found, wanted = (
            one.read(name, after=after, before=before, limit=limit, reverse=reverse)
            for one in (self.journal, self.model)
        )
        assert found == wanted

    @rule(start=st.integers(0, 5), limit=st.integers(1, 6))
    def moved(self, start: int, limit: int) -> None:
        feeds = [one.moved(limit=LIMIT_MAX) for one in (self.journal, self.model)]
        # Positions may have gaps, other ones in each back end; their order is one.
        told = [[(one.session, one.seq) for one in feed] for feed in feeds]
        assert told[0] == told[1]
        if start < len(feeds[0]):
            page = self.journal.moved(after=feeds[0][start].position, limit=limit)
            assert page == feeds[0][start + 1 :][:limit]

    @rule(name=_NAMES, parent=_NAMES, seq=st.integers(1, 8))
    def branch(self, name: str, parent: str, seq: int) -> None:
        self.same(lambda one: one.branch(name, parent, seq))
        self.same(lambda one: one.origin(name))

    @rule(name=_NAMES, stale=st.booleans())
    def remove(self, name: str, stale: bool) -> None:
        head = self.model.head(name)
        if not head.seq:
            return
        records = self.model.read(name, limit=LIMIT_MAX)
        origin = self.model.origin(name)
        own = records[origin.seq if origin is not None else 0 :]
        expected = Head(name, head.seq, bytes(32)) if stale else head
        if self.same(lambda one: one.remove(name, expected=expected)) is True:
            self.gone[name] = (head, own, origin)

    @rule(data=st.data(), start=st.integers(0, 2), count=st.integers(0, 5))
    def restore(self, data: st.DataObject, start: int, count: int) -> None:
        if not self.gone:
            return
        name = data.draw(st.sampled_from(sorted(self.gone)))
        head, own, origin = self.gone[name]
        page = own[start : start + count]
        self.same(lambda one: one.restore(head, page, origin=origin))

    @rule(after=st.just("") | _NAMES, limit=st.integers(1, 4))
    def removed(self, after: str, limit: int) -> None:
        self.same(lambda one: one.removed(after=after, limit=limit))

    @rule(
        place=_PLACES,
        value=st.binary(max_size=20),
        expected=st.none() | st.integers(0, 3),
    )
    def shelf_put(self, place: tuple[str, str], value: bytes, expected: int | None) -> None:
        self.same(lambda one: one.shelf.put(*place, value, expected_version=expected))

    @rule(place=_PLACES, expected=st.none() | st.integers(0, 3))
    def shelf_delete(self, place: tuple[str, str], expected: int | None) -> None:
        self.same(lambda one: one.shelf.delete(*place, expected_version=expected))

    @rule(shelf=st.sampled_from(_SHELVES), after=st.just("") | _NAMES, limit=st.integers(1, 4))
    def shelf_scan(self, shelf: str, after: str, limit: int) -> None:
        self.same(lambda one: one.shelf.scan(shelf, after=after, limit=limit))

    def same(self, call: Callable[[Journal], object]) -> object:
        """What both give, or the code of what both raise."""
        answers: list[object] = []
        for one in (self.journal, self.model):
            try:
                answers.append(call(one))
            except GovernanceError as error:
                answers.append(error.code)
        assert answers[0] == answers[1]
        return answers[0]

    @rule(name=_NAMES)
    def head(self, name: str) -> None:
        assert self.journal.head(name) == self.model.head(name)

    @rule(after=st.just("") | _NAMES, limit=st.integers(1, 4))
    def sessions(self, after: str, limit: int) -> None:
        found = self.journal.sessions(after=after, limit=limit)
        assert found == self.model.sessions(after=after, limit=limit)

    @rule(name=_NAMES, back=st.integers(0, 3), version=st.integers(0, 1), true=st.booleans())
    def snapshot(self, name: str, back: int, version: int, true: bool) -> None:
        rows = self.model.read(name, limit=LIMIT_MAX)
        if len(rows) > back:
            record = rows[-1 - back]
            hash_ = record.hash if true else bytes(32)
            snapshot = Snapshot(name, record.seq, hash_, version, record.body)
            self.journal.snapshot_put(snapshot)
            self.model.snapshot_put(snapshot)

    @rule(name=_NAMES, version=st.integers(0, 1))
    def snapshot_get(self, name: str, version: int) -> None:
        found = self.journal.snapshot_get(name, version=version)
        assert found == self.model.snapshot_get(name, version=version)

    @rule(name=st.none() | _NAMES)
    def verify(self, name: str | None) -> None:
        found, wanted = self.journal.verify(name), self.model.verify(name)
        assert (found.ok, found.findings) == (True, ())
        assert (found.sessions, found.rows) == (wanted.sessions, wanted.rows)

    @precondition(lambda self: self.can_reopen)
    @rule()
    def reopen(self) -> None:
        self.journal.close()
        self.journal = self.openers[0](self.folder)

    def teardown(self) -> None:
        if hasattr(self, "journal"):
            self.journal.close()
            shutil.rmtree(self.folder, ignore_errors=True)
