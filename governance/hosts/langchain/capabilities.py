"""What LangChain's agents can do and cannot, as data for deciding and for `check`."""

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
"""Each request carries the text anew: in front of its system message."""

CAPABILITIES = (
    Capability("deny a tool", True, "A tool message with the reason, which the model reads."),
    Capability("ask a person", False, "Denied, naming `governance approve`; then made again."),
    Capability("rewrite a tool's arguments", True, "Of the call that is given to the tool."),
    Capability("rewrite a tool's output", True, "Before the model reads it."),
    Capability("refuse a prompt", True, "`TurnRefused`; no request is sent."),
    Capability("refuse a slash command", False, "There are none."),
    Capability("refuse a compaction", False, "None is seen."),
    Capability("refuse a session or a sub-agent", False, "The program starts a child itself."),
    Capability("inject text", True, "In front of each request's system message."),
    Capability("stop a turn", False, "A halted session's tools are denied; requests go on."),
    Capability("see sub-agents", False, "An agent in a tool is given a middleware of its own."),
    Capability("see compaction", False, "Middleware that shortens the history tells nobody."),
    Capability("see resume", True, "A session that is started with an id that is known."),
    Capability("rewrite a slash command", False, "There are none."),
    Capability("see the request to the model", False, "Its system message alone is changed."),
    Capability("see tokens or costs", True, "Tokens of each answer."),
)
