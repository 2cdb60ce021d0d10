"""Whatever breaks while the real client is at work, the tool does not run."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import pytest

from governance.hosts.claude_code.settings import SETTINGS
from tests.hosts.governed import spoil
from tests.hosts.lab import BYPASS, OWN_PACK, Lab
from tests.hosts.proofs import proves

pytestmark = pytest.mark.real_client


def broken_between_calls(lab: Lab, fault: Callable[[], object]) -> str:
    """Break something between two calls of one turn; what the model read of the second."""
    lab.script(
        work=[
            {"tool": "Bash", "input": {"command": "touch first"}},
            {"tool": "Bash", "input": {"command": "touch second"}, "before": fault},
            {"text": "done"},
        ]
    )
    lab.run("SCENARIO:work go", *BYPASS)
    assert lab.ran("first"), "the client was at work before the fault"
    assert not lab.ran("second"), "the tool ran in spite of the fault"
    return lab.results_seen()[-1]


def prompt_is_refused(lab: Lab) -> None:
    """A prompt after the fault reaches no model, and the person is told."""
    before = len(lab.server.requests)
    done = lab.run("SCENARIO:work again", *BYPASS)
    assert len(lab.server.requests) == before
    assert "governance" in done.out


@proves("fault: bad pack")
def test_bad_pack_denies(lab: Lab) -> None:
    """A pack that cannot be read refuses everything, by name."""
    lab.govern()
    pack = lab.project / "rules" / "pack.toml"

    told = broken_between_calls(lab, lambda: pack.write_text(pack.read_text() + "\nx = \n"))

    assert "pack.toml" in told
    prompt_is_refused(lab)


@proves("fault: missing pack")
def test_missing_pack_denies(lab: Lab) -> None:
    """A pack that is named and gone refuses everything, by name."""
    lab.govern()

    told = broken_between_calls(lab, (lab.project / "rules" / "pack.toml").unlink)

    assert "pack.toml" in told
    prompt_is_refused(lab)


@proves("fault: missing governance.toml")
def test_missing_configuration_denies(lab: Lab) -> None:
    """Without its configuration a governed project runs nothing, and none is made."""
    lab.govern()
    config = lab.project / "governance.toml"

    told = broken_between_calls(lab, config.unlink)

    assert "governance.toml" in told
    prompt_is_refused(lab)
    assert not config.exists()


@proves("fault: unwritable folder")
def test_unwritable_folder_denies(lab: Lab) -> None:
    """Where nothing can be written down nothing may run."""
    lab.govern()
    # To root no folder is unwritable, unless it gives that power up.
    if os.geteuid() == 0:
        lower = "setpriv --bounding-set -dac_override --inh-caps -dac_override "
        lab.edit_commands(prefix=lower)
        lab.edit_commands({f"{lower}exec ": f"exec {lower}"})
    private = lab.project / ".governance"

    def lock_away() -> None:
        for file in private.iterdir():
            if file.is_file():
                file.chmod(stat.S_IRUSR)
        private.chmod(stat.S_IRUSR | stat.S_IXUSR)

    told = broken_between_calls(lab, lock_away)
    private.chmod(stat.S_IRWXU)

    assert "governance" in told


@contextmanager
def locked(lab: Lab) -> Iterator[Callable[[], object]]:
    """A way to take the store's write lock, which is given back at the end."""
    with closing(sqlite3.connect(lab.store, isolation_level=None, check_same_thread=False)) as held:
        yield lambda: held.execute("BEGIN IMMEDIATE")


@proves("fault: locked store")
def test_locked_store_denies(lab: Lab) -> None:
    """A store that stays locked past the deadline refuses."""
    lab.govern(OWN_PACK + "\n[hosts.claude-code]\ndeadline_ms = 6000\n")

    with locked(lab) as take:
        told = broken_between_calls(lab, take)

    assert "governance" in told or "journal" in told


@proves("fault: damaged store")
def test_damaged_store_denies(lab: Lab) -> None:
    """A store that is no store any more refuses, and is left as it is."""
    lab.govern()

    told = broken_between_calls(lab, lab.damage_store)

    assert "journal.db" in told
    prompt_is_refused(lab)
    assert lab.store.read_bytes().startswith(b"\x00not a store")


@proves("fault: missing store")
def test_missing_store_denies(lab: Lab) -> None:
    """A store that vanished is not a new store: nothing runs, and none is made."""
    lab.govern()
    private = lab.project / ".governance"

    def vanish() -> None:
        for file in private.glob("journal.db*"):
            file.unlink()

    told = broken_between_calls(lab, vanish)

    assert "journal.db" in told
    prompt_is_refused(lab)
    assert list(private.glob("journal.db*")) == []


@proves("fault: import error")
def test_broken_installation_denies(lab: Lab) -> None:
    """An engine that cannot be imported refuses, and says what is missing."""
    lab.govern()
    lab.without_service()
    package = lab.own_installation()

    told = broken_between_calls(lab, partial(spoil, package))

    assert "nothing_of_that_name" in told
    prompt_is_refused(lab)


@proves("fault: no memory")
def test_no_memory_denies(lab: Lab) -> None:
    """An engine that gets no memory refuses."""
    lab.govern()
    lab.without_service()
    starve = lab.client.home / "starve"
    lab.edit_commands(prefix=f'[ -e "{starve}" ] && ulimit -v 24000; ')

    told = broken_between_calls(lab, starve.touch)

    assert "governance" in told
    prompt_is_refused(lab)


@proves("fault: own time-out")
def test_own_time_out_denies(lab: Lab) -> None:
    """A decision that takes too long is a deny of ours, before the client loses patience."""
    lab.govern(OWN_PACK + "\n[hosts.claude-code]\ndeadline_ms = 6000\n")
    lab.without_service()
    package = lab.own_installation()
    answer = package / "hooking" / "claude" / "answers.py"
    slow = answer.read_text().replace(
        "    if not replies:", "    import time\n\n    time.sleep(60)\n    if not replies:", 1
    )
    assert slow != answer.read_text()

    def slow_down() -> None:
        answer.write_text(slow)

    told = broken_between_calls(lab, slow_down)

    assert "6000 ms" in told


@proves("fault: the interpreter is gone")
def test_interpreter_that_is_gone_denies(lab: Lab) -> None:
    """Where the hook cannot be started the shell before it refuses."""
    lab.govern()
    interpreter = lab.own_interpreter()

    told = broken_between_calls(lab, interpreter.unlink)

    assert "governance doctor" in told
    prompt_is_refused(lab)


@proves("fault: the hook is killed")
def test_hook_that_is_killed_denies(lab: Lab) -> None:
    """Where the hook is killed, as by a system without memory, the shell before it refuses."""
    lab.govern()
    interpreter = lab.own_interpreter()

    told = broken_between_calls(lab, lambda: interpreter.write_text("#!/bin/sh\nkill -9 $$\n"))

    assert "governance doctor" in told
    prompt_is_refused(lab)


@proves("killed before the flush: unbriefed")
def test_killed_before_the_flush_is_unbriefed(lab: Lab) -> None:
    """A briefing that was rendered and never flushed was not given: the next answer has it."""
    lab.govern()
    package = lab.own_installation()
    die = 'if options.event == "SessionStart":\n{0}    os.kill(os.getpid(), 9)\n{0}'
    # Whoever decides, the service or the hook's own worker: this is the moment before the flush.
    for name, line in (("hook_alone", "return _write(body)"), ("hook_client", "_written(out)\n")):
        hook = package / "hooking" / f"{name}.py"
        whole = hook.read_text()
        at = whole.index(line)
        indent = whole[whole.rindex("\n", 0, at) + 1 : at]
        code = (
            die.format(indent)
            if name == "hook_alone"
            else die.format(indent).replace(
                "os.kill(os.getpid()", "__import__('os').kill(posix.getpid()"
            )
        )
        hook.write_text(whole[:at] + code + whole[at:])
    lab.script(talk=[{"text": "hello"}])

    lab.run("SCENARIO:talk go")

    session = str(lab.results[-1].result["session_id"])
    kinds = lab.kinds(session)
    assert kinds.index("session.created") < kinds.index("governance.injected")
    assert kinds.count("governance.injected") == 1
    # Flushed with the prompt's answer, hence after the turn had started.
    assert kinds.index("turn.started") < kinds.index("governance.injected")
    assert "TRIAL-BRIEFING" in lab.last_request()


@proves("uninstall leaves the very bytes")
def test_uninstall_leaves_the_very_bytes(lab: Lab) -> None:
    """After a governed run and its uninstall the settings are as the person had them."""
    file = lab.project / SETTINGS
    file.parent.mkdir()
    theirs = '{\n\t"permissions": {"allow": ["Bash(ls:*)"],   "deny": []}\n}\n'
    file.write_text(theirs)
    lab.govern()
    lab.bash("touch FORBIDDEN", "touch allowed")
    assert lab.ran("allowed")

    lab.as_person("uninstall", "--host", "claude-code")

    assert file.read_text() == theirs
    lab.bash("touch FORBIDDEN")
    assert lab.ran("FORBIDDEN"), "nothing of ours is left in the client's way"


@proves("tool table fits the client's schemas")
def test_tool_table_fits_the_schemas(lab: Lab) -> None:
    """Each tool that the client offers is in our table, with the arguments that it has."""
    from governance.hosts.claude_code.tools import TOOLS

    lab.govern()
    # Else the client names some of them alone, until its model looks for one.
    lab.client.variables["ENABLE_TOOL_SEARCH"] = "false"
    lab.script(talk=[{"text": "hello"}])
    lab.run("SCENARIO:talk go")

    offered = {one["name"]: one["input_schema"].get("properties", {})
               for one in lab.server.requests[0]["tools"]}  # fmt: skip
    assert {"Agent", "WebFetch", "NotebookEdit"} <= set(offered)
    assert set(offered) <= set(TOOLS.tools), "the client has a tool that we do not know"
    kinds = {"string": "str", "number": "float", "integer": "int", "boolean": "bool",
             "array": "list[str]"}  # fmt: skip
    for name, properties in offered.items():
        known = TOOLS.tools[name]
        for argument in known.fields.values():
            assert argument in properties, f"{name} has no argument {argument}"
        for argument, kind in known.args.items():
            told = properties[argument].get("type")
            assert told is None or kinds[told] == kind, f"{name}.{argument} is {told}"


@proves("holes are where the page says")
def test_holes_are_where_the_page_says(lab: Lab) -> None:
    """What the client lets past every hook is known, and still as the page has it."""
    page = (Path(__file__).parents[2] / "docs" / "hosts" / "claude-code.md").read_text()
    lab.govern()
    lab.script(talk=[{"text": "hello"}], two=[{"text": "second"}])
    (lab.project / "mentioned.txt").write_text("MENTIONED-TEXT\n")

    # A file that the user mentions is read without any tool.
    lab.run("SCENARIO:talk @mentioned.txt")
    assert "MENTIONED-TEXT" in lab.last_request()
    assert "`@file`" in page

    # Settings can be left out on the command line, and the hooks with them.
    lab.run("SCENARIO:two go", "--setting-sources", "user")
    assert "TRIAL-BRIEFING" not in lab.last_request()
    assert "--setting-sources" in page

    # A hook that is killed with the shell before it is, to the client, none.
    lab.edit_commands(prefix="kill -9 $$; ")
    lab.bash("touch FORBIDDEN")
    assert lab.ran("FORBIDDEN")
    assert "killed" in page

    # So is one that all hooks were switched off with.
    (lab.project / "FORBIDDEN").unlink()
    settings = json.loads(lab.settings_file.read_text())
    lab.settings_file.write_text(json.dumps(settings | {"disableAllHooks": True}))
    lab.bash("touch FORBIDDEN")
    assert lab.ran("FORBIDDEN")
    assert "disableAllHooks" in page
