"""
The programs that an agent's shell sees, as tables in the notation of `notation.py`.

A table is a text of blocks with an empty line between. A block begins with the names of the
programs that it is about, from the first column: one or several that take the same arguments
(``vi, vim, nvim``), or a subcommand (``docker volume rm``; ``docker|podman run|create`` is
all four). The indented lines below are the entry. ``@name`` is no program, but an entry that
others say that they are like. An entry is read when its program is first met.
"""

from __future__ import annotations

import re
from importlib import import_module
from itertools import islice, product
from typing import Final

from governance.shell.name_globs import name_pattern
from governance.shell.notation import UNKNOWN, Spec, spec_of
from governance.shell.programs.index import INDEX
from governance.shell.values import HOLE

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
    "opentofu": "terraform",
    "aws-cli": "aws",
    "batcat": "bat",
    "fdfind": "fd",
    "nerdctl": "docker",
    "finch": "docker",
    "k": "kubectl",
    "kubecolor": "kubectl",
    "tf": "terraform",
    "eas-cli": "eas",
    "firebase-tools": "firebase",
    "netlify-cli": "netlify",
    "dotenv-cli": "dotenv",
    "esptool.py": "esptool",
    "espefuse.py": "espefuse",
}

_WORST: Final = ("rm", "cat", "bash", "sh", "nc", "curl", "wget", "dd", "chmod", "chown", "mv",
                 "cp", "head", "tail", "less", "python3", "perl", "base64", "tac", "shred", "sudo",
                 "find")  # fmt: skip
"""Programs that a name known in part may stand for, the worst first; after them all others."""

_HITS_MAX: Final = 8
"""Programs that a name known in part is taken for."""

_EXTENDED: Final = re.compile(r"[@+!?*]\([^()]*\)")
_OPEN: Final = re.compile(r"[*?]|\[[^]]{0,64}\]")

_homes: Final = {name: module for module, names in INDEX.items() for name in names.split()}
_entries: dict[str, str] = {}
_loaded: set[str] = set()
_specs: dict[str, Spec] = {}


def canonical(name: str) -> str:
    """
    The name under which the tables list a program.

    >>> canonical("python3.12"), canonical("nodejs"), canonical("rm")
    ('python', 'node', 'rm')
    """
    if name in _homes:
        return name
    if name.endswith(".exe"):
        name = name[:-4]
    if name.startswith("zf_"):
        name = name[3:]  # as a module of zsh calls its own
    same = _SAME.get(name)
    if same is not None:
        return same
    found = _VERSIONED.fullmatch(name)
    return _SAME.get(found[1], found[1]) if found is not None else name


def programs_like(name: str) -> tuple[str, ...]:
    """
    Programs of the tables that *name* may be, of which a part is a pattern or not known.

    What is not known may be nothing; of a name without any letter nothing is known, nor of one
    that is longer than a glob that is read.

    >>> programs_like("shut?own"), programs_like(f"r{HOLE}m")[0], programs_like(HOLE)
    (('shutdown',), 'rm', ())
    """
    bare = name.replace(HOLE, "")
    pattern = _EXTENDED.sub("*", name.replace(HOLE, "*"))
    fits = name_pattern(pattern)
    if not bare or fits is None or (HOLE in name and not _OPEN.sub("", pattern)):
        return ()
    found = [bare] if bare != name and canonical(bare) in _homes else []
    several = (*_WORST, *_homes)
    found += islice((one for one in several if fits.match(one)), 2 * _HITS_MAX)
    return tuple(dict.fromkeys(found))[:_HITS_MAX]


def spec_for(name: str, parent: Spec | None = None) -> Spec:
    """The entry of a program, or of its subcommand *name*, below that of the *parent*."""
    found = _specs.get(name)
    if found is None:
        entry = _entry(name)
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
    entry = " ".join(entry.split())
    start, like, rest = entry.partition("!like=")
    if not like:
        return entry
    name, _, after = rest.partition(" ")
    other = _entry(name) or ""
    options, colon, operands = f" {_expanded(other)} ".partition(" : ")
    own, own_colon, own_operands = f" {start} {after} ".partition(" : ")
    if own_colon:
        colon, operands = own_colon, own_operands
    return f"{options} {own} {colon} {operands}"


def _entry(name: str) -> str | None:
    """The entry of a program or a subcommand, from the table that its program stands in."""
    found = _entries.get(name)
    if found is None:
        module = _homes.get(name.partition(" ")[0])
        if module is not None and module not in _loaded:
            _load(module)
            found = _entries.get(name)
    return found


def _load(module: str) -> None:
    _loaded.add(module)
    table: str = import_module(f"governance.shell.programs.{module}").TABLE
    for block in table.strip().split("\n\n"):
        names, _, entry = block.partition("\n  ")
        _entries.update(dict.fromkeys(_names(names), entry))


def entries() -> dict[str, str]:
    """Every entry by the name of its program, of all tables."""
    for module in INDEX:
        if module not in _loaded:
            _load(module)
    return _entries


def _names(text: str) -> list[str]:
    """The programs that a block of a table begins with."""
    found: list[str] = []
    for one in text.replace(",\n", ", ").split(", "):
        if "|" not in one:
            found.append(one)
            continue
        words = [word.split("|") for word in one.split(" ")]
        found += [" ".join(way) for way in product(*words)]
    return found
