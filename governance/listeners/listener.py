"""One listener: what it is called for and how, and what it must be to be called at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

from attrs import field

from governance._attrs import frozen
from governance.errors import MisuseError, did_you_mean
from governance.events import Event
from governance.listeners.patterns import check_events

Mode: TypeAlias = Literal["sequential", "transform", "audit", "concurrent", "background"]
OnError: TypeAlias = Literal["fail", "ignore", "disable"]
Function: TypeAlias = "Callable[[Event], object]"

MODES: tuple[Mode, ...] = ("sequential", "transform", "audit", "concurrent", "background")
ON_ERRORS: tuple[OnError, ...] = ("fail", "ignore", "disable")


@frozen(kw_only=True, eq=False)
class Listener:
    """
    One registered listener.

    Attributes:
        function: Called with the event; returns an `Answer` or a coroutine of one.

        events: Every event it is called for, in the order of the catalogue.

        patterns: What it was registered on.

        source: Where it comes from: ``code``, ``command`` or ``entry point``.
    """

    name: str
    function: Function = field(repr=False)
    patterns: tuple[str, ...]
    events: tuple[str, ...] = field(repr=False)
    mode: Mode
    priority: int
    time_limit_ms: int
    on_error: OnError
    source: str

    @property
    def place(self) -> tuple[int, int, str]:
        """What listeners of one event are ordered by."""
        return MODES.index(self.mode), self.priority, self.name


def name_of(function: object) -> str:
    """What *function* is called where its registration gives no name."""
    of = type(function)
    return str(
        f"{getattr(function, '__module__', of.__module__)}."
        f"{getattr(function, '__qualname__', of.__qualname__)}"
    )


def misuse(message: str, remedy: str) -> MisuseError:
    """The error of a listener that cannot be, or of an event that cannot be shown."""
    return MisuseError(message, code="GOV440", remedy=remedy)


def check(
    name: str,
    patterns: tuple[str, ...],
    function: object,
    mode: str,
    on_error: str,
    priority: object,
    time_limit_ms: object,
) -> None:
    """Refuse what could never be called, and every argument that is no such thing."""
    wrong: list[str] = []
    hints: list[str] = []
    for value, known, what in ((mode, MODES, "mode"), (on_error, ON_ERRORS, "on_error")):
        if value not in known:
            wrong.append(f"{what} is `{value}`, expected {', '.join(known)}")
            hints.append(did_you_mean(str(value), known))
    if not callable(function):
        wrong.append(f"`{type(function).__name__}` cannot be called")
    if type(priority) is not int:
        wrong.append("`priority` is no integer")
    if type(time_limit_ms) is not int or time_limit_ms < 1:
        wrong.append("`time_limit_ms` is no integer above 0")
    if not patterns:
        wrong.append("it names no event")
    for pattern in patterns if mode in MODES else ():
        problem = check_events(pattern, mode)
        if problem is not None:
            wrong.append(problem[0])
            hints.append(problem[1])
    if wrong:
        remedy = "; ".join(one for one in hints if one)
        raise misuse(f"`{name}` cannot listen: {'; '.join(wrong)}", remedy)
