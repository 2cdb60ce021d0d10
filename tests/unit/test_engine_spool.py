"""What waits outside the store comes back as it was, or is told by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from attrs import evolve

from governance.calls import ToolCall
from governance.engine.spool import Spool
from governance.errors import JournalError
from governance.hosts import HOSTS, profile_of
from governance.session.commands import Command, HostTraits

KEPT = Command(
    event="tool_before",
    session="s",
    key="k",
    traits=HostTraits(inject="request", deny_at=frozenset({"start"}), untold=frozenset({"usage"})),
    call=ToolCall("read", "Read", own={"path": "a"}, args={"file": "a"}, cwd="/p", call_id="1"),
    data={"n": 1},
    refused=("why",),
    failures=({"listener": "l"},),
)


@pytest.mark.parametrize("traits", [KEPT.traits, *(profile_of(one).traits for one in HOSTS)])
def test_a_command_comes_back_as_it_was(tmp_path: Path, traits: HostTraits) -> None:
    """Every part, with its types: what is decided of it later hangs on them."""
    spool, kept = Spool(str(tmp_path)), evolve(KEPT, traits=traits)

    spool.keep(kept)
    spool.keep(evolve(kept, key=None))

    first, second = spool.waiting("s")
    assert first == kept
    assert second == evolve(kept, key=second.key)
    assert second.key
    spool.clear("s")
    assert spool.waiting("s") == ()


@pytest.mark.parametrize(("name", "value"), [("inject", "requst"), ("deny_at", ["x"])])
def test_traits_that_cannot_be_are_told(tmp_path: Path, name: str, value: object) -> None:
    """They are no traits at all, so nothing is let through before somebody has looked."""
    spool = Spool(str(tmp_path))
    spool.keep(KEPT)
    (file,) = tmp_path.iterdir()
    line = json.loads(file.read_text())
    line["traits"][name] = value
    file.write_text(json.dumps(line) + "\n")

    with pytest.raises(JournalError, match=r"GOV512.*what waits cannot be read"):
        spool.waiting("s")
