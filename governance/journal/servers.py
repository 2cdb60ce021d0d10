"""What a store on a server offers beside a `Journal`: rights for roles, and what it is like."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from attrs import frozen

from governance.errors import Diagnostic


@frozen
class ServerReport:
    """
    What a server is like.

    Attributes:
        saw: In a few words.

        findings: What keeps less than the journal promises, each with how to mend it.
    """

    saw: str
    findings: tuple[Diagnostic, ...]


@runtime_checkable
class OnServer(Protocol):
    """A `Journal` on a server that has roles."""

    def server_report(self) -> ServerReport:
        """What the server is like, and what the connected role may do on it."""
        ...

    def grant(self, role: str) -> None:
        """Let the existing *role* append to this store, read it, and do nothing else."""
        ...

    def revoke(self, role: str) -> None:
        """Take every right in the store's schema from *role*."""
        ...
