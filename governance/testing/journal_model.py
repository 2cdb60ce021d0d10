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

from governance.journal.limits import LIMIT_MAX
from governance.journal.memory import MemoryJournal
from governance.journal.records import Append, Journal, Row, Snapshot

Opener = Callable[[Path], Journal]


def model_machine(opener: Opener, *, can_reopen: bool) -> type[RuleBasedStateMachine]:
    """
    A Hypothesis state machine that compares journals made by *opener* with the model.

    With *can_reopen* it also closes the journal now and then and opens its folder again.
    """
    return type("ModelMachine", (_ModelMachine,), {"openers": [opener], "can_reopen": can_reopen})


_NAMES = st.sampled_from(["a", "b", "ab", "é", "\U0001f512"])
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
        assert self.journal.append(batch, key=key) == self.model.append(batch, key=key)

    @rule(name=_NAMES, after=st.integers(0, 12), limit=st.integers(1, 6), reverse=st.booleans())
    def read(self, name: str, after: int, limit: int, reverse: bool) -> None:
        found = self.journal.read(name, after=after, limit=limit, reverse=reverse)
        assert found == self.model.read(name, after=after, limit=limit, reverse=reverse)

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
