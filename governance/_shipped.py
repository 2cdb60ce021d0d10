"""
Finds the machine, the rule packs and the recorded session that come with the engine.

In a wheel they lie in ``governance/_shipped/``; in a checkout they are the folders
``states/``, ``rules/`` and ``examples/`` at its top. The packaged ones are asked first. The
checkout is taken only when our own ``pyproject.toml`` lies beside it: a broken installation
must not read a stranger's ``site-packages/rules``.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from governance.errors import GovernanceError

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable
    from pathlib import Path

_PACKAGE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 -- a hook process has no time for pathlib
CODES = {"GOV190": "the engine's own states or rules are missing"}

_REMEDY = "install session-governance again"
_OURS = 'name = "session-governance"'


class ShippedMissing(GovernanceError):
    """The installation lacks its own states or rules; nothing may be guessed instead."""

    code = "GOV190"


def shipped_dir() -> Path | Traversable:
    """
    The folder that holds ``states`` and ``rules``.

    A `Path` when the package lies on a disk; from inside a zip file, what
    `importlib.resources` gives for it.

    Raises:
        ShippedMissing: Neither the packaged folders nor a checkout of ours are there.
    """
    from pathlib import Path

    packaged = Path(_PACKAGE, "_shipped")
    if (packaged / "states").is_dir():
        return packaged
    checkout = Path(_PACKAGE).parent
    if _is_ours(checkout):
        return checkout
    return _zipped()


def machine_text(name: str = "session") -> str:
    """
    The text of ``states/NAME.toml``.

    Raises:
        ShippedMissing: There is no such machine in this installation.
    """
    return _text("states", f"{name}.toml", f"machine `{name}`")


BY_NAME = frozenset({"idumb-chains"})
"""Shipped packs that the word `shipped` does not stand for: who wants one names it."""


def pack_texts() -> dict[str, str]:
    """
    Name → text of every shipped pack, in order of name.

    Raises:
        ShippedMissing: This installation has no packs at all.
    """
    folder = shipped_dir().joinpath("rules")
    found = {
        file.name.removesuffix(".toml"): file
        for file in (folder.iterdir() if folder.is_dir() else ())
        if file.name.endswith(".toml")
    }
    if not found:
        raise ShippedMissing("this installation has no rule packs", remedy=_REMEDY)
    return {name: found[name].read_text(encoding="utf-8") for name in sorted(found)}


def recording_text(name: str = "claude_session") -> str:
    """
    The text of ``examples/NAME.jsonl``: a real session, one payload a line.

    Raises:
        ShippedMissing: There is no such recording in this installation.
    """
    return _text("examples", f"{name}.jsonl", f"recording `{name}`")


def _text(folder: str, name: str, what: str) -> str:
    file = shipped_dir().joinpath(folder, name)
    if not file.is_file():
        raise ShippedMissing(f"this installation has no {what}", remedy=_REMEDY)
    return file.read_text(encoding="utf-8")


def _is_ours(checkout: Path) -> bool:
    try:
        return _OURS in (checkout / "pyproject.toml").read_text(encoding="utf-8")
    except OSError:
        return False


def _zipped() -> Traversable:
    from importlib.resources import files

    packaged = files("governance") / "_shipped"
    if not (packaged / "states").is_dir():
        raise ShippedMissing(
            "this installation has neither its states nor its rules", remedy=_REMEDY
        )
    return packaged
