"""
Scripts that a line writes and then runs, and links that it makes and then goes through.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from posixpath import normpath
from typing import Final, TypeVar

from attrs import evolve

from governance.shell.draft import Draft, basename, joined
from governance.shell.printing import TEXT_MAX
from governance.shell.producing import output_of
from governance.shell.programs import canonical, spec_for
from governance.shell.values import HOLE, INPUTS, Redirect, Simple, Word

_T = TypeVar("_T")

FILES_MAX: Final = 64
"""Files that one line writes and that are remembered."""

PACKERS: Final = frozenset({"npm", "pnpm", "yarn", "bun"})
"""Package managers that run the scripts of a project."""

_SCRIPT: Final = "scripts."
"""How `npm pkg set` names a script of the project; no path begins so here."""

_MAKING: Final = frozenset({"cat", "echo", "printf", "tee", "dd"})
_CUTTING: Final = frozenset({"split", "csplit"})
COPYING: Final = _CUTTING | {"cp", "mv", "ln", "install", "cat", "dd", "rsync", "ditto", "hash"}
"""Programs that put a file under another name, or its text into another file."""

_FILTERS: Final = frozenset({"sed", "awk", "sort", "uniq"})
"""Programs that most likely write what they read."""

_EXPORTING: Final = frozenset({"export", "declare", "typeset", "env"})
_BIN: Final = re.compile(r"(?:^|/)s?bin/[^/]+$")
_INSIDE: Final = re.compile(r"/\.?$")
"""How a word ends that means what a link leads to, and not the link."""

_SOFT: Final = re.compile(r"--symbolic$|-[A-Za-z]*s")
_ADDING: Final = re.compile(r"-\w*a")


class Scripts:
    """
    Texts of files that a line has written so far, and its links, by their paths as it gave them.

    What is longer than `TEXT_MAX` is forgotten; such a script is one that nobody has read.
    """

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._links: dict[str, str] = {}
        self._programs: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._pathed = False
        self._open: dict[str, Redirect] = {}
        self._made: dict[str, str] = {}
        self._parts: dict[str, list[str]] = {}
        self._fresh: set[str] = set()

    def wrote(self, simple: Simple) -> None:
        """Remember what *simple* writes into files, where that is known."""
        name = basename(simple.argv[0]) if simple.argv else ""
        if name == "ln":
            self._link(simple)
        if name in PACKERS and simple.argv[1:3] == ("pkg", "set"):
            self._set(simple.argv[3:])
        targets: list[tuple[Word, bool]] = []
        for one in simple.redirects:
            if one.fd in {1, -1} and one.mode in {"write", "append"}:
                path = _path(simple.cwd, one.target)
                # What a group writes to is emptied once, and is one redirection for all of it.
                targets.append((one.target, one.mode == "append" or self._open.get(path) is one))
                self._open[path] = one
        if name == "tee":
            adds = any(one == "--append" or _ADDING.match(one) for one in simple.argv)
            targets += [(one, adds) for one in simple.argv[1:] if not one.startswith("-")]
        if name == "dd":
            targets = [(Word(one[3:]), False) for one in simple.argv[1:] if one[:3] == "of="]
        if not targets:
            return
        text = output_of([str(one) for one in simple.argv], simple.input_text)
        if text is None and name not in _MAKING:
            return
        for target, adds in targets:
            path = _path(simple.cwd, target)
            # Of two files whose names are not known one may be the other.
            before = self._texts.pop(path, "") if adds or HOLE in path else ""
            if text is None and before:
                self._texts[path] = before  # what is known of it is still run
            elif text is None or len(before) + len(text) > TEXT_MAX:
                self._texts.pop(path, None)
            elif path in self._texts or len(self._texts) < FILES_MAX:
                self._texts[path] = before + text
                self._made.pop(path, None)
                self._fresh.add(path)

    def named(self, simple: Simple) -> Simple:
        """*simple* with the program that the line has put under its name."""
        if simple.assigns or (simple.argv and simple.argv[0] in _EXPORTING):
            words = (*simple.assigns, *simple.argv[1:])
            self._pathed = self._pathed or any(one.startswith("PATH=") for one in words)
        if not simple.argv or not (self._programs or self._names or self._pathed):
            return simple
        first = simple.argv[0]
        path = _path(simple.cwd, first)
        found = self._programs.get(path) if "/" in first else self._names.get(first)
        if found is None and "/" not in first:
            if not self._pathed and spec_for(canonical(first)).known:
                return simple
            written = [one for one in (*self._programs, *self._texts) if basename(one) == first]
            if not written:
                return simple
            found = self._programs.get(written[0]) or f"./{written[0].removeprefix('./')}"
            found = found if found[2:3] != "/" else found[2:]
        return simple if found is None else evolve(simple, argv=(Word(found), *simple.argv[1:]))

    def copied(self, draft: Draft) -> None:
        """Remember under which names *draft* puts a script of the line, or a program."""
        cwd = draft.simple.cwd
        if draft.program == "hash":
            words = draft.arguments
            if "-p" in words and len(words) > words.index(Word("-p")) + 2:
                at = words.index(Word("-p"))
                self._names[words[at + 2]] = basename(words[at + 1])
            return
        sources = [(one, _path(cwd, one)) for one in draft.reads]
        texts = [self._texts[path] for _, path in sources if path in self._texts]
        reads = not INPUTS.isdisjoint(draft.words) or (
            draft.program in _CUTTING and not draft.words
        )
        if draft.stdin_text is not None and reads:
            texts.append(draft.stdin_text)
        programs = [
            self._programs.get(path) or basename(one)
            for one, path in sources
            if path in self._programs or (_BIN.search(one) is not None and HOLE not in one)
        ]
        read = {path for _, path in sources}
        if self._made or self._parts:
            paths = [path for _, path in sources]
            for target in draft.writes:
                _hand_on(self._made, paths, _path(cwd, target))
                _hand_on(self._parts, paths, _path(cwd, target))
        targets: Sequence[Word] = draft.writes
        if draft.program in _CUTTING and texts:
            from governance.shell.fragments import pieces_of

            targets = pieces_of(draft)
        for target in targets if texts or programs else ():
            path = _path(cwd, target)
            if path in read or len(self._texts) + len(self._programs) >= 2 * FILES_MAX:
                continue
            if texts:
                self._texts[path] = _remembered("\n".join(texts))
                self._fresh.add(path)
            if programs:
                self._programs[path] = programs[0]

    def made(self, draft: Draft) -> None:
        """
        Remember which files *draft* writes whose text the line itself has, as code or as input,
        while nobody knows what comes of it.
        """
        fresh, self._fresh = self._fresh, set()
        if not draft.writes:
            return
        from governance.shell.fragments import FRAGMENTS_MAX, inserted

        parts = inserted(draft)
        cwd, text = draft.simple.cwd, draft.stdin_text
        written = [_path(cwd, one) for one in draft.writes]
        read = {_path(cwd, one) for one in draft.reads}
        for path in read.intersection(written) if len(self._parts) < FILES_MAX else ():
            self._parts[path] = [*self._parts.get(path, ()), *parts][: FRAGMENTS_MAX + 1]
        if not _has_texts(draft, parts):
            return
        kept = fresh.union(read, (_path(cwd, one) for one in draft.removes))
        for path in written:
            if path in kept or len(self._made) >= FILES_MAX:
                continue
            self._made[path] = draft.program
            if text is not None and draft.program in _FILTERS and len(self._texts) < FILES_MAX:
                self._texts[path] = _remembered(text)

    def _set(self, words: Sequence[Word]) -> None:
        """Remember the scripts that `npm pkg set` gives the project."""
        for one in words:
            name, equals, text = one.partition("=")
            if equals and name.startswith(_SCRIPT) and len(self._texts) < FILES_MAX:
                self._texts[name] = _remembered(text)

    def _link(self, simple: Simple) -> None:
        """Remember a symbolic link, which what follows may go through."""
        words = [one for one in simple.argv[1:] if not one.startswith("-")]
        soft = any(_SOFT.match(one) for one in simple.argv[1:])
        if soft and len(words) == 2 and HOLE not in words[0] and len(self._links) < FILES_MAX:
            self._links[_path(simple.cwd, words[1])] = words[0]

    def _through(self, draft: Draft) -> None:
        """Note what *draft* writes and removes by way of links that the line has made."""
        cwd = draft.simple.cwd
        for words in (draft.writes, draft.removes):
            words += [
                Word(normpath(joined(Word(target), path[len(link) + 1 :])))
                for path, inside in [(_path(cwd, one), _INSIDE.search(one)) for one in words]
                for link, target in self._links.items()
                if path.startswith(f"{link}/") or (inside and path == link)
            ]

    def look(self, draft: Draft) -> None:
        """Note what the script does that *draft* runs, if it is one of these."""
        if self._links and draft.program != "ln":
            self._through(draft)
        first = draft.simple.argv[0] if draft.simple.argv else Word("")
        if (self._made or self._parts) and any(one.kind == "script" for one in draft.opaque):
            self._hidden(draft, first)
        if self._texts and "/" in first:
            text = self._texts.get(_path(draft.simple.cwd, first))
            if text is not None:
                from governance.shell.running import understand_script

                understand_script(draft, first, text)
                return
        if self._texts or draft.simple.held:
            self._texts_of(draft)

    def _texts_of(self, draft: Draft) -> None:
        """Note what the scripts do that the program of *draft* is given, or runs by itself."""
        from governance.shell.running import (
            COMPILED,
            SETTING,
            TEST,
            TESTERS,
            implied,
            modules,
            understand_script,
        )

        known = draft.program in COMPILED or draft.program in SETTING
        runs = known or any(one.kind == "script" for one in draft.opaque)
        files = modules(draft)
        if not (runs or files):
            return
        if draft.program in PACKERS:
            words = draft.words if draft.subcommand.startswith("run") else [draft.subcommand]
            text = self._script(draft.simple.cwd, words[0]) if words else None
            if text is not None:
                draft.run_text(text, stdin=False)
            return
        if draft.program in TESTERS:
            named = {_path(draft.simple.cwd, one) for one in draft.words}
            for path, text in list(self._texts.items()):
                if path in named or TEST.search(path):
                    understand_script(draft, Word(path), text)
            return
        if runs:
            held = [Word(path) for path, _ in draft.simple.held if path in draft.arguments]
            told = draft.value("--file", "-x", "-S")
            files = [*held, *draft.reads, *told, *files, *implied(draft)]
        for file in files:
            text = draft.held(file) or self._texts.get(_path(draft.simple.cwd, file))
            if text is not None:
                understand_script(draft, file, text)
                return

    def _hidden(self, draft: Draft, first: Word) -> None:
        """Note what the line has put into a script that *draft* runs; it may be anything."""
        from governance.shell.running import implied, language_of

        for file in [first] if "/" in first else [*draft.reads, *implied(draft)]:
            path = _path(draft.simple.cwd, file)
            by = self._made.get(path)
            if by is not None:
                draft.blind("input", f"{draft.program} runs what {by} has written in this line")
            if path in self._parts:
                from governance.shell.fragments import run_parts

                run_parts(draft, language_of(draft, file, ""), self._parts[path])

    def _script(self, folder: Word, name: str) -> str | None:
        """The script *name* that the line has given the project."""
        text = self._texts.get(f"{_SCRIPT}{name}")
        written = self._texts.get(_path(folder, "package.json"))
        if text is not None or written is None:
            return text
        try:
            found = json.loads(written)["scripts"][name]
        except (ValueError, LookupError, TypeError, RecursionError):
            return None
        return found if isinstance(found, str) else None


def _has_texts(draft: Draft, parts: Sequence[str]) -> bool:
    """Whether what *draft* writes may be a text that the line gives it, as *parts* are."""
    if draft.stdin_text is not None or (draft.code and not draft.reads):
        return True
    # Loaded only for a line that writes a file by way of a program.
    from governance.shell.literals import is_command

    return any(is_command(one) for one in parts)


def _hand_on(kept: dict[str, _T], sources: Sequence[str], target: str) -> None:
    """Keep for *target* what is kept for the first of *sources*."""
    found = next((one for one in sources if one in kept), None)
    if found is not None and len(kept) < FILES_MAX:
        kept[target] = kept[found]


def _remembered(text: str) -> str:
    """A text that is remembered; what comes behind `TEXT_MAX` characters is not known."""
    return text if len(text) <= TEXT_MAX else text[:TEXT_MAX] + HOLE


def _path(folder: Word, file: str) -> str:
    return normpath(joined(folder, file))
