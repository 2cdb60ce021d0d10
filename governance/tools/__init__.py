"""
Tools of any Python program, governed by a decorator: `governed_tool`.

The function asks before it runs and reports what became of it; `governing` says for which
session. Adapters of harnesses that live in the program's process build on the same `Gate`.
"""

from __future__ import annotations

from governance.tools.deciding import Gate, ToolRefused, deny_text, governing
from governance.tools.decorating import governed_tool
from governance.tools.turns import TurnRefused, Turns

CODES = {
    "GOV760": "a tool that governance refused to run, or whose output it withheld",
    "GOV761": "a governed tool that was called outside of every session",
    "GOV762": "a function that cannot be governed as the tool that it is said to be",
    "GOV763": "a session, a prompt or a sub-agent that governance refused",
    "GOV764": "a part of an agent that cannot be governed, or a harness that is not there",
    "GOV765": "a tool of a harness that ran without being asked about",
}
"""Error codes of this room, each in a few words."""

__all__ = [
    "CODES",
    "Gate",
    "ToolRefused",
    "TurnRefused",
    "Turns",
    "deny_text",
    "governed_tool",
    "governing",
]
