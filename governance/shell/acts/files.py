"""
Files: copying, moving, linking, modes, disks.
"""

from __future__ import annotations

import re
from typing import Final

from governance.shell.draft import Draft, basename, joined
from governance.shell.values import HOLE, Word

_PRIVATE: Final = re.compile(r"0?[46]00|(?:g|o|go|og)(?:-[rwx]+|=)")
"""Modes that leave a file to its owner alone."""


def _targets(draft: Draft) -> tuple[list[Word], list[Word]]:
    """The sources of `cp` and its like, and what is written, as far as the words say."""
    words = draft.words
    folder = draft.value("--target-directory")
    if folder:
        return words, [joined(folder[-1], basename(one)) for one in words] or [folder[-1]]
    if len(words) < 2:
        return words, []
    sources, target = words[:-1], words[-1]
    if target.endswith("/") or target in {".", "..", "~"}:
        return sources, [joined(target, basename(one)) for one in sources]
    if len(sources) > 1:
        return sources, [target, *(joined(target, basename(one)) for one in sources)]
    last = basename(target)
    if "." not in last[1:] and last != basename(sources[0]):
        return sources, [target, joined(target, basename(sources[0]))]  # it may be a folder
    return sources, [target]


def copy(draft: Draft) -> None:
    """`cp a b dest`, `cp -t dest a b`."""
    sources, written = _targets(draft)
    draft.read(*sources)
    draft.write(*written)


def move(draft: Draft) -> None:
    """`mv a b`: what is moved is gone from where it was."""
    sources, written = _targets(draft)
    draft.read(*sources)
    draft.remove(*sources)
    draft.write(*written)


def install(draft: Draft) -> None:
    """`install a b`; `install -d` makes folders."""
    if draft.has("-d", "--directory"):
        draft.write(*draft.words)
    else:
        copy(draft)


def link(draft: Draft) -> None:
    """`ln -s target name`; with one word, in this folder."""
    sources, written = _targets(draft)
    draft.read(*sources)
    draft.write(*(written or [Word(basename(one)) for one in sources]))


def shred(draft: Draft) -> None:
    """`shred -u file` removes it as well."""
    if draft.has("-u", "--remove"):
        draft.remove(*draft.words)
    else:
        draft.removes += draft.words


def rename(draft: Draft) -> None:
    """`rename 's/a/b/' files`, `rename a b files`."""
    words = draft.words
    if words and not draft.value("-e"):
        perl = len(words[0]) > 2 and words[0][:1] in "sy" and not words[0][1].isalnum()
        words = words[1 if perl else 2 :]
    if not draft.has("-n", "--no-act"):
        draft.write(*words)


def dd(draft: Draft) -> None:
    """`dd if=a of=b`."""
    for word in draft.arguments:
        name, equals, value = word.partition("=")
        draft.words.append(word)
        if equals:
            draft.values.setdefault(name, []).append(Word(value))
        if name == "if":
            draft.read(Word(value))
        elif name in {"of", "ofs"}:
            draft.write(Word(value))


def mode(draft: Draft) -> None:
    """`chmod mode files`; a mode may begin with ``-``: `chmod -x file`."""
    words = draft.words
    symbolic = any(
        one.startswith("-") and one.strip("-rwxXstugo,+=") == "" and not _is_option(draft, one)
        for one in draft.arguments
    )
    files = words if symbolic or draft.value("--reference") else words[1:]
    if draft.program == "chmod" and words and _PRIVATE.fullmatch(words[0]):
        # What ssh demands of its files; nothing is opened or taken by it.
        files = [one for one in files if "/.ssh/" not in one]
    draft.write(*files)


def _is_option(draft: Draft, word: Word) -> bool:
    return all(f"-{one}" in draft.spec.options for one in word[1:])


def attributes(draft: Draft) -> None:
    """`chattr +i file`."""
    draft.write(*(one for one in draft.words if not one.startswith("=")))


def wipefs(draft: Draft) -> None:
    """`wipefs -a disk` writes; without an option it lists."""
    if draft.has("-a", "-o", "--all", "--offset"):
        draft.write(*draft.words)
    else:
        draft.read(*draft.words)


_LOOKING: Final = {
    "sgdisk": ("-p", "-i", "-b"),
    "sfdisk": ("-l", "-d", "-J", "-n"),
    "tune2fs": ("-l",),
    "fsck": ("-n",),
    "e2fsck": ("-n",),
    "fsck.ext4": ("-n",),
    "xfs_repair": ("-n",),
}
"""Options with which a program of disks only looks; of others it is ``-l``."""

_CHANGING: Final = {
    "sgdisk": ("-Z", "-z", "-o", "-n", "-d", "-t", "-l", "-c", "-g", "-G"),
    "sfdisk": ("--delete",),
}
"""Options with which it changes the disk whatever else is asked."""

_PARTED_CHANGES: Final = frozenset(
    {"mklabel", "mktable", "mkpart", "name", "rescue", "resizepart", "rm", "set", "toggle"}
    | {"disk_set", "disk_toggle", "type", "mkfs", "mkpartfs", "resize", "move", "cp"}
)
"""Commands of `parted`, and of old ones, that write to the disk."""


def partition(draft: Draft) -> None:
    """`fdisk disk`; `fdisk -l`, `sfdisk -d`, `parted disk print` and `tune2fs -l` only look."""
    shows = draft.has(*_LOOKING.get(draft.program, ("-l",)))
    shows = shows and not draft.has(*_CHANGING.get(draft.program, ()))
    if draft.program == "parted":
        asked = draft.words[1:]
        known = bool(asked) and all(one.known for one in asked)
        shows = shows or (known and not _PARTED_CHANGES.intersection(asked))
    if shows:
        draft.read(*draft.words)
    elif draft.program == "parted":
        draft.write(*draft.words[:1])
    else:
        draft.write(*draft.words)
        if draft.stdin_text is not None:
            draft.code.append(draft.stdin_text)


def cryptsetup(draft: Draft) -> None:
    """`cryptsetup luksFormat disk`."""
    if draft.subcommand in {"luksFormat", "luksErase", "erase", "luksKillSlot", "reencrypt"}:
        draft.write(*draft.words[:1])


def dpkg(draft: Draft) -> None:
    """`dpkg -i file`."""
    if draft.has("-i", "--install", "--unpack", "-x", "-I", "-c"):
        draft.read(*draft.words)


def under(folder: Word, name: str = HOLE) -> Word:
    """Something in *folder*."""
    return Word(f"{folder.rstrip('/')}/{name}")
