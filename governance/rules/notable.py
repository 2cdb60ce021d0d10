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

MEANT_MAX: Final = 8
"""Paths that one glob is read as besides."""

_WILD: Final = re.compile(r"[*?\[]")
_LETTERS: Final = re.compile(r"[A-Za-z_].*[A-Za-z_]")


def meant_by(text: str) -> list[str]:
    """
    Paths of notable names that the glob *text* would hit, at most `MEANT_MAX`.

    A part of it that gives less than two letters of a name means none.
    """
    found = [""]
    for at, part in enumerate(text.split("/")):
        names = [part]
        if _WILD.search(part):
            if _LETTERS.search(re.sub(r"\[[^\]]*+(?:\]|\Z)", "", part)) is None:
                return []
            fits = name_pattern(part)
            names = [one for one in NOTABLE if fits is None or fits.match(one)]
        found = [f"{before}/{one}" if at else one for before in found for one in names][:MEANT_MAX]
    return found
