"""
What the real client must prove, and the table of what it did prove.

A test names its proof with ``@proves("…")``. A proof that no test passed is a blank cell,
and a blank cell is a failure of the whole run.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

import pytest

from governance.testing.host_contract import HostContract

HERE = Path(__file__).parent

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
    "a prompt that another hook refused told nobody",
    "what another hook changed is found",
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
    "fault: the interpreter is gone",
    "fault: the hook is killed",
    "uninstall leaves the very bytes",
    "tool table fits the client's schemas",
    "holes are where the page says",
)

OPENCODE = (
    "briefing in each request, byte for byte",
    "no briefing for the title",
    "tokens of the session, before the next call",
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
    "what another plugin changed is found",
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
    "fork is a branch",
    "sub-agents are child sessions",
    "a child's third violation halts the parent",
    "patches file by file",
    "patches in command lines",
    "patches by the client's own option",
    "patches that nobody can read",
    "parallel calls",
    "what another hook changed is found",
    "interrupted by a failing model",
    "terminal: a person is asked",
    "terminal: interrupted and resumed",
    "terminal: the session ends with it",
    "terminal: holes are where the page says",
    "agent: forging events fails",
    "agent: governing itself fails",
    "fault: bad pack",
    "fault: damaged store",
    "fault: import error",
    "fault: own time-out",
    "fault: the interpreter is gone",
    "fault: the hook is killed",
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
    "clear keeps the ledger",
    "sub-agents are decided as their parent",
    "parallel calls",
    "variables of a repository move nobody's rules",
    "what another hook changed is found",
    "paths as the client reads them",
    "an edit whose file the client looks for",
    "each address of one fetch",
    "interrupted by a failing model",
    "agent: forging events fails",
    "agent: governing itself fails",
    "fault: bad pack",
    "fault: damaged store",
    "fault: import error",
    "fault: own time-out",
    "fault: the interpreter is gone",
    "fault: the hook is killed",
    "uninstall leaves the very bytes",
    "transcript: what ran without us is found",
    "tool table fits the client's schemas",
    "holes are where the page says",
)

HERMES = (
    "briefing in the first request, and it stays",
    "deny blocks, the model reads why",
    "rewrite runs the other command",
    "ask without a person is refused",
    "ask with a person runs after a yes, stops after a no",
    "what is merely allowed is not granted",
    "rewrite grants nothing",
    "ask is denied where the client would say yes itself",
    "withheld output",
    "context after a tool",
    "patches file by file",
    "programs, and the tools that they call",
    "parallel calls",
    "deny holds against another plugin",
    "arguments that another plugin changes are judged",
    "ids that the client leaves out",
    "the guard is there after a reload",
    "sub-agents are child sessions",
    "each session ends once",
    "late events reopen nothing",
    "reset: the next session continues the one before",
    "prompt is refused, and a halt is latched",
    "compaction: the reminder is next",
    "a history that was cut is briefed again",
    "compaction under the same id, and under a new one",
    "gateway: tools",
    "gateway: slash commands are refused and redirected",
    "gateway: a chat without a session",
    "gateway: ends that it forgets",
    "gateway: state, figures, greeting and clean-up of a listener",
    "gateway: compaction",
    "gateway: the guard is armed again",
    "gateway: its registry alone",
    "terminal: the end, and resume of a known id",
    "agent: governing itself fails",
    "fault: missing governance.toml",
    "fault: bad pack",
    "fault: missing store",
    "fault: missing record",
    "fault: import error",
    "fault: own time-out",
    "without us the tool runs",
    "transcript: what ran without us is found",
    "uninstall leaves the very bytes",
    "registered once, by either name",
    "tool table fits the client's schemas",
    "holes are where the page says",
)

PACKAGES: Mapping[str, str] = {
    "agent-hooks": "agent-hooks-sdk",
    "claude-agent-sdk": "claude-agent-sdk",
    "interop": "langgraph",
    "langchain": "langchain",
    "mellea": "mellea",
    "openai-agents": "openai-agents",
    "pydantic-ai": "pydantic-ai-slim",
}
"""Harness in Python whose proofs are functions → its package."""

PINNED: Mapping[str, str] = {**PACKAGES, "hermes": "hermes-agent"}
"""Client in Python → its package, whose version its requirements pin."""


def folder_of(host: str) -> Path:
    """Where the proofs of the harness *host* are."""
    return HERE / host.replace("-", "_")


def functions_of(host: str) -> tuple[str, ...]:
    """
    The functions that prove something of the harness *host*, as its files have them.

    They are read, not imported: nothing here can import the harness.
    """
    return tuple(
        node.name
        for file in sorted(folder_of(host).glob("proofs_*.py"))
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("prove_")
    )


def promises_of(host: str) -> tuple[str, ...]:
    """The tests of the contract of adapters, where the harness *host* is run by it."""
    if not (folder_of(host) / "proofs_contract.py").exists():
        return ()
    return tuple(name for name in dir(HostContract) if name.startswith("test_"))


@cache
def vectors_of(host: str) -> Mapping[str, Mapping[str, str]]:
    """
    The vectors of a conformance kit that the harness *host* is run by.

    Each has its ``part`` of the kit, and the ``seat`` that is missing for it, ``""`` for none.
    """
    file = folder_of(host) / "vectors.toml"
    return tomllib.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def version_of(host: str) -> str:
    """The version of the client *host* in Python that is pinned."""
    pins = (HERE / "clients" / host / "requirements.txt").read_text(encoding="utf-8").split()
    return next(one.partition("==")[2] for one in pins if one.startswith(f"{PINNED[host]}=="))


def _words(host: str, function: str) -> str:
    """How the table speaks of a function, a promise, or a vector."""
    vector = vectors_of(host).get(function)
    if vector is not None:
        return f"vector {function}{', for which a seat is missing' if vector['seat'] else ''}"
    kind, _, rest = function.partition("_")
    told = rest.replace("_", " ")
    return f"contract: {told}" if kind == "test" else told


PROOFS: Mapping[str, tuple[str, ...]] = {
    "claude-code": CLAUDE_CODE,
    "codex": CODEX,
    "gemini-cli": GEMINI_CLI,
    "hermes": HERMES,
    "opencode": OPENCODE,
    **{
        host: tuple(
            _words(host, one)
            for one in (*functions_of(host), *promises_of(host), *vectors_of(host))
        )
        for host in PACKAGES
    },
}
"""Host → what its client must prove."""

PASSED = "passed"


def proves(name: str, host: str = "claude-code") -> pytest.MarkDecorator:
    """Mark a test as the proof *name* of *host*, which must stand in `PROOFS`."""
    assert name in PROOFS[host], f"`{name}` is no proof of {host}"
    return pytest.mark.proof(f"{host}: {name}")


def mark_of(host: str, function: str) -> pytest.MarkDecorator:
    """The mark of the test that shows what *function*, a promise or a vector proves of *host*."""
    return proves(_words(host, function), host)


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
