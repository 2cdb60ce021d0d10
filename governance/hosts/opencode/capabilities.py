"""What OpenCode can do and cannot, as data for deciding, for `check` and for the docs."""

from __future__ import annotations

from collections.abc import Mapping

from governance.hooking.adapter import Capability, HookEvent
from governance.session.commands import HostTraits

TRAITS = HostTraits(
    inject="request",
    asks=False,
    rewrites=True,
    redirects=False,
    deny_at=frozenset({"turn_start", "tool_before", "command"}),
    untold=frozenset({"usage.context_ratio", "model_options", "duration_ms"}),
    reports_arguments=True,
)

MARKS = ("OPENCODE", "OPENCODE_PID", "GOVERNANCE_OPENCODE_SESSION")
"""Variables that the client sets for what it runs: by them a command knows its caller."""

PROGRAMS = ("opencode", "opencode.exe")

EVENTS: Mapping[str, HookEvent] = {
    one.name: one
    for one in (
        HookEvent(
            "session.created",
            False,
            ("child_start", "start"),
            "A session, or with `parentID` a sub-session of another.",
        ),
        HookEvent(
            "chat.message",
            True,
            ("resume", "turn_start"),
            "A prompt, before the model; `resume` first where the session is another process's.",
        ),
        HookEvent("command.execute.before", True, ("command",), "A slash command, before it runs."),
        HookEvent(
            "tool.execute.before",
            True,
            ("brief", "tool_before"),
            "A tool, before it runs; `brief` first where a request has carried the text.",
        ),
        HookEvent(
            "tool.execute.after",
            False,
            ("tool_after", "end", "child_end"),
            "A tool that ran; after `task` its sub-session has ended.",
        ),
        HookEvent(
            "message.part.updated",
            False,
            ("tool_after",),
            "A tool that was let through and came to an error, or was refused by a person.",
        ),
        HookEvent("permission.asked", False, (), "The client asks its user; a row, no event."),
        HookEvent("permission.replied", False, (), "The user answers; a row, no event."),
        HookEvent(
            "experimental.chat.system.transform",
            False,
            ("lapse",),
            "A request that goes out without the text that it should carry.",
        ),
        HookEvent(
            "experimental.session.compacting", False, ("compacting",), "Before a compaction."
        ),
        HookEvent("session.compacted", False, ("lapse", "compact"), "After a compaction."),
        HookEvent("session.idle", False, ("brief", "turn_end"), "The model stopped."),
        HookEvent(
            "session.error",
            False,
            ("brief", "turn_end", "interrupt"),
            "The model's service failed, or somebody broke off.",
        ),
        HookEvent("session.deleted", False, ("end", "child_end"), "The session was deleted."),
        HookEvent("dispose", False, ("interrupt",), "The client leaves all of its sessions."),
    )
}
"""Every event that the plugin passes on; the client has more, which nothing here acts on."""

CAPABILITIES = (
    Capability("deny a tool", True, "The plugin throws before it; the model reads the reason."),
    Capability("ask a person", False, "The client's hook for it is never called: denied instead."),
    Capability(
        "rewrite a tool's arguments",
        True,
        "In place, before the client judges the call by the user's own permissions.",
    ),
    Capability("rewrite a tool's output", True, "The text that the model is given."),
    Capability(
        "refuse a prompt", True, "The model is not called; the person sees an error, not why."
    ),
    Capability("refuse a slash command", True, "As a prompt."),
    Capability("refuse a compaction", False, "A session that is refused one cannot go on."),
    Capability("refuse a session or a sub-agent", False, "It exists when the client tells of it."),
    Capability("inject text", True, "Into the system prompt of each request of a turn."),
    Capability("stop a turn", False, "Every further tool is denied instead."),
    Capability("see sub-agents", True, "Sessions of their own, with `parentID`."),
    Capability("see compaction", True, "Before, and after."),
    Capability("see resume", True, "A prompt to a session that this process has not begun."),
    Capability("rewrite a slash command", False, "Refused instead, naming the other command."),
    Capability("see the request to the model", True, "Its system prompt, before it goes out."),
    Capability(
        "see tokens or costs",
        True,
        "All of the session, after each answer; how large its context may be is not told.",
    ),
)
