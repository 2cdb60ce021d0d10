"""A handle on one session: every verb is one command to the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, final

from attrs import field

from governance._attrs import define
from governance.calls import ToolCall
from governance.engine.given import check_role, checked
from governance.session.commands import Command, Delivery, History, HostTraits
from governance.session.replies import Reply
from governance.session.state import SessionState
from governance.values import Json

if TYPE_CHECKING:
    from governance.chat.history import Page
    from governance.chat.messages import Message, Role, Said
    from governance.chat.parts import Part
    from governance.engine.engine import Engine
    from governance.journal.records import Record
    from governance.ledger import Approval


_GOING_ON = frozenset({"start", "resume", "turn_start"})
"""What takes up a session that has ended."""


@final
@define(eq=False, kw_only=True)
class Session:
    """
    One session of an engine, used as a context manager by who starts it.

    A refusal is a `Reply` with ``denied`` and reasons, never an exception. The handle
    holds nothing but the id: two handles on one session are the same session. A new
    type of session is a class that holds one.

    Attributes:
        reply: The answer to the event that this handle was made by.

        actor: Who is behind what is done by this handle; ``None``: the engine's own actor.
    """

    engine: Engine
    id: str
    host: str = "python"
    traits: HostTraits = field(factory=HostTraits)
    role: str | None = None
    actor: str | None = None
    parent: str | None = None
    run: str = ""
    reply: Reply | None = None
    _ended: bool = False

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.end()
        else:
            self.end("exception", exception=type(error).__name__)

    @property
    def state(self) -> SessionState:
        """What is known of the session now, whichever process has moved it."""
        return self.engine.state(self.id, actor=self.actor)

    @property
    def governance_injected(self) -> bool:
        """Whether the model has been told all that it must be told."""
        return self.state.governance_injected

    @property
    def questions(self) -> tuple[Approval, ...]:
        """What rules put to a person and nobody has answered yet, oldest first; see `approve`."""
        return self.state.ledger.open_approvals(self.engine.clock.now_ms())

    @checked
    def approve(
        self,
        ident: str,
        *,
        by: str,
        deny: bool = False,
        lasts_ms: int | None = None,
        reason: str = "",
    ) -> Record:
        """As `Engine.approve`, of this session."""
        return self.engine.approve(
            self.id, ident, by=by, deny=deny, lasts_ms=lasts_ms, reason=reason
        )

    @checked
    def turn(self, prompt: str, *, source: str = "user") -> Reply:
        """
        Begin a turn; ``reply.text`` is what to put before the model, often empty.

        Args:
            source: ``"user"``, ``"agent"`` or ``"host"``.
        """
        return self.engine.handle(self.turn_command(prompt, source=source))

    @checked
    def turn_command(self, prompt: str, *, source: str = "user") -> Command:
        """The command that `turn` gives to the engine."""
        return self._command("turn_start", data={"prompt": prompt, "prompt_source": source})

    @checked
    def turn_ended(self, *, failure: str = "") -> Reply:
        """The model has stopped; *failure* says why, when it was none of its own."""
        return self._handle("turn_end", data={"failure": failure} if failure else {})

    @checked
    def tool(
        self,
        tool: str,
        arguments: Mapping[str, Json],
        *,
        call_id: str = "",
        cwd: str | None = None,
    ) -> Reply:
        """
        Ask whether *tool* may run with *arguments*, before it does.

        Args:
            tool: A canonical name (``"shell"``, ``"read"`` …), a name of the host's own
                table, ``"mcp:server:tool"``, or any other, which is ``unknown_tool``.

            call_id: Ties the outcome to the call; without it `tool_finished` cannot.
        """
        return self.engine.handle(self.tool_command(tool, arguments, call_id=call_id, cwd=cwd))

    @checked
    def tool_command(
        self,
        tool: str,
        arguments: Mapping[str, Json],
        *,
        call_id: str = "",
        cwd: str | None = None,
    ) -> Command:
        """The command that `tool` gives to the engine."""
        call = self.engine.call(self.host, tool, arguments, cwd=cwd, call_id=call_id)
        return self._command("tool_before", call=call)

    @checked
    def tool_finished(
        self,
        call_id: str,
        *,
        outcome: str,
        tool: str = "",
        output: str | None = None,
        error: str | None = None,
        exit_code: int | None = None,
        duration_ms: int | None = None,
    ) -> Reply:
        """
        Report what became of a call: ``"ok"``, ``"failed"``, ``"refused"``, ``"unknown"``.

        Args:
            tool: Needed only when the call was never asked about, or long ago: what is known
                of the call goes before it.
        """
        return self.engine.handle(
            self.finished_command(
                call_id,
                outcome=outcome,
                tool=tool,
                output=output,
                error=error,
                exit_code=exit_code,
                duration_ms=duration_ms,
            )
        )

    @checked
    def finished_command(
        self,
        call_id: str,
        *,
        outcome: str,
        tool: str = "",
        output: str | None = None,
        error: str | None = None,
        exit_code: int | None = None,
        duration_ms: int | None = None,
    ) -> Command:
        """The command that `tool_finished` gives to the engine."""
        given = {
            "tool": tool or None,
            "outcome": outcome,
            "output": output,
            "error": error,
            "exit_code": exit_code,
            "duration_ms": duration_ms,
        }
        data = {key: value for key, value in given.items() if value is not None}
        return self._command("tool_after", call=ToolCall("", call_id=call_id), data=data)

    @checked
    def command(
        self, name: str, arguments: Sequence[str] = (), *, source: str = "user", style: str = ""
    ) -> Reply:
        """Ask whether the slash command *name* may run (no slash, ``:`` between parts)."""
        data: dict[str, Json] = {"name": name, "arguments": list(arguments), "source": source}
        if style:
            data["style"] = style
        return self._handle("command", data=data)

    @checked
    def message(
        self,
        role: Role,
        said: Said,
        *,
        ident: str = "",
        reply_to: str = "",
        about: Mapping[str, Json] | None = None,
        actor: str | None = None,
    ) -> Message:
        """
        Add a message to the chat history; it decides nothing and changes no state.

        Secrets are taken out of it first. What is big lies on a shelf of the store, and the
        message that is given says under which name. The tail of a history may be lost with
        the power, a message in the middle never.

        Args:
            role: ``"user"``, ``"assistant"``, ``"system"`` or ``"tool"``.

            said: A text, a `governance.chat.Part`, or several of both.

            ident: Id of the message: one that comes twice is kept once. By default a new one.

            about: What else is known of it, such as the model.

        Raises:
            MisuseError: GOV565, no message that a history can hold.

            JournalError: It could not be written.
        """
        from governance.engine.chatting import add_message

        return add_message(
            self.engine,
            self.id,
            role,
            said,
            ident=ident,
            reply_to=reply_to,
            about=about,
            actor=actor,
        )

    @checked
    def messages(
        self,
        *,
        after: int = 0,
        before: int | None = None,
        limit: int = 100,
        reverse: bool = False,
    ) -> Page:
        """
        A page of the chat history, by the rows that messages stand in; reads no further.

        Of a branch also what was said before it; each message knows its epoch.

        Args:
            reverse: Newest first; go on with ``before=page.next_seq``, else with ``after``.
        """
        from governance.chat.history import page_of

        return page_of(
            self.engine.visible, self.id, after=after, before=before, limit=limit, reverse=reverse
        )

    @checked
    def content(self, message: Message, part: Part) -> bytes:
        """
        What *part* of *message* holds, from the shelf where it lies there.

        Raises:
            ContentGone: It is there no more.
        """
        from governance.chat.contents import content_of

        return content_of(self.engine.visible, message, part)

    @checked
    def compacting(self, *, trigger: str = "manual") -> Reply:
        """The host is about to compact; ``reply.message`` is what its summary must keep."""
        return self._handle("compacting", data={"trigger": trigger})

    @checked
    def compact(
        self,
        *,
        trigger: str = "manual",
        summary: str | None = None,
        context_size_tokens: int | None = None,
    ) -> Reply:
        """
        The host has compacted: the briefing is gone and owed again.

        Args:
            context_size_tokens: How large the context was; by default what `used` was told last.
        """
        data: dict[str, Json] = {"trigger": trigger}
        if context_size_tokens is not None:
            data["context_size_tokens"] = context_size_tokens
        if summary is not None:
            data["summary"] = summary
        return self._handle("compact", data=data, delivery="none")

    @checked
    def used(
        self,
        *,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
        cost_usd: float | None = None,
        context_tokens: int | None = None,
        context_ratio: float | None = None,
        whole: bool = False,
    ) -> None:
        """
        Report what the model has used since the last report; rules read it as ``usage.*``.

        Args:
            input_tokens: Tokens that were sent to the model.

            output_tokens: Tokens that it made.

            cost_usd: What that cost, in US dollars.

            context_tokens: Tokens in its context now.

            context_ratio: How full its context is, 0 to 1.

            whole: Tokens and cost are those of all that the host knows of, not of what came
                since; they never take back what was reported before.

        Raises:
            MisuseError: GOV402, nothing or nonsense was told, or the session was never begun.
            JournalError: It could not be written.
        """
        from governance.engine.using import report_usage

        told: dict[str, Json] = {
            "input_tokens": input_tokens,
            "output_tokens": output_tokens,
            "cost_usd": cost_usd,
            "context_tokens": context_tokens,
            "context_ratio": context_ratio,
        }
        told = {name: value for name, value in told.items() if value is not None}
        if whole:
            told["whole"] = True
        report_usage(self.engine, self.id, told, actor=self.actor or self.host, host=self.host)

    @checked
    def lapse(self, why: str = "not_delivered") -> Reply:
        """A request went out without what it should have carried; it is owed again."""
        return self._handle("lapse", data={"why": why})

    @checked
    def interrupt(self, reason: str = "interrupted") -> Reply:
        """Nobody works on the session any more, and it is not over."""
        return self._handle("interrupt", data={"reason": reason})

    @checked
    def resume(self, *, history: History = "kept") -> Reply:
        """Work goes on; what it leads to depends on the gap."""
        return self._handle("resume", history=history)

    @checked
    def reset(self) -> Reply:
        """The history was cleared under the same id: a new epoch."""
        return self._handle("reset", delivery="none")

    @checked
    def child(self, name: str, *, role: str | None = None, agent: str = "") -> Session:
        """
        A sub-session ``parent/name`` of a delegated agent, started.

        Raises nothing when it is refused: ``child.reply.denied`` says so.
        """
        check_role(self.engine.law.rules.roles, role)
        child_id = f"{self.id}/{name}"
        asked = self._handle("child_start", data={"child_id": child_id, "role": role or ""})
        handle = Session(
            engine=self.engine,
            id=child_id,
            host=self.host,
            traits=self.traits,
            role=role,
            actor=self.actor,
            parent=self.id,
            run=self.run,
            reply=asked,
        )
        if not asked.denied:
            handle.reply = handle._handle("start", agent=agent, delivery="none")
        return handle

    @checked
    def end(self, reason: str = "ended", *, exception: str = "") -> Reply:
        """
        End the session; a second call by the same handle does nothing more.

        Where the handle has gone on since, by a turn or a resume, that is ended.
        """
        if self._ended and self.reply is not None:
            return self.reply
        data: dict[str, Json] = {"reason": reason}
        if exception:
            data["exception"] = exception
        self.reply = self._handle("end", data=data, delivery="none")
        self._ended = True
        if self.parent is not None:
            self._parent_told()
        return self.reply

    def _parent_told(self) -> None:
        self.engine.handle(
            Command(
                event="child_end",
                session=self.parent or "",
                actor=self.actor,
                host=self.host,
                traits=self.traits,
                data={"child_id": self.id},
            )
        )

    def _handle(
        self,
        event: str,
        *,
        data: Mapping[str, Json] | None = None,
        call: ToolCall | None = None,
        delivery: Delivery = "answer",
        history: History = "kept",
        agent: str = "",
    ) -> Reply:
        return self.engine.handle(
            self._command(
                event,
                data=data,
                call=call,
                delivery=delivery,
                history=history,
                agent=agent,
            )
        )

    def _command(
        self,
        event: str,
        *,
        data: Mapping[str, Json] | None = None,
        call: ToolCall | None = None,
        delivery: Delivery = "answer",
        history: History = "kept",
        agent: str = "",
    ) -> Command:
        if event in _GOING_ON:
            self._ended = False
        return Command(
            event=event,
            session=self.id,
            at_ms=self.engine.clock.now_ms(),
            host=self.host,
            traits=self.traits,
            run=self.run,
            role=self.role,
            agent=agent,
            actor=self.actor,
            parent=self.parent,
            call=call,
            delivery=delivery,
            history=history,
            data=data or {},
        )
