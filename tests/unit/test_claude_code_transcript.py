"""Transcripts of Claude Code become messages, and what does not is counted."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping

from governance.chat import Message
from governance.hosts.claude_code.transcript import Transcript


def entry(kind: str, uuid: str, content: object, **more: object) -> bytes:
    role = "assistant" if kind == "assistant" else "user"
    made = {
        "type": kind,
        "uuid": uuid,
        "parentUuid": None,
        "sessionId": "s",
        "timestamp": "2026-11-21T10:00:00.250Z",
        "message": {"role": role, "content": content},
        **more,
    }
    return json.dumps(made).encode() + b"\n"


def read(*lines: bytes) -> tuple[list[Message], Mapping[str, int]]:
    transcript = Transcript()
    return list(transcript.messages(lines)), transcript.left_out


def test_a_turn_is_carried_whole() -> None:
    """Prompt, thinking, call, result and answer, each with its id, time and predecessor."""
    data = base64.b64encode(b"\xff").decode()
    image = {"type": "base64", "media_type": "image/png", "data": data}
    found, left_out = read(
        entry("user", "1", "fix it"),
        entry(
            "assistant",
            "2",
            None,
            parentUuid="1",
            message={
                "role": "assistant",
                "model": "m-1",
                "id": "msg",
                "content": [
                    {"type": "thinking", "thinking": "hm", "signature": "xyz"},
                    {"type": "text", "text": "I look."},
                    {"type": "tool_use", "id": "t1", "name": "Read", "input": {"file_path": "a"}},
                ],
            },
        ),
        entry(
            "user",
            "3",
            [
                {
                    "type": "tool_result",
                    "tool_use_id": "t1",
                    "content": [
                        {"type": "text", "text": "x = 1"},
                        {"type": "image", "source": image},
                    ],
                    "is_error": True,
                }
            ],
        ),
    )

    assert [(one.id, one.role, one.at_ms) for one in found] == [
        ("1", "user", 1_795_255_200_250),
        ("2", "assistant", 1_795_255_200_250),
        ("3", "tool", 1_795_255_200_250),
    ]
    assert [one.type for one in found[1].parts] == ["thinking", "text", "tool_call"]
    assert found[1].reply_to == "1"
    assert found[1].about == {"model": "m-1", "message_id": "msg"}
    assert found[1].parts[2].value == {"file_path": "a"}
    assert found[2].parts[0].text == "x = 1"
    assert found[2].parts[0].failed
    assert found[2].parts[1].content == b"\xff"
    assert left_out == {"a signature of thinking": 1}


def test_what_is_not_carried_is_said() -> None:
    """Each kind by its name, with how often it was met."""
    found, left_out = read(
        b'{"type":"summary","summary":"x","leafUuid":"1"}\n',
        entry("user", "1", "hello"),
        entry("user", "1", "hello"),
        entry("assistant", "2", [{"type": "redacted_thinking", "data": "x"}]),
        entry("assistant", "3", "in a sub-agent", isSidechain=True),
        b'{"type":"user","uu',
        b"[1]\n",
        b"\n",
        entry("user", "4", [{"type": "image", "source": {"type": "base64", "data": "?"}}]),
        entry("user", "5", "x", timestamp="yesterday"),
    )

    assert [one.id for one in found] == ["1", "5"]
    assert left_out == {
        "an entry of type summary": 1,
        "a message that stands there twice": 1,
        "a block of type redacted_thinking": 1,
        "an entry of type assistant without content or id": 1,
        "a message of a sub-agent": 1,
        "a line that cannot be read": 1,
        "a line that is no entry": 1,
        "media that cannot be read": 1,
        "an entry of type user without content or id": 1,
        "a time that cannot be read": 1,
    }


def test_a_pointer_into_nothing_loses_no_message() -> None:
    """The file's order counts, not the chain of pointers, which is known to break."""
    found, _ = read(
        entry("user", "1", "a"),
        entry("assistant", "2", "b", parentUuid="gone"),
        entry("user", "3", "c", parentUuid="2"),
    )

    assert [one.text for one in found] == ["a", "b", "c"]


def test_signs_that_no_journal_holds_are_made_visible() -> None:
    """Lone surrogates and NUL, which a transcript can spell."""
    found, _ = read(entry("user", "1", "a\ud83db\x00"))

    assert found[0].text.startswith("a\N{REPLACEMENT CHARACTER}")
    assert found[0].text.endswith("b\N{SYMBOL FOR NULL}")


def test_marks_of_the_host_are_kept() -> None:
    """That a message is the host's own, or the summary of a compaction."""
    found, _ = read(
        entry("user", "1", "caveat", isMeta=True),
        entry("user", "2", "summary of it", isCompactSummary=True),
        json.dumps(
            {"type": "system", "uuid": "3", "subtype": "compact_boundary", "content": "compacted",
             "timestamp": "2026-11-21T10:00:00Z"}
        ).encode(),
    )  # fmt: skip

    assert [one.about for one in found] == [
        {"meta": True},
        {"compact_summary": True},
        {"subtype": "compact_boundary"},
    ]
    assert found[2].role == "system"
