"""``python -m governance.diagrams FOLDER``: draw the shipped machine in every format."""

from __future__ import annotations

import sys
from pathlib import Path

from governance.diagrams import FORMATS, SUFFIXES, render
from governance.machine import load_machine


def main(arguments: list[str]) -> int:
    """Write one file a format into the folder named, and give the exit code."""
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        print("usage: python -m governance.diagrams FOLDER", file=sys.stderr)  # noqa: T201
        return 2
    definition = load_machine().definition
    for one in FORMATS:
        file = Path(arguments[0], definition.name).with_suffix(SUFFIXES[one])
        file.write_bytes(render(definition, one))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
