"""Which calls a list of tools means: names, globs of MCP tools, native tools of a host."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from governance._attrs import frozen
from governance.rules.globs import split_tool_name, tool_pattern


@frozen
class ToolTest:
    """
    A compiled list of tools.

    Attributes:
        names: As written, sets expanded.
    """

    names: tuple[str, ...]
    _exact: frozenset[str]
    _globs: tuple[Callable[[str], bool], ...]
    _natives: frozenset[tuple[str, str]]

    def holds(self, tool: str, native: str = "", host: str = "") -> bool:
        """Whether a call of *tool*, named *native* by *host*, is one of them."""
        return (
            tool in self._exact
            or (bool(self._natives) and (host, native) in self._natives)
            or any(fits(tool) for fits in self._globs)
        )


def tool_test(names: Iterable[str]) -> ToolTest:
    """
    A test for *names*, in which no ``@set`` is left.

    Raises:
        PatternError: A glob that cannot be meant.
    """
    exact: set[str] = set()
    globs: list[Callable[[str], bool]] = []
    natives: set[tuple[str, str]] = set()
    listed = tuple(names)
    for name in listed:
        if name.startswith("native:"):
            _, host, native = split_tool_name(name)
            natives.add((host, native))
        elif any(sign in name for sign in "*{\\"):
            globs.append(tool_pattern(name))
        else:
            exact.add(name)
    return ToolTest(listed, frozenset(exact), tuple(globs), frozenset(natives))
