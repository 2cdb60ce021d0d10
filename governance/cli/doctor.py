"""`doctor`: whether a project is really governed, and what to do where it is not."""

from __future__ import annotations

import os
from pathlib import Path

from governance.cli.examining import Check, Surroundings, examine
from governance.cli.founding import examined
from governance.cli.frame import FINE, FOUND, Example, command, dir_option, format_option
from governance.cli.output import diagnostic_json, print_diagnostics, print_json, print_line, styled
from governance.cli.progress import working
from governance.cli.tables import print_table
from governance.clock import SystemClock
from governance.errors import number_of


@command(
    "doctor",
    examples=[
        Example("governance doctor", "Look at everything that governing depends on."),
        Example("governance doctor --format json", "The same, for a program."),
    ],
    exits="0 nothing was found, 1 something was, 2 there is no project, nor what is left of one",
)
@dir_option
@format_option()
def doctor(directory: Path | None, format_name: str) -> int:
    """
    Look whether a project is really governed, and say how to mend what is not.

    Configuration, rules and journal are loaded and checked; files must be private and on
    a local disk. The hooks in the host's settings must be all there, not switched off
    from above, and answer. The client's own transcripts are compared with the journal:
    calls that no hook was asked about are named and written into it, once. A pause that
    is in force and what hooks have written into their log are findings as well.
    """
    project = examined(directory)
    around = Surroundings(project, SystemClock().now_ms(), dict(os.environ))
    with working("examining"):
        checks = examine(around)
    ok = all(one.ok for one in checks)
    if format_name == "json":
        print_json(
            {
                "ok": ok,
                "project": str(project.directory),
                "checks": [{"check": one.name, "ok": one.ok, "saw": one.saw} for one in checks],
                "diagnostics": [diagnostic_json(found) for one in checks for found in one.findings],
            }
        )
        return FINE if ok else FOUND
    _print(project.directory, checks)
    return FINE if ok else FOUND


def _print(directory: Path, checks: tuple[Check, ...]) -> None:
    print_line(str(directory))
    print_table(
        ("check", "", "seen"),
        [
            (one.name, styled("ok", "good") if one.ok else styled("look", "bad"), one.saw)
            for one in checks
        ],
    )
    found = {str(finding): finding for one in checks for finding in one.findings}
    print_diagnostics(tuple(found.values()))
    if found:
        print_line(number_of(len(found), "finding"), "bad")
    else:
        print_line("nothing was found", "good")


COMMANDS = {"doctor": doctor}
