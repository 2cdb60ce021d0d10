"""
The pinned OpenCode client, driven in a clean environment: one run, or a server.

Nothing but loopback is spoken to while it runs.
"""

from __future__ import annotations

import json
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import define, field

from tests.hosts.npm import Pinned, platform_suffix
from tests.hosts.pinned_client import PinnedClient, Run

PINNED = Pinned("opencode", "opencode-ai")
VERSION = PINNED.version
CALL_SECONDS_MAX = 60
START_SECONDS_MAX = 60
SWITCHED_OFF = ("AUTOUPDATE", "MODELS_FETCH", "LSP_DOWNLOAD", "SHARE", "DEFAULT_PLUGINS")
NOWHERE = "http://127.0.0.1:9"
"""A registry that refuses at once: the client wants to install its own types when it starts."""


def install() -> Path:
    """
    The path of the pinned client's binary.

    Raises:
        ClientMissing: As `Pinned.install`.
    """
    return PINNED.install(f"opencode-{platform_suffix()}/bin/opencode")


@define(eq=False)
class OpenCode(PinnedClient):
    """
    OpenCode, run once or kept as a server.

    Attributes:
        settings: Further members of the person's own settings, which stand in their home.
    """

    settings: dict[str, Any] = field(factory=dict)

    def own_environment(self) -> Mapping[str, str]:
        """As `PinnedClient.own_environment`."""
        return {
            "TMPDIR": str(self.home),
            **{f"OPENCODE_DISABLE_{name}": "1" for name in SWITCHED_OFF},
            "npm_config_registry": NOWHERE,
            "NPM_CONFIG_FETCH_RETRIES": "0",
        }

    def run(self, prompt: str, *flags: str) -> Run:
        """Give *prompt* to one run of the client and wait for its end."""
        self._write_settings()
        return self.waited([str(self.binary), "run", *flags, prompt])

    def serve(self) -> Served:
        """The client as a server; enter it to start it."""
        self._write_settings()
        return Served(self)

    def _write_settings(self) -> None:
        provider = {
            "npm": "@ai-sdk/anthropic",
            "options": {"baseURL": f"{self.server_url}/v1", "apiKey": "sk-scripted"},
            "models": {
                "model": {"limit": {"context": 100_000, "output": 4096}, "tool_call": True},
                "gpt-5-model": {"limit": {"context": 100_000, "output": 4096}, "tool_call": True},
            },
        }
        value = {
            "provider": {"scripted": provider},
            "model": "scripted/model",
            "small_model": "scripted/model",
            **self.settings,
        }
        file = self.home / ".config" / "opencode" / "opencode.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(value, indent=2))


@define(eq=False)
class Served:
    """A running ``opencode serve``, for any number of project folders."""

    client: OpenCode
    _process: subprocess.Popen[str] | None = None
    _url: str = ""

    def __enter__(self) -> Served:
        self._process = subprocess.Popen(
            [str(self.client.binary), "serve", "--port", "0", "--hostname", "127.0.0.1"],
            cwd=self.client.project,
            env=self.client.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        timer = threading.Timer(START_SECONDS_MAX, self._process.kill)
        timer.start()
        assert self._process.stdout is not None
        for line in self._process.stdout:
            _, found, url = line.partition("listening on ")
            if found:
                self._url = url.strip()
                break
        timer.cancel()
        assert self._url, "the client did not begin to serve"
        threading.Thread(target=self._drain, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def kill(self) -> None:
        """End it as a crash would; it is all the same to the client."""
        process = self._running()
        process.kill()
        process.wait()

    def at(self, project: Path) -> Place:
        """The client's interface for one project folder."""
        return Place(self._url, project)

    def _drain(self) -> None:
        stdout = self._running().stdout
        assert stdout is not None
        with stdout:
            for _ in stdout:
                continue

    def _running(self) -> subprocess.Popen[str]:
        assert self._process is not None, "enter the server first"
        return self._process


@define(eq=False)
class Place:
    """
    One project folder as the server sees it.

    Attributes:
        events: What the server has told of it since `listen`.
    """

    url: str
    project: Path
    events: list[dict[str, Any]] = field(factory=list)

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """One call of the client's interface: the JSON it answers, or its text, or an error."""
        data = json.dumps(body or {}).encode() if method != "GET" else None
        request = urllib.request.Request(self._at(path), data=data, method=method)
        request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=CALL_SECONDS_MAX) as answer:
                text = answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return {"status": error.code, "error": error.read().decode()}
        try:
            return json.loads(text)
        except ValueError:
            return text

    def session(self) -> str:
        """The id of a new session."""
        return str(self.call("POST", "/session", {})["id"])

    def say(self, session: str, text: str, **more: Any) -> Any:
        """Give one prompt, and wait for the end of its turn."""
        body = {"parts": [{"type": "text", "text": text}], **more}
        return self.call("POST", f"/session/{session}/message", body)

    def listen(self) -> None:
        """Keep what the server tells from now on."""
        ready = threading.Event()
        threading.Thread(target=self._listen, args=(ready,), daemon=True).start()
        assert ready.wait(CALL_SECONDS_MAX), "the server tells nothing"

    def until(self, event: str, **properties: Any) -> dict[str, Any]:
        """The first *event* with these properties, waited for."""
        end = time.monotonic() + CALL_SECONDS_MAX
        while time.monotonic() < end:
            for one in list(self.events):
                told = one.get("properties", {})
                if one.get("type") == event and properties.items() <= told.items():
                    return dict(told)
            time.sleep(0.02)
        raise AssertionError(f"`{event}` never came")

    def _at(self, path: str) -> str:
        return f"{self.url}{path}?directory={urllib.parse.quote(str(self.project))}"

    def _listen(self, ready: threading.Event) -> None:
        try:
            with urllib.request.urlopen(self._at("/event"), timeout=CALL_SECONDS_MAX) as stream:
                ready.set()
                for line in stream:
                    if line.startswith(b"data: "):
                        self.events.append(json.loads(line[6:]))
        except OSError:
            return
