"""A patch is judged as one however a command line of Codex hands it to the client."""

from __future__ import annotations

from base64 import b64encode

import pytest

from governance.calls import ToolCall
from governance.hooking.patches import FILES_MAX, UNREAD, paths_in
from governance.hooking.payload import Payload
from governance.hosts.codex.command_patches import INNER, PROGRAMS_MAX, UNSEEN
from governance.hosts.codex.handed_over import ADRIFT, CALLS_MAX, handed_over
from governance.hosts.codex.translate import translate
from governance.shell.reading import TEXT_MAX

BODY = "*** Begin Patch\n*** Delete File: {}\n*** End Patch"
PATCH = BODY.format(".codex/hooks.json")
GOOD = BODY.format("good")
WRITTEN = PATCH.replace("\n", "\\n")
ESCAPED = GOOD.replace("\n", "\\n")
CODED = b64encode(PATCH.encode()).decode()
DOCUMENT = f"<<'EOF'\n{PATCH}\nEOF"


def asked(command: str, cwd: str | None = "/p") -> tuple[list[ToolCall], list[str]]:
    """The calls of the patches in *command*, and why they are refused if they are."""
    call = ToolCall("shell", "Bash", {"command": command}, {"command": command}, cwd, "c1")
    found = handed_over(call, command)
    return [one.call for one in found], [reason for one in found for reason in one.refused]


READ = {
    "document": f"apply_patch {DOCUMENT}",
    "document without quotes": f"apply_patch <<EOF\n{PATCH}\nEOF",
    "other spelling": f"applypatch {DOCUMENT}",
    "of Windows": f"apply_patch.bat '{PATCH}'",
    "word": f"apply_patch '{PATCH}'",
    "kept line ends": f"apply_patch --preserve-crlf '{PATCH}'",
    "here-string": f"apply_patch <<< '{PATCH}'",
    "printf": f"printf '{WRITTEN}' | apply_patch",
    "printf of words": f"printf '%s' '{PATCH}' | apply_patch",
    "cat of a document": f"cat <<'EOF' | apply_patch\n{PATCH}\nEOF",
    "decoded": f"printf {CODED} | base64 -d | apply_patch",
    "variable": f"P='{PATCH}'; apply_patch \"$P\"",
    "variable, printed": f"P='{PATCH}'; echo \"$P\" | apply_patch",
    "variable of a document": f"P=$(cat <<'EOF'\n{PATCH}\nEOF\n); apply_patch \"$P\"",
    "substitution": f"apply_patch \"$(printf '{WRITTEN}')\"",
    "backslash in the name": f"apply\\_patch {DOCUMENT}",
    "quotes in the name": f"'apply'_patch {DOCUMENT}",
    "name put together": f"a=apply; ${{a}}_patch {DOCUMENT}",
    "path": f"/home/p/.codex/tmp/arg0/x/apply_patch {DOCUMENT}",
    "sh -c": f"sh -c \"apply_patch <<'EOF'\n{PATCH}\nEOF\"",
    "sh -c of words": f"sh -c 'apply_patch \"$1\"' x '{PATCH}'",
    "shell that reads a document": f"bash <<'X'\napply_patch {DOCUMENT}\nX",
    "shell that is fed": f"echo \"apply_patch '{PATCH}'\" | sh",
    "eval": f"eval \"apply_patch '{PATCH}'\"",
    "env": f"env A=1 apply_patch {DOCUMENT}",
    "timeout": f"timeout 5 apply_patch '{PATCH}'",
    "exec": f"exec apply_patch '{PATCH}'",
    "command": f"command apply_patch '{PATCH}'",
    "xargs": f"printf '{WRITTEN}' | xargs -0 apply_patch",
    "group": f"{{ apply_patch; }} {DOCUMENT}",
    "function": f"f() {{ apply_patch \"$1\"; }}; f '{PATCH}'",
    "function that is not called": f"f() {{ apply_patch; }}; apply_patch {DOCUMENT}",
    "both ways": f"apply_patch {DOCUMENT}\napply_patch '{PATCH}'",
    "process substitution": f"tee >(apply_patch) {DOCUMENT}",
    "either of two": f"P='{PATCH}'; for P in '{PATCH}'; do apply_patch \"$P\"; done",
    "option of the client": f"/opt/codex --codex-run-as-apply-patch '{PATCH}'",
    "option of a copy": f"./other --codex-run-as-apply-patch '{PATCH}'",
    "option of a program that reads": f"./grep --codex-run-as-apply-patch '{PATCH}'",
    "option in sh -c": f"sh -c 'codex --codex-run-as-apply-patch \"$1\"' x '{PATCH}'",
    "option by npx": f"npx @openai/codex --codex-run-as-apply-patch '{PATCH}'",
    "option by node": f"node codex.js --codex-run-as-apply-patch '{PATCH}'",
}  # fmt: skip


@pytest.mark.parametrize("command", READ.values(), ids=READ.keys())
def test_patch_that_can_be_read_is_judged(command: str) -> None:
    """A rule on the path of its file sees that file, by whichever way the patch comes."""
    calls, refused = asked(command)
    assert refused == []
    assert {(one.tool, one.native, one.own["path"]) for one in calls} == {
        ("delete", "apply_patch", ".codex/hooks.json")
    }
    assert {one.cwd for one in calls} == {"/p"}


UNKNOWN = {
    "file": "apply_patch < p.patch",
    "file over a document": f"apply_patch <<'EOF' < p\n{PATCH}\nEOF",
    "file that is printed": "cat p | apply_patch",
    "file that is substituted": 'apply_patch "$(cat p)"',
    "file that a variable is read from": "read -r -d '' P < p; apply_patch \"$P\"",
    "file of xargs": "xargs -0 -a p apply_patch",
    "file that the line has written": f"printf '%s' '{GOOD}' > p; ./x; apply_patch < p",
    "the same, read": f"printf '%s' '{GOOD}' > p; ./x; read -rd '' P < p; apply_patch \"$P\"",
    "the same, substituted": f"printf '%s' '{GOOD}' > p; ./x; apply_patch \"$(cat p)\"",
    "document over a file": f"apply_patch < p {DOCUMENT}",
    "content that is not known": f"apply_patch <<EOF\n{BODY.format('a')}\n+cost $5\nEOF",
    "input of another one": f"at now <<< apply_patch\napply_patch {DOCUMENT}",
    "program that is not known": f"$X '{GOOD}'",
    "found files": "find . -name '*.patch' -exec apply_patch {} \\;",
    "program": "./make-patch | apply_patch",
    "nothing": "apply_patch",
    "input of a shell": "bash -c apply_patch < p",
    "variable": 'apply_patch "$P"',
    "part of a document": "apply_patch <<EOF\n*** Begin Patch\n*** Delete File: $X\nEOF",
    "home in a path": "apply_patch <<EOF\n*** Begin Patch\n*** Delete File: $HOME/x\nEOF",
    "several words": f"apply_patch '{GOOD}' more",
    "part of a name": "${X}_patch < p",
    "pattern of a name": f"~/.codex/tmp/arg0/*/app* '{GOOD}'",
    "line that is not known": f"$X; apply_patch '{GOOD}'",
    "name in what is not known": "$X apply_patch < p",
    "name put together in what is not known": 'N=PATCH.EXE; $X; "APPLY_$N" < p',
    "part of a name in capitals": "APPLY_$X < p",
    "behind what is read of a line": f": {'x' * TEXT_MAX}; apply_patch < p",
    "shell that is not known": "echo 'apply_patch < p' | $SHELL",
    "script": "./run.sh apply_patch < p",
    "script of the project": "npm run patch -- apply_patch",
    "code": "python3 -c 'f = \"apply_patch\"; go(f)'",
    "program nobody lists": f"wrap apply_patch '{GOOD}'",
    "python": 'python3 -c \'import subprocess as s; s.run(["apply_patch", open("p").read()])\'',
    "function that is called by itself": "command_not_found_handle() { apply_patch <p; }; nosuch",
    "function of a trap": "TRAPEXIT() { apply_patch < p; }; ls",
    "option without a known patch": 'codex --codex-run-as-apply-patch "$(cat p)"',
    "option without a patch": "codex --codex-run-as-apply-patch",
    "word that may be the option": f"codex $X '{GOOD}'",
    "sub-command": "codex apply 1",
    "short sub-command": "codex -c a=b a 1",
    "sub-command of the cloud": "codex cloud apply 1",
    "sub-command by npx": "npx codex apply 1",
    "name given by exec": f"exec -a apply_patch codex '{GOOD}'",
    "name given by exec to a copy": "exec -ca apply_patch ./other x",
    "name given by env": "env --argv0=apply_patch ./other x",
    "name given by zsh": "ARGV0=apply_patch ./other x",
    "name that is not known": f"exec -a \"$X\" codex '{GOOD}'",
}


@pytest.mark.parametrize("command", UNKNOWN.values(), ids=UNKNOWN.keys())
def test_patch_that_cannot_be_read_is_refused(command: str) -> None:
    """Nobody can say what it changes, and the reason says what to do instead."""
    calls, refused = asked(command)
    assert refused == [UNSEEN]
    assert [(one.tool, one.native, one.own) for one in calls] == [("other", "apply_patch", {})]
    assert "call the tool `apply_patch`" in UNSEEN


@pytest.mark.parametrize("line", ["select id from t", "all=(1 2)", "${all[1]}"])
def test_what_stands_in_a_patch_is_no_command(line: str) -> None:
    """A line that begins with its patch is certain, whatever the patch says."""
    patch = f"*** Begin Patch\n*** Add File: a\n+{line}\n*** End Patch"
    calls, refused = asked(f"apply_patch <<'EOF'\n{patch}\nEOF")
    assert refused == []
    assert [(one.tool, one.own["path"]) for one in calls] == [("write", "a")]


UNCERTAIN = {
    "variable that cannot be set": f"readonly P=$'{WRITTEN}'; P='{GOOD}'; apply_patch \"$P\"",
    "variable set in a pipe": f"P=$'{ESCAPED}'; true | P=$'{WRITTEN}'; apply_patch \"$P\"",
    "variable read in a pipe": f"P='{GOOD}'; printf '{WRITTEN}' | read P; apply_patch \"$P\"",
    "variable of a script": f"P='{GOOD}'; . ./x; apply_patch \"$P\"",
    "member of a list": f"P=($'{WRITTEN}' '{GOOD}'); apply_patch \"${{P[1]}}\"",
    "a decoy": f": apply_patch '{GOOD}'; readonly P=$'{WRITTEN}'; P='{GOOD}'; apply_patch \"$P\"",
    "another decoy": f"echo apply_patch <<E >p\n{GOOD}\nE\n./x; read P <p; apply_patch <<<\"$P\"",
    "name that was an alias": f"alias apply_patch=echo\napply_patch '{PATCH}'",
    "name of a function": f"if false; then apply_patch() {{ :; }}; fi; apply_patch '{PATCH}'",
    "name of a function that is gone": f"apply_patch() {{ :; }}; unset -f apply_patch; apply_patch "
                                       f"'{PATCH}'",
    "piece that is left out": "(printf '*** Begin Patch\\n*** Delete File: '; false && printf x; "
                              "printf '.codex/hooks.json\\n*** End Patch') | apply_patch",
    "the same as a word": "apply_patch \"$(printf '*** Begin Patch\\n*** Delete File: '; false && "
                          "printf x; printf 'y\\n*** End Patch')\"",
    "echo of a backslash": "echo '*** Begin Patch\n*** Add File: a\n+x\\n*** Delete File: b\n"
                           "*** End Patch' | apply_patch",
    "document as it is written": "apply_patch <<EOF\n*** Begin Patch\n*** Add File: a\n+$(: '\n"
                                 "*** Delete File: b\n*** Add File: c\n+')\n*** End Patch\nEOF",
    "two documents": f"apply_patch <<'A' <<'B'\n{PATCH}\nA\n{GOOD}\nB",
    "choice of a person": f"P=$'{WRITTEN}'; select P in '{GOOD}'; do break; done\n"
                          "apply_patch \"$P\"",
}  # fmt: skip


@pytest.mark.parametrize("command", UNCERTAIN.values(), ids=UNCERTAIN.keys())
def test_patch_that_shells_read_in_two_ways_is_refused(command: str) -> None:
    """What the line seems to apply need not be what the person's own shell hands over."""
    assert asked(command)[1] == [UNSEEN]


@pytest.mark.parametrize(
    "command",
    [
        "codex --codex-run-as-fs-helper <<< '{}'",
        f"codex --codex-run-as-arg0-exec-helper apply_patch codex '{GOOD}'",
        "codex --codex-run-as-$X y",
        "codex-linux-sandbox -- rm -rf .codex",
        "exec /x/codex-linux-sandbox rm x",
        "./other --codex-run-as-fs-helper < x",
        "./grep --codex-run-as-fs-helper < x",
        "codex sandbox -c 'sandbox_mode=\"danger-full-access\"' rm .codex/hooks.json",
        f"npx codex sandbox -- apply_patch '{GOOD}'",
        "printf '%s' '{}' | /opt/codex app-server",
        "codex exec-server",
    ],
)
def test_client_is_not_started_as_its_own_helper(command: str) -> None:
    """The binary writes files and runs programs by other options and names as well."""
    assert asked(command)[1] == [INNER]


@pytest.mark.parametrize(
    "command",
    [
        "echo hi # apply_patch *** x",
        f"echo '{PATCH}'",
        f"cat > notes.md <<'EOF'\napply_patch takes this:\n{PATCH}\nEOF",
        "which apply_patch; command -v applypatch",
        "grep -rn apply_patch src; rg 'apply_patch <<' docs",
        "grep -- --codex-run-as-apply-patch x",
        "git commit -m 'call apply_patch less'",
        "pytest -k apply_patch tests/test_apply_patch.py",
        "python tools/apply_patch.py",
        "chmod +x .git/hooks/applypatch-msg",
        "git apply a.patch; patch -p1 < a.patch",
        "codex sandbox --help; codex --version",
        "codex exec 'use apply_patch'; codex exec \"$(cat prompt)\"",
        "f() { ls; }; f; $X",
        "alias ll='ls -l'; ll",
    ],
)
def test_line_that_applies_no_patch_is_left_alone(command: str) -> None:
    """A line that speaks of patches, or is not known and does not, is what the rules say."""
    assert asked(command) == ([], [])


@pytest.mark.parametrize(
    ("command", "folders"),
    [
        (f"apply_patch '{GOOD}'", ["/p"]),
        (f"cd sub && apply_patch '{GOOD}'", ["/p/sub"]),
        (f"cd sub/.. && apply_patch '{GOOD}'", ["/p/sub/.."]),
        (f"cd sub; apply_patch '{GOOD}'", ["/p/sub", "/p"]),
        (f"cd sub && printf '%s' '{GOOD}' | apply_patch", ["/p/sub", "/p"]),
        (f"cd /q || true; apply_patch '{GOOD}'", ["/q", "/p"]),
        (f"apply_patch '{GOOD}'; cd sub; cd more", ["/p"]),
        (f"(cd sub; ls); apply_patch '{GOOD}'", ["/p", "/p/sub"]),
        (f"env -C sub apply_patch '{GOOD}'", ["/p/sub"]),
    ],
)
def test_patch_is_judged_wherever_it_may_be_applied(command: str, folders: list[str]) -> None:
    """A `cd` that fails leaves the folder as it was, and what follows may run all the same."""
    calls, refused = asked(command)
    assert refused == []
    assert [one.cwd for one in calls] == folders
    assert len({one.call_id for one in calls}) == len(folders)


@pytest.mark.parametrize(
    "before",
    ["cd a; cd b;", "pushd a;", "cd - &&", "cd ~ &&", 'cd "$X";', "CDPATH=/q; cd a;", "cd a b;"],
)
def test_patch_in_an_unknown_folder_is_refused(before: str) -> None:
    """Its relative paths could be any; absolute ones are judged."""
    assert asked(f"{before} apply_patch '{GOOD}'")[1] == [ADRIFT]
    calls, refused = asked(f"{before} apply_patch '{BODY.format('/q/x')}'")
    assert refused == []
    assert [(one.cwd, one.own["path"]) for one in calls] == [(None, "/q/x")]


def test_walking_programs_choose_the_folder() -> None:
    """`find -execdir` runs a program where it found something."""
    command = f"find . -execdir apply_patch '{GOOD}' \\;"
    assert asked(command)[1] == [ADRIFT]


def test_call_without_a_folder() -> None:
    """Where the payload says no folder a relative path could be any, and `cd /x` is one."""
    assert asked(f"apply_patch '{GOOD}'", None)[1] == [ADRIFT]
    assert asked(f"cd sub && apply_patch '{GOOD}'", None)[1] == [ADRIFT]
    assert [one.cwd for one in asked(f"cd /q && apply_patch '{GOOD}'", None)[0]] == ["/q"]


def test_bounds() -> None:
    """Programs, files and calls of one line are counted, over all its patches."""
    one = f"apply_patch '{GOOD}'\n"
    assert asked(one * PROGRAMS_MAX)[1] == []
    assert asked(one * (PROGRAMS_MAX + 1))[1] == [UNREAD]

    def adding(first: int, count: int) -> str:
        files = "".join(f"*** Add File: {at}\n+x\n" for at in range(first, first + count))
        return f"apply_patch '*** Begin Patch\n{files}*** End Patch'\n"

    half = FILES_MAX // 2
    assert len(asked(adding(0, half) + adding(half, half))[0]) == FILES_MAX
    assert asked(adding(0, half) + adding(half, half + 1))[1] == [UNREAD]
    assert len(asked(f"cd a; {adding(0, FILES_MAX)}")[0]) == CALLS_MAX
    several = "".join(f"env -C a{at} {adding(0, FILES_MAX)}" for at in range(3))
    assert asked(several)[1] == [UNREAD]


def test_patch_without_a_known_header_is_refused_as_ever() -> None:
    """The patch is known and what it does is not."""
    assert asked("apply_patch '*** Begin Patch\n*** Rewrite File: a\n*** End Patch'")[1] == [UNREAD]
    assert asked("apply_patch x")[1] == [UNREAD]


def test_client_is_told_why() -> None:
    """The reason stands at the call that is asked about, and what was refused is on record."""
    values = {"session_id": "01a2", "cwd": "/p", "tool_name": "Bash", "tool_use_id": "c1"}
    command = {"tool_input": {"command": "apply_patch < p"}}
    for event, refused in (("PreToolUse", [(), (UNSEEN,)]), ("PostToolUse", [(), ()])):
        made = translate(Payload(event, values | command | {"hook_event_name": event})).commands
        assert [one.refused for one in made] == refused
        assert [one.call.tool for one in made if one.call] == ["shell", "other"]


def test_headers_are_found_wherever_they_stand() -> None:
    """Also behind blanks, in a patch that never began."""
    assert paths_in(f"x\n  *** Update File: a b \r\n*** Move to: c\n {GOOD}\n+*** Add File: d") == {
        "a b",
        "c",
        "good",
    }
