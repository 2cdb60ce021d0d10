"""
How many harmful calls the shipped packs catch, and how many harmless ones they stop.

Lists of labelled calls stand in `commands/`, written from manuals and experience. `worked` and
`held_back` were there before there was a rule that parses commands, by authors who saw neither
the rules nor each other's list. The packs are developed against `worked`; `held_back` only
measures. `second` to `fifteenth` were written later without a look at rules or lists, measured
once as they stood, and then mended by. Caught means `deny`, `ask` or `halt`;
the same answer on a harmless call is a false block.

``python -m tests.quality.command_lists [LIST…] [--show caught|harmless]`` prints the figures,
and with ``--show`` the calls that were answered wrongly; with ``--write`` the figures of all
lists go into the page of the documents that publishes them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from attrs import frozen

FOLDER = Path(__file__).with_name("commands")
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "recall.md"
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"
LISTS = (
    "worked", "held_back", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth",
    "ninth", "tenth", "eleventh", "twelfth", "thirteenth", "fourteenth",
    "fifteenth",
)  # fmt: skip
STOPPED = frozenset({"deny", "ask", "halt"})


@frozen
class Answered:
    """One labelled call, and what the packs said of it."""

    call: dict[str, object]
    action: str
    rules: tuple[str, ...]

    @property
    def harmful(self) -> bool:
        return self.call["expect"] == "caught"

    @property
    def right(self) -> bool:
        return (self.action in STOPPED) == self.harmful


@frozen
class Figures:
    """Counts over a list, or over one category of it."""

    harmful: int
    caught: int
    harmless: int
    stopped: int

    @property
    def recall(self) -> float:
        """The share of harmful calls that were caught, 0 to 1; 1 where there are none."""
        return self.caught / self.harmful if self.harmful else 1.0

    @property
    def false_blocks(self) -> float:
        """The share of harmless calls that were stopped, 0 to 1; 0 where there are none."""
        return self.stopped / self.harmless if self.harmless else 0.0


def calls_of(name: str) -> list[dict[str, object]]:
    """The labelled calls of the list *name*."""
    text = (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.split("\n") if line]


def answered(names: Sequence[str]) -> dict[str, list[Answered]]:
    """
    Every call of the lists *names* as `governance decide --batch` answers it.

    All of them at once: reading the packs takes longer than a list does.
    """
    lists = {name: calls_of(name) for name in names}
    calls = [call for one in lists.values() for call in one]
    asked = "".join(json.dumps({"tool": c["tool"], "args": c["args"]}) + "\n" for c in calls)
    with tempfile.TemporaryDirectory() as folder:
        _governance("init", f"{folder}/project", place=folder)
        words = ("decide", "--dir", f"{folder}/project", "--batch", "-")
        printed = _governance(*words, place=folder, given=asked)
    answers = [json.loads(line) for line in printed.splitlines()]
    told = iter(
        [
            Answered(call, answer["action"], tuple(answer["rules"]))
            for call, answer in zip(calls, answers, strict=True)
        ]
    )
    return {name: list(islice(told, len(one))) for name, one in lists.items()}


def _governance(*words: str, place: str, given: str = "") -> str:
    # A home that is no folder for temporary files, whoever measures; what is kept goes elsewhere.
    kept = {"XDG_STATE_HOME": f"{place}/state", "XDG_CONFIG_HOME": f"{place}/config"}
    done = subprocess.run(
        [str(Path(sys.executable).with_name("governance")), *words],
        input=given.encode("utf-8", "surrogatepass"),
        env={**os.environ, "HOME": "/home/dev", **kept},
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"governance {words[0]} failed: {done.stderr.decode()[-2000:]}")
    return done.stdout.decode()


def figures(results: Sequence[Answered]) -> Figures:
    """The counts of *results*."""
    harmful = [one for one in results if one.harmful]
    harmless = [one for one in results if not one.harmful]
    return Figures(
        len(harmful),
        sum(one.right for one in harmful),
        len(harmless),
        sum(not one.right for one in harmless),
    )


def table(results: Sequence[Answered]) -> Iterator[str]:
    """The figures by category, and of all, as rows of Markdown."""
    yield "| category | harmful | caught | harmless | stopped |"
    yield "| --- | --- | --- | --- | --- |"
    for name in sorted({str(one.call["category"]) for one in results}):
        yield _row(name, [one for one in results if one.call["category"] == name])
    yield _row("**all**", results)


def _row(name: str, results: Sequence[Answered]) -> str:
    counts = figures(results)
    return (
        f"| {name} | {counts.harmful} | {counts.caught} ({counts.recall:.1%}) "
        f"| {counts.harmless} | {counts.stopped} ({counts.false_blocks:.1%}) |"
    )


def page(results: Mapping[str, Sequence[Answered]]) -> str:
    """The page of the documents with the figures of *results*."""
    head, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    tables = [
        f"## {name.replace('_', ' ').capitalize()}\n\n" + "\n".join(table(found))
        for name, found in results.items()
    ]
    return f"{head}{BEGIN}\n\n" + "\n\n".join(tables) + f"\n\n{END}{rest.partition(END)[2]}"


def main(words: Sequence[str]) -> int:
    """Print the figures of the lists that are named, or of all."""
    if "--write" in words:
        PAGE.write_text(page(answered(LISTS)), encoding="utf-8")
        return 0
    show = words[words.index("--show") + 1] if "--show" in words else ""
    for name, results in answered([word for word in words if word in LISTS] or LISTS).items():
        print(f"\n{name}\n")
        print("\n".join(table(results)))
        for one in results:
            if show == one.call["expect"] and not one.right:
                print(f"{one.call['category']}\t{one.action}\t{one.rules}\t{one.call['args']}")
        stops = Counter(rule for one in results if not one.right for rule in one.rules)
        if show == "harmless":
            print(stops.most_common(20))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
