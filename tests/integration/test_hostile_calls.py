"""Harmful calls in hostile shapes, with the shipped packs: no host is told to run any."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from governance import cli
from governance.engine import Engine
from governance.hosts import HOOKED, installer_of
from governance.hosts.hermes.plugin import register
from governance.hosts.opencode.settings import SETTINGS
from governance.testing.host_contract_hook_driver import HookHost
from governance.testing.services import running_service
from tests.contract.hook_drivers import DRIVERS
from tests.integration.hermes_lists import Lists
from tests.integration.hostile_calls import (
    BESIDE,
    FINE,
    HARMFUL,
    MISSING,
    NAMES,
    NO_TEXTS,
    ODD_IDS,
    TEXTS,
    arguments,
    callers,
    payloads,
    protected,
    spellings,
    writers,
)

PLUGIN_DRIVER = Path(__file__).parents[1] / "unit" / "opencode_plugin_driver.mjs"
NODE = shutil.which("node")
SECONDS_MAX = 60
CALLERS = callers()
"""Each numbers its sessions, so that no two payloads are of one."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project as `governance init` makes it, with every host's hooks in it."""
    root = tmp_path_factory.mktemp("hostile")
    patch = pytest.MonkeyPatch()
    patch.setenv("HOME", str(root))
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "CODEX_HOME", "GEMINI_CLI_HOME"):
        patch.delenv(name, raising=False)
    folder = root / "project"
    folder.mkdir()
    assert cli.main(["init", str(folder)]) == 0
    for host in HOOKED:
        assert cli.main(["init", str(folder), "--host", host]) == 0
    yield folder
    patch.undo()


class Governed:
    """A host on the engine of the project, whose sessions are all briefed."""

    def __init__(self, host: HookHost, project: Path) -> None:
        self.host = host
        host.engine.close()
        host.engine = Engine.open(project, tools=(host.profile.tools,))

    def lets_run(self, event: str, data: bytes) -> bool:
        """Whether the host would run the tool after the answer to *data*."""
        told = self._begun(data)
        heard = self.host.heard(event, self.host.answer(event, told))
        assert not heard.granted
        return not heard.denied and not heard.asked

    def _begun(self, data: bytes) -> bytes:
        """*data*, of a session whose model knows what it has to, if *data* names one."""
        try:
            session = json.loads(data)["session_id"]
        except (ValueError, TypeError, KeyError, RecursionError):
            return data
        if not isinstance(session, str) or not session.startswith("hostile-"):
            return data
        self.host.send("start", session)
        self.host.send("prompt", session, text=f"go {session}")
        told = getattr(self.host, "told", None)
        if told is None or not data.endswith(b"}"):
            return data
        return data[:-1] + f', "told": {json.dumps(told)}}}'.encode()


@pytest.fixture
def governed(host: str, project: Path, tmp_path: Path) -> Iterator[Governed]:
    made = Governed(DRIVERS[host](tmp_path), project)
    yield made
    made.host.close()


@pytest.mark.parametrize("host", HOOKED)
def test_no_shape_of_a_harmful_call_is_let_through(host: str, governed: Governed) -> None:
    """Whatever the payload looks like, the answer keeps the tool from running."""
    caller = CALLERS[host]
    fine = json.dumps(caller.payload(FINE)).encode()
    assert governed.lets_run(caller.event, fine), "not everything is refused"
    shapes = [
        (f"{what} of {command}", data)
        for number, command in enumerate(HARMFUL)
        for at, (what, data) in enumerate(payloads(caller, command))
        if not at or at % len(HARMFUL) == number
    ]
    assert len(shapes) > 200

    let = [what for what, data in shapes if governed.lets_run(caller.event, data)]

    assert let == []
    assert governed.lets_run(caller.event, json.dumps(caller.payload(FINE)).encode())


@pytest.mark.parametrize("host", HOOKED)
@pytest.mark.parametrize("other", HOOKED)
def test_a_call_of_another_host_is_not_let_through(
    host: str, other: str, governed: Governed
) -> None:
    """A host's hook that is given what another host sends does not take it for leave."""
    data = json.dumps(CALLERS[other].payload(HARMFUL[0])).encode()

    assert not governed.lets_run(CALLERS[host].event, data)


@pytest.mark.parametrize("host", HOOKED)
def test_the_command_in_the_settings_refuses_what_it_cannot_read(
    host: str, project: Path, tmp_path: Path
) -> None:
    """The very line that the host runs: it denies in the host's shape, and lets nothing through."""
    caller = CALLERS[host]
    line = installer_of(host).commands(project)[caller.event]
    good = json.dumps(caller.payload(HARMFUL[0])).encode()
    heard = DRIVERS[host](tmp_path)

    for data in (good, good[:-1], good + good, good.decode().encode("utf-16"), b""):
        done = subprocess.run(
            ["/bin/sh", "-c", line], input=data, capture_output=True, timeout=SECONDS_MAX
        )
        assert heard.heard(caller.event, done.stdout).denied, data[:80]
        assert done.returncode == 0
    heard.close()


@pytest.mark.parametrize("host", ["claude-code"])
def test_the_shell_of_a_server_is_judged_by_what_it_runs(host: str, governed: Governed) -> None:
    """A tool that no table knows is read by what its arguments are called."""
    caller = CALLERS[host]
    call = caller.payload(HARMFUL[0], name="mcp__shell__run")

    assert not governed.lets_run(caller.event, json.dumps(call).encode())


@pytest.mark.parametrize("host", HOOKED)
def test_what_is_no_text_does_not_pass_for_absent(host: str, governed: Governed) -> None:
    """A call that nobody minds is refused where one of the texts it is decided by is none."""
    caller = CALLERS[host]
    assert governed.lets_run(caller.event, json.dumps(caller.payload(FINE)).encode())

    let = [
        (name, value)
        for name in TEXTS[host]
        for value in NO_TEXTS
        if governed.lets_run(
            caller.event, json.dumps(caller.payload(FINE, **{name: value})).encode()
        )
    ]

    assert let == []


@pytest.mark.parametrize("host", HOOKED)
def test_no_tool_of_a_host_changes_a_protected_file(
    host: str, governed: Governed, project: Path
) -> None:
    """Whichever tool writes, moves or deletes it, and however the file is spelled."""
    caller = CALLERS[host]
    for name, target in (("link.toml", "governance.toml"), ("folder", ".")):
        if not (project / name).is_symlink():
            (project / name).symlink_to(target)
    (project / "sub").mkdir(exist_ok=True)

    def asked(tool: str, args: object) -> bytes:
        made = caller.payload(FINE, name=tool, args=args, cwd=str(project))
        return json.dumps(made).encode()

    calls = [(tool, args) for one in protected(project) for tool, args in writers(host, one)]
    let = [call for call in calls if governed.lets_run(caller.event, asked(*call))]

    assert let == []


@pytest.mark.parametrize("host", HOOKED)
@pytest.mark.parametrize("levels", [40, *range(56, 67), 200])
def test_what_is_nested_deep_ends_no_session(
    host: str, levels: int, governed: Governed, project: Path
) -> None:
    """Arguments of a call that was refused or has run: what was written of them can be read."""
    caller = CALLERS[host]
    deep: Any = "x"
    for _ in range(levels):
        deep = [deep]
    server = {"gemini-cli": "mcp_x_echo", "opencode": "x_echo"}.get(host, "mcp__x__echo")
    asked = caller.payload(FINE, name=server, args={"path": "a", "deep": deep})
    event = {
        "PreToolUse": "PostToolUse",
        "BeforeTool": "AfterTool",
        "tool.execute.before": "tool.execute.after",
    }[caller.event]
    ran = {**asked, "hook_event_name": event}
    if host == "opencode":
        ran["input"] = {**asked["input"], "args": asked["output"]["args"]}
    governed.lets_run(caller.event, json.dumps(asked).encode())

    governed.host.answer(event, json.dumps(ran).encode())

    with Engine.open(project, tools=(governed.host.profile.tools,)) as fresh:
        assert "tool.finished" in [one.name for one in fresh.events(asked["session_id"])]
        assert fresh.state(asked["session_id"]).head


class Places(Lists):
    """The same, through which calls go."""

    def runs(self, **given: Any) -> bool:
        """Whether a call goes through all of Hermes' places to the tool itself."""
        given = {name: value for name, value in given.items() if value is not MISSING}
        (request,), (before,) = self._middleware["tool_request"], self._hooks["pre_tool_call"]
        changed = request(**given)
        if isinstance(changed, dict):
            given["args"] = changed["args"]
        directive = before(**given)
        if directive is not None and directive["action"] in ("block", "approve"):
            assert directive["message"]
            return False
        ran: list[bool] = []
        (around,) = self._middleware["tool_execution"]
        around(**given, next_call=lambda: ran.append(True))
        return bool(ran)


def test_no_shape_is_let_through_by_the_plugin_of_hermes(project: Path) -> None:
    """What the real client hands to a plugin, or could be made to, never runs the tool."""
    lists, numbers = Places(), iter(range(10_000))
    register(lists, project)

    def runs(**given: Any) -> bool:
        session = f"hermes-{next(numbers)}"
        hooks = lists._hooks
        told = hooks["pre_llm_call"][0](
            session_id=session, user_message="go", conversation_history=[]
        )
        messages = [{"role": "user", "content": f"go\n\n{told['context']}"}]
        hooks["pre_api_request"][0](session_id=session, request_messages=messages)
        call = {"session_id": session, "tool_name": "terminal", "tool_call_id": "c1"}
        return lists.runs(**{**call, **given})

    assert runs(args={"command": FINE}), "not everything is refused"
    for number, command in enumerate(HARMFUL):
        args = {"command": command}
        shapes: list[dict[str, Any]] = [
            *({"args": one} for _, one in arguments(command)),
            *({"args": {"command": one}} for _, one in spellings(command)),
            *({"args": args, "tool_name": one} for one in NAMES),
            *({"args": args, "session_id": one} for one in ODD_IDS),
            *({"args": args, "tool_call_id": one} for one in ODD_IDS),
            *({"args": args, name: value} for name, value in BESIDE.items()),
            {"tool_name": "execute_code", "args": {"code": [command]}},
            {"tool_name": "process", "args": {"action": "write", "data": f"{command}\n"}},
        ]
        share = [shapes[0], *shapes[number :: len(HARMFUL)]]
        assert [one for one in share if runs(**one)] == []
    assert runs(args={"command": FINE})


@pytest.mark.skipif(NODE is None, reason="platform: no node")
def test_no_shape_is_let_through_by_the_plugin_of_opencode(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the client hands to the plugin, it throws unless the engine allowed just that."""
    args = {"command": HARMFUL[0]}
    given = {"tool": "bash", "sessionID": "s", "callID": "c"}
    put: list[tuple[Any, Any]] = [
        (given, {"args": {"command": FINE}}),
        (given, {"args": args}),
        *((given, {"args": one}) for what, one in arguments(HARMFUL[0]) if one is not MISSING),
        *(({**given, "tool": one}, {"args": args}) for one in NAMES if one is not MISSING),
        *(({**given, "sessionID": one}, {"args": args}) for one in ODD_IDS if one is not MISSING),
        (given, {}), (given, None), (given, []), (None, {"args": args}), ({}, {"args": args}),
    ]  # fmt: skip
    steps = [{"hook": "tool.execute.before", "input": i, "output": o} for i, o in put]
    prompt = {"message": {"id": "m1", "agent": "build"}, "parts": [{"type": "text", "text": "go"}]}
    first = [
        {"hook": "chat.message", "input": {"sessionID": "s"}, "output": prompt},
        {
            "hook": "experimental.chat.system.transform",
            "input": {"sessionID": "s"},
            "output": {"system": ["<env>"]},
        },
    ]
    script, plugin = tmp_path / "script.json", tmp_path / "plugin.mjs"
    script.write_text(json.dumps([*first, *steps]))
    plugin.write_text((project / SETTINGS).read_text())
    assert NODE is not None

    monkeypatch.delenv("GOVERNANCE_SERVICE", raising=False)
    with running_service(project):
        done = subprocess.run(
            [NODE, str(PLUGIN_DRIVER), str(plugin), str(script)],
            capture_output=True,
            text=True,
            timeout=SECONDS_MAX,
        )

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)["told"][len(first) :]
    assert len(told) == len(steps)
    let = [one for one, came in zip(put, told, strict=True) if not came.get("thrown")]
    assert let == [(given, {"args": {"command": FINE}})]
