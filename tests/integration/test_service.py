"""The local service answers as a hook by itself would, and nothing of it can be relied upon."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from governance.cli.examining import CHECKS, Check, Surroundings
from governance.engine import Engine
from governance.formats import body_of
from governance.hooking.command_line import HOOK_FILE, import_folders
from governance.hooking.hook_client import frame, service_stamp
from governance.hooking.worker import run as run_worker
from governance.hosts.claude_code.adapter import ADAPTER
from governance.hosts.claude_code.tools import TOOLS
from governance.journal.opening import open_journal
from governance.project import Project, create_project
from governance.service import server
from governance.service.answering import READ_SECONDS_MAX
from governance.service.client import ServiceUnreachable, ask, service_command, socket_file, stop
from governance.service.projects import Projects
from governance.testing.services import kill_services, running_service, services_of
from tests.integration.conftest import RUN

HOST = "claude-code"
WAIT_SECONDS_MAX = 60
PACK = """
format = 1
[pack]
name = "own"
version = "1.0.0"
summary = "A pack of the project's own."

[[rule]]
id = "own.deny"
tools = ["shell"]
when.command = "forbidden"
action = "deny"
message = "OWN-DENIED"
must_match = [{ tool = "shell", command = "forbidden" }]
must_not_match = [{ tool = "shell", command = "fine" }]
"""
BRIEFED = '[packs]\npaths = ["shipped:briefing", "own.toml"]\n'
RAW = """
import os, socket, sys
link = socket.socket(socket.AF_UNIX)
link.settimeout(30)
os.chdir(os.path.dirname(sys.argv[1]))
link.connect(os.path.basename(sys.argv[1]))
link.sendall(sys.stdin.buffer.read())
got = b""
while not got or got[:1] not in (b"A", b"D", b"X"):
    head = b""
    while len(head) < 5:
        head += link.recv(5 - len(head))
    got = head[:1]
    size = int.from_bytes(head[1:], "big")
    while size:
        part = link.recv(size)
        got, size = got + part, size - len(part)
if sys.argv[2] == "told":
    link.sendall(b"k")
    assert link.recv(1) == b""
sys.stdout.buffer.write(got)
"""
"""A hook that can be told to die before it says that its answer is out."""


@frozen
class Place:
    """A project, and the environment of a person whose hooks may ask the service."""

    project: Path
    environment: Mapping[str, str]

    @property
    def home(self) -> Path:
        return Path(self.environment["HOME"])

    def hook(
        self,
        event: str = "PreToolUse",
        *,
        service: bool = True,
        now_ms: int | None = None,
        **more: object,
    ) -> subprocess.CompletedProcess[bytes]:
        """One hook as the client runs it, or as a replay does."""
        environment = dict(self.environment)
        if not service:
            environment["GOVERNANCE_SERVICE"] = "off"
        return subprocess.run(
            self.words(event) + ([] if now_ms is None else ["--now-ms", str(now_ms)]),
            input=payload(event, **more),
            capture_output=True,
            env=environment,
            timeout=60,
        )

    def be_patient(self) -> None:
        """For hooks that decide by themselves, many at once: on a busy machine that takes long."""
        with (self.project / "governance.toml").open("a") as file:
            file.write("[hosts.claude-code]\ndeadline_ms = 25_000\n")

    def words(self, event: str) -> list[str]:
        words = [sys.executable, "-I", "-S", str(HOOK_FILE), "--host", HOST]
        words += ["--dir", str(self.project), "--event", event]
        return words + [word for folder in import_folders() for word in ("--path", folder)]

    def rows(self, session: str) -> list[tuple[str, Mapping[str, Any]]]:
        """Kind and own fields of all rows of *session*."""
        with Engine.open(self.project, tools=(TOOLS,)) as engine:
            found = engine.journal.read(session)
        return [(one.kind, dict(body_of(one).get("data") or {})) for one in found]

    def kinds(self, session: str) -> list[str]:
        return [kind for kind, _ in self.rows(session)]


_NUMBER = iter(range(1_000_000))


def payload(event: str, **more: object) -> bytes:
    base: dict[str, object] = {"hook_event_name": event, "session_id": "s1", "cwd": "/"}
    if event.startswith(("PreTool", "PostTool")):
        base |= {"tool_name": "Bash", "tool_use_id": f"t{next(_NUMBER)}"}
        base["tool_input"] = {"command": more.pop("command", "fine")}
    return json.dumps(base | more).encode()


@contextlib.contextmanager
def placed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A governed project with a home of its own; what service it has is gone afterwards."""
    home = folder / "home"
    home.mkdir()
    for name in [one for one in os.environ if one.startswith("XDG_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("GOVERNANCE_SERVICE", raising=False)
    project = folder / "project"
    project.mkdir()
    (project / "own.toml").write_text(PACK)
    create_project(project, '[packs]\npaths = ["own.toml"]\n')
    open_journal(base=project, create=True).close()
    yield Place(project, {"HOME": str(home), "PATH": "/usr/bin:/bin"})
    with contextlib.suppress(ServiceUnreachable):
        stop()
    kill_services(home)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A project of this test's own."""
    with placed(tmp_path, monkeypatch) as made:
        yield made


@pytest.fixture(scope="module")
def service_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A project whose service runs through all tests that do it no lasting harm."""
    folder = tmp_path_factory.mktemp("served")
    with (
        pytest.MonkeyPatch.context() as monkeypatch,
        placed(folder, monkeypatch) as made,
        running_service(made.project),
    ):
        yield made


def until(holds: Callable[[], object]) -> None:
    end = time.monotonic() + WAIT_SECONDS_MAX
    while not holds():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)


def answered() -> int:
    """Calls that were answered, once no other one is under way."""
    until(lambda: (ask("status") or {}).get("connections") == 1)
    return int(str((ask("status") or {})["answered"]))


def reason(done: subprocess.CompletedProcess[bytes]) -> str:
    made = json.loads(done.stdout)["hookSpecificOutput"]
    assert made["permissionDecision"] == "deny"
    return str(made["permissionDecisionReason"])


def connected() -> socket.socket:
    file = socket_file()
    assert file is not None
    link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    link.settimeout(WAIT_SECONDS_MAX)
    handle = os.open(file.parent, os.O_RDONLY)
    try:
        link.connect(f"/proc/self/fd/{handle}/{file.name}")
    except OSError:
        link.close()
        raise
    finally:
        os.close(handle)
    return link


def request(place: Place, event: str, data: bytes, call: str = "c1", stamp: str = "") -> bytes:
    fields = (stamp or service_stamp(), call, HOST, event, str(place.project), "")
    return frame(b"Q", "\0".join(fields).encode()) + frame(b"P", data)


def asked(place: Place, event: str, data: bytes, call: str = "c1", then: str = "") -> bytes:
    """Kind and text of the answer to a hook of *event* that speaks for itself."""
    file = socket_file()
    assert file is not None
    return subprocess.run(
        [sys.executable, "-c", RAW, str(file), then],
        input=request(place, event, data, call),
        capture_output=True,
        env=dict(place.environment),
        check=True,
        timeout=60,
    ).stdout


def frames(link: socket.socket, most: int = 10) -> list[tuple[bytes, bytes]]:
    """What comes until the answer, or until the other end closes."""
    held, found = b"", []
    while len(found) < most and not (found and found[-1][0] in b"ADX"):
        while len(held) < 5 or len(held) < 5 + int.from_bytes(held[1:5], "big"):
            chunk = link.recv(1 << 16)
            if not chunk:
                return found
            held += chunk
        size = int.from_bytes(held[1:5], "big")
        found.append((held[:1], held[5 : 5 + size]))
        held = held[5 + size :]
    return found


def test_service_answers_as_a_hook_by_itself_does(place: Place) -> None:
    """Both ways to decide give the same bytes and leave the same rows."""
    with running_service(place.project):
        served = [place.hook(command=one) for one in ("fine", "forbidden")]
        assert answered() >= 2
    alone = [
        place.hook(service=False, command=one, session_id="s2") for one in ("fine", "forbidden")
    ]
    assert [one.stdout for one in served] == [one.stdout for one in alone]
    assert "OWN-DENIED" in reason(served[1])
    assert place.kinds("s1") == place.kinds("s2")


def times_of(place: Place, session: str) -> list[int]:
    with Engine.open(place.project, tools=(TOOLS,)) as engine:
        return [row.at_ms for row in engine.journal.read(session)]


def test_a_replay_is_decided_at_its_times(place: Place) -> None:
    """By an engine of its own: what really happens meanwhile has the real time."""
    begun_ms = int(time.time() * 1000)
    mark = Project(place.project).replay_mark()
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.touch()
    times = iter(range(1_700_000_000_000, 1_800_000_000_000, 60_000))
    with running_service(place.project):
        sent = []

        def served() -> bool:
            before = answered()
            sent.append(next(times))
            out = place.hook(command="fine", session_id="then", now_ms=sent[-1])
            assert b"is for replays" not in out.stdout
            return answered() > before

        until(served)
        assert served()
        place.hook(command="fine", session_id="now")
        assert served()
        mark.unlink()
        refused = place.hook(command="fine", session_id="then", now_ms=next(times))
        assert "is for replays" in reason(refused)
        place.hook(command="fine", session_id="now")
    assert list(dict.fromkeys(times_of(place, "then"))) == sent
    assert min(times_of(place, "now")) >= begun_ms


def test_what_replays_alone_have_started_ends_with_them(place: Place) -> None:
    """The service that they start opens nothing else, and is gone when the mark is."""
    mark = Project(place.project).replay_mark()
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.touch()
    until(lambda: bool(place.hook(now_ms=1_700_000_000_000)) and bool(services_of(place.home)))
    until(
        lambda: (
            bool(place.hook(now_ms=1_700_000_000_000)) and bool((ask("status") or {})["projects"])
        )
    )
    mark.unlink()
    until(lambda: not services_of(place.home))


def test_client_imports_nothing_heavy(place: Place) -> None:
    """A hook that the service answers loads one module of ours, and neither `json` nor `re`."""
    with running_service(place.project):
        place.hook()  # what is compiled of the client is kept from here on
        before = answered()
        words = place.words("PreToolUse")
        done = subprocess.run(
            [words[0], "-X", "importtime", *words[1:]],
            input=payload("PreToolUse"),
            capture_output=True,
            env=dict(place.environment),
            timeout=60,
        )
        assert answered() > before
    names = {line.split("|")[-1].strip() for line in done.stderr.decode().splitlines()[1:]}
    bare = subprocess.run(
        [words[0], "-X", "importtime", "-I", "-S", "-c", "pass"], capture_output=True, text=True
    )
    names -= {line.split("|")[-1].strip() for line in bare.stderr.splitlines()[1:]}
    assert names == {"hook_client", "_socket", "_signal"} or names == {"hook_client", "_socket"}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 4,
        b"GET / HTTP/1.1\r\n\r\n",
        frame(b"Q", b"a\0b"),
        frame(b"Q", b"\xff" * 100) + frame(b"P", b"{"),
        frame(b"Q", b"s\0c\0h\0e\0/\0" + b"9" * 5_000) + frame(b"P", b"{}"),
        b"Q\xff\xff\xff\xff" + b"x" * 100,
        frame(b"Z", b""),
        frame(b"C", b"restart"),
        frame(b"P", b"{}"),
    ],
)
def test_malformed_requests_are_dropped(service_place: Place, data: bytes) -> None:
    """Whatever is sent, the service says that others must decide, or nothing, and goes on."""
    with connected() as link:
        link.sendall(data)
        link.shutdown(socket.SHUT_WR)
        assert [kind for kind, _ in frames(link)] in ([], [b"X"])
    assert "OWN-DENIED" in reason(service_place.hook(command="forbidden", session_id="m"))


def test_huge_slow_and_many_requests_are_bounded(service_place: Place) -> None:
    """A payload that is too large, one that never ends and two thousand more change nothing."""
    with connected() as huge:
        huge.sendall(frame(b"Q", "\0".join((service_stamp(), "h", HOST, "", "/", "")).encode()))
        huge.sendall(b"P" + (17 * 1024 * 1024).to_bytes(4, "big"))
        assert [kind for kind, _ in frames(huge)] == [b"X"]
    slow = [connected() for _ in range(20)]
    for one in slow:
        one.sendall(b"Q\0")
    begun = time.monotonic()
    for _ in range(2_000):
        # Where it does not come after, who asks is told so at once.
        with contextlib.suppress(BlockingIOError, BrokenPipeError), connected() as link:
            link.sendall(b"C")
    assert "OWN-DENIED" in reason(service_place.hook(command="forbidden", session_id="h"))
    for one in slow:
        assert [kind for kind, _ in frames(one)] == [b"X"]
        one.close()
    assert time.monotonic() - begun >= READ_SECONDS_MAX
    until(lambda: (ask("status") or {})["connections"] == 1)


def test_payload_answered_twice_counts_once(service_place: Place) -> None:
    """What the service wrote before its hook gave up on it is not written again."""
    data = payload("Stop", session_id="twice")
    service_place.hook("UserPromptSubmit", session_id="twice", prompt="go")
    assert asked(service_place, "Stop", data, "c-twice") == b"A"
    before = service_place.rows("twice")

    run_worker(ADAPTER, Given(str(service_place.project), "Stop"), Line(data), "c-twice")
    assert service_place.rows("twice") == before

    run_worker(ADAPTER, Given(str(service_place.project), "Stop"), Line(data), "c-other")
    assert len(service_place.rows("twice")) > len(before)


@frozen
class Given:
    dir: str
    event: str
    now_ms: int | None = None
    home: str = ""
    config: str = ""
    state: str = ""


@frozen
class Line:
    """The worker's way back, for a payload that is decided in this process."""

    data: bytes

    def read(self) -> bytes:
        return self.data

    def limit(self, deadline_ms: int) -> None:
        """Nobody waits."""

    def answer(self, out: bytes, *, told: bool = False) -> bool:
        return False

    def note(self, text: str) -> None:
        raise AssertionError(text)

    def serve(self) -> None:
        """Nobody is there to start one."""


@pytest.mark.parametrize("flushed", [True, False])
def test_text_is_told_only_when_the_hook_wrote_it_out(place: Place, flushed: bool) -> None:
    """A briefing whose hook dies before its answer is out stays owed."""
    (place.project / "governance.toml").write_text(BRIEFED)
    with running_service(place.project):
        data = payload("SessionStart", source="startup")
        out = asked(place, "SessionStart", data, then="told" if flushed else "")
        assert (out[:1], b"governed" in out) == (b"D", True)
        until(lambda: (ask("status") or {})["connections"] == 1)
        assert ("governance.injected" in place.kinds("s1")) is flushed


def test_hook_says_that_it_was_told(place: Place) -> None:
    """A hook through the service briefs its session, before the next one comes."""
    (place.project / "governance.toml").write_text(BRIEFED)
    with running_service(place.project):
        assert b"governed" in place.hook("SessionStart", source="startup").stdout
        assert answered() >= 1
        assert "governance.injected" in place.kinds("s1")


def test_agents_are_no_host_to_the_service(service_place: Place) -> None:
    """A hook below the shell of a governed agent is refused, whatever it sends."""
    service_place.hook(session_id="agent")
    marks = {"CLAUDE_CODE_EXECPATH": "/x", "CLAUDE_CODE_SESSION_ID": "agent"}
    before = service_place.rows("agent")
    left = int(str((ask("status") or {})["left"]))
    shell = 'cat > /dev/null; "$@" < "$0"; true'
    file = service_place.project / "payload.json"
    for event in ("PreToolUse", "Stop"):
        file.write_bytes(payload(event, session_id="agent"))
        words = ["sh", "-c", shell, str(file), *service_place.words(event)]
        environment = {**service_place.environment, **marks}
        done = subprocess.run(words, env=environment, input=b"", capture_output=True, timeout=60)
        if event == "PreToolUse":
            assert "called from the shell of the agent" in reason(done)
    assert service_place.rows("agent") == before
    assert int(str((ask("status") or {})["left"])) == left + 2


FAKE = """
import os, socket, sys
link = socket.socket(socket.AF_UNIX)
os.chdir(sys.argv[1]); link.bind(sys.argv[2]); link.listen()
open("ready", "w").close()
while True:
    one, _ = link.accept()
    one.sendall(b"G\\0\\0\\0\\0A\\0\\0\\0\\0")
    open("asked", "w").close()
"""


def test_another_program_at_the_socket_is_not_believed(place: Place) -> None:
    """Who listens there and is not our script has no say, though it has the right user."""
    file = socket_file()
    assert file is not None
    file.parent.mkdir(mode=0o700, parents=True)
    words = [sys.executable, "-c", FAKE, str(file.parent), file.name]
    with subprocess.Popen(words) as fake:
        until((file.parent / "ready").exists)
        denied = place.hook(command="forbidden")
        fake.kill()
    assert "OWN-DENIED" in reason(denied)


@contextlib.contextmanager
def ending(answers: int) -> Iterator[None]:
    """Somebody who ends each call at the socket but the last of *answers*; 0: each."""
    file = socket_file()
    assert file is not None
    file.parent.mkdir(mode=0o700, parents=True)
    with socket.socket(socket.AF_UNIX) as listener:
        with contextlib.chdir(file.parent):  # the whole path may be too long for one
            listener.bind(file.name)
        listener.listen()

        def serve() -> None:
            number = 0
            with contextlib.suppress(OSError):
                while True:
                    link, _ = listener.accept()
                    number += 1
                    if number == answers:
                        link.recv(1_000)
                        link.sendall(frame(b"A", b'{"pid": 7}'))
                    link.close()

        thread = threading.Thread(target=serve)
        thread.start()
        yield
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_a_service_that_ends_is_asked_again(place: Place) -> None:
    """What was taken along by one that ends is answered by the next, or nobody is there."""
    with ending(answers=3):
        assert ask("status") == {"pid": 7}


def test_one_that_never_answers_is_said_to_be_there(place: Place) -> None:
    """It is not waited for any longer than a service takes to end."""
    with ending(answers=0), pytest.raises(ServiceUnreachable, match="ends each call"):
        ask("status")


def test_a_caller_that_cannot_be_told_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """The service goes on, counts it, and keeps nothing of it open."""

    def gone(_: socket.socket) -> None:
        raise OSError("the peer has gone")

    monkeypatch.setattr(server, "peer_of", gone)
    service = server.Service(Path("/nowhere"), "x", Projects(()), server.Installation(""))
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()) as caller,
    ):
        service._accept(listener)
        assert caller.recv(1) == b""
    assert (service.left, service.answered, service.status()["connections"]) == (1, 0, 0)


@pytest.mark.parametrize("mode", [0o755, 0o777])
def test_folder_that_others_may_enter_is_not_used(place: Place, mode: int) -> None:
    """A socket is only looked for where no other user could have put one."""
    with running_service(place.project):
        file = socket_file()
        assert file is not None
        before = answered()
        file.parent.chmod(mode)
        assert "OWN-DENIED" in reason(place.hook(command="forbidden"))
        file.parent.chmod(0o700)
        assert answered() == before


def test_changed_rules_count_at_once(place: Place) -> None:
    """A rule that is written between two calls decides the second; a broken one refuses it."""
    with running_service(place.project):
        assert place.hook(command="later").stdout == b""
        (place.project / "own.toml").write_text(PACK.replace("forbidden", "later"))
        assert "OWN-DENIED" in reason(place.hook(command="later"))
        (place.project / "own.toml").write_text("format = ")
        assert "own.toml" in reason(place.hook(command="fine"))
        (place.project / "own.toml").write_text(PACK)
        assert place.hook(command="later").stdout == b""


def _vanish(store: Path) -> None:
    for one in store.parent.glob("journal.db*"):
        one.unlink()


def _lose_the_log(store: Path) -> None:
    store.with_name("journal.db-wal").unlink()
    store.with_name("journal.db-shm").unlink()
    store.write_bytes(b"no store at all " * 1_000)


def _spoil(store: Path) -> None:
    with store.open("r+b") as stream:
        stream.write(b"no store at all " * 1_000)


@pytest.mark.parametrize("fault", [_vanish, _lose_the_log, _spoil])
def test_lost_store_is_refused(place: Place, fault: Callable[[Path], None]) -> None:
    """A journal that is deleted or spoilt under the service is missed, and not written on."""
    store = place.project / ".governance" / "journal.db"
    with running_service(place.project):
        assert place.hook().stdout == b""
        fault(store)
        after = store.read_bytes() if store.exists() else None
        assert "journal" in reason(place.hook())
        # Where the log is whole, SQLite itself mends pages from it once nobody has the store open.
        if fault is not _spoil:
            assert (store.read_bytes() if store.exists() else None) == after


def test_what_a_person_decides_elsewhere_counts_at_once(place: Place) -> None:
    """A pardon that another process writes is known to the service at the next call."""
    with running_service(place.project):
        place.hook("SessionStart", source="startup")
        with Engine.open(place.project, tools=(TOOLS,)) as other:
            other.session("s1", host=HOST).interrupt("elsewhere")
        place.hook("Stop")
        with Engine.open(place.project, tools=(TOOLS,)) as fresh:
            assert fresh.state("s1").head == fresh.journal.head("s1").seq
        assert answered() >= 2
    assert [kind for kind in place.kinds("s1") if "interrupt" in kind]


def test_other_installation_replaces_the_service(place: Place) -> None:
    """A hook of a changed installation is not answered, and the old service ends."""
    with running_service(place.project) as pid:
        data = payload("PreToolUse")
        with connected() as link:
            link.sendall(request(place, "PreToolUse", data, stamp="1.2.3"))
            assert frames(link) == [(b"X", b"another installation")]
        until(lambda: ask("status") is None)
        until(lambda: pid not in services_of(place.home))


def test_first_hooks_start_one_service(place: Place) -> None:
    """Six hooks at once and no service: all are answered, and one service is there."""
    place.be_patient()
    found: list[subprocess.CompletedProcess[bytes]] = []
    threads = [
        threading.Thread(target=lambda: found.append(place.hook(command="forbidden")))
        for _ in range(6)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert ["OWN-DENIED" in reason(one) for one in found] == [True] * 6
    until(lambda: str(place.project) in str((ask("status") or {}).get("projects")))
    assert len(services_of(place.home)) == 1
    before = answered()
    assert "OWN-DENIED" in reason(place.hook(command="forbidden"))
    assert answered() > before
    kinds = place.kinds("s1")
    assert kinds.count("tool.decided") == 7


def test_switched_off_projects_use_no_service(place: Place) -> None:
    """`service.enabled = false` starts none, and a running one does not answer for it."""
    with (place.project / "governance.toml").open("a") as stream:
        stream.write("[service]\nenabled = false\n")
    assert "OWN-DENIED" in reason(place.hook(command="forbidden"))
    assert services_of(place.home) == ()
    process = subprocess.Popen(service_command(place.project, "--stay"))
    try:
        until(lambda: ask("status"))
        assert "OWN-DENIED" in reason(place.hook(command="forbidden"))
        assert (ask("status") or {})["projects"] == []
    finally:
        stop()
        process.wait()


def test_service_without_calls_ends(place: Place) -> None:
    """`service.idle_seconds_max` after the last call the project is let go, and it ends."""
    with (place.project / "governance.toml").open("a") as stream:
        stream.write("[service]\nidle_seconds_max = 1\n")
    process = subprocess.Popen(service_command(place.project))
    assert process.wait(WAIT_SECONDS_MAX) == 0
    file = socket_file()
    assert file is not None
    assert not file.exists()
    assert [one.suffix for one in file.parent.iterdir()] == [".lock"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_dead_or_stopped_service_costs_time_alone(place: Place, number: signal.Signals) -> None:
    """Killed or stopped, it is done without, and another one is there for later calls."""
    place.be_patient()
    with running_service(place.project) as pid:
        os.kill(pid, number)
        assert "OWN-DENIED" in reason(place.hook(command="forbidden"))
        until(lambda: place.hook(command="forbidden").stdout and _other(place, pid))
    assert place.kinds("s1").count("tool.decided") >= 2


def _other(place: Place, pid: int) -> bool:
    with contextlib.suppress(ServiceUnreachable):
        return (ask("status") or {}).get("pid") not in (None, pid)
    return False


def test_killed_in_the_middle_of_decisions(place: Place) -> None:
    """Hooks whose service is killed while it decides get their answer, and count once."""
    calls = 12
    answers: list[bytes] = []
    place.be_patient()

    def work(worker: int) -> None:
        for number in range(calls):
            command = "forbidden" if number % 2 else "fine"
            done = place.hook(command=command, session_id=f"k{worker}")
            answers.append(command.encode() + (b" denied" if done.stdout else b""))

    with running_service(place.project):
        threads = [threading.Thread(target=work, args=(one,)) for one in range(3)]
        for one in threads:
            one.start()
        while any(one.is_alive() for one in threads):
            time.sleep(0.3)
            kill_services(place.home)
    assert set(answers) == {b"fine", b"forbidden denied"}
    for worker in range(3):
        assert place.kinds(f"k{worker}").count("tool.decided") == calls


def test_two_services_do_not_run_at_once(service_place: Place) -> None:
    """A second one says that there is one, and goes."""
    done = subprocess.run(
        service_command(service_place.project), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert "already" in done.stderr


def test_doctor_shows_the_service(place: Place) -> None:
    """Whether it runs, has the project, may be used, and answers, is there to be seen."""

    def check() -> Check:
        return CHECKS["service"](Surroundings(Project(place.project), 0, place.environment))

    assert "does not run" in check().saw
    with running_service(place.project) as pid:
        assert str(pid) in check().saw
        assert "has this project open" in check().saw
        file = socket_file()
        assert file is not None
        file.parent.chmod(0o755)
        assert [one.code for one in check().findings] == ["GOV711"]
        file.parent.chmod(0o700)
        os.kill(pid, signal.SIGSTOP)
        assert [one.code for one in check().findings] == ["GOV711"]
        os.kill(pid, signal.SIGCONT)
    with (place.project / "governance.toml").open("a") as stream:
        stream.write("[service]\nenabled = false\n")
    assert "switched off" in check().saw


def test_command_tells_and_ends(place: Place) -> None:
    """`serve` runs it, `--status` shows it, and `--stop` is a person's."""

    def command(*words: str) -> subprocess.CompletedProcess[str]:
        environment = {**place.environment, "PYTHONPATH": str(HOOK_FILE.parents[2])}
        given = [sys.executable, "-c", RUN, "serve", "--dir", str(place.project), *words]
        return subprocess.run(
            given, env=environment, capture_output=True, text=True, timeout=60, stdin=-3
        )

    none = command("--status")
    assert (none.returncode, "no service runs" in none.stdout) == (1, True)
    assert command("--stop").returncode == 1
    environment = {**place.environment, "PYTHONPATH": str(HOOK_FILE.parents[2])}
    given = [sys.executable, "-c", RUN, "serve", "--dir", str(place.project)]
    with subprocess.Popen(given, env=environment) as process:
        until(lambda: str(place.project) in str((ask("status") or {}).get("projects")))
        told = json.loads(command("--status", "--format", "json").stdout)
        assert (told["ok"], told["pid"], told["projects"]) == (
            True, process.pid, [str(place.project)],
        )  # fmt: skip
        refused = command("--stop")
        assert (refused.returncode, "GOV602" in refused.stderr) == (2, True)
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_SECONDS_MAX) == 0
