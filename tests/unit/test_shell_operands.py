"""Words behind a text of another language, and files that programs write by themselves."""

from __future__ import annotations

import pytest

from governance.shell import read_line
from governance.shell.operands import CHARACTERS_MAX, PLACES_MAX, WORDS_MAX


def _all(line: str, fact: str) -> set[str]:
    return {str(word) for one in read_line(line).commands for word in getattr(one, fact)}


@pytest.mark.parametrize(
    "line",
    [
        "python3 -c 'import os, sys; os.remove(sys.argv[1])' x",
        "python3 -c 'import os, sys; [os.remove(f) for f in sys.argv[1:]]' x",
        "python3 -c 'from sys import argv; import os; os.remove(argv[-1])' y x",
        "python3 -c 'from pathlib import Path; import sys; Path(sys.argv[2]).unlink()' y x",
        "python3 - x <<< 'import os, sys; os.remove(sys.argv[1])'",
        "echo 'import os, sys; os.remove(sys.argv[1])' > a.py; python3 a.py x",
        "perl -e 'unlink $ARGV[0]' x",
        "perl -e 'unlink \"$ARGV[0]\"' x",
        "perl -e 'unlink @ARGV' x",
        "perl -e 'unlink shift' x",
        "perl -e 'unlink for @ARGV' x",
        "ruby -e 'File.delete(ARGV[0])' x",
        "ruby -e 'ARGV.each { |f| File.delete(f) }' x",
        "node -e 'require(\"fs\").unlinkSync(process.argv[1])' x",
        "node -e 'process.argv.slice(1).forEach(f => require(\"fs\").unlinkSync(f))' x",
        "php -r 'unlink($argv[1]);' x",
        "lua -e 'os.remove(arg[1])' x",
    ],
)
def test_a_text_removes_what_it_is_given(line: str) -> None:
    """A word behind the text is the file that the text names by its place."""
    assert "x" in _all(line, "removes")


@pytest.mark.parametrize(
    ("line", "fact"),
    [
        ("python3 -c 'import sys; print(open(sys.argv[1]).read())' x", "reads"),
        ("python3 -c 'import sys; open(sys.argv[1], \"w\")' x", "writes"),
        ("python3 -c 'import shutil, sys; shutil.copy(*sys.argv[1:])' y x", "writes"),
        ('python3 -c \'import sys; open(f"{sys.argv[1]}", "w")\' x', "writes"),
        ("python3 -c 'import fileinput; print(*fileinput.input())' x", "reads"),
        ("python3 -m fileinput x", "reads"),
        ("python3 -m base64 x", "reads"),
        ("ruby -e 'puts ARGF.read' x", "reads"),
        ("perl -e 'print <>' x", "reads"),
        ("perl -e 'open F, \">\", $ARGV[0]' x", "writes"),
        ("node -p 'require(\"fs\").readFileSync(process.argv[1])' x", "reads"),
        ("awk -v f=x '{print > f}' y", "writes"),
        ("awk '{print > f}' f=x y", "writes"),
        ("awk 'BEGIN { f = \"x\" } { print > f }' y", "writes"),
        ("awk 'BEGIN { print > ARGV[1] }' x", "writes"),
        ('F=x awk \'{ printf "%s", $1 >> ENVIRON["F"] }\' y', "writes"),
        ("awk -v f=x 'BEGIN { while ((getline l < f) > 0) print l }'", "reads"),
        ("gunzip x.gz", "writes"),
        ("gzip -d x.gz", "writes"),
        ("gzip -dk x.gz", "writes"),
        ("gunzip -S .y x.y", "writes"),
        ("bunzip2 x.bz2", "writes"),
        ("unxz x.xz", "writes"),
        ("zstd -d x.zst", "writes"),
        ("tar c y | gunzip -f x.gz", "writes"),
    ],
)
def test_a_file_that_is_named_elsewhere_is_found(line: str, fact: str) -> None:
    """Operands of a text, variables of awk, and what comes out of a packed file are paths."""
    assert "x" in _all(line, fact)


@pytest.mark.parametrize(
    "line",
    ["rsync -a /y/x .", "rsync -a h:y/x .", "scp h:y/x .", "rsync -a /y/x ./", "scp h:y/x h:z ./"],
)
def test_what_is_copied_into_a_folder_is_written_there(line: str) -> None:
    """`rsync` and `scp` write a file of that name into the folder, as `cp` does."""
    assert "./x" in _all(line, "writes")


@pytest.mark.parametrize(
    ("line", "fact"),
    [
        ("python3 -c 'import sys; print(sys.argv[1])' x", "reads"),
        ("python3 -c 'import sys; open(sys.argv[2], \"w\")' x y", "writes"),
        ('python3 -c \'open("y", "w")\' x', "writes"),
        ("node -e 'console.log(process.argv[1])' x", "reads"),
        ("awk -v x=10 '{ if ($1 > x) print }' y", "writes"),
        ("gunzip -c x.gz", "writes"),
        ("gunzip -t x.gz", "writes"),
        ("rsync -a x/ .", "writes"),
    ],
)
def test_a_word_that_is_no_such_file_is_left_alone(line: str, fact: str) -> None:
    """A word that is only printed, compared or packed is not touched."""
    assert not {"x", "./x", "10"} & _all(line, fact)


def test_a_command_out_of_the_words_behind_a_text_is_found() -> None:
    """What a text runs by its words is run."""
    line = read_line("python3 -c 'import os, sys; os.system(sys.argv[1])' 'git push -f'")
    listed = read_line(
        "python3 -c 'import sys, subprocess as s; s.run([\"git\"] + sys.argv[1:])' x"
    )

    assert [one.program for one in line.commands] == ["python", "git"]
    assert [list(one.arguments) for one in listed.commands[1:]] == [["x"]]


@pytest.mark.parametrize(
    "line",
    [
        f"perl -e 'unlink @ARGV' {' '.join(['x'] * (WORDS_MAX + 1))}",
        f"perl -e '{'unlink $ARGV[0];' * (PLACES_MAX + 1)}' x",
    ],
)
def test_more_than_is_followed_is_said(line: str) -> None:
    """Words and places beyond the bounds leave the command unknown."""
    (command,) = read_line(line).commands

    assert "bound" in {one.kind for one in command.opaque}


def test_a_very_long_word_is_not_known() -> None:
    """What is longer than is followed stands as a hole."""
    (command,) = read_line(f"perl -e 'unlink $ARGV[0]' {'x' * (CHARACTERS_MAX + 1)}").commands

    assert not all(one.known for one in command.removes)
