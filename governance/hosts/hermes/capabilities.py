"""What Hermes can do and cannot, as data for deciding, for `check` and for the docs."""

from __future__ import annotations

from collections.abc import Mapping

from governance._attrs import frozen
from governance.hooking.adapter import Capability
from governance.session.commands import HostTraits

INJECT_CHARS_MAX = 9_800
"""Hermes puts an injected text of more than 10,000 characters into a file; ours gets a mark."""

TRAITS = HostTraits(
    inject="transcript",
    inject_chars_max=INJECT_CHARS_MAX,
    asks=True,
    rewrites=True,
    redirects=True,
    deny_at=frozenset({"tool_before", "command"}),
    untold=frozenset({"usage", "model_options"}),
)

MARKS = ("HERMES_SESSION_ID", "HERMES_SESSION_KEY")
"""Variables that Hermes sets for what it runs: by them a command knows its caller."""

PROGRAMS = ("hermes", "hermes-agent")


@frozen
class HermesEvent:
    """
    One event of the host that the adapter listens to.

    Attributes:
        seat: ``"plugin"``, ``"middleware"`` or ``"gateway"``: which of its systems calls.

        decides: Hermes heeds the answer; a failure of ours is answered with a refusal.

        commands: Events of the machine that it becomes; none: it is information.
    """

    name: str
    seat: str
    decides: bool
    commands: tuple[str, ...]
    doc: str


EVENTS: Mapping[str, HermesEvent] = {
    one.name: one
    for one in (
        HermesEvent(
            "on_session_start", "plugin", False, ("start",), "First turn; names the model."
        ),
        HermesEvent(
            "pre_llm_call",
            "plugin",
            False,
            ("turn_start", "compact"),
            "A turn begins; the answer carries the briefing.",
        ),
        HermesEvent(
            "pre_api_request",
            "plugin",
            False,
            ("brief", "compact", "lapse"),
            "What the model is sent: whether the briefing is in it.",
        ),
        HermesEvent("tool_request", "middleware", False, ("tool_before",), "Arguments to rewrite."),
        HermesEvent("pre_tool_call", "plugin", True, ("tool_before",), "A tool, before it runs."),
        HermesEvent(
            "tool_execution",
            "middleware",
            True,
            ("tool_before",),
            "The last look: nothing runs that was not allowed just so.",
        ),
        HermesEvent("post_tool_call", "plugin", False, ("tool_after",), "What became of a tool."),
        HermesEvent("transform_tool_result", "plugin", False, (), "Puts withheld output aside."),
        HermesEvent("subagent_start", "plugin", False, ("child_start", "start"), "A child."),
        HermesEvent("subagent_stop", "plugin", False, ("end", "child_end"), "A child stops."),
        HermesEvent(
            "on_session_end",
            "plugin",
            False,
            ("turn_end", "interrupt", "end"),
            "The end of a turn, whatever its name says; of a scheduled job, of the session.",
        ),
        HermesEvent("on_session_finalize", "plugin", False, ("end",), "The session is over."),
        HermesEvent("on_session_reset", "plugin", False, ("start",), "A new session follows."),
        HermesEvent("pre_gateway_dispatch", "plugin", False, (), "Which chat a message is from."),
        HermesEvent("gateway:startup", "gateway", False, (), "Waits for the gateway's end."),
        HermesEvent("session:start", "gateway", False, ("end",), "Ends the chat's session before."),
        HermesEvent("session:end", "gateway", False, (), "Without an id, after the new session."),
        HermesEvent("session:reset", "gateway", False, (), "Without an id, after the new session."),
        HermesEvent(
            "session:compress",
            "gateway",
            False,
            ("compact", "end"),
            "A compaction; where the id changes, the old one ends.",
        ),
        HermesEvent("agent:start", "gateway", False, (), "Whose chat it is; the guard is checked."),
        HermesEvent("agent:step", "gateway", False, (), "Information."),
        HermesEvent("agent:end", "gateway", False, ("turn_end",), "Closes a turn left open."),
        HermesEvent("command:*", "gateway", True, ("command",), "A slash command, before it runs."),
    )
}
"""Every event of Hermes that the adapter has a reading of."""


CAPABILITIES = (
    Capability("deny a tool", True, "`pre_tool_call` blocks; `tool_execution` looks once more."),
    Capability(
        "ask a person", True, "`approve`: its own gate, which refuses where nobody is there."
    ),
    Capability("rewrite a tool's arguments", True, "`tool_request`, before the host's own checks."),
    Capability("rewrite a tool's output", True, "`transform_tool_result`, of registered tools."),
    Capability("refuse a prompt", False, "The model is told, and every tool of the turn blocked."),
    Capability("refuse a slash command", True, "In the gateway; the terminal calls no hook."),
    Capability("rewrite a slash command", True, "In the gateway, by `rewrite`."),
    Capability("refuse a compaction", False, "It is told afterwards."),
    Capability("refuse a session or a sub-agent", False, "The host ignores the answer."),
    Capability(
        "inject text",
        True,
        "Behind the user's message, up to 10,000 characters; it stays in the transcript.",
    ),
    Capability("stop a turn", False, "A halted session is denied every tool instead."),
    Capability("see sub-agents", True, "`subagent_start` names parent and child."),
    Capability("see compaction", True, "`session:compress`, and what the requests lack."),
    Capability("see resume", True, "The id is the same, and the history shows what is in it."),
    Capability("see the request to the model", True, "`pre_api_request`."),
    Capability("see tokens or costs", False, "No hook that is used here tells them."),
)
