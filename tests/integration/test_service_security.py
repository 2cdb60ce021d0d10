"""Grants, keys and users under a service that keeps engines open: each counts at the next call."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from governance.access.actors import process_actor
from governance.journal.key_sources import new_key_text
from governance.journal.opening import open_journal
from governance.project import create_project
from governance.service.client import ask
from governance.testing.services import running_service
from tests.integration.test_service import (
    WAIT_SECONDS_MAX,
    Place,
    answered,
    placed,
    reason,
)

OWN = '[packs]\npaths = ["own.toml"]\n'
ME = process_actor()
OTHER = next((one for one in pwd.getpwall() if one.pw_name == "nobody"), None)
OTHERS = """
import os, socket, sys
os.chdir(sys.argv[1])
os.setuid(int(sys.argv[3]))
link = socket.socket(socket.AF_UNIX)
link.settimeout(30)
try:
    link.connect(sys.argv[2])
    link.sendall(b"C\\0\\0\\0\\6status")
    print(link.recv(100))
except (BrokenPipeError, ConnectionResetError):
    print("gone")
"""
"""Another user, who was let into the folder by mistake, and asks."""

SECRET = "the-plain-words-of-a-prompt"


class Secured:
    """A project whose configuration changes while its service runs."""

    def __init__(self, place: Place) -> None:
        self.place = place

    def write(self, more: str) -> None:
        (self.place.project / "governance.toml").write_text(OWN + more)
        create_project(self.place.project, "")

    def grants(self, **actors: str) -> None:
        """Name who may write; everybody else may do nothing."""
        named = "".join(f'"{name}" = ["{role}"]\n' for name, role in actors.items())
        self.write(
            f"[access.actors]\n{named}[access.roles]\n"
            'owner = ["*"]\nagent = ["write", "read"]\nnone = []\n'
        )

    def key(self, name: str = "journal.key") -> Path:
        file = self.place.home / name
        file.write_text(new_key_text())
        file.chmod(0o600)
        return file

    def encrypt(self, place: str) -> None:
        self.write(f'[encryption]\nkey = "{place}"\n')

    def call(self, command: str = "fine", **more: object) -> str:
        """Why the call is refused, or ``""``."""
        done = self.place.hook(command=command, **more)
        return reason(done) if done.stdout else ""

    def served(self) -> str:
        """As `call`, by the service alone, which may have to open the project again."""
        end = time.monotonic() + WAIT_SECONDS_MAX
        while time.monotonic() < end:
            before = answered()
            told = self.call()
            if answered() > before:
                return told
            time.sleep(0.2)
        raise AssertionError("the service never answered")


@pytest.fixture
def secured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Secured]:
    with placed(tmp_path, monkeypatch) as made:
        yield Secured(made)


def test_grants_count_at_the_next_call(secured: Secured) -> None:
    """A grant that is taken away denies the next call, given back it allows the one after."""
    with running_service(secured.place.project):
        assert secured.served() == ""
        secured.grants(somebody="agent")
        assert "no grant" in secured.call()
        assert "no grant" in secured.served()
        secured.grants(**{ME: "agent"})
        assert secured.call() == ""
        assert secured.served() == ""
        secured.grants(**{ME: "none"})
        assert "no grant" in secured.call()


def test_project_that_becomes_encrypted_is_sealed_from_the_next_call(secured: Secured) -> None:
    """What is recorded after the change is not to be read without the key, and nothing is lost."""
    place = secured.place
    with running_service(place.project):
        place.hook("UserPromptSubmit", session_id="plain", prompt=SECRET)
        secured.encrypt(f"file:{secured.key()}")
        place.hook("UserPromptSubmit", session_id="first", prompt=SECRET)
        assert secured.served() == ""
        place.hook("UserPromptSubmit", session_id="second", prompt=SECRET)
        assert answered() >= 1
    raw = open_journal(base=place.project, create=False)
    try:
        told = {
            name: any(SECRET.encode() in one.body for one in raw.read(name))
            for name in ("plain", "first", "second")
        }
    finally:
        raw.close()
    assert told == {"plain": True, "first": False, "second": False}
    for name in told:
        assert "turn.started" in place.kinds(name)


@pytest.mark.parametrize("fault", ["gone", "open to others", "another key", "not named"])
def test_key_that_is_missing_denies_the_next_call(secured: Secured, fault: str) -> None:
    """The service has the key in memory, and decides nothing by it once no hook would have it."""
    file = secured.key()
    secured.encrypt(f"file:{file}")
    with running_service(secured.place.project):
        assert secured.served() == ""
        text = file.read_text()
        if fault == "gone":
            file.unlink()
        elif fault == "open to others":
            file.chmod(0o644)
        elif fault == "another key":
            file.write_text(new_key_text())
        else:
            secured.write("")
        assert "governance cannot decide" in secured.call()
        if fault == "gone":
            assert "governance cannot decide" in secured.call(session_id="s2")
            file.write_text(text)
            file.chmod(0o600)
            assert secured.call() == ""
            assert secured.served() == ""


def test_key_of_a_variable_is_that_of_the_hook(secured: Secured) -> None:
    """A hook without the variable, or with another key in it, is not answered by a service with."""
    text = new_key_text().strip()
    secured.encrypt("env:JOURNAL_KEY")
    environment = dict(secured.place.environment)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("JOURNAL_KEY", text)
        with running_service(secured.place.project):
            given = Secured(Place(secured.place.project, {**environment, "JOURNAL_KEY": text}))
            assert given.served() == ""
            assert "governance cannot decide" in secured.call()
            other = {**environment, "JOURNAL_KEY": new_key_text().strip()}
            assert "governance cannot decide" in Secured(Place(given.place.project, other)).call()
            assert given.served() == ""


@pytest.mark.skipif(os.geteuid() != 0 or OTHER is None, reason="platform: no second user to be")
def test_hook_of_another_user_is_not_answered(secured: Secured) -> None:
    """Whoever runs as another user is not answered by the service, nor acts as its user."""
    assert OTHER is not None
    with running_service(secured.place.project):
        assert secured.served() == ""
        left = int(str((ask("status") or {})["left"]))
        (file,) = secured.place.home.glob(".local/state/session-governance/service/*.sock")
        file.chmod(0o666)
        file.parent.chmod(0o711)
        done = subprocess.run(
            [sys.executable, "-I", "-c", OTHERS, str(file.parent), file.name, str(OTHER.pw_uid)],
            capture_output=True,
            text=True,
            timeout=60,
        )
        file.parent.chmod(0o700)
        assert done.stdout.startswith(("b''", "gone")), done
        assert int(str((ask("status") or {})["left"])) == left + 1
        assert secured.served() == ""
