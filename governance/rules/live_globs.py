"""
Live globs of a command line, expanded as the shell would: on the file system as it is.

The shell's signs are not those of rules: ``*`` and ``?`` do not match a first dot, ``[…]``
is a class of signs, and there is no ``**``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Final

from governance.rules.vocabulary import Unknown
from governance.shell.name_globs import name_pattern

ENTRIES_MAX: Final = 20_000
"""Entries of folders that are looked at for one glob; listing so many takes about 20 ms."""

_SIGNS: Final = frozenset("*?[")


class _TooManyError(Exception):
    """More entries than are looked at, or a longer glob than is read."""


def expand(pattern: str, paths_max: int) -> Sequence[str] | Unknown:
    """
    The paths that *pattern*, an absolute path with live signs, stands for, in order.

    Nothing where nothing matches, for the shell then takes the pattern as it stands; unknown
    beyond *paths_max* paths or `ENTRIES_MAX` entries.
    """
    looked = [0]
    found: list[str] = []
    try:
        for path in _below("", pattern.split("/")[1:], looked):
            if len(found) >= paths_max:
                return Unknown(f"`{pattern[:100]}` matches more than {paths_max} paths", more=True)
            found.append(path)
    except _TooManyError:
        return Unknown(f"`{pattern[:100]}` goes through too many files, or is too long", more=True)
    return sorted(found)


def _below(folder: str, names: list[str], looked: list[int]) -> Iterator[str]:
    """Paths below *folder* that fit *names*; plain names are taken without a look."""
    at = 0
    while at < len(names) and _SIGNS.isdisjoint(names[at]):
        at += 1
    base = "/".join([folder, *names[:at]])
    if at == len(names):
        if os.path.lexists(base):
            yield base
        return
    name = names[at]
    pattern = name_pattern(name)
    if pattern is None:
        raise _TooManyError
    fits = pattern.match
    for entry in _entries(base or "/", looked):
        if fits(entry.name) and (name.startswith(".") or not entry.name.startswith(".")):
            path = f"{base}/{entry.name}"
            if at + 1 == len(names):
                yield path
            elif _is_folder(entry):
                yield from _below(path, names[at + 1 :], looked)


def _entries(folder: str, looked: list[int]) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                looked[0] += 1
                if looked[0] > ENTRIES_MAX:
                    raise _TooManyError
                yield entry
    except OSError:
        return  # as the shell: a folder that cannot be listed holds nothing


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False
