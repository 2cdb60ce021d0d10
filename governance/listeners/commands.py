"""
A program as a listener: the event as JSON on its standard input, its answer on its output.

The program is started without a shell, in the project's folder, in a process group of its
own that is killed when the time is over. What it may answer depends on the mode:
``{"refuse": "why"}`` (sequential, concurrent), ``{"write": {"field": value}}`` (transform), or
nothing. Any exit code but 0 is a failure.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from governance._attrs import frozen
from governance.errors import GovernanceError, did_you_mean
from governance.events import Event, event_json
from governance.listeners.answers import Answer, Refuse, Write
from governance.values import ValueRefused, dump_json, load_json

if TYPE_CHECKING:
    from subprocess import Popen

ANSWER_BYTES_MAX = 1_000_000
ERROR_BYTES_MAX = 4_000
_CHUNK_BYTES = 65_536


class CommandFailed(GovernanceError):
    """A listener's program could not be run, or did not do what it should."""

    code = "GOV441"


@frozen
class CommandListener:
    """
    Calls a program with an event.

    Attributes:
        argv: The program and its arguments, as they are.

        answers: Keys that its answer may have: ``refuse``, ``write`` or none.

        directory: Where it is run.
    """

    argv: tuple[str, ...]
    answers: tuple[str, ...]
    directory: Path
    limit_seconds: float

    def __call__(self, event: Event) -> Answer:
        """
        What the program answers to *event*.

        Raises:
            CommandFailed: It is not there, took too long, answered too much, ended with
                another exit code than 0, or gave no answer that its mode may give.
        """
        output = self._run(dump_json(event_json(event)) + b"\n")
        return self._answer(output) if self.answers and output.strip() else None

    def _answer(self, output: bytes) -> Answer:
        try:
            value = load_json(output, bytes_max=ANSWER_BYTES_MAX)
        except ValueRefused as error:
            raise CommandFailed(f"its answer is {error.message}") from None
        if not isinstance(value, Mapping):
            raise CommandFailed("its answer is no JSON object")
        for key in value:
            if key not in self.answers:
                expected = f"expected {' or '.join(f'`{one}`' for one in self.answers)}"
                hint = did_you_mean(key, self.answers)
                raise CommandFailed(f"its answer has the key `{key}`, {expected}", remedy=hint)
        if "refuse" in value:
            return Refuse(value["refuse"])  # type: ignore[arg-type]  # checked with all answers
        return Write(value["write"]) if "write" in value else None  # type: ignore[arg-type]

    def _run(self, given: bytes) -> bytes:
        import subprocess

        try:
            process = subprocess.Popen(  # noqa: S603  # the program that the project's person named
                self.argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=self.directory,
                start_new_session=True,
            )
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise CommandFailed(f"`{self.argv[0]}` cannot be run: {why}") from None
        with process:
            try:
                output, errors = _talk(process, given, monotonic() + self.limit_seconds)
                code = process.wait(self.limit_seconds)
            except (TimeoutError, subprocess.TimeoutExpired):
                raise CommandFailed(f"`{self.argv[0]}` took too long") from None
            finally:
                _kill(process)
        if code != 0:
            said = errors.decode("utf-8", "replace").strip()
            raise CommandFailed(
                f"`{self.argv[0]}` ended with {code}" + (f": {said}" if said else "")
            )
        return output


def _kill(process: Popen[bytes]) -> None:
    # The group, for what the program started may hold its pipes open.
    if process.poll() is None or process.stdout is not None:
        try:
            from signal import SIGKILL

            os.killpg(process.pid, SIGKILL)
        except (ProcessLookupError, PermissionError):
            return


def _talk(process: Popen[bytes], given: bytes, deadline: float) -> tuple[bytes, bytes]:
    """
    Feed *given* and collect output and errors, until the program closes both.

    Raises:
        TimeoutError: The deadline passed.
        CommandFailed: More output came than is taken.
    """
    import selectors

    # INVARIANT: the three pipes were asked for when the process was started.
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    output, errors, left = bytearray(), bytearray(), memoryview(given)
    with selectors.DefaultSelector() as selector:
        os.set_blocking(process.stdin.fileno(), False)
        selector.register(process.stdin, selectors.EVENT_WRITE)
        selector.register(process.stdout, selectors.EVENT_READ)
        selector.register(process.stderr, selectors.EVENT_READ)
        while process.stdout in _open(selector) or process.stderr in _open(selector):
            wait = deadline - monotonic()
            if wait <= 0:
                raise TimeoutError
            for key, _ in selector.select(wait):
                if key.fileobj is process.stdin:
                    left = _feed(key.fd, left)
                    if not left:
                        selector.unregister(process.stdin)
                        process.stdin.close()
                    continue
                chunk = os.read(key.fd, _CHUNK_BYTES)
                if not chunk:
                    selector.unregister(key.fileobj)
                elif key.fileobj is process.stdout:
                    output += chunk
                    if len(output) > ANSWER_BYTES_MAX:
                        raise CommandFailed(f"it answered more than {ANSWER_BYTES_MAX} bytes")
                else:
                    errors = (errors + chunk)[-ERROR_BYTES_MAX:]
    return bytes(output), bytes(errors)


def _open(selector: object) -> list[object]:
    return [key.fileobj for key in selector.get_map().values()]  # type: ignore[attr-defined]


def _feed(descriptor: int, left: memoryview) -> memoryview:
    try:
        return left[os.write(descriptor, left[:_CHUNK_BYTES]) :]
    except BrokenPipeError:
        # A program need not read what it is told; its exit code says whether it is content.
        return left[:0]
