"""A machine packed for a cache is the machine that was checked, and damage is noticed."""

from __future__ import annotations

import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

import governance.machine
from governance._shipped import machine_text
from governance.machine import ABSENT, EVENTS, PACKED, Circumstances, load_machine
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


def test_the_shipped_machine_is_packed_as_it_is() -> None:
    """The packed file is fresh; after a change: python -m governance.machine."""
    kept = (Path(governance.machine.__file__).with_name(PACKED)).read_bytes()
    proven = load_machine(machine_text())
    assert kept == dump_json(pack_machine(proven)) + b"\n"
    assert load_machine().definition == proven.definition


@pytest.mark.parametrize(
    "content", [None, b"", b"{", b"[]", b"3", b'{"sha256": 1}', b'{"sha256": "HASH"}']
)
def test_a_packed_file_that_is_not_ours_is_not_used(
    content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a packed file that fits, the machine's own file is read and proven."""
    text = machine_text()
    package = tmp_path / "__init__.py"
    if content is not None:
        digest = sha256(text.encode()).hexdigest().encode()
        (tmp_path / PACKED).write_bytes(content.replace(b"HASH", digest))
    monkeypatch.setattr(governance.machine, "__file__", str(package))
    governance.machine._shipped_machine.cache_clear()
    try:
        assert load_machine().definition.sha256 == sha256(text.encode()).hexdigest()
        assert governance.machine._proven(text) is None
    finally:
        governance.machine._shipped_machine.cache_clear()


def test_a_changed_machine_is_proven_again() -> None:
    """The packed machine stands for one text alone, to the letter."""
    assert governance.machine._proven(machine_text()) is not None
    assert governance.machine._proven(machine_text() + "\n") is None


def test_loading_the_shipped_machine_is_light() -> None:
    """A process that only asks about a tool imports neither `transitions` nor the loader."""
    code = (
        "import sys\n"
        "from governance.machine import *\n"
        "machine = load_machine()\n"
        "at = Registers(__import__('governance.states').states.State.BETWEEN_TURN, epoch=1)\n"
        "assert machine.run(at, 'tool_before', Circumstances()).outcome == 'stay'\n"
        "heavy = {'transitions', 'tomllib', 'logging', 'governance.machine.loader', 'cattrs',\n"
        "         'governance.machine.checks', 'governance.events', 'asyncio', 'subprocess'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
        "machine.run(ABSENT, 'start', Circumstances())\n"
        "assert 'transitions' in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
