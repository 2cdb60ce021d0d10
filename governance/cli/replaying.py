"""
A recorded session, played through the hooks that are installed in a project.

Each payload is given to the command line in the host's settings, one process a payload, as
the client would. What the journal has gained is read after each of them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from attrs import field

from governance._attrs import frozen
from governance.cli.installed import Answered, HookSilent, run_hook
from governance.cli.opening import rows_of, sessions_in, store_of
from governance.errors import MisuseError
from governance.hosts import installer_of
from governance.journal.records import Journal, Record
from governance.project import Project, make_private_folder
from governance.values import Json, ValueRefused, load_json
from governance.whole_file import write_whole

HOST = "claude-code"
"""The host whose recorded session it is."""

SESSION = "demo"
"""What the recorded session is called here, so that commands on it can be typed."""

LINES_MAX = 10_000
ENDED_BEFORE_MS = 60_000
"""How long before now the played session ends: nothing in its journal lies in the future."""


@frozen
class Payload:
    """
    One line of a recording.

    Attributes:
        at_ms: Milliseconds since the recording began.

        variables: Of the hook's environment, those that it reads.
    """

    at_ms: int
    event: str
    variables: Mapping[str, str] = field(hash=False)
    values: Mapping[str, Json] = field(hash=False)

    def text(self, name: str) -> str:
        """The text *name* of the payload, or ``""``."""
        value = self.values.get(name)
        return value if isinstance(value, str) else ""


@frozen
class Played:
    """A payload, what its hook answered, and the rows that the journal gained by it."""

    payload: Payload
    answered: Answered
    rows: tuple[Record, ...]


def read_recording(text: str, directory: Path) -> tuple[Payload, ...]:
    """
    The payloads in *text*, with the recorded folder and session become *directory* and `SESSION`.

    Raises:
        MisuseError: A line is none of a recording, or there are more than `LINES_MAX`.
    """
    lines = text.splitlines()
    if not lines or len(lines) > LINES_MAX:
        raise MisuseError(f"a recording has 1 to {LINES_MAX} lines; this one has {len(lines)}")
    first = _payload(lines[0], 1)
    # As they stand inside JSON: both texts may hold what JSON escapes.
    renamed = (
        (_inside(first.text("cwd")), _inside(str(directory))),
        (_inside(first.text("session_id")), SESSION),
    )
    made = []
    for number, line in enumerate(lines, 1):
        text = line
        for old, new in renamed:
            text = text.replace(old, new) if old else text
        made.append(_payload(text, number))
    return tuple(made)


def _inside(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _payload(line: str, number: int) -> Payload:
    try:
        value = load_json(line)
    except ValueRefused as error:
        raise MisuseError(f"line {number} of the recording: {error.message}") from None
    fields = value if isinstance(value, Mapping) else {}
    at_ms, event = fields.get("at_ms"), fields.get("event")
    variables, values = fields.get("env"), fields.get("stdin")
    if not (isinstance(at_ms, int) and isinstance(event, str) and isinstance(values, Mapping)):
        raise MisuseError(f"line {number} of the recording has no `at_ms`, `event` or `stdin`")
    held = variables if isinstance(variables, Mapping) else {}
    return Payload(at_ms, event, {name: str(one) for name, one in held.items()}, values)


@contextmanager
def replayable(project: Project) -> Iterator[None]:
    """
    While this is open the hooks of *project* may be told the time; then no longer.

    The mark lies outside the project, where the person's trust is kept: an agent must not
    be able to move the clock by which its approvals end.
    """
    mark = project.replay_mark()
    make_private_folder(mark.parent)
    write_whole(mark, f"{os.getpid()}\n".encode(), synced=False)
    try:
        yield
    finally:
        mark.unlink(missing_ok=True)


def play(project: Project, recording: tuple[Payload, ...], *, now_ms: int) -> Iterator[Played]:
    """
    Play *recording* through the hooks of *project*, ending just before *now_ms*.

    Raises:
        HookSilent: A hook is not installed, cannot be run, or gives no answer.
    """
    commands = installer_of(HOST).commands(project.directory)
    begun_ms = now_ms - ENDED_BEFORE_MS - recording[-1].at_ms
    seen: dict[str, int] = {}
    with replayable(project), store_of(project) as journal:
        for one in recording:
            if one.event not in commands:
                raise HookSilent(f"no hook is installed for `{one.event}`")
            answered = run_hook(
                f"{commands[one.event]} --now-ms {begun_ms + one.at_ms}",
                one.values,
                variables=one.variables,
                directory=project.directory,
            )
            yield Played(one, answered, _new_rows(journal, seen))


def _new_rows(journal: Journal, seen: dict[str, int]) -> tuple[Record, ...]:
    found = []
    for name in sessions_in(journal):
        for record in rows_of(journal, name, after=seen.get(name, 0)):
            seen[name] = record.seq
            found.append(record)
    # A child is told of before its own rows; the sort is stable, so its own order stays.
    return tuple(sorted(found, key=lambda record: record.at_ms))
