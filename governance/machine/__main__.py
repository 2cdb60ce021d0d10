"""``python -m governance.machine``: prove the shipped machine, and keep it packed."""

from __future__ import annotations

import sys
from pathlib import Path

from governance._shipped import machine_text
from governance.machine import PACKED, load_machine
from governance.machine.packed import pack_machine
from governance.values import dump_json


def main() -> int:
    """Write the packed form beside this module; refuses a machine that is wrong."""
    machine = load_machine(machine_text(), file="states/session.toml")
    Path(__file__).with_name(PACKED).write_bytes(dump_json(pack_machine(machine)) + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
