"""The way that one session took, drawn as text, from its rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from attrs import evolve

from governance._attrs import frozen
from governance.cli.machines import MOVED_BY
from governance.cli.output import Tone
from governance.diagrams.path import spell_ms
from governance.errors import number_of
from governance.formats import body_of
from governance.journal.records import Record
from governance.machine.definition import Definition
from governance.machine.registers import ABSENT

DENYING = frozenset({"deny", "halt"})


@frozen
class Stay:
    """
    One stay in one state.

    Attributes:
        event: What led here, or ``""`` for where a session begins.

        calls: Tool calls that were decided here.
    """

    state: str
    event: str = ""
    since_ms: int = 0
    spent_ms: int = 0
    turns: int = 0
    calls: int = 0
    denied: int = 0

    @property
    def doings(self) -> str:
        """What was done here, in words."""
        counted = (
            (self.turns, "turn", ""),
            (self.calls, "call", f", {self.denied} denied" if self.denied else ""),
        )
        return ", ".join(number_of(count, noun) + more for count, noun, more in counted if count)


def stays(rows: Iterable[Record]) -> tuple[Stay, ...]:
    """The stays of the session whose whole journal *rows* is; the last has no end yet."""
    made: list[Stay] = [Stay(ABSENT.state.value)]
    for record in rows:
        body = body_of(record)
        before, after = str(body.get("before") or ""), str(body.get("after") or "")
        if before != after:
            here = made[-1]
            made[-1] = evolve(here, spent_ms=max(0, record.at_ms - here.since_ms))
            event = MOVED_BY.get(record.kind, record.kind)
            made.append(Stay(after, event, record.at_ms))
            continue
        data = body.get("data")
        here = made[-1]
        if record.kind == "turn.started":
            made[-1] = evolve(here, turns=here.turns + 1)
        elif record.kind == "tool.decided":
            action = data.get("action") if isinstance(data, dict) else ""
            made[-1] = evolve(here, calls=here.calls + 1, denied=here.denied + (action in DENYING))
    return (evolve(made[0], spent_ms=0), *made[1:])


def lines_of(way: Sequence[Stay], definition: Definition) -> Iterator[tuple[str, Tone]]:
    """*way* drawn downwards, one line a state and one an event, each with its tone."""
    wide = max(len(_title(definition, one.state)) for one in way)
    for at, here in enumerate(way):
        if at:
            yield f"  │ {here.event}", "quiet"
        last = at == len(way) - 1
        parts = [spell_ms(here.spent_ms) if at and not last else "", here.doings]
        told = "  ".join(part for part in parts if part)
        dots = "·" * (wide - len(_title(definition, here.state)) + 3)
        line = f"  {'●' if last else '○'} {_title(definition, here.state)}"
        yield (f"{line} {dots} {told}" if told else line), "bad" if here.denied else "plain"


def _title(definition: Definition, state: str) -> str:
    row = definition.states.get(state)
    # Where a session begins and where it ends have the same sign in pictures.
    return row.title if row is not None and row.title != "[*]" else state.capitalize()
