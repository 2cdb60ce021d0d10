"""What Claude Code can do and cannot, as data for deciding, for `check` and for the docs."""

from __future__ import annotations

from governance.hooking.adapter import Capability

MARKS = (
    "CLAUDECODE",
    "CLAUDE_CODE_ENTRYPOINT",
    "CLAUDE_CODE_SESSION_ID",
    "CLAUDE_CODE_CHILD_SESSION",
    "CLAUDE_CODE_EXECPATH",
)
"""Variables that the client sets for what it runs: by them a command knows its caller."""

PROGRAMS = ("claude", "claude.exe")

CAPABILITIES = (
    Capability("deny a tool", True, "`permissionDecision: deny`; holds in bypass mode too."),
    Capability("ask a person", True, "`permissionDecision: ask`; print mode refuses instead."),
    Capability(
        "rewrite a tool's arguments",
        True,
        "`updatedInput` without a decision: the user's settings judge the rewritten call.",
    ),
    Capability(
        "rewrite a tool's output",
        True,
        "`updatedToolOutput` in the tool's own shape: Bash, Read and MCP tools.",
    ),
    Capability("refuse a prompt", True, "`decision: block`; the model is not called."),
    Capability("refuse a slash command", True, "`decision: block`."),
    Capability("refuse a compaction", True, "`decision: block`."),
    Capability("refuse a session or a sub-agent", False, "The client ignores the answer."),
    Capability(
        "inject text",
        True,
        "Into the transcript, at most 10,000 UTF-16 units at once; it survives `--resume`.",
    ),
    Capability("stop a turn", True, "`continue: false` after a batch of tools."),
    Capability("see sub-agents", True, "`agent_id` and `agent_type` stand in their payloads."),
    Capability("see compaction", True, "Before, at the new start, and once more after it."),
    Capability("see resume", True, "`SessionStart` with source resume and the same id."),
    Capability("rewrite a slash command", False, "Refused instead, naming the other command."),
    Capability("see the request to the model", False, "No hook stands there."),
    Capability("see tokens or costs", True, "The status line, in a terminal; no hook is told."),
)
