"""
Recorded sessions: the payloads that a real host gave its hooks, one JSON line each.

A line holds ``at_ms`` (since the recording began), ``event``, ``env`` and ``stdin``. The
paths in it are those of `RECORDED_PROJECT`, until it is read for another folder.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from governance._attrs import frozen
from governance.errors import DefinitionError, Diagnostic
from governance.values import Json, ValueRefused, dump_json, load_json

RECORDED_PROJECT = "/home/dev/project"
LINES_MAX = 100_000
LINE_BYTES_MAX = 16 * 1024 * 1024


@frozen
class Recorded:
    """
    One payload of a recording.

    Attributes:
        at_ms: When, in milliseconds since the recording began.

        env: What the host set for this hook beyond its usual environment.

        stdin: What the hook reads, for the project that the recording was read for.
    """

    at_ms: int
    event: str
    env: Mapping[str, str]
    stdin: bytes


def read_recording(
    text: str, file: str, project: Path, events: Collection[str]
) -> tuple[Recorded, ...]:
    """
    The payloads of the recording *text*, as if it had been made in *project*.

    Args:
        events: Names of the events that the host's adapter knows.

    Raises:
        DefinitionError: GOV703 for every line that is no payload of a known event, or
            that goes back in time.
    """
    made: list[Recorded] = []
    problems: list[Diagnostic] = []
    for number, line in enumerate(text.splitlines()[:LINES_MAX], 1):
        try:
            one = _recorded(line, project, events)
            if made and one.at_ms < made[-1].at_ms:
                raise ValueError(f"`at_ms` {one.at_ms} is before {made[-1].at_ms}")
        except ValueError as error:
            problems.append(Diagnostic("GOV703", str(error), file, number))
        else:
            made.append(one)
    if not made and not problems:
        problems.append(Diagnostic("GOV703", "the recording has no line", file))
    if problems:
        raise DefinitionError(tuple(problems))
    return tuple(made)


def _recorded(line: str, project: Path, events: Collection[str]) -> Recorded:
    try:
        value = load_json(line, bytes_max=LINE_BYTES_MAX)
    except ValueRefused as error:
        raise ValueError(error.message) from None
    if not isinstance(value, Mapping):
        raise ValueError("expected an object")
    at_ms, event, stdin = value.get("at_ms"), value.get("event"), value.get("stdin")
    if not isinstance(at_ms, int) or isinstance(at_ms, bool) or at_ms < 0:
        raise ValueError("`at_ms` must be milliseconds since the beginning")
    if not isinstance(event, str) or event not in events:
        raise ValueError(f"`event` must be one of {', '.join(events)}")
    if not isinstance(stdin, Mapping) or stdin.get("hook_event_name") != event:
        raise ValueError(f"`stdin` must be the payload of `{event}`")
    given = value.get("env")
    env = given if isinstance(given, Mapping) else {}
    return Recorded(
        at_ms,
        event,
        {name: text for name, text in env.items() if isinstance(text, str)},
        dump_json(_moved(stdin, str(project))),
    )


def _moved(value: Json, project: str) -> Json:
    if isinstance(value, str):
        return value.replace(RECORDED_PROJECT, project)
    if isinstance(value, Mapping):
        return {name: _moved(one, project) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_moved(one, project) for one in value]
    return value
