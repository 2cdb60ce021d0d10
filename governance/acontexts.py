"""Contexts of an engine for asynchronous programs: the verbs of `Contexts`, awaited."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol, TypeVar, final

from governance._attrs import define
from governance.engine.contexts import Changed, ContextMerge, Contexts, ContextsFound
from governance.engine.given import checked
from governance.scopes.declaring import Declaration
from governance.scopes.state import Grant, Name
from governance.scopes.values import PROJECT, Reader, Refusal, Scope, Stale, Value
from governance.values import Json

T = TypeVar("T")


class Aside(Protocol):
    """Runs a verb in a worker thread; other tasks go on."""

    def __call__(self, verb: Callable[[], T]) -> Awaitable[T]: ...


@final
@define(eq=False, repr=False)
class AsyncContexts:
    """
    `Contexts` whose verbs are awaited; each refuses, raises and costs as there.

    Attributes:
        contexts: What does the work.
    """

    contexts: Contexts
    _aside: Aside

    @checked
    def declare(self, declaration: Declaration) -> None:
        """As `Contexts.declare`; nothing of it has to wait."""
        self.contexts.declare(declaration)

    @checked
    async def get(self, scope: Scope, kind: str, key: str, *, by: Reader) -> Value | Refusal | None:
        """As `Contexts.get`."""
        return await self._aside(partial(self.contexts.get, scope, kind, key, by=by))

    @checked
    async def find(
        self,
        scope: Scope,
        *,
        by: Reader,
        kind: str | None = None,
        prefix: str = "",
        hidden: bool = False,
        after: str = "",
        limit: int = 1_000,
    ) -> tuple[Value, ...]:
        """As `Contexts.find`."""
        given: dict[str, Any] = {"hidden": hidden, "after": after, "limit": limit}
        verb = partial(self.contexts.find, scope, by=by, kind=kind, prefix=prefix, **given)
        return await self._aside(verb)

    @checked
    async def search(
        self,
        text: str,
        *,
        by: Reader,
        scopes: Sequence[Scope] | None = (PROJECT,),
        kind: str | None = None,
        hidden: bool = False,
        ranked: bool = False,
        limit: int = 20,
        after: str = "",
    ) -> ContextsFound:
        """As `Contexts.search`."""
        given: dict[str, Any] = {"hidden": hidden, "ranked": ranked, "limit": limit, "after": after}
        verb = partial(self.contexts.search, text, by=by, scopes=scopes, kind=kind, **given)
        return await self._aside(verb)

    @checked
    async def changes(self, scope: Scope, *, by: Reader, after: int = 0) -> Changed:
        """As `Contexts.changes`."""
        return await self._aside(partial(self.contexts.changes, scope, by=by, after=after))

    @checked
    async def grants(self, scope: Scope, *, by: Reader) -> tuple[Grant, ...] | Refusal:
        """As `Contexts.grants`."""
        return await self._aside(partial(self.contexts.grants, scope, by=by))

    @checked
    async def set(
        self,
        scope: Scope,
        kind: str,
        key: str,
        value: Json,
        *,
        by: Reader,
        expected_version: int | None = None,
    ) -> Value | Refusal | Stale:
        """As `Contexts.set`."""
        verb = partial(self.contexts.set, scope, kind, key, value, by=by)
        return await self._aside(partial(verb, expected_version=expected_version))

    @checked
    async def unset(
        self,
        scope: Scope,
        kind: str,
        key: str,
        *,
        by: Reader,
        expected_version: int | None = None,
    ) -> bool | Refusal | Stale:
        """As `Contexts.unset`."""
        verb = partial(self.contexts.unset, scope, kind, key, by=by)
        return await self._aside(partial(verb, expected_version=expected_version))

    @checked
    async def prune(
        self, scope: Scope, *, by: Reader, bytes_max: int
    ) -> tuple[Name, ...] | Refusal:
        """As `Contexts.prune`."""
        return await self._aside(partial(self.contexts.prune, scope, by=by, bytes_max=bytes_max))

    @checked
    async def reset(self, scope: Scope, *, by: Reader, to_seq: int) -> int | Refusal:
        """As `Contexts.reset`."""
        return await self._aside(partial(self.contexts.reset, scope, by=by, to_seq=to_seq))

    @checked
    async def merge(self, target: Scope, source: Scope, *, by: Reader) -> ContextMerge | Refusal:
        """As `Contexts.merge`."""
        return await self._aside(partial(self.contexts.merge, target, source, by=by))

    @checked
    async def grant(self, scope: Scope, grant: Grant, *, by: Reader) -> int | Refusal:
        """As `Contexts.grant`."""
        return await self._aside(partial(self.contexts.grant, scope, grant, by=by))

    @checked
    async def revoke(self, scope: Scope, grant: Grant, *, by: Reader) -> int | Refusal:
        """As `Contexts.revoke`."""
        return await self._aside(partial(self.contexts.revoke, scope, grant, by=by))

    @checked
    async def validate(
        self, scope: Scope, *, by: Reader
    ) -> Mapping[Name, tuple[str, ...]] | Refusal:
        """As `Contexts.validate`."""
        return await self._aside(partial(self.contexts.validate, scope, by=by))

    @checked
    async def repair(self, scope: Scope, *, by: Reader) -> Mapping[Name, int] | Refusal:
        """As `Contexts.repair`."""
        return await self._aside(partial(self.contexts.repair, scope, by=by))

    @checked
    async def migrate(self, scope: Scope, *, by: Reader) -> tuple[Name, ...] | Refusal:
        """As `Contexts.migrate`."""
        return await self._aside(partial(self.contexts.migrate, scope, by=by))
