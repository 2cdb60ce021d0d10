"""Where the engine looks at no more, it says so: what stands behind a bound is never let pass."""

from __future__ import annotations

import pytest

from governance.shell import read_line
from governance.shell.expressions import Source
from governance.shell.values import HOLE

LONG = " " * 70_000
LINES = {
    "a word that is evaluated": f"eval '{LONG}rm -rf /'",
    "a comment in a word that a shell runs": f"bash -c '{'#' * 70_000}\nrm -rf /'",
    "a word put together": f"X='{LONG[:40_000]}'; eval \"$X$X rm -rf /\"",
    "a text that is printed": f"echo '{LONG}rm -rf /' | sh",
    "a file that is written and run": f"printf '%s' '{LONG}rm -rf /' > x; bash x",
    "code": f"python <<'E'\n{'#' * 110_000}\nimport os; os.remove(\"x\")\nE",
    "texts of code": 'python -c \'import os; getattr(os, "system")('
    + ", ".join(f'"{at}"' for at in range(200))
    + ', "rm -rf /")\'',
    "elements of an array": f"a=({'x ' * 300}rm); ${{a[300]}} -rf /",
    "words for xargs": f"printf '%s\\n' {'x ' * 70}/etc | xargs -I{{}} rm -rf {{}}",
    "words for parallel": f"parallel rm -rf ::: {'x ' * 70}/etc",
    "lines of a table": "crontab - <<'E'\n" + "* * * * * ls\n" * 101 + "* * * * * rm -rf /\nE",
    "mounted folders": "docker run "
    + " ".join(f"-v /m{at}:/m{at}" for at in range(17))
    + " -v /:/h x rm -rf /h",
    "edits of a script": "sed '" + "s/a/b/;" * 51 + "s/x/rm -rf \\//e' f",
    "variables that are exported": "".join(f"export A{at}=1; " for at in range(65))
    + "export LD_PRELOAD=x; ls",
    "lines of an array": "mapfile -t a <<'E'\n" + "x\n" * 300 + "rm\nE\n${a[300]} -rf /",
    "operators": "ls" + "; ls" * 3_000 + "; rm -rf /",
    "rounds of a format": f"printf '%s ' {'x ' * 300}'; rm -rf /' | sh",
}


@pytest.mark.parametrize("name", LINES)
def test_what_stands_behind_a_bound_may_be_anything(name: str) -> None:
    """The line is blind: a rule on what cannot be known refuses it."""
    assert read_line(LINES[name]).blind is not None


DECOYS = "; ".join(f"import m{at} as b{at}" for at in range(70))
REACHED = {
    "a text of awk": "awk 'BEGIN{system(\"" + r"\040" * 300 + "rm -rf /\")}'",
    "a pipe of awk": "awk 'BEGIN{\"" + r"\040" * 300 + "rm -rf /\" | getline x}'",
    "digits of awk": r"""awk 'BEGIN{system("\162\155 -rf /")}'""",
    "a call of a debugger": f"gdb -ex 'call (int){' ' * 300}system(\"rm -rf /\")'",
    "a task": "cat > p.yml <<'E'\n- hosts: localhost\n  tasks:\n"
    f"  - x: {{shell:{' ' * 100}{{cmd: rm -rf /}}}}\nE\nansible-playbook p.yml",
    "a long task": "cat > p.yml <<'E'\n- hosts: localhost\n  tasks:\n  - shell: |\n"
    + "      ls\n" * 30
    + "      rm -rf /\nE\nansible-playbook p.yml",
    "a text of Python": 'python -c \'import os; getattr(os,"system")("'
    + r"\t" * 700
    + "rm -rf /\")'",
    "a text of Lua": "lua -e 'os[\"execute\"]([[rm -rf / [a ]])'",
    "the last of many names": f"python -c '{DECOYS}; import os as q; q.system(\"rm -rf /\")'",
    "the second name of an import": "python -c 'import m as b, os as q; q.system(\"rm -rf /\")'",
    "a value that may be empty": "python -c 'import os\n"
    'for a in ["", "x"]: os.system(f"rm -rf /{a}")\'',
}


@pytest.mark.parametrize("name", REACHED)
def test_what_is_long_or_late_is_read_all_the_same(name: str) -> None:
    """However many escapes, blanks, lines or names stand before it."""
    line = read_line(REACHED[name])

    assert any(one.program == "rm" and "/" in one.words for one in line.commands)


def test_terms_behind_the_bound_make_a_value_unknown() -> None:
    """A value is never that of its first part."""
    text = "+".join(['"ls"', *['"a"'] * 20_100, '"; rm -rf /"'])
    source = Source(text, "python")

    assert source.value(0)[0] == HOLE


def test_an_array_whose_parts_are_not_closed_has_a_reading() -> None:
    """Random texts came to this one: keys were looked for in it without a guard."""
    line = read_line("a=(${x:-[k]=v ${f() { elif |then ;~")
    found = read_line("(for i in a; do a=(${x:-$x\tcase x in a)fiselect i in a; do ]]=~&;!${f() {")

    assert line.blind is not None
    assert found.blind is not None


def test_less_than_the_bounds_is_known() -> None:
    """The ninth root of a search, and the ninth word of `xargs`, are touched as the first."""
    line = read_line("find a b c d e f g h ~/.ssh -name 'id*' -delete")
    each = read_line("printf '%s\\n' a b c d e f g h i /etc | xargs -I{} rm -rf {}")

    names = "; ".join(f"from m{at} import a as b{at}" for at in range(70))
    renamed = read_line(f"python -c '{names}; from os import remove as z; z(\"x\")'")

    assert renamed.commands[0].removes == ("x",)
    assert "~/.ssh/id*" in line.commands[-1].removes
    assert [one.removes for one in each.commands][-1] == ("/etc",)
    assert line.blind is None
    assert each.blind is None
