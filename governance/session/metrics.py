"""Execution metrics of one session, and their roll-up from sub-sessions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from struct import Struct
from typing import TypeAlias

from attrs import fields_dict

from governance._attrs import frozen
from governance.values import Json


@frozen
class Metrics:
    """
    What a session did, as counts.

    A child's figures are added to its parent's when its end is told, and so to every ancestor's,
    under ``children_*``, so that own work and delegated work stay apart. A child that goes on
    and ends again adds what is new.
    """

    turns: int = 0
    tools_asked: int = 0
    tools_allowed: int = 0
    tools_warned: int = 0
    tools_rewritten: int = 0
    tools_questioned: int = 0
    tools_denied: int = 0
    tools_ok: int = 0
    tools_failed: int = 0
    tools_refused: int = 0
    tools_unknown: int = 0
    tool_ms: int = 0
    commands: int = 0
    compactions: int = 0
    interruptions: int = 0
    resumes: int = 0
    resets: int = 0
    violations: int = 0
    stalls: int = 0
    injections: int = 0
    injected_characters: int = 0
    children: int = 0
    children_tools: int = 0
    children_denied: int = 0
    children_failed: int = 0
    children_violations: int = 0

    def packed(self) -> bytes:
        """
        The counts as a live session keeps them; they end at 2**32 - 1.

        In two bytes each while all of them fit, else in four: an object with a slot a
        count would take four times the memory.
        """
        return _packed([min(getattr(self, name), _COUNT_MAX) for name in _NAMES])

    @classmethod
    def unpacked(cls, data: bytes) -> Metrics:
        """The metrics that `packed` made."""
        return cls(*_unpacked(data))

    def rolled_up(self) -> dict[str, int]:
        """What a parent adds for this session: its own work and that of its children."""
        return {
            "children_tools": self.tools_asked + self.children_tools,
            "children_denied": self.tools_denied + self.children_denied,
            "children_failed": self.tools_failed + self.children_failed,
            "children_violations": self.violations + self.children_violations,
        }

    def as_json(self) -> dict[str, Json]:
        """The counts that are not zero, by name."""
        return {name: value for name in _NAMES if (value := getattr(self, name))}

    @classmethod
    def from_json(cls, data: Mapping[str, Json]) -> Metrics:
        """The metrics that `as_json` wrote; names it does not know are left out."""
        return cls(**{name: int(data[name]) for name in _NAMES if name in data})  # type: ignore[arg-type]


Rolled: TypeAlias = tuple[str, tuple[int, ...]]
"""A child, and what was counted of it, in the order of `Metrics.rolled_up`."""

_ROLLED = tuple(Metrics().rolled_up())


def counted_of_child(
    rolled: tuple[Rolled, ...], child: str, stats: Mapping[str, Json]
) -> tuple[dict[str, int], Rolled]:
    """
    What is new in *stats*, all that *child* has done, after what *rolled* holds of it; and what
    is to be held of it from now on.

    One that has done less than before is another session of that name, and counts as a whole.
    """
    whole = tuple(int(stats.get(name) or 0) for name in _ROLLED)  # type: ignore[arg-type]
    before = next((told for name, told in rolled if name == child), (0,) * len(_ROLLED))
    if any(now < then for now, then in zip(whole, before, strict=True)):
        before = (0,) * len(_ROLLED)
    new = (now - then for now, then in zip(whole, before, strict=True))
    return dict(zip(_ROLLED, new, strict=True)), (child, whole)


_NAMES = tuple(fields_dict(Metrics))
_SMALL = Struct(f"<{len(_NAMES)}H")
_LARGE = Struct(f"<{len(_NAMES)}I")
_SMALL_MAX = 2**16 - 1
_COUNT_MAX = 2**32 - 1

_PLACES = {name: place for place, name in enumerate(_NAMES)}


def _packed(values: Sequence[int]) -> bytes:
    return (_SMALL if max(values) <= _SMALL_MAX else _LARGE).pack(*values)


def _unpacked(data: bytes) -> tuple[int, ...]:
    return (_SMALL if len(data) == _SMALL.size else _LARGE).unpack(data)


def add_counts(packed: bytes, **counts: int) -> bytes:
    """*packed* metrics with each of *counts* added, which takes none below 0."""
    values = list(_unpacked(packed))
    for name, count in counts.items():
        place = _PLACES[name]
        values[place] = max(0, min(values[place] + count, _COUNT_MAX))
    return _packed(values)


NO_COUNTS = Metrics().packed()
"""What a session that has done nothing has done."""
