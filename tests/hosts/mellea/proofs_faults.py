"""What the real Mellea does when we fail: nothing that needs leave."""

from __future__ import annotations

import asyncio
import logging
import time

import pytest
from mellea.plugins import PluginViolationError, unregister
from mellea.plugins.manager import get_plugin_manager, shutdown_plugins

from governance.engine import Engine
from governance.errors import StoreFull
from governance.hosts.mellea import govern
from governance.hosts.mellea.framework import PLUGIN, installed
from governance.session.law import HostSettings
from governance.states import State
from governance.testing.engines import law_of, memory_engine, settings_with
from tests.hosts.mellea.lab import PACK, TOOLS, Lab


def prove_no_store_means_no_request(lab: Lab) -> None:
    """A turn that cannot be journaled sends nothing."""
    with lab.session() as m:
        lab.journal.fail("append", StoreFull("the disk is full"))
        with pytest.raises(PluginViolationError, match="the disk is full"):
            m.instruct("hello")
        assert lab.model.requests == []
        m.instruct("hello")

    assert len(lab.model.requests) == 1


def prove_no_store_means_no_tool(lab: Lab) -> None:
    """A call that cannot be journaled does not run, and the model reads why."""
    with lab.session() as m:
        m.instruct("hello")
        lab.journal.fail("append", StoreFull("the disk is full"), skip=3)
        refused = lab.call(m, "touch allowed")

    assert "the disk is full" in refused
    assert lab.ran == []


def prove_no_store_means_no_output(lab: Lab) -> None:
    """A result that cannot be judged is withheld, for a rule might have withheld it."""
    with lab.session() as m:
        m.instruct("hello")
        lab.journal.fail("append", StoreFull("the disk is full"), skip=4)
        read = lab.call(m, "touch allowed")

    assert lab.ran == ["touch allowed"]
    assert "governance withholds this output" in read


def prove_a_closed_engine_lets_nothing_through(lab: Lab) -> None:
    """An engine that is gone refuses prompts, requests and tools, and the session ends."""
    with lab.session(lambda: lab.start(context_type="chat")) as m:
        m.chat("hello")
        lab.engine.close()
        with pytest.raises(PluginViolationError, match="GOV733"):
            m.chat("hello")
        assert m.ctx.as_list() != []

    assert len(lab.model.requests) == 1


def prove_no_store_does_not_hide_the_programs_exception(lab: Lab) -> None:
    """An end that cannot be recorded is kept, and the program's own exception goes on."""

    def program() -> None:
        lab.journal.fail("append", StoreFull("the disk is full"))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), lab.session() as m:
        program()

    assert lab.state(m.id).state is State.ENDED


def prove_a_slow_engine_is_a_denial(lab: Lab) -> None:
    """What is not decided in time is refused, within the project's own limit."""
    settings = settings_with(hosts={"mellea": HostSettings(deadline_ms=200)})

    def slow(_event: object) -> None:
        time.sleep(1)

    with memory_engine(law=law_of(PACK, settings=settings)) as engine:
        engine.listeners.register("tool.asked", slow, time_limit_ms=5_000)
        with lab.session(engine=engine) as m:
            refused = lab.call(m, "touch allowed")

    assert "nothing was decided within 200 ms" in refused
    assert lab.ran == []


def prove_unbound_is_the_projects_own(lab: Lab) -> None:
    """A project that lets calls without a session through, has them run."""
    settings = settings_with(hosts={"mellea": HostSettings(unbound="allow")})

    with memory_engine(law=law_of(PACK, settings=settings)) as engine, govern(engine):
        m = lab.start()
        lab.call(m, "touch FORBIDDEN")

    assert lab.ran == ["touch FORBIDDEN"]


def prove_a_guard_that_is_taken_out_is_told(lab: Lab) -> None:
    """Who takes our plugin out is not governed any more, and the journal says so."""
    with lab.session() as m:
        unregister(get_plugin_manager().get_plugin(PLUGIN))
        m.instruct("UNSPEAKABLE")

    (gap,) = lab.rows(m.id, "guard.gap")
    assert gap["host"] == "mellea"
    assert lab.kinds(m.id).count("session.ended") == 1


def prove_a_tool_is_refused_where_only_the_guard_is_left(lab: Lab) -> None:
    """A tool that nobody has decided is refused by the second plugin."""
    with lab.session() as m:
        unregister(get_plugin_manager().get_plugin(PLUGIN))
        with pytest.raises(PluginViolationError, match="was not decided"):
            lab.call(m, "touch allowed")

    assert lab.ran == []


def prove_plugins_come_back(lab: Lab) -> None:
    """Where everything was taken out, the next session has the plugins put in again."""
    with govern(lab.engine, tools=TOOLS):
        asyncio.run(shutdown_plugins())
        assert not installed()
        with lab.session() as m:
            refused = lab.call(m, "touch FORBIDDEN")

    assert "TRIAL-DENIED" in refused


def prove_what_is_only_told_never_breaks_the_program(
    lab: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    """A reset that cannot be recorded is a line in the log, and the program goes on."""
    with caplog.at_level(logging.ERROR, "governance.hosts.mellea"), lab.session() as m:
        lab.journal.fail("append", StoreFull("the disk is full"))
        m.reset()

    assert "`session_reset` could not be recorded" in caplog.text
    assert lab.state(m.id).registers.epoch == 2


def prove_engines_may_follow_each_other(lab: Lab) -> None:
    """When one engine has left, another may sit down."""
    with lab.session() as m:
        m.instruct("one")
    other: Engine
    with memory_engine(PACK) as other, lab.session(engine=other) as n:
        n.instruct("two")

    assert other is not lab.engine
    assert len(lab.model.requests) == 2
