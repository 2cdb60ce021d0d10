"""What the real Mellea proves of sessions: begun, reset, cloned, and ended exactly once."""

from __future__ import annotations

import asyncio
from typing import Any

import attrs
import pytest
from mellea import MelleaSession, start_session
from mellea.backends import ModelOption
from mellea.plugins import PluginViolationError
from mellea.plugins.manager import DEFAULT_PLUGIN_TIMEOUT, get_plugin_manager, has_plugins
from mellea.plugins.types import HookType
from mellea.stdlib.context import ChatContext, SimpleContext

from governance.errors import MisuseError
from governance.events import Event
from governance.hosts.mellea import govern
from governance.hosts.mellea.capabilities import HOOKS, PLUGIN_LIMIT_MS
from governance.hosts.mellea.framework import GUARD, PLUGIN, framework
from governance.hosts.mellea.reading import OPTION_NAMES
from governance.states import State
from tests.hosts.mellea.lab import TOOLS, Lab


class ForbiddenContext(ChatContext):
    """A context that a rule of the trial pack does not let be used."""


def prove_a_session_begins_and_ends_once(lab: Lab) -> None:
    """A session that Mellea starts has one beginning and one end, each with its fields."""
    seen = lab.listen("session.*")

    with lab.session(lambda: lab.start(context_type="chat", model_options={"seed": 1})) as m:
        m.chat("hello")

    kinds = lab.kinds(m.id)
    assert kinds.count("session.created") == 1
    assert kinds.count("session.ended") == 1
    told = {one.name: one for one in seen}
    creating = told["session.creating"].data
    assert creating["backend_name"] == "openai"
    assert creating["model_id"] == "stub"
    assert creating["model_options"] == {"seed": 1}
    assert creating["context_type"] == "ChatContext"
    assert told["session.created"].data["context"] == "ChatContext"
    ending = told["session.ending"].data
    assert ending["context"] == {"type": "ChatContext", "items": 2}
    assert ending["interaction_count"] == 1
    assert "exception" not in ending
    assert lab.state(m.id).state is State.ENDED


def prove_an_exception_ends_a_session(lab: Lab) -> None:
    """What a session ends with is its own exception, which is on record."""
    seen = lab.listen("session.ending")

    def program(m: MelleaSession) -> None:
        m.instruct("hello")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), lab.session() as m:
        program(m)

    assert [one.data["exception"] for one in seen] == ["ZeroDivisionError"]
    assert lab.kinds(m.id).count("session.ended") == 1


def prove_cleanup_twice_ends_once(lab: Lab) -> None:
    """A program that cleans up by itself, and again by `with`, ends its session once."""
    with lab.session() as m:
        m.instruct("hello")
        m.cleanup()

    assert lab.kinds(m.id).count("session.ended") == 1
    assert "event.duplicate" in lab.kinds(m.id)


def prove_a_cleanup_without_an_init_creates_nothing(lab: Lab) -> None:
    """The end of a session that nobody saw begin is unmatched, and makes no session."""
    stranger = MelleaSession(lab.backend(), ChatContext())

    with govern(lab.engine):
        stranger.cleanup()

    assert lab.state(stranger.id).state is State.ABSENT
    assert lab.kinds(stranger.id) == ["event.unmatched"]


def prove_model_and_options_are_rewritten(lab: Lab) -> None:
    """What a rule changes of the options, the backend is built with, under Mellea's names."""
    options = {"temperature": 0.9, "@@@max_new_tokens@@@": 900, "top_p": 0.5}

    with lab.session(lambda: lab.start(model_options=options)) as m:
        m.instruct("hello")

    sent = lab.model.requests[0]
    assert sent["temperature"] == 0.3
    assert sent["max_completion_tokens"] == 100
    assert sent["top_p"] == 0.5
    assert options["temperature"] == 0.9


def prove_a_listener_rewrites_the_model(lab: Lab) -> None:
    """What a listener writes into `session.creating`, the backend is built with."""
    from governance.listeners import Write

    def other(_event: Event) -> Write:
        return Write({"model_id": "other-model"})

    lab.engine.listeners.register("session.creating", other, mode="transform")

    with lab.session() as m:
        m.instruct("hello")

    assert lab.model.requests[0]["model"] == "other-model"


def prove_a_refused_session_has_no_backend(lab: Lab) -> None:
    """A session that a rule refuses by its context is never built, and its end is no end."""
    with (
        pytest.raises(PluginViolationError) as caught,
        lab.session(lambda: lab.start(ctx=ForbiddenContext())),
    ):
        pytest.fail("it was built")

    assert "TRIAL-UNBORN" in caught.value.reason
    assert caught.value.code == "trial.unborn"
    assert caught.value.hook_type == "session_pre_init"


def prove_a_refused_direct_session_is_not_entered(lab: Lab) -> None:
    """A session that was built without Mellea's function is refused in the same way."""
    built = MelleaSession(lab.backend(), ForbiddenContext())

    with pytest.raises(PluginViolationError) as caught, lab.session(built):
        pytest.fail("it was entered")

    assert caught.value.code == "trial.unborn"
    assert lab.state(built.id).state is State.ABSENT


def prove_options_of_a_built_backend_are_refused(lab: Lab) -> None:
    """A rule that changes options refuses a backend that is built, and says what to do."""
    built = MelleaSession(lab.backend(temperature=0.9))

    with pytest.raises(PluginViolationError, match="start_session"), lab.session(built):
        pytest.fail("it was entered")

    assert lab.state(built.id).state is State.ENDED


def prove_a_backend_that_fails_ends_its_session(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session whose backend cannot be built, after it had begun, is ended."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    def keyless() -> MelleaSession:
        return start_session("openai", "stub", base_url=lab.model.url)

    with pytest.raises(ValueError, match="OPENAI_API_KEY"), lab.session(keyless):
        pytest.fail("it was built")

    (head,) = lab.engine.journal.sessions()
    assert lab.state(head.session).state is State.ENDED


@pytest.mark.parametrize("context", [SimpleContext, ChatContext])
def prove_direct_sessions_are_governed(lab: Lab, context: type[Any]) -> None:
    """A session built directly, of any context, begins, is briefed, decided and ended."""
    with lab.session(MelleaSession(lab.backend(), context())) as m:
        refused = lab.call(m, "touch FORBIDDEN")

    assert "TRIAL-DENIED" in refused
    assert lab.ran == []
    (created,) = lab.rows(m.id, "session.created")
    assert created["context"] == context.__name__
    assert lab.kinds(m.id).count("session.ended") == 1


def prove_a_reset_begins_an_epoch(lab: Lab) -> None:
    """A reset keeps the id, throws the history away, and the next request is told anew."""
    seen = lab.listen("session.resetting")

    with lab.session(lambda: lab.start(context_type="chat")) as m:
        m.chat("one")
        m.reset()
        m.chat("two")

    assert [one.data["previous_context"] for one in seen] == [{"type": "ChatContext", "items": 2}]
    assert lab.state(m.id).registers.epoch == 2
    assert "one" not in lab.model.said()
    assert lab.model.system().count("TRIAL-BRIEFING") == 1
    assert lab.kinds(m.id).count("governance.injected") == 2


def prove_a_clone_is_a_child(lab: Lab) -> None:
    """A clone has its own session below its parent's, and its violations count above."""
    with lab.session(lambda: lab.start(context_type="chat")) as m:
        m.chat("one")
        with lab.session(m.clone(), parent=m) as clone:
            refused = lab.call(clone, "touch FORBIDDEN")
        m.chat("two")

    assert "TRIAL-DENIED" in refused
    state = lab.state(clone.id)
    assert (state.identity.parent, state.identity.depth) == (m.id, 1)
    assert state.state is State.ENDED
    assert lab.state(m.id).ledger.counts["high"] == 1
    kinds = lab.kinds(m.id)
    assert kinds.index("child.started") < kinds.index("child.ended") < kinds.index("session.ended")
    assert kinds.count("child.ended") == 1


def prove_a_clone_of_an_ended_session_is_refused(lab: Lab) -> None:
    """No work is begun below a session that is over."""
    with lab.session() as m:
        m.instruct("one")
        clone = m.clone()

    with pytest.raises(PluginViolationError), lab.session(clone, parent=m):
        pytest.fail("it was entered")


def prove_a_clone_of_a_stranger_is_refused(lab: Lab) -> None:
    """A parent that nobody governs is not made one by its clone."""
    stranger = MelleaSession(lab.backend())

    with (
        pytest.raises(MisuseError, match="is not governed"),
        lab.session(stranger.clone(), parent=stranger),
    ):
        pytest.fail("it was entered")

    assert lab.engine.journal.sessions() == ()


def prove_a_known_id_is_resumed(lab: Lab) -> None:
    """A session that is built again with its id and its history goes on where it was."""
    with lab.session(MelleaSession(lab.backend(), ChatContext(), session_id="s-1")) as m:
        m.chat("one")
        kept = m.ctx
    lab.clock.advance(2 * 3_600_000)

    with lab.session(MelleaSession(lab.backend(), kept, session_id="s-1")) as m:
        m.chat("two")

    kinds = lab.kinds("s-1")
    assert kinds.count("session.created") == 1
    assert kinds.count("session.resumed") == 1
    assert kinds.count("session.ended") == 2
    assert "one" in lab.model.said()


def prove_a_session_is_governed_once(lab: Lab) -> None:
    """A session that is governed cannot be governed again beside it."""
    with lab.session() as m, pytest.raises(MisuseError, match="GOV732"), lab.session(m):
        pytest.fail("it was entered twice")


def prove_options_of_one_session_go_before_those_of_all(lab: Lab) -> None:
    """A session that began under `govern` is governed as `governed_session` says of it."""
    with govern(lab.engine, denial="hard"):
        m = lab.start()
        with lab.session(m):
            refused = lab.call(m, "touch FORBIDDEN")
            allowed = lab.call(m, "touch allowed")

    assert "TRIAL-DENIED" in refused
    assert allowed == "done"
    assert lab.kinds(m.id).count("session.created") == 1
    assert lab.kinds(m.id).count("session.ended") == 1


def prove_others_are_governed_meanwhile(lab: Lab) -> None:
    """While one session is governed, the others of the process are no way around it."""
    with lab.session(), lab.start() as other:
        refused = lab.call(other, "touch allowed")

    assert "`run` is not known here" in refused
    assert lab.ran == []
    assert lab.kinds(other.id).count("session.ended") == 1


def prove_one_engine_governs_a_process(lab: Lab) -> None:
    """A second engine, and other options of the first, are refused while one governs."""
    from governance.testing.engines import memory_engine

    with govern(lab.engine, tools=TOOLS):
        with (
            memory_engine() as other,
            pytest.raises(MisuseError, match="another engine"),
            govern(other),
        ):
            pytest.fail("two engines govern")
        with pytest.raises(MisuseError, match="other options"), govern(lab.engine):
            pytest.fail("two sets of options")


def prove_nothing_is_left_behind(lab: Lab) -> None:
    """Afterwards Mellea calls none of ours, and works as if we had never been there."""
    with lab.session() as m:
        m.instruct("one")

    manager = get_plugin_manager()
    assert manager.get_plugin(PLUGIN) is None
    assert manager.get_plugin(GUARD) is None
    assert [name for name in HOOKS if has_plugins(HookType(name))] == []
    with lab.start() as free:
        free.instruct("UNSPEAKABLE")
    assert lab.state(free.id).state is State.ABSENT
    assert "TRIAL-BRIEFING" not in lab.model.said()


def prove_programs_need_no_change(lab: Lab) -> None:
    """Under `govern`, sessions of a program that knows nothing of us are governed."""
    with govern(lab.engine, tools=TOOLS), lab.start() as m:
        refused = lab.call(m, "touch FORBIDDEN")

    assert "TRIAL-DENIED" in refused
    assert lab.kinds(m.id).count("session.ended") == 1


def prove_asynchronous_programs_are_governed(lab: Lab) -> None:
    """Hooks on the program's own loop are decided, and its loop is not held up."""

    async def program() -> str:
        with lab.session(lambda: lab.start(context_type="chat")) as m:
            await asyncio.gather(m.achat("one"), m.achat("two"))
            with pytest.raises(PluginViolationError):
                await m.achat("UNSPEAKABLE")
            return str(m.id)

    session = asyncio.run(program())

    assert len(lab.model.requests) == 2
    assert all("TRIAL-BRIEFING" in lab.model.system(index) for index in (0, 1))
    assert lab.kinds(session).count("turn.started") == 2
    assert lab.kinds(session).count("session.ended") == 1


class Untidy(MelleaSession):
    """A session whose end Mellea's own hook never hears of."""

    def cleanup(self, *, exception: BaseException | None = None) -> None:
        """Nothing is cleaned up here."""


def prove_a_session_that_hides_its_end_is_ended(lab: Lab) -> None:
    """A class with a clean-up of its own ends once all the same."""
    with lab.session(lambda: Untidy(lab.backend())) as m:
        m.instruct("hello")

    assert lab.kinds(m.id).count("session.ended") == 1
    assert "guard.gap" not in lab.kinds(m.id)


def prove_the_limits_are_those_of_mellea() -> None:
    """The time that Mellea gives a plugin is the time that we know of."""
    assert DEFAULT_PLUGIN_TIMEOUT * 1000 == PLUGIN_LIMIT_MS


def prove_the_names_of_options_are_those_of_mellea() -> None:
    """The options that facts have other names for are options of Mellea."""
    own = {ModelOption.MAX_NEW_TOKENS, ModelOption.SEED, ModelOption.STOP_SEQUENCES}

    assert own == {name for name in OPTION_NAMES if name.startswith("@")}


def prove_a_mellea_that_lacks_something_is_refused(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hook that has not the field that we need is found before anything is governed."""
    needed = attrs.evolve(HOOKS["session_reset"], fields=("previous_context", "novel_field"))
    monkeypatch.setitem(HOOKS, "session_reset", needed)  # type: ignore[arg-type]
    framework.cache_clear()

    with pytest.raises(MisuseError, match=r"GOV730.*`novel_field` in `session_reset`"):
        lab.session().__enter__()
