"""What each actor may do, by the tables of ``[access]``: nothing that is not granted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from governance._attrs import frozen

Authorize: TypeAlias = Callable[[str, str, str], Sequence[str]]
"""
``(actor, action, session) -> reasons``: why not, or nothing at all.

The session is ``""`` where the action is about all of them. One that raises refuses.
"""

EVERYBODY = "*"
OWN = "own"


@frozen(eq=False)
class Grants:
    """
    An `Authorize` by roles.

    Attributes:
        actors: Roles of each actor; ``"*"`` are those of whoever is not named.

        roles: Actions of each role, such as ``"read"``, ``"read:own"`` or ``"*"``.

        owner_of: Who began a session; ``None`` for one that nobody has begun.
    """

    actors: Mapping[str, Sequence[str]]
    roles: Mapping[str, Sequence[str]]
    owner_of: Callable[[str], str | None]

    def __call__(self, actor: str, action: str, session: str) -> tuple[str, ...]:
        """Why *actor* may not do *action* in *session*; empty: it may."""
        granted = self._granted(actor)
        if action in granted or EVERYBODY in granted:
            return ()
        own = f"{action}:{OWN}" in granted or f"{EVERYBODY}:{OWN}" in granted
        if own and action == "list":
            return ()  # which sessions it is shown is asked of each
        if own and session:
            owner = self.owner_of(session)
            if owner is None or owner == actor:
                return ()
            return (f"`{actor}` may {action} only in sessions of its own",)
        where = f" in session `{session}`" if session else ""
        return (f"`{actor}` has no grant to {action}{where}",)

    def _granted(self, actor: str) -> set[str]:
        named = self.actors.get(actor)
        roles = self.actors.get(EVERYBODY, ()) if named is None else named
        return {grant for role in roles for grant in self.roles.get(role, ())}
