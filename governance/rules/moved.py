"""
Folders below a person's home that stand elsewhere where a variable says so.

Packs name such a folder where it stands by default. Where a program was told another place, a
pattern that means the default one means that place as well; else a rule on the settings of an
agent's own client would hold on every machine but this one.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

MOVED: Mapping[str, str] = {
    "CLAUDE_CONFIG_DIR": ".claude",
    "CODEX_HOME": ".codex",
    "GEMINI_CLI_HOME": "",
    "GEMINI_CLI_TRUSTED_FOLDERS_PATH": ".gemini/trustedFolders.json",
    "HERMES_HOME": ".hermes",
    "OPENCODE_CONFIG": ".config/opencode/opencode.json",
    "OPENCODE_CONFIG_DIR": ".config/opencode",
    "XDG_CONFIG_HOME": ".config",
    "XDG_DATA_HOME": ".local/share",
    "XDG_STATE_HOME": ".local/state",
}
"""Variable → what stands elsewhere by it, below the home; ``""``: the home itself."""


def moved_folders(environment: Mapping[str, str], home: str) -> tuple[tuple[str, str], ...]:
    """
    Default place and other place, absolute, of what *environment* moves out of *home*.

    >>> moved_folders({"CODEX_HOME": "/srv/codex"}, "/home/ana")
    (('/home/ana/.codex', '/srv/codex'),)
    """
    found = []
    for variable, below in MOVED.items():
        given = environment.get(variable, "").strip()
        there = os.path.expanduser(given) if given else ""  # noqa: PTH111 -- on the hook's path
        default = f"{home}/{below}".rstrip("/")
        if there.startswith("/") and there.rstrip("/") != default:
            found.append((default, there))
    return tuple(found)
