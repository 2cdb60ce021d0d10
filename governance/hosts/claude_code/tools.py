"""Claude Code's native tools: those of its client."""

from __future__ import annotations

from governance.hooking.claude.table import tools_of

HOST = "claude-code"
TOOLS = tools_of(HOST)
