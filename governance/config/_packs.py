"""The texts of the packs in force: from `[packs] paths` of every layer to files that were read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from attrs import frozen

from governance._shipped import pack_texts
from governance._toml import place
from governance.config._config import Config
from governance.config._layers import Layer
from governance.config._reading import Report, refuse
from governance.config._tree import SHIPPED
from governance.errors import DefinitionError, Diagnostic, Problem, did_you_mean
from governance.project import read_file

PACKS_MAX = 1_000


@frozen(eq=False)
class PackText:
    """
    One pack as it was read.

    Attributes:
        name: What the configuration calls it: ``shipped:NAME``, or the path as written.

        file: Where it stands, for messages.

        layer: Whose file names it; the uppermost, where several do.
    """

    name: str
    text: str | bytes
    file: str
    layer: str


def read_packs(config: Config) -> tuple[PackText, ...]:
    """
    Every pack that a layer of *config* names, the upper layers' first, none twice.

    Raises:
        DefinitionError: GOV311 for each pack that is not there, with the line that names
            it; GOV334 for one that cannot be read.
    """
    found: dict[str, PackText] = {}
    diagnostics: list[Diagnostic] = []
    shipped = pack_texts()
    for layer in config.layers:
        problems: list[Problem] = []
        for index, path in enumerate(layer.packs.paths):
            at = ("packs", "paths", index)
            for pack in _read(layer, path, at, shipped, problems.append, diagnostics):
                found.setdefault(pack.file, pack)
        diagnostics += [place(layer.document, one) for one in problems]
    if diagnostics:
        raise DefinitionError(tuple(diagnostics))
    return tuple(found.values())


def _read(
    layer: Layer,
    path: str,
    at: tuple[str | int, ...],
    shipped: Mapping[str, str],
    report: Report,
    diagnostics: list[Diagnostic],
) -> list[PackText]:
    if path == SHIPPED:
        return [_shipped(name, text, layer) for name, text in shipped.items()]
    prefix, colon, name = path.partition(":")
    if prefix == SHIPPED and colon:
        if name not in shipped:
            hint = did_you_mean(name, shipped) or f"known are {', '.join(sorted(shipped))}"
            refuse("GOV311", f"no pack `{name}` is shipped", at, report, hint)
            return []
        return [_shipped(name, shipped[name], layer)]
    file = layer.directory / Path(path).expanduser()
    try:
        text = read_file(file)
    except DefinitionError as error:
        diagnostics.extend(error.diagnostics)
        return []
    if text is None:
        known = sorted(one.name for one in file.parent.glob("*.toml"))[:PACKS_MAX]
        hint = did_you_mean(file.name, known)
        if path in shipped:
            hint = f"did you mean `{SHIPPED}:{path}`?"
        refuse("GOV311", f"the pack `{path}` is not there", at, report, hint)
        return []
    return [PackText(path, text, str(file), layer.name)]


def _shipped(name: str, text: str, layer: Layer) -> PackText:
    return PackText(f"{SHIPPED}:{name}", text, f"{SHIPPED}:{name}", layer.name)
