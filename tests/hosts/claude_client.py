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

from attrs import define, field

from tests.hosts.npm import Pinned, platform_suffix
from tests.hosts.pinned_client import RUN_SECONDS_MAX, PinnedClient, Run

PINNED = Pinned("claude-code", "@anthropic-ai/claude-code")
VERSION = PINNED.version
API_KEY = "sk-scripted"


def install() -> Path:
    """
    The path of the pinned client's binary.

    Raises:
        ClientMissing: As `Pinned.install`.
    """
    return PINNED.install(f"@anthropic-ai/claude-code-{platform_suffix()}/claude")


@define(eq=False)
class Client(PinnedClient):
    """Claude Code."""

    def own_environment(self) -> Mapping[str, str]:
        """As `PinnedClient.own_environment`."""
        return {
            "TMPDIR": str(self.home),
            "ANTHROPIC_BASE_URL": self.server_url,
            "ANTHROPIC_API_KEY": API_KEY,
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
            "DISABLE_TELEMETRY": "1",
            "DISABLE_ERROR_REPORTING": "1",
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
        return self.waited(command, stdin=stdin, seconds_max=seconds_max)

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
