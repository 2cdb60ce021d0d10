"""
Code in other languages, understood in parts: calls that run, read, write, remove or connect.

The tables name calls that a short text is likely to use. What they do not name is not seen,
so every such text is opaque as ``code`` as well.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

from governance._attrs import frozen
from governance.shell.calls import TABLES
from governance.shell.draft import Draft
from governance.shell.expressions import CHARACTERS_MAX, Source, Value, below
from governance.shell.hosts import urls_in
from governance.shell.literals import followed, indirect, read_literals
from governance.shell.operands import WORDS_MAX, filled, named_in
from governance.shell.statements import statements
from governance.shell.values import HOLE, Word

CALLS_MAX: Final = 200
"""Calls that are looked at in one text."""


@frozen
class Language:
    """What the calls of one language do, as a pattern and the effect of each call."""

    calls: re.Pattern[str]
    effects: dict[str, str]


def _language(table: str, bare: bool = False) -> Language:
    """Read lines of ``effect: names``; *bare* calls need no brackets."""
    effects: dict[str, str] = {}
    for line in table.strip().splitlines():
        effect, _, names = line.partition(":")
        effects.update(dict.fromkeys(names.split(), effect.strip()))
    longest = sorted(effects, key=len, reverse=True)
    names = "|".join(re.escape(one).replace(r"\ ", r"\s+") for one in longest)
    after = r"\s*(?:\(|(?=['\"\[%$~A-Za-z_/]))" if bare else r"\s*\("
    return Language(re.compile(rf"(?<![\w$@])(?:{names}){after}"), effects)


_BARE: Final = frozenset({"perl", "ruby", "other", "lua", "php"})
_languages: dict[str, Language] = {}

_BACKTICKS: Final = re.compile(
    r"`([^`\n]{1,2000})`|(?:%x|\bqx)\s{0,9}(?:\(([^)]{1,2000})\)|\{([^}]{1,2000})\}"
    r"|\[([^\]]{1,2000})\]|([/|!])([^\n]{1,500}?)\5)"
)
_PATHS: Final = re.compile(
    r"(?:\(\s{0,20})?(?:pathlib\.)?(?:Path|PosixPath)\b|(?<![\w.])[A-Za-z_]\w*"
    r"(?=\.(?:unlink|rmdir|write_|read_|touch|mkdir|rename|replace|chmod|open|iterdir|r?glob))"
)
_PATH_METHOD: Final = re.compile(r"\s*+\)?\s*+\.\s*(\w+)\s*\(")
_PATH_EFFECTS: Final = {
    **dict.fromkeys(("unlink", "rmdir"), "remove"),
    **dict.fromkeys(
        ("write_text", "write_bytes", "touch", "mkdir", "chmod", "symlink_to"), "write"
    ),
    **dict.fromkeys(("read_text", "read_bytes", "iterdir", "glob", "rglob", "stat"), "read"),
    **dict.fromkeys(("rename", "replace"), "move"),
    "open": "open",
}
_FETCHED: Final = re.compile(
    r"(?:exec|eval|Function|system|popen|run|execSync|loadstring|(?<![.\w])(?:compile|load)"
    r"|(?:marshal|pickle|dill)\.loads?)\s*\(\s*[^;\n]{0,200}?"
    r"(?:urlopen|urlretrieve|requests\.|httpx\.|urllib|\bfetch\(|\.get\(\s*['\"]https?:|URI\.open"
    r"|Net::HTTP|file_get_contents\(\s*['\"]https?:|LWP|\.recv\(|marshal\.loads|zlib\.decompress)"
)
_NEAR: Final = 2_000
"""Characters within which what is fetched is taken for what is run."""

_FETCHES: Final = re.compile(
    r"urlopen|urlretrieve|requests\.get|httpx\.get|\bfetch\(|https?\.get\(|url-insert-file-contents"
)
_RUNS: Final = re.compile(
    r"(?:\(\s*0\s*,\s*eval\s*\)|(?<![\w.])(?:eval|exec)\s*\(|\bnew\s+Function\s*\(|\bvm\.run\w*\("
    r"|\(eval-(?:buffer|region)|\brunpy\.run_path\(|\bspec_from_file_location\("
    r"|\b(?:run|check_output|check_call|call)\(\s*\[?\s*['\"](?:[^\s'\"]*/)?(?:ba|da|z|k)?sh['\"][^\n]{0,200}\binput\s*=)"
)
_TOLD: Final = re.compile(
    r"(?i)\s*(?:select|insert|update|delete|drop|create|alter|truncate|pragma|begin|with)\s"
)
_TELLING: Final = frozenset({"shell", "argvs", "told"})
"""Effects of calls whose text may be a statement of SQL."""
_ASKED: Final = frozenset({"sql", "told", "kept"})
"""Effects of methods, whatever they are called on."""
_BARE_NAMES: Final = frozenset({"remove", "rename", "unlink", "rmdir", "exec", "system", "popen"})
"""Functions of C that are methods of many things elsewhere."""
_WRITES: Final = re.compile(r"[wax+>]")
_SOCKET: Final = re.compile(r"socket|fsockopen|TCPSocket|/dev/tcp/|net\.|IO::Socket")
_RUNNING: Final = re.compile(r"system|popen|subprocess|exec|spawn|pty\b|proc_open|`")
_REWIRED: Final = re.compile(
    r"dup2|pty\.spawn|\.pipe\(|exec|<&3|proc_open|popen|system|spawn|subprocess|>&"
)
_PAIR: Final = re.compile(r"\.connect(?:_ex)?\s*\(\s*\(?\s*['\"]([^'\"]+)['\"]\s*,\s*\d+")
_PERL_HOST: Final = re.compile(
    r"Peer(?:Addr|Host)\s*=>?\s*['\"]([^'\":]+)|inet_aton\(\s*['\"]([^'\"]+)"
)


_UNKNOWN: Final = (Word(HOLE),)
_IMPORTED: Final = re.compile(
    r"(?:__import__|(?:\b\w++\.)?import_module)\(\s*['\"]([\w.]+)['\"]\s*\)"
)
_GETATTR: Final = re.compile(r"getattr\(\s*([\w.]+)\s*,\s*['\"](\w+)['\"]\s*\)")
_ALIASES: Final = re.compile(r"(?:\bimport\s+|,\s*+)([\w.]++)\s++as\s+(\w+)")
_NAME_CALLED: Final = re.compile(r"(?<![\w.])(\w++)(?=\s*\()")
_NAME_OF_MODULE: Final = re.compile(r"(?<![\w.])(\w++)\.")
_REQUIRE: Final = re.compile(r"require\(\s*['\"](?:node:)?([\w/]+)['\"]\s*\)(?=\s*\.)")
_RENAMED: Final = re.compile(
    r"(?:\bfrom\s+([\w.]+)\s+import\s+|(?=\{[^{}]{1,400}\}\s*=\s*(?:await\s+)?(?:require|import)\()\{"
    r"|\bimport\s*\{)([^\n;{}]{1,400})"
)
"""What is taken out of a module, maybe under another name."""
_AS: Final = re.compile(r"(?<!\s)\s*+(?::|\bas\b)\s*+")
_TAKEN_FROM: Final = frozenset({"os", "shutil"})
_MAPPED: Final = re.compile(
    r"\b(?:array_map|array_walk|map)\(\s*['\"]?"
    r"((?:os\.)?(?:unlink|remove|rmdir)|shutil\.rmtree|rmtree)['\"]?\s*,"
)
"""A call of each of many: `array_map("unlink", x)` of PHP, `map(os.remove, x)` of Python."""
_KEPT: Final = re.compile(r"[./~]|[\w.-]+/|\.env")
_SPLIT: Final = re.compile(r"(['\"])\s*\+\s*\1")
_SCRIPTED: Final = re.compile(r"(?<![\w)])\$`([^`]{1,4000})`")
_HOMES: Final = re.compile(r"\$\{\s*(?:(?:process|Bun)\.env\.HOME|os\.homedir\(\))\s*\}")
_HOLES: Final = re.compile(r"\$\{[^}]*+(?:\}|\Z)")
_REQUIRED: Final = re.compile(
    r"(?:(?:const|let|var)\s+|import\s+(?:\*\s*as\s+)?)(\w+)\s*(?:=\s*require\(|from)\s*"
    r"['\"](?:node:)?([\w/]+)['\"]"
)


def understand_code(
    draft: Draft, language: str, text: Word | str, given: Sequence[str] = ()
) -> None:
    """
    Note what *text* in *language* does, as far as the tables know it, with the words *given*.

    The text itself is `code` of the command, and the command opaque.
    """
    draft.code.append(Word(text))
    if not text.replace(HOLE, "").strip():
        draft.blind("dynamic", f"the text that {draft.program} runs is put together when it runs")
        return
    draft.blind("code", f"a text of {language} is understood only in parts")
    plain = unicodedata.normalize("NFKC", text) if language == "python" else str(text)
    plain = filled(draft, language, plain, given)
    draft.within(max(len(text), len(plain)), CHARACTERS_MAX, f"characters of {language}")
    before = len(draft.nested)
    if _FETCHED.search(text) is not None or followed(text, _FETCHES, _RUNS, _NEAR):
        draft.blind("input", f"{draft.program} runs what it fetches or decodes")
    touched = [len(one) for one in (draft.reads, draft.removes, draft.writes)]
    _look(draft, language, plain, 0)
    if given and named_in(language, text):
        _unnamed(draft, touched, [Word(one) for one in given if one[:1] != "-"])
    hidden = any(one.argv == _UNKNOWN for one in draft.nested[before:])
    seen = len(draft.nested) > before
    if hidden or indirect(plain, language, seen=seen):
        read_literals(draft, plain, given_texts(draft, text) if hidden else ())


def _unnamed(draft: Draft, before: list[int], words: list[Word]) -> None:
    """Take *words* for the files that a text touches of which it does not say the names."""
    lists = (draft.reads, draft.removes, draft.writes)
    reads, removes, writes = (HOLE in one[at:] for one, at in zip(lists, before, strict=True))
    words = words[:WORDS_MAX]
    if removes:
        draft.remove(*words)
    elif writes:
        draft.write(*words)
    if reads:
        draft.read(*words)


def given_texts(draft: Draft, text: str) -> list[str]:
    """What a program may find around it: its words, its input, its environment."""
    given = [one.partition("=")[2] for one in draft.assigns]
    return [*given, *(one for one in draft.arguments if one != text), draft.stdin_text or ""]


def _look(draft: Draft, language: str, text: str, depth: int) -> None:
    known = language if language in TABLES else "other"
    spoken = _languages.get(known)
    if spoken is None:
        spoken = _languages[known] = _language(TABLES[known], known in _BARE)
    source = Source(_plain_names(text, known), known)
    draft.talk(*urls_in(text))
    for count, found in enumerate(spoken.calls.finditer(source.text)):
        if count >= CALLS_MAX:
            draft.blind("bound", f"more than {CALLS_MAX} calls in one text")
            break
        name = found[0].rstrip().removesuffix("(").rstrip()
        effect = spoken.effects[name]
        if (
            known == "python"
            and effect not in _ASKED
            and _is_method(source.text, found.start(), name)
        ):
            continue
        if known == "compiled" and name in _BARE_NAMES and source.text[found.start() - 1] in ".:>":
            continue
        arguments, _ = source.arguments(found.end())
        _effect(draft, language, effect, arguments, depth)
    if known == "python":
        _paths(draft, source)
    else:
        _backticks(draft, source, known)
    _sockets(draft, source.text)


def _plain_names(text: str, language: str) -> str:
    """*text* with modules under their own names, whatever it calls them."""
    if language in {"python", "php"}:
        text = _MAPPED.sub(r"\1(", text)
    if language == "python":
        text = _GETATTR.sub(r"\1.\2", _IMPORTED.sub(r"\1", _SPLIT.sub("", text)))
        found = _ALIASES.findall(text)
    elif language == "node":
        found = [(module, name) for name, module in _REQUIRED.findall(text)]
        text = _REQUIRE.sub(lambda one: one[1].replace("/", "."), text)
    else:
        return text
    called: dict[str, str] = {}
    for module, parts in _RENAMED.findall(text):
        for one in parts.split(","):
            name, _, alias = _AS.sub(" ", one.strip(" ()")).partition(" ")
            called.setdefault(alias or name, f"{module}.{name}" if module in _TAKEN_FROM else name)
    modules: dict[str, str] = {}
    for module, name in found:
        modules.setdefault(name, module.replace("/", "."))
    text = _NAME_CALLED.sub(lambda one: called.get(one[1], one[1]), text)
    return _NAME_OF_MODULE.sub(lambda one: modules.get(one[1], one[1]) + ".", text)


def _is_method(text: str, start: int, name: str) -> bool:
    """Whether a short name is a method of something that is not known: `x.run(`, `d.call(`."""
    if text[start - 1 : start] == ".":
        return True
    return name in {"run", "call", "system", "popen"} and "import" not in text


def _words(values: list[Value]) -> list[Word]:
    return [Word(part) for one in values for part in (one if isinstance(one, list) else [one])]


def _keyword(value: Value) -> bool:
    return isinstance(value, list) and bool(value) and value[0].endswith("=") and len(value[0]) > 1


def _effect(draft: Draft, language: str, effect: str, given: list[Value], depth: int) -> None:
    keywords = [one for one in given if _keyword(one)]
    values: list[Value] = [one for one in given if not _keyword(one)]
    if not values and keywords:
        values += [one[1:] for one in keywords[:1] if isinstance(one, list)]
    first = _words(values[:1])
    if effect in {"remove", "write", "read"}:
        paths = first if language in {"python", "node", "php"} else _words(values)
        if effect == "write" and language not in {"python", "node", "php"}:
            paths = first
        _touch(draft, effect, [one for one in paths if not one.isdigit()])
    elif effect == "open":
        mode = "".join(_words([*values[1:2], *(one for one in keywords if one[0] == "mode=")]))
        _touch(draft, "write" if _WRITES.search(mode.replace("mode=", "")) else "read", first)
        if first and first[0].startswith("|") and language == "ruby":
            draft.run_text(first[0][1:])
    elif effect in {"move", "copy"}:
        _touch(draft, "remove" if effect == "move" else "read", first)
        if effect == "move":
            _touch(draft, "read", first)
        _touch(draft, "write", _words(values[1:2]))
    elif effect == "chmod":
        _touch(draft, "write", _words(values[1:]))
    elif effect == "perlopen":
        _perl_open(draft, values)
    elif effect == "url":
        draft.talk(*(one for one in first if "://" in one or one == HOLE))
    elif effect in {"connect", "connected", "connect2"}:
        hosts = _words(values) if effect == "connect2" else first
        draft.talk(*(one for one in hosts[:2] if not one.isdigit() and one != HOLE))
    elif effect == "sql" or (effect in _TELLING and first and _TOLD.match(first[0])):
        draft.code += [made for one in _words(values[:2]) for made in statements(one)]
    elif effect == "told":
        return
    elif effect == "kept":
        _touch(draft, "read", [one for one in first if _KEPT.match(one)])
    elif effect == "required":
        draft.read(*(one for one in first if one.startswith((".", "/", "~"))))
    elif effect == "code":
        for one in first:
            if one.strip() and HOLE not in one and depth < 3:
                _look(draft, language, one, depth + 1)
    else:
        _run(draft, effect, values, [*keywords])


def _touch(draft: Draft, effect: str, paths: list[Word]) -> None:
    paths = [one for one in paths if one and "://" not in one]
    if effect == "remove":
        draft.remove(*paths)
    elif effect == "write":
        draft.write(*paths)
    else:
        draft.read(*paths)


def _run(draft: Draft, effect: str, values: list[Value], keywords: list[Value]) -> None:
    """A call that runs a command: a text, or a list of words."""
    if not values:
        return
    first = values[0]
    words = _words(values)
    if effect == "argv2":
        listed = values[1] if len(values) > 1 and isinstance(values[1], list) else []
        argv = [*_words(values[:1]), *(Word(one) for one in listed)]
        if len(argv) == 1 and " " in argv[0]:
            _text(draft, argv[0])
        else:
            draft.run(argv, stdin=False)
    elif effect in {"exec", "spawn"}:
        rest = values[1:] if effect == "exec" else values[2:]
        head = _words(values[:1] if effect == "exec" else values[1:2])
        tail = _words(rest)
        draft.run([*head, *(tail[1:] if tail else [])], stdin=False)
    elif effect in {"argv", "argvlist"} or effect == "program":
        draft.run(words, stdin=False)
    elif effect == "argvs":
        if len(words) > 1:
            draft.run(words, stdin=False)
        else:
            _text(draft, words[0])
    elif isinstance(first, list) and (effect == "shell" or (len(first) == 1 and " " in first[0])):
        for one in first:
            _text(draft, Word(one))
    elif isinstance(first, list):
        shell = any(isinstance(one, list) and one[0] == "shell=" for one in keywords)
        if shell and len(first) == 1:
            _text(draft, Word(first[0]))
        else:
            draft.run([Word(one) for one in first], stdin=False)
    else:
        _text(draft, Word(first))


def _text(draft: Draft, text: Word) -> None:
    if text.strip(HOLE + " "):
        draft.run_text(text, stdin=False)
    else:
        draft.run([Word(HOLE)], stdin=False)


def _perl_open(draft: Draft, values: list[Value]) -> None:
    """`open(F, '>', $x)`, `open(F, ">$x")`, `open(F, "cmd |")`."""
    words = _words(values)
    if len(words) >= 3:
        mode, path = words[1], words[2]
        if "|" in mode:
            draft.run([Word(one) for one in words[2:]], stdin=False)
        else:
            _touch(draft, "write" if ">" in mode or "+" in mode else "read", [path])
    elif len(words) == 2:
        text = words[1].strip()
        if text.endswith("|") or text.startswith("|"):
            _text(draft, Word(text.strip("| ")))
        elif text.startswith((">", "+>")):
            draft.write(Word(text.lstrip("+> ")))
        else:
            draft.read(Word(text.lstrip("< ")))


def _paths(draft: Draft, source: Source) -> None:
    """`Path(x).unlink()`, `(Path.home() / "x").write_text(…)`, `p.unlink()`."""
    at = 0
    for _ in range(CALLS_MAX):
        found = _PATHS.search(source.text, at)
        if found is None:
            return
        start = found.end() - len(found[0].lstrip("( \t\n"))
        value, end = source.value(start)
        at = max(end, found.end())
        method = _PATH_METHOD.match(source.text, end)
        if method is None:
            continue
        effect = _PATH_EFFECTS.get(method[1])
        if effect is not None:
            given, at = source.arguments(method.end())
            if effect == "open":
                _effect(draft, "python", "open", [value, *given], 0)
            else:
                if method[1] in {"glob", "rglob"}:
                    value = below(value, given)
                _touch(draft, "read" if effect == "move" else effect, _words([value]))
                if effect == "move":
                    _touch(draft, "remove", _words([value]))
                    _touch(draft, "write", _words(given[:1]))


def _backticks(draft: Draft, source: Source, language: str) -> None:
    if language == "node":
        for found in _SCRIPTED.findall(source.text):
            draft.run_text(_HOLES.sub(HOLE, _HOMES.sub("~", found)), stdin=False)
    if language in {"perl", "ruby", "php"}:
        for found in _BACKTICKS.finditer(source.text):
            text = found[1] or found[2] or found[3] or found[4] or found[6]
            draft.run_text(re.sub(r"#\{[^}]*+(?:\}|\Z)|\$\w+", HOLE, text), stdin=False)


def _sockets(draft: Draft, text: str) -> None:
    """The other end of a socket; a shell that is tied to one has the wrapper ``socket``."""
    found = _SOCKET.search(text)
    if found is None or (found[0] == "/dev/tcp/" and _RUNNING.search(text) is None):
        return
    for host in _PAIR.findall(text):
        draft.talk(host)
    for pair in _PERL_HOST.findall(text):
        draft.talk(*(one for one in pair if one))
    if _REWIRED.search(text) is not None and re.search(r"\b(?:ba|z|k|da)?sh\b|cmd\.exe", text):
        draft.wrapper = "socket"
        draft.run([Word("sh"), Word("-i")], stdin=False)
        draft.wrapper = ""
