"""The rules of one project: the packs that its layers name, read and compiled."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from attrs import Factory, evolve

from governance._attrs import frozen
from governance._shipped import BY_NAME, pack_texts
from governance.config import Config
from governance.engine.lawmaking import fields_of
from governance.engine.parsed import keep_parsed, parsed_texts
from governance.engine.remembered import remember, remembered
from governance.errors import DefinitionError, Diagnostic, did_you_mean
from governance.project import Project, read_file
from governance.rules.deciding import RuleSet, compile_rules
from governance.rules.format import Defaults
from governance.rules.format import Layer as LayerName
from governance.rules.loader import Loaded, read_rules
from governance.rules.paths import places_of
from governance.rules.reading import INFO
from governance.rules.sources import HostAbilities, LoadSettings, PackSource, is_pack_in, pack_files
from governance.rules.trust import pack_hash, read_trust
from governance.rules.vocabulary import default_vocabulary

if TYPE_CHECKING:
    from pathlib import Path

    from governance._toml import Document
    from governance.rules.check import Examined
    from governance.rules.vocabulary import HostTools

SHIPPED = "shipped"

CODES: Mapping[str, str] = {
    "GOV270": "a pack that the configuration names and that is not there",
    "GOV275": "an agent of a host that is mapped to a role that no pack describes",
}


_LAYERS: Mapping[str, LayerName] = {"machine": "machine", "user": "user", "project": "project"}


def load_project_rules(
    config: Config,
    tools: Sequence[HostTools] = (),
    *,
    hosts: Mapping[str, HostAbilities] | None = None,
    now_ms: int,
    sources: Sequence[PackSource] | None = None,
    examples: bool = True,
) -> RuleSet:
    """
    The rules in force in the project of *config*, or those of *sources* in their place.

    A rule set that was loaded before without an error is not proven again: its texts are not
    parsed, its examples are left alone, and its rules are compiled when they are needed. Of
    packs as they were shipped the examples were run before the release.

    Args:
        examples: Read the examples of those too; whoever only decides needs none.

    Raises:
        DefinitionError: With every problem of every pack.
    """
    shipped = shipped_hashes()
    folder = Project(config.directory).state_directory()
    before = remembered(folder)
    texts = parsed_texts(folder) if before else {}
    settings = load_settings(config, hosts, now_ms, known=shipped)
    circumstances = _circumstances(settings, tools)
    given = pack_sources(config) if sources is None else sources

    def read(parsed: Mapping[str, Mapping[str, object]]) -> Loaded:
        found = read_rules(
            given,
            default_vocabulary(*tools),
            settings=evolve(
                settings,
                proven=lambda found: f"{found} {circumstances}" in before,
                released=shipped.__contains__,
                parsed=parsed.get,
                examples=examples,
            ),
            places=places_of(str(config.directory)),
        )
        return _with_roles_of_hosts(config, found)

    loaded = read(texts)
    if texts and loaded.errors:
        # A refusal is told of the texts themselves, whatever was kept of them.
        texts, loaded = {}, read({})
    if loaded.rules is None:
        raise DefinitionError(loaded.errors)
    if not loaded.proven:
        remember(folder, before, f"{loaded.rules.hash} {circumstances}")
    if any(one not in texts for one, _ in loaded.parsed):
        keep_parsed(folder, loaded.parsed)
    return loaded.rules


def shipped_hashes() -> frozenset[str]:
    """sha256 of each pack that comes with the engine."""
    return frozenset(pack_hash(text) for text in pack_texts().values())


def _circumstances(settings: LoadSettings, tools: Sequence[HostTools]) -> str:
    """A hash of what examples depend on besides the rules themselves."""
    return pack_hash(repr((settings.time_zone, sorted(settings.fields.items()), tools)))


def read_project_rules(
    config: Config,
    tools: Sequence[HostTools] = (),
    *,
    hosts: Mapping[str, HostAbilities] | None = None,
    now_ms: int,
) -> Loaded:
    """
    As `load_project_rules`, with problems as values; the project's own packs are proven anew.

    Raises:
        DefinitionError: A pack that the configuration names is not there (GOV270), for
            without it nothing true can be said of the others.
    """
    shipped = shipped_hashes()
    settings = load_settings(config, hosts, now_ms, known=shipped)
    found = read_rules(
        pack_sources(config),
        default_vocabulary(*tools),
        settings=evolve(settings, released=shipped.__contains__),
        places=places_of(str(config.directory)),
    )
    return _with_roles_of_hosts(config, found)


def _with_roles_of_hosts(config: Config, loaded: Loaded) -> Loaded:
    """*loaded*, unless *config* maps agents to roles that none of its packs describes."""
    wrong = tuple(_unknown_roles(config, loaded.vocabulary.roles))
    if not wrong:
        return loaded
    return evolve(loaded, rules=None, trial=None, diagnostics=(*loaded.diagnostics, *wrong))


def _unknown_roles(config: Config, known: frozenset[str]) -> Iterator[Diagnostic]:
    """What would leave an agent with nothing that it may do; without any role, none limits."""
    document = config.document
    for host, table in config.hosts.items():
        for agent, role in table.roles.items():
            if known and role not in known:
                at = ("hosts", host, "roles", agent)
                text = f"`{'.'.join(at)}` names the role `{role}`, which no pack describes"
                hint = did_you_mean(role, known) or f"one of {', '.join(sorted(known))}"
                yield Diagnostic("GOV275", text, document.file, document.line_of(at), at, hint)


def examine_project_rules(
    config: Config,
    tools: Sequence[HostTools] = (),
    *,
    hosts: Mapping[str, HostAbilities] | None = None,
    now_ms: int,
) -> Examined:
    """
    Everything that can be found in the packs of *config*, for people; see `rules.check`.

    Of packs that ship with the engine only what is wrong is told: what else there is to know
    of them is no matter of the project, and was looked for before they were released. They
    come first, so that what meets one of them is told in the project's own file.

    Raises:
        DefinitionError: As `read_project_rules`.
    """
    from governance.rules.check import examine_rules

    known = shipped_hashes()
    sources = sorted(pack_sources(config), key=lambda one: one.hash not in known)
    shipped = {one.file for one in sources if one.hash in known}
    found = examine_rules(
        sources,
        default_vocabulary(*tools),
        settings=evolve(load_settings(config, hosts, now_ms), released=known.__contains__),
        places=places_of(str(config.directory)),
    )
    told = [one for one in found.diagnostics if one.file not in shipped or one.severity != INFO]
    loaded = _with_roles_of_hosts(config, found.loaded)
    told += loaded.diagnostics[len(found.loaded.diagnostics) :]
    return evolve(found, diagnostics=tuple(told), loaded=loaded)


def load_settings(
    config: Config,
    hosts: Mapping[str, HostAbilities] | None,
    now_ms: int,
    *,
    known: frozenset[str] | None = None,
) -> LoadSettings:
    """
    What *config* and this machine say about all packs.

    Args:
        known: sha256 of each shipped pack, which a person need not trust; by default they are
            read for this.
    """
    trust = read_trust(str(Project(config.directory).trust_file()))
    shipped = shipped_hashes() if known is None else known
    defaults = config.defaults
    return LoadSettings(
        defaults=Defaults(
            tool=defaults.tool, unknown_role=defaults.unknown_role, mode=defaults.mode
        ),
        fields=fields_of(config),
        time_zone=config.project.time_zone or None,
        hearsay=config.hearsay,
        hosts=hosts or {},
        characters_max=config.context.characters_max,
        project=config.document,
        trusted=lambda text_hash: text_hash in shipped or trust.trusts(text_hash),
        today=datetime.datetime.fromtimestamp(now_ms / 1000, datetime.UTC).date(),
    )


def no_rules() -> RuleSet:
    """
    The rules of a broken project that a person has paused: no rule decides until it is over.

    Then nothing is let through, for what the packs would say is not known.
    """
    return compile_rules((), default_vocabulary(), defaults=Defaults(tool="deny"))


def pack_sources(
    config: Config, *, instead: Mapping[str, bytes] | None = None
) -> tuple[PackSource, ...]:
    """
    The packs that the layers of *config* name, upper layers first, each once.

    Args:
        instead: Absolute path → what would stand there, whether anything does now or not.

    Raises:
        DefinitionError: GOV270 for every one that is not there, GOV334 for every one that
            cannot be read.
    """
    found, missing = _all_sources(config, instead or {})
    if missing:
        raise DefinitionError(tuple(missing))
    return tuple(found.values())


def own_sources(config: Config) -> tuple[PackSource, ...]:
    """
    The packs that the project's own layer names and that are there, without shipped ones.

    Raises:
        DefinitionError: GOV334 for every one that is there and cannot be read.
    """
    found, missing = _all_sources(config, {})
    unreadable = tuple(one for one in missing if one.code == "GOV334")
    if unreadable:
        raise DefinitionError(unreadable)
    own = (one for one in found.values() if one.layer == "project")
    return tuple(one for one in own if not one.name)


def _all_sources(
    config: Config, instead: Mapping[str, bytes]
) -> tuple[dict[str, PackSource], list[Diagnostic]]:
    found: dict[str, PackSource] = {}
    missing: list[Diagnostic] = []
    for layer in config.layers:
        kind = _LAYERS[layer.name]
        listed = _Listed(layer.directory, layer.document, ("packs", "paths"), kind, instead)
        missing += _gather(layer.packs.paths, listed, found)
    return found, missing


def named_sources(
    names: Sequence[str], directory: Path, document: Document
) -> tuple[PackSource, ...]:
    """
    The packs *names*, each once, that stand as ``packs`` in *document* of *directory*.

    Raises:
        DefinitionError: GOV270 for every one that is not there.
    """
    found: dict[str, PackSource] = {}
    missing = _gather(names, _Listed(directory, document, ("packs",), "project"), found)
    if missing:
        raise DefinitionError(tuple(missing))
    return tuple(found.values())


@frozen
class _Listed:
    """
    Where names of packs stand: the folder that they start from, and their place.

    Attributes:
        instead: Absolute path → what would stand there.
    """

    directory: Path
    document: Document
    path: tuple[str, ...]
    kind: LayerName
    instead: Mapping[str, bytes] = Factory(dict)


def _gather(
    names: Sequence[str], listed: _Listed, found: dict[str, PackSource]
) -> list[Diagnostic]:
    """Add the packs *names* to *found*; what of them is not there, or cannot be read."""
    shipped = pack_texts()
    missing: list[Diagnostic] = []
    for position, name in enumerate(names):
        for source in _named(name, listed, shipped):
            if isinstance(source, PackSource):
                # A project may have a copy of what comes with the engine.
                if not (source.name and any(one.hash == source.hash for one in found.values())):
                    found.setdefault(source.file, source)
                continue
            if isinstance(source, Diagnostic):
                missing.append(source)
                continue
            path: tuple[str | int, ...] = (*listed.path, position)
            text, suggestion = source
            file, line = listed.document.file, listed.document.line_of(path)
            missing.append(Diagnostic("GOV270", text, file, line, path, suggestion))
    return missing


def _named(
    name: str, layer: _Listed, shipped: Mapping[str, str]
) -> list[PackSource | Diagnostic | tuple[str, str]]:
    """The sources that one name of packs stands for, or what is wrong with it."""
    kind = layer.kind
    if name == SHIPPED:
        return [
            PackSource(one, text, f"shipped:{one}", kind)
            for one, text in shipped.items()
            if one not in BY_NAME
        ]
    if name.startswith(f"{SHIPPED}:"):
        one = name.removeprefix(f"{SHIPPED}:")
        if one in shipped:
            return [PackSource(one, shipped[one], name, kind)]
        hint = did_you_mean(one, shipped) or "one of " + ", ".join(sorted(shipped))
        return [(f"no shipped pack is called `{one}`", hint)]
    path = layer.directory / name
    files = {str(one) for one in layer.instead if is_pack_in(one, str(path))}
    if path.is_dir():
        files |= {str(one) for one in pack_files(path)}
        if not files:
            return [(f"the folder `{name}` has no `*.toml` file", "name a pack")]
    if files:
        return [_source(one, layer) for one in sorted(files)]
    return [_source(str(path), layer, name)]


def _source(
    file: str, layer: _Listed, named: str = ""
) -> PackSource | Diagnostic | tuple[str, str]:
    from pathlib import Path

    kind = layer.kind
    text = layer.instead.get(file)
    if text is None:
        try:
            text = read_file(Path(file))
        except DefinitionError as error:
            return error.diagnostics[0]
    if text is None:
        known = (SHIPPED, *(f"{SHIPPED}:{one}" for one in pack_texts()))
        near = did_you_mean(named, known)
        mend = f"write it, or take it off the list{f'; {near}' if near else ''}"
        return (f"the pack `{file}` is not there", mend)
    return PackSource("", text, file, kind)
