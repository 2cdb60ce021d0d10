"""The law that a project would have with other rules than its own."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path

from governance._attrs import frozen
from governance._shipped import pack_texts
from governance._toml import Document
from governance.authoring.subjects import FILES_MAX, nothing_in, text_of
from governance.cli.host_tables import TOOLS, TRAITS
from governance.clock import SystemClock
from governance.config import Config, load_config
from governance.engine.lawmaking import fields_of, settings_of
from governance.engine.project_rules import SHIPPED, pack_sources
from governance.errors import DefinitionError, MisuseError, did_you_mean
from governance.journal.redaction import keep_all
from governance.machine import load_machine
from governance.project import CONFIG_NAME, Project
from governance.rules.deciding import RuleSet
from governance.rules.format import Defaults
from governance.rules.loader import read_rules
from governance.rules.paths import Places, places_of
from governance.rules.sources import LoadSettings, PackSource, pack_files
from governance.rules.vocabulary import default_vocabulary
from governance.session.law import Law

CODES = {"GOV680": "rules to replay by that cannot be found"}


@frozen
class OtherRules:
    """
    Packs that somebody would decide by, and the configuration that comes with them.

    Attributes:
        config: Of a whole project that was named; ``None``: that of the project itself.
    """

    sources: tuple[PackSource, ...]
    config: Config | None = None


def rules_named(names: Sequence[str]) -> OtherRules:
    """
    The rules that *names* stand for, each pack once.

    A name is a pack, a folder of packs, a project's folder or its ``governance.toml``,
    ``shipped``, or ``shipped:NAME``. Of several projects the first one's configuration
    counts.

    Raises:
        DefinitionError: GOV610, a file cannot be read; or a named project is broken.

        MisuseError: GOV680, no shipped pack has that name.
    """
    found: dict[str, PackSource] = {}
    config: Config | None = None
    for name in names:
        sources, own = _named(name)
        config = config or own
        for one in sources:
            found.setdefault(one.file, one)
    return OtherRules(tuple(found.values()), config)


def _named(name: str) -> tuple[Sequence[PackSource], Config | None]:
    if name == SHIPPED or name.startswith(f"{SHIPPED}:"):
        return _shipped(name), None
    path = Path(name)
    if path.name == CONFIG_NAME or (path / CONFIG_NAME).is_file():
        config = load_config(path.parent if path.name == CONFIG_NAME else path)
        return pack_sources(config), config
    files = pack_files(path)[:FILES_MAX] if path.is_dir() else [path]
    if not files:
        raise nothing_in(path)
    return [PackSource("", text_of(one), str(one)) for one in files], None


def _shipped(name: str) -> list[PackSource]:
    texts = pack_texts()
    if name == SHIPPED:
        return [PackSource(one, text, f"{SHIPPED}:{one}") for one, text in texts.items()]
    wanted = name.removeprefix(f"{SHIPPED}:")
    if wanted not in texts:
        hint = did_you_mean(wanted, texts) or "one of " + ", ".join(texts)
        raise MisuseError(f"no shipped pack is called `{wanted}`", code="GOV680", remedy=hint)
    return [PackSource(wanted, texts[wanted], name)]


def other_law(project: Project, rules: OtherRules) -> Law:
    """
    What would decide in *project* if *rules* were its own, every pack of them trusted.

    Paths begin where the project lies, for there its calls were made; all else that decides
    (defaults, hosts, fields, time zone) comes with the rules, or stays as it is.

    Raises:
        DefinitionError: Configuration or packs are missing or wrong, with every problem.
    """
    own = load_config(project.directory)
    config = rules.config or own
    places = places_of(str(own.directory))
    return Law(
        machine=load_machine(),
        rules=rules_by(
            config,
            rules.sources,
            places,
            project=config.document if rules.config is not None else None,
        ),
        settings=settings_of(config),
        places=places,
        redact=keep_all,
    )


def rules_by(
    config: Config, sources: Sequence[PackSource], places: Places, *, project: Document | None
) -> RuleSet:
    """
    The rules of *sources* as *config* has them, every one of them trusted.

    Args:
        project: The file whose exemptions count.

    Raises:
        DefinitionError: With every problem of every pack.
    """
    defaults = config.defaults
    today = datetime.datetime.fromtimestamp(SystemClock().now_ms() / 1000, datetime.UTC).date()
    loaded = read_rules(
        sources,
        default_vocabulary(*TOOLS.values()),
        settings=LoadSettings(
            defaults=Defaults(
                tool=defaults.tool, unknown_role=defaults.unknown_role, mode=defaults.mode
            ),
            fields=fields_of(config),
            time_zone=config.project.time_zone or None,
            hosts={name: TRAITS[name] for name in config.hosts if name in TRAITS},
            project=project,
            # Whether a person trusts a file is no question of what it would decide.
            trusted=lambda _hash: True,
            today=today,
        ),
        places=places,
    )
    if loaded.rules is None:
        raise DefinitionError(loaded.errors)
    return loaded.rules
