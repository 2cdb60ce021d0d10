"""What a shell remembers between commands: tables, options, keys, the last word, words given."""

from __future__ import annotations

import pytest

from governance.shell import read_line
from governance.shell.assigning import KEYS_MAX
from governance.shell.values import HOLE


def _run(line: str) -> list[list[str]]:
    """The arguments of each `rm` that the line runs."""
    return [
        [str(word) for word in one.arguments]
        for one in read_line(line).commands
        if one.program == "rm"
    ]


@pytest.mark.parametrize(
    "line",
    [
        "bash -s -- x <<< 'rm $1'",
        "echo 'rm $1' | sh -s x",
        "bash /dev/stdin x <<< 'rm $1'",
        "bash <(echo 'rm $1') x",
        ". /dev/stdin x <<< 'rm $1'",
    ],
)
def test_a_text_on_the_input_is_given_the_words_behind_it(line: str) -> None:
    """The words behind `-s`, `/dev/stdin` and a `<(…)` are `$1` and so on."""
    assert _run(line) == [["x"]]


@pytest.mark.parametrize(
    "line",
    [
        "compgen -C 'rm x'",
        "compgen -C'rm x' y",
        "compgen -W '$(rm x)'",
        "compgen -W '`rm x`' -- y",
        "compgen -o default -W '$(rm x)'",
    ],
)
def test_completion_runs_its_command_and_expands_its_words(line: str) -> None:
    """`compgen` runs what it is given, in a shell without a person as well."""
    assert _run(line) == [["x"]]


@pytest.mark.parametrize("line", ["compgen -c", "compgen -W 'rm x'", "compgen -A file -- C"])
def test_completion_of_plain_words_runs_nothing(line: str) -> None:
    """A list of words without a substitution is only printed."""
    assert [one.program for one in read_line(line).commands] == ["compgen"]


@pytest.mark.parametrize(
    "line",
    [
        "BASH_CMDS[y]=/usr/bin/rm; y x",
        "BASH_CMDS=([y]=/bin/rm); y x",
        "BASH_ALIASES=([y]='rm x'); y",
        "hash -p /usr/bin/rm y; y x",
        "set -a; N=x; sh -c 'rm $N'",
        "set -eua; N=x; sh -c 'rm $N'",
        "set -o allexport; N=x; sh -c 'rm $N'",
        "f() { rm $N; }; N=x f",
        "f() { sh -c 'rm $N'; }; N=x f",
        "echo x; rm $_",
        'echo a x && rm "$_"',
        "for _ in x; do rm $_; done",
        'declare -A m=([x]=1); rm "${!m[@]}"',
        'declare -A m; m[x]=1; rm "${!m[@]}"',
        "declare -A m=([x]=1); for k in ${!m[*]}; do rm $k; done",
        'declare -A m=([a]=x); rm "${m[@]}"',
    ],
)
def test_what_the_shell_remembers_is_used(line: str) -> None:
    """Names, values and keys that an earlier command has set are those of a later one."""
    assert _run(line) == [["x"]]


@pytest.mark.parametrize(
    ("line", "arguments"),
    [
        ("set -a; set +a; N=x; sh -c 'rm $N'", [HOLE]),
        ("set -- -a; N=x; sh -c 'rm $N'", [HOLE]),
        ("N=y; f() { :; }; N=x f; rm $N", ["y"]),
        ("f() { :; }; N=x f; sh -c 'rm $N'", [HOLE]),
        ("rm $_", [HOLE]),
        ("if a; then echo x; else echo y; fi; rm $_", [HOLE]),
        ('a=(x y); rm "${!a[@]}"', ["0", "1"]),
        ('rm "${!m[@]}"', [HOLE]),
        ('declare -A m=([x]=1); m[$(a)]=2; rm "${!m[@]}"', [HOLE]),
    ],
)
def test_what_is_forgotten_or_never_known_is_not(line: str, arguments: list[str]) -> None:
    """What holds for one command alone ends with it, and what is not known stands as a hole."""
    assert _run(line) == [arguments]


def test_keys_beyond_the_bound_are_not_known() -> None:
    """An array with more keys than are followed has any of them."""
    keys = "; ".join(f"m[k{number}]=1" for number in range(KEYS_MAX + 1))

    assert _run(f'declare -A m; {keys}; rm "${{!m[@]}}"') == [[HOLE]]
