"""
Interpreters of other languages: the text, the file or the input that they run.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from governance.shell.acts import databases
from governance.shell.acts.shells import file_given, whole_hole
from governance.shell.codes import given_texts, understand_code
from governance.shell.draft import Draft
from governance.shell.literals import read_literals
from governance.shell.quoting import FORMAT, decode_printed
from governance.shell.values import HOLE, Word

_MODULES_RUN: Final = {
    **{
        one: one
        for one in (
            *("pip", "pipx", "pytest", "tox", "nox", "black", "ruff", "mypy", "uv", "poetry"),
            *("twine", "hatch", "flit", "pdm", "conda", "alembic", "flask", "build", "coverage"),
        )
    },
    "django": "django-admin",
    "dotenv": "dotenv",
    "pre_commit": "pre-commit",
}
"""Modules that are programs, by their names."""

_FRONTS: Final = frozenset({"manage.py", "artisan", "console", "rails", "rake", "drush", "wp"})
"""Files of a project that are known as programs: `php artisan` is `artisan`."""

_MODULES_READING: Final = {"json.tool", "py_compile", "compileall", "ast", "tokenize", "pdb"}
_MODULES_PRINTING: Final = {"fileinput", "base64", "quopri", "uu", "gzip", "mimetypes", "filecmp"}
"""Modules that print, or pack, the files that they are given."""

_TEXT: Final = r"\"((?:[^\"\\]++|\\.)*+)\""
_AWK_RUN: Final = re.compile(rf"system\s*+\(\s*+{_TEXT}(\s*[^)\s])?")
_AWK_PIPE: Final = re.compile(
    rf"\\.|{_TEXT}\s*+\|&?\s*+getline|\|&?\s*+{_TEXT}"  # no quote after a backslash begins a text
)
_AWK_HIDDEN: Final = re.compile(
    r"system\s*\((?!\s*\"[^\"]*\"\s*\))|\|&?\s*(?:getline|[A-Za-z_]|\"\w*sh\b)|[A-Za-z_)]\s*\|\s*getline"
)
"""What runs a text that does not stand where it is run."""

_AWK_WRITE: Final = re.compile(rf"(?<![<>=])>>?\s*+{_TEXT}")
_AWK_READ: Final = re.compile(rf"\bgetline\s*+(?:\w++\s*+)?<\s*+{_TEXT}")
_AWK_NAME: Final = r"\(?([A-Za-z_]\w*+(?:\[(?:\d{1,3}|\"\w++\")\])?)(?![\w(\[])"
_AWK_SET: Final = re.compile(rf"\b([A-Za-z_]\w*+)\s*+=\s*+{_TEXT}\s*+(?=[;}}\n)]|$)")
_AWK_WRITE_NAMED: Final = re.compile(rf"\bprintf?\b[^;{{}}\n]{{0,200}}?>>?\s*+{_AWK_NAME}")
_AWK_READ_NAMED: Final = re.compile(rf"\bgetline\s*+(?:\w++\s*+)?<\s*+{_AWK_NAME}")
_AWK_SOCKET: Final = re.compile(r"/inet[46]?/(?:tcp|udp)/\d+/([^/\"]+)/")
_WHOLE: Final = re.compile(r"[\"{]([^\"{}]+)[\"}]?")
"""A command of expect that is one text."""
_APPLE_RUN: Final = re.compile(rf"do shell script\s++{_TEXT}")


def _given(
    draft: Draft, language: str, texts: list[Word], given: Sequence[Word] | None = None
) -> None:
    """The *texts* that a program runs, with the words *given*; else a file, or its input."""
    for text in texts:
        understand_code(draft, language, text, draft.words if given is None else given)
    if texts:
        return
    if draft.words and draft.words[0] != "-":
        if draft.words[0].rpartition("/")[2] in _FRONTS:
            draft.run(draft.words)
        held = draft.held(draft.words[0])
        if held is not None and not whole_hole(held):
            understand_code(draft, language, held, draft.words[1:])
            return
        file_given(draft, draft.words[0], language)
        return
    _from_input(draft, language)


def _from_input(draft: Draft, language: str) -> None:
    text = draft.stdin_text
    if text is not None:
        if whole_hole(text):
            draft.blind("input", f"{draft.program} runs what another command writes")
        else:
            understand_code(draft, language, text, draft.words[1:])
    elif any(one.target.startswith("/dev/tcp/") for one in draft.simple.redirects):
        draft.blind("input", f"{draft.program} runs what another machine sends")
    elif draft.stdin_file is not None and not draft.stdin_file.startswith("/dev/fd/"):
        draft.blind("script", f"what `{draft.stdin_file[-60:]}` does is not looked at")
    elif draft.stdin_file is not None or draft.piped:
        draft.blind("input", f"{draft.program} runs what another command writes")


def python(draft: Draft) -> None:
    """`python -c text`, `python file`, `python -m module`."""
    cut = _until_text(draft, ("-c", "-m"))
    modules = draft.value("-m")
    texts = draft.value("-c")
    if draft.program == "ipython":
        for line in re.findall(r"(?m)^[ \t]*+!{1,2}([^\n!=].*)$", "\n".join(texts)):
            draft.run_text(line, stdin=False)
    if modules and not texts:
        _module(draft, modules[0], cut)
        return
    _given(draft, "python", texts, cut)


def _until_text(draft: Draft, names: tuple[str, ...]) -> list[Word]:
    """The words behind the text or module, which are the program's own."""
    arguments = draft.arguments
    for at, one in enumerate(arguments):
        if one[:2] in names or (one[:1] == "-" and one[:2] != "--" and one[-1:] in {"c", "m"}):
            end = at + 1 if len(one) > 2 and one[:2] in names else at + 2
            return list(arguments[end:])
    return []


def _module(draft: Draft, module: Word, rest: list[Word]) -> None:
    """`python -m pip install x` is `pip install x`; other modules are scripts or harmless."""
    draft.words = rest
    if module in _MODULES_RUN:
        draft.run([Word(_MODULES_RUN[module]), *rest])
        draft.words = []
    elif module.partition(".")[0] == "governance":
        draft.run([Word("governance"), *rest])
        draft.words = []
    elif module == "http.server":
        draft.flags["--listen"] = None
        named = [two for one, two in pairwise(rest) if one in {"-d", "--directory"}]
        named += [Word(one[12:]) for one in rest if one.startswith("--directory=")]
        draft.read(*(named or [Word(".")]))
    elif module == "zipfile" or module == "tarfile":
        draft.read(*rest[1:2])
        if rest[:1] in (["-e"], ["--extract"]):
            draft.write(*rest[2:3])
    elif module in {"venv", "virtualenv"}:
        named = [one for one in rest if not one.startswith("-")]
        draft.write(*named)
        if "--clear" in rest:
            draft.remove(*named)
    elif module == "code":
        _from_input(draft, "python")
    elif module == "timeit":
        for one in rest:
            if one[:1] != "-":
                understand_code(draft, "python", one)
    elif module == "pty":
        draft.blind("code", "a shell of its own")
    elif module in _MODULES_PRINTING:
        draft.read(*(one for one in rest if not one.startswith("-")))
        if module == "gzip":
            draft.write(*(one for one in rest if not one.startswith("-")))
    elif module in _MODULES_READING:
        draft.read(*(one for one in rest[:1] if not one.startswith("-")))
    else:
        draft.blind("script", f"what the module `{module[-60:]}` does is not looked at")


def node(draft: Draft) -> None:
    """`node -e text`, `node file`; what `--require` and `--import` name runs first."""
    for file in draft.value("--require", "--import", "-r"):
        if file.startswith("data:") and "," in file:
            # Loaded only for a line that has such a text.
            from urllib.parse import unquote

            understand_code(draft, "node", Word(unquote(file.partition(",")[2])))
        elif file.startswith((".", "/", "~")):
            draft.blind("script", f"what `{file[-60:]}` does is not looked at")
    _given(draft, "node", draft.value("--eval", "--print", "-pe"))


def deno(draft: Draft) -> None:
    """`deno eval text`, `deno run file`."""
    texts = draft.value("--eval")
    if draft.subcommand == "eval":
        texts = draft.words[:1]
        draft.words = draft.words[1:]
    if texts:
        _given(draft, "node", texts)
    elif draft.subcommand in {"run", "test", "bench", "compile", "serve"}:
        for one in draft.words[:1]:
            if "://" in one:
                draft.talk(one)
                draft.blind("input", "deno runs what it fetches")
            else:
                _given(draft, "node", [])
    elif draft.subcommand in {"task", "x"}:
        draft.blind("script", "the project decides what `deno task` runs")


def perl(draft: Draft) -> None:
    """`perl -e text`, `perl -pi -e text files`."""
    texts = draft.value("-e", "-E")
    if texts:
        if draft.has("-n", "-p", "-i"):
            draft.read(*draft.words)
            if draft.has("-i"):
                draft.write(*draft.words)
        else:
            draft.read(*(one for one in draft.words if "/" in one or "." in one))
    _given(draft, "perl", texts)


def ruby(draft: Draft) -> None:
    """`ruby -e text`, `ruby file`."""
    texts = draft.value("-e")
    if texts and draft.has("-n", "-p", "-i"):
        draft.read(*draft.words)
        if draft.has("-i"):
            draft.write(*draft.words)
    _given(draft, "ruby", texts)


def php(draft: Draft) -> None:
    """`php -r text`, `php file`."""
    if draft.has("-S") or draft.has("-i", "-v", "-m"):
        return
    _given(draft, "php", draft.value("-r", "-R", "-B", "-E"))


def lua(draft: Draft) -> None:
    """`lua -e text`, `lua file`."""
    _given(draft, "lua", draft.value("-e"))


def other(draft: Draft) -> None:
    """A language of which only a few calls are known."""
    if draft.program in {"julia", "scala"} and draft.has("-E", "-e"):
        draft.values.setdefault("--eval", []).extend(draft.value("-E"))
    _given(draft, "other", draft.value("--eval", "-e", "-c", "--run", "-x", "--execute"))


def awk(draft: Draft) -> None:
    """`awk text files`: `system`, pipes and redirections of the text."""
    words = draft.words
    texts = draft.value("--source")
    files = words
    if not texts and not draft.value("--file"):
        texts, files = words[:1], words[1:]
        draft.words = words[1:]
    files = [one for one in files if not re.match(r"[A-Za-z_]\w*=", one)]
    draft.read(*files)
    if any(one in {"-", "/dev/stdin"} for one in draft.value("--file")):
        draft.blind("input", "awk runs what another command writes")
    if any(one.startswith("inplace") for one in draft.value("--include")):
        draft.write(*files)
    for text in texts:
        draft.code.append(text)
        for command, more in _AWK_RUN.findall(text):
            draft.run_text(_unquoted(command) + (HOLE if more else ""))
        if re.search(r"system\s*\(\s*[^\"\s)]", text):
            draft.run([Word(HOLE)], stdin=False)
        if _AWK_HIDDEN.search(text) is not None:
            given = (*draft.value("-v", "--assign"), *words)
            values = [one.partition("=")[2] for one in given]
            read_literals(draft, text, [*values, *given_texts(draft, text)])
        for before, after in _AWK_PIPE.findall(text):
            if before or after:
                draft.run_text(_unquoted(before or after))
        _awk_names(draft, text, words)
        for path in _AWK_WRITE.findall(text):
            draft.write(Word(_unquoted(path)))
        for path in _AWK_READ.findall(text):
            draft.read(Word(_unquoted(path)))
        draft.talk(*_AWK_SOCKET.findall(text))


def _awk_names(draft: Draft, text: str, words: Sequence[Word]) -> None:
    """`print > f` and `getline < f`, where the line or the text says what `f` is, or `ARGV[1]`."""
    pairs = [one.partition("=") for one in (*draft.value("-v", "--assign"), *words)]
    known = {name: value for name, equals, value in pairs if equals}
    known.update({name: _unquoted(value) for name, value in _AWK_SET.findall(text)})
    operands = {f"ARGV[{at}]": one for at, one in enumerate(draft.words, 1)}
    known.update(operands)
    for one in draft.assigns:
        name, _, value = one.partition("=")
        known[f'ENVIRON["{name}"]'] = value
    draft.write(*(Word(known[one]) for one in _AWK_WRITE_NAMED.findall(text) if one in known))
    draft.read(*(Word(known[one]) for one in _AWK_READ_NAMED.findall(text) if one in known))


def _unquoted(text: str) -> str:
    """A text of awk, Tcl or AppleScript with its escapes taken for what they mean."""
    made, ended = decode_printed(text, FORMAT)
    return made.replace("\\/", "/") + (HOLE if ended else "")


def expect(draft: Draft) -> None:
    """`expect -c 'spawn cmd'`."""
    texts = draft.value("-c")
    if not texts and draft.stdin_text is not None and not draft.words:
        texts = [draft.stdin_text]
    for text in texts:
        draft.code.append(text)
        draft.blind("code", "a text of expect is understood only in parts")
        for command in re.findall(r"(?:^|[;\n{])[ \t]*(?:spawn|exec|system)\s+([^;\n}]+)", text):
            whole = _WHOLE.fullmatch(command.strip())
            draft.run_text(command if whole is None else whole[1])
        for command in re.findall(r"send(?:_user)?\s+(?:--\s+)?\"([^\"]+?)(?:\\r|\\n)?\"", text):
            if " " in command:
                draft.run_text(command)
    if not texts:
        _given(draft, "other", [])


def osascript(draft: Draft) -> None:
    """`osascript -e 'do shell script "x"'`."""
    texts = draft.value("-e")
    if draft.stdin_text is not None and not texts and not draft.words:
        texts = [draft.stdin_text]
    for text in texts:
        draft.code.append(text)
        draft.blind("code", "a text of AppleScript is understood only in parts")
        for command in _APPLE_RUN.findall(text):
            draft.run_text(_unquoted(command))
    if not texts:
        _given(draft, "other", [])


def artisan(draft: Draft) -> None:
    """`php artisan tinker --execute text`."""
    for text in draft.value("--execute"):
        understand_code(draft, "php", text)
    draft.blind("script", f"`{draft.program}` runs code of the project")


def django(draft: Draft) -> None:
    """`manage.py shell -c text`."""
    texts = draft.value("--command")
    for text in texts:
        understand_code(draft, "python", text)
    if draft.subcommand == "dbshell":
        databases.sql(draft)
    elif draft.subcommand.startswith("shell") and not texts:
        _from_input(draft, "python")
    draft.blind("script", f"`{draft.program}` runs code of the project")


def ffmpeg(draft: Draft) -> None:
    """`ffmpeg -i a b`: what `-i` names is read, the words are written."""
    for one in draft.value("-i"):
        if "://" not in one:
            draft.domains = [host for host in draft.domains if host != one.lower()]
            draft.read(one)
    if draft.program == "ffmpeg":
        for one in draft.words:
            if "://" in one:
                draft.talk(one)
            else:
                draft.write(one)
    else:
        draft.read(*draft.words)


def converter(draft: Draft) -> None:
    """`convert a b`, `pandoc a -o b`."""
    words = draft.words
    draft.talk(*(one for one in words if "://" in one))
    files = [one for one in words if "://" not in one]
    if draft.program in {"convert", "magick", "cwebp", "rsvg-convert", "ps2pdf", "pdftotext"}:
        draft.read(*files[:-1])
        draft.write(*files[-1:])
    elif draft.program in {"mogrify", "optipng", "jpegoptim", "exiftool"}:
        draft.read(*files)
        draft.write(*files)
    else:
        draft.read(*files)
    for text in draft.value("--eval", "-e"):
        draft.code.append(text)
