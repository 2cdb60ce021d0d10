"""Scopes, kinds and values of contexts: who they belong to, and what they may be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

from governance._attrs import frozen
from governance.errors import MisuseError
from governance.values import Json

Kind = Literal["conversation", "code", "project", "user"]
KINDS: tuple[str, ...] = get_args(Kind)
"""Kinds of context: what was talked about, of code, of the project, of its user."""

ScopeName = Literal["session", "project", "user"]

KEY_CHARS_MAX = 200
_NAME_CHARS_MAX: Mapping[str, int] = {"project": 0, "session": 200, "user": 150}

CODES: Mapping[str, str] = {
    "GOV560": "a scope, kind, key or value that no context can have",
    "GOV561": "a context that the reader may not see or change",
    "GOV562": "a context that is full, or a value that is too big for it",
    "GOV563": "a value that is not what was declared for its key",
    "GOV564": "a value of a context whose content is gone or is not what was kept",
}


@frozen
class Scope:
    """
    Whose a context is.

    Attributes:
        kind: ``"session"``, ``"project"`` or ``"user"``.

        name: Id of the session, or name of the user; ``""`` for the project.
    """

    kind: ScopeName
    name: str = ""

    def __attrs_post_init__(self) -> None:
        if self.kind not in _NAME_CHARS_MAX:
            raise MisuseError(f"`{self.kind}` is no kind of scope", code="GOV560")
        # A name with `@` first would lead into a journal of the project's own.
        most = _NAME_CHARS_MAX[self.kind]
        fits = min(most, 1) <= len(self.name) <= most
        if not fits or "\x00" in self.name or self.name.startswith("@"):
            raise MisuseError(
                f"the name of a {self.kind} in a scope has at most {most} characters, no NUL, and "
                "no `@` first",
                code="GOV560",
            )

    @classmethod
    def of(cls, text: str) -> Scope:
        """
        The scope that a person writes: ``project``, ``session:ID`` or ``user:NAME``.

        >>> Scope.of("user:ada")
        Scope(kind='user', name='ada')

        Raises:
            MisuseError: GOV560.
        """
        kind, colon, name = text.partition(":")
        if kind == "project" and not colon:
            return PROJECT
        if kind == "session" and name:
            return cls("session", name)
        if kind == "user" and name:
            return cls("user", name)
        raise MisuseError(
            f"`{text}` is no scope; expected `project`, `session:ID` or `user:NAME`", code="GOV560"
        )

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}" if self.name else self.kind

    @property
    def journal(self) -> str:
        """The journal that its rows stand in; a session's own one, so that branches have it."""
        if self.kind == "session":
            return self.name
        return "@context" if self.kind == "project" else f"@context:{self.name}"


PROJECT = Scope("project")
"""The scope that all sessions of a project share."""


@frozen
class Reader:
    """
    Who looks or writes.

    Attributes:
        actor: Name of the user, or ``""`` where nobody is known to be behind it.

        session: Id of the session in which it is done, or ``""``.
    """

    actor: str = ""
    session: str = ""


@frozen
class Value:
    """
    One value of a context.

    Attributes:
        version: 1 when it was made, one more with each change; goes on when it was taken out.

        format: Version of the declaration that it was written by.

        seq: Row of its scope's journal that it stands in.

        at_ms: When, in milliseconds since 1970 UTC.

        actor: Who wrote it, or ``""``.

        hidden: It was pruned: kept, and not shown unless it is asked for.
    """

    kind: str
    key: str
    value: Json
    version: int
    format: int = 1
    seq: int = 0
    at_ms: int = 0
    actor: str = ""
    hidden: bool = False


@frozen
class Refusal:
    """Nothing was shown or written, for these reasons; it says nothing of what is there."""

    code: str
    reasons: tuple[str, ...]


@frozen
class Stale:
    """Nothing was written: the value has another version than was expected, 0 for none."""

    actual_version: int


def check_key(kind: str, key: str) -> None:
    """
    Return quietly if a context can have *key* of *kind*.

    Raises:
        MisuseError: GOV560.
    """
    if kind not in KINDS:
        known = ", ".join(KINDS)
        raise MisuseError(f"`{kind}` is no kind of context; expected one of {known}", code="GOV560")
    if not 1 <= len(key) <= KEY_CHARS_MAX or "\x00" in key:
        raise MisuseError(f"a key has 1 to {KEY_CHARS_MAX} characters and no NUL", code="GOV560")
