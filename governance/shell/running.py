"""
Scripts that a program runs: which, in what language, and what their texts do.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from governance.shell.codes import understand_code
from governance.shell.draft import Draft, basename
from governance.shell.literals import RUNS_MAX
from governance.shell.scripts import PACKERS
from governance.shell.values import Word

_IMPLIED: Final = {
    "make": ("GNUmakefile", "makefile", "Makefile"),
    "pytest": ("conftest.py",),
    "cargo": ("src/main.rs", "build.rs", "src/lib.rs"),
    "dotnet": ("Program.cs",),
    "just": ("justfile", "Justfile", ".justfile"),
    "task": ("Taskfile.yml", "Taskfile.yaml"),
}
"""Files that a program runs without being told so."""

_SHELLS: Final = frozenset({
    "sh", "bash", "dash", "zsh", "ksh", "ash", "mksh", "fish", "csh", "tcsh", "source", ".",
    "busybox", "sbatch", "qsub",
})  # fmt: skip
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
TESTERS: Final = frozenset(
    {"jest", "vitest", "mocha", "ava", "tap", "playwright", "pytest", "py.test", "rspec", "phpunit"}
)
"""Programs that run the tests of a project, by their names."""

TEST: Final = re.compile(r"(?:^|/)(?:test_|conftest)[^/]*$|[_.](?:test|spec)s?\.[a-z]+$")
_RUNNERS: Final = frozenset({"tsx", "ts-node", "bun", "deno", "esno", "jiti", "vite-node"})
TOLD_BY_FILE: Final = frozenset({"awk", "sed", "tmux", "expect", "gdb", "vim", "nvim"})
"""Programs that take from a file what they are else given as a word."""

SETTING: Final = TOLD_BY_FILE | {"curl", "ansible-playbook", "kubectl", "oc", "patch", "git"}
"""Programs that are told what to do by a file, and nothing of it is a program's code."""

_IMPORTED: Final = re.compile(r"\b(?:import|from)\s+([A-Za-z_]\w*)")
_IMPORTS_MAX: Final = 32
_PATCHED: Final = re.compile(r"(?m)^\+\+\+ (?:b/)?(\S+)")
_RECIPE: Final = re.compile(r"(?m)^[ \t]+(?:-[ \t]+)?(?:cmd:[ \t]*)?[@-]?([^\n]+)")
_TOLD: Final = frozenset({
    "psql", "pgcli", "mysql", "mycli", "usql", "cockroach", "sqlcmd", "sqlplus",
    "clickhouse-client", "sqlite3", "duckdb", "cqlsh", "snowsql", "bq", "trino", "presto", "hive",
    "beeline",
})  # fmt: skip
"""Clients that are told what a file holds, as SQL."""

COMPILED: Final = {
    "go": "go",
    "mongosh": "node",
    **dict.fromkeys(("Rscript", "R", "julia", "groovy", "elixir", "guile", "tclsh"), "other"),
    **dict.fromkeys(
        ("gcc", "cc", "g++", "c++", "clang", "clang++", "tcc", "rustc", "java", "javac", "swift",
         "swiftc", "kotlinc", "kotlin", "zig", "nim", "crystal", "mcs", "csc", "dmd", "cargo",
         "dotnet"),
        "compiled",
    ),
}  # fmt: skip
"""Programs that run a file of their own, and the language that it is in."""

_LANGUAGES: Final = tuple(dict.fromkeys(_ENDINGS.values()))


def implied(draft: Draft) -> list[Word]:
    """Files that *draft* runs without being told so."""
    if draft.program in PACKERS:
        return [Word("package.json")]
    return [Word(one) for one in _IMPLIED.get(draft.program, ())]


def understand_script(draft: Draft, file: Word, text: str) -> None:
    """Note what *text* does where the program of *draft* runs it as *file*."""
    if draft.program in TOLD_BY_FILE:
        _told(draft, file, text)
        return
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

        if draft.program == "psql" and "\\!" in text:
            draft.run([Word("psql"), Word("-c"), Word(text)], stdin=False)
        draft.code += statements(text)
        return
    language = language_of(draft, file, text.split("\n", 1)[0])
    if language in _LANGUAGES or draft.program in COMPILED:
        understand_code(draft, language, text, tuple(_after(draft.arguments, file)))
    elif language == "sh":
        draft.code.append(Word(text))
        draft.run_text(text, stdin=False, given=tuple(_after(draft.arguments, file)))


_BY_LINES: Final = {"gdb": "-ex", "vim": "-c", "nvim": "-c"}


def _told(draft: Draft, file: Word, text: str) -> None:
    """Note what *text* has a program do that takes it from *file*."""
    program = Word(draft.program)
    lines = [one for one in text.split("\n") if one.strip()]
    if program == "tmux":
        for line in draft.first(lines, RUNS_MAX, "commands of tmux"):
            draft.run_text(f"tmux {line}", stdin=False)
    elif program in _BY_LINES and file in draft.value("-x", "-S"):
        for line in draft.first(lines, RUNS_MAX, f"commands of {program}"):
            draft.run([program, Word(_BY_LINES[program]), Word(line)], stdin=False)
    elif program == "expect":
        draft.run([program, Word("-c"), Word(text)], stdin=False)
    elif file in draft.value("--file"):
        told = [Word("-e")] if program == "sed" else []
        draft.run([program, *told, Word(text), *draft.words])


def modules(draft: Draft) -> list[Word]:
    """Files that `python -m name`, `python folder` and `node name` run by another name."""
    if draft.program == "python":
        named = [one.replace(".", "/") for one in draft.value("-m")]
        named += [one for code in draft.code for one in _IMPORTED.findall(code)[:_IMPORTS_MAX]]
        names = [f"{one}{end}" for one in named for end in (".py", "/__init__.py")]
        return [
            Word(one)
            for one in (*names, *(f"{one}/__main__.py" for one in (*named, *draft.words[:1])))
        ]
    if draft.program in {"node", "bun", "deno"}:
        return [Word(f"{one}{end}") for one in draft.words[:1] for end in (".js", "/index.js")]
    return []


def language_of(draft: Draft, file: Word, first: str) -> str:
    if draft.program in _SHELLS:
        return "sh"
    if draft.program in _LANGUAGES:
        return draft.program
    if draft.program in COMPILED:
        return COMPILED[draft.program]
    if draft.program in _RUNNERS:
        return "node"
    if draft.program in TESTERS:
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
