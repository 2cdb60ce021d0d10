"""The frame of the command: exit codes, no traceback, quick ways, help that teaches."""

from __future__ import annotations

import getpass
import io
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest

from governance import cli
from governance.cli import app as app_module
from governance.cli.app import prepare_streams
from governance.cli.frame import Example, command, format_option, project_of
from governance.cli.output import print_line
from governance.errors import DefinitionError, Diagnostic, StoreBusy
from governance.project import create_project, user_state_directory

Declare = Callable[..., None]


@pytest.fixture
def declare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Declare:
    """Put a command `probe` into the group, whose body is the function given."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    def put(body: Callable[[], object]) -> None:
        @command("probe", examples=[Example("governance probe", "Probes.")])
        @format_option()
        def probe(format_name: str) -> object:
            """Probe the frame."""
            return body()

        monkeypatch.setitem(sys.modules, "probe_home", SimpleNamespace(COMMANDS={"probe": probe}))
        monkeypatch.setattr(app_module, "HOMES", {"probe": "probe_home"})
        monkeypatch.setattr(app_module, "SECTIONS", {"Probe": {"probe": "probe_home"}})

    return put


def fail_with(error: BaseException) -> Callable[[], object]:
    def body() -> object:
        raise error

    return body


@pytest.mark.parametrize(("given", "code"), [(None, 0), (0, 0), (1, 1), (2, 2)])
def test_the_code_of_a_command_is_the_exit_code(
    declare: Declare, given: int | None, code: int
) -> None:
    """A command returns its code; nothing returned means fine."""
    declare(lambda: given)

    assert cli.main(["probe"]) == code


def test_a_governance_error_is_two_and_a_diagnostic(
    declare: Declare, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the engine could not do is told with its code, as text or as JSON."""
    declare(fail_with(DefinitionError((Diagnostic("GOV201", "no `format`", file="p.toml"),))))

    assert cli.main(["probe"]) == 2
    text = capsys.readouterr()
    assert cli.main(["probe", "--format", "json"]) == 2
    found = json.loads(capsys.readouterr().out)

    assert text.err == "p.toml: GOV201 no `format`\n"
    assert found["diagnostics"][0]["code"] == "GOV201"


def test_the_unforeseen_is_one_line_and_a_log(
    declare: Declare, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """No traceback is printed; it stands in a private file that the line names."""
    declare(fail_with(ZeroDivisionError("a\nb")))

    assert cli.main(["probe", "--format", "json"]) == 2

    err = capsys.readouterr().err
    log = tmp_path / "state" / "session-governance" / "errors.log"
    assert err.count("\n") == 1
    assert "Traceback" not in err
    assert str(log) in err
    assert "ZeroDivisionError" in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600


def test_the_log_is_bounded(declare: Declare, tmp_path: Path) -> None:
    """A log that has grown past its bound is put aside and begun anew."""
    declare(fail_with(ZeroDivisionError()))
    log = tmp_path / "state" / "session-governance" / "errors.log"
    log.parent.mkdir(parents=True)
    log.write_bytes(b"x" * 1_000_001)

    cli.main(["probe"])

    assert "ZeroDivisionError" in log.read_text()
    assert log.with_name("errors.log.1").stat().st_size == 1_000_001


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_a_stopped_command_says_so(
    declare: Declare, capsys: pytest.CaptureFixture[str], error: BaseException
) -> None:
    """Ctrl-C is no crash, and the exit code is the one that shells know it by."""
    declare(fail_with(error))

    assert cli.main(["probe"]) == 130
    assert capsys.readouterr().err.strip() == "stopped"


def test_a_user_without_a_home_is_told(
    declare: Declare, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ours and the system's ways to ask for it end alike, and a crash finds another log."""
    pwd = pytest.importorskip("pwd", reason="platform: users are POSIX")

    def nobody(uid: int) -> None:
        raise KeyError(uid)

    for name in ("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", nobody)

    for body in (user_state_directory, Path.home):
        declare(body)
        assert cli.main(["probe"]) == 2
        assert "GOV337" in capsys.readouterr().err
    declare(fail_with(ZeroDivisionError()))
    assert cli.main(["probe"]) == 2
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_ctrl_c_while_commands_are_imported_is_no_crash(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first second of a command is its imports, and people are quick."""

    class Interrupting:
        def find_spec(self, name: str, *_: object) -> None:
            if name == "governance.cli.app":
                raise KeyboardInterrupt

    monkeypatch.delitem(sys.modules, "governance.cli.app")
    monkeypatch.delattr(cli, "app")
    monkeypatch.setattr(sys, "meta_path", [Interrupting(), *sys.meta_path])

    assert cli.main(["sessions"]) == 130
    assert capsys.readouterr().err == "stopped\n"


@pytest.mark.parametrize(
    "words", [["prob"], ["probe", "--formt", "json"], ["probe", "--format", "xml"], ["probe", "x"]]
)
def test_bad_usage_is_two_and_names_the_way_out(
    declare: Declare, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    """A misspelled command, option or value is refused with what was meant or can be."""
    declare(lambda: None)

    assert cli.main(words) == 2
    err = capsys.readouterr().err
    assert "Error:" in err
    assert "Traceback" not in err
    if words != ["probe", "x"]:
        assert "probe" in err
        assert "`probe`" in err or "--format" in err


@pytest.mark.parametrize(
    "words",
    [
        ["prob", "--format", "json"],
        ["probe", "x", "--format=jsonl"],
        ["probe", "--formt", "x", "--format", "json"],
    ],
)
def test_bad_usage_is_json_where_json_was_asked_for(
    declare: Declare, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    """A program reads what was wrong where it reads everything else, and nothing but that."""
    declare(lambda: None)

    assert cli.main(words) == 2
    shown = capsys.readouterr()
    (problem,) = json.loads(shown.out)["diagnostics"]
    assert problem["code"] == "GOV400"
    assert problem["suggestion"].startswith("see `governance")
    assert not shown.err


def test_help_teaches(declare: Declare, capsys: pytest.CaptureFixture[str]) -> None:
    """Help shows an example that can be copied, and what the exit codes mean."""
    declare(lambda: None)

    assert cli.main(["probe", "--help"]) == 0

    out = capsys.readouterr().out
    assert "$ governance probe" in out
    assert "0 fine, 2 could not do what was asked" in out


def test_without_words_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """`governance` alone teaches and is not an error of its own kind."""
    assert cli.main([]) == 2
    shown = capsys.readouterr()
    assert "governance demo" in shown.out + shown.err


def test_every_command_is_there_under_its_name() -> None:
    """What the help lists can be imported, teaches by an example and has a docstring."""
    context = click.Context(app_module.app)
    for name in app_module.HOMES:
        found = app_module.app.get_command(context, name)

        assert found is not None
        assert found.name == name
        assert found.help
        assert getattr(found, "examples", ())


def test_a_store_that_is_busy_is_told(declare: Declare, capsys: pytest.CaptureFixture[str]) -> None:
    """An error with a remedy shows the remedy."""
    declare(fail_with(StoreBusy("locked", remedy="try again")))

    assert cli.main(["probe"]) == 2
    assert "try again" in capsys.readouterr().err


def test_a_reader_that_has_gone_is_no_crash() -> None:
    """`governance … | head` ends without a traceback and without a log."""
    run = "from governance.cli import main; import sys; sys.exit(main(['--help']))"
    process = subprocess.Popen(
        [sys.executable, "-c", run], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()

    err = process.stderr.read()
    process.stderr.close()
    process.wait()

    assert err == b""


def test_a_reader_that_leaves_a_table_is_not_a_finding() -> None:
    """What rich prints ends as all else does: with 2, for 1 would be an answer."""
    run = (
        "import sys; from governance.cli import main, frame; from governance.cli import app; "
        "from governance.cli.output import print_line; from types import SimpleNamespace; "
        "body = lambda: [print_line('x' * 99) for _ in range(9)]; "
        "made = frame.command('probe', examples=[])(body); "
        "sys.modules['probe'] = SimpleNamespace(COMMANDS={'probe': made}); "
        "app.HOMES = {'probe': 'probe'}; sys.exit(main(['probe']))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", run], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()

    err = process.stderr.read()
    process.stderr.close()

    assert (process.wait(), err) == (2, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="platform: has no /dev/full")
@pytest.mark.parametrize("words", [["--version"], ["no-such-command"]])
def test_full_disks_are_two_wherever_is_printed(words: list[str]) -> None:
    """Not even the line that says so can be written, and the exit code stays the command's."""
    run = f"from governance.cli import main; import sys; sys.exit(main({words}))"
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([sys.executable, "-c", run], stdout=full, stderr=full, check=False)

    assert done.returncode == 2


def test_a_folder_that_was_removed_under_us_is_named(
    declare: Declare,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever stands in it is told so; a failure of another kind is no such thing."""
    declare(Path.cwd)
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()

    code = cli.main(["probe"])
    told = capsys.readouterr().err
    monkeypatch.chdir(tmp_path)
    declare(fail_with(FileNotFoundError()))

    assert (code, "GOV610 the folder you are in is gone" in told) == (2, True)
    assert cli.main(["probe"]) == 2
    assert "did not foresee" in capsys.readouterr().err


def test_a_hook_that_cannot_be_imported_denies(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The host runs the tool on exit code 1, so an import error must be 2."""
    monkeypatch.setitem(sys.modules, "governance.hooking.hook", None)

    assert cli.main(["hook", "claude-code"]) == 2
    assert "governance hook: ModuleNotFoundError" in capsys.readouterr().err


def test_the_quick_way_imports_nothing_heavy() -> None:
    """`hook` reaches its script before click and rich are imported."""
    run = (
        "import sys, types; from governance import cli; "
        "probe = types.ModuleType('governance.hooking.hook'); probe.main = lambda words: 7; "
        "sys.modules['governance.hooking.hook'] = probe; "
        "code = cli.main(['hook', 'claude-code', '--dir', '/x']); "
        "heavy = {'click', 'rich', 'attr', 'logging', 'asyncio', 'pathlib'} & set(sys.modules); "
        "print(code, sorted(heavy - before))"
    )
    start = "import sys; before = set(sys.modules)\n"

    result = subprocess.run(
        [sys.executable, "-c", start + run], capture_output=True, text=True, check=True
    )

    assert result.stdout.strip() == "7 []"


def test_the_project_is_the_nearest_upwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without --dir the nearest project upwards is taken; a folder that is none is an error."""
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)

    with pytest.raises(DefinitionError, match="GOV331"):
        project_of(None)
    create_project(tmp_path, "")
    assert project_of(None).directory == tmp_path
    with pytest.raises(DefinitionError, match="GOV331"):
        project_of(Path("x"))


@pytest.mark.parametrize("kind", ["open", "link"])
def test_a_log_goes_into_nobody_elses_folder(
    declare: Declare,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    kind: str,
) -> None:
    """Where the person's own folder cannot be had, one that others prepared is not taken."""
    monkeypatch.setenv("XDG_STATE_HOME", "/dev/null/state")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    theirs = tmp_path / f"governance-{getpass.getuser()}"
    if kind == "link":
        (tmp_path / "elsewhere").mkdir(0o700)
        theirs.symlink_to(tmp_path / "elsewhere")
    else:
        theirs.mkdir()
        theirs.chmod(0o777)
    declare(fail_with(ZeroDivisionError("x")))

    assert cli.main(["probe"]) == 2
    assert "no log file could be written" in capsys.readouterr().err
    assert not list(theirs.iterdir())


def test_a_file_that_nobody_foresaw_is_named(
    declare: Declare, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the system says of a file is told like every other problem with one, once."""
    declare(fail_with(OSError(36, "File name too long", "a" * 9)))

    code = cli.main(["probe"])

    assert code == 2
    assert capsys.readouterr().err == "aaaaaaaaa: GOV610 cannot be used: file name too long\n"


ENTRY = "import sys; from governance.cli import entry; sys.exit(entry())"


def test_a_link_that_leads_to_itself_is_named(
    declare: Declare, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """However this Python puts it."""
    link = tmp_path / "loop"
    link.symlink_to(link)
    declare(lambda: link.resolve(strict=True))

    code = cli.main(["probe"])

    assert code == 2
    assert capsys.readouterr().err.startswith(f"{link}: GOV610 cannot be used: too many levels")


def test_the_process_of_a_command_looks_for_garbage_late() -> None:
    """But it does: some commands go on for days. At the end nothing is left to look at."""
    run = (
        "import gc, sys; from governance import cli; sys.argv[1:] = ['--version']; "
        "cli.entry(); kept = gc.get_freeze_count(); gc.unfreeze(); "
        "sys.exit(f'{gc.isenabled()} {gc.get_threshold()[0]} {kept > 1000}')"
    )

    done = subprocess.run([sys.executable, "-c", run], capture_output=True, text=True, check=False)

    assert done.stdout.startswith("governance")
    assert done.stderr.split() == ["True", str(cli.COLLECT_AFTER), "True"]


FULL = "platform: no `/dev/full`"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason=FULL)
def test_output_that_cannot_be_written_is_no_crash() -> None:
    """A full disk is told in a line, and the exit code says that it failed."""
    with Path("/dev/full").open("w") as full:
        done = governance("schema", stdout=full)

    assert (done.returncode, done.stderr) == (
        2,
        "the output cannot be written: no space left on device\n",
    )


def test_output_that_nobody_takes_is_no_crash() -> None:
    """A command whose standard output was closed says that what it would print is nowhere."""
    done = subprocess.run(
        ["sh", "-c", '"$0" -c "$1" schema >&-', sys.executable, ENTRY],
        capture_output=True,
        text=True,
        check=False,
    )

    said = "the output cannot be written: standard output is closed\n"
    assert (done.returncode, done.stderr) == (2, said)


def test_what_goes_into_a_file_is_utf8() -> None:
    """Whatever the surroundings say, a page reads as it says that it reads."""
    done = governance("trust", "--help", stdout=subprocess.PIPE, PYTHONIOENCODING="ascii")

    assert done.returncode == 0
    assert done.stderr == ""
    assert "[PACK]…" in done.stdout


def test_signs_that_a_terminal_cannot_show_are_spelled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that is printed fails for its signs."""
    shown = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(shown, encoding="latin-1"))

    prepare_streams()
    print_line("a → b")
    sys.stdout.flush()

    assert shown.getvalue() == "a → b\n".encode()


class OldTerminal(io.TextIOWrapper):
    """A terminal that shows what its encoding has."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_without_our_signs_gets_others_as_wide(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Bars, lines and arrows are drawn in ASCII there; what somebody wrote is spelled."""
    shown = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", OldTerminal(shown, encoding="ascii"))

    prepare_streams()
    sys.stdout.write("└─a ██▄ │ 1 → 2 … “é”\n")
    sys.stdout.flush()

    assert shown.getvalue() == b'`-a ##= | 1 > 2 ... "\\xe9"\n'


@pytest.mark.parametrize("name", list(app_module.HOMES))
def test_what_a_command_can_be_told_to_do_stands_whole(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a terminal of 80 columns no word that is to be typed is torn apart."""
    monkeypatch.setenv("COLUMNS", "80")

    assert cli.main([name, "--help"]) == 0

    out = capsys.readouterr().out
    told, _, _ = out.partition("Examples:")  # these are to be copied
    assert max(map(len, told.splitlines())) <= 80
    found = app_module.app.get_command(click.Context(app_module.app), name)
    assert found is not None
    for choices in re.findall(r"\{([^}]*)\}", out.partition("\n\n")[0]):
        assert not any(re.search(r"\S\s+\S", one) for one in choices.split("|"))
    words = re.split(r"[^\w-]+", out)
    for one in found.params:
        if isinstance(one, click.Argument) and isinstance(one.type, click.Choice):
            assert set(one.type.choices) <= set(words)


def governance(*words: str, stdout: Any, **more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", ENTRY, *words]
    return subprocess.run(
        command, stdout=stdout, stderr=subprocess.PIPE, env={**os.environ, **more},
        encoding="utf-8", check=False,
    )  # fmt: skip
