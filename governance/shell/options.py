"""
Arguments, taken apart into options, their values and operands as an entry of the tables says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from governance.shell.draft import Draft
from governance.shell.notation import Option, Spec
from governance.shell.values import HOLE, Word

_NUMBER: Final = re.compile(r"[xX][0-9A-Fa-f]+|[0-9]+")
_LOOKING: Final = (
    *("--dry-run", "--dryrun", "--dry_run", "--just-print", "--simulate", "--no-act", "--noop"),
    *("--help", "--check", "--plan", "--preview", "--validate-only", "--what-if", "--test-only"),
)
"""Options by which a program only looks, which a later word may take back."""

_LOOKING_LETTERS: Final = ("-n", "-h", "-s")
_LOOKS: Final = frozenset((*_LOOKING, *_LOOKING_LETTERS))
_TAKING_BACK: Final = frozenset({"false", "f", "no", "n", "off", "0", "none", "null", "never"})


def parse(
    draft: Draft, arguments: Sequence[Word], spec: Spec, *, posix: bool = False
) -> list[Word]:
    """
    Note the options of *arguments*; give the operands.

    If it is *posix*, or the entry says so, all that follows the first operand is an operand.
    """
    operands: list[Word] = []
    settings = spec.settings
    posix = posix or "posix" in settings or "sub" in settings
    single = "single" in settings
    plus = "plus" in settings
    count = len(arguments)
    at = 0
    while at < count:
        word = arguments[at]
        at += 1
        first = word[:1]
        if (first != "-" and (first != "+" or not plus)) or len(word) == 1:
            operands.append(word)
            if posix:
                operands.extend(arguments[at:])
                break
            continue
        if word == "--":
            operands.extend(arguments[at:])
            break
        if word[1] == "-" and first == "-":
            at = _long(draft, arguments, at, word, spec)
        elif single or first == "+":
            at = _single(draft, arguments, at, word, spec)
        else:
            at = _cluster(draft, arguments, at, word, spec)
    _take_back(draft, arguments, spec.options)
    return operands


def _take_back(
    draft: Draft, arguments: Sequence[Word], options: Mapping[str, Option] | None = None
) -> None:
    """
    Forget that the program only looks, where a word says that it does not.

    `--no-dry-run` takes `--dry-run` back wherever it stands, as `--dry-run=false` does, and
    `--dry-run false`.
    """
    if _LOOKS.isdisjoint(draft.flags):
        return
    for at, word in enumerate(arguments):
        if not word.startswith("-") or len(word) < 2:
            continue
        name, equals, value = word.partition("=")
        if name.startswith("--no-") and len(name) > 5:
            back = [one for one in _LOOKING if f"--no-{one[2:]}".startswith(name)]
        else:
            said = value if equals else arguments[at + 1] if at + 1 < len(arguments) else ""
            if said.lower() not in _TAKING_BACK and not (equals and HOLE in said):
                continue
            if name.startswith("--"):
                back = [one for one in _LOOKING if one.startswith(name)]
            else:
                back = [one for one in _LOOKING_LETTERS if equals and one == name]
        for one in back:
            option = options.get(one) if options is not None else None
            for same in option.names if option is not None else (one,):
                draft.flags.pop(same, None)


def _taken(
    draft: Draft, option: Option, arguments: Sequence[Word], at: int, value: Word | None
) -> int:
    """Note *option*, with its value where it has one; give the position behind it."""
    for name in option.names:
        draft.flags[name] = None
    roles = option.roles
    if not roles:
        if value is not None:
            draft.options.append(Word(f"{option.name}={value}"))
            draft.values.setdefault(option.name, []).append(value)
        return at
    if option.attached:
        if value is not None:
            _note(draft, option, roles[0], value)
        return at
    for role in roles:
        if value is None:
            if at >= len(arguments):
                break
            value = arguments[at]
            at += 1
        _note(draft, option, role, value)
        value = None
    return at


def _note(draft: Draft, option: Option, role: str, value: Word) -> None:
    draft.options.append(Word(f"{option.name}={value}"))
    draft.values.setdefault(option.name, []).append(value)
    draft.apply(role, value)


def _long(draft: Draft, arguments: Sequence[Word], at: int, word: Word, spec: Spec) -> int:
    name, equals, text = word.partition("=")
    value = Word(text) if equals else None
    option = spec.options.get(name)
    if option is None:
        option = _shortened(name, spec)
        draft.flags[name] = None
    if option is not None:
        return _taken(draft, option, arguments, at, value)
    if (
        value is None
        and "valued" in spec.settings
        and at < len(arguments)
        and not arguments[at].startswith("-")
        and not name.startswith("--no-")
    ):
        value = arguments[at]
        at += 1
    if value is not None:
        draft.options.append(Word(f"{name}={value}"))
        draft.values.setdefault(name, []).append(value)
    return at


def _shortened(name: str, spec: Spec) -> Option | None:
    """The long option that *name* is the beginning of, where that is only one (getopt_long)."""
    if len(name) < 4 or not spec.longs:
        return None
    found = {spec.options[one].name for one in spec.longs if one.startswith(name)}
    return spec.options[found.pop()] if len(found) == 1 else None


def _single(draft: Draft, arguments: Sequence[Word], at: int, word: Word, spec: Spec) -> int:
    name, equals, text = word.partition("=")
    option = spec.options.get(name) or spec.options.get(word[0] + name)
    if option is None and ":" in name and not equals:
        option = spec.options.get(name.partition(":")[0])  # `-c:v` of ffmpeg
    if option is not None:
        return _taken(draft, option, arguments, at, Word(text) if equals else None)
    if name[:2] in spec.sticky:
        return _taken(draft, spec.options[name[:2]], arguments, at, Word(word[2:]))
    draft.flags[name] = None
    if equals:
        draft.options.append(word)
        draft.values.setdefault(name, []).append(Word(text))
    return at


def _cluster(draft: Draft, arguments: Sequence[Word], at: int, word: Word, spec: Spec) -> int:
    options = spec.options
    if len(word) > 2:
        whole = options.get(word)
        if whole is not None:  # `-exec` of a program that has letters besides
            return _taken(draft, whole, arguments, at, None)
        name, equals, text = word.partition("=")
        if equals and len(name) > 2 and name in options:
            return _taken(draft, options[name], arguments, at, Word(text))
        if word[1:].isdigit():
            draft.flags[str(word)] = None
            return at
    position = 1
    while position < len(word):
        letter = "-" + word[position]
        position += 1
        option = options.get(letter)
        if option is None:
            if letter == "-=":
                break
            draft.flags.setdefault(str(word) if len(word) > 2 else letter, None)
            draft.flags[letter] = None
            continue
        if not option.roles:
            for name in option.names:
                draft.flags[name] = None
            continue
        text = word[position:]
        if option.counted:
            number = _NUMBER.match(text)
            count = number.end() if number is not None else 0
            _taken(draft, option, arguments, at, Word(text[:count]) if count else None)
            position += count
            continue
        if not text:
            return _taken(draft, option, arguments, at, None)
        return _taken(draft, option, arguments, at, Word(text))
    return at


def parse_unknown(draft: Draft, arguments: Sequence[Word]) -> list[Word]:
    """
    Note the options of a program that no table lists; give its operands.

    `-rf` is given as it stands and letter by letter; only ``=`` joins a value to an option.
    """
    operands: list[Word] = []
    for at, word in enumerate(arguments):
        if not word.startswith("-") or len(word) == 1:
            operands.append(word)
            continue
        if word == "--":
            operands.extend(arguments[at + 1 :])
            break
        name, equals, text = word.partition("=")
        draft.flags[name] = None
        if equals:
            draft.options.append(word)
            draft.values.setdefault(name, []).append(Word(text))
        if not name.startswith("--") and len(name) > 2 and name[1:].isalnum():
            for letter in name[1:65]:
                draft.flags[f"-{letter}"] = None
    _take_back(draft, arguments)
    return operands
