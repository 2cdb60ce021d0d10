"""What an event of the catalogue is, and how its fields are written down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from governance._attrs import frozen

When: TypeAlias = Literal["before", "after"]

TYPES = ("str", "int", "number", "bool", "object", "list[str]", "list[object]", "json")
"""Types of fields; ``number`` takes an integer too, ``json`` is any value."""


@frozen(eq=False)
class FieldSpec:
    """
    One own field of an event.

    Attributes:
        type: One of `TYPES`.

        doc: One sentence for the table of events.

        writable: A listener may write it.

        optional: It may be absent, or null.

        values: The whole enumeration, or ``None`` when any value of the type may come.

        least, most: Bounds of a number, ``None``: there is none.
    """

    name: str
    type: str
    doc: str
    writable: bool = False
    optional: bool = False
    values: tuple[str, ...] | None = None
    least: int | None = None
    most: int | None = None


@frozen(eq=False)
class EventSpec:
    """
    One event of the catalogue.

    Attributes:
        when: ``"before"``: it has not happened, a listener may refuse it. ``"after"``: it
            is committed.

        fields: Own fields by name, in the order of the table.
    """

    name: str
    when: When
    doc: str
    fields: Mapping[str, FieldSpec]

    @property
    def writable(self) -> frozenset[str]:
        """Names of the fields that a listener may write."""
        return frozenset(name for name, one in self.fields.items() if one.writable)


Field: TypeAlias = tuple[str, str, str] | tuple[str, str, str, tuple[str, ...]]


_BOUNDS: Mapping[str, tuple[int | None, int | None]] = {"0..": (0, None), "0..1": (0, 1)}
"""Words that bound a number."""


def _field(given: Field) -> FieldSpec:
    name, kind, doc = given[:3]
    words = kind.split()
    values = given[3] if len(given) == 4 else None
    least, most = next((_BOUNDS[one] for one in words if one in _BOUNDS), (None, None))
    return FieldSpec(name, words[0], doc, "W" in words, "?" in words, values, least, most)


def event(name: str, when: When, doc: str, *fields: Field) -> EventSpec:
    return EventSpec(name, when, doc, {one[0]: _field(one) for one in fields})
