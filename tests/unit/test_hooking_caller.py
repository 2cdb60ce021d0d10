"""A hook believes the client, and no agent that the project governs."""

from __future__ import annotations

import pytest

from governance.hooking.caller import Forged, refuse_agents
from governance.hooking.processes import Process
from governance.hosts.claude_code.adapter import SESSION_MARK, SHELL_MARK, agent_session

CLIENT = Process(2, frozenset({"claude"}), {"HOME": "/home/dev"})
HOOK = Process(3, frozenset({"sh"}), {"CLAUDECODE": "1", SESSION_MARK: "governed"})


def shell(session: str) -> Process:
    return Process(4, frozenset({"bash"}), {SHELL_MARK: "/bin/claude", SESSION_MARK: session})


def governs(session: str) -> bool:
    return session == "governed"


def test_a_hook_of_the_client_is_believed() -> None:
    """The client's own hooks have its marks, and the session's id, without being its shell."""
    assert refuse_agents((HOOK, CLIENT), agent_session, governs) is None
    assert refuse_agents((), agent_session, governs) is None


@pytest.mark.parametrize("between", [(), (HOOK,), (HOOK, CLIENT)])
def test_a_hook_below_the_shell_of_an_agent_is_not(between: tuple[Process, ...]) -> None:
    """However deep below that shell it is called, by a client that was started there too."""
    with pytest.raises(Forged, match="`governed`"):
        refuse_agents((*between, shell("governed"), CLIENT), agent_session, governs)


def test_agents_of_elsewhere_may_try_a_project_out() -> None:
    """An agent that the project does not govern has nothing here to lie about."""
    assert refuse_agents((HOOK, shell("other"), CLIENT), agent_session, governs) is None
    assert refuse_agents((shell(""),), agent_session, governs) is None
