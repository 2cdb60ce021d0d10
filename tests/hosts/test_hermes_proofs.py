"""The real Hermes Agent, governed: what its model reads, what does not run, what is recorded."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from governance.cli.examining import CHECKS, Check, Surroundings
from governance.hosts.hermes.tools import TOOLS
from governance.hosts.hermes.transcripts import find_transcripts
from governance.project import Project
from governance.states import State
from tests.hosts.chat_server import ChatServer, request_text
from tests.hosts.client_folder import client_folder
from tests.hosts.hermes_client import CONFIG, REPOSITORY, HermesLab, install
from tests.hosts.proofs import proves

pytestmark = pytest.mark.real_client

HOST = "hermes"
EXAMPLE = REPOSITORY / "examples" / "hermes_listener.py"
DENIED = "TRIAL-DENIED: this is forbidden here."
BRIEFING = "TRIAL-BRIEFING"
LATER_MS = 120_000

Facts = dict[str, Any]
Seen = tuple[HermesLab, Facts]


@pytest.fixture(scope="module")
def python() -> Path:
    """The Python of the pinned client's own environment."""
    return install()


@pytest.fixture(scope="module")
def make(python: Path) -> Iterator[Callable[[], HermesLab]]:
    """Makes governed homes of Hermes; this process has theirs for its own meanwhile."""
    patch = pytest.MonkeyPatch()
    with client_folder() as folder:
        made: list[HermesLab] = []

        def one() -> HermesLab:
            root = folder / str(len(made))
            patch.setenv("HOME", str(root / "home"))
            patch.delenv("XDG_CONFIG_HOME", raising=False)
            patch.delenv("XDG_STATE_HOME", raising=False)
            made.append(HermesLab(python, root))
            made[-1].govern()
            return made[-1]

        yield one
    patch.undo()


@pytest.fixture
def lab(make: Callable[[], HermesLab]) -> HermesLab:
    """A home of this test's own."""
    return make()


def driven(make: Callable[[], HermesLab], scenario: str) -> Seen:
    lab = make()
    return lab, lab.drive(scenario)


@pytest.fixture(scope="module")
def tools(make: Callable[[], HermesLab]) -> Seen:
    return driven(make, "tools")


@pytest.fixture(scope="module")
def gates(make: Callable[[], HermesLab]) -> Seen:
    return driven(make, "gates")


@pytest.fixture(scope="module")
def lives(make: Callable[[], HermesLab]) -> Seen:
    return driven(make, "lives")


@pytest.fixture(scope="module")
def compactions(make: Callable[[], HermesLab]) -> Seen:
    return driven(make, "compactions")


@pytest.fixture(scope="module")
def gateway(make: Callable[[], HermesLab]) -> Seen:
    """A gateway in which the example is installed as a listener."""
    lab = make()
    config = lab.project / "governance.toml"
    config.write_text(config.read_text() + '[listeners]\nentry_points = ["hermes-desk"]\n')
    installed = lab.root / "installed"
    about = installed / "hermes_desk-1.dist-info"
    about.mkdir(parents=True)
    shutil.copyfile(EXAMPLE, installed / "hermes_listener.py")
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: hermes-desk\nVersion: 1\n")
    (about / "entry_points.txt").write_text(
        "[governance.listeners]\nhermes-desk = hermes_listener:listen\n"
    )
    lab.command("trust", "--yes", "--key", lab.key)
    path = f"{installed}{os.pathsep}{REPOSITORY}"
    return lab, lab.drive("gateway", PYTHONPATH=path, DESK_BOOK=str(lab.root / "visits.jsonl"))


@pytest.fixture(scope="module")
def registry(make: Callable[[], HermesLab]) -> Seen:
    return driven(make, "registry")


def decided(lab: HermesLab, session: str) -> list[str]:
    return [data["action"] for kind, data in lab.rows(session) if kind == "tool.decided"]


def end_of(lab: HermesLab, session: str) -> list[str]:
    return [data["reason"] for kind, data in lab.rows(session) if kind == "session.ended"]


# -- tools ------------------------------------------------------------------------------


@proves("briefing in the first request, and it stays", HOST)
def test_briefing_is_in_the_first_request_and_stays_there(tools: Seen) -> None:
    """The model reads the briefing with the first message, once, and has it in the next turn."""
    lab, facts = tools

    assert facts["first_request"].count(BRIEFING) == 1
    assert facts["last_request"].count(BRIEFING) == 1
    assert lab.kinds(facts["session"]).count("governance.injected") == 1


@proves("deny blocks, the model reads why", HOST)
def test_deny_blocks_and_the_model_reads_why(tools: Seen) -> None:
    """A denied tool does not run, and its result is our message."""
    lab, facts = tools

    assert DENIED in json.loads(facts["one"][0])["error"]
    assert "FORBIDDEN" not in facts["files"]
    assert "allowed" in facts["files"]
    assert decided(lab, facts["session"])[:2] == ["deny", "allow"]


@proves("rewrite runs the other command", HOST)
def test_rewrite_runs_the_other_command(tools: Seen) -> None:
    """Rewritten arguments are those that run, and the model sees their result."""
    _, facts = tools

    assert json.loads(facts["one"][2])["exit_code"] == 0
    assert "REWRITTEN" in facts["files"]
    assert "CLUMSY" not in facts["files"]


@proves("ask without a person is refused", HOST)
def test_ask_without_a_person_is_refused(tools: Seen) -> None:
    """Where nobody is there, Hermes' gate refuses, and the journal says so."""
    lab, facts = tools

    assert "TRIAL-ASKED" in facts["one"][3]
    assert "QUESTION" not in facts["files"]
    settled = [data for kind, data in lab.rows(facts["session"]) if kind == "approval.settled"]
    assert [one["decision"] for one in settled] == ["denied"]


@proves("withheld output", HOST)
@proves("context after a tool", HOST)
def test_output_is_withheld_and_remarked_on(tools: Seen) -> None:
    """Output that a rule withholds never reaches the model; a remark stands below it."""
    _, facts = tools

    assert "TRIAL-WITHHELD" in facts["one"][4]
    assert "TOPSECRET" not in facts["one"][4]
    assert "NOTEWORTHY" in facts["one"][5]
    assert "TRIAL-NOTED" in facts["one"][5]


@proves("patches file by file", HOST)
def test_a_patch_of_two_files_is_judged_by_each(tools: Seen) -> None:
    """One forbidden file in a patch keeps all of it from being made."""
    _, facts = tools

    assert "TRIAL-FILE" in facts["two"][0]
    assert "secret.txt" not in facts["files"]


@proves("programs, and the tools that they call", HOST)
def test_a_program_is_judged_and_so_are_its_tools(tools: Seen) -> None:
    """Python that the agent runs is read as what it is, and its calls belong to the session."""
    _, facts = tools

    assert DENIED in facts["two"][1]
    assert json.loads(facts["two"][2])["status"] == "success"
    assert DENIED in facts["two"][2]
    assert "FORBIDDEN" not in facts["files"]


@proves("parallel calls", HOST)
def test_parallel_calls_and_those_of_the_agents_own_loop(tools: Seen) -> None:
    """Every call of one answer is decided and reported once, whichever way Hermes runs it."""
    lab, facts = tools

    assert {"p1", "p2"} <= set(facts["files"])
    finished = [data for kind, data in lab.rows(facts["session"]) if kind == "tool.finished"]
    done = [one for one in finished if one["outcome"] == "ok"]
    assert sum(one["tool"] == "todo" for one in done) == 1
    assert lab.state(facts["session"]).open_calls == ()


@proves("agent: governing itself fails", HOST)
def test_what_the_agent_starts_is_known_by_its_mark(tools: Seen) -> None:
    """A person's command refuses below the agent's shell, by the mark in its environment."""
    lab, facts = tools

    assert f"HERMES_SESSION_ID={facts['session']}" in facts["one"][5]
    assert any("GOV601" in one for one in facts["two"])
    assert not any("governance.paused" in lab.kinds(one) for one in lab.sessions())


# -- gates ------------------------------------------------------------------------------


@proves("ask with a person runs after a yes, stops after a no", HOST)
def test_ask_with_a_person(gates: Seen) -> None:
    """A person reads our reason; a yes runs the call, a no does not."""
    lab, facts = gates

    assert len(facts["asked"]) == 2
    assert all("TRIAL-ASKED" in one for one in facts["asked"])
    assert "QUESTION" in facts["files"]
    assert "QUESTION2" not in facts["files"]
    settled = [data for kind, data in lab.rows(facts["session"]) if kind == "approval.settled"]
    assert [one["decision"] for one in settled][:2] == ["approved", "denied"]


@proves("deny holds against another plugin", HOST)
def test_a_block_holds_against_another_plugin(gates: Seen) -> None:
    """What another plugin has a person agree to is still refused at the last look."""
    _, facts = gates

    assert DENIED in facts["overruled"][0]
    assert "FORBIDDEN" not in facts["files"]
    assert "overruled" in facts["files"]


@proves("arguments that another plugin changes are judged", HOST)
def test_arguments_that_change_are_judged_again(gates: Seen) -> None:
    """Arguments that another plugin puts in after the question do not slip through."""
    _, facts = gates

    assert DENIED in facts["changed"][0]


@proves("what is merely allowed is not granted", HOST)
@proves("rewrite grants nothing", HOST)
def test_what_is_not_denied_is_not_granted(gates: Seen) -> None:
    """What no rule minds, and what a rule makes of a call, Hermes' own gate still asks about."""
    lab, facts = gates

    assert len(facts["own_gate"]) == 2
    assert not any("TRIAL" in one for one in facts["own_gate"])
    assert facts["mode"] == 0o600
    assert decided(lab, facts["session"])[2:4] == ["allow", "rewrite"]


@proves("ask is denied where the client would say yes itself", HOST)
def test_ask_is_a_deny_where_the_host_would_answer_itself(gates: Seen) -> None:
    """With ``--yolo`` Hermes says yes to every question; so ours is none there."""
    _, facts = gates

    assert "nobody can be asked here" in facts["yolo"][0]
    assert "QUESTION3" not in facts["files"]


@proves("ids that the client leaves out", HOST)
def test_ids_that_the_host_leaves_out(gates: Seen) -> None:
    """A call under its task alone is its session's; one that names nothing is refused."""
    lab, facts = gates

    assert DENIED in facts["of_task"]
    assert "no session that is known" in facts["unbound"]
    assert "no session that is known" in facts["strange_id"]
    assert not {"unbound", "strange"} & set(facts["files"])
    assert lab.sessions() == [facts["session"]]


@proves("the guard is there after a reload", HOST)
def test_the_guard_is_there_after_plugins_were_loaded_anew(gates: Seen) -> None:
    """Hermes clears its lists and loads its plugins again; ours with them, once."""
    _, facts = gates

    assert DENIED in facts["after_reload"][0]


# -- lives of sessions --------------------------------------------------------------------


@proves("sub-agents are child sessions", HOST)
def test_children_are_sessions_of_their_own(lives: Seen) -> None:
    """A delegated agent has a session below its parent's, briefed, governed and ended."""
    lab, facts = lives
    children = [one for one in lab.sessions() if lab.state(one).identity.parent]

    assert facts["child_ran"]
    assert [lab.state(one).identity.parent for one in children] == [facts["parent"]]
    assert decided(lab, children[0]) == ["deny", "allow"]
    assert lab.state(children[0]).state is State.ENDED
    kinds = lab.kinds(facts["parent"])
    assert kinds.count("child.started") == kinds.count("child.ended") == 1
    assert "violation.counted" in kinds


@proves("each session ends once", HOST)
def test_every_session_ends_exactly_once(lives: Seen) -> None:
    """Whatever Hermes forgets: a job ends with its turn, the others with the process."""
    lab, facts = lives

    assert end_of(lab, facts["job"]) == ["job_done"]
    assert end_of(lab, facts["compacted"]) == ["process_ended"]
    assert end_of(lab, facts["left"]) == ["finalized"]
    assert all(len(end_of(lab, one)) == 1 for one in lab.sessions())


@proves("late events reopen nothing", HOST)
def test_late_events_reopen_nothing(lives: Seen) -> None:
    """Hermes reports a turn's end after the session's; it is recorded as late."""
    lab, facts = lives

    assert lab.kinds(facts["left"])[-2:] == ["session.ended", "event.late"]


@proves("reset: the next session continues the one before", HOST)
def test_a_new_session_continues_the_one_before(lives: Seen) -> None:
    """The terminal's ``/new`` names no other session; the new one is linked all the same."""
    lab, facts = lives

    assert lab.state(facts["next"]).identity.predecessor == facts["left"]


@proves("prompt is refused, and a halt is latched", HOST)
def test_a_halt_is_latched(lives: Seen) -> None:
    """After a halt no tool runs, also in the next turn, whose prompt the model reads as refused."""
    lab, facts = lives

    assert "TRIAL-HALTED" in facts["halt"][0]
    assert not {"HALTNOW", "afterhalt", "nextturn"} & set(facts["files"])
    assert "This prompt was refused" in facts["halt_request"]
    assert "session.halted" in lab.kinds(facts["halted"])


@proves("compaction: the reminder is next", HOST)
def test_compaction_in_the_terminal(lives: Seen) -> None:
    """No event tells of it; the history does, and the reminder is in the next request."""
    lab, facts = lives

    assert "TRIAL-REMINDER" in facts["compacted_request"]
    kinds = lab.kinds(facts["compacted"])
    assert kinds.count("session.compacted") == 1
    assert kinds.count("governance.injected") == 2


@proves("a history that was cut is briefed again", HOST)
def test_a_history_that_was_cut_is_briefed_again(lives: Seen) -> None:
    """A history without the briefing and without a summary owes the briefing again."""
    lab, facts = lives

    assert "TRIAL-REMINDER" in facts["cut_request"] or BRIEFING in facts["cut_request"]
    assert lab.kinds(facts["cut"]).count("governance.injected") == 2


@proves("compaction under the same id, and under a new one", HOST)
def test_compaction_by_hermes_itself(compactions: Seen) -> None:
    """In place it is one more epoch of the context; under a new id the old session ends."""
    lab, facts = compactions
    same, renamed = facts["in_place"], facts["renamed"]

    assert same["messages"][1] < same["messages"][0]
    assert same["before"] == same["after"]
    assert lab.kinds(same["before"]).count("session.compacted") == 1
    assert "TRIAL-REMINDER" in same["request"]
    assert renamed["before"] != renamed["after"]
    assert end_of(lab, renamed["before"]) == ["compressed"]
    assert lab.state(renamed["after"]).identity.predecessor == renamed["before"]
    assert BRIEFING in renamed["request"]
    assert {"in_place", "renamed"} <= set(facts["files"])


# -- the gateway --------------------------------------------------------------------------


@proves("gateway: tools", HOST)
def test_tools_in_the_gateway(gateway: Seen) -> None:
    """A chat's tools are governed like any other's."""
    lab, facts = gateway
    # A gateway works in its person's home.
    home = {one.name for one in (lab.root / "home").iterdir()}

    assert facts["hooks"] == ["governance"]
    assert DENIED in facts["results"][0]
    assert "FORBIDDEN" not in home
    assert "allowed" in home


@proves("gateway: slash commands are refused and redirected", HOST)
def test_slash_commands_are_denied_and_redirected(gateway: Seen) -> None:
    """A denied command does nothing and its user reads why; a redirected one is another."""
    lab, facts = gateway

    for asked in ("/title before any session", "/title in the session"):
        assert "TRIAL-SLASH" in facts["said"][asked][0]
    assert "User ID" in facts["said"]["/profile"][0]
    rows = lab.rows(facts["first"])
    ran = [data["name"] for kind, data in rows if kind == "command.executed"]
    assert ran == ["whoami", "new"]


@proves("gateway: a chat without a session", HOST)
def test_a_chat_without_a_session_has_a_place_of_its_own(gateway: Seen) -> None:
    """A command before the first session is put into no other; the session continues it."""
    lab, facts = gateway
    place = lab.sessions()[0]

    assert re.fullmatch(r"chat-[0-9a-f]{24}", place)
    assert lab.state(facts["first"]).identity.predecessor == place
    assert end_of(lab, place) == ["session_began"]


@proves("gateway: ends that it forgets", HOST)
def test_ends_that_the_gateway_forgets(gateway: Seen) -> None:
    """After ``/new``, after a start of its own, and at its end: each session ends once."""
    lab, facts = gateway

    assert end_of(lab, facts["first"]) == ["new_session"]
    assert end_of(lab, facts["second"]) == ["replaced"]
    assert end_of(lab, facts["third"]) == ["shutdown"]
    assert lab.state(facts["second"]).identity.predecessor == facts["first"]
    assert lab.state(facts["third"]).identity.predecessor == facts["second"]


@proves("gateway: state, figures, greeting and clean-up of a listener", HOST)
def test_the_example_gets_what_a_plugin_wants_of_sessions(gateway: Seen) -> None:
    """State of its own, figures, a welcome and a goodbye, and nothing left, for each session."""
    lab, facts = gateway
    book = [json.loads(line) for line in (lab.root / "visits.jsonl").read_text().splitlines()]
    said = (lab.root / "visits.said").read_text()

    chats = [facts[one] for one in ("first", "second", "third")]
    assert [one["session"] for one in book if one["turns"]] == chats
    assert [one["turns"] for one in book if one["turns"]] == [1, 2, 2]
    assert [one["refused"] for one in book if one["turns"]] == [1, 1, 1]
    for session in chats:
        assert f"{session}: welcome, u1" in said
        assert f"{session}: goodbye" in said
    assert not list(Path(facts["temporary"]).glob("visit-*"))


@proves("gateway: compaction", HOST)
def test_compaction_in_the_gateway(gateway: Seen) -> None:
    """``session:compress`` owes the reminder, and the next request holds it."""
    lab, facts = gateway

    assert lab.kinds(facts["second"]).count("session.compacted") == 1
    assert "TRIAL-REMINDER" in facts["after_compress"]


@proves("gateway: the guard is armed again", HOST)
def test_the_gateway_arms_the_guard_again(gateway: Seen) -> None:
    """Whoever clears Hermes' lists of plugins has not taken out the guard."""
    lab, facts = gateway

    assert DENIED in facts["cleared"]
    assert "it is now" in lab.log()


@proves("gateway: its registry alone", HOST)
def test_the_registry_alone(registry: Seen) -> None:
    """The hook directory decides on commands, and takes events without an id as information."""
    lab, facts = registry

    assert facts["title"][0]["decision"] == "deny"
    assert facts["profile"] == [{"decision": "rewrite", "command_name": "whoami", "raw_args": ""}]
    assert facts["help"] == []
    assert facts["nobody"][0]["decision"] == "deny"
    assert end_of(lab, "one") == ["replaced"]


# -- the program --------------------------------------------------------------------------


@proves("terminal: the end, and resume of a known id", HOST)
def test_the_program_itself(lab: HermesLab) -> None:
    """``hermes chat`` ends its session at its exit, resumes it, and keeps its briefing."""
    server = ChatServer()
    config = lab.home / "config.yaml"
    config.write_text(config.read_text().replace("http://127.0.0.1:9/v1", server.url))
    step = {"tool": "terminal", "args": {"command": "touch FORBIDDEN"}}
    server.scripts["go"] = [step, {"text": "bye"}]

    first = lab.chat("-q", "SCENARIO:go one", "-Q", "-t", "terminal")
    session = lab.sessions()[0]
    second = lab.chat("-q", "SCENARIO:go two", "-Q", "-t", "terminal", "--resume", session)
    server.close()

    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert lab.sessions() == [session]
    assert not (lab.project / "FORBIDDEN").exists()
    assert len(end_of(lab, session)) == 2
    assert lab.kinds(session).count("session.resumed") == 1
    last = [one for one in server.requests if one.get("tools")][-1]
    assert request_text(last).count(BRIEFING) == 1


@proves("holes are where the page says", HOST)
def test_safe_mode_loads_no_plugin(lab: HermesLab) -> None:
    """A known hole: ``HERMES_SAFE_MODE`` leaves plugins out; the gateway's hook puts ours back."""
    facts = lab.drive("broken", HERMES_SAFE_MODE="1")

    assert facts["plugins"] == {}
    assert facts["ran"]
    assert not facts["ran_again"]


@proves("transcript: what ran without us is found", HOST)
def test_calls_without_us_are_found(lab: HermesLab) -> None:
    """Calls of a Hermes that loads no plugin are found in its own record, once, and no others."""
    server = ChatServer()
    config = lab.home / "config.yaml"
    config.write_text(config.read_text().replace("http://127.0.0.1:9/v1", server.url))
    shell = [
        {"tool": "terminal", "args": {"command": one}}
        for one in ("touch FORBIDDEN", "touch one", "exit 3")
    ]
    # A tool that there is not, and one that fails, are none that ran without us.
    others = [{"tool": "nosuch", "args": {}}, {"tool": "read_file", "args": {"path": "no"}}]
    server.scripts["go"] = [*shell, *others, {"text": "bye"}]
    chat = ("-Q", "-t", "terminal,file")
    lab.chat("-q", "SCENARIO:go one", *chat)
    session = lab.sessions()[0]
    (found,) = find_transcripts(lab.project, lab.environment())
    assert found.session == session
    assert len({one.call_id for one in found.calls()}) == 4
    assert looked(lab).findings == ()

    on = config.read_text()
    config.write_text(on.replace("- governance", "- another"))
    lab.chat("-q", "SCENARIO:go two", *chat, "--resume", session)
    config.write_text(on)
    server.close()
    assert (lab.project / "FORBIDDEN").exists()

    (gap,) = looked(lab).findings
    assert gap.code == "GOV641"
    assert f"3 calls of session {session} of hermes" in gap.message
    (row,) = [data for kind, data in lab.rows(session) if kind == "guard.gap"]
    assert (row["host"], row["missed"]) == ("hermes", 3)
    assert looked(lab).findings == ()


def looked(lab: HermesLab) -> Check:
    """What `doctor` finds of the heartbeat; no call is too young to be missed."""
    now_ms = int(time.time() * 1000) + LATER_MS
    return CHECKS["heartbeat"](Surroundings(Project(lab.project), now_ms, lab.environment()))


# -- faults -------------------------------------------------------------------------------


def _no_configuration(lab: HermesLab) -> None:
    (lab.project / "governance.toml").unlink()


def _bad_pack(lab: HermesLab) -> None:
    (lab.project / "rules" / "pack.toml").write_text("nonsense")


def _no_store(lab: HermesLab) -> None:
    for file in (lab.project / ".governance").glob("journal.db*"):
        file.unlink()


def _no_record(lab: HermesLab) -> None:
    (lab.home / "plugins" / "governance" / "governance.json").unlink()


def _nothing(_: HermesLab) -> None:
    return None


FAULTS = (
    ("missing governance.toml", "configuration", _no_configuration, "GOV331"),
    ("bad pack", "pack", _bad_pack, "GOV101"),
    ("missing store", "store", _no_store, "GOV504"),
    ("missing record", "record", _no_record, "names no project"),
    ("import error", "package", _nothing, "No module named 'governance"),
)


@pytest.mark.parametrize(
    ("name", "breaks", "told"),
    [
        pytest.param(*given, marks=proves(f"fault: {fault}", HOST), id=given[0])
        for fault, *given in FAULTS
    ],
)
def test_nothing_runs_where_nothing_can_be_decided(
    lab: HermesLab, name: str, breaks: Callable[[HermesLab], None], told: str
) -> None:
    """Whatever of ours is broken: no tool and no command runs, and both say why."""
    breaks(lab)

    facts = lab.drive("broken", BREAK=name)

    assert not facts["ran"]
    assert not facts["ran_again"]
    assert told in json.loads(facts["result"])["error"]
    assert facts["command"][0]["decision"] == "deny"
    assert facts["plugins"]["governance"]["enabled"]


@proves("fault: own time-out", HOST)
def test_a_store_that_stays_locked_is_a_deny_in_time(lab: HermesLab) -> None:
    """An answer that takes longer than ``deadline_ms`` is a deny."""
    config = lab.project / "governance.toml"
    config.write_text(config.read_text() + "deadline_ms = 500\n")
    other = apsw.Connection(str(lab.project / ".governance" / "journal.db"))
    other.execute("BEGIN IMMEDIATE")

    facts = lab.drive("broken")
    other.close()

    assert not facts["ran"]
    assert "within 500 ms" in json.loads(facts["result"])["error"]


@proves("without us the tool runs", HOST)
def test_without_any_of_ours_the_tool_runs(lab: HermesLab) -> None:
    """The control: what these tests see refused does run in a Hermes that nobody governs."""
    lab.command("uninstall", "--host", "hermes", "--key", lab.key)

    facts = lab.drive("broken")

    assert facts["ran"]
    assert facts["ran_again"]
    assert facts["command"] == []


# -- installation ---------------------------------------------------------------------------


@proves("uninstall leaves the very bytes", HOST)
def test_uninstall_leaves_the_very_bytes(lab: HermesLab) -> None:
    """Home and settings are as before `init`, also after Hermes has used our files."""
    lab.drive("entry_point")

    lab.command("uninstall", "--host", "hermes", "--key", lab.key)

    left = (lab.home / "config.yaml").read_text()
    assert re.sub(r"http://127\.0\.0\.1:\d+/v1", "URL", left) == CONFIG.format(url="URL")
    assert not (lab.home / "hooks" / "governance").exists()
    assert not (lab.home / "plugins" / "governance").exists()


@proves("registered once, by either name", HOST)
def test_plugin_is_registered_once_by_either_name(lab: HermesLab) -> None:
    """With both the folder and the entry point enabled there is one guard."""
    config = lab.home / "config.yaml"
    both = config.read_text().replace(
        "    - governance\n", "    - governance\n    - session-governance\n"
    )
    config.write_text(both)

    facts = lab.drive("entry_point")

    assert all(one["enabled"] for one in facts["plugins"].values())
    assert facts["plugins"]["session-governance"]["source"] == "entrypoint"
    assert facts["callbacks"] == 1


@proves("tool table fits the client's schemas", HOST)
def test_the_table_fits_the_clients_tools(lab: HermesLab) -> None:
    """Every tool that the client registers is in the table, with the arguments it names."""
    schemas = lab.drive("schemas")

    assert sorted(set(schemas) - set(TOOLS.tools)) == []
    named = {
        f"{name}.{argument}"
        for name, tool in TOOLS.tools.items()
        if name in schemas
        for argument in {*tool.fields.values(), *tool.args}
        if argument not in schemas[name]
    }
    assert named == set()
