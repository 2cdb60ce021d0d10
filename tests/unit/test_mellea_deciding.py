"""What each hook of Mellea leads to, on payloads with the fields of Mellea's own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from governance.config import load_config
from governance.engine import Engine
from governance.engine.lawmaking import settings_of as settings_from
from governance.errors import MisuseError
from governance.hosts.mellea import govern
from governance.hosts.mellea.capabilities import (
    DEADLINE_MS_MAX,
    HOOKS,
    PLUGIN_LIMIT_MS,
    TRAITS,
)
from governance.hosts.mellea.decider import CALLS_MAX, Asked, Decider
from governance.hosts.mellea.deciding import decide
from governance.hosts.mellea.framework import framework
from governance.hosts.mellea.held import (
    NOTES_MAX,
    OPEN_MAX,
    Announcement,
    Book,
    Held,
    Options,
    remember,
)
from governance.hosts.mellea.tools import tools_of
from governance.hosts.mellea.verdicts import PASS, Block, Modify, Verdict
from governance.project import create_project
from governance.session.law import HostSettings
from governance.states import State
from governance.testing.engines import law_of, memory_engine, settings_with

PACK = """
format = 1
[pack]
name = "house"
version = "1.0.0"
summary = "Rules for these tests."

[[rule]]
id = "house.deny"
tools = ["shell"]
when.command = "forbidden"
action = "deny"
message = "Not that."
must_match = [{ tool = "shell", command = "forbidden" }]
must_not_match = [{ tool = "shell", command = "fine" }]

[[rule]]
id = "house.context"
on = "session"
when.context_type = "SimpleContext"
action = "deny"
message = "It must remember."
must_match = [{ context_type = "SimpleContext" }]
must_not_match = [{ context_type = "ChatContext" }]

[[escalation]]
id = "house.second"
count = 2
within = "10m"
of = { severity = ["medium"] }
action = "halt"
lasts = "pardon"
message = "Twice is enough."

[[context]]
id = "hello"
at = ["beginning"]
text = "Be governed."
"""


@dataclass
class Call:
    """A tool call, as Mellea makes it."""

    name: str = "run"
    func: Any = None
    args: dict[str, Any] = field(default_factory=dict)
    tool_call_id: str | None = None


def law(unbound: Any = "deny") -> Any:
    return law_of(PACK, settings=settings_with(hosts={"mellea": HostSettings(unbound=unbound)}))


@pytest.fixture(name="engine")
def _engine() -> Iterator[Engine]:
    with memory_engine(law=law()) as engine:
        yield engine


@pytest.fixture(name="decider")
def _decider(engine: Engine) -> Decider:
    return decider_of(engine)


def decider_of(engine: Engine) -> Decider:
    return Decider(engine, Options(tools=tools_of({"run": "shell"})), Book("test"))


def ask(decider: Decider, hook: str, session: str = "s", **fields: Any) -> Verdict:
    announcement = fields.pop("announcement", None)
    payload = SimpleNamespace(**fields)
    return decide(
        decider,
        Asked(
            hook=hook,
            payload=payload,
            session=session,
            announcement=announcement,
            system_prompt="@@@system_prompt@@@",
            show=str,
            stand_in=lambda _tool, answer: answer,
        ),
    )


def born(decider: Decider, session: str = "s", context: str = "ChatContext") -> Verdict:
    return ask(
        decider,
        "session_pre_init",
        session,
        backend_name="openai",
        model_id="m",
        model_options=None,
        context_type=context,
    )


def speak(decider: Decider, text: str = "hello", key: str = "a1") -> Verdict:
    return ask(
        decider, "component_pre_execute", action_id=key, action=text, context_view=[],
        component_type="str",
    )  # fmt: skip


def send(decider: Decider, key: str = "g1") -> Verdict:
    return ask(decider, "generation_pre_call", action="", model_options={}, generation_id=key)


def use(decider: Decider, command: str, session: str = "s", key: str = "t1") -> Verdict:
    call = Call(args={"command": command})
    return ask(
        decider, "tool_pre_invoke", session,
        tool_invocation_id=key, model_tool_call=call, is_control_flow=False,
    )  # fmt: skip


def finish(decider: Decider, session: str = "s", **changes: Any) -> Verdict:
    given = {"context": None, "interaction_count": 1, "exception": None} | changes
    return ask(decider, "session_cleanup", session, **given)


def kinds(engine: Engine, session: str = "s") -> list[str]:
    return [record.kind for record in engine.journal.read(session)]


def test_a_session_goes_its_way(decider: Decider, engine: Engine) -> None:
    """Begun, spoken to, told, answered, used and ended, each on record and once."""
    assert born(decider) == PASS
    assert speak(decider) == PASS
    sent = send(decider)
    assert isinstance(sent, Modify)
    assert "Be governed." in str(sent.fields["model_options"])
    assert not engine.state("s").governance_injected
    ask(decider, "generation_post_call", generation_id="g1")
    assert engine.state("s").governance_injected
    assert use(decider, "fine") == PASS
    assert finish(decider) == PASS

    assert engine.state("s").state is State.ENDED
    found = kinds(engine)
    for kind in ("session.created", "governance.injected", "tool.decided", "session.ended"):
        assert found.count(kind) == 1


def test_an_end_without_a_beginning_creates_nothing(decider: Decider, engine: Engine) -> None:
    """A cleanup of a session that nobody saw begin is unmatched."""
    assert finish(decider, "stranger") == PASS

    assert engine.state("stranger").state is State.ABSENT
    assert kinds(engine, "stranger") == ["event.unmatched"]


def test_a_session_is_refused_by_its_context(decider: Decider, engine: Engine) -> None:
    """The kind of a context is a fact of rules on sessions, before its backend exists."""
    verdict = born(decider, context="SimpleContext")

    assert isinstance(verdict, Block)
    assert (verdict.code, "It must remember." in verdict.reason) == ("house.context", True)
    assert engine.state("s").state is State.ABSENT


def test_the_second_hook_of_a_birth_is_no_second_birth(decider: Decider, engine: Engine) -> None:
    """`session_post_init` starts what nobody saw start, and only that."""
    context = type("ChatContext", (), {})()
    born(decider)

    assert ask(decider, "session_post_init", model_id="m", context=context) == PASS
    assert ask(decider, "session_post_init", "late", model_id="m", context=context) == PASS

    assert kinds(engine).count("session.created") == 1
    assert kinds(engine, "late") == ["session.created"]


def test_what_is_announced_is_begun_as_announced(decider: Decider, engine: Engine) -> None:
    """A session that the program is building gets its role, and is noted down."""
    announcement = Announcement(Options(role="reviewer"))

    ask(
        decider, "session_pre_init", "s", announcement=announcement, backend_name="b",
        model_id="m", model_options=None, context_type="ChatContext",
    )  # fmt: skip

    assert announcement.started == ["s"]
    assert engine.state("s").identity.role == "reviewer"


def test_a_denied_tool_tells_the_model(decider: Decider, engine: Engine) -> None:
    """The tool is another, which answers with the reason, and has no outcome of its own."""
    born(decider)
    speak(decider)
    send(decider)
    ask(decider, "generation_post_call", generation_id="g1")

    verdict = use(decider, "forbidden")

    assert isinstance(verdict, Modify)
    swapped = verdict.fields["model_tool_call"]
    assert isinstance(swapped, Call)
    assert "Not that." in swapped.func
    again = SimpleNamespace(tool_invocation_id="t1", model_tool_call=swapped)
    assert decider.look_again(again) == PASS
    after = {"tool_invocation_id": "t1", "model_tool_call": swapped, "is_control_flow": False}
    assert ask(decider, "tool_post_invoke", **after) == PASS
    assert "tool.finished" not in kinds(engine)


def test_a_call_that_was_changed_or_never_decided_is_blocked(decider: Decider) -> None:
    """What runs is what was decided, once."""
    born(decider)
    use(decider, "fine")
    other = Call(args={"command": "forbidden"})
    changed = decider.look_again(SimpleNamespace(tool_invocation_id="t1", model_tool_call=other))
    twice = decider.look_again(SimpleNamespace(tool_invocation_id="t1", model_tool_call=other))

    assert isinstance(changed, Block)
    assert "was changed" in changed.reason
    assert isinstance(twice, Block)
    assert "was not decided" in twice.reason


@pytest.mark.parametrize("hook", [one.name for one in HOOKS.values() if not one.decides])
def test_what_is_only_told_is_never_refused(decider: Decider, hook: str) -> None:
    """What has happened, and belongs to no session, is passed over."""
    assert ask(decider, hook, "") == PASS


def test_what_belongs_to_no_session_is_refused(decider: Decider) -> None:
    """Leave that is asked for outside of every session is not given."""
    verdict = ask(decider, "component_pre_execute", "")

    assert isinstance(verdict, Block)
    assert verdict.code == "GOV731"


def test_a_project_may_let_what_is_unbound_through() -> None:
    """With `unbound = "allow"` it passes, and the second look knows the call."""
    call = Call(args={"command": "forbidden"})
    given: dict[str, Any] = {"tool_invocation_id": "t1", "model_tool_call": call}
    with memory_engine(law=law("allow")) as engine:
        decider = decider_of(engine)

        assert ask(decider, "tool_pre_invoke", "", **given) == PASS
        assert decider.look_again(SimpleNamespace(**given)) == PASS


def test_no_request_goes_out_of_a_session_that_is_over(decider: Decider, engine: Engine) -> None:
    """A turn that was let through ends with its session."""
    born(decider)
    speak(decider)
    finish(decider)

    verdict = send(decider)

    assert isinstance(verdict, Block)
    assert verdict.code == "session.after-end"


def test_no_request_goes_out_of_a_halted_session(decider: Decider) -> None:
    """A turn that was let through ends with the violation that halts its session."""
    born(decider)
    speak(decider)
    send(decider)
    ask(decider, "generation_post_call", generation_id="g1")
    assert isinstance(send(decider, "g2"), Modify)
    for number in range(2):
        use(decider, "forbidden", key=f"t{number}")

    verdict = send(decider, "g3")

    assert isinstance(verdict, Block)
    assert verdict.code == "session.halted"


def test_a_text_that_no_request_carried_is_not_told(decider: Decider, engine: Engine) -> None:
    """An answer to a request of an earlier turn briefs nobody for this one."""
    born(decider)
    speak(decider)

    ask(decider, "generation_post_call", generation_id="of another turn")

    assert "governance.injected" not in kinds(engine)


def test_what_is_kept_is_bounded(engine: Engine) -> None:
    """A program that opens and never closes does not fill our memory."""
    decider = decider_of(engine)
    held = Held(Options().identity("s", ""), Options())
    for number in range(2 * CALLS_MAX):
        decider.let(str(number), Call())
        remember(held.open, str(number))
        held.note(str(number))

    assert len(held.open) == OPEN_MAX
    assert len(held.notes) == NOTES_MAX
    assert isinstance(
        decider.look_again(SimpleNamespace(tool_invocation_id="0", model_tool_call=Call())), Block
    )


def test_the_documented_fields_of_session_hooks_are_read() -> None:
    """Every field that Mellea documents for the four hooks of a session is used."""
    documented = {
        "session_pre_init": {"backend_name", "model_id", "model_options", "context_type"},
        "session_post_init": {"session_id", "model_id", "context"},
        "session_reset": {"previous_context"},
        "session_cleanup": {"context", "interaction_count"},
    }
    for name, fields in documented.items():
        assert fields <= set(HOOKS[name].fields)
    written = {name: set(one.writable) for name, one in HOOKS.items() if name in documented}
    assert written.pop("session_pre_init") == {"model_id", "model_options"}
    assert not any(written.values())


def test_the_deadline_lies_below_that_of_mellea() -> None:
    """An answer of ours comes before Mellea passes over us."""
    assert DEADLINE_MS_MAX < PLUGIN_LIMIT_MS
    assert not TRAITS.asks


def test_what_the_project_says_of_the_host_is_heeded(tmp_path: Path) -> None:
    """`unbound` and `deadline_ms` of `[hosts.mellea]` are those that the adapter looks up."""
    text = '[packs]\npaths = []\n[hosts.mellea]\nunbound = "ask"\ndeadline_ms = 300\n'
    create_project(tmp_path, text)

    settings = settings_from(load_config(tmp_path)).host("mellea")

    assert (settings.unbound, settings.deadline_ms) == ("ask", 300)


def test_without_mellea_nothing_is_governed(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program without the package is told so before anything begins."""
    monkeypatch.setitem(sys.modules, "mellea.plugins", None)
    framework.cache_clear()

    with pytest.raises(MisuseError, match=r"GOV730.*mellea\[hooks\]"), govern(engine):
        pytest.fail("it governs nothing")
