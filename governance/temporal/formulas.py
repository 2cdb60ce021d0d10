"""
The algebra: atoms, truth functions, and four operators that look back.

A formula is true or false *at an event*. Operators look back over a span: since the turn, the
context or the epoch began, or over a closed interval of time that ends with the event. The
event itself is part of what they see. `Sliced` keeps one operator apart for each key.

After K. Havelund and G. Roşu, *Synthesizing Monitors for Safety Properties* (TACAS 2002):
each operator has a register of its own, and one event changes it in constant time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, TypeAlias

from governance._attrs import frozen

DEPTH_MAX = 32
"""How deep formulas may be nested."""

COUNT_MAX = 1_000
"""The largest count that a formula may ask for: in a window each counted event is kept."""

TURN_BEGAN, CONTEXT_BEGAN, EPOCH_BEGAN = 1, 2, 7
"""Boundaries that an event crosses, as bits; a new epoch begins everything anew."""


class FormulaRefused(ValueError):
    """A formula that no monitor can keep."""


@frozen
class Span:
    """
    How far back an operator looks.

    Attributes:
        bit: The boundary at which it forgets, or 0 for an interval of time.

        back_ms: Length of the closed interval; an event of that very age is in it.
    """

    name: str
    bit: int = 0
    back_ms: int = 0


TURN = Span("turn", 1)
CONTEXT = Span("context", 2)
EPOCH = Span("epoch", 4)


def last(back_ms: int) -> Span:
    """The closed interval of *back_ms* that ends now."""
    if back_ms < 0:
        raise FormulaRefused("an interval cannot be negative")
    return Span(f"last {back_ms}", 0, back_ms)


@frozen
class Atom:
    """True at events that say so."""

    name: str


@frozen
class Not:
    """The opposite."""

    of: Formula


@frozen
class And:
    """All of them."""

    of: tuple[Formula, ...]


@frozen
class Or:
    """At least one of them."""

    of: tuple[Formula, ...]


@frozen
class Once:
    """*of* was true at some event of the span."""

    of: Formula
    span: Span = EPOCH


@frozen
class Historically:
    """*of* was true at every event of the span."""

    of: Formula
    span: Span = EPOCH


@frozen
class Since:
    """*start* was true at some event of the span, and *hold* at every one after it."""

    hold: Formula
    start: Formula
    span: Span = EPOCH


@frozen
class Count:
    """
    *of* was true at *at_least* events of the span or more.

    Attributes:
        forget: Where this is true, what came before is forgotten; the event itself counts.
    """

    of: Formula
    at_least: int
    span: Span = EPOCH
    forget: Formula | None = None

    def __attrs_post_init__(self) -> None:
        if not 0 <= self.at_least <= COUNT_MAX:
            raise FormulaRefused(f"a count is 0 to {COUNT_MAX}, not {self.at_least}")


@frozen
class Sliced:
    """
    One operator for each key that events name, without operators inside it.

    At most `KEYS_MAX` keys are kept apart, those that were touched last. What is known of a
    key that had to go is lost to a *lower* bound, and joined into what is assumed of every
    key that is not kept to an *upper* one: a pair of both brackets the truth.

    Attributes:
        bound: ``lower`` may say false where the truth is true, ``upper`` the reverse.
    """

    of: Once | Since | Count
    bound: Literal["lower", "upper"] = "lower"

    def __attrs_post_init__(self) -> None:
        if any(_has_register(part) for part in operands(self.of)):
            raise FormulaRefused("what is sliced has no operators inside it")
        # INVARIANT: an event that names no key changes nothing, so that only touched keys
        # have to be looked at.
        if not _is_still(self.of):
            raise FormulaRefused("an event without its atoms would change every key")


Formula: TypeAlias = "Atom | Not | And | Or | Once | Historically | Since | Count | Sliced"
Operator: TypeAlias = "Once | Historically | Since | Count"


def operands(formula: Formula) -> tuple[Formula, ...]:
    """The formulas directly inside *formula*."""
    match formula:
        case Atom():
            return ()
        case And(of) | Or(of):
            return of
        case Since(hold, start):
            return (hold, start)
        case Count(of, _, _, forget):
            return (of,) if forget is None else (of, forget)
        case Not(of) | Once(of) | Historically(of) | Sliced(of):
            return (of,)


def _has_register(formula: Formula) -> bool:
    if isinstance(formula, (Once, Historically, Since, Count, Sliced)):
        return True
    return any(_has_register(part) for part in operands(formula))


def at_rest(formula: Formula) -> bool:
    """The truth of a formula without operators at an event without atoms."""
    match formula:
        case Not(of):
            return not at_rest(of)
        case And(of):
            return all(at_rest(part) for part in of)
        case Or(of):
            return any(at_rest(part) for part in of)
        case _:
            return False


def _is_still(operator: Once | Since | Count) -> bool:
    match operator:
        case Once(of):
            return not at_rest(of)
        case Since(hold, start):
            return at_rest(hold) and not at_rest(start)
        case Count(of, _, _, forget):
            return not at_rest(of) and (forget is None or not at_rest(forget))


def is_still(formula: Formula) -> bool:
    """Whether an event without atoms and boundaries leaves every register as it is."""
    if isinstance(formula, (Atom, Sliced)):
        return True
    parts = operands(formula)
    if not all(is_still(part) for part in parts):
        return False
    if isinstance(formula, (Not, And, Or)):
        return True
    if any(_has_register(part) for part in parts):
        return False
    if isinstance(formula, Historically):
        return at_rest(formula.of)
    return _is_still(formula)


def atoms_of(formula: Formula) -> Iterator[str]:
    """The names of its atoms, in order, some more than once."""
    if isinstance(formula, Atom):
        yield formula.name
    for part in operands(formula):
        yield from atoms_of(part)


def check_formula(formula: Formula, depth: int = 0) -> None:
    """
    Refuse what no monitor can keep: too deep, or a slice inside another formula.

    Raises:
        FormulaRefused: It says why.
    """
    if depth > DEPTH_MAX:
        raise FormulaRefused(f"nested deeper than {DEPTH_MAX}")
    if isinstance(formula, Sliced) and depth:
        raise FormulaRefused("a slice stands alone")
    for part in operands(formula):
        check_formula(part, depth + 1)
