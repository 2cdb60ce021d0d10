"""
The way to the local service for a client that stays: one process for all of its events.

``python -I -S hook_relay.py --host NAME --dir PROJECT [--path FOLDER]...``: a plugin starts it
with its client, and hands it payloads as frames; each is asked of the service as a hook asks,
by `hook_client`, which looks who listens there. What no service has answered is told so, and
the plugin has a hook decide it. Nothing is decided here, and nothing is kept.

In comes ``Q`` with a call's name, its event and its payload, split by NUL. Out goes ``A`` with
the name and the answer; ``H`` with the name where a service may have it and gave none, so that
the hook must know it by that name; ``N`` where none has heard of it. The process ends with its
input, and when its installation was changed: what it has loaded is then another's.
"""

import _thread
import posix
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

CALLS_MAX = 16
"""Payloads that are asked at once; the plugin hands over no more, and others are not asked."""

FRAME_BYTES_MAX = 20 * 1024 * 1024
HANGUP_INTERRUPT = (1, 2)
"""SIGHUP and SIGINT go to all programs of a terminal; this one ends when its client does."""


class Relay:
    """
    The calls that are under way.

    Args:
        client: `hook_client`, loaded by itself.

        words: The command line of a hook, but for its event.
    """

    def __init__(self, client: "Any", words: list[str]) -> None:
        self._client = client
        self._words = words
        self._stamp = client.service_stamp()
        self._open = 0
        self._lock = _thread.allocate_lock()
        self._out = _thread.allocate_lock()

    def run(self) -> None:
        """Take calls until the input ends, makes no sense, or the installation was changed."""
        held = bytearray()
        while chunk := posix.read(0, 1 << 18):
            held += chunk
            while len(held) >= 5 and len(held) >= 5 + (size := int.from_bytes(held[1:5], "big")):
                kind, body = bytes(held[:1]), bytes(held[5 : 5 + size])
                del held[: 5 + size]
                if kind != b"Q" or not self._take(body):
                    return
            if len(held) >= 5 and int.from_bytes(held[1:5], "big") > FRAME_BYTES_MAX:
                return

    def _take(self, body: bytes) -> bool:
        """Begin one call; false where this process may take no more."""
        call, _, rest = body.partition(b"\0")
        event, _, data = rest.partition(b"\0")
        if self._client.service_stamp() != self._stamp:
            self._tell(b"N", call)
            return False
        with self._lock:
            full = self._open >= CALLS_MAX
            self._open += not full
        if full:
            self._tell(b"N", call)
        else:
            _thread.start_new_thread(self._call, (call, event, data))
        return True

    def _call(self, call: bytes, event: bytes, data: bytes) -> None:
        kind, out, link = b"H", b"", None
        started = time.monotonic()
        try:
            client = self._client
            options = client.Options([*self._words, "--event", event.decode()])
            kind, out, link = client.ask_service(options, data, call.decode(), started)
        except BaseException:  # noqa: BLE001 -- whatever it is, the plugin must hear of it
            kind = b"H"
        answered = kind in self._client.ANSWERED
        self._tell(b"A" if answered else kind or b"N", call + b"\0" + out if answered else call)
        if kind == b"D":
            self._client.report(link, started)
        with self._lock:
            self._open -= 1

    def _tell(self, kind: bytes, body: bytes) -> None:
        data = self._client.frame(kind, body)
        with self._out:
            while data:
                data = data[posix.write(1, data) :]


def main(words: list[str]) -> int:
    """Be the relay of a client until it ends; 0."""
    import _signal  # type: ignore[import-not-found]

    for one in HANGUP_INTERRUPT:
        _signal.signal(one, _signal.SIG_IGN)
    folder = __file__.rpartition("/")[0]
    sys.path.insert(0, folder)
    try:
        import hook_client  # type: ignore[import-not-found]
    finally:
        sys.path.remove(folder)
    Relay(hook_client, words).run()
    return 0


if __name__ == "__main__":
    # Calls that are under way go with their client: nobody reads what they would say.
    posix._exit(main(sys.argv[1:]))
