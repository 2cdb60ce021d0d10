"""The real Codex's own transcripts against our journal: what ran without us."""

from __future__ import annotations

import time

import pytest

from governance.cli.examining import CHECKS, Check, Surroundings
from governance.hosts.codex.transcripts import find_transcripts
from governance.project import Project
from tests.hosts.codex_client import FULL
from tests.hosts.codex_lab import CodexLab
from tests.hosts.model_server import Step
from tests.hosts.proofs import proves

pytestmark = pytest.mark.real_client
LATER_MS = 120_000
"""So that no call is too young to be missed."""

OTHERS: list[Step] = [
    {"tool": "update_plan", "input": {"plan": [{"step": "s", "status": "pending"}]}},
    {"text": "done"},
]


def looked(lab: CodexLab) -> Check:
    """What `doctor` finds of the heartbeat."""
    now_ms = int(time.time() * 1000) + LATER_MS
    return CHECKS["heartbeat"](Surroundings(Project(lab.project), now_ms, lab.client.environment()))


@proves("transcript: what ran without us is found", "codex")
def test_calls_without_us_are_found(codex: CodexLab) -> None:
    """Calls of a client without hooks are found once, and no other call is taken for one."""
    codex.govern()
    codex.bash("touch FORBIDDEN", "touch one", "exit 3")
    session = codex.session
    codex.script(others=OTHERS)
    codex.run("SCENARIO:others go")
    assert codex.ran("one")
    found = {
        one.session: one for one in find_transcripts(codex.project, codex.client.environment())
    }
    assert len(found) == 2
    asked = {one.call_id for one in found[session].calls()}
    assert len(asked) == 3
    assert looked(codex).findings == ()

    codex.bash("touch FORBIDDEN", "touch two", flags=(*FULL, "--disable", "hooks"))
    assert codex.ran("FORBIDDEN")

    (gap,) = looked(codex).findings
    assert gap.code == "GOV641"
    assert f"2 calls of session {codex.session} of codex" in gap.message
    (row,) = codex.rows_of("@project", "guard.gap")
    assert (row["host"], row["missed"]) == ("codex", 2)
    assert looked(codex).findings == ()
