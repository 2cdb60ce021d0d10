"""An adapter that breaks a promise is found: each check of the contract is seen red."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from governance.errors import MisuseError
from governance.hooking.answering import SILENCE, Answer, json_bytes
from governance.hooking.installing import Change, Installer
from governance.hooking.payload import Payload
from governance.hooking.translation import Translation
from governance.hosts import installer_of
from governance.session.commands import Command
from governance.session.replies import Reply
from governance.testing.host_contract_driver import Seen
from governance.testing.host_contract_hook_driver import Heard, HookHost
from governance.testing.host_contract_hooks import HookHostContract
from governance.testing.host_contract_settings import SettingsContract
from tests.contract.hook_drivers import ClaudeCode, GeminiCli, OpenCode
from tests.contract.test_own_harness import OwnHarness

ADAPTER = ClaudeCode.adapter
DENY = Answer(
    json_bytes(
        {"hookSpecificOutput": {"hookEventName": "PreToolUse", "permissionDecision": "deny"}}
    )
)
BLOCK = Answer(json_bytes({"decision": "block", "reason": "no"}))
Change_ = Callable[[Payload, Sequence[Reply], Answer], Answer]

_numbers = itertools.count()


def with_adapter(**changes: Any) -> type[ClaudeCode]:
    return type("Broken", (ClaudeCode,), {"adapter": evolve(ADAPTER, **changes)})


def answering(change: Change_) -> type[ClaudeCode]:
    """An adapter whose answers are *change* of the sound ones."""

    def answer(payload: Payload, replies: Sequence[Reply], decisive: int = 0) -> Answer:
        return change(payload, replies, ADAPTER.answer(payload, replies, decisive))

    return with_adapter(answer=answer)


def silent_at(event: str, *actions: str) -> type[ClaudeCode]:
    """An adapter that says nothing at *event* where the engine says one of *actions*."""

    def change(payload: Payload, replies: Sequence[Reply], made: Answer) -> Answer:
        silent = payload.event == event and replies[0].action in actions
        return SILENCE if silent else made

    return answering(change)


def commanding(change: Callable[[Command], Command]) -> type[ClaudeCode]:
    """An adapter whose commands are *change* of the sound ones."""

    def translate(payload: Payload, env: Mapping[str, str]) -> Translation:
        made = ADAPTER.translate(payload, env)
        return evolve(made, commands=tuple(change(one) for one in made.commands))

    return with_adapter(translate=translate)


def deaf_to(*events: str) -> type[ClaudeCode]:
    """An adapter that makes nothing of these events of the machine."""

    def translate(payload: Payload, env: Mapping[str, str]) -> Translation:
        made = ADAPTER.translate(payload, env)
        kept = tuple(one for one in made.commands if one.event not in events)
        return evolve(made, commands=kept, decisive=0)

    return with_adapter(translate=translate)


def reading(change: Callable[[dict[str, Any]], None]) -> type[ClaudeCode]:
    """An adapter that reads payloads only after *change*."""

    def translate(payload: Payload, env: Mapping[str, str]) -> Translation:
        values = dict(payload.values)
        change(values)
        return ADAPTER.translate(Payload(payload.event, values), env)

    return with_adapter(translate=translate)


def refusing(**changes: Any) -> type[ClaudeCode]:
    """An adapter with another refusal for when all else fails."""

    def init(self: ClaudeCode, *given: Any, **named: Any) -> None:
        ClaudeCode.__init__(self, *given, **named)
        self.refusal = {**self.refusal, **changes}

    return type("Broken", (ClaudeCode,), {"__init__": init})


def granting(payload: Payload, _: Sequence[Reply], made: Answer) -> Answer:
    if payload.event != "PreToolUse" or made.out:
        return made
    fields = {"hookEventName": "PreToolUse", "permissionDecision": "allow"}
    return Answer(json_bytes({"hookSpecificOutput": fields}))


REPLACED = Answer(
    json_bytes(
        {
            "hookSpecificOutput": {
                "hookEventName": "PostToolUse",
                "updatedToolOutput": {"stdout": "x", "stderr": ""},
            }
        }
    )
)


def at(event: str, answer: Answer) -> type[ClaudeCode]:
    return answering(lambda payload, _, made: answer if payload.event == event else made)


def strays(command: Command) -> Command:
    return evolve(command, session="s1")


def orphaned(values: dict[str, Any]) -> None:
    values.pop("agent_id", None)


def renamed(values: dict[str, Any]) -> None:
    values["session_id"] = "clean"


def mutating(payload: Payload, env: Mapping[str, str]) -> Translation:
    assert isinstance(payload.values, dict)
    payload.values["seen"] = True
    return ADAPTER.translate(payload, env)


def forgetful(command: Command) -> Command:
    return evolve(command, data={k: v for k, v in command.data.items() if k != "extra"})


def claiming(name: str, *, can: bool) -> type[ClaudeCode]:
    made = tuple(
        evolve(one, can=can) if one.name == name else one for one in ADAPTER.profile.capabilities
    )
    return with_adapter(profile=evolve(ADAPTER.profile, capabilities=made))


def knowing(payload: Payload, env: Mapping[str, str]) -> Translation:
    return evolve(ADAPTER.translate(payload, env), known=True)


def blank(payload: Payload, replies: Sequence[Reply], made: Answer) -> Answer:
    return made if replies[0].message.strip() else SILENCE


class Ticking(OpenCode):
    """The plugin, telling something else in each request."""

    def prompt(self, session: str, text: str) -> Seen:
        seen = super().prompt(session, text)
        return evolve(seen, told=f"{seen.told} {next(_numbers)}")


def keyed(one: Command) -> Command:
    return one if one.call is None else evolve(one, key=f"{one.event} {one.call.call_id}")


LENIENT = silent_at("PreToolUse", "deny", "halt")
BROKEN: Mapping[str, type[HookHost]] = {
    "test_what_is_allowed_runs_as_it_is": deaf_to("tool_after"),
    "test_allowing_is_silence": answering(granting),
    "test_what_is_denied_does_not_run_and_says_why": silent_at("PreToolUse", "deny"),
    "test_an_id_that_comes_again_is_another_call": commanding(keyed),
    "test_asking_is_asked_or_denied": silent_at("PreToolUse", "ask"),
    "test_a_rewrite_runs_or_is_named": silent_at("PreToolUse", "rewrite"),
    "test_a_warning_lets_run": answering(
        lambda _, replies, made: DENY if replies[0].action == "warn" else made
    ),
    "test_output_is_withheld": silent_at("PostToolUse", "deny"),
    "test_output_is_rewritten": silent_at("PostToolUse", "rewrite"),
    "test_a_denied_prompt_is_refused": silent_at("UserPromptSubmit", "deny"),
    "test_a_slash_command_is_refused": silent_at("UserPromptExpansion", "deny"),
    "test_a_halt_holds": silent_at("PreToolUse", "halt"),
    "test_a_halt_stops_the_turn": at("PostToolBatch", SILENCE),
    "test_strange_arguments_are_judged_or_refused": LENIENT,
    "test_the_model_is_briefed": answering(
        lambda payload, _, made: made if payload.event == "PreToolUse" else SILENCE
    ),
    "test_the_briefing_is_told_as_often_as_the_host_forgets_it": commanding(
        lambda one: evolve(one, history="lost")
    ),
    "test_requests_carry_the_very_same_bytes": Ticking,
    "test_after_a_compaction_the_model_is_reminded": deaf_to("compact"),
    "test_a_compaction_is_refused": silent_at("PreCompact", "deny"),
    "test_a_session_is_refused": claiming("refuse a session or a sub-agent", can=True),
    "test_a_session_ends_once": deaf_to("end"),
    "test_a_resumed_session_goes_on": LENIENT,
    "test_a_halt_outlives_its_end": LENIENT,
    "test_a_reset_is_briefed_anew": deaf_to("end"),
    "test_sessions_are_apart": commanding(strays),
    "test_a_sub_agent_has_a_session_below_its_parent_s": reading(orphaned),
    "test_a_halted_parent_halts_its_sub_agents": LENIENT,
    "test_without_an_engine_no_tool_runs": LENIENT,
    "test_without_an_engine_no_prompt_is_sent": silent_at("UserPromptSubmit", "deny"),
    "test_the_table_of_capabilities_is_whole_and_honest": claiming("ask a person", can=False),
    "test_rules_that_hold_nothing_there_are_refused_at_load": with_adapter(
        profile=evolve(
            ADAPTER.profile, traits=evolve(ADAPTER.profile.traits, deny_at=frozenset({"command"}))
        )
    ),
    "test_every_event_that_waits_for_leave_is_tried": refusing(DECIDING={"PreToolUse"}),
    "test_a_payload_answered_twice_counts_once": commanding(
        lambda one: evolve(one, key=f"key-{next(_numbers)}")
    ),
    "test_unknown_fields_are_kept": commanding(forgetful),
    "test_unknown_events_are_silent_and_told": with_adapter(translate=knowing),
    "test_what_cannot_be_read_is_denied_where_leave_is_asked": refusing(
        deny_bytes=lambda event, reason: b'{"decision":"deny"}'
    ),
    "test_what_cannot_be_read_is_silent_where_something_is_told": refusing(
        DECIDING={*ADAPTER.events}
    ),
    "test_ids_that_are_none_are_refused": reading(renamed),
    "test_what_names_no_session_is_denied": with_adapter(unbound=lambda *_: SILENCE),
    "test_what_names_no_session_may_be_allowed": with_adapter(unbound=lambda *_: BLOCK),
    "test_reading_changes_nothing": with_adapter(translate=mutating),
    "test_any_reason_is_read_as_a_denial": answering(blank),
    "test_a_halt_is_a_denial": silent_at("UserPromptSubmit", "halt"),
    "test_reports_refuse_nothing": at("PreCompact", BLOCK),
    "test_a_text_that_was_not_flushed_is_still_owed": commanding(
        lambda one: evolve(one, delivery="answer")
    ),
    "test_without_an_engine_whatever_asks_is_denied": LENIENT,
    "test_the_hook_itself_refuses_where_nothing_can_be_decided": type(
        "Broken", (ClaudeCode,), {"heard": lambda *_: Heard()}
    ),
    "test_without_an_engine_reports_are_silent": refusing(
        DECIDING={*ADAPTER.events}, deny_bytes=lambda event, reason: REPLACED.out
    ),
    "test_what_comes_after_the_end_is_harmless": at("PostToolUse", REPLACED),
}
"""Promise → an adapter that breaks it."""


def promises(contract: type) -> set[str]:
    return {name for name in dir(contract) if name.startswith("test_")}


def test_each_promise_has_an_adapter_that_breaks_it() -> None:
    """No check of the contract has never been seen red."""
    assert set(BROKEN) == promises(HookHostContract)
    assert set(BROKEN_SETTINGS) == promises(SettingsContract)


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_adapter_is_found(name: str, tmp_path: Path) -> None:
    """The sound adapter passes the check, and the one that is broken in just this does not."""
    given = {"unbound": "allow"} if name == "test_what_names_no_session_may_be_allowed" else {}
    check = getattr(HookHostContract(), name)
    sound = OpenCode if BROKEN[name] is Ticking else ClaudeCode
    for driver, folder in ((sound, tmp_path / "sound"), (BROKEN[name], tmp_path / "broken")):
        folder.mkdir()
        host = driver(folder, **given)
        if driver is sound:
            check(host)
        else:
            with pytest.raises(AssertionError):
                check(host)
        host.close()


def test_a_claim_without_its_verb_is_no_silent_pass(tmp_path: Path) -> None:
    """What an adapter claims and its driver cannot do is an error, and names the verb."""
    host = GeminiCli(tmp_path)
    claims = tuple(
        evolve(one, can=True) if one.name == "see compaction" else one
        for one in host.profile.capabilities
    )
    host.profile = evolve(host.profile, capabilities=claims)
    with pytest.raises(AssertionError):
        HookHostContract().test_after_a_compaction_the_model_is_reminded(host)
    host.close()

    bare = OwnHarness()
    bare.profile = evolve(bare.profile, capabilities=claims)
    with pytest.raises(MisuseError, match=r"GOV770.*compact"):
        HookHostContract().test_after_a_compaction_the_model_is_reminded(bare)
    for verb, words in (("child", ("s", "helper", "ls")), ("slash", ("s", "title"))):
        with pytest.raises(MisuseError, match=f"GOV770.*{verb}"):
            getattr(bare, verb)(*words)
    bare.close()


# -- settings ---------------------------------------------------------------------------------

SOUND = installer_of("claude-code")


def installing(change: Callable[[Path, bool], object]) -> Installer:
    """An installer that does *change* besides, given the project and whether it is dry."""

    def install(directory: Path, *, dry_run: bool = False) -> tuple[Change, ...]:
        made = SOUND.install(directory, dry_run=dry_run)
        change(directory, dry_run)
        return made

    return evolve(SOUND, install=install)


def littering(directory: Path, dry: bool) -> None:
    if not dry:
        (directory / "litter").write_text("x")


def hasty(directory: Path, dry: bool) -> None:
    if dry:
        (directory / "litter").write_text("x")


def growing(directory: Path, dry: bool) -> None:
    if not dry:
        with (directory / ".governance" / "grown").open("a") as stream:
            stream.write("x")


def in_place(directory: Path, dry: bool) -> None:
    """Write the settings where they stand: for a moment nothing is in them."""
    file = directory / SOUND.settings
    if not dry and file.exists():
        file.write_bytes(file.read_bytes())


def tidying(directory: Path, dry: bool) -> None:
    folder = (directory / SOUND.settings).parent
    if not dry and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def uninstalling(change: Callable[[Path, bool], object]) -> Installer:
    """As `installing`, of what takes our hooks out."""

    def uninstall(directory: Path, *, dry_run: bool = False) -> tuple[Change, ...]:
        made = SOUND.uninstall(directory, dry_run=dry_run)
        change(directory, dry_run)
        return made

    return evolve(SOUND, uninstall=uninstall)


BROKEN_SETTINGS: Mapping[str, Installer] = {
    "test_the_very_bytes_come_back": installing(littering),
    "test_putting_in_twice_is_putting_in_once": installing(growing),
    "test_putting_in_that_is_cut_off": installing(in_place),
    "test_putting_in_anew_that_is_cut_off": installing(in_place),
    "test_taking_out_that_is_cut_off": uninstalling(in_place),
    "test_an_empty_folder_that_was_there_stays": uninstalling(tidying),
    "test_a_dry_run_writes_nothing": installing(hasty),
    "test_a_hook_that_was_taken_out_by_hand_is_missed": evolve(SOUND, problems=lambda _: ()),
    "test_every_command_names_its_project": evolve(SOUND, commands=lambda _: {"Stop": "true"}),
}
"""Promise → an installer that breaks it."""


@pytest.mark.parametrize("name", BROKEN_SETTINGS)
def test_a_broken_installer_is_found(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `test_a_broken_adapter_is_found`, of what changes a host's settings."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for number, installer in enumerate((SOUND, BROKEN_SETTINGS[name])):
        root = tmp_path / str(number)
        (root / "project" / ".governance").mkdir(parents=True)
        made = type("Tried", (SettingsContract,), {"installer": installer, "texts": ("{}",)})
        check = getattr(made(), name)
        if installer is SOUND:
            check(root / "project")
        else:
            with pytest.raises(AssertionError):
                check(root / "project")
