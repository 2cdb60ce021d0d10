"""
The entry point that hosts run: ``python -I -S hook.py --host NAME --dir PROJECT --event NAME``.

With ``--guarded`` it ends with `ANSWERED` where it would end with 0: a shell before it takes that,
and nothing else, for an answer. A script that was cut off ends with 0 as well, and says nothing.

A script is compiled each time that it is run, so that here stands only what loads the rest
from beside it, without its package: that may be broken. Where even this fails, exit code 2
blocks wherever blocking is possible.
"""

import posix
import sys

GUARDED = "--guarded"
ANSWERED = 3


def main(words: list[str]) -> int:
    """Answer one hook; the exit code. Raises nothing."""
    try:
        return _client_main(words)
    except BaseException as error:  # noqa: BLE001 -- a host runs the tool on a traceback
        told = f"governance cannot decide: {type(error).__name__}: {error}"
        posix.write(2, told.encode("utf-8", "replace"))
        return 2


def _client_main(words: list[str]) -> int:
    folder = __file__.rpartition("/")[0]
    sys.path.insert(0, folder)
    try:
        import hook_client  # type: ignore[import-not-found]
    finally:
        sys.path.remove(folder)
    code: int = hook_client.main(words)
    return code


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if word != GUARDED]
    code = main(words)
    posix._exit(ANSWERED if code == 0 and GUARDED in sys.argv else code)
