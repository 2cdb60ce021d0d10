"""
Pinned clients from npm, installed once into a cache that later runs use again.

An install that fails is an error, not a skip: a proof that did not run proves nothing.
"""

from __future__ import annotations

import fcntl
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from attrs import frozen

CLIENTS = Path(__file__).parent / "clients"
INSTALL_SECONDS_MAX = 240


class ClientMissing(Exception):
    """The pinned client could not be installed; every proof of its host is unproven."""


@frozen
class Pinned:
    """
    One client at one version.

    Attributes:
        host: The host, and the folder of `CLIENTS` with its ``package.json`` and lock.

        package: The npm package that is pinned.
    """

    host: str
    package: str

    @property
    def version(self) -> str:
        text = (CLIENTS / self.host / "package.json").read_text()
        version: str = json.loads(text)["dependencies"][self.package]
        return version

    def install(self, binary: str) -> Path:
        """
        The path of *binary* below ``node_modules``, installed if it is not there.

        Raises:
            ClientMissing: No npm, no registry, or another version than the pinned one.
        """
        folder = self._cache_folder()
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "node_modules" / binary
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not file.exists():
                self._npm_ci(folder)
        if not file.exists():
            raise ClientMissing(f"npm installed no `{binary}`")
        told = subprocess.run(
            [file, "--version"],
            capture_output=True,
            text=True,
            timeout=60,
            env={"HOME": str(folder), "PATH": os.defpath},
        ).stdout
        if self.version not in told:
            raise ClientMissing(f"the client says it is `{told.strip()}`, not `{self.version}`")
        return file

    def _cache_folder(self) -> Path:
        """Where the client is kept; ``GOVERNANCE_HOSTS_CACHE`` moves it."""
        root = os.environ.get("GOVERNANCE_HOSTS_CACHE")
        if root is None:
            base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
            root = str(Path(base) / "session-governance")
        return Path(root) / f"{self.host}-{self.version}"

    def _npm_ci(self, folder: Path) -> None:
        npm = shutil.which("npm")
        if npm is None:
            raise ClientMissing("`npm` is not on PATH; the client is an npm package")
        for name in ("package.json", "package-lock.json"):
            shutil.copyfile(CLIENTS / self.host / name, folder / name)
        done = subprocess.run(
            [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS_MAX,
        )
        if done.returncode:
            raise ClientMissing(f"`npm ci` failed with {done.returncode}: {done.stderr[-2000:]}")


def platform_suffix() -> str:
    """How npm packages name this machine: ``linux-x64``, ``darwin-arm64``, ``linux-x64-musl``."""
    machine = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}
    arch = machine.get(platform.machine().lower(), platform.machine().lower())
    system = {"linux": "linux", "darwin": "darwin"}.get(sys.platform, sys.platform)
    musl = system == "linux" and not platform.libc_ver()[0]
    return f"{system}-{arch}" + ("-musl" if musl else "")
