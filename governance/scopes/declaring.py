"""Declarations: what values under a key must be, and how old ones become new ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase

from attrs import field

from governance._attrs import frozen
from governance.errors import MisuseError
from governance.events import TYPES, FieldSpec, check_field
from governance.scopes.values import KINDS
from governance.values import Json

Upcast = Callable[[Json], Json]


@frozen
class Declaration:
    """
    What values of some keys must be: objects with these fields.

    Attributes:
        kind: A kind of context.

        keys: A glob of keys, such as ``style.*``.

        fields: Name → type, one of `governance.events.TYPES`; with ``?`` behind it may be absent.

        version: Counts up with each change of the declaration; values carry it as `format`.

        upcasts: Version → what makes a value of that version into one of the next.
    """

    kind: str
    keys: str
    fields: Mapping[str, str]
    version: int = 1
    upcasts: Mapping[int, Upcast] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        wrong = [one for one in self.fields.values() if one.removesuffix("?") not in TYPES]
        if wrong or self.kind not in KINDS or self.version < 1:
            raise MisuseError(
                f"a declaration of `{self.kind}` with types {wrong} in version {self.version}",
                code="GOV560",
                remedy=f"types are {', '.join(TYPES)}, each with `?` where it may be absent",
            )

    def covers(self, kind: str, key: str) -> bool:
        """Whether it is about that value."""
        return kind == self.kind and fnmatchcase(key, self.keys)

    def problems(self, value: Json) -> tuple[str, ...]:
        """Everything that is wrong with *value*."""
        if not isinstance(value, Mapping):
            return ("it is no object",)
        found = [f"it has no field `{name}`" for name in value if name not in self.fields]
        for name, kind in self.fields.items():
            given = value.get(name)
            if given is None:
                found += [] if kind.endswith("?") else [f"`{name}` is missing"]
                continue
            spec = FieldSpec(name, kind.removesuffix("?"), "")
            found += [one.message for one in check_field(spec, given)]
        return tuple(found)

    def upcast(self, value: Json, version: int) -> Json:
        """
        *value*, written by *version*, as this version has it.

        Raises:
            MisuseError: GOV560, a step is missing, or *version* is newer than this one.
        """
        if version > self.version:
            raise MisuseError(
                f"a value of format {version}; this program knows {self.version}",
                code="GOV560",
                remedy="use the program that wrote it",
            )
        for one in range(version, self.version):
            step = self.upcasts.get(one)
            if step is None:
                raise MisuseError(
                    f"nothing leads from format {one} of `{self.kind}` `{self.keys}` to the next",
                    code="GOV560",
                )
            value = step(value)
        return value
