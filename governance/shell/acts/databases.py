"""
Clients of databases: the statements that they are given, and what runs or is written by them.
"""

from __future__ import annotations

import re
from typing import Final

from governance.shell.draft import Draft
from governance.shell.statements import statements
from governance.shell.values import HOLE, Word

_PSQL_META: Final = re.compile(r"(?m)(?:^|;)[ \t]*\\(!|i|ir|o|copy|g)\s+([^\n]+)")
_COPY: Final = re.compile(r"(?i)\bcopy\b[^;]{0,300}?\b(to|from)\s+(program\s+)?'([^']{1,500})'")
_OUTFILE: Final = re.compile(r"(?i)\binto\s+(?:outfile|dumpfile)\s+['\"]([^'\"]+)['\"]")
_INFILE: Final = re.compile(r"(?i)\b(?:load_file\s*\(|infile)\s*['\"]([^'\"]+)['\"]")
_MYSQL_RUN: Final = re.compile(r"(?m)(?:^|;)[ \t]*(?:\\!|system)\s+([^\n;]+)")
_SQLITE_META: Final = re.compile(
    r"(?m)^[ \t]*\.(shell|system|read|output|once|import|backup|save|open|log|restore|load)"
    r"\s+([^\n]+)"
)
_READING: Final = re.compile(
    r"(?is)\s*(?:select|pragma\s+\w+\s*;?\s*$|explain|with"
    r"|\.(?:schema|tables|dump|indexes|headers|mode|help|databases|dbinfo))\b"
)
_SERVER: Final = re.compile(r"(?:^|[\s;])host(?:addr)?=([^\s;]+)")


def stdin(draft: Draft) -> None:
    """What is piped in is told to the server, and so is what a file holds."""
    for file in draft.value("--file", "--queries-file", "-i"):
        held = draft.held(file)
        if held is not None:
            draft.code.append(held)
        elif file != "-":
            _unread(draft, file)
    text = draft.stdin_text
    if text is not None:
        draft.code.append(text)
    elif draft.stdin_file is not None:
        _unread(draft, draft.stdin_file)
    elif draft.piped and not (draft.code or draft.value("--file")):
        draft.code.append(Word(HOLE))


def _unread(draft: Draft, file: Word) -> None:
    draft.blind("script", f"what `{file[-60:]}` tells the server is not looked at")


def sql(draft: Draft) -> None:
    """A client that is told SQL: each statement is a code of its own."""
    if draft.program == "cypher-shell":
        draft.code += [Word(draft.subcommand), *draft.words] if draft.subcommand else draft.words
    stdin(draft)
    draft.code = [one for text in draft.code for one in statements(text)]


def _connection(draft: Draft, words: list[Word]) -> None:
    for one in words:
        if "://" in one:
            draft.talk(one)
        else:
            for host in _SERVER.findall(one):
                draft.talk(*host.split(","))


def postgres(draft: Draft) -> None:
    """`psql -c statement`, `psql url < file`; `\\!` runs, `\\copy` and `COPY` touch files."""
    _connection(draft, [*draft.words, *draft.value("--dbname")])
    sql(draft)
    for text in draft.code:
        for kind, rest in _PSQL_META.findall(text):
            if kind == "!":
                draft.run_text(rest)
            elif kind in {"i", "ir"}:
                draft.read(Word(rest.strip()))
            elif kind in {"o", "g"}:
                if rest.startswith("|"):
                    draft.run_text(rest[1:])
                else:
                    draft.write(Word(rest.strip()))
            else:
                found = re.search(r"(?i)\b(to|from)\s+(program\s+)?'?([^\s';]+)", rest)
                if found is not None:
                    _copied(draft, found[1], found[2], found[3])
        for _, program, target in _COPY.findall(text):
            if program:
                draft.run_text(target, cwd=Word(HOLE))


def _copied(draft: Draft, way: str, program: str, target: str) -> None:
    if program:
        draft.run_text(target)
    elif target.lower() in {"stdin", "stdout", "pstdin", "pstdout"}:
        return
    elif way.lower() == "to":
        draft.write(Word(target))
    else:
        draft.read(Word(target))


def mysql(draft: Draft) -> None:
    """`mysql -e statement`, `mysql < file`."""
    sql(draft)
    for text in draft.code:
        for command in _MYSQL_RUN.findall(text):
            draft.run_text(command)
        draft.write(*(Word(one) for one in _OUTFILE.findall(text)))
        draft.read(*(Word(one) for one in _INFILE.findall(text)))
        for path in re.findall(r"(?m)^[ \t]*(?:source|\\\.)\s+([^\n;]+)", text):
            draft.read(Word(path))


def dump(draft: Draft) -> None:
    """`pg_dump url`."""
    _connection(draft, [*draft.words, *draft.value("--dbname")])


def sqlite(draft: Draft) -> None:
    """`sqlite3 file statement`; `.shell` runs, `.output` writes."""
    words = draft.words
    readonly = draft.has("-readonly")
    draft.words = words[:1]
    draft.code += words[1:]
    sql(draft)
    for one in words[:1]:
        if one not in {":memory:", ""}:
            draft.read(one)
            changes = any(not _only_reads(text) for text in draft.code) or not draft.code
            if not readonly and changes:
                draft.write(one)
    for text in draft.code:
        for kind, rest in _SQLITE_META.findall(text):
            target = rest.strip().strip("'\"")
            if kind in {"shell", "system"}:
                draft.run_text(rest)
            elif kind in {"output", "once", "backup", "save", "log"}:
                if target.startswith("|"):
                    draft.run_text(target[1:])
                else:
                    draft.write(Word(target.split()[-1] if target else ""))
            else:
                draft.read(Word(target.split()[0] if target else ""))


def _only_reads(text: str) -> bool:
    return _READING.match(text) is not None


def redis(draft: Draft) -> None:
    """`redis-cli -h host FLUSHALL`: the words are one command; more come through a pipe."""
    for one in draft.value("-h", "-u"):
        draft.talk(one)
    if draft.words:
        draft.code.append(Word(" ".join(draft.words)))
        if not draft.has("-x"):
            return
    if not draft.has("-x"):
        stdin(draft)
        draft.code = [Word(line) for one in draft.code for line in one.splitlines() if line.strip()]


def mongo(draft: Draft) -> None:
    """`mongosh url --eval text`, `mongosh file.js`."""
    for one in draft.words:
        if one.endswith((".js", ".mongodb")):
            draft.read(one)
            draft.blind("script", f"what `{one[-60:]}` does is not looked at")
        elif "://" in one or "/" in one:
            draft.talk(one)
    if not draft.value("--eval"):
        stdin(draft)


def cassandra(draft: Draft) -> None:
    """`cqlsh host -e statement`."""
    draft.talk(*draft.words[:1])
    sql(draft)


def oracle(draft: Draft) -> None:
    """`sqlplus user/password@host @file`."""
    for one in draft.words:
        if one.startswith("@"):
            draft.read(Word(one[1:]))
        elif "@" in one:
            draft.talk(one.rpartition("@")[2].lstrip("/"))
    sql(draft)
    for text in draft.code:
        for command in re.findall(r"(?im)^[ \t]*(?:host|!)\s+([^\n]+)", text):
            draft.run_text(command)


def operand(draft: Draft) -> None:
    """`bq query 'statement'`."""
    draft.code += draft.words
    sql(draft)


def migration(draft: Draft) -> None:
    """`prisma db push`, `rails db:drop`, `flask db upgrade`: the project's own scripts run."""
    draft.blind("script", f"the project decides what `{draft.program}` runs")
    if draft.subcommand in {"runner", "r"}:
        # Loaded only for a line that has such a text.
        from governance.shell.codes import understand_code

        for one in draft.words:
            understand_code(draft, "ruby", one)
    elif draft.program == "flask" and draft.subcommand == "shell" and draft.stdin_text is not None:
        from governance.shell.codes import understand_code

        understand_code(draft, "python", draft.stdin_text)
    if draft.has("--stdin") or draft.subcommand in {"dbconsole", "db"}:
        sql(draft)
    elif draft.subcommand in {"console", "c", "shell"}:
        stdin(draft)
