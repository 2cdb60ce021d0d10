"""What Mellea can do and cannot, as data for deciding, for `check` and for the docs."""

from __future__ import annotations

from collections.abc import Mapping

from governance._attrs import frozen
from governance.hooking.adapter import Capability
from governance.session.commands import HostTraits

TRAITS = HostTraits(
    inject="request",
    asks=False,
    rewrites=True,
    redirects=False,
    deny_at=frozenset({"start", "turn_start", "tool_before", "child_start"}),
    untold=frozenset({"usage", "exit_code"}),
)
"""Each request carries the text anew: as its system prompt, which is a model option."""

MARKS = ("GOVERNANCE_MELLEA",)
"""Variables that stand in the environment of what a governed program starts."""

PLUGIN_LIMIT_MS = 5_000
"""Time that Mellea gives a plugin; then it counts as failed."""

DEADLINE_MS_MAX = PLUGIN_LIMIT_MS - 500
"""Longest that an answer of ours may take, whatever the configuration says."""


@frozen
class Hook:
    """
    One hook of Mellea that the adapter takes part in.

    Attributes:
        decides: Mellea waits for leave; a failure of ours is answered with a block.

        commands: Events of the machine that it becomes.

        fields: Fields of its payload that are read; it must have them.

        writable: Fields that are written, which Mellea lets be written there.
    """

    name: str
    decides: bool
    commands: tuple[str, ...]
    fields: tuple[str, ...]
    doc: str
    writable: tuple[str, ...] = ()


HOOKS: Mapping[str, Hook] = {
    one.name: one
    for one in (
        Hook(
            "session_pre_init",
            True,
            ("child_start", "start"),
            ("session_id", "backend_name", "model_id", "model_options", "context_type"),
            "Before `start_session` builds the backend; model and options may be changed.",
            ("model_id", "model_options"),
        ),
        Hook(
            "session_post_init",
            True,
            ("start",),
            ("session_id", "model_id", "context"),
            "The session exists; a `start` only if nothing was seen before.",
        ),
        Hook("session_reset", False, ("reset",), ("previous_context",), "History is cleared."),
        Hook(
            "session_cleanup",
            False,
            ("end", "child_end"),
            ("session_id", "context", "interaction_count", "exception"),
            "The session is over; nothing is ever refused here.",
        ),
        Hook(
            "component_pre_execute",
            True,
            ("compact", "turn_start"),
            ("action_id", "component_type", "action", "context_view"),
            "An instruction, a message or another component, before anything is sent.",
        ),
        Hook(
            "component_post_success",
            False,
            ("brief", "turn_end"),
            ("action_id", "result", "context_before", "context_after"),
            "It came to a result.",
        ),
        Hook(
            "component_post_error",
            False,
            ("turn_end",),
            ("action_id", "error_type"),
            "It came to an error.",
        ),
        Hook(
            "generation_pre_call",
            True,
            ("turn_start",),
            ("action", "model_options", "generation_id"),
            "A request, before it is sent; carries the briefing. Outside a component, a turn.",
            ("model_options",),
        ),
        Hook(
            "generation_post_call",
            False,
            ("brief", "turn_end"),
            ("generation_id",),
            "The model answered, so what the request carried was read.",
        ),
        Hook("generation_error", False, ("turn_end",), ("generation_id", "exception"),
             "It failed."),
        Hook(
            "generation_batch_pre_call",
            True,
            ("turn_start",),
            ("actions", "generation_id"),
            "Several raw requests at once; a raw request has no place for a briefing.",
        ),
        Hook(
            "generation_batch_post_call",
            False,
            ("turn_end",),
            ("generation_id",),
            "They were answered.",
        ),
        Hook("generation_batch_error", False, ("turn_end",), ("generation_id", "exception"),
             "They failed."),
        Hook(
            "tool_pre_invoke",
            True,
            ("tool_before",),
            ("tool_invocation_id", "model_tool_call", "is_control_flow"),
            "A tool that the model asked for, before it runs.",
            ("model_tool_call",),
        ),
        Hook(
            "tool_post_invoke",
            True,
            ("tool_after",),
            ("tool_invocation_id", "model_tool_call", "tool_output", "success", "error",
             "execution_time_ms"),
            "It ran; its output may be withheld.",
            ("tool_output",),
        ),
    )
}  # fmt: skip
"""Every hook that the adapter has a method for; Mellea has more, which only tell."""


CAPABILITIES = (
    Capability("deny a tool", True, "Soft: another tool answers with the reason. Hard: an error."),
    Capability("ask a person", False, "Denied, naming `governance approve`; then made again."),
    Capability(
        "rewrite a tool's arguments",
        True,
        "Where the tool is a plain function; else denied, naming the call to make.",
    ),
    Capability("rewrite a tool's output", True, "`tool_output`, before the model reads it."),
    Capability("refuse a prompt", True, "The component is not executed, no request is sent."),
    Capability("refuse a slash command", False, "There are none."),
    Capability("refuse a compaction", False, "It is seen when it has happened."),
    Capability("refuse a session or a sub-agent", True, "`start_session` raises; a clone is kept."),
    Capability("inject text", True, "As the system prompt of each request; nothing is kept of it."),
    Capability("stop a turn", True, "The next request is not sent."),
    Capability("see sub-agents", True, "Clones that are given to `governed_session`."),
    Capability("see compaction", True, "A chat context that came back shorter than it should."),
    Capability("see resume", True, "A session that is built with an id that is known."),
    Capability("rewrite a slash command", False, "There are none."),
    Capability("see the request to the model", True, "`generation_pre_call`, all but its text."),
    Capability("see tokens or costs", False, "No hook that is used here tells them."),
)
