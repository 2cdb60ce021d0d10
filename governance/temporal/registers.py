"""
Registers: one flat tuple of plain values, with the names of its slots beside it.

They can be compared, hashed and written as JSON. A slot that nothing has happened to holds
0, so that registers of another set of monitors are taken over by name alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from sys import intern
from typing import TypeAlias, cast

from governance._attrs import frozen
from governance.values import Json

Cell: TypeAlias = "int | tuple[int, ...]"
"""A truth, a count, a time + 1 (0: never), or the times that are counted in a window."""

Slice: TypeAlias = "tuple[tuple[str, Cell], ...]"
"""Keys with their cells, the one that was touched last at the end."""

Slot: TypeAlias = "Cell | Slice"

OTHERS = ""
"""The key under which a slice keeps what is assumed of every key that it does not name."""


@frozen
class Remembered:
    """
    What monitors remember of one session.

    Attributes:
        names: The slots' names; sessions under one rule set share the tuple.

        slots: Their values, in the same order.
    """

    names: tuple[str, ...] = ()
    slots: tuple[Slot, ...] = ()


NOTHING = Remembered()
"""What is remembered of a session that nothing has happened in."""


@lru_cache(maxsize=256)
def _shared(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(intern(name) for name in names)


def carried(registers: Remembered, names: tuple[str, ...]) -> Remembered:
    """
    *registers* as slots called *names*: what has another name now begins anew.

    A monitor that has changed is another monitor, and has seen nothing yet.
    """
    if registers.names is names or registers.names == names:
        return registers
    known = dict(zip(registers.names, registers.slots, strict=True))
    return Remembered(_shared(names), tuple(known.get(name, 0) for name in names))


def changes(before: Remembered, after: Remembered) -> dict[str, Json]:
    """
    What leads from *before* to *after*, as JSON; empty when nothing does.

    Of slices only the keys that changed are told.
    """
    made: dict[str, Json] = {}
    if before.names != after.names:
        made["names"] = list(after.names)
        before = carried(before, after.names)
    cells: dict[str, Json] = {}
    keys: dict[str, Json] = {}
    for place, (old, new) in enumerate(zip(before.slots, after.slots, strict=True)):
        if old is new or old == new:
            continue
        if _is_slice(new) and (old == 0 or _is_slice(old)):
            told = _moved(cast("Slice", old or ()), cast("Slice", new))
            keys[str(place)] = cast("Json", told)
        else:
            cells[str(place)] = _plain(new)
    if cells:
        made["set"] = cells
    if keys:
        made["keys"] = keys
    return made


def applied(registers: Remembered, told: Mapping[str, Json]) -> Remembered:
    """
    *registers* after what `changes` told.

    Raises:
        ValueError, TypeError, KeyError, IndexError: It is nothing that `changes` wrote.
    """
    if not any(name in told for name in ("names", "set", "keys")):
        return registers
    names = told.get("names")
    if isinstance(names, list):
        registers = carried(registers, tuple(str(name) for name in names))
    slots = list(registers.slots)
    for place, value in cast("Mapping[str, Json]", told.get("set") or {}).items():
        slots[int(place)] = _slot(value)
    for place, moved in cast("Mapping[str, Json]", told.get("keys") or {}).items():
        kept = dict(cast("Slice", slots[int(place)] or ()))
        for key, cell in cast("Sequence[tuple[str, Json]]", moved):
            kept.pop(key, None)
            if cell is not None:
                kept[intern(key)] = cast("Cell", _slot(cell))
        slots[int(place)] = tuple(kept.items()) or 0
    return Remembered(registers.names, tuple(slots))


def _is_slice(slot: Slot) -> bool:
    return isinstance(slot, tuple) and bool(slot) and isinstance(slot[0], tuple)


def _moved(old: Slice, new: Slice) -> list[tuple[str, Json]]:
    """The keys that went (``None``) and those that changed or moved to the end, in order."""
    at = 0
    for pair in old:
        if at < len(new) and (new[at] is pair or new[at] == pair):
            at += 1
    kept = {key for key, _ in new}
    gone: list[tuple[str, Json]] = [(key, None) for key, _ in old if key not in kept]
    return gone + [(key, _plain(cell)) for key, cell in new[at:]]


def _plain(slot: object) -> Json:
    if isinstance(slot, tuple):
        return [_plain(one) for one in slot]
    return cast("Json", slot)


def _slot(value: object) -> Slot:
    if isinstance(value, (list, tuple)):
        return cast("Slot", tuple(_slot(one) for one in value))
    if type(value) is int or type(value) is str:
        return cast("Slot", intern(value) if isinstance(value, str) else value)
    raise TypeError(f"a register holds integers, not {type(value).__name__}")


def registers_json(registers: Remembered) -> Json:
    """All of *registers*, for a snapshot; slots that nothing has happened to are left out."""
    told = {str(at): _plain(one) for at, one in enumerate(registers.slots) if one != 0}
    return {"names": list(registers.names), "set": cast("Json", told)}


def registers_of_json(data: Mapping[str, Json]) -> Remembered:
    """
    What `registers_json` wrote.

    Raises:
        ValueError, TypeError, KeyError, IndexError: It is nothing that it wrote.
    """
    return applied(NOTHING, data)
