"""Mellea keeps the contract of adapters."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager
from contextvars import Context, copy_context
from pathlib import Path
from typing import Any, TypeVar

from cpex.framework.errors import PluginError
from mellea import MelleaSession
from mellea.backends import ModelOption
from mellea.backends.openai import OpenAIBackend
from mellea.backends.tools import MelleaTool
from mellea.plugins import PluginViolationError
from mellea.stdlib.context import ChatContext
from mellea.stdlib.functional import call_tools

from governance.hosts.mellea import governed_session
from governance.hosts.mellea.profile import PROFILE
from governance.testing.host_contract import EngineHost, Host, HostContract, Seen
from tests.hosts.mellea.stub_model import StubModel

T = TypeVar("T")


class Mellea(EngineHost):
    """
    Sessions that chat with a scripted model, and have a shell.

    Each works in a context of its own, as tasks do: Mellea takes what is done in one context
    for the work of the session that was entered there last.
    """

    profile = PROFILE

    def __init__(self) -> None:
        super().__init__()
        self.model = StubModel()
        self.open: dict[str, tuple[MelleaSession, AbstractContextManager[Any]]] = {}
        self.kept: dict[str, Any] = {}
        self.refused: dict[str, str] = {}
        self.contexts: dict[str, Context] = defaultdict(copy_context)

    def _governed(self, built: MelleaSession, **given: Any) -> AbstractContextManager[Any]:
        tools = {"run": "shell"}
        return governed_session(built, engine=self.engine, tools=tools, **given)

    def start(self, session: str) -> Seen:
        backend = OpenAIBackend("stub", base_url=self.model.url, api_key="none")
        context = self.kept.pop(session, None) or ChatContext()
        governed = self._governed(MelleaSession(backend, context, session_id=session))

        def enter() -> None:
            self.open[session] = governed.__enter__(), governed

        self.refused[session] = self._in(session, lambda: _refusal(enter))
        return Seen()

    def _in(self, session: str, work: Callable[[], T]) -> T:
        return self.contexts[session].run(work)

    def prompt(self, session: str, text: str) -> Seen:
        if session not in self.open:
            return Seen(None, self.refused[session])
        m, _ = self.open[session]
        before = len(self.model.requests)
        refused = self._in(session, lambda: _refusal(lambda: m.chat(text)))
        if len(self.model.requests) == before:
            return Seen(None, refused)
        return Seen(text, self.model.system())

    def tool(self, session: str, command: str, *, call: str, output: str = "done") -> Seen:
        if session not in self.open:
            return Seen(None, self.refused[session])
        m, _ = self.open[session]
        return self._in(session, lambda: self._used(m, command, output))

    def _used(self, m: MelleaSession, command: str, output: str) -> Seen:
        ran: list[str] = []
        read: list[str] = []

        def run(command: str) -> str:
            """Run a command.

            Args:
                command: The command line.
            """
            ran.append(command)
            return output

        def use() -> None:
            self.model.script({"tool": "run", "arguments": {"command": command}})
            options = {ModelOption.TOOLS: [MelleaTool.from_callable(run)]}
            result = m.instruct("use the tool", strategy=None, tool_calls=True,
                                model_options=options)  # fmt: skip
            read.extend(str(one.content) for one in call_tools(result, m.backend))

        refused = _refusal(use)
        told = "\n".join((*read, *filter(None, [refused])))
        if ran:
            return Seen(ran[0], told)
        sent = len(self.model.requests)
        _refusal(lambda: m.instruct("go on", strategy=None))
        return Seen(None, told, stopped=len(self.model.requests) == sent)

    def end(self, session: str) -> None:
        m, governed = self.open.pop(session)
        self.kept[session] = m.ctx
        self._in(session, lambda: governed.__exit__(None, None, None))

    def reset(self, session: str) -> str:
        self._in(session, self.open[session][0].reset)
        return session

    def compact(self, session: str) -> Seen:
        self.open[session][0].ctx = ChatContext()
        return Seen()

    def child(self, session: str, name: str, command: str) -> tuple[str, Seen]:
        """A clone is a sub-session."""
        m, _ = self.open[session]
        clone = m.clone()
        seen: list[Seen] = []

        def work() -> None:
            with self._governed(clone, parent=m) as governed:
                seen.append(self._used(governed, command, "done"))

        refused = self._in(session, lambda: _refusal(work))
        return clone.id, seen[0] if seen else Seen(None, refused)

    def close(self) -> None:
        for session in list(self.open):
            _refusal(lambda one=session: self.end(one))
        self.model.close()
        super().close()


def _refusal(work: Callable[[], object]) -> str:
    """What *work* was refused with, or ``""``."""
    try:
        work()
    except PluginViolationError as error:
        return error.reason
    except PluginError as error:
        # What a plugin raises, Mellea raises: the tool is not run.
        return str(error)
    return ""


class TestMellea(HostContract):
    def open_host(self, folder: Path) -> Host:
        return Mellea()
