"""The distribution: sdist, the wheel made from it, and an installation far from the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist of the checkout and the wheel that was built from that sdist."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)],
        check=True,
        capture_output=True,
    )
    return folder


@pytest.fixture(scope="session")
def wheel(built: Path) -> Path:
    (found,) = built.glob("*.whl")
    return found


def names_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_owns_one_name(wheel: Path) -> None:
    """Nothing but `governance` and its own metadata is put into site-packages."""
    tops = {name.split("/")[0] for name in names_in(wheel)}

    assert {top for top in tops if not top.endswith(".dist-info")} == {"governance"}


def test_the_wheel_holds_every_machine_and_pack(wheel: Path) -> None:
    """Each file of `states/` and `rules/` and the recorded session are in it, byte for byte."""
    with zipfile.ZipFile(wheel) as archive:
        packed = {
            name: archive.read(name)
            for name in archive.namelist()
            if name.startswith("governance/_shipped/")
        }
    lying = {
        f"governance/_shipped/{file.relative_to(ROOT).as_posix()}": file.read_bytes()
        for pattern in ("states/**/*", "rules/**/*", "examples/*.jsonl")
        for file in ROOT.glob(pattern)
        if file.is_file()
    }

    assert packed == lying


def test_the_wheel_holds_every_module_and_the_mark_of_types(wheel: Path) -> None:
    """No file of the package is left out: modules, plugins for hosts, the mark of types."""
    files = {
        file.relative_to(ROOT).as_posix()
        for file in (ROOT / "governance").rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }

    assert files <= names_in(wheel)
    assert {"governance/py.typed", "governance/hosts/opencode/plugin.js"} <= files


def test_the_sdist_can_be_tested(built: Path) -> None:
    """The source distribution brings tests, docs, examples, licence and change log."""
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}

    for expected in (
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "CONTRIBUTING.md",
        "noxfile.py",
        "conftest.py",
        "tests/conftest.py",
        "states/session.toml",
        "docs/index.md",
    ):
        assert expected in names


@pytest.mark.wheel
def test_the_installed_wheel_works_without_the_checkout(wheel: Path, tmp_path: Path) -> None:
    """In a clean environment, from another folder, the command and its main job work."""
    home = tmp_path / "env"
    venv.create(home, with_pip=True)
    python = home / "bin" / "python"
    subprocess.run([str(python), "-m", "pip", "install", "-q", str(wheel)], check=True)
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("PYTHON")
    }
    environment |= {"HOME": str(tmp_path), "XDG_STATE_HOME": "", "XDG_CONFIG_HOME": ""}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(home / "bin" / "governance"), *words],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )

    where = subprocess.run(
        [str(python), "-c", "import governance; print(governance.__file__)"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert str(home) in where
    assert run("--version").returncode == 0
    tried = ("--dir", "governance-demo")
    for words in (("demo", *tried), ("verify", *tried), ("doctor", *tried), ("diagram",)):
        result = run(*words)
        assert result.returncode == 0, result.stdout + result.stderr
