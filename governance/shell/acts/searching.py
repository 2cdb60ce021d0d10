"""
Programs that look for files or lines, and run commands on what they find.
"""

from __future__ import annotations

import re
import shlex
from typing import Final

from governance.shell.acts.shells import text_given
from governance.shell.draft import Draft
from governance.shell.options import parse
from governance.shell.values import HOLE, Word, lines_of

_UNKNOWN: Final = Word(HOLE)
_LIVE: Final = re.compile(r"[^\s*?\[]*+[*?\[]\S*")
_WORDS_MAX: Final = 64
_RUNNING: Final = frozenset({"-exec", "-execdir", "-ok", "-okdir"})
_WRITING: Final = frozenset({"-fprint", "-fprint0", "-fls", "-fprintf"})
_NAMING: Final = frozenset(
    {"-name", "-iname", "-path", "-ipath", "-wholename", "-iwholename", "-lname", "-regex"}
)
_VALUED: Final = frozenset(
    {
        *{"-amin", "-anewer", "-atime", "-cmin", "-cnewer", "-context", "-ctime", "-fstype"},
        *{"-gid", "-group", "-ilname", "-inum", "-iregex", "-links", "-maxdepth", "-mindepth"},
        *{"-mmin", "-mtime", "-newer", "-perm", "-printf", "-regextype", "-samefile", "-size"},
        *{"-type", "-uid", "-used", "-user", "-xtype", "-flags", "-depth-n", "-files0-from"},
    }
)


def grep(draft: Draft) -> None:
    """`grep pattern files`; with `-e` or `-f` every word is a file; a glob of names is as good."""
    words = draft.words
    files = words if draft.has("-e", "-f", "--regexp", "--file", "--files") else words[1:]
    draft.read(*files)
    recursive = draft.program in {"rg", "ag", "ack", "pt", "rgrep", "ug", "ugrep"} or draft.has(
        "-r", "-R"
    )
    if not files and recursive and draft.stdin_text is None and not draft.simple.input_from:
        draft.read(Word("."))
    if not recursive and draft.has("-l", "-L", "--files-with-matches", "--files-without-match"):
        draft.output = tuple(files)
    for name in draft.value("-g", "--glob", "--iglob", "--include"):
        if not name.startswith("!"):
            draft.read(*(_named(one, name) for one in files or [Word(".")]))


def pattern(draft: Draft) -> None:
    """`jq filter files`; `jq -f file` has no filter."""
    words = draft.words
    if draft.has("--args", "--jsonargs"):
        words = words[:1]
    draft.read(*(words if draft.has("-f", "--from-file") else words[1:]))


def find(draft: Draft) -> None:
    """`find roots tests -exec cmd ;`: `{}` is a root, narrowed by what its name must be."""
    words = draft.arguments
    at = 0
    while at < len(words) and words[at] in {"-H", "-L", "-P", "-E", "-X", "-d", "-s", "-x"}:
        draft.flags[str(words[at])] = None
        at += 1
    roots: list[Word] = []
    while at < len(words) and words[at][:1] != "-" and words[at] not in {"(", "!", ","}:
        roots.append(words[at])
        at += 1
    if not roots:
        roots.append(Word("."))
    draft.words = roots[:]
    draft.read(*roots)
    tests = words[at:]
    found = _narrowed(roots, tests)
    draft.output = tuple(found)
    _actions(draft, tests, found)


def _narrowed(roots: list[Word], tests: tuple[Word, ...]) -> list[Word]:
    """What the tests of `find` may let through, as paths: a root, or names below it."""
    patterns: list[str] = []
    either = 0
    negated = False
    empty = False
    for at, word in enumerate(tests):
        if word in {"!", "-not"}:
            negated = True
            continue
        if word in _RUNNING or word in _WRITING or word == "-delete":
            break  # what is tested after it does not hold it back
        if word in {"-o", "-or", ","}:
            either += 1
        elif word == "-prune" and patterns and tests[at + 1 : at + 2] in {("-o",), ("-or",)}:
            patterns.pop()  # what is left out is not found
            either -= 1
        elif word in _NAMING and at + 1 < len(tests) and not negated:
            name = tests[at + 1]
            if name.strip("*.?/") and word != "-regex":
                patterns.append(name)
        elif word in {"-empty", "-samefile", "-inum"} and not negated:
            empty = True
        if word not in {"(", ")"}:
            negated = False
    if len(roots) * len(patterns) > _WORDS_MAX:
        return roots
    if patterns and len(patterns) > either:
        return [_named(root, name) for root in roots for name in patterns]
    if empty and not either:
        return [Word(_below(root, HOLE)) for root in roots]
    return roots


def _named(root: str, name: str) -> Word:
    """What is called as the glob *name* says, below *root*."""
    return Word(_below(root, name.removeprefix("**/")), glob=any(sign in name for sign in "*?["))


def _below(root: str, name: str) -> str:
    if name.startswith(root.rstrip("/") + "/"):
        return name
    return f"{root.rstrip('/')}/{name.lstrip('/')}"


def _actions(draft: Draft, tests: tuple[Word, ...], found: list[Word]) -> None:
    at = 0
    while at < len(tests):
        word = tests[at]
        at += 1
        if not word.startswith("-"):
            continue
        draft.flags[str(word)] = None
        if word == "-delete":
            draft.remove(*found)
        elif word in _RUNNING:
            end = at
            while end < len(tests) and tests[end] != ";":
                if tests[end] == "+" and tests[end - 1] == "{}":
                    break
                end += 1
            argv = filled(list(tests[at:end]), "{}", found)
            at = end + 1
            draft.run(argv, stdin=False)
        elif word in _WRITING:
            if at < len(tests):
                draft.write(tests[at])
            at += 2 if word == "-fprintf" else 1
        elif (word in _NAMING or word in _VALUED or word.startswith("-newer")) and at < len(tests):
            draft.options.append(Word(f"{word}={tests[at]}"))
            draft.values.setdefault(str(word), []).append(tests[at])
            if word in {"-newer", "-anewer", "-cnewer", "-samefile", "-files0-from"}:
                draft.read(tests[at])
            at += 1


def filled(argv: list[Word], mark: str, found: list[Word]) -> list[Word]:
    """*argv* with what was *found* for the *mark*."""
    made: list[Word] = []
    for word in argv:
        if word == mark:
            made += found
        elif mark in word:
            one = found[0] if found else Word(HOLE)
            made.append(Word(word.replace(mark, one), max(word.glob, one.glob)))
        else:
            made.append(word)
    return made


def fd(draft: Draft) -> None:
    """`fd pattern roots -x cmd`: what follows `-x` or `-X` is the command."""
    words = draft.arguments
    running = next(
        (at for at, one in enumerate(words) if one in {"-x", "-X", "--exec", "--exec-batch"}), None
    )
    if running is not None:
        draft.words = []
        draft.words = parse(draft, words[:running], draft.spec)
    roots = draft.words[1:]
    draft.read(*(roots or [Word(".")]))
    pattern_ = draft.words[0] if draft.words else Word("")
    endings = list(dict.fromkeys(draft.value("--extension")))
    whole = pattern_ in {"", "."} and len(endings) == 1
    found = [
        _named(one, f"*.{endings[0]}") if whole else Word(_below(one, pattern_ or HOLE))
        for one in roots or [Word(".")]
    ]
    draft.output = tuple(found)
    if running is not None:
        argv = list(words[running + 1 :])
        if ";" in argv:
            argv = argv[: argv.index(Word(";"))]
        if not any("{" in one for one in argv):
            argv.append(Word("{}"))
        argv = filled(argv, "{}", found)
        made = [Word(re.sub(r"\{[./]{1,2}\}", HOLE, one), one.glob) for one in argv]
        draft.run(made, stdin=False)


def _input_words(draft: Draft) -> list[Word]:
    """The words on the standard input of `xargs`, or one `HOLE`."""
    files = draft.value("-a", "--arg-file")
    text = draft.held(files[-1]) if files else draft.stdin_text
    if files and text is None:
        return [_UNKNOWN]
    if text is None:
        return list(draft.first(draft.given, _WORDS_MAX, "words")) or [_UNKNOWN]
    if draft.has("-0", "--null"):
        words = text.replace("\\0", "\0").split("\0")
    elif draft.value("--delimiter"):
        words = text.split(draft.value("--delimiter")[-1].replace("\\n", "\n") or "\n")
    elif draft.has("-I"):
        words = [line.strip() for line in lines_of(text)]
    else:
        try:
            words = shlex.split(text)
        except ValueError:
            words = text.split()
    # `echo *.toml` writes the names of files.
    known = [Word(one, glob=_LIVE.fullmatch(one) is not None) for one in words if one]
    return list(draft.first(known, _WORDS_MAX, "words")) or [_UNKNOWN]


def xargs(draft: Draft) -> None:
    """`xargs cmd`: the words of its input come after those of the command, or where `-I` says."""
    argv, draft.words = draft.words or [Word("echo")], []
    found = _input_words(draft)
    marks = draft.value("-I", "-J", "--replace", "-i")
    mark = marks[-1] if marks else "{}" if draft.has("-i", "--replace") else ""
    if not mark:
        limit = draft.value("--max-args")
        if limit and limit[-1] == "1" and len(found) > 1 and "sh" in argv[0]:
            for one in found:
                draft.run([*argv, one], stdin=False, flows=True)
            return
        draft.run([*argv, *found], stdin=False, flows=True)
        return
    if not any(mark in one for one in argv):
        draft.run(argv, stdin=False, flows=True)
        return
    for one in found:
        draft.run(filled(argv, mark, [one]), stdin=False, flows=True)


def parallel(draft: Draft) -> None:
    """`parallel cmd ::: words`: one text with each word in the place of `{}`."""
    words = draft.words
    draft.words = []
    marks = [at for at, one in enumerate(words) if re.fullmatch(r":{3,4}\+?", one)]
    for host in draft.value("--sshlogin"):
        draft.talk(host.rpartition("/")[2])
    if marks:
        argv = words[: marks[0]]
        given = [one for one in words[marks[0] + 1 :] if not re.fullmatch(r":{3,4}\+?", one)]
        if words[marks[0]].startswith("::::"):
            draft.read(*given)
            given = [_UNKNOWN]
    else:
        argv = words
        lines = lines_of(draft.stdin_text or "")
        given = _input_words(draft) if argv or not lines else [Word(one) for one in lines]
    if not argv:
        for one in draft.first(given, _WORDS_MAX, "commands"):
            text_given(draft, one, [])
        return
    text = " ".join(argv)
    if not re.search(r"\{[^{}\s]{0,50}\}", text):
        text += " {}"
    for one in draft.first(given, _WORDS_MAX, "words"):
        draft.run_text(one.join(re.split(r"\{[^{}\s]{0,50}\}", text)), stdin=False, flows=True)
