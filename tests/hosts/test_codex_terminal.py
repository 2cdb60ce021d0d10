"""The real Codex in a terminal: what only its terminal can do."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

import pytest
from attrs import define

from governance.states import State
from tests.hosts.codex_client import FULL
from tests.hosts.codex_lab import SHELL, CodexLab
from tests.hosts.model_server import request_text
from tests.hosts.proofs import proves
from tests.hosts.terminal import ENTER, ESCAPE, Terminal

pytestmark = pytest.mark.real_client
ASKING = ("-a", "on-request", "-s", "danger-full-access")
ALONE = ("--disable", "daemon_auto_start")
"""The terminal's own process holds the session, and nothing stays behind it."""


@define(eq=False)
class CodexTerminal(Terminal):
    """
    Codex in a pseudo-terminal.

    Attributes:
        BEGUN: What its screen shows when a session begins, and not before.
    """

    READY: ClassVar[str] = "gpt-5 default"
    BEGUN: ClassVar[str] = ">_ OpenAI Codex"
    LEAVE: ClassVar[str] = "/quit"
    WRITES_WHOLE: ClassVar[bool] = True

    flags: tuple[str, ...] = (*FULL, *ALONE)

    def words(self) -> list[str]:
        return [str(self.client.binary), *self.flags]


@pytest.fixture
def shared_process(codex: CodexLab) -> Iterator[tuple[str, ...]]:
    """Flags of a terminal that hands its session to the client's background process."""
    yield FULL
    # It has a second one beside it, which no command of the client stops.
    copied = f"{codex.client.home}/.codex/packages/".encode()
    for one in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):
            if (one / "cmdline").read_bytes().startswith(copied):
                os.kill(int(one.name), signal.SIGKILL)


@proves("terminal: a person is asked", "codex")
@pytest.mark.parametrize(("key", "runs"), [(ENTER, True), (ESCAPE, False)])
@pytest.mark.parametrize(
    ("command", "file"), [("touch allowed", "allowed"), ("touch CLUMSY", "REWRITTEN")]
)
def test_what_we_let_go_on_is_still_asked_about(
    codex: CodexLab, command: str, file: str, key: str, runs: bool
) -> None:
    """What the person's own rules ask about is asked, also of a call that we have changed."""
    rules = codex.client.home / ".codex" / "rules"
    rules.mkdir()
    line = 'prefix_rule(pattern = ["touch"], decision = "prompt")\n'
    (rules / "default.rules").write_text(line)
    codex.govern()
    codex.script(shell=codex.steps(command))

    with CodexTerminal(codex.client, flags=(*ASKING, *ALONE)) as terminal:
        terminal.type("SCENARIO:shell go")
        terminal.until(f"touch {file}")
        terminal.until("Yes, proceed")
        assert not codex.ran(file)
        terminal.press(key)
        terminal.until("that was all" if runs else "interrupted")

    assert codex.ran(file) == runs
    assert not codex.ran("CLUMSY")


@proves("terminal: interrupted and resumed", "codex")
def test_a_turn_that_is_broken_off_is_interrupted(codex: CodexLab) -> None:
    """Escape interrupts the session; its next prompt resumes it and settles the open call."""
    codex.govern()
    slow = [{"tool": SHELL, "input": {"cmd": "touch begun; sleep 60", "yield_time_ms": 30_000}}]
    codex.script(slow=slow, talk=[{"text": "hello-there"}])

    with CodexTerminal(codex.client) as terminal:
        terminal.type("SCENARIO:slow go")
        codex.until(lambda: codex.ran("begun"))
        terminal.press(ESCAPE)
        (session,) = codex.client_sessions()
        codex.until(lambda: codex.state(session).state is State.INTERRUPTED)
        terminal.type("SCENARIO:talk go")
        terminal.until("hello-there")

    assert codex.client_sessions() == [session]
    kinds = codex.kinds(session)
    broken = kinds.index("session.interrupted")
    assert kinds[broken:].index("session.resumed") < kinds[broken:].index("turn.started")
    (finished,) = codex.rows_of(session, "tool.finished")
    assert finished["outcome"] == "unknown"


@proves("terminal: the session ends with it", "codex")
def test_the_session_ends_with_the_terminal(codex: CodexLab) -> None:
    """Where no other process holds it, leaving the terminal ends the session."""
    codex.govern()
    codex.script(shell=codex.steps("touch FORBIDDEN"))

    with CodexTerminal(codex.client) as terminal:
        terminal.type("SCENARIO:shell go")
        assert "TRIAL-DENIED" in terminal.until("that was all")

    (session,) = codex.client_sessions()
    assert not codex.ran("FORBIDDEN")
    assert codex.state(session).state is State.ENDED


@proves("terminal: holes are where the page says", "codex")
def test_a_cleared_session_is_tied_to_nothing(codex: CodexLab) -> None:
    """`/clear` begins one with a new id, briefed, with an empty ledger; `/new` one as at first."""
    codex.govern()
    codex.script(bad=codex.steps("touch FORBIDDEN"), talk=[{"text": "hello-there"}])

    with CodexTerminal(codex.client) as terminal:
        terminal.type("SCENARIO:bad go")
        terminal.until("that was all")
        (old,) = codex.client_sessions()
        terminal.type("/clear")
        terminal.until(terminal.BEGUN)
        terminal.until(terminal.READY)
        terminal.say("SCENARIO:talk go", "hello-there")
        (new,) = set(codex.client_sessions()) - {old}
        assert codex.state(old).state is State.BETWEEN_TURN
        terminal.type("/new")
        terminal.until(terminal.BEGUN)
        terminal.until(terminal.READY)
        terminal.say("SCENARIO:talk go", "hello-there")
        (third,) = set(codex.client_sessions()) - {old, new}

    assert codex.rows_of(third, "session.created")[0]["source"] == "startup"
    assert codex.rows_of(new, "session.created")[0]["source"] == "clear"
    assert codex.state(new).identity.predecessor == ""
    assert codex.state(new).ledger.counts == {}
    # The client also asks the model for a title, which has no tools and needs no briefing.
    asked = [request_text(one) for one in codex.server.requests]
    assert any("TRIAL-BRIEFING" in one for one in asked if "SCENARIO:talk" in one)


@proves("terminal: holes are where the page says", "codex")
def test_a_session_of_the_shared_process_outlives_the_terminal(
    codex: CodexLab, shared_process: tuple[str, ...]
) -> None:
    """The background process is governed as the terminal is; what it holds does not end."""
    codex.govern()
    codex.script(shell=codex.steps("touch FORBIDDEN", "touch allowed"))

    with CodexTerminal(codex.client, flags=shared_process) as terminal:
        terminal.type("SCENARIO:shell go")
        assert "TRIAL-DENIED" in terminal.until("that was all")

    (session,) = codex.client_sessions()
    assert not codex.ran("FORBIDDEN")
    assert codex.ran("allowed")
    assert codex.state(session).state is State.BETWEEN_TURN
