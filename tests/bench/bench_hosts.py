"""
What the way from a payload's bytes to the answer's bytes costs, over `json.loads` of it.

Each function gives ``(measured, bound)``. The payload is a captured one of Claude Code.
"""

from __future__ import annotations

import json
from pathlib import Path

from governance._shipped import pack_texts
from governance.hooking.payload import read_payload
from governance.hosts.claude_code.answer import answer
from governance.hosts.claude_code.tools import TOOLS
from governance.hosts.claude_code.translate import translate
from governance.rules.deciding import History, RuleEvent
from governance.rules.facts import facts_of_call, session_facts
from governance.session.replies import Reply
from governance.testing.engines import PLACES, law_of
from tests.bench.bench_rules import _ratio

_KNOWN = History(known=True)
_PAYLOAD = {
    "session_id": "7f2d8c1e-53a4-4c9b-9d0e-6b1a2c3d4e5f",
    "transcript_path": "/home/user/.claude/projects/-project/7f2d8c1e.jsonl",
    "cwd": "/project",
    "prompt_id": "0b9a8f7e-6d5c-4b3a-2918-070605040302",
    "permission_mode": "default",
    "hook_event_name": "PreToolUse",
    "tool_name": "Bash",
    "tool_input": {
        "command": "git -C packages/web status --short && npm run test -- --runInBand",
        "description": "Show what has changed, and test it",
    },
    "tool_use_id": "toolu_01AbCdEfGhIjKlMnOpQrStUv",
}


def payload_to_answer(_folder: Path) -> tuple[float, float]:
    """
    Reading, translating, deciding by the shipped packs and answering, over `json.loads`.

    The store is left out: what a durable decision costs is measured beside the bare write.
    """
    law = law_of(*pack_texts().values(), tools=[TOOLS])
    data = json.dumps(_PAYLOAD).encode()

    def work() -> bytes:
        payload = read_payload(data, "PreToolUse", lenient=False)
        (command,) = translate(payload, {}).commands
        assert command.call is not None
        facts = {**session_facts(host=command.host, turn=1), **facts_of_call(command.call, PLACES)}
        decision = law.rules.decide(RuleEvent("tool", facts, command.call), _KNOWN)
        reply = Reply("tool_before", decision.action, "between-turn", decision.message)
        return answer(payload, [reply], 0).out

    return _ratio(work, lambda: json.loads(data)), 15.0
