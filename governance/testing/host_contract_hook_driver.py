"""
The driver for hosts that call a command for their events.

It says how a payload of the host looks (`HookHost.payload`) and what the host makes of
an answer (`HookHost.heard`), which it has to read as strictly or as carelessly as the host
itself does: a host that lets the tool run on an unknown key is driven by one that does too.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeAlias

from attrs import field

from governance._attrs import define, frozen
from governance.config import load_config
from governance.engine import Engine
from governance.errors import StoreFull
from governance.hooking import worker
from governance.hooking.adapter import Adapter
from governance.hooking.hook_alone import json_text, reason_of, refusal_of
from governance.hooking.processes import Process
from governance.hooking.worker import Call
from governance.journal.memory import MemoryJournal
from governance.journal.records import Journal
from governance.project import create_project
from governance.testing.engines import memory_engine
from governance.testing.fakes import FailingJournal
from governance.testing.host_contract_driver import FOREVER, Host, Seen, contract_law, refuse_at

Act: TypeAlias = Literal[
    "start", "resume", "prompt", "tool", "tool_ok", "tool_batch", "turn_end", "end",
    "compacting", "compacted", "clear_end", "clear_start", "child_start", "child_stop", "slash",
]  # fmt: skip
"""What a host does, and may call its hook for."""

Sent: TypeAlias = tuple[str, dict[str, Any]]
"""The host's own name of an event, and its payload."""


@frozen
class Heard:
    """
    What the host makes of an answer.

    Attributes:
        denied: It will not do what it asked about.

        reason: What the model, or the person, reads of why.

        asked: It puts a question to a person.

        granted: It passes its own permissions by.

        args: The arguments that it uses in place of the model's, or ``None``.

        output: What the model reads in place of the tool's output, or ``None``.

        context: What the model reads besides.

        stops: It ends the turn here.
    """

    denied: bool = False
    reason: str = ""
    asked: bool = False
    granted: bool = False
    args: Mapping[str, Any] | None = None
    output: str | None = None
    context: str = ""
    stops: bool = False


@define(eq=False)
class _Line:
    """The host's end of a hook: it gives the payload, and flushes the answer or does not."""

    data: bytes
    flushes: bool
    out: bytes | None = None
    notes: list[str] = field(factory=list)

    def read(self) -> bytes:
        return self.data

    def limit(self, deadline_ms: int) -> None:
        """Nothing takes that long here."""

    def answer(self, out: bytes, *, told: bool = False) -> bool:  # noqa: ARG002 -- a `Line` has it
        self.out = out
        return self.flushes

    def note(self, text: str) -> None:
        self.notes.append(text)


class HookHost(Host):
    """
    A host that calls a command; the deciding half of the hook runs in this process.

    Attributes:
        adapter: What is tried.

        payloads_are_ours: What calls the hook was shipped by us (a plugin), so that there
            are no fields that the adapter does not know.

        flushes: Whether the host takes an answer up before it goes on; a test changes it.

        notes: What the hook left in the log.

        project: Its folder.
    """

    adapter: ClassVar[Adapter]
    payloads_are_ours: ClassVar[bool] = False

    def __init__(self, folder: Path, *, unbound: str = "deny") -> None:
        self.profile = self.adapter.profile
        self.flushes = True
        self.notes: list[str] = []
        self.project = folder
        name = self.profile.name
        create_project(folder, f'[packs]\npaths = []\n[hosts.{name}]\nunbound = "{unbound}"\n')
        self._config = load_config(folder)
        self._journal = FailingJournal(MemoryJournal())
        law = contract_law(self.profile.tools)
        self.engine: Engine = memory_engine(law=law, journal=self._journal)

    @cached_property
    def refusal(self) -> dict[str, Any]:
        """How the host is refused where nothing else can be said."""
        shape = refusal_of(self.profile.name)
        # INVARIANT: a host that calls a command has a refusal.
        assert shape is not None, f"{self.profile.name} has no refusal"
        return shape

    # -- what a driver says --------------------------------------------------------------

    @abstractmethod
    def payload(self, act: Act, session: str, **given: Any) -> Sent | None:
        """
        The payload of *act*, or ``None`` where the host calls no hook for it.

        Args:
            given: ``text`` of a prompt; ``command`` and ``call`` of a tool, and ``output`` of
                one that ran; ``name`` of a slash command; ``agent``: the sub-agent that it
                comes from.
        """

    @abstractmethod
    def heard(self, event: str, out: bytes) -> Heard:
        """What the host makes of *out*, the answer to *event*."""

    def child_session(self, session: str, agent: str) -> str:
        """The session id of a sub-agent."""
        return f"{session}/{agent}"

    def command_of(self, args: Mapping[str, Any]) -> str:
        """The command line in the arguments of the host's shell."""
        return str(args["command"])

    # -- what a host does ----------------------------------------------------------------

    @property
    def journal(self) -> Journal:
        """The journal in memory."""
        return self._journal

    def start(self, session: str) -> Seen:
        """The host's own event for it."""
        return Seen(told=self.send("start", session).context)

    def resume(self, session: str) -> Seen:
        """The host's own event for it."""
        return Seen(told=self.send("resume", session).context)

    def prompt(self, session: str, text: str) -> Seen:
        """A prompt, and the turn's end."""
        heard = self.send("prompt", session, text=text)
        if heard.denied:
            return Seen(None, heard.reason, granted=heard.granted)
        self.send("turn_end", session)
        return Seen(text, heard.context, granted=heard.granted)

    def tool(self, session: str, command: str, *, call: str, output: str = "done") -> Seen:
        """The question, and unless it is denied the report."""
        return self._tool(session, command, call=call, output=output)

    def _tool(self, session: str, command: str, **given: Any) -> Seen:
        heard = self.send("tool", session, command=command, **given)
        if heard.asked:
            return Seen(None, heard.reason, True, heard.granted)
        if heard.denied:
            batch = self.send("tool_batch", session, command=command, **given)
            return Seen(None, heard.reason, granted=heard.granted, stopped=batch.stops)
        ran = command if heard.args is None else self.command_of(heard.args)
        given["command"] = ran
        after = self.send("tool_ok", session, **given)
        batch = self.send("tool_batch", session, **given)
        read = given["output"] if after.output is None else after.output
        said = (heard.context, read, after.context, batch.context)
        told = "\n".join(part for part in said if part)
        return Seen(ran, told, granted=heard.granted, stopped=batch.stops)

    def child(self, session: str, name: str, command: str) -> tuple[str, Seen]:
        """A sub-agent, from its start to its stop."""
        self.send("child_start", session, agent=name)
        seen = self._tool(session, command, call="k1", output="done", agent=name)
        self.send("child_stop", session, agent=name)
        return self.child_session(session, name), seen

    def slash(self, session: str, name: str) -> Seen:
        """A slash command."""
        heard = self.send("slash", session, name=name)
        return Seen(None, heard.reason) if heard.denied else Seen(name, heard.context)

    def compact(self, session: str) -> Seen:
        """Both events, where the host has both."""
        before = self.send("compacting", session)
        if before.denied:
            return Seen(told=before.reason)
        after = self.send("compacted", session)
        return Seen(told=f"{before.context}\n{after.context}")

    def reset(self, session: str) -> str:
        """The end of the one session and the start of the other, where the host has a reset."""
        after = f"{session}-next"
        if self.payload("clear_end", session) is None:
            return ""
        self.send("clear_end", session)
        self.send("clear_start", after)
        return after

    def end(self, session: str) -> None:
        """The host's own event for it."""
        self.send("end", session)

    def cut(self) -> None:
        """The store is full."""
        self._journal.fail("append", StoreFull("the disk is full"), times=FOREVER)

    def forbid(self, event: str, why: str) -> None:
        """By a listener."""
        refuse_at(self.engine, event, why)

    def close(self) -> None:
        """Close the engine."""
        self.engine.close()

    # -- the hook ------------------------------------------------------------------------

    def send(self, act: Act, session: str, **given: Any) -> Heard:
        """What the host makes of the answer to *act*; nothing where it calls no hook."""
        sent = self.payload(act, session, **given)
        if sent is None:
            return Heard()
        event, values = sent
        return self.heard(event, self.answer(event, json.dumps(values).encode()))

    def answer(self, event: str, data: bytes, *, call_id: str = "") -> bytes:
        """What the hook writes for the payload *data*, whatever becomes of the engine."""
        line = _Line(data, self.flushes)
        call = Call(self.project, event, {}, _nobody_above, call_id)
        try:
            worker.answer(
                self.adapter, call, line, lambda: self._config, lambda: nullcontext(self.engine)
            )
        except Exception as error:  # noqa: BLE001 -- as the process in front of the worker does
            told = f"governance cannot decide, so this is refused: {reason_of(error)}"
            self.notes.append(told)
            if event not in self.refusal["DECIDING"] or line.out is not None:
                return line.out or b""
            made: bytes = self.refusal["deny_bytes"](event, json_text(told))
            return made
        finally:
            self.notes += line.notes
        return line.out or b""


def _nobody_above() -> Sequence[Process]:
    return ()
