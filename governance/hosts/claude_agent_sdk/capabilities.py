"""What the Claude Agent SDK can do and cannot, as data for deciding and for `check`."""

from __future__ import annotations

from governance.hooking.adapter import Capability

CAPABILITIES = (
    Capability("deny a tool", True, "`permissionDecision: deny`; holds in bypass mode too."),
    Capability("ask a person", True, "The program's `can_use_tool`; without it refused."),
    Capability("rewrite a tool's arguments", True, "`updatedInput` without a decision."),
    Capability("rewrite a tool's output", True, "In the tool's own shape: Bash, Read, MCP."),
    Capability("refuse a prompt", True, "`decision: block`; the model is not called."),
    Capability("refuse a slash command", True, "`decision: block`."),
    Capability("refuse a compaction", True, "`decision: block`."),
    Capability("refuse a session or a sub-agent", False, "The client ignores the answer."),
    Capability("inject text", True, "Into the transcript, at most 10,000 UTF-16 units at once."),
    Capability("stop a turn", True, "`continue: false` after a batch of tools."),
    Capability("see sub-agents", True, "`agent_id` and `agent_type` stand in their payloads."),
    Capability("see compaction", True, "Before it and after it."),
    Capability("see resume", True, "The id of the session that is resumed."),
    Capability("rewrite a slash command", False, "Refused instead, naming the other command."),
    Capability("see the request to the model", False, "No hook stands there."),
    Capability("see tokens or costs", True, "Costs, with each result."),
)
