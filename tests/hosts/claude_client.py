"""
The pinned Claude Code client: installed once into a cache, driven in a clean environment.

Nothing but loopback is spoken to while it runs. An install that fails is an error, not a
skip: a proof that did not run proves nothing.
"""

from __future__ import annotations

import fcntl
import json
import os
import platform
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import define, field, frozen

PINNED = Path(__file__).parent / "clients" / "claude-code"
VERSION: str = json.loads((PINNED / "package.json").read_text())["dependencies"][
    "@anthropic-ai/claude-code"
]
INSTALL_SECONDS_MAX = 240
RUN_SECONDS_MAX = 90
API_KEY = "sk-scripted"


class ClientMissing(Exception):
    """The pinned client could not be installed; every proof of this host is unproven."""


def cache_folder() -> Path:
    """Where the client is kept between runs; ``GOVERNANCE_HOSTS_CACHE`` moves it."""
    root = os.environ.get("GOVERNANCE_HOSTS_CACHE")
    if root is None:
        base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        root = str(Path(base) / "session-governance")
    return Path(root) / f"claude-code-{VERSION}"


def platform_package() -> str:
    """Name of the npm package that holds this machine's binary."""
    machine = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}
    arch = machine.get(platform.machine().lower(), platform.machine().lower())
    system = {"linux": "linux", "darwin": "darwin"}.get(sys.platform, sys.platform)
    musl = system == "linux" and not platform.libc_ver()[0]
    return f"claude-code-{system}-{arch}" + ("-musl" if musl else "")


def install() -> Path:
    """
    The path of the pinned client's binary, installed from the lock file if it is not there.

    Raises:
        ClientMissing: No npm, no registry, or another version than the pinned one.
    """
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    binary = folder / "node_modules" / "@anthropic-ai" / platform_package() / "claude"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not binary.exists():
            _npm_ci(folder)
    if not binary.exists():
        raise ClientMissing(f"npm installed no `{binary.name}` for `{platform_package()}`")
    told = subprocess.run(
        [binary, "--version"],
        capture_output=True,
        text=True,
        timeout=60,
        env={"HOME": str(folder), "PATH": os.defpath},
    ).stdout
    if VERSION not in told:
        raise ClientMissing(f"the client says it is `{told.strip()}`, pinned is `{VERSION}`")
    return binary


def _npm_ci(folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise ClientMissing("`npm` is not on PATH; the client is an npm package")
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(PINNED / name, folder / name)
    done = subprocess.run(
        [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=INSTALL_SECONDS_MAX,
    )
    if done.returncode:
        raise ClientMissing(f"`npm ci` failed with {done.returncode}: {done.stderr[-2000:]}")


@frozen
class Run:
    """What one run of the client gave."""

    code: int
    out: str
    err: str

    @property
    def result(self) -> dict[str, Any]:
        """The JSON result object of ``--output-format json``; empty when there is none."""
        for line in reversed(self.out.splitlines()):
            if line.startswith("{"):
                value: dict[str, Any] = json.loads(line)
                return value
        return {}


@define(eq=False)
class Client:
    """
    One home and one project folder, in which the client is run again and again.

    Attributes:
        variables: Further environment variables of each run.
    """

    binary: Path
    home: Path
    project: Path
    server_url: str
    variables: dict[str, str] = field(factory=dict)

    def environment(self) -> dict[str, str]:
        """The whole environment of a run: nothing is inherited."""
        return {
            "HOME": str(self.home),
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "TERM": "dumb",
            "SHELL": "/bin/bash",
            "TMPDIR": str(self.home),
            "ANTHROPIC_BASE_URL": self.server_url,
            "ANTHROPIC_API_KEY": API_KEY,
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
            "DISABLE_TELEMETRY": "1",
            "DISABLE_ERROR_REPORTING": "1",
            **self.variables,
        }

    def run(
        self,
        prompt: str,
        *flags: str,
        output: str = "json",
        stdin: str = "",
        seconds_max: float = RUN_SECONDS_MAX,
    ) -> Run:
        """Give *prompt* to the client in print mode and wait for its end."""
        command: Sequence[str] = [
            str(self.binary),
            "--model",
            "claude-sonnet-4-5",
            "-p",
            prompt,
            "--output-format",
            output,
            *flags,
        ]
        done = subprocess.run(
            command,
            cwd=self.project,
            env=self.environment(),
            capture_output=True,
            text=True,
            input=stdin,
            timeout=seconds_max,
        )
        return Run(done.returncode, done.stdout, done.stderr)

    def settings(self, value: Mapping[str, Any]) -> None:
        """Write *value* as the project's settings."""
        folder = self.project / ".claude"
        folder.mkdir(exist_ok=True)
        (folder / "settings.json").write_text(json.dumps(value, indent=2))


@define(eq=False)
class Conversation:
    """
    A client kept open over several prompts, with somebody to ask for leave.

    Attributes:
        leave: What is said to a call that the client asks about: its name and arguments in,
            whether it may run out.

        asked: The requests for leave that came.
    """

    client: Client
    flags: tuple[str, ...] = ()
    leave: Callable[[str, Mapping[str, Any]], bool] = lambda _name, _input: False
    asked: list[dict[str, Any]] = field(factory=list)
    messages: list[dict[str, Any]] = field(factory=list)
    _process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Conversation:
        self._process = subprocess.Popen(
            [
                str(self.client.binary),
                "--model",
                "claude-sonnet-4-5",
                "-p",
                "--input-format",
                "stream-json",
                "--output-format",
                "stream-json",
                "--verbose",
                "--permission-prompt-tool",
                "stdio",
                *self.flags,
            ],
            cwd=self.client.project,
            env=self.client.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        process = self._running()
        assert process.stdin is not None
        process.stdin.close()
        try:
            process.wait(timeout=RUN_SECONDS_MAX)
        finally:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()

    def say(self, text: str) -> dict[str, Any]:
        """Give one prompt; the result message of its turn."""
        self._send({"type": "user", "message": {"role": "user", "content": text}})
        process = self._running()
        assert process.stdout is not None
        timer = threading.Timer(RUN_SECONDS_MAX, process.kill)
        timer.start()
        try:
            for line in process.stdout:
                message: dict[str, Any] = json.loads(line)
                self.messages.append(message)
                if message["type"] == "control_request":
                    self._answer(message)
                if message["type"] == "result":
                    return message
        finally:
            timer.cancel()
        raise AssertionError(f"the client ended in mid-turn: {self.messages[-3:]}")

    def _answer(self, message: Mapping[str, Any]) -> None:
        request = message["request"]
        self.asked.append(dict(request))
        if self.leave(request.get("tool_name", ""), request.get("input", {})):
            said = {"behavior": "allow", "updatedInput": request["input"]}
        else:
            said = {"behavior": "deny", "message": "the person said no"}
        body = {"subtype": "success", "request_id": message["request_id"], "response": said}
        self._send({"type": "control_response", "response": body})

    def _send(self, value: Mapping[str, Any]) -> None:
        process = self._running()
        assert process.stdin is not None
        process.stdin.write(json.dumps(value) + "\n")
        process.stdin.flush()

    def _running(self) -> subprocess.Popen[str]:
        assert self._process is not None, "enter the conversation first"
        return self._process
