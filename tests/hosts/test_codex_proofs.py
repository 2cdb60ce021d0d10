"""The real Codex, governed: what its model reads, and what does not run."""

from __future__ import annotations

import json
import re
import subprocess
import time
from typing import Any

import pytest

from governance.hosts.codex.command_patches import INNER, UNSEEN
from governance.hosts.codex.tools import TOOLS
from governance.states import State
from tests.hosts.codex_client import FULL
from tests.hosts.codex_lab import SHELL, CodexLab
from tests.hosts.governed import DAY_MS
from tests.hosts.model_server import Step, request_text
from tests.hosts.proofs import proves

pytestmark = pytest.mark.real_client
READ_ONLY = ("--sandbox", "read-only")
PATCHING = "gpt-5.5"
"""A model that the client itself knows, and gives `apply_patch` to."""


@proves("briefing in the first request", "codex")
def test_briefing_is_in_the_first_request(codex: CodexLab) -> None:
    """The model reads the briefing before it does anything, and the journal says so."""
    codex.govern()
    codex.script(talk=[{"text": "hello"}])

    codex.run("SCENARIO:talk go")

    assert request_text(codex.server.requests[0]).count("TRIAL-BRIEFING") == 1
    kinds = codex.kinds(codex.session)
    assert kinds.index("governance.injected") < kinds.index("turn.started")
    assert codex.state(codex.session).state is State.ENDED


@proves("deny blocks, the model reads why", "codex")
def test_deny_blocks_and_the_model_reads_our_message(codex: CodexLab) -> None:
    """A denied tool does not run, also where the client holds nothing back any more."""
    codex.govern()

    codex.bash("touch FORBIDDEN", "touch allowed")

    assert not codex.ran("FORBIDDEN")
    assert codex.ran("allowed")
    assert "TRIAL-DENIED: this is forbidden here." in codex.results_seen()[0]
    assert codex.decided() == ["deny", "allow"]
    assert codex.state(codex.session).ledger.counts["high"] == 1


@proves("ask is denied", "codex")
def test_ask_is_denied(codex: CodexLab) -> None:
    """The client would run a tool that is asked about, so it is denied."""
    codex.govern()

    codex.bash("touch QUESTION")

    assert not codex.ran("QUESTION")
    assert "TRIAL-ASKED" in codex.results_seen()[0]


@proves("rewrite grants nothing", "codex")
@pytest.mark.parametrize(
    ("flags", "rule", "runs"),
    [(FULL, "", True), (READ_ONLY, "", False), (FULL, "forbidden", False)],
)
def test_rewrite_grants_nothing(
    codex: CodexLab, flags: tuple[str, ...], rule: str, runs: bool
) -> None:
    """A rewritten call runs exactly where the client's sandbox and rules let it run."""
    if rule:
        rules = codex.client.home / ".codex" / "rules"
        rules.mkdir()
        line = f'prefix_rule(pattern = ["touch", "REWRITTEN"], decision = "{rule}")\n'
        (rules / "default.rules").write_text(line)
    codex.govern()

    codex.bash("touch CLUMSY", flags=flags)

    assert not codex.ran("CLUMSY")
    assert codex.ran("REWRITTEN") is runs


@proves("what is merely allowed is not granted", "codex")
def test_what_we_merely_allow_is_not_granted(codex: CodexLab) -> None:
    """A call that no rule of ours minds is still the sandbox's to hold back."""
    codex.govern()

    codex.bash("touch allowed", flags=READ_ONLY)

    assert not codex.ran("allowed")
    assert codex.decided() == ["allow"]


@proves("prompt is refused", "codex")
def test_refused_prompt_never_reaches_the_model(codex: CodexLab) -> None:
    """A refused prompt costs no request."""
    codex.govern()

    codex.run("say the UNSPEAKABLE")

    assert codex.server.requests == []
    assert "violation.counted" in codex.kinds(codex.session)


@proves("context after a tool", "codex")
def test_context_follows_a_tool(codex: CodexLab) -> None:
    """What a rule has to say of a result stands beside it in the next request."""
    codex.govern()

    codex.bash("echo NOTEWORTHY")

    assert "NOTEWORTHY" in codex.results_seen()[0]
    assert "TRIAL-NOTED" in codex.last_request()


@proves("withheld output", "codex")
def test_withheld_output_does_not_reach_the_model(codex: CodexLab) -> None:
    """A result that a rule withholds is replaced before the model reads it."""
    codex.govern()

    codex.bash("printf TOP; echo SECRET")

    assert "TRIAL-WITHHELD" in codex.results_seen()[0]
    assert "TOPSECRET" not in codex.last_request()


@proves("compaction: the reminder is next", "codex")
def test_reminder_follows_a_compaction(codex: CodexLab) -> None:
    """After a compaction the model is told again, once."""
    codex.govern()
    config = codex.client.config_file
    config.write_text("model_auto_compact_token_limit = 5000\n" + config.read_text())
    # What is left after a compaction begins with the same prompt.
    again: list[Step] = [{"text": "after it"}]
    full: Step = {
        "tool": SHELL,
        "input": {"cmd": "true"},
        "input_tokens": 9000,
        "before": lambda: codex.script(long=again),
    }
    codex.script(long=[full])

    codex.run("SCENARIO:long go")

    assert len(codex.server.requests) == 3
    assert codex.last_request().count("TRIAL-REMINDER") == 1
    kinds = codex.kinds(codex.session)
    assert kinds.index("session.compacting") < kinds.index("session.compacted")
    assert kinds.count("session.compacted") == 1
    assert kinds.count("governance.injected") == 2


@pytest.mark.parametrize(
    ("gap_ms", "told", "times"),
    [
        pytest.param(0, "TRIAL-BRIEFING", 1,
                     marks=proves("resume after 0 s: the briefing is still there", "codex")),
        pytest.param(3 * DAY_MS, "TRIAL-RESUMED", 2, marks=proves("resume after 3 days", "codex")),
    ],
)  # fmt: skip
def test_resume_by_gap(codex: CodexLab, gap_ms: int, told: str, times: int) -> None:
    """The same id is taken up again; what the model is told anew depends on the gap alone."""
    codex.govern()
    codex.script(talk=[{"text": "hello"}])
    start = int(time.time() * 1000)
    codex.at(start)
    codex.run("SCENARIO:talk one")
    session = codex.session

    codex.at(start + gap_ms)
    codex.run("resume", session, "SCENARIO:talk two")

    assert codex.session == session
    assert codex.last_request().count("TRIAL-BRIEFING") == 1
    assert told in codex.last_request()
    kinds = codex.kinds(session)
    assert "session.resumed" in kinds
    assert kinds.count("governance.injected") == times


def spawn(codex: CodexLab, *after: Step) -> list[Step]:
    """A script that starts a sub-agent, waits for it, and goes on with *after*."""
    waited: dict[str, Any] = {"timeout_ms": 60_000}

    def name_it() -> None:
        found = re.search(r"agent_id\W+([0-9a-f-]{36})", codex.last_request())
        assert found is not None, "no sub-agent was started"
        waited["targets"] = [found[1]]

    return [
        {"tool": "multi_agent_v1:spawn_agent", "input": {"message": "SCENARIO:kid go"}},
        {"tool": "multi_agent_v1:wait_agent", "input": waited, "before": name_it},
        *after,
        {"text": "fine"},
    ]


def command(text: str) -> Step:
    return {"tool": SHELL, "input": {"cmd": text}}


@proves("fork is a branch", "codex")
def test_fork_is_a_branch(codex: CodexLab) -> None:
    """A fork has an id of its own, knows where it came from, and keeps the ledger."""
    codex.govern()
    codex.script(talk=[{"text": "hello"}])
    codex.bash("touch FORBIDDEN")
    old = codex.session

    codex.run("fork", old, "SCENARIO:talk go")

    new = codex.session
    assert new != old
    assert codex.state(new).identity.predecessor == old
    assert codex.state(new).ledger.counts["high"] == 1
    assert "TRIAL-BRIEFING" in codex.last_request()


@proves("sub-agents are child sessions", "codex")
def test_sub_agents_are_child_sessions(codex: CodexLab) -> None:
    """A sub-agent has a session below its parent's, a briefing, and its own decisions."""
    codex.govern()
    kid = [command("touch FORBIDDEN"), command("touch allowed"), {"text": "kid is done"}]
    codex.script(parent=spawn(codex), kid=kid)

    codex.run("SCENARIO:parent go")

    root = codex.session
    (child,) = [one for one in codex.sessions() if one.startswith(f"{root}/")]
    assert not codex.ran("FORBIDDEN")
    assert codex.ran("allowed")
    state = codex.state(child)
    assert (state.identity.parent, state.identity.depth) == (root, 1)
    assert state.state is State.ENDED
    asked = [one for one in codex.server.requests if "SCENARIO:kid" in request_text(one)
             and "SCENARIO:parent" not in request_text(one)]  # fmt: skip
    assert "TRIAL-BRIEFING" in request_text(asked[0])
    assert codex.state(root).ledger.counts["high"] == 1
    kinds = codex.kinds(root)
    assert kinds.index("child.started") < kinds.index("child.ended")


@proves("a child's third violation halts the parent", "codex")
def test_third_violation_of_a_child_halts_the_parent(codex: CodexLab) -> None:
    """What children do counts above them: the third grave one halts the whole session."""
    codex.govern()
    bad = [command(f"touch FORBIDDEN{number}") for number in range(3)]
    codex.script(
        parent=spawn(codex, command("touch allowed")),
        kid=[*bad, command("touch also"), {"text": "done"}],
    )

    codex.run("SCENARIO:parent go")

    root = codex.session
    assert not codex.ran("also")
    assert not codex.ran("allowed")
    assert "session.halted" in codex.kinds(root)
    before = len(codex.server.requests)
    codex.run("resume", root, "SCENARIO:parent again")
    assert len(codex.server.requests) == before, "a halted session takes no prompt"


PATCH_RULE = """
[[rule]]
id = "trial.patched"
tools = ["write", "edit", "delete"]
when.path = { glob = "./guarded.txt" }
action = "deny"
message = "TRIAL-PATCHED: not this file."
must_match = [{ tool = "write", path = "guarded.txt" }]
must_not_match = [{ tool = "write", path = "free.txt" }]
"""


@proves("patches file by file", "codex")
def test_patches_are_decided_file_by_file(codex: CodexLab) -> None:
    """A patch is a call for each file, and runs whole or not at all."""
    codex.govern(more=PATCH_RULE)
    both = "*** Add File: free.txt\n+one\n*** Add File: guarded.txt\n+two\n"
    free = "*** Add File: later.txt\n+three\n"
    # To the client this is a name like any other, and leads into the project.
    named = "*** Add File: ~/../guarded.txt\n+four\n"
    codex.script(
        patch=[
            {"tool": "custom:apply_patch", "input": f"*** Begin Patch\n{text}*** End Patch\n"}
            for text in (both, named, free)
        ]
    )

    codex.run("--model", PATCHING, "SCENARIO:patch go")

    assert not codex.ran("free.txt")
    assert not codex.ran("guarded.txt")
    assert codex.ran("later.txt")
    assert all("TRIAL-PATCHED" in one for one in codex.results_seen()[:2])
    assert codex.decided() == ["allow", "deny", "deny", "allow"]


@proves("patches in command lines", "codex")
def test_patches_in_command_lines_are_decided_file_by_file(codex: CodexLab) -> None:
    """The client's own program for patches does the same, and is judged as they are."""
    codex.govern(more=PATCH_RULE)
    patch = "apply_patch <<'EOF'\n*** Begin Patch\n*** Add File: {}\n+one\n*** End Patch\nEOF"
    codex.script(patch=codex.steps(patch.format("guarded.txt"), patch.format("free.txt")))

    codex.run("--model", PATCHING, "SCENARIO:patch go")

    assert not codex.ran("guarded.txt")
    assert codex.ran("free.txt")
    assert "TRIAL-PATCHED" in codex.results_seen()[0]
    assert codex.decided() == ["allow", "deny", "allow", "allow"]


HOOKS_RULE = """
[[rule]]
id = "trial.hooks"
tools = ["write", "edit", "delete"]
when.path = { glob = "/**/.codex/hooks.json" }
action = "deny"
message = "TRIAL-HOOKS: this file stays."
must_match = [{ tool = "delete", path = ".codex/hooks.json" }]
must_not_match = [{ tool = "delete", path = "free.txt" }]
"""


@proves("patches by the client's own option", "codex")
def test_patches_by_an_option_of_the_client_are_decided(codex: CodexLab) -> None:
    """Its binary applies a patch by itself, and would take our hooks away with it."""
    codex.govern(more=HOOKS_RULE)
    patch = (
        f"{codex.client.binary} --codex-run-as-apply-patch"
        " '*** Begin Patch\n*** {}\n*** End Patch'"
    )

    codex.bash(
        patch.format("Delete File: .codex/hooks.json"), patch.format("Add File: free.txt\n+one")
    )

    assert codex.settings_file.exists()
    assert codex.ran("free.txt"), "the client has this option no more"
    assert "TRIAL-HOOKS: this file stays." in codex.results_seen()[0]
    assert codex.decided() == ["allow", "deny", "allow", "allow"]


@proves("patches that nobody can read", "codex")
def test_patches_that_cannot_be_read_are_refused(codex: CodexLab) -> None:
    """A patch from a file, and the client as a helper of its own, run nothing."""
    codex.govern()
    binary = codex.client.binary
    (codex.project / "p").write_text("*** Begin Patch\n*** Add File: made\n+x\n*** End Patch")
    (codex.project / "kept").touch()
    removing = {"operation": "fs/remove", "params": {"path": (codex.project / "kept").as_uri()}}
    lines = (
        f'{binary} --codex-run-as-apply-patch "$(cat p)"',
        f"bash -c 'exec -a apply_patch \"$0\"' {binary} < p",
        f"{binary} --codex-run-as-fs-helper <<< '{json.dumps(removing)}'",
        "apply_patch < p",
    )

    codex.bash(*lines)

    assert not codex.ran("made")
    assert codex.ran("kept")
    seen = codex.results_seen()
    assert [UNSEEN in one for one in seen] == [True, True, False, True]
    assert INNER in seen[2]
    # Without hooks they do what is refused here.
    codex.as_person("uninstall", "--host", "codex")
    codex.bash(lines[0])
    assert codex.ran("made")
    (codex.project / "made").unlink()
    codex.bash(*lines[1:3])
    assert codex.ran("made")
    assert not codex.ran("kept")


@proves("parallel calls", "codex")
def test_parallel_calls_are_each_decided(codex: CodexLab) -> None:
    """Of calls made at once each is decided and settled by itself, and none is lost."""
    codex.govern()
    names = ["one", "FORBIDDEN", "two", "three"]
    codex.script(many=[{"tools": [(SHELL, {"cmd": f"touch {name}"}) for name in names]}])

    codex.run("SCENARIO:many go")

    assert [codex.ran(name) for name in names] == [True, False, True, True]
    assert sorted(codex.decided()) == ["allow", "allow", "allow", "deny"]
    assert codex.state(codex.session).open_calls == ()
    with codex.engine() as engine:
        assert engine.journal.verify().ok


@proves("what another hook changed is found", "codex")
def test_a_call_that_another_hook_changed_is_judged_as_it_ran(codex: CodexLab) -> None:
    """It has run: it is on record and counted, and the model reads that in place of its output."""
    codex.govern()
    changed = {"hookEventName": "PreToolUse", "permissionDecision": "allow",
               "updatedInput": {"command": "touch FORBIDDEN; echo OUTPUT"}}  # fmt: skip
    script = codex.project / "other.sh"
    script.write_text(f"cat >/dev/null\necho '{json.dumps({'hookSpecificOutput': changed})}'\n")
    settings = json.loads(codex.settings_file.read_text())
    other = {"type": "command", "command": f"sh {script}", "timeout": 30}
    settings["hooks"]["PreToolUse"].append({"hooks": [other]})
    codex.settings_file.write_text(json.dumps(settings))
    codex.edit_commands()

    codex.bash("touch allowed")

    assert (codex.ran("allowed"), codex.ran("FORBIDDEN")) == (False, True)
    (found,) = codex.rows_of(codex.session, "guard.bypassed")
    assert (found["rules"], found["why"]) == (["trial.deny"], "changed")
    assert codex.state(codex.session).ledger.counts["high"] == 1
    (seen,) = codex.results_seen()
    assert "its arguments were changed after they had been decided" in seen
    assert "OUTPUT" not in seen


@proves("interrupted by a failing model", "codex")
def test_failing_model_ends_the_session(codex: CodexLab) -> None:
    """When the model's service fails the client tells only of its end, which closes the turn."""
    codex.govern()
    codex.script(fails=[{"error": 400, "message": "scripted failure"}])

    codex.run("SCENARIO:fails go")

    state = codex.state(codex.session)
    assert state.state is State.ENDED
    assert not state.registers.turn_open


@proves("uninstall leaves the very bytes", "codex")
def test_uninstall_leaves_the_very_bytes(codex: CodexLab) -> None:
    """After `init`, a run and `uninstall` both settings files are what they were."""
    config, hooks = codex.client.config_file, codex.settings_file
    theirs = '{"hooks": {"Stop": [{"hooks": [{"type": "command", "command": "true"}]}]} }\n'
    hooks.parent.mkdir()
    hooks.write_text(theirs)
    before = config.read_bytes()
    codex.govern()
    codex.bash("touch FORBIDDEN")
    assert not codex.ran("FORBIDDEN")
    assert config.read_bytes() != before

    codex.as_person("uninstall", "--host", "codex")

    assert config.read_bytes() == before
    assert hooks.read_text() == theirs
    codex.bash("touch FORBIDDEN")
    assert codex.ran("FORBIDDEN"), "nothing governs any more"


@proves("what the client trusts is what we wrote", "codex")
def test_client_trusts_what_we_wrote(codex: CodexLab) -> None:
    """The client itself calls each hook of ours trusted; a changed one it passes over."""
    codex.govern()

    told = hooks_listed(codex)

    assert len(told) == len(codex.hook_commands()) == 10
    assert {one["trustStatus"] for one in told} == {"trusted"}
    assert "GOV640" not in codex.command("doctor")

    codex.settings_file.write_text(
        codex.settings_file.read_text().replace(" --host codex", "  --host codex")
    )
    codex.bash("touch FORBIDDEN")
    assert codex.ran("FORBIDDEN"), "a hook that is not trusted is none: `doctor` tells it"


def hooks_listed(codex: CodexLab) -> list[dict[str, Any]]:
    """The hooks of the project, as the client lists them."""
    with subprocess.Popen(
        [str(codex.client.binary), "app-server"],
        cwd=codex.project,
        env=codex.client.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        client = {"clientInfo": {"name": "proofs", "version": "1"}}
        for message in (
            {"id": 1, "method": "initialize", "params": client},
            {"method": "initialized"},
            {"id": 2, "method": "hooks/list", "params": {"cwds": [str(codex.project)]}},
        ):
            process.stdin.write(json.dumps(message) + "\n")
            process.stdin.flush()
        found: list[dict[str, Any]] = []
        for line in process.stdout:
            told = json.loads(line)
            if told.get("id") == 2:
                found = told["result"]["data"][0]["hooks"]
                break
        process.kill()
    return found


@proves("tool table fits the client's schemas", "codex")
@pytest.mark.parametrize("model", ["gpt-5", PATCHING])
def test_every_tool_that_is_offered_is_known(codex: CodexLab, model: str) -> None:
    """The table knows each tool that the client offers to its model."""
    codex.script(talk=[{"text": "hello"}])

    codex.run("--model", model, "SCENARIO:talk go")

    offered = {"Bash" if name == SHELL else name for name in offered_by(codex)}
    assert offered - {"write_stdin"} <= TOOLS.tools.keys()
    assert "Bash" in offered


def offered_by(codex: CodexLab) -> set[str]:
    found: set[str] = set()
    for tool in codex.server.requests[0]["tools"]:
        if tool["type"] == "namespace":
            found |= {one["name"] for one in tool["tools"]}
        else:
            found.add(tool.get("name") or tool["type"])
    return found


@proves("holes are where the page says", "codex")
def test_text_for_a_running_program_is_seen_by_no_hook(codex: CodexLab) -> None:
    """What is typed into a shell that runs already is no call to the client's hooks."""
    codex.govern()
    typed: dict[str, Any] = {"chars": "touch FORBIDDEN\n"}

    def name_it() -> None:
        found = re.search(r"running with session ID (\d+)", codex.last_request())
        assert found is not None, "no program is running"
        typed["session_id"] = int(found[1])

    opened = {"cmd": "sh", "tty": True, "yield_time_ms": 250}
    codex.script(
        typing=[
            {"tool": SHELL, "input": opened},
            {"tool": "write_stdin", "input": typed, "before": name_it},
            {"text": "done"},
        ]
    )

    codex.run("SCENARIO:typing go")

    codex.until(lambda: codex.ran("FORBIDDEN"))
    assert codex.decided() == ["allow"]
