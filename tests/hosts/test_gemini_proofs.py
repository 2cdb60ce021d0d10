"""The real Gemini CLI, governed: what its model reads, and what does not run."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping

import pytest

from governance.hosts.gemini_cli.tools import SHELL, TOOLS
from governance.states import State
from tests.hosts.gemini_client import YOLO
from tests.hosts.gemini_lab import GeminiLab
from tests.hosts.governed import DAY_MS, PACK
from tests.hosts.model_server import Step, request_text
from tests.hosts.proofs import proves

pytestmark = pytest.mark.real_client
PLAIN = ("--approval-mode", "default")
KEPT = """
[[rule]]
id = "trial.kept"
tools = ["read", "write", "edit", "grep", "glob"]
when.path = { path_under = "kept" }
action = "deny"
severity = "low"
message = "TRIAL-KEPT: this folder is not yours."
must_match = [{ tool = "read", path = "kept/note.txt" }]
must_not_match = [{ tool = "read", path = "note.txt" }]

[[rule]]
id = "trial.far"
tools = ["fetch"]
when.domains = "127.0.0.2"
action = "deny"
severity = "low"
message = "TRIAL-FAR: this host is not yours."
must_match = [{ tool = "fetch", url = "http://127.0.0.2/" }]
must_not_match = [{ tool = "fetch", url = "http://127.0.0.1/" }]
"""
SECRET = "HIDDEN-WORD"


def calling(*calls: tuple[str, Mapping[str, object]]) -> list[Step]:
    """A script that makes each of *calls* in a turn of its own."""
    return [*({"tool": name, "input": given} for name, given in calls), {"text": "done"}]


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


@proves("paths as the client reads them", "gemini-cli")
def test_each_reading_of_a_path_is_judged(gemini: GeminiLab) -> None:
    """A file that is kept is neither read nor written under a name that the client mends."""
    note = gemini.project / "kept" / "note.txt"
    note.parent.mkdir()
    note.write_text(SECRET)
    (gemini.project / "a" / "b").mkdir(parents=True)
    (gemini.project / "up").symlink_to("a/b")
    (gemini.project / "note").symlink_to("kept/note.txt")
    files = (
        "@kept/note.txt",
        "kept%2Fnote.txt",
        "@%6Bept/note.txt",
        "ke\0pt/note.txt",
        "a/%2E%2E/kept/note.txt",
        "up/../note",
    )
    folder: dict[str, object] = {"dir_path": "%6Bept", "pattern": "HIDDEN"}
    looks = calling(*(("read_file", {"file_path": one}) for one in files), ("grep_search", folder))
    listing = calling(("glob", {**folder, "pattern": "*"}))
    gemini.client.variables["GEMINI_CLI_TRUST_WORKSPACE"] = "true"
    gemini.script(look=looks, list=listing)
    gemini.run("SCENARIO:look go")
    assert [SECRET in one for one in gemini.results_seen()] == [True] * 7, "it reads them so"
    gemini.run("SCENARIO:list go")
    assert "note.txt" in gemini.results_seen()[0]

    before = len(gemini.server.requests)
    gemini.govern(more=KEPT)
    gemini.run("SCENARIO:look go")
    seen = gemini.results_seen()
    assert ["TRIAL-KEPT" in one for one in seen] == [True] * 6 + [False]
    assert "which folder" in seen[6]
    gemini.run("SCENARIO:list go")
    assert "which folder" in gemini.results_seen()[0]
    writes = [("write_file", {"file_path": one, "content": "mine"}) for one in files]
    edit = {"instruction": "x", "old_string": SECRET, "new_string": "mine"}
    absolute = str(gemini.project / "kept%2Fnote.txt")
    gemini.script(write=calling(*writes, ("replace", {"file_path": absolute, **edit})))
    gemini.run("SCENARIO:write go")
    assert ["TRIAL-KEPT" in one for one in gemini.results_seen()] == [True] * 7

    assert note.read_text() == SECRET
    assert not any(SECRET in request_text(one) for one in gemini.server.requests[before:])


@proves("an edit whose file the client looks for", "gemini-cli")
def test_an_edit_whose_file_is_looked_for_is_refused(gemini: GeminiLab) -> None:
    """A file that is kept is not found for the model, nor by a file that it has just made."""
    kept, free = gemini.project / "kept" / "own.txt", gemini.project / "src" / "free.txt"
    for file in (kept, free):
        file.parent.mkdir()
        file.write_text("one")

    def edit(path: str, old: str, new: str) -> tuple[str, dict[str, object]]:
        return "replace", {
            "file_path": path, "instruction": "x", "old_string": old, "new_string": new
        }  # fmt: skip

    made = ("write_file", {"file_path": "own.txt", "content": "decoy"})
    together: Step = {"tools": [made, edit("own.txt", "two", "three")]}
    gemini.client.variables["GEMINI_CLI_TRUST_WORKSPACE"] = "true"
    gemini.script(edit=[*calling(edit("ept/own.txt", "one", "two"))[:1], together])
    gemini.run("SCENARIO:edit go")
    assert (kept.read_text(), gemini.ran("own.txt")) == ("three", True), "it finds it so"
    (gemini.project / "own.txt").unlink()

    gemini.govern(more=KEPT)
    calls = (
        edit("own.txt", "three", "four"),
        edit("ept/own.txt", "three", "four"),
        edit(str(kept), "three", "four"),
        edit("src/free.txt", "one", "two"),
    )
    together = {"tools": [made, edit("own.txt", "three", "four")]}
    gemini.script(edit=[*calling(*calls)[:-1], together])
    gemini.run("SCENARIO:edit go")

    assert kept.read_text() == "three"
    assert free.read_text() == "two"
    assert gemini.ran("own.txt")
    seen = gemini.results_seen()
    assert ["which file" in one for one in seen] == [True, True, False, False, False, True]
    assert "TRIAL-KEPT" in seen[2]


@proves("each address of one fetch", "gemini-cli")
def test_each_address_of_one_fetch_is_judged(gemini: GeminiLab) -> None:
    """The client takes all addresses of a prompt, so one that is denied stops them all."""
    near, far = "http://127.0.0.1/a", "http://127.0.0.2/b"
    prompts = (f"summarize {near} and {far}", f"summarize {near}")
    gemini.script(fetch=calling(*(("web_fetch", {"prompt": one}) for one in prompts)))
    gemini.client.variables["GEMINI_CLI_TRUST_WORKSPACE"] = "true"
    gemini.run("SCENARIO:fetch go")
    # It goes to no host of this machine, and says of each that it would have.
    blocked = [
        [f"[Blocked Host] {one}" in seen for one in (near, far)] for seen in gemini.results_seen()
    ]
    assert blocked == [[True, True], [True, False]], "it takes them so"

    gemini.govern(more=KEPT)
    gemini.run("SCENARIO:fetch go")

    denied, allowed = gemini.results_seen()
    assert "TRIAL-FAR" in denied
    assert "Blocked Host" not in denied
    assert f"[Blocked Host] {near}" in allowed


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
