"""What a hook of Mellea may be answered with, before it has Mellea's own shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from attrs import field

from governance._attrs import frozen
from governance.hooking.answering import deny_text
from governance.session.replies import Reply


@frozen
class Pass:
    """Go on as it is."""


@frozen
class Block:
    """
    Mellea raises its ``PluginViolationError`` with *reason*, and does nothing.

    Attributes:
        code: Id of the rule that decided, or one of this adapter's error codes.
    """

    reason: str
    code: str


@frozen
class Modify:
    """Go on with other values in these fields of the payload."""

    fields: Mapping[str, object] = field(factory=dict)


Verdict: TypeAlias = Pass | Block | Modify

PASS = Pass()

REFUSED = "governance.refused"
"""Code of a refusal that no rule has made: by the machine, a guard or a listener."""


def code_of(reply: Reply) -> str:
    """The strictest rule that refused, or `REFUSED`."""
    return reply.rules[0] if reply.rules else REFUSED


def blocked(reply: Reply) -> Block:
    """*reply*, which denies, as an exception of the program."""
    return Block(deny_text(reply), code_of(reply))
