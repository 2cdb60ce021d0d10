"""
The pinned Claude Code client, driven in a clean environment.

Nothing but loopback is spoken to while it runs.
"""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import define, field, frozen

from tests.hosts.npm import Pinned, platform_suffix

PINNED = Pinned("claude-code", "@anthropic-ai/claude-code")
VERSION = PINNED.version
RUN_SECONDS_MAX = 90
API_KEY = "sk-scripted"


def install() -> Path:
    """
    The path of the pinned client's binary.

    Raises:
        ClientMissing: As `Pinned.install`.
    """
    return PINNED.install(f"@anthropic-ai/claude-code-{platform_suffix()}/claude")


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
