"""Tools that are about a session's own work are asked of nobody."""

from __future__ import annotations

import pytest

from governance.hosts import profile_of
from governance.rules.host_tools import call_of
from governance.session.commands import Command
from governance.testing.engines import memory_engine

OWN_WORK = {
    "claude-code": ("ToolSearch", "AskUserQuestion", "EnterPlanMode", "ExitPlanMode", "TaskOutput"),
    "codex": ("tool_search", "request_user_input", "update_plan"),
    "gemini-cli": ("ask_user", "enter_plan_mode", "exit_plan_mode", "write_todos"),
    "opencode": ("question", "plan_exit", "todowrite"),
}
"""A client that cannot call these cannot look for its tools, nor ask its person."""

UNKNOWN = {"claude-code": "Workflow", "codex": "web_search", "gemini-cli": "activate_skill",
           "opencode": "skill"}  # fmt: skip


@pytest.mark.parametrize("host", OWN_WORK)
def test_they_are_let_be(host: str) -> None:
    """As a project is without settings of its own, they run; what nobody can judge does not."""
    profile = profile_of(host)
    with memory_engine() as engine:
        engine.start("s", host=host, traits=profile.traits).turn("go")
        actions = {}
        for name in (*OWN_WORK[host], UNKNOWN[host]):
            call = call_of(profile.tools, name, {"x": "y"}, cwd="/project", call_id=name)
            event = Command(
                event="tool_before", session="s", host=host, traits=profile.traits, call=call
            )
            actions[name] = engine.handle(event).action

    stricter = actions.pop(UNKNOWN[host])
    assert set(actions.values()) == {"allow"}
    assert stricter == ("ask" if profile.traits.asks else "deny")
