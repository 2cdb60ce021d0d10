"""Whatever breaks while the real OpenCode is at work, the tool does not run."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from governance.hooking.command_line import HOOK_FILE
from governance.states import State
from tests.hosts.governed import OWN_PACK, spoil
from tests.hosts.opencode_lab import OpenCodeLab
from tests.hosts.proofs import proves

pytestmark = pytest.mark.real_client
SHORT = OWN_PACK + "\n[hosts.opencode]\ndeadline_ms = 8000\n"

ALONE = "\n[service]\nenabled = false\n"
"""Hooks decide by themselves: a service would go on with the code that it has loaded."""


def broken_between_calls(lab: OpenCodeLab, fault: Callable[[], object]) -> str:
    """Break something between two calls of one turn; what the model read of the second."""
    first, second, done = lab.steps("touch first", "touch second")
    lab.script(work=[first, {**second, "before": fault}, done])
    session = lab.say("SCENARIO:work go")
    assert lab.ran("first"), "the client was at work before the fault"
    assert not lab.ran("second"), "the tool ran in spite of the fault"
    told = lab.results_seen()[-1]
    before = len(lab.work())
    lab.say("SCENARIO:work again", session)
    assert len(lab.work()) == before, "a prompt reached the model in spite of the fault"
    return told


@proves("fault: bad pack", "opencode")
def test_bad_pack_denies(opencode: OpenCodeLab) -> None:
    """A pack that cannot be read refuses everything, by name."""
    opencode.govern()
    pack = opencode.project / "rules" / "pack.toml"

    told = broken_between_calls(opencode, lambda: pack.write_text(pack.read_text() + "\nx = \n"))

    assert "pack.toml" in told


@proves("fault: the engine is gone", "opencode")
def test_engine_that_is_gone_denies(opencode: OpenCodeLab) -> None:
    """Where no service is and the engine cannot even be started the plugin refuses by itself."""
    opencode.govern(OWN_PACK + ALONE)
    python = opencode.project / "python"
    python.symlink_to(sys.executable)
    opencode.edit_plugin({"python": str(python)})

    told = broken_between_calls(opencode, python.unlink)

    assert "cannot be started" in told


@proves("fault: damaged store", "opencode")
def test_damaged_store_denies(opencode: OpenCodeLab) -> None:
    """A store that is no store any more refuses, and is left as it is."""
    opencode.govern()

    told = broken_between_calls(opencode, opencode.damage_store)

    assert "journal.db" in told
    assert opencode.store.read_bytes().startswith(b"\x00not a store")


@proves("fault: import error", "opencode")
def test_broken_installation_denies(opencode: OpenCodeLab) -> None:
    """An engine that cannot be imported refuses, and says what is missing."""
    opencode.govern(OWN_PACK + ALONE)
    package = opencode.own_installation()

    told = broken_between_calls(opencode, partial(spoil, package))

    assert "nothing_of_that_name" in told


@proves("fault: own time-out", "opencode")
def test_own_time_out_denies(opencode: OpenCodeLab) -> None:
    """A decision that takes too long is a deny of ours."""
    opencode.govern(SHORT + ALONE)
    package = opencode.own_installation()
    answer = package / "hosts" / "opencode" / "answer.py"
    slow = answer.read_text().replace(
        "    if not replies:", "    import time\n\n    time.sleep(60)\n    if not replies:", 1
    )
    assert slow != answer.read_text()

    told = broken_between_calls(opencode, lambda: answer.write_text(slow))

    assert "8000 ms" in told


@proves("fault: no sense in the answer", "opencode")
def test_answer_without_sense_denies(opencode: OpenCodeLab) -> None:
    """An answer that is not understood to the last key is a deny."""
    opencode.govern()
    mad, script = opencode.project / "mad", opencode.project / "script.py"
    allow = {"governance": 1, "event": "tool.execute.before", "action": "allow", "new": 1}
    script.write_text(
        "import os, sys\n"
        f"if os.path.exists({str(mad)!r}):\n"
        "    sys.stdin.read()\n"
        f"    print({json.dumps(allow)!r})\n"
        "    sys.exit(0)\n"
        f"words = ['-I', '-S', {str(HOOK_FILE)!r}, *sys.argv[1:]]\n"
        "os.execv(sys.executable, [sys.executable, *words])\n"
    )
    opencode.point_hooks_at(script)

    told = broken_between_calls(opencode, mad.touch)

    assert "`new`" in told


@proves("agent: forging events fails", "opencode")
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="platform: no /proc")
def test_agent_cannot_forge_events(opencode: OpenCodeLab) -> None:
    """What an agent's shell tells the hook is not believed: the session has not ended."""
    opencode.govern()
    payload = '{"hook_event_name": "session.deleted", "session_id": "%s", "parent_id": ""}'
    sent = opencode.forging("session.deleted", payload, "$GOVERNANCE_OPENCODE_SESSION")

    session = opencode.bash(sent, f"env -i sh -c {shlex.quote(sent)}", "touch still")

    assert opencode.ran("still")
    assert opencode.state(session).state is State.BETWEEN_TURN
    assert "session.ended" not in opencode.kinds(session)
    assert session in (opencode.project / ".governance" / "governance.log").read_text()


@proves("agent: governing itself fails", "opencode")
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="platform: no /proc")
def test_agent_cannot_govern_itself(opencode: OpenCodeLab) -> None:
    """An agent that pardons itself or uninstalls is refused, however it hides."""
    opencode.govern()
    session = opencode.bash("touch FORBIDDEN")
    plugin = opencode.plugin_file.read_text()

    opencode.bash(*opencode.governing_itself(session), session=session)

    assert all("is a person's" in told for told in opencode.results_seen()[-3:])
    assert opencode.plugin_file.read_text() == plugin
    assert opencode.state(session).ledger.counts["high"] == 1
