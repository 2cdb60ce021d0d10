"""What the loader is given: the texts of packs, and what the project says about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Protocol, TypeAlias

from attrs import Factory, field

from governance._attrs import frozen
from governance._toml import Document
from governance.rules.format import ArgumentType, Defaults, Layer
from governance.rules.trust import pack_hash

if TYPE_CHECKING:
    from pathlib import Path

FILE_SUFFIX = ".scenario.toml"
"""How the name of a file of scenarios ends; it is no pack."""


@frozen
class PackSource:
    """
    One file of rules before it is read.

    Attributes:
        name: What the configuration calls it; ``""`` when it is only a path.

        file: The path as the user gave it, for messages.

        layer: Whose it is; a lower layer never loosens an upper one.
    """

    name: str
    text: str | bytes
    file: str
    layer: Layer = "project"
    _hash: list[str] = field(factory=list, init=False, eq=False, repr=False)

    @property
    def hash(self) -> str:
        """sha256 of the text, in hex."""
        if not self._hash:
            self._hash.append(pack_hash(self.text))
        return self._hash[0]


def pack_files(folder: Path) -> list[Path]:
    """The packs that lie in *folder* itself, by name; files of scenarios are none."""
    return [one for one in sorted(folder.glob("*.toml")) if not one.name.endswith(FILE_SUFFIX)]


def is_pack_in(file: str, folder: str) -> bool:
    """Whether `pack_files` would give *file* of *folder*, were it there."""
    above, _, name = file.rpartition("/")
    return above == folder.rstrip("/") and name.endswith(".toml") and not name.endswith(FILE_SUFFIX)


class HostAbilities(Protocol):
    """What the loader asks of a host; the traits that adapters declare fit it."""

    @property
    def asks(self) -> bool:
        """Whether a person can be asked."""
        ...

    @property
    def rewrites(self) -> bool:
        """Whether arguments can be changed."""
        ...

    @property
    def redirects(self) -> bool:
        """Whether another command can be run in place of one."""
        ...

    @property
    def deny_at(self) -> frozenset[str]:
        """Machine events whose refusal the host honours."""
        ...

    @property
    def untold(self) -> frozenset[str]:
        """Facts, or families of them, that the host never tells."""
        ...


def trust_nothing(_hash: str) -> bool:
    """The trust of a machine on which no person has trusted anything yet."""
    return False


Parsed: TypeAlias = Callable[[str], "Mapping[str, object] | None"]
"""What the text with a sha256 parses to, or ``None`` where that is not known."""


def nothing_parsed(_hash: str) -> None:
    """The memory of a machine that has parsed nothing yet."""
    return


def nothing_proven(_hash: str) -> bool:
    """The memory of a machine that has loaded nothing yet."""
    return False


def nothing_released(_hash: str) -> bool:
    """The answer of who looks at packs for themselves, wherever they come from."""
    return False


@frozen(kw_only=True)
class LoadSettings:
    """
    What the project and the machine say about all packs.

    Attributes:
        fields: Declared project fields and their defaults.

        time_zone: IANA name, or ``None`` when the project has none.

        hearsay: Facts that the project's own file fills; unknown to rules of upper layers
            until it is trusted.

        hosts: The hosts in use and what each can do.

        characters_max: The budget of injected text, or ``None`` for no bound.

        project: ``governance.toml``, for its ``[[exempt]]`` tables.

        project_layer: Whose file *project* is.

        trusted: Whether a person has trusted the text with this sha256; until then a
            project's loosening does not count.

        proven: Whether this engine has loaded the rule set of this hash before without a
            problem, so that its examples need not be run again. They are most of the work
            of loading; a process that lives for one call should remember.

        released: Whether the text with this sha256 came with the engine: its examples were
            run before it was released, and what they say does not hang on the project.

        parsed: What texts are known to parse to, so that they need not be parsed again.

        examples: Whether the examples of released packs are read too; deciding needs none.

        today: The day by which exemptions expire; ``None``: none does.

        args: Tool → argument → type, as packs record it that are not read here.
    """

    defaults: Defaults = Factory(Defaults)
    fields: Mapping[str, object] = Factory(dict)
    time_zone: str | None = None
    hearsay: frozenset[str] = frozenset()
    hosts: Mapping[str, HostAbilities] = Factory(dict)
    characters_max: int | None = None
    project: Document | None = None
    project_layer: Layer = "project"
    trusted: Callable[[str], bool] = trust_nothing
    proven: Callable[[str], bool] = nothing_proven
    released: Callable[[str], bool] = nothing_released
    parsed: Parsed = nothing_parsed
    examples: bool = True
    today: date | None = None
    args: Mapping[str, Mapping[str, ArgumentType]] = Factory(dict)
