"""
Who calls a hook: the client, or the agent that is to be governed by it.

The client starts its hooks itself. A hook that runs below the shell of an agent was called
by that agent, whose payload would say whatever suits it: that a person had answered, that
the model had been briefed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from governance.hosts.claude_code.payload import PayloadRefused
from governance.hosts.claude_code.processes import Process

SHELL_MARK = "CLAUDE_CODE_EXECPATH"
"""Set for the shell of the client's tools, and not for its hooks."""

SESSION_MARK = "CLAUDE_CODE_SESSION_ID"


class Forged(PayloadRefused):
    """A payload that did not come from the client, but from an agent below it."""


def refuse_agents(above: Iterable[Process], governs: Callable[[str], bool]) -> None:
    """
    Return quietly unless a shell of an agent stands among the processes *above*.

    Only agents of sessions that this project *governs* count: a project may well be tried
    out from the shell of an agent elsewhere.

    Raises:
        Forged: One does. That a client is run from such a shell makes no difference: its
            hooks could not be told from the agent's own.
    """
    for process in above:
        session = process.environment.get(SESSION_MARK, "")
        if SHELL_MARK in process.environment and session and governs(session):
            raise Forged(
                f"this hook was called from the shell of the agent of session `{session}`",
                remedy="only the client calls hooks; start a client outside of the session",
            )
