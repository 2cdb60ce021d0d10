"""
The pinned Codex client, driven in a clean environment.

Nothing but loopback is spoken to while it runs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from attrs import define

from tests.hosts.npm import Pinned, platform_suffix
from tests.hosts.pinned_client import PinnedClient, Run

PINNED = Pinned("codex", "@openai/codex")
VERSION = PINNED.version
FULL = ("--dangerously-bypass-approvals-and-sandbox",)
"""Nobody is asked and nothing is held back: what does not run then, we have refused."""

TARGETS = {"linux-x64": "x86_64-unknown-linux-musl", "linux-arm64": "aarch64-unknown-linux-musl"}


def install() -> Path:
    """
    The path of the pinned client's binary.

    Raises:
        ClientMissing: As `Pinned.install`.
    """
    suffix = platform_suffix().removesuffix("-musl")
    target = TARGETS.get(suffix, suffix)
    return PINNED.install(f"@openai/codex-{suffix}/vendor/{target}/bin/codex")


@define(eq=False)
class Codex(PinnedClient):
    """Codex, with a person's own settings that name the scripted model."""

    def __attrs_post_init__(self) -> None:
        self.config_file.parent.mkdir()
        self.config_file.write_text(
            "# The person's own.\n"
            'model = "gpt-5"\n'
            'model_provider = "scripted"\n\n'
            "[model_providers.scripted]\n"
            'name = "scripted"\n'
            f'base_url = "{self.server_url}/v1"\n'
            'env_key = "SCRIPTED_KEY"\n'
            'wire_api = "responses"\n'
            "request_max_retries = 0\n"
            "stream_max_retries = 0\n"
        )

    @property
    def config_file(self) -> Path:
        return self.home / ".codex" / "config.toml"

    def own_environment(self) -> Mapping[str, str]:
        """As `PinnedClient.own_environment`."""
        return {"SCRIPTED_KEY": "sk-scripted"}

    def run(self, *words: str, flags: Sequence[str] = FULL) -> Run:
        """One run of ``codex exec`` with *words*, waited for."""
        own = [str(self.binary), "exec", "--json", "--skip-git-repo-check"]
        return self.waited([*own, *flags, *words])


def session_of(run: Run) -> str:
    """The session that *run* began or went on with."""
    for line in run.out.splitlines():
        told = json.loads(line) if line.startswith("{") else {}
        if told.get("type") == "thread.started":
            return str(told["thread_id"])
    raise AssertionError(f"the client told no session: {run.out[-500:]} {run.err[-500:]}")
