"""
Archives: packed from what, unpacked to where, and what they run on the way.
"""

from __future__ import annotations

import re
from typing import Final

from governance.shell.draft import Draft, basename, joined
from governance.shell.options import parse
from governance.shell.values import HOLE, Word, lines_of

_NAMED_MAX: Final = 1_000

_PACKED: Final = (
    ".gz", ".z", ".Z", ".bz2", ".bz", ".xz", ".lzma", ".zst", ".lz4", ".br", ".lz", ".lzo",
    ".tgz", ".tbz", ".tbz2", ".txz",
)  # fmt: skip
"""Endings that an unpacked file has no more."""


def tar(draft: Draft) -> None:
    """`tar -czf a.tgz files`, `tar xzf a.tgz -C folder`."""
    words = list(draft.arguments)
    if words and not words[0].startswith("-"):
        words = _old_style(draft, words)
    draft.words = parse(draft, words, draft.spec)
    for one in draft.value("--checkpoint-action"):
        if one.startswith("exec="):
            draft.run_text(one[5:])
    folders = draft.value("--directory")
    folder = folders[-1] if folders else Word("")
    archives = draft.value("--file")
    for one in archives:
        if re.match(r"[^/:]+:", one) and not draft.has("--force-local"):
            draft.talk(one.partition(":")[0])
    if draft.has("-c", "-r", "-u", "-A"):
        draft.write(*archives)
        draft.read(*(joined(folder, one) for one in draft.words))
        if draft.has("--remove-files"):
            draft.remove(*(joined(folder, one) for one in draft.words))
        return
    draft.read(*archives)
    if draft.has("--delete"):
        draft.write(*archives)
    elif draft.has("-x") and not draft.has("-O") and not draft.value("--to-command"):
        draft.write(folder or Word("."), *(joined(folder, one) for one in draft.words))
    elif folder and not draft.has("-t"):
        draft.read(folder)


def _old_style(draft: Draft, words: list[Word]) -> list[Word]:
    """`tar xzfC a.tgz dir` as `tar -x -z -f a.tgz -C dir`: values follow in order of letters."""
    made: list[Word] = []
    rest = words[1:]
    for letter in words[0][:32]:
        name = f"-{letter}"
        made.append(Word(name))
        option = draft.spec.options.get(name)
        if option is not None and option.roles and rest:
            made.append(rest.pop(0))
    return made + rest


def zip(draft: Draft) -> None:
    """`zip -r a.zip files`; `-m` removes them."""
    words = draft.words
    draft.write(*(Word(one if "." in basename(one) else f"{one}.zip") for one in words[:1]))
    if draft.has("-d", "--delete"):
        return
    draft.read(*words[1:])
    if draft.has("-m", "--move"):
        draft.remove(*words[1:])


def unzip(draft: Draft) -> None:
    """`unzip a.zip -d folder`."""
    draft.read(*draft.words[:1])
    listing = draft.program == "zipinfo" or draft.has("-l", "-p", "-t", "-v", "-Z", "-c")
    if not listing:
        folders = draft.value("-d") or [Word(".")]
        draft.write(*folders, *(joined(folders[-1], one) for one in draft.words[1:]))


def gzip(draft: Draft) -> None:
    """`gzip file` puts `file.gz` in its place, `gunzip` the other way; `-c` and `-k` leave it."""
    words = [one for one in draft.words if one != "-"]
    draft.read(*words)
    if draft.has("-c", "-t", "-l", "--stdout", "--test", "--list"):
        return
    if draft.name.startswith(("un", "gun", "bun")) or draft.has("-d", "--decompress"):
        ends = [f".{one.lstrip('.')}" for one in draft.value("--suffix")]
        draft.write(*(made for one in words if (made := _unpacked(one, ends)) is not None))
    if draft.program in {"zstd", "unzstd", "lz4", "brotli"}:
        draft.write(*words)
        if draft.has("--rm"):
            draft.remove(*words)
    elif draft.has("-k", "--keep"):
        draft.write(*(Word(f"{one}.{HOLE}") for one in words))
    else:
        draft.write(*words)


def _unpacked(word: Word, ends: list[str]) -> Word | None:
    """The file that comes out of *word*; ``None`` where that has none of the endings."""
    found = next((one for one in (*ends, *_PACKED) if word.endswith(one)), None)
    if found is None:
        return None
    bare = word[: -len(found)]
    return Word(f"{bare}.tar" if found[:2] == ".t" else bare, glob=word.glob) if bare else None


def seven(draft: Draft) -> None:
    """`7z a archive files`, `7z x archive -ofolder`."""
    folder = Word(".")
    for word in draft.arguments:
        if word.startswith("-"):
            draft.flags[str(word)] = None
            if word.startswith("-o") and len(word) > 2:
                folder = Word(word[2:])
        else:
            draft.words.append(word)
    if not draft.words:
        return
    draft.subcommand = str(draft.words.pop(0))
    archive, files = draft.words[:1], draft.words[1:]
    if draft.subcommand in {"a", "u", "d", "rn"}:
        draft.write(*archive)
        draft.read(*files)
        if draft.has("-sdel"):
            draft.remove(*files)
    else:
        draft.read(*archive)
        if draft.subcommand in {"x", "e"}:
            draft.write(folder)


def cpio(draft: Draft) -> None:
    """`cpio -i` writes here, `cpio -p folder` there; `cpio -o` reads the files that it is told."""
    if draft.has("-o", "--create", "-p", "--pass-through") and draft.stdin_text is not None:
        named = lines_of(draft.stdin_text)
        draft.read(*map(Word, draft.first(named, _NAMED_MAX, "files of an archive")))
    if draft.has("-p", "--pass-through"):
        draft.write(*draft.words)
    elif draft.has("-i", "--extract") and not draft.has("--to-stdout", "-t"):
        draft.write(Word("."))


def jar(draft: Draft) -> None:
    """`jar cf a.jar files`, `jar xf a.jar`."""
    words = draft.words
    letters = words[0] if words else Word("")
    if letters.startswith("c") or draft.has("-c"):
        draft.write(*words[1:2])
        draft.read(*words[2:])
    else:
        draft.read(*words[1:2])
        if "x" in letters:
            draft.write(Word("."))
