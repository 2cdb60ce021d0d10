"""What a verb does not take is refused by name, before anything is written."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from governance.acontexts import AsyncContexts
from governance.aengine import AsyncEngine, AsyncSession
from governance.calls import ToolCall
from governance.config import default_toml, load_config
from governance.engine import Engine, Session
from governance.engine.contexts import Contexts
from governance.engine.given import ARGUMENTS, BORN
from governance.errors import MisuseError
from governance.journal import open_journal
from governance.project import create_project
from governance.session.commands import Command
from governance.testing.engines import memory_engine

OWNERS: dict[str, type] = {"Engine": Engine, "Session": Session, "Contexts": Contexts}
AWAITED: dict[type, type] = {Engine: AsyncEngine, Session: AsyncSession, Contexts: AsyncContexts}
WRONG = object()

LAW = """
format = 1
[pack]
name = "house"
version = "1.0.0"
summary = "Roles for these tests."
[[role]]
name = "king"
tools = ["shell"]
"""


def verbs(owner: type) -> dict[str, Callable[..., Any]]:
    """The public verbs of *owner*, those that it inherits among them."""
    found: dict[str, Callable[..., Any]] = {}
    for one in reversed(owner.__mro__):
        for name, value in vars(one).items():
            verb = value.__func__ if isinstance(value, classmethod) else value
            if inspect.isfunction(verb) and not name.startswith("_"):
                found[name] = verb
    return found


def arguments_of(verb: Callable[..., Any]) -> list[str]:
    parameters = inspect.signature(verb).parameters.values()
    return [one.name for one in parameters if one.name not in ("self", "cls", "data")]


PUBLIC = sorted(f"{owner}.{name}" for owner, kind in OWNERS.items() for name in verbs(kind))
PLACES = [
    (verb, name)
    for verb, takes in ARGUMENTS.items()
    for name, one in takes.items()
    if not one.fits(WRONG)
]


def test_the_table_names_every_verb() -> None:
    """What is added is looked at as well, and what is gone is not spoken of."""
    assert sorted(ARGUMENTS) == PUBLIC


@pytest.mark.parametrize("verb", PUBLIC)
def test_the_table_names_every_argument(verb: str) -> None:
    """By the names that the signature has; `start` hands further fields on."""
    owner, _, name = verb.partition(".")
    signed = inspect.signature(verbs(OWNERS[owner])[name]).parameters
    further = set(BORN) if verb == "Engine.start" else set()
    expected = {*(one for one in signed if one not in ("self", "cls")), *further}
    if verb == "Engine.start":
        expected.discard("data")

    assert set(ARGUMENTS[verb]) == expected


@pytest.fixture(name="engine")
def _engine() -> Iterator[Engine]:
    with memory_engine(LAW) as engine:
        yield engine


def heads(engine: Engine) -> list[object]:
    """Where every session of the store stands."""
    return [(one.session, one.seq) for one in engine.journal.sessions()]


def subject(engine: Engine, owner: str) -> object:
    made = {"Engine": engine, "Session": engine.start("s"), "Contexts": engine.contexts}
    return made[owner]


@pytest.mark.parametrize(("verb", "name"), PLACES)
def test_a_value_of_another_type_is_misuse(engine: Engine, verb: str, name: str) -> None:
    """Each argument of each verb: the message names it, and nothing is written."""
    owner, _, called = verb.partition(".")
    at = subject(engine, owner)
    before = heads(engine)

    with pytest.raises(MisuseError, match=rf"GOV403 `{called}`.*`{name}` is a `object`"):
        getattr(at, called)(**{name: WRONG})

    assert heads(engine) == before


@pytest.mark.parametrize(
    ("verb", "name"),
    [(verb, name) for verb, name in PLACES if ARGUMENTS[verb][name].values],
)
def test_a_word_outside_an_enumeration_is_misuse(engine: Engine, verb: str, name: str) -> None:
    """The message has all that may be said, and what was meant."""
    owner, _, called = verb.partition(".")
    at, (first, *_) = subject(engine, owner), ARGUMENTS[verb][name].values
    before = heads(engine)

    with pytest.raises(MisuseError) as caught:
        getattr(at, called)(**{name: f"{first}x"})

    assert f"`{name}` is `{first}x`, expected one of {first}, " in str(caught.value)
    assert f"did you mean `{first}`?" in caught.value.remedy
    assert heads(engine) == before


@pytest.mark.parametrize("verb", PUBLIC)
def test_a_keyword_that_is_none_is_misuse(engine: Engine, verb: str) -> None:
    """Nothing that is misspelled is swallowed."""
    owner, _, called = verb.partition(".")
    at = subject(engine, owner)
    before = heads(engine)

    with pytest.raises(MisuseError, match="there is no argument `martian`"):
        getattr(at, called)(martian=1)

    assert heads(engine) == before


@pytest.mark.parametrize("verb", PUBLIC)
def test_every_verb_can_be_awaited_with_the_same_arguments(verb: str) -> None:
    """None is missing, and none takes other arguments or other defaults."""
    owner, _, called = verb.partition(".")
    sync = OWNERS[owner]
    awaited = verbs(AWAITED[sync])
    assert called in awaited

    ours, theirs = inspect.signature(awaited[called]), inspect.signature(verbs(sync)[called])
    assert [*ours.parameters.values()] == [*theirs.parameters.values()]


@pytest.mark.parametrize("owner", OWNERS)
def test_nothing_is_awaited_that_the_engine_has_not(owner: str) -> None:
    """But what is a property there, which here has to look."""
    looked = {"Session": {"state", "governance_injected", "questions"}}.get(owner, set())

    assert set(verbs(AWAITED[OWNERS[owner]])) - set(verbs(OWNERS[owner])) == looked


@pytest.mark.parametrize("verb", PUBLIC)
def test_what_is_awaited_is_looked_at_alike(engine: Engine, verb: str) -> None:
    """The same words for the same misuse, and nothing written."""
    owner, _, called = verb.partition(".")

    async def work() -> None:
        async with AsyncEngine(engine) as aengine:
            made = await aengine.start("s")
            at = {"Engine": aengine, "Session": made, "Contexts": aengine.contexts}[owner]
            before = heads(engine)

            async def call() -> None:
                answer = getattr(at, called)(martian=1)
                if inspect.isawaitable(answer):
                    await answer

            with pytest.raises(MisuseError, match="there is no argument `martian`"):
                await call()
            assert heads(engine) == before

    asyncio.run(work())


MISUSES: dict[str, tuple[Callable[[Session], object], str]] = {
    "outcome": (lambda s: s.tool_finished("1", outcome="fine"), "expected one of ok, failed"),
    "no arguments": (lambda s: s.tool("shell", None), "`arguments` is `None`"),  # type: ignore[arg-type]
    "arguments as a text": (lambda s: s.tool("shell", "ls"), "`arguments` is `ls`"),  # type: ignore[arg-type]
    "no tool": (lambda s: s.tool(None, {}), "`tool` is `None`"),  # type: ignore[arg-type]
    "cwd": (lambda s: s.tool("shell", {}, cwd=5), "`cwd` is `5`"),  # type: ignore[arg-type]
    "call id": (lambda s: s.tool("shell", {}, call_id=7), "`call_id` is `7`"),  # type: ignore[arg-type]
    "role": (lambda s: s.engine.start("t", role=5), "`role` is `5`"),  # type: ignore[arg-type]
    "keyword": (lambda s: s.engine.start("t", rol="king"), "did you mean `role`?"),
    "traits": (lambda s: s.engine.start("t", traits={"asks": False}), "a `HostTraits`"),  # type: ignore[arg-type]
    "unknown role": (lambda s: s.engine.start("t", role="kingg"), "did you mean `king`?"),
    "unknown role of a child": (lambda s: s.child("a", role="kingg"), "did you mean `king`?"),
    "source": (lambda s: s.turn("go", source="martian"), "expected one of user, agent, host"),
    "prompt": (lambda s: s.turn(None), "`prompt` is `None`"),  # type: ignore[arg-type]
    "prompts": (lambda s: s.turn(["go"]), "`prompt` is a `list`"),  # type: ignore[arg-type]
    "history": (lambda s: s.resume(history="lots"), "expected one of kept, lost, unknown"),  # type: ignore[arg-type]
    "trigger": (lambda s: s.compact(trigger="foo"), "expected one of manual, auto, unknown"),
    "child": (lambda s: s.child(""), "`name` is the text '', expected a text that is not empty"),
    "session": (lambda s: s.engine.session(None), "`session` is `None`"),  # type: ignore[arg-type]
    "id of two lines": (lambda s: s.engine.start("a\nb"), "the end of a line"),
    "scope": (lambda s: s.engine.contexts.get("session:o", "code", "a", by=None), "a `Scope`"),  # type: ignore[arg-type]
    "said": (lambda s: s.message("user", 5), "`said` is `5`"),  # type: ignore[arg-type]
    "archive": (lambda s: s.engine.archive("s", "to"), "expected a `Path`"),  # type: ignore[arg-type]
    "words": (lambda s: s.command("go", "fast"), "`arguments` is `fast`"),
    "time": (lambda s: s.tool_finished("1", outcome="ok", duration_ms=-5), "from 0 on"),
    "long time": (lambda s: s.tool_finished("1", outcome="ok", duration_ms=2**63), "64 bits"),
    "size": (lambda s: s.compact(context_size_tokens=-7), "`context_size_tokens` is `-7`"),
    "folder": (lambda s: s.tool("shell", {}, cwd="sub"), "`cwd` is `sub`, expected an absolute"),
    "folder with NUL": (lambda s: s.tool("shell", {}, cwd="/a\0"), "expected an absolute path"),
    "no row": (lambda s: s.engine.record_all("s", [], actor="me"), "expected one row or more"),
    "half a row": (lambda s: s.engine.record_all("s", [("a.b",)], actor="me"), "one row or more"),  # type: ignore[list-item]
    "row": (lambda s: s.engine.branch("s", at=10**5000), "`at` is a number beyond 64 bits"),
    "row to come": (lambda s: s.engine.branch("s", at=2**63 - 1), "its rows are 1 to"),
    "sessions": (lambda s: s.engine.preload(2**64), "`count` is a number beyond 64 bits"),
}


@pytest.mark.parametrize("name", MISUSES)
def test_what_programs_get_wrong_is_told_in_words(engine: Engine, name: str) -> None:
    """What was found in the trials of those who embedded the engine."""
    misuse, words = MISUSES[name]
    session = engine.start("s", role="king")
    before = heads(engine)

    with pytest.raises(MisuseError) as caught:
        misuse(session)

    assert words in str(caught.value)
    assert heads(engine) == before


COMMANDS: dict[str, tuple[dict[str, Any], str]] = {
    "history": ({"history": "lots"}, "`history` is `lots`"),
    "role": ({"role": 5}, "`role` is `5`"),
    "data": ({"data": None}, "`data` is `None`"),
    "source": ({"data": {"prompt": "go", "prompt_source": "martian"}}, "`prompt_source`"),
    "prompt": ({"data": {"prompt": 5, "prompt_source": "user"}}, "`prompt` must be str, not int"),
    "no call": ({"event": "tool_before"}, "`call` is missing"),
    "outcome": (
        {"event": "tool_after", "call": ToolCall("shell"), "data": {"outcome": "fine"}},
        "`outcome` is `fine`",
    ),
    "time": (
        {"event": "tool_after", "call": ToolCall("x"), "data": {"duration_ms": -1}},
        "`duration_ms` is -1, expected 0 or more",
    ),
    "long ago": (
        {"event": "tool_after", "call": ToolCall("x"), "data": {"duration_ms": -(10**5000)}},
        "`duration_ms` is a number beyond 64 bits, expected 0 or more",
    ),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_looked_at_by_the_catalogue(engine: Engine, name: str) -> None:
    """Also where no verb made it: a host's adapter is a program as well."""
    given, words = COMMANDS[name]
    engine.start("s")
    before = heads(engine)

    with pytest.raises(MisuseError) as caught:
        engine.handle(Command(**{"event": "turn_start", "session": "s", **given}))

    assert caught.value.code == "GOV403"
    assert words in str(caught.value)
    assert heads(engine) == before


ROWS: dict[str, tuple[str, dict[str, Any], str]] = {
    "no such kind": ("anchor.aded", {}, "did you mean `anchor.added`?"),
    "not yet": (
        "tool.asked",
        {"tool": "shell", "facts": {}, "arguments": {}},
        "what has not happened yet",
    ),
    "missing": ("anchor.added", {"id": "1"}, "`type` is missing"),
    "outcome": ("tool.finished", {"tool": "x", "outcome": "fine"}, "`outcome` is `fine`"),
    "figure": ("usage.reported", {"context_ratio": 45}, "`context_ratio` is 45, expected 0 to 1"),
    "count": (
        "violation.pardoned",
        {"rule": "", "count": -3, "by": "me", "reason": ""},
        "`count` is -3, expected 0 or more",
    ),
}


@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize("name", ROWS)
def test_a_row_is_one_of_the_catalogue(engine: Engine, name: str, many: bool) -> None:
    """What a program writes by itself is folded and shown like any other row."""
    kind, data, words = ROWS[name]
    engine.start("s")
    before = heads(engine)

    def write() -> object:
        if many:
            return engine.record_all("s", [(kind, data)], actor="me")
        return engine.record("s", kind, data, actor="me")

    with pytest.raises(MisuseError) as caught:
        write()

    assert words in str(caught.value)
    assert heads(engine) == before


def test_all_that_is_wrong_is_told_at_once(engine: Engine) -> None:
    """Two wrong arguments are one error."""
    with pytest.raises(MisuseError) as caught:
        engine.start("s", role=5, history="lots")  # type: ignore[arg-type]

    assert "`role`" in str(caught.value)
    assert "`history`" in str(caught.value)


def test_where_no_pack_has_roles_any_may_be_named() -> None:
    """Then roles limit nothing."""
    with memory_engine() as engine:
        assert engine.start("s", role="anybody").tool("shell", {"command": "ls"}).action == "allow"


def test_an_engine_is_opened_by_async_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it stands or awaited first, and closed at the end of the block."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    project = tmp_path / "project"
    project.mkdir()
    create_project(project, default_toml())
    open_journal(load_config(project).journal.url, base=project, create=True).close()

    async def work() -> None:
        async with AsyncEngine.open(project) as one:
            await one.start("s")
        with pytest.raises(MisuseError, match="closed"):
            await one.start("s")
        async with await AsyncEngine.open(project) as other:
            assert (await other.state("s")).head

    asyncio.run(work())


@pytest.mark.parametrize("folder", ["sub", "", "/a\0"])
def test_a_folder_that_a_client_gets_wrong_raises_nothing(engine: Engine, folder: str) -> None:
    """An adapter hands on what its client says: a rule that needs the folder decides by it."""
    engine.start("s", role="king")
    call = ToolCall("read", "Read", {"path": "a.py"}, {"path": "a.py"}, folder, "1")

    reply = engine.handle(Command(event="tool_before", session="s", role="king", call=call))

    assert reply.denied, "a king reads nothing"
    assert reply.rules
