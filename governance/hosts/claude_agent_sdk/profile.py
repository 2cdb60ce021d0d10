"""What is known of the Claude Agent SDK, in one place."""

from __future__ import annotations

from attrs import evolve

from governance.hooking.adapter import Profile
from governance.hooking.claude.events import TRAITS
from governance.hooking.claude.table import tools_of
from governance.hosts.claude_agent_sdk import NAME
from governance.hosts.claude_agent_sdk.capabilities import CAPABILITIES

TOOLS = tools_of(NAME)

_TRAITS = evolve(
    TRAITS,
    untold=TRAITS.untold
    | {
        "usage.tokens",
        "usage.input_tokens",
        "usage.output_tokens",
        "usage.context_tokens",
        "usage.context_ratio",
    },
)
"""Its messages tell what a session has cost; they have no status line, which tells the rest."""

PROFILE = Profile(NAME, "Claude Agent SDK", TOOLS, _TRAITS, CAPABILITIES, (), ())
