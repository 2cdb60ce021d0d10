"""
Gemini CLI's native tools as data.

`tests/hosts` holds the table against the tools that the pinned client offers to its model.
"""

from __future__ import annotations

from governance.rules.host_tools import HostTools, ToolMap

HOST = "gemini-cli"
SHELL = "run_shell_command"
EDIT = "replace"
FETCH = "web_fetch"
FILE = "file_path"
FOLDER = "dir_path"

_FILE = {"path": FILE}
_FOLDER = {"path": FOLDER}
_KEPT = (
    "ask_user", "complete_task", "enter_plan_mode", "exit_plan_mode", "get_internal_docs",
    "list_background_processes", "read_background_output", "tracker_add_dependency",
    "tracker_create_task", "tracker_get_task", "tracker_list_tasks", "tracker_update_task",
    "tracker_visualize", "update_topic", "write_todos",
)  # fmt: skip
"""Tools that are about the session's own work and its person, and reach nothing else."""

_OTHER = ("activate_skill", "list_mcp_resources", "read_mcp_resource")

TOOLS = HostTools(
    HOST,
    {
        SHELL: ToolMap(
            "shell",
            {"command": "command"},
            {
                "command": "str",
                "description": "str",
                FOLDER: "str",
                "is_background": "bool",
                "delay_ms": "float",
            },
        ),
        "read_file": ToolMap(
            "read", _FILE, {FILE: "str", "start_line": "float", "end_line": "float"}
        ),
        "write_file": ToolMap(
            "write", {**_FILE, "content": "content"}, {FILE: "str", "content": "str"}
        ),
        EDIT: ToolMap(
            "edit",
            {**_FILE, "content": "new_string", "removed": "old_string"},
            {
                FILE: "str",
                "instruction": "str",
                "old_string": "str",
                "new_string": "str",
                "allow_multiple": "bool",
            },
        ),
        "grep_search": ToolMap(
            "grep",
            {**_FOLDER, "pattern": "pattern"},
            {"pattern": "str", FOLDER: "str", "include_pattern": "str"},
        ),
        # The name that earlier clients have for it.
        "search_file_content": ToolMap("grep", {**_FOLDER, "pattern": "pattern"}),
        "glob": ToolMap(
            "glob",
            {**_FOLDER, "pattern": "pattern"},
            {"pattern": "str", FOLDER: "str"},
        ),
        "list_directory": ToolMap("glob", _FOLDER, {FOLDER: "str"}),
        # The addresses stand in its prompt, each among words: see `readings`.
        FETCH: ToolMap("fetch", {"url": "prompt"}, {"prompt": "str"}),
        "google_web_search": ToolMap("search", {"query": "query"}, {"query": "str"}),
        "invoke_agent": ToolMap(
            "delegate",
            {"agent": "agent_name", "prompt": "prompt"},
            {"agent_name": "str", "prompt": "str"},
        ),
        **{name: ToolMap("todo") for name in _KEPT},
        **{name: ToolMap("other") for name in _OTHER},
    },
    mcp_prefix="mcp_",
    mcp_separator="_",
)
