"""Objects of the engine's own classes behave as objects of attrs classes do."""

from __future__ import annotations

import copy
import pickle
import threading
from collections.abc import Callable
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance import _making as making

Build = Callable[..., Any]


def classes(of: Any) -> tuple[type, type, type]:
    """A frozen class, one below it, and an open one, made by *of*."""

    @of.frozen
    class Point:
        x: int
        y: object = 0
        tags: list[int] = of.field(factory=list, hash=False)
        seen: int = of.field(default=0, eq=False, repr=False)

    @of.frozen(kw_only=True)
    class Named(Point):
        _name: str
        size: int = of.field(init=False, default=7)
        text: str = of.field(default="", converter=str)

    @of.define(eq=False)
    class Counter:
        count: int = 0
        _log: list[int] = of.field(factory=list, init=False)
        twice: int = of.field(init=False)

        def __attrs_post_init__(self) -> None:
            self.twice = self.count * 2

    return Point, Named, Counter


OURS = classes(making)
THEIRS = classes(attrs)
Counter = OURS[2]

values = st.one_of(st.integers(-2, 2), st.text(max_size=2), st.none())
words = st.dictionaries(
    st.sampled_from(["x", "y", "tags", "seen", "name", "_name", "size", "text", "count", "twice"]),
    values,
    max_size=5,
)


def outcome(build: Build, *given_values: object, **named: object) -> tuple[str, object]:
    """What *build* makes, shown, or which kind of error it raises and with which words."""
    try:
        return "made", repr(build(*given_values, **named)).partition(".<locals>.")[2]
    except TypeError as error:
        return "raised", str(error).rpartition(".<locals>.")[2]


@given(st.sampled_from([0, 1, 2]), st.lists(values, max_size=4), words, st.booleans())
def test_objects_are_made_alike(
    which: int, positional: list[object], named: dict[str, object], compiled: bool
) -> None:
    """The same arguments make the same object, or the same error, by hand and compiled."""
    cls = classes(making)[which]
    if compiled:
        cls.__init__  # noqa: B018 -- looking it up in the class compiles it

    assert outcome(cls, *positional, **named) == outcome(THEIRS[which], *positional, **named)


@given(st.tuples(values, values), st.tuples(values, values))
def test_objects_compare_and_hash_by_the_same_fields(
    left: tuple[object, object], right: tuple[object, object]
) -> None:
    """Equality, hash and change agree with those of attrs."""
    ours, theirs = (
        [OURS[0](*one) for one in (left, right)],
        [THEIRS[0](*one) for one in (left, right)],
    )

    assert (ours[0] == ours[1]) is (theirs[0] == theirs[1])
    assert ours[0] != theirs[0]
    assert hash(ours[0]) == hash(making.evolve(ours[0], tags=[1], seen=2))
    assert repr(making.evolve(ours[0], y=1)) == repr(attrs.evolve(ours[0], y=1))
    assert making.asdict(ours[0]) == attrs.asdict(theirs[0]) == attrs.asdict(ours[0])
    assert making.astuple(ours[0]) == attrs.astuple(theirs[0])


@given(values, values)
def test_copies_are_equal(x: object, y: object) -> None:
    """Copying, deep copying and the way through a state of plain values keep all fields."""
    point = OURS[0](x, y, [1])

    assert copy.copy(point) == point
    assert copy.deepcopy(point) == point
    assert copy.deepcopy(point).tags is not point.tags


def test_what_is_frozen_stays() -> None:
    """Neither assignment nor deletion changes a value, and the error is that of attrs."""
    point = OURS[0](1)

    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        point.x = 2
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        del point.x
    assert point.x == 1


def test_what_is_open_takes_no_other_names() -> None:
    """An actor has the slots of its fields and no more."""
    counter = Counter(count=2)
    counter.count = 5

    assert (counter.count, counter.twice) == (5, 4)
    with pytest.raises(AttributeError):
        counter.cuont = 1


def test_attrs_itself_reads_the_fields() -> None:
    """`attrs.fields`, `attrs.has` and a class of attrs below one of ours all work."""

    @attrs.frozen
    class Below(OURS[0]):  # type: ignore[misc]
        more: int = 1

    assert attrs.has(OURS[0])
    assert [one.name for one in attrs.fields(OURS[0])] == ["x", "y", "tags", "seen"]
    assert Below(1, more=3).more == 3
    assert making.evolve(Below(1), more=4) == Below(1, more=4)


def test_many_threads_make_the_first_objects() -> None:
    """However many callers meet a class that is not compiled yet, each gets its object."""
    point = classes(making)[0]
    made: list[object] = []
    start = threading.Barrier(8)

    def work(number: int) -> None:
        start.wait()
        made.extend(point(number, each).y for each in range(40))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert sorted(made, key=str) == sorted([*range(40)] * 8, key=str)


def test_values_of_the_engine_go_through_pickle() -> None:
    """A value that is handed to another process arrives as it was."""
    from governance.calls import ToolCall

    call = ToolCall(tool="shell", own={"command": "ls"})

    assert pickle.loads(pickle.dumps(call)) == call
