"""
Environments of their own for harnesses that are Python packages.

Each is made once from pinned requirements, without dependencies that they do not name, and
kept in a folder that no repository holds. An install that fails is an error, not a skip.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CLIENTS = Path(__file__).parent / "clients"
INSTALL_SECONDS_MAX = 240


class EnvironmentMissing(Exception):
    """The environment could not be made; every proof of its host is unproven."""


def environment(name: str) -> Path:
    """
    The interpreter of the environment of the host *name*, made if it is not there.

    Raises:
        EnvironmentMissing: No registry, or a package that is not there.
    """
    requirements = CLIENTS / name / "requirements.txt"
    made_of = requirements.read_bytes() + sys.version.encode()
    root = Path(os.environ.get("GOVERNANCE_HOSTS_CACHE") or ROOT / ".hosts")
    folder = root / f"{name}-{hashlib.sha256(made_of).hexdigest()[:16]}"
    python = folder / "bin" / "python"
    ready = folder / "ready"
    root.mkdir(parents=True, exist_ok=True)
    with (root / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            shutil.rmtree(folder, ignore_errors=True)
            _run(sys.executable, "-m", "venv", "--without-pip", str(folder))
            # Most of what is installed is never imported: what is, is compiled then.
            words = ["--no-deps", "--no-compile", "--disable-pip-version-check", "-q"]
            words += ["-r", str(requirements)]
            _run(sys.executable, "-m", "pip", "--python", str(python), "install", *words)
            ready.touch()
    return python


def _run(*words: str) -> None:
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=INSTALL_SECONDS_MAX)
    except subprocess.TimeoutExpired as error:
        raise EnvironmentMissing(f"`{words[2]}` took more than {error.timeout} s") from error
    if done.returncode:
        raise EnvironmentMissing(f"`{words[2]}` failed: {done.stderr[-2000:]}")
