"""
What a process pays before it decides, as ratios of paired processes.

Each function gives ``(measured, bound)``. Pairs are run one after the other, again and again,
and the median of their ratios counts, for a machine that is busy is busy for both.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

from tests.bench.projects import make_project

ROOT = Path(__file__).parents[2]
BARE = (sys.executable, "-I", "-S", "-c", "pass")

_PATHS = "import sys; sys.path[:0] = {paths!r}; "
_DECIDE = """
from governance import Engine
with Engine.open({project!r}) as engine:
    reply = engine.session("s").tool("read", {{"path": "a.py"}}, call_id="1")
assert reply.state
"""


def _isolated(code: str) -> tuple[str, ...]:
    """*code* as a hook runs it: without the site's start-up, its folders given outright."""
    import attr

    paths = [str(ROOT), str(Path(attr.__file__).parents[1])]
    return (sys.executable, "-I", "-S", "-c", _PATHS.format(paths=paths) + code)


def _milliseconds(words: tuple[str, ...]) -> float:
    start = time.perf_counter()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    return (time.perf_counter() - start) * 1000


def import_of_the_package(_folder: Path, *, rounds: int = 41) -> tuple[float, float]:
    """
    Milliseconds that `import governance` adds to a bare interpreter.

    The least of each counts: what else the machine does can only add.
    """
    words = _isolated("import governance")
    pairs = [(_milliseconds(words), _milliseconds(BARE)) for _ in range(rounds)]
    return min(one for one, _ in pairs) - min(bare for _, bare in pairs), 15


def first_decision(folder: Path, *, rounds: int = 21) -> tuple[float, float]:
    """A process that opens a project and decides one call, over one that does nothing."""
    words = _isolated(_DECIDE.format(project=str(make_project(folder).project)))
    _milliseconds(words)
    return statistics.median(_milliseconds(words) / _milliseconds(BARE) for _ in range(rounds)), 12
