"""
Shell scripts out of a grammar of bash, most of them valid, and damaged ones made from them.

Nothing here is ever run: bash is asked to parse (`-n`) and no more, and the words are such
that running them would harm nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from attrs import define

_NAMES = ("a", "b", "x", "f", "g", "Y", "IFS", "i")
_PROGRAMS = (
    "echo", "printf", "cat", "true", "test", "[", "read", "cd", "set", "env", "xargs", "sudo",
    "bash", "sh", "eval", "source", ".", "find", "sed", "awk", "python3", "time", "exec", "local",
    "export", "command", "nohup", "git", "ls", "f", "g", "$x", "trap", "shift", "declare", "alias",
)  # fmt: skip
_PLAIN = (
    "a", "b1", "-c", "--x=y", "-n", "./a", "~/b", "*.txt", "[a-c]", "?", "{a,b}", "{1..3}", "x=y",
    "%s", "a:b", "é", "-", "--", "@", "+x", "1", "0", "a,b", "^", "!", "in", "do", "fi", "\\ ",
    "\\$", "#a", "a#b", "=", "$", "%",
)  # fmt: skip
_PIECES = (
    "$(", "`", "${", "}", ")", "(", "{ ", "; }", '"', "'", "\\", "\n", "<<EOF\n", "\nEOF\n", " ",
    "|", "&", "&&", "||", ";", ";;", "case x in a)", "esac", "if ", "then ", "fi", "do ", "done",
    "for i in a b; do ", "while ", "[[ ", " ]]", "((", "))", "$((", "X=", "a=(", "$x", "${x:-",
    "#", ">", "<", "<(", ">(", "2>&1", "*", "~", "f() { ", "function g ", "coproc ", "time ", "!",
    "$'\\x41", "<<<", "&>", ">|", "<>", "@(", "\0", "\r\n", "\t", "\\\n", "<<-'E F'\n", "$\"", ";&",
    "|&", ">&", "&>>", "{", "else ", "elif ", "until ", "select i in a; do ", "=~", "]]", "{a..",
)  # fmt: skip
_QUOTED = ("a", "$x", "a`b`", "$(a)", "${x:-b}", "\\$", "!")
_TICKED = ("a", "echo b", "a | b")


@define(eq=False)
class Scripts:
    """
    Makes scripts by *random*.

    Attributes:
        budget: How many parts are still made; what is asked for beyond is a plain word.
    """

    random: Random
    budget: int = 30

    def _spent(self) -> bool:
        self.budget -= 1
        return self.budget < 0

    def _one(self, *made: Callable[[], str]) -> str:
        return self.random.choice(made)()

    def _pick(self, listed: Sequence[str]) -> str:
        return self.random.choice(listed)

    def script(self) -> str:
        """A whole script of a few lines."""
        lines = [self.list_() for _ in range(self.random.randint(1, 3))]
        return self._pick(("\n", "; ", "\n\n# x\n")).join(lines) + self._pick(("", "\n"))

    def list_(self) -> str:
        """Pipelines joined by what joins them."""
        text = self.pipeline()
        while self.random.random() < 0.3 and self.budget > 0:
            text += self._pick((" && ", " || ", "; ", "\n", " & ", " &&\n")) + self.pipeline()
        return text

    def pipeline(self) -> str:
        """Commands joined by pipes."""
        text = self._pick(("", "", "", "", "", "! ", "time ")) + self.command()
        while self.random.random() < 0.25 and self.budget > 0:
            text += self._pick((" | ", "|", " |& ", " |\n")) + self.command()
        return text

    def command(self) -> str:
        """A simple or a compound command, with redirections."""
        if self._spent() or self.random.random() < 0.6:
            return self.simple()
        text = self._one(
            lambda: f"( {self.list_()} )",
            lambda: f"{{ {self.list_()}; }}",
            lambda: f"if {self.list_()}; then {self.list_()}; else {self.list_()}; fi",
            lambda: f"if {self.list_()}; then {self.list_()}; elif {self.list_()}; then :; fi",
            lambda: f"for {self._pick(_NAMES)} in {self.words()}; do {self.list_()}; done",
            lambda: f"for ((i=0;i<3;i++)); do {self.list_()}; done",
            lambda: f"while {self.list_()}; do {self.list_()}; done",
            lambda: f"until {self.list_()}\ndo {self.list_()}\ndone",
            lambda: f"case {self.word()} in {self.arms()}esac",
            lambda: f"[[ {self.test()} ]]",
            lambda: f"(({self.sum_()}))",
            lambda: f"{self._pick(('f', 'g'))}() {{ {self.list_()}; }}",
            lambda: f"function f {{ {self.list_()}; }}",
            lambda: f"coproc {{ {self.list_()}; }}",
            lambda: f"select i in {self.words()}; do {self.list_()}; break; done",
        )
        return text + self.redirects()

    def arms(self) -> str:
        """The arms of a `case`."""
        made = ""
        for _ in range(self.random.randint(1, 2)):
            open_ = self._pick(("", "("))
            made += f"{open_}{self.word()}|b) {self.list_()} {self._pick((';;', ';&', ';;&'))} "
        return made

    def test(self) -> str:
        """What stands in `[[ … ]]`."""
        return self._one(
            lambda: f"{self.word()} == {self.word()}",
            lambda: f"-f {self.word()}",
            lambda: f"{self.word()} =~ ^a+(b|c)$",
            lambda: f"! ( -n {self.word()} && {self.word()} < b )",
            lambda: f"$i -gt 3 || {self.word()} != {self.word()}",
        )

    def sum_(self) -> str:
        """Arithmetic."""
        return self._pick(("i++", "i=1, x=2", "x ? 1 : 2", "(1+2)*3 << 1", "a[0] += 2", "x**2%3"))

    def simple(self) -> str:
        """A program, its words and redirections."""
        assigns = "".join(
            f"{self._pick(_NAMES)}{self._pick(('=', '+='))}{self._pick(('', 'a', '$x', '(a b)'))} "
            for _ in range(self.random.choice((0, 0, 0, 0, 1, 2)))
        )
        words = self.words() if self.random.random() < 0.8 else ""
        here = self.here() if self.random.random() < 0.06 else ""
        return f"{assigns}{self._pick(_PROGRAMS)} {words}{self.redirects()}{here}".rstrip(" ")

    def here(self) -> str:
        """A here-document; it ends the line that it stands in."""
        mark = self._pick(("EOF", "E_1"))
        sign = self._pick((mark, f"'{mark}'", f'"{mark}"', f"\\{mark}"))
        body = self._pick(("", "a\n", "$x `b`\n", "$(a; b)\n", "it's\n", "a $((1+2))\n\n"))
        return f" <<{sign}\n{body}{mark}\n"

    def words(self) -> str:
        """A few words."""
        return " ".join(self.word() for _ in range(self.random.randint(1, 4)))

    def word(self) -> str:
        """A word, of one part or more."""
        text = self.part()
        while self.random.random() < 0.2:
            text += self.part()
        return text

    def part(self) -> str:
        """Plain text, or anything that expands."""
        if self._spent() or self.random.random() < 0.5:
            return self._pick(_PLAIN[:28])
        return self._one(
            lambda: "'a b'",
            lambda: "$'a\\n\\x41\\''",
            lambda: f'"{self._pick(_QUOTED)} c"',
            lambda: f"$({self.list_()})",
            lambda: f"`{self._pick(_TICKED)}`",
            lambda: f"$(({self.sum_()}))",
            lambda: f"${self._pick(_NAMES)}",
            lambda: self._pick(
                (
                    "${x}",
                    "${x:-a b}",
                    "${x//a/b}",
                    "${#x}",
                    "${!x}",
                    "${x[@]}",
                    "${x:1:2}",
                    "${x%.*}",
                )
            ),
            lambda: f"<({self.list_()})",
            lambda: self._pick(("$1", "$@", '"$@"', "$#", "$?", "$$", "$!", "$-", "$*")),
            lambda: self._pick(('$"a"', '""', "''", "\\\na", '"\\""')),
        )

    def redirects(self) -> str:
        """Redirections, most often none."""
        made = ""
        while self.random.random() < 0.12:
            made += self._one(
                lambda: f" > {self.word()}",
                lambda: f" 2>> {self.word()}",
                lambda: f" < {self.word()}",
                lambda: f" <<< {self.word()}",
                lambda: self._pick(
                    (" 2>&1", " &> a", " >&2", " 3<&-", " {x}> a", " >| b", " <> c")
                ),
            )
        return made


def script_of(random: Random) -> str:
    """A script; two of three are damaged, from one byte to a dozen."""
    text = Scripts(random, random.choice((4, 8, 16, 40))).script()
    if random.random() < 0.05:
        return "".join(random.choices(_PIECES, k=random.randint(1, 30)))
    if random.random() < 0.35:
        return text
    return damaged(random, text.encode()).decode("utf-8", "replace")


def damaged(random: Random, data: bytes) -> bytes:
    """*data* with bytes changed, taken out, put in, moved or said again."""
    made = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 2, 3, 12))):
        at = random.randrange(len(made) + 1)
        end = min(len(made), at + random.choice((1, 1, 2, 8)))
        match random.randrange(6):
            case 0:
                made[at:end] = bytes(random.randrange(256) for _ in range(end - at))
            case 1:
                del made[at:end]
            case 2:
                made[at:at] = random.choice(_PIECES).encode()
            case 3:
                made[at:at] = made[end : end + random.randint(1, 20)]
            case 4:
                made[at:end] = random.choice(b"\"'`$(){}|&;<>\\#*?[]=!~ \n\t").to_bytes(1, "big")
            case _:
                del made[at:]
    return bytes(made)
