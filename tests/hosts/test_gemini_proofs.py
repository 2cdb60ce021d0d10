"""The real Gemini CLI, governed: what its model reads, and what does not run."""

from __future__ import annotations

import json
import time

import pytest

from governance.hosts.gemini_cli.tools import SHELL, TOOLS
from governance.states import State
from tests.hosts.gemini_client import YOLO
from tests.hosts.gemini_lab import GeminiLab
from tests.hosts.governed import DAY_MS, PACK
from tests.hosts.model_server import request_text
from tests.hosts.proofs import proves

pytestmark = pytest.mark.real_client
PLAIN = ("--approval-mode", "default")


@proves("briefing in the first request", "gemini-cli")
@proves("PreCompress is no compaction", "gemini-cli")
def test_briefing_is_in_the_first_request(gemini: GeminiLab) -> None:
    """The model reads the briefing before it does anything, once, and nothing was compacted."""
    gemini.govern()
    gemini.script(talk=[{"text": "hello"}])

    gemini.run("SCENARIO:talk go")

    assert request_text(gemini.server.requests[0]).count("TRIAL-BRIEFING") == 1
    session = gemini.session
    gemini.until(lambda: gemini.state(session).state is State.ENDED)
    kinds = gemini.kinds(session)
    assert kinds.count("governance.injected") == 1
    assert "session.compacted" not in kinds
    assert "session.compacting" not in kinds


@proves("deny blocks, the model reads why", "gemini-cli")
def test_deny_blocks_and_the_model_reads_our_message(gemini: GeminiLab) -> None:
    """A denied tool does not run, also in yolo mode, and the model reads our message."""
    gemini.govern()

    gemini.bash("touch FORBIDDEN", "touch allowed")

    assert not gemini.ran("FORBIDDEN")
    assert gemini.ran("allowed")
    assert "TRIAL-DENIED: this is forbidden here." in gemini.results_seen()[0]
    assert gemini.decided() == ["deny", "allow"]
    assert gemini.state(gemini.session).ledger.counts["high"] == 1
    finished = [data for kind, data in gemini.rows(gemini.session) if kind == "tool.finished"]
    assert [data["outcome"] for data in finished] == ["ok"]
    assert "unasked" not in finished[0]


@proves("ask is denied", "gemini-cli")
def test_ask_is_denied(gemini: GeminiLab) -> None:
    """An ask would end the client's run without a word, so it is a deny that the model reads."""
    gemini.govern()

    gemini.bash("touch QUESTION")

    assert not gemini.ran("QUESTION")
    assert "TRIAL-ASKED" in gemini.results_seen()[0]


@proves("rewrite grants nothing", "gemini-cli")
@pytest.mark.parametrize(("mode", "policy", "runs"), [(YOLO, "", True), (YOLO, "deny", False)])
def test_rewrite_grants_nothing(
    gemini: GeminiLab, mode: tuple[str, ...], policy: str, runs: bool
) -> None:
    """A rewritten call runs exactly where the person's policies let that call run itself."""
    if policy:
        folder = gemini.client.home / ".gemini" / "policies"
        folder.mkdir()
        (folder / "own.toml").write_text(
            f'[[rule]]\ntoolName = "{SHELL}"\ncommandPrefix = "touch REWRITTEN"\n'
            f'decision = "{policy}"\npriority = 900\n'
        )
    gemini.govern()

    gemini.bash("touch CLUMSY", mode=mode)

    assert not gemini.ran("CLUMSY")
    assert gemini.ran("REWRITTEN") is runs
    # The outcome stands with the call that was asked about, though its arguments are others.
    (asked,) = gemini.rows_of(gemini.session, "tool.decided")
    finished = gemini.rows_of(gemini.session, "tool.finished")
    assert [one["call_id"] for one in finished] == [asked["call_id"]]
    assert [one["outcome"] for one in finished] == (["ok"] if runs else ["unknown"])
    assert not any("unasked" in one for one in finished)


@proves("what is merely allowed is not granted", "gemini-cli")
def test_what_we_merely_allow_is_not_granted(gemini: GeminiLab) -> None:
    """A call that no rule of ours minds is still the client's to refuse."""
    gemini.govern()

    gemini.bash("touch allowed", mode=PLAIN)

    assert not gemini.ran("allowed")


@proves("prompt is refused", "gemini-cli")
def test_refused_prompt_never_reaches_the_model(gemini: GeminiLab) -> None:
    """A refused prompt costs no request, and the person reads why."""
    gemini.govern()

    done = gemini.run("say the UNSPEAKABLE")

    assert gemini.server.requests == []
    assert "TRIAL-UNSPOKEN" in done.err


@proves("context after a tool", "gemini-cli")
def test_context_follows_a_tool(gemini: GeminiLab) -> None:
    """What a rule has to say of a result stands beside it in the next request."""
    gemini.govern()

    gemini.bash("echo NOTEWORTHY")

    assert "NOTEWORTHY" in gemini.results_seen()[0]
    assert "TRIAL-NOTED" in gemini.last_request()


@proves("withheld output", "gemini-cli")
def test_withheld_output_does_not_reach_the_model(gemini: GeminiLab) -> None:
    """A result that a rule withholds is replaced before the model reads it."""
    gemini.govern()

    gemini.bash("printf TOP; echo SECRET")

    assert "TRIAL-WITHHELD" in gemini.results_seen()[0]
    assert "TOPSECRET" not in gemini.last_request()


@pytest.mark.parametrize(
    ("gap_ms", "told", "times"),
    [
        pytest.param(
            0, "TRIAL-BRIEFING", 1,
            marks=proves("resume after 0 s: the briefing is still there", "gemini-cli"),
        ),
        pytest.param(
            3 * DAY_MS, "TRIAL-RESUMED", 2, marks=proves("resume after 3 days", "gemini-cli")
        ),
    ],
)  # fmt: skip
def test_resume_by_gap(gemini: GeminiLab, gap_ms: int, told: str, times: int) -> None:
    """The same id is taken up again; what the model is told anew depends on the gap alone."""
    gemini.govern()
    gemini.script(talk=[{"text": "hello"}])
    start = int(time.time() * 1000)
    gemini.at(start)
    gemini.run("SCENARIO:talk one")
    session = gemini.session

    gemini.at(start + gap_ms)
    gemini.run("SCENARIO:talk two", "--resume", session)

    assert gemini.last_request().count("TRIAL-BRIEFING") == 1
    assert told in gemini.last_request()
    assert "SCENARIO:talk one" in gemini.last_request(), "what we say costs no prompt"
    kinds = gemini.kinds(session)
    assert "session.resumed" in kinds
    assert kinds.count("governance.injected") == times


@proves("sub-agents are decided as their parent", "gemini-cli")
def test_sub_agents_are_decided_as_their_parent(gemini: GeminiLab) -> None:
    """No payload tells a sub-agent apart: what it does is denied and counted as the parent's."""
    gemini.govern()
    asked = {"agent_name": "generalist", "prompt": "SCENARIO:kid go"}
    kid = gemini.steps("touch FORBIDDEN", "touch allowed")[:2]
    gemini.script(
        parent=[{"tool": "invoke_agent", "input": asked}, {"text": "fine"}],
        kid=[*kid, {"tool": "complete_task", "input": {"result": "done"}}],
    )

    gemini.run("SCENARIO:parent go")

    assert not gemini.ran("FORBIDDEN")
    assert gemini.ran("allowed")
    assert [one for one in gemini.sessions() if "/" in one] == []
    assert gemini.decided() == ["allow", "deny", "allow"]
    assert gemini.state(gemini.session).ledger.counts["high"] == 1


@proves("parallel calls", "gemini-cli")
def test_parallel_calls_are_each_decided(gemini: GeminiLab) -> None:
    """Of calls made at once each is decided and settled by itself, and none is lost."""
    gemini.govern()
    names = ["one", "FORBIDDEN", "two", "three"]
    calls = [(SHELL, {"command": f"touch {name}", "description": "d"}) for name in names]
    gemini.script(many=[{"tools": calls}, {"text": "done"}])

    gemini.run("SCENARIO:many go")

    assert [gemini.ran(name) for name in names] == [True, False, True, True]
    assert sorted(gemini.decided()) == ["allow", "allow", "allow", "deny"]
    assert gemini.state(gemini.session).open_calls == ()
    with gemini.engine() as engine:
        assert engine.journal.verify().ok


@proves("variables of a repository move nobody's rules", "gemini-cli")
def test_variables_of_a_repository_move_nobody_s_rules(gemini: GeminiLab) -> None:
    """Rules that a person has for all projects hold, whatever its file of variables says."""
    own = gemini.client.home / ".config" / "session-governance"
    own.mkdir(parents=True)
    (own / "governance.toml").write_text('[packs]\npaths = ["mine.toml"]\n')
    (own / "mine.toml").write_text(PACK.read_text().replace("trial", "mine"))
    gemini.govern("[packs]\npaths = []\n")
    elsewhere = gemini.project / "elsewhere"
    moved = ("XDG_CONFIG_HOME", "XDG_STATE_HOME")
    (gemini.project / ".env").write_text("".join(f"{one}={elsewhere}\n" for one in moved))

    gemini.bash("touch FORBIDDEN", "touch allowed")

    assert (gemini.ran("allowed"), gemini.ran("FORBIDDEN")) == (True, False)
    assert "[mine.deny]" in gemini.results_seen()[0]
    (found,) = gemini.rows_of(gemini.session, "environment.overruled")
    assert sorted(found["places"]) == ["config", "state"]
    assert not elsewhere.exists()


@proves("what another hook changed is found", "gemini-cli")
def test_a_call_that_another_hook_changed_is_judged_as_it_ran(gemini: GeminiLab) -> None:
    """It has run: it is on record and counted, and the model reads that in place of its output."""
    gemini.govern()
    said = {"hookSpecificOutput": {"hookEventName": "BeforeTool",
            "tool_input": {"command": "touch FORBIDDEN; echo OUTPUT"}}}  # fmt: skip
    script = gemini.project / "other.sh"
    script.write_text(f"cat >/dev/null\necho '{json.dumps(said)}'\n")
    settings = json.loads(gemini.settings_file.read_text())
    other = {"type": "command", "command": f"sh {script}", "name": "other"}
    settings["hooks"]["BeforeTool"].append({"hooks": [other]})
    gemini.settings_file.write_text(json.dumps(settings))

    gemini.bash("touch allowed")

    assert (gemini.ran("allowed"), gemini.ran("FORBIDDEN")) == (False, True)
    (found,) = gemini.rows_of(gemini.session, "guard.bypassed")
    # The client has no ids: what was changed is a call that nobody had asked about.
    assert (found["rules"], found["why"]) == (["trial.deny"], "unasked")
    assert gemini.state(gemini.session).ledger.counts["high"] == 1
    (seen,) = gemini.results_seen()
    assert "as it ran nobody had asked for leave" in seen
    assert "OUTPUT" not in seen


@proves("interrupted by a failing model", "gemini-cli")
def test_failing_model_ends_the_session(gemini: GeminiLab) -> None:
    """When the model's service fails the client tells only of its end, which closes the turn."""
    gemini.govern()
    gemini.script(fails=[{"error": 400, "message": "scripted failure"}])

    gemini.run("SCENARIO:fails go")

    session = gemini.session
    gemini.until(lambda: gemini.state(session).state is State.ENDED)
    assert not gemini.state(session).registers.turn_open


@proves("uninstall leaves the very bytes", "gemini-cli")
def test_uninstall_leaves_the_very_bytes(gemini: GeminiLab) -> None:
    """After `init`, a run and `uninstall` both settings files are what they were."""
    trust, settings = gemini.client.trust_file, gemini.settings_file
    theirs = '{"hooks": {"AfterAgent": [{"hooks": [{"type": "command", "command": "true"}]}]} }\n'
    settings.parent.mkdir()
    settings.write_text(theirs)
    before = trust.read_bytes()
    gemini.govern()
    gemini.bash("touch FORBIDDEN")
    assert not gemini.ran("FORBIDDEN")
    assert trust.read_bytes() != before
    assert "GOV640" not in gemini.command("doctor")

    gemini.as_person("uninstall", "--host", "gemini-cli")

    assert trust.read_bytes() == before
    assert settings.read_text() == theirs
    gemini.client.variables["GEMINI_CLI_TRUST_WORKSPACE"] = "true"
    gemini.bash("touch FORBIDDEN")
    assert gemini.ran("FORBIDDEN"), "nothing governs any more"


@proves("tool table fits the client's schemas", "gemini-cli")
def test_every_tool_that_is_offered_is_known(gemini: GeminiLab) -> None:
    """The table knows each tool that the client offers to its model, by its arguments."""
    gemini.client.variables["GEMINI_CLI_TRUST_WORKSPACE"] = "true"
    gemini.script(talk=[{"text": "hello"}])

    gemini.run("SCENARIO:talk go")

    offered = {one["name"]: one for one in gemini.server.requests[0]["tools"]}
    assert SHELL in offered
    assert offered.keys() <= TOOLS.tools.keys()
    for name, one in offered.items():
        schema = one.get("parametersJsonSchema") or one.get("parameters") or {}
        known = TOOLS.tools[name]
        assert {*known.args, *known.fields.values()} <= schema.get("properties", {}).keys(), name


@proves("holes are where the page says", "gemini-cli")
def test_person_without_trust_has_no_hooks_and_no_run(gemini: GeminiLab) -> None:
    """Without a trusted folder the client does not work at all where nobody can be asked."""
    gemini.govern()
    gemini.client.trust_file.write_text("{}")

    done = gemini.run("SCENARIO:talk go")

    assert done.code != 0
    assert gemini.server.requests == []
