"""
Names that a glob is written for so that they do not stand in a command: `~/.s?h/id_*a`.

A glob that hits files which are there is what they are. One that hits none here is read as it
stands, and as the names below that it would hit elsewhere.
"""

from __future__ import annotations

import re
from typing import Final

from governance.shell.name_globs import name_pattern

NOTABLE: Final = (
    ".ssh", ".env", ".aws", ".gnupg", ".kube", ".git", ".netrc", ".npmrc", ".pgpass", ".docker",
    ".governance", ".claude", ".bashrc", "id_rsa", "id_ed25519", "authorized_keys", "credentials",
    "shadow", "passwd", "sudoers", "gshadow", "config.json", "governance.toml", "etc", "root",
)  # fmt: skip
"""Names of files and folders that rules look for."""

ENDINGS: Final = (
    ".env", ".key", ".pem", ".p12", ".pfx", ".jks", ".keystore", ".kdbx", ".ppk", ".ovpn",
    "_rsa", "_ed25519", "-key.pem", "private.pem", "privkey.pem", "server.pem",
)  # fmt: skip
"""What names of files end with that rules look for, whatever they begin with."""

MEANT_MAX: Final = 200
"""Paths that one glob is read as besides."""

_WILD: Final = re.compile(r"[*?\[]")
_LETTERS: Final = re.compile(r"[A-Za-z_].*[A-Za-z_]")
_ANY: Final = re.compile(r"\*+(?:\.\*+)?")


def meant_by(text: str, other: str = "") -> list[str]:
    """
    Paths of notable names that the glob *text* would hit, at most `MEANT_MAX`.

    A part of it that gives less than two letters of a name means none.

    Args:
        other: What stands in a path for a part that may be any other name; without it a path
            has notable names alone.

    >>> meant_by(".s?h/id_r*"), meant_by("prod.en?"), meant_by("*")
    (['.ssh/id_rsa'], ['prod.env'], [])
    >>> meant_by("/*/*/.en*", "…")
    ['/…/…/.env', '/…/…/…']
    """
    found = [""]
    for at, part in enumerate(text.split("/")):
        names = [part]
        if _WILD.search(part):
            said = _LETTERS.search(re.sub(r"\[[^\]]*+(?:\]|\Z)", "", part)) is not None
            names = names_hit(part) if said else []
            names += [other] if other else []
            if not names:
                return []
        found = [f"{before}/{one}" if at else one for before in found for one in names][:MEANT_MAX]
    return found


def names_hit(glob: str) -> list[str]:
    """
    Notable names that *glob*, of one name, would hit; none where it says nothing of a name.

    Of a glob that is too long to be read, all of `NOTABLE`.

    >>> names_hit(".e*"), names_hit("*.*"), names_hit("secret[._]env")
    (['.env'], [], ['secret.env'])
    """
    if _ANY.fullmatch(glob):
        return []
    fits = name_pattern(glob.replace("[^", "[!"))
    if fits is None:
        return list(NOTABLE)
    head = _WILD.split(glob, maxsplit=1)[0]
    # What ends with a star says of an ending only what it has begun itself.
    size_min = 2 if glob.endswith("*") else 0
    ended = (
        f"{head[: len(head) - size]}{filled}{end}"
        for end in ENDINGS
        for size in range(size_min, min(len(head), len(end)) + 1)
        if end.startswith(head[len(head) - size :])
        for filled in (("", "x") if size == 0 else ("",))
    )
    return [one for one in dict.fromkeys((*NOTABLE, *ended)) if fits.match(one)]
