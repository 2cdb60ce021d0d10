"""What hosts that speak agent-hooks can do and cannot, as data for deciding and for `check`."""

from __future__ import annotations

from governance.hooking.adapter import Capability
from governance.session.commands import HostTraits

TRAITS = HostTraits(
    inject="request",
    asks=True,
    rewrites=True,
    redirects=False,
    deny_at=frozenset({"start", "turn_start", "tool_before"}),
    untold=frozenset({"usage", "model_options", "exit_code", "duration_ms"}),
)
"""Each request carries the text anew: in front of its messages."""

CAPABILITIES = (
    Capability("deny a tool", True, "`deny` at `pre_tool_call`; the tool is not invoked."),
    Capability(
        "ask a person",
        True,
        "`deny` with `approval`: it stands unless the host's own approval lifts it.",
    ),
    Capability("rewrite a tool's arguments", True, "`transform` of what the tool is given."),
    Capability("rewrite a tool's output", True, "`deny` or `transform` at `post_tool_call`."),
    Capability("refuse a prompt", True, "`deny` at `input`; the model is not called."),
    Capability("refuse a slash command", False, "No interception point stands there."),
    Capability("refuse a compaction", False, "No interception point stands there."),
    Capability("refuse a session or a sub-agent", True, "`deny` at `agent_startup`."),
    Capability("inject text", True, "`transform` of the messages before each model call."),
    Capability("stop a turn", False, "A halted session's tools and prompts are denied."),
    Capability("see sub-agents", False, "Nothing ties the session of one to its parent's."),
    Capability("see compaction", False, "No interception point stands there."),
    Capability("see resume", True, "A session that starts with an id that is known."),
    Capability("rewrite a slash command", False, "No interception point stands there."),
    Capability("see the request to the model", True, "`pre_model_call`."),
    Capability("see tokens or costs", False, "No hook is told."),
)
