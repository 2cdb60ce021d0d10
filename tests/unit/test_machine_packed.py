"""A machine packed for a cache is the machine that was checked, and damage is noticed."""

from __future__ import annotations

from typing import Any

import pytest

from governance.machine import ABSENT, EVENTS, Circumstances, load_machine
from governance.machine.packed import PackedMachineDamaged, pack_machine, unpack_machine
from governance.values import dump_json, load_json


def test_round_trip_through_json() -> None:
    """What comes out of the cache has the same table and runs alike."""
    machine = load_machine()

    again = unpack_machine(load_json(dump_json(pack_machine(machine))))

    assert again.definition == machine.definition
    assert again.definition.events == machine.definition.events
    for event in EVENTS:
        facts = Circumstances(gap="notice", carries_text=True)
        assert again.run(ABSENT, event, facts) == machine.run(ABSENT, event, facts)


@pytest.mark.parametrize(
    "change",
    [
        {"version": 0},
        {"events": [["start"]]},
        {"events": [[]]},
        {"states": [[1]]},
        {"events": 3},
    ],
)
def test_damage_is_noticed(change: dict[str, Any]) -> None:
    """A packed machine of another version or shape is refused, never half used."""
    packed = load_json(dump_json(pack_machine(load_machine())))
    assert isinstance(packed, dict)
    with pytest.raises(PackedMachineDamaged):
        unpack_machine({**packed, **change})


@pytest.mark.parametrize("packed", [None, 3, [], {}, {"version": 1}])
def test_no_machine_at_all(packed: Any) -> None:
    """A value that is no machine is refused by the same error."""
    with pytest.raises(PackedMachineDamaged):
        unpack_machine(packed)
