"""
Globs of three kinds: over text, over tool names, over paths. None can blow up.

A glob is turned into a `re` pattern in which every `*` is an atomic group that takes the
*earliest* fit of what follows it. That is complete, because between two stars stands a
fixed row of single-place tests, so no later fit can succeed where the earliest fails; and
it keeps the time at most quadratic in the text, which the governed agent chooses.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache


def composed(text: str) -> str:
    """*text* in the form (NFC) in which all that is compared is compared."""
    if text.isascii():
        return text
    from unicodedata import normalize

    return normalize("NFC", text)


ALTERNATIVES_MAX = 64
"""How many globs one glob with braces may stand for."""


class PatternError(ValueError):
    """A glob that cannot be meant; the text says what was expected."""


@lru_cache(maxsize=2_048)
def expand_braces(glob: str) -> tuple[str, ...]:
    r"""
    The globs that ``{a,b}`` stands for, in order; ``\{`` is a brace.

    >>> expand_braces("src/{a,b{1,2}}.py")
    ('src/a.py', 'src/b1.py', 'src/b2.py')

    Raises:
        PatternError: A brace that is not closed, one alternative alone, or more than
            `ALTERNATIVES_MAX` results.
    """
    if "{" not in glob and "}" not in glob:
        return (glob,)
    made = [""]
    at = 0
    while at < len(glob):
        sign = glob[at]
        if sign == "\\":
            pieces, at = [glob[at : at + 2]], at + 2
        elif sign == "{":
            end = _closing(glob, at)
            pieces = [
                one for part in _split_braces(glob[at + 1 : end]) for one in expand_braces(part)
            ]
            at = end + 1
        elif sign == "}":
            raise PatternError("a `}` without its `{`; a literal brace is written `\\}`")
        else:
            pieces, at = [sign], at + 1
        if len(made) * len(pieces) > ALTERNATIVES_MAX:
            raise PatternError(f"braces stand for more than {ALTERNATIVES_MAX} globs")
        made = [left + right for left in made for right in pieces]
    return tuple(made)


def _closing(glob: str, start: int) -> int:
    depth = 0
    at = start
    while at < len(glob):
        if glob[at] == "\\":
            at += 1
        elif glob[at] == "{":
            depth += 1
        elif glob[at] == "}":
            depth -= 1
            if depth == 0:
                return at
        at += 1
    raise PatternError("a `{` without its `}`; a literal brace is written `\\{`")


def _split_braces(inner: str) -> list[str]:
    parts = [""]
    depth = at = 0
    while at < len(inner):
        sign = inner[at]
        if sign == "\\":
            parts[-1] += inner[at : at + 2]
            at += 2
            continue
        depth += (sign == "{") - (sign == "}")
        if sign == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += sign
        at += 1
    if len(parts) < 2:
        raise PatternError("`{…}` holds alternatives with `,`; a literal brace is written `\\{`")
    return parts


def literal_pieces(glob: str) -> list[str | None]:
    """
    The literal pieces of a glob without braces, with ``None`` for each run of stars.

    Raises:
        PatternError: For ``?`` and ``[``, and a back slash at the end.
    """
    tokens: list[str | None] = []
    at = 0
    while at < len(glob):
        sign = glob[at]
        if sign == "*":
            if not tokens or tokens[-1] is not None:
                tokens.append(None)
        elif sign in "?[":
            raise PatternError(
                f"`{sign}` is no sign of a glob (`*`, `**`, `{{a,b}}` are); "
                f"a literal one is written `\\{sign}`"
            )
        else:
            if sign == "\\":
                at += 1
                if at == len(glob):
                    raise PatternError("a `\\` at the end escapes nothing")
                sign = glob[at]
            last = tokens[-1] if tokens else None
            if last is None:
                tokens.append(sign)
            else:
                tokens[-1] = last + sign
        at += 1
    return tokens


_SPECIAL = re.compile(r"[*?\[\\]")


def _piece(glob: str, any_sign: str) -> str:
    """A `re` source for one star-separated piece that must fit from end to end."""
    if _SPECIAL.search(glob) is None:
        return re.escape(glob)
    tokens = literal_pieces(glob)
    parts: list[str] = []
    for index, token in enumerate(tokens):
        if token is not None:
            before = tokens[index - 1] if index else ""
            source = re.escape(token)
            # The last literal is anchored by what follows, so its star may be greedy.
            if before is not None:
                parts.append(source)
            elif index == len(tokens) - 1:
                parts.append(f"{any_sign}*{source}")
            else:
                parts.append(f"(?>{any_sign}*?{source})")
        elif index == len(tokens) - 1:
            parts.append(f"{any_sign}*")
    return "".join(parts)


def text_glob(glob: str) -> str:
    """
    The `re` source of a glob over plain text, in which ``*`` stands for any run of signs.

    Raises:
        PatternError: As `expand_braces`, and for ``?`` and ``[``.
    """
    return "|".join(f"(?:{_piece(one, '.')})" for one in expand_braces(glob))


def path_glob(*globs: str) -> str:
    """
    The `re` source of globs over absolute paths: ``*`` within a folder, ``**`` across.

    It holds for normalised paths alone: each segment has a name, none is empty.

    Raises:
        PatternError: As `text_glob`, and for ``**`` beside other signs in one segment.
    """
    by_head: dict[str, list[str]] = {}
    for glob in globs:
        for one in expand_braces(glob):
            head, tail = _head_and_tail(one)
            by_head.setdefault(head, []).append(tail)
    # What begins alike is tried once: packs list many names below one `/**/`.
    return "|".join(f"{head}(?:{'|'.join(tails)})" for head, tails in by_head.items())


class Fit:
    """A test whether *source*, of `re`, fits all of a text; compiled when first needed."""

    __slots__ = ("_fits", "_source")

    def __init__(self, source: str) -> None:
        self._source = source
        self._fits: Callable[[str], object] | None = None

    def __call__(self, text: str) -> bool:
        fits = self._fits
        if fits is None:
            fits = self._fits = re.compile(self._source, re.DOTALL).fullmatch
        return fits(text) is not None


@lru_cache(maxsize=256)
def path_test(*globs: str) -> Callable[[str], bool]:
    """
    A test of normalised absolute paths against any of *globs*.

    Most paths lack the fixed words of every glob; they cost no pattern.

    Raises:
        PatternError: As `path_glob`.
    """
    single = [one for glob in globs for one in expand_braces(glob)]
    fits = Fit(path_glob(*single))
    pieces = [_between_stars(glob) for glob in single]
    ends = tuple(one[-1] for one in pieces if one[-1])
    inner = {max(one[1:], key=len) or one[0] for one in pieces if not one[-1]}

    def test(path: str) -> bool:
        return (path.endswith(ends) or any(one in path for one in inner)) and fits(path)

    return test


def _between_stars(glob: str) -> list[str]:
    """What stands before, between and behind the stars of *glob*, as a path has it."""
    if "\\" not in glob:
        return glob.split("*")
    return [one or "" for one in literal_pieces(glob)]


def _head_and_tail(glob: str) -> tuple[str, str]:
    drive, *segments = glob.split("/")
    parts = [re.escape(drive)]
    block: list[str] = []
    crossed = False
    for segment in segments:
        if segment == "**":
            parts.append(_block(block, crossed))
            block, crossed = [], True
        elif "**" in segment:
            raise PatternError("`**` stands alone between slashes: `**/name`, `folder/**`")
        else:
            block.append(_piece(segment, "[^/]"))
    head = "".join(parts)
    if not crossed:
        return head, "".join("/" + one for one in block)
    if not block:
        # `folder/**` is everything below the folder, but not the folder itself.
        return head, "/.+"
    # The last block is anchored by the end, so what it crosses may be greedy.
    return f"{head}(?:/.*)?/", "/".join(block)


def _block(block: list[str], crossed: bool) -> str:
    source = "".join("/" + one for one in block)
    if not crossed or not source:
        return source
    return f"(?>(?:/[^/]+)*?{source}(?=/))"


def split_tool_name(name: str) -> list[str]:
    """
    ``kind:middle:rest`` in three, where the rest may hold colons of its own.

    >>> split_tool_name("mcp:airline:book_flight")
    ['mcp', 'airline', 'book_flight']
    """
    return name.split(":", 2)


def tool_pattern(name: str) -> Callable[[str], bool]:
    """
    A test of canonical names against *name*, in which ``*`` stops at ``:``.

    Raises:
        PatternError: As `text_glob`.
    """
    if not any(sign in name for sign in "*{}?[\\"):
        return name.__eq__
    parts = "|".join(f"(?:{_piece(one, '[^:]')})" for one in expand_braces(name))
    return Fit(parts)
