"""What Claude's client can do, and the events of it that are listened to."""

from __future__ import annotations

from collections.abc import Mapping

from governance.hooking.adapter import HookEvent
from governance.hooking.claude.answers import INJECT_UNITS_MAX
from governance.session.commands import HostTraits

TRAITS = HostTraits(
    inject="transcript",
    inject_chars_max=INJECT_UNITS_MAX,
    asks=True,
    rewrites=True,
    redirects=False,
    deny_at=frozenset({"turn_start", "tool_before", "command", "compacting"}),
    untold=frozenset({"model_options"}),
    reports_arguments=True,
)

EVENTS: Mapping[str, HookEvent] = {
    one.name: one
    for one in (
        HookEvent(
            "SessionStart",
            False,
            ("start", "resume", "compact"),
            "startup and clear are `start`, resume is `resume`, compact is `compact`.",
        ),
        HookEvent("UserPromptSubmit", True, ("turn_start",), "A prompt, before the model."),
        HookEvent("UserPromptExpansion", True, ("command",), "A slash command, before it runs."),
        HookEvent("PreToolUse", True, ("tool_before",), "A tool, before it runs."),
        HookEvent("PostToolUse", False, ("tool_after",), "A tool that ran."),
        HookEvent(
            "PostToolUseFailure",
            False,
            ("tool_after", "interrupt"),
            "A tool that failed, or that the user broke off.",
        ),
        HookEvent(
            "PostToolBatch",
            False,
            ("tool_after",),
            "Settles the calls of one answer that nothing else reported: those refused.",
        ),
        HookEvent("Stop", False, ("turn_end",), "The model stopped."),
        HookEvent("StopFailure", False, ("turn_end", "interrupt"), "The model's service failed."),
        HookEvent("SubagentStart", False, ("child_start", "start"), "A sub-agent starts."),
        HookEvent("SubagentStop", False, ("end", "child_end"), "A sub-agent stops."),
        HookEvent("PreCompact", False, ("compacting",), "Before a compaction."),
        HookEvent("PostCompact", False, ("compact",), "The second report of a compaction."),
        HookEvent("SessionEnd", False, ("end",), "The client leaves the session."),
    )
}
"""Every event that a hook is put in place for; the client has more, which nothing here acts on."""
