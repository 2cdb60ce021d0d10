"""
The tutorial and the how-to pages are run as they stand, page by page, in an empty folder.

What is to happen with a block stands in a comment before it, which readers do not see:

``<!-- run -->``, ``<!-- run: 1 -->``
    Run it in a shell; it must exit with that code, 0 without one.

``<!-- prints -->``
    What the last run printed holds each of these lines; ``…`` stands for what is left out.

``<!-- file: NAME -->``
    The block is a file of that name.

``<!-- not run: WHY -->``
    It is not run, for that reason.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from attrs import define, field

from tests.pages import PAGES, README, ROOT, TUTORIAL, Block, blocks

# In the documents a person types these at a terminal; here the key of the project stands for it.
PERSON = """
governance() {
  local key=
  case "$1" in
    approve|erase|keys|pardon|pause|repair|restore|store|tools|trust|uninstall|branch|switch|merge|archive|unarchive|prune)
      key=$(ls -t "$HOME"/.config/session-governance/keys/*.key | head -n 1)
      command governance "$@" --key "$key" ;;
    *) command governance "$@" ;;
  esac
}
"""


BLOCK_SECONDS_MAX = 600
"""A block that hangs ends then; one that is slow on a busy machine is as good as a quick one."""

PAGE_SECONDS_MAX = 1_500


@define
class Reader:
    """Someone who follows a page, with a machine of their own."""

    home: Path
    folder: Path
    printed: str = ""
    everything: list[str] = field(factory=list)
    environment: dict[str, str] = field(init=False)

    def __attrs_post_init__(self) -> None:
        kept = {name: os.environ[name] for name in ("LANG", "TMPDIR") if name in os.environ}
        binaries = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.environment = {
            **kept,
            "PATH": binaries,
            "HOME": str(self.home),
            "COLUMNS": "100",
            "NO_COLOR": "1",
            "PYTHONPATH": str(ROOT),
        }

    def run(self, block: Block, page: Path) -> None:
        kept = self.home / "folder"
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", f"{PERSON}\n{block.text}\npwd > '{kept}'"],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=BLOCK_SECONDS_MAX,
        )
        self.printed = done.stdout
        self.everything.append(done.stdout)
        place = f"{page.name}:{block.line}"
        assert done.returncode == int(block.word or 0), f"{place}\n{block.text}\n{done.stdout}"
        if kept.exists():
            self.folder = Path(kept.read_text(encoding="utf-8").strip())

    def compare(self, block: Block, page: Path) -> None:
        printed = " ".join(self.printed.split())
        for line in block.text.splitlines():
            for part in line.split("…"):
                wanted = " ".join(part.split())
                assert wanted in printed, f"{page.name}:{block.line}: {wanted}\n{printed[-2000:]}"

    def follow(self, block: Block, page: Path) -> None:
        match block.what:
            case "run":
                self.run(block, page)
            case "prints":
                self.compare(block, page)
            case "file":
                file = self.folder / block.word
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(block.text, encoding="utf-8")


@pytest.mark.timeout(PAGE_SECONDS_MAX)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_can_be_followed(page: Path, tmp_path: Path) -> None:
    """Every command does what the page says, in the order in which it stands there."""
    folder = tmp_path / "work"
    folder.mkdir()
    home = tmp_path / "home"
    home.mkdir()
    reader = Reader(home, folder)

    for block in blocks(page):
        reader.follow(block, page)

    if page == TUTORIAL:
        # The README shows what its first command prints, which the tutorial has just run.
        reader.printed = reader.everything[0]
        for block in blocks(README):
            assert block.kind != "text" or block.what == "prints"
            reader.follow(block, README)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_no_block_of_a_page_is_left_out(page: Path) -> None:
    """Each block of commands is run or says why not; each block of rules becomes a file."""
    for block in blocks(page):
        if block.kind == "sh":
            assert block.what in ("run", "not run"), f"{page.name}:{block.line}"
        if block.kind in ("toml", "json"):
            assert block.what == "file", f"{page.name}:{block.line}"
        if block.what == "not run":
            assert len(block.word.split()) >= 3, f"{page.name}:{block.line}"


def test_a_wrong_promise_is_found(tmp_path: Path) -> None:
    """The runner fails on another exit code and on a line that was not printed."""
    page = tmp_path / "page.md"
    reader = Reader(tmp_path, tmp_path)
    echo, false = Block("run", "", "sh", "echo one\n", 1), Block("run", "", "sh", "false\n", 1)

    reader.follow(echo, page)
    reader.follow(Block("prints", "", "text", "o…e\n", 1), page)
    with pytest.raises(AssertionError, match="two"):
        reader.follow(Block("prints", "", "text", "two\n", 1), page)
    with pytest.raises(AssertionError, match="false"):
        reader.follow(false, page)
