"""A session's state as bytes and back, for snapshots: plain JSON, never pickle."""

from __future__ import annotations

from typing import Any, cast

import attrs

from governance.context import Anchor
from governance.ledger import Ledger
from governance.machine import Registers
from governance.session.metrics import Metrics
from governance.session.stall import StallWindow
from governance.session.state import (
    DeniedCall,
    Identity,
    MergeConflict,
    OpenCall,
    SessionState,
    packed_anchors,
    shared_denied,
)
from governance.session.usage import Usage
from governance.states import State
from governance.temporal.registers import registers_json, registers_of_json
from governance.values import Json, dump_json, load_json

_PLAIN = (
    "id", "head", "moved_at", "run", "created_at_ms", "last_work_at_ms", "interrupted_at_ms",
    "briefed_sha256", "briefed_pack", "task", "recent", "size_bytes",
)  # fmt: skip


def state_bytes(state: SessionState) -> bytes:
    """
    *state* as JSON bytes.

    Raises:
        ValueRefused: It holds something that no journal may hold.
    """
    made: dict[str, Any] = {name: getattr(state, name) for name in _PLAIN}
    made["registers"] = _registers_json(state.registers)
    made["identity"] = attrs.asdict(state.identity)
    made["open_calls"] = [list(attrs.astuple(call)) for call in state.open_calls]
    made["denied"] = [[one.tool, list(one.rules)] for one in state.denied]
    made["denied_marks"] = state.denied_marks.hex()
    made["done_tools"] = sorted(state.done_tools)
    made["labels"] = [list(one) for one in state.labels]
    made["past"] = registers_json(state.past)
    made["children"] = list(state.children)
    made["rolled"] = [[child, list(counts)] for child, counts in state.rolled]
    made["anchors"] = [attrs.asdict(one) for one in state.anchors]
    made["ledger"] = state.ledger.as_json()
    made["metrics"] = state.metrics.as_json()
    made["stalls"] = StallWindow.unpacked(state.stalls).as_json()
    made["usage"] = state.usage.as_json()
    made["origin"] = state.origin
    made["merges"] = [list(one) for one in state.merges]
    made["conflicts"] = [attrs.asdict(one) for one in state.conflicts]
    return dump_json(cast("Json", made))


def state_of_bytes(data: bytes) -> SessionState:
    """
    The state that `state_bytes` wrote.

    Raises:
        KeyError, TypeError, ValueError, ValueRefused: *data* is nothing that it wrote.
    """
    wrote = cast("dict[str, Any]", load_json(data))
    return SessionState(
        **{name: wrote[name] for name in _PLAIN},
        registers=_registers_of(wrote["registers"]),
        identity=Identity(
            **{**wrote["identity"], "parent_roles": tuple(wrote["identity"]["parent_roles"])}
        ),
        open_calls=tuple(_open_call(one) for one in wrote["open_calls"]),
        denied=shared_denied(DeniedCall(tool, tuple(rules)) for tool, rules in wrote["denied"]),
        denied_marks=bytes.fromhex(wrote["denied_marks"]),
        done_tools=frozenset(wrote["done_tools"]),
        labels=tuple((name, at_ms, fresh) for name, at_ms, fresh in wrote["labels"]),
        past=registers_of_json(wrote["past"]),
        children=tuple(wrote["children"]),
        rolled=tuple((child, tuple(counts)) for child, counts in wrote["rolled"]),
        kept_anchors=packed_anchors(Anchor(**one) for one in wrote["anchors"]),
        ledger=Ledger.from_json(wrote["ledger"]),
        counts=Metrics.from_json(wrote["metrics"]).packed(),
        stalls=StallWindow.from_json(wrote["stalls"]).packed(),
        used=Usage(**wrote["usage"]).packed(),
        origin=tuple(wrote["origin"]) if wrote["origin"] is not None else None,
        merges=tuple((name, seq, own) for name, seq, own in wrote["merges"]),
        conflicts=tuple(MergeConflict(**one) for one in wrote["conflicts"]),
    )


def _open_call(wrote: list[Any]) -> OpenCall:
    fields = dict(zip(attrs.fields_dict(OpenCall), wrote, strict=True))
    for name in ("paths", "labels", "marks"):
        fields[name] = _frozen(fields[name])
    return OpenCall(**fields)


def _frozen(value: Any) -> Any:
    return tuple(_frozen(one) for one in value) if isinstance(value, (list, tuple)) else value


def _registers_json(registers: Registers) -> dict[str, Json]:
    made: dict[str, Json] = attrs.asdict(registers)
    left = registers.left
    return made | {
        "state": registers.state.value,
        "left": None if left is None else left.value,
        "owed": sorted(registers.owed),
    }


def _registers_of(wrote: dict[str, Any]) -> Registers:
    left = wrote["left"]
    return Registers(
        **{
            **wrote,
            "state": State(wrote["state"]),
            "left": None if left is None else State(left),
            "owed": frozenset(wrote["owed"]),
        }
    )
