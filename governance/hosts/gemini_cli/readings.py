"""
What Gemini CLI takes the paths and addresses of a call for, which is not always what they say.

Rules judge every file and address that may be meant, and what nobody can tell may not run. Read
off the sources of version 0.61.0 (`resolveDefensiveToolPath`, `resolveToRealPath`, `correctPath`,
`parsePrompt`); `tests/hosts` tries it on the client.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterator, Mapping

from attrs import evolve

from governance.calls import ToolCall
from governance.hosts.gemini_cli.tools import EDIT, FETCH, FILE, FOLDER, SHELL
from governance.values import Json

ENTRIES_MAX = 100_000
"""Entries of folders that are looked at for one relative path, which takes about 0.1 s."""

DECODED_TIMES = 2
"""How often the client decodes a path: its service of files in a sandbox does it once more."""

SHOWN_MAX = 200

UNTOLD_FOLDER = (
    "nobody can say which folder the client takes `{}` for: give it as a text without `%` and NUL,"
    " and without `~` in front"
)
UNTOLD_FILE = (
    "nobody can say which file the client takes `{}` for: its `replace` looks for a relative path"
    " in all folders; give the absolute path of the file"
)

_UNENTERED = frozenset({".git", "node_modules"})  # the client itself refuses what is in them
_RAW_HOST = "https://raw.githubusercontent.com/"
_BLOB = re.compile(r"[/\\]blob[/\\]")
_BLANKS = re.compile(
    "[\t\n\v\f\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]+"
)  # those of JavaScript: Python knows more, and one of them might cut a host off its address


def as_read(call: ToolCall) -> tuple[ToolCall, tuple[str, ...]]:
    """
    *call* as the client reads it, and why it may not run.

    A call of which nobody can tell what it reaches is one of a tool that nobody knows. The disk is
    looked at for a relative path of ``replace`` alone.
    """
    cwd = call.cwd or ""
    named = FOLDER if call.native == SHELL else call.fields.get("path", "")
    value = call.args.get(named)
    if named == FOLDER and value not in (None, ""):
        folder = folder_meant(value, cwd)
        if not folder:
            return _unknown(call), (UNTOLD_FOLDER.format(str(value)[:SHOWN_MAX]),)
        return (evolve(call, cwd=folder) if call.native == SHELL else _with(call, path=folder)), ()
    if named == FILE and isinstance(value, str):
        if call.native == EDIT and not is_certain(value, cwd):
            return _unknown(call), (UNTOLD_FILE.format(value[:SHOWN_MAX]),)
        files = files_meant(value, cwd)
        return (_with(call, path=list(files)) if len(files) > 1 else call), ()
    found = addresses_meant(call.args) if call.native == FETCH else []
    if found and found != [call.own.get("url")]:
        # A changed address could not be put back into a prompt that has words beside it.
        return evolve(_with(call, url=found), fields={}), ()
    return call, ()


def _with(call: ToolCall, **own: Json) -> ToolCall:
    return evolve(call, own={**call.own, **own})


def _unknown(call: ToolCall) -> ToolCall:
    return evolve(call, tool="other", own={}, fields={})


def files_meant(text: str, cwd: str) -> tuple[str, ...]:
    """
    *text* as it stands, and where that is another one every absolute path it is taken for in *cwd*.

    >>> files_meant("src/a.py", "/p")
    ('src/a.py',)
    >>> files_meant("@a%2Epy", "/p")
    ('@a%2Epy', '/p/@a%2Epy', '/p/@a.py', '/p/a%2Epy', '/p/a.py')
    """
    read = dict.fromkeys(one for plain in _unmarked(text) for one in _readings(plain, cwd))
    plainly = len(read) == 1 and not text.startswith("~") and "\0" not in text
    # The client goes by the letters of `..`, where the system follows links before it.
    return (text,) if plainly and ".." not in text else (text, *read)


def folder_meant(named: Json, cwd: str) -> str:
    """
    The absolute path of the folder *named* in *cwd*, ``""`` where it may be another one as well.

    >>> folder_meant("../x", "/p/q"), folder_meant("%2Ex", "/p"), folder_meant(["x"], "/p")
    ('/p/x', '', '')
    """
    if not isinstance(named, str) or "\0" in named or named.startswith("~"):
        return ""
    read = _readings(named, cwd)
    return read[0] if len(read) == 1 and (cwd or named.startswith("/")) else ""


def is_certain(text: str, cwd: str) -> bool:
    """
    Whether ``replace`` takes *text* for one file and for no other, wherever that is looked for.

    The client makes up its mind on all calls of a message before the first of them runs, and that
    one may have made the file that is there now. So no other file may have a path that ends so.
    """
    if text.startswith("/"):
        return True
    if "\0" in text or not cwd or not os.path.exists(_readings(text, cwd)[0]):  # noqa: PTH110
        return False
    project = os.path.realpath(cwd)
    direct = _readings(text, project)[0]
    ends = tuple(one if "/" in one else "/" + one for one in _unmarked(text))
    return not any(
        number == ENTRIES_MAX or (path.endswith(ends) and path != direct)
        for number, path in enumerate(_below(project))
    )


def _below(project: str) -> Iterator[str]:
    """Every path below *project*, folder by folder; links are not followed, as by the client."""
    folders = [project]
    for folder in folders:  # it grows on the way
        try:
            entries = list(os.scandir(folder))
        except OSError:
            continue  # nor can the client look into it
        for entry in entries:
            yield entry.path
            if entry.is_dir(follow_symlinks=False) and entry.name not in _UNENTERED:
                folders.append(entry.path)


def _unmarked(text: str) -> tuple[str, ...]:
    """*text* without NULs, and that without the ``@`` in front that the client may drop."""
    plain = text.replace("\0", "")
    bare = plain[1:].lstrip("/\\") if plain.startswith("@") else ""
    return (plain, bare) if bare else (plain,)


def _readings(text: str, cwd: str) -> tuple[str, ...]:
    """The path of *text* in *cwd*, and what comes of it when it is decoded."""
    path = posixpath.normpath(posixpath.join(cwd or ".", text))
    found = [path]
    for _ in range(DECODED_TIMES if "%" in path else 0):
        found.append(_decoded(found[-1]))
    return tuple(dict.fromkeys(found))


def _decoded(path: str) -> str:
    from urllib.parse import unquote  # costs a hook 3 ms, and is hardly ever needed

    try:
        return posixpath.normpath(unquote(path, errors="strict"))
    except UnicodeDecodeError:
        return path  # the client leaves it alone


def addresses_meant(arguments: Mapping[str, Json]) -> list[Json]:
    """
    Every address that ``web_fetch`` with *arguments* may ask for.

    Each word of the prompt with ``://`` in it is one. A file on GitHub is taken from another host.

    >>> addresses_meant({"prompt": "compare https://a.example/x and http://b.example"})
    ['https://a.example/x', 'http://b.example']
    """
    from governance.rules.domains import hosts_of

    prompt, url = arguments.get("prompt"), arguments.get("url")
    words = _BLANKS.split(prompt) if isinstance(prompt, str) else []
    found: list[Json] = [one for one in dict.fromkeys(words) if "://" in one]
    if url is not None:
        found.append(url)  # where the person has switched to fetching one address itself
    texts = [one for one in found if isinstance(one, str)]
    if any(_BLOB.search(one) and "github.com" in hosts_of(one) for one in texts):
        found.append(_RAW_HOST)
    return found
