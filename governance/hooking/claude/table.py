"""
The native tools of Claude's client as data.

The table was checked against the input schemas that the pinned client sends to its model;
`tests/hosts` checks it again whenever the pin moves.
"""

from __future__ import annotations

from collections.abc import Mapping

from governance.rules.host_tools import HostTools, ToolMap

MCP_PREFIX = "mcp__"

_FILE = {"path": "file_path"}
_KEPT = (
    "AskUserQuestion", "BashOutput", "EnterPlanMode", "ExitPlanMode", "KillShell", "ListAgents",
    "ReportFindings", "TaskOutput", "TaskStop", "ToolSearch",
)  # fmt: skip
"""Tools that are about the session's own work and its person, and reach nothing else."""

_OTHER = (
    "Artifact", "CronCreate", "CronDelete", "CronList", "DeferredToolPlaceholder",
    "EnterWorktree", "ExitWorktree", "ListMcpResources", "Projects", "PushNotification",
    "ReadMcpResource", "ReadMcpResourceDir", "RemoteTrigger", "REPL", "ScheduleWakeup",
    "SendMessage", "ShowOnboardingRolePicker", "Skill", "SlashCommand", "Workflow",
)  # fmt: skip

TABLE: Mapping[str, ToolMap] = {
    "Bash": ToolMap(
        "shell",
        {"command": "command"},
        {
            "command": "str",
            "description": "str",
            "timeout": "float",
            "run_in_background": "bool",
            "dangerouslyDisableSandbox": "bool",
        },
    ),
    "Monitor": ToolMap("shell", {"command": "command"}, {"command": "str"}),
    # Another shell's syntax: its command is a fact, its words cannot be known.
    "PowerShell": ToolMap("shell", {"command": "command"}, {"command": "str"}),
    "Read": ToolMap(
        "read", _FILE, {"file_path": "str", "offset": "int", "limit": "int", "pages": "str"}
    ),
    "NotebookRead": ToolMap("read", {"path": "notebook_path"}, {"notebook_path": "str"}),
    "Write": ToolMap(
        "write", {**_FILE, "content": "content"}, {"file_path": "str", "content": "str"}
    ),
    "Edit": ToolMap(
        "edit",
        {**_FILE, "content": "new_string", "removed": "old_string"},
        {
            "file_path": "str",
            "old_string": "str",
            "new_string": "str",
            "replace_all": "bool",
        },
    ),
    "MultiEdit": ToolMap(
        "edit",
        {**_FILE, "content": "edits[].new_string", "removed": "edits[].old_string"},
        {"file_path": "str"},
    ),
    "NotebookEdit": ToolMap(
        "edit",
        {"path": "notebook_path", "content": "new_source"},
        {
            "notebook_path": "str",
            "new_source": "str",
            "cell_id": "str",
            "cell_type": "str",
            "edit_mode": "str",
        },
    ),
    "Grep": ToolMap(
        "grep", {"path": "path", "pattern": "pattern"}, {"path": "str", "pattern": "str"}
    ),
    "Glob": ToolMap(
        "glob", {"path": "path", "pattern": "pattern"}, {"path": "str", "pattern": "str"}
    ),
    "LS": ToolMap("glob", {"path": "path"}, {"path": "str"}),
    "WebFetch": ToolMap("fetch", {"url": "url"}, {"url": "str", "prompt": "str"}),
    "WebSearch": ToolMap(
        "search",
        {"query": "query"},
        {"query": "str", "allowed_domains": "list[str]", "blocked_domains": "list[str]"},
    ),
    "Agent": ToolMap(
        "delegate",
        {"agent": "subagent_type", "prompt": "prompt"},
        {
            "subagent_type": "str",
            "prompt": "str",
            "description": "str",
            "model": "str",
            "run_in_background": "bool",
            "isolation": "str",
        },
    ),
    # The name that earlier clients, and resumed transcripts, have for it.
    "Task": ToolMap("delegate", {"agent": "subagent_type", "prompt": "prompt"}),
    "TodoWrite": ToolMap("todo"),
    "TaskCreate": ToolMap("todo", {}, {"subject": "str", "description": "str"}),
    "TaskUpdate": ToolMap("todo", {}, {"taskId": "str", "status": "str", "subject": "str"}),
    "TaskGet": ToolMap("todo", {}, {"taskId": "str"}),
    "TaskList": ToolMap("todo"),
    **{name: ToolMap("todo") for name in _KEPT},
    **{name: ToolMap("other") for name in _OTHER},
}


def tools_of(host: str) -> HostTools:
    """The table as that of *host*, which runs the client."""
    return HostTools(host, TABLE, mcp_prefix=MCP_PREFIX, mcp_separator="__")
