"""
Scenarios with the real Hermes, run by the Python of its own environment.

``python hermes_driver.py SCENARIO OUT`` writes what was seen as JSON to OUT; the tests that
started it say what must have been.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.hosts.chat_server import ChatServer, request_text

Facts = dict[str, Any]

TOOLSETS = ["terminal", "file", "code_execution", "delegation", "todo", "memory"]
PATCH = """\
*** Begin Patch
*** Update File: plain.txt
@@
-a
+b
*** Add File: secret.txt
+x
*** End Patch
"""
SNEAKY = """\
from hermes_tools import terminal
word = 'FORB' + 'IDDEN'
print(terminal(command='touch ' + word))
"""
WAIT_SECONDS_MAX = 60


def shell(command: str) -> Mapping[str, Any]:
    return {"tool": "terminal", "args": {"command": command}}


def sent(server: ChatServer) -> list[dict[str, Any]]:
    """What the agent's model was sent; not what titles and summaries are made with."""
    return [one for one in server.requests if one.get("tools")]


def results(server: ChatServer) -> list[str]:
    """The results of tools in the last request."""
    messages = sent(server)[-1]["messages"]
    return [str(one["content"]) for one in messages if one["role"] == "tool"]


def agent(server: ChatServer, **more: Any) -> Any:
    import hermes_cli.plugins as plugins
    from run_agent import AIAgent

    plugins.discover_plugins()
    given: Facts = {
        "base_url": server.url,
        "api_key": "none",
        "provider": "custom",
        "model": "scripted",
        "skip_memory": True,
        "skip_context_files": True,
        "quiet_mode": True,
        "enabled_toolsets": TOOLSETS,
        "platform": "cli",
    }
    return AIAgent(**{**given, **more})


def until(holds: Callable[[], bool]) -> bool:
    end = time.monotonic() + WAIT_SECONDS_MAX
    while not holds() and time.monotonic() < end:
        time.sleep(0.05)
    return holds()


def plugin_facts() -> Facts:
    import hermes_cli.plugins as plugins

    found = plugins.get_plugin_manager()._plugins
    return {
        name: {"enabled": one.enabled, "error": one.error, "source": one.manifest.source}
        for name, one in found.items()
        if "governance" in name
    }


def tools(server: ChatServer) -> Facts:
    """What rules do with tools, in three turns of one session."""
    Path("plain.txt").write_text("a\n")
    server.scripts["one"] = [
        shell("touch FORBIDDEN"),
        shell("touch allowed"),
        shell("touch CLUMSY"),
        shell("touch QUESTION"),
        shell("echo TOPSECRET"),
        shell("echo NOTEWORTHY; env"),
    ]
    server.scripts["two"] = [
        {"tool": "patch", "args": {"mode": "patch", "patch": PATCH}},
        {"tool": "execute_code", "args": {"code": "open('FORBIDDEN', 'w')"}},
        {"tool": "execute_code", "args": {"code": SNEAKY}},
        {"tools": [("terminal", {"command": "touch p1"}), ("terminal", {"command": "touch p2"})]},
        shell(f"{sys.prefix}/bin/governance pause --for 10m --reason mine"),
        {"tool": "todo", "args": {"todos": [{"id": "1", "content": "x", "status": "pending"}]}},
    ]
    made = agent(server)
    one = made.run_conversation("SCENARIO:one go")
    first, seen = request_text(sent(server)[0]), results(server)
    made.run_conversation("SCENARIO:two go", conversation_history=one["messages"])
    return {
        "session": made.session_id,
        "plugins": plugin_facts(),
        "first_request": first,
        "one": seen,
        "two": results(server)[len(seen) :],
        "last_request": request_text(sent(server)[-1]),
        "files": sorted(one.name for one in Path().iterdir()),
    }


def gates(server: ChatServer) -> Facts:
    """Other plugins, people, and calls that name no session."""
    from hermes_cli.plugins import get_plugin_manager
    from model_tools import handle_function_call
    from tools import approval
    from tools.terminal_tool import set_approval_callback

    facts: Facts = {}
    made = agent(server)
    manager = get_plugin_manager()

    server.scripts["ask"] = [shell("touch QUESTION"), shell("touch QUESTION2")]
    answers = ["once", "deny"]
    facts["asked"] = []

    def person(command: str, description: str, **_: Any) -> str:
        facts["asked"].append(description)
        return answers.pop(0)

    os.environ["HERMES_INTERACTIVE"] = "1"
    set_approval_callback(person)
    made.run_conversation("SCENARIO:ask go")
    facts["ask"] = results(server)

    # Hermes has a gate of its own, and a person who says no there.
    Path("kept").touch(0o600)
    answers += ["deny", "deny"]
    server.scripts["own"] = [shell("chmod 777 kept"), shell("touch SLOPPY")]
    made.run_conversation("SCENARIO:own go")
    facts["own_gate"] = [facts["asked"].pop() for _ in range(len(facts["asked"]) - 2)]
    facts["mode"] = Path("kept").stat().st_mode & 0o777

    # Another plugin comes first and has a person agree to what we block.
    set_approval_callback(lambda *_, **__: "once")
    agreeing = [lambda **_: {"action": "approve", "message": "fine"}]
    manager._hooks["pre_tool_call"][:0] = agreeing
    server.scripts["overruled"] = [shell("touch FORBIDDEN"), shell("touch overruled")]
    made.run_conversation("SCENARIO:overruled go")
    facts["overruled"] = results(server)
    del manager._hooks["pre_tool_call"][0]

    # Another plugin changes the arguments after we have judged them.
    def changing(args: dict[str, Any], **_: Any) -> None:
        args["command"] = args["command"].replace("innocent", "FORBIDDEN")

    manager._hooks["pre_tool_call"].append(changing)
    server.scripts["changed"] = [shell("touch innocent")]
    made.run_conversation("SCENARIO:changed go")
    facts["changed"] = results(server)
    manager._hooks["pre_tool_call"].remove(changing)

    # Nobody is asked with --yolo.
    approval._YOLO_MODE_FROZEN = True
    server.scripts["yolo"] = [shell("touch QUESTION3")]
    made.run_conversation("SCENARIO:yolo go")
    facts["yolo"] = results(server)
    approval._YOLO_MODE_FROZEN = False
    del os.environ["HERMES_INTERACTIVE"]

    task = made._current_task_id
    call = {"command": "touch FORBIDDEN"}
    facts["of_task"] = handle_function_call("terminal", dict(call), task_id=task)
    facts["unbound"] = handle_function_call("terminal", {"command": "touch unbound"}, task_id="?")
    facts["strange_id"] = handle_function_call(
        "terminal", {"command": "touch strange"}, session_id="a/b"
    )

    manager.discover_and_load(force=True)
    server.scripts["again"] = [shell("touch FORBIDDEN")]
    made.run_conversation("SCENARIO:again go")
    facts["after_reload"] = results(server)
    facts["session"] = made.session_id
    facts["files"] = sorted(one.name for one in Path().iterdir())
    return facts


def lives(server: ChatServer) -> Facts:
    """Children, jobs, halts, compactions, and the end of the process."""
    from hermes_cli.plugins import invoke_hook

    facts: Facts = {}
    server.scripts["parent"] = [
        {"tool": "delegate_task", "args": {"goal": "SCENARIO:child go", "role": "leaf"}}
    ]
    server.scripts["child"] = [shell("touch FORBIDDEN"), shell("touch bychild")]
    parent = agent(server)
    parent.run_conversation("SCENARIO:parent go")
    facts["parent"] = parent.session_id
    facts["child_ran"] = until(lambda: Path("bychild").exists())

    job = agent(server, platform="cron")
    server.scripts["job"] = [shell("touch byjob")]
    job.run_conversation("SCENARIO:job go")
    facts["job"] = job.session_id

    halted = agent(server)
    server.scripts["halt"] = [shell("touch HALTNOW"), shell("touch afterhalt")]
    server.scripts["more"] = [shell("touch nextturn")]
    one = halted.run_conversation("SCENARIO:halt go")
    halted.run_conversation("SCENARIO:more go", conversation_history=one["messages"])
    facts["halted"] = halted.session_id
    facts["halt_request"] = request_text(sent(server)[-1])
    facts["halt"] = results(server)

    # The history is compacted in the terminal, where no event tells of it.
    from agent.context_compressor import SUMMARY_PREFIX

    old = agent(server)
    server.scripts["old"] = [{"text": "hello"}]
    server.scripts["new"] = [shell("touch aftercompaction")]
    old.run_conversation("SCENARIO:old go")
    compacted = [
        {"role": "user", "content": f"{SUMMARY_PREFIX}\nwe said hello"},
        {"role": "assistant", "content": "yes"},
    ]
    old.run_conversation("SCENARIO:new go", conversation_history=compacted)
    facts["compacted"] = old.session_id
    facts["compacted_request"] = request_text(sent(server)[-2])

    # A part of the history is cut off by somebody; no summary stands in its place.
    cut = agent(server)
    cut.run_conversation("SCENARIO:old go")
    cut.run_conversation("SCENARIO:new go", conversation_history=[])
    facts["cut"] = cut.session_id
    facts["cut_request"] = request_text(sent(server)[-1])

    # The terminal's /new: no ids lead from the one to the other.
    left = agent(server)
    left.run_conversation("SCENARIO:old go")
    invoke_hook("on_session_finalize", session_id=left.session_id, platform="cli")
    invoke_hook("on_session_reset", session_id="20300101_000000_new", platform="cli")
    invoke_hook("on_session_end", session_id=left.session_id, platform="cli", completed=True)
    facts["left"] = left.session_id
    facts["next"] = "20300101_000000_new"
    facts["files"] = sorted(one.name for one in Path().iterdir())
    return facts


def compactions(server: ChatServer) -> Facts:
    """Hermes' own compaction: in place, where no event tells of it, and under a new id."""
    from hermes_state import SessionDB

    facts: Facts = {}
    server.scripts["fill"] = [{"text": "hello " * 50}]
    for name, in_place in (("in_place", True), ("renamed", False)):
        made = agent(server, session_db=SessionDB())
        made.compression_in_place = in_place
        history: list[Any] = []
        for _ in range(8):
            said = "SCENARIO:fill go " + "word " * 200
            history = made.run_conversation(said, conversation_history=history)["messages"]
        before = made.session_id
        kept, _ = made._compress_context(history, None, approx_tokens=150_000, force=True)
        server.scripts["after"] = [shell(f"touch {name}")]
        made.run_conversation("SCENARIO:after go", conversation_history=kept)
        facts[name] = {
            "before": before,
            "after": made.session_id,
            "messages": [len(history), len(kept)],
            "request": request_text(sent(server)[-1]),
        }
    facts["files"] = sorted(one.name for one in Path().iterdir())
    return facts


def gateway(server: ChatServer) -> Facts:
    """A chat in the real gateway, with no platform connected."""
    import hermes_cli.plugins as plugins
    from gateway.config import GatewayConfig, Platform
    from gateway.platforms.base import MessageEvent
    from gateway.run import GatewayRunner
    from gateway.session import SessionSource

    server.scripts["talk"] = [shell("touch FORBIDDEN"), shell("touch allowed")]
    server.scripts["more"] = [shell("touch more")]
    os.environ["TMPDIR"] = facts_folder = tempfile.mkdtemp(dir=Path.cwd().parent)
    tempfile.tempdir = facts_folder
    facts: Facts = {"said": {}, "temporary": facts_folder}
    source = SessionSource(platform=Platform.TELEGRAM, chat_id="c1", user_id="u1", chat_type="dm")

    async def run() -> None:
        plugins.discover_plugins()
        runner = GatewayRunner(GatewayConfig(platforms={}))
        runner.hooks.discover_and_load()
        facts["hooks"] = [one["name"] for one in runner.hooks.loaded_hooks]
        key = runner._session_key_for_source(source)

        def now() -> str:
            return str(runner.session_store._entries[key].session_id)

        async def say(text: str) -> None:
            answer = await runner._handle_message(MessageEvent(text=text, source=source))
            facts["said"].setdefault(text, []).append(str(answer))

        await runner.hooks.emit("gateway:startup", {"platforms": []})
        await say("/title before any session")
        await say("SCENARIO:talk go")
        facts["first"] = now()
        facts["results"] = results(server)
        await say("/title in the session")
        await say("/profile")
        await say("/new")
        facts["second"] = now()
        await say("SCENARIO:talk again")
        compressed = {"platform": "telegram", "session_id": now(), "old_session_id": ""}
        await runner.hooks.emit("session:compress", {**compressed, "in_place": True})
        await say("SCENARIO:more go")
        facts["after_compress"] = request_text(sent(server)[-1])
        # As the gateway does by itself, when nothing can be compacted any more.
        await runner.async_session_store.reset_session(key)
        runner._evict_cached_agent(key)
        await say("SCENARIO:more again")
        facts["third"] = now()
        # The gateway's guard comes back when somebody clears Hermes' lists.
        plugins.get_plugin_manager()._hooks.clear()
        plugins.get_plugin_manager()._middleware.clear()
        server.scripts["cleared"] = [shell("touch FORBIDDEN")]
        await say("SCENARIO:cleared go")
        facts["cleared"] = results(server)[-1]

    asyncio.run(run())
    facts["files"] = sorted(one.name for one in Path().iterdir())
    return facts


def registry(server: ChatServer) -> Facts:
    """The gateway's own registry of hooks, alone."""
    from gateway.hooks import HookRegistry

    facts: Facts = {}

    async def run() -> None:
        hooks = HookRegistry()
        hooks.discover_and_load()
        chat = {"platform": "telegram", "user_id": "u1", "session_key": "agent:main:telegram:dm:c1"}
        for event in ("session:start", "agent:start", "session:end", "session:reset"):
            given = dict(chat)
            if event in ("session:start", "agent:start"):
                given["session_id"] = "one"
            await hooks.emit(event, given)
        words = {**chat, "raw_command": "x", "args": "a b", "raw_args": "a b"}
        for name in ("title", "profile", "help"):
            facts[name] = await hooks.emit_collect(f"command:{name}", {**words, "command": name})
        nobody = {"platform": "telegram", "user_id": "u9", "raw_args": ""}
        facts["nobody"] = await hooks.emit_collect("command:help", {**nobody, "command": "help"})
        await hooks.emit("session:start", {**chat, "session_id": "two"})

    asyncio.run(run())
    return facts


def broken(server: ChatServer) -> Facts:
    """Tools and commands where governance cannot decide; `BREAK` says why it cannot."""
    if os.environ.get("BREAK") == "package":
        # As in an environment that the package is not installed in.
        sys.modules["governance"] = None  # type: ignore[assignment]
    import hermes_cli.plugins as plugins
    from gateway.hooks import HookRegistry
    from model_tools import handle_function_call

    plugins.discover_plugins()
    began = time.monotonic()
    facts: Facts = {"plugins": plugin_facts()}
    facts["result"] = handle_function_call(
        "terminal", {"command": "touch ran"}, session_id="broken", tool_call_id="c1"
    )
    facts["seconds"] = time.monotonic() - began

    async def run() -> None:
        hooks = HookRegistry()
        hooks.discover_and_load()
        given = {"platform": "x", "user_id": "u", "command": "help", "raw_args": ""}
        facts["command"] = await hooks.emit_collect("command:help", given)

    asyncio.run(run())
    facts["ran"] = Path("ran").exists()
    # The gateway's hook has been called by now.
    handle_function_call("terminal", {"command": "touch again"}, session_id="broken")
    facts["ran_again"] = Path("again").exists()
    return facts


def entry_point(server: ChatServer) -> Facts:
    """The plugin as an entry point, without the folder, and with both."""
    import hermes_cli.plugins as plugins

    plugins.discover_plugins()
    hooks = plugins.get_plugin_manager()._hooks
    ours = [one for one in hooks["pre_tool_call"] if type(one).__name__ == "_Ours"]
    return {"plugins": plugin_facts(), "callbacks": len(ours)}


def schemas(server: ChatServer) -> Facts:
    """The names and arguments of every tool that the client registers."""
    import model_tools  # noqa: F401 -- importing it registers them
    from tools.registry import registry

    return {
        name: sorted(one.schema.get("parameters", {}).get("properties", {}))
        for name, one in registry._tools.items()
    }


def main(scenario: str, out: str) -> None:
    server = ChatServer()
    file = Path("/dev/null") if scenario not in SCENARIOS else Path(out)
    config = Path(os.environ["HERMES_HOME"]) / "config.yaml"
    config.write_text(config.read_text().replace("http://127.0.0.1:9/v1", server.url))
    facts = SCENARIOS[scenario](server)
    file.write_text(json.dumps(facts))
    server.close()


SCENARIOS: dict[str, Callable[[ChatServer], Facts]] = {
    one.__name__: one
    for one in (tools, gates, lives, compactions, gateway, registry, broken, entry_point, schemas)
}

if __name__ == "__main__":
    main(*sys.argv[1:])
