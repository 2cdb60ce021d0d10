"""What the rows of one LangGraph thread say, as an index: where what stands, no values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from attrs import field

from governance._attrs import define, frozen
from governance.interop.kept import Follower, Place, no_sense, unknown_row
from governance.journal.records import Record
from governance.values import load_json

CHECKPOINT_KIND = "langgraph.checkpoint"
WRITES_KIND = "langgraph.writes"

Version: TypeAlias = "str | int | float"
Where: TypeAlias = tuple[str, str]
"""Namespace and checkpoint."""


@frozen
class Saved:
    """A checkpoint: its row, its parent or ``""``, and the rows of its channels' values."""

    place: Place
    parent: str
    values: Mapping[str, Place]


@frozen
class Write:
    """One pending write: its row, and which of that row's writes it is."""

    place: Place
    item: int
    path: str


@define(eq=False)
class Thread:
    """
    One thread, as far as it was read.

    Attributes:
        children: Namespace and parent → the newest child, and where it stands.
    """

    follower: Follower
    saved: dict[Where, Saved] = field(factory=dict, init=False)
    writes: dict[Where, dict[tuple[str, int], Write]] = field(factory=dict, init=False)
    children: dict[Where, tuple[str, int]] = field(factory=dict, init=False)
    _values: dict[tuple[str, str, Version], Place] = field(factory=dict, init=False)

    def refresh(self) -> None:
        """
        Take in what was written since.

        Raises:
            MovedOn: The thread was removed.
            StoreDamaged: A row is not what the chain says.
            StoreNewer: A row of a kind that is not known here.
        """
        for place, record in self.follower.news():
            body = body_of(record)
            try:
                if record.kind == CHECKPOINT_KIND:
                    self._checkpoint(place, body)
                elif record.kind == WRITES_KIND:
                    self._writes(place, body)
                else:
                    raise unknown_row(record)
            except (KeyError, TypeError, ValueError) as error:
                raise no_sense(record) from error

    def latest(self, namespace: str) -> str:
        """The newest checkpoint of *namespace*, or ``""``."""
        return max((one for ns, one in self.saved if ns == namespace), default="")

    def _checkpoint(self, place: Place, body: Mapping[str, Any]) -> None:
        namespace, name, parent = body["ns"], body["id"], body["parent"]
        for channel, version, _, _ in body["values"]:
            self._values[namespace, channel, version] = place
        # Fixed here: whatever a fork writes later, this checkpoint keeps what it was made of.
        found = {
            channel: known
            for channel, version in body["versions"].items()
            if (known := self._values.get((namespace, channel, version))) is not None
        }
        self.saved[namespace, name] = Saved(place, parent, found)
        self.children[namespace, parent] = name, place.seq

    def _writes(self, place: Place, body: Mapping[str, Any]) -> None:
        task, path = body["task"], body["path"]
        known = self.writes.setdefault((body["ns"], body["id"]), {})
        for item, (index, _, _, _) in enumerate(body["writes"]):
            # What a task has written stands; errors, interrupts and resumes are replaced.
            if index < 0 or (task, index) not in known:
                known[task, index] = Write(place, item, path)


def body_of(record: Record) -> Mapping[str, Any]:
    """
    The object that *record* holds.

    Raises:
        StoreDamaged: It holds none.
    """
    body = load_json(record.body)
    if not isinstance(body, Mapping):
        raise no_sense(record)
    return body
