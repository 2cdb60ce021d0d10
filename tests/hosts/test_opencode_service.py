"""The real OpenCode and the local service: asked through its socket, and done without."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from governance.hooking.command_line import HOOK_FILE
from governance.service.client import ServiceUnreachable, ask
from governance.testing.services import kill_services, running_service, services_of
from tests.hosts.opencode_lab import OpenCodeLab
from tests.hosts.proofs import proves

pytestmark = pytest.mark.real_client
NOISE = """
import sys, time
sys.stdin.buffer.read(5)
sys.stdout.buffer.write(b"A\\0\\0\\0\\2{}")
sys.stdout.buffer.flush()
time.sleep(60)
"""


def served(lab: OpenCodeLab) -> int | None:
    """Calls that the service has answered; none where it has not the project open."""
    with contextlib.suppress(ServiceUnreachable):
        told = ask("status") or {}
        if str(lab.project) in str(told.get("projects")):
            return int(str(told["answered"]))
    return None


@contextlib.contextmanager
def only_a_service(lab: OpenCodeLab) -> Iterator[None]:
    """A governed project that a service has open, and whose hook is gone."""
    lab.govern()
    # Before the client loads the plugin, for it does so once.
    lab.edit_plugin({"hook": "/nowhere/hook.py"})
    kill_services(lab.client.home)
    with running_service(lab.project):
        yield


def started(lab: OpenCodeLab) -> str:
    """A session of a governed project whose service has it open; the session."""
    # One that has lost the project of an earlier test opens no other, and ends.
    kill_services(lab.client.home)
    lab.govern()
    session = lab.bash("touch first")
    assert lab.ran("first")
    lab.until(lambda: served(lab) is not None)
    return session


def decided(lab: OpenCodeLab, session: str) -> list[str]:
    """What was decided of the session's calls, each once."""
    rows = lab.rows_of(session, "tool.decided")
    assert len({one["call_id"] for one in rows}) == len(rows)
    return [str(one["action"]) for one in rows]


@proves("service: its socket is all that is asked", "opencode")
def test_service_decides(opencode: OpenCodeLab) -> None:
    """Where a service has the project, no hook is started: one that is gone is not missed."""
    with only_a_service(opencode):
        session = opencode.bash("touch one", "touch FORBIDDEN", "touch two")
        assert (served(opencode) or 0) > 6
    assert (opencode.ran("one"), opencode.ran("two")) == (True, True)
    assert not opencode.ran("FORBIDDEN")
    assert decided(opencode, session) == ["allow", "deny", "allow"]


@proves("service: killed in the middle", "opencode")
def test_killed_service_is_done_without(opencode: OpenCodeLab) -> None:
    """Killed between two calls of a turn: the next one is decided, and another one starts."""
    session = started(opencode)
    home = opencode.client.home
    first, second, third, done = opencode.steps("touch FORBIDDEN", "touch two", "touch three")
    fault = {"before": lambda: kill_services(home)}
    opencode.script(work=[{**first, **fault}, {**second, **fault}, third, done])

    opencode.say("SCENARIO:work go", session)

    assert not opencode.ran("FORBIDDEN")
    assert (opencode.ran("two"), opencode.ran("three")) == (True, True)
    assert decided(opencode, session) == ["allow", "deny", "allow", "allow"]
    opencode.until(lambda: opencode.kinds(session).count("turn.ended") == 2)
    opencode.until(lambda: served(opencode) is not None)


@proves("service: hanging", "opencode")
def test_hanging_service_is_done_without(opencode: OpenCodeLab) -> None:
    """Stopped by somebody, it costs a second, and is ended by the hook that missed it."""
    session = started(opencode)
    home = opencode.client.home
    (pid,) = services_of(home)
    first, second, done = opencode.steps("touch FORBIDDEN", "touch two")
    fault = {"before": lambda: os.kill(pid, signal.SIGSTOP)}
    opencode.script(work=[{**first, **fault}, second, done])
    begun = time.monotonic()

    opencode.say("SCENARIO:work go", session)

    assert time.monotonic() - begun < 40
    assert not opencode.ran("FORBIDDEN")
    assert opencode.ran("two")
    assert decided(opencode, session) == ["allow", "deny", "allow"]
    opencode.until(lambda: pid not in services_of(home))


@proves("service: of another version", "opencode")
def test_service_of_another_version_is_replaced(opencode: OpenCodeLab) -> None:
    """An installation that is replaced while the client runs: nothing old answers any more."""
    opencode.govern()
    package = opencode.own_installation()
    session = opencode.bash("touch first")
    home = opencode.client.home

    def services() -> list[int]:
        found = []
        for one in services_of(home):
            # It may have ended in between.
            with contextlib.suppress(OSError):
                if str(package).encode() in Path(f"/proc/{one}/cmdline").read_bytes():
                    found.append(one)
        return found

    opencode.until(lambda: services() != [])
    (old,) = services()
    client = package / HOOK_FILE.parent.name / "hook_client.py"
    first, second, done = opencode.steps("touch FORBIDDEN", "touch two")
    fault = {"before": lambda: os.utime(client)}
    opencode.script(work=[{**first, **fault}, second, done])

    opencode.say("SCENARIO:work go", session)

    assert not opencode.ran("FORBIDDEN")
    assert opencode.ran("two")
    assert decided(opencode, session) == ["allow", "deny", "allow"]
    opencode.until(lambda: old not in services())


@proves("service: no sense in its answers", "opencode")
def test_answers_without_sense_are_done_without(opencode: OpenCodeLab) -> None:
    """What comes in place of an answer decides nothing: a hook does."""
    opencode.govern()
    noise = opencode.project / "noise.py"
    noise.write_text(NOISE)
    opencode.edit_plugin({"relay": str(noise)})

    session = opencode.bash("touch FORBIDDEN", "touch two")

    assert not opencode.ran("FORBIDDEN")
    assert opencode.ran("two")
    assert decided(opencode, session) == ["deny", "allow"]


@proves("service: gone with the hook", "opencode")
def test_service_and_hook_both_gone_deny(opencode: OpenCodeLab) -> None:
    """Neither a service nor a hook: the tool does not run, and the model reads why."""
    home = opencode.client.home
    first, second, done = opencode.steps("touch one", "touch two")
    opencode.script(work=[first, {**second, "before": lambda: kill_services(home)}, done])
    with only_a_service(opencode):
        opencode.say("SCENARIO:work go")
    assert opencode.ran("one")
    assert not opencode.ran("two")
    assert "governance cannot decide" in opencode.results_seen()[-1]


@proves("service: nothing is left of a client", "opencode")
def test_client_leaves_no_process(opencode_alone: OpenCodeLab) -> None:
    """After a run of the client that asked a service nothing of ours is left but the service."""
    lab = opencode_alone
    lab.govern()
    for name in ("one", "two"):
        lab.script(shell=lab.steps(f"touch {name}"))
        lab.run("SCENARIO:shell go")
        lab.until(lambda: served(lab) is not None)
    assert (lab.ran("one"), lab.ran("two")) == (True, True)
    assert (served(lab) or 0) > 4
    assert lab.processes("hook_relay.py") == []
