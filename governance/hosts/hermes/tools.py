"""
The native tools of Hermes as data.

The table was checked against the schemas that the pinned client registers; `tests/hosts`
checks it again whenever the pin moves.
"""

from __future__ import annotations

from governance.rules.host_tools import HostTools, ToolMap

HOST = "hermes"
MCP_PREFIX = "mcp__"

_OTHER = (
    "browser_back", "browser_cdp", "browser_click", "browser_console", "browser_dialog",
    "browser_get_images", "browser_press", "browser_scroll", "browser_snapshot", "browser_type",
    "browser_vision", "clarify", "close_terminal", "computer_use", "cronjob", "discord",
    "discord_admin", "feishu_doc_read", "feishu_drive_add_comment",
    "feishu_drive_list_comment_replies", "feishu_drive_list_comments",
    "feishu_drive_reply_comment", "ha_call_service", "ha_get_state", "ha_list_entities",
    "ha_list_services", "image_generate", "kanban_attach", "kanban_attach_url",
    "kanban_attachments", "kanban_block", "kanban_comment", "kanban_complete", "kanban_create",
    "kanban_heartbeat", "kanban_link", "kanban_list", "kanban_show", "kanban_unblock", "memory",
    "project_create", "project_list", "project_switch", "read_terminal", "send_message",
    "session_search", "skill_manage", "skill_view", "skills_list", "spotify_albums",
    "spotify_devices", "spotify_library", "spotify_playback", "spotify_playlists",
    "spotify_queue", "spotify_search", "text_to_speech", "tool_call", "tool_describe",
    "tool_search", "video_analyze", "video_generate", "vision_analyze", "xai_video_edit",
    "xai_video_extend", "yb_query_group_info", "yb_query_group_members", "yb_search_sticker",
    "yb_send_dm", "yb_send_sticker",
)  # fmt: skip

TOOLS = HostTools(
    HOST,
    {
        "terminal": ToolMap(
            "shell",
            {"command": "command"},
            {
                "command": "str",
                "background": "bool",
                "timeout": "int",
                "workdir": "str",
                "pty": "bool",
                "notify_on_complete": "bool",
            },
        ),
        # What is typed into a running process, and a program in Python: `calls` makes the
        # command that stands for it, which cannot be put back into the argument.
        "process": ToolMap("shell", {}, {"action": "str", "session_id": "str", "data": "str"}),
        "execute_code": ToolMap("shell", {}, {"code": "str"}),
        "read_file": ToolMap(
            "read", {"path": "path"}, {"path": "str", "offset": "int", "limit": "int"}
        ),
        "write_file": ToolMap(
            "write", {"path": "path", "content": "content"}, {"path": "str", "content": "str"}
        ),
        "patch": ToolMap(
            "edit",
            {"path": "path", "content": "new_string", "removed": "old_string"},
            {
                "mode": "str",
                "path": "str",
                "old_string": "str",
                "new_string": "str",
                "replace_all": "bool",
                "patch": "str",
            },
        ),
        "search_files": ToolMap(
            "grep",
            {"path": "path", "pattern": "pattern"},
            {"path": "str", "pattern": "str", "target": "str", "file_glob": "str"},
        ),
        "browser_navigate": ToolMap("fetch", {"url": "url"}, {"url": "str"}),
        "web_extract": ToolMap("fetch", {}, {"urls": "list[str]", "char_limit": "int"}),
        "web_search": ToolMap("search", {"query": "query"}, {"query": "str", "limit": "int"}),
        "x_search": ToolMap("search", {"query": "query"}, {"query": "str"}),
        "delegate_task": ToolMap(
            "delegate",
            {"agent": "role", "prompt": "goal"},
            {"goal": "str", "context": "str", "role": "str", "background": "bool"},
        ),
        "todo": ToolMap("todo", {}, {"merge": "bool"}),
        **{name: ToolMap("other") for name in _OTHER},
    },
    mcp_prefix=MCP_PREFIX,
    mcp_separator="__",
)
