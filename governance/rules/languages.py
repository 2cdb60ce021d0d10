"""
Sets of texts, as operators describe them, and whether what is said of them can be true.

Each set is a small automaton over signs. `find` walks through all sets of a formula at once,
sign by sign, and gives a shortest text for which the formula holds, or tells for certain that
there is none. It is the textbook product of automata, each made deterministic while it is
walked; what is walked is bounded, and beyond the bound nothing is claimed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, count, product
from typing import Final, TypeAlias

from attrs import field

from governance._attrs import define, frozen
from governance.rules.globs import expand_braces, literal_pieces

STATES_MAX = 4_000
"""Places of a walk that are looked at; a longer walk proves nothing."""

OPAQUE_MAX = 4
"""Different tests of one formula that may be no sets of texts, such as patterns."""

LENGTH_MAX = 512
"""The longest length that is counted."""

_ANY = ""
_WITHIN = "not /"

_Sign: TypeAlias = str


@define(eq=False)
class TextSet:
    """
    An automaton: edges of each place by sign, and places reached without any.

    A set of places is a number with a bit for each. What begins alike is built once.
    """

    _edges: list[list[tuple[_Sign, int]]] = field(factory=lambda: [[]])
    _free: list[list[int]] = field(factory=lambda: [[]])
    _ends: int = 0
    _built: dict[tuple[int, str, str], int] = field(factory=dict)
    _around: dict[int, int] = field(factory=dict)
    _after: dict[tuple[int, str], int] = field(factory=dict)
    _steps: dict[tuple[int, str], int] = field(factory=dict)

    @property
    def signs(self) -> frozenset[str]:
        """Every sign that it tells from others."""
        named = {sign for edges in self._edges for sign, _ in edges if len(sign) == 1}
        within = any(sign == _WITHIN for edges in self._edges for sign, _ in edges)
        return frozenset(named | {"/"} if within else named)

    def start(self) -> int:
        """Where every walk begins."""
        return self._closed(0)

    def step(self, state: int, sign: str) -> int:
        """Where *sign* leads."""
        key = (state, sign)
        known = self._steps.get(key)
        if known is None:
            known = 0
            left = state
            while left:
                place = left.bit_length() - 1
                left ^= 1 << place
                known |= self._from(place, sign)
            self._steps[key] = known
        return known

    def accepts(self, state: int) -> bool:
        """Whether a text that ends here is in the set."""
        return bool(self._ends & state)

    def _from(self, place: int, sign: str) -> int:
        key = (place, sign)
        known = self._after.get(key)
        if known is None:
            known = 0
            for wanted, target in self._edges[place]:
                if wanted in (sign, _ANY) or (wanted == _WITHIN and sign != "/"):
                    known |= self._closed(target)
            self._after[key] = known
        return known

    def _closed(self, place: int) -> int:
        """*place* and all that is reached from it without a sign."""
        known = self._around.get(place)
        if known is None:
            found, left = {place}, [place]
            while left:
                for one in self._free[left.pop()]:
                    if one not in found:
                        found.add(one)
                        left.append(one)
            known = self._around[place] = sum(1 << one for one in found)
        return known

    # Building -------------------------------------------------------------------------

    def _place(self, at: int, kind: str, sign: _Sign) -> tuple[int, bool]:
        """The place that is reached so from *at*, and whether it is new."""
        known = self._built.get((at, kind, sign))
        if known is not None:
            return known, False
        self._edges.append([])
        self._free.append([])
        made = self._built[at, kind, sign] = len(self._edges) - 1
        return made, True

    def one(self, at: int, sign: _Sign = _ANY) -> int:
        """One sign, whatever it is if it is not said; gives where it leads."""
        target, new = self._place(at, "one", sign)
        if new:
            self._edges[at].append((sign, target))
        return target

    def text(self, at: int, text: str) -> int:
        """*text* itself."""
        for sign in text:
            at = self.one(at, sign)
        return at

    def run(self, at: int, sign: _Sign = _ANY) -> int:
        """Any number of signs."""
        target, new = self._place(at, "run", sign)
        if new:
            self._free[at].append(target)
            self._edges[target].append((sign, target))
        return target

    def crossing(self, at: int) -> int:
        """Nothing, or a slash and anything: folders between two others."""
        target, new = self._place(at, "crossing", "")
        if new:
            self._free[at].append(target)
            self.again(self.run(self.one(at, "/")), target)
        return target

    def again(self, at: int, start: int) -> None:
        """From *at* the same can follow as from *start*."""
        self._free[at].append(start)

    def end(self, at: int) -> None:
        """A text may end here."""
        self._ends |= 1 << at


def exact(values: Iterable[str]) -> TextSet:
    """These texts and no others."""
    made = TextSet()
    for one in values:
        made.end(made.text(0, one))
    return made


def starting(values: Iterable[str]) -> TextSet:
    """Texts that begin with one of *values*."""
    made = TextSet()
    for one in values:
        made.end(made.run(made.text(0, one)))
    return made


def ending(values: Iterable[str]) -> TextSet:
    """Texts that end with one of *values*."""
    made = TextSet()
    begin = made.run(0)
    for one in values:
        made.end(made.text(begin, one))
    return made


def containing(values: Iterable[str]) -> TextSet:
    """Texts in which one of *values* stands."""
    made = TextSet()
    begin = made.run(0)
    for one in values:
        made.end(made.run(made.text(begin, one)))
    return made


def below(folders: Iterable[str]) -> TextSet:
    """Paths that are one of *folders* or lie below one."""
    made = TextSet()
    for one in folders:
        at = made.text(0, one.rstrip("/"))
        if one.rstrip("/"):
            made.end(at)
        made.end(made.run(made.text(at, "/")))
    return made


def fitting(globs: Iterable[str]) -> TextSet:
    """Texts that fit one of *globs*, as `globs.text_glob`. Raises as that."""
    made = TextSet()
    for glob in globs:
        for one in expand_braces(glob):
            made.end(_pieces(made, 0, one, _ANY))
    return made


def paths_fitting(globs: Iterable[str]) -> TextSet:
    """Normalised paths that fit one of the rooted *globs*, as `globs.path_glob`."""
    made = TextSet()
    for glob in globs:
        for one in expand_braces(glob):
            drive, *segments = one.split("/")
            at = made.text(0, drive)
            for index, segment in enumerate(segments):
                if segment != "**":
                    at = _pieces(made, made.text(at, "/"), segment, _WITHIN)
                elif index == len(segments) - 1:
                    at = made.run(made.one(made.text(at, "/")))
                else:
                    at = made.crossing(at)
            made.end(at)
    return made


def _pieces(made: TextSet, at: int, glob: str, sign: _Sign) -> int:
    for piece in literal_pieces(glob):
        at = made.run(at, sign) if piece is None else made.text(at, piece)
    return at


def _all_paths() -> TextSet:
    made = TextSet()
    drive = made.run(0, _WITHIN)
    root = made.one(drive, "/")
    made.end(root)
    name = made.run(made.one(root, _WITHIN), _WITHIN)
    made.end(name)
    made.again(made.one(made.one(name, "/"), _WITHIN), name)
    return made


PATHS: Final = _all_paths()
"""Absolute paths of which no part is empty."""


# What is said of a text -----------------------------------------------------------------


@frozen(eq=False)
class Said:
    """The text is in the set."""

    of: TextSet


@frozen
class Opaque:
    """A test of which nothing is known but that it always says the same of one text."""

    name: str


@frozen(eq=False)
class Counted:
    """Its length passes the test, which says the same of all lengths from *bound* on."""

    test: Callable[[int], bool]
    bound: int


@frozen
class Opposite:
    """The other does not hold."""

    of: Formula


@frozen
class Joined:
    """All hold."""

    of: tuple[Formula, ...]


Formula: TypeAlias = "Said | Opaque | Counted | Opposite | Joined"

ALWAYS: Final = Joined(())


@frozen
class Undecided:
    """Too much would have to be walked, or what is asked is no set of texts."""


UNDECIDED: Final = Undecided()


def find(formula: Formula, *, states_max: int = STATES_MAX) -> str | Undecided | None:
    """
    A shortest text for which *formula* holds; ``None``: there is none, for certain.

    What is `Opaque` may be so or not, but is the same wherever it is named: that a text was
    found then says only that nothing else speaks against it.
    """
    leaves = list(dict.fromkeys(_leaves(formula)))
    opaque = [one for one in leaves if isinstance(one, Opaque)]
    walked = [one for one in leaves if not isinstance(one, Opaque)]
    if len(opaque) > OPAQUE_MAX:
        return UNDECIDED
    worlds = [
        dict(zip(opaque, chosen, strict=True))
        for chosen in product((True, False), repeat=len(opaque))
    ]

    def holds(states: Sequence[int]) -> bool:
        known: dict[Said | Opaque | Counted, bool] = {}
        known.update(zip(walked, map(_accepts, walked, states), strict=True))
        for world in worlds:
            known.update(world.items())
            if _value(formula, known):
                return True
        return False

    return _walk(walked, set(_required(formula)), holds, states_max)


def _walk(
    leaves: Sequence[Said | Counted],
    required: Collection[Said],
    holds: Callable[[Sequence[int]], bool],
    states_max: int,
) -> str | Undecided | None:
    signs = _signs(leaves)
    # Out of a set in which nothing can follow no text comes back.
    alive = [index for index, one in enumerate(leaves) if one in required]
    steps: list[Callable[[int, str], int]] = [
        one.of.step if isinstance(one, Said) else partial(_step, one) for one in leaves
    ]
    start = tuple(one.of.start() if isinstance(one, Said) else 0 for one in leaves)
    came: dict[tuple[int, ...], tuple[tuple[int, ...], str] | None] = {start: None}
    left = deque([start])
    while left:
        here = left.popleft()
        if holds(here):
            return _spelled(here, came)
        for sign in signs:
            there = tuple([step(at, sign) for step, at in zip(steps, here, strict=True)])
            if there not in came and all(there[index] for index in alive):
                if len(came) >= states_max:
                    return UNDECIDED
                came[there] = (here, sign)
                left.append(there)
    return None


def _spelled(
    here: tuple[int, ...],
    came: Mapping[tuple[int, ...], tuple[tuple[int, ...], str] | None],
) -> str:
    found: list[str] = []
    before = came[here]
    while before is not None:
        found.append(before[1])
        before = came[before[0]]
    return "".join(reversed(found))


def _signs(leaves: Sequence[Said | Counted]) -> list[str]:
    """Every sign that is told from others, and one that stands for the rest: `x` if it can."""
    named = {sign for one in leaves if isinstance(one, Said) for sign in one.of.signs}
    other = next(
        sign for sign in map(chr, chain(range(0x78, 0x7B), count(0x61))) if sign not in named
    )
    return [other, *sorted(named)]


def _step(leaf: Counted, at: int, _sign: str) -> int:
    return min(at + 1, leaf.bound)


def _accepts(leaf: Said | Counted, at: int) -> bool:
    return leaf.test(at) if isinstance(leaf, Counted) else leaf.of.accepts(at)


def _required(formula: Formula) -> Iterator[Said]:
    """The sets that every text must be in."""
    if isinstance(formula, Said):
        yield formula
    elif isinstance(formula, Joined):
        for one in formula.of:
            yield from _required(one)


def _leaves(formula: Formula) -> Iterator[Said | Opaque | Counted]:
    if isinstance(formula, Opposite):
        yield from _leaves(formula.of)
    elif isinstance(formula, Joined):
        for one in formula.of:
            yield from _leaves(one)
    else:
        yield formula


def _value(formula: Formula, known: Mapping[Said | Opaque | Counted, bool]) -> bool:
    if isinstance(formula, Opposite):
        return not _value(formula.of, known)
    if isinstance(formula, Joined):
        return all(_value(one, known) for one in formula.of)
    return known[formula]
