"""
Scripts that a line writes and then runs, and links that it makes and then goes through.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from posixpath import normpath
from typing import Final

from attrs import evolve

from governance.shell.draft import Draft, basename, joined
from governance.shell.printing import TEXT_MAX
from governance.shell.producing import output_of
from governance.shell.programs import canonical, spec_for
from governance.shell.values import HOLE, INPUTS, Simple, Word

FILES_MAX: Final = 64
"""Files that one line writes and that are remembered."""

_IMPLIED: Final = {
    "make": ("GNUmakefile", "makefile", "Makefile"),
    "pytest": ("conftest.py",),
    "cargo": ("src/main.rs", "build.rs", "src/lib.rs"),
    "dotnet": ("Program.cs",),
    "just": ("justfile", "Justfile", ".justfile"),
    "task": ("Taskfile.yml", "Taskfile.yaml"),
}
"""Files that a program runs without being told so."""

_PACKERS: Final = frozenset({"npm", "pnpm", "yarn", "bun"})
_SCRIPT: Final = "scripts."
"""How `npm pkg set` names a script of the project; no path begins so here."""

_MAKING: Final = frozenset({"cat", "echo", "printf", "tee", "dd"})
COPYING: Final = frozenset({"cp", "mv", "ln", "install", "cat", "dd", "rsync", "ditto", "hash"})
"""Programs that put a file under another name, or its text into another file."""

_FILTERS: Final = frozenset({"sed", "awk", "sort", "uniq"})
"""Programs that most likely write what they read."""

_EXPORTING: Final = frozenset({"export", "declare", "typeset", "env"})
_BIN: Final = re.compile(r"(?:^|/)s?bin/[^/]+$")
_SHELLS: Final = frozenset(
    {"sh", "bash", "dash", "zsh", "ksh", "ash", "source", ".", "busybox", "sbatch", "qsub"}
)
_ENDINGS: Final = {
    ".py": "python",
    ".js": "node",
    ".mjs": "node",
    ".cjs": "node",
    ".pl": "perl",
    ".rb": "ruby",
    ".php": "php",
    ".lua": "lua",
    ".ts": "node",
    ".tsx": "node",
    ".mts": "node",
}
_TESTERS: Final = frozenset(
    {"jest", "vitest", "mocha", "ava", "tap", "playwright", "pytest", "py.test", "rspec", "phpunit"}
)
"""Programs that run the tests of a project, by their names."""

_TEST: Final = re.compile(r"(?:^|/)(?:test_|conftest)[^/]*$|[_.](?:test|spec)s?\.[a-z]+$")
_RUNNERS: Final = frozenset({"tsx", "ts-node", "bun", "deno", "esno", "jiti", "vite-node"})
_SETTING: Final = frozenset({"curl", "ansible-playbook", "kubectl", "oc", "patch", "git"})
"""Programs that are told what to do by a file, and nothing of it is a program's code."""

_PIECES: Final = re.compile(r"['\"/|#,{}]")
_PARTS: Final = 32
"""Pieces of one word in which a command is looked for."""

_PATCHED: Final = re.compile(r"(?m)^\+\+\+ (?:b/)?(\S+)")
_RECIPE: Final = re.compile(r"(?m)^[ \t]+(?:-[ \t]+)?(?:cmd:[ \t]*)?[@-]?([^\n]+)")
_TOLD: Final = frozenset({
    "psql", "pgcli", "mysql", "mycli", "usql", "cockroach", "sqlcmd", "sqlplus",
    "clickhouse-client", "sqlite3", "duckdb", "cqlsh", "snowsql", "bq", "trino", "presto", "hive",
    "beeline",
})  # fmt: skip
"""Clients that are told what a file holds, as SQL."""

_COMPILED: Final = {
    "go": "go",
    "mongosh": "node",
    **dict.fromkeys(
        ("gcc", "cc", "g++", "c++", "clang", "clang++", "tcc", "rustc", "java", "javac", "swift",
         "swiftc", "kotlinc", "kotlin", "zig", "nim", "crystal", "mcs", "csc", "dmd", "cargo",
         "dotnet"),
        "compiled",
    ),
}  # fmt: skip
"""Programs that run a file of their own, and the language that it is in."""

_INSIDE: Final = re.compile(r"/\.?$")
"""How a word ends that means what a link leads to, and not the link."""

_SOFT: Final = re.compile(r"--symbolic$|-[A-Za-z]*s")
_ADDING: Final = re.compile(r"-\w*a")
_LANGUAGES: Final = tuple(dict.fromkeys(_ENDINGS.values()))


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
        self._made: dict[str, str] = {}
        self._fresh: set[str] = set()

    def wrote(self, simple: Simple) -> None:
        """Remember what *simple* writes into files, where that is known."""
        name = basename(simple.argv[0]) if simple.argv else ""
        if name == "ln":
            self._link(simple)
        if name in _PACKERS and simple.argv[1:3] == ("pkg", "set"):
            self._set(simple.argv[3:])
        targets = [
            (one.target, one.mode == "append")
            for one in simple.redirects
            if one.fd in {1, -1} and one.mode in {"write", "append"}
        ]
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
            if text is None or len(before) + len(text) > TEXT_MAX:
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
        if draft.stdin_text is not None and not INPUTS.isdisjoint(draft.words):
            texts.append(draft.stdin_text)
        programs = [
            self._programs.get(path) or basename(one)
            for one, path in sources
            if path in self._programs or (_BIN.search(one) is not None and HOLE not in one)
        ]
        read = {path for _, path in sources}
        for target in draft.writes if texts or programs else ():
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
        if not draft.writes or not _has_texts(draft):
            return
        cwd, text = draft.simple.cwd, draft.stdin_text
        kept = fresh.union(_path(cwd, one) for one in (*draft.reads, *draft.removes))
        for one in draft.writes:
            path = _path(cwd, one)
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
        if self._made and any(one.kind == "script" for one in draft.opaque):
            self._hidden(draft, first)
        if self._texts and "/" in first:
            text = self._texts.get(_path(draft.simple.cwd, first))
            if text is not None:
                _understand(draft, first, text)
                return
        known = draft.program in _COMPILED or draft.program in _SETTING
        if not self._texts or not (known or any(one.kind == "script" for one in draft.opaque)):
            return
        if draft.program in _PACKERS:
            words = draft.words if draft.subcommand.startswith("run") else [draft.subcommand]
            text = self._script(draft.simple.cwd, words[0]) if words else None
            if text is not None:
                draft.run_text(text, stdin=False)
            return
        if draft.program in _TESTERS:
            named = {_path(draft.simple.cwd, one) for one in draft.words}
            for path, text in list(self._texts.items()):
                if path in named or _TEST.search(path):
                    _understand(draft, Word(path), text)
            return
        implied = [Word(one) for one in _IMPLIED.get(draft.program, ())]
        for file in [*draft.reads, *draft.value("--file"), *implied]:
            text = self._texts.get(_path(draft.simple.cwd, file))
            if text is not None:
                _understand(draft, file, text)
                return

    def _hidden(self, draft: Draft, first: Word) -> None:
        """Say that a script which *draft* runs may be anything, where the line has made it so."""
        files = [first] if "/" in first else draft.reads
        for file in files:
            by = self._made.get(_path(draft.simple.cwd, file))
            if by is not None:
                draft.blind("input", f"{draft.program} runs what {by} has written in this line")

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


def _has_texts(draft: Draft) -> bool:
    """Whether what *draft* writes may be a text that the line gives it."""
    if draft.stdin_text is not None or (draft.code and not draft.reads):
        return True
    # Loaded only for a line that writes a file by way of a program.
    from governance.shell.literals import is_command

    return any(is_command(part) for one in draft.arguments for part in _PIECES.split(one)[:_PARTS])


def _understand(draft: Draft, file: Word, text: str) -> None:
    """Note what *text* does where the program of *draft* runs it as *file*."""
    # Other languages are loaded only for a line that has such a script.
    from governance.shell.codes import understand_code

    if draft.program == "make":
        from governance.shell.acts.builders import recipes

        recipes(draft, Word(text))
        return
    if draft.program == "cmake":
        from governance.shell.acts.builders import cmake_script

        cmake_script(draft, text)
        return
    if draft.program == "ansible-playbook":
        from governance.shell.acts.wrapping import playbook

        playbook(draft, text)
        return
    if draft.program == "curl":
        from governance.shell.acts.network import curl_settings

        if file in draft.value("--config"):
            curl_settings(draft, text)
        return
    if draft.program in {"patch", "git"}:
        if draft.program == "patch" or draft.subcommand in {"apply", "am"}:
            draft.write(*map(Word, _PATCHED.findall(text)))
        return
    if draft.program in {"kubectl", "oc"}:
        draft.code.append(Word(text))
        return
    if draft.program in {"just", "task"}:
        draft.run_text("\n".join(_RECIPE.findall(text)), stdin=False)
        return
    if draft.program in _TOLD:
        from governance.shell.statements import statements

        draft.code += statements(text)
        return
    language = _language(draft, file, text.split("\n", 1)[0])
    if language in _LANGUAGES or draft.program in _COMPILED:
        understand_code(draft, language, text, tuple(_after(draft.arguments, file)))
    elif language == "sh":
        draft.code.append(Word(text))
        draft.run_text(text, stdin=False, given=tuple(_after(draft.arguments, file)))


def _language(draft: Draft, file: Word, first: str) -> str:
    if draft.program in _SHELLS:
        return "sh"
    if draft.program in _LANGUAGES:
        return draft.program
    if draft.program in _COMPILED:
        return _COMPILED[draft.program]
    if draft.program in _RUNNERS:
        return "node"
    if draft.program in _TESTERS:
        return next((kind for end, kind in _ENDINGS.items() if file.endswith(end)), "")
    if "/" not in draft.simple.argv[0]:
        return ""  # it may be a file that a compiler or a builder reads
    if first.startswith("#!"):
        words = basename(first[2:].strip().split(" ")[0]), *first.split(" ")[1:2]
        name = words[1] if words[0] == "env" and len(words) > 1 else words[0]
        return next((one for one in _LANGUAGES if name.startswith(one)), "sh")
    return next((kind for end, kind in _ENDINGS.items() if file.endswith(end)), "sh")


def _after(words: Sequence[Word], file: Word) -> Sequence[Word]:
    """The words that a script is given."""
    return words[words.index(file) + 1 :] if file in words else words


def _remembered(text: str) -> str:
    """A text that is remembered; what comes behind `TEXT_MAX` characters is not known."""
    return text if len(text) <= TEXT_MAX else text[:TEXT_MAX] + HOLE


def _path(folder: Word, file: str) -> str:
    return normpath(joined(folder, file))
