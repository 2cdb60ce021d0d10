"""The contexts of an asynchronous program are those of the engine."""

from __future__ import annotations

import asyncio
import inspect

import pytest

from governance.acontexts import AsyncContexts
from governance.aengine import AsyncEngine
from governance.engine.contexts import Contexts
from governance.errors import MisuseError
from governance.scopes import PROJECT, Declaration, Grant, Reader, Refusal, Scope, Stale, Value
from governance.testing.engines import memory_engine

ME = Reader("ada", "s")
BOB = Reader("bob", "t")
OWN = Scope("session", "s")
VERBS = sorted(name for name, one in vars(Contexts).items() if inspect.isfunction(one))


@pytest.mark.parametrize("name", [one for one in VERBS if not one.startswith("_")])
def test_every_verb_is_there_with_the_same_arguments(name: str) -> None:
    """None is missing, and none takes other arguments or other defaults."""
    ours, theirs = getattr(AsyncContexts, name), getattr(Contexts, name)

    assert inspect.iscoroutinefunction(ours) or name == "declare"
    assert inspect.signature(ours) == inspect.signature(theirs)


def test_contexts_are_worked_with_as_in_the_engine() -> None:
    """Made, changed, shared, merged, hidden, taken back, checked and followed, each awaited."""

    async def work() -> None:
        async with AsyncEngine(memory_engine()) as engine:
            await engine.start("s")
            contexts = engine.contexts
            assert contexts is engine.contexts
            contexts.declare(Declaration("code", "style.*", {"width": "int"}))
            made = await contexts.set(OWN, "code", "style.indent", {"width": 4}, by=ME)
            assert isinstance(made, Value)
            again = contexts.set(
                OWN, "code", "style.indent", {"width": 2}, by=ME, expected_version=0
            )
            assert await again == Stale(1)
            wrong = await contexts.set(OWN, "code", "style.indent", "two", by=ME)
            assert isinstance(wrong, Refusal)

            grant = Grant("user:bob", "code", "style.*", "read")
            assert isinstance(await contexts.get(OWN, "code", "style.indent", by=BOB), Refusal)
            assert await contexts.grant(OWN, grant, by=ME)
            assert await contexts.grants(OWN, by=ME) == (grant,)
            assert await contexts.get(OWN, "code", "style.indent", by=BOB) == made
            assert await contexts.revoke(OWN, grant, by=ME)

            await contexts.set(PROJECT, "project", "phase", "build", by=ME)
            merged = await contexts.merge(OWN, PROJECT, by=ME)
            assert not isinstance(merged, Refusal)
            assert merged.taken == (("project", "phase"),)
            found = await contexts.search("phase", by=ME, scopes=(OWN, PROJECT))
            assert [one.scope for one in found.hits] == [OWN, PROJECT]
            assert await contexts.prune(OWN, by=ME, bytes_max=0)
            assert await contexts.find(OWN, by=ME, prefix="style") == ()
            assert len(await contexts.find(OWN, by=ME, hidden=True)) == 2
            assert await contexts.reset(OWN, by=ME, to_seq=made.seq)
            assert (await contexts.find(OWN, by=ME, kind="code"))[0].value == {"width": 4}

            assert await contexts.validate(OWN, by=ME) == {}
            assert await contexts.repair(OWN, by=ME) == {}
            assert await contexts.migrate(OWN, by=ME) == ()
            assert (await contexts.changes(OWN, by=ME, after=made.seq)).gone
            assert await contexts.unset(OWN, "code", "style.indent", by=ME) is True

    asyncio.run(work())


def test_contexts_of_a_closed_engine_are_refused() -> None:
    """As every other verb is."""

    async def work() -> None:
        engine = AsyncEngine(memory_engine())
        await engine.close()
        with pytest.raises(MisuseError, match="closed"):
            _ = engine.contexts

    asyncio.run(work())
