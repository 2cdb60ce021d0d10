"""Whether a file fits a glob: what rules ask for is looked up before a command is decided."""

from __future__ import annotations

import os
from collections.abc import Iterable
from itertools import islice
from stat import S_ISDIR

from attrs import evolve

from governance._attrs import define
from governance.rules.globs import Fit, PatternError, expand_braces, text_glob
from governance.rules.paths import Places
from governance.session.commands import Command
from governance.session.decide import decide
from governance.session.draft import Outcome
from governance.session.law import Gathered, Law
from governance.session.state import SessionState

ENTRIES_MAX = 20_000
"""Entries of folders that one look may read; where they are not enough, it is not known."""

GLOBS_MAX = 64
"""Globs that one command may ask for; of further ones it is not known."""

ROUNDS_MAX = 4
"""Times that a command is decided again because rules asked for more files."""


class _TooMany(Exception):
    """A look has read its share of entries."""


def decide_looking(law: Law, state: SessionState, command: Command, gathered: Gathered) -> Outcome:
    """
    What *command* leads to; decided again while rules ask for files that nobody has looked
    for, a few times at most: then what is left is not known.
    """
    outcome = decide(law, state, command, gathered)
    for _ in range(ROUNDS_MAX):
        if not outcome.wanted:
            break
        files = {**gathered.files, **look(law.places, outcome.wanted)}
        gathered = evolve(gathered, files=files)
        outcome = decide(law, state, command, gathered)
    return outcome


def look(places: Places, globs: Iterable[str]) -> dict[str, bool | None]:
    """Whether a file or folder fits each of *globs*, read from the project's folder on."""
    return {
        glob: _there(places, glob) if number < GLOBS_MAX else None
        for number, glob in enumerate(globs)
    }


def _there(places: Places, glob: str) -> bool | None:
    """``None`` where it cannot be found out: too much to read, or not readable."""
    search = _Search(places)
    try:
        return any(search.found(one) for one in expand_braces(glob))
    except (_TooMany, OSError, PatternError, ValueError):
        return None


@define(eq=False)
class _Search:
    places: Places
    entries: int = 0

    def found(self, glob: str) -> bool:
        """Whether anything fits *glob*, which has no braces left."""
        if glob.startswith("~/"):
            start, rest = self.places.home, glob[2:]
        elif glob.startswith("/"):
            start, rest = "/", glob[1:]
        else:
            start, rest = self.places.project, glob
        segments = [one for one in rest.split("/") if one not in ("", ".")]
        return self._below(start, tuple(segments))

    def _below(self, folder: str, segments: tuple[str, ...]) -> bool:
        if not segments:
            return True
        first, rest = segments[0], segments[1:]
        if first == "**":
            return self._across(folder, rest)
        if not any(sign in first for sign in "*?[\\"):
            path = f"{folder.rstrip('/')}/{first}"
            return self._exists(path) and self._below(path, rest)
        fits = Fit(text_glob(self.places.fold(first)))
        return any(
            fits(self.places.fold(name)) and self._below(f"{folder.rstrip('/')}/{name}", rest)
            for name in self._names(folder)
        )

    def _across(self, folder: str, rest: tuple[str, ...]) -> bool:
        """`**`: here, or in any folder below; links to folders are not followed into."""
        if not rest:
            return bool(self._names(folder))
        if self._below(folder, rest):
            return True
        return any(
            self._across(path, rest)
            for name in self._names(folder)
            if self._is_folder(path := f"{folder.rstrip('/')}/{name}")
        )

    def _names(self, folder: str) -> list[str]:
        try:
            with os.scandir(folder) as found:
                names = [one.name for one in islice(found, ENTRIES_MAX + 1 - self.entries)]
        except (FileNotFoundError, NotADirectoryError):
            return []
        self.entries += len(names) + 1
        if self.entries > ENTRIES_MAX:
            raise _TooMany
        return sorted(names)

    def _exists(self, path: str) -> bool:
        try:
            os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def _is_folder(self, path: str) -> bool:
        try:
            return S_ISDIR(os.lstat(path).st_mode)
        except (FileNotFoundError, NotADirectoryError):
            return False
