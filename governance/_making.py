"""
Makes the engine's classes as attrs would, in a fraction of the time.

A process that answers one hook makes some 170 classes and uses half of them. attrs compiles
the methods of each at once, about half a millisecond a class, and takes tens of milliseconds
to be imported. Here a class gets its slots at once, and each method when it is first looked
up; attrs itself is imported only by who asks for `attrs.fields` of a class. Everything but
`slots=True` classes and what the engine uses of attrs is left out, and
`tests/quality/test_classes_as_attrs.py` makes every class both ways and compares the two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeAlias

Made: TypeAlias = Callable[..., object]
Methods: TypeAlias = dict[str, object]

BY_HAND_MAX: Final = 12
"""Objects of a class that are filled by hand before its ``__init__`` is compiled."""

_set: Final = object.__setattr__
_FIELDS: Final = "__governance_fields__"
_REBUILT: Final = ("__dict__", "__weakref__")


class Nothing:
    """The type of `NOTHING`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "NOTHING"

    def __bool__(self) -> bool:
        return False


NOTHING: Final = Nothing()
"""Stands where a field has no default, for ``None`` would be one."""


class Factory:
    """A default that is made anew for each object by calling *factory*."""

    __slots__ = ("factory",)

    def __init__(self, factory: Callable[[], object]) -> None:
        self.factory = factory


class Field:
    """One field of a class, as `field` gave it; ``name`` is set when its class is made."""

    __slots__ = (
        "alias",
        "converter",
        "default",
        "eq",
        "hash",
        "init",
        "kw_only",
        "metadata",
        "name",
        "repr",
        "type",
    )

    def __init__(
        self,
        default: object,
        init: bool,
        repr: bool,
        eq: bool,
        hash: bool | None,
        converter: Callable[[object], object] | None,
        metadata: Mapping[object, object],
    ) -> None:
        self.default = default
        self.init = init
        self.repr = repr
        self.eq = eq
        self.hash = eq if hash is None else hash
        self.converter = converter
        self.metadata = metadata
        self.kw_only = False
        self.name = self.alias = ""
        self.type: object = None


_NO_METADATA: Mapping[object, object] = {}


def field(
    *,
    default: object = NOTHING,
    factory: Callable[[], object] | None = None,
    init: bool = True,
    repr: bool = True,
    eq: bool = True,
    hash: bool | None = None,
    converter: Callable[[object], object] | None = None,
    metadata: Mapping[object, object] = _NO_METADATA,
) -> Field:
    """A field that is not plain; each argument means what it means to attrs."""
    given = default if factory is None else Factory(factory)
    return Field(given, init, repr, eq, hash, converter, metadata)


def frozen(
    cls: type | None = None, *, eq: bool = True, kw_only: bool = False, weakref_slot: bool = True
) -> type | Callable[[type], type]:
    """A class of values: slots, equality by fields, and no assignment."""
    if cls is None:
        return lambda bare: _made(bare, True, eq, kw_only, weakref_slot)
    return _made(cls, True, eq, kw_only, weakref_slot)


def define(
    cls: type | None = None, *, eq: bool = True, kw_only: bool = False, weakref_slot: bool = True
) -> type | Callable[[type], type]:
    """A class of actors: slots, and fields that may be assigned."""
    if cls is None:
        return lambda bare: _made(bare, False, eq, kw_only, weakref_slot)
    return _made(cls, False, eq, kw_only, weakref_slot)


def fields_dict(cls: type) -> dict[str, Field]:
    """The fields of *cls* by name, those of its bases first."""
    return {one.name: one for one in _fields(cls)}


def evolve(instance: object, /, **changes: object) -> object:
    """A new object like *instance*, with *changes* of arguments of its class."""
    cls = type(instance)
    for one in _fields(cls):
        if one.init and one.alias not in changes:
            changes[one.alias] = getattr(instance, one.name)
    return cls(**changes)


def asdict(instance: object) -> dict[str, object]:
    """The fields of *instance* by name, objects within as dictionaries, tuples as lists."""
    return {
        one.name: _plain(getattr(instance, one.name), asdict) for one in _fields(type(instance))
    }


def astuple(instance: object) -> tuple[object, ...]:
    """The values of *instance*, objects within as tuples too, tuples within as lists."""
    return tuple(_plain(getattr(instance, one.name), astuple) for one in _fields(type(instance)))


def _plain(value: object, inner: Callable[[object], object]) -> object:
    if hasattr(type(value), _FIELDS) or hasattr(type(value), "__attrs_attrs__"):
        return inner(value)
    if isinstance(value, (tuple, list, set, frozenset)):
        return [_plain(one, inner) for one in value]
    if isinstance(value, dict):
        return {_plain(key, inner): _plain(one, inner) for key, one in value.items()}
    return value


def _fields(cls: type) -> tuple[Field, ...]:
    """The fields of *cls*; of a class that attrs itself has made, as they are here."""
    found: tuple[Field, ...] | None = getattr(cls, _FIELDS, None)
    return _fields_of_attrs(cls) if found is None else found


def _fields_of_attrs(cls: type) -> tuple[Field, ...]:
    import attrs

    made: list[Field] = []
    for one in attrs.fields(cls):
        default: object = NOTHING if one.default is attrs.NOTHING else one.default
        mine = Field(default, one.init, bool(one.repr), bool(one.eq), one.hash, None, one.metadata)
        mine.name, mine.alias, mine.type = one.name, one.alias, one.type
        made.append(mine)
    return tuple(made)


class _Later:
    """Stands for a method until it is first looked up, and then puts it in its own place."""

    __slots__ = ("make", "name", "owner")

    def __init__(self, name: str, make: Callable[[type], Made]) -> None:
        self.name = name
        self.make = make
        self.owner: type = object

    def __get__(self, instance: object, _: type | None = None) -> object:
        # Two threads may both make it: what they make is alike, and either may stay.
        method = self.make(self.owner)
        setattr(self.owner, self.name, method)
        bound: object = method if instance is None else method.__get__(instance)
        return bound


class _FirstObjects(_Later):
    """
    Stands for ``__init__`` while a class has few objects, and fills these by hand.

    Compiling the method costs as much as filling some fifty objects without it.
    """

    __slots__ = ("left",)

    def __init__(self, name: str, make: Callable[[type], Made]) -> None:
        super().__init__(name, make)
        self.left = BY_HAND_MAX

    def __get__(self, instance: object, _: type | None = None) -> object:
        if instance is None or self.left <= 0 or type(instance) is not self.owner:
            return super().__get__(instance)
        self.left -= 1
        return lambda *values, **named: self._fill(instance, values, named)

    def _fill(self, instance: object, values: tuple[object, ...], named: dict[str, object]) -> None:
        filled: list[tuple[str, object]] = []
        at = used = 0
        for one in _fields(self.owner):
            value: object = NOTHING
            if one.init:
                if at < len(values) and not one.kw_only:
                    value = values[at]
                    at += 1
                elif one.alias in named:
                    value = named[one.alias]
                    used += 1
            if value is NOTHING:
                value = one.default
                if type(value) is Factory:
                    value = value.factory()
                elif value is NOTHING:
                    if one.init:
                        break
                    continue
            if one.converter is not None:
                value = one.converter(value)
            filled.append((one.name, value))
        else:
            if at == len(values) and used == len(named):
                for name, value in filled:
                    _set(instance, name, value)
                # Looked up in the class: an object may answer to any name by `__getattr__`.
                finish = getattr(self.owner, "__attrs_post_init__", None)
                if finish is not None:
                    finish(instance)
                return
        # Something is missing or too much: the compiled method says what, as Python does.
        super().__get__(instance)(*values, **named)  # type: ignore[operator]


class _AsAttrs:
    """What `attrs.fields` looks for in a class; the price is paid by who asks."""

    __slots__ = ()

    def __get__(self, _: object, owner: type) -> object:
        import attrs

        field: Callable[..., object] = attrs.field
        these: dict[str, object] = {}
        for one in _fields(owner):
            default = one.default
            if default is NOTHING:
                default = attrs.NOTHING
            elif isinstance(default, Factory):
                default = attrs.Factory(default.factory)
            these[one.name] = field(
                default=default,
                init=one.init,
                repr=one.repr,
                eq=one.eq,
                hash=one.hash,
                kw_only=one.kw_only,
                metadata=dict(one.metadata),
                type=one.type,
                converter=one.converter,
            )
        made: object = attrs.fields(attrs.make_class(owner.__name__, these))
        setattr(owner, "__attrs_attrs__", made)  # noqa: B010 -- a class has it only from here on
        return made


def _made(bare: type, frozen: bool, eq: bool, kw_only: bool, weakref_slot: bool) -> type:
    """*bare* once more, with slots for its fields and with what attrs would give it."""
    own = dict(bare.__dict__)
    made = [*_inherited(bare), *_own_fields(own, kw_only)]
    namespace: Methods = {name: one for name, one in own.items() if name not in _REBUILT}
    taken = {slot for base in bare.__mro__[1:] for slot in getattr(base, "__slots__", ())}
    slots = [one.name for one in made if one.name not in taken]
    for name in slots:
        namespace.pop(name, None)
    if weakref_slot and not any("__weakref__" in base.__dict__ for base in bare.__mro__[1:]):
        slots.append("__weakref__")
    namespace["__slots__"] = tuple(slots)
    namespace[_FIELDS] = tuple(made)
    namespace["__attrs_attrs__"] = _AsAttrs()
    later: list[_Later] = [_FirstObjects("__init__", _frozen_init if frozen else _open_init)]
    if eq:
        later.append(_Later("__eq__", _equality))
        if frozen:
            later.append(_Later("__hash__", _hashing))
        else:
            namespace["__hash__"] = None
    for one in later:
        namespace[one.name] = one
    if "__repr__" not in own:
        namespace["__repr__"] = _repr
    if frozen:
        namespace["__setattr__"] = _refuse_setting
        namespace["__delattr__"] = _refuse_deleting
    namespace["__getstate__"] = _state
    namespace["__setstate__"] = _set_state
    namespace["__match_args__"] = tuple(one.name for one in made if one.init and not one.kw_only)
    cls = type(bare)(bare.__name__, bare.__bases__, namespace)
    for one in later:
        one.owner = cls
    return cls


def _inherited(bare: type) -> Iterator[Field]:
    own = vars(bare).get("__annotations__", {})
    seen: set[str] = set()
    for base in bare.__mro__[1:]:
        for one in getattr(base, _FIELDS, ()):
            if one.name not in own and one.name not in seen:
                seen.add(one.name)
                yield one


def _own_fields(own: Mapping[str, object], kw_only: bool) -> Iterator[Field]:
    annotations = own.get("__annotations__", {})
    # INVARIANT: annotations of a class body are a dictionary, in the order of the text.
    assert isinstance(annotations, dict)
    for name, annotation in annotations.items():
        if str(annotation).startswith(("ClassVar", "typing.ClassVar")):
            continue
        given = own.get(name, NOTHING)
        one = given if isinstance(given, Field) else field(default=given)
        one.name, one.alias, one.type = name, name.lstrip("_"), annotation
        one.kw_only = kw_only
        yield one


def _frozen_init(cls: type) -> Made:
    return _init(cls, "_set({name!r}, {value})", ["_set = _setattr(self)"])


def _open_init(cls: type) -> Made:
    return _init(cls, "self.{name} = {value}", [])


def _init(cls: type, assignment: str, start: list[str]) -> Made:
    known: dict[str, object] = {
        "NOTHING": NOTHING,
        "_setattr": object.__setattr__.__get__,
    }
    plain: list[str] = []
    by_name: list[str] = []
    body = list(start)
    types: dict[str, object] = {}
    for one in _fields(cls):
        alias, default = one.alias, one.default
        made, value = f"_made_{one.name}", alias
        if isinstance(default, Factory):
            known[made] = default.factory
            value = f"{alias} if {alias} is not NOTHING else {made}()" if one.init else f"{made}()"
        elif default is not NOTHING:
            known[made] = default
            value = alias if one.init else made
        elif not one.init:
            continue
        if one.converter is not None:
            known[f"_convert_{one.name}"] = one.converter
            value = f"_convert_{one.name}({value})"
        body.append(assignment.format(name=one.name, value=value))
        if one.init:
            shown = "NOTHING" if isinstance(default, Factory) else made
            word = alias if default is NOTHING else f"{alias}={shown}"
            (by_name if one.kw_only else plain).append(word)
            if one.converter is None:
                types[alias] = one.type
    if hasattr(cls, "__attrs_post_init__"):
        body.append("self.__attrs_post_init__()")
    words = ", ".join(["self", *plain, *(["*", *by_name] if by_name else [])])
    method = _compiled(cls, "__init__", f"def __init__({words}):", body or ["pass"], known)
    method.__annotations__ = {**types, "return": None}
    return method


def _equality(cls: type) -> Made:
    names = [one.name for one in _fields(cls) if one.eq]
    tests = " and ".join(f"self.{name} == other.{name}" for name in names) or "True"
    body = ["if other.__class__ is not self.__class__: return NotImplemented", f"return {tests}"]
    return _compiled(cls, "__eq__", "def __eq__(self, other):", body, {})


def _hashing(cls: type) -> Made:
    # The name keeps classes with equal values apart, in one process as in the next.
    parts = "".join(f", self.{one.name}" for one in _fields(cls) if one.hash)
    body = [f"return hash(({cls.__qualname__!r}{parts}))"]
    return _compiled(cls, "__hash__", "def __hash__(self):", body, {})


def _compiled(cls: type, name: str, head: str, body: list[str], known: dict[str, object]) -> Made:
    text = "\n ".join([head, *body])
    exec(compile(text, f"<{name} of {cls.__module__}.{cls.__qualname__}>", "exec"), known)  # noqa: S102 -- made of names of fields alone
    method = known[name]
    # INVARIANT: the text defines exactly this function.
    assert callable(method)
    method.__qualname__ = f"{cls.__qualname__}.{name}"  # type: ignore[attr-defined]
    method.__module__ = cls.__module__
    return method


def _repr(self: object) -> str:
    cls = type(self)
    shown = ", ".join(
        f"{one.name}={getattr(self, one.name, NOTHING)!r}" for one in _fields(cls) if one.repr
    )
    return f"{cls.__qualname__.rsplit('>.', 1)[-1]}({shown})"


def _state(self: object) -> dict[str, object]:
    return {one.name: getattr(self, one.name) for one in _fields(type(self))}


def _set_state(self: object, state: Mapping[str, object]) -> None:
    for name, value in state.items():
        object.__setattr__(self, name, value)


def _refuse_setting(_: object, __: str, ___: object) -> None:
    from attrs.exceptions import FrozenInstanceError

    raise FrozenInstanceError


def _refuse_deleting(_: object, __: str) -> None:
    from attrs.exceptions import FrozenInstanceError

    raise FrozenInstanceError
