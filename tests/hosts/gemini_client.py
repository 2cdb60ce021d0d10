"""
The pinned Gemini CLI, driven in a clean environment.

Nothing but loopback is spoken to while it runs.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from attrs import define, field

from tests.hosts.claude_client import Run
from tests.hosts.npm import ClientMissing, Pinned

PINNED = Pinned("gemini-cli", "@google/gemini-cli")
VERSION = PINNED.version
RUN_SECONDS_MAX = 90
YOLO = ("--approval-mode", "yolo")
"""Nobody is asked: what does not run then, we or the person's policies have refused."""


def install() -> Path:
    """
    The path of the pinned client's script.

    Raises:
        ClientMissing: As `Pinned.install`.
    """
    return PINNED.install("@google/gemini-cli/bundle/gemini.js", node())


def node() -> str:
    """The interpreter of the client's script."""
    found = shutil.which("node")
    if found is None:
        raise ClientMissing("`node` is not on PATH; the client is a script for it")
    return found


@define(eq=False)
class Gemini:
    """
    One home and one project folder, in which the client is run again and again.

    Attributes:
        variables: Further environment variables of each run.
    """

    script: Path
    home: Path
    project: Path
    server_url: str
    variables: dict[str, str] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        folder = self.home / ".gemini"
        folder.mkdir()
        settings = {
            "security": {"auth": {"selectedType": "gemini-api-key"}},
            "general": {"enableAutoUpdate": False},
            "privacy": {"usageStatisticsEnabled": False},
        }
        (folder / "settings.json").write_text(json.dumps(settings, indent=2))
        (folder / "trustedFolders.json").write_text('{\n  "/elsewhere": "TRUST_FOLDER"\n}')

    @property
    def trust_file(self) -> Path:
        return self.home / ".gemini" / "trustedFolders.json"

    def environment(self) -> dict[str, str]:
        """The whole environment of a run: nothing is inherited."""
        return {
            "HOME": str(self.home),
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "TERM": "dumb",
            "SHELL": "/bin/bash",
            "GEMINI_API_KEY": "sk-scripted",
            "GOOGLE_GEMINI_BASE_URL": self.server_url,
            "GEMINI_CLI_NO_RELAUNCH": "true",
            **self.variables,
        }

    def run(self, prompt: str, *flags: str, mode: Sequence[str] = YOLO) -> Run:
        """Give *prompt* to one run of the client and wait for its end."""
        done = subprocess.run(
            [node(), str(self.script), "-m", "gemini-2.5-flash", *mode, *flags, "-p", prompt],
            cwd=self.project,
            env=self.environment(),
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=RUN_SECONDS_MAX,
        )
        return Run(done.returncode, done.stdout, done.stderr)
