"""Processes of a test that say when they are ready, wait to be told to go on, and are killed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

HEAD = """
import os, signal, sys, time
from governance.journal.records import Append, Appended, Conflict, Row

def say(text):
    os.write(1, (text + "\\n").encode())
"""
"""What a script of theirs begins with."""

RACE = """
say("ready")
sys.stdin.readline()
wins = conflicts = 0
while wins + conflicts < tries:
    seq = journal.head("s").seq
    answer = journal.append([Append("s", seq, (Row("k", seq, who.encode()),))])
    wins, conflicts = wins + isinstance(answer, Appended), conflicts + isinstance(answer, Conflict)
say(f"{wins} {conflicts}")
"""
"""Appends to one session *tries* times as *who*, and says how often it won and lost."""


@contextmanager
def child(script: str, *words: object) -> Iterator[subprocess.Popen[str]]:
    """A process of *script* that has said that it is ready; it is killed at the end."""
    process = subprocess.Popen(
        [sys.executable, "-c", script, *map(str, words)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def go(process: subprocess.Popen[str]) -> None:
    """Let *process* go on."""
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()
