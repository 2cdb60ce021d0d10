"""
What the hook does where no service answers: decide in processes of its own, or refuse.

Two processes. This one, the supervisor, imports next to nothing, forks, and waits; the
worker imports the engine, decides, and hands its answer back. Whatever becomes of the
worker (an import error, no memory, a crash in native code, a hang in a lock) the supervisor
is still there to answer in the host's own shape: a deny where leave was asked for, and
silence where something was only reported. That shape is all that the host's `refusal.py`
holds; where even that cannot be read, exit code 2 blocks wherever blocking is possible. A
worker counts its text as delivered only when the supervisor says that it was flushed.

Hosts let a tool run on every failure of a hook but a well-formed deny, and when they kill a
hook for being late. So the deadline here is shorter than theirs.

The script loads this file by itself, without its package, which may be what is broken.
"""

from __future__ import annotations

import os
import sys
import time

TYPE_CHECKING = False  # `typing` alone would cost more than all else that is imported here
if TYPE_CHECKING:
    from typing import Any

    from governance.hooking.hook_client import Options

DEADLINE_MS = 20_000
"""Until the worker has read the project's own."""

FRAME_BYTES_MAX = 64 * 1024 * 1024
LOG_NAME = "governance.log"
"""As `governance.project` names it; nothing of ours can be imported here."""

REFUSED = "refused: "
"""How the text of a line begins where no answer could be found; the status line looks for it."""

LOG_BYTES_MAX = 1_000_000
REASON_CHARS_MAX = 2_000
PROBLEMS_MAX = 3
REFUSAL_BYTES_MAX = 100_000


class Failed(Exception):
    """The worker gave no answer; the text says why, and is all that needs to be said."""

    plain = True


class Wire:
    """The worker's end: what it reads, and how it hands back what it found."""

    def __init__(self, data: bytes, out: int, ack: int) -> None:
        self._data = data
        self._out = out
        self._ack = ack

    def read(self) -> bytes:
        """The payload; what is too large was cut, and is still too large."""
        return self._data

    def limit(self, deadline_ms: int) -> None:
        """Tell the deadline of this event, counted from the start of the hook."""
        self._send(b"T", str(deadline_ms).encode())

    def answer(self, out: bytes, *, told: bool = False) -> bool:  # noqa: ARG002 -- the service asks
        """Hand over the answer; true when the client's end has it, flushed."""
        self._send(b"A", out)
        return os.read(self._ack, 1) == b"k"

    def failed(self, reason: str) -> None:
        """Hand over why there is no answer."""
        self._send(b"F", reason.encode("utf-8", "replace"))

    def note(self, text: str) -> None:
        """A line for the log that changes nothing in the answer."""
        self._send(b"L", text.encode("utf-8", "replace"))

    def serve(self) -> None:
        """The project wants a service, and there was none for this call."""
        self._send(b"S", b"")

    def _send(self, kind: bytes, body: bytes) -> None:
        data = kind + len(body).to_bytes(4, "big") + body
        while data:
            data = data[os.write(self._out, data) :]


def refuse(words: list[str], error: BaseException) -> int:
    """Answer the call that *words* stand for with a refusal, as *error* wants it; the exit code."""
    host, folder, event = (_word_after(one, words) for one in ("--host", "--dir", "--event"))
    return _refuse(host, event, folder, reason_of(error))


def _word_after(option: str, words: list[str]) -> str:
    return words[words.index(option) + 1] if option in words[:-1] else ""


def reason_of(error: BaseException) -> str:
    """*error* in words for a person and a model, bounded."""
    problems = getattr(error, "diagnostics", ())
    if problems:
        text = "; ".join(str(one) for one in problems[:PROBLEMS_MAX])
        left = len(problems) - PROBLEMS_MAX
        return f"{text}; and {left} more: run `governance check`" if left > 0 else text
    own = hasattr(error, "plain") or (hasattr(error, "code") and hasattr(error, "remedy"))
    text = str(error) if own else f"{type(error).__name__}: {error}"
    return text if len(text) <= REASON_CHARS_MAX else text[:REASON_CHARS_MAX] + " […]"


def supervise(options: Options, data: bytes, call: str, started: float) -> tuple[int, bool]:
    """
    Decide on *data* in a process of its own, and write the answer.

    Gives the exit code, and whether the project wants a service for the calls to come.

    Args:
        call: What a service may have taken this very payload by before it gave up.

        started: When the hook began, on the clock that only goes forward.
    """
    from_worker, to_supervisor = os.pipe()
    from_supervisor, to_worker = os.pipe()
    # A signal must find the handler in place: it waits until then.
    _hold_signals()
    worker = os.fork()
    if worker == 0:
        _leave_signals()
        _release_signals()
        os.close(from_worker)
        os.close(to_worker)
        _work(options, call, Wire(data, to_supervisor, from_supervisor))
    os.close(to_supervisor)
    os.close(from_supervisor)
    frames = Frames(from_worker, started)
    _heed_signals(options)
    try:
        _release_signals()
        code = _answered(options, frames)
        _linger(options, frames, to_worker)
    finally:
        os.close(to_worker)
        _bury(worker)
    return code, frames.wants_service


def _work(options: Options, call: str, wire: Wire) -> None:
    """The worker: never returns, prints nothing, and says what went wrong."""
    try:
        nowhere = os.open(os.devnull, os.O_RDWR)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        sys.path.extend(path for path in search_paths(options.paths) if path not in sys.path)
        # One answer, and the process ends: nothing lives long enough to be collected.
        import gc

        gc.disable()
        from governance.hooking.worker import run
        from governance.hosts import adapter_of

        run(adapter_of(options.host), options, wire, call)
    except BaseException as error:  # noqa: BLE001 -- whatever it is, the supervisor answers
        wire.failed(reason_of(error))
    finally:
        os._exit(0)


def search_paths(given: list[str]) -> list[str]:
    """
    Where the engine and what it needs are found: ``-S`` has no site-packages.

    First the folder that this file was installed into, then those that `init` recorded;
    with none recorded, the site-packages of the interpreter's own environment.
    """
    here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120
    root = os.path.dirname(os.path.dirname(here))  # noqa: PTH120
    if given:
        return [root, *given]
    home = os.path.dirname(os.path.dirname(sys.executable))  # noqa: PTH120
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    return [root, f"{home}/lib/{version}/site-packages"]


STOPPING = (1, 2, 15)
"""SIGHUP, SIGINT and SIGTERM; `signal` would cost more than all else that is imported here."""


def _hold_signals() -> None:
    import _signal  # type: ignore[import-not-found,unused-ignore]

    _signal.pthread_sigmask(_signal.SIG_BLOCK, STOPPING)


def _release_signals() -> None:
    import _signal  # type: ignore[import-not-found,unused-ignore]

    _signal.pthread_sigmask(_signal.SIG_UNBLOCK, STOPPING)


def _leave_signals() -> None:
    """A worker goes on until its supervisor ends it; what it starts heeds signals again."""
    import _signal  # type: ignore[import-not-found,unused-ignore]

    for one in STOPPING:
        _signal.signal(one, lambda _number, _frame: None)


def _heed_signals(options: Options) -> None:
    import _signal  # type: ignore[import-not-found,unused-ignore]

    for one in STOPPING:
        _signal.signal(one, lambda number, _: told_to_stop(options, number))


def told_to_stop(options: Options, number: int) -> None:
    """
    Being told to stop is a failure like any other, and must end in an answer.

    Where something is only reported nobody waits for one: a client that ends stops its hooks,
    and what they were told is written down all the same.
    """
    options.stopped_by = number
    shape = refusal_of(options.host) if options.event else None
    if shape is None or options.event in shape["DECIDING"]:
        require_reader(options)


def require_reader(options: Options) -> None:
    """Fail where nobody may be there to read an answer: it must not count as told."""
    if options.stopped_by:
        raise Failed(f"the hook was stopped by signal {options.stopped_by}")


def _ignore_signals() -> None:
    """From here on an answer is on its way: half of one, or two, would be none."""
    import _signal  # type: ignore[import-not-found,unused-ignore]

    for one in STOPPING:
        _signal.signal(one, _signal.SIG_IGN)


class Frames:
    """What the worker sends, frame by frame, until it is gone or time is up."""

    def __init__(self, pipe: int, started: float) -> None:
        import select

        self._pipe = pipe
        self._poll = select.poll()
        self._poll.register(pipe, select.POLLIN | select.POLLHUP)
        self._started = started
        self._held = bytearray()
        self.deadline_ms = DEADLINE_MS
        self.wants_service = False

    def next(self) -> tuple[bytes, bytes] | None:
        """The next frame, or ``None`` when the worker is gone. Raises `Failed` when late."""
        while (frame := _frame(self._held)) is None:
            left_ms = self.deadline_ms - (time.monotonic() - self._started) * 1000
            if left_ms <= 0 or not self._poll.poll(left_ms):
                raise Failed(f"no decision within {self.deadline_ms} ms")
            chunk = os.read(self._pipe, 1 << 16)
            if not chunk:
                return None
            self._held += chunk
        return frame


def _answered(options: Options, frames: Frames) -> int:
    """Wait for the answer and write it; the exit code."""
    while (frame := frames.next()) is not None:
        kind, body = frame
        if kind == b"A":
            if body:
                require_reader(options)
            _ignore_signals()
            return _write(body)
        if kind == b"F":
            raise Failed(body.decode("utf-8", "replace"))
        if kind == b"T":
            frames.deadline_ms = int(body)
        elif kind == b"S":
            frames.wants_service = True
        else:
            log(options.dir, options.event, body.decode("utf-8", "replace"))
    raise Failed("the deciding process died")


def _linger(options: Options, frames: Frames, ack: int) -> None:
    """
    Tell the worker that its answer was flushed, and wait while it writes that down.

    The answer is out: whatever goes wrong now is logged, for nothing more may be written.
    """
    try:
        os.write(ack, b"k")
        while (frame := frames.next()) is not None:
            text = frame[1].decode("utf-8", "replace")
            log(options.dir, options.event, f"after the answer: {text}")
    except (Failed, OSError) as error:
        log(options.dir, options.event, f"after the answer: {reason_of(error)}")


def _frame(held: bytearray) -> tuple[bytes, bytes] | None:
    """The first whole frame, taken out of *held*, or ``None``."""
    if len(held) < 5:
        return None
    size = int.from_bytes(held[1:5], "big")
    if size > FRAME_BYTES_MAX:
        raise Failed("the deciding process sent no sense")
    if len(held) < 5 + size:
        return None
    frame = bytes(held[:1]), bytes(held[5 : 5 + size])
    del held[: 5 + size]
    return frame


def _write(out: bytes) -> int:
    """All of *out* to the client, through no buffer."""
    while out:
        out = out[os.write(1, out) :]
    return 0


def _bury(worker: int) -> None:
    """No worker outlives its supervisor: what nobody waits for must not go on writing."""
    gone, _ = os.waitpid(worker, os.WNOHANG)
    if not gone:
        os.kill(worker, 9)
        os.waitpid(worker, 0)


def _refuse(host: str, event: str, folder: str, reason: str) -> int:
    """The answer where none could be found; nothing here may raise."""
    try:
        log(folder, event, f"{REFUSED}{reason}")
        told = f"governance cannot decide, so this is refused: {reason}"
        shape = refusal_of(host)
        if shape is None or not event:
            # In which shape to deny is not known: exit code 2 blocks wherever blocking is possible.
            os.write(2, told.encode("utf-8", "replace"))
            return 2
        if event not in shape["DECIDING"]:
            return 0
        return _write(shape["deny_bytes"](event, json_text(told)))
    except BaseException:  # noqa: BLE001 -- the last exit: a broken pipe, or no memory at all
        return 2


def refusal_of(host: str) -> dict[str, Any] | None:
    """
    What stands in the `refusal.py` of *host*, or ``None`` where there is none to be had.

    It is run as it is, without importing its package: that may be what is broken.
    """
    try:
        here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120
        name = host.replace("-", "_")
        if not name.isidentifier():
            return None
        file = os.path.join(os.path.dirname(here), "hosts", name, "refusal.py")  # noqa: PTH118, PTH120
        source = os.open(file, os.O_RDONLY)
        try:
            text = os.read(source, REFUSAL_BYTES_MAX)
        finally:
            os.close(source)
        found: dict[str, Any] = {"__name__": "refusal", "__file__": file}
        exec(compile(text, file, "exec"), found)  # noqa: S102 -- our own file, beside this one
    except BaseException:  # noqa: BLE001 -- whatever is wrong with it, it gives no shape
        return None
    return found if "DECIDING" in found and "deny_bytes" in found else None


def json_text(text: str) -> str:
    """
    *text* as a JSON string with its quotes, made without the json module.

    >>> json_text('no "x"')
    '"no \\\\"x\\\\""'
    """
    return '"' + "".join(_escaped(sign) for sign in text) + '"'


def _escaped(sign: str) -> str:
    if sign in '"\\':
        return "\\" + sign
    return sign if sign >= " " else f"\\u{ord(sign):04x}"


def log(folder: str, event: str, text: str) -> None:
    """
    One line in the project's log file, where there is a `.governance` folder for it.

    It is rotated once it is large, and it is never the reason for a failure.
    """
    try:
        home = os.path.join(folder, ".governance")  # noqa: PTH118
        if not folder or not os.path.isdir(home):  # noqa: PTH112
            return
        file = os.path.join(home, LOG_NAME)  # noqa: PTH118
        if os.path.exists(file) and os.path.getsize(file) > LOG_BYTES_MAX:  # noqa: PTH110, PTH202
            os.replace(file, file + ".1")  # noqa: PTH105
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        line = f"{now} {event or '-'} {' '.join(text.split())}\n"
        to = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(to, line.encode("utf-8", "replace"))
        os.close(to)
    except OSError:
        return


def start_service(folder: str, name: str, command: list[str]) -> None:
    """
    Start the service *name* for the calls to come, unless one runs or starts; no waiting.

    The lock that says that one does is handed over to it, open as it is. Failing is no
    matter: then the next call tries again. One that somebody has stopped is ended.
    """
    try:
        import fcntl

        os.makedirs(folder, mode=0o700, exist_ok=True)  # noqa: PTH103
        lock = os.open(f"{folder}/{name}.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _end_stopped(os.read(lock, 20), command)
            return
        os.ftruncate(lock, 0)
        os.set_inheritable(lock, True)
        nowhere = [(os.POSIX_SPAWN_OPEN, end, os.devnull, os.O_RDWR, 0) for end in range(3)]
        os.posix_spawn(
            command[0],
            [*command, "--lock", str(lock)],
            os.environ,
            file_actions=nowhere,
            setsid=True,
            setsigdef=STOPPING,
        )
    except (OSError, ValueError, NotImplementedError, ImportError):
        return


def _end_stopped(pid: bytes, command: list[str]) -> None:
    """End the process *pid*, which has the lock, if it is our service and was stopped."""
    home = f"/proc/{int(pid)}"
    with open(f"{home}/stat", "rb") as stream:  # noqa: PTH123
        state = stream.read(4096).rpartition(b")")[2].split()[0]
    with open(f"{home}/cmdline", "rb") as stream:  # noqa: PTH123
        words = os.fsdecode(stream.read(4096)).split("\0")
    if state == b"T" and words[:4] == command[:4]:
        os.kill(int(pid), 9)
