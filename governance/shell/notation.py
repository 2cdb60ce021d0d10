"""
The notation of the tables of programs, and what an entry becomes.

An entry is one string: settings, options, ``:``, and the roles of the operands::

    "!posix -r/-R/--recursive -t/--target-directory=write -S/--suffix= --color? : read* write"

========================  ==========================================================
``-f/--force``            an option and its other names
``-o=read``               it takes a value, which is read (``-o=``: a plain value)
``--arg=_,_``             it takes two values
``--color?``              its value, if any, is attached (``-i?write`` gives it a role)
``-0~``                   a number may be attached, and other letters follow it
``read* write``           all operands are read, the last one is written
``!posix``                options end at the first operand
``!single``               ``-name`` is one option, not a cluster of letters
``!plus``                 ``+x`` is an option
``!valued``               an unknown long option takes a value
``!sub``                  the first operand is a subcommand
``!groups=volume,image``  subcommands that have subcommands; may stand more than once
``!act=git.main``         what no table says: `governance.shell.acts.git`, function `main`
``!like=cp``              all that the entry of `cp` says as well
========================  ==========================================================
"""

from __future__ import annotations

import re
from typing import Final

from attrs import field

from governance._attrs import frozen

ROLES: Final = frozenset(
    {
        "_",  # plain
        "read",
        "write",
        "both",  # read and written
        "remove",
        "move",  # read and removed
        "input",  # a file whose text is not looked at, `@file` or a plain value
        "url",
        "host",
        "place",  # a path here, or host:path
        "shell",  # the text of a command line
        "away",  # the same, run on another machine
        "argv",  # the words of a command
        "code",
        "script",
        "cwd",
    }
)
_OPTION = re.compile(r"(?P<names>[-+][^\s=?~]*)(?:(?P<kind>[=?~])(?P<roles>[a-z_]*(?:,[a-z_]+)*))?")
_SETTINGS = frozenset({"posix", "single", "plus", "valued", "sub", "raw", "groups", "act", "like"})


class NotationError(ValueError):
    """An entry that is not written as the notation says; the tables are ours, so it is a bug."""


@frozen
class Option:
    """
    One option of a program.

    Attributes:
        names: All its names, as written on a command line.

        name: The long one where there is one, otherwise the first.

        roles: One role for each value that it takes.

        attached: It takes a value only where that is attached.

        counted: That value is a number, and the letters behind it are options again.
    """

    names: tuple[str, ...]
    name: str
    roles: tuple[str, ...] = ()
    attached: bool = False
    counted: bool = False


@frozen
class Spec:
    """What the tables know of one program, or of one of its subcommands."""

    options: dict[str, Option] = field(factory=dict)
    head: tuple[str, ...] = ()
    star: str = ""
    tail: tuple[str, ...] = ()
    settings: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    act: str = ""
    known: bool = True
    longs: tuple[str, ...] = ()
    sticky: tuple[str, ...] = ()

    def roles(self, count: int) -> tuple[str, ...]:
        """The role of each of *count* operands."""
        if not self.star:
            return (self.head + ("_",) * count)[:count]
        middle = count - len(self.head) - len(self.tail)
        if middle >= 0:
            return self.head + (self.star,) * middle + self.tail
        if count <= len(self.head):
            return self.head[:count]
        return self.head + self.tail[len(self.head) - count :]


UNKNOWN: Final = Spec(known=False)
"""What is known of a program that the tables do not list."""


def spec_of(entry: str, parent: Spec | None = None) -> Spec:
    """
    Read one *entry*; the options of *parent*, which holds the subcommand, are known too.

    Raises:
        NotationError: it is not written as the notation says.
    """
    options: dict[str, Option] = dict(parent.options) if parent else {}
    settings: set[str] = set()
    given: dict[str, str] = {}
    left, _, right = f" {' '.join(entry.split())} ".partition(" : ")
    for token in left.split():
        if token.startswith("!"):
            name, _, value = token[1:].partition("=")
            if name not in _SETTINGS:
                raise NotationError(f"`{token}` is no setting")
            settings.add(name)
            given[name] = f"{given[name]},{value}" if name in given and value else value
            continue
        option = _option(token)
        options.update(dict.fromkeys(option.names, option))
    head, star, tail = _operands(right.split())
    if parent is not None:
        settings |= parent.settings & {"single", "plus", "valued"}
    return Spec(
        options=options,
        head=head,
        star=star,
        tail=tail,
        settings=frozenset(settings),
        groups=frozenset(given.get("groups", "").split(",")) - {""},
        act=given.get("act", parent.act if parent else ""),
        longs=tuple(sorted(name for name in options if name.startswith("--"))),
        sticky=tuple(
            name for name, one in options.items() if len(name) == 2 and (one.roles or one.attached)
        ),
    )


def _option(token: str) -> Option:
    found = _OPTION.fullmatch(token)
    if found is None:
        raise NotationError(f"`{token}` is no option")
    names = tuple(found["names"].split("/"))
    if any(name[:1] not in {"-", "+"} or len(name) < 2 for name in names):
        raise NotationError(f"`{token}` holds a name that is no option")
    kind, written = found["kind"], found["roles"] or ""
    roles = tuple(written.split(",")) if written else ("_",)
    if kind is None:
        roles = ()
    if not ROLES.issuperset(roles):
        raise NotationError(f"`{token}` has a role that does not exist")
    long = next((name for name in names if name.startswith("--")), names[0])
    return Option(names, long, roles, kind in {"?", "~"}, kind == "~")


def _operands(tokens: list[str]) -> tuple[tuple[str, ...], str, tuple[str, ...]]:
    head: list[str] = []
    star = ""
    tail: list[str] = []
    for token in tokens:
        role = token.removesuffix("*")
        if role not in ROLES or (star and role != token):
            raise NotationError(f"`{token}` is no role, or the second one that repeats")
        if role != token:
            star = role
        else:
            (tail if star else head).append(role)
    return tuple(head), star, tuple(tail)
