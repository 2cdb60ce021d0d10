"""The session that a fork comes from is told by what its person typed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from governance.hooking.payload import Payload
from governance.hooking.processes import Process
from governance.hosts.claude_code.forks import forked_from

OLD = "0a0ba562-f721-4b53-b339-34813d740b13"
NEW = "825c4d21-0487-40be-8a85-92a459151287"
LATER = "118571e7-9de6-4352-b232-2dac60c552fc"


def above(*words: str) -> tuple[Process, ...]:
    """A hook's shell, the client with *words*, and a shell that was given others."""
    return (
        Process(7, frozenset({"sh"}), {}, ("sh", "-c", "hook --resume x")),
        Process(5, frozenset({"claude"}), {}, ("claude", *words)),
        Process(3, frozenset({"zsh"}), {}, ("zsh", "--resume", LATER)),
    )


@pytest.fixture
def payload(tmp_path: Path) -> Payload:
    """The start of the fork, beside three transcripts and something else."""
    for number, name in enumerate((OLD, LATER, NEW, "history")):
        file = tmp_path / f"{name}.jsonl"
        file.touch()
        os.utime(file, (number, number))
    (tmp_path / "memory").mkdir()
    values = {"session_id": NEW, "transcript_path": str(tmp_path / f"{NEW}.jsonl")}
    return Payload("SessionStart", values)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("--resume", OLD, "--fork-session"), OLD),
        (("-p", "go", "--fork-session", "-r", OLD), OLD),
        ((f"--resume={OLD}", "--fork-session"), OLD),
        (("--resume", "the title of a session", "--fork-session"), ""),
        (("--fork-session", "--resume"), ""),
        (("--resume", "../../../../../../../../../../etc/passwd", "--fork-session"), ""),
        (("--continue", "--fork-session"), LATER),
        (("-c", "--fork-session"), LATER),
        ((), ""),
    ],
)
def test_words_of_the_client_tell(payload: Payload, words: tuple[str, ...], found: str) -> None:
    """The one that was named; that which was written last; or it is not known."""
    assert forked_from(payload, above(*words)) == found


def test_nothing_is_told_without_a_client(payload: Payload, tmp_path: Path) -> None:
    """Where no client is above, and where its transcripts are gone, nothing is made up."""
    assert forked_from(payload, above()[::2]) == ""
    gone = Payload("SessionStart", {"session_id": NEW, "transcript_path": f"{tmp_path}/x/y.jsonl"})
    assert forked_from(gone, above("-c")) == ""
