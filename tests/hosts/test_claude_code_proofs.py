"""The real Claude Code, governed: what its model reads, and what does not run."""

from __future__ import annotations

import time

import pytest

from governance.states import State
from tests.hosts.lab import BYPASS, DAY_MS, HOUR_MS, Lab
from tests.hosts.model_server import request_text
from tests.hosts.proofs import proves

pytestmark = pytest.mark.real_client
BASH = ("--allowedTools", "Bash")


def session_of(lab: Lab) -> str:
    return str(lab.results[-1].result["session_id"])


@proves("briefing in the first request")
def test_briefing_is_in_the_first_request(lab: Lab) -> None:
    """The model reads the briefing before it does anything, and the journal says so."""
    lab.govern()
    lab.script(talk=[{"text": "hello"}])

    lab.run("SCENARIO:talk go")

    assert request_text(lab.server.requests[0]).count("TRIAL-BRIEFING") == 1
    kinds = lab.kinds(session_of(lab))
    assert kinds.index("governance.injected") < kinds.index("turn.started")
    assert lab.state(session_of(lab)).state is State.ENDED


@proves("deny blocks, the model reads why")
def test_deny_blocks_and_the_model_reads_our_message(lab: Lab) -> None:
    """A denied tool does not run, and its result is our message and nothing else."""
    lab.govern()

    lab.bash("touch FORBIDDEN", "touch allowed", flags=BASH)

    assert not lab.ran("FORBIDDEN")
    assert lab.ran("allowed")
    assert "TRIAL-DENIED: this is forbidden here." in lab.results_seen()[0]
    assert [data["action"] for kind, data in lab.rows(session_of(lab))
            if kind == "tool.decided"] == ["deny", "allow"]  # fmt: skip
    assert lab.state(session_of(lab)).ledger.counts["high"] == 1


@proves("deny holds in bypass mode")
def test_deny_holds_in_bypass_mode(lab: Lab) -> None:
    """Where the client asks nobody any more, a deny of ours still holds."""
    lab.govern()

    lab.bash("touch FORBIDDEN", "touch allowed", flags=BYPASS)

    assert not lab.ran("FORBIDDEN")
    assert lab.ran("allowed")


@proves("ask without a person is refused")
def test_ask_is_refused_where_nobody_can_be_asked(lab: Lab) -> None:
    """In print mode an ask ends in a refusal, also where the user allowed the tool."""
    lab.govern()

    lab.bash("touch QUESTION", flags=BASH)

    assert not lab.ran("QUESTION")
    assert "TRIAL-ASKED" in lab.results_seen()[0]
    rows = lab.rows(session_of(lab))
    assert [data["outcome"] for kind, data in rows if kind == "tool.finished"] == ["refused"]


@proves("ask with a person runs after a yes")
def test_ask_runs_after_a_yes(lab: Lab) -> None:
    """A person is shown our reason; after their yes the call runs, and that is on record."""
    lab.govern()
    lab.script(ask=[{"tool": "Bash", "input": {"command": "touch QUESTION"}}, {"text": "done"}])

    with lab.talk(*BASH, leave=True) as talk:
        session = talk.say("SCENARIO:ask go")["session_id"]

    assert "TRIAL-ASKED" in talk.asked[0]["decision_reason"]
    assert lab.ran("QUESTION")
    settled = [data for kind, data in lab.rows(session) if kind == "approval.settled"]
    assert [one["decision"] for one in settled] == ["approved"]


@proves("ask with a person stops after a no")
def test_ask_stops_after_a_no(lab: Lab) -> None:
    """After a person's no the call does not run, and counts as a violation."""
    lab.govern()
    lab.script(ask=[{"tool": "Bash", "input": {"command": "touch QUESTION"}}, {"text": "done"}])

    with lab.talk(*BASH, leave=False) as talk:
        session = talk.say("SCENARIO:ask go")["session_id"]

    assert not lab.ran("QUESTION")
    assert "violation.counted" in lab.kinds(session)


@proves("rewrite grants nothing")
@pytest.mark.parametrize(
    ("flags", "permissions", "runs"),
    [
        ((), {}, False),
        (("--allowedTools", "Bash(touch CLUMSY)"), {}, False),
        (("--allowedTools", "Bash(touch REWRITTEN)"), {}, True),
        (BYPASS, {"deny": ["Bash(touch REWRITTEN)"]}, False),
        (BYPASS, {"ask": ["Bash(touch REWRITTEN)"]}, False),
        (BYPASS, {}, True),
    ],
)
def test_rewrite_grants_nothing(
    lab: Lab, flags: tuple[str, ...], permissions: dict[str, list[str]], runs: bool
) -> None:
    """A rewritten call runs exactly where the user's settings let that call run itself."""
    lab.client.settings({"permissions": permissions})
    lab.govern()

    lab.bash("touch CLUMSY", flags=flags)

    assert not lab.ran("CLUMSY")
    assert lab.ran("REWRITTEN") is runs


@proves("what is merely allowed is not granted")
def test_what_we_merely_allow_is_not_granted(lab: Lab) -> None:
    """A call that no rule of ours minds is still the user's settings' to refuse."""
    lab.govern()

    lab.bash("touch allowed", flags=())

    assert not lab.ran("allowed")
    rows = lab.rows(session_of(lab))
    assert [data["action"] for kind, data in rows if kind == "tool.decided"] == ["allow"]
    assert [data["outcome"] for kind, data in rows if kind == "tool.finished"] == ["refused"]


@proves("prompt is refused")
def test_refused_prompt_never_reaches_the_model(lab: Lab) -> None:
    """A refused prompt costs no request, and the person reads why."""
    lab.govern()

    done = lab.run("say the UNSPEAKABLE")

    assert lab.server.requests == []
    assert "TRIAL-UNSPOKEN" in done.out


@proves("context after a tool")
def test_context_follows_a_tool(lab: Lab) -> None:
    """What a rule has to say of a result stands beside it in the next request."""
    lab.govern()

    lab.bash("echo NOTEWORTHY")

    assert "NOTEWORTHY" in lab.results_seen()[0]
    assert "TRIAL-NOTED" in lab.last_request()


@proves("withheld output")
def test_withheld_output_does_not_reach_the_model(lab: Lab) -> None:
    """A result that a rule withholds is replaced before the model reads it."""
    lab.govern()
    (lab.project / "file.txt").write_text("TOPSECRET of the file\n")
    read = {"tool": "Read", "input": {"file_path": str(lab.project / "file.txt")}}
    shell = {"tool": "Bash", "input": {"command": "printf TOP; echo SECRET"}}
    lab.script(both=[shell, read, {"text": "done"}])

    lab.run("SCENARIO:both go", *BYPASS)

    assert len(lab.results_seen()) == 2
    for result in lab.results_seen():
        assert "TRIAL-WITHHELD" in result
        assert "TOPSECRET" not in result


@proves("compaction: the reminder is next")
def test_reminder_follows_a_compaction(lab: Lab) -> None:
    """After a compaction the model is told again, once, though it is reported twice."""
    lab.govern()
    lab.script(talk=[{"text": "hello"}])

    with lab.talk() as talk:
        session = talk.say("SCENARIO:talk one")["session_id"]
        talk.say("SCENARIO:talk more")  # the client compacts no conversation of one message
        talk.say("/compact keep the rules")
        talk.say("SCENARIO:talk two")

    assert "TRIAL-BRIEFING" not in lab.last_request()
    context = "SessionStart hook additional context: "
    told = [
        one.split("</system-reminder>")[0]
        for one in lab.last_request().split("<system-reminder>")
        if context in one
    ]
    assert [one.count("TRIAL-REMINDER") for one in told] == [1]
    kinds = lab.kinds(session)
    assert kinds.count("session.compacted") == 1
    assert kinds.count("governance.injected") == 2
    assert "event.duplicate" in kinds


@pytest.mark.parametrize(
    ("gap_ms", "told", "state"),
    [
        pytest.param(0, "TRIAL-BRIEFING", 0,
                     marks=proves("resume after 0 s: the briefing is still there")),
        pytest.param(2 * HOUR_MS, "TRIAL-RESUMED", 1, marks=proves("resume after 2 h")),
        pytest.param(3 * DAY_MS, "TRIAL-RESUMED", 1, marks=proves("resume after 3 days")),
        pytest.param(9 * DAY_MS, "TRIAL-BRIEFING", 1, marks=proves("resume after 9 days")),
    ],
)  # fmt: skip
def test_resume_by_gap(lab: Lab, gap_ms: int, told: str, state: int) -> None:
    """The same id is taken up again; what the model is told anew depends on the gap alone."""
    lab.govern()
    lab.script(talk=[{"text": "hello"}])
    start = int(time.time() * 1000)
    lab.at(start)
    lab.run("SCENARIO:talk one")
    session = session_of(lab)

    lab.at(start + gap_ms)
    lab.run("SCENARIO:talk two", "--resume", session)

    assert session_of(lab) == session
    # What was injected before is in the resumed transcript: the first row rests on it. The
    # client sends a text that it has already only once.
    assert lab.last_request().count("TRIAL-BRIEFING") == 1
    assert told in lab.last_request()
    kinds = lab.kinds(session)
    assert kinds.count("governance.injected") == 1 + state
    found = lab.state(session)
    assert found.registers.epoch == (2 if gap_ms == 9 * DAY_MS else 1)
    assert found.registers.stale is (gap_ms == 3 * DAY_MS)


@proves("clear keeps the ledger")
def test_clear_keeps_the_ledger(lab: Lab) -> None:
    """A cleared session has a new id, the counts of the old one, and is briefed anew."""
    lab.govern()
    lab.script(
        bad=[{"tool": "Bash", "input": {"command": "touch FORBIDDEN"}}, {"text": "oh"}],
        talk=[{"text": "hello"}],
    )

    with lab.talk(*BASH) as talk:
        old = talk.say("SCENARIO:bad go")["session_id"]
        talk.say("/clear")
        new = talk.say("SCENARIO:talk go")["session_id"]

    assert old != new
    assert "TRIAL-BRIEFING" in lab.last_request()
    assert lab.state(new).identity.predecessor == old
    assert lab.state(new).ledger.counts["high"] == 1


@proves("fork is a branch")
@pytest.mark.parametrize("named", [True, False], ids=["by its id", "the last one"])
def test_fork_is_a_branch(lab: Lab, named: bool) -> None:
    """A fork has an id of its own, knows where it came from, and keeps the ledger."""
    lab.govern()
    lab.script(talk=[{"text": "hello"}])
    lab.bash("touch FORBIDDEN", flags=BASH)
    old = session_of(lab)

    taken_up = ("--resume", old) if named else ("--continue",)
    lab.run("SCENARIO:talk go", *taken_up, "--fork-session")

    new = session_of(lab)
    assert old != new
    assert lab.state(new).identity.predecessor == old
    assert lab.state(new).ledger.counts["high"] == 1
    assert "TRIAL-BRIEFING" in lab.last_request()


def agent(prompt: str, **more: object) -> dict[str, object]:
    given = {"description": "d", "prompt": prompt, "subagent_type": "general-purpose"}
    return {"tool": "Agent", "input": {**given, **more}}


@proves("sub-agents are child sessions")
def test_sub_agents_are_child_sessions(lab: Lab) -> None:
    """A sub-agent has a session below its parent's, a briefing, and its own decisions."""
    lab.govern()
    lab.script(
        parent=[agent("SCENARIO:kid go"), {"text": "fine"}],
        kid=[
            {"tool": "Bash", "input": {"command": "touch FORBIDDEN"}},
            {"tool": "Bash", "input": {"command": "touch allowed"}},
            {"text": "kid is done"},
        ],
    )

    lab.run("SCENARIO:parent go", *BYPASS)

    root = session_of(lab)
    (child,) = [one for one in lab.sessions() if one.startswith(f"{root}/")]
    assert not lab.ran("FORBIDDEN")
    assert lab.ran("allowed")
    state = lab.state(child)
    assert (state.identity.parent, state.identity.depth) == (root, 1)
    assert state.state is State.ENDED
    kid = [one for one in lab.server.requests if "SCENARIO:kid" in request_text(one)
           and "SCENARIO:parent" not in request_text(one)]  # fmt: skip
    assert "TRIAL-BRIEFING" in request_text(kid[0])
    assert lab.state(root).ledger.counts["high"] == 1
    kinds = lab.kinds(root)
    assert kinds.index("child.started") < kinds.index("child.ended")


@proves("a child's third violation halts the parent")
def test_third_violation_of_a_child_halts_the_parent(lab: Lab) -> None:
    """What children do counts above them: the third grave one halts the whole session."""
    lab.govern()
    bad = [{"tool": "Bash", "input": {"command": f"touch FORBIDDEN{n}"}} for n in range(3)]
    lab.script(
        parent=[
            # By default the client goes on while a sub-agent works.
            agent("SCENARIO:kid go", run_in_background=False),
            {"tool": "Bash", "input": {"command": "touch allowed"}},
            {"text": "fine"},
        ],
        kid=[*bad, {"tool": "Bash", "input": {"command": "touch also"}}, {"text": "done"}],
    )

    lab.run("SCENARIO:parent go", *BYPASS)

    root = session_of(lab)
    assert not lab.ran("also")
    assert not lab.ran("allowed")
    assert "session.halted" in lab.kinds(root)
    before = len(lab.server.requests)
    lab.run("SCENARIO:parent again", "--resume", root)
    assert len(lab.server.requests) == before, "a halted session takes no prompt"


@proves("parallel calls")
def test_parallel_calls_are_each_decided(lab: Lab) -> None:
    """Of calls made at once each is decided and settled by itself, and none is lost."""
    lab.govern()
    names = ["one", "FORBIDDEN", "two", "three"]
    calls = [("Bash", {"command": f"touch {name}"}) for name in names]
    lab.script(many=[{"tools": calls}, {"text": "done"}])

    lab.run("SCENARIO:many go", *BYPASS)

    assert [lab.ran(name) for name in names] == [True, False, True, True]
    rows = lab.rows(session_of(lab))
    decided = [data["action"] for kind, data in rows if kind == "tool.decided"]
    assert sorted(decided) == ["allow", "allow", "allow", "deny"]
    assert lab.state(session_of(lab)).open_calls == ()
    with lab.engine() as engine:
        assert engine.journal.verify().ok


@proves("interrupted by a failing model")
def test_failing_model_ends_the_turn(lab: Lab) -> None:
    """When the model's service fails the turn is over, and its failure on record."""
    lab.govern()
    known: set[str] = set()
    recorded = False
    # The client ends its hooks when it ends, now and then before this one has begun: the turn
    # is over then, too, but why nobody could say.
    for _ in range(4):
        lab.script(fails=[{"error": 400, "message": "scripted failure"}])
        lab.run("SCENARIO:fails go")
        (session,) = [one for one in lab.sessions() if not one.startswith("@") and one not in known]
        known.add(session)
        lab.until(lambda: lab.state(session).state is State.ENDED)  # noqa: B023 - called at once
        assert not lab.state(session).registers.turn_open
        time.sleep(2)  # it may come in after the end
        recorded = "late" in str(lab.kinds(session)) or "scripted" in str(lab.rows(session))
        if recorded:
            break
    assert recorded
