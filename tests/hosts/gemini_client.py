"""
The pinned Gemini CLI, driven in a clean environment.

Nothing but loopback is spoken to while it runs.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from attrs import define

from tests.hosts.npm import ClientMissing, Pinned
from tests.hosts.pinned_client import PinnedClient, Run

PINNED = Pinned("gemini-cli", "@google/gemini-cli")
VERSION = PINNED.version
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
class Gemini(PinnedClient):
    """Gemini CLI, with a person's own settings that ask for nothing but the scripted model."""

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

    def own_environment(self) -> Mapping[str, str]:
        """As `PinnedClient.own_environment`."""
        return {
            "GEMINI_API_KEY": "sk-scripted",
            "GOOGLE_GEMINI_BASE_URL": self.server_url,
            "GEMINI_CLI_NO_RELAUNCH": "true",
        }

    def run(self, prompt: str, *flags: str, mode: Sequence[str] = YOLO) -> Run:
        """Give *prompt* to one run of the client and wait for its end."""
        own = [node(), str(self.binary), "-m", "gemini-2.5-flash"]
        return self.waited([*own, *mode, *flags, "-p", prompt])
