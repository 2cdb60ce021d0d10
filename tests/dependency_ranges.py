"""
The ranges of `pyproject.toml`, and the constraints that have pip install their lower ends.

There is no second list: `python -m tests.dependency_ranges FILE` writes what `nox -s lowest`
installs with. A range says where it begins (`>=`, a release that there is, for it is asked for
exactly) and where it ends (`<`); what says less, more or otherwise is a problem, and all problems
are told at once.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from attrs import frozen
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]


class RangeBroken(Exception):
    """Some dependencies have no range with two ends; the text names each, a line for one."""


@frozen
class Range:
    """What one dependency may be: from *lowest*, itself included, up to *cap*, itself not."""

    where: str
    name: str
    lowest: Version
    cap: Version
    marker: str

    @property
    def constraint(self) -> str:
        """The line of a file of constraints that asks for the lower end alone."""
        return f"{self.name}=={self.lowest}" + (f"; {self.marker}" if self.marker else "")


def ranges(pyproject: dict[str, Any]) -> list[Range]:
    """
    The range of every dependency: of the build, of the package, of each extra, in this order.

    Raises:
        RangeBroken: A dependency has no lower end or no cap, an empty range, another kind of
            bound, no reading, or another range than the same dependency has elsewhere.
    """
    project = pyproject["project"]
    own = canonicalize_name(project["name"])
    found: list[Range] = []
    problems: list[str] = []
    for where, text in _dependencies(pyproject):
        try:
            required = Requirement(text)
        except InvalidRequirement as error:
            problems.append(f"{where}: `{text}` cannot be read: {error}")
            continue
        if canonicalize_name(required.name) == own:
            continue
        ends = _ends(required)
        if isinstance(ends, str):
            problems.append(f"{where}: `{text}` {ends}")
            continue
        name = canonicalize_name(required.name)
        found.append(Range(where, name, *ends, str(required.marker or "")))
    problems += _contradictions(found)
    if problems:
        raise RangeBroken("\n".join(problems))
    return found


def constraints(found: Iterable[Range]) -> str:
    """A file of constraints for pip with the lower end of each of *found*, sorted, each once."""
    return "".join(f"{line}\n" for line in sorted({one.constraint for one in found}))


def read(root: Path = ROOT) -> dict[str, Any]:
    """The `pyproject.toml` of the tree *root*."""
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))


def _dependencies(pyproject: dict[str, Any]) -> Iterator[tuple[str, str]]:
    groups = {
        "build-system": pyproject["build-system"]["requires"],
        "dependencies": pyproject["project"]["dependencies"],
        **pyproject["project"]["optional-dependencies"],
    }
    for where, texts in groups.items():
        for text in texts:
            yield where, text


def _ends(required: Requirement) -> tuple[Version, Version] | str:
    """Where the range begins and ends, or what is wrong with it."""
    bounds: dict[str, list[str]] = {}
    for specifier in required.specifier:
        bounds.setdefault(specifier.operator, []).append(specifier.version)
    match bounds:
        case {">=": [lowest], "<": [cap], **others} if not others:
            if Version(lowest) < Version(cap):
                return Version(lowest), Version(cap)
            return "holds no version: its cap is not above its lower end"
        case {">=": [_]}:
            return "needs one cap, `<`, and nothing else beside its lower end"
        case _:
            return "needs one lower end, `>=`, and one cap, `<`"


def _contradictions(found: list[Range]) -> Iterator[str]:
    first: dict[str, Range] = {}
    for one in found:
        known = first.setdefault(one.name, one)
        if (one.lowest, one.cap, one.marker) != (known.lowest, known.cap, known.marker):
            yield f"{one.where}: `{one.name}` has another range in {known.where}"


def main(words: list[str]) -> int:
    """Write the constraints into the file that *words* name; what is wrong exits 1."""
    try:
        text = constraints(ranges(read()))
    except RangeBroken as broken:
        print(broken, file=sys.stderr)
        return 1
    (file,) = words
    Path(file).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
