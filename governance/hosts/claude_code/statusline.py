"""
The status line: one line on where the session stands, whatever goes wrong.

Run as ``python -I -S statusline.py --dir PROJECT``; ``governance statusline claude-code``
does the same for people.
"""

from __future__ import annotations

import os
import sys

PAYLOAD_BYTES_MAX = 1_000_000
LINE_CHARS_MAX = 160


def main(words: list[str]) -> int:
    """Print the line for the payload on standard input; always 0."""
    try:
        text = _line(words, _read())
    except BaseException as error:  # noqa: BLE001 -- a status line must never break its host
        text = f"governance: no status ({type(error).__name__}: {error})"
    shown = " ".join(text.split())
    if len(shown) > LINE_CHARS_MAX:
        shown = shown[: LINE_CHARS_MAX - 1] + "…"
    try:
        os.write(1, shown.encode("utf-8", "replace") + b"\n")
    except OSError:
        return 0
    return 0


def _read() -> bytes:
    kept = bytearray()
    while chunk := os.read(0, 1 << 16):
        if len(kept) <= PAYLOAD_BYTES_MAX:
            kept += chunk
    return bytes(kept)


def _line(words: list[str], data: bytes) -> str:
    here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120
    root = os.path.dirname(os.path.dirname(os.path.dirname(here)))  # noqa: PTH120
    if root not in sys.path:
        sys.path.append(root)
    from governance.hooking.hook_alone import search_paths
    from governance.hooking.hook_client import Options

    options = Options(["--host", "claude-code", *words])
    sys.path.extend(path for path in search_paths(options.paths) if path not in sys.path)
    from governance.hosts.claude_code.status import read_status

    return read_status(options.dir, data)


if __name__ == "__main__":
    os._exit(main(sys.argv[1:]))
