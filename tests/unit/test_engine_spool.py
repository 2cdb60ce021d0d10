"""What waits outside the store comes back as it was, or is told by name."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from attrs import evolve

import governance.engine.spool as spooling
from governance.calls import ToolCall
from governance.engine.spool import Kept, Spool
from governance.errors import JournalError
from governance.hosts import HOSTS, profile_of
from governance.session.commands import Command, HostTraits
from governance.testing.file_faults import faults

COMMAND = Command(
    event="tool_before",
    session="s",
    key="k",
    traits=HostTraits(inject="request", deny_at=frozenset({"start"}), untold=frozenset({"usage"})),
    call=ToolCall("read", "Read", own={"path": "a"}, args={"file": "a"}, cwd="/p", call_id="1"),
    data={"n": 1},
    refused=("why",),
    failures=({"listener": "l"},),
)
KEPT = Kept(COMMAND, sent=(("s", 3, 2, "d"), ("s/c", 0, 1, "e")), line=("s", "r"))


def keyed(key: str) -> Kept:
    return evolve(KEPT, command=evolve(COMMAND, key=key))


@pytest.mark.parametrize("traits", [COMMAND.traits, *(profile_of(one).traits for one in HOSTS)])
def test_a_command_comes_back_as_it_was(tmp_path: Path, traits: HostTraits) -> None:
    """Every part, with its types: what is decided of it later hangs on them."""
    spool, kept = Spool(str(tmp_path)), evolve(KEPT, command=evolve(COMMAND, traits=traits))

    spool.keep(kept)
    spool.keep(kept)

    first, second = spool.waiting("s")
    assert evolve(first, file="", place=0) == evolve(second, file="", place=0) == kept
    assert first.place < second.place
    for one in (first, second, second):
        spool.forget(one)
    assert spool.waiting("s") == ()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("name", "value"), [("inject", "requst"), ("deny_at", ["x"])])
def test_traits_that_cannot_be_are_told(tmp_path: Path, name: str, value: object) -> None:
    """They are no traits at all, so nothing is let through before somebody has looked."""
    spool = Spool(str(tmp_path))
    spool.keep(KEPT)
    (file,) = tmp_path.glob("*/*")
    line = json.loads(file.read_text())
    line["command"]["traits"][name] = value
    file.write_text(json.dumps(line) + "\n")

    with pytest.raises(JournalError, match=r"GOV512.*what waits in `.*` can be neither read"):
        spool.waiting("s")
    assert file.exists()


def test_what_cannot_be_written_leaves_no_half_of_a_command(tmp_path: Path) -> None:
    """It is refused by name; what was kept before it, and what comes after it, is read."""
    for fault in faults():
        spool = Spool(str(tmp_path / f"{fault.kind} {fault.number}"))
        spool.keep(keyed("1"))
        with fault:
            spool.keep(keyed("2"))
        spool.keep(keyed("3"))

        there = ["2"] if not fault.struck else []
        assert [one.command.key for one in spool.waiting("s")] == ["1", *there, "3"], fault
        assert fault.error is None or "GOV512" in str(fault.error), fault
        if not fault.kind.startswith("killed"):
            assert fault.error is not None or not fault.struck


def test_what_is_kept_meanwhile_is_not_forgotten(tmp_path: Path) -> None:
    """Another process keeps an event while this one writes what it has read."""
    one, other = Spool(str(tmp_path)), Spool(str(tmp_path))
    one.keep(keyed("1"))
    (first,) = one.waiting("s")
    other.keep(keyed("2"))
    one.forget(first)

    assert one.waits("s")
    assert [kept.command.key for kept in one.waiting("s")] == ["2"]


def test_what_two_processes_keep_stays_in_order(tmp_path: Path) -> None:
    """By the order in which it was kept, whoever kept it, past ten and past a hundred."""
    spools = [Spool(str(tmp_path)) for _ in range(2)]
    for number in range(120):
        spools[number % 2].keep(keyed(str(number)))

    assert [int(one.command.key or "") for one in spools[0].waiting("s")] == list(range(120))


def test_a_draft_that_a_killed_process_left_is_no_event(tmp_path: Path) -> None:
    """Nobody was told that it is kept."""
    spool = Spool(str(tmp_path))
    spool.keep(KEPT)
    (file,) = tmp_path.glob("*/*")
    (file.parent / f"{9:020}-aa.draft").write_bytes(file.read_bytes()[:20])

    draft = file.parent / f"{9:020}-aa.draft"
    assert len(spool.waiting("s")) == 1
    spool.keep(keyed("later"))
    assert [one.command.key for one in spool.waiting("s")] == ["k", "later"]
    for one in spool.waiting("s"):
        spool.forget(one)
    assert spool.any()  # somebody may write it just now
    os.utime(draft, (0, 0))
    assert spool.sessions() == []
    assert not spool.any()


def test_what_cannot_be_read_holds_up_its_own_session_alone(tmp_path: Path) -> None:
    """Nobody knows whose it is but by where it lies."""
    spool = Spool(str(tmp_path))
    spool.keep(KEPT)
    (file,) = tmp_path.glob("*/*")
    file.write_text("{")
    spool.keep(evolve(KEPT, command=evolve(COMMAND, session="other")))
    (tmp_path / "stray").write_text("")

    assert spool.sessions() == ["other"]
    assert len(spool.waiting("other")) == 1
    with pytest.raises(JournalError, match="GOV512"):
        spool.waiting("s")


def test_a_folder_that_is_tidied_away_meanwhile_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process looks at what waits just after this one has made the folder."""
    one, other = Spool(str(tmp_path)), Spool(str(tmp_path))
    real = spooling.next_place

    def tidied(last: int) -> int:
        monkeypatch.setattr(spooling, "next_place", real)
        assert other.sessions() == []
        return real(last)

    monkeypatch.setattr(spooling, "next_place", tidied)
    one.keep(KEPT)

    assert len(one.waiting("s")) == 1


def test_a_message_names_the_file_as_it_is(tmp_path: Path) -> None:
    """Whoever looks for it finds it."""
    spool = Spool(str(tmp_path / "Upper"))
    spool.keep(KEPT)
    (file,) = tmp_path.glob("*/*/*")
    file.write_text("{")

    with pytest.raises(JournalError, match=re.escape(f"`{file}`")):
        spool.waiting("s")
