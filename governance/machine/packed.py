"""
A checked machine as plain JSON, for a cache that spares one-shot processes the checking.

Reading and proving the shipped file costs a hook process more than everything else it does.
Whoever caches compiled packs caches this beside them, under the machine file's hash.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from governance.machine.definition import Branch, Cell, Definition, EventRow, StateRow
from governance.machine.running import SessionMachine
from governance.values import Json

VERSION = 1
"""Changes whenever the packed form, a predicate or an effect changes its meaning."""


class PackedMachineDamaged(ValueError):
    """The value is no machine that `pack_machine` of this version made; read the file."""


def pack_machine(machine: SessionMachine) -> Json:
    """*machine* as a JSON object that `unpack_machine` of the same version can read."""
    definition = machine.definition
    return {
        "version": VERSION,
        "sha256": definition.sha256,
        "name": definition.name,
        "initial": definition.initial,
        "final": definition.final,
        "chain_max": definition.chain_max,
        "states": [
            [row.name, row.title, row.mark, row.live, row.summary]
            for row in definition.states.values()
        ],
        "events": [_pack_event(event) for event in definition.events.values()],
    }


def _pack_event(event: EventRow) -> Json:
    branches = {branch.index: branch for cell in event.cells.values() for branch in cell.branches}
    rows: list[Json] = [
        [
            index,
            branch.line,
            [[name, answer] for name, answer in branch.when],
            branch.first,
            branch.refuse,
            branch.outcome,
            branch.to,
            branch.do,
            branch.emits,
        ]
        for index, branch in sorted(branches.items())
    ]
    cells: list[Json] = [
        [state, cell.guards, [branch.index for branch in cell.branches]]
        for state, cell in event.cells.items()
    ]
    return [
        event.name,
        event.mode,
        event.summary,
        event.emits,
        event.guards,
        event.uses,
        event.line,
        rows,
        cells,
    ]


def unpack_machine(packed: Json) -> SessionMachine:
    """
    The machine in *packed*, which is trusted to be what `pack_machine` gave.

    Nothing is proven again. Keep it where the governed agent cannot write.

    Raises:
        PackedMachineDamaged: It has another version or another shape.
    """
    if not isinstance(packed, Mapping) or packed.get("version") != VERSION:
        raise PackedMachineDamaged("another version of the packed form")
    plain: Mapping[str, Any] = packed
    try:
        return SessionMachine(
            Definition(
                name=plain["name"],
                initial=plain["initial"],
                final=plain["final"],
                chain_max=plain["chain_max"],
                states={row[0]: StateRow(*row) for row in plain["states"]},
                events={row[0]: _unpack_event(*row) for row in plain["events"]},
                sha256=plain["sha256"],
            )
        )
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise PackedMachineDamaged(f"another shape: {error!r}") from None


def _unpack_event(
    name: str,
    mode: Any,
    summary: str,
    emits: list[str],
    guards: list[str],
    uses: list[str],
    line: int,
    rows: list[list[Any]],
    cells: list[list[Any]],
) -> EventRow:
    branches = {
        index: Branch(
            when=tuple((one, answer) for one, answer in when),
            first=first,
            refuse=refuse,
            outcome=outcome,
            to=to,
            do=tuple(do),
            emits=tuple(sent),
            index=index,
            line=at,
        )
        for index, at, when, first, refuse, outcome, to, do, sent in rows
    }
    return EventRow(
        name=name,
        mode=mode,
        summary=summary,
        emits=tuple(emits),
        guards=tuple(guards),
        uses=tuple(uses),
        cells={
            state: Cell(tuple(held), tuple(branches[index] for index in found))
            for state, held, found in cells
        },
        line=line,
    )
