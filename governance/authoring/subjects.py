"""
What is tested together: a pack, a folder of packs, a project, a file of scenarios.

Everything is loaded as `governance check` loads it and laid on the plain project that
examples speak of, so that a test says the same on every machine.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from attrs import evolve, field

from governance._attrs import frozen
from governance._toml import Document, read_toml
from governance.clock import SystemClock
from governance.config import Config, default_toml, load_config, read_config
from governance.engine.lawmaking import settings_of
from governance.engine.project_rules import (
    load_settings,
    named_sources,
    own_sources,
    pack_sources,
)
from governance.errors import ERROR, DefinitionError, Diagnostic
from governance.hosts import HOSTS, profile_of
from governance.journal.redaction import keep_all
from governance.machine import load_machine
from governance.project import (
    CONFIG_NAME,
    FILE_BYTES_MAX,
    config_missing,
    folder_around,
    plain_file,
)
from governance.rules.drafting import draft_pack
from governance.rules.examples import Bench
from governance.rules.format import Defaults, Scenario
from governance.rules.loader import Loaded, read_rules
from governance.rules.paths import PLAIN_PLACES
from governance.rules.recorded import Arguments, recorded_arguments
from governance.rules.scenarios import check_scenarios, read_scenario_file
from governance.rules.sources import FILE_SUFFIX, LoadSettings, PackSource, pack_files
from governance.rules.vocabulary import HostTools, Vocabulary, default_vocabulary
from governance.session.law import Law

FOLDERS_MAX = 2_000
"""Folders of a project that are searched for files of scenarios."""

FILES_MAX = 1_000
DEPTH_MAX = 8

EXAMPLE_CODES = frozenset({"GOV251", "GOV253", "GOV254"})
"""What says that a rule is not what its author meant; it can be played all the same."""

_NEVER_SEARCHED = frozenset({"node_modules", "__pycache__", "venv", "build", "dist"})


@frozen(kw_only=True)
class Placed:
    """
    A scenario and where it stands.

    Attributes:
        lines: The line of each of its steps.

        law: What it is played by; ``None`` when it cannot be played.

        unplayable: Why it cannot, where there is no law.

        sources: The packs that made the law, with what the project says of them.
    """

    scenario: Scenario
    file: str
    line: int
    lines: tuple[int, ...]
    law: Law | None = field(repr=False)
    unplayable: str = "its packs cannot be loaded"
    sources: tuple[PackSource, ...] = field(default=(), repr=False)
    settings: LoadSettings = field(factory=LoadSettings, repr=False)

    def changed(self, file: str, text: str) -> Law | None:
        """
        The law with *text* in place of the pack *file*.

        ``None`` when the law does not hold that pack, or the text gives no rules.
        """
        if self.law is None or all(one.file != file for one in self.sources):
            return None
        sources = [evolve(one, text=text) if one.file == file else one for one in self.sources]
        loaded = read_rules(sources, vocabulary(), settings=self.settings, tries=False)
        return None if loaded.rules is None else evolve(self.law, rules=loaded.rules)


@frozen(kw_only=True)
class Subject:
    """
    Packs that are loaded together, and the scenarios that belong to them.

    Attributes:
        sources: The texts of the packs.

        loaded: What came of loading them, all examples run; ``None``: a file of scenarios,
            whose packs are tested elsewhere.

        problems: What keeps it from being tested: errors other than of examples.
    """

    name: str
    sources: tuple[PackSource, ...] = ()
    settings: LoadSettings = field(factory=LoadSettings, repr=False)
    loaded: Loaded | None = field(default=None, repr=False)
    scenarios: tuple[Placed, ...] = ()
    problems: tuple[Diagnostic, ...] = ()


def host_tables() -> tuple[HostTools, ...]:
    """The tables of native tools of every host that this engine knows."""
    return tuple(profile_of(host).tools for host in HOSTS)


def vocabulary() -> Vocabulary:
    """Every name that packs may use before they declare their own."""
    return default_vocabulary(*host_tables())


def config_around(path: Path) -> Config:
    """The configuration of the project that *path* lies in, or that of a new project."""
    folder = folder_around(path if path.is_dir() else path.parent)
    try:
        if folder is not None:
            return load_config(folder)
    except DefinitionError:
        # A pack can be tried before there is a project, and when another file is broken.
        pass
    return read_config(default_toml(), CONFIG_NAME, path.parent)


def subjects_of(path: Path) -> Iterator[Subject]:
    """
    What is to be tested at *path*, each as soon as it is asked for.

    A pack stands for itself; a folder for all packs in it, loaded together, and the files
    of scenarios below it; a project for the packs in force and all scenarios below it.

    Raises:
        DefinitionError: GOV610, *path* cannot be read or holds nothing; or with every
            problem of a configuration that is wrong.
    """
    if path.name == CONFIG_NAME or (path / CONFIG_NAME).is_file():
        folder = path.parent if path.name == CONFIG_NAME else path
        yield _project(folder)
        yield from (scenario_subject(one) for one in scenario_files(folder))
    elif path.name.endswith(FILE_SUFFIX):
        yield scenario_subject(path)
    elif path.is_dir():
        packs, files = pack_files(path)[:FILES_MAX], scenario_files(path)
        if not packs and not files:
            raise nothing_in(path)
        if packs:
            yield packs_together(packs, path)
        yield from (scenario_subject(one) for one in files)
    else:
        yield packs_together([path], path)


def packs_together(files: Sequence[Path], path: Path) -> Subject:
    """The packs *files*, loaded together, and the scenarios that stand in them."""
    config = config_around(path)
    sources = [PackSource("", text_of(one), str(one)) for one in files]
    return _loaded(str(path), sources, settings_alone(config), config)


def scenario_files(folder: Path) -> list[Path]:
    """
    The files of scenarios below *folder*, by name; folders of others are left out.

    At most `FOLDERS_MAX` folders are searched, `DEPTH_MAX` deep.
    """
    found: list[Path] = []
    for searched, (place, folders, files) in enumerate(os.walk(folder), 1):
        deep = len(Path(place).relative_to(folder).parts)
        kept = [
            one
            for one in sorted(folders)
            if not one.startswith(".") and one not in _NEVER_SEARCHED and deep < DEPTH_MAX
        ]
        folders[:] = kept if searched < FOLDERS_MAX else []
        found += [Path(place, one) for one in files if one.endswith(FILE_SUFFIX)]
    return sorted(found)[:FILES_MAX]


def _project(folder: Path) -> Subject:
    config = load_config(folder)
    return _loaded(str(folder), pack_sources(config), settings_in(config), config)


def settings_in(config: Config) -> LoadSettings:
    """What *config* says of the packs in force, as if a person had trusted all of them."""
    return evolve(load_settings(config, None, SystemClock().now_ms()), trusted=_anybody)


def settings_alone(config: Config) -> LoadSettings:
    """What *config* says of a pack that is looked at by itself, as a person wrote it."""
    return LoadSettings(
        # A rule that lets be says something only where the project is stricter by itself.
        defaults=Defaults(tool=config.defaults.tool),
        fields=settings_of(config).fields,
        time_zone=config.project.time_zone or None,
        characters_max=config.context.characters_max,
        trusted=_anybody,
        args=_recorded_beside(config),
    )


def _recorded_beside(config: Config) -> Arguments:
    """The arguments of tools that the project's own packs record, as far as they can be read."""
    try:
        drafts = [draft_pack(one, examples=False) for one in own_sources(config)]
    except DefinitionError:
        return {}  # a pack can be tried when another is broken
    return recorded_arguments(drafts)


def _loaded(
    name: str, sources: Sequence[PackSource], settings: LoadSettings, config: Config
) -> Subject:
    """*sources* loaded with all examples, and each pack alone for its own scenarios."""
    loaded = read_rules(sources, vocabulary(), settings=settings)
    scenarios: list[Placed] = []
    if loaded.packs:
        for source, pack in zip(sources, loaded.packs, strict=True):
            if pack.scenarios:
                alone = settings_alone(config)
                law, problems = law_of([source], alone, config)
                document = read_toml(source.text, source.file)
                scenarios += _placed(document, pack.scenarios, law, [source], alone)
                if law is None and len(sources) > 1:
                    loaded = evolve(loaded, diagnostics=(*loaded.diagnostics, *problems))
    return Subject(
        name=name,
        sources=tuple(sources),
        settings=settings,
        loaded=loaded,
        scenarios=tuple(scenarios),
        problems=_problems(loaded.diagnostics),
    )


def _problems(found: Sequence[Diagnostic]) -> tuple[Diagnostic, ...]:
    wrong = [one for one in found if one.severity == ERROR and one.code not in EXAMPLE_CODES]
    return tuple(dict.fromkeys(wrong))


def law_of(
    sources: Sequence[PackSource], settings: LoadSettings, config: Config
) -> tuple[Law | None, tuple[Diagnostic, ...]]:
    """What decides by *sources*, their examples left aside; or what is wrong with them."""
    loaded = read_rules(sources, vocabulary(), settings=settings, tries=False)
    if loaded.rules is None:
        return None, _problems(loaded.diagnostics)
    law = Law(
        machine=load_machine(),
        rules=loaded.rules,
        settings=settings_of(config),
        places=PLAIN_PLACES,
        redact=keep_all,
    )
    return law, ()


def _placed(
    document: Document,
    scenarios: Sequence[Scenario],
    law: Law | None,
    sources: Sequence[PackSource],
    settings: LoadSettings,
) -> list[Placed]:
    return [
        Placed(
            scenario=one,
            file=document.file,
            line=document.line_of(one.path),
            lines=tuple(
                document.line_of((*one.path, "steps", step.position)) for step in one.steps
            ),
            law=law,
            sources=tuple(sources),
            settings=settings,
        )
        for one in scenarios
    ]


def scenario_subject(path: Path) -> Subject:
    """
    The scenarios of one file, and what they are played by.

    A pack is named as under ``[packs] paths``, from the folder of the file; without names
    it is the packs of the project around it.
    """
    try:
        found = read_scenario_file(text_of(path), str(path))
    except DefinitionError as error:
        return Subject(name=str(path), problems=error.diagnostics)
    findings = found.findings
    config = config_around(path)
    settings = settings_alone(config)
    law: Law | None = None
    sources: tuple[PackSource, ...] = ()
    problems: tuple[Diagnostic, ...] = ()
    try:
        if found.packs is None:
            folder = folder_around(path.parent)
            if folder is None:
                raise config_missing(path.parent.absolute())
            project = load_config(folder)
            settings, config = settings_in(project), project
            sources = pack_sources(project)
        else:
            sources = named_sources(found.packs, path.parent, findings.document)
    except DefinitionError as error:
        problems = error.diagnostics
    else:
        law, problems = law_of(sources, settings, config)
        if law is not None:
            known = read_rules(sources, vocabulary(), settings=settings, tries=False).vocabulary
            bench = Bench(law.rules, known, settings.time_zone)
            check_scenarios(found.scenarios, bench, findings)
    problems = (*problems, *_problems(findings.diagnostics()))
    playable = None if problems else law
    placed = _placed(findings.document, found.scenarios, playable, sources, settings)
    if law is not None:
        # Its packs are right; what is wrong stands in this file.
        placed = [evolve(one, unplayable="its file has errors") for one in placed]
    return Subject(name=str(path), scenarios=tuple(placed), problems=problems)


def _anybody(_hash: str) -> bool:
    # Whether a person trusts a file is no question of whether it is right.
    return True


def text_of(file: Path) -> bytes:
    """
    What stands in *file*, as far as a pack is read.

    Raises:
        DefinitionError: GOV610, it cannot be read, or is no regular file; what a shell hands
            over as `/dev/fd/63` is read.
    """
    opener = None if file.parts[:2] == ("/", "dev") else plain_file
    try:
        with open(file, "rb", opener=opener) as stream:
            return stream.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        message = f"cannot be used: {(error.strerror or str(error)).lower()}"
        raise DefinitionError((Diagnostic("GOV610", message, file=str(file)),)) from None


def nothing_in(path: Path) -> DefinitionError:
    """The error for *path*, in which there is nothing to check."""
    mend = "give a pack, a folder of packs, a file of scenarios, or a project's folder"
    message = "holds no `*.toml` file"
    return DefinitionError((Diagnostic("GOV610", message, file=str(path), suggestion=mend),))
