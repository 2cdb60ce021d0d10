"""What the real Mellea proves of work: prompts, requests, tools, and what reaches the model."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from typing import Any

import pytest
from mellea import MelleaSession
from mellea.backends import ModelOption
from mellea.backends.tools import MelleaTool
from mellea.core import CBlock, ModelToolCall
from mellea.plugins import HookType, PluginMode, PluginViolationError, hook, modify, plugin_scope
from mellea.stdlib.context import ChatContext
from mellea.stdlib.frameworks.react import react
from mellea.stdlib.functional import call_tools

from governance.hosts.mellea import bound, govern
from governance.states import State
from tests.hosts.mellea.lab import TOOLS, Lab
from tests.hosts.mellea.own_backend import OwnBackend


def prove_an_allowed_tool_runs(lab: Lab) -> None:
    """What no rule minds runs, and its outcome is on record."""
    with lab.session() as m:
        read = lab.call(m, "touch allowed")

    assert read == "done"
    assert lab.ran == ["touch allowed"]
    (decided,) = lab.rows(m.id, "tool.decided")
    assert (decided["tool"], decided["native"], decided["action"]) == ("shell", "run", "allow")
    (finished,) = lab.rows(m.id, "tool.finished")
    assert finished["outcome"] == "ok"
    assert lab.state(m.id).open_calls == ()


def prove_a_denied_tool_answers_the_model(lab: Lab) -> None:
    """A denied tool does not run, and the model reads why in its next request."""
    with lab.session(lambda: lab.start(context_type="chat")) as m:
        refused = lab.call(m, "touch FORBIDDEN")
        m.chat(f"the tool said: {refused}")

    assert lab.ran == []
    assert "TRIAL-DENIED" in refused
    assert "TRIAL-DENIED" in lab.model.said()
    assert lab.rows(m.id, "tool.finished") == []


def prove_a_hard_denial_is_an_exception(lab: Lab) -> None:
    """Where the program wants it, a denied tool raises, with rule and reason."""
    with lab.session(denial="hard") as m, pytest.raises(PluginViolationError) as caught:
        lab.call(m, "touch FORBIDDEN")

    assert lab.ran == []
    assert caught.value.code == "trial.deny"
    assert "TRIAL-DENIED" in caught.value.reason


def prove_a_question_is_a_denial_until_a_person_says_yes(lab: Lab) -> None:
    """Nobody can be asked: the call is denied, and runs once after leave was given."""
    with lab.session() as m:
        refused = lab.call(m, "touch QUESTION")
        (asked,) = lab.rows(m.id, "approval.asked")
        assert f"governance approve {asked['id']}" in refused
        lab.engine.record(
            m.id,
            "approval.settled",
            {"id": asked["id"], "by": "person", "decision": "granted",
             "expires_at_ms": asked["expires_at_ms"]},
            actor="person",
        )  # fmt: skip
        allowed = lab.call(m, "touch QUESTION")
        again = lab.call(m, "touch QUESTION")

    assert allowed == "done"
    assert "TRIAL-ASKED" in again
    assert lab.ran == ["touch QUESTION"]


def prove_a_call_is_rewritten(lab: Lab) -> None:
    """A rule changes what runs; the very function of the program runs it."""
    with lab.session() as m:
        lab.call(m, "touch CLUMSY")

    assert lab.ran == ["touch REWRITTEN"]


def prove_a_bound_method_is_not_run_on_a_copy(lab: Lab) -> None:
    """A tool with a state of its own is not rewritten: denied, naming the call to make."""

    class Shell:
        def __init__(self) -> None:
            self.ran: list[str] = []

        def run(self, command: str) -> str:
            """Run a command.

            Args:
                command: The command line.
            """
            self.ran.append(command)
            return "done"

    shell = Shell()
    tool = MelleaTool.from_callable(shell.run)

    with lab.session() as m:
        refused = lab.call(m, "touch CLUMSY", tool)
        lab.call(m, "touch allowed", tool)

    assert "touch REWRITTEN" in refused
    assert shell.ran == ["touch allowed"]


def prove_a_warning_reaches_the_model(lab: Lab) -> None:
    """What a rule remarks stands in the next request, once."""
    with lab.session() as m:
        lab.call(m, "touch ODD")
        m.instruct("one")
        m.instruct("two")

    assert lab.ran == ["touch ODD"]
    warned = ["TRIAL-WARNED" in lab.model.system(index) for index in range(3)]
    assert warned == [False, True, False]


def prove_output_is_withheld(lab: Lab) -> None:
    """What a rule keeps back, neither model nor program reads."""
    lab.output = "TOPSECRET of the tool"

    with lab.session() as m:
        read = lab.call(m, "touch allowed")

    assert "TRIAL-WITHHELD" in read
    assert "TOPSECRET" not in read


def prove_an_unknown_tool_is_not_run(lab: Lab) -> None:
    """A tool that nobody has named is asked about, and so denied."""
    with lab.session(tools={}) as m:
        refused = lab.call(m, "touch allowed")

    assert "`run` is not known here" in refused
    assert lab.ran == []


def prove_a_failing_tool_is_on_record(lab: Lab) -> None:
    """A tool that raises has failed; the model reads its error as before."""

    def run(command: str) -> str:
        """Run a command.

        Args:
            command: The command line.
        """
        raise ValueError(f"no {command}")

    with lab.session() as m:
        read = lab.call(m, "touch allowed", MelleaTool.from_callable(run))

    assert read == "no touch allowed"
    (finished,) = lab.rows(m.id, "tool.finished")
    assert (finished["outcome"], finished["error"]) == ("failed", "no touch allowed")


def prove_what_others_change_is_looked_at_again(lab: Lab) -> None:
    """A plugin that changes a call after it was decided has it refused."""

    @hook(HookType.TOOL_PRE_INVOKE, mode=PluginMode.TRANSFORM)
    async def tamper(payload: Any, _context: Any) -> Any:
        from dataclasses import replace

        call = replace(payload.model_tool_call, args={"command": "touch FORBIDDEN"})
        return modify(payload, model_tool_call=call)

    with (
        lab.session() as m,
        plugin_scope(tamper),
        pytest.raises(PluginViolationError, match="changed after"),
    ):
        lab.call(m, "touch allowed")

    assert lab.ran == []


def prove_what_others_change_before_is_decided(lab: Lab) -> None:
    """A plugin that changes a call before it is decided changes what is decided."""

    @hook(HookType.TOOL_PRE_INVOKE, mode=PluginMode.SEQUENTIAL, priority=900)
    async def change(payload: Any, _context: Any) -> Any:
        from dataclasses import replace

        call = replace(payload.model_tool_call, args={"command": "touch FORBIDDEN"})
        return modify(payload, model_tool_call=call)

    with lab.session() as m, plugin_scope(change):
        refused = lab.call(m, "touch allowed")

    assert "TRIAL-DENIED" in refused
    assert lab.ran == []


def prove_a_prompt_is_refused(lab: Lab) -> None:
    """A prompt that a rule refuses goes nowhere, and the context stays as it is."""
    with lab.session(lambda: lab.start(context_type="chat")) as m:
        for say in (m.chat, m.instruct):
            with pytest.raises(PluginViolationError) as caught:
                say("UNSPEAKABLE")
            assert caught.value.code == "trial.prompt"
        assert m.ctx.as_list() == []

    assert lab.model.requests == []


def prove_the_briefing_is_in_every_request(lab: Lab) -> None:
    """Each request carries the same bytes in front of the program's own system prompt."""
    with lab.session(lambda: lab.start(model_options={ModelOption.SYSTEM_PROMPT: "Be kind."})) as m:
        m.instruct("one")
        m.instruct("two", model_options={ModelOption.SYSTEM_PROMPT: "Be brief."})
        m.instruct("three")
        assert lab.state(m.id).governance_injected

    first, second, third = (lab.model.system(index) for index in range(3))
    assert first.startswith("TRIAL-BRIEFING")
    assert first.endswith("Be kind.")
    assert second.endswith("Be brief.")
    assert "Be kind." not in second
    assert first == third


def prove_a_request_that_failed_briefs_nobody(lab: Lab) -> None:
    """A text that no model has read stays owed, and the failure ends the turn."""
    lab.model.script({"error": 400})

    with lab.session() as m:
        with pytest.raises(Exception, match="scripted"):
            m.instruct("one")
        assert not lab.state(m.id).governance_injected
        m.instruct("two")
        assert lab.state(m.id).governance_injected

    assert [row.get("failure", "") != "" for row in lab.rows(m.id, "turn.ended")] == [True, False]


def prove_a_compaction_is_told(lab: Lab) -> None:
    """A chat context that forgets is a compaction: the next request says so."""
    with lab.session(MelleaSession(lab.backend(), ChatContext(window_size=2))) as m:
        m.chat("one")
        m.chat("two")
        m.chat("three")

    assert lab.kinds(m.id).count("session.compacted") == 1
    reminded = ["TRIAL-REMINDER" in lab.model.system(index) for index in range(3)]
    assert reminded == [False, False, True]


def prove_a_program_that_compacts_is_told(lab: Lab) -> None:
    """A context that the program itself shortens is a compaction too."""
    with lab.session(lambda: lab.start(context_type="chat")) as m:
        m.chat("one")
        m.ctx = ChatContext()
        m.chat("two")

    assert lab.kinds(m.id).count("session.compacted") == 1
    assert "TRIAL-REMINDER" in lab.model.system()


def prove_requests_outside_of_components_are_turns(lab: Lab) -> None:
    """Whoever calls the backend by hand within a session is governed all the same."""

    async def by_hand(m: MelleaSession, text: str) -> None:
        made, _ = await m.backend.generate_from_context(CBlock(text), m.ctx)
        await made.avalue()

    with lab.session(lambda: lab.start(context_type="chat")) as m:
        asyncio.run(by_hand(m, "hello"))
        with pytest.raises(PluginViolationError):
            asyncio.run(by_hand(m, "UNSPEAKABLE"))

    assert len(lab.model.requests) == 1
    assert "TRIAL-BRIEFING" in lab.model.system()
    assert lab.kinds(m.id).count("turn.ended") == 1


def prove_raw_batches_are_governed(lab: Lab) -> None:
    """Several raw requests are judged by all their texts; none is sent if one may not be."""
    backend = OwnBackend()

    async def batch(m: MelleaSession, *texts: str) -> None:
        await m.backend.generate_from_raw([CBlock(one) for one in texts], m.ctx)

    with lab.session(MelleaSession(backend)) as m:
        asyncio.run(batch(m, "one", "two"))
        with pytest.raises(PluginViolationError):
            asyncio.run(batch(m, "three", "UNSPEAKABLE"))

    assert len(backend.given) == 2
    assert lab.kinds(m.id).count("turn.started") == lab.kinds(m.id).count("turn.ended") == 1


def prove_any_backend_is_governed(lab: Lab) -> None:
    """A backend of the program's own is briefed, refused and recorded as any other."""
    backend = OwnBackend()

    with lab.session(MelleaSession(backend, ChatContext())) as m:
        m.instruct("one", strategy=None)
        with pytest.raises(PluginViolationError):
            m.instruct("UNSPEAKABLE", strategy=None)

    (options,) = backend.given
    assert "TRIAL-BRIEFING" in options[ModelOption.SYSTEM_PROMPT]
    assert lab.rows(m.id, "session.created")[0]["model_id"] == "own"
    assert lab.kinds(m.id).count("governance.injected") == 1


def prove_a_backend_without_a_place_for_text(lab: Lab) -> None:
    """Where no system prompt is heeded nothing is sent, and nobody counts as briefed."""
    backend = OwnBackend()

    with lab.session(MelleaSession(backend), inject=False) as m:
        m.instruct("one", strategy=None)
        assert not lab.state(m.id).governance_injected

    assert ModelOption.SYSTEM_PROMPT not in backend.given[0]


def prove_a_halt_ends_the_turn(lab: Lab) -> None:
    """After the third grave violation nothing runs and no request is sent any more."""
    with lab.session() as m:
        for number in range(3):
            lab.call(m, f"touch FORBIDDEN{number}")
        sent = len(lab.model.requests)
        with pytest.raises(PluginViolationError, match="is halted"):
            m.instruct("go on")

    assert "session.halted" in lab.kinds(m.id)
    assert len(lab.model.requests) == sent
    assert lab.kinds(m.id).count("session.ended") == 1


def prove_a_loop_of_the_framework_is_governed(lab: Lab) -> None:
    """ReAct goes on after a denial, which its model reads, and ends by its own mark."""
    lab.model.script(
        {"tool": "run", "arguments": {"command": "touch FORBIDDEN"}},
        {"tool": "run", "arguments": {"command": "touch allowed"}},
        {"tool": "final_answer", "arguments": {"answer": "done"}},
    )

    async def program() -> str:
        with lab.session(lambda: lab.start(context_type="chat")) as m:
            await react("do it", m.ctx, m.backend, tools=[lab.tool()])
            return str(m.id)

    session = asyncio.run(program())

    assert lab.ran == ["touch allowed"]
    assert "TRIAL-DENIED" in lab.model.said(1)
    assert [row["native"] for row in lab.rows(session, "tool.decided")] == ["run", "run"]
    sources = [row["prompt_source"] for row in lab.rows(session, "turn.started")]
    assert sources == ["user", "agent", "agent"]


def prove_the_goal_of_a_loop_is_judged(lab: Lab) -> None:
    """What a person asks of ReAct is a prompt like any other."""

    async def program() -> None:
        with lab.session(lambda: lab.start(context_type="chat")) as m:
            await react("UNSPEAKABLE", m.ctx, m.backend, tools=[lab.tool()])

    with pytest.raises(PluginViolationError):
        asyncio.run(program())

    assert lab.model.requests == []


def prove_what_belongs_to_no_session_is_refused(lab: Lab) -> None:
    """A call outside of every session is refused, and says how to make it."""
    with govern(lab.engine, tools=TOOLS):
        m = lab.start()
        with pytest.raises(PluginViolationError, match="within `with session:`"):
            m.instruct("hello")
        with m:
            m.instruct("hello")
        with pytest.raises(PluginViolationError) as caught:
            m.instruct("hello again")

    assert caught.value.code == "GOV731"
    assert len(lab.model.requests) == 1


def prove_threads_of_the_program_are_bound(lab: Lab) -> None:
    """Work in a thread of the program's own belongs to the session that it is bound to."""
    raised: list[BaseException] = []

    def work(m: MelleaSession, *, tied: bool) -> None:
        try:
            if not tied:
                m.instruct("loose")
            else:
                with bound(m.id):
                    m.instruct("tied")
        except PluginViolationError as error:
            raised.append(error)

    with lab.session() as m:
        for tied in (False, True):
            thread = threading.Thread(target=work, args=(m,), kwargs={"tied": tied})
            thread.start()
            thread.join()

    assert [str(one.code) for one in raised] == ["GOV731"]  # type: ignore[attr-defined]
    assert [row["prompt"] for row in lab.rows(m.id, "turn.started")] == ["tied"]


def prove_two_sessions_are_kept_apart(lab: Lab) -> None:
    """Sessions of one process have their own tools, counts and ends."""
    with lab.session() as one:
        lab.call(one, "touch FORBIDDEN")
        with lab.session(tools={}, denial="hard") as two:
            with pytest.raises(PluginViolationError, match="not known here"):
                lab.call(two, "touch allowed")
            assert lab.state(two.id).ledger.counts.get("high", 0) == 0
        assert lab.call(one, "touch allowed") == "done"

    assert lab.state(one.id).ledger.counts["high"] == 1
    assert lab.state(one.id).state is lab.state(two.id).state is State.ENDED


def prove_the_host_has_a_hole_where_the_page_says(lab: Lab) -> None:
    """A program that runs a tool by itself, past Mellea, is seen by no hook."""
    lab.model.script({"tool": "run", "arguments": {"command": "touch FORBIDDEN"}})

    with lab.session() as m:
        result = m.instruct(
            "use it",
            strategy=None,
            tool_calls=True,
            model_options={ModelOption.TOOLS: [lab.tool()]},
        )
        result.tool_calls[0].call_func()
        assert lab.ran == ["touch FORBIDDEN"]
        (message,) = call_tools(result, m.backend)

    assert "TRIAL-DENIED" in str(message.content)
    assert lab.ran == ["touch FORBIDDEN"]


def prove_a_loose_reset_is_passed_over(lab: Lab) -> None:
    """What only tells, and belongs to no session, neither breaks nor changes anything."""
    with govern(lab.engine, tools=TOOLS):
        m = lab.start()
        m.reset()

    assert lab.state(m.id).registers.epoch == 1


def prove_a_loose_tool_says_how_to_call_it(lab: Lab) -> None:
    """A tool that is called outside of every session is not run, and its answer says why."""
    lab.model.script({"tool": "run", "arguments": {"command": "touch allowed"}})
    with govern(lab.engine, tools=TOOLS):
        with lab.start() as m:
            options = {ModelOption.TOOLS: [lab.tool()]}
            result = m.instruct("go", strategy=None, tool_calls=True, model_options=options)
        (message,) = call_tools(result, m.backend)

    assert str(message.content).startswith("GOV731")
    assert lab.ran == []


def prove_what_a_tool_starts_knows_its_caller(lab: Lab) -> None:
    """A process of a governed program is marked, so that it can do nothing that is a person's."""
    show = [sys.executable, "-c", "import os; print('GOVERNANCE_MELLEA' in os.environ)"]

    with lab.session():
        within = subprocess.run(show, capture_output=True, text=True, check=True).stdout
    after = subprocess.run(show, capture_output=True, text=True, check=True).stdout

    assert (within.strip(), after.strip()) == ("True", "False")


def prove_the_mark_of_another_program_stays(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that a governed one has started is still marked when it governs no more."""
    monkeypatch.setenv("GOVERNANCE_MELLEA", "1")

    with lab.session() as m:
        m.instruct("hello")

    assert os.environ["GOVERNANCE_MELLEA"] == "1"


def prove_sessions_of_many_threads_lose_nothing(lab: Lab) -> None:
    """Programs with a session a thread have every turn, call and end on record, each once."""
    threads, calls = 8, 5
    sessions: list[str] = []

    def program() -> None:
        backend = OwnBackend()
        with lab.session(MelleaSession(backend, ChatContext())) as m:
            sessions.append(m.id)
            for number in range(calls):
                result = m.instruct(f"turn {number}", strategy=None)
                result.tool_calls = [ModelToolCall("run", tool, {"command": f"touch {number}"})]
                call_tools(result, backend)

    tool = lab.tool()
    work = [threading.Thread(target=program) for _ in range(threads)]
    for one in work:
        one.start()
    for one in work:
        one.join()

    assert len(set(sessions)) == threads
    assert len(lab.ran) == threads * calls
    for session in sessions:
        kinds = lab.kinds(session)
        assert kinds.count("turn.started") == kinds.count("turn.ended") == calls
        assert kinds.count("tool.decided") == kinds.count("tool.finished") == calls
        assert kinds.count("session.created") == kinds.count("session.ended") == 1
    assert lab.engine.journal.verify().ok
