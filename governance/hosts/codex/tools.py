"""
Codex's native tools as data, by the names that its hooks give them.

A hook is not told what the model called: every shell tool is ``Bash`` with a ``command``,
and a tool of a namespace has both names in one. `tests/hosts` holds the table against the
tools that the pinned client offers to its model.
"""

from __future__ import annotations

from governance.rules.host_tools import HostTools, ToolMap

HOST = "codex"
PATCH = "apply_patch"
SHELL = "Bash"

_GROUP = "multi_agent_v1"
_KEPT = (
    "close_agent", "create_goal", "get_goal", "interrupt_agent", "list_agents",
    "request_user_input", "tool_search", "update_goal", "update_plan", "wait_agent",
)  # fmt: skip
"""Tools that are about the session's own work and its person, and reach nothing else."""

_SENT = ("followup_task", "resume_agent", "send_input", "send_message")
"""Tools that give a sub-agent more to do."""

_OTHER = (
    "clock", "list_mcp_resource_templates", "list_mcp_resources", "new_context",
    "read_mcp_resource", "request_permissions", "request_plugin_install", "web_search",
)  # fmt: skip

TOOLS = HostTools(
    HOST,
    {
        SHELL: ToolMap("shell", {"command": "command"}, {"command": "str"}),
        # One call changes many files: `governance.hooking.patches` makes a call of each.
        PATCH: ToolMap("edit", {}, {"command": "str"}),
        "view_image": ToolMap("read", {"path": "path"}, {"path": "str", "detail": "str"}),
        "spawn_agent": ToolMap(
            "delegate",
            {"agent": "agent_type", "prompt": "message"},
            {"agent_type": "str", "message": "str", "model": "str", "task_name": "str"},
        ),
        **{f"{group}{name}": ToolMap("todo") for group in ("", _GROUP) for name in _KEPT},
        **{
            f"{group}{name}": ToolMap("delegate", {"prompt": "message"}, {"message": "str"})
            for group in ("", _GROUP)
            for name in _SENT
        },
        **{name: ToolMap("other") for name in _OTHER},
    },
    mcp_prefix="mcp__",
    mcp_separator="__",
)
