"""
Who calls a hook: the host, or the agent that is to be governed by it.

A host starts its hooks itself. A hook that runs below the shell of an agent was called
by that agent, whose payload would say whatever suits it: that a person had answered, that
the model had been briefed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from governance.hooking.adapter import AgentSession
from governance.hooking.payload import PayloadRefused
from governance.hooking.processes import Process


class Forged(PayloadRefused):
    """A payload that did not come from the host, but from an agent below it."""


def refuse_agents(
    above: Iterable[Process], agent_session: AgentSession, governs: Callable[[str], bool]
) -> None:
    """
    Return quietly unless a shell of an agent stands among the processes *above*.

    Only agents of sessions that this project *governs* count: a project may well be tried
    out from the shell of an agent elsewhere.

    Raises:
        Forged: One does. That a host is run from such a shell makes no difference: its
            hooks could not be told from the agent's own.
    """
    for process in above:
        session = agent_session(process.environment)
        if session and governs(session):
            raise Forged(
                f"this hook was called from the shell of the agent of session `{session}`",
                remedy="only the host calls hooks; start one outside of the session",
            )
