"""The real Claude Code in a terminal: what a person sees, and what no hook sees."""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar, Self

import pytest

from tests.hosts.claude_client import API_KEY
from tests.hosts.lab import Lab
from tests.hosts.model_server import request_text
from tests.hosts.proofs import proves
from tests.hosts.terminal import ENTER, ESCAPE, Terminal

pytestmark = pytest.mark.real_client
PAGE = Path(__file__).parents[2] / "docs" / "hosts" / "claude-code.md"


class ClaudeTerminal(Terminal):
    """Claude Code in a pseudo-terminal."""

    READY: ClassVar[str] = "for agents"
    LEAVE: ClassVar[str] = "/exit"

    def words(self) -> list[str]:
        return [str(self.client.binary), "--model", "claude-sonnet-4-5"]

    def __enter__(self) -> Self:
        # What the client asks of whoever starts it for the first time is answered already.
        known = {
            "hasCompletedOnboarding": True,
            "theme": "dark",
            "customApiKeyResponses": {"approved": [API_KEY[-20:]], "rejected": []},
            "projects": {str(self.client.project): {"hasTrustDialogAccepted": True}},
        }
        (self.client.home / ".claude.json").write_text(json.dumps(known))
        return super().__enter__()


def sessions(lab: Lab) -> list[str]:
    """The client's sessions, in the order in which they began; not the project's own journal."""
    found = [one for one in lab.sessions() if not one.startswith("@")]
    with lab.engine() as engine:
        return sorted(found, key=lambda one: engine.journal.read(one, limit=1)[0].at_ms)


def shell(*commands: str) -> dict[str, list[dict[str, object]]]:
    """A script in which the model calls the shell for each of *commands*."""
    steps: list[dict[str, object]] = [
        {"tool": "Bash", "input": {"command": one}} for one in commands
    ]
    return {"shell": [*steps, {"text": "that was all"}]}


@proves("terminal: deny, and the status line")
def test_a_denial_is_seen_and_so_is_the_state(lab: Lab) -> None:
    """The tool does not run, the model reads why, and the person sees both and the count."""
    lab.govern()
    lab.script(**shell("touch FORBIDDEN"))

    with ClaudeTerminal(lab.client) as terminal:
        terminal.type("SCENARIO:shell go")
        seen = terminal.until("that was all")
        terminal.until("1 violation")

    assert not lab.ran("FORBIDDEN")
    assert "TRIAL-DENIED" in seen
    # The client also asks the model for a title, which has no tools and needs no briefing.
    first = next(one for one in lab.server.requests if one.get("tools"))
    assert request_text(first).count("TRIAL-BRIEFING") == 1
    assert "TRIAL-DENIED: this is forbidden here." in lab.results_seen()[0]


@proves("terminal: a person is asked")
@pytest.mark.parametrize(("key", "runs"), [(ENTER, True), (ESCAPE, False)])
def test_a_person_is_asked(lab: Lab, key: str, runs: bool) -> None:
    """Our question stands in the client's own dialog, and what is pressed there counts."""
    lab.govern()
    lab.script(**shell("touch QUESTION"))

    with ClaudeTerminal(lab.client) as terminal:
        terminal.type("SCENARIO:shell go")
        terminal.until("TRIAL-ASKED")
        terminal.press(key)
        terminal.until("that was all" if runs else "Interrupted")

    assert lab.ran("QUESTION") == runs
    (session,) = sessions(lab)
    decided = [data["action"] for kind, data in lab.rows(session) if kind == "tool.decided"]
    assert decided == ["ask"]


@proves("terminal: the session ends with it")
def test_the_session_ends_with_the_terminal(lab: Lab) -> None:
    """`/clear` goes on with the ledger, and closing the client ends the session."""
    lab.govern()
    again = [{"tool": "Bash", "input": {"command": "touch FORBIDDEN"}}, {"text": "enough of that"}]
    lab.script(**shell("touch FORBIDDEN"), again=again)

    with ClaudeTerminal(lab.client) as terminal:
        terminal.type("SCENARIO:shell go")
        terminal.until("that was all")
        terminal.type("/clear")
        lab.until(lambda: len(sessions(lab)) == 2)
        terminal.type("SCENARIO:again go")
        terminal.until("enough of that")

    first, second = sessions(lab)
    lab.until(lambda: lab.kinds(second)[-1] == "session.ended")
    assert "session.ended" in lab.kinds(first)
    assert lab.state(second).ledger.counts["high"] == 2


@proves("terminal: holes are where the page says")
def test_what_a_person_types_behind_a_mark_is_the_person_s(lab: Lab) -> None:
    """`!` runs a command without a tool call, also one that is denied to the model."""
    lab.govern()

    with ClaudeTerminal(lab.client) as terminal:
        terminal.type("!touch FORBIDDEN")
        terminal.until("no scenario was named")

    assert lab.ran("FORBIDDEN")
    assert "tool.decided" not in [kind for one in sessions(lab) for kind in lab.kinds(one)]
    assert "**`!` commands.**" in PAGE.read_text()
