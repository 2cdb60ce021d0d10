"""No text takes longer to read than by its length; each line here once did."""

from __future__ import annotations

import ast
import gc
import importlib
import pkgutil
import re
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

import governance.shell
from governance.rules.notable import meant_by
from governance.shell import read_line
from governance.shell.name_globs import GLOB_MAX, name_pattern

SIZE = 100_000
"""Characters of a hostile line."""

SECONDS_MAX = 1.0
"""Seconds of processor time that one may take; by the square of its length it is far more."""


def filled(unit: str, size: int = SIZE) -> str:
    """*unit* again and again."""
    return unit * (size // len(unit))


@pytest.fixture(autouse=True)
def _uncollected() -> Iterator[None]:
    """What other tests have left is not looked through for garbage while time is taken."""
    gc.disable()
    yield
    gc.enable()


DOUBLING = "; ".join(f"x{at + 1} = x{at} + x{at}" for at in range(60))
LINES = {
    "brackets of a name": f"X='{filled('[')}'; $X",
    "brackets of an image": f"docker run -v /:/h x '{filled('x=[')}'",
    "brackets of a loop": f"for x in {filled('[')}; do $x; done",
    "letters of an expression": f"(({filled('a')}))",
    "operators without commands": f"rm -rf {filled('|')}",
    "groups without beginnings": f"eval '{filled('||)')}'",
    "substitutions without ends": "rm -rf ${<" + filled("<(*/"),
    "substitutions that are evaluated": "PS4='x$(" + filled("$(&\\") + "'; set -x; a",
    "settings of curl": f"curl -K - <<'E'\n-{filled(chr(10))}\nE",
    "a makefile": f"make -f - <<'E'\n{filled(':')}\nE",
    "commands of ed": f"ed f <<'E'\n{filled(chr(9))}\nE",
    "edits of a script": f"sed -i '{filled('s|')}' a.sh; sh a.sh",
    "lines that are added to a script": f"sed -i '{filled(chr(10) + '  ')}' a.sh; sh a.sh",
    "what is typed into a script": f"vim -c 'norm {filled('a')}' a.sh; sh a.sh",
    "names that are named elsewhere": f"for v in $(compgen -e); do {filled('echo ${!v};')} done",
    "options that make makes of": f"MAKEFLAGS='{filled('--eval=x:;ls ')}' make",
    "imports of a module": f"echo a > m.py; python -c '{filled('import m;')}'",
    "lines of ipython": f"ipython -c '{filled(chr(10))}'",
    "a playbook": f"cat > p.yml <<'E'\n{filled('file.', SIZE // 2)}\nE\nansible-playbook p.yml",
    "a debugger": f"gdb -ex '{filled('print ')}' x",
    "texts of awk": "awk '" + filled('"\\') + "' f",
    "names of python": f"python -c '{filled('_')}'",
    "what doubles in python": f"python -c 'import os; x0 = \"aaaa\"; {DOUBLING}; os.system(x60)'",
    "names in a text of python": (
        f"python <<'E'\nimport os; a = \"{filled('x', SIZE // 4)}\"\n"
        f'os.system(f"{filled("{a}", SIZE // 4)}")\nE'
    ),
    "names of node": f"node -e '{filled('zx ')}'",
    "templates of node": (
        f"node <<'E'\nrequire(\"child_process\").exec(`{filled('${', SIZE - 9_000)}`)\nE"
    ),
    "joins of php": f"php -r 'x{filled('.systemrm ')}'",
    "blanks of ruby": f"ruby -e 'system{filled(' ')}'",
    "patterns of sed": f"echo {filled(chr(97), SIZE // 2)} | sed 's/.*.*z/b/' | sh",
}


@pytest.mark.parametrize("name", LINES)
def test_a_hostile_line_takes_no_longer_than_by_its_length(name: str) -> None:
    """Within seconds, on any machine, and without an exception."""
    before = time.thread_time()

    read_line(LINES[name])

    assert time.thread_time() - before < SECONDS_MAX


def test_a_glob_that_is_never_closed_means_what_it_says() -> None:
    """A bracket without an end stands for itself; a glob that is too long means anything."""
    before = time.thread_time()

    assert name_pattern("[" * GLOB_MAX) is not None
    assert name_pattern("[" * (GLOB_MAX + 1)) is None
    assert meant_by("/etc/s?ad[") == []
    assert meant_by("/etc/sh[a]d*") == ["/etc/shadow"]
    assert meant_by("/etc/sh?" + "[" * SIZE)
    assert time.thread_time() - before < SECONDS_MAX


PATTERN_SIZES = (1_000, 4_000, 16_000, 32_000)
PATTERN_SECONDS_MAX = 0.2
"""Seconds of processor time for a text of these sizes; most take less than a thousandth."""

SAMPLES = 30
METHODS = re.compile(r"\.(match|search|fullmatch|findall|finditer|sub|subn|split)\(")


def patterns() -> Iterator[tuple[str, re.Pattern[str], str]]:
    """The patterns of the room by their names, each with every way in which it is used."""
    for found in pkgutil.walk_packages(governance.shell.__path__, "governance.shell."):
        module = importlib.import_module(found.name)
        text = Path(str(module.__file__)).read_text("utf-8")
        for name, value in vars(module).items():
            for one in value.values() if isinstance(value, dict) else [value]:
                if not isinstance(one, re.Pattern) or not isinstance(one.pattern, str):
                    continue
                # Under its own name, or under that of a variable that was given it.
                names = "|".join([name, *re.findall(rf"(\w+) = [^\n]*\b{name}\b", text)])
                used = set(re.findall(rf"\b(?:{names}){METHODS.pattern}", text)) or {"search"}
                yield from ((f"{found.name}.{name}", one, method) for method in sorted(used))
        yield from inline(found.name, text)


def inline(module: str, text: str) -> Iterator[tuple[str, re.Pattern[str], str]]:
    """The patterns that stand where they are used, but for those put together there."""
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="re"), attr=method),
                args=[ast.Constant(value=str(pattern)), *words],
            ) if METHODS.match(f".{method}("):
                more = [*words, *(one.value for one in node.keywords)]
                flags = [one.attr for one in more if isinstance(one, ast.Attribute)]
                known = sum(int(getattr(re, one, 0)) for one in flags)
                yield f"{module}:{node.lineno}", re.compile(pattern, known), method


def pieces(pattern: str) -> list[str]:
    """What a text that is hard for a pattern is made of: the words and signs in it."""
    signs = {one for one in pattern if one.isascii() and not one.isalnum()}
    return sorted({*re.findall(r"[A-Za-z]{2,}", pattern), *signs, "a", "0", " ", "\n", "\t", '"'})


def test_no_pattern_takes_longer_than_by_the_length() -> None:
    """Each is tried on long texts made of the words and signs in it, as it is used."""
    random = Random(1)
    slow = []
    for name, pattern, method in patterns():
        known = pieces(pattern.pattern)
        units = [*known, *("".join(random.choices(known, k=2)) for _ in range(SAMPLES))]
        for unit in units:
            if is_slow(pattern, method, random.choice(known), unit):
                slow.append(f"{name}.{method} on {unit!r}")
                break
    assert not slow


def is_slow(pattern: re.Pattern[str], method: str, start: str, unit: str) -> bool:
    """Whether some size takes too long; from small to large, for the large may never end."""
    for size in PATTERN_SIZES:
        text = start + filled(unit, size) + "\x01"
        before = time.thread_time()
        if method in ("sub", "subn"):
            pattern.sub("", text)
        elif method == "finditer":
            deque(pattern.finditer(text), maxlen=0)
        else:
            getattr(pattern, method)(text)
        if time.thread_time() - before > PATTERN_SECONDS_MAX:
            return True
    return False


@pytest.mark.parametrize(
    ("pattern", "unit"), [(r"\s*x", " "), (r"(\w+)[ \t]*=", "a"), (r"\[[^]]*\]", "[")]
)
def test_a_pattern_that_is_slow_is_found(pattern: str, unit: str) -> None:
    """The test above can fail."""
    assert is_slow(re.compile(pattern), "search", "", unit)
