"""
Package managers and builders that run a project's own scripts, or a program from elsewhere.
"""

from __future__ import annotations

import re
from typing import Final

from governance.shell.acts.shells import file_given
from governance.shell.draft import Draft, joined
from governance.shell.values import Word

_CALLED: Final = re.compile(r"\$[({]shell\s+([^)}\n]{1,2000})[)}]")
_RECIPE: Final = re.compile(r"(?m)(?:^\t[ \t]*|^[^\s#=;:][^=\n;:]*+:[^=\n;]*+;[ \t]*)([^\n]+)")

_TEXTS_MAX: Final = 32
_SCOPED: Final = {"angular": "ng", "nestjs": "nest", "sentry": "sentry-cli"}
"""Programs of packages that are named `@scope/cli`, where they are not named as the scope."""

_CMAKE_TOOLS: Final = {
    "remove": ("rm", "-f"),
    "remove_directory": ("rm", "-r"),
    "rename": ("mv",),
    "copy": ("cp", "-r"),
    "copy_directory": ("cp", "-r"),
    "copy_if_different": ("cp",),
    "make_directory": ("mkdir", "-p"),
    "create_symlink": ("ln", "-s"),
    "environment": ("env",),
}
"""What `cmake -E` calls a program that is named otherwise elsewhere."""

_CMAKE_REMOVES: Final = re.compile(r"(?is)\bfile\s*\(\s*REMOVE(?:_RECURSE)?\s+([^)]+)\)")
_CMAKE_WRITES: Final = re.compile(
    r"(?is)\bfile\s*\(\s*(?:WRITE|APPEND|TOUCH|CONFIGURE\s+OUTPUT)\s+(\"[^\"]+\"|\S+)"
)
_CMAKE_RUNS: Final = re.compile(r"(?is)\bexecute_process\s*\(\s*COMMAND\s+([^)]+)\)")
_CMAKE_FETCHES: Final = re.compile(r"(?is)\bfile\s*\(\s*DOWNLOAD\s+(\"[^\"]+\"|\S+)")
_CMAKE_END: Final = re.compile(
    r"(?<!\s)\s++(?:WORKING_DIRECTORY|RESULT_VARIABLE|OUTPUT_VARIABLE|ERROR_VARIABLE|OUTPUT_QUIET"
    r"|ERROR_QUIET|COMMAND_ERROR_IS_FATAL|TIMEOUT|INPUT_FILE)\b"
)
_CMAKE_HOME: Final = re.compile(r"\$ENV\{HOME\}")

_VARIABLE: Final = re.compile(r"(?<!\$)\$\((\w+)\)")
"""A variable of make, which those of the environment are as well."""


def script(draft: Draft) -> None:
    """A script of the project runs."""
    draft.blind("script", f"the project decides what `{draft.program}` runs")


def package_script(draft: Draft) -> None:
    """`npm run build`."""
    draft.blind("script", f"the project decides what `{draft.program} {draft.subcommand}` runs")


def project(draft: Draft) -> None:
    """`pytest`, `cargo test`, `rake`: code of the project runs."""
    draft.blind("script", f"`{draft.program}` runs code of the project")


def just(draft: Draft) -> None:
    """`just target`, and `just --command cmd`, which runs that beside the project's variables."""
    if draft.has("--command"):
        draft.run(draft.words)
    project(draft)


def make(draft: Draft) -> None:
    """`make -C folder target`; ``SHELL=`` and `--eval` are texts that it runs."""
    for text in draft.value("--eval"):
        recipes(draft, text)
    for file in draft.value("--file"):
        if file in {"-", "/dev/stdin"}:
            recipes(draft, draft.stdin_text)
            return
        if file.startswith("/dev/fd/"):
            recipes(draft, draft.held(file))
            return
    for one in (*draft.words, *draft.assigns):
        name, _, value = one.partition("=")
        if name.strip(":?+") == "MAKEFLAGS":
            texts = value.split("--eval=")[1:]
            for more in draft.first(texts, _TEXTS_MAX, "texts in the options of make"):
                recipes(draft, Word(more.replace("\\ ", " ")))
    for one in draft.words:
        name, _, value = one.partition("=")
        if name.strip(":?+") == "SHELL" and " " in value:
            draft.run_text(value, stdin=False)
        elif name.isupper() and " " in value:
            # Loaded only for a line that has such a text, which most often is a program of its own.
            from governance.shell.literals import is_command

            draft.run_text(value if is_command(value) else "", stdin=False)
    draft.blind("script", "a makefile decides what `make` runs")


def rake(draft: Draft) -> None:
    """`rake task`, and `rake -e text`, which is Ruby."""
    # Loaded only for a line that has such a text.
    from governance.shell.codes import understand_code

    for text in draft.value("--execute", "-E", "-p"):
        understand_code(draft, "ruby", text)
    project(draft)


def recipes(draft: Draft, text: Word | None) -> None:
    """`make -f -`: the recipes of a makefile that is piped in, or given as a word."""
    if text is None:
        draft.blind("input", "make runs what another command writes")
        return
    draft.code.append(text)
    for one in _CALLED.findall(text):
        draft.run_text(one, stdin=False)
    lines = [re.sub(r"^[@+-]+", "", one) for one in _RECIPE.findall(text)]
    if lines:
        made = _VARIABLE.sub(r"${\1}", "\n".join(lines)).replace("$$", "$")
        draft.run_text(made, stdin=False)


def build_tool(draft: Draft) -> None:
    """`gradle build`, `mvn deploy`, `cmake --build`: the first word is the task."""
    if draft.words:
        draft.subcommand = str(draft.words[0])
    draft.blind("script", f"`{draft.program}` runs what the project says")


def cmake(draft: Draft) -> None:
    """`cmake -E rm -rf folder`: its own tools, by the names that others have for them."""
    argv = draft.simple.argv
    told = argv.index("-E") + 1 if "-E" in argv else len(argv)
    if told >= len(argv):
        build_tool(draft)
        return
    if argv[told] == "chdir":
        there = joined(draft.cwd, argv[told + 1]) if argv[told + 1 :] else None
        draft.run(argv[told + 2 :], cwd=there)
        return
    draft.run([*map(Word, _CMAKE_TOOLS.get(argv[told], (argv[told],))), *argv[told + 1 :]])


def cmake_script(draft: Draft, text: str) -> None:
    """Note what a script of cmake removes, writes, fetches and runs."""
    text = _CMAKE_HOME.sub("~", text)
    draft.code.append(Word(text))
    for found in _CMAKE_REMOVES.findall(text):
        draft.remove(*(Word(one.strip('"')) for one in found.split()))
    draft.write(*(Word(one.strip('"')) for one in _CMAKE_WRITES.findall(text)))
    draft.talk(*(one.strip('"') for one in _CMAKE_FETCHES.findall(text)))
    for found in _CMAKE_RUNS.findall(text):
        draft.run_text(_CMAKE_END.split(found, maxsplit=1)[0], stdin=False)


def served(draft: Draft) -> None:
    """A server, a notebook: the program that it is given runs."""
    draft.blind("script", f"`{draft.program}` runs code of the project")


def started(draft: Draft) -> None:
    """`pm2 start file`."""
    for one in draft.words[:1]:
        file_given(draft, one, draft.program)


def package_exec(draft: Draft) -> None:
    """
    `npx tool words`, `uvx tool`: the tool is run, and comes from a registry if need be.

    The packages that are fetched are the words: those of `-p` and `--from`, or the tool's own.
    """
    words = draft.words
    if draft.program in {"npm", "pnpm", "yarn"} and words[:1] == ["--"]:
        words = words[1:]
    sources = draft.value("--package", "--from", "--spec")
    draft.words = sources or words[:1]
    if not words:
        return
    name = _tool(words[0])
    for one in draft.words:
        if "://" in one or one.startswith(("git+", "github:")):
            draft.talk(one.removeprefix("git+"))
    draft.blind("script", f"`{words[0][-60:]}` is fetched and run")
    if draft.program == "yarn" and draft.subcommand == "exec" and " " in words[0]:
        draft.run_text(" ".join(words))
        return
    draft.run([Word(name), *words[1:]])


def _tool(word: Word) -> str:
    """The program of a package: without its version."""
    head = word[1:].partition("@")[0] if word.startswith("@") else word.partition("@")[0]
    if word.startswith("@"):
        scope, _, name = head.partition("/")
        return _SCOPED.get(scope, scope) if name == "cli" else name or f"@{head}"
    return head.partition("==")[0] or str(word)


def after_dashes(draft: Draft) -> None:
    """`npm explore name -- cmd`."""
    draft.run(draft.words[1:])


def run_words(draft: Draft) -> None:
    """`poetry run cmd`, `uv run file.py`."""
    words = draft.words
    draft.words = []
    if not words:
        return
    if draft.has("-m", "--module"):
        draft.run([Word("python"), Word("-m"), *words])
    elif words[0].endswith(".py") or draft.has("-s", "--script"):
        draft.run([Word("python"), *words])
    else:
        draft.run(words)


def after_words(draft: Draft) -> None:
    """`doppler run -- cmd`, `aws-vault exec profile -- cmd`."""
    words = draft.words
    if "--" in words:
        words = words[words.index(Word("--")) + 1 :]
    elif draft.program in {"aws-vault", "chamber", "envchain"} and draft.subcommand:
        words = words[1:]
        words = words[1:] if words[:1] == ["--"] else words
    draft.words = []
    draft.run(words)


def version_run(draft: Draft) -> None:
    """`mise exec node@20 -- cmd`, `rustup run nightly cmd`."""
    words = draft.words
    draft.words = []
    if "--" in words:
        draft.run(words[words.index(Word("--")) + 1 :])
    elif draft.program in {"rustup"}:
        draft.run(words[1:])
    elif draft.program in {"pyenv", "rbenv", "nodenv", "volta"}:
        draft.run([one for at, one in enumerate(words) if at or "@" not in one])
    else:
        while words and "@" in words[0]:
            words = words[1:]
        draft.run(words)


def composer(draft: Draft) -> None:
    """`composer exec cmd`, `composer run-script name`."""
    if draft.subcommand == "exec":
        words = [one for one in draft.words if one != "--"]
        draft.words = []
        draft.run(words)
    else:
        script(draft)


def bun(draft: Draft) -> None:
    """`bun file.ts`, `bun install`."""
    from governance.shell.acts.languages import node

    texts = draft.value("--eval", "--print")
    if texts or draft.subcommand.endswith((".ts", ".js", ".tsx", ".jsx", ".mjs")):
        draft.words = [Word(draft.subcommand), *draft.words] if draft.subcommand else draft.words
        draft.subcommand = ""
        node(draft)


def flatpak(draft: Draft) -> None:
    """`flatpak run --command=cmd app`."""
    if draft.program == "flatpak" and draft.subcommand == "run":
        script(draft)


def nix(draft: Draft) -> None:
    """`nix develop -c cmd`."""
    command = draft.value("--command")
    if command:
        start = next(
            at for at, one in enumerate(draft.arguments) if one in {"-c", "--command"} or "=" in one
        )
        draft.run(draft.arguments[start + 1 :])
    else:
        script(draft)
