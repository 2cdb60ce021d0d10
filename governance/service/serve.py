"""
The script of the service: ``python -I -S serve.py --dir PROJECT [--path FOLDER]...``.

Hooks start it with ``--lock``, the number of the open file whose lock says that it runs;
``governance serve`` starts it in a terminal. It takes nothing from either but that, the
project to begin with, and where its packages lie.
"""

import os
import sys

INTERRUPTED = 130
"""Exit code after SIGINT."""


def main(words: list[str]) -> int:
    """Run until there is nothing to do; 0, 2 where it could not begin, or `INTERRUPTED`."""
    try:
        from governance.hooking.hook_client import Failed
        from governance.service.server import options_of, run

        try:
            return run(options_of(words))
        except (Failed, OSError) as error:
            sys.stderr.write(f"governance serve: {error}\n")
            return 2
    except KeyboardInterrupt:
        return INTERRUPTED  # while it was imported: there is nothing to close yet


def search(words: list[str]) -> None:
    """Let the engine be found from where this file lies, and what it needs from ``--path``."""
    here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120
    root = os.path.dirname(os.path.dirname(here))  # noqa: PTH120
    given = [word for at, word in enumerate(words) if at and words[at - 1] == "--path"]
    sys.path.extend(path for path in (root, *given) if path not in sys.path)


if __name__ == "__main__":
    search(sys.argv[1:])
    code = main(sys.argv[1:])
    sys.stderr.flush()
    # What was to be closed is closed; a lost store must not be, not even by the interpreter.
    os._exit(code)
