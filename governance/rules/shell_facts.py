"""
What a command line does, as matchers take it: texts, paths of this machine, hosts.

The line says paths as they were written. Here they are put where the call runs: the folder
of the call, `cd` within the line, `~`, links, and globs that the shell will expand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from governance.rules.domains import hosts_of
from governance.rules.globs import composed
from governance.rules.matchers import REAL_PATHS
from governance.rules.notable import meant_by
from governance.rules.partial import HOLE, Program
from governance.rules.paths import Places
from governance.rules.shell_flows import Flows
from governance.rules.shell_terms import FILLED, LineTerms
from governance.rules.vocabulary import MISSING, Unknown

if TYPE_CHECKING:
    from governance.shell.values import Command, Line, Word

GLOB_PATHS_MAX: Final = 1_000
"""Paths that one live glob may stand for; of more than these the rest is unknown."""

FOREIGN: Final = frozenset({"PowerShell"})
"""Native tools whose lines are for another kind of shell."""

SINKS: Final = frozenset({"/dev/null", "/dev/stdin", "/dev/stdout", "/dev/stderr", "/dev/tty"})
"""Files that keep nothing of what is written to them; they are no paths of a command."""

_REMEMBERED_CHARACTERS_MAX = 4_096


def line_of(text: str, native: str = "") -> Line:
    """*text* taken apart; of the last short lines this is remembered."""
    return terms_of_line(text, native).line


def terms_of_line(text: str, native: str = "") -> LineTerms:
    """What is known of *text*, taken apart as by `line_of`."""
    if len(text) > _REMEMBERED_CHARACTERS_MAX:
        return _read(text, native in FOREIGN)
    return _read_again(text, native in FOREIGN)


def _read(text: str, foreign: bool) -> LineTerms:
    from governance.shell.lines import foreign_line, read_line

    return LineTerms(foreign_line(text) if foreign else read_line(text))


@lru_cache(maxsize=256)
def _read_again(text: str, foreign: bool) -> LineTerms:
    return _read(text, foreign)


class ShellCall:
    """
    A command line of one call; each of its commands has a position.

    What it has whatever call it stands in is that of `LineTerms`. Not shared between threads
    while it is new: two may work the same thing out, alike.
    """

    def __init__(
        self,
        line: Line | LineTerms,
        *,
        cwd: str | None,
        places: Places,
        real: dict[str, str],
    ):
        """
        Take *line* as run in the folder *cwd*.

        Args:
            real: Where paths lead that are worked out is put into it: spelled → real.
        """
        known = line if isinstance(line, LineTerms) else LineTerms(line)
        self.known = known
        self.line = known.line
        self.commands = known.commands
        self.blind = known.blind
        self.programs = known.programs
        self.has = known.has
        self.world: Mapping[str, object] = {REAL_PATHS: real}
        self._cwd = cwd
        self._places = places
        self._real = real
        self._values: dict[tuple[int, str], object] = {}
        self._globs: dict[str, Sequence[str | Unknown]] = {}
        self.flows = Flows([one.feeds for one in self.commands])

    def __str__(self) -> str:
        """The commands in a few words, for people."""
        return "; ".join(shown(one) for one in self.commands)

    def value(self, position: int, key: str) -> object:
        """What the command at *position* has under *key* of a `shell` table."""
        found = self._values.get((position, key))
        if found is None:
            found = self._work_out(self.commands[position], key)
            self._values[position, key] = found
        return found

    def _work_out(self, command: Command, key: str) -> object:
        if key == "program":
            return Program(command.program, command.name) if command.program else MISSING
        if key == "subcommand":
            return composed(command.subcommand) if command.subcommand else MISSING
        if key in ("reads", "writes", "removes"):
            words: tuple[Word, ...] = getattr(command, key)
            if key == "removes":
                words += _emptied(words)
            return self._paths(words, self._folder(command.cwd))
        if key == "domains":
            return list(dict.fromkeys(host for one in command.domains for host in _hosts(one)))
        if key == "opaque":
            return list(dict.fromkeys(one.kind for one in command.opaque))
        found = getattr(command, key)
        return [_plain(one) for one in found] if isinstance(found, tuple) else found

    def told(self, position: int, key: str) -> object:
        """What to show people under *key* of the command at *position*."""
        command = self.commands[position]
        if key in ("flags_any", "flags_all"):
            return list(command.flags)
        if key == "flows_to":
            reached = [shown(self.commands[one]) for one in self.flows.reached(position)]
            return reached or MISSING
        return self.value(position, key)

    def all(self, key: str) -> list[object]:
        """What all commands together have under *key*, and an open end if more may belong."""
        if self.blind is None and key in FILLED and key not in self.has:
            return []
        found: dict[object, None] = {}
        for position in range(len(self.commands)):
            values = self.value(position, key)
            if isinstance(values, list):
                found.update(dict.fromkeys(values))
        if self.blind is not None:
            found[self.unknown()] = None
        return list(found)

    def unknown(self) -> Unknown:
        """Why the line may do what is not listed."""
        # INVARIANT: it is only asked of a line that is blind.
        assert self.blind is not None, "the line is known"
        return Unknown(self.blind.reason, more=True)

    # Paths ------------------------------------------------------------------------------

    def folder(self, position: int) -> str:
        """Where the command at *position* runs; it may begin with or hold a hole."""
        return self._folder(self.commands[position].cwd)

    def placed(self, word: str, position: int) -> str | Unknown:
        """*word* as a path, where the command at *position* runs."""
        return self._placed(word, self.folder(position))

    def real(self, path: str) -> str:
        """Where *path*, as this call spells it, leads when links are followed."""
        return self._real.get(path, path)

    def _folder(self, cwd: Word) -> str:
        base = self._cwd or self._places.project
        if not cwd:
            return base
        path: object = self._placed(_plain(cwd), base)
        if cwd.glob and isinstance(path, str) and HOLE not in path:
            found = self._expanded(path, base) or [path]
            path = found[0] if len(found) == 1 else HOLE
        return path if isinstance(path, str) else HOLE

    def _paths(self, words: Iterable[Word], folder: str) -> list[object]:
        found: dict[object, None] = {}
        for word in words:
            text = _plain(word)
            if text in SINKS or text.startswith("/dev/fd/"):
                continue
            if word.glob and HOLE not in text and HOLE not in folder:
                # The pattern is told as well: what it means does not hang on what lies there.
                expanded = self._expanded(text, folder)
                found.update(dict.fromkeys(expanded))
                meant: list[str] = []
                if not expanded:
                    meant = meant_by(text)
                elif any(isinstance(one, Unknown) for one in expanded):
                    meant = meant_by(text, HOLE)  # not all is known that it hits
                found.update(dict.fromkeys(self._placed(one, folder) for one in meant))
            found[self._placed(text, folder)] = None
            if word.carried:
                found[self._placed(_lost(text), folder)] = None
        return list(found)

    def _expanded(self, text: str, folder: str) -> Sequence[str | Unknown]:
        pattern = self._places.absolute(text, folder)
        if isinstance(pattern, Unknown):
            return [pattern]
        known = self._globs.get(pattern)
        if known is None:
            from governance.shell.values import GLOBS_MAX  # here by now

            if len(self._globs) < GLOBS_MAX:
                paths = self._places.expand(pattern, GLOB_PATHS_MAX)
            else:
                paths = Unknown(f"more than {GLOBS_MAX} patterns of files", more=True)
            if isinstance(paths, Unknown):
                known = [self._placed(text, folder), paths]
            else:
                known = [self._placed(one, folder) for one in paths]
            self._globs[pattern] = known
        return known

    def _placed(self, text: str, folder: str) -> str | Unknown:
        """*text* as an absolute path; where its beginning is not known, with a hole there."""
        if text.startswith("~") and text[1:2] not in ("", "/"):
            # The home of somebody else is not looked up.
            text = HOLE + text[len(text.split("/", 1)[0]) :]
        if HOLE not in text and HOLE not in folder:
            return self._followed(text, folder)
        if text.startswith(HOLE) or (folder.startswith(HOLE) and not text.startswith(("/", "~"))):
            joined = text if text.startswith(HOLE) else f"{folder}/{text}"
            return _climbed(joined)
        if not text.startswith(("/", "~")):
            text = f"{folder}/{text}"
        return self._followed(_climbed(text), None)

    def _followed(self, text: str, folder: str | None) -> str | Unknown:
        forms = self._places.forms(text, folder)
        if isinstance(forms, Unknown):
            return forms
        spelled, followed = forms
        if spelled != followed:
            self._real[spelled] = followed
        return spelled


def _lost(text: str) -> str:
    """A pattern that a value brought: what else it stands for is not known."""
    from governance.shell.live_signs import kept, lost

    return lost(kept(text))


def _emptied(words: Iterable[Word]) -> tuple[Word, ...]:
    """Folders of which nothing is left where all that matches *words* is gone: `x` of `x/*`."""
    from governance.shell.values import Word as _Word

    found: list[Word] = []
    for word in words:
        text = word.rstrip("/")
        while text.strip("/") and word.glob:
            before, slash, last = text.rpartition("/")
            if last.strip(".*?[!^]") or "*" not in last:
                break
            text = before or slash or "."
        if text and text != word.rstrip("/"):
            found.append(_Word(text))
    return tuple(found)


def _climbed(path: str) -> str:
    """*path* with `..` taken in; out of a folder with a hole it leads nobody knows where."""
    kept: list[str] = []
    for name in path.split("/"):
        if name == ".." and kept and HOLE in kept[-1]:
            kept = [HOLE]
        elif name == ".." and kept and kept[-1] not in ("", ".."):
            kept.pop()
        elif name != "." and (name or not kept):
            kept.append(name)
    return "/".join(kept) if kept != [""] else "/"


def _plain(text: str) -> str:
    """A word as matchers take it: a plain string in the form that is compared."""
    return str(text) if text.isascii() else composed(str(text))


def _hosts(text: str) -> Sequence[object]:
    """Every host that *text* may lead to, as other tools' addresses give them."""
    plain = _plain(text)
    if HOLE in plain:
        return (plain.lower(),)
    return hosts_of(f"//[{plain}]" if plain.count(":") > 1 and plain[0] != "[" else f"//{plain}")


def shown(command: Command) -> str:
    """*command* as somebody would write it, its options by name."""
    name = command.name or command.program or "(nothing)"
    words: Sequence[str] = command.arguments
    return " ".join([name, *words]).replace(HOLE, "…").strip()


class Naming(Protocol):
    """What holds only for a line that runs one of *programs*; ``None``: for others too."""

    @property
    def programs(self) -> frozenset[str] | None: ...


T = TypeVar("T", bound=Naming)


def by_program(several: Iterable[T]) -> Mapping[str, Sequence[T]]:
    """Those of *several* that name a program, by its name, each in its order."""
    found: dict[str, list[T]] = {}
    for one in several:
        for name in one.programs or ():
            found.setdefault(name, []).append(one)
    return found


def unnamed(several: Iterable[T]) -> tuple[T, ...]:
    """Those of *several* that name no program."""
    return tuple(one for one in several if one.programs is None)


def named(
    names: Iterable[str], grouped: Mapping[str, Sequence[T]], always: tuple[T, ...]
) -> tuple[T, ...]:
    """Those that may hold for a line that runs the programs *names*."""
    found = [one for name in names if name in grouped for one in grouped[name]]
    return (*always, *found) if found else always


def deferred_call(
    text: object, native: str, *, cwd: str | None, places: Places, real: dict[str, str]
) -> Callable[[], ShellCall | Unknown]:
    """What takes *text* apart when it is called; a text that is none is unknown."""

    def make() -> ShellCall | Unknown:
        if type(text) is not str:
            return text if isinstance(text, Unknown) else Unknown("the call has no command line")
        return ShellCall(terms_of_line(text, native), cwd=cwd, places=places, real=real)

    return make
