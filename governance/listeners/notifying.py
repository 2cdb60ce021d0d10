"""
Telling a person at once: a program is started, and nobody waits for it.

It is given the event as one line of JSON, and runs beside whoever decided, which may be a
process that ends at once: a small guard of its own stays with it, ends it when its time is
over, and writes into the project's log when it failed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from governance._attrs import frozen
from governance.errors import GovernanceError
from governance.events import Event, event_json
from governance.values import dump_json

EVENTS: Mapping[str, tuple[str, ...]] = {
    "halt": ("session.halted",),
    "ask": ("approval.asked",),
    "guard-gap": ("guard.gap", "guard.bypassed"),
}
"""Word of ``[notify] on`` → the events that it means."""

NAME = "notify"
TIME_LIMIT_MS = 2_000
"""Starting a program takes no longer."""

EVENT_BYTES_MAX = 60_000
"""A pipe holds so much even where nobody reads; of a larger event the head alone is told."""

HOUR_SECONDS = 3_600
_FILE_BYTES_MAX = 1_000_000

# With `-I` the folder that an agent works in cannot put a module in the way.
_GUARD = """
import os, signal, subprocess, sys, time
seconds, log, *words = sys.argv[1:]
try:
    made = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                            start_new_session=True)
    try:
        code = made.wait(float(seconds))
        why = f"ended with {code}" if code else ""
    except subprocess.TimeoutExpired:
        os.killpg(made.pid, signal.SIGKILL)
        why = f"took longer than {seconds} s"
except OSError as error:
    why = f"cannot be run: {error.strerror}"
if why:
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    with open(log, "a", encoding="utf-8") as file:
        file.write(f"{stamp} notify `{words[0]}` {why}\\n")
"""


class NotStarted(GovernanceError):
    """The program of ``[notify]`` could not be started, or was started often enough."""

    code = "GOV581"


@frozen
class Notifier:
    """
    A listener that starts a program.

    Attributes:
        argv: The program and its arguments, as they are.

        directory: Where it is run.

        log: Where its failures are written.

        record: Where it stands when programs were started, for all processes of the project.
    """

    argv: tuple[str, ...]
    directory: Path
    log: Path
    record: Path
    seconds_max: int
    hourly_max: int

    def __call__(self, event: Event) -> None:
        """
        Start the program for *event*.

        Raises:
            NotStarted: GOV581, with why; whoever decided knows nothing of it.
        """
        self._take_turn()
        words = [sys.executable, "-I", "-S", "-c", _GUARD, str(self.seconds_max), str(self.log)]
        try:
            guard = subprocess.Popen(  # noqa: S603 -- the program that the project's person named
                [*words, *self.argv],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=self.directory,
                start_new_session=True,
            )
            # INVARIANT: the pipe was asked for.
            assert guard.stdin is not None
            with guard.stdin as pipe:
                pipe.write(_line(event))
        except OSError as error:
            raise NotStarted(f"cannot be started: {error.strerror}") from None
        # A thread that only waits keeps no dead child behind.
        threading.Thread(target=guard.wait, name="governance-notify", daemon=True).start()

    def _take_turn(self) -> None:
        """Note that a program is started now, if it may be."""
        now = int(time.time())
        try:
            self.record.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(self.record, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(handle, "r+b") as file:
                stamps = file.read(_FILE_BYTES_MAX).split()
                # Also of stamps ahead: a clock that went back must not silence it for years.
                recent = [
                    one for one in stamps if one.isdigit() and abs(int(one) - now) < HOUR_SECONDS
                ]
                if len(recent) >= self.hourly_max:
                    raise NotStarted(f"{self.hourly_max} were started within the hour")
                if len(stamps) > 2 * self.hourly_max:
                    file.truncate(0)
                    file.write(b"".join(one + b"\n" for one in recent))
                file.write(b"%d\n" % now)
        except OSError as error:
            raise NotStarted(f"cannot be counted: {error.strerror}") from None


def _line(event: Event) -> bytes:
    whole = dump_json(event_json(event)) + b"\n"
    if len(whole) <= EVENT_BYTES_MAX:
        return whole
    head = {name: value for name, value in event_json(event).items() if name != "data"}
    return dump_json(head) + b"\n"
