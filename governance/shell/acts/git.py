"""
Git and its neighbours: what they run besides themselves, and what they do to files.
"""

from __future__ import annotations

import re
from typing import Final

from governance.shell.draft import Draft, pairs_of, quoted
from governance.shell.values import Word

_RUN_BY_GIT: Final = frozenset(
    {
        *{"GIT_SSH_COMMAND", "GIT_SSH", "GIT_EDITOR", "GIT_SEQUENCE_EDITOR", "GIT_PAGER"},
        *{"GIT_EXTERNAL_DIFF", "GIT_PROXY_COMMAND", "GIT_ASKPASS", "EDITOR", "VISUAL", "PAGER"},
    }
)
_KEYS_THAT_RUN: Final = re.compile(
    r"(?i)(?:alias\..+|core\.(?:pager|sshcommand|editor|fsmonitor|askpass|gitproxy)"
    r"|sequence\.editor|diff\.external|(?:diff|merge|filter|difftool|mergetool|browser)\..+\."
    r"(?:command|textconv|driver|clean|smudge|process|cmd)|credential(?:\..+)?\.helper"
    r"|pager\..+|gpg(?:\..+)?\.program|uploadpack\.packobjectshook|sendemail\..*cmd"
    r"|interactive\.difffilter|web\.browser|man\..+\.cmd|trailer\..+\.command"
    r"|remote\..+\.(?:uploadpack|receivepack))"
)
_PLAIN_PAGERS: Final = frozenset({"", "true", "false", "cat", "less", "store", "cache"})


def plain(draft: Draft) -> None:
    """What every command of git runs by its options and its environment."""
    for one in draft.value("-c", "--config"):
        key, _, value = one.partition("=")
        configured(draft, key, Word(value))
    for one in draft.assigns:
        name, _, value = one.partition("=")
        if name in _RUN_BY_GIT and value not in _PLAIN_PAGERS:
            draft.run_text(value)
        elif name == "GIT_DIR":
            draft.read(Word(value))
    _configured_by_variables(draft)
    _aliased(draft)


def _configured_by_variables(draft: Draft) -> None:
    """``GIT_CONFIG_KEY_0`` and ``GIT_CONFIG_VALUE_0`` are as good as `-c`."""
    given = pairs_of(one for one in draft.assigns if one.startswith("GIT_CONFIG_"))
    for name, key in given.items():
        if name.startswith("GIT_CONFIG_KEY_"):
            value = given.get(name.replace("_KEY_", "_VALUE_", 1))
            if value is not None:
                configured(draft, key, Word(value))


def configured(draft: Draft, key: str, value: Word) -> None:
    """Note what the setting *key* makes git run."""
    if _KEYS_THAT_RUN.fullmatch(key) is None:
        if key.lower() == "core.hookspath":
            draft.read(value)
        return
    if key.lower().startswith("alias."):
        if value.startswith("!"):
            draft.run_text(value[1:])
        elif value:
            draft.run_text(f"git {value}")
        return
    if value.strip() not in _PLAIN_PAGERS:
        draft.run_text(value.removeprefix("!"))


def _aliased(draft: Draft) -> None:
    """A subcommand that an option defines, with its words: `git -c alias.x=push x --force`."""
    name = draft.subcommand.partition(" ")[0]
    for one in draft.value("-c"):
        key, _, value = one.partition("=")
        if name and key.lower() == f"alias.{name.lower()}":
            rest = " ".join(quoted(one) for one in _after(draft, name))
            body = value[1:] if value.startswith("!") else f"git {value}"
            draft.nested = [one for one in draft.nested if one.text != body]
            draft.run_text(f"{body} {rest}")


def _after(draft: Draft, name: str) -> tuple[Word, ...]:
    at = draft.arguments.index(Word(name)) if name in draft.arguments else len(draft.arguments)
    return draft.arguments[at + 1 :]


def remote(draft: Draft) -> None:
    """`git push url branch`: a remote is a name, a URL or a folder."""
    plain(draft)
    words = [*draft.words[:1], *draft.value("--repo", "--remote")]
    for one in words:
        repository(draft, one)


def repository(draft: Draft, word: Word) -> None:
    """Note the host of a repository, the folder it is, or the program that speaks for it."""
    if word.startswith("ext::"):
        draft.run_text(re.sub(r"%[%sSGV ]", " ", word[5:]))
    elif "://" in word or re.match(r"[^/\s]+:(?!:)", word):
        if word.startswith("file://"):
            draft.read(Word(word[7:]))
        else:
            draft.talk(word)
    elif word.startswith(("/", ".", "~")):
        draft.read(word)


def clone(draft: Draft) -> None:
    """`git clone url folder`."""
    plain(draft)
    for one in draft.words[:1]:
        repository(draft, one)
        if "://" not in one and ":" not in one:
            draft.read(one)
    if len(draft.words) > 1:
        draft.write(draft.words[1])
    elif draft.words:
        draft.write(Word(re.sub(r"\.git/?$", "", draft.words[0].rstrip("/")).rpartition("/")[2]))


def remote_add(draft: Draft) -> None:
    """`git remote add name url`."""
    plain(draft)
    for one in draft.words[1:]:
        repository(draft, one)


def foreach(draft: Draft) -> None:
    """`git submodule foreach 'text'`."""
    plain(draft)
    text = " ".join(draft.words)
    draft.words = []
    draft.run_text(text)


def _paths(draft: Draft) -> list[Word]:
    """The words behind ``--``, whose signs git expands where the shell does not."""
    words = draft.arguments
    paths = words[words.index(Word("--")) + 1 :] if "--" in words else ()
    return [Word(one, glob=any(sign in one for sign in "*?[")) for one in paths]


def checkout(draft: Draft) -> None:
    """`git checkout -- paths` writes them; without ``--`` a word may be a branch."""
    plain(draft)
    paths = _paths(draft)
    if not paths and not draft.has("-b", "-B", "--orphan"):
        paths = [one for one in draft.words if one in {".", "..", ":/"} or one.startswith("./")]
        if len(draft.words) > 1 and not paths:
            paths = draft.words[1:]
    draft.write(*(Word(".") if one == ":/" else one for one in paths))
    if draft.has("-f", "--force") and not paths:
        draft.write(Word("."))


def patched(draft: Draft) -> None:
    """`git apply <<E`: the files that the text names are written."""
    plain(draft)
    if draft.stdin_text is not None and not draft.words and not draft.has("--check", "--stat"):
        for path in re.findall(r"(?m)^\+\+\+ (?:b/)?(\S+)", draft.stdin_text):
            draft.write(Word(path))
    if not draft.has("--check", "--stat"):
        draft.write(*draft.value("--include"))


def clean(draft: Draft) -> None:
    """`git clean -f` removes what git does not keep, here or below the paths."""
    plain(draft)
    if not draft.has("-n", "--dry-run"):
        draft.remove(*(draft.words or [Word(".")]))


def rm(draft: Draft) -> None:
    """`git rm paths`; with `--cached` the files stay."""
    plain(draft)
    if not draft.has("--cached", "-n", "--dry-run"):
        draft.remove(*draft.words)


def reset(draft: Draft) -> None:
    """`git reset --hard` writes all files."""
    plain(draft)
    if draft.has("--hard", "--merge", "--keep"):
        draft.write(Word("."))


def config(draft: Draft) -> None:
    """`git config key value`, and the file that holds it."""
    plain(draft)
    words = draft.words
    if words[:1] in ([Word("set")], [Word("get")], [Word("unset")], [Word("edit")]):
        words = words[1:]
    setting = len(words) > 1 or draft.has("--unset", "--unset-all", "--edit", "-e", "--add")
    if setting:
        file = "~/.gitconfig" if draft.has("--global") else ".git/config"
        if draft.has("--system"):
            file = "/etc/gitconfig"
        if not draft.value("--file"):
            draft.write(Word(file))
    if len(words) > 1:
        configured(draft, words[0], words[1])


def seen(draft: Draft) -> None:
    """`git diff --no-index a b`, `git diff -- paths`, `git show`."""
    plain(draft)
    paths = draft.words if draft.has("--no-index") else _paths(draft)
    draft.read(*paths)
    for one in draft.words:
        revision, colon, path = one.partition(":")
        if colon and revision and path and "//" not in one:
            draft.read(Word(path))


def grep(draft: Draft) -> None:
    """`git grep -O<pager>` runs the pager."""
    plain(draft)
    for one in draft.value("-O", "--open-files-in-pager"):
        draft.run_text(one)
    draft.read(*_paths(draft))


def gh_clone(draft: Draft) -> None:
    """`gh repo clone owner/name folder`."""
    draft.talk(*(one for one in draft.words[:1] if ":" in one))
    draft.write(*draft.words[1:2])


def gh_alias(draft: Draft) -> None:
    """`gh alias set name '!text'`."""
    for one in draft.words[1:2]:
        if one.startswith("!") or draft.has("-s", "--shell"):
            draft.run_text(one.removeprefix("!"))


def mercurial(draft: Draft) -> None:
    """`hg --config alias.x='!text'`, `hg push url`."""
    for one in draft.value("--config"):
        key, _, value = one.partition("=")
        if key.startswith(("alias.", "hooks.")) and value.startswith("!"):
            draft.run_text(value[1:])
        elif key.startswith("hooks.") or key == "ui.editor":
            draft.run_text(value)
    if draft.subcommand in {"push", "pull", "clone", "incoming", "outgoing"}:
        draft.talk(*(one for one in draft.words[:1] if "://" in one))
    if draft.subcommand in {"purge", "clean"} and not draft.has("-p", "--print", "-0", "--print0"):
        draft.remove(*(draft.words or [Word(".")]))
