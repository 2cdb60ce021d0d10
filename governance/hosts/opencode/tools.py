"""
OpenCode's native tools as data.

The table was checked against the input schemas that the pinned client sends to its model;
`tests/hosts` checks it again whenever the pin moves. Tools of MCP servers are called
``server_tool`` and have no mark of their own: the plugin tells which servers there are.
"""

from __future__ import annotations

from governance.rules.host_tools import HostTools, ToolMap

HOST = "opencode"

PATCH = "apply_patch"
"""The one tool of which a call may be about many files."""

_FILE = {"path": "filePath"}
_OTHER = (
    "execute", "invalid", "list_mcp_resource_templates", "list_mcp_resources",
    "read_mcp_resource", "skill",
)  # fmt: skip

TOOLS = HostTools(
    HOST,
    {
        "bash": ToolMap(
            "shell",
            {"command": "command"},
            {"command": "str", "description": "str", "timeout": "int", "workdir": "str"},
        ),
        "read": ToolMap("read", _FILE, {"filePath": "str", "offset": "int", "limit": "int"}),
        "lsp": ToolMap(
            "read",
            _FILE,
            {
                "operation": "str",
                "filePath": "str",
                "line": "int",
                "character": "int",
                "query": "str",
            },
        ),
        "write": ToolMap(
            "write", {**_FILE, "content": "content"}, {"filePath": "str", "content": "str"}
        ),
        "edit": ToolMap(
            "edit",
            {**_FILE, "content": "newString", "removed": "oldString"},
            {"filePath": "str", "oldString": "str", "newString": "str", "replaceAll": "bool"},
        ),
        # One call changes many files: `governance.hooking.patches` makes a call of each.
        PATCH: ToolMap("edit", {}, {"patchText": "str"}),
        "grep": ToolMap(
            "grep",
            {"path": "path", "pattern": "pattern"},
            {"path": "str", "pattern": "str", "include": "str"},
        ),
        "glob": ToolMap(
            "glob", {"path": "path", "pattern": "pattern"}, {"path": "str", "pattern": "str"}
        ),
        "webfetch": ToolMap(
            "fetch", {"url": "url"}, {"url": "str", "format": "str", "timeout": "float"}
        ),
        "websearch": ToolMap(
            "search",
            {"query": "query"},
            {
                "query": "str",
                "numResults": "float",
                "livecrawl": "str",
                "type": "str",
                "contextMaxCharacters": "float",
            },
        ),
        "task": ToolMap(
            "delegate",
            {"agent": "subagent_type", "prompt": "prompt"},
            {
                "subagent_type": "str",
                "prompt": "str",
                "description": "str",
                "task_id": "str",
                "command": "str",
                "background": "bool",
            },
        ),
        # About the session's own work and its person; they reach nothing else.
        **{name: ToolMap("todo") for name in ("plan_enter", "plan_exit", "question", "todowrite")},
        **{name: ToolMap("other") for name in _OTHER},
    },
)
