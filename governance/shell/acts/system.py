"""
The system: timers, units, keys, addresses of the network.
"""

from __future__ import annotations

import re
from typing import Final

from governance.shell.draft import Draft
from governance.shell.options import parse
from governance.shell.values import HOLE, Word, lines_of

_LINES_MAX: Final = 100


def unit(draft: Draft) -> None:
    """`systemctl enable ./x.service` reads a file of its own."""
    draft.read(*(one for one in draft.words if "/" in one))
    for one in draft.assigns:
        name, _, value = one.partition("=")
        if draft.subcommand == "edit" and name in {"EDITOR", "SYSTEMD_EDITOR", "VISUAL"}:
            draft.run_text(value)


def crontab(draft: Draft) -> None:
    """`crontab file`, `… | crontab -`: each line is a time and a text."""
    if draft.has("-r"):
        draft.remove(Word(f"/var/spool/cron/{HOLE}"))
    if draft.has("-l"):
        return
    draft.read(*draft.words)
    for one in draft.assigns:
        name, _, value = one.partition("=")
        if draft.has("-e") and name in {"EDITOR", "VISUAL"} and value:
            draft.run_text(value)
    takes = "-" in draft.words or (not draft.words and not draft.has("-e", "-r"))
    text = draft.stdin_text
    if takes and text is not None:
        draft.code.append(text)
        for line in draft.first(lines_of(text), _LINES_MAX, "lines of a table"):
            found = re.match(r"\s*(?:@\w+|(?:\S+\s+){5})\s*(\S.*)", line)
            if found is not None and not line.lstrip().startswith("#"):
                draft.run_text(found[1], stdin=False)
    elif takes and draft.piped:
        draft.blind("input", "a timer runs what another command writes")
    elif draft.words:
        draft.blind("script", f"what `{draft.words[0][-60:]}` runs is not looked at")


def at(draft: Draft) -> None:
    """`echo text | at now`: the text runs later."""
    if draft.has("-l", "-r", "-d", "-c") or draft.value("-f"):
        return
    text = draft.stdin_text
    if text is not None:
        draft.code.append(text)
        draft.run_text(text, stdin=False)
    elif draft.piped:
        draft.blind("input", "a timer runs what another command writes")
    elif draft.stdin_file is not None:
        draft.blind("script", f"what `{draft.stdin_file[-60:]}` does is not looked at")


def ip(draft: Draft) -> None:
    """`ip netns exec name cmd`."""
    words = draft.words
    if words[:2] == ["netns", "exec"] and len(words) > 3:
        draft.subcommand = "netns exec"
        draft.words = words[:3]
        # Options of the command within must reach it as they were written.
        start = draft.arguments.index(words[2]) + 1
        draft.run(draft.arguments[start:])
    else:
        draft.subcommand = " ".join(words[:2])


def keygen(draft: Draft) -> None:
    """`ssh-keygen -f file` writes a key, or reads one."""
    files = draft.value("-f")
    if draft.has("-l", "-y", "-e", "-B", "-F"):
        draft.read(*files)
    else:
        draft.write(*files)


def gpg(draft: Draft) -> None:
    """`gpg -d file`, `gpg --import file`; what it encrypts goes to `file.gpg`."""
    if draft.has("--recv-keys", "--send-keys", "--edit-key") or any(
        one.startswith(("--delete", "--export", "--list", "--quick")) for one in draft.flags
    ):
        return
    draft.read(*draft.words)
    encrypts = draft.has("-e", "-c", "-b", "-s", "--encrypt", "--symmetric", "--detach-sign")
    if encrypts and not draft.value("--output"):
        draft.write(*(Word(f"{one}.gpg") for one in draft.words))


def openssl(draft: Draft) -> None:
    """`openssl enc -in a -out b`, `openssl s_client -connect host:port`."""
    words = draft.arguments
    if not words:
        return
    draft.subcommand = str(words[0])
    draft.words = parse(draft, words[1:], draft.spec)
    if draft.subcommand in {"dgst", "sha256", "sha1", "md5", "prime"}:
        draft.read(*draft.words)
