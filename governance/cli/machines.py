"""`diagram` and `listeners`: the machine as a picture, and who is shown its events."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs
import click

from governance.cli.files import write_file
from governance.cli.frame import (
    FINE,
    Example,
    command,
    dir_option,
    format_option,
    project_of,
)
from governance.cli.opening import law_of, require_session, rows_of, store_of
from governance.cli.output import print_json, print_line, styled
from governance.cli.progress import progressing
from governance.cli.tables import print_table
from governance.config import Config, load_config
from governance.diagrams import FORMATS, SUFFIXES, Format, SessionPath, render
from governance.engine.lawmaking import trusted_config
from governance.errors import DefinitionError, MisuseError, number_of
from governance.events import CATALOGUE
from governance.formats import known_body
from governance.journal.records import Journal
from governance.listeners import Listener, listeners_of
from governance.machine import EVENTS, Definition, Step, load_machine
from governance.project import Project
from governance.rules.kleene import Truth
from governance.rules.ruleset import CompiledRule, RuleSet
from governance.rules.verdicts import RuleEvent
from governance.session.evolve import evolve
from governance.session.state import SessionState
from governance.values import Json

CODES: Mapping[str, str] = {"GOV635": "a picture that no terminal can show, or of no known format"}

MOVED_BY: Mapping[str, str] = {
    "session.created": "start",
    "governance.injected": "brief",
    "session.compacted": "compact",
    "session.idle": "interrupt",
    "session.interrupted": "interrupt",
    "session.resumed": "resume",
    "session.reset": "reset",
    "session.ended": "end",
}
"""Kind of a row that can move a session → the event of the machine that it stands for."""

_GAP = "gap"
_REFUSED = ("deny", "halt")


@command(
    "diagram",
    examples=[
        Example("governance diagram --format mermaid", "The machine, as text."),
        Example("governance diagram --session demo -o path.svg", "The way a session took."),
    ],
)
@click.option(
    "--format",
    "kind",
    type=click.Choice(FORMATS),
    default=None,
    help="What to draw.  [default: by the name of the file, else mermaid]",
)
@click.option("--session", default=None, help="Draw the way that this session took.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="The file to write; one that is there is replaced.  [default: standard output]",
)
@dir_option
def diagram(
    kind: str | None, session: str | None, output: Path | None, directory: Path | None
) -> int:
    """
    Draw the state machine of sessions, or the way that one session took through it.

    Of a session the edges it went along are bold and counted, and its states tell how
    long it was in them and how many calls it was denied there. Rules that guard a
    transition stand at their edges. Outside a project the plain machine is drawn.
    """
    chosen = _format_of(kind, output)
    if chosen == "png" and output is None and sys.stdout.isatty():
        raise MisuseError(
            "a PNG is no text that a terminal can show",
            code="GOV635",
            remedy="write it to a file with `-o machine.png`, or ask for mermaid, dot or svg",
        )
    definition = load_machine().definition
    path: SessionPath | None = None
    guards: dict[str, tuple[str, ...]] = {}
    if session is not None:
        project = project_of(directory)
        with store_of(project) as journal:
            require_session(journal, session)
            path = path_of(journal, session, definition)
        guards = _guards_in(project)
    elif directory is not None or _in_project():
        guards = _guards_in(project_of(directory))
    picture = render(definition, chosen, path, rules=guards)
    if output is None:
        sys.stdout.flush()
        sys.stdout.buffer.write(picture)
        return FINE
    write_file(output, picture, 0o644, project=directory)
    print_line(f"{output}: {chosen}, {number_of(len(picture), 'byte')}", "good", stderr=True)
    return FINE


def _format_of(kind: str | None, output: Path | None) -> Format:
    suffix = output.suffix.lower() if output is not None and kind is None else ""
    for name in FORMATS:
        if name == kind or (suffix and suffix == SUFFIXES[name]):
            return name
    if suffix:
        known = ", ".join(f"`{SUFFIXES[name]}`" for name in FORMATS)
        raise MisuseError(
            f"nothing is drawn as `{suffix}`",
            code="GOV635",
            remedy=f"name the file with {known}, or say `--format`",
        )
    return "mermaid"


def _in_project() -> bool:
    try:
        project_of(None)
    except DefinitionError:
        return False
    return True


def _guards_in(project: Project) -> dict[str, tuple[str, ...]]:
    try:
        return guards_of(law_of(project).rules)
    except DefinitionError:
        text = "rules on transitions are left out: the packs cannot be loaded"
        print_line(f"{text}; `governance check` says why", "wary", stderr=True)
        return {}


def path_of(journal: Journal, session: str, definition: Definition) -> SessionPath:
    """
    The way that *session* took, as its rows tell it, up to the last of them.

    A row counts as a move where the machine has an edge of its event between the states
    before and after it; every other row only passes time.
    """
    denials: dict[str, int] = {}
    steps = _steps(journal, session, definition, denials)
    # What came after the last row nobody has recorded: no time is counted for it.
    path = SessionPath.from_steps(steps, until_ms=0, title=session)
    return attrs.evolve(path, denials=denials)


def _steps(
    journal: Journal, session: str, definition: Definition, denials: dict[str, int]
) -> Iterator[tuple[int, Step]]:
    """Each row as a step, with its time; calls that were denied are added to *denials*."""
    moves = {(source, event, target) for source, event, target, _ in definition.moves()}
    state = SessionState(session)
    for record in progressing(rows_of(journal, session), "reading rows"):
        body = known_body(record)
        given = body.get("data")
        data: Mapping[str, Json] = given if isinstance(given, Mapping) else {}
        after = evolve(state, record.seq, record.kind, record.at_ms, body)
        name = str(state.state)
        if record.kind == "tool.decided" and data.get("action") in _REFUSED:
            denials[name] = denials.get(name, 0) + 1
        event = MOVED_BY.get(record.kind, "")
        if event == "reset" and data.get("cause") == _GAP:
            event = "resume"
        moved = bool(body.get("to")) and (name, event, str(after.state)) in moves
        outcome = "move" if moved else "stay"
        yield record.at_ms, Step(event, state.registers, after.registers, outcome, ())
        state = after


def guards_of(rules: RuleSet) -> dict[str, tuple[str, ...]]:
    """Machine event → the rules on transitions that look at it."""
    found: dict[str, tuple[str, ...]] = {}
    for event in EVENTS:
        asked = rules.candidates(RuleEvent("transition", {"event": event}))
        names = tuple(one.rule.id for one in asked if _looks_at(one, event))
        if names:
            found[event] = names
    return found


def _looks_at(one: CompiledRule, event: str) -> bool:
    """Whether the rule can hold of *event*: its matcher of the event, if it has one, does."""
    if one.match.when is None:
        return True
    said: list[Truth] = [
        matcher.test(event, {"event": event})
        for name, matcher in one.match.when.matchers
        if name == "event"
    ]
    return all(each is not False for each in said)


@command(
    "listeners",
    examples=[
        Example("governance listeners", "Who is shown what, in the order of their turns."),
        Example("governance listeners --format json", "For a program."),
    ],
)
@format_option()
@dir_option
def listeners(format_name: str, directory: Path | None) -> int:
    """
    List the listeners that the configuration registers, in the order of their turns.

    Sequential and concurrent listeners may refuse what has not happened yet, transforming
    ones may change it; auditing and background ones only look. A program that the project
    names is not called before a person has said `governance trust`. Listeners that a program
    registers with the engine it embeds are known to that program alone.
    """
    config = load_config(project_of(directory).directory)
    called = {one.name for one, enabled in _registered(trusted_config(config)) if enabled}
    found = [(one, one.name in called) for one, _ in _registered(config)]
    if format_name == "json":
        print_json(
            [
                {
                    "name": one.name,
                    "events": list(one.events),
                    "patterns": list(one.patterns),
                    "mode": one.mode,
                    "priority": one.priority,
                    "time_limit_ms": one.time_limit_ms,
                    "on_error": one.on_error,
                    "source": one.source,
                    "enabled": enabled,
                }
                for one, enabled in found
            ]
        )
        return FINE
    if not found:
        print_line("no listeners; `[[listener]]` in governance.toml registers one", "quiet")
        return FINE
    print_table(
        ("name", "mode", "priority", "limit", "events", "on error", "source", "enabled"),
        [
            (
                styled(one.name),
                styled(one.mode),
                styled(str(one.priority)),
                styled(f"{one.time_limit_ms} ms"),
                styled(f"{', '.join(one.patterns)} ({len(one.events)} of {len(CATALOGUE)})"),
                styled(one.on_error),
                styled(one.source),
                styled("yes", "good") if enabled else styled("not trusted", "bad"),
            )
            for one, enabled in found
        ],
        whole=("mode", "priority", "limit", "enabled"),
    )
    return FINE


def _registered(config: Config) -> tuple[tuple[Listener, bool], ...]:
    registry = listeners_of(config)
    try:
        return registry.describe()
    finally:
        registry.close()


COMMANDS = {"diagram": diagram, "listeners": listeners}
