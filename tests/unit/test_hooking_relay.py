"""The relay by itself, where there is no service: it says so, and ends when it must."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from governance.hooking.command_line import HOOK_FILE, RELAY_FILE
from governance.hooking.hook_client import PAYLOAD_BYTES_MAX, Failed, Options, frame

SECONDS_MAX = 60


class Relay:
    """A running relay of a project without a service."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process

    def say(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def heard(self) -> tuple[bytes, bytes]:
        assert self.process.stdout is not None
        head = self.process.stdout.read(5)
        return head[:1], self.process.stdout.read(int.from_bytes(head[1:], "big"))


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[Relay]:
    words = [sys.executable, "-I", "-S", str(RELAY_FILE), "--host", "opencode", "--dir", "/p"]
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={"HOME": str(tmp_path)}
    ) as process:
        yield Relay(process)
        process.kill()


def asked(call: str, data: bytes = b"{}") -> bytes:
    return frame(b"Q", f"{call}\0session.idle\0".encode() + data)


def test_no_service_has_heard_of_a_call(relay: Relay) -> None:
    """Each call is told by its name that there is none; in pieces or many at once."""
    both = asked("c1") + asked("c2")
    relay.say(both[:7])
    relay.say(both[7:])
    assert sorted([relay.heard(), relay.heard()]) == [(b"N", b"c1"), (b"N", b"c2")]


def test_payload_that_is_too_large_is_asked_of_nobody(relay: Relay) -> None:
    """It is told as any other, and the next one is taken."""
    relay.say(asked("c1", b"x" * (PAYLOAD_BYTES_MAX + 1)))
    assert relay.heard() == (b"N", b"c1")
    relay.say(asked("c2"))
    assert relay.heard() == (b"N", b"c2")


@pytest.mark.parametrize(
    "data", [frame(b"Z", b""), b"Q\xff\xff\xff\xff", b"GET / HTTP/1.1\r\n\r\n"]
)
def test_what_makes_no_sense_ends_it(relay: Relay, data: bytes) -> None:
    """Who says such things is no plugin of ours; nothing is answered."""
    relay.say(data)
    assert relay.process.wait(SECONDS_MAX) == 0


def test_it_ends_with_its_client(relay: Relay) -> None:
    """When nobody can say anything more, nothing is left of it."""
    assert relay.process.stdin is not None
    relay.process.stdin.close()
    assert relay.process.wait(SECONDS_MAX) == 0


@pytest.mark.parametrize("name", ["", "a b", "../x", "a" * 65])
def test_name_of_a_call_is_letters_and_digits(name: str) -> None:
    """It becomes part of a key: whatever else is refused, with the usage."""
    with pytest.raises(Failed, match="not understood"):
        Options(["--host", "opencode", "--dir", "/p", "--call", name])


def test_both_scripts_lie_together() -> None:
    """The relay loads the hook's client from beside it."""
    assert RELAY_FILE.parent == HOOK_FILE.parent
    assert RELAY_FILE.is_file()
