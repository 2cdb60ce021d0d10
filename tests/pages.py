"""The pages that are run as they stand, and their blocks."""

from __future__ import annotations

import re
from pathlib import Path

from attrs import frozen

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
TUTORIAL = ROOT / "docs" / "tutorial.md"
TUTORIAL_POLICY = ROOT / "docs" / "tutorial-policy.md"
PAGES = [TUTORIAL, TUTORIAL_POLICY, *sorted((ROOT / "docs" / "howto").glob("*.md"))]
BLOCK = re.compile(
    r"(?:^<!-- (?P<what>run|prints|file|not run)(?:: (?P<word>[^\n]*?))? -->\n)?"
    r"(?:^<!-- skip: next -->\n)?"
    r"^```(?P<kind>\w*)\n(?P<text>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)


@frozen
class Block:
    """One fenced block of a page with what is to happen with it."""

    what: str
    word: str
    kind: str
    text: str
    line: int


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            found["what"] or "",
            found["word"] or "",
            found["kind"],
            found["text"],
            text.count("\n", 0, found.start("text")) + 1,
        )
        for found in BLOCK.finditer(text)
    ]
