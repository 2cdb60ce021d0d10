"""The real Gemini CLI's own transcripts against our journal: what ran without us."""

from __future__ import annotations

import json
import time

import pytest

from governance.cli.examining import CHECKS, Check, Surroundings
from governance.hosts.gemini_cli.tools import SHELL
from governance.hosts.gemini_cli.transcripts import find_transcripts
from governance.project import Project
from tests.hosts.gemini_lab import GeminiLab
from tests.hosts.proofs import proves

pytestmark = pytest.mark.real_client
LATER_MS = 120_000
"""So that no call is too young to be missed."""


def looked(lab: GeminiLab) -> Check:
    """What `doctor` finds of the heartbeat."""
    now_ms = int(time.time() * 1000) + LATER_MS
    return CHECKS["heartbeat"](Surroundings(Project(lab.project), now_ms, lab.client.environment()))


@proves("transcript: what ran without us is found", "gemini-cli")
def test_calls_without_us_are_found(gemini: GeminiLab) -> None:
    """Calls of a client without hooks are found once, and no other call is taken for one."""
    gemini.govern()
    same = (SHELL, {"command": "touch same", "description": "d"})
    gemini.script(
        all=[
            *gemini.steps("touch FORBIDDEN", "touch CLUMSY", "touch one", "exit 3")[:-1],
            {"tools": [same, same]},
            {"tool": "invoke_agent",
             "input": {"agent_name": "generalist", "prompt": "SCENARIO:child go"}},
            {"tool": "read_file", "input": {"file_path": "nowhere.txt"}},
            {"text": "that was all"},
        ],
        child=gemini.steps("touch of-child"),
    )  # fmt: skip
    gemini.run("SCENARIO:all go")
    assert [gemini.ran(one) for one in ("REWRITTEN", "one", "same", "of-child")] == [True] * 4
    session = gemini.session
    (found,) = find_transcripts(gemini.project, gemini.client.environment())
    assert found.session == session
    assert len(list(found.calls())) == 7
    assert looked(gemini).findings == ()

    switch = gemini.client.home / ".gemini" / "settings.json"
    on = switch.read_text()
    switch.write_text(json.dumps({**json.loads(on), "hooksConfig": {"enabled": False}}))
    gemini.script(again=[{"tools": [same]}, *gemini.steps("touch FORBIDDEN")])
    gemini.run("SCENARIO:again go", "--resume", session)
    switch.write_text(on)
    assert gemini.ran("FORBIDDEN")

    (gap,) = looked(gemini).findings
    assert gap.code == "GOV641"
    assert f"2 calls of session {session} of gemini-cli" in gap.message
    (row,) = gemini.rows_of(session, "guard.gap")
    assert (row["host"], row["missed"]) == ("gemini-cli", 2)
    assert looked(gemini).findings == ()
