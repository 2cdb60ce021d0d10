"""Agents and the engine among the programs, and what a rule on them must know of others."""

from __future__ import annotations

import pytest

from governance.shell import read_line
from governance.shell.values import Command


def named(text: str, program: str) -> Command:
    """The last command of a line that runs *program*."""
    found = [one for one in read_line(text).commands if one.program == program]
    assert found, text
    return found[-1]


@pytest.mark.parametrize(
    "text",
    [
        "governance approve 3",
        "governance --dir . approve 3",
        "governance --dir=/srv/app approve 3",
        "python3 -I -m governance approve 3",
        "python -m governance.cli approve 3",
        "uv run python -m governance approve 3",
        "faketty governance approve 3",
    ],
)
def test_the_engine_s_command_is_found(text: str) -> None:
    """Its own options and the module's name hide no subcommand."""
    found = named(text, "governance")

    assert (found.subcommand, found.words) == ("approve", ("3",))


@pytest.mark.parametrize(
    ("text", "program", "option"),
    [
        ("claude -p x --permission-mode bypassPermissions", "claude", "--permission-mode"),
        ("codex exec -s danger-full-access x", "codex", "--sandbox"),
        ("codex exec -a never x", "codex", "--ask-for-approval"),
        ("gemini --approval-mode yolo -p x", "gemini", "--approval-mode"),
    ],
)
def test_the_options_of_agents_have_their_values(text: str, program: str, option: str) -> None:
    """A value that follows its option is no word of the task."""
    found = named(text, program)

    assert any(one.startswith(f"{option}=") for one in found.options)
    assert not {"bypassPermissions", "danger-full-access", "never", "yolo"} & set(found.words)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("yq -i '.a = 1' x.yml", "x.yml"),
        ("yq eval --inplace '.a = 1' x.yml", "x.yml"),
        ("gawk -i inplace '{print}' x.txt", "x.txt"),
        ("perl -e 'open F,\">>$ENV{HOME}/.bashrc\"; print F 1'", "~/.bashrc"),
        ('perl -e \'open(F, ">", "$ENV{HOME}/x")\'', "~/x"),
    ],
)
def test_files_that_are_changed_in_place_are_written(text: str, path: str) -> None:
    """What an option or the environment says of a file is seen."""
    assert path in {one for each in read_line(text).commands for one in each.writes}


def test_yq_without_its_option_only_reads() -> None:
    """Its first word is the expression, the others are read."""
    found = named("yq '.a' x.yml", "yq")

    assert (found.reads, found.writes) == (("x.yml",), ())


def test_a_tool_that_is_removed_is_not_run() -> None:
    """`uv tool uninstall x` is no call of `x`; `uv tool run x` is."""
    removed = [one.program for one in read_line("uv tool uninstall x").commands]

    assert removed == ["uv"]
    assert named("uv tool run x", "x")


def test_su_that_tells_its_version_starts_no_shell() -> None:
    """Without a text and without such an option it does."""
    assert [one.program for one in read_line("su --version").commands] == ["su"]
    assert [one.program for one in read_line("su").commands] == ["su", "sh"]


def test_compose_rm_stops_and_removes_volumes() -> None:
    """Its `-s` takes no value, so that `-fsv` is three flags."""
    assert {"-f", "-s", "-v"} <= set(named("docker compose rm -fsv", "docker").flags)


def test_what_a_cluster_is_fed_is_code() -> None:
    """`-f -` sends the input; a file is not looked at."""
    fed = named("kubectl apply -f - <<'E'\nkind: Pod\nE", "kubectl")

    assert fed.code == ("kind: Pod\n",)
    assert named("kubectl apply -f x.yml", "kubectl").code == ()
