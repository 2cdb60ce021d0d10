"""
`evolve`: apply one recorded row to a session.

It never asks the machine, the rules or the clock: rows carry the registers they lead to,
so that replay needs nothing but the journal, and yesterday's journal gives the same
session under tomorrow's rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from operator import attrgetter
from sys import intern
from typing import Any, TypeAlias, cast

import attrs

from governance.context import Anchor, keep_anchors
from governance.machine import Registers
from governance.rules.verdicts import LABEL_CONTEXT, LABEL_TURN, LABELS_MAX
from governance.session import merging, stall
from governance.session.metrics import add_counts, counted_of_child
from governance.session.state import (
    CHILDREN_MAX,
    CONFLICTS_MAX,
    MERGES_MAX,
    OPEN_CALLS_MAX,
    RECENT_CHARS_MAX,
    RECENT_MAX,
    ROLLED_MAX,
    DeniedCall,
    Identity,
    MergeConflict,
    OpenCall,
    SessionState,
    packed_anchors,
    with_denied,
    without_denied,
)
from governance.session.usage import NOTHING_USED
from governance.states import State
from governance.temporal.registers import applied
from governance.values import Json

Body = Mapping[str, Json]
Changes = dict[str, object]
Fold = Callable[[SessionState, Mapping[str, Any], int], Changes]


def evolve(
    state: SessionState, seq: int, kind: str, at_ms: int, body: Body, size_bytes: int = 0
) -> SessionState:
    """
    *state* after the row *seq* of *kind*, which takes *size_bytes* as it is stored.

    Unknown kinds change nothing but the head, so that a journal with rows of a later
    version of the catalogue can still be shown.
    """
    changes: Changes = {"head": seq}
    to = cast("Mapping[str, Any] | None", body.get("to"))
    past: Mapping[str, Any] = {}
    if to:
        changes |= _apply(state, to, seq)
        past = to.get("past") or {}
        if past.get("begins") and state.labels:
            state = attrs.evolve(state, labels=_aged(state.labels, int(past["begins"])))
    data = cast("Mapping[str, Any]", body.get("data") or {})
    fold = _FOLDS.get(kind)
    if fold is not None:
        changes |= fold(state, data, at_ms)
    if past.get("marks") and changes.get("open_calls"):
        *others, call = cast("tuple[OpenCall, ...]", changes["open_calls"])
        marked = attrs.evolve(call, marks=_frozen(past["marks"]))
        changes["open_calls"] = (*others, marked)
    if size_bytes:
        before = cast("int", changes.get("size_bytes", state.size_bytes))
        changes["size_bytes"] = before + size_bytes
    ledger = state.ledger.apply(kind, data, at_ms)
    if ledger is not state.ledger:
        changes["ledger"] = ledger
    # As `attrs.evolve`, at half its price: this runs for every row of every session.
    values: Iterator[Any] = map(changes.get, _FIELDS, _VALUES(state))
    return SessionState(*values)


_FIELDS = tuple(attrs.fields_dict(SessionState))
_VALUES: Callable[[SessionState], tuple[Any, ...]] = attrgetter(*_FIELDS)


def with_bytes(state: SessionState, size_bytes: int) -> SessionState:
    """*state* with so many bytes of rows more, at a third of the price of `attrs.evolve`."""
    # INVARIANT: the size is the last of the fields.
    assert _FIELDS[-1] == "size_bytes", "a field was added behind `size_bytes`"
    values = list(_VALUES(state))
    values[-1] += size_bytes
    return SessionState(*values)


def _apply(state: SessionState, to: Mapping[str, Any], seq: int) -> Changes:
    """What ``to`` sets: registers by their names, and a few fields of the session."""
    changes: Changes = {}
    registers = {name: to[name] for name in _REGISTERS if name in to}
    if registers:
        after = _registers(state.registers, registers)
        if after.state is not state.state or not after.owed <= state.registers.owed:
            changes["moved_at"] = seq
        changes["registers"] = after
    if "identity" in to:
        new = {k: intern(v) if isinstance(v, str) else v for k, v in to["identity"].items()}
        if "parent_roles" in new:
            new["parent_roles"] = tuple(intern(role) for role in new["parent_roles"])
        changes["identity"] = _shared(attrs.evolve(state.identity, **cast("dict[str, Any]", new)))
    if "run" in to:
        changes["run"] = intern(to["run"])  # one process has many sessions
    if "past" in to:
        changes["past"] = applied(state.past, to["past"])
    for name in ("last_work_at_ms", "created_at_ms"):
        if name in to:
            changes[name] = to[name]
    return changes


def _frozen(value: Any) -> Any:
    return tuple(_frozen(one) for one in value) if isinstance(value, (list, tuple)) else value


_Labels: TypeAlias = tuple[tuple[str, int, int], ...]


def _aged(labels: _Labels, begins: int) -> _Labels:
    """*labels* after a turn or a context began anew."""
    return tuple((name, at_ms, fresh & ~begins) for name, at_ms, fresh in labels)


def _with_labels(state: SessionState, names: Iterable[str], at_ms: int) -> _Labels:
    """The labels of *state* with *names* set now."""
    new = tuple((intern(name), at_ms, LABEL_TURN | LABEL_CONTEXT) for name in names)
    set_now = {name for name, _, _ in new}
    return (*(one for one in state.labels if one[0] not in set_now), *new)[-LABELS_MAX:]


_REGISTERS = tuple(attrs.fields_dict(Registers))


def _registers(before: Registers, new: dict[str, Any]) -> Registers:
    if "state" in new:
        new["state"] = State(new["state"])
    if new.get("left") is not None:
        new["left"] = State(new["left"])
    if "owed" in new:
        new["owed"] = _shared_set(tuple(new["owed"]))
    return _same_registers(attrs.evolve(before, **new))


@lru_cache(maxsize=65_536)
def _same_registers(registers: Registers) -> Registers:
    # Sessions stand in few different places: those that stand in one share its registers.
    return registers


@lru_cache(maxsize=65_536)
def _same_identity(identity: Identity) -> Identity:
    return identity


def _shared(identity: Identity) -> Identity:
    """*identity*, or its equal that another session has already."""
    # Own fields are a table, which cannot be looked up.
    return identity if identity.fields is not None else _same_identity(identity)


def registers_json(before: Registers, after: Registers) -> dict[str, Json]:
    """The registers that *after* has otherwise than *before*, as a row's ``to``."""
    changed: dict[str, Json] = {}
    for name in _REGISTERS:
        value = getattr(after, name)
        if value != getattr(before, name):
            changed[name] = sorted(value) if name == "owed" else _plain(value)
    return changed


def _plain(value: Json) -> Json:
    return value.value if isinstance(value, State) else value


@lru_cache(maxsize=4096)
def _shared_set(names: tuple[str, ...]) -> frozenset[str]:
    # Most sessions owe and use the same few names: one object serves them all.
    return frozenset(intern(name) for name in names)


def _remember(state: SessionState, done: str, outcome: str = "") -> str:
    end = f" ({outcome})" if outcome else ""
    line, room = done.replace("\n", " "), RECENT_CHARS_MAX - len(end)
    line = line if len(line) <= room else f"{line[: room - 1]}…"
    lines = [*state.recent.split("\n"), line + end]
    return "\n".join([one for one in lines if one][-RECENT_MAX:])


def _created(state: SessionState, data: Mapping[str, Any], at_ms: int) -> Changes:
    return {"created_at_ms": at_ms}


def _turn_started(state: SessionState, data: Mapping[str, Any], at_ms: int) -> Changes:
    changes: Changes = {"counts": add_counts(state.counts, turns=1)}
    if data.get("labels"):
        changes["labels"] = _with_labels(state, data["labels"], at_ms)
    if data.get("prompt") and data.get("prompt_source", "user") == "user":
        changes["task"] = str(data["prompt"])[:200]
    return changes


_DECIDED = {
    "allow": "tools_allowed",
    "warn": "tools_warned",
    "rewrite": "tools_rewritten",
    "ask": "tools_questioned",
    "deny": "tools_denied",
    "halt": "tools_denied",
}


def _tool_decided(state: SessionState, data: Mapping[str, Any], at_ms: int) -> Changes:
    action = data["action"]
    counts = {"tools_asked": 1, _DECIDED[action]: 1}
    changes: Changes = {"counts": add_counts(state.counts, **counts)}
    call_id = data.get("call_id")
    if not data.get("open"):
        if call_id:
            denied = DeniedCall(data["tool"], tuple(data.get("rules") or ()))
            changes["denied"], changes["denied_marks"] = with_denied(state, call_id, denied)
        return changes
    intent = data.get("intent", "")
    changes["stalls"] = stall.see_call(state.stalls, intent, data.get("delegate", ""))
    if call_id:
        changes |= _heard_of(state, call_id)
        call = OpenCall(
            call_id=call_id,
            tool=intern(data["tool"]),
            intent=intent,
            asked_at_ms=at_ms,
            questioned=action == "ask",
            approval=data.get("approval", ""),
            stale=bool(data.get("stale")),
            paths=tuple(data.get("paths") or ()),
            labels=tuple(intern(name) for name in data.get("pending_labels") or ()),
            runs_as=data.get("runs_as", ""),
            fingerprint=data.get("fingerprint", ""),
        )
        changes["open_calls"] = (*state.open_calls, call)[-OPEN_CALLS_MAX:]
    if data.get("labels"):
        changes["labels"] = _with_labels(state, data["labels"], at_ms)
    return changes


def _heard_of(state: SessionState, call_id: str) -> Changes:
    """What changes where a call that was denied comes up again."""
    if not state.denied_marks:
        return {}
    denied, marks = without_denied(state, call_id)
    return {"denied": denied, "denied_marks": marks}


def _tool_finished(state: SessionState, data: Mapping[str, Any], at_ms: int) -> Changes:
    outcome = data["outcome"]
    counts = {f"tools_{outcome}": 1, "tool_ms": int(data.get("duration_ms") or 0)}
    changes: Changes = {"counts": add_counts(state.counts, **counts)}
    intent, error = data.get("intent", ""), data.get("error") or ""
    changes["stalls"] = stall.see_result(state.stalls, outcome, intent, error)
    call_id = data.get("call_id")
    if call_id:
        changes["open_calls"] = tuple(c for c in state.open_calls if c.call_id != call_id)
        changes |= _heard_of(state, call_id)
    if data.get("labels"):
        changes["labels"] = _with_labels(state, data["labels"], at_ms)
    if outcome == "ok" and data["tool"] not in state.done_tools:
        changes["done_tools"] = _shared_set(tuple(sorted(state.done_tools | {data["tool"]})))
    if data.get("clears_stale"):
        changes["registers"] = state.registers.approve_write()
    changes["recent"] = _remember(state, intent or data["tool"], outcome)
    return changes


def _command(state: SessionState, data: Mapping[str, Any], at_ms: int) -> Changes:
    recent = _remember(state, f"/{data['name']}")
    changes: Changes = {"counts": add_counts(state.counts, commands=1), "recent": recent}
    if data.get("labels"):
        changes["labels"] = _with_labels(state, data["labels"], at_ms)
    return changes


def _compacted(state: SessionState, data: Mapping[str, Any], at_ms: int) -> Changes:
    changes: Changes = {"counts": add_counts(state.counts, compactions=1)}
    if state.used:
        # How large the context is now, nobody has told yet.
        now = attrs.evolve(state.usage, context_tokens=None, context_ratio=None)
        changes["used"] = now.packed()
    return changes


def _used(state: SessionState, data: Mapping[str, Any], at_ms: int) -> Changes:
    return {"used": state.usage.plus(data).packed()}


def _interrupted(state: SessionState, data: Mapping[str, Any], at_ms: int) -> Changes:
    return {"counts": add_counts(state.counts, interruptions=1), "interrupted_at_ms": at_ms}


def _resumed(state: SessionState, data: Mapping[str, Any], at_ms: int) -> Changes:
    return {"counts": add_counts(state.counts, resumes=1)}


def _reset(state: SessionState, data: Mapping[str, Any], at_ms: int) -> Changes:
    return {
        "counts": add_counts(state.counts, resets=1),
        "done_tools": _shared_set(()),
        "labels": (),
        "open_calls": (),
        "denied": (),
        "denied_marks": b"",
        "recent": "",
        "task": "",
        "briefed_sha256": "",
        "used": NOTHING_USED,
    }


def _injected(state: SessionState, data: Mapping[str, Any], at_ms: int) -> Changes:
    counts = {"injections": 1, "injected_characters": int(data["characters"])}
    return {
        "counts": add_counts(state.counts, **counts),
        "briefed_sha256": intern(data["sha256"]),
        "briefed_pack": intern(data.get("packs", "")),
    }


def _style_changed(state: SessionState, data: Mapping[str, Any], at_ms: int) -> Changes:
    return {"identity": attrs.evolve(state.identity, style=data["style"])}


def _child_started(state: SessionState, data: Mapping[str, Any], at_ms: int) -> Changes:
    child = data["child_id"]
    kept = tuple(one for one in state.children if one != child)
    known = len(kept) < len(state.children) or any(one == child for one, _ in state.rolled)
    return {
        "children": (*kept, child)[-CHILDREN_MAX:],
        "counts": add_counts(state.counts, children=0 if known else 1),
    }


def _child_ended(state: SessionState, data: Mapping[str, Any], at_ms: int) -> Changes:
    child = data["child_id"]
    new, rolled = counted_of_child(state.rolled, child, data.get("stats") or {})
    others = tuple(one for one in state.rolled if one[0] != child)
    return {
        "children": tuple(one for one in state.children if one != child),
        "counts": add_counts(state.counts, **new),
        "rolled": (*others, rolled)[-ROLLED_MAX:],
    }


def _violation(state: SessionState, data: Mapping[str, Any], at_ms: int) -> Changes:
    # A child's violations reach the metrics with its roll-up when it ends.
    return {} if data.get("child") else {"counts": add_counts(state.counts, violations=1)}


def _stalled(state: SessionState, data: Mapping[str, Any], at_ms: int) -> Changes:
    return {"counts": add_counts(state.counts, stalls=1)}


def _anchor_added(state: SessionState, data: Mapping[str, Any], at_ms: int) -> Changes:
    anchor = Anchor(data["id"], data["type"], data["priority"], data["text"], at_ms)
    return {"kept_anchors": packed_anchors(keep_anchors((*state.anchors, anchor)))}


def _branched(state: SessionState, data: Mapping[str, Any], at_ms: int) -> Changes:
    return begun_as_branch(at_ms) | {"origin": (data["parent"], int(data["at"]))}


def begun_as_branch(at_ms: int) -> Changes:
    """What a branch does not have of the session that it stems from."""
    return {
        "briefed_pack": "",
        "briefed_sha256": "",
        "children": (),
        "created_at_ms": at_ms,
        "denied": (),
        "denied_marks": b"",
        "interrupted_at_ms": at_ms,
        "open_calls": (),
        "run": "",
        "size_bytes": 0,
        "stalls": stall.NO_STALLS,
    }


def branch_registers(registers: Registers) -> Registers:
    """
    Where a branch stands that begins at *registers*: nobody works on it, and no model was
    told anything in it.
    """
    return attrs.evolve(
        registers,
        state=State.INTERRUPTED,
        left=State.BEGINNING,
        owed=_shared_set(("beginning",)),
        turn_open=False,
        taken=False,
    )


def _merged(state: SessionState, data: Mapping[str, Any], at_ms: int) -> Changes:
    known = tuple(one for one in state.merges if one[0] != data["source"])
    now = (data["source"], int(data["source_seq"]), state.head + 1)
    changes: Changes = {"merges": (*known, now)[-MERGES_MAX:]}
    return changes | merging.applied(state, data["set"], data["unset"], at_ms)


def _conflicted(state: SessionState, data: Mapping[str, Any], at_ms: int) -> Changes:
    found = MergeConflict(
        data["id"], data["kind"], data["key"], data["source"], dict(data["sides"])
    )
    others = (one for one in state.conflicts if (one.kind, one.key) != (found.kind, found.key))
    return {"conflicts": (*others, found)[-CONFLICTS_MAX:]}


def _resolved(state: SessionState, data: Mapping[str, Any], at_ms: int) -> Changes:
    changes: Changes = {"conflicts": tuple(c for c in state.conflicts if c.id != data["id"])}
    return changes | merging.applied(state, data["set"], data["unset"], at_ms)


_FOLDS: Mapping[str, Fold] = {
    "session.created": _created,
    "session.branched": _branched,
    "session.merged": _merged,
    "merge.conflicted": _conflicted,
    "merge.resolved": _resolved,
    "turn.started": _turn_started,
    "tool.decided": _tool_decided,
    "tool.finished": _tool_finished,
    "command.executed": _command,
    "session.compacted": _compacted,
    "session.interrupted": _interrupted,
    "session.idle": _interrupted,
    "session.resumed": _resumed,
    "session.reset": _reset,
    "governance.injected": _injected,
    "style.changed": _style_changed,
    "child.started": _child_started,
    "child.ended": _child_ended,
    "violation.counted": _violation,
    "session.stalled": _stalled,
    "anchor.added": _anchor_added,
    "usage.reported": _used,
}
