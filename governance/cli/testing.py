"""`test`: the examples and scenarios of packs, and which faults of a rule they would not see."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

import click
from attrs import field

from governance._attrs import define
from governance.authoring.subjects import Subject, subjects_of
from governance.authoring.tried import Tried, errors_of, tried
from governance.cli.frame import FINE, FOUND, Example, command, format_option
from governance.cli.output import diagnostic_json, print_diagnostics, print_json, print_line, styled
from governance.cli.progress import progressing, working
from governance.cli.tables import print_table
from governance.errors import Diagnostic, number_of
from governance.project import config_missing, folder_around
from governance.values import Json

if TYPE_CHECKING:
    from governance.authoring.coverage import Coverage, Survivor

VALUES_SHOWN_MAX = 5
"""Values of one list that are named in a report; of the others the number is told."""


@define(eq=False)
class Run:
    """What one run of the command has found so far."""

    results: list[Tried] = field(factory=list)
    problems: list[Diagnostic] = field(factory=list)
    covered: list[Coverage] = field(factory=list)

    @property
    def failed(self) -> list[Tried]:
        """What did not go well."""
        return [one for one in self.results if not one.ok]

    @property
    def survivors(self) -> int:
        """Changed rules that no example and no scenario told from the right ones, all kinds."""
        return sum(len(one.survivors) for one in self.covered)

    @property
    def ok(self) -> bool:
        """Whether everything went well, and every changed rule was noticed."""
        return not self.failed and not self.problems and not self.survivors


@command(
    "test",
    examples=[
        Example("governance test .", "All packs in force, and all scenarios of the project."),
        Example("governance test my-pack.toml", "One pack alone."),
        Example(
            "governance test my-pack.toml --coverage",
            "Which faults of its rules its tests would not see.",
        ),
    ],
    exits="0 all went well, 1 something failed or survived, 2 a path cannot be read",
)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATH]…")
@click.option(
    "--coverage",
    "coverage",
    is_flag=True,
    help="Change each rule in small ways, and tell which changes no test notices.",
)
@format_option()
def test(paths: tuple[Path, ...], coverage: bool, format_name: str) -> int:
    """
    Run the examples and the scenarios of packs.

    PATH is a pack, a folder of packs, a file of scenarios (`*.scenario.toml`), a
    governance.toml or a project's folder; without any, the nearest project upwards from
    here. Of a folder and a project the files of scenarios below it are played as well.

    An example asks about its own rule; a scenario plays a whole session in an engine in
    memory. What fails is shown with the matcher that decided, and the value that it saw.

    With --coverage each rule is changed in one place at a time (dropped, a matcher
    negated or dropped, a bound moved, an alternative, an excuse or an element of a list
    taken out). A change that no example and no scenario notices is a fault that nobody
    would see; it is shown with an example that would. Values of one list that could each be
    left out unnoticed are told together and counted apart: a long list of spellings needs no
    example for each.
    """
    run = Run()
    subjects = chain.from_iterable(subjects_of(path) for path in paths or (_here(),))
    held: list[Subject] = []
    with working("loading the packs"):
        # Loading runs all examples of the first subject, before any of it can be counted.
        first = list(islice(subjects, 1))
    for one in progressing(_each(chain(first, subjects), held, run), "testing"):
        run.results.append(one)
    if coverage:
        run.covered += _covered(held)
    if format_name == "json":
        print_json(_run_json(run))
    else:
        _print_run(run)
    return FINE if run.ok else FOUND


def _here() -> Path:
    folder = folder_around(Path.cwd())
    if folder is None:
        raise config_missing(Path.cwd())
    return folder


def _each(subjects: Iterator[Subject], held: list[Subject], run: Run) -> Iterator[Tried]:
    for subject in subjects:
        held.append(subject)
        run.problems += errors_of(subject)
        yield from tried(subject)


def _covered(subjects: Sequence[Subject]) -> list[Coverage]:
    from governance.authoring.coverage import coverage_of, sound_scenarios

    scenarios = sound_scenarios(subjects)
    steps = chain.from_iterable(coverage_of(one, scenarios) for one in subjects)
    return list(progressing(steps, "changing rules"))


def _run_json(run: Run) -> dict[str, Json]:
    made: dict[str, Json] = {
        "ok": run.ok,
        "examples": sum(one.kind != "scenario" for one in run.results),
        "scenarios": sum(one.kind == "scenario" for one in run.results),
        "failed": [_tried_json(one) for one in run.failed],
        "diagnostics": [diagnostic_json(one) for one in run.problems],
    }
    if run.covered:
        made["coverage"] = [
            {
                "rule": one.rule,
                "file": one.file,
                "line": one.line,
                "mutants": one.mutants,
                "elements": one.elements,
                "killed": one.killed,
                "cut": one.cut,
                "survivors": [
                    {
                        "kind": each.kind,
                        "change": each.change,
                        "line": each.line,
                        "remedy": each.remedy,
                    }
                    for each in one.survivors
                ],
            }
            for one in run.covered
        ]
    return made


def _tried_json(one: Tried) -> Json:
    return {
        "code": one.code,
        "kind": one.kind,
        "of": one.of,
        "file": one.file,
        "line": one.line,
        "what": one.what,
        "problems": list(one.problems),
    }


def _print_run(run: Run) -> None:
    print_diagnostics(run.problems)
    files: dict[str, list[Tried]] = {}
    for one in run.results:
        files.setdefault(one.file, []).append(one)
    if files:
        print_table(
            ("file", "examples", "scenarios", "failed"),
            [_row(file, results) for file, results in files.items()],
        )
    for one in run.failed:
        _print_failed(one)
    if run.covered:
        _print_coverage(run.covered)
    examples = sum(one.kind != "scenario" for one in run.results)
    scenarios = len(run.results) - examples
    words = (
        f"{number_of(examples, 'example')}, {number_of(scenarios, 'scenario')}: "
        f"{len(run.failed)} failed"
    )
    if run.problems:
        words += f", {number_of(len(run.problems), 'error')}"
    if run.covered:
        values = sum(one.elements for one in run.covered)
        faults = sum(one.mutants for one in run.covered) - values
        survived = sum(len(one.faults) for one in run.covered)
        words += f"; {number_of(faults, 'changed rule')}: {survived} survived"
        if values:
            words += f"; {number_of(values, 'value')} left out: {run.survivors - survived} survived"
    print_line(words, "good" if run.ok else "bad")


def _shown(file: str) -> str:
    """*file* as somebody in this folder would name it."""
    path, here = Path(file), Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else file


def _row(file: str, results: Sequence[Tried]) -> Sequence[str]:
    examples = sum(one.kind != "scenario" for one in results)
    failed = sum(not one.ok for one in results)
    return (_shown(file), str(examples), str(len(results) - examples), str(failed))


def _print_failed(one: Tried) -> None:
    from rich.padding import Padding

    from governance.cli.output import console

    line = styled(f"{_shown(one.file)}:{one.line}: ", "quiet")
    line.append_text(styled(f"{one.code} ", "bad"))
    what = one.of if one.kind == "scenario" else f"{one.kind} of `{one.of}`"
    line.append_text(styled(f"{what} failed"))
    out = console()
    out.print(line, soft_wrap=True)
    if one.what:
        out.print(Padding(styled(one.what, "quiet"), (0, 0, 0, 4), expand=False))
    for problem in one.problems:
        out.print(Padding(styled(problem), (0, 0, 0, 4), expand=False))


def _change_of(same: Sequence[Survivor]) -> str:
    """One change in words, or the values of one list that each could be left out."""
    if len(same) == 1:
        return same[0].change
    shown = ", ".join(one.value for one in same[:VALUES_SHOWN_MAX])
    more = len(same) - VALUES_SHOWN_MAX
    rest = f" or {more} more" if more > 0 else ""
    return f"without any one value of `{same[0].where}` ({shown}{rest})"


def _print_coverage(covered: Sequence[Coverage]) -> None:
    from rich.padding import Padding

    from governance.cli.output import console

    out = console()
    for one in covered:
        lists = one.unnamed
        for each in one.survivors:
            same = lists.get(each.where, [each])
            if each is not same[0]:
                continue
            line = styled(f"{_shown(one.file)}:{each.line}: ", "quiet")
            line.append_text(styled(f"{one.rule}: "))
            line.append_text(styled(f"{_change_of(same)}: no test notices", "wary"))
            out.print(line, soft_wrap=True)
            out.print(Padding(styled(each.remedy, "good"), (0, 0, 0, 4), expand=False))
        if one.cut:
            text = f"{one.rule}: not tried: {number_of(one.cut, 'more change')}"
            print_line(text, "quiet")


COMMANDS = {"test": test}
