"""Every text of a JSON value in turn, for what changes texts and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from governance.values import DEPTH_MAX, Json, ValueRefused


def changed_texts(value: Json, change: Callable[[str], str], depth: int = 0) -> Json:
    """
    *value* with *change* made to each of its texts and keys; itself where nothing changes.

    Keys that become one get a number each, so that nothing is lost.

    Raises:
        ValueRefused: Nested deeper than 64 levels.
    """
    if isinstance(value, str):
        return change(value)
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if depth >= DEPTH_MAX:
        raise ValueRefused(f"nested deeper than {DEPTH_MAX} levels")
    if isinstance(value, Mapping):
        made: dict[str, Json] = {}
        for key, one in value.items():
            made[free_key(change(key), made)] = changed_texts(one, change, depth + 1)
        return made
    return [changed_texts(one, change, depth + 1) for one in value]


def free_key(key: str, taken: Mapping[str, Json]) -> str:
    """*key*, or it with a number where two keys became one by their secrets."""
    free, number = key, 1
    while free in taken:
        number += 1
        free = f"{key} ({number})"
    return free
