"""What the model of a session has used, as far as its host tells."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf, nan
from struct import Struct

from attrs import fields_dict

from governance._attrs import frozen
from governance.values import Json

LEVELS = ("context_tokens", "context_ratio")
"""What stands as it was told last; the other figures are added up over an epoch."""

USED_MAX = 2.0**53
"""Figures end here, where the next whole number can no more be told apart."""

NOTHING_USED = b""
"""What a session has used whose host has told nothing."""


@frozen
class Usage:
    """
    What the model has used in this epoch; ``None``: its host has not told.

    Attributes:
        input_tokens: Tokens that were sent to the model.

        output_tokens: Tokens that the model made.

        cost_usd: What it cost, in US dollars.

        context_tokens: Tokens in the context now.

        context_ratio: How full the context is, 0 to 1.
    """

    input_tokens: float | None = None
    output_tokens: float | None = None
    cost_usd: float | None = None
    context_tokens: float | None = None
    context_ratio: float | None = None

    def packed(self) -> bytes:
        """The figures as a live session keeps them; `NOTHING_USED` where none is known."""
        values = [getattr(self, name) for name in _NAMES]
        if all(value is None for value in values):
            return NOTHING_USED
        return _FORM.pack(*(nan if value is None else value for value in values))

    @classmethod
    def unpacked(cls, data: bytes) -> Usage:
        """The usage that `packed` made, or of a session that has used nothing."""
        if not data:
            return cls()
        return cls(*(None if value != value else value for value in _FORM.unpack(data)))

    def plus(self, told: Mapping[str, Json]) -> Usage:
        """
        This with what was *told*, whose fields are those of ``usage.reported``.

        Figures that are ``whole`` are those of all that the host knows of, and never take back
        what was told before: else a report could make room under a limit.
        """
        made: dict[str, float | None] = {}
        for name in _NAMES:
            before, now = getattr(self, name), _figure(name, told.get(name))
            if now is None:
                made[name] = before
            elif name in LEVELS:
                made[name] = now
            elif told.get("whole") is True:
                made[name] = max(before or 0.0, now)
            else:
                made[name] = min((before or 0.0) + now, USED_MAX)
        return Usage(**made)

    def as_json(self) -> dict[str, Json]:
        """What is known of it, by name; tokens as whole numbers."""
        found: dict[str, Json] = {}
        for name in _NAMES:
            value = getattr(self, name)
            if value is not None:
                found[name] = int(value) if name.endswith(_TOKENS) else value
        return found

    def facts(self) -> dict[str, object]:
        """The members of the family `usage`, without those that are not known."""
        found: dict[str, object] = dict(self.as_json())
        if self.input_tokens is not None or self.output_tokens is not None:
            found["tokens"] = int((self.input_tokens or 0) + (self.output_tokens or 0))
        return found


_NAMES = tuple(fields_dict(Usage))
_TOKENS = "_tokens"
_FORM = Struct(f"<{len(_NAMES)}d")


def _figure(name: str, value: Json) -> float | None:
    """*value* as the figure *name*, or none where it is no number of at least 0."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if not 0 <= value < inf or (name.endswith(_TOKENS) and value != int(value)):
        return None
    return float(min(value, USED_MAX))


def usage_problem(told: Mapping[str, Json]) -> str:
    """Why *told* is no usage, or ``""``."""
    given = {name: told[name] for name in _NAMES if told.get(name) is not None}
    if not given:
        return f"nothing was told; one of {', '.join(_NAMES)} has to be"
    wrong = [f"`{name}` is {value!r}" for name, value in given.items() if not _fits(name, value)]
    if wrong:
        return (
            f"{', '.join(wrong)}: what was used is a number of at least 0, tokens are whole, "
            "and a context is full at 1"
        )
    return ""


def _fits(name: str, value: Json) -> bool:
    figure = _figure(name, value)
    # Rows of earlier versions may hold more, and are folded as they were.
    return figure is not None and not (name == "context_ratio" and figure > 1)
