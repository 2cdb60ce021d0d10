"""
Code in other languages, understood in parts: calls that run, read, write, remove or connect.

The tables name calls that a short text is likely to use. What they do not name is not seen,
so every such text is opaque as ``code`` as well.
"""

from __future__ import annotations

import re
from typing import Final

from attrs import frozen

from governance.shell.draft import Draft
from governance.shell.expressions import Source, Value
from governance.shell.hosts import urls_in
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


_TABLES: Final = {
    "python": """
shell: os.system os.popen subprocess.getoutput subprocess.getstatusoutput commands.getoutput asyncio.create_subprocess_shell system popen getoutput
run: subprocess.run subprocess.call subprocess.check_call subprocess.check_output subprocess.Popen Popen check_output check_call sp.run sp.call sp.Popen sp.check_output run call
argv: asyncio.create_subprocess_exec
exec: os.execl os.execlp os.execle os.execlpe os.execv os.execvp os.execve os.execvpe os.posix_spawn os.posix_spawnp execv execvp execve
spawn: os.spawnl os.spawnlp os.spawnv os.spawnvp os.spawnve
pty: pty.spawn
remove: os.remove os.unlink os.rmdir os.removedirs shutil.rmtree rmtree rmdir unlink send2trash
move: os.rename os.replace os.renames shutil.move
copy: shutil.copy shutil.copy2 shutil.copyfile shutil.copytree os.link os.symlink
write: os.makedirs os.mkdir os.chmod os.chown os.truncate os.utime os.mknod os.mkfifo os.lchown shutil.chown sqlite3.connect
open: open io.open codecs.open gzip.open
read: os.listdir os.scandir os.walk os.stat os.path.getsize os.open runpy.run_path
connect: socket.create_connection http.client.HTTPSConnection http.client.HTTPConnection HTTPSConnection HTTPConnection smtplib.SMTP smtplib.SMTP_SSL ftplib.FTP paramiko.connect telnetlib.Telnet
connected: s.connect sock.connect client.connect c.connect
url: requests.get requests.post requests.put requests.delete requests.patch requests.head requests.request httpx.get httpx.post httpx.put httpx.delete urllib.request.urlopen urllib.request.urlretrieve urllib.urlopen urlopen urllib2.urlopen urlretrieve
code: exec eval compile runpy.run_module __import__
""",
    "node": """
shell: exec execSync child_process.exec child_process.execSync cp.exec cp.execSync execaCommand execaCommandSync shell.exec Bun.spawnSync
argv2: spawn spawnSync execFile execFileSync child_process.spawn child_process.spawnSync child_process.execFile child_process.execFileSync cp.spawn cp.spawnSync cp.execFileSync cp.execFile execa execaSync
argvlist: Deno.run Bun.spawn
program: Deno.Command
remove: rm rmSync rmdir rmdirSync unlink unlinkSync fs.rm fs.rmSync fs.rmdir fs.rmdirSync fs.unlink fs.unlinkSync fs.promises.rm fs.promises.unlink fsp.rm fse.remove fse.removeSync fs.remove fs.removeSync fs.emptyDirSync rimraf rimraf.sync rimrafSync Deno.remove Deno.removeSync del deleteSync
move: fs.rename fs.renameSync fs.promises.rename renameSync Deno.rename
copy: fs.copyFile fs.copyFileSync fs.cp fs.cpSync copyFileSync cpSync Deno.copyFile fs.symlinkSync fs.linkSync
write: writeFile writeFileSync appendFile appendFileSync fs.writeFile fs.writeFileSync fs.appendFile fs.appendFileSync fs.promises.writeFile fs.promises.appendFile fs.createWriteStream createWriteStream fs.mkdir fs.mkdirSync mkdirSync fs.chmodSync fs.chmod fs.truncateSync fs.truncate fs.chownSync Deno.writeTextFile Deno.writeTextFileSync Deno.writeFile Deno.mkdir Bun.write
read: readFile readFileSync fs.readFile fs.readFileSync fs.promises.readFile fs.createReadStream createReadStream fs.readdirSync fs.readdir readdirSync Deno.readTextFile Deno.readTextFileSync Deno.readFile Bun.file
required: require
connect2: net.connect net.createConnection net.Socket.connect tls.connect client.connect s.connect sh.connect
url: fetch http.get https.get http.request https.request axios axios.get axios.post axios.put axios.delete got got.post WebSocket
code: eval Function vm.runInNewContext vm.runInThisContext
""",
    "perl": """
argvs: system exec
shell: qx readpipe
remove: unlink rmdir rmtree remove_tree File::Path::rmtree File::Path::remove_tree
move: rename move File::Copy::move
copy: copy File::Copy::copy symlink link
chmod: chmod chown utime
write: mkdir mkpath make_path truncate
perlopen: open
read: opendir require do
connect: IO::Socket::INET->new
url: get getstore LWP::Simple::get HTTP::Tiny->new->get
code: eval
""",
    "ruby": """
argvs: system exec spawn Process.spawn Kernel.system Kernel.exec IO.popen Open3.capture2 Open3.capture2e Open3.capture3 Open3.popen3 Open3.pipeline PTY.spawn
remove: File.delete File.unlink FileUtils.rm FileUtils.rm_f FileUtils.rm_r FileUtils.rm_rf FileUtils.remove FileUtils.remove_dir FileUtils.remove_entry FileUtils.remove_entry_secure FileUtils.rmdir FileUtils.rmtree FileUtils.safe_unlink Dir.rmdir Dir.delete Dir.unlink rm_rf rm_r
move: File.rename FileUtils.mv FileUtils.move
copy: FileUtils.cp FileUtils.cp_r FileUtils.copy FileUtils.ln_s File.symlink
write: File.write IO.write IO.binwrite File.binwrite FileUtils.touch FileUtils.mkdir FileUtils.mkdir_p Dir.mkdir File.truncate FileUtils.chmod_R
chmod: File.chmod FileUtils.chmod FileUtils.chown
open: File.open File.new open Kernel.open
read: File.read IO.read File.readlines IO.readlines File.foreach Dir.entries Dir.children Dir.glob load require_relative IO.binread
connect: TCPSocket.new TCPSocket.open UDPSocket.new Socket.tcp
url: URI.open Net::HTTP.get Net::HTTP.get_response Net::HTTP.post URI.parse URI
code: eval instance_eval class_eval
""",
    "php": """
shell: system exec passthru shell_exec popen proc_open pcntl_exec
remove: unlink rmdir
move: rename
copy: copy symlink link
write: file_put_contents mkdir touch chmod chown chgrp
open: fopen
read: file_get_contents readfile file scandir opendir include require include_once require_once parse_ini_file
connect: fsockopen pfsockopen stream_socket_client
url: curl_init
code: eval assert
""",
    "lua": """
shell: os.execute io.popen
remove: os.remove
move: os.rename
open: io.open
read: dofile loadfile io.lines
connect: socket.connect
code: load loadstring
""",
    "other": """
shell: system shell Sys.command System.cmd os.execute callCommand exec shell-command execSync Runtime.getRuntime().exec :os.cmd os:cmd
remove: file.remove unlink File.rm File.rm! File.rm_rf File.rm_rf! deleteRecursively rm delete-file
write: writeLines writeFile File.write File.write! spit
read: readLines readFile File.read File.read! slurp source
url: download.file readUrl
""",
}
_BARE: Final = frozenset({"perl", "ruby", "other", "lua", "php"})
_languages: dict[str, Language] = {}

_BACKTICKS: Final = re.compile(r"`([^`\n]{1,2000})`|(?:%x|\bqx)\s*[\[({/|!]([^\])}/|!]{1,2000})")
_PATHS: Final = re.compile(r"\(?\s*(?:pathlib\.)?(?:Path|PosixPath)\b|(?<![\w.])[A-Za-z_]\w*(?=\.(?:unlink|rmdir|write_|read_|touch|mkdir|rename|replace|chmod|open|iterdir|r?glob))")  # fmt: skip
_PATH_METHOD: Final = re.compile(r"\s*\)?\s*\.\s*(\w+)\s*\(")
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
    r"(?:exec|eval|compile|loads|Function|system|popen|run|execSync|load|loadstring)\s*\(\s*[^;\n]{0,200}?"
    r"(?:urlopen|urlretrieve|requests\.|httpx\.|urllib|\bfetch\(|\.get\(\s*['\"]https?:|URI\.open"
    r"|Net::HTTP|file_get_contents\(\s*['\"]https?:|LWP|\.recv\(|marshal\.loads|zlib\.decompress)"
)
_WRITES: Final = re.compile(r"[wax+>]")
_SOCKET: Final = re.compile(r"socket|fsockopen|TCPSocket|/dev/tcp/|net\.|IO::Socket")
_REWIRED: Final = re.compile(
    r"dup2|pty\.spawn|\.pipe\(|exec|<&3|proc_open|popen|system|spawn|subprocess|>&"
)
_PAIR: Final = re.compile(r"\.connect(?:_ex)?\s*\(\s*\(?\s*['\"]([^'\"]+)['\"]\s*,\s*\d+")
_PERL_HOST: Final = re.compile(
    r"Peer(?:Addr|Host)\s*=>?\s*['\"]([^'\":]+)|inet_aton\(\s*['\"]([^'\"]+)"
)


def understand_code(draft: Draft, language: str, text: Word | str) -> None:
    """
    Note what *text* in *language* does, as far as the tables know it.

    The text itself is `code` of the command, and the command opaque.
    """
    draft.code.append(Word(text))
    if not text.replace(HOLE, "").strip():
        draft.blind("dynamic", f"the text that {draft.program} runs is put together when it runs")
        return
    draft.blind("code", f"a text of {language} is understood only in parts")
    if _FETCHED.search(text) is not None:
        draft.blind("input", f"{draft.program} runs what it fetches or decodes")
    _look(draft, language, str(text), 0)


def _look(draft: Draft, language: str, text: str, depth: int) -> None:
    known = language if language in _TABLES else "other"
    spoken = _languages.get(known)
    if spoken is None:
        spoken = _languages[known] = _language(_TABLES[known], known in _BARE)
    source = Source(text, known)
    draft.talk(*urls_in(text))
    for count, found in enumerate(spoken.calls.finditer(source.text)):
        if count >= CALLS_MAX:
            draft.blind("bound", f"more than {CALLS_MAX} calls in one text")
            break
        name = re.sub(r"\s*\($|\s+$", "", found[0])
        if known == "python" and _is_method(source.text, found.start(), name):
            continue
        arguments, _ = source.arguments(found.end())
        _effect(draft, language, spoken.effects[name], arguments, depth)
    if known == "python":
        _paths(draft, source)
    else:
        _backticks(draft, source, known)
    _sockets(draft, source.text)


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
    values = [one for one in given if not _keyword(one)]
    if not values and keywords:
        values = [one[1:] for one in keywords[:1] if isinstance(one, list)]
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
            _touch(draft, "write" if ">" in mode else "read", [path])
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
                _touch(draft, "read" if effect == "move" else effect, _words([value]))
                if effect == "move":
                    _touch(draft, "remove", _words([value]))
                    _touch(draft, "write", _words(given[:1]))


def _backticks(draft: Draft, source: Source, language: str) -> None:
    if language in {"perl", "ruby", "php"}:
        for plain, marked in _BACKTICKS.findall(source.text):
            draft.run_text(re.sub(r"#\{[^}]*\}|\$\w+", HOLE, plain or marked), stdin=False)


def _sockets(draft: Draft, text: str) -> None:
    """The other end of a socket; one that a shell is tied to is a wrapper of its own."""
    if _SOCKET.search(text) is None:
        return
    for host in _PAIR.findall(text):
        draft.talk(host)
    for pair in _PERL_HOST.findall(text):
        draft.talk(*(one for one in pair if one))
    if _REWIRED.search(text) is not None and re.search(r"\b(?:ba|z|k|da)?sh\b|cmd\.exe", text):
        draft.flags["socket-shell"] = None
        draft.run([Word("sh"), Word("-i")], stdin=False)
