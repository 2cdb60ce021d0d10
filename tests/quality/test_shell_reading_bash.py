"""What bash takes and what it refuses, the engine takes and refuses; what bash runs, it finds."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from governance.shell.reading import read_simples

BASH = shutil.which("bash")
FOLDER = Path(__file__).parent

pytestmark = pytest.mark.skipif(BASH is None, reason="platform: there is no bash here")


def lines(name: str) -> list[str]:
    r"""The scripts of a file, one a line: ``\n``, ``\t`` and ``\\`` stand for what they mean."""
    signs = {"\\n": "\n", "\\t": "\t", "\\\\": "\\"}
    written = (FOLDER / name).read_text("utf-8").splitlines()
    return [re.sub(r"\\[nt\\]", lambda one: signs[one.group()], line) for line in written]


def bash(text: str, *options: str) -> subprocess.CompletedProcess[bytes]:
    """What bash does with a script."""
    assert BASH is not None
    return subprocess.run(
        [BASH, *options], input=text.encode(), capture_output=True, timeout=20, check=False
    )


@pytest.mark.parametrize("text", lines("shell_valid.txt"))
def test_what_bash_takes_has_a_reading(text: str) -> None:
    """No valid script is opaque by its syntax."""
    reading = read_simples(text)

    assert [one for one in reading.opaque if one.kind in ("syntax", "bound")] == []
    assert bash(text, "-O", "extglob", "-n").returncode == 0


@pytest.mark.parametrize("text", lines("shell_invalid.txt"))
def test_what_bash_refuses_is_opaque(text: str) -> None:
    """A script is opaque by its syntax if bash refuses it, and only then."""
    refused = bash(text, "-O", "extglob", "-n").returncode != 0

    assert any(one.kind == "syntax" for one in read_simples(text).opaque) == refused


@pytest.mark.parametrize("text", lines("shell_disputed.txt"))
def test_what_only_some_releases_of_bash_refuse_is_read_on(text: str) -> None:
    """A broken `[[` ends with status 0 in bash 5.2.15 and 2 in 5.2.37: what follows is judged."""
    reading = read_simples(f"{text}\ntrue after")

    assert [one for one in reading.opaque if one.kind == "syntax"] == []
    assert bash(text, "-O", "extglob", "-n").returncode in (0, 2)
    assert reading.simples[-1].argv == ("true", "after")
