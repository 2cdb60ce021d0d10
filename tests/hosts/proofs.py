"""
What the real client must prove, and the table of what it did prove.

A test names its proof with ``@proves("…")``. A proof that no test passed is a blank cell,
and a blank cell is a failure of the whole run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pytest

CLAUDE_CODE = (
    "briefing in the first request",
    "deny blocks, the model reads why",
    "deny holds in bypass mode",
    "ask without a person is refused",
    "ask with a person runs after a yes",
    "ask with a person stops after a no",
    "rewrite grants nothing",
    "what is merely allowed is not granted",
    "prompt is refused",
    "context after a tool",
    "withheld output",
    "compaction: the reminder is next",
    "resume after 0 s: the briefing is still there",
    "resume after 2 h",
    "resume after 3 days",
    "resume after 9 days",
    "clear keeps the ledger",
    "fork is a branch",
    "sub-agents are child sessions",
    "a child's third violation halts the parent",
    "parallel calls",
    "interrupted by a failing model",
    "terminal: deny, and the status line",
    "terminal: a person is asked",
    "terminal: the session ends with it",
    "terminal: holes are where the page says",
    "agent: approve fails",
    "agent: pardon fails",
    "agent: uninstall fails",
    "agent: pause fails",
    "agent: trust fails",
    "agent: the rules refuse first",
    "agent: forging events fails",
    "agent: a client of its own is refused",
    "agent: editing a pack fails",
    "agent: editing the settings fails",
    "agent: editing the store fails",
    "agent: what lies outside the project",
    "agent: holes are where the page says",
    "killed before the flush: unbriefed",
    "fault: bad pack",
    "fault: missing pack",
    "fault: missing governance.toml",
    "fault: unwritable folder",
    "fault: locked store",
    "fault: damaged store",
    "fault: missing store",
    "fault: import error",
    "fault: no memory",
    "fault: own time-out",
    "uninstall leaves the very bytes",
    "tool table fits the client's schemas",
    "holes are where the page says",
)

OPENCODE = (
    "briefing in each request, byte for byte",
    "no briefing for the title",
    "deny blocks, the model reads why",
    "ask is denied",
    "rewrite grants nothing",
    "what is merely allowed is not granted",
    "permission events are recorded",
    "prompt is refused",
    "slash command is refused, and counts in a chain",
    "context after a tool",
    "withheld output",
    "compaction: what to keep, and the reminder",
    "compaction cannot be refused",
    "resume of a known id",
    "resume after a crash",
    "broken off",
    "interrupted by a failing model",
    "sub-agents are child sessions",
    "a child's third violation halts the parent",
    "deletion ends",
    "patches file by file",
    "tools of servers, by their server",
    "parallel calls",
    "agent: forging events fails",
    "agent: governing itself fails",
    "fault: bad pack",
    "fault: the engine is gone",
    "fault: damaged store",
    "fault: import error",
    "fault: own time-out",
    "fault: no sense in the answer",
    "service: its socket is all that is asked",
    "service: killed in the middle",
    "service: hanging",
    "service: of another version",
    "service: no sense in its answers",
    "service: gone with the hook",
    "service: nothing is left of a client",
    "transcript: what ran without us is found",
    "uninstall leaves the very bytes",
    "tool table fits the client's schemas",
    "holes are where the page says",
)

CODEX = (
    "briefing in the first request",
    "deny blocks, the model reads why",
    "ask is denied",
    "rewrite grants nothing",
    "what is merely allowed is not granted",
    "prompt is refused",
    "context after a tool",
    "withheld output",
    "compaction: the reminder is next",
    "resume after 0 s: the briefing is still there",
    "resume after 3 days",
    "sub-agents are child sessions",
    "a child's third violation halts the parent",
    "patches file by file",
    "patches in command lines",
    "parallel calls",
    "interrupted by a failing model",
    "agent: forging events fails",
    "agent: governing itself fails",
    "fault: bad pack",
    "fault: damaged store",
    "fault: import error",
    "fault: own time-out",
    "transcript: what ran without us is found",
    "uninstall leaves the very bytes",
    "what the client trusts is what we wrote",
    "tool table fits the client's schemas",
    "holes are where the page says",
)

GEMINI_CLI = (
    "briefing in the first request",
    "deny blocks, the model reads why",
    "ask is denied",
    "rewrite grants nothing",
    "what is merely allowed is not granted",
    "prompt is refused",
    "context after a tool",
    "withheld output",
    "PreCompress is no compaction",
    "resume after 0 s: the briefing is still there",
    "resume after 3 days",
    "sub-agents are decided as their parent",
    "parallel calls",
    "interrupted by a failing model",
    "agent: forging events fails",
    "agent: governing itself fails",
    "fault: bad pack",
    "fault: the engine is gone",
    "fault: damaged store",
    "fault: import error",
    "fault: own time-out",
    "uninstall leaves the very bytes",
    "tool table fits the client's schemas",
    "holes are where the page says",
)

PROOFS: Mapping[str, tuple[str, ...]] = {
    "claude-code": CLAUDE_CODE,
    "codex": CODEX,
    "gemini-cli": GEMINI_CLI,
    "opencode": OPENCODE,
}
"""Host → what its client must prove."""

PASSED = "passed"


def proves(name: str, host: str = "claude-code") -> pytest.MarkDecorator:
    """Mark a test as the proof *name* of *host*, which must stand in `PROOFS`."""
    assert name in PROOFS[host], f"`{name}` is no proof of {host}"
    return pytest.mark.proof(f"{host}: {name}")


def cells(reports: Iterable[pytest.TestReport]) -> Mapping[str, str]:
    """``host: proof`` → ``passed`` or ``FAILED``; a proof that did not run is not in it."""
    found: dict[str, str] = {}
    for report in reports:
        if report.when != "call" and report.passed:
            continue
        for name in (str(value) for key, value in report.user_properties if key == "proof"):
            good = report.passed and found.get(name, PASSED) == PASSED
            found[name] = PASSED if good else "FAILED"
    return found


def unproved(found: Mapping[str, str]) -> list[str]:
    """The proofs, of all hosts, that no test has passed."""
    wanted = [f"{host}: {name}" for host, names in PROOFS.items() for name in names]
    return [one for one in wanted if found.get(one) != PASSED]


def table(found: Mapping[str, str], host: str, version: str) -> list[str]:
    """The table's lines for one host: a proof a row, blank where nothing was proved."""
    width = max(map(len, PROOFS[host]))
    head = f"{'proof':<{width}}  {host} {version}"
    rows = [(name, found.get(f"{host}: {name}", "")) for name in PROOFS[host]]
    return [head, *(f"{name:<{width}}  {cell}".rstrip() for name, cell in rows)]
