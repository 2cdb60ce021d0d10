"""Which events a listener names: exact names and globs, and none that can never fire."""

from __future__ import annotations

from collections.abc import Callable

from governance.errors import did_you_mean
from governance.events import CATALOGUE


def _match(pattern: str) -> Callable[[str], bool]:
    head, *rest = pattern.split("*")

    def test(name: str) -> bool:
        if not rest:
            return name == head
        if not name.startswith(head):
            return False
        at = len(head)
        for part in rest[:-1]:
            found = name.find(part, at)
            if found < 0:
                return False
            at = found + len(part)
        return len(name) - at >= len(rest[-1]) and name.endswith(rest[-1])

    return test


def events_of(pattern: str, mode: str) -> tuple[str, ...]:
    """
    The events that *pattern* means for a listener of *mode*, in the order of the catalogue.

    ``*`` stands for any run of characters. A transform listener is shown nothing but before
    events that have a field to write.

    >>> events_of("child.*", "audit")
    ('child.started', 'child.ended', 'child.counted')
    >>> events_of("session.*", "transform")
    ('session.creating', 'session.compacting')
    """
    test = _match(pattern)
    return tuple(
        name
        for name, spec in CATALOGUE.items()
        if test(name) and (mode != "transform" or (spec.when == "before" and spec.writable))
    )


def check_events(pattern: str, mode: str) -> tuple[str, str] | None:
    """Why a listener of *mode* on *pattern* could never be called, with a hint; or ``None``."""
    if events_of(pattern, mode):
        return None
    if events_of(pattern, "audit"):
        writable = [name for name, spec in CATALOGUE.items() if spec.writable]
        return f"`{pattern}` has no field that a listener may write", f"{', '.join(writable)} have"
    names = {*CATALOGUE, *(f"{name.partition('.')[0]}.*" for name in CATALOGUE)}
    hint = did_you_mean(pattern, names) or "`governance listeners --events` shows all"
    if "*" in pattern:
        return f"`{pattern}` matches no event", hint
    return f"there is no event `{pattern}`", hint
