"""`branch`, `switch` and `merge`: sessions that go on from one another."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click

from governance.cli.frame import (
    FINE,
    FOUND,
    ROW_MAX,
    Example,
    command,
    dir_option,
    format_option,
    key_option,
    project_of,
)
from governance.cli.guard import require_person
from governance.cli.opening import behind_guard, require_session, store_of
from governance.cli.output import print_json, print_line, value_text
from governance.cli.recording import person_name, recorded_json, recording_engine
from governance.cli.tables import print_table
from governance.engine.merging import MergeReport, Take, conflict_json
from governance.engine.restoring import restore
from governance.errors import number_of
from governance.project import Project
from governance.session.state import MergeConflict
from governance.values import Json

HOST_WORDS = {
    "claude-code": "the client goes on in it by `claude --resume`, under the id of its own",
}
"""Host → how a person makes it work on another session; governance only records that."""


@command(
    "branch",
    examples=[
        Example("governance branch demo", "Go on from where the session stands."),
        Example("governance branch demo --at 3 --name second-try", "From its third row."),
    ],
)
@click.argument("session")
@click.option(
    "--at",
    type=click.IntRange(1, ROW_MAX),
    default=None,
    help="Row to go on from.  [default: the last]",
)
@click.option("--name", default=None, help="Id of the branch.  [default: SESSION~ROW]")
@format_option()
@key_option
@dir_option
def branch(
    session: str,
    at: int | None,
    name: str | None,
    format_name: str,
    key_file: Path | None,
    directory: Path | None,
) -> int:
    """
    Begin a session that goes on from a row of another one.

    A person's command. Both share the rows up to there, and it costs one row however many
    there are. In the branch no model was told anything yet; open calls, approvals and
    sub-sessions stay behind; violations and halts of the parent hold there as well.
    """
    project = project_of(directory)
    require_person("branch", project, key_file)
    with recording_engine(project) as engine:
        require_session(engine.journal, session)
        made = engine.branch(session, at=at, name=name, actor=person_name())
        state = made.state
    row = state.origin[1] if state.origin is not None else 0
    if format_name == "json":
        print_json({"ok": True, "session": made.id, "parent": session, "at": row})
    else:
        print_line(f"{made.id} goes on from row {row} of {session}", "good")
    return FINE


@command(
    "switch",
    examples=[
        Example("governance switch demo second-try", "Leave a session for a branch of it."),
    ],
)
@click.argument("session")
@click.argument("to")
@format_option()
@key_option
@dir_option
def switch(
    session: str, to: str, format_name: str, key_file: Path | None, directory: Path | None
) -> int:
    """
    Leave SESSION and go on in TO: one is interrupted, the other resumed.

    A person's command. It records where work goes on, and what the model must be told there
    is owed to it; no host is made to open another conversation by it. An embedding program
    switches by the same verb of the engine and uses the handle that it gives.
    """
    project = project_of(directory)
    require_person("switch", project, key_file)
    with recording_engine(project) as engine:
        for one in (session, to):
            require_session(behind_guard(engine.journal), one)
        entered = engine.switch(session, to)
        left, state = engine.state(session), entered.state
    if format_name == "json":
        told: dict[str, Json] = {"left": str(left.state), "entered": str(state.state)}
        owed = sorted(state.registers.owed)
        print_json({"ok": True, "session": session, "to": to, **told, "owed": owed})
        return FINE
    print_line(f"{session} is {left.state}, {to} is {state.state}", "good")
    hint = HOST_WORDS.get(state.identity.host)
    if hint:
        print_line(hint, "quiet")
    return FINE


@command(
    "merge",
    examples=[
        Example("governance merge demo second-try", "Take over what a branch has come to."),
        Example("governance merge demo --show", "What merges left open."),
        Example(
            "governance merge demo --resolve m-1 --value '\"SQLite\"'",
            "Settle a conflict by a value of your own.",
        ),
    ],
    exits="0 fine, 1 conflicts are open, 2 could not do what was asked",
)
@click.argument("target")
@click.argument("source", required=False)
@click.option("--show", is_flag=True, help="List the conflicts that are open.")
@click.option("--resolve", "conflict", default="", help="Settle the conflict of this id.")
@click.option("--take", type=click.Choice(["ours", "theirs"]), default=None, help="By which side.")
@click.option("--value", default=None, help="By this value, as JSON.")
@format_option()
@key_option
@dir_option
def merge(
    target: str,
    source: str | None,
    show: bool,
    conflict: str,
    take: str | None,
    value: str | None,
    format_name: str,
    key_file: Path | None,
    directory: Path | None,
) -> int:
    """
    Take over in TARGET what SOURCE has come to since they parted.

    A person's command, but for --show. Fields, settings, labels and anchors are merged, each
    against the common ancestor; where both sides have changed a value TARGET keeps its own,
    and a conflict waits for --resolve. Violations count where they happened.
    """
    project = project_of(directory)
    if sum((show, bool(conflict), source is not None)) != 1:
        raise click.UsageError("one of SOURCE, --show and --resolve")
    if conflict and (take is None) == (value is None):
        raise click.UsageError("--resolve needs one of --take and --value")
    if show:
        with store_of(project) as journal:
            require_session(journal, target)
            return _show(target, restore(journal, target).conflicts, format_name)
    require_person("merge", project, key_file)
    if conflict:
        return _resolve(project, target, conflict, take, value, format_name)
    with recording_engine(project) as engine:
        for one in (target, source or ""):
            require_session(behind_guard(engine.journal), one)
        report = engine.merge(target, source or "", actor=person_name())
    return _tell(report, format_name)


def _resolve(
    project: Project,
    target: str,
    conflict: str,
    take: str | None,
    value: str | None,
    format_name: str,
) -> int:
    word: Take = "value" if take is None else "ours" if take == "ours" else "theirs"
    given: Json = None
    if value is not None:
        try:
            given = json.loads(value)
        except (ValueError, RecursionError):
            raise click.BadParameter(
                "no JSON; a text stands in quotes", param_hint="--value"
            ) from None
    with recording_engine(project) as engine:
        require_session(behind_guard(engine.journal), target)
        record = engine.resolve(target, conflict, word, value=given, actor=person_name())
        left = len(engine.state(target).conflicts)
    if format_name == "json":
        told: dict[str, Json] = {"id": conflict, "take": word, "open": left}
        print_json(recorded_json(told, session=target, seq=record.seq))
    else:
        print_line(f"conflict {conflict} settled; {number_of(left, 'conflict')} open", "good")
    return FINE


def _show(target: str, conflicts: Sequence[MergeConflict], format_name: str) -> int:
    if format_name == "json":
        print_json({"session": target, "conflicts": [conflict_json(one) for one in conflicts]})
    elif not conflicts:
        print_line("no conflict is open", "good")
    else:
        _print_conflicts(conflicts)
        print_line(f"`governance merge {target} --resolve ID --take ours|theirs`", "quiet")
    return FOUND if conflicts else FINE


def _tell(report: MergeReport, format_name: str) -> int:
    conflicts = report.merged.conflicts
    if format_name == "json":
        print_json(report.as_json())
        return FOUND if conflicts else FINE
    if not report.seq:
        print_line(f"{report.source} has nothing new for {report.target}", "quiet")
        return FINE
    taken = sum(len(one) for one in report.merged.set.values())
    gone = sum(len(one) for one in report.merged.unset.values())
    base = f"row {report.base.seq} of {report.base.parent}"
    print_line(
        f"{report.source} merged from {base} on: {number_of(taken, 'value')} taken over, "
        f"{gone} taken out, {number_of(len(conflicts), 'conflict')}",
        "wary" if conflicts else "good",
    )
    if conflicts:
        _print_conflicts(conflicts)
    return FOUND if conflicts else FINE


def _print_conflicts(conflicts: Sequence[MergeConflict]) -> None:
    print_table(
        ("id", "kind", "key", "base", "ours", "theirs", "from"),
        [
            (one.id, one.kind, one.key, *(_side(one, name) for name in _SIDES), one.source)
            for one in conflicts
        ],
        whole=("id", "kind"),
    )


_SIDES = ("base", "ours", "theirs")
_SIDE_CHARACTERS = 200


def _side(one: MergeConflict, name: str) -> str:
    return value_text(one.sides[name], _SIDE_CHARACTERS) if name in one.sides else "—"


COMMANDS = {"branch": branch, "merge": merge, "switch": switch}
