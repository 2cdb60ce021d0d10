"""
Shells: the text that they are given, the file that they read, or what comes through a pipe.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from governance.shell.draft import Draft
from governance.shell.values import HOLE, INPUTS, Opaque, Word

_OTHER_GRAMMARS: Final = frozenset({"fish", "csh", "tcsh", "elvish", "nu", "xonsh"})
_STARTED_WITH: Final = {"BASH_ENV", "ENV", "ZDOTDIR"}
_GIVEN_MAX: Final = 64
_COMPLETING: Final = re.compile(r"-[abcdefgjksuv]{0,16}([CW])")
_SUBSTITUTING: Final = re.compile(r"\$|`")
_ENDING: Final = "end-of-the-words"
_ITSELF: Final = re.compile(r"\$(?:0(?![0-9])|\{0\})")
_NESTED: Final = re.compile(r"(?<![$<>(])\(\((?=[^)])")
_PLAIN: Final = re.compile(r"[\w./~@%+:,\ufffc-]*")


def shell(draft: Draft) -> None:
    """`bash -c text`, `bash file`, `… | bash`."""
    for one in draft.assigns:
        name, _, value = one.partition("=")
        if name in _STARTED_WITH and value:
            text = draft.held(value)
            if text is None:
                draft.read(Word(value))
            else:
                draft.run_text(text, stdin=False)
    if draft.has("-n", "--no-execute"):
        draft.read(*draft.words[:1])  # it is only looked at
        return
    for file in draft.value("--rcfile", "--init-file"):
        file_given(draft, file, "bash")
    for text in draft.value("--command"):
        text_given(draft, text, [])
    if draft.has("-c") and draft.words:
        text = draft.words.pop(0)
        text_given(draft, text, draft.words)
        return
    if draft.words and not draft.has("-s"):
        file_given(draft, draft.words[0], "bash")
        return
    piped_in(draft, draft.words)


def text_given(draft: Draft, text: Word, given: list[Word]) -> None:
    """Note the *text* that a shell runs, with ``$0 $1 …`` *given*."""
    draft.code.append(text)
    if whole_hole(text):
        draft.blind("dynamic", "the text that a shell runs is put together when it runs")
        return
    if draft.program in _OTHER_GRAMMARS:
        draft.blind("code", f"{draft.program} is read as if it were bash")
    assigns, words = _known(draft) if draft.simple.held else ((), ())
    if given and "$" in text:
        own = given[0] if _PLAIN.fullmatch(given[0]) else HOLE
        text = Word(_ITSELF.sub(lambda _: own, text))
    more = tuple(given[1:_GIVEN_MAX]) or words
    draft.run_text(_own(draft, text), assigns=assigns, given=more)


def _own(draft: Draft, text: str) -> str:
    """*text* as the shell that is named reads it: `((` of `sh` are two groups, no sum."""
    if draft.program in {"sh", "dash", "ash"} and "((" in text:
        return _NESTED.sub("( (", text)
    return text


def file_given(draft: Draft, file: Word, language: str) -> None:
    """Note the *file* that an interpreter runs."""
    given = draft.words[draft.words.index(file) + 1 :] if file in draft.words else []
    if file in INPUTS:
        piped_in(draft, given)
        return
    text = draft.held(file)
    if text is not None and language in {"bash", "shell"} and not whole_hole(text):
        draft.code.append(text)
        draft.run_text(text, given=tuple(given[:_GIVEN_MAX]))
        return
    if file.startswith("/dev/fd/") or file == HOLE:
        draft.blind("input", f"{draft.program} runs what another command writes")
        return
    draft.read(file)
    draft.blind("script", f"what `{file[-60:]}` does is not looked at ({language})")


def piped_in(draft: Draft, given: Sequence[Word] = ()) -> None:
    """What a shell reads from its standard input, with ``$1 …`` *given*."""
    if any(one.target.startswith("/dev/tcp/") for one in draft.simple.redirects):
        draft.blind("input", f"{draft.program} runs what another machine sends")
        return
    text = draft.stdin_text
    if text is not None:
        draft.code.append(text)
        if whole_hole(text):
            draft.blind("input", f"{draft.program} runs what another command writes")
        else:
            draft.run_text(_own(draft, text), stdin=False, given=tuple(given[:_GIVEN_MAX]))
        return
    file = draft.stdin_file
    if file is not None and not file.startswith("/dev/fd/"):
        draft.blind("script", f"what `{file[-60:]}` does is not looked at")
    elif file is not None or draft.piped:
        draft.blind("input", f"{draft.program} runs what another command writes")


def whole_hole(text: str) -> bool:
    """Whether nothing is known of which program *text* runs."""
    return not text.replace(HOLE, "").strip() or text.lstrip(" \t\n('\"").startswith(HOLE)


def evaluate(draft: Draft) -> None:
    """`eval words…`."""
    # A `~` in quotes is none for the words, but is one for the text that they become.
    text = Word(" ".join(one[2:] if one.startswith("./~") else one for one in draft.words))
    draft.words = []
    if text.strip():
        text_given(draft, text, [])


def _known(draft: Draft) -> tuple[tuple[Word, ...], tuple[Word, ...]]:
    """What the shell of *draft* has set that a text uses which it runs, and ``$1 $2 …``."""
    assigns: list[Word] = []
    given: list[Word] = []
    for name, value in draft.simple.held:
        if name[:1] == "$":
            if name[1:].isdigit():
                given.append(value)
            else:
                assigns.append(Word(f"{name[1:]}={value}"))
    return tuple(assigns), tuple(given)


def source(draft: Draft) -> None:
    """`source file`, `. file`, `source <(…)`."""
    if not draft.words:
        return
    file = draft.words[0]
    if file in INPUTS and draft.stdin_text is not None:
        draft.run_text(draft.stdin_text, stdin=False, given=tuple(draft.words[1:_GIVEN_MAX]))
    else:
        file_given(draft, file, "shell")


def trap(draft: Draft) -> None:
    """`trap 'text' EXIT`."""
    if len(draft.words) > 1 and draft.words[0] not in {"", "-"}:
        text_given(draft, draft.words[0], [])


def builtin(draft: Draft) -> None:
    """`compgen -C command`, `history -w file`: what they name is run or written."""
    if draft.program in {"history", "fc"}:
        if draft.has("-w", "-a"):
            draft.write(*draft.words)
        if draft.has("-c"):
            draft.remove(Word("~/.bash_history"))
    elif draft.program == "compgen":
        _completed(draft)
    elif draft.program == "alias":
        for one in draft.words:
            _, equals, value = one.partition("=")
            if equals and value and re.search(r"[|;&`$]", value):
                draft.code.append(Word(value))


def _completed(draft: Draft) -> None:
    """`compgen -C` runs a command, and `compgen -W` expands a list of words."""
    for letter, text in _with_values(draft.arguments):
        if letter == "C":
            text_given(draft, text, [])
        elif letter == "W" and _SUBSTITUTING.search(text) is not None:
            draft.run_text(f": <<{_ENDING}\n{text}\n{_ENDING}\n", stdin=False)


def _with_values(words: tuple[Word, ...]) -> list[tuple[str, Word]]:
    """The options `-C text` and `-W text` of *words*, by their letters."""
    found: list[tuple[str, Word]] = []
    for at, one in enumerate(words):
        option = _COMPLETING.match(one)
        if option is not None and len(found) < _GIVEN_MAX:
            rest = Word(one[option.end() :])
            value = rest or (words[at + 1] if at + 1 < len(words) else Word(""))
            found.append((option[1], value))
    return found


def foreign(draft: Draft) -> None:
    """`powershell -Command …`, `cmd /c …`: not taken apart."""
    text = Word(" ".join(draft.arguments))
    draft.words = [one for one in draft.arguments if not one.startswith("-")]
    draft.flags = dict.fromkeys(str(one) for one in draft.arguments if one.startswith("-"))
    draft.code.append(text)
    draft.opaque.append(Opaque("foreign", "PowerShell and cmd are not taken apart"))
    if draft.words and HOLE in text and whole_hole(" ".join(draft.words)):
        draft.blind("dynamic", f"the text that {draft.program} runs is put together when it runs")
