"""Over loopback HTTP is observed, and nothing is decided."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import frozen

from governance.service.client import ask, service_command, stop
from tests.integration.test_service import Place, payload, placed, until

BODY_BYTES_MAX = 16 * 1024 * 1024
CALLER = """
import http.client, json, sys
url, head, path = sys.argv[1:4]
link = http.client.HTTPConnection(url, timeout=30)
link.request("POST", path, sys.stdin.buffer.read(), json.loads(head))
print(link.getresponse().status)
"""
"""A host of the same person: this process has another home."""


@frozen
class Door:
    place: Place
    address: str
    token: str
    file: Path

    def post(
        self, event: str, data: bytes | None = None, headers: dict[str, str] | None = None
    ) -> int:
        """The status of the answer to a host that reports *event*."""
        head = {"Authorization": f"Bearer {self.token}"} | (headers or {})
        done = subprocess.run(
            [sys.executable, "-c", CALLER, self.address, json.dumps(head), self.path(event)],
            input=payload(event, session_id="h") if data is None else data,
            env=dict(self.place.environment),
            capture_output=True,
            check=True,
            timeout=60,
        )
        return int(done.stdout)

    def path(self, event: str) -> str:
        return f"/v1/claude-code/{event}?dir={self.place.project}"


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """A service with its door open."""
    folder = tmp_path_factory.mktemp("door")
    with pytest.MonkeyPatch.context() as monkeypatch, placed(folder, monkeypatch) as place:
        command = service_command(place.project, "--stay", "--http", "0")
        with subprocess.Popen(command) as process:
            until(lambda: str(place.project) in str((ask("status") or {}).get("projects")))
            file = Path(str((ask("status") or {})["http"]))
            told = json.loads(file.read_text())
            yield Door(place, told["url"].removeprefix("http://"), told["token"], file)
            stop()
            process.wait()
        assert not file.exists()


def test_observations_are_recorded(door: Door) -> None:
    """What a host reports stands in the journal as if a command hook had told it."""
    assert door.file.stat().st_mode & 0o777 == 0o600
    assert door.post("PostToolUse", payload("PostToolUse", session_id="o")) == 202
    assert "tool.finished" in door.place.kinds("o")


@pytest.mark.parametrize("event", ["PreToolUse", "UserPromptSubmit", "UserPromptExpansion"])
def test_nothing_is_decided(door: Door, event: str) -> None:
    """An event that waits for leave is refused, and not recorded."""
    assert door.post(event, payload(event, session_id="d", prompt="x")) == 403
    assert door.place.kinds("d") == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": ""}, 401),
        ({"Host": "evil.example"}, 403),
        ({"Origin": "http://127.0.0.1"}, 403),
        ({"Transfer-Encoding": "chunked"}, 411),
        ({"Content-Length": str(BODY_BYTES_MAX + 1)}, 413),
        ({"Content-Length": "-1"}, 411),
    ],
)
def test_what_is_not_taken(door: Door, headers: dict[str, str], status: int) -> None:
    """Without the token, from elsewhere, or with a body of no sure length nothing is taken."""
    assert door.post("Stop", payload("Stop", session_id="n"), headers) == status
    assert door.place.kinds("n") == []


def test_other_homes_are_not_answered(door: Door) -> None:
    """A caller whose state lies elsewhere is not one of this service's person."""
    link = http.client.HTTPConnection(door.address, timeout=30)
    head = {"Authorization": f"Bearer {door.token}"}
    link.request("POST", door.path("Stop"), payload("Stop", session_id="n"), head)
    assert link.getresponse().status == 403
    link.close()


def test_bad_payloads_and_silent_callers(door: Door) -> None:
    """What cannot be read is said to be so, and who says nothing is let go."""
    assert door.post("Stop", b"{") == 422
    assert door.post("NoSuchEvent") == 404
    host, _, port = door.address.partition(":")
    begun = time.monotonic()
    with socket.create_connection((host, int(port)), timeout=30) as silent:
        assert silent.recv(1) == b""
    assert time.monotonic() - begun < 20
    assert door.post("Stop", payload("Stop", session_id="o")) == 202
