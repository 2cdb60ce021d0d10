"""
Editors and filters that change files, and the commands that their texts run.
"""

from __future__ import annotations

import re
from typing import Final

from governance.shell.draft import Draft
from governance.shell.hosts import urls_in
from governance.shell.values import Word, lines_of

_SED_FILE: Final = re.compile(r"(?:^|[\n;{}]|/[gpiIeM0-9]*|\d|\$)[ \t]*([wWrR])[ \t]+([^\n;}]+)")
_SED_RUN: Final = re.compile(r"(?:^|[\n;{}]|\d|\$|/)[ \t]*e[ \t]+([^\n]+)")
_SED_REPLACE: Final = re.compile(r"s([^\w\s\\])")
_EDITS_MAX: Final = 50
_VIM_RUN: Final = re.compile(r"(?::|^|\|)\s*(?:sil(?:ent)?!?\s+)?!\s*(.+)", re.S)
_VIM_CALL: Final = re.compile(
    r"(?:system|systemlist|termopen|jobstart|job_start|os\.execute)\(\s*(['\"])(.*?)\1", re.S
)
_VIM_WRITE: Final = re.compile(r"(?::|^|\|)\s*(?:w|write|sav|saveas|wq|x)!?\s+(?!!)([^|\s]+)")
_VIM_REMOVE: Final = re.compile(
    r"(?:\bdelete|\bfs_unlink|\bfs_rmdir|\bvim\.fs\.rm|\bos\.remove)\(\s*"
    r"(?:(?:vim\.fn\.)?(?:expand|fnamemodify|vim\.fs\.normalize)\(\s*)?['\"]([^'\"]+)['\"]"
)
_VIM_PUT: Final = re.compile(
    r"\bwritefile\([^\n]*,\s*(?:(?:vim\.fn\.)?expand\(\s*)?['\"]([^'\"]+)['\"]"
)
_VIM_FETCHED: Final = re.compile(
    r"(?:\bso(?:urce)?!?\s+https?://|(?:\bload(?:string)?|\bexec(?:ute)?|\beval)\b[^\n]*"
    r"system(?:list)?\([^\n]*\b(?:curl|wget)\b)"
)
_VIM_READ: Final = re.compile(r"(?::|^|\|)\s*(?:r|read|e|edit|so|source)!?\s+(!?)([^|]+)")

_LISP_REMOVE: Final = re.compile(
    r"\((?:delete-(?:file|directory)|move-file-to-trash)\s+"
    r'(?:\((?:expand-file-name|substitute-in-file-name)\s+)?"([^"]+)"'
)
_LISP_FETCHED: Final = re.compile(
    r"(?s)\(load\s+\(url-|(?:url-insert-file-contents|url-retrieve-synchronously|url-copy-file"
    r"|url-file-local-copy).*\((?:eval-(?:buffer|region|expression)|eval\s|load\s|load-file)"
)

_FORMATTERS: Final = frozenset({
    "black", "isort", "rustfmt", "prettierd", "docformatter", "pyupgrade", "mdformat", "yamlfmt",
    "stylua", "swiftformat", "nixfmt", "alejandra", "sort-package-json",
})  # fmt: skip
"""Programs that change the files they are given unless they are told to look only."""
_CHANGING: Final = frozenset({"format", "fmt", "fix"})
_COMMANDS: Final = _CHANGING | {"check", "lint", "ci", "analyze"}
_PRINTING: Final = frozenset({"biome", "rome", "buf"})
"""Programs whose `format` only prints."""
_IN_PLACE: Final = (
    "-w", "--write", "--fix", "-i", "--in-place", "--apply", "--apply-unsafe", "-a", "-A",
    "--autocorrect", "--autocorrect-all", "--auto-correct", "--reformat", "-F",
)  # fmt: skip
_ONLY_LOOKING: Final = (
    "--check", "--check-only", "--diff", "--dry-run", "--list-different", "--verify", "--stdout",
)  # fmt: skip


def plain(draft: Draft) -> None:
    """A program that opens the editor that its environment names."""
    for one in draft.assigns:
        name, _, value = one.partition("=")
        if name in {"EDITOR", "VISUAL", "KUBE_EDITOR", "SUDO_EDITOR"} and value:
            draft.run_text(value)


def sed(draft: Draft) -> None:
    """`sed -i script files` writes them; `e`, `w` and `r` of a script run, write and read."""
    words = draft.words
    texts = draft.value("--expression")
    files = words
    if not texts and not draft.value("--file"):
        texts, files = words[:1], words[1:]
    draft.read(*files)
    if draft.has("-i", "-I", "--in-place"):
        draft.write(*files)
    for text in texts:
        draft.code.append(text)
        for kind, path in _SED_FILE.findall(text):
            target = Word(path.strip())
            if kind in "wW":
                draft.write(target)
            else:
                draft.read(target)
        for command in _SED_RUN.findall(text):
            draft.run_text(command)
        for command in _evaluated(draft, text):
            draft.run_text(command)


def yq(draft: Draft) -> None:
    """`yq expression files`; with `-i` it writes them."""
    words = draft.words[1:] if draft.words[:1] in (["eval"], ["e"], ["eval-all"]) else draft.words
    named = draft.value("--expression", "--from-file", "-f")
    files = words if named else words[1:]
    draft.read(*files)
    if draft.has("-i", "--inplace", "--in-place"):
        draft.write(*files)


def replace(draft: Draft) -> None:
    """`sd old new files`, `rpl old new files`, `crudini --set file …`, `dasel put -f file`."""
    files = draft.value("--file")
    if draft.program in {"sd", "rpl"}:
        files = draft.words[2:]
    elif draft.program == "crudini":
        files = draft.words[:1]
    elif draft.program != "dasel":
        files = draft.words[1:]
    draft.read(*files)
    changes = {
        "dasel": draft.words[:1] in (["put"], ["delete"]),
        "crudini": draft.has("--set", "--del", "--merge"),
        "sd": not draft.has("-p", "--preview"),
        "rpl": not draft.has("-s", "--dry-run"),
    }
    if changes.get(draft.program, draft.has("-i", "--in-place", "-U", "--update-all")):
        draft.write(*files)


def formatter(draft: Draft) -> None:
    """`prettier --write files`, `black files`: formatters, and linters that mend what they find."""
    command = draft.words[0] if draft.words[:1] and draft.words[0] in _COMMANDS else ""
    files = draft.words[1:] if command else draft.words
    draft.read(*files)
    told = draft.has(*_IN_PLACE) and not (draft.program == "shfmt" and not draft.has("-w"))
    changes = draft.program in _FORMATTERS or command in _CHANGING
    if (told or (changes and draft.program not in _PRINTING)) and not draft.has(*_ONLY_LOOKING):
        draft.write(*files)


def _evaluated(draft: Draft, text: str) -> list[str]:
    """The replacements of `s/x/cmd/e`, which a shell runs."""
    found: list[str] = []
    for start in draft.first(list(_SED_REPLACE.finditer(text)), _EDITS_MAX, "edits of a script"):
        sign = re.escape(start[1])
        parts = re.split(rf"(?<!\\){sign}", text[start.end() :], maxsplit=2)
        if len(parts) == 3 and re.match(r"[gpiIm0-9]*e", parts[2]):
            found.append(parts[1])
    return found


def vim(draft: Draft) -> None:
    """`vim -c ':!cmd' file`; `view` and `-R` only read."""
    draft.read(*draft.words)
    texts = [*draft.value("-c", "--cmd"), *(Word(one[1:]) for one in draft.flags if one[:1] == "+")]
    if draft.stdin_text is not None and draft.has("-s", "-e", "-es", "-Es", "-E"):
        texts += [Word(line) for line in draft.stdin_text.splitlines()]
    writes = draft.program not in {"view", "rview"} and not draft.has("-R")
    if writes:
        draft.write(*draft.words)
    for text in texts:
        draft.code.append(text)
        ran = _VIM_RUN.search(text)
        if ran is not None:
            draft.run_text(ran[1])
        for _, command in _VIM_CALL.findall(text):
            draft.run_text(command)
        draft.remove(*map(Word, _VIM_REMOVE.findall(text)))
        draft.write(*map(Word, _VIM_WRITE.findall(text)), *map(Word, _VIM_PUT.findall(text)))
        if _VIM_FETCHED.search(text) is not None:
            draft.talk(*urls_in(text))
            draft.blind("input", f"{draft.program} runs what it fetches")
        for bang, path in _VIM_READ.findall(text):
            if bang:
                draft.run_text(path)
            else:
                draft.read(Word(path.strip()))


def emacs(draft: Draft) -> None:
    """`emacs file`, `emacs --eval '(shell-command "x")'`."""
    draft.read(*draft.words)
    draft.write(*draft.words)
    for text in draft.value("--eval", "-e"):
        draft.code.append(text)
        for command in re.findall(r'\((?:shell-command(?:-to-string)?|compile)\s+"([^"]+)"', text):
            draft.run_text(command)
        draft.remove(*map(Word, _LISP_REMOVE.findall(text)))
        if _LISP_FETCHED.search(text) is not None:
            draft.talk(*urls_in(text))
            draft.blind("input", f"{draft.program} runs what it fetches")


def ed(draft: Draft) -> None:
    """`ed file` with its commands on standard input."""
    draft.read(*draft.words)
    draft.write(*draft.words)
    if draft.stdin_text is None:
        return
    draft.code.append(draft.stdin_text)
    for line in lines_of(draft.stdin_text):
        found = re.match(r"\s*+[\d,$.%]*+\s*+(!|[rew]\s++!|w\s++|e\s++|r\s++)(.+)", line)
        if found is None:
            continue
        if "!" in found[1]:
            draft.run_text(found[2])
        elif found[1].startswith("w"):
            draft.write(Word(found[2].strip()))
        else:
            draft.read(Word(found[2].strip()))


def less(draft: Draft) -> None:
    """`less +!cmd file`, and a preprocessor in ``LESSOPEN``."""
    for one in draft.flags:
        if one.startswith("+!"):
            draft.run_text(one[2:])
    for one in draft.assigns:
        name, _, value = one.partition("=")
        if name in {"LESSOPEN", "LESSCLOSE"} and value:
            draft.run_text(value.lstrip("|-"))


def xxd(draft: Draft) -> None:
    """`xxd in out`."""
    draft.read(*draft.words[:1])
    if draft.program == "xxd":
        draft.write(*draft.words[1:2])
    else:
        draft.read(*draft.words[1:])


def base64(draft: Draft) -> None:
    """`base64 file`; of BSD `-i file`."""
    draft.read(*draft.words)


def patch(draft: Draft) -> None:
    """`patch file < x.diff` writes the file, or those that the text names."""
    words = draft.words
    if words:
        draft.write(*words[:1])
        draft.read(*words)
        return
    if draft.stdin_text is not None:
        for path in re.findall(r"(?m)^\+\+\+ (?:b/)?(\S+)", draft.stdin_text):
            draft.write(Word(path))
    else:
        draft.write(Word("."))
