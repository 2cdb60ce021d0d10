"""What the OpenAI Agents SDK can do and cannot, as data for deciding and for `check`."""

from __future__ import annotations

from governance.hooking.adapter import Capability
from governance.session.commands import HostTraits

TRAITS = HostTraits(
    inject="request",
    asks=False,
    rewrites=True,
    redirects=False,
    deny_at=frozenset({"start", "turn_start", "tool_before", "child_start"}),
    untold=frozenset(
        {
            "usage.cost_usd",
            "usage.context_ratio",
            "usage.context_tokens",
            "model_options",
            "exit_code",
        }
    ),
)
"""Each request carries the text anew: in front of its instructions."""

CAPABILITIES = (
    Capability("deny a tool", True, "The reason is the tool's output, which the model reads."),
    Capability("ask a person", False, "Denied, naming `governance approve`; then made again."),
    Capability("rewrite a tool's arguments", True, "Of function tools, before they are invoked."),
    Capability("rewrite a tool's output", True, "Before the model reads it."),
    Capability("refuse a prompt", True, "`run` raises `TurnRefused`, no request is sent."),
    Capability("refuse a slash command", False, "There are none."),
    Capability("refuse a compaction", False, "None is seen."),
    Capability("refuse a session or a sub-agent", True, "A handoff raises `TurnRefused`."),
    Capability("inject text", True, "In front of each request's instructions."),
    Capability("stop a turn", False, "A halted session's tools are denied; requests go on."),
    Capability("see sub-agents", True, "Handoffs; agents as tools are refused."),
    Capability("see compaction", False, "Sessions of the SDK shorten without a hook."),
    Capability("see resume", True, "A session that is started with an id that is known."),
    Capability("rewrite a slash command", False, "There are none."),
    Capability("see the request to the model", False, "Its instructions alone are changed."),
    Capability("see tokens or costs", True, "Tokens of each answer."),
)
