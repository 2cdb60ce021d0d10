"""
A plugin for pytest: examples of rules and scenarios are collected as tests.

Nothing is collected unless the project asks for it. In its configuration:

    [tool.pytest.ini_options]
    governance_packs = ["rules/*.toml", "tests/*.scenario.toml"]

Each pattern is of paths below the root of the tests. A pack or a file of scenarios that is
named on the command line is collected as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from governance.authoring.subjects import Placed, Subject
    from governance.authoring.tried import Tried
    from governance.errors import Diagnostic

INI = "governance_packs"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the ini option."""
    parser.addini(
        INI,
        "patterns of packs and files of scenarios whose tests are collected",
        type="args",
        default=[],
    )


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect *file_path* if it is TOML that this project, or the command line, names."""
    if file_path.suffix != ".toml":
        return None
    if not _is_named(file_path, parent.config) and not _is_asked_for(file_path, parent):
        return None
    made: pytest.Collector = RuleFile.from_parent(parent, path=file_path)
    return made


def _is_named(file: Path, config: pytest.Config) -> bool:
    try:
        below = file.relative_to(config.rootpath)
    except ValueError:
        return False
    patterns: Iterable[str] = config.getini(INI)
    return any(below.match(one) for one in patterns)


def _is_asked_for(file: Path, parent: pytest.Collector) -> bool:
    """Whether the command line names *file*, and it is one of ours."""
    if not parent.session.isinitpath(file):
        return False
    from governance._toml import read_toml
    from governance.errors import DefinitionError

    try:
        data = read_toml(file.read_bytes(), str(file)).data
    except (DefinitionError, OSError):
        return False
    return "format" in data and ("pack" in data or "scenario" in data)


class RulesFailed(Exception):
    """An example or a scenario failed, or a pack cannot be loaded; its text says all."""


class RuleFile(pytest.File):
    """A pack, or a file of scenarios."""

    def collect(self) -> Iterator[pytest.Item]:
        """One item for each example and each scenario, and one for what is wrong besides."""
        from governance.authoring.subjects import subjects_of
        from governance.errors import DefinitionError

        try:
            subjects = list(subjects_of(self.path))
        except DefinitionError as error:
            raise self.CollectError(str(error)) from None
        for subject in subjects:
            yield from self._items(subject)

    def _items(self, subject: Subject) -> Iterator[pytest.Item]:
        from governance.authoring.tried import tried_examples

        if subject.problems:
            yield LoadItem.from_parent(self, name="loads", problems=subject.problems)
        counts: dict[str, int] = {}
        for one in tried_examples(subject):
            key = f"{one.of}:{one.kind}"
            at = counts[key] = counts.get(key, -1) + 1
            yield ExampleItem.from_parent(self, name=f"{key}[{at}]", tried=one)
        for placed in subject.scenarios:
            yield ScenarioItem.from_parent(self, name=placed.scenario.name, placed=placed)


class _RuleItem(pytest.Item):
    """What all items of rules have in common: a failure is a text, and no traceback."""

    line: int = 0

    def repr_failure(
        self,
        excinfo: pytest.ExceptionInfo[BaseException],
        style: object = None,  # noqa: ARG002 -- pytest calls it so
    ) -> str:
        """What failed, in the words of `governance test`."""
        if isinstance(excinfo.value, RulesFailed):
            return str(excinfo.value)
        return str(super().repr_failure(excinfo))

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where it stands."""
        return self.path, max(self.line - 1, 0), self.name


class LoadItem(_RuleItem):
    """Stands for everything that keeps a pack from being loaded."""

    def __init__(self, *, problems: tuple[Diagnostic, ...], **more: object) -> None:
        super().__init__(**more)  # type: ignore[arg-type]  # pytest hands on what it was given
        self.problems = problems
        self.line = problems[0].line

    def runtest(self) -> None:
        """Fail with every problem."""
        raise RulesFailed("\n".join(str(one) for one in self.problems))


class ExampleItem(_RuleItem):
    """An example of one rule; it was run when the pack was loaded."""

    def __init__(self, *, tried: Tried, **more: object) -> None:
        super().__init__(**more)  # type: ignore[arg-type]  # as above
        self.tried = tried
        self.line = tried.line

    def runtest(self) -> None:
        """Fail if the example did."""
        _raise_failed(self.tried)


class ScenarioItem(_RuleItem):
    """A scenario, played when its turn comes."""

    def __init__(self, *, placed: Placed, **more: object) -> None:
        super().__init__(**more)  # type: ignore[arg-type]  # as above
        self.placed = placed
        self.line = placed.line

    def runtest(self) -> None:
        """Play it, and fail at the first step that is not answered as expected."""
        from governance.authoring.tried import tried_scenario

        _raise_failed(tried_scenario(self.placed))


def _raise_failed(one: Tried) -> None:
    if not one.ok:
        what = one.of if one.kind == "scenario" else f"{one.kind} of `{one.of}`"
        head = f"{one.file}:{one.line}: {one.code} {what} failed"
        raise RulesFailed("\n".join(text for text in (head, one.what, *one.problems) if text))
