"""Classes of ours are equal, are hashed and say what they are as those of attrs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance import _attrs

VALUES = st.one_of(st.integers(0, 2), st.sampled_from(("", "a", None, (1, 2), float("inf"))))
FLAGS = st.fixed_dictionaries(
    {"eq": st.booleans(), "repr": st.booleans(), "hash": st.sampled_from((None, False))}
)
FIELDS = st.dictionaries(st.sampled_from(("one", "two", "_three", "four")), FLAGS)


def made(
    maker: Callable[..., Any], fields: Mapping[str, Mapping[str, Any]], base: type = object
) -> Any:
    """A class with *fields*, made by *maker*, whose name says nothing of who made it."""
    body = {name: attrs.field(**flags) for name, flags in fields.items()}
    annotations: dict[str, object] = dict.fromkeys(fields, object)
    body |= {"__annotations__": annotations, "__qualname__": "outer.<locals>.Made"}
    return maker(type(base)("Made", (base,), body))


@pytest.mark.parametrize("name", ["frozen", "define"])
@given(fields=FIELDS, more=FIELDS, data=st.data())
def test_they_do_what_those_of_attrs_do(
    name: str, fields: dict[str, Any], more: dict[str, Any], data: st.DataObject
) -> None:
    """Also where one class is made of another, and where a field takes no part."""
    ours, theirs = getattr(_attrs, name), getattr(attrs, name)
    for derived in (False, True):
        first, second = (
            made(maker, more, made(maker, fields)) if derived else made(maker, fields)
            for maker in (ours, theirs)
        )
        count = len(attrs.fields(first))
        rows = [[data.draw(VALUES) for _ in range(count)] for _ in range(2)]
        (a, b), (x, y) = ([cls(*row) for row in rows] for cls in (first, second))

        assert (a == b, a != b, a == a) == (x == y, x != y, x == x)
        assert repr(a) == repr(x)
        assert a != x
        if name == "define":
            with pytest.raises(TypeError, match="unhashable"):
                hash(a)
        else:
            assert (hash(a) == hash(b)) == (hash(x) == hash(y))


@pytest.mark.parametrize("maker", [_attrs.define, attrs.define])
def test_one_that_is_not_whole_or_holds_itself_says_so(maker: Callable[..., Any]) -> None:
    """Whoever looks at a value while it is made is shown it, and nobody is led in circles."""
    cls = made(maker, {"one": {"init": False}, "two": {"default": None}})
    value = cls()

    assert repr(value) == "Made(one=NOTHING, two=None)"
    value.one, value.two = 1, value
    assert repr(value) == "Made(one=1, two=...)"
    value.two = [value]
    assert repr(value) == "Made(one=1, two=[...])"


def test_what_is_said_not_to_be_made_is_not_made() -> None:
    """Without `eq` each is one of its own, and a text of its own stays."""

    @_attrs.frozen(eq=False)
    class Alone:
        value: int

    @_attrs.frozen(repr=False)
    class Silent:
        value: int

    @_attrs.define
    class Speaking:
        value: int

        def __repr__(self) -> str:
            return "spoken"

    assert Alone(1) != Alone(1)
    assert len({Alone(1), Alone(1)}) == 2
    assert repr(Alone(1)).endswith("Alone(value=1)")
    assert repr(Silent(1)).startswith("<")
    assert Silent(1) == Silent(1)
    assert repr(Speaking(1)) == "spoken"
    assert attrs.evolve(Silent(1), value=2) == Silent(2)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        Silent(1).value = 2  # type: ignore[misc]
