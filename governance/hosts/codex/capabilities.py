"""What Codex can do and cannot, as data for deciding, for `check` and for the docs."""

from __future__ import annotations

from collections.abc import Mapping

from governance.hooking.adapter import Capability, HookEvent
from governance.session.commands import HostTraits

INJECT_BYTES_MAX = 10_000
"""UTF-8 bytes of one injected text; the client cuts a longer one and puts it into a file."""

OBSERVED_SECONDS = 3
"""What the client cuts longer time-outs of its last two events down to."""

TRAITS = HostTraits(
    inject="transcript",
    inject_chars_max=INJECT_BYTES_MAX,
    asks=False,
    rewrites=True,
    redirects=False,
    deny_at=frozenset({"turn_start", "tool_before"}),
    untold=frozenset({"usage", "model_options", "duration_ms"}),
    reports_arguments=True,
)

MARKS = (
    "CODEX_SESSION_ID",
    "CODEX_THREAD_ID",
    "CODEX_TOOL_CALL_ID",
    "CODEX_CI",
    "CODEX_SANDBOX",
    "CODEX_SANDBOX_NETWORK_DISABLED",
)
"""Variables that the client sets for what it runs: by them a command knows its caller."""

PROGRAMS = ("codex", "codex.exe")

EVENTS: Mapping[str, HookEvent] = {
    one.name: one
    for one in (
        HookEvent(
            "SessionStart",
            False,
            ("start", "resume", "compact"),
            "startup, clear and fork are `start`, resume is `resume`, compact is `compact`.",
        ),
        HookEvent("UserPromptSubmit", True, ("turn_start",), "A prompt, before the model."),
        HookEvent("PreToolUse", True, ("tool_before",), "A tool, before it runs."),
        HookEvent("PostToolUse", False, ("tool_after",), "A tool that ran."),
        HookEvent("Stop", False, ("turn_end",), "The model stopped."),
        HookEvent("SubagentStart", False, ("child_start", "start"), "A sub-agent starts."),
        HookEvent("SubagentStop", False, ("end", "child_end"), "A sub-agent stops."),
        HookEvent("PreCompact", False, ("compacting",), "Before a compaction."),
        HookEvent(
            "Interrupt", False, ("interrupt",), "A person broke the turn off.", OBSERVED_SECONDS
        ),
        HookEvent(
            "SessionEnd", False, ("end",), "The client leaves the session.", OBSERVED_SECONDS
        ),
    )
}
"""Every event whose hook `init` installs; the client has more, which nothing here acts on."""

CAPABILITIES = (
    Capability("deny a tool", True, "`permissionDecision: deny`, and no key more."),
    Capability(
        "ask a person", False, "The client runs a tool that is asked about: denied instead."
    ),
    Capability(
        "rewrite a tool's arguments",
        True,
        "`updatedInput`; the client's sandbox and rules then judge the call that will run.",
    ),
    Capability("rewrite a tool's output", True, "`decision: block` puts its reason in its place."),
    Capability("refuse a prompt", True, "`decision: block`; the model is not called."),
    Capability("refuse a slash command", False, "No hook stands there."),
    Capability("refuse a compaction", False, "The client would stop the turn with it."),
    Capability("refuse a session or a sub-agent", False, "It has begun when the hook is called."),
    Capability(
        "inject text",
        True,
        "Into the transcript, at most 10,000 bytes at once; it survives `codex resume`.",
    ),
    Capability("stop a turn", False, "Every further tool is denied instead."),
    Capability("see sub-agents", True, "`agent_id` and `agent_type` stand in their payloads."),
    Capability("see compaction", True, "Before it, and at the new start after it."),
    Capability("see resume", True, "`SessionStart` with source resume and the same id."),
    Capability("rewrite a slash command", False, "No hook stands there."),
    Capability("see the request to the model", False, "No hook stands there."),
    Capability("see tokens or costs", False, "No hook is told."),
)
