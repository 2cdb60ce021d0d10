"""
A Mellea session type of your own, governed without a change to it.

`ReviewSession` is a `MelleaSession` with a context of its own (which files it is about) and
a method of its own (`review`). It knows nothing of governance: `governed_session` begins and
ends it, its model is told what governs it, and a tool that a rule denies answers with the
reason in place of running.

The model is scripted, so that no key is needed; any backend of Mellea goes in its place.
Needs ``pip install 'mellea[hooks]>=0.8,<0.9'``. Run it in a project that ``governance init``
has made::

    python examples/mellea_custom_session.py path/to/project
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from mellea import MelleaSession
from mellea.backends import ModelOption
from mellea.backends.tools import MelleaTool
from mellea.core import Backend, Context, GenerateLog, ModelOutputThunk, ModelToolCall
from mellea.stdlib.context import ChatContext
from mellea.stdlib.functional import call_tools

from governance import Engine
from governance.hosts.mellea import governed_session


def run(command: str) -> str:
    """Run a command.

    Args:
        command: The command line.
    """
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


RUN = MelleaTool.from_callable(run)


class ReviewContext(ChatContext):
    """A chat that keeps in mind which files it is about."""

    _propagated_fields = (*ChatContext._propagated_fields, "files")

    def __init__(self, files: Sequence[str]) -> None:
        super().__init__()
        self.files = tuple(files)


class ReviewSession(MelleaSession):
    """A session that reviews files by the commands that its model asks for."""

    def __init__(self, backend: Backend, files: Sequence[str]) -> None:
        super().__init__(backend, ReviewContext(files))

    def review(self) -> list[str]:
        """What came of each file."""
        return [self._review(file) for file in self.ctx.files]

    def _review(self, file: str) -> str:
        asked = self.instruct(
            f"Review {file}.",
            strategy=None,
            tool_calls=True,
            model_options={ModelOption.TOOLS: [RUN]},
        )
        return "\n".join(str(message.content) for message in call_tools(asked, self.backend))


class ScriptedBackend(Backend):
    """A model that asks for one command after the other, and keeps what it was told."""

    def __init__(self, commands: Sequence[str]) -> None:
        self.commands = list(commands)
        self.told = ""
        self._model_id = "scripted"
        self._provider = "scripted"

    async def _generate_from_context(
        self, action: Any, ctx: Context, *, model_options: Any = None, **_: Any
    ) -> tuple[ModelOutputThunk, Context]:
        self.told = (model_options or {}).get(ModelOption.SYSTEM_PROMPT, "")
        call = ModelToolCall("run", RUN, {"command": self.commands.pop(0)})
        made: ModelOutputThunk = ModelOutputThunk("", tool_calls=[call])
        made._generate_log = GenerateLog()
        return made, ctx.add(action).add(made)

    async def _generate_from_raw(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError("this model reviews one file at a time")


def main(directory: str) -> None:
    backend = ScriptedBackend(["wc -l governance.toml", "git push --force origin main"])
    with (
        Engine.open(directory) as engine,
        governed_session(
            lambda: ReviewSession(backend, ["governance.toml", "main"]),
            engine=engine,
            tools={"run": "shell"},
        ) as session,
    ):
        for line in session.review():
            print(line)
        print(f"the model was told {len(backend.told)} characters")
        print(f"session {session.id} is {engine.state(session.id).state}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else ".")
