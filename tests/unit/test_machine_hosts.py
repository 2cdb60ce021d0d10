"""
The event orders of real hosts pass through the states that they must.

Each order is what a host was seen to send, in the words of its own hooks; the second word is
the event that its adapter makes of it. States are written by their first letter.
"""

from __future__ import annotations

from typing import Any

import pytest

from governance.machine import ABSENT, Circumstances, Registers, load_machine
from governance.states import State

MACHINE = load_machine()
LETTER = {
    State.ABSENT: "-",
    State.BEGINNING: "B",
    State.BETWEEN_TURN: "T",
    State.COMPACTED: "C",
    State.RESUMED: "R",
    State.INTERRUPTED: "I",
    State.ENDED: "E",
}

CLAUDE = {"inject": "transcript", "carries_text": True}
OPENCODE = {"inject": "request"}
MELLEA = {"inject": "none"}
HERMES = {"inject": "transcript", "carries_text": True}

# native hook, event of the machine, circumstances, state afterwards.
# `brief` follows where an answer carried the briefing and the host took it.
ORDERS: dict[str, tuple[dict[str, Any], str]] = {
    "claude: one run with -p": (
        CLAUDE,
        """
        SessionStart(startup)  start        gap=unknown   B
        .                      brief        .             T
        UserPromptSubmit       turn_start   gap=short     T
        PreToolUse             tool_before  .             T
        PostToolUse            tool_after   .             T
        Stop                   turn_end     .             T
        SessionEnd(other)      end          .             E
        """,
    ),
    "claude: --resume after a quarter of an hour, context kept": (
        CLAUDE,
        """
        SessionStart(startup)  start        gap=unknown             B
        .                      brief        .                       T
        UserPromptSubmit       turn_start   gap=short               T
        Stop                   turn_end     .                       T
        SessionEnd(other)      end          .                       E
        SessionStart(resume)   resume       gap=short,other_run     T
        UserPromptSubmit       turn_start   gap=short               T
        """,
    ),
    "claude: --resume after three days": (
        CLAUDE,
        """
        SessionStart(startup)  start        gap=unknown             B
        .                      brief        .                       T
        SessionEnd(other)      end          .                       E
        SessionStart(resume)   resume       gap=stale,other_run     R
        .                      brief        .                       T
        UserPromptSubmit       turn_start   gap=short               T
        """,
    ),
    "claude: killed in mid-turn, then --resume": (
        CLAUDE,
        """
        SessionStart(startup)  start        gap=unknown             B
        .                      brief        .                       T
        UserPromptSubmit       turn_start   gap=short               T
        PreToolUse             tool_before  .                       T
        SessionStart(resume)   resume       gap=notice,other_run    R
        .                      brief        .                       T
        """,
    ),
    "claude: /compact, reported twice": (
        CLAUDE,
        """
        SessionStart(resume)   resume       gap=unknown   R
        .                      brief        .             T
        PreCompact(manual)     compacting   .             T
        SubagentStop()         child_end    .             T
        SessionStart(compact)  compact      .             C
        .                      brief        .             T
        PostCompact            compact      .             T
        UserPromptSubmit       turn_start   gap=short     T
        """,
    ),
    "claude: automatic compaction announced twice inside a turn": (
        CLAUDE,
        """
        SessionStart(startup)  start        gap=unknown   B
        .                      brief        .             T
        UserPromptSubmit       turn_start   gap=short     T
        PreCompact(auto)       compacting   .             T
        PreCompact(auto)       compacting   .             T
        SessionStart(compact)  compact      .             C
        PreToolUse             tool_before  .             C
        .                      brief        .             T
        PostToolUse            tool_after   .             T
        """,
    ),
    "claude: Esc, then the next prompt": (
        CLAUDE,
        """
        SessionStart(startup)         start        gap=unknown   B
        .                             brief        .             T
        UserPromptSubmit              turn_start   gap=short     T
        PreToolUse                    tool_before  .             T
        PostToolUseFailure(interrupt) interrupt    .             I
        UserPromptSubmit              turn_start   gap=short     T
        """,
    ),
    "claude: hooks installed in the middle of a session": (
        CLAUDE,
        """
        PostToolUse            tool_after   gap=unknown   B
        PreToolUse             tool_before  gap=unknown   B
        .                      brief        .             T
        Stop                   turn_end     .             T
        """,
    ),
    "claude: /clear ends one id, and a late tool result follows": (
        CLAUDE,
        """
        SessionStart(startup)  start        gap=unknown   B
        SessionEnd(clear)      end          .             E
        PostToolUse            tool_after   .             E
        """,
    ),
    "opencode: a turn, the request, an idle event": (
        OPENCODE,
        """
        session.created      start        gap=unknown   B
        chat.message         turn_start   gap=short     B
        system.transform     brief        .             T
        tool.execute.before  tool_before  .             T
        tool.execute.after   tool_after   .             T
        session.idle         turn_end     .             T
        chat.message         turn_start   gap=short     T
        system.transform     brief        .             T
        """,
    ),
    "opencode: an abort, and the idle event that follows it": (
        OPENCODE,
        """
        session.created      start        gap=unknown   B
        chat.message         turn_start   gap=short     B
        system.transform     brief        .             T
        session.error        interrupt    .             I
        session.idle         turn_end     .             I
        chat.message         turn_start   gap=short     T
        """,
    ),
    "opencode: --continue has no event of its own": (
        OPENCODE,
        """
        session.created      start        gap=unknown        B
        chat.message         turn_start   gap=short          B
        system.transform     brief        .                  T
        session.idle         turn_end     .                  T
        chat.message         turn_start   gap=notice         R
        system.transform     brief        .                  T
        """,
    ),
    "opencode: summarize compacts": (
        OPENCODE,
        """
        session.created      start        gap=unknown   B
        chat.message         turn_start   gap=short     B
        system.transform     brief        .             T
        session.compacting   compacting   .             T
        session.compacted    compact      .             C
        system.transform     brief        .             T
        session.deleted      end          .             E
        """,
    ),
    "opencode: a request went out without the briefing": (
        OPENCODE,
        """
        session.created      start        gap=unknown   B
        system.transform     brief        .             T
        chat.message         turn_start   gap=short     T
        chat.params          lapse        .             T
        tool.execute.before  tool_before  .             T
        """,
    ),
    "mellea: init, a tool, reset, cleanup twice": (
        MELLEA,
        """
        session_post_init    start        gap=unknown   B
        generation_pre_call  turn_start   gap=short     B
        tool_pre_invoke      tool_before  .             B
        tool_post_invoke     tool_after   .             B
        session_reset        reset        .             B
        session_cleanup      end          .             E
        session_cleanup      end          .             E
        """,
    ),
    "mellea: a cleanup without an init": (
        MELLEA,
        """
        session_cleanup      end          .             -
        """,
    ),
    "hermes: a turn in the gateway": (
        HERMES,
        """
        session:start        start        gap=unknown   B
        on_session_start     start        gap=short     B
        pre_llm_call         turn_start   gap=short     B
        .                    brief        .             T
        pre_tool_call        tool_before  .             T
        post_tool_call       tool_after   .             T
        on_session_end       turn_end     .             T
        """,
    ),
    "hermes: /new finalizes, and a background review comes after": (
        HERMES,
        """
        session:start        start        gap=unknown   B
        pre_llm_call         turn_start   gap=short     B
        .                    brief        .             T
        on_session_finalize  end          .             E
        pre_tool_call        tool_before  late          E
        on_session_end       turn_end     .             E
        """,
    ),
    "gemini: PreCompress before every call": (
        CLAUDE,
        """
        SessionStart         start        gap=unknown   B
        BeforeAgent          turn_start   gap=short     B
        .                    brief        .             T
        PreCompress(auto)    compacting   .             T
        BeforeTool           tool_before  .             T
        AfterTool            tool_after   .             T
        PreCompress(auto)    compacting   .             T
        AfterAgent           turn_end     .             T
        SessionEnd           end          .             E
        """,
    ),
    "codex: exec, interrupted, resumed": (
        CLAUDE,
        """
        SessionStart(startup)  start        gap=unknown            B
        .                      brief        .                      T
        UserPromptSubmit       turn_start   gap=short              T
        PreToolUse             tool_before  .                      T
        Interrupt              interrupt    .                      I
        SessionEnd             end          .                      E
        SessionStart(resume)   resume       gap=short,other_run    T
        """,
    ),
}


def told(said: str) -> dict[str, Any]:
    """The circumstances written in one column of an order."""
    if said == ".":
        return {}
    pairs = (word.partition("=") for word in said.split(","))
    return {name: value or True for name, _, value in pairs}


@pytest.mark.parametrize("name", ORDERS)
def test_order(name: str) -> None:
    """Each order passes the states it must, and what was told is never refused."""
    traits, order = ORDERS[name]
    registers: Registers = ABSENT
    passed: list[str] = []
    expected: list[str] = []
    for line in order.strip().splitlines():
        native, event, said, letter = line.split()
        facts = Circumstances(**{"history": "kept", **traits, **told(said)})
        result = MACHINE.run(registers, event, facts)
        assert result.refusal is None, (native, result.refusal)
        registers = result.after(registers)
        passed.append(f"{native} {LETTER[registers.state]}")
        expected.append(f"{native} {letter}")
    assert passed == expected


def test_every_host_is_here() -> None:
    """No host whose orders are known is left out."""
    hosts = {name.partition(":")[0] for name in ORDERS}
    assert hosts == {"claude", "opencode", "mellea", "hermes", "gemini", "codex"}


def test_claude_compaction_keeps_the_briefing() -> None:
    """After a compaction reported twice the model counts as briefed exactly once."""
    registers: Registers = Registers(State.BETWEEN_TURN, epoch=1)
    injected: list[bool] = []
    for event in ("compacting", "compact", "brief", "compact"):
        registers = MACHINE.run(registers, event, Circumstances(**CLAUDE)).after(registers)
        injected.append(registers.governance_injected)
    assert injected == [True, False, True, True]


def test_hermes_starts_once() -> None:
    """The three beginnings that Hermes reports for one session create it once."""
    registers: Registers = ABSENT
    emitted: list[str] = []
    for event in ("start", "start", "turn_start"):
        result = MACHINE.run(registers, event, Circumstances(**HERMES, gap="short"))
        registers = result.after(registers)
        emitted += [name for step in result.steps for name in step.emits]
    assert emitted.count("session.created") == 1
