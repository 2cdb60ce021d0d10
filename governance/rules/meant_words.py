"""
Words by which names of foreign tools and of their arguments are read; see `governance.rules.meant`.

All are lower case, and parts of names: ``createOrUpdateFile`` has ``create``, ``or``, ``update``
and ``file``.
"""

from __future__ import annotations

from collections.abc import Mapping


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


READS = _set(
    "read get open load cat head tail show view describe analyze analyse inspect check lint "
    "validate parse diff blame log query fetch summarize navigate browse hover "
    "definition references diagnostics symbols status watch compare lookup"
)
STATING = _set("get show describe status")
LISTS = _set("list ls tree stat info exists directory glob")
SEARCHES = _set("search grep find rg")
WRITES = _set(
    "write edit create update save put append patch replace insert set modify upload store touch "
    "make mkdir symlink link chmod chown format fix apply generate add export extract unzip "
    "restore sync overwrite post convert download screenshot capture record pdf"
)
REMOVES = _set("delete remove rm rmdir unlink trash erase purge clear destroy")
MOVES = _set("move rename mv")
COPIES = _set("copy cp duplicate")

TOLD = READS | LISTS | SEARCHES | WRITES | REMOVES | MOVES | COPIES

PATHS = _set(
    "path paths file files filename filenames filepath filepaths pathname dir directory folder "
    "notebook"
)
PLACES = _set("source src from destination dest dst to target output out input old new")
SOURCES = _set("source src from old origin input")
TARGETS = _set("destination dest dst to new output out")
ADDRESSES = _set("url urls uri uris href link endpoint address website page")
BARE_ADDRESSES = _set("url urls uri uris href endpoint website address")
"""Arguments whose value is an address even without its scheme."""

CONTENTS = _set(
    "content contents text data body value newtext newstring newstr newsource filetext string str "
    "source_code insert replacement lines payload"
)
COMMANDS = _set("command cmd commandline cmdline commands cmds shellcommand bash")
COMMANDS_ALONE = _set("run exec shell sh zsh powershell")
"""Words that say what is to be run where they are all that an argument is called."""

NO_COMMANDS = _set(
    "id ids name names description timeout type kind count index status title version format help "
    "prefix comment summary limit ms seconds cwd dir directory path url"
)
"""What an argument of a command is called that is no command itself."""

PROGRAMS = ("program", "executable", "exe", "bin", "binary")
ARGUMENTS = ("args", "arguments", "argv", "parameters", "params")
CODE_KEYS = _set("code script source snippet")
STATEMENTS = _set("sql statement statements")
LANGUAGE_KEYS = _set("language lang runtime interpreter kernel engine")
HOSTS = ("host", "hostname", "domain")
SEVERAL = _set("paths files filenames filepaths")
GIT_COMMANDS = _set("push reset clean checkout switch restore branch rebase merge stash tag")
RUNS = _set("run execute exec eval evaluate interpret")
FETCHES = _set("fetch navigate browse browser request download scrape crawl visit goto http curl")
FOLDERS = _set("cwd workdir workingdirectory workingdir workdirectory")
VERBS = _set("op operation action mode method command type kind")
PATTERNS = _set("pattern query regex search text")
PROSE = _set(
    "content contents text body message query pattern regex prompt description title reason "
    "comment code sql statement branch ref sha tag version summary"
)
DATABASES = _set(
    "sql postgres postgresql pg mysql mariadb sqlite db database duckdb supabase migration neon "
    "bigquery snowflake redshift clickhouse cockroach oracle mssql turso libsql"
)
TERMINALS = _set("terminal tmux iterm pty shell console ssh process")
TYPED = _set("text input keys data line lines")
LANGUAGES: Mapping[str, str] = {
    "python": "python3 -c", "py": "python3 -c", "ipython": "python3 -c", "jupyter": "python3 -c",
    "ide": "python3 -c", "node": "node -e", "javascript": "node -e", "js": "node -e",
    "deno": "deno eval", "ruby": "ruby -e", "perl": "perl -e", "bash": "bash -c",
    "shell": "bash -c", "sh": "bash -c",
}  # fmt: skip
