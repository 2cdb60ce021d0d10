"""
The keys of a `shell` table: what a rule may ask of one command of a line.

Everything here is data; the reference page of rules is made from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, get_args

from governance._attrs import frozen
from governance.rules.fact_table import TOOL_EVENTS, FactSpec, fact_spec
from governance.shell.values import OpaqueKind

OPAQUE_KINDS: Final[tuple[str, ...]] = get_args(OpaqueKind)


@frozen
class ShellKey:
    """
    One key of a `shell` table.

    Attributes:
        takes: ``matcher``, ``flags`` (an array of flags), ``shell`` (a table like the one it
            stands in), ``bool``, or ``opaque`` (a boolean, or a matcher of kinds).

        spec: What its matcher compares; of other keys only a name.

        doc: One sentence for the reference.
    """

    takes: str
    spec: FactSpec
    doc: str

    @property
    def name(self) -> str:
        """As rules write it."""
        return self.spec.name

    @property
    def type(self) -> str:
        """What stands behind the key, in a few words."""
        names = {"flags": "array of flags", "shell": "shell table", "opaque": "bool, or kinds"}
        return names.get(self.takes, self.spec.type)


def _key(takes: str, name: str, type: str, doc: str, **more: object) -> ShellKey:
    kind = str(more.get("kind", "text"))
    values = OPAQUE_KINDS if takes == "opaque" else None
    partial = bool(more.get("partial", takes == "matcher"))
    spec = fact_spec(name, type, TOOL_EVENTS, doc, kind=kind, values=values, partial=partial)
    return ShellKey(takes, spec, doc)


_KEYS = (
    _key(
        "matcher",
        "program",
        "str",
        "The program, without its folder: as it was called, or by its plain name (`python` for "
        "`python3.12`).",
        kind="program",
    ),
    _key(
        "matcher",
        "subcommand",
        "str",
        "The first word after the program's own options; of programs with groups the whole way, "
        "as `volume rm`.",
    ),
    _key("matcher", "words", "list[str]", "What is no option and no subcommand."),
    _key("flags", "flags_any", "list[str]", "It has one of these flags, however it is written."),
    _key("flags", "flags_all", "list[str]", "It has each of these flags."),
    _key(
        "matcher",
        "options",
        "list[str]",
        "Options with their values, by the long name where there is one: `--request=DELETE`.",
    ),
    _key("matcher", "arguments", "list[str]", "All words after the program, as handed over."),
    _key(
        "matcher",
        "code",
        "list[str]",
        "Texts that it is given to run or to send: `python -c`, `psql -c`, a here-document.",
    ),
    _key("matcher", "reads", "list[str]", "Paths that it reads.", kind="path"),
    _key("matcher", "writes", "list[str]", "Paths that it writes or removes.", kind="path"),
    _key("matcher", "removes", "list[str]", "Paths that it removes.", kind="path"),
    _key("matcher", "domains", "list[str]", "Hosts that it talks to.", kind="domain"),
    _key("matcher", "assigns", "list[str]", "`NAME=value` in its environment."),
    _key(
        "matcher",
        "wrappers",
        "list[str]",
        "What it was taken out of: `sudo`, `xargs`, `bash`, `ssh` and the like.",
    ),
    _key(
        "shell",
        "flows_to",
        "shell",
        "Its output reaches such a command, through any number of others.",
    ),
    _key("bool", "background", "bool", "The line does not wait for it."),
    _key("bool", "recursive", "bool", "It calls the function that it stands in."),
    _key(
        "bool",
        "looped",
        "bool",
        "It stands in a loop over names that are not known: `for d in $DIRS`, `while read d`.",
    ),
    _key(
        "opaque",
        "opaque",
        "list[str]",
        "What of it cannot be known: `true` where any other command may hide in it, or kinds.",
    ),
)

SHELL_KEYS: Final[Mapping[str, ShellKey]] = {one.name: one for one in _KEYS}
"""By name, in the order of the reference."""
