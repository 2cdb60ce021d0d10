"""What a store on a server offers beside a `Journal`: rights for roles, and what it is like."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from governance._attrs import frozen
from governance.errors import Diagnostic

if TYPE_CHECKING:
    from governance.journal.repair import RepairReport
    from governance.journal.sources import Source
    from governance.journal.staging import GivenUp


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


@runtime_checkable
class RepairsInPlace(Protocol):
    """A `Journal` that mends what is damaged in it where it lies, for nobody can replace it."""

    def repair(
        self,
        *,
        now_ms: int,
        beside: Path,
        sources: Sequence[Source] = (),
        give_up: GivenUp | None = None,
        dry_run: bool = False,
    ) -> RepairReport:
        """
        Mend what `verify` finds, by the rules of `governance.journal.repair`.

        Args:
            beside: What the file of rows that fit nowhere is named after.

            sources: Copies to look for lost rows in, the best first.

            dry_run: Only say what would come of it; nothing is changed.
        """
        ...
