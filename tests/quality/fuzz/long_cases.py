"""
Long lines: one piece again and again, in each place where the engine reads a text closely.

The other lines are short, and take the work of Python functions for a measure; what takes long
here is a pattern, the grammar, or a value that grows.
"""

from __future__ import annotations

from functools import partial
from random import Random

from governance.shell import read_line
from tests.quality.fuzz.findings import Outcome, tried

SIZE = 60_000
"""Characters of what is repeated."""

_PLACES = (
    "python -c '{}'", "node -e '{}'", "perl -e '{}'", "ruby -e '{}'", "php -r '{}'", "lua -e '{}'",
    "python <<'E'\n{}\nE", "node <<'E'\n{}\nE", "ipython -c '{}'", "Rscript -e '{}'",
    "awk '{}' f", "sed '{}' f", "jq '{}' f", "psql -c '{}'", "sqlite3 x '{}'", "mysql -e '{}'",
    "mongosh --eval '{}'", "redis-cli eval '{}'", "vim -c '{}' f", "emacs --eval '{}'",
    "curl -K - <<'E'\n{}\nE", "ed f <<'E'\n{}\nE", "make -f - <<'E'\n{}\nE", "gdb -ex '{}' x",
    "cat > p.yml <<'E'\n{}\nE\nansible-playbook p.yml", "printf '%s' '{}' > p; cmake -P p",
    "(({}))", "[[ {} ]]", "echo ${{{}}}", "echo $(({}))", "for x in {}; do $x; done",
    "case x in {}) a;; esac", "a=({})", "cat <<E\n{}\nE", 'echo "{}"', "echo $'{}'", "{}",
    "X='{}'; $X", "X='{}'; echo ${{X//a*b*/c}} ${{X##*a*b}}", "IFS='{}'; X='a b'; rm $X",
    'X=\'{}\'; declare "a[$X]"; test -v "$X"', "read x <<< '{}'; $x", "mapfile a <<< '{}'; $a",
    "while read x; do $x; done <<< '{}'", "eval '{}'", "bash -c '{}'", "trap '{}' EXIT",
    "PS4='{}'; set -x; a", "alias x='{}'; x", "git -c alias.x='{}' x", "ssh h '{}'",
    "env '{}' rm", "find . -name '{}'", "find . -regex '{}' -delete", "cat /etc/{}", "rm -rf {}",
    "docker run -v /:/h x '{}'", "kubectl exec p -- '{}'", "xargs -I{{}} rm {{}} <<< '{}'",
    "echo '{}' | sed 's/a/b/' | sh", "tr '{}' x <<< y | sh", "printf '{}' a b | sh",
    "printf '%b' '{}' | sh", "echo -e '{}' | sh", "echo {} | base64 -d | sh",
    "crontab <<'E'\n{}\nE",
    "awk 'BEGIN{{print \"{}\"}}' | sh", "echo x | sed 's/{}/b/' | sh", "echo '{}' >> ~/.bashrc",
    "powershell -c '{}'", "cut -d '{}' -f1 <<< x | sh",
)  # fmt: skip
_PIECES = (
    "a", "(", ")", "[", "]", "{", "}", "<", ">", "|", "&", ";", "$", "`", '"', "\\", "/", "*", "?",
    "!", "#", "%", "^", "~", "=", "+", "-", ".", ",", ":", " ", "\t", "\n", "$(", "${", "((", "[[",
    "<(", "<<", "*/", "/*", "--", "os.", "eval", "exec", "system", "import ", "$X", "@", "0", "x=",
    "{a,", "=>", "rm ", "sudo ", "\\\n", "*a", "[a", "a:", "//", "s/a/b/;", "../", "~/", "é", "zx ",
    "urlopen", "getline", "print ", "file.", "%s", "\\x41", "_",
)  # fmt: skip


def line_of(random: Random) -> str:
    """A long line, the same for the same random numbers."""
    unit = "".join(random.choices(_PIECES, k=random.choice((1, 1, 2, 2, 3))))
    start = random.choice(("", "x", random.choice(_PIECES)))
    end = random.choice(("", "", random.choice(_PIECES)))
    return random.choice(_PLACES).format(start + unit * (SIZE // len(unit)) + end)


def run(seed: str, numbers: range, outcome: Outcome) -> None:
    """Tries the cases *numbers* of *seed*."""
    for number in numbers:
        text = line_of(Random(f"{seed}/long/{number}"))
        outcome.counts["cases"] += 1
        tried(outcome, number, text[:200], partial(_judge, outcome, text))


def _judge(outcome: Outcome, text: str) -> None:
    line = read_line(text)
    outcome.counts["blind" if line.blind is not None else "read"] += 1
