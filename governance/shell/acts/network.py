"""
Programs that talk to other machines: to which, and what they read or write here.
"""

from __future__ import annotations

import re
from typing import Final

from governance.shell.acts.wrapping import split, text_of
from governance.shell.draft import Draft, basename, joined
from governance.shell.hosts import hosts_in, urls_in
from governance.shell.values import HOLE, Word

_METHODS: Final = frozenset(
    {"GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "CONNECT"}
)
_CURL_SETTING: Final = re.compile(
    r"(?m)^[ \t]*+(?:--)?([a-z][a-z-]++)[ \t]*[=: \t][ \t]*+(\S[^\n]*)$"
)
_SSH_RUNS: Final = ("proxycommand", "localcommand", "knownhostscommand", "remotecommand")


def curl(draft: Draft) -> None:
    """`curl -o file url -d @file -F x=@file`; a word is a URL."""
    addresses = [*draft.words, *draft.value("--url")]
    for one in addresses:
        if one.lower().startswith("file:"):
            draft.read(Word(re.sub(r"^file:/*", "/", one, flags=re.IGNORECASE)))
    draft.talk(*addresses)
    for one in draft.value("--form", "--data-urlencode"):
        found = re.search(r"[@<]([^;,]+)", one)
        if found is not None and "=" not in found[1]:
            draft.read(Word(found[1]))
    if draft.has("-O", "--remote-name", "--remote-name-all"):
        folder = draft.value("--output-dir")
        for one in addresses:
            path = one.partition("://")[2] or str(one)
            if "/" not in path:
                continue
            name = Word(basename(path.partition("?")[0]) or HOLE)
            draft.write(joined(folder[-1], name) if folder else name)
    for one in draft.value("--config"):
        if one == "-" and draft.stdin_text is not None:
            curl_settings(draft, draft.stdin_text)
    for one in draft.value("--data", "--data-binary", "--data-raw", "--json"):
        if not one.startswith("@"):
            draft.code.append(one)


def curl_settings(draft: Draft, text: str) -> None:
    """Note what a file of options has `curl` do: `url = "x"`, `data-binary = "@file"`."""
    draft.code.append(Word(text))
    draft.talk(*urls_in(text))
    for name, value in _CURL_SETTING.findall(text):
        given = value.strip().strip("\"'")
        draft.flags.setdefault(f"--{name}")
        draft.options.append(Word(f"--{name}={given}"))
        if name == "output":
            draft.write(Word(given))
        elif name == "upload-file":
            draft.read(Word(given))
        elif "@" in given and name.startswith(("data", "form", "json", "header")):
            draft.read(Word(given.partition("@")[2].partition(";")[0]))


def wget(draft: Draft) -> None:
    """`wget -O file url`; without `-O` a file named like the end of the URL is written."""
    draft.talk(*draft.words)
    if draft.value("--output-document") or draft.has("--spider"):
        return
    folder = draft.value("--directory-prefix")
    for one in draft.words:
        name = Word(basename(one.partition("?")[0].partition("://")[2]) or "index.html")
        draft.write(joined(folder[-1], name) if folder else name)


def download(draft: Draft) -> None:
    """`aria2c -d folder -o file url`; without `-o` a file named like the end of the URL."""
    draft.talk(*draft.words)
    folder = draft.value("--dir")
    named = draft.value("--output")
    for at, one in enumerate(draft.words):
        own = named[at : at + 1]
        name = own[0] if own else Word(basename(one.partition("?")[0].partition("://")[2]) or HOLE)
        draft.write(joined(folder[-1], name) if folder else name)


def httpie(draft: Draft) -> None:
    """`http POST url a=b file@path`."""
    words = draft.words
    if words and words[0].upper() in _METHODS:
        draft.options.append(Word(f"--request={words[0].upper()}"))
        draft.flags["--request"] = None
        words = words[1:]
    draft.talk(*words[:1])
    for one in words[1:]:
        found = re.match(r"(?:[^=@:]+(?::?=)?)?@(.+)", one)
        if found is not None:
            draft.read(Word(found[1]))


def netcat(draft: Draft) -> None:
    """`nc host port`; with `-l` it waits for others."""
    words = draft.words
    if not draft.has("-l", "--listen"):
        draft.talk(*words[:1])
    elif words and not words[0].isdigit():
        draft.talk(words[0])
    for at, one in enumerate(draft.arguments[:-1]):
        # Versions differ in what `-c` and `-e` take; what follows is the program either way.
        if one in {"-c", "-e"} and not draft.nested:
            draft.run_text(draft.arguments[at + 1])


def socat(draft: Draft) -> None:
    """`socat TCP:host:port EXEC:cmd`: each word is an address with a type."""
    for word in draft.words:
        kind, _, rest = word.partition(":")
        upper = kind.upper().split(",")[0]
        target = re.split(r",(?=[a-z0-9-]+(?:=|,|$))", rest)[0] if rest else ""
        if upper in {"EXEC", "SYSTEM", "SHELL"}:
            draft.run_text(target.strip("'\""))
        elif upper in {"OPEN", "FILE", "GOPEN", "CREATE", "CREAT"}:
            draft.read(Word(target))
            draft.write(Word(target))
        elif "LISTEN" not in upper and upper.startswith(("TCP", "UDP", "OPENSSL", "SSL", "SCTP")):
            draft.talk(target)
        elif upper.startswith(("SOCKS", "PROXY")):
            draft.talk(*rest.split(":")[:2])
        elif "LISTEN" in upper:
            draft.options.append(Word(f"--listen={target}"))
            draft.flags["--listen"] = None


def ssh(draft: Draft) -> None:
    """`ssh host words`: the words are joined and read by a shell there."""
    _ssh_options(draft)
    words = draft.words
    if not words:
        return
    draft.talk(words[0])
    # Options may follow the host: `ssh host -p 22 cmd`.
    rest = words[1:]
    draft.words = words[:1]
    while rest and re.fullmatch(r"-[A-Za-z46]+", rest[0]):
        takes = f"{rest[0][:2]}" in draft.spec.sticky and len(rest[0]) == 2
        draft.flags[str(rest[0])] = None
        if takes and len(rest) > 1:
            draft.options.append(Word(f"{rest[0]}={rest[1]}"))
            if rest[0] == "-o":
                draft.values.setdefault("-o", []).append(rest[1])
        rest = rest[2 if takes else 1 :]
    if rest[:1] == ["--"]:
        rest = rest[1:]
    if rest:
        text_of(draft, rest)
    elif draft.stdin_text is not None:
        text_of(draft, [draft.stdin_text])
    elif draft.stdin_file is not None:
        draft.blind("script", "another machine runs a file that is not looked at")
    elif draft.piped:
        draft.blind("input", "another machine runs what another command writes")


def _ssh_options(draft: Draft) -> None:
    for one in draft.value("-o"):
        name, _, value = re.sub(r"\s*=\s*|\s+", "=", one, count=1).partition("=")
        if name.lower() in _SSH_RUNS and value.lower() != "none":
            draft.run_text(value)
        elif name.lower() in {"proxyjump", "hostname"}:
            draft.talk(value)
        elif name.lower() in {"identityfile", "userknownhostsfile", "certificatefile"}:
            draft.read(Word(value))
    for one in draft.value("-L", "-R", "-W"):
        parts = one.split(":")
        if len(parts) >= 2:
            draft.domains += [Word(host) for host in parts[-2:-1] if host]


def everywhere(draft: Draft) -> None:
    """`pdsh -w hosts cmd`, `pssh -h file cmd`."""
    text_of(draft, draft.words)
    draft.words = []


def _remote(word: str) -> bool:
    head, colon, _ = word.partition(":")
    return bool(colon and head and "/" not in head) or "://" in word


def _transfer(draft: Draft, words: list[Word]) -> None:
    """The last word is written, the others are read; those with a host are there."""
    for one in words[:-1]:
        draft.place(one, write=False)
    if len(words) > 1:
        target = words[-1]
        draft.place(target, write=True)
        if not _remote(target):
            draft.write(*_within(target, words[:-1]))
    elif words:
        draft.place(words[0], write=False)


def _within(target: Word, sources: list[Word]) -> list[Word]:
    """What is written of *sources* where *target* is a folder."""
    if not target.endswith("/") and target not in {".", "..", "~"} and len(sources) == 1:
        return []
    named = [one for one in sources if not one.endswith(("/", "/."))]
    return [joined(target, basename(one.rpartition(":")[2])) for one in named]


def scp(draft: Draft) -> None:
    """`scp a host:b`."""
    _ssh_options(draft)
    _transfer(draft, draft.words)


def rsync(draft: Draft) -> None:
    """`rsync a host:b`; `--delete` removes in the target, `--remove-source-files` in the source."""
    words = draft.words
    _transfer(draft, words)
    if len(words) > 1 and not draft.has("-n", "--dry-run"):
        if any(one.startswith("--del") for one in draft.flags) and not _remote(words[-1]):
            draft.remove(words[-1])
        if draft.has("--remove-source-files", "--remove-sent-files"):
            draft.remove(*(one for one in words[:-1] if not _remote(one)))


def rclone(draft: Draft) -> None:
    """`rclone sync here remote:there`."""
    words = draft.words
    for one in words[:-1]:
        if not _remote(one):
            draft.read(one)
            if draft.subcommand.startswith("move"):
                draft.remove(one)
    for one in words[1:][-1:]:
        if not _remote(one):
            draft.write(one)
            if draft.subcommand == "sync":
                draft.remove(one)
    draft.domains += [Word(one.partition(":")[0]) for one in words if _remote(one)]


def ftp(draft: Draft) -> None:
    """`sftp host`, `lftp -e 'commands' url`; their input is commands."""
    _ssh_options(draft)
    draft.talk(*(one if "://" in one else Word(one.lstrip("/")) for one in draft.words[:1]))
    texts = [*draft.value("-e", "-c", "--command")]
    draft.code += texts
    if draft.stdin_text is not None:
        draft.code.append(draft.stdin_text)
        texts.append(draft.stdin_text)
    for text in texts:
        for line in re.split(r"[;\n]", text):
            words = split(line)
            if words[:1] and words[0].startswith("!"):
                draft.run_text(line.strip()[1:])
            elif words[:1] and words[0] in {"put", "mput", "reput"}:
                draft.read(*(Word(one) for one in words[1:2]))
            elif words[:1] and words[0] in {"get", "mget", "pget"}:
                draft.write(*(Word(basename(one)) for one in words[-1:]))
            elif words[:1] and words[0] in {"open", "connect"}:
                draft.talk(*words[1:2])


def dig(draft: Draft) -> None:
    """`dig @server name`: both are asked."""
    draft.talk(*(one.lstrip("@") for one in draft.words if "." in one or one.startswith("@")))


def address(draft: Draft) -> None:
    """Words that are URLs or ``host:port``."""
    for one in [*draft.words, *draft.arguments]:
        if "://" in one or re.fullmatch(r"[A-Za-z0-9.-]+\.[A-Za-z]{2,}(?::\d+)?(?:/.*)?", one):
            draft.talk(one)


def package(draft: Draft) -> None:
    """`pip install git+https://…`, `pip install ./folder`."""
    for one in draft.words:
        if "://" in one:
            draft.domains += [host for url in urls_in(one) for host in hosts_in(url)]
        elif one.startswith((".", "/", "~")):
            draft.read(one)


def opened(draft: Draft) -> None:
    """`open url`, `xdg-open file`."""
    for one in draft.words:
        if "://" in one:
            draft.talk(one)
        else:
            draft.read(one)
