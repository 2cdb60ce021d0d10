"""A host's own transcript and its hooks tell one call by one id."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from governance.hooking.payload import call_id_of
from governance.hosts.claude_code import transcripts as claude_code
from governance.hosts.codex import transcripts as codex

STRANGE = "functions.Bash:0"
"""An id as some services of models give it: no journal takes it as it stands."""


def lines(*entries: object) -> str:
    return "".join(json.dumps(one) + "\n" for one in entries)


@pytest.mark.parametrize("given", ["call_1", STRANGE])
def test_calls_of_claude_code_have_the_ids_of_its_hooks(tmp_path: Path, given: str) -> None:
    """Also where a service gives them signs that stand for something else here."""
    project = tmp_path / "p"
    project.mkdir()
    name = "".join(one if one.isalnum() else "-" for one in str(project.resolve()))
    file = tmp_path / "home" / "projects" / name / "s-1.jsonl"
    file.parent.mkdir(parents=True)
    used = [{"type": "tool_use", "id": given, "name": "Bash", "input": {}}]
    ended = [{"type": "tool_result", "tool_use_id": given, "is_error": True}]
    file.write_text(lines({"message": {"content": used}}, {"message": {"content": ended}}))

    (found,) = claude_code.find_transcripts(project, {"CLAUDE_CONFIG_DIR": str(tmp_path / "home")})

    assert [(one.call_id, one.failed) for one in found.calls()] == [
        (call_id_of(given), False),
        (call_id_of(given), True),
    ]


@pytest.mark.parametrize("given", ["call_1", STRANGE])
def test_calls_of_codex_have_the_ids_of_its_hooks(tmp_path: Path, given: str) -> None:
    """Also where a service gives them signs that stand for something else here."""
    project = tmp_path / "p"
    project.mkdir()
    file = tmp_path / "home" / "sessions" / "2026" / "01" / "02" / "rollout-1.jsonl"
    file.parent.mkdir(parents=True)
    born = {"id": "s-1", "cwd": str(project), "source": "cli"}
    call = {"type": "function_call", "call_id": given, "name": sorted(codex.ASKED)[0]}
    ended = {"type": "function_call_output", "call_id": given, "output": codex.REFUSED[0]}
    told = [{"type": "response_item", "payload": one} for one in (call, ended)]
    file.write_text(lines({"type": "session_meta", "payload": born}, *told))

    (found,) = codex.find_transcripts(project, {"CODEX_HOME": str(tmp_path / "home")})

    assert [(one.call_id, one.failed) for one in found.calls()] == [
        (call_id_of(given), False),
        (call_id_of(given), True),
    ]
