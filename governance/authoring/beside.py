"""
A pack beside the packs of the project that it lies in: what only all of them together tell.

A pack that is right alone may take a name that another has, or refuse what another offers. It
is looked at as if the project named it, whether it does so already or not.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from attrs import evolve

from governance._attrs import frozen
from governance.authoring.subjects import settings_in, vocabulary
from governance.config import load_config
from governance.engine.project_rules import pack_sources, shipped_hashes
from governance.errors import DefinitionError, Diagnostic
from governance.project import folder_around
from governance.rules.loader import read_rules
from governance.rules.reading import INFO
from governance.rules.sources import PackSource


@frozen
class Beside:
    """
    What came of laying packs beside those of a project.

    Attributes:
        folder: The project's.

        packs: How many others it has in force.

        named: Whether it names all of the packs that were looked at.

        readable: Its own packs can be read; else nothing was found for that reason alone.

        diagnostics: Errors and warnings, in the packs that were looked at or because of them.
    """

    folder: Path
    packs: int = 0
    named: bool = False
    readable: bool = False
    diagnostics: tuple[Diagnostic, ...] = ()


def beside_project(sources: Sequence[PackSource], path: Path) -> Beside | None:
    """
    *sources* loaded with the packs of the project that *path* lies in; ``None``: in none.

    A pack of the project that is the same file or has the same name stands aside.
    """
    folder = folder_around(path if path.is_dir() else path.parent)
    if folder is None:
        return None
    try:
        config = load_config(folder)
        theirs = pack_sources(config)
    except DefinitionError:
        return Beside(folder)
    files = {Path(one.file).resolve() for one in sources}
    names = {_name_of(one) for one in sources} - {""}
    others = [one for one in theirs if not (_is_among(one, files) or (_name_of(one) in names))]
    known = shipped_hashes()
    settings = evolve(settings_in(config), released=known.__contains__)
    loaded = read_rules([*others, *sources], vocabulary(), settings=settings)
    elsewhere = {one.file for one in loaded.errors} - {one.file for one in sources}
    if elsewhere and read_rules(others, vocabulary(), settings=settings).errors:
        return Beside(folder)
    told = elsewhere.union(one.file for one in sources)
    return Beside(
        folder,
        packs=len(others),
        named=files <= {Path(one.file).resolve() for one in theirs if not one.name},
        readable=True,
        diagnostics=tuple(
            one for one in loaded.diagnostics if one.file in told and one.severity != INFO
        ),
    )


def _is_among(source: PackSource, files: Collection[Path]) -> bool:
    return not source.name and Path(source.file).resolve() in files


def _name_of(source: PackSource) -> str:
    """The name that the pack gives itself; ``""`` where it cannot be read."""
    from governance._toml import read_toml

    try:
        head = read_toml(source.text, source.file).data.get("pack")
    except DefinitionError:
        return ""
    name = head.get("name") if isinstance(head, dict) else None
    return name if isinstance(name, str) else ""
