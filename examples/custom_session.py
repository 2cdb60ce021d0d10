"""
A session type of your own: a small class that holds a governed session.

`ReviewSession` has a context of its own (the findings so far) and a method of its own
(`review`). Governance needs no subclass and no registration: every tool goes through
`self.governed`, and whatever it refuses is never run.

Run it in a project that ``governance init`` has made::

    python examples/custom_session.py path/to/project
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import TracebackType

from attrs import define, field, frozen

from governance import Engine, Session


@frozen
class Finding:
    """One thing that a reviewer noticed."""

    file: str
    line: int
    text: str


@define
class ReviewContext:
    """What a review keeps in mind from turn to turn."""

    findings: list[Finding] = field(factory=list)

    def summary(self) -> str:
        return f"{len(self.findings)} findings in {len({one.file for one in self.findings})} files"


@define
class ReviewSession:
    """A session that reviews files, and may do nothing that its project forbids."""

    governed: Session
    context: ReviewContext = field(factory=ReviewContext)
    told: list[str] = field(factory=list)
    _calls: int = 0

    @classmethod
    def start(cls, engine: Engine, name: str) -> ReviewSession:
        governed = engine.start(name, host="review", context_type=ReviewContext.__name__)
        return cls(governed)

    def __enter__(self) -> ReviewSession:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.governed.__exit__(kind, error, trace)

    def review(self, path: Path) -> ReviewContext:
        """Look for lines that were left to do, and count what was found."""
        briefing = self.governed.turn(f"review {path}")
        if briefing.text:
            self.told.append(briefing.text)
        found = self._run("shell", {"command": f"grep -n LATER {path}"})
        for line in (found or "").splitlines():
            number, _, text = line.partition(":")
            self.context.findings.append(Finding(str(path), int(number), text.strip()))
        self.governed.turn_ended()
        return self.context

    def shell(self, command: str) -> str | None:
        """Run *command* if governance lets it; its output, or ``None``."""
        return self._run("shell", {"command": command})

    def _run(self, tool: str, arguments: dict[str, str]) -> str | None:
        self._calls += 1
        call_id = f"call-{self._calls}"
        verdict = self.governed.tool(tool, arguments, call_id=call_id)
        if verdict.denied:
            self.told.append(verdict.message)
            return None
        done = subprocess.run(
            ["sh", "-c", arguments["command"]], capture_output=True, text=True, check=False
        )
        outcome = "ok" if done.returncode in (0, 1) else "failed"
        self.governed.tool_finished(call_id, outcome=outcome, error=done.stderr)
        return done.stdout


def main(directory: str) -> None:
    with Engine.open(directory) as engine, ReviewSession.start(engine, "review-1") as session:
        print(session.review(Path(__file__)).summary())
        refused = session.shell("git push --force origin main")
        print("the force push ran" if refused is not None else session.told[-1])


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else ".")
