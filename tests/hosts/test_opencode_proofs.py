"""The real OpenCode, governed: what its model reads, and what does not run."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from governance.states import State
from tests.hosts.model_server import request_text
from tests.hosts.opencode_lab import OpenCodeLab, system_of
from tests.hosts.proofs import proves

pytestmark = pytest.mark.real_client
BRIEFING = "TRIAL-BRIEFING"


def opencode_json(lab: OpenCodeLab, **members: Any) -> None:
    (lab.project / "opencode.json").write_text(json.dumps(members))


def meanwhile(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def counts(system: list[str]) -> int:
    return "\n".join(system).count(BRIEFING)


@proves("briefing in each request, byte for byte", "opencode")
def test_briefing_is_in_each_request(opencode: OpenCodeLab) -> None:
    """Every request of a turn, and of the next turn, carries the same bytes, once."""
    opencode.govern()
    session = opencode.bash("touch one", "touch two")
    opencode.bash("touch three", session=session)

    systems = opencode.systems()

    assert len(systems) == 5
    assert [counts(system) for system in systems] == [1] * 5
    assert len({tuple(system) for system in systems}) == 1
    kinds = opencode.kinds(session)
    assert kinds.index("governance.injected") < kinds.index("tool.decided")
    assert kinds.count("governance.injected") == 2, "once a turn"
    assert "governance.lapsed" not in kinds


@proves("no briefing for the title", "opencode")
def test_title_generator_is_not_briefed(opencode: OpenCodeLab) -> None:
    """The client's request for a title carries nothing of ours, and briefs nobody."""
    opencode.govern()
    opencode.bash("touch one")
    opencode.until(lambda: len(opencode.server.requests) > len(opencode.work()))

    (title,) = [one for one in opencode.server.requests if not one.get("tools")]

    assert "title generator" in system_of(title)[0]
    assert counts(system_of(title)) == 0


@proves("tokens of the session, before the next call", "opencode")
def test_tokens_are_known_before_the_next_call(opencode: OpenCodeLab) -> None:
    """
    What an answer used is written down before the calls of the next one are decided.

    The last answer's is, too, when the turn is over: each of the three used a hundred.
    """
    opencode.govern()

    session = opencode.bash("touch one", "touch two")
    opencode.until(lambda: "turn.ended" in opencode.kinds(session))

    rows = opencode.rows(session)
    first, second = [at for at, (kind, _) in enumerate(rows) if kind == "tool.decided"]
    told = {at: data for at, (kind, data) in enumerate(rows) if kind == "usage.reported"}
    sums = {at: one["input_tokens"] for at, one in told.items() if "input_tokens" in one}
    assert [one for at, one in sums.items() if at < first] == []
    assert [one for at, one in sums.items() if at < second] == [100]
    assert list(sums.values())[-1] == 300
    assert next(one for one in told.values() if "context_tokens" in one)["context_tokens"] == 100
    assert opencode.state(session).usage.output_tokens == 60


@proves("deny blocks, the model reads why", "opencode")
def test_deny_blocks_and_the_model_reads_our_message(opencode: OpenCodeLab) -> None:
    """A denied tool does not run, and its result is our message."""
    opencode.govern()

    session = opencode.bash("touch FORBIDDEN", "touch allowed")

    assert not opencode.ran("FORBIDDEN")
    assert opencode.ran("allowed")
    assert opencode.results_seen()[0].startswith("Denied: TRIAL-DENIED: this is forbidden here.")
    decided = opencode.rows_of(session, "tool.decided")
    assert [one["action"] for one in decided] == ["deny", "allow"]
    finished = opencode.rows_of(session, "tool.finished")
    assert [(one["outcome"], one["exit_code"]) for one in finished] == [("ok", 0)]
    assert opencode.state(session).ledger.counts["high"] == 1


@proves("ask is denied", "opencode")
def test_ask_is_denied_and_names_the_way_out(opencode: OpenCodeLab) -> None:
    """Where the client can ask nobody the call is denied; a person's leave lets it run."""
    opencode.govern()

    session = opencode.bash("touch QUESTION")

    assert not opencode.ran("QUESTION")
    told = opencode.results_seen()[0]
    assert "TRIAL-ASKED" in told
    asked = told.rpartition("governance approve ")[2].split()[0]
    opencode.as_person("approve", session, asked)
    opencode.bash("touch QUESTION", session=session)
    assert opencode.ran("QUESTION")
    config = opencode.project / "governance.toml"
    config.write_text(config.read_text() + "\n[hosts.opencode]\n")
    assert "`opencode` cannot ask a person, so `trial.ask` denies" in opencode.command("check")


@proves("rewrite grants nothing", "opencode")
@pytest.mark.parametrize(
    ("bash", "runs"),
    [
        ({"*": "allow"}, True),
        ({"*": "deny", "touch CLUMSY": "allow"}, False),
        ({"*": "deny", "touch REWRITTEN": "allow"}, True),
    ],
)
def test_rewrite_grants_nothing(opencode: OpenCodeLab, bash: dict[str, str], runs: bool) -> None:
    """A rewritten call runs exactly where the user's settings let that call run itself."""
    opencode_json(opencode, permission={"bash": bash})
    opencode.govern()

    opencode.bash("touch CLUMSY")

    assert not opencode.ran("CLUMSY")
    assert opencode.ran("REWRITTEN") is runs


@proves("what is merely allowed is not granted", "opencode")
def test_what_we_merely_allow_is_not_granted(opencode: OpenCodeLab) -> None:
    """A call that no rule of ours minds is still the user's settings' to refuse."""
    opencode_json(opencode, permission={"bash": {"*": "allow", "touch allowed": "deny"}})
    opencode.govern()

    session = opencode.bash("touch allowed")

    assert not opencode.ran("allowed")
    assert [one["action"] for one in opencode.rows_of(session, "tool.decided")] == ["allow"]
    opencode.until(lambda: bool(opencode.rows_of(session, "tool.finished")))
    (finished,) = opencode.rows_of(session, "tool.finished")
    assert finished["outcome"] == "refused"


@proves("permission events are recorded", "opencode")
@pytest.mark.parametrize(("reply", "outcome"), [("once", "ok"), ("reject", "refused")])
def test_permissions_are_recorded(opencode: OpenCodeLab, reply: str, outcome: str) -> None:
    """What the client asks its own user stands in the journal, and so does what they said."""
    opencode_json(opencode, permission={"bash": {"*": "allow", "touch asked": "ask"}})
    opencode.govern()
    opencode.script(shell=opencode.steps("touch asked"))
    session = opencode.place.session()
    turn = meanwhile(lambda: opencode.say("SCENARIO:shell go", session))

    asked = opencode.place.until("permission.asked")
    path = f"/session/{session}/permissions/{asked['id']}"
    opencode.place.call("POST", path, {"response": reply})
    turn.join(60)

    assert opencode.ran("asked") is (reply == "once")
    opencode.until(lambda: {"permission.replied", "tool.finished"} <= {*opencode.kinds(session)})
    (put,) = opencode.rows_of(session, "permission.asked")
    (said,) = opencode.rows_of(session, "permission.replied")
    (done,) = opencode.rows_of(session, "tool.finished")
    assert (put["permission"], put["patterns"]) == ("bash", ["touch asked"])
    assert (said["id"], said["reply"]) == (put["id"], reply)
    assert said["call_id"] == put["call_id"] == done["call_id"]
    assert done["outcome"] == outcome


@proves("prompt is refused", "opencode")
def test_refused_prompt_never_reaches_the_model(opencode: OpenCodeLab) -> None:
    """A refused prompt costs no request; why stands in the journal."""
    opencode.govern()
    session = opencode.place.session()

    opencode.place.say(session, "say the UNSPEAKABLE")

    assert opencode.server.requests == []
    (refused,) = opencode.rows_of(session, "event.refused")
    assert "TRIAL-UNSPOKEN" in str(refused["reasons"])


COMMAND_RULES = """
[[rule]]
id = "trial.order"
on = "command"
when.command = "second"
requires = { on = "command", when = { command = "first" }, within = "10m" }
action = "deny"
message = "TRIAL-ORDER: first things first."
must_match = [{ command = "second" }]
must_not_match = [{ command = "first" }]
"""


@proves("slash command is refused, and counts in a chain", "opencode")
def test_slash_commands_are_a_chain(opencode: OpenCodeLab) -> None:
    """The second command is refused before the first, and runs after it."""
    for name in ("first", "second"):
        file = opencode.project / ".opencode" / "command" / f"{name}.md"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"---\ndescription: d\n---\nSCENARIO:talk {name} $ARGUMENTS\n")
    opencode.govern(more=COMMAND_RULES)
    opencode.script(talk=[{"text": "hello"}])
    session = opencode.place.session()

    ran = []
    for name in ("second", "first", "second"):
        before = len(opencode.work())
        given = {"command": name, "arguments": "with words"}
        opencode.place.call("POST", f"/session/{session}/command", given)
        ran.append(len(opencode.work()) - before)

    assert ran == [0, 1, 1]
    (refused,) = opencode.rows_of(session, "event.refused")
    assert "TRIAL-ORDER" in str(refused["reasons"])
    executed = opencode.rows_of(session, "command.executed")
    assert [one["name"] for one in executed] == ["first", "second"]
    assert executed[0]["arguments"] == ["with", "words"]


@proves("context after a tool", "opencode")
def test_context_follows_a_tool(opencode: OpenCodeLab) -> None:
    """What a rule has to say of a result stands below it in the next request."""
    opencode.govern()

    opencode.bash("echo NOTEWORTHY")

    (told,) = opencode.results_seen()
    assert told.startswith("NOTEWORTHY")
    assert "TRIAL-NOTED" in told


@proves("withheld output", "opencode")
def test_withheld_output_does_not_reach_the_model(opencode: OpenCodeLab) -> None:
    """A result that a rule withholds is replaced before the model reads it."""
    opencode.govern()
    (opencode.project / "file.txt").write_text("TOPSECRET of the file\n")
    read = {"tool": "read", "input": {"filePath": str(opencode.project / "file.txt")}}
    shell = {"tool": "bash", "input": {"command": "printf TOP; echo SECRET", "description": "d"}}
    opencode.script(both=[shell, read, {"text": "done"}])

    opencode.say("SCENARIO:both go")

    assert len(opencode.results_seen()) == 2
    for result in opencode.results_seen():
        assert "TRIAL-WITHHELD" in result
        assert "TOPSECRET" not in result


@proves("compaction: what to keep, and the reminder", "opencode")
def test_reminder_follows_a_compaction(opencode: OpenCodeLab) -> None:
    """The summary is asked to keep what governs; the next request has the reminder as well."""
    opencode.govern()
    session = opencode.bash("touch one")

    model = {"providerID": "scripted", "modelID": "model"}
    opencode.place.call("POST", f"/session/{session}/summarize", model)
    (summary,) = [one for one in opencode.server.requests if "summarization" in str(one["system"])]
    opencode.bash("touch two", session=session)

    assert "TRIAL-REMINDER" in request_text(summary)
    assert counts(system_of(summary)) == 0
    after = opencode.systems()[-2:]
    assert [counts(system) for system in after] == [1, 1]
    assert all("TRIAL-REMINDER" in "\n".join(system) for system in after)
    kinds = opencode.kinds(session)
    assert kinds.count("session.compacted") == 1
    (compacted,) = opencode.rows_of(session, "session.compacted")
    assert compacted["trigger"] == "manual"
    opencode.bash("touch three", session=session)
    assert "TRIAL-REMINDER" not in "\n".join(opencode.systems()[-1])


COMPACTION_RULE = """
[[rule]]
id = "trial.compaction"
on = "transition"
when.event = "compacting"
action = "deny"
message = "TRIAL-COMPACTION: not now."
must_match = [{ event = "compacting" }]
must_not_match = [{ event = "start" }]
"""


@proves("compaction cannot be refused", "opencode")
def test_compaction_cannot_be_refused(opencode: OpenCodeLab) -> None:
    """A rule against a compaction does not wedge the session, and does not load for this host."""
    opencode.govern(more=COMPACTION_RULE)
    session = opencode.bash("touch one")

    model = {"providerID": "scripted", "modelID": "model"}
    opencode.place.call("POST", f"/session/{session}/summarize", model)
    opencode.bash("touch two", session=session)

    assert opencode.rows_of(session, "session.compacted")
    assert opencode.ran("two")


@proves("broken off", "opencode")
def test_broken_off_turn_is_interrupted(opencode: OpenCodeLab) -> None:
    """When a person breaks off, the session is interrupted, and works again with a prompt."""
    opencode.govern()
    opencode.script(slow=[{"text": "late", "sleep_seconds": 3}], talk=[{"text": "hello"}])
    session = opencode.place.session()
    turn = meanwhile(lambda: opencode.say("SCENARIO:slow go", session))
    opencode.until(lambda: bool(opencode.work()))

    opencode.place.call("POST", f"/session/{session}/abort")
    turn.join(60)

    opencode.until(lambda: opencode.state(session).state is State.INTERRUPTED)
    (broken,) = opencode.rows_of(session, "session.interrupted")
    assert broken["reason"] == "user"
    opencode.say("SCENARIO:talk go", session)
    assert opencode.state(session).state is State.BETWEEN_TURN


@proves("interrupted by a failing model", "opencode")
def test_failing_model_ends_the_turn(opencode: OpenCodeLab) -> None:
    """When the model's service fails the turn is over, and its failure on record."""
    opencode.govern()
    opencode.script(fails=[{"error": 400, "message": "scripted failure"}])

    session = opencode.say("SCENARIO:fails go")

    opencode.until(lambda: opencode.state(session).state is State.INTERRUPTED)
    (ended,) = opencode.rows_of(session, "turn.ended")
    assert "scripted failure" in ended["failure"]


def task(prompt: str) -> dict[str, Any]:
    given = {"description": "d", "prompt": prompt, "subagent_type": "general"}
    return {"tool": "task", "input": given}


@proves("sub-agents are child sessions", "opencode")
def test_sub_agents_are_child_sessions(opencode: OpenCodeLab) -> None:
    """A sub-agent has a session below its parent's, a briefing, and its own decisions."""
    opencode.govern()
    opencode.script(
        parent=[task("SCENARIO:kid go"), {"text": "fine"}],
        kid=opencode.steps("touch FORBIDDEN", "touch allowed"),
    )

    root = opencode.say("SCENARIO:parent go")

    assert not opencode.ran("FORBIDDEN")
    assert opencode.ran("allowed")
    (started,) = opencode.rows_of(root, "child.started")
    child = str(started["child_id"])
    state = opencode.state(child)
    assert (state.identity.parent, state.identity.depth) == (root, 1)
    assert state.state is State.ENDED
    assert "adopted" not in str(opencode.rows_of(child, "session.created")).replace(
        "'adopted': False", ""
    )
    kid = [one for one in opencode.work() if "SCENARIO:parent" not in request_text(one)]
    assert [counts(system_of(one)) for one in kid] == [1, 1, 1]
    assert opencode.state(root).ledger.counts["high"] == 1
    kinds = opencode.kinds(root)
    assert kinds.index("child.started") < kinds.index("child.ended")


@proves("a child's third violation halts the parent", "opencode")
def test_third_violation_of_a_child_halts_the_parent(opencode: OpenCodeLab) -> None:
    """What children do counts above them: the third grave one halts the whole session."""
    opencode.govern()
    bad = [f"touch FORBIDDEN{number}" for number in range(3)]
    opencode.script(
        parent=[task("SCENARIO:kid go"), *opencode.steps("touch allowed")],
        kid=opencode.steps(*bad, "touch also"),
    )

    root = opencode.say("SCENARIO:parent go")

    assert not opencode.ran("also")
    assert not opencode.ran("allowed")
    assert "session.halted" in opencode.kinds(root)
    before = len(opencode.work())
    opencode.say("SCENARIO:parent again", root)
    assert len(opencode.work()) == before, "a halted session takes no prompt"


@proves("deletion ends", "opencode")
def test_deleted_session_has_ended(opencode: OpenCodeLab) -> None:
    """A session that is deleted has ended; one that the client leaves is interrupted."""
    opencode.govern()
    deleted, left = opencode.bash("touch one"), opencode.bash("touch two")

    opencode.place.call("DELETE", f"/session/{deleted}")
    opencode.until(lambda: opencode.state(deleted).state is State.ENDED)
    opencode.leave()

    opencode.until(lambda: opencode.state(left).state is State.INTERRUPTED)
    assert opencode.rows_of(deleted, "session.ended")[0]["reason"] == "deleted"
    assert opencode.rows_of(left, "session.interrupted")[0]["reason"] == "shutdown"
    assert opencode.state(deleted).state is State.ENDED


@proves("parallel calls", "opencode")
def test_parallel_calls_are_each_decided(opencode: OpenCodeLab) -> None:
    """Of calls made at once each is decided and settled by itself, and none is lost."""
    opencode.govern()
    names = ["one", "FORBIDDEN", "two", "three"]
    calls = [("bash", {"command": f"touch {name}", "description": "d"}) for name in names]
    opencode.script(many=[{"tools": calls}, {"text": "done"}])

    session = opencode.say("SCENARIO:many go")

    assert [opencode.ran(name) for name in names] == [True, False, True, True]
    decided = [one["action"] for one in opencode.rows_of(session, "tool.decided")]
    assert sorted(decided) == ["allow", "allow", "allow", "deny"]
    assert opencode.state(session).open_calls == ()
    assert "event.duplicate" not in opencode.kinds(session)
    with opencode.engine() as engine:
        assert engine.journal.verify().ok


PATH_RULE = """
[[rule]]
id = "trial.path"
tools = ["write", "edit"]
when.path = { glob = "./locked/**" }
action = "deny"
message = "TRIAL-LOCKED: this folder is locked."
must_match = [{ tool = "write", path = "locked/a.txt", content = "x" }]
must_not_match = [{ tool = "write", path = "open/a.txt", content = "x" }]
"""
GPT = {"model": {"providerID": "scripted", "modelID": "gpt-5-model"}}


@proves("patches file by file", "opencode")
def test_patches_are_decided_file_by_file(opencode: OpenCodeLab) -> None:
    """A patch runs whole, or not at all where one of its files must not be touched."""
    opencode.govern(more=PATH_RULE)
    good = "*** Begin Patch\n*** Add File: a.txt\n+a\n*** Add File: b.txt\n+b\n*** End Patch"
    bad = good.replace("a.txt", "c.txt").replace("b.txt", "locked/d.txt")
    steps = [{"tool": "apply_patch", "input": {"patchText": text}} for text in (good, bad)]
    opencode.script(patch=[*steps, {"text": "done"}])
    session = opencode.place.session()

    opencode.place.say(session, "SCENARIO:patch go", **GPT)

    found = [opencode.ran(name) for name in ("a.txt", "b.txt", "c.txt", "locked/d.txt")]
    assert found == [True, True, False, False]
    assert "TRIAL-LOCKED" in opencode.results_seen()[1]
    changed = {one["path"] for one in opencode.rows_of(session, "file.changed")}
    assert {path.rpartition("/")[2] for path in changed} == {"a.txt", "b.txt"}
    opencode.until(lambda: opencode.kinds(session).count("tool.finished") == 3)
    outcomes = [one["outcome"] for one in opencode.rows_of(session, "tool.finished")]
    assert outcomes == ["ok", "ok", "refused"], "of the second patch one file had been let through"


SERVER_RULES = """
[[rule]]
id = "trial.server"
tools = ["mcp:demo.one:drop"]
action = "deny"
message = "TRIAL-SERVER: nothing is dropped here."
must_match = [{ tool = "mcp:demo.one:drop", args = { text = "x" } }]
must_not_match = [{ tool = "mcp:demo.one:echo", args = { text = "x" } }]

[[rule]]
id = "trial.server-output"
on = "tool-result"
tools = ["mcp:*:*"]
when.output = { contains = "TOPSECRET" }
action = "deny"
message = "TRIAL-KEPT: this output is not for you."
must_match = [{ tool = "mcp:demo.one:echo", output = "TOPSECRET", args = { text = "x" } }]
must_not_match = [{ tool = "mcp:demo.one:echo", output = "fine", args = { text = "x" } }]
"""


@proves("tools of servers, by their server", "opencode")
def test_tools_of_servers(opencode: OpenCodeLab) -> None:
    """A tool of a server is judged as one of that server, and so is what it gives back."""
    command = [sys.executable, str(Path(__file__).with_name("mcp_server.py"))]
    opencode_json(opencode, mcp={"demo.one": {"type": "local", "command": command}})
    opencode.govern(more=SERVER_RULES)
    calls = [("demo_one_drop", "all"), ("demo_one_echo", "fine"), ("demo_one_echo", "TOPSECRET")]
    steps = [{"tool": name, "input": {"text": text}} for name, text in calls]
    opencode.script(serve=[*steps, {"text": "done"}])

    session = opencode.say("SCENARIO:serve go")

    denied, echoed, withheld = opencode.results_seen()
    assert "TRIAL-SERVER" in denied
    assert echoed == "echo ran: fine"
    assert "TRIAL-KEPT" in withheld
    assert "TOPSECRET" not in withheld
    decided = opencode.rows_of(session, "tool.decided")
    assert [one["tool"] for one in decided] == [
        "mcp:demo.one:drop",
        "mcp:demo.one:echo",
        "mcp:demo.one:echo",
    ]


@proves("tool table fits the client's schemas", "opencode")
def test_tool_table_fits_the_schemas(opencode: OpenCodeLab) -> None:
    """Each tool that the client offers is in our table, with the arguments that it has."""
    from governance.hosts.opencode.tools import TOOLS

    opencode.govern()
    opencode.script(talk=[{"text": "hello"}])
    session = opencode.say("SCENARIO:talk go")
    opencode.place.say(session, "SCENARIO:talk more", **GPT)

    offered = {
        one["name"]: one["input_schema"].get("properties", {})
        for request in opencode.work()
        for one in request["tools"]
    }
    assert {"bash", "edit", "write", "read", "task", "apply_patch"} <= set(offered)
    assert set(offered) <= set(TOOLS.tools), "the client has a tool that we do not know"
    kinds = {"string": "str", "number": "float", "integer": "int", "boolean": "bool",
             "array": "list[str]"}  # fmt: skip
    for name, properties in offered.items():
        known = TOOLS.tools[name]
        for argument in known.fields.values():
            assert argument in properties, f"{name} has no argument {argument}"
        for argument, kind in known.args.items():
            told = properties.get(argument, {}).get("type")
            assert told is None or kinds[told] == kind, f"{name}.{argument} is {told}"
