"""
Functions of your own as governed tools: a decorator is all that they need.

`run` is a shell tool, `fetch` an asynchronous one, `lines` a generator. What a rule denies
never runs: `run` answers with the reason, as a model would read it, and the others raise.

Run it in a project that ``governance init`` has made::

    python examples/governed_tools.py path/to/project
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from governance import Engine, ToolRefused, governed_tool, governing
from governance.rules.host_tools import ToolMap


@governed_tool(tool="shell", denial="text")
def run(command: str) -> str:
    """Run a command."""
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


@governed_tool(tool=ToolMap("fetch", {"url": "address"}))
async def fetch(address: str) -> str:
    """Read a page; this one is always the same, so that no network is needed."""
    await asyncio.sleep(0)
    return f"the page at {address}"


@governed_tool(tool="read")
def lines(path: str) -> Iterator[str]:
    """The lines of a file."""
    yield from Path(path).read_text(encoding="utf-8").splitlines()


def main(directory: str) -> None:
    with (
        Engine.open(directory) as engine,
        engine.start("tools-1") as session,
        governing(session),
    ):
        session.turn("Show me the project, then publish it")
        print("run:", run("echo hello").strip())
        print("run:", run("git push --force origin main"))
        print("fetch:", asyncio.run(fetch("https://example.org/")))
        try:
            print(
                "lines:", sum(1 for _ in lines(str(Path(directory, "governance.toml").resolve())))
            )
        except ToolRefused as refused:
            print("lines:", refused.message)
        session.turn_ended()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else ".")
