"""The arguments of a call by the names of its function, and back."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping

from governance._attrs import frozen
from governance.errors import MisuseError
from governance.values import Json, json_of


@frozen
class Bound:
    """
    One call's arguments.

    Attributes:
        shown: By name, as JSON: defaults are in it, an object of a method is not, and what
            ``**kwargs`` takes stands among the others.
    """

    signature: Signature
    given: inspect.BoundArguments
    shown: Mapping[str, Json]

    @property
    def args(self) -> tuple[object, ...]:
        """What to call the function with, by place."""
        return self.given.args

    @property
    def kwargs(self) -> dict[str, object]:
        """What to call the function with, by name."""
        return self.given.kwargs

    def changed(self, wanted: Mapping[str, Json]) -> Bound:
        """
        The call with the arguments *wanted*; what is alike stays the very object it was.

        Raises:
            TypeError: The function takes no such call.
        """
        names, spread = self.signature.names, self.signature.spread
        given = self.given.signature.bind_partial()
        held = dict(self.given.arguments)
        more = dict(held.pop(spread, {})) if spread else {}
        for name in self.shown.keys() - wanted.keys():
            (held if name in names else more).pop(name, None)
        for name, value in wanted.items():
            if name in self.shown and self.shown[name] == value:
                continue
            if name in names:
                held[name] = tuple(value) if name == self.signature.row else value  # type: ignore[arg-type]
            elif spread:
                more[name] = value
            else:
                raise TypeError(f"got an unexpected keyword argument '{name}'")
        # In the order of the signature: what is by place is taken from its beginning.
        given.arguments = {name: held[name] for name in given.signature.parameters if name in held}
        if more:
            given.arguments[spread] = more
        again = given.signature.bind(*given.args, **given.kwargs)
        return Bound(self.signature, again, wanted)


@frozen
class Signature:
    """
    The parameters of a function that are arguments of a tool.

    Attributes:
        hidden: Its first parameter where that is the object of a method, or ``""``.

        names: The others, without ``**kwargs``.

        row: ``*args``, or ``""``.

        spread: ``**kwargs``, or ``""``.
    """

    signature: inspect.Signature
    hidden: str
    names: frozenset[str]
    row: str
    spread: str

    def bind(self, args: tuple[object, ...], kwargs: Mapping[str, object]) -> Bound:
        """
        The call with *args* and *kwargs*.

        Raises:
            TypeError: The function takes no such call.

            MisuseError: GOV762, one name stands for two arguments.
        """
        given = self.signature.bind(*args, **kwargs)
        given.apply_defaults()
        shown = {name: json_of(one) for name, one in given.arguments.items() if name in self.names}
        for name, one in given.arguments.get(self.spread, {}).items() if self.spread else ():
            if name in shown or name == self.hidden:
                raise MisuseError(f"`{name}` stands for two arguments of one call", code="GOV762")
            shown[name] = json_of(one)
        return Bound(self, given, shown)


def signature_of(function: Callable[..., object]) -> Signature:
    """
    The parameters of *function*.

    A first parameter ``self`` or ``cls`` of what a class body defines is no argument.
    """
    signature = inspect.signature(function)
    parameters = list(signature.parameters.values())
    inside = function.__qualname__.rpartition(".")[0]
    hidden = ""
    if inside and not inside.endswith("<locals>") and parameters:
        first = parameters[0].name
        hidden = first if first in ("self", "cls") else ""
    row = next((one.name for one in parameters if one.kind is one.VAR_POSITIONAL), "")
    spread = next((one.name for one in parameters if one.kind is one.VAR_KEYWORD), "")
    names = frozenset(one.name for one in parameters) - {hidden, spread}
    return Signature(signature, hidden, names, row, spread)
