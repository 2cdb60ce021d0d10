"""`trust`: a person's word that a project's own files may loosen what they loosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import click

from governance._attrs import frozen
from governance._shipped import pack_texts
from governance.cli.frame import (
    FINE,
    FOUND,
    Example,
    command,
    dir_option,
    file_error,
    format_option,
    key_option,
    project_of,
)
from governance.cli.guard import require_person, require_terminal
from governance.cli.output import print_json, print_line
from governance.cli.recording import person_name, recording_engine
from governance.clock import SystemClock
from governance.config import GUARD, BackupTable, Config, Loosening, load_config, loosened_keys
from governance.engine.opening import PROJECT_SESSION
from governance.engine.project_rules import pack_sources
from governance.errors import MisuseError, did_you_mean
from governance.project import Project
from governance.rules.draft import Draft
from governance.rules.drafting import draft_pack
from governance.rules.format import Defaults
from governance.rules.layers import drop_loosening, labels_that_excuse, upper_agents
from governance.rules.sources import LoadSettings
from governance.rules.trust import grant_trust, pack_hash, read_trust, withdraw_trust
from governance.values import Json, dump_json

CODES: Mapping[str, str] = {"GOV634": "a file whose trust is no question"}

PROJECT = "project"

_SAID = ("listeners.entry_points", "notify.command", "backup.folder")
"""Keys of which something is said in words of their own."""

SHOWN_MAX = 200
"""Signs of one value that are shown."""

LOOSENED_MAX = 50
"""Things that a file loosens of which the journal's row names each."""


@frozen
class Candidate:
    """
    A file of the project that a person may trust.

    Attributes:
        text: What was read, and what is trusted: a change after this asks again.

        loosens: What counts only once it is trusted, one thing an element.
    """

    file: str
    text: str | bytes
    trusted: bool
    loosens: tuple[str, ...]

    def as_json(self) -> dict[str, Json]:
        """As programs read it."""
        return {
            "file": self.file,
            "sha256": pack_hash(self.text),
            "trusted": self.trusted,
            "loosens": list(self.loosens),
        }


@command(
    "trust",
    examples=[
        Example("governance trust --list", "What the project's files would loosen."),
        Example("governance trust", "Look at it, and trust all of them."),
        Example("governance trust --withdraw", "Trust nothing of this project any longer."),
    ],
    exits="0 done, or nothing to do; 1 with --list: something waits for trust; 2 could not do it",
)
@click.argument("packs", nargs=-1, metavar="[PACK]…")
@click.option("--list", "only_list", is_flag=True, help="Show it and grant nothing.")
@click.option("--yes", is_flag=True, help="Do not ask once more.")
@click.option("--withdraw", is_flag=True, help="Take the trust in this project's files back.")
@format_option()
@key_option
@dir_option
def trust(
    packs: tuple[str, ...],
    only_list: bool,
    yes: bool,
    withdraw: bool,
    format_name: str,
    key_file: Path | None,
    directory: Path | None,
) -> int:
    """
    Trust the project's own files to loosen what they loosen.

    What a project's packs and governance.toml forbid always counts. What they loosen
    (allowing, rewriting, exempting, telling the model) counts once a person has read it
    and said so here, so that a cloned repository cannot switch off its user's rules. Trust
    is bound to the text: a changed file asks again. Without PACK it is about all files.
    """
    project = project_of(directory)
    if withdraw:
        if only_list:
            raise click.UsageError("either --list or --withdraw")
        if packs:
            raise click.UsageError("--withdraw is about the whole project and takes no PACK")
        return _withdraw(project, key_file, format_name)
    config = load_config(project.directory)
    candidates = _chosen(candidates_of(config), packs)
    waiting = [one for one in candidates if not one.trusted and one.loosens]
    if format_name == "text":
        _print(candidates, waiting)
    if only_list or not waiting:
        if format_name == "json":
            print_json({"granted": [], "files": [one.as_json() for one in candidates]})
        return FOUND if only_list and waiting else FINE
    require_person("trust", project, key_file)
    # The key may stand in for a terminal: then there is nobody to ask once more.
    if not yes and key_file is None and format_name == "text":
        require_terminal("trust")
        click.confirm("Trust this, as it stands?", abort=True)
    _grant(project, waiting)
    if format_name == "json":
        granted: list[Json] = [one.file for one in waiting]
        print_json({"granted": granted, "files": [one.as_json() for one in candidates]})
    else:
        print_line(f"trusted: {', '.join(one.file for one in waiting)}", "good")
    return FINE


def candidates_of(config: Config) -> tuple[Candidate, ...]:
    """
    The files of the project's own layer, with what each loosens.

    Raises:
        DefinitionError: A pack is missing or cannot be read at all.
    """
    shipped = {pack_hash(text) for text in pack_texts().values()}
    record = read_trust(str(Project(config.directory).trust_file()))
    defaults = config.defaults
    settings = LoadSettings(
        defaults=Defaults(
            tool=defaults.tool, unknown_role=defaults.unknown_role, mode=defaults.mode
        )
    )
    drafts = [draft_pack(source) for source in pack_sources(config)]
    upper = upper_agents(drafts)
    found = [
        Candidate(
            config.document.file,
            config.document.text,
            record.trusts(pack_hash(config.document.text)),
            _loosened_by_config(config),
        )
    ]
    for draft in drafts:
        source = draft.source
        if source.layer == PROJECT and pack_hash(source.text) not in shipped:
            trusted = record.trusts(pack_hash(source.text))
            excusing = labels_that_excuse(drafts, draft)
            loosens = _loosened_by(draft, settings, upper, excusing)
            found.append(Candidate(source.file, source.text, trusted, loosens))
    return tuple(found)


def _loosened_by(
    draft: Draft,
    settings: LoadSettings,
    upper: Mapping[str, tuple[str, ...]],
    excusing: frozenset[str],
) -> tuple[str, ...]:
    """What the loader leaves out of *draft* until it is trusted; *draft* is spent."""
    rules, contexts, exempts = tuple(draft.rules), tuple(draft.contexts), tuple(draft.exempts)
    agents = {role.name: role.agents for role in draft.roles}
    drop_loosening(draft, settings, upper, excusing)
    kept = {rule.id for rule in draft.rules}
    asking = {rule.id for rule in draft.rules if rule.asks_instead}
    left = {role.name: role.agents for role in draft.roles}
    line_of = draft.findings.document.line_of
    found = [
        f"line {line_of(rule.path)}: rule `{rule.id}` {rule.action}s"
        + (", and asks until then" if rule.id in asking else "")
        for rule in rules
        if rule.id not in kept or rule.id in asking
    ]
    found += [
        f"line {line_of(rule.path)}: rule `{rule.id}` sets labels {', '.join(lost)}"
        for rule in rules
        if rule.id in kept and (lost := [one for one in rule.labels if one in excusing])
    ]
    found += [f"context `{block.id}` tells the model: {block.text}" for block in contexts]
    found += [f"`{one.rule}` is exempted: {one.reason}" for one in exempts]
    found += [
        f"agent `{agent}` gets the role `{name}`"
        for name, names in agents.items()
        for agent in names
        if agent not in left.get(name, ())
    ]
    return tuple(found)


def _waiting(one: Loosening) -> str:
    if one.key == "packs.paths":
        return f"`{one.key}` leaves out `{GUARD}`"
    return f"`{one.key} = {_shown(one.written)}` counts as `{_shown(one.held)}`"


def _shown(value: object) -> str:
    """A value nearly as the file has it, on one line."""
    if value is None:
        return "not written"
    plain = dict(value) if isinstance(value, Mapping) else value
    text = dump_json(cast("Json", list(plain) if isinstance(plain, tuple) else plain)).decode()
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}…"


def _loosened_by_config(config: Config) -> tuple[str, ...]:
    found = [_waiting(one) for one in loosened_keys(config) if one.key not in _SAID]
    found += [f"`{one.get('rule')}` is exempted: {one.get('reason')}" for one in config.exempts]
    # What an upper layer registers is called in any case; this file's own programs wait.
    upper = {one.name for layer in config.uppers for one in layer.listeners}
    found += [
        f"the program `{' '.join(one.command)}` is shown events, as `{one.name}`"
        for one in config.listener_commands
        if one.name not in upper
    ]
    found += [f"the listener `{name}` is called" for name in config.listeners.entry_points]
    if config.notify.command:
        found.append(f"`{' '.join(config.notify.command)}` is run to tell a person")
    if config.backup.folder != BackupTable().folder:
        found.append(f"backups of the journal are put into `{config.backup.folder}`")
    return tuple(found)


def _chosen(candidates: Sequence[Candidate], packs: Sequence[str]) -> tuple[Candidate, ...]:
    """Those of *candidates* that were named, by path or by the end of one; all without names."""
    if not packs:
        return tuple(candidates)
    chosen: dict[str, Candidate] = {}
    for name in packs:
        path = str(Path(name).absolute())
        hit = [
            one for one in candidates
            if one.file in (name, path) or Path(one.file).name == Path(name).name == name
        ]  # fmt: skip
        if not hit:
            names = [Path(one.file).name for one in candidates]
            raise MisuseError(
                f"`{name}` is no file of this project's own that could be trusted",
                code="GOV634",
                remedy=did_you_mean(name, names) or f"these are: {', '.join(names)}",
            )
        chosen.update({one.file: one for one in hit})
    return tuple(chosen.values())


def _print(candidates: Sequence[Candidate], waiting: Sequence[Candidate]) -> None:
    for one in candidates:
        if one.trusted:
            print_line(f"{one.file}: trusted as it stands", "good")
        elif not one.loosens:
            print_line(f"{one.file}: loosens nothing, so it needs no trust", "quiet")
        else:
            print_line(f"{one.file}: not trusted; until it is, this does not count:", "wary")
        if not one.trusted:
            for line in one.loosens:
                print_line(f"  {' '.join(line.split())}")
    if not waiting:
        print_line("nothing waits for trust", "good")


def _grant(project: Project, waiting: Sequence[Candidate]) -> None:
    path = project.trust_file()
    # The journal first: what it cannot hold is not trusted.
    with recording_engine(project) as engine:
        for one in waiting:
            loosens: list[Json] = list(one.loosens[:LOOSENED_MAX])
            data: dict[str, Json] = {
                "file": one.file,
                "sha256": pack_hash(one.text),
                "loosens": loosens,
                "by": person_name(),
            }
            engine.record(PROJECT_SESSION, "trust.granted", data, actor=person_name())
    for one in waiting:
        try:
            grant_trust(
                str(path),
                one.text,
                file=one.file,
                project=str(project.directory),
                by=person_name(),
                at_ms=SystemClock().now_ms(),
            )
        except OSError as error:
            raise file_error(path, error) from None


def _withdraw(project: Project, key_file: Path | None, format_name: str) -> int:
    require_person("trust", project, key_file)
    path = project.trust_file()
    directory = str(project.directory)
    files = [
        str(one.get("file"))
        for one in read_trust(str(path)).grants.values()
        if one.get("project") == directory
    ]
    if files:
        with recording_engine(project) as engine:
            named: list[Json] = list(files)
            data: dict[str, Json] = {"files": named, "by": person_name()}
            engine.record(PROJECT_SESSION, "trust.withdrawn", data, actor=person_name())
        try:
            withdraw_trust(str(path), project=directory)
        except OSError as error:
            raise file_error(path, error) from None
    if format_name == "json":
        withdrawn: list[Json] = list(files)
        print_json({"withdrawn": withdrawn})
    else:
        print_line(f"trusted no longer: {', '.join(files)}" if files else "nothing was trusted")
    return FINE


COMMANDS = {"trust": trust}
