"""`rule` and `schema`: what helps an author to write a pack."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from governance.authoring.beside import beside_project
from governance.authoring.skeletons import ACTIONS, Wish, with_rule
from governance.authoring.subjects import config_around, settings_alone, vocabulary
from governance.cli.checking import print_beside
from governance.cli.files import write_file
from governance.cli.frame import FINE, Example, command, file_error
from governance.cli.output import print_diagnostics, print_json, print_line
from governance.cli.own_files import require_other
from governance.cli.progress import working
from governance.errors import ERROR, DefinitionError, Diagnostic
from governance.project import FILE_BYTES_MAX, plain_file
from governance.rules.format import SEVERITIES
from governance.rules.sources import PackSource

CODES: Mapping[str, str] = {"GOV638": "a rule that cannot be added to a file"}


@command(
    "rule",
    examples=[
        Example(
            "governance rule new team.deploy --pack team.toml --command 'make deploy'",
            "A rule on a command; the file is made when it is not there.",
        ),
        Example(
            "governance rule new team.generated --pack team.toml --path 'gen/**' --action warn",
            "A rule on what is written.",
        ),
        Example(
            "governance rule new team.mirror --pack team.toml --domain '*.example.com'",
            "A rule on addresses.",
        ),
        Example(
            "governance rule new team.keys --pack team.toml --tool write "
            "--content 'PRIVATE KEY' --severity high --message 'Keys stay out of files.'",
            "By what is written, with words of your own.",
        ),
    ],
    exits="0 written, 2 nothing was written",
)
@click.argument("what", type=click.Choice(["new"]))
@click.argument("ident", metavar="ID")
@click.option(
    "--pack",
    "file",
    type=click.Path(path_type=Path),
    required=True,
    help="The file that the rule is added to, or that is made.",
)
@click.option(
    "--action",
    type=click.Choice(ACTIONS),
    default="deny",
    show_default=True,
    help="What follows.",
)
@click.option("--tool", "tools", multiple=True, help="A tool or a set; may be given again.")
@click.option("--command", "command_line", default="", help="How the command line begins.")
@click.option("--path", default="", help="A glob of paths, such as `gen/**`.")
@click.option("--domain", "domains", multiple=True, help="A host, or `*.example.com`.")
@click.option("--content", default="", help="What the written text holds.")
@click.option("--message", default="", help="What the model reads.  [default: made up]")
@click.option("--severity", type=click.Choice(SEVERITIES), help="For the ledger.")
def rule(
    what: str,
    ident: str,
    file: Path,
    action: str,
    tools: tuple[str, ...],
    command_line: str,
    path: str,
    domains: tuple[str, ...],
    content: str,
    message: str,
    severity: str | None,
) -> int:
    """
    Write a new rule into a pack, right as it stands, with examples that hold.

    ID is `group.name`. What the options ask for becomes matchers; examples of what matches
    and what does not are made up beside them, for you to add your own. The text that is
    there stays as it is, and nothing is written unless the whole pack passes the checker, alone
    and beside the packs of the project that it lies in.
    """
    assert what == "new"  # INVARIANT: there is no other word
    wish = Wish(
        id=ident,
        action=action,
        tools=tools,
        command=command_line.strip(),
        path=path,
        domains=domains,
        content=content,
        message=message,
        severity=severity or "",
    )
    if not (tools or wish.command or path or domains or content):
        raise click.UsageError("say what it is about: --tool, --command, --path, --domain …")
    if wish.command and (path or domains or content):
        raise click.UsageError("--command stands alone: a shell call has no other facts")
    require_other(file, "pack")
    before = _read(file)
    settings = settings_alone(config_around(file.absolute()))
    with working(f"adding to {file}"):
        made = with_rule(before or "", str(file), wish, vocabulary(), settings)
        beside = beside_project([PackSource("", made, str(file))], file.absolute())
    errors = [one for one in beside.diagnostics if one.severity == ERROR] if beside else []
    if errors:
        raise DefinitionError(tuple(errors))
    _write(file, made)
    print_line(f"{ident} stands in {file}" + (", a new pack" if before is None else ""), "good")
    if beside is not None:
        print_diagnostics(beside.diagnostics)
        print_beside(beside)
    print_line(f"add examples of your own, then: governance test {file} --coverage", "quiet")
    return FINE


def _read(file: Path) -> str | None:
    """The text of *file*, its line ends as they are; ``None`` when there is no such file."""
    try:
        with open(file, "rb", opener=plain_file) as stream:
            text = stream.read(FILE_BYTES_MAX + 1)
        if len(text) > FILE_BYTES_MAX:
            raise _cannot(file, f"has more than {FILE_BYTES_MAX} bytes", "begin another pack")
        return text.decode("utf-8")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        raise _cannot(file, "is no UTF-8", "save it as UTF-8") from None
    except OSError as error:
        raise file_error(file, error) from None


def _cannot(file: Path, why: str, mend: str) -> DefinitionError:
    message = f"`{file}` {why}"
    return DefinitionError((Diagnostic("GOV638", message, file=str(file), suggestion=mend),))


def _write(file: Path, text: str) -> None:
    """Put *text* in place of *file* whole: an interruption leaves the old one."""
    mode = file.stat().st_mode & 0o777 if file.exists() else 0o644
    if not mode & 0o200:
        raise _cannot(file, "may not be written", f"`chmod u+w {file}`, or begin another pack")
    write_file(file, text.encode(), mode, what="pack")


@command(
    "schema",
    examples=[
        Example("governance schema > pack.schema.json", "For packs."),
        Example("governance schema scenario > scenario.schema.json", "For files of scenarios."),
    ],
)
@click.argument("which", type=click.Choice(["pack", "scenario"]), default="pack")
def schema(which: str) -> int:
    """
    Print the JSON Schema of packs, or of files of scenarios.

    An editor that knows TOML completes keys by it, and marks what is no key and no value
    while it is typed. It holds the form alone; what a rule means, `governance check` looks
    at.
    """
    from governance.authoring.schema import schema_of

    print_json(schema_of("scenario" if which == "scenario" else "pack"))
    return FINE


COMMANDS = {"rule": rule, "schema": schema}
