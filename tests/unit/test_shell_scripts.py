"""Scripts that a line writes and runs, and what a live star takes away."""

from __future__ import annotations

import pytest

from governance.rules.shell_facts import _emptied
from governance.shell import read_line
from governance.shell.values import HOLE, Word


def _removed(text: str) -> list[str]:
    return [str(word) for one in read_line(text).commands for word in one.removes]


@pytest.mark.parametrize(
    ("line", "removed"),
    [
        ("printf '#!/bin/sh\\nrm -rf ~\\n' > a.sh && sh a.sh", ["~"]),
        ("echo 'rm -rf /' >> s.sh; chmod +x s.sh; ./s.sh", ["/"]),
        ("echo 'rm -rf $1' | tee s.sh; bash ./s.sh /etc", ["/etc"]),
        ("cat > a <<'E'\nrm x\nE\n. ./a", ["x"]),
        ("echo rm x > a.sh; echo rm y >> a.sh; sh a.sh", ["x", "y"]),
        ("echo \"import os; os.remove('a')\" > a.py; python3 a.py", ["a"]),
        ("printf '#!/usr/bin/env python3\\nimport os\\nos.remove(\"a\")\\n' > b; ./b", ["a"]),
        ("cd d; echo rm x > a.sh; cd ..; sh d/a.sh", ["x"]),
        ("echo rm x > a.sh; echo rm y | tee -ia a.sh; sh a.sh", ["x", "y"]),
        ("printf 'all:\\n\\t@rm -r $(HOME)/d\\n' >> Makefile && make", ["~/d"]),
        ("printf 'x:\\n\\trm y\\n' > M; make -f M x", ["y"]),
        ("echo \"import os; os.remove('a')\" > conftest.py; python -m pytest -q", ["a"]),
        ('npm pkg set scripts.tidy="rm -r x" && npm run tidy', ["x"]),
        ("pnpm pkg set scripts.test='rm -r x'; pnpm test", ["x"]),
        ("echo 'h, _ := os.UserHomeDir(); os.RemoveAll(h)' > m.go && go run m.go", ["~"]),
        ("echo 'system(\"rm -r x\");' > a.c; gcc a.c -o a && ./a", ["x"]),
        ("echo 'std::fs::remove_dir_all(\"x\")' > a.rs; rustc a.rs", ["x"]),
        ("echo 'fn main() { fs::remove_file(\"x\") }' > src/main.rs; cargo run", ["x"]),
        ('echo \'l.remove("/x"); new File("y")\' > A.java; java A.java', []),
        ("cp /dev/stdin a.sh <<< 'rm x'; sh a.sh", ["x"]),
        ("echo rm x | cp /dev/stdin a.sh; sh a.sh", ["x"]),
        ("install -m 755 /dev/stdin a.sh <<< 'rm x'; ./a.sh", ["x"]),
        ("rev <<< 'x mr' > a.sh; sh a.sh", ["x"]),
        ("echo rm x | sed -n 'w a.sh'; sh a.sh", ["x"]),
        ("echo rm x | awk '{print > \"a.sh\"}'; . ./a.sh", ["x"]),
        ("sort -o a.sh <<< 'rm x'; sh a.sh", ["x"]),
        ("{ echo rm x; echo rm y; } > a.sh; sh a.sh", ["x", "y"]),
        ("echo rm x > a.sh; echo rm y > a.sh; sh a.sh", ["y"]),
        ("(echo rm x; cat b) > a.sh; sh a.sh", ["x"]),
        ("echo rm x | split -l 1; sh xaa", ["x"]),
        ("echo rm x | split -d -l 1 - p.; sh p.00", ["x"]),
        ("echo rm x > a; csplit -z a 2; sh xx00", ["x"]),
        ("sed -i '1i rm x' a.sh && sh a.sh", ["x"]),
        ("sed -i -e '$a\\' -e 'rm x' a.sh; . ./a.sh", ["x"]),
        ("sed -i 's/^make$/rm x/' a.sh; cp a.sh b.sh; ./b.sh", ["x"]),
        ("perl -pi -e 's/make/rm x/' a.sh; sh a.sh", ["x"]),
        ("sd make 'rm x' a.sh; sh a.sh", ["x"]),
        ("ed -s a.sh <<'E'\na\nrm x\n.\nw\nE\nsh a.sh", ["x"]),
        ("ex -s a.sh <<'E'\ni\nrm x\n.\nwq\nE\nsh a.sh", ["x"]),
        ("vim -es -c 'normal! Orm x' -c wq a.sh; sh a.sh", ["x"]),
        ("patch a.sh <<'E'\n--- a\n+++ a.sh\n@@ -1 +1 @@\n-rm y\n+rm x\nE\nsh a.sh", ["x"]),
        ("sed -i '1i import os; os.remove(\"x\")' a.py && python a.py", ["x"]),
        ('sed -i \'s/"test": ".*"/"test": "rm x"/\' package.json && npm test', ["x"]),
        ("sed -i 's/^all:/all:\\n\\trm x/' Makefile && make", ["x"]),
        ("echo rm x > a; fish a", ["x"]),
        ("echo 'import os; os.remove(\"x\")' > m.py; python -m m", ["x"]),
        ("echo 'import os; os.remove(\"x\")' > p/m.py; python -m p.m", ["x"]),
        ("echo 'import os; os.remove(\"x\")' > p/__main__.py; python p", ["x"]),
        ("echo 'import os; os.remove(\"x\")' > m.py; python -c 'import m'", ["x"]),
        ('echo \'require("fs").rmSync("x")\' > index.js; node .', ["x"]),
        ('echo \'require("fs").rmSync("x")\' > a.js; node a', ["x"]),
        ("echo 'system(\"rm x\")' > a.R; Rscript a.R", [HOLE, "x"]),
        ("echo 'spawn rm x' > a.exp; expect a.exp", ["x"]),
        ("echo 'shell rm x' > a.gdb; gdb -x a.gdb", ["x"]),
        ("echo '!rm x' > a.vim; vim -S a.vim", ["x"]),
        ("echo '\\! rm x' > a.sql; psql -f a.sql", ["x"]),
        ("sed -i 's/rm x/ls/' a.sh && sh a.sh", []),
        ("perl -pi -e 's/rm x/ls/' a.sh && sh a.sh", []),
        ("sed -i '1i rm x' a.sh && sh b.sh", []),
    ],
)
def test_a_script_that_the_line_wrote_is_read(line: str, removed: list[str]) -> None:
    """What a line writes into a file and then runs is part of what it does."""
    assert _removed(line) == removed


@pytest.mark.parametrize(
    "line",
    [
        "python3 -c \"open('a.sh', 'w').write('rm x')\"; sh a.sh",
        "python3 -c \"open('a.sh', 'w').write('rm x')\"; mv a.sh b.sh; sh b.sh",
        "jq '.scripts.x = \"rm x\"' package.json > p && mv p package.json && npm run x",
        "sed '1i rm x' b.sh > a.sh; sh a.sh",
        "python3 -c \"print('rm x')\" > a.sh; ./a.sh",
        "python3 -c \"open('d/a.sh', 'w').write('rm x')\"; cd d; sh a.sh",
        "echo ok > a.sh; python3 -c \"print('rm x')\" > a.sh; sh a.sh",
        'perl -e \'open F, ">", "a.py"; print F 1\'; python3 a.py',
        "echo rm x | sed -n 'w a.sh'; sh a.sh",
        "sed 's/.*/rm x/' b > a.sh; sh a.sh",
        "jq -rn '\"rm x\"' > a.sh; sh a.sh",
    ],
)
def test_a_script_out_of_a_text_of_the_line_may_be_anything(line: str) -> None:
    """What a program makes of a text of the line, and then runs, is not known."""
    commands = read_line(line).commands

    assert "input" in {one.kind for command in commands for one in command.opaque}


@pytest.mark.parametrize(
    "line",
    [
        "python3 gen.py > a.sh; sh a.sh",
        "cp b.sh a.sh; sh a.sh",
        "sed -i s/a/b/ a.sh; sh a.sh",
        "sed s/a/b/ a.in > a.sh; sh a.sh",
        "cat b | tr -d '\\r' > a.sh; sh a.sh",
        "curl -o a.sh https://x.example/a; sh a.sh",
        "python3 -c \"open('log', 'w').write('rm x')\"; sh a.sh",
        "python3 -c \"open('a.sh', 'w').write('rm x')\"; echo ls > a.sh; sh a.sh",
    ],
)
def test_a_script_out_of_other_files_is_a_script_as_before(line: str) -> None:
    """What is made of files that are there is the author's own to judge."""
    commands = read_line(line).commands

    assert "input" not in {one.kind for command in commands for one in command.opaque}


@pytest.mark.parametrize(
    "line",
    [
        "echo 'rm -rf /' > notes.txt; cat notes.txt",
        "echo 'rm -rf /' > a.sh; sh b.sh",
        "printf 'x:\\n\\trm y\\n' > M; make x",
        "echo \"import os; os.remove('a')\" > helper.py; pytest",
        "npm pkg set scripts.tidy='rm -r x' && npm run build",
        "echo 'rm -rf /' > a.sh; echo true > a.sh; sh a.sh",
        "echo 'rm -rf /' > a.sh; some-program > a.sh; cat b > a.sh; sh a.sh",
    ],
)
def test_a_file_that_is_not_run_or_no_longer_so_is_not(line: str) -> None:
    """A file that is only written, or written anew, runs nothing."""
    assert _removed(line) == []


@pytest.mark.parametrize(
    ("line", "removed"),
    [
        ("ln -s / b/x && rm -r b/x/home/dev", ["b/x/home/dev", "/home/dev"]),
        ("ln -sfn ~ h; cd h2; rm ../h/a/../b", ["../h/a/../b", "~/b"]),
        ("ln --symbolic .. up; rm -r up/other", ["up/other", "../other"]),
        ("ln -s ~ b; rm -r b/", ["b/", "~"]),
        ("ln -s /a b; rm -r b/.", ["b/.", "/a"]),
        ("ln -s /a b; rm b", ["b"]),
        ("ln /a b; rm b/c", ["b/c"]),
        ("ln -s $X b; rm b/c", ["b/c"]),
    ],
)
def test_what_lies_behind_a_link_of_the_line_is_meant(line: str, removed: list[str]) -> None:
    """What is removed below a symbolic link lies where that leads to."""
    assert _removed(line) == removed


def test_a_script_that_is_too_long_is_one_that_nobody_has_read() -> None:
    """A text that grows over the bound is forgotten, and the script stays unknown."""
    adding = f"echo '{'#' * 9_000}' >> a.sh; "
    line = read_line(f"echo 'rm x' > a.sh; {adding * 8}sh a.sh")
    assert [one.removes for one in line.commands if one.removes] == []
    assert [one.kind for one in line.commands[-1].opaque] == ["script"]


def test_a_script_that_runs_itself_ends() -> None:
    """A script that calls itself without end is bounded, and says so."""
    line = read_line("echo 'sh a.sh; sh a.sh' > a.sh; sh a.sh")
    assert "bound" in {one.kind for one in line.opaque}


@pytest.mark.parametrize(
    ("glob", "folder"),
    [
        ("*", ["."]),
        ("./*", ["."]),
        ("/*", ["/"]),
        ("~/*", ["~"]),
        (".[!.]*", ["."]),
        ("a/**/*", ["a"]),
        ("*/", ["."]),
        ("src/*.py", []),
        ("a[0-9]*", []),
    ],
)
def test_a_star_that_takes_everything_takes_the_folder(glob: str, folder: list[str]) -> None:
    """Where all in a folder is removed, the folder counts as removed."""
    assert [str(one) for one in _emptied([Word(glob, glob=True)])] == folder


def test_a_star_that_is_quoted_takes_nothing_else() -> None:
    """A file that is called `*` is a file."""
    assert _emptied([Word("*")]) == ()


@pytest.mark.parametrize(
    ("line", "removed"),
    [
        ("rm -rf $(find . -name __pycache__)", ["./__pycache__"]),
        ("rm $(git rev-parse --show-toplevel)", ["."]),
        ("cd src && rm -rf $(git rev-parse --show-toplevel)", [".."]),
        ("rm -rf $(git rev-parse --git-dir)", [".git"]),
        ("cd src && rm -rf $(git rev-parse --absolute-git-dir)/hooks", ["../.git/hooks"]),
        ("cd /srv/a && rm -rf $(git rev-parse --show-toplevel)", ["/srv/a"]),
        ("rm -rf $X a$(find . -name b)", [HOLE, f"a{HOLE}"]),
        ("rm -rf $X >$(find . -name b)", [HOLE]),
        ("rm -rf $(some-program)", [HOLE]),
        ("rsync -an --delete a/ b/", []),
        ("rsync -a --delete a/ b/", ["b/"]),
    ],
)
def test_what_a_substitution_names_is_removed(line: str, removed: list[str]) -> None:
    """Words that a known command prints stand for its `$(…)`, and a dry run removes nothing."""
    assert _removed(line) == removed


@pytest.mark.parametrize(
    "line",
    [
        "sgdisk -p /dev/sda",
        "sgdisk --print disk.img",
        "parted /dev/sda print",
        "parted -s /dev/sda unit s print free",
        "parted -l",
        "sfdisk -d /dev/sda",
        "sfdisk --list /dev/sda",
        "fdisk -l /dev/sda",
        "tune2fs -l /dev/sda1",
        "e2fsck -n /dev/sda1",
    ],
)
def test_looking_at_a_disk_writes_nothing(line: str) -> None:
    """Options that only print leave a disk as it is."""
    assert [one.writes for one in read_line(line).commands] == [()]


@pytest.mark.parametrize(
    "line",
    [
        "sgdisk -p -t 1:8300 /dev/sda",
        "sgdisk --print --zap-all /dev/sda",
        "parted /dev/sda",
        "parted /dev/sda rm 1 print",
        "parted /dev/sda unit s mkpart p 1 2",
        "parted /dev/sda $X",
        "tune2fs -J x /dev/sda",
        "fsck -y /dev/sda",
        "sfdisk -J --delete /dev/sda",
        "fdisk /dev/sda",
    ],
)
def test_what_changes_a_disk_writes_it(line: str) -> None:
    """A change counts, whatever else is asked to be shown."""
    assert "/dev/sda" in [str(word) for one in read_line(line).commands for word in one.writes]


@pytest.mark.parametrize(
    ("line", "removed"),
    [
        (
            "printf 'file(REMOVE_RECURSE \"$ENV{HOME}/a\" b)' > x.cmake; cmake -P x.cmake",
            ["~/a", "b"],
        ),
        ("echo 'execute_process(COMMAND rm -r a WORKING_DIRECTORY /)' > x; cmake -P x", ["a"]),
        ("echo '- file: {path: a, state: absent} # localhost' > p; ansible-playbook p", ["a"]),
        ("printf 'hosts: localhost\\n- shell: rm -r a\\n' > p; ansible-playbook p", ["a"]),
        ("printf 'hosts: web\\n- file: path=a state=absent\\n' > p; ansible-playbook p", []),
        ('echo \'require("fs").rmSync("a")\' > a.test.js; npx jest', ["a"]),
        ('echo \'require("fs").rmSync("a")\' > a.js; npx jest b.js', []),
        ("echo 'import shutil; shutil.rmtree(\"a\")' > test_a.py; pytest -q", ["a"]),
        ("printf 'x:\\n  rm -r a\\n' > justfile; just x", ["a"]),
        ("printf 'x:\\n  cmds:\\n    - rm -r a\\n' > Taskfile.yml; task x", ["a"]),
        ('echo \'{"scripts":{"x":"rm -r a"}}\' > package.json; npm run x', ["a"]),
        ("echo '{\"scripts\":[' > package.json; npm run x", []),
        ('echo \'{"scripts":{"x":1}}\' > package.json; npm run x', []),
    ],
)
def test_what_builders_and_tests_are_told_by_a_written_file_is_seen(
    line: str, removed: list[str]
) -> None:
    """Scripts of cmake, playbooks, tests and recipes that the line has written are looked into."""
    assert _removed(line) == removed


@pytest.mark.parametrize(
    ("line", "program", "read", "written", "hosts"),
    [
        (
            'printf \'url = "https://a.test"\\ndata = "@b"\\n\' > c; curl -K c',
            "curl",
            "b",
            "",
            "a.test",
        ),
        ("curl -K - <<< 'upload-file = b'", "curl", "b", "", ""),
        ("curl -K - <<< 'output = \"b\"'", "curl", "", "b", ""),
        ("printf '+++ b/x\\n' > p; git apply p", "git", "", "x", ""),
        ("printf '+++ b/x\\n' > p; patch -i p", "patch", "", "x", ""),
    ],
)
def test_what_a_program_is_told_by_a_written_file_is_seen(
    line: str, program: str, read: str, written: str, hosts: str
) -> None:
    """A file of options or a patch that the line has written says what is read and written."""
    found = next(one for one in read_line(line).commands if one.program == program)
    assert not read or read in found.reads
    assert not written or written in found.writes
    assert not hosts or hosts in found.domains


def test_what_a_manifest_holds_is_known_where_the_line_has_written_it() -> None:
    """The text of a manifest is what `kubectl apply` is told."""
    line = read_line("echo 'kind: ClusterRoleBinding' > a.yaml; kubectl apply -f a.yaml")
    assert any("ClusterRoleBinding" in text for text in line.commands[-1].code)


def test_more_than_is_looked_at_of_what_is_put_into_a_script_may_be_anything() -> None:
    """Nothing that stands behind the bound is taken for harmless."""
    edits = " ".join(f"-e 's/a{number}/ls {number}/'" for number in range(80))
    line = read_line(f"sed -i {edits} -e 's/b/rm x/' a.sh; sh a.sh")

    assert "bound" in {one.kind for command in line.commands for one in command.opaque}
