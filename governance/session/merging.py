"""
Three-way merge of what two sessions keep, pure: the seat at which kinds of values register.

A `Kind` says which values a state holds, how one value is merged with the ancestor's and how
a state takes what came of it. `KINDS` is the whole list; `merge` and `applied` know no more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from hashlib import sha256
from typing import Any, Final, Literal, TypeAlias, cast

import attrs

from governance._attrs import frozen
from governance.context import Anchor, keep_anchors
from governance.rules.verdicts import LABEL_CONTEXT, LABEL_TURN, LABELS_MAX
from governance.session.state import (
    MergeConflict,
    SessionState,
    packed_anchors,
)
from governance.values import Json


class _Missing(Enum):
    MISSING = "missing"


class _Clash(Enum):
    CLASH = "clash"


MISSING: Final = _Missing.MISSING
"""A side that has no value under a key."""

CLASH: Final = _Clash.CLASH
"""Both sides changed the value, and not to the same."""

Side: TypeAlias = Json | Literal[_Missing.MISSING]
Merge: TypeAlias = Callable[[Side, Side, Side], Side | Literal[_Clash.CLASH]]
Changes: TypeAlias = dict[str, object]


@frozen
class Kind:
    """
    One kind of mergeable value.

    Attributes:
        values: What a state holds of it, by key.

        merge: From the ancestor's, our and their value the merged one, or `CLASH`. It must
            give for two equal sides that side, and the same when the sides change places.

        applied: Fields of the state after values were set and keys taken out at a time.

        accepts: Whether a person may settle a conflict by this value of their own.
    """

    name: str
    values: Callable[[SessionState], Mapping[str, Json]]
    merge: Merge
    applied: Callable[[SessionState, Mapping[str, Json], Sequence[str], int], Changes]
    accepts: Callable[[Json], bool]


@frozen
class Merged:
    """
    What a merge comes to: values to set and keys to take out by kind, and what is left open.
    """

    set: Mapping[str, Mapping[str, Json]]
    unset: Mapping[str, Sequence[str]]
    conflicts: tuple[MergeConflict, ...]

    @property
    def empty(self) -> bool:
        """Whether it changes nothing."""
        return not (self.set or self.unset or self.conflicts)


def three_way(base: Side, ours: Side, theirs: Side) -> Side | Literal[_Clash.CLASH]:
    """
    The side that was changed, where only one was; both, where they are the same.

    >>> three_way(1, 1, 2), three_way(1, 2, 1), three_way(1, 2, 2)
    (2, 2, 2)
    >>> three_way(1, 2, 3) is CLASH
    True
    """
    if same(ours, theirs) or same(base, theirs):
        return ours
    return theirs if same(base, ours) else CLASH


def same(one: Side, other: Side) -> bool:
    """Whether two values are the same JSON; unlike Python, ``1``, ``1.0`` and true differ."""
    return _canonical(one) == _canonical(other)


def _canonical(value: object) -> object:
    if isinstance(value, Mapping):
        return "object", tuple((key, _canonical(value[key])) for key in sorted(value))
    if isinstance(value, (list, tuple)):
        return "list", tuple(_canonical(one) for one in value)
    return type(value).__name__, value


def merge(base: SessionState, ours: SessionState, theirs: SessionState) -> Merged:
    """
    What *ours* has to take over of *theirs*, both of which go on from *base*.

    Where both sides changed a value, ours stays and the conflict is named.
    """
    sets: dict[str, dict[str, Json]] = {}
    unsets: dict[str, list[str]] = {}
    conflicts: list[MergeConflict] = []
    for kind in KINDS:
        all_values = [kind.values(one) for one in (base, ours, theirs)]
        for key in sorted({key for values in all_values for key in values}):
            sides: list[Side] = [values.get(key, MISSING) for values in all_values]
            merged = kind.merge(sides[0], sides[1], sides[2])
            if merged is CLASH:
                conflicts.append(_conflict(kind.name, key, theirs, sides))
            elif same(merged, sides[1]):
                continue
            elif merged is MISSING:
                unsets.setdefault(kind.name, []).append(key)
            else:
                sets.setdefault(kind.name, {})[key] = merged
    return Merged(sets, unsets, tuple(conflicts))


def _conflict(kind: str, key: str, theirs: SessionState, sides: Sequence[Side]) -> MergeConflict:
    named = zip(("base", "ours", "theirs"), sides, strict=True)
    told = {name: side for name, side in named if side is not MISSING}
    text = "\0".join((theirs.id, str(theirs.head), kind, key))
    ident = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return MergeConflict(ident, kind, key, theirs.id, told)


def applied(
    state: SessionState, sets: Mapping[str, Any], unsets: Mapping[str, Any], at_ms: int
) -> Changes:
    """Fields of *state* after the values and keys of a merge, by kind, were taken over."""
    changes: Changes = {}
    for kind in KINDS:
        new, gone = sets.get(kind.name) or {}, unsets.get(kind.name) or ()
        if new or gone:
            made = kind.applied(state, new, gone, at_ms)
            state = attrs.evolve(state, **cast("dict[str, Any]", made))
            changes |= made
    return changes


# -- the kinds that a session keeps itself -----------------------------------------------


def _fields(state: SessionState) -> Mapping[str, Json]:
    return state.identity.fields or {}


def _with_fields(
    state: SessionState, sets: Mapping[str, Json], gone: Sequence[str], _at_ms: int
) -> Changes:
    fields = {key: one for key, one in _fields(state).items() if key not in gone} | dict(sets)
    return {"identity": attrs.evolve(state.identity, fields=fields or None)}


_SETTINGS = ("language", "document_language", "phase", "style")


def _settings(state: SessionState) -> Mapping[str, Json]:
    return {name: getattr(state.identity, name) for name in _SETTINGS}


def _with_settings(
    state: SessionState, sets: Mapping[str, Json], _gone: Sequence[str], _at_ms: int
) -> Changes:
    known = {name: str(one) for name, one in sets.items() if name in _SETTINGS}
    return {"identity": attrs.evolve(state.identity, **cast("dict[str, Any]", known))}


def _labels(state: SessionState) -> Mapping[str, Json]:
    return {name: at_ms for name, at_ms, _ in state.labels}


def newest(_base: Side, ours: Side, theirs: Side) -> Side:
    """The later of two times. What one side has stays: a label is no one's to merge away."""
    times = [one for one in (ours, theirs) if isinstance(one, int)]
    return max(times) if times else MISSING


def _with_labels(
    state: SessionState, sets: Mapping[str, Json], _gone: Sequence[str], _at_ms: int
) -> Changes:
    new = tuple(
        (name, when, LABEL_TURN | LABEL_CONTEXT)
        for name, when in sets.items()
        if isinstance(when, int)
    )
    others = (one for one in state.labels if one[0] not in sets)
    return {"labels": (*others, *new)[-LABELS_MAX:]}


def _anchors(state: SessionState) -> Mapping[str, Json]:
    return {one.id: [one.type, one.priority, one.text, one.at_ms] for one in state.anchors}


def kept_by_either(base: Side, ours: Side, theirs: Side) -> Side | Literal[_Clash.CLASH]:
    """As `three_way` without the time of an anchor; what one side lacks the other keeps."""
    if not isinstance(ours, Sequence):
        return theirs
    if not isinstance(theirs, Sequence):
        return ours
    if same(ours[:3], theirs[:3]):
        return min(ours, theirs, key=lambda one: cast("int", one[3]))
    whole = base[:3] if isinstance(base, Sequence) else base
    found = three_way(whole, ours[:3], theirs[:3])
    if found is CLASH:
        return CLASH
    return ours if same(found, ours[:3]) else theirs


def _with_anchors(
    state: SessionState, sets: Mapping[str, Json], gone: Sequence[str], _at_ms: int
) -> Changes:
    stay = [one for one in state.anchors if one.id not in sets and one.id not in gone]
    new = [Anchor(key, *cast("list[Any]", one)) for key, one in sets.items()]
    ordered = sorted((*stay, *new), key=lambda one: one.at_ms)
    return {"kept_anchors": packed_anchors(keep_anchors(ordered))}


def _is_scalar(value: Json) -> bool:
    return isinstance(value, (str, int, float, bool))


def _is_text(value: Json) -> bool:
    return isinstance(value, str)


def _is_nothing(_: Json) -> bool:
    return False


KINDS: tuple[Kind, ...] = (
    Kind("fields", _fields, three_way, _with_fields, _is_scalar),
    Kind("settings", _settings, three_way, _with_settings, _is_text),
    Kind("labels", _labels, newest, _with_labels, _is_nothing),
    Kind("anchors", _anchors, kept_by_either, _with_anchors, _is_nothing),
)
"""What merges know how to merge; a further kind of value is one more entry."""
