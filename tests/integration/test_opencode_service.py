"""OpenCode's plugin asks the local service, and decides without it whatever becomes of it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from governance.hooking.command_line import RELAY_FILE
from governance.hooking.translation import Note, Translation
from governance.hooking.worker import keyed
from governance.hosts.opencode.settings import SETTINGS, install
from governance.service.client import socket_file
from governance.testing.services import running_service
from tests.integration.test_service import FAKE, Place, answered, placed, until

DRIVER = Path(__file__).parents[1] / "unit" / "opencode_plugin_driver.mjs"
NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="platform: no node")
SECONDS_MAX = 60
GONE = "/nowhere/hook.py"
PROMPT = {"hook": "chat.message", "input": {"sessionID": "s"},
          "output": {"message": {"id": "m", "agent": "build"},
                     "parts": [{"type": "text", "text": "hi"}]}}  # fmt: skip
IDLE = {"hook": "event", "input": {"event": {"type": "session.idle",
                                            "properties": {"sessionID": "s"}}}}  # fmt: skip
FORGETFUL = """
import posix, sys
sys.path.insert(0, {folder!r})
import hook_client, hook_relay
class Relay(hook_relay.Relay):
    def _tell(self, kind, body):
        posix._exit(1)
Relay(hook_client, sys.argv[1:]).run()
"""
"""A relay that dies once the service has answered, before anybody reads it."""


class Client:
    """A process that has the plugin loaded, in a project with a home of its own."""

    def __init__(self, place: Place) -> None:
        self.place = place
        with (place.project / "governance.toml").open("a") as stream:
            # A machine that is busy with other work must not make a late answer of a right one.
            stream.write("[hosts.opencode]\ndeadline_ms = 20_000\n")
        install(place.project)
        self.plugin = place.project / "plugin.mjs"
        self.environment = {**place.environment, "PATH": os.environ["PATH"]}
        self.set()

    def set(self, **more: str) -> None:
        """Load the plugin with these settings beside its own."""
        text = (self.place.project / SETTINGS).read_text()
        (line,) = [one for one in text.splitlines() if one.startswith("const SETTINGS = ")]
        held = json.loads(line.removeprefix("const SETTINGS = ").removesuffix(";"))
        self.plugin.write_text(text.replace(line, f"const SETTINGS = {json.dumps(held | more)};"))

    def edit(self, old: str, new: str) -> None:
        """Change the plugin itself."""
        text = self.plugin.read_text()
        assert old in text
        self.plugin.write_text(text.replace(old, new))

    def run(self, *steps: dict[str, Any]) -> list[str]:
        """What each step of one process came to: why it was refused, or ``""``."""
        script = self.place.project / "script.json"
        script.write_text(json.dumps(steps))
        assert NODE is not None
        done = subprocess.run(
            [NODE, str(DRIVER), str(self.plugin), str(script)],
            capture_output=True,
            text=True,
            timeout=SECONDS_MAX,
            env=self.environment,
        )
        assert done.returncode == 0, done.stderr
        return [one.get("thrown", "") for one in json.loads(done.stdout)["told"]]

    def relays(self) -> list[str]:
        """Processes of the relay that are there for this project."""
        found = []
        for one in Path("/proc").iterdir():
            try:
                words = (one / "cmdline").read_bytes().decode().split("\0")
            except (OSError, UnicodeDecodeError):
                continue
            if str(RELAY_FILE) in words and str(self.place.project) in words:
                found.append(one.name)
        return found


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    with placed(tmp_path, monkeypatch) as made:
        yield Client(made)


_NUMBER = iter(range(1_000_000))


def tool(command: str) -> dict[str, Any]:
    given = {"tool": "bash", "sessionID": "s", "callID": f"c{next(_NUMBER)}"}
    return {
        "hook": "tool.execute.before",
        "input": given,
        "output": {"args": {"command": command}},
    }


def test_service_alone_decides(client: Client) -> None:
    """With a service no hook is started: what it allows runs, what it denies is refused."""
    client.set(hook=GONE)
    with running_service(client.place.project):
        before = answered()
        fine, forbidden, last = client.run(tool("fine"), tool("forbidden"), tool("fine"))
        assert answered() >= before + 3
    assert (fine, last) == ("", "")
    assert "OWN-DENIED" in forbidden
    assert client.place.kinds("s").count("tool.decided") == 3
    until(lambda: client.relays() == [])


def test_neither_service_nor_hook_is_a_refusal(client: Client) -> None:
    """Where both are gone nothing is allowed."""
    client.set(hook=GONE)
    (refused,) = client.run(tool("fine"))
    assert "governance cannot decide" in refused


def test_first_event_starts_the_service_for_the_others(client: Client) -> None:
    """A hook decides where none is, and starts the one that is asked from then on."""
    assert client.run(tool("fine")) == [""]
    until(lambda: answered() >= 0)
    client.set(hook=GONE)
    until(lambda: client.run(tool("fine")) == [""])


def test_switched_off_for_a_client(client: Client) -> None:
    """`GOVERNANCE_SERVICE=off` keeps a client's events from it, and starts no relay."""
    client.environment["GOVERNANCE_SERVICE"] = "off"
    client.set(hook=GONE)
    with running_service(client.place.project):
        (refused,) = client.run(tool("fine"))
    assert "governance cannot decide" in refused


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_service_that_is_gone_or_hangs_is_done_without(
    client: Client, number: signal.Signals
) -> None:
    """Killed or stopped between two calls, the next one is decided all the same, and once."""
    with running_service(client.place.project) as pid:
        stop = {"exec": ["/bin/kill", f"-{number.value}", str(pid)]}
        begun = time.monotonic()
        told = client.run(tool("fine"), stop, tool("forbidden"), tool("fine"))
        assert time.monotonic() - begun < SECONDS_MAX / 2
    assert ["OWN-DENIED" in one for one in told] == [False, True, False]
    assert (told[0], told[2]) == ("", "")
    assert client.place.kinds("s").count("tool.decided") == 3


def test_another_program_at_the_socket_is_not_believed(client: Client) -> None:
    """Who listens there and is not our script allows nothing, though it has the right user."""
    file = socket_file()
    assert file is not None
    file.parent.mkdir(mode=0o700, parents=True)
    words = [sys.executable, "-c", FAKE, str(file.parent), file.name]
    with subprocess.Popen(words) as fake:
        until((file.parent / "ready").exists)
        (denied,) = client.run(tool("forbidden"))
        fake.kill()
    assert "OWN-DENIED" in denied


@pytest.mark.parametrize("named", [True, False])
def test_payload_answered_twice_counts_once(client: Client, named: bool) -> None:
    """What the service wrote before its answer was lost is found by the hook, by its name."""
    relay = client.place.project / "forgetful.py"
    relay.write_text(FORGETFUL.format(folder=str(RELAY_FILE.parent)))
    with running_service(client.place.project):
        assert client.run(PROMPT) == [""]
        client.set(relay=str(relay))
        if not named:
            client.edit('["--call", call]', "[]")
        client.run(IDLE)
    assert client.place.kinds("s").count("turn.ended") == 1
    rows = [kind for kind in client.place.kinds("s") if kind.startswith("event.")]
    assert (rows == []) is named, "without its name the second one is another event"


def question(number: str) -> dict[str, Any]:
    properties = {"id": number, "sessionID": "s", "permission": "bash", "patterns": ["ls"]}
    return {
        "hook": "event",
        "input": {"event": {"type": "permission.asked", "properties": properties}},
    }


def test_row_of_what_the_client_asked_is_written_once(client: Client) -> None:
    """A question that is reported twice is one row; another question is another one."""
    client.environment["GOVERNANCE_SERVICE"] = "off"
    client.run(tool("fine"), question("p1"), question("p1"), question("p2"))
    assert client.place.kinds("s").count("permission.asked") == 2


def test_row_without_a_name_of_its_own_has_that_of_its_call() -> None:
    """What names no question is known by the payload, where that has a name."""
    note = Note("s", "permission.asked", {"id": ""})
    translation = Translation("permission.asked", notes=(note, note))
    assert keyed(translation, "") == translation
    made = [one.key for one in keyed(translation, "c1").notes]
    assert len({*made, None}) == 3
    assert made == [one.key for one in keyed(translation, "c1").notes]


def test_agent_has_no_relay_of_its_own(client: Client) -> None:
    """Below the shell of a governed agent a relay is answered nothing, and neither is a hook."""
    with running_service(client.place.project):
        assert client.run(PROMPT) == [""]
        client.environment["GOVERNANCE_OPENCODE_SESSION"] = "s"
        (refused,) = client.run(tool("fine"))
    assert "called from the shell of the agent" in refused


def test_relay_of_a_changed_installation_ends(client: Client, tmp_path: Path) -> None:
    """What it has loaded is another's then: it says that none has heard, and goes."""
    folder = tmp_path / "installed"
    folder.mkdir()
    for name in ("hook_relay.py", "hook_client.py"):
        shutil.copyfile(RELAY_FILE.with_name(name), folder / name)
    words = [sys.executable, "-I", "-S", str(folder / "hook_relay.py"), "--host", "opencode"]
    words += ["--dir", str(client.place.project)]
    frame = b"c1\0session.idle\0{}"
    asked = b"Q" + len(frame).to_bytes(4, "big") + frame
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=client.environment
    ) as relay:
        assert relay.stdin is not None
        assert relay.stdout is not None
        for _ in range(2):
            relay.stdin.write(asked)
            relay.stdin.flush()
            assert relay.stdout.read(7) == b"N\0\0\0\2c1"
            os.utime(folder / "hook_client.py", (1, 1))
        assert relay.wait(SECONDS_MAX) == 0
