"""
The status line: one line on where the session stands, whatever goes wrong.

Run as ``python -I -S statusline.py --dir PROJECT``; ``governance statusline claude-code``
does the same for people. The line is out before anything is written: what the payload says of
tokens and costs, which no hook of the client's is told, another process writes down.
"""

from __future__ import annotations

import posix
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

PAYLOAD_BYTES_MAX = 1_000_000
LINE_CHARS_MAX = 160
REPORT_SECONDS_MAX = 40
"""How long the process may live that writes down what was told; a store may be locked for 30."""


def main(words: list[str]) -> int:
    """Print the line for the payload on standard input; always 0."""
    told: Mapping[str, Any] = {}
    directory = ""
    try:
        data = _read()
        directory = _directory(words)
        text, told = _line(directory, data)
    except BaseException as error:  # noqa: BLE001 -- a status line must never break its host
        why = str(error) if type(error).__name__ == "Unreadable" else ""
        text = f"governance: no status ({why or f'{type(error).__name__}: {error}'})"
    shown = " ".join(text.split())
    if len(shown) > LINE_CHARS_MAX:
        shown = shown[: LINE_CHARS_MAX - 1] + "…"
    try:
        posix.write(1, shown.encode("utf-8", "replace") + b"\n")
        if told:
            _report_later(directory, told)
    except OSError:
        return 0
    return 0


def _read() -> bytes:
    kept = bytearray()
    while chunk := posix.read(0, 1 << 16):
        if len(kept) <= PAYLOAD_BYTES_MAX:
            kept += chunk
    return bytes(kept)


def _directory(words: list[str]) -> str:
    """The project's folder; where packages are found is set up on the way."""
    root = __file__.rpartition("/governance/")[0]
    if root not in sys.path:
        sys.path.append(root)
    from governance.hooking.hook_client import Options

    options = Options(["--host", "claude-code", *words])
    # As `hook_alone.search_paths`, whose module would cost more than all that is done here.
    home = sys.executable.rpartition("/bin/")[0]
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    for path in options.paths or [f"{home}/lib/{version}/site-packages"]:
        if path not in sys.path:
            sys.path.append(path)
    return options.dir


def _line(directory: str, data: bytes) -> tuple[str, Mapping[str, Any]]:
    """The line, and the payload where it tells of use that may not be known yet."""
    glance = _beside("glance")
    given = glance.parsed(data) if data.strip() else None
    payload = given if isinstance(given, dict) else {}
    session = payload.get("session_id")
    name = session if isinstance(session, str) else ""
    try:
        standing = glance.look(directory, name)
    except glance.Elsewhere:
        from governance.hosts.claude_code.status import read_standing

        standing = read_standing(directory, name)
    standing.refused = glance.refused_since(directory, standing.at_ms)
    used = glance.usage_of(payload)
    wanted = used and standing.state not in ("", "ended") and used != standing.used
    return standing.line(), {"session": name, "used": used} if wanted else {}


def _beside(name: str) -> Any:
    """A module from beside this file, without its packages: those cost more than it does."""
    folder = __file__.rpartition("/")[0]
    sys.path.insert(0, folder)
    try:
        return __import__(name)
    finally:
        sys.path.remove(folder)


def _report_later(directory: str, told: Mapping[str, Any]) -> None:
    """Have *told* written down by a process that the client does not wait for."""
    if posix.fork():
        return
    try:
        posix.setsid()
        nowhere = posix.open("/dev/null", posix.O_RDWR)
        for end in range(3):
            posix.dup2(nowhere, end)
        import _signal  # type: ignore[import-not-found,unused-ignore]

        _signal.alarm(REPORT_SECONDS_MAX)
        from governance.hosts.claude_code.status import report_used

        report_used(directory, told["session"], told["used"])
    finally:
        posix._exit(0)


if __name__ == "__main__":
    posix._exit(main(sys.argv[1:]))
