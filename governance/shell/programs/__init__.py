"""
The programs that an agent's shell sees, as tables in the notation of `notation.py`.

A key names one program or several that take the same arguments (`"vi, vim, nvim"`), or a
subcommand (`"docker volume rm"`; `"docker|podman run|create"` is all four). An entry is read when its
program is first met.
"""

from __future__ import annotations

import re
from importlib import import_module
from itertools import product
from typing import Final

from governance.shell.notation import UNKNOWN, Spec, spec_of

MODULES: Final = (
    "files",
    "texts",
    "archives",
    "system",
    "wrappers",
    "network",
    "versions",
    "packages",
    "containers",
    "clouds",
    "databases",
    "languages",
)
_VERSIONED: Final = re.compile(
    r"(python|pypy|pip|ruby|perl|php|lua|node|gcc|clang|java|tclsh|ld|psql|bash|ksh|gawk|rscript)"
    r"-?[0-9][0-9.]*(?:dm|m|w)?"
)
_SAME: Final = {
    "nodejs": "node",
    "gsed": "sed",
    "gtar": "tar",
    "bsdtar": "tar",
    "gfind": "find",
    "gxargs": "xargs",
    "grm": "rm",
    "gmv": "mv",
    "gcp": "cp",
    "gdd": "dd",
    "gawk": "awk",
    "mawk": "awk",
    "nawk": "awk",
    "original-awk": "awk",
    "luajit": "lua",
    "pypy": "python",
    "gmake": "make",
    "hub": "git",
    "mongo": "mongosh",
    "mariadb": "mysql",
    "mariadb-dump": "mysqldump",
    "valkey-cli": "redis-cli",
    "keydb-cli": "redis-cli",
    "sqlite": "sqlite3",
    "rbash": "bash",
    "tofu": "terraform",
    "batcat": "bat",
    "fdfind": "fd",
    "nerdctl": "docker",
}

_entries: dict[str, str] = {}
_specs: dict[str, Spec] = {}


def canonical(name: str) -> str:
    """
    The name under which the tables list a program.

    >>> canonical("python3.12"), canonical("nodejs"), canonical("rm")
    ('python', 'node', 'rm')
    """
    if name in entries():
        return name
    if name.endswith(".exe"):
        name = name[:-4]
    same = _SAME.get(name)
    if same is not None:
        return same
    found = _VERSIONED.fullmatch(name)
    return _SAME.get(found[1], found[1]) if found is not None else name


def spec_for(name: str, parent: Spec | None = None) -> Spec:
    """The entry of a program, or of its subcommand *name*, below that of the *parent*."""
    found = _specs.get(name)
    if found is None:
        entry = entries().get(name)
        if entry is None:
            if parent is None:
                return UNKNOWN
            return _bare(name.partition(" ")[0], parent)
        found = spec_of(_expanded(entry), parent)
        _specs[name] = found
    return found


def _bare(program: str, parent: Spec) -> Spec:
    """A subcommand without an entry: the program's options, and words."""
    found = _specs.get(f"{program} ")
    if found is None:
        found = spec_of("", parent)
        _specs[f"{program} "] = found
    return found


def _expanded(entry: str) -> str:
    """*entry* with that of another program before it, where it says ``!like``."""
    start, like, rest = entry.partition("!like=")
    if not like:
        return entry
    name, _, after = rest.partition(" ")
    options, colon, operands = f" {_expanded(entries()[name.replace('+', ' ')])} ".partition(" : ")
    own, own_colon, own_operands = f" {start} {after} ".partition(" : ")
    if own_colon:
        colon, operands = own_colon, own_operands
    return f"{options} {own}{colon}{operands}"


def entries() -> dict[str, str]:
    """Every entry by the name of its program."""
    if not _entries:
        for module in MODULES:
            table: dict[str, str] = import_module(f"governance.shell.programs.{module}").TABLE
            for names, entry in table.items():
                _entries.update(dict.fromkeys(_names(names), entry))
    return _entries


def _names(key: str) -> list[str]:
    """The programs that a key of a table names."""
    found: list[str] = []
    for one in key.split(", "):
        words = [word.split("|") for word in one.split(" ")]
        found += [" ".join(way) for way in product(*words)]
    return found
