"""Whatever breaks while a real client with command hooks is at work, the tool does not run."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from tests.hosts.codex_lab import CodexLab
from tests.hosts.gemini_lab import GeminiLab
from tests.hosts.governed import OWN_PACK, spoil
from tests.hosts.proofs import proves

pytestmark = pytest.mark.real_client
FIXTURES = {"codex": "codex", "gemini-cli": "gemini"}
"""Host → the fixture of its lab."""


@pytest.fixture
def lab(request: pytest.FixtureRequest) -> CodexLab | GeminiLab:
    """The lab of the host that the test is for."""
    made: CodexLab | GeminiLab = request.getfixturevalue(FIXTURES[request.param])
    return made


def of_both(name: str) -> pytest.MarkDecorator:
    """The test is the proof *name* of each of the hosts."""
    hosts = [pytest.param(host, marks=proves(name, host), id=host) for host in FIXTURES]
    return pytest.mark.parametrize("lab", hosts, indirect=True)


def broken_between_calls(lab: CodexLab | GeminiLab, fault: Callable[[], object]) -> str:
    """Break something between two calls of one turn; what the model read of the second."""
    first, second, done = lab.steps("touch first", "touch second")
    lab.script(work=[first, {**second, "before": fault}, done])
    lab.run("SCENARIO:work go")
    assert lab.ran("first"), "the client was at work before the fault"
    assert not lab.ran("second"), "the tool ran in spite of the fault"
    told = lab.results_seen()[-1]
    before = len(lab.server.requests)
    lab.again("SCENARIO:work again")
    assert len(lab.server.requests) == before, "a prompt reached the model in spite of the fault"
    return told


@of_both("fault: bad pack")
def test_bad_pack_denies(lab: CodexLab | GeminiLab) -> None:
    """A pack that cannot be read refuses everything, by name."""
    lab.govern()
    pack = lab.project / "rules" / "pack.toml"

    told = broken_between_calls(lab, lambda: pack.write_text(pack.read_text() + "\nx = \n"))

    assert "pack.toml" in told


@of_both("fault: damaged store")
def test_damaged_store_denies(lab: CodexLab | GeminiLab) -> None:
    """A store that is no store any more refuses, and is left as it is."""
    lab.govern()

    told = broken_between_calls(lab, lab.damage_store)

    assert "journal.db" in told
    assert lab.store.read_bytes().startswith(b"\x00not a store")


@of_both("fault: import error")
def test_broken_installation_denies(lab: CodexLab | GeminiLab) -> None:
    """An engine that cannot be imported refuses, and says what is missing."""
    lab.govern()
    lab.without_service()
    package = lab.own_installation()

    told = broken_between_calls(lab, partial(spoil, package))

    assert "nothing_of_that_name" in told


@of_both("fault: own time-out")
def test_own_time_out_denies(lab: CodexLab | GeminiLab) -> None:
    """A decision that takes too long is a deny of ours."""
    lab.govern(OWN_PACK + f"\n[hosts.{lab.HOST}]\ndeadline_ms = 8000\n")
    lab.without_service()
    package = lab.own_installation()
    answer = package / "hosts" / lab.HOST.replace("-", "_") / "answer.py"
    slow = answer.read_text().replace(
        "    if not replies:", "    import time\n\n    time.sleep(60)\n    if not replies:", 1
    )
    assert slow != answer.read_text()

    told = broken_between_calls(lab, lambda: answer.write_text(slow))

    assert "8000 ms" in told


@of_both("fault: the interpreter is gone")
def test_interpreter_that_is_gone_denies(lab: CodexLab | GeminiLab) -> None:
    """Where the hook cannot be started the shell before it refuses."""
    lab.govern()
    interpreter = lab.own_interpreter()

    told = broken_between_calls(lab, interpreter.unlink)

    assert "governance doctor" in told


@of_both("fault: the hook is killed")
def test_hook_that_is_killed_denies(lab: CodexLab | GeminiLab) -> None:
    """Where the hook is killed, as by a system without memory, the shell before it refuses."""
    lab.govern()
    interpreter = lab.own_interpreter()

    told = broken_between_calls(lab, lambda: interpreter.write_text("#!/bin/sh\nkill -9 $$\n"))

    assert "governance doctor" in told
