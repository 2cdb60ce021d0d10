"""
Texts that are known in part: words of a command line with a hole where a value will be.

What holds of the known part holds: a rule that looks for `*.key` sees `$DIR/id.key`. What
does not hold of it is false only where no value could make it hold, and otherwise unknown.
The opposite of something that holds of a part is unknown too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from governance.rules.globs import PatternError, expand_braces
from governance.rules.kleene import Truth, any_of, negated
from governance.rules.vocabulary import Unknown

HOLE = "\ufffc"
"""As `governance.shell.values.HOLE`, which is not imported before a command line is read."""

Could: TypeAlias = Callable[[str], bool]
"""Whether some value of the holes in a text could make a test hold."""

PARTLY = Unknown("a part of it is not known before the command runs")


class Program(str):
    """The name of a program in the tables, with the name that it was called by."""

    __slots__ = ("called",)
    called: str

    def __new__(cls, name: str, called: str) -> Program:
        made = super().__new__(cls, name)
        made.called = called or name
        return made


def partly(
    test: Callable[[str], Truth], could: Could | None, *, sure: bool
) -> Callable[..., Truth]:
    """
    *test* for texts that may have holes.

    Args:
        could: Given a text with holes; ``None``: any test could hold.

        sure: Whether what holds of the known part holds of the whole.
    """

    def tested(text: str) -> Truth:
        if HOLE not in text:
            return test(text)
        if could is not None and not could(text):
            return False
        return True if sure and test(text) is True else PARTLY

    return tested


def rooted(test: Callable[..., Truth]) -> Callable[..., Truth]:
    """
    *test* of paths, of which one that begins with a hole is absolute all the same.

    What holds of `/**/x` holds of `$DIR/x`, in whatever folder that is; what counts the folders
    above does not.
    """

    def tested(text: str) -> Truth:
        result = test(text)
        if result is True or not text.startswith(HOLE):
            return result
        above = (test(f"/{text}"), test(f"/{HOLE}/{text}"))
        return True if above == (True, True) else result

    return tested


def by_either_name(test: Callable[[str], Truth]) -> Callable[..., Truth]:
    """*test* of a program by its name in the tables and by the name it was called by."""

    def tested(name: str) -> Truth:
        called = name.called if isinstance(name, Program) else name
        return test(str(name)) if called == name else any_of((test(str(name)), test(called)))

    return tested


def opposite(test: Callable[..., Truth]) -> Callable[..., Truth]:
    """The opposite of *test*; of a text with holes it is never sure that *test* holds."""

    def tested(text: str) -> Truth:
        result = test(text)
        return PARTLY if result is True and HOLE in text else negated(result)

    return tested


def _ends(text: str) -> tuple[str, str]:
    """What stands before the first hole and after the last."""
    return text[: text.index(HOLE)], text[text.rindex(HOLE) + 1 :]


def could_equal(values: Iterable[object], *, path: bool) -> Could:
    """Whether a text could be one of *values*; a hole in a path may climb out of its folder."""
    texts = [str(one) for one in values]

    def could(text: str) -> bool:
        first, last = _ends(text)
        if path:
            return any(one.endswith(last) for one in texts)
        least = len(first) + len(last)
        return any(
            len(one) >= least and one.startswith(first) and one.endswith(last) for one in texts
        )

    return could


def could_start(starts: Iterable[str]) -> Could:
    """Whether a text could start with one of *starts*."""
    known = tuple(starts)

    def could(text: str) -> bool:
        first, _ = _ends(text)
        return first.startswith(known) or any(one.startswith(first) for one in known)

    return could


def could_end(ends: Iterable[str]) -> Could:
    """Whether a text could end with one of *ends*."""
    known = tuple(ends)

    def could(text: str) -> bool:
        _, last = _ends(text)
        return last.endswith(known) or any(one.endswith(last) for one in known)

    return could


def could_fit(globs: Iterable[str], *, path: bool) -> Could | None:
    """Whether a text could fit one of *globs*, by what these begin and end with."""
    heads: list[str] = []
    tails: list[str] = []
    for glob in globs:
        if "\\" in glob:
            return None
        try:
            single = expand_braces(glob)
        except PatternError:
            return None
        for one in single:
            head, star, _ = one.partition("*")
            tail = one.rpartition("*")[2]
            if path and not star:
                # `~` and the project are put before it, so only its last name is as it stands.
                tail = "/" + one.rpartition("/")[2]
            heads.append(head)
            tails.append(tail)
    ends = could_end(tails)
    if path:
        return ends
    starts = could_start(heads)
    return lambda text: ends(text) and starts(text)


def could_be_host(domains: Iterable[str]) -> Could:
    """Whether a host could be among *domains*, as `domain_in` takes them."""
    given = [one.lower().rstrip(".") for one in domains]
    exact = could_equal([one for one in given if not one.startswith("*.")], path=False)
    below = could_end([one[1:] for one in given if one.startswith("*.")])
    return lambda text: exact(text) or below(text)
