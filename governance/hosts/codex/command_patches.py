"""
Patches that a command line hands to the client itself.

The client stands on the path of its shells as ``apply_patch``, and an option of its binary does
the same. Which of these a line runs, and with which patch, is what the shell room says: the word
that is given, a here-document, what a pipe is known to print. A patch counts as read only where no
shell that the client may use would give the program another one.
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Iterator
from functools import cached_property

from attrs import field

from governance._attrs import define, frozen
from governance.hooking.patches import FILES_MAX, UNREAD, files_of, paths_in
from governance.shell.values import HOLE, Command, Line, Simple, Word

UNSEEN = (
    "nobody can say what patch this command line applies: it comes from a file, a program or a"
    " variable that is not known, or the line runs what is not known; call the tool `apply_patch`,"
    " or write the patch into the line: apply_patch <<'EOF'"
)
"""Why a line is refused whose patch cannot be read."""

INNER = (
    "this starts an inner part of the client, which writes files and runs programs that no hook"
    " sees; run the command itself, and change files with the tool `apply_patch`"
)
"""Why the client is not started as one of its own helpers."""

PROGRAMS_MAX = 8
"""Times that one line may start a program for patches."""

_APPLYING = frozenset({"apply_patch", "applypatch"})
_HELPERS = frozenset({"codex-linux-sandbox", "codex-execve-wrapper"})
"""Names under which the client's binary does something else than under its own."""

_FLAG = "--codex-run-as-"
_PATCH_FLAG = Word(f"{_FLAG}apply-patch")
_KEEPING = "--preserve-crlf"
_BEGIN = "*** Begin Patch"
_FETCHING = frozenset({"apply", "a"})
"""Sub-commands that apply a diff of the client's service, also below ``cloud``."""

_SERVING = frozenset({"sandbox", "app-server", "exec-server"})
"""Sub-commands that run programs or write files for whoever asks, and call no hook."""

_ENDING = re.compile(r"\.(?:exe|bat|cmd)\Z")
_NAME = r"(?<![\w.-])apply_?patch(?:\.(?:exe|bat|cmd))?(?![\w./-])"
_NAMED = re.compile(rf"{_NAME}|{_FLAG}", re.IGNORECASE)
_DEFINED = re.compile(
    rf"{_NAME}\s*\(\s*\)\s*(?:[{{(\[]|(?:if|for|while|until|case)\b)|\bfunction\s+{_NAME}"
    rf"|\balias\b[^\n;&|]{{0,400}}?{_NAME}="
)
"""A function or an alias of that name: when the name stands for it differs among shells."""

_QUOTES = re.compile(r"[\\'\"]")
_PARTLY = re.compile(rf"[{HOLE}*?\[]")
_LETTERS_MIN = 2
"""Letters that are known of a word that is known in part, for it to be taken for a name."""

_WORD_MAX = 128
"""Characters of such a word."""

_RENAMING = frozenset({"exec", "env", "start-stop-daemon"})
"""Programs that start another one under a name that they are given."""

_GIVEN_NAME = re.compile(
    rf"(?:\S*[/=]|-\w*a)?(?:apply_?patch|{'|'.join(sorted(_HELPERS))})(?:\.exe)?"
)
_SHELLS = frozenset({"sh", "bash", "dash", "ash", "zsh", "ksh", "eval", "source", ".", "trap"})
_MOVING = frozenset({"cd", "chdir", "pushd", "popd"})
_WALKING = frozenset({"find", "fd"})
"""Programs that may run another one in the folder of what they found."""

_UNSETTLING = frozenset({
    "source", ".", "trap", "readonly", "declare", "typeset", "local", "shopt", "setopt",
    "unsetopt", "emulate", "enable", "read", "mapfile", "readarray",
})  # fmt: skip
"""Builtins after which a variable may hold what the line does not say, in one shell or another."""

_SELECT = re.compile(r"\bselect\b")
_LIST = re.compile(r"\w\+?=\(|\$\{\w*\[")
"""Lists begin with another number in some shells."""

_CD = r"\s*(?:cd\s+(?!-)([\w./+@%-]+)\s*&&\s*)?"
_DIRECT = re.compile(rf"{_CD}apply_?patch\b", re.ASCII)
"""A line that applies its patch in a folder that it names; the client takes it apart itself."""

_BEFORE_PATCH = re.compile(
    rf"{_CD}(?:(?:apply_?patch(?:\s+{_KEEPING})?|[\w./@%+-]+\s+{_PATCH_FLAG})\s+['\"]"
    rf"|apply_?patch(?:\s+{_KEEPING})?\s*<<-?\s*['\"]?\w+['\"]?[^\n]*\n)",
    re.ASCII,
)
"""All that stands before a patch with which a line begins, as a word or as a document."""


@frozen
class LinePatch:
    """
    A patch that a line applies.

    Attributes:
        folders: Where it may be applied, as seen from the folder of the call (``""``); none
            where that is not known.
    """

    text: str
    folders: tuple[str, ...]


def patches_of(command: str, line: Line) -> tuple[LinePatch, ...] | str:
    """The patches that *command* applies, which was read as *line*; else why nobody can say."""
    reader = _Reader(command, line)
    reason = reader.hidden()
    if reason or not reader.applying:
        return reason or ()
    if len(reader.applying) > PROGRAMS_MAX:
        return UNREAD
    found: dict[LinePatch, None] = {}
    for at, words in reader.applying.items():
        texts = _texts(words) if words else reader.inputs(at)
        if not texts or not all(reader.certain(at, one) for one in texts):
            return UNSEEN
        folders = reader.folders(at)
        found.update((LinePatch(one, folders), None) for one in texts)
    changes = [one for text in {one.text for one in found} for one in files_of(text)]
    if len(changes) > FILES_MAX:
        return UNREAD
    paths = {one.path for one in changes}
    # The line holds another patch, or one that the client reads as it is written; or its paths
    # have the home of the person in them, which the shell room writes so.
    if changes and (not paths_in(command) <= paths or any("$HOME" in one for one in paths)):
        return UNSEEN
    return tuple(found)


def _called(name: str) -> str:
    return _ENDING.sub("", name.rpartition("/")[2].casefold())


def _is_client(command: Command) -> bool:
    name = _called(command.name)
    return name == "codex" or name.startswith("codex-")


def _is_listed(command: Command) -> bool:
    from governance.shell.programs import spec_for

    return not command.program or spec_for(command.program).known


def _is_like(word: str) -> bool:
    """Whether *word*, of which a part may not be known, can be the name of such a program."""
    name = _called(word)
    if _PARTLY.search(name) is None:
        return name in _APPLYING
    if len(name) > _WORD_MAX or sum(sign.isalpha() for sign in name) < _LETTERS_MIN:
        return False
    return bool(fnmatch.filter(_APPLYING, name.replace(HOLE, "*")))


def _texts(words: tuple[Word, ...]) -> tuple[str, ...]:
    """The patch that *words* are, which is one word of which all is known."""
    known = len(words) == 1 and words[0].known and not words[0].glob
    return (str(words[0]),) if known else ()


def _programs(line: Line) -> dict[int, tuple[Word, ...]]:
    """Positions of the commands that apply a patch, with its words; none: their input is one."""
    found: dict[int, tuple[Word, ...]] = {}
    for at, one in enumerate(line.commands):
        words = one.arguments
        if _called(one.name) in _APPLYING:
            found[at] = words[1:] if words[:1] == (_KEEPING,) else words
        elif _PATCH_FLAG in words and not _speaks(line, one):
            behind = words.index(_PATCH_FLAG) + 1
            found[at] = words[behind : behind + 1] or (Word(HOLE),)
    return found


def _speaks(line: Line, command: Command) -> bool:
    """Whether *command* is known to do no more with its words than to look at them."""
    first = "".join(command.arguments[:1])
    if command.opaque or first.startswith(_FLAG) or _is_client(command):
        return False
    runs = any(one.wrappers[-1:] == (command.program,) for one in line.commands)
    return _is_listed(command) and not runs


@define(eq=False)
class _Reader:
    """
    One command line.

    Attributes:
        applying: Position of each command that applies a patch → the words of the patch; none:
            its input is one.
    """

    command: str
    line: Line
    applying: dict[int, tuple[Word, ...]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.applying = _programs(self.line)

    @cached_property
    def written(self) -> tuple[Simple, ...]:
        """The commands as they were written, in the line and in the texts that its shells run."""
        return tuple(self._written())

    def _written(self) -> Iterator[Simple]:
        from governance.shell.reading import read_simples

        yield from read_simples(self.command).simples
        for one in self.line.commands:
            for text in one.code if one.program in _SHELLS else ():
                yield from read_simples(text, cwd=one.cwd, assigns=one.assigns).simples

    # -- what is run ----------------------------------------------------------------------

    def hidden(self) -> str:
        """Why the line may change what nothing here can read; ``""``: it does not."""
        for one in self.line.commands:
            inner = any(word.startswith(_FLAG) and word != _PATCH_FLAG for word in one.arguments)
            serves = _is_client(one) and not _SERVING.isdisjoint(one.words)
            if (
                _called(one.name) in _HELPERS
                or (serves and "--help" not in one.flags)
                or (inner and not _speaks(self.line, one))
            ):
                return INNER
        bare = _QUOTES.sub("", self.command)
        codes = [_QUOTES.sub("", code) for one in self.line.commands for code in one.code]
        if any(_DEFINED.search(text) for text in (bare, *codes)):
            return UNSEEN
        if self.line.blind is not None and (
            _NAMED.search(bare) is not None
            or _BEGIN in self.command
            or any(_is_like(word) for one in self.written for word in one.argv)
        ):
            return UNSEEN
        unknown = (one for at, one in enumerate(self.line.commands) if at not in self.applying)
        return UNSEEN if any(map(self._may_apply, unknown)) else ""

    def _may_apply(self, command: Command) -> bool:
        """Whether *command*, which is no program for patches, may run one for all one knows."""
        words = command.words
        if _is_client(command):
            first = "".join(command.arguments[:1])
            if HOLE in first or _BEGIN in first or not _FETCHING.isdisjoint(words):
                return True
        # In zsh this is the name that a program is started under.
        if any(one.startswith("ARGV0=") and _GIVEN_NAME.fullmatch(one) for one in command.assigns):
            return True
        if command.program in _RENAMING:
            given = sum(_GIVEN_NAME.fullmatch(one) is not None for one in command.arguments)
            own = (self.line.commands[at].wrappers[-1:] for at in self.applying)
            return given > sum(one == (command.program,) for one in own)
        if not command.opaque and _is_listed(command):
            return False
        return any(map(_NAMED.search, (*words, *command.code)))

    # -- with which patch -----------------------------------------------------------------

    def inputs(self, at: int) -> tuple[str, ...]:
        """
        The patches that the command at position *at* may read from its input; none: unknown.

        Only its words tie a command to the place where it was written. So the inputs of all
        that have the same words are taken, if there are as many places as commands.
        """
        ran = self.line.commands[at]
        commands = map(self.line.commands.__getitem__, self.applying)
        same = sum((one.name, one.arguments) == (ran.name, ran.arguments) for one in commands)
        count = len(ran.arguments)
        places = [
            one
            for one in self.written
            if one.reached
            and len(one.argv) > count
            and one.argv[-count - 1].rpartition("/")[2] == ran.name
            and one.argv[len(one.argv) - count :] == ran.arguments
        ]
        if len(places) != same:
            return ()
        texts: dict[str, None] = {}
        for one in places:
            from_file = any(
                each.fd == 0 and each.mode in ("read", "both") for each in one.redirects
            )
            if from_file or one.input_text is None or not one.input_text.known:
                return ()
            texts[str(one.input_text)] = None
        return tuple(texts)

    def certain(self, at: int, text: str) -> bool:
        """Whether the command at position *at* gets *text* and nothing else, in any shell."""
        if not self._is_one_stream(at, text):
            return False
        before = self.command.partition(text)[0]
        if len(self.applying) == 1 and _BEFORE_PATCH.fullmatch(before) is not None:
            return True
        values: dict[str, str] = {}
        for position, one in enumerate(self.line.commands):
            if one.program in _UNSETTLING or (one.writes and position != at):
                return False
            for assigned in one.assigns if not one.program else ():
                name, _, value = assigned.partition("=")
                if values.setdefault(name, value) != value:
                    return False
        return all(one.search(self.command) is None for one in (_SELECT, _LIST))

    def _is_one_stream(self, at: int, text: str) -> bool:
        """
        Whether one command writes what comes to that at *at*, and one what comes to this, …

        Of several it is not known which of them run; and shells differ on `echo` of a backslash.
        """
        seen: set[int] = set()
        while True:
            seen.add(at)
            writers = [place for place, one in enumerate(self.line.commands) if at in one.feeds]
            if len(writers) != 1 or writers[0] in seen:
                return not writers
            at = writers[0]
            if self.line.commands[at].program == "echo" and "\\" in text:
                return False

    # -- in which folder ------------------------------------------------------------------

    def folders(self, at: int) -> tuple[str, ...]:
        """Where the command at position *at* may run; none: that is not known."""
        direct = _DIRECT.match(self.command) if len(self.applying) == 1 else None
        if direct is not None:
            return (direct[1] or "",)
        moves = [one for one in self.line.commands if one.program in _MOVING]
        ran = self.line.commands[at]
        found = [str(ran.cwd)]
        if moves:
            first = moves[0]
            if len(moves) > 1 or first.program not in ("cd", "chdir") or len(first.words) != 1:
                return ()
            # A `cd` that fails leaves the folder, and what follows may run all the same.
            found += ["", posixpath.join(first.cwd, first.words[0])]
        strange = any(HOLE in one or one.startswith(("~", "-")) for one in found)
        if strange or "CDPATH" in self.command or not _WALKING.isdisjoint(ran.wrappers):
            return ()
        return tuple(dict.fromkeys(posixpath.normpath(one) if one else "" for one in found))
