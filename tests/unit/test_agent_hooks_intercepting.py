"""The interceptor for agent-hooks: what each point becomes, and what is answered there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from governance.engine import Engine
from governance.errors import StoreFull
from governance.formats import body_of
from governance.hosts.agent_hooks import Governance, intercepting
from governance.hosts.agent_hooks.profile import TOOLS
from governance.hosts.agent_hooks.verdicts import UNDECIDED, changed, reason_of, verdict
from governance.journal.memory import MemoryJournal
from governance.rules.host_tools import ToolMap
from governance.session.replies import Reply
from governance.states import State
from governance.testing import FailingJournal
from governance.testing.engines import law_of, memory_engine

PACK = """
format = 1
[pack]
name = "trial"
version = "1.0.0"
summary = "x"

[[rule]]
id = "trial.deny"
tools = ["shell"]
when.command = { contains = "FORBIDDEN" }
action = "deny"
message = "TRIAL-DENIED"
must_match = [{ tool = "shell", command = "touch FORBIDDEN" }]
must_not_match = [{ tool = "shell", command = "ls" }]

[[rule]]
id = "trial.hide"
on = "tool-result"
tools = ["shell"]
when.output = { contains = "SECRET" }
action = "rewrite"
rewrite.output = { redact = { regex = 'SECRET' }, with = "HIDDEN" }
"""
SESSION = """
format = 1
[pack]
name = "trial"
version = "1.0.0"
summary = "x"

[[rule]]
id = "trial.session"
on = "session"
when.host = "agent-hooks"
"""
UNBORN = """
action = "deny"
message = "TRIAL-UNBORN"
must_match = [{ host = "agent-hooks" }]
must_not_match = [{ host = "python" }]
"""
OTHER = """
action = "rewrite"
rewrite.model = "another"
"""
ALLOW = {"decision": "allow"}


@pytest.fixture
def journal() -> FailingJournal:
    return FailingJournal(MemoryJournal())


@pytest.fixture
def engine(journal: FailingJournal) -> Iterator[Engine]:
    with memory_engine(PACK, journal=journal) as made:
        yield made


@pytest.fixture
def governance(engine: Engine) -> Governance:
    return Governance(engine, tools={"sh": ToolMap("shell", {"command": "cmd"})})


def context(point: str, session: Any = "s1", **fields: Any) -> dict[str, Any]:
    return {"interception_point": point, "session": {"id": session}, "target": {}, **fields}


def calling(command: str, **more: Any) -> dict[str, Any]:
    call = {"id": "c1", "name": "sh", "args": {"cmd": command}} | more
    return context("pre_tool_call", tool_call=call, target=call["args"])


def ran(value: Any, *, failed: bool = False) -> dict[str, Any]:
    call = {"id": "c1", "name": "sh", "args": {"cmd": "ls"}}
    result = {"value": value, "is_error": failed}
    return context("post_tool_call", tool_call=call, tool_result=result, target=value)


def said(text: object) -> dict[str, Any]:
    return context("input", input={"content": text, "role": "user"})


def work(governance: Governance, session: str = "s1") -> None:
    """A session whose model has answered once, and so was briefed."""
    points = (context("agent_startup"), said("hello"), context("pre_model_call", messages=[]),
              context("post_model_call"))  # fmt: skip
    for one in points:
        governance.intercept({**one, "session": {"id": session}})


def kinds(engine: Engine, session: str = "s1") -> list[str]:
    return [one.kind for one in engine.journal.read(session)]


def test_points_of_a_later_version_pass(governance: Governance, engine: Engine) -> None:
    """What is not known decides nothing, and leaves no row."""
    assert governance.intercept(context("pre_thought")) == ALLOW
    for point in (None, "", 7, ["pre_tool_call"]):
        assert governance.intercept({"interception_point": point})["reason"] == UNDECIDED
    assert governance.intercept({})["decision"] == "deny"
    assert kinds(engine) == []


@pytest.mark.parametrize("session", [None, "", 7, "a/b", "@project", ".x", "x" * 200])
def test_contexts_of_no_session_are_denied(
    governance: Governance, engine: Engine, session: Any
) -> None:
    """Nothing is put into a session that its context does not name, or names in a strange way."""
    for point in sorted(intercepting.DECIDING):
        made = governance.intercept(context(point, session))
        assert (made["decision"], made["reason"]) == ("deny", UNDECIDED)
    assert governance.intercept({**calling("ls"), "session": "s1"})["decision"] == "deny"
    for point in ("post_model_call", "output", "agent_shutdown"):
        assert governance.intercept(context(point, session)) == ALLOW
    assert engine.journal.sessions() == ()


def test_a_call_without_an_id_is_denied(governance: Governance) -> None:
    """Its outcome could not be tied to it."""
    made = governance.intercept(calling("ls", id=""))
    assert (made["decision"], made["reason"]) == ("deny", UNDECIDED)


def test_an_interceptor_that_comes_late_begins_the_session(
    governance: Governance, engine: Engine
) -> None:
    """Without a start that it saw, the first point is one."""
    assert governance.intercept(said("hello")) == ALLOW
    assert kinds(engine)[:2] == ["session.created", "turn.started"]


@pytest.mark.parametrize("rest", [UNBORN, OTHER])
def test_a_session_is_refused_where_it_cannot_be_as_a_rule_wants_it(rest: str) -> None:
    """Nothing may be transformed at a start: what a rule would have otherwise is denied."""
    with memory_engine(law=law_of(SESSION + rest, tools=(TOOLS,))) as engine:
        made = Governance(engine).intercept(context("agent_startup"))
    assert (made["decision"], made["reason"]) == ("deny", "trial:session")
    assert "transform" not in made


def test_an_end_without_a_beginning_creates_nothing(governance: Governance, engine: Engine) -> None:
    """It is unmatched."""
    assert governance.intercept(context("agent_shutdown")) == ALLOW
    assert engine.state("s1").state is State.ABSENT


def test_a_turn_that_was_left_open_is_ended(governance: Governance, engine: Engine) -> None:
    """A host that blocked emits no output: the next input, or the end, ends the turn."""
    for one in (context("agent_startup"), said("one"), said("two"), context("agent_shutdown")):
        assert governance.intercept(one) == ALLOW
    rows = engine.journal.read("s1")
    ended: list[Any] = [body_of(one)["data"] for one in rows if one.kind == "turn.ended"]
    assert [one["failure"] for one in ended] == ["unknown", "unknown"]
    assert kinds(engine)[-1] == "session.ended"


def test_an_input_that_is_no_text_is_judged_as_json(governance: Governance, engine: Engine) -> None:
    """Parts of content are shown to rules as they are."""
    governance.intercept(said([{"type": "text", "text": "hi"}]))
    (row,) = [one for one in engine.journal.read("s1") if one.kind == "turn.started"]
    assert "hi" in str(body_of(row)["data"])


def test_output_is_replaced(governance: Governance) -> None:
    """What a rule rewrites of an output is the new target."""
    work(governance)
    governance.intercept(calling("ls"))
    made = governance.intercept(ran("a SECRET"))
    assert made["decision"] == "transform"
    assert made["transform"] == {"path": "$target", "value": "a HIDDEN"}


def test_a_failed_tool_is_reported_as_failed(governance: Governance, engine: Engine) -> None:
    """Its error is the journal's."""
    governance.intercept(calling("ls"))
    assert governance.intercept(ran({"code": 2}, failed=True)) == ALLOW
    (row,) = [one for one in engine.journal.read("s1") if one.kind == "tool.finished"]
    data: Any = body_of(row)["data"]
    assert (data["outcome"], data["error"]) == ("failed", '{"code":2}')


def test_a_store_that_fails_denies_and_never_raises(
    governance: Governance, journal: FailingJournal
) -> None:
    """Points that decide are denied; the others are let pass."""
    governance.intercept(context("agent_startup"))
    governance.intercept(said("hello"))
    journal.fail("append", StoreFull("the disk is full"), times=99)
    denied = governance.intercept(calling("ls"))
    assert denied["decision"] == "deny"
    assert "the disk is full" in denied["message"]
    assert governance.intercept(context("output")) == ALLOW
    assert governance.intercept(context("agent_shutdown")) == ALLOW


def test_a_forgotten_session_is_taken_up_again(
    governance: Governance, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is remembered is bounded; one that is forgotten is briefed anew before it works."""
    monkeypatch.setattr(intercepting, "SESSIONS_MAX", 1)
    for session in ("s1", "s2"):
        work(governance, session)
    for session in ("s1", "s2", "s1"):
        made = governance.intercept({**calling("touch FORBIDDEN"), "session": {"id": session}})
        assert made["decision"] == "deny"
    assert kinds(engine).count("session.created") == 1


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply("tool_before", "allow", "x"), ALLOW),
        (
            Reply("tool_before", "warn", "x", "m", rules=("a.b",)),
            {"decision": "allow", "warnings": [{"reason": "a:b", "message": "m"}]},
        ),
        (
            Reply("tool_before", "ask", "x", "m", rules=("a.b.c",)),
            {"decision": "deny", "approval": {}, "reason": "a:b.c", "message": "m"},
        ),
        (
            Reply("tool_before", "rewrite", "x", rules=("a.b",), rewritten={"n": 2}),
            {
                "decision": "transform",
                "reason": "a:b",
                "transform": {"path": "$target.n", "value": 2},
            },
        ),
        (
            Reply("tool_before", "rewrite", "x", "m", rules=("a.b",)),
            {"decision": "deny", "reason": "a:b", "message": "m"},
        ),
        (
            Reply("tool_before", "deny", "x", reasons=("why",)),
            {"decision": "deny", "reason": "governance:refused", "message": "why"},
        ),
        (
            Reply("tool_before", "halt", "x", "m", halted="why"),
            {"decision": "deny", "reason": "governance:halted", "message": "m"},
        ),
    ],
)
def test_replies_become_verdicts(reply: Reply, expected: dict[str, Any]) -> None:
    """Each action has one shape, and none but what it must has a transform or an approval."""
    assert verdict(reply, {"n": 1}, {}) == expected


def test_a_reason_may_have_another_name() -> None:
    """Where others know a rule by another name, its verdicts use that."""
    reply = Reply("tool_before", "deny", "x", rules=("a.b",))
    assert reason_of(reply, {"a.b": "shop:closed"}) == "shop:closed"


@pytest.mark.parametrize(
    ("target", "wanted", "path"),
    [
        ({"a": 1, "b": 2}, {"a": 1, "b": 3}, "$target.b"),
        ({"a": 1, "b": 2}, {"a": 2, "b": 3}, "$target"),
        ({"a": 1}, {"a": 1, "b": 3}, "$target"),
        ({"a b": 1}, {"a b": 2}, "$target"),
        ({"": 1}, {"": 2}, "$target"),
        ({"a": 1}, {"a": 1}, "$target"),
        ("text", {"a": 1}, "$target"),
    ],
)
def test_one_replacement_makes_what_is_wanted(target: Any, wanted: Any, path: str) -> None:
    """One member where only one differs and a path can name it, else the whole."""
    made = changed(target, wanted)
    assert made["path"] == path
    assert made["value"] == (wanted if path == "$target" else wanted[path.removeprefix("$target.")])


@pytest.mark.parametrize("point", ["input", "pre_tool_call", "post_tool_call"])
@pytest.mark.parametrize(
    "given",
    [{}, {"tool_call": None}, {"tool_call": {}}, {"tool_call": {"id": "c", "name": "sh"}},
     {"tool_call": {"id": "c", "name": "sh", "args": "ls"}}, {"tool_call": ["sh"]},
     {"input": None}, {"input": {}}, {"messages": 7}, {"tool_result": {"value": 1}}],
)  # fmt: skip
def test_a_context_that_cannot_be_read_is_denied(
    governance: Governance, point: str, given: dict[str, Any]
) -> None:
    """Whatever is missing or of another kind: a verdict, and no exception for the emitter."""
    governance.intercept(context("agent_startup"))
    governance.intercept(said("hello"))
    bare = {name: context(point)[name] for name in ("interception_point", "session")}

    made = governance.intercept({**bare, **given})

    assert (made["decision"], made["reason"]) == ("deny", UNDECIDED)
    assert made["message"]


@pytest.mark.parametrize("point", ["post_model_call", "output", "agent_shutdown"])
def test_what_is_only_told_breaks_nothing(governance: Governance, point: str) -> None:
    """A context that cannot be read there is passed over."""
    bare = {name: context(point)[name] for name in ("interception_point", "session")}
    assert governance.intercept({**bare, "summary": 7, "response": None}) == ALLOW
