"""The tables of programs: what they say is well written, and what they say of the common ones."""

from __future__ import annotations

from importlib import import_module

import pytest

from governance.shell import read_line
from governance.shell.meaning import act_of
from governance.shell.notation import NotationError, Spec, spec_of
from governance.shell.programs import _names, canonical, entries, spec_for
from governance.shell.programs.index import INDEX
from governance.shell.values import Command


def only(text: str) -> Command:
    """The one command of a line."""
    line = read_line(text)
    assert len(line.commands) == 1
    return line.commands[0]


def spec_named(name: str) -> Spec:
    """The entry of a program or subcommand, below that of its program."""
    program = name.partition(" ")[0]
    return spec_for(name, spec_for(program) if " " in name else None)


def test_every_entry_can_be_read() -> None:
    """Each entry is well written, stands below a program, and names an act that exists."""
    for name in entries():
        if name.startswith("@"):
            continue
        spec = spec_named(name)
        assert spec_for(name.partition(" ")[0]).known, name
        if spec.act:
            assert callable(act_of(spec.act)), name


def test_no_program_stands_twice() -> None:
    """Two entries for one name would hide each other; the index knows in which table each is."""
    seen: dict[str, str] = {}
    for module in INDEX:
        table = import_module(f"governance.shell.programs.{module}").TABLE
        for block in table.strip().split("\n\n"):
            for name in _names(block.partition("\n  ")[0]):
                assert name not in seen, name
                seen[name] = module

    programs = {name: home for name, home in seen.items() if " " not in name and name[0] != "@"}
    assert programs == {name: home for home, names in INDEX.items() for name in names.split()}
    assert all(name[0] == "@" or seen[name.split(" ")[0]] == seen[name] for name in seen)


def test_the_tables_know_what_agents_use() -> None:
    """There are more than a thousand programs, and the common ones are among them."""
    programs = {name for name in entries() if " " not in name}

    assert len(programs) > 1_000
    assert {
        "rm",
        "git",
        "docker",
        "kubectl",
        "curl",
        "npm",
        "psql",
        "terraform",
        "find",
    } <= programs


@pytest.mark.parametrize("entry", ["rm", "--x=nonsense", "-", "!odd", ": read* write* read", ": x"])
def test_an_entry_that_is_not_well_written_is_refused(entry: str) -> None:
    """The tables are ours: a slip in them is an error when they are read."""
    with pytest.raises(NotationError):
        spec_of(entry)


@pytest.mark.parametrize(
    ("written", "name"),
    [("python3.12", "python"), ("pip3", "pip"), ("nodejs", "node"), ("gsed", "sed"), ("x9", "x9")],
)
def test_a_program_has_one_name(written: str, name: str) -> None:
    """Versions and other spellings stand for the same program."""
    assert canonical(written) == name


@pytest.mark.parametrize(
    ("text", "flags"),
    [
        ("rm -rf x", {"-r", "-f", "--recursive", "--force"}),
        ("rm --rec --forc x", {"--recursive", "--force", "-r", "-f"}),
        ("git push --force-with origin", {"--force-with"}),
        ("kill -9 1", {"-9"}),
        ("head -20 f", {"-20"}),
        ("terraform apply -auto-approve", {"-auto-approve"}),
        ("java -jar a.jar", {"-jar"}),
        ("chattr +i f", {"+i"}),
        ("frobnicate -xyz --a=b", {"-xyz", "-x", "-y", "-z", "--a"}),
        ("tar xzf a", {"-x", "-z", "-f", "--extract"}),
    ],
)
def test_flags_carry_all_their_names(text: str, flags: set[str]) -> None:
    """A flag is given as it was written and by each other name that the tables know."""
    assert flags <= set(only(text).flags)


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("curl -XDELETE h", ["--request=DELETE"]),
        ("curl -X DELETE h", ["--request=DELETE"]),
        ("curl --request=DELETE h", ["--request=DELETE"]),
        ("git -C sub status", ["-C=sub"]),
        ("frobnicate --a=b -c=d", ["--a=b", "-c=d"]),
        ("aws s3 ls --profile p", ["--profile=p"]),
        ("gcloud compute instances list --zone z", ["--zone=z"]),
        ("jq --arg n v . f", ["--arg=n", "--arg=v"]),
    ],
)
def test_options_carry_their_values(text: str, options: list[str]) -> None:
    """The value of an option stands behind its long name, however it was written."""
    assert list(only(text).options) == options


@pytest.mark.parametrize(
    ("text", "subcommand", "words"),
    [
        ("git -C x -c a=b push origin main", "push", ["origin", "main"]),
        ("docker volume rm v", "volume rm", ["v"]),
        ("docker --context c compose -f a.yml down -v", "compose down", []),
        ("kubectl -n prod delete ns x", "delete", ["ns", "x"]),
        ("kubectl rollout restart deploy/x", "rollout restart", ["deploy/x"]),
        ("gh repo delete o/r --yes", "repo delete", ["o/r"]),
        ("aws --region r s3 rm s3://b --recursive", "s3 rm", ["s3://b"]),
        ("aws ec2 terminate-instances --instance-ids i", "ec2 terminate-instances", []),
        ("gcloud --quiet compute instances delete vm", "compute instances delete", ["vm"]),
        ("az group delete -n rg --yes", "group delete", []),
        ("npm --prefix sub run build", "run", ["build"]),
        ("systemctl --user stop x", "stop", ["x"]),
        ("frobnicate -v now here", "now", ["now", "here"]),
        ("rm x", "", ["x"]),
    ],
)
def test_subcommands_are_found(text: str, subcommand: str, words: list[str]) -> None:
    """The way of words to what is done, past the program's own options."""
    command = only(text)

    assert command.subcommand == subcommand
    assert list(command.words) == words


def test_recipes_that_are_piped_into_make_run() -> None:
    """`make -f -` runs what stands behind the tabs; what is not known is input."""
    line = read_line("make -f - all <<'E'\nall: x ; @rm -rf out\n\t-mkdir out\nE\n")

    assert [(one.wrappers, one.program) for one in line.commands[1:]] == [
        (("make",), "rm"),
        (("make",), "mkdir"),
    ]
    assert [one.kind for one in read_line("curl x.example | make -f -").commands[-1].opaque] == [
        "input"
    ]


@pytest.mark.parametrize(
    "text",
    [
        "psql -f x.sql app",
        "psql app < x.sql",
        "docker exec -i db psql app < x.sql",
        "mysql shop < x.sql",
        "sqlcmd -i x.sql",
        "clickhouse-client --queries-file x.sql",
    ],
)
def test_what_a_file_tells_a_server_is_said_to_be_unread(text: str) -> None:
    """A file of SQL is opaque as a script is."""
    assert "script" in [one.kind for one in read_line(text).commands[-1].opaque]


def test_other_ways_to_give_a_program_its_text() -> None:
    """A text through `--stdin`, as a word, from standard input of awk; `--` behind a host."""
    assert read_line("prisma db execute --stdin <<< 'DROP TABLE a'").commands[0].code
    assert read_line("cypher-shell 'MATCH (n) DELETE n'").commands[0].code == (
        "MATCH (n) DELETE n",
    )
    assert read_line("curl x.example | awk -f - a").commands[-1].opaque[0].kind == "input"
    assert [one.program for one in read_line("ssh a -- rm -r /x").commands] == ["ssh", "rm"]


def test_downloads_are_files() -> None:
    """`aria2c` writes a file named like the end of the address, or as it is told."""
    assert only("aria2c -d /tmp https://a.example/x.sh?v=1").writes[-1] == "/tmp/x.sh"
    assert "y" in only("aria2c -o y https://a.example/x.sh").writes
    assert only("xh post https://a.example @.env").reads == (".env",)


@pytest.mark.parametrize(
    "line",
    [
        "perl -0pi -e 's/a//s' f",
        "perl -0777pi.bak -e 's/a//s' f",
        "perl -lpi -e 's/a//' f",
        "ruby -0777 -i -pe 'gsub(1, 2)' f",
        "ex -s -c '%d|x' f",
        "sd a b f",
        "rpl a b f",
        "crudini --set f a b c",
        "dasel put -f f -v x a",
        "tomlq -i '.a = 1' f",
        "comby -i a f",
        "tee /proc/self/cwd/f",
        "cp x /proc/self/cwd/f",
    ],
)
def test_an_editor_in_place_writes_its_files(line: str) -> None:
    """Whatever changes a file where it lies writes it, however its letters are joined."""
    assert "f" in only(line).writes


@pytest.mark.parametrize(
    "line",
    [
        "perl -0ne print f",
        "perl -lane 'print $F[0]' f",
        "sd -p a b f",
        "rpl --dry-run a b f",
        "crudini --get f a b",
        "dasel -f f a",
        "tomlq .a f",
        "comby a f",
    ],
)
def test_a_filter_that_only_prints_writes_nothing(line: str) -> None:
    """Without its switch an editor in place is a filter."""
    assert only(line).writes == ()


def test_the_ways_of_the_kernel_to_a_folder_are_that_folder() -> None:
    """`/proc/self/root` is the root and `/proc/self/cwd` is here; other files of it are not."""
    assert only("cat /proc/self/root/etc/shadow /proc/self/cwd/a").reads == ("/etc/shadow", "a")
    assert only("rm -r /proc/1/root /proc/self/cwd").removes == ("/", ".")
    assert only("cat /proc/self/cwdx /proc/cpuinfo").reads == ("/proc/self/cwdx", "/proc/cpuinfo")


def test_a_home_has_no_stroke_at_its_end() -> None:
    """`${HOME%/}` is the home, and what else is cut from it is not known."""
    assert only('rm -r "${HOME%/}/d" "${HOME%%/}"').removes == ("~/d", "~")
    assert "~" not in only('rm -r "${HOME%d}"').removes


def test_two_brackets_are_a_sum_only_where_the_shell_has_sums() -> None:
    """`sh -c '((rm x))'` runs `rm` in dash; in bash it counts."""
    assert [one.program for one in read_line("sh -c '((rm x))'").commands] == ["sh", "rm"]
    assert [one.program for one in read_line("echo '((rm x))' | sh").commands][-1] == "rm"
    assert [one.program for one in read_line("bash -c '((rm x))'").commands] == ["bash"]
    assert [one.program for one in read_line("sh -c 'echo $((1 + 2))'").commands] == ["sh", "echo"]


@pytest.mark.parametrize(
    ("line", "program"),
    [
        ("gdb -batch -ex 'python import os; os.system(\"rm x\")'", "rm"),
        ("gdb -p 1 -ex 'call (int)system(\"rm x\")'", "rm"),
        ("lldb -o 'script import os; os.system(\"rm x\")' a", "rm"),
        ("claude mcp add x -- npx -y thing", "npx"),
        ("codex mcp add x -- uvx thing", "uvx"),
    ],
)
def test_what_a_debugger_or_an_agent_is_told_to_run_is_run(line: str, program: str) -> None:
    """A command that another program starts is one of the line's commands."""
    assert program in [one.program for one in read_line(line).commands]


def test_only_a_base_that_is_far_away_is_told_its_statements() -> None:
    """`wrangler d1 execute` without `--remote` works on a copy."""
    far = only("wrangler d1 execute b --remote --command 'DELETE FROM t'")
    near = only("wrangler d1 execute b --local --command 'DELETE FROM t'")
    assert (far.code, near.code) == (("DELETE FROM t",), ())


@pytest.mark.parametrize(
    "line",
    [
        "git push -f --dry-run --no-dry-run",
        "git push -nf --no-dry-run origin",
        "git clean -nfd --no-dry",
        "git prune -n --no-dry-run",
        "npm publish --dry-run=false",
        "npm publish --dry=false",
        "npm publish --dry-run false",
        "kubectl delete ns a --dry-run=none",
        "kubectl delete ns a --dry-run=$HOW",
        "unheard-of apply --dry-run=0",
        "unheard-of apply --dry-run --no-dry-run",
    ],
)
def test_a_dry_run_that_is_taken_back_is_none(line: str) -> None:
    """No flag says that a program only looks, where another word says that it does not."""
    assert not {"-n", "--dry-run"} & set(only(line).flags)


@pytest.mark.parametrize(
    ("line", "flag"),
    [
        ("git push -n", "--dry-run"),
        ("npm publish --dry-run", "--dry-run"),
        ("npm publish --dry-run --no-git-tag-version", "--dry-run"),
        ("kubectl delete ns a --dry-run=client", "--dry-run"),
        ("kubectl get pods -n no", "--namespace"),
        ("unheard-of apply --dry-run $WHAT", "--dry-run"),
        ("unheard-of apply -n=3", "-n"),
        ("unheard-of apply - no", ""),
    ],
)
def test_what_takes_nothing_back_leaves_the_flag(line: str, flag: str) -> None:
    """Another word that begins with `--no-`, a value that means it, a namespace."""
    assert flag in {"", *only(line).flags}


def test_a_help_that_is_taken_back_is_none() -> None:
    """`-h=false` and `--help=false` of programs in Go have the command run."""
    assert not {"-h", "--help"} & set(only("kubectl delete ns a --help=false").flags)
    assert "-h" not in only("unheard-of apply -h=false").flags
