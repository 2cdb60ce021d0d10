"""`show`: everything that is known of one session."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import attrs
import click

from governance.cli.frame import (
    FINE,
    Example,
    command,
    dir_option,
    format_option,
    project_of,
)
from governance.cli.held_above import Above, above_json, line_of, print_holds, step_lines
from governance.cli.opening import require_session, store_of
from governance.cli.output import moment, print_json, print_line, span, styled, value_text
from governance.cli.row_text import row_body, row_text
from governance.cli.sessions import STATE_TONES, ago, counts_text
from governance.cli.tables import print_table
from governance.clock import SystemClock
from governance.engine.merging import conflict_json
from governance.engine.restoring import restore
from governance.errors import number_of
from governance.journal.records import Journal, Record
from governance.ledger import halted, in_force
from governance.session.state import SessionState
from governance.values import Json

ROWS_MAX = 200
_LINE_CHARACTERS = 160


@command(
    "show",
    examples=[
        Example("governance show demo", "Where the session stands and what it did."),
        Example("governance show demo --rows 30", "With more of its journal."),
        Example("governance show demo --format json", "For a program."),
    ],
)
@click.argument("session")
@click.option(
    "--rows",
    type=click.IntRange(0, ROWS_MAX),
    default=8,
    show_default=True,
    help="How many of the newest rows of its journal.",
)
@format_option()
@dir_option
def show(session: str, rows: int, format_name: str, directory: Path | None) -> int:
    """
    Show everything that is known of one session.

    All of it is read off the journal: state and registers, what the model must still be
    told, who the session is, its figures (own work and that of its sub-sessions), open
    calls, approvals, violations, halts, steps of the ladder in force, what holds of it because
    it holds of a session above it, anchors, labels, sub-sessions, predecessor, and the newest
    rows.
    """
    now_ms = SystemClock().now_ms()
    with store_of(project_of(directory)) as journal:
        require_session(journal, session)
        state = restore(journal, session)
        newest = journal.read(session, limit=rows, reverse=True)[::-1] if rows else ()
        line = line_of(journal, state.identity.parent)
        known = session_json(state, now_ms)
        known |= {"above": above_json(line, now_ms), "rows": [_row_json(one) for one in newest]}
        children = [_child_line(journal, name) for name in state.children]
    if format_name == "json":
        print_json(known)
    else:
        _print(state, now_ms, line, children, newest)
    return FINE


def session_json(state: SessionState, now_ms: int) -> dict[str, Json]:
    """All of *state* as programs read it; names are those of the engine's own fields."""
    registers, ledger = state.registers, state.ledger
    identity = {
        name: value for name, value in attrs.asdict(state.identity).items() if value not in ("", ())
    }
    return {
        "id": state.id,
        "head": state.head,
        "state": str(state.state),
        "governance_injected": state.governance_injected,
        "registers": {
            "left": str(registers.left) if registers.left else None,
            "owed": sorted(registers.owed),
            "stale": registers.stale,
            "turn": registers.turn,
            "turn_open": registers.turn_open,
            "taken": registers.taken,
            "epoch": registers.epoch,
        },
        "identity": _plain(identity),
        "task": state.task,
        "created_at_ms": state.created_at_ms,
        "last_work_at_ms": state.last_work_at_ms,
        "interrupted_at_ms": state.interrupted_at_ms,
        "briefed": {"sha256": state.briefed_sha256, "packs": state.briefed_pack},
        "metrics": state.metrics.as_json(),
        "with_children": state.metrics.rolled_up(),
        "open_calls": [_plain(attrs.asdict(one)) for one in state.open_calls],
        "approvals": [one.as_json() | {"open": one.open_at(now_ms)} for one in ledger.approvals],
        "violations": {
            "total": ledger.total,
            "pardoned": ledger.violations.pardoned,
            "by_severity": dict(ledger.counts),
            "by_rule": dict(ledger.count_by("rule")),
            "by_role": dict(ledger.count_by("role")),
        },
        "halted": halted(ledger, now_ms),
        "halts": [_plain(attrs.asdict(one)) for one in ledger.halts],
        "steps_in_force": [one.as_json() for one in in_force(ledger, now_ms)],
        "anchors": [_plain(attrs.asdict(one)) for one in state.anchors],
        "labels": {name: at_ms for name, at_ms, _ in state.labels},
        "children": list(state.children),
        "branched_from": _origin_json(state),
        "merged": [{"session": name, "seq": seq, "row": row} for name, seq, row in state.merges],
        "conflicts": [conflict_json(one) for one in state.conflicts],
        "size_bytes": state.size_bytes,
        "done_tools": sorted(state.done_tools),
        "recent": [line for line in state.recent.split("\n") if line],
    }


def _origin_json(state: SessionState) -> Json:
    return None if state.origin is None else {"session": state.origin[0], "seq": state.origin[1]}


def _plain(value: object) -> Json:
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(one) for one in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return str(value)


def _row_json(record: Record) -> dict[str, Json]:
    body = row_body(record)
    data = body.get("data") if isinstance(body, Mapping) else body
    return {"seq": record.seq, "kind": record.kind, "at_ms": record.at_ms, "data": data}


def _child_line(journal: Journal, name: str) -> tuple[str, str, str]:
    child = restore(journal, name)
    return name, str(child.state), child.identity.role


def _print(
    state: SessionState,
    now_ms: int,
    line: Sequence[Above],
    children: Iterable[tuple[str, str, str]],
    newest: Iterable[Record],
) -> None:
    _print_standing(state, now_ms, line)
    _facts("identity", _identity_lines(state))
    _facts("figures", _metric_lines(state))
    _print_ledger(state, now_ms, line)
    _print_approvals(state, now_ms)
    _print_calls(state, now_ms)
    _print_memory(state, now_ms)
    family = list(children)
    if family:
        _head("sub-sessions at work")
        print_table(("session", "state", "role"), family)
    rows = list(newest)
    if rows:
        _head(f"newest {len(rows)} of {number_of(state.head, 'row')}")
        print_table(
            ("row", "when", "kind", "what"),
            [
                (str(one.seq), _clock(one.at_ms), one.kind, row_text(one, _LINE_CHARACTERS))
                for one in rows
            ],
            whole=("row", "when"),
        )


def _head(text: str) -> None:
    from governance.cli.output import console

    line = styled(text)
    line.stylize("bold underline")
    console().print(line)


def _facts(title: str, lines: Iterable[tuple[str, str]]) -> None:
    """A titled list of names and values; nothing at all when there is no line."""
    from rich.table import Table

    from governance.cli.output import console

    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in lines:
        grid.add_row(styled(f"  {name}", "quiet"), styled(value))
    if grid.row_count:
        _head(title)
        console().print(grid)
        print_line("")


def _print_standing(state: SessionState, now_ms: int, line_above: Sequence[Above]) -> None:
    from governance.cli.output import console

    registers = state.registers
    name = str(state.state)
    line = styled(f"{state.id}  ")
    line.stylize("bold")
    line.append_text(styled(name, STATE_TONES.get(name, "plain")))
    if state.governance_injected:
        line.append_text(styled(", briefed", "good"))
    elif registers.owed:
        owed = ", ".join(sorted(registers.owed))
        line.append_text(styled(f", the model must still be told: {owed}", "wary"))
    console().print(line)
    print_holds(state, line_above, now_ms)
    print_line("")
    lines = [
        ("epoch", str(registers.epoch)),
        ("turn", f"{registers.turn}{' (open)' if registers.turn_open else ''}"),
        ("last work", ago(state.last_work_at_ms, now_ms)),
        ("created", moment(state.created_at_ms)),
    ]
    if state.origin is not None:
        lines.append(("branched off", f"{state.origin[0]}, row {state.origin[1]}"))
    if state.conflicts:
        lines.append(("conflicts", f"{len(state.conflicts)}; `governance merge {state.id} --show`"))
    if registers.left is not None:
        lines.append(("left", str(registers.left)))
    if registers.stale:
        lines.append(("stale", "the first write needs a person's leave"))
    if registers.taken:
        lines.append(("compaction", "taken; a second report of it changes nothing"))
    if state.task:
        lines.append(("task", state.task))
    _facts("standing", lines)


def _identity_lines(state: SessionState) -> list[tuple[str, str]]:
    lines = []
    for name, value in attrs.asdict(state.identity).items():
        if value in ("", (), None, 0):
            continue
        shown = ", ".join(value) if isinstance(value, tuple) else value
        text = value_text(shown, _LINE_CHARACTERS) if isinstance(shown, Mapping) else str(shown)
        lines.append((name.replace("_", " "), text))
    if state.labels:
        lines.append(("labels", ", ".join(name for name, _, _ in state.labels)))
    if state.done_tools:
        lines.append(("tools used", ", ".join(sorted(state.done_tools))))
    return lines


def _metric_lines(state: SessionState) -> list[tuple[str, str]]:
    made = state.metrics.as_json()
    lines = []
    own = {name: value for name, value in made.items() if not name.startswith("children")}
    groups = (
        ("tool calls", "tools_", ""),
        ("sub-sessions", "children_", f"{made.get('children', 0)} begun"),
    )
    for title, prefix, first in groups:
        words = [_counted(value, name.removeprefix(prefix)) for name, value in made.items()
                 if name.startswith(prefix)]  # fmt: skip
        if words:
            lines.append((title, ", ".join([*([first] if first else []), *words])))
    rest = [
        _counted(value, name)
        for name, value in own.items()
        if not name.startswith("tools_") and name != "tool_ms"
    ]
    if rest:
        lines.insert(0, ("session", ", ".join(rest)))
    if state.metrics.tool_ms:
        lines.append(("time in tools", span(state.metrics.tool_ms)))
    if any(name.startswith("children_") for name in made):
        whole = state.metrics.rolled_up()
        words = [_counted(value, name.removeprefix("children_")) for name, value in whole.items()]
        lines.append(("own and delegated", ", ".join(words)))
    return lines


def _counted(value: Json, name: str) -> str:
    words = name.replace("_", " ")
    return f"{value} {words.removesuffix('s') if value == 1 else words}"


def _print_ledger(state: SessionState, now_ms: int, line: Sequence[Above]) -> None:
    ledger = state.ledger
    lines = []
    if ledger.total:
        lines.append(("standing", f"{ledger.total}: {counts_text(ledger.counts)}"))
        lines += [(f"  {rule}", str(count)) for rule, count in ledger.count_by("rule").items()]
    if ledger.violations.pardoned:
        lines.append(("pardoned", str(ledger.violations.pardoned)))
    for halt in ledger.halts:
        since = moment(halt.at_ms)
        why = " ".join(halt.reason.split())
        lines.append(("halt", f"{halt.rule} (the {halt.scope}, since {since}): {why}"))
    lines += step_lines(ledger, line, now_ms)
    _facts("violations", lines)


def _print_approvals(state: SessionState, now_ms: int) -> None:
    rows = [
        (
            one.id,
            one.status if one.open_at(now_ms) else "over",
            one.summary,
            ", ".join(one.rules),
            moment(one.expires_at_ms),
        )
        for one in state.ledger.approvals
    ]
    if rows:
        _head("approvals")
        print_table(("id", "status", "what", "asked by", "until"), rows)


def _print_calls(state: SessionState, now_ms: int) -> None:
    rows = [
        (
            one.call_id,
            one.tool,
            one.intent,
            "waits for a person" if one.questioned else "runs",
            ago(one.asked_at_ms, now_ms),
        )
        for one in state.open_calls
    ]
    if rows:
        _head("calls without an outcome")
        print_table(("call", "tool", "what", "it", "since"), rows)


def _print_memory(state: SessionState, now_ms: int) -> None:
    rows = [
        (one.id, one.type, one.priority, one.text, ago(one.at_ms, now_ms)) for one in state.anchors
    ]
    if rows:
        _head("anchors")
        print_table(("id", "type", "priority", "text", "added"), rows)


def _clock(at_ms: int) -> str:
    return moment(at_ms)[5:-1].replace("T", " ")


COMMANDS = {"show": show}
