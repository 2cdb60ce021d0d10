"""The moment before a tool runs: what rules, links, floors and rewrites make of one call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pytest
from attrs import evolve

from governance.engine import Engine, Session
from governance.formats import body_of
from governance.session.commands import HostTraits
from governance.session.law import HostSettings
from governance.testing.engines import PLACES, law_of, memory_engine, settings_with

HEAD = """
format = 1
[pack]
name = "calls"
version = "1.0.0"
summary = "Rules on calls."
"""


def rule(ident: str, when: str, what: str, match: str, *, tools: str = '"shell"') -> str:
    """A rule on *when* a command is so, that is met by the command *match*."""
    tool = tools.split('"')[1]
    fact = "command" if tool == "shell" else "path"
    return f"""
[[rule]]
id = "calls.{ident}"
tools = [{tools}]
when.{fact} = {when}
{what}
must_match = [{{ tool = "{tool}", {fact} = "{match}" }}]
must_not_match = [{{ tool = "{tool}", {fact} = "fine" }}]
"""


def rewriting(ident: str, before: str, after: str) -> str:
    what = f'action = "rewrite"\nmessage = "{before} is {after} here."\nrewrite.command = "{after}"'
    return rule(ident, f'"{before}"', what, before)


def warning(ident: str, begins: str, action: str = "warn") -> str:
    what = f'action = "{action}"\nmessage = "It is {ident}."'
    return rule(ident, f'{{ starts_with = "{begins}" }}', what, f"{begins} x")


def at_work(engine: Engine, traits: HostTraits | None = None, host: str = "python") -> Session:
    session = engine.session("s", traits=traits or HostTraits(), host=host)
    session.turn("go")
    return session


def decided(engine: Engine) -> Mapping[str, Any]:
    """Own fields of the newest decision."""
    rows = [one for one in engine.journal.read("s", limit=1000) if one.kind == "tool.decided"]
    return cast("Mapping[str, Any]", body_of(rows[-1])["data"])


def test_a_call_that_would_be_changed_again_is_refused() -> None:
    """Rules that undo each other run nothing, and no order of theirs is chosen."""
    with memory_engine(HEAD + rewriting("one", "a", "b") + rewriting("two", "b", "a")) as engine:
        reply = at_work(engine).tool("shell", {"command": "a"}, call_id="1")

    assert (reply.action, reply.rewritten) == ("deny", None)
    assert "rewritten again" in reply.message
    assert set(reply.rules) == {"calls.one", "calls.two"}


@pytest.mark.parametrize(
    ("first", "then", "action", "words"),
    [
        ("warn", "deny", "deny", ["It is then."]),
        ("ask", "warn", "ask", ["It is first.", "It is then."]),
        ("warn", "ask", "ask", ["It is then."]),
        ("ask", "deny", "deny", ["It is then."]),
    ],
)
def test_the_stricter_word_on_a_changed_call_holds(
    first: str, then: str, action: str, words: list[str]
) -> None:
    """Whether it was said of the call as it was, or of the call as it becomes."""
    pack = HEAD + rewriting("rw", "a", "b")
    pack += warning("first", "a", first) + warning("then", "b", then)
    with memory_engine(pack) as engine:
        session = at_work(engine, HostTraits(asks=False))
        reply = session.tool("shell", {"command": "a"}, call_id="1")

        assert (reply.action, reply.rewritten) == ("deny", None)
        assert [word for word in words if word not in reply.message] == []
        assert bool(session.questions) is (action == "ask")


def test_a_warned_call_that_is_changed_runs_as_it_became() -> None:
    """A warning stops nothing: the answer has the new arguments, and both messages."""
    with memory_engine(HEAD + rewriting("rw", "a", "b") + warning("then", "b")) as engine:
        reply = at_work(engine).tool("shell", {"command": "a"}, call_id="1")
        row = decided(engine)

    assert (reply.action, reply.rewritten) == ("rewrite", {"command": "b"})
    assert (row["rewritten"], row["arguments"]) == (True, {"command": "b"})
    assert "It is then." in reply.message


def test_a_question_is_put_once_however_often_it_is_asked() -> None:
    """The same call, while nobody has answered: one row, one question."""
    with memory_engine(HEAD + warning("asked", "a", "ask")) as engine:
        session = at_work(engine, HostTraits(asks=False))
        for number in range(3):
            assert session.tool("shell", {"command": "a b"}, call_id=str(number)).denied

        kinds = [one.kind for one in engine.journal.read("s", limit=1000)]
        assert kinds.count("approval.asked") == 1
        assert len(session.questions) == 1


def test_leave_for_a_path_is_none_once_its_link_leads_elsewhere() -> None:
    """What a person saw was where it led then."""
    leads = {"/project/link": "/project/a"}
    places = evolve(PLACES, resolve=lambda path: leads.get(path, path))
    what = 'action = "ask"\nmessage = "Sure?"'
    pack = HEAD + rule("asked", '{ glob = "**/link" }', what, "link", tools='"write"')
    law = evolve(law_of(pack), places=places)
    call = {"path": "link", "content": "x"}
    with memory_engine(law=law) as engine:
        session = at_work(engine, HostTraits(asks=False))
        assert session.tool("write", call, call_id="1", cwd="/project").denied
        session.approve(session.questions[0].id, by="me")
        leads["/project/link"] = "/etc"
        turned = session.tool("write", call, call_id="2", cwd="/project")
        leads["/project/link"] = "/project/a"
        back = session.tool("write", call, call_id="3", cwd="/project")

    assert (turned.action, back.action) == ("deny", "allow")


@pytest.mark.parametrize("known", ["ask", "deny", "allow"])
def test_what_a_project_says_of_unknown_tools_holds(known: str) -> None:
    """Also of a known tool that is called without what every rule on it looks at."""
    hosts = {"python": HostSettings(unknown_tool=known)}
    with memory_engine(HEAD, settings=settings_with(hosts=hosts)) as engine:
        session = at_work(engine)
        told = [
            session.tool(tool, arguments, call_id=str(number)).action
            for number, (tool, arguments) in enumerate(
                [("launch", {"to": "."}), ("shell", {"cmd": "x"}), ("shell", {"command": "x"})]
            )
        ]

    assert told == [known, known, "allow"]


def test_the_row_of_a_call_says_what_it_was() -> None:
    """Files for what is written, the agent for what is delegated, labels, shadows: each alone."""
    labelled = rule("labelled", '"a"', 'action = "allow"\nlabels = ["calls.seen"]', "a")
    shadow = rule("shadow", '"a"', 'action = "deny"\nmode = "shadow"\nmessage = "No."', "a")
    with memory_engine(HEAD + labelled + shadow) as engine:
        session = at_work(engine)
        session.tool("write", {"path": "x.py", "content": ""}, call_id="1", cwd="/project")
        write = decided(engine)
        session.tool("delegate", {"agent": "helper", "prompt": "go"}, call_id="2")
        delegate = decided(engine)
        session.tool("shell", {"command": "a"})
        shell = decided(engine)

    own = {"paths", "delegate", "labels", "shadows", "call_id", "cwd", "rewritten", "approval"}
    own |= {"stale", "skipped", "pending_labels", "fingerprint"}
    assert {name: write[name] for name in own & {*write}} == {
        "paths": ["/project/x.py"], "call_id": "1", "cwd": "/project",
    }  # fmt: skip
    assert {name: delegate[name] for name in own & {*delegate}} == {
        "delegate": "helper", "call_id": "2",
    }  # fmt: skip
    assert {name: shell[name] for name in own & {*shell}} == {
        "labels": ["calls.seen"], "shadows": ["calls.shadow"],
    }  # fmt: skip


@pytest.mark.parametrize("named", ["", "Bash", "bash", "read"])
def test_what_is_known_of_a_call_goes_before_what_its_outcome_is_called(named: str) -> None:
    """A rule on the results of a shell holds, whatever the caller names the tool."""
    result = """
[[rule]]
id = "calls.secret"
on = "tool-result"
tools = ["shell"]
when.output = { contains = "secret" }
action = "deny"
message = "Not that."
must_match = [{ tool = "shell", output = "a secret" }]
must_not_match = [{ tool = "shell", output = "fine" }]
"""
    with memory_engine(HEAD + result) as engine:
        session = at_work(engine)
        session.tool("shell", {"command": "ls"}, call_id="1")
        reply = session.tool_finished("1", outcome="ok", tool=named, output="a secret")
        unasked = session.tool_finished("2", outcome="ok", tool="shell", output="a secret")

    assert (reply.action, unasked.action) == ("deny", "deny")
