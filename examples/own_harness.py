"""
A harness of your own and the adapter that governs it, both in one file.

`Harness` is an agent loop as small as one can be: it asks a model, runs the shell commands
that the model wants, and calls `Hooks` on the way. `Governed` is those hooks, with the engine
behind them: that is the whole adapter. `tests/contract/test_own_harness.py` proves it with the
contract of adapters.

Run it in a project that ``governance init`` has made::

    python examples/own_harness.py path/to/project
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from attrs import define, field, frozen

from governance import Engine, Session
from governance.errors import GovernanceError
from governance.hooking.adapter import Capability, Profile
from governance.rules.host_tools import HostTools, ToolMap
from governance.session.commands import HostTraits
from governance.tools import Gate, Turns, deny_text

# -- the harness: not a word of governance in it ----------------------------------------------

Message = Mapping[str, str]
Model = Callable[[Sequence[Message]], Message]
"""Says ``{"say": text}``, or ``{"run": command, "id": call}`` to have a command run."""


class Stopped(Exception):
    """A hook does not want the prompt to be answered, or the command to be run; it says why."""


class Hooks:
    """What the harness calls while it works; these do nothing."""

    def before_turn(self, prompt: str) -> None:
        """A user has said *prompt*; raise `Stopped` to refuse it."""

    def before_request(self, messages: Sequence[Message]) -> Sequence[Message]:
        """What the model is to be sent."""
        return messages

    def after_request(self) -> None:
        """The model has answered."""

    def before_command(self, command: str, call: str) -> str:
        """The command to run as *call*; raise `Stopped` to refuse it."""
        del call
        return command

    def after_command(self, call: str, output: str) -> str:
        """What the model reads of the output of *call*."""
        del call
        return output

    def after_turn(self) -> None:
        """The model has nothing more to do."""


@define
class Harness:
    """An agent that runs commands."""

    model: Model
    hooks: Hooks
    run: Callable[[str], str]

    def turn(self, prompt: str) -> list[Message]:
        """The messages of one turn."""
        self.hooks.before_turn(prompt)
        messages: list[Message] = [{"user": prompt}]
        while True:
            answer = self.model(self.hooks.before_request(messages))
            self.hooks.after_request()
            messages.append(answer)
            if "run" not in answer:
                self.hooks.after_turn()
                return messages
            try:
                command = self.hooks.before_command(answer["run"], answer["id"])
                output = self.hooks.after_command(answer["id"], self.run(command))
            except Stopped as why:
                output = str(why)
            messages.append({"tool": output})


# -- the adapter: what the harness is, and its hooks with the engine behind them --------------

TOOLS = HostTools("own", {"command": ToolMap("shell", {"command": "command"})})
"""The harness has one tool, which rules know as the shell."""

TRAITS = HostTraits(
    inject="request",
    asks=False,
    rewrites=True,
    redirects=False,
    deny_at=frozenset({"turn_start", "tool_before"}),
    untold=frozenset({"usage"}),
)
"""What deciding must know: each request is made anew, and nobody can be asked."""

PROFILE = Profile(
    "own",
    "A harness of one's own",
    TOOLS,
    TRAITS,
    (
        Capability("deny a tool", True, "`Stopped` before the command."),
        Capability("ask a person", False, "Denied, naming `governance approve`."),
        Capability("rewrite a tool's arguments", True, "Another command is run."),
        Capability("rewrite a tool's output", True, "Before the model reads it."),
        Capability("refuse a prompt", True, "`Stopped` before the turn."),
        Capability("refuse a slash command", False, "There are none."),
        Capability("refuse a compaction", False, "There is none."),
        Capability("refuse a session or a sub-agent", False, "The program begins it itself."),
        Capability("inject text", True, "In front of each request's messages."),
        Capability("stop a turn", False, "Every further command is denied."),
        Capability("see sub-agents", False, "There are none."),
        Capability("see compaction", False, "There is none."),
        Capability("see resume", True, "A session that is started with a known id."),
        Capability("rewrite a slash command", False, "There are none."),
        Capability("see the request to the model", True, "Before it goes out."),
        Capability("see tokens or costs", False, "Nobody counts them."),
    ),
    marks=(),
    programs=(),
)


def start(engine: Engine, session: str) -> Session:
    """Begin *session*, or take it up again; used in ``with`` it ends once."""
    return engine.start(session, host=PROFILE.name, traits=TRAITS)


class Governed(Hooks):
    """The hooks of one session; whatever the engine cannot decide is refused."""

    def __init__(self, session: Session) -> None:
        self.gate = Gate(session, TOOLS)
        self.turns = Turns(session)

    def before_turn(self, prompt: str) -> None:
        try:
            self.turns.begin(prompt)
        except GovernanceError as error:
            raise Stopped(str(error)) from error

    def before_request(self, messages: Sequence[Message]) -> Sequence[Message]:
        return [{"system": self.turns.text}, *messages] if self.turns.text else messages

    def after_request(self) -> None:
        self.turns.answered()

    def before_command(self, command: str, call: str) -> str:
        try:
            reply = self.gate.ask("command", {"command": command}, call)
        except GovernanceError as error:
            raise Stopped(f"governance cannot decide, so this is refused: {error}") from error
        if reply.denied:
            raise Stopped(deny_text(reply))
        if reply.action == "rewrite" and reply.rewritten is not None:
            return str(reply.rewritten["command"])
        return command

    def after_command(self, call: str, output: str) -> str:
        reply = self.gate.report(call, "ok", output=output)
        if reply.denied:
            raise Stopped(deny_text(reply))
        if reply.action == "rewrite" and reply.rewritten is not None:
            return str(reply.rewritten["output"])
        return output

    def after_turn(self) -> None:
        self.turns.ended()


# -- both together ----------------------------------------------------------------------------


@frozen
class Script:
    """A model that does as it is told, so that no key is needed."""

    steps: list[Message]
    told: list[Sequence[Message]] = field(factory=list)

    def __call__(self, messages: Sequence[Message]) -> Message:
        self.told.append(list(messages))
        return self.steps.pop(0)


def shell(command: str) -> str:
    """Run *command*."""
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def main(directory: Path) -> None:
    """Say something, and have a force push refused."""
    model = Script(
        [
            {"run": "wc -l governance.toml", "id": "1"},
            {"run": "git push --force origin main", "id": "2"},
            {"say": "It could not be published."},
        ]
    )
    with Engine.open(directory) as engine, start(engine, "own-1") as session:
        for message in Harness(model, Governed(session), shell).turn("Publish it"):
            print(dict(message))
    told = model.told[0][0].get("system", "")
    print(f"the model was told {len(told)} characters")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
