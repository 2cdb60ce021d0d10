"""
The contract of adapters as a test suite that any host can be run by.

Write a driver, subclass `HostContract` in a test module, say how the driver is made, and
pytest runs every promise against it:

    class TestMyHarness(HostContract):
        def open_host(self, folder: Path) -> Host:
            return MyHarness()

A host that calls a command for its events has more to promise: `HookHostContract` in
`governance.testing.host_contract_hooks`. What puts hooks into a host's settings has
`SettingsContract` in `governance.testing.host_contract_settings`.

This module imports pytest, so it is for tests only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from governance.errors import MisuseError
from governance.rules.loader import read_rules
from governance.rules.sources import LoadSettings, PackSource
from governance.rules.vocabulary import default_vocabulary
from governance.testing.host_contract_driver import EngineHost, Host, Seen, contract_law
from governance.testing.host_contract_pack import PACK

CAPABILITIES = (
    "deny a tool",
    "ask a person",
    "rewrite a tool's arguments",
    "rewrite a tool's output",
    "refuse a prompt",
    "refuse a slash command",
    "refuse a compaction",
    "refuse a session or a sub-agent",
    "inject text",
    "stop a turn",
    "see sub-agents",
    "see compaction",
    "see resume",
    "rewrite a slash command",
    "see the request to the model",
    "see tokens or costs",
)
"""What every adapter says of its host, each once."""

ODD_COMMANDS = ("touch \ud800", "touch \x00", "touch 日本\U0001f512", f"touch {'x' * 1_000_000}")


class HostContract:
    """What every adapter promises, a test each."""

    def open_host(self, folder: Path) -> Host:
        """A host whose files, if it needs any, lie in *folder*."""
        raise MisuseError(f"say in the subclass how the host in `{folder}` is opened")

    @pytest.fixture
    def host(self, tmp_path: Path) -> Iterator[Host]:
        made = self.open_host(tmp_path)
        yield made
        made.close()

    # -- deciding ----------------------------------------------------------------------

    def test_what_is_allowed_runs_as_it_is(self, host: Host) -> None:
        """A tool that no rule minds runs unchanged; call and outcome are on record."""
        at_work(host)
        seen = host.tool("s1", "touch allowed", call="c1", output="it is done")
        assert seen.ran == "touch allowed"
        assert "it is done" in seen.told
        decided = [(one["action"], one["tool"]) for one in host.rows("s1", "tool.decided")]
        assert decided == [("allow", "shell")]
        assert [one["outcome"] for one in host.rows("s1", "tool.finished")] == ["ok"]

    def test_allowing_is_silence(self, host: Host) -> None:
        """What is allowed is not granted, and the model reads nothing but the output."""
        at_work(host)
        seen = host.tool("s1", "touch allowed", call="c1", output="it is done")
        assert seen.told.strip() == "it is done"
        assert not seen.granted
        assert not seen.asked

    def test_what_is_denied_does_not_run_and_says_why(self, host: Host) -> None:
        """The model reads the rule's message, and the next tool is judged by itself."""
        at_work(host)
        seen = host.tool("s1", "touch FORBIDDEN", call="c1")
        assert seen.ran is None
        assert not seen.granted
        assert "TRIAL-DENIED: this is forbidden here." in seen.told
        assert [one["action"] for one in host.rows("s1", "tool.decided")] == ["deny"]
        assert host.tool("s1", "touch allowed", call="c2").ran == "touch allowed"

    def test_an_id_that_comes_again_is_another_call(self, host: Host) -> None:
        """Some services of models give one id to several calls: each of them is judged."""
        at_work(host)

        for _ in range(2):
            assert host.tool("s1", "touch allowed", call="c1").ran == "touch allowed"
            assert host.tool("s1", "touch FORBIDDEN", call="c1").ran is None

        withheld = host.tool("s1", "touch allowed", call="c1", output="TOPSECRET of the tool")
        assert "TOPSECRET" not in withheld.told
        halted = host.tool("s1", "touch HALTNOW", call="c2")
        assert halted.ran is None
        assert host.tool("s1", "touch allowed", call="c1").ran is None

    def test_asking_is_asked_or_denied(self, host: Host) -> None:
        """A person is asked where the host can; elsewhere it is a deny that says so."""
        at_work(host)
        seen = host.tool("s1", "touch QUESTION", call="c1")
        assert seen.ran is None
        assert not seen.granted
        assert seen.asked is host.can("ask a person")
        assert "TRIAL-ASKED" in seen.told

    def test_a_rewrite_runs_or_is_named(self, host: Host) -> None:
        """Other arguments run where that grants nothing; elsewhere the deny names the call."""
        at_work(host)
        seen = host.tool("s1", "touch CLUMSY", call="c1")
        assert not seen.granted
        if host.can("rewrite a tool's arguments"):
            assert seen.ran == "touch REWRITTEN"
            (asked,) = host.rows("s1", "tool.decided")
            (finished,) = host.rows("s1", "tool.finished")
            assert (finished["outcome"], "unasked" in finished) == ("ok", False)
            assert finished.get("call_id") == asked.get("call_id")
        else:
            assert seen.ran is None
            assert "touch REWRITTEN" in seen.told

    def test_a_warning_lets_run(self, host: Host) -> None:
        """A warned tool runs as it is, is not granted, and the warning is on record."""
        at_work(host)
        seen = host.tool("s1", "touch ODD", call="c1")
        assert seen.ran == "touch ODD"
        assert not seen.granted
        assert [one["action"] for one in host.rows("s1", "tool.decided")] == ["warn"]

    def test_output_is_withheld(self, host: Host) -> None:
        """What a rule on results denies, the model does not read; it is on record."""
        at_work(host)
        seen = host.tool("s1", "touch allowed", call="c1", output="TOPSECRET of the tool")
        assert seen.ran == "touch allowed"
        assert "TRIAL-WITHHELD" in seen.told
        assert ("TOPSECRET" not in seen.told) is host.can("rewrite a tool's output")

    def test_output_is_rewritten(self, host: Host) -> None:
        """What a rule on results takes out of an output, the model does not read."""
        at_work(host)
        seen = host.tool("s1", "touch allowed", call="c1", output="the PASSPHRASE is xyzzy")
        assert seen.ran == "touch allowed"
        assert ("PASSPHRASE" not in seen.told) is host.can("rewrite a tool's output")
        assert ("the TRIAL-REDACTED is xyzzy" in seen.told) is host.can("rewrite a tool's output")

    def test_a_denied_prompt_is_refused(self, host: Host) -> None:
        """The model is not asked where that can be had, and the reason is told."""
        at_work(host)
        seen = host.prompt("s1", "something UNSPEAKABLE")
        assert (seen.ran is None) is host.can("refuse a prompt")
        assert "TRIAL-UNSPOKEN" in seen.told
        again = host.prompt("s1", "hello again")
        assert again.ran == "hello again"

    def test_a_slash_command_is_refused(self, host: Host) -> None:
        """A denied command does not run, one that is rewritten runs as such or is named."""
        if not host.can("refuse a slash command"):
            assert not host.can("rewrite a slash command")
            return
        at_work(host)
        assert host.slash("s1", "help").ran == "help"
        denied = host.slash("s1", "title")
        assert denied.ran is None
        assert "TRIAL-SLASH" in denied.told
        changed = host.slash("s1", "profile")
        if host.can("rewrite a slash command"):
            assert changed.ran == "whoami"
        else:
            assert changed.ran is None
            assert "whoami" in changed.told

    def test_a_halt_holds(self, host: Host) -> None:
        """After a halt no tool runs any more, also in the next turn."""
        at_work(host)
        assert host.tool("s1", "touch HALTNOW", call="c1").ran is None
        assert host.tool("s1", "touch allowed", call="c2").ran is None
        host.prompt("s1", "go on")
        seen = host.tool("s1", "touch allowed", call="c3")
        assert seen.ran is None
        assert not seen.granted

    def test_a_halt_stops_the_turn(self, host: Host) -> None:
        """Where a turn can be stopped the model is asked nothing more; a mere deny stops none."""
        at_work(host)
        assert not host.tool("s1", "touch FORBIDDEN", call="c1").stopped
        seen = host.tool("s1", "touch HALTNOW", call="c2")
        assert seen.stopped is host.can("stop a turn")

    def test_strange_arguments_are_judged_or_refused(self, host: Host) -> None:
        """No sign and no length gets a call past the rules, or breaks the session."""
        at_work(host)
        for number, odd in enumerate(ODD_COMMANDS):
            seen = host.tool("s1", odd, call=f"odd-{number}")
            assert seen.ran in (None, odd), odd[:40]
            assert not seen.granted
            denied = host.tool("s1", f"{odd} FORBIDDEN", call=f"denied-{number}")
            assert denied.ran is None, odd[:40]
            assert denied.told != ""
        assert host.tool("s1", "touch allowed", call="c1").ran == "touch allowed"

    # -- what the model is told ----------------------------------------------------------

    def test_the_model_is_briefed(self, host: Host) -> None:
        """The briefing reaches the model before its first tool, and is counted as told."""
        assert ("TRIAL-BRIEFING" in at_work(host)) is host.can("inject text")
        host.tool("s1", "touch allowed", call="c1")
        assert ("governance.injected" in host.kinds("s1")) is host.can("inject text")

    def test_the_briefing_is_told_as_often_as_the_host_forgets_it(self, host: Host) -> None:
        """A transcript holds it once; where each request is made anew, each carries it."""
        at_work(host)
        # What stood beside a prompt counts once the turn goes on.
        host.tool("s1", "touch allowed", call="c1")
        again = host.prompt("s1", "hello again")
        assert ("TRIAL-BRIEFING" in again.told) is (host.profile.traits.inject == "request")
        if host.profile.traits.inject == "transcript":
            assert host.kinds("s1").count("governance.injected") == 1

    def test_requests_carry_the_very_same_bytes(self, host: Host) -> None:
        """Where each request carries the text, it stays as it is, for caches of prompts."""
        if host.profile.traits.inject != "request":
            return
        at_work(host)
        first = host.prompt("s1", "one").told
        host.tool("s1", "touch allowed", call="c1")
        assert host.prompt("s1", "two").told == first

    def test_after_a_compaction_the_model_is_reminded(self, host: Host) -> None:
        """The reminder is told once more than the history holds."""
        if not host.can("see compaction"):
            return
        at_work(host)
        told = host.compact("s1").told + host.prompt("s1", "hello again").told
        assert "TRIAL-REMINDER" in told
        assert "session.compacted" in host.kinds("s1")
        assert host.tool("s1", "touch FORBIDDEN", call="c1").ran is None

    def test_a_compaction_is_refused(self, host: Host) -> None:
        """Where it can be refused the history stays as it is, and the reason is told."""
        if not host.can("refuse a compaction"):
            return
        at_work(host)
        host.forbid("session.compacting", "TRIAL-UNCUT: not now.")
        assert "TRIAL-UNCUT" in host.compact("s1").told
        assert "session.compacted" not in host.kinds("s1")
        assert host.prompt("s1", "hello again").ran == "hello again"

    # -- sessions ------------------------------------------------------------------------

    def test_a_session_is_refused(self, host: Host) -> None:
        """Where one can be refused, neither it nor a sub-agent's does any work, and says why."""
        if not host.can("refuse a session or a sub-agent"):
            return
        at_work(host)
        host.forbid("session.creating", "TRIAL-UNBORN: nothing begins here.")
        if host.can("see sub-agents"):
            child, seen = host.child("s1", "helper", "touch allowed")
            assert seen.ran is None
            assert "TRIAL-UNBORN" in seen.told
            assert "session.created" not in host.kinds(child)
        host.start("s2")
        seen = host.prompt("s2", "hello")
        assert seen.ran is None
        assert "TRIAL-UNBORN" in seen.told
        assert host.tool("s2", "touch allowed", call="c1").ran is None
        assert "session.created" not in host.kinds("s2")
        assert host.tool("s1", "touch allowed", call="c2").ran == "touch allowed"

    def test_a_session_ends_once(self, host: Host) -> None:
        """Its end is on record, once."""
        at_work(host)
        host.end("s1")
        assert host.kinds("s1").count("session.ended") == 1

    def test_a_resumed_session_goes_on(self, host: Host) -> None:
        """The same id is the same session: it is not created anew, and is still governed."""
        at_work(host)
        host.tool("s1", "touch FORBIDDEN", call="c1")
        host.end("s1")
        host.resume("s1")
        host.prompt("s1", "hello again")
        assert host.kinds("s1").count("session.created") == 1
        assert ("session.resumed" in host.kinds("s1")) is host.can("see resume")
        assert host.tool("s1", "touch FORBIDDEN", call="c2").ran is None
        assert host.tool("s1", "touch allowed", call="c3").ran == "touch allowed"

    def test_a_halt_outlives_its_end(self, host: Host) -> None:
        """Leaving a session and coming back is no way out of a halt."""
        at_work(host)
        host.tool("s1", "touch HALTNOW", call="c1")
        host.end("s1")
        host.resume("s1")
        host.prompt("s1", "hello again")
        assert host.tool("s1", "touch allowed", call="c2").ran is None

    def test_a_reset_is_briefed_anew(self, host: Host) -> None:
        """What goes on after a reset has lost its history: it is told and governed anew."""
        at_work(host)
        after = host.reset("s1")
        if not after:
            return
        host.prompt(after, "hello again")
        assert host.tool(after, "touch FORBIDDEN", call="c1").ran is None
        if after == "s1":
            assert host.kinds("s1").count("governance.injected") > 1
        else:
            assert host.kinds("s1").count("session.ended") == 1
            assert "governance.injected" in host.kinds(after)

    def test_sessions_are_apart(self, host: Host) -> None:
        """What one session is halted for, another one is not."""
        at_work(host, "s1")
        at_work(host, "s2")
        host.tool("s1", "touch HALTNOW", call="c1")
        seen = host.tool("s2", "touch allowed", call="c2")
        assert seen.ran == "touch allowed", seen.told
        assert "tool.decided" in host.kinds("s2")

    def test_a_sub_agent_has_a_session_below_its_parent_s(self, host: Host) -> None:
        """Its tools are judged in a session of its own, which its parent's tells of."""
        if not host.can("see sub-agents"):
            return
        at_work(host)
        child, seen = host.child("s1", "helper", "touch FORBIDDEN")
        assert seen.ran is None
        assert "TRIAL-DENIED" in seen.told
        assert child != "s1"
        assert [one["action"] for one in host.rows(child, "tool.decided")] == ["deny"]
        # That the parent delegates may be a tool of its own.
        assert "shell" not in [one["tool"] for one in host.rows("s1", "tool.decided")]
        assert host.kinds(child).count("session.created") == 1
        assert host.kinds(child).count("session.ended") == 1
        assert host.kinds("s1").count("child.started") == 1

    def test_a_halted_parent_halts_its_sub_agents(self, host: Host) -> None:
        """Having a sub-agent do it is no way around a halt."""
        if not host.can("see sub-agents"):
            return
        at_work(host)
        host.tool("s1", "touch HALTNOW", call="c1")
        _, seen = host.child("s1", "helper", "touch allowed")
        assert seen.ran is None

    # -- faults --------------------------------------------------------------------------

    def test_without_an_engine_no_tool_runs(self, host: Host) -> None:
        """An engine that cannot decide refuses, and says that it cannot."""
        at_work(host)
        host.cut()
        seen = host.tool("s1", "touch allowed", call="c1")
        assert seen.ran is None
        assert not seen.granted
        assert seen.told != ""

    def test_without_an_engine_no_prompt_is_sent(self, host: Host) -> None:
        """Where prompts can be refused, one is that nobody can decide on."""
        at_work(host)
        host.cut()
        seen = host.prompt("s1", "hello again")
        assert (seen.ran is None) is host.can("refuse a prompt")

    # -- claims --------------------------------------------------------------------------

    def test_the_table_of_capabilities_is_whole_and_honest(self, host: Host) -> None:
        """All are spoken of, and none that deciding leans on is contradicted."""
        assert sorted(one.name for one in host.profile.capabilities) == sorted(CAPABILITIES)
        assert all(one.how.strip() for one in host.profile.capabilities)
        traits = host.profile.traits
        claimed = {
            "deny a tool": "tool_before" in traits.deny_at,
            "ask a person": traits.asks,
            "rewrite a tool's arguments": traits.rewrites,
            "refuse a prompt": "turn_start" in traits.deny_at,
            "refuse a slash command": "command" in traits.deny_at,
            "refuse a compaction": "compacting" in traits.deny_at,
            "inject text": traits.inject != "none",
            "rewrite a slash command": traits.redirects,
            "see tokens or costs": "usage" not in traits.untold,
        }
        assert {name: host.can(name) for name in claimed} == claimed
        assert host.can("deny a tool"), "what cannot deny a tool governs nothing"

    def test_rules_that_hold_nothing_there_are_refused_at_load(self, host: Host) -> None:
        """A refusal that is not heeded is an error; an ask that nobody answers is told of."""
        found = unenforced(host)
        heeded = {
            "trial.deny": "deny a tool",
            "trial.prompt": "refuse a prompt",
            "trial.slash": "refuse a slash command",
        }
        for rule, capability in heeded.items():
            assert ("error" in found.get(rule, ())) is not host.can(capability), rule
        assert ("trial.ask" in found) is not host.can("ask a person")


def unenforced(host: Host) -> Mapping[str, set[str]]:
    """Rule → how bad it is that *host* cannot do what the rule says, as the loader says it."""
    traits = {host.profile.name: host.profile.traits}
    loaded = read_rules(
        [PackSource("trial", PACK, "trial.toml")],
        default_vocabulary(host.profile.tools),
        settings=LoadSettings(trusted=lambda _: True, hosts=traits),
    )
    found: dict[str, set[str]] = {}
    for one in loaded.diagnostics:
        for rule in [part for part in one.message.split("`") if part.startswith("trial.")]:
            found.setdefault(rule, set()).add(one.severity)
    return found


def at_work(host: Host, session: str = "s1") -> str:
    """Begin *session* and have its first turn; what the model has been told of ours."""
    begun = host.start(session)
    turned = host.prompt(session, "hello")
    assert turned.ran == "hello", "a prompt that no rule minds reaches the model"
    return f"{begun.told}\n{turned.told}"


__all__ = [
    "CAPABILITIES",
    "PACK",
    "EngineHost",
    "Host",
    "HostContract",
    "Seen",
    "at_work",
    "contract_law",
]
