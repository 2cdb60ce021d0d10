"""What Gemini CLI can do and cannot, as data for deciding, for `check` and for the docs."""

from __future__ import annotations

from collections.abc import Mapping

from governance.hooking.adapter import Capability, HookEvent
from governance.session.commands import HostTraits

TRAITS = HostTraits(
    inject="transcript",
    asks=False,
    rewrites=True,
    redirects=False,
    deny_at=frozenset({"turn_start", "tool_before"}),
    untold=frozenset({"usage", "model_options", "duration_ms"}),
    call_ids=False,
    reports_arguments=True,
)

MARKS = ("GEMINI_CLI", "GEMINI_SESSION_ID", "GEMINI_PROJECT_DIR")
"""Variables that the client sets for what it runs: by them a command knows its caller."""

PROGRAMS = ("gemini", "gemini.js", "gemini.exe")

EVENTS: Mapping[str, HookEvent] = {
    one.name: one
    for one in (
        HookEvent(
            "SessionStart",
            False,
            ("start", "resume"),
            "startup and clear are `start`, resume is `resume`.",
        ),
        HookEvent("BeforeAgent", True, ("turn_start",), "A prompt, before the model."),
        HookEvent("BeforeTool", True, ("tool_before",), "A tool, before it runs."),
        HookEvent("AfterTool", False, ("tool_after",), "A tool that ran."),
        HookEvent("AfterAgent", False, ("turn_end",), "The model stopped."),
        HookEvent("SessionEnd", False, ("end",), "The client leaves the session."),
    )
}
"""
Every event whose hook `init` installs; the client has more, which nothing here acts on.

``PreCompress`` is called before every request, also where nothing is compressed.
"""

CAPABILITIES = (
    Capability("deny a tool", True, "`decision: deny`; holds in yolo mode too."),
    Capability(
        "ask a person",
        False,
        "Without a person at hand the client's run ends there without a word: denied instead.",
    ),
    Capability(
        "rewrite a tool's arguments",
        True,
        "`tool_input`; the client's policies then judge the call that will run.",
    ),
    Capability("rewrite a tool's output", True, "`decision: deny` puts its reason in its place."),
    Capability("refuse a prompt", True, "`decision: deny`; the model is not called."),
    Capability("refuse a slash command", False, "No hook stands there."),
    Capability("refuse a compaction", False, "The client does not wait for the answer."),
    Capability("refuse a session or a sub-agent", False, "The client ignores the answer."),
    Capability("inject text", True, "Into the transcript, beside the prompt."),
    Capability("stop a turn", False, "Every further tool is denied instead."),
    Capability(
        "see sub-agents",
        False,
        "Their tools are decided as their parent's: no payload tells them apart.",
    ),
    Capability("see compaction", False, "`PreCompress` comes where nothing is compressed."),
    Capability("see resume", True, "`SessionStart` with source resume and the same id."),
    Capability("rewrite a slash command", False, "No hook stands there."),
    Capability("see the request to the model", False, "The adapter does not listen there."),
    Capability("see tokens or costs", False, "No hook is told."),
)
