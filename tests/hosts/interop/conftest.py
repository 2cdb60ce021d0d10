"""The fixtures of the proofs; this folder is run by a Python that has the frameworks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from governance.journal import Journal, open_journal

NAME = "journal.db"


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """A store of this proof's own, `journal.db` in its folder."""
    made = open_journal(f"sqlite:///{NAME}?mirror=off", base=tmp_path, create=True)
    yield made
    made.close()
