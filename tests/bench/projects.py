"""Projects to measure in, each with a user's files of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from attrs import frozen

from governance.config import default_toml
from governance.journal.opening import open_journal
from governance.journal.records import Journal
from governance.project import create_project

SECONDS_MAX = 300
"""After so long a process that is measured hangs."""


@frozen
class Place:
    """
    A project with an empty store.

    Attributes:
        environment: What says where its user's files are; in force in this process too.
    """

    project: Path
    environment: Mapping[str, str]

    def journal(self) -> Journal:
        """Its store, without the engine."""
        return open_journal(base=self.project, create=False)


def make_project(folder: Path, text: str | None = None) -> Place:
    """A project in *folder*, with *text* as its configuration, or the default one."""
    project = folder / "project"
    project.mkdir(exist_ok=True)
    homes = {
        f"XDG_{name.upper()}_HOME": str(folder / name) for name in ("state", "config", "cache")
    }
    os.environ.update(homes)
    create_project(project, default_toml() if text is None else text)
    open_journal(base=project, create=True).close()
    return Place(project, {**os.environ, **homes})


_HELD: list[tempfile.TemporaryDirectory[str]] = []


def held_folder() -> Path:
    """A folder until this process ends, for what takes long to make and serves several rows."""
    _HELD.append(tempfile.TemporaryDirectory(prefix="governance-bench-held-"))
    return Path(_HELD[-1].name)


def printed(place: Place, script: str) -> float:
    """The figure that *script* prints, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", script],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env=dict(place.environment),
        timeout=SECONDS_MAX,
    )
    return float(done.stdout)
