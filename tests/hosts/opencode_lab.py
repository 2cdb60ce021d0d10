"""One governed project with the real OpenCode in it."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from attrs import define, field

from governance.hooking.command_line import RELAY_FILE
from governance.hosts.opencode.settings import SETTINGS
from tests.hosts.governed import Governed
from tests.hosts.model_server import ModelServer, Step
from tests.hosts.opencode_client import OpenCode, Place, Served
from tests.hosts.pinned_client import Run

_LINE = re.compile(r"^const SETTINGS = (\{.*\});$", re.MULTILINE)


@define(eq=False)
class OpenCodeLab(Governed):
    """
    OpenCode in a governed project.

    Attributes:
        client: Home, project and binary; runs are its runs.

        server: The scripted model that it speaks to.
    """

    HOST: ClassVar[str] = "opencode"

    client: OpenCode
    server: ModelServer
    served: Served | None = None
    results: list[Run] = field(factory=list)
    _place: Place | None = None

    @property
    def place(self) -> Place:
        """The project as the running server sees it; the plugin is loaded with this."""
        if self._place is None:
            assert self.served is not None, "this lab has no server"
            self._place = self.served.at(self.project)
            self._place.listen()
        return self._place

    def leave(self) -> None:
        """Have the server leave the project, as it does when it is stopped by its user."""
        if self._place is not None:
            self._place.call("POST", "/instance/dispose")
            self._place = None

    def say(self, text: str, session: str = "") -> str:
        """Give one prompt to *session*, or to a new one, and wait; the session's id."""
        session = session or self.place.session()
        self.place.say(session, text)
        return session

    def command(self, *words: str) -> str:
        """As `Governed.command`; beside a server without the price of a process."""
        if self.served is None:
            return Governed.command(self, *words)
        return self.command_here(*words)

    @property
    def plugin_file(self) -> Path:
        return self.project / SETTINGS

    def run(self, prompt: str, *flags: str) -> Run:
        """One run of the client."""
        done = self.client.run(prompt, *flags)
        self.results.append(done)
        return done

    def bash(self, *commands: str, session: str = "") -> str:
        """A turn in which the model calls the shell once for each of *commands*; the session."""
        self.script(shell=self.steps(*commands))
        return self.say("SCENARIO:shell go", session)

    @staticmethod
    def steps(*commands: str) -> list[Step]:
        """A script that calls the shell once for each of *commands*."""
        return [
            *({"tool": "bash", "input": {"command": one, "description": "d"}} for one in commands),
            {"text": "that was all"},
        ]

    def work(self) -> list[dict[str, Any]]:
        """The requests for the sessions' own work: those that offer tools."""
        return [one for one in self.server.requests if one.get("tools")]

    def systems(self) -> list[list[str]]:
        """The system prompt of each request of `work`, part by part."""
        return [system_of(one) for one in self.work()]

    def results_seen(self) -> list[str]:
        """The tool results in the last request of `work`, as text."""
        return self.results_in(self.work()[-1])

    def edit_plugin(self, change: Mapping[str, Any]) -> None:
        """Change the settings in the installed plugin."""
        text = self.plugin_file.read_text()
        found = _LINE.search(text)
        assert found is not None, "the plugin has its settings in one line"
        made = json.dumps({**json.loads(found[1]), **change})
        self.plugin_file.write_text(text.replace(found[1], made))

    def point_hooks_at(self, script: Path) -> None:
        """Have the installed plugin run *script*, and the relay beside it, if there is one."""
        relay = script.with_name(RELAY_FILE.name)
        self.edit_plugin({"hook": str(script), "relay": str(relay) if relay.exists() else ""})

    def processes(self, script: str) -> list[int]:
        """Processes of this project that run *script*."""
        found = []
        for one in Path("/proc").iterdir():
            with contextlib.suppress(OSError, UnicodeDecodeError):
                words = (one / "cmdline").read_bytes().decode().split("\0")
                if str(self.project) in words and any(word.endswith(script) for word in words):
                    found.append(int(one.name))
        return found


def system_of(request: Mapping[str, Any]) -> list[str]:
    """The system prompt of *request*, part by part."""
    system = request.get("system", [])
    return [system] if isinstance(system, str) else [str(part["text"]) for part in system]
