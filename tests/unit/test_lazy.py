"""Names that are imported when they are first used, and what that leaves of a process."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from governance._lazy import lazily


@pytest.fixture(autouse=True)
def _collector() -> Iterator[None]:
    yield
    gc.enable()


@pytest.fixture(name="package")
def _package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package whose modules say whether garbage is looked for while they are imported."""
    folder = tmp_path / "looked_at"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "good.py").write_text("import gc\nLOOKED = gc.isenabled()\n")
    (folder / "bad.py").write_text("raise ValueError('it is broken')\n")
    monkeypatch.syspath_prepend(tmp_path)
    return folder.name


@pytest.mark.parametrize("looked", [True, False])
def test_garbage_is_looked_for_afterwards_as_before(package: str, looked: bool) -> None:
    """Not while a module is imported, and then again, if ever; also where that failed."""
    found = lazily(package, {"LOOKED": ".good", "OTHER": ".bad"})
    (gc.enable if looked else gc.disable)()

    assert found("LOOKED") is False
    assert gc.isenabled() is looked
    with pytest.raises(ValueError, match="it is broken"):
        found("OTHER")
    assert gc.isenabled() is looked


def test_what_is_not_there_is_named(package: str) -> None:
    """As a module says it of itself."""
    with pytest.raises(AttributeError, match="module `looked_at` has no attribute `nothing`"):
        lazily(package, {})("nothing")
