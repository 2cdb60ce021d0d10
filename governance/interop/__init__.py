"""
The journal under the persistence of other frameworks: their interfaces, our promises.

`governance.interop.langgraph` is a checkpointer of LangGraph, `governance.interop.openai_agents`
a session of the OpenAI Agents SDK. Neither framework is imported before it is used.
"""

from __future__ import annotations

CODES = {
    "GOV780": "a framework that is not installed, or lacks what is needed of it",
    "GOV781": "a checkpoint or session that somebody else has moved on",
    "GOV782": "a value of a framework that cannot be kept safely",
}
"""Error codes of this room, each in a few words."""
