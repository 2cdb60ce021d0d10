"""The real OpenCode's own record of its sessions against our journal: what ran without us."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from governance.cli.examining import CHECKS, Check, Surroundings
from governance.hosts.opencode.settings import INSTALLER
from governance.hosts.opencode.transcripts import database_of, find_transcripts
from governance.project import Project
from tests.hosts.opencode_lab import OpenCodeLab
from tests.hosts.proofs import proves

pytestmark = pytest.mark.real_client
LATER_MS = 120_000
"""So that no call is too young to be missed."""


def looked(lab: OpenCodeLab) -> Check:
    """What `doctor` finds of the heartbeat."""
    now_ms = int(time.time() * 1000) + LATER_MS
    around = Surroundings(Project(lab.project), now_ms, lab.client.environment())
    return CHECKS["heartbeat"](around)


@proves("transcript: what ran without us is found", "opencode")
def test_calls_without_us_are_found(opencode_alone: OpenCodeLab) -> None:
    """Calls of a client without plugins are found once, and no other call is taken for one."""
    lab = opencode_alone
    (lab.project / "opencode.json").write_text(json.dumps({"permission": {"bash": "allow"}}))
    lab.govern()
    patch = "*** Begin Patch\n*** Add File: a.txt\n+a\n*** Add File: b.txt\n+b\n*** End Patch"
    task = {"description": "d", "subagent_type": "general", "prompt": "SCENARIO:child go"}
    lab.script(
        shell=lab.steps("touch FORBIDDEN", "touch one", "exit 3"),
        child=lab.steps("touch of-child"),
        task=[{"tool": "task", "input": task}, {"text": "done"}],
        patch=[{"tool": "apply_patch", "input": {"patchText": patch}}, {"text": "done"}],
    )
    with lab.client.serve() as served:
        place = served.at(lab.project)
        session = place.session()
        for name in ("shell", "task"):
            place.say(session, f"SCENARIO:{name} go")
        gpt = {"model": {"providerID": "scripted", "modelID": "gpt-5-model"}}
        place.say(session, "SCENARIO:patch go", **gpt)
        # What a person types after `!` is the person's.
        place.call("POST", f"/session/{session}/shell", {"agent": "build", "command": "touch two"})
    assert [lab.ran(one) for one in ("one", "of-child", "a.txt", "b.txt", "two")] == [True] * 5
    environment = lab.client.environment()
    found = find_transcripts(lab.project, environment)
    calls = {one.session: [call.call_id for call in one.calls()] for one in found}
    assert session in calls
    assert len(calls) == 2, "the session and its child"
    assert len(set(calls[session])) == 5
    assert looked(lab).findings == ()

    lab.run("SCENARIO:shell go", "--pure", "--session", session)
    assert lab.ran("FORBIDDEN")

    (gap,) = looked(lab).findings
    assert gap.code == "GOV641"
    assert f"3 calls of session {session}" in gap.message
    (row,) = lab.rows_of(session, "guard.gap")
    assert (row["host"], row["missed"]) == ("opencode", 3)
    assert looked(lab).findings == ()


def test_database_is_read_alone(opencode_alone: OpenCodeLab) -> None:
    """Looking changes nothing that the client has written; one that is none has no sessions."""
    lab = opencode_alone
    lab.govern()
    lab.script(shell=lab.steps("touch one"))
    lab.run("SCENARIO:shell go")
    environment = lab.client.environment()
    file = database_of(environment)
    assert file is not None

    def files() -> dict[str, bytes]:
        # What readers and writers share of their memory is no data.
        found = [one for one in file.parent.glob("*.db*") if not one.name.endswith("-shm")]
        return {one.name: one.read_bytes() for one in found}

    before = files()

    (one,) = find_transcripts(lab.project, environment)
    assert len(list(one.calls())) == 1

    assert files() == before
    assert INSTALLER.record(lab.project).is_file()
    assert find_transcripts(lab.project / "elsewhere", environment) == ()
    for name in (":memory:", "other.db", os.devnull, str(Path(__file__))):
        assert find_transcripts(lab.project, {**environment, "OPENCODE_DB": name}) == ()
