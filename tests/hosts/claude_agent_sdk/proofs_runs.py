"""What the real Claude Agent SDK and its real client do with an agent that is governed."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field
from claude_agent_sdk import (
    ClaudeAgentOptions,
    ClaudeSDKClient,
    HookMatcher,
    PermissionResultAllow,
    PermissionResultDeny,
)

from governance.engine import Engine
from governance.errors import MisuseError, StoreFull
from governance.formats import body_of
from governance.hosts.claude_agent_sdk import NAME, client, query
from governance.hosts.claude_agent_sdk.profile import TOOLS
from governance.session.law import HostSettings
from governance.states import State
from governance.testing import FailingJournal
from governance.testing.engines import law_of, memory_engine, settings_with
from tests.hosts.claude_client import Client
from tests.hosts.model_server import ModelServer, request_text, tool_results
from tests.slow_journal import SlowJournal

CLIENT = Path(os.environ["GOVERNANCE_CLAUDE"])
PACK = (Path(__file__).parents[1] / "pack.toml").read_text(encoding="utf-8")
BYPASS = "bypassPermissions"


@define(eq=False)
class Lab:
    """An engine in memory, a scripted model, and a folder that a client works in."""

    engine: Engine
    journal: FailingJournal
    slow: SlowJournal
    server: ModelServer
    home: Path
    project: Path
    sessions: list[str] = field(factory=list)

    def options(self, **given: Any) -> ClaudeAgentOptions:
        env = Client(CLIENT, self.home, self.project, self.server.url).environment()
        # As root the client refuses to bypass its permissions outside a sandbox.
        env["IS_SANDBOX"] = "1"
        given.setdefault("permission_mode", BYPASS)
        given.setdefault("setting_sources", [])
        model = "claude-sonnet-4-5"
        return ClaudeAgentOptions(
            cli_path=CLIENT, cwd=self.project, env=env, model=model, stderr=lambda _: None, **given
        )

    def say(self, *prompts: str, role: str | None = None, **given: Any) -> str:
        """Give *prompts* to one client, one after the other; the session of the last turn."""

        async def work() -> str:
            session = ""
            async with client(self.engine, self.options(**given), role=role) as claude:
                for prompt in prompts:
                    session = await turn(claude, prompt)
            return session

        self.sessions.append(asyncio.run(work()))
        return self.sessions[-1]

    def bash(self, *commands: str, **given: Any) -> str:
        """What the model reads of calls of the shell, one after the other."""
        steps = [{"tool": "Bash", "input": {"command": one}} for one in commands]
        self.server.scripts["shell"] = [*steps, {"text": "that was all"}]
        self.say("SCENARIO:shell go", **given)
        return str(tool_results(self.server.requests[-1]))

    def made(self) -> list[str]:
        """The files that tools have made."""
        return sorted(one.name for one in self.project.iterdir())

    def kinds(self, session: str = "") -> list[str]:
        return [row.kind for row in self.engine.journal.read(session or self.sessions[-1])]

    def rows(self, kind: str, session: str = "") -> list[Any]:
        rows = self.engine.journal.read(session or self.sessions[-1])
        return [body_of(row)["data"] for row in rows if row.kind == kind]

    def outcomes(self, session: str = "") -> list[str]:
        return [row["outcome"] for row in self.rows("tool.finished", session)]


async def turn(claude: Any, prompt: str) -> str:
    """One turn of *claude*; its session."""
    session = ""
    await claude.query(prompt)
    async for message in claude.receive_response():
        session = getattr(message, "session_id", None) or session
    return session


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    slow = SlowJournal()
    journal = FailingJournal(slow)
    hosts = {NAME: HostSettings(deadline_ms=2_000)}
    law = law_of(PACK, settings=settings_with(hosts=hosts), tools=(TOOLS,))
    home, project = tmp_path / "home", tmp_path / "project"
    home.mkdir()
    project.mkdir()
    server = ModelServer()
    with memory_engine(law=law, journal=journal) as engine:
        yield Lab(engine, journal, slow, server, home, project)
    server.close()
    assert server.problems == []


def answering(allow: bool, **changed: Any) -> Callable[..., Any]:
    """A person who says yes, or no, to whatever is asked."""

    async def leave(_: str, arguments: Mapping[str, Any], __: Any) -> Any:
        if not allow:
            return PermissionResultDeny(message="THE-PERSON-SAID-NO")
        return PermissionResultAllow(updated_input={**arguments, **changed} if changed else None)

    return leave


def prove_allowed_tool_runs_and_is_reported(lab: Lab) -> None:
    """The model is briefed, once, in its first request; the outcome stands in the journal."""
    lab.bash("touch allowed")
    assert lab.made() == ["allowed"]
    assert lab.outcomes() == ["ok"]
    assert "TRIAL-BRIEFING" in request_text(lab.server.requests[0])
    assert lab.kinds().count("governance.injected") == 1
    assert lab.kinds().count("session.created") == lab.kinds().count("session.ended") == 1


def prove_what_a_session_costs_is_told(lab: Lab) -> None:
    """As the client counts it, at the end of each turn."""
    lab.bash("touch allowed")
    (session,) = (one.session for one in lab.engine.journal.sessions() if "/" not in one.session)
    assert (lab.engine.state(session).usage.cost_usd or 0) > 0


def prove_query_for_one_prompt_is_governed(lab: Lab) -> None:
    """The tool is denied, the other one runs and is reported, and the session ends with it."""
    lab.server.scripts["shell"] = [
        {"tool": "Bash", "input": {"command": "touch FORBIDDEN"}},
        {"tool": "Bash", "input": {"command": "touch allowed"}},
        {"text": "that was all"},
    ]

    async def work() -> list[Any]:
        return [one async for one in query(lab.engine, "SCENARIO:shell go", lab.options())]

    messages = asyncio.run(work())

    lab.sessions.append(messages[-1].session_id)
    assert type(messages[-1]).__name__ == "ResultMessage"
    assert "TRIAL-DENIED" in str(tool_results(lab.server.requests[-1]))
    assert lab.made() == ["allowed"]
    assert lab.outcomes() == ["ok"]
    assert "TRIAL-BRIEFING" in request_text(lab.server.requests[0])
    assert lab.engine.state(lab.sessions[-1]).state is State.ENDED


def prove_query_for_a_stream_of_prompts_is_governed_to_its_end(lab: Lab) -> None:
    """Hooks are called in its last turn as in its first; who stops reading ends the session."""
    for number in (1, 2, 3):
        step = {"tool": "Bash", "input": {"command": f"touch FORBIDDEN-{number}"}}
        lab.server.scripts[f"turn{number}"] = [step, {"text": f"turn {number} is over"}]

    async def prompts() -> AsyncIterator[Mapping[str, Any]]:
        for number in (1, 2, 3):
            message = {"role": "user", "content": f"SCENARIO:turn{number} go"}
            yield {"type": "user", "message": message, "parent_tool_use_id": None}

    async def work() -> list[str]:
        ended = []
        async with aclosing(query(lab.engine, prompts(), lab.options())) as messages:
            async for one in messages:
                if type(one).__name__ == "ResultMessage":
                    ended.append(one.session_id)
                if len(ended) == 2:
                    break
        return ended

    ended = asyncio.run(work())

    lab.sessions.append(ended[0])
    assert len(set(ended)) == 1
    assert len(lab.rows("turn.started")) == 2
    assert [row["action"] for row in lab.rows("tool.decided")] == ["deny", "deny"]
    assert lab.made() == []
    assert lab.kinds().count("session.ended") == 1


def prove_what_is_merely_allowed_is_not_granted(lab: Lab) -> None:
    """A call that no rule minds is still asked about, and a no of the person stands."""
    read = lab.bash("touch allowed", permission_mode="default", can_use_tool=answering(False))
    assert "THE-PERSON-SAID-NO" in read
    assert lab.made() == []


def prove_denied_tool_does_not_run_and_the_model_reads_why(lab: Lab) -> None:
    """It holds where permissions are bypassed, and no person is asked."""
    read = lab.bash("touch FORBIDDEN", can_use_tool=answering(True))
    assert "TRIAL-DENIED" in read
    assert lab.made() == []


def prove_question_is_put_to_the_person_of_the_program(lab: Lab) -> None:
    """The tool runs after a yes, and not after a no."""
    assert "THE-PERSON-SAID-NO" in lab.bash("touch QUESTION-1", can_use_tool=answering(False))
    lab.bash("touch QUESTION-2", can_use_tool=answering(True))
    assert lab.made() == ["QUESTION-2"]
    assert [row["decision"] for row in lab.rows("approval.settled")] == ["approved"]


def prove_question_without_a_person_is_refused(lab: Lab) -> None:
    """Nobody can be asked, so the tool does not run, and the model reads why."""
    assert "TRIAL-ASKED" in lab.bash("touch QUESTION")
    assert lab.made() == []


def prove_rewritten_tool_runs_as_rewritten(lab: Lab) -> None:
    """The tool is given what the rule makes of its arguments."""
    lab.bash("touch CLUMSY")
    assert lab.made() == ["REWRITTEN"]


def prove_call_that_a_person_changes_is_decided_again(lab: Lab) -> None:
    """What a rule denies does not run because the person made the call so."""
    leave = answering(True, command="touch FORBIDDEN")
    assert "TRIAL-DENIED" in lab.bash("touch QUESTION", can_use_tool=leave)
    lab.bash("touch QUESTION", can_use_tool=answering(True, command="touch other"))
    assert lab.made() == ["other"]


def prove_call_that_a_person_changes_in_place_is_decided_again(lab: Lab) -> None:
    """The SDK hands on the very object that the program was shown, also without a word of it."""

    async def leave(_: str, arguments: dict[str, Any], __: Any) -> Any:
        arguments["command"] = "touch FORBIDDEN"
        return PermissionResultAllow()

    async def leave_with_it(_: str, arguments: dict[str, Any], __: Any) -> Any:
        arguments["command"] = "touch FORBIDDEN"
        return PermissionResultAllow(updated_input=arguments)

    assert "TRIAL-DENIED" in lab.bash("touch QUESTION-1", can_use_tool=leave)
    assert "TRIAL-DENIED" in lab.bash("touch QUESTION-2", can_use_tool=leave_with_it)
    assert lab.made() == []


def prove_hook_of_the_program_may_refuse_and_not_change(lab: Lab) -> None:
    """It is called; a call that it changes after it was decided does not run."""
    called: list[str] = []

    async def spoil(given: Any, _: Any, __: Any) -> Any:
        called.append(given["tool_name"])
        changed = {"hookEventName": "PreToolUse", "updatedInput": {"command": "touch FORBIDDEN"}}
        return {"hookSpecificOutput": changed}

    read = lab.bash("touch allowed", hooks={"PreToolUse": [HookMatcher(hooks=[spoil])]})
    assert called == ["Bash"]
    assert "after it was decided" in read
    assert lab.made() == []


def prove_hook_of_the_program_that_gives_leave_may_not_change_the_call(lab: Lab) -> None:
    """Its yes to the client's question holds for the call that was decided alone."""

    def hooks(**more: Any) -> dict[str, list[HookMatcher]]:
        async def leave(_: Any, __: Any, ___: Any) -> Any:
            decision = {"behavior": "allow", **more}
            hooked = {"hookEventName": "PermissionRequest", "decision": decision}
            return {"hookSpecificOutput": hooked}

        return {"PermissionRequest": [HookMatcher(hooks=[leave])]}

    async def slow(_: str, __: Mapping[str, Any], ___: Any) -> Any:
        # The client asks the person and the hooks at once, and heeds who answers first.
        await asyncio.sleep(30)
        return PermissionResultDeny(message="THE-PERSON-SAID-NO")

    asked: dict[str, Any] = {"permission_mode": "default", "can_use_tool": slow}
    changed = hooks(updatedInput={"command": "touch FORBIDDEN"})
    assert "after it was decided" in lab.bash("touch one", hooks=changed, **asked)
    assert lab.made() == []
    lab.bash("touch two", hooks=hooks(), **asked)
    assert lab.made() == ["two"]


def prove_output_is_withheld(lab: Lab) -> None:
    """What a rule on results denies is not read by the model."""
    read = lab.bash("echo TOP''SECRET")
    assert "TRIAL-WITHHELD" in read
    assert "TOPSECRET" not in read


def prove_denied_prompt_is_not_sent(lab: Lab) -> None:
    """The model is not asked, and the next prompt is."""
    lab.server.scripts["fine"] = [{"text": "hi"}]
    lab.say("SCENARIO:fine something UNSPEAKABLE", "SCENARIO:fine hello")
    (request,) = lab.server.requests
    assert "UNSPEAKABLE" not in request_text(request)


def prove_parallel_calls_are_decided_each_for_itself(lab: Lab) -> None:
    """Of several calls of one answer those that are denied do not run."""
    commands = ("touch one", "touch FORBIDDEN", "touch two")
    tools = [("Bash", {"command": one}) for one in commands]
    lab.server.scripts["many"] = [{"tools": tools}, {"text": "done"}]
    lab.say("SCENARIO:many go")
    assert lab.made() == ["one", "two"]
    assert "TRIAL-DENIED" in str(tool_results(lab.server.requests[-1]))


def prove_failed_tool_is_reported(lab: Lab) -> None:
    """Its failure stands in the journal."""
    lab.bash("false")
    assert lab.outcomes() == ["failed"]


def prove_compaction_is_seen_and_the_reminder_is_next(lab: Lab) -> None:
    """What must not be forgotten stands in the request after it."""
    step = {"tool": "Bash", "input": {"command": "touch allowed"}}
    lab.server.scripts["shell"] = [step, {"text": "done"}]
    lab.say("SCENARIO:shell one", "/compact", "SCENARIO:shell two")
    assert lab.kinds().count("session.compacted") == 1
    assert "TRIAL-REMINDER" in request_text(lab.server.requests[-1])


def prove_clear_is_another_session_with_the_same_ledger(lab: Lab) -> None:
    """The one before has ended, and its violations count for the one that continues it."""
    calls = [{"tool": "Bash", "input": {"command": "touch FORBIDDEN"}}, {"text": "no"}]
    lab.server.scripts["shell"] = calls
    after = lab.say("SCENARIO:shell go", "/clear", "SCENARIO:shell go")
    (before,) = [one.session for one in lab.engine.journal.sessions() if one.session != after]
    assert lab.kinds(before).count("session.ended") == 1
    assert lab.engine.state(after).identity.predecessor == before
    assert len(lab.engine.state(after).ledger.violations) == 2


def prove_session_is_resumed_and_forked(lab: Lab) -> None:
    """One is taken up by its id; a fork is another one, with the ledger of the first."""
    lab.bash("touch FORBIDDEN")
    first = lab.sessions[-1]
    lab.bash("touch allowed", resume=first)
    assert lab.sessions[-1] == first
    assert lab.kinds().count("session.resumed") == 1
    assert lab.kinds().count("session.created") == 1
    lab.bash("touch FORBIDDEN", resume=first, fork_session=True)
    fork = lab.sessions[-1]
    assert fork != first
    assert lab.engine.state(fork).identity.predecessor == first
    assert len(lab.engine.state(fork).ledger.violations) == 2


def prove_sub_agents_are_child_sessions(lab: Lab) -> None:
    """A sub-agent is briefed and denied in a session of its own, that ends."""
    task = {"subagent_type": "general-purpose", "description": "d", "prompt": "SCENARIO:kid go"}
    # By default the client goes on, and may be left, while a sub-agent works.
    waits = {"run_in_background": False}
    command = {"command": "touch FORBIDDEN"}
    lab.server.scripts["kid"] = [{"tool": "Bash", "input": command}, {"text": "no"}]
    lab.server.scripts["top"] = [{"tool": "Agent", "input": task | waits}, {"text": "done"}]
    top = lab.say("SCENARIO:top go", role="builder")
    (kid,) = [one.session for one in lab.engine.journal.sessions() if one.session != top]
    assert kid.startswith(f"{top}/")
    assert lab.engine.state(kid).state is State.ENDED
    assert lab.kinds(kid).count("session.ended") == 1
    assert [row["action"] for row in lab.rows("tool.decided", kid)] == ["deny"]
    assert lab.engine.state(top).identity.role == "builder"
    assert lab.made() == []
    told = [request_text(one) for one in lab.server.requests]
    assert any("TRIAL-BRIEFING" in one and "SCENARIO:kid" in one for one in told)


def prove_session_ends_once_also_on_an_exception(lab: Lab) -> None:
    """What a program raises goes on, and the session has ended with the client."""
    lab.server.scripts["talk"] = [{"text": "hi"}]

    async def work() -> None:
        async with client(lab.engine, lab.options()) as claude:
            lab.sessions.append(await turn(claude, "SCENARIO:talk hello"))
            raise ValueError("the program's own")

    with pytest.raises(ValueError, match="own"):
        asyncio.run(work())
    assert lab.kinds().count("session.ended") == 1
    assert lab.kinds().count("turn.ended") == 1


def prove_briefing_that_nobody_read_is_owed(lab: Lab) -> None:
    """A client that is gone before anything came after it was not briefed, and is told again."""
    lab.server.scripts["slow"] = [{"text": "hi", "sleep_seconds": 2}]
    lab.server.scripts["talk"] = [{"text": "hi"}]
    session = "11111111-2222-4333-8444-555555555555"

    async def leave() -> None:
        async with client(lab.engine, lab.options(session_id=session)) as claude:
            await claude.query("SCENARIO:slow hello")
            while not lab.server.requests:
                await asyncio.sleep(0.05)

    asyncio.run(leave())
    assert "governance.injected" not in lab.kinds(session)
    assert not lab.engine.state(session).governance_injected


def prove_no_store_means_no_tool(lab: Lab) -> None:
    """A call that cannot be journaled does not run, and the model reads why."""

    def break_down() -> None:
        # What the prompt was told is recorded first, then the tool is asked about.
        lab.journal.fail("append", StoreFull("the disk is full"), skip=1)

    command = {"command": "touch allowed"}
    step = {"tool": "Bash", "input": command, "before": break_down}
    lab.server.scripts["shell"] = [step, {"text": "done"}]
    lab.say("SCENARIO:shell go")
    assert "the disk is full" in str(tool_results(lab.server.requests[-1]))
    assert lab.made() == []


def prove_closed_engine_means_no_tool(lab: Lab) -> None:
    """An engine that goes in mid-turn lets no tool run, and leaving the client says so."""
    step = {"tool": "Bash", "input": {"command": "touch allowed"}, "before": lab.engine.close}
    lab.server.scripts["shell"] = [step, {"text": "done"}]
    with pytest.raises(MisuseError, match="closed"):
        lab.say("SCENARIO:shell go")
    assert "closed" in str(tool_results(lab.server.requests[-1]))
    assert lab.made() == []
    asked = len(lab.server.requests)
    with pytest.raises(MisuseError, match="closed"):
        lab.say("SCENARIO:shell go")
    assert len(lab.server.requests) == asked


def prove_late_answer_is_a_denial(lab: Lab) -> None:
    """More than ``deadline_ms`` is too long, and the loop was free for others meanwhile."""

    def slow_down() -> None:
        lab.slow.seconds = 3.0
        threading.Timer(2.5, lambda: setattr(lab.slow, "seconds", 0.0)).start()

    step = {"tool": "Bash", "input": {"command": "touch allowed"}, "before": slow_down}
    lab.server.scripts["shell"] = [step, {"text": "done"}]
    lab.say("SCENARIO:shell go")
    assert "no decision in time" in str(tool_results(lab.server.requests[-1]))
    assert lab.made() == []


def prove_loop_that_is_held_up_lets_no_tool_run(lab: Lab) -> None:
    """The client waits for an answer, however long the program takes to get round to it."""

    async def work() -> None:
        async with client(lab.engine, lab.options()) as claude:
            await claude.query("SCENARIO:shell go")
            while not lab.server.requests:
                await asyncio.sleep(0.02)
            time.sleep(1.5)
            async for _ in claude.receive_response():
                pass

    step = {"tool": "Bash", "input": {"command": "touch FORBIDDEN"}}
    lab.server.scripts["shell"] = [step, {"text": "done"}]
    asyncio.run(work())
    assert "TRIAL-DENIED" in str(tool_results(lab.server.requests[-1]))
    assert lab.made() == []


def prove_hook_that_raises_would_let_the_tool_run(lab: Lab) -> None:
    """What ours must never do: by itself the client goes on as if there were no hook."""

    async def broken(*_: Any) -> Any:
        raise ValueError("broken")

    async def work() -> None:
        hooks: Any = {"PreToolUse": [HookMatcher(hooks=[broken])]}
        async with ClaudeSDKClient(lab.options(hooks=hooks)) as claude:
            await turn(claude, "SCENARIO:shell go")

    step = {"tool": "Bash", "input": {"command": "touch FORBIDDEN"}}
    lab.server.scripts["shell"] = [step, {"text": "done"}]
    asyncio.run(work())
    assert lab.made() == ["FORBIDDEN"]


def prove_what_switches_hooks_off_is_refused(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Options and variables without hooks, streams of prompts, and forks of the unknown."""
    simple = lab.options()
    simple.env["CLAUDE_CODE_SIMPLE"] = "1"
    for options in (
        lab.options(extra_args={"bare": None}),
        simple,
        lab.options(fork_session=True, continue_conversation=True),
        object(),
    ):
        with pytest.raises(MisuseError, match="GOV764"):
            client(lab.engine, options)

    async def stream() -> Any:
        yield {"type": "user", "message": {"role": "user", "content": "hello"}}

    with pytest.raises(MisuseError, match="GOV764"):
        asyncio.run(client(lab.engine, lab.options()).connect(stream()))
    monkeypatch.setenv("CLAUDE_CODE_SIMPLE", "1")
    plain = lab.options()
    with pytest.raises(MisuseError, match="GOV764"):
        client(lab.engine, plain)


def prove_hooks_in_settings_switch_ours_off_by_nothing(lab: Lab) -> None:
    """``disableAllHooks`` leaves the hooks of the program."""
    read = lab.bash("touch FORBIDDEN", settings='{"disableAllHooks": true}')
    assert "TRIAL-DENIED" in read
    assert lab.made() == []


def prove_client_that_calls_no_hook_is_stopped(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tool that ran unasked is noticed at once: the client is stopped, and it is an error."""
    wait = {"sleep_seconds": 0.5}
    steps = [{"tool": "Bash", "input": {"command": f"touch {n}"}, **wait} for n in range(9)]
    lab.server.scripts["shell"] = [*steps, {"text": "done"}]

    async def work() -> None:
        made = client(lab.engine, lab.options())
        monkeypatch.setenv("CLAUDE_CODE_SIMPLE", "1")
        async with made as claude:
            await turn(claude, "SCENARIO:shell go")

    with pytest.raises(MisuseError, match="GOV765"):
        asyncio.run(work())
    assert len(lab.made()) < len(steps)
