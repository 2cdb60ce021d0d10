"""
What a simple command means: its program in the tables, its options, and what it touches.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import import_module
from typing import Final

from governance.shell.draft import Draft, basename
from governance.shell.notation import Spec
from governance.shell.options import parse, parse_unknown
from governance.shell.programs import canonical, programs_like, spec_for
from governance.shell.values import HOLE, Simple, Word

_SOCKETS: Final = ("/dev/tcp/", "/dev/udp/")
_BIN: Final = re.compile(r"(?:^|/)\.?s?bin/[^/]+$")
_OWN: Final = frozenset(
    {"install", "start", "build", "service", "open", "format", "script", "serve"}
)
"""Names that a project's own scripts have as well as programs of the system."""

_NAMED: Final = re.compile(r"-{1,2}[A-Za-z0-9][A-Za-z0-9-]*|[A-Za-z][A-Za-z0-9-]*")
_BETWEEN: Final = re.compile(rf"(?<=[A-Za-z]){HOLE}+(?=[A-Za-z/])")
_TESTS: Final = frozenset({"[", "[["})
_PARTLY: Final = re.compile(rf"[{HOLE}*?\[]")
"""What in the name of a program says that only a part of it is known."""

_ACTS: Final[dict[str, Callable[[Draft], None]]] = {}


def understand(
    simple: Simple,
    known: Word | None = None,
    fed: bool = False,
    given: tuple[Word, ...] = (),
) -> Draft:
    """
    Interpret *simple*: what it is, what it touches, and what it runs in turn.

    Args:
        known: What is on its standard input, if it takes that from around it.

        fed: Something is on that input, and it is not known what.

        given: The words that the commands before it write to its input, if known.
    """
    draft = Draft(simple, known, fed, given)
    for one in simple.redirects:
        if one.target.startswith(_SOCKETS):
            draft.talk(one.target.split("/")[3])
            continue
        if one.mode != "read":
            draft.write(one.target)
        if one.mode in {"read", "both"}:
            draft.read(one.target)
    if not simple.argv:
        return draft
    first = simple.argv[0]
    name = (basename(first) if "/" in first else "") or str(first)
    if not name or (_PARTLY.search(name) is not None and name not in _TESTS):
        hits = programs_like(name) if name else ()
        draft.blind("dynamic", "which program runs is put together when it runs")
        if not hits:
            draft.program = draft.name = HOLE
            draft.words = parse_unknown(draft, draft.arguments)
            return draft
        name = hits[0]
        for other in hits[1:]:
            draft.run([Word(other), *draft.arguments])
    if name[0] == "=":
        name = name[1:] or name  # zsh: where the program of that name lies
    draft.name = name
    draft.program = program = canonical(name)
    spec = spec_for(program)
    draft.spec = spec
    if not spec.known or (name in _OWN and "/" in first and _BIN.search(first) is None):
        _unlisted(draft, first)
        return draft
    interpret(draft, spec)
    if HOLE in "".join(draft.arguments):
        _without_holes(draft, name, named="sub" in spec.settings)
    return draft


def _without_holes(draft: Draft, name: str, *, named: bool) -> None:
    """Read it again with nothing where a part of an option or a name is not known: it may be so."""
    made = tuple(_whole(one, named) for one in draft.arguments)
    if made != draft.arguments:
        draft.run([Word(name), *made])


def _whole(word: Word, named: bool) -> Word:
    """*word* without what is not known, where it is an option, or *named* as a subcommand is."""
    if HOLE not in word or len(word) == 1:
        return word
    bare = word.replace(HOLE, "")
    whole = (named or bare[:1] == "-") and _NAMED.fullmatch(bare) is not None
    return Word(bare if whole else _BETWEEN.sub("", word), glob=word.glob)


def interpret(draft: Draft, spec: Spec) -> None:
    """Take the arguments of a program apart as *spec* says, and note what they mean."""
    if "raw" in spec.settings:
        act_of(spec.act)(draft)
        return
    operands = parse(draft, draft.arguments, spec)
    if "sub" in spec.settings:
        spec, operands = _subcommand(draft, spec, operands)
        draft.spec = spec
    elif operands and spec.star == "_" and not spec.head and "posix" not in spec.settings:
        draft.subcommand = str(operands[0])  # a program of which no more is known than its options
    apply_operands(draft, spec, operands)
    if spec.act:
        act_of(spec.act)(draft)


def apply_operands(draft: Draft, spec: Spec, operands: list[Word]) -> None:
    """Note what each operand means by its role."""
    if not (spec.head or spec.star or spec.tail):
        draft.words += operands
        return
    for at, role in enumerate(spec.roles(len(operands))):
        if role == "argv":
            draft.rest = operands[at:]
            draft.run(draft.rest)
            return
        word = operands[at]
        draft.words.append(word)
        if role != "_":
            draft.apply(role, word)


def _subcommand(draft: Draft, spec: Spec, operands: list[Word]) -> tuple[Spec, list[Word]]:
    """Find the way of words that *operands* begin with; give its entry and its own operands."""
    main = spec
    way: list[str] = []
    while operands:
        way.append(operands[0])
        deeper = "/".join(way) in main.groups
        spec = spec_for(f"{draft.program} {' '.join(way)}", main)
        operands = parse(draft, operands[1:], spec, posix=deeper)
        if not deeper:
            break
    draft.subcommand = " ".join(way)
    return spec, operands


def _unlisted(draft: Draft, first: Word) -> None:
    """A program that no table lists: its words as they stand."""
    draft.words = parse_unknown(draft, draft.arguments)
    if draft.words:
        draft.subcommand = str(draft.words[0])
    if "/" in first:
        draft.read(first)
        draft.blind("script", f"what `{first[-60:]}` does is not looked at")


def act_of(name: str) -> Callable[[Draft], None]:
    """The function that *name* stands for in the tables, loaded when it is first needed."""
    found = _ACTS.get(name)
    if found is None:
        module, _, function = name.partition(".")
        found = getattr(import_module(f"governance.shell.acts.{module}"), function)
        _ACTS[name] = found
    return found
