"""
The contract of hosts that call a command for their events, beyond that of all hosts.

    class TestMyHost(HookHostContract):
        driver = MyHost

This module imports pytest, so it is for tests only.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
from attrs import evolve

from governance.hooking import hook
from governance.hooking.payload import PAYLOAD_BYTES_MAX, Payload
from governance.session.replies import Injection, Reply
from governance.testing.host_contract import HostContract, at_work
from governance.testing.host_contract_hook_driver import Act, Heard, HookHost, Sent
from governance.values import Json

ODD_IDS = ("../../etc/passwd", "a/b", "@project", ".hidden", "x" * 500, "a b", "é")
ODD_WORDS = ('"', "\\", "\n\t\r", "\x00\x1b[31m", "é日本\U0001f512", "\ud800", "'; --", "{}")
ASKING: tuple[tuple[Act, Mapping[str, Any]], ...] = (
    ("prompt", {"text": "hello again"}),
    ("tool", {"command": "touch allowed", "call": "c9"}),
    ("slash", {"name": "help"}),
)
TELLING: tuple[tuple[Act, Mapping[str, Any]], ...] = (
    ("start", {}),
    ("tool_ok", {"command": "touch allowed", "call": "c9", "output": "done"}),
    ("turn_end", {}),
    ("compacting", {}),
    ("compacted", {}),
    ("end", {}),
)
HOOK = hook.__file__
_DEEP = "[" * 300 + "]" * 300


def broken(values: Mapping[str, Any]) -> Mapping[str, bytes]:
    """Payloads that nobody can read or no journal can hold, each made of a sound one."""
    sound = json.dumps(dict(values))
    head, name = sound[:-1], json.dumps(values["hook_event_name"])
    return {
        "nothing": b"",
        "half": sound[: len(sound) // 2].encode(),
        "no text": b"\xff\xfe\x00",
        "no object": b"[]",
        "null": b"null",
        "of another event": json.dumps({**values, "hook_event_name": "Nothing"}).encode(),
        "of no event": json.dumps({**values, "hook_event_name": 7}).encode(),
        "a lone surrogate": f'{head}, "odd": "\\ud800"}}'.encode(),
        "no number": f'{head}, "odd": NaN}}'.encode(),
        "a huge integer": f'{head}, "odd": {"9" * 40}}}'.encode(),
        "nested too deep": f'{head}, "odd": {_DEEP}}}'.encode(),
        "a key twice": f'{head}, "hook_event_name": {name}}}'.encode(),
        "too large": f'{head}, "odd": "{"x" * PAYLOAD_BYTES_MAX}"}}'.encode(),
    }


class HookHostContract(HostContract):
    """
    What an adapter promises whose host calls a command for its events.

    Attributes:
        driver: The host.
    """

    driver: ClassVar[type[HookHost]]

    def open_host(self, folder: Path) -> HookHost:
        """A host whose project is *folder*."""
        return self.driver(folder)

    @pytest.fixture
    def lax(self, tmp_path: Path) -> Iterator[HookHost]:
        """A host in a project that lets through what names no session."""
        made = self.driver(tmp_path, unbound="allow")
        yield made
        made.close()

    # -- payloads ------------------------------------------------------------------------

    def test_every_event_that_waits_for_leave_is_tried(self, host: HookHost) -> None:
        """What is denied when all else fails is what the adapter says that the host waits for."""
        waits = {one.name for one in host.adapter.events.values() if one.decides}
        assert waits == host.refusal["DECIDING"]
        assert waits == {event for event, _ in asking(host)}
        assert not waits & {event for event, _ in telling(host)}

    def test_a_payload_answered_twice_counts_once(self, host: HookHost) -> None:
        """Two processes that get one payload give one answer, and one row is written."""
        at_work(host)
        event, values = sent(host, "tool", command="touch FORBIDDEN", call="c1")
        data = json.dumps(values).encode()
        first = host.answer(event, data, call_id="1-2")
        rows = host.kinds("s1")
        assert host.heard(event, first).denied
        assert host.heard(event, host.answer(event, data, call_id="1-2")).denied
        assert host.kinds("s1").count("tool.decided") == rows.count("tool.decided") == 1

    def test_unknown_fields_are_kept(self, host: HookHost) -> None:
        """A field of a later version goes along with the event, and changes nothing else."""
        if host.payloads_are_ours:
            return
        later: Mapping[str, Json] = {"of_a_later_version": [1, {"a": "b"}]}
        for event, values in (*asking(host), *telling(host)):
            plain = host.adapter.translate(Payload(event, values), {}).commands
            more = host.adapter.translate(Payload(event, {**values, **later}), {}).commands
            for one, other in zip(plain, more, strict=True):
                assert other.data.get("extra") == later, event
                assert evolve(other, data=one.data) == one, event

    def test_unknown_events_are_silent_and_told(self, host: HookHost) -> None:
        """An event of a later version changes nothing, and leaves a line in the log."""
        at_work(host)
        rows = host.kinds("s1")
        _, values = sent(host, "turn_end")
        data = json.dumps({**values, "hook_event_name": "OfALaterVersion"}).encode()
        assert host.answer("OfALaterVersion", data) == b""
        assert host.kinds("s1") == rows
        assert any("OfALaterVersion" in note for note in host.notes)

    def test_what_cannot_be_read_is_denied_where_leave_is_asked(self, host: HookHost) -> None:
        """Nothing that comes in place of a payload lets a tool, a prompt or a command through."""
        at_work(host)
        for event, values in asking(host):
            for what, data in broken(values).items():
                heard = host.heard(event, host.answer(event, data))
                assert heard.denied, f"{event}: {what}"
                assert heard.reason, f"{event}: {what}"
                assert not heard.granted, f"{event}: {what}"

    def test_what_cannot_be_read_is_silent_where_something_is_told(self, host: HookHost) -> None:
        """A report that nobody can read holds nothing up."""
        for event, values in telling(host):
            for what, data in broken(values).items():
                heard = host.heard(event, host.answer(event, data))
                assert not heard.denied, f"{event}: {what}"
                assert not heard.granted, f"{event}: {what}"

    def test_ids_that_are_none_are_refused(self, host: HookHost) -> None:
        """No id leads out of its place, or into another session's."""
        for odd in ODD_IDS:
            made = host.payload("tool", odd, command="touch allowed", call="c1")
            assert made is not None
            assert host.heard(made[0], host.answer(made[0], json.dumps(made[1]).encode())).denied
        assert host.journal.sessions() == ()

    def test_what_names_no_session_is_denied(self, host: HookHost) -> None:
        """A call that belongs to nobody is put into no session, and is not let through."""
        for event, values in asking(host, ""):
            assert host.heard(event, host.answer(event, json.dumps(values).encode())).denied
        assert host.journal.sessions() == ()

    def test_what_names_no_session_may_be_allowed(self, lax: HookHost) -> None:
        """Where the project says so it goes on, and is still granted nothing."""
        for event, values in asking(lax, ""):
            heard = lax.heard(event, lax.answer(event, json.dumps(values).encode()))
            assert not heard.denied
            assert not heard.granted
        assert lax.journal.sessions() == ()

    def test_reading_changes_nothing(self, host: HookHost) -> None:
        """A payload leads to the same events each time, and is left as it was."""
        for event, values in (*asking(host), *telling(host)):
            before = json.dumps(values)
            payload = Payload(event, values)
            assert host.adapter.translate(payload, {}) == host.adapter.translate(payload, {})
            assert json.dumps(values) == before

    # -- answers -------------------------------------------------------------------------

    def test_any_reason_is_read_as_a_denial(self, host: HookHost) -> None:
        """No sign in a rule's message, and no lack of one, makes something else of a deny."""
        for event, values in asking(host):
            for odd in (*ODD_WORDS, "", " ", "long " * 20_000):
                reply = Reply("tool_before", "deny", "between_turns", message=odd)
                heard = host.heard(
                    event, host.adapter.answer(Payload(event, values), [reply], 0).out
                )
                assert heard.denied, f"{event}: {odd[:20]!r}"
                assert heard.reason, f"{event}: {odd[:20]!r}"

    def test_a_halt_is_a_denial(self, host: HookHost) -> None:
        """No event takes the strictest action for a mild one."""
        for event, values in asking(host):
            reply = Reply("tool_before", "halt", "between_turns", message="HALTED", halted="why")
            heard = host.heard(event, host.adapter.answer(Payload(event, values), [reply], 0).out)
            assert heard.denied
            assert "HALTED" in heard.reason

    def test_reports_refuse_nothing(self, host: HookHost) -> None:
        """Whatever is replied, a report of what has happened stops and grants nothing."""
        told = Injection("READ THIS", "ab" * 32, "briefing", ("one",), 3)
        for event, values in telling(host):
            if event in host.refusal["DECIDING"]:
                continue
            name = host.adapter.translate(Payload(event, values), {}).commands
            for reply in (
                Reply(name[0].event, "allow", "x"),
                Reply(name[0].event, "allow", "x", injection=told),
            ):
                replies = [reply] * len(name)
                made = host.adapter.answer(Payload(event, values), replies, 0)
                heard = host.heard(event, made.out)
                assert not heard.denied
                assert not heard.granted

    def test_a_text_that_was_not_flushed_is_still_owed(self, host: HookHost) -> None:
        """A host that was killed before it took the briefing up is told it again."""
        host.flushes = False
        host.start("s1")
        host.prompt("s1", "hello")
        assert "governance.injected" not in host.kinds("s1")
        host.flushes = True
        assert "TRIAL-BRIEFING" in host.prompt("s1", "hello again").told

    # -- faults --------------------------------------------------------------------------

    def test_without_an_engine_whatever_asks_is_denied(self, host: HookHost) -> None:
        """Each event that waits for leave is denied, in the shape that it has otherwise."""
        at_work(host)
        host.cut()
        for event, values in asking(host):
            heard = host.heard(event, host.answer(event, json.dumps(values).encode()))
            assert heard.denied
            assert "the disk is full" in heard.reason

    def test_the_hook_itself_refuses_where_nothing_can_be_decided(self, host: HookHost) -> None:
        """The very program that the host runs denies, and exits well, without a configuration."""
        host.project.joinpath("governance.toml").write_text("no TOML")
        tool = sent(host, "tool", command="touch allowed", call="c1")
        for event, values in (tool, sent(host, "end")):
            words = ["--host", host.profile.name, "--dir", str(host.project), "--event", event]
            done = subprocess.run(  # noqa: S603 -- our own script
                [sys.executable, "-I", "-S", HOOK, *words],
                input=json.dumps(values).encode(),
                env={"HOME": str(host.project), "GOVERNANCE_SERVICE": "off"},
                capture_output=True,
                check=False,
            )
            heard = host.heard(event, done.stdout)
            assert (done.returncode, done.stderr) == (0, b"")
            assert heard.denied is (event in host.refusal["DECIDING"])
            assert ("governance.toml" in heard.reason) is heard.denied

    def test_without_an_engine_reports_are_silent(self, host: HookHost) -> None:
        """What only tells something is held up by nothing, and what it told of stays as it is."""
        at_work(host)
        host.cut()
        refusable = host.payload("compacting", "s1") if host.can("refuse a compaction") else None
        for event, values in telling(host):
            heard = host.heard(event, host.answer(event, json.dumps(values).encode()))
            if (event, values) != refusable:
                assert evolve(heard, context="") == Heard(), event

    def test_what_comes_after_the_end_is_harmless(self, host: HookHost) -> None:
        """A late report is silent, and begins no session."""
        at_work(host)
        host.end("s1")
        late = [host.payload(act, "s1", **given) for act, given in TELLING if act != "start"]
        for event, values in filter(None, late):
            heard = host.heard(event, host.answer(event, json.dumps(values).encode()))
            assert evolve(heard, context="") == Heard(), event
        assert host.kinds("s1").count("session.created") == 1


def sent(host: HookHost, act: Act, **given: Any) -> Sent:
    """The payload of *act* in the session ``s1``; the host must have it."""
    made = host.payload(act, "s1", **given)
    assert made is not None, f"{host.profile.title} calls no hook for `{act}`"
    return made


def asking(host: HookHost, session: str = "s1") -> list[Sent]:
    """A payload of each event for which the host waits for leave."""
    made = [host.payload(act, session, **given) for act, given in ASKING]
    return [one for one in made if one is not None]


def telling(host: HookHost, session: str = "s1") -> list[Sent]:
    """A payload of each event by which the host only tells something."""
    made = [host.payload(act, session, **given) for act, given in TELLING]
    return [one for one in made if one is not None]
