"""
Programs that run another one: which of their words are its.
"""

from __future__ import annotations

import re
import shlex
from typing import Final

from governance.shell.acts.shells import text_given
from governance.shell.draft import REMOTE, Draft, basename, pairs_of
from governance.shell.hosts import urls_in
from governance.shell.programs import canonical, spec_for
from governance.shell.values import HOLE, Word

_ASSIGN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\+?=")
_SET: Final = re.compile(r"[^-=][^=]*=")
"""What `env` takes for a variable, whatever its name."""

_SPLITTING: Final = re.compile(r"(?:-[iv0]*S|--split-string=?)(.*)", re.DOTALL)
_BLANKS: Final = re.compile(r"\\[_tnrfv]")
_VARIABLE: Final = re.compile(r"\$\{\w+\}")
_FUNCTION: Final = re.compile(r"BASH_FUNC_(.+?)(?:%%|\(\))=(.*)", re.DOTALL)
_SHELL: Final = Word("sh")
_BEFORE_MAX: Final = 3
"""Words that may stand before a command."""

_CALLED: Final = re.compile(r"\b(?:system|popen|execl?p?)\s*+\(\s*+\"([^\"]+)")
"""What a debugger has its program call; `python` and `shell` are commands of their own."""


_LOCAL: Final = frozenset({"localhost", "127.0.0.1"})
_ANSIBLE_WRITES: Final = frozenset({
    "copy", "template", "lineinfile", "blockinfile", "replace", "ini_file", "unarchive", "file",
    "authorized_key", "cron", "assemble", "fetch",
})  # fmt: skip
_TASK: Final = re.compile(
    r"^([ \t]*)(?:-[ \t]+)?(?:\w+\.\w+\.)?(shell|command|raw|script|file|get_url|uri|copy|template"
    r"|lineinfile|blockinfile|replace|unarchive)[ \t]*:[ \t]*(.*)$"
)
_GIVEN: Final = re.compile(r"\b(\w++)[ \t]*+[:=][ \t]*+(\"[^\"]*\"|'[^']*'|[^,\s}]+)")


def sudo(draft: Draft) -> None:
    """`sudo [A=1] cmd`, `sudo -s [cmd]`, `sudo -e file`."""
    words = draft.words
    draft.words = []
    if draft.has("-e", "--edit"):
        draft.words = words
        draft.read(*words)
        draft.write(*words)
        return
    assigns, words = _assigned(words)
    if words:
        draft.run(words, assigns=assigns)
    elif draft.has("-s", "-i", "--shell", "--login"):
        draft.run([_SHELL], assigns=assigns)


def _assigned(words: list[Word]) -> tuple[tuple[Word, ...], list[Word]]:
    """``NAME=value`` at the beginning of *words*, and what follows."""
    count = 0
    while count < len(words) and _ASSIGN.match(words[count]):
        count += 1
    return tuple(words[:count]), words[count:]


def gosu(draft: Draft) -> None:
    """`gosu user cmd`; `setpriv` and `please` name the user in an option."""
    words = draft.words
    if draft.program in {"gosu", "su-exec"}:
        draft.words, words = words[:1], words[1:]
    else:
        draft.words = []
    draft.run(words)


def su(draft: Draft) -> None:
    """`su user -c text`; without a text, a shell."""
    if not draft.value("--command", "--session-command") and not draft.has("--help", "--version"):
        draft.run([_SHELL])


def runuser(draft: Draft) -> None:
    """`runuser -u user -- cmd`, or as `su`."""
    if draft.value("--user"):
        words, draft.words = draft.words, []
        draft.run(words)
    elif not draft.value("--command"):
        # Options may follow the name of the user: `runuser user -c text`.
        words = draft.words
        for at, word in enumerate(words[:-1]):
            if word in {"-c", "--command"}:
                draft.run_text(words[at + 1])
                return
        draft.run([_SHELL])


def sg(draft: Draft) -> None:
    """`sg group -c text`."""
    words = draft.words[1:]
    if words:
        draft.run_text(" ".join(words))


def env(draft: Draft) -> None:
    """`env -i -u NAME -C dir -S 'text' A=1 cmd`."""
    words = list(draft.arguments)
    at = 0
    assigns: list[Word] = []
    while at < len(words):
        word = words[at]
        at += 1
        if word == "--":
            break
        if word == "-" or not word.startswith("-"):
            if _SET.match(word):
                assigns.append(word)
                function = _FUNCTION.fullmatch(word)
                if function is not None:
                    draft.run_text(f"f{function[2]}\nf", stdin=False)
                continue
            if word == "-":
                draft.flags["-i"] = None
                continue
            at -= 1
            break
        at = _env_option(draft, words, at)
    rest = words[at:]
    more, rest = _assigned(rest)
    draft.run(rest, assigns=(*assigns, *more))
    draft.words = assigns + list(more)
    if not rest and draft.arguments:
        draft.run([Word("printenv")], assigns=(*assigns, *more))


def _env_option(draft: Draft, words: list[Word], at: int) -> int:
    """One option of `env`, which stands before *at*; give the position behind it."""
    word = words[at - 1]
    splitting = _SPLITTING.fullmatch(word)
    if splitting is not None:
        draft.flags["-S"] = None
        text = splitting[1] or (words[at] if at < len(words) else "")
        end = at if splitting[1] else at + 1
        words[at:end] = [Word(one) for one in split(_spaced(text))]
        return at
    name, equals, value = word.partition("=")
    long = {"--unset": "-u", "--chdir": "-C", "--ignore-environment": "-i", "--argv0": "-a"}
    letter = long.get(name, name)
    draft.flags[letter] = None
    if name in long:
        draft.flags[name] = None
    if letter[:2] in {"-u", "-C", "-f", "-e", "-P", "-a"}:
        if not equals and len(letter) == 2 and at < len(words):
            value = words[at]
            at += 1
        elif len(letter) > 2:
            value = word[2:]
        if letter[:2] == "-C":
            draft.apply("cwd", Word(value))
    return at


def _spaced(text: str) -> str:
    """*text* with the signs of `env -S` that no shell has: blanks, variables, an end."""
    text = _VARIABLE.sub(HOLE, text.partition("\\c")[0])
    return _BLANKS.sub(" ", text)


def split(text: str) -> list[str]:
    """The words of *text*; a text that is not well quoted is cut at its spaces."""
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def flock(draft: Draft) -> None:
    """`flock file cmd`, `flock file -c text`."""
    words = draft.words
    draft.words = words[:1]
    draft.write(*words[:1])
    rest = words[1:]
    if rest[:1] in ([Word("-c")], [Word("--command")]):
        draft.run_text(" ".join(rest[1:]))
    else:
        draft.run(rest)


def watch(draft: Draft) -> None:
    """`watch cmd`: its words are joined and read by a shell, but for `-x`."""
    words, draft.words = draft.words, []
    if draft.has("-x", "--exec"):
        draft.run(words)
    else:
        draft.run_text(" ".join(words))


def behind(draft: Draft) -> None:
    """`setarch [arch] cmd`, `runcon [context] cmd`: what stands before a program is no command."""
    words, draft.words = draft.words, []
    if "--" in words:
        words = words[words.index(Word("--")) + 1 :]
    for at, word in enumerate(words[:_BEFORE_MAX]):
        if spec_for(canonical(basename(word) or word)).known:
            draft.words, words = words[:at], words[at:]
            break
    draft.run(words)


def dotenv(draft: Draft) -> None:
    """`dotenv run cmd`, `dotenv -e file -- cmd`, and `dotenv list`, which prints the file."""
    words, draft.words = draft.words, []
    if words[:1] in (["list"], ["get"]):
        file = (*draft.value("--file"), Word(".env"))[0]
        draft.run([Word("cat"), file], stdin=False)
    elif words[:1] not in (["set"], ["unset"]):
        draft.run(words[1:] if words[:1] in (["run"], ["--"]) else words)


def watchexec(draft: Draft) -> None:
    """`watchexec cmd`: its words are joined and read by a shell, but for `-n`."""
    words, draft.words = draft.words, []
    if draft.has("-n") or "none" in draft.value("--shell"):
        draft.run(words)
    elif words:
        draft.run_text(" ".join(words))


def manual(draft: Draft) -> None:
    """`man page` shows it by way of the pager that its environment names."""
    for one in draft.assigns:
        name, _, value = one.partition("=")
        if name in {"PAGER", "MANPAGER", "BROWSER"} and value:
            draft.run_text(value)


def entr(draft: Draft) -> None:
    """`entr cmd`: run when a file changes; ``/_`` is that file."""
    words, draft.words = draft.words, []
    if draft.has("-s") and words:
        draft.run_text(words[0])
    else:
        draft.run([Word(one.replace("/_", HOLE)) for one in words])


def gdb(draft: Draft) -> None:
    """`gdb --args cmd`, `valgrind cmd`; `-ex 'shell cmd'`."""
    words, draft.words = draft.words, []
    for one in draft.value("-ex", "-e", "-iex", "--one-line", "--one-line-before-crash"):
        draft.code.append(one)
        found = re.match(r"\s*(?:shell|make|!|platform shell)\s*(.+)", one, re.DOTALL)
        if found is not None:
            draft.run_text(found[1])
        found = re.match(r"\s*(?:python|py|script) (.+)", one, re.DOTALL)
        if found is not None:
            # Loaded only for a line that has such a text.
            from governance.shell.codes import understand_code

            understand_code(draft, "python", found[1])
        for command in _CALLED.findall(one):
            draft.run_text(command)
    if draft.program in {"perf", "rr"} and words:
        draft.subcommand = str(words[0])
        words = words[words.index(Word("--")) :] if "--" in words else words[1:]
        while words and words[0][:1] == "-":
            words = words[1:]
    if draft.has("--args"):
        words = list(draft.arguments[draft.arguments.index(Word("--args")) + 1 :])
    draft.run(words)


def tool_server(draft: Draft) -> None:
    """`claude mcp add name -- cmd`: the agent starts it whenever it runs, so it runs."""
    if draft.words[:2] != ["mcp", "add"]:
        return
    words = list(draft.arguments)
    command = words[words.index(Word("--")) + 1 :] if "--" in words else draft.words[3:]
    if command and "://" not in command[0]:
        draft.run(command)


def script(draft: Draft) -> None:
    """`script -c text file`; of BSD: `script file cmd`."""
    words = draft.words
    draft.write(*words[:1])
    if not draft.value("--command") and len(words) > 1:
        draft.words = words[:1]
        draft.run(draft.arguments[draft.arguments.index(words[0]) + 1 :])


def chroot(draft: Draft) -> None:
    """`chroot folder cmd`: in another tree of files."""
    words = draft.words
    draft.words = words[:1]
    folder = words[0] if words else Word("")
    draft.read(*words[:1])
    away_in = Word(folder if folder else HOLE)
    draft.run(words[1:] or [_SHELL], cwd=away_in)


def away(draft: Draft) -> None:
    """The words of a command that runs elsewhere."""
    if draft.has("-h", "--help", "-V", "--version"):
        return
    words, draft.words = draft.words, []
    draft.run(words or [_SHELL], cwd=REMOTE)


def remote_words(draft: Draft) -> None:
    """Words that are joined and read by a shell elsewhere."""
    words = draft.words
    draft.words = words[:0]
    text_of(draft, words)


def text_of(draft: Draft, words: list[Word]) -> None:
    """Note *words* that a shell on another machine reads as one text."""
    if not words:
        return
    text = Word(" ".join(words))
    if text.strip(HOLE + " "):
        draft.run_text(text, cwd=REMOTE)
    else:
        draft.blind("dynamic", "the command for the other machine is put together when it runs")


def start_stop(draft: Draft) -> None:
    """`start-stop-daemon --start --exec program -- words`."""
    program = draft.value("--exec", "--startas")
    words, draft.words = draft.words, []
    if program and draft.has("-S", "--start"):
        draft.run([program[-1], *words])


def command(draft: Draft) -> None:
    """`command cmd`; `command -v name` runs nothing."""
    if not draft.has("-v", "-V"):
        words, draft.words = draft.words, []
        draft.run(words)


def tmux(draft: Draft) -> None:
    """`tmux new 'text'`: one word is a text, more are words; `;` begins a command of tmux."""
    words = draft.words
    draft.words = []
    if ";" in words:
        at = words.index(Word(";"))
        draft.run([Word(draft.program), *words[at + 1 :]])
        words = words[:at]
    if len(words) == 1:
        text_given(draft, words[0], [])
    else:
        draft.run(words)


def tmux_if(draft: Draft) -> None:
    """`tmux if-shell 'text' 'cmd' 'cmd'`: a text, and commands of tmux."""
    words = draft.words
    if not draft.has("-F"):
        draft.run_text("".join(words[:1]))
    for one in words[1:3]:
        draft.run_text(f"{draft.program} {one}")


def tmux_later(draft: Draft) -> None:
    """`tmux bind-key x cmd`, `tmux set-hook name cmd`: commands of tmux that run later."""
    words = draft.words
    if draft.subcommand in {"bind", "bind-key", "set-hook"}:
        words = words[1:]
    if len(words) > 1:
        draft.run([Word(draft.program), *words])
    elif words:
        draft.run_text(f"{draft.program} {words[0]}")


def tmux_set(draft: Draft) -> None:
    """`tmux set default-command text`: what new panes run."""
    if draft.words[:1] in (["default-command"], ["default-shell"]):
        draft.run_text("".join(draft.words[1:2]))


def again(draft: Draft) -> None:
    """`repeat 3 cmd`, `sched 10:00 cmd` of zsh."""
    words = draft.words = list(draft.arguments[:1])
    rest = list(draft.arguments[len(words) :])
    if draft.program == "sched":
        draft.run_text(" ".join(rest))
    else:
        draft.run([one for one in rest if one not in {"{", "}", "do", "done"}])


def boxed(draft: Draft) -> None:
    """`flatpak run --command=cmd app words`, `snap run --shell app words`."""
    told = draft.value("--command") or ([_SHELL] if draft.has("--shell") else [])
    if told:
        words = draft.words
        draft.words = words[:1]
        draft.run([*told[-1:], *words[1:]])


def send_keys(draft: Draft) -> None:
    """`tmux send-keys -t x 'text' Enter`: typed into what runs there, mostly a shell."""
    keys = [one for one in draft.words if one not in {"Enter", "C-m", "KPEnter"}]
    if keys and not all(re.fullmatch(r"(?:[CMS]-.|[A-Z][A-Za-z0-9]+)", one) for one in keys):
        draft.run_text(" ".join(keys))


def screen(draft: Draft) -> None:
    """`screen -dm cmd`, `screen -X stuff 'text'`."""
    words, draft.words = draft.words, []
    if draft.has("-X"):
        if words[:1] == ["stuff"] and len(words) > 1:
            draft.run_text(words[1].replace("\\n", "\n").replace("^M", "\n"))
        elif words[:1] in (["exec"], ["screen"]):
            draft.run(words[1:])
        return
    draft.run(words)


def ansible(draft: Draft) -> None:
    """`ansible hosts -m shell -a text`, `ansible hosts -m file -a 'path=x state=absent'`."""
    named = draft.value("--module-name")
    draft.talk(*(one for one in draft.words if "." in one))
    module = named[-1].rpartition(".")[2] if named else "command"
    cwd = None if draft.words and all(one in _LOCAL for one in draft.words) else REMOTE
    for text in draft.value("--args"):
        ansible_task(draft, module, text, cwd)


def ansible_task(draft: Draft, module: str, text: str, cwd: Word | None) -> None:
    """Note what a *module* of ansible does with what it is told, in *cwd* or here."""
    given = pairs_of(text.replace("'", "").replace('"', "").split())
    path = Word(given.get("path") or given.get("dest") or given.get("name", ""))
    if module in {"shell", "command", "raw", "script"}:
        draft.run_text(text.removeprefix("cmd="), cwd=cwd)
    elif cwd is not None:
        return
    elif module == "file" and given.get("state") == "absent":
        draft.remove(path)
    elif module in {"get_url", "uri"}:
        draft.talk(*urls_in(text))
        draft.write(Word(given.get("dest", "")))
    elif module in _ANSIBLE_WRITES and path:
        draft.write(path)
        draft.read(*(Word(one) for one in [given.get("src", "")] if one))


def playbook(draft: Draft, text: str) -> None:
    """Note what the tasks of a playbook do that the line itself has written."""
    draft.code.append(Word(text))
    here = re.search(r"localhost|127\.0\.0\.1|connection:\s*local", text) is not None
    lines = text.split("\n")
    for at, line in enumerate(lines):
        found = _TASK.match(line)
        if found is None:
            inline = re.search(r"(file|shell|command):\s*+(\{[^{}]*\})", line)
            if inline is not None:
                _task(draft, inline[1], inline[2], here)
            continue
        inner = len(found[1])
        body = [found[3].strip()] if found[3].strip() not in {"|", ">", "|-", ">-"} else []
        for below in range(at + 1, len(lines)):
            more = lines[below]
            if more.strip() and len(more) - len(more.lstrip()) <= inner:
                break
            body.append(more.strip())
        _task(draft, found[2], "\n".join(body).strip(), here)


def _task(draft: Draft, module: str, body: str, here: bool) -> None:
    """One task, with what it is told in any of the ways that a playbook can write it."""
    given = {name: value.strip("\"'") for name, value in _GIVEN.findall(body)}
    if module in {"shell", "command", "raw", "script"}:
        told = re.search(r"\bcmd:\s*([^\n}]+)", body)
        text = (told[1] if told is not None else body.split("\nargs:")[0]).strip()
        if text[:1] in {"'", '"'} and text[-1:] == text[:1]:
            text = text[1:-1]
    else:
        text = " ".join(f"{name}={value}" for name, value in given.items())
    ansible_task(draft, module, text, None if here else REMOTE)
