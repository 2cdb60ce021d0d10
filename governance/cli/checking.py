"""`check`: everything that is wrong with packs and configuration, before anything relies on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import click
from attrs import evolve

from governance._attrs import frozen
from governance._toml import Document
from governance.authoring.beside import Beside, beside_project
from governance.authoring.subjects import (
    FILES_MAX,
    config_around,
    nothing_in,
    scenario_files,
    scenario_subject,
    settings_alone,
    text_of,
)
from governance.cli.frame import FINE, FOUND, Example, command, format_option
from governance.cli.host_tables import TOOLS
from governance.cli.opening import examined_rules_of
from governance.cli.output import (
    diagnostic_json,
    print_diagnostics,
    print_json,
    print_line,
    visible,
)
from governance.cli.progress import working
from governance.config import Config, load_config
from governance.errors import ERROR, WARNING, DefinitionError, Diagnostic, JournalError, number_of
from governance.journal.key_sources import check_place
from governance.journal.opening import check_url
from governance.project import CONFIG_NAME, find_project
from governance.rules.check import examine_rules
from governance.rules.format import Pack
from governance.rules.sources import FILE_SUFFIX, PackSource, pack_files
from governance.rules.vocabulary import default_vocabulary

SHIPPED_MARK = "shipped:"
"""What the names of packs that come with the engine begin with."""


@frozen
class Checked:
    """
    What was found in some files, and the packs that could be read.

    Attributes:
        beside: What came of laying them beside the packs of the project around them.
    """

    diagnostics: tuple[Diagnostic, ...]
    packs: tuple[Pack, ...] = ()
    beside: Beside | None = None


@command(
    "check",
    examples=[
        Example("governance check .", "The whole project: configuration and all packs in force."),
        Example("governance check my-pack.toml", "One pack alone."),
        Example("governance check . --format json", "The same, for an editor or a pipeline."),
    ],
    exits="0 no errors (there may be warnings), 1 errors, 2 a path cannot be read",
)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATH]…")
@format_option()
def check(paths: tuple[Path, ...], format_name: str) -> int:
    """
    Read packs and configuration strictly and tell everything that is wrong, at once.

    PATH is a pack, a folder of packs, a file of scenarios, a governance.toml or a
    project's folder; without any, the nearest project upwards from here. The examples of all
    rules are run, but for packs that come with the engine, whose were run before that was
    released; scenarios are read, and played by `governance test`. Once nothing is wrong, the
    spellings that rules are known to miss are listed, those of the engine's packs by number.
    """
    found: list[Diagnostic] = []
    packs: list[Pack] = []
    beside: list[Beside] = []
    for path in paths or (find_project(Path.cwd()).directory,):
        with working(f"checking {path}"):
            checked = check_path(path)
        found += checked.diagnostics
        packs += checked.packs
        beside += [checked.beside] if checked.beside is not None else []
    ok = not any(one.severity == ERROR for one in found)
    if format_name == "json":
        print_json({"ok": ok, "diagnostics": [diagnostic_json(one) for one in found]})
        return FINE if ok else FOUND
    print_diagnostics(found)
    if ok:
        _print_gaps(packs)
    for one in beside:
        print_beside(one)
    _print_summary(found, packs)
    return FINE if ok else FOUND


def check_path(path: Path) -> Checked:
    """
    Check a pack, a folder of packs, a file of scenarios, a configuration or a project.

    Raises:
        DefinitionError: GOV610, *path* cannot be read or holds nothing to check.
    """
    if path.name == CONFIG_NAME or (path / CONFIG_NAME).is_file():
        return _check_project(path.parent if path.name == CONFIG_NAME else path)
    if path.name.endswith(FILE_SUFFIX):
        return _check_scenarios([path])
    if not path.is_dir():
        return _check_packs([PackSource("", text_of(path), str(path))], path)
    files, scenarios = pack_files(path)[:FILES_MAX], scenario_files(path)
    if not files and not scenarios:
        raise nothing_in(path)
    sources = [PackSource("", text_of(file), str(file)) for file in files]
    return _joined(_check_packs(sources, path), _check_scenarios(scenarios))


def _check_scenarios(files: Sequence[Path]) -> Checked:
    found = [one for file in files for one in scenario_subject(file).problems]
    return Checked(tuple(dict.fromkeys(found)))


def _joined(left: Checked, right: Checked) -> Checked:
    told = dict.fromkeys((*left.diagnostics, *right.diagnostics))
    return Checked(tuple(told), (*left.packs, *right.packs), left.beside or right.beside)


def _check_project(directory: Path) -> Checked:
    try:
        config = load_config(directory)
    except DefinitionError as error:
        return Checked(error.diagnostics)
    checked = Checked(tuple(_wrong_settings(config)))
    try:
        examined = examined_rules_of(config)
    except DefinitionError as error:
        return _joined(checked, Checked(error.diagnostics))
    checked = _joined(checked, Checked(examined.diagnostics, examined.loaded.packs))
    return _joined(checked, _check_scenarios(scenario_files(directory)))


def _wrong_settings(config: Config) -> Iterator[Diagnostic]:
    """
    Grants that nobody has; and where the store and its key are said to be, if no such place can
    be: neither is opened.
    """
    document = config.document
    if config.access.roles and not config.access.actors:
        at = ("access", "roles")
        text = "nobody has any of these roles, so everybody may do everything"
        mend = "name who has them under `[access.actors]`"
        line = document.line_of(at)
        yield Diagnostic("GOV311", text, document.file, line, at, mend, severity=WARNING)
    try:
        check_url(config.journal.url)
    except DefinitionError as error:
        at = ("journal", "url")
        for one in error.diagnostics:
            yield evolve(one, file=document.file, line=document.line_of(at), path=at)
    except JournalError as error:
        yield _told_at(document, ("journal", "url"), error)
    try:
        if config.encryption.key:
            check_place(config.encryption.key)
    except JournalError as error:
        yield _told_at(document, ("encryption", "key"), error)


def _told_at(document: Document, at: tuple[str, ...], error: JournalError) -> Diagnostic:
    return Diagnostic(
        error.code, error.message, document.file, document.line_of(at), at, error.remedy
    )


def _check_packs(sources: Sequence[PackSource], path: Path) -> Checked:
    settings = settings_alone(config_around(path))
    vocabulary = default_vocabulary(*TOOLS.values())
    found = examine_rules(sources, vocabulary, settings=settings)
    checked = Checked(found.diagnostics, found.loaded.packs)
    if found.loaded.errors:
        return checked
    beside = beside_project(sources, path.absolute())
    return checked if beside is None else _joined(checked, Checked(beside.diagnostics, (), beside))


def print_beside(beside: Beside) -> None:
    """Say beside which packs a pack was looked at, and whether it is in force there."""
    folder = beside.folder
    if not beside.readable:
        text = (
            f"looked at alone: the packs of {folder} are not right themselves; "
            f"run `governance check {folder}`"
        )
        print_line(text, "wary")
        return
    print_line(
        f"looked at alone, and beside {number_of(beside.packs, 'pack')} of {folder}", "quiet"
    )
    if not beside.named:
        mend = f"not in force yet: name it in `[packs] paths` of {folder / CONFIG_NAME}"
        print_line(mend, "quiet")


def _print_gaps(packs: Sequence[Pack]) -> None:
    shipped = 0
    for pack in packs:
        for rule in pack.rules:
            if pack.file.startswith(SHIPPED_MARK):
                shipped += len(rule.known_gaps)
                continue
            for gap in rule.known_gaps:
                what = ", ".join(
                    f"{name} = {value}" for name, value in gap.facts.items() if name != "tool"
                )
                line = " ".join(visible(what).split())
                print_line(f"{pack.file}: {rule.id} is known to miss: {line} ({gap.why})", "quiet")
    if shipped:
        many = number_of(shipped, "spelling")
        print_line(f"shipped packs are known to miss {many}; their files name them", "quiet")


def _print_summary(found: Sequence[Diagnostic], packs: Sequence[Pack]) -> None:
    errors = sum(one.severity == ERROR for one in found)
    warnings = sum(one.severity == WARNING for one in found)
    rules = sum(len(pack.rules) for pack in packs)
    print_line(
        f"{number_of(rules, 'rule')} in {number_of(len(packs), 'pack')}: "
        f"{number_of(errors, 'error')}, {number_of(warnings, 'warning')}",
        "bad" if errors else "good",
    )


COMMANDS = {"check": check}
