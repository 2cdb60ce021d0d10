"""
RE2 patterns: linear in the text, whatever the text. `re2` is imported on first use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Generic, Protocol, TypeVar

from attrs import Factory, field

from governance._attrs import frozen


class Hit(Protocol):
    """One place where a pattern was found."""

    def start(self) -> int: ...
    def end(self) -> int: ...
    def group(self) -> str: ...


class Pattern(Protocol):
    """A compiled pattern."""

    def search(self, text: str) -> Hit | None: ...
    def finditer(self, text: str) -> Iterator[Hit]: ...
    def sub(self, repl: str, text: str) -> str: ...


class PatternRefused(ValueError):
    """RE2 takes no such pattern; the text is RE2's own reason."""


@lru_cache(maxsize=2_048)
def compile_pattern(source: str, *, case_sensitive: bool = True) -> Pattern:
    """
    *source* as RE2 takes it; compiled once, for a pack is compiled for its examples too.

    Raises:
        PatternRefused: Look-around, back-references, or what is no pattern at all.
    """
    import re2

    options = re2.Options()
    options.log_errors = False  # it would print to the terminal of the host
    options.case_sensitive = case_sensitive
    try:
        return re2.compile(source, options=options)  # type: ignore[no-any-return]
    except re2.error as error:
        reason = error.args[0] if error.args else "refused"
        text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise PatternRefused(text) from None
    except UnicodeEncodeError:
        raise PatternRefused("a lone surrogate") from None


SET_BYTES_MIN = 4 << 20
SET_BYTES_EACH = 4 << 10
SET_BYTES_MAX = 64 << 20
"""Memory that RE2 may use for one set of patterns: so much, and so much more for each of
them, to a most. A set that does not fit is made in two halves."""

V = TypeVar("V")


@frozen(eq=False)
class PatternSet(Generic[V]):
    """
    Many patterns that are searched for in one walk over a text, each with a value.

    Attributes:
        search: Gives numbers for `values_of`, from the bytes of a text.

        nothing: What it gives where no pattern is found.
    """

    values: tuple[V, ...]
    _set: _Re2Set
    search: Callable[[bytes], list[int] | None] = field(
        default=Factory(lambda self: _search_of(self._set), takes_self=True), init=False
    )
    nothing: list[int] = field(
        default=Factory(lambda self: [len(self.values)], takes_self=True), init=False
    )

    @classmethod
    def of(
        cls, patterns: Sequence[tuple[str, V]], *, case_sensitive: bool = True
    ) -> Iterator[PatternSet[V]]:
        """
        *patterns* in as few sets as RE2 makes of them, mostly one.

        Raises:
            PatternRefused: One of them alone is too large, or is no pattern.
        """
        import re2

        size = SET_BYTES_MIN + SET_BYTES_EACH * len(patterns)
        options = re2.Options()
        options.log_errors = False
        options.case_sensitive = case_sensitive
        options.max_mem = min(size, SET_BYTES_MAX)
        made = re2.Set.SearchSet(options)
        try:
            for source, _ in patterns:
                made.Add(source)
            made.Add("")
            made.Compile()
        except re2.error:
            if len(patterns) == 1:
                raise PatternRefused("too large") from None
            half = len(patterns) // 2
            for part in (patterns[:half], patterns[half:]):
                yield from cls.of(part, case_sensitive=case_sensitive)
            return
        yield cls(tuple(value for _, value in patterns), made)

    def found(self, text: bytes) -> list[V] | None:
        """The values of the patterns found in *text*; ``None``: RE2 could not search it."""
        return self.values_of(self.search(text))

    def values_of(self, numbers: Sequence[int] | None) -> list[V] | None:
        """What the *numbers* of a search stand for; ``None``: RE2 could not search."""
        # A search that runs out of memory finds nothing, not even the empty pattern at the end.
        values = self.values
        last = len(values)
        if not numbers or last not in numbers:
            return None
        return [values[number] for number in numbers if number != last]


def _search_of(made: _Re2Set) -> Callable[[bytes], list[int] | None]:
    """The search itself, without the wrapper that would look whether it was given a text."""
    inner: _Re2Set = getattr(made, "_set", made)
    return inner.Match


class _Re2Set(Protocol):
    def Match(self, text: bytes) -> list[int] | None: ...  # noqa: N802 — RE2 calls it so


def quoted(text: str) -> str:
    """A pattern that finds *text* itself."""
    import re2

    return str(re2.escape(text))
