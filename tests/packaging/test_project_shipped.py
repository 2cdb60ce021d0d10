"""The machine and the packs are found in a checkout, a wheel and a zip, and never elsewhere."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from governance import _shipped

ROOT = Path(__file__).parents[2]
ASK = (
    "import json, sys; from governance import _shipped as s; "
    "print(json.dumps([s.machine_text(), s.pack_texts()]))"
)


def copy_package(to: Path) -> None:
    shutil.copytree(
        ROOT / "governance", to / "governance", ignore=shutil.ignore_patterns("__pycache__")
    )


def ask(where: Path, statement: str = ASK) -> subprocess.CompletedProcess[str]:
    """Run *statement* with *where* (a folder or a zip file) as the place of the package."""
    code = f"import sys; sys.path.insert(0, {str(where)!r}); {statement}"
    return subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, cwd=where.parent
    )


@pytest.fixture(scope="module")
def here() -> str:
    result = ask(ROOT)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_the_checkout_gives_what_lies_in_it() -> None:
    """Each TOML file of `rules/` is a pack, and the machine is `states/session.toml`."""
    files = {file.stem: file.read_text("utf-8") for file in (ROOT / "rules").glob("*.toml")}

    assert _shipped.pack_texts() == dict(sorted(files.items()))
    assert _shipped.machine_text() == (ROOT / "states" / "session.toml").read_text("utf-8")


def test_a_wheel_like_folder_gives_the_same(tmp_path: Path, here: str) -> None:
    """Packaged files are found, whatever lies beside them."""
    copy_package(tmp_path)
    for folder in ("states", "rules"):
        shutil.copytree(ROOT / folder, tmp_path / "governance" / "_shipped" / folder)
        (tmp_path / folder).mkdir()
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())

    assert ask(tmp_path).stdout == here


def test_a_zip_gives_the_same(tmp_path: Path, here: str) -> None:
    """The package runs from a zip file."""
    copy_package(tmp_path)
    for folder in ("states", "rules"):
        shutil.copytree(ROOT / folder, tmp_path / "governance" / "_shipped" / folder)
    archive = tmp_path / "governance.zip"
    with zipfile.ZipFile(archive, "w") as made:
        for file in (tmp_path / "governance").rglob("*"):
            made.write(file, file.relative_to(tmp_path))

    result = ask(archive)

    assert result.stdout == here, result.stderr


@pytest.mark.parametrize("pyproject", [None, "[project]\nname = 'a-stranger'\n"])
def test_a_strangers_folders_are_never_read(tmp_path: Path, pyproject: str | None) -> None:
    """A broken installation says so and does not take `site-packages/rules` for its own."""
    copy_package(tmp_path)
    for folder in ("states", "rules"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    if pyproject is not None:
        (tmp_path / "pyproject.toml").write_text(pyproject)

    result = ask(tmp_path)

    assert result.returncode == 1
    assert "GOV190" in result.stderr


@pytest.mark.parametrize("lost", ["states", "rules"])
def test_a_missing_half_is_told(tmp_path: Path, lost: str) -> None:
    """Neither the machine nor the packs may silently be none."""
    copy_package(tmp_path)
    for folder in ("states", "rules"):
        shutil.copytree(ROOT / folder, tmp_path / "governance" / "_shipped" / folder)
    shutil.rmtree(tmp_path / "governance" / "_shipped" / lost)

    result = ask(tmp_path)

    assert result.returncode == 1
    assert "GOV190" in result.stderr


def test_an_unknown_machine_is_told() -> None:
    """A machine that was never shipped is named."""
    with pytest.raises(_shipped.ShippedMissing, match="`sesion`"):
        _shipped.machine_text("sesion")
