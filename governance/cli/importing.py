"""`import`: rules of other systems, made into a pack that passes the checks."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath

import click

from governance.authoring.subjects import text_of
from governance.cli.frame import (
    FINE,
    FOUND,
    Example,
    command,
    file_error,
    format_option,
)
from governance.cli.host_tables import TOOLS
from governance.cli.output import (
    diagnostic_json,
    print_diagnostics,
    print_json,
    print_line,
    visible,
)
from governance.cli.own_files import require_other
from governance.errors import DefinitionError, Diagnostic, number_of
from governance.importing.packing import import_sources
from governance.importing.values import FORMATS, Entry, Source
from governance.rules.drafting import KEBAB
from governance.rules.vocabulary import default_vocabulary
from governance.values import Json

FILES_MAX = 500

_ENDINGS: Mapping[str, str] = {
    ".json": "claude-code",
    ".toml": "gemini-cli",
    ".rules": "codex",
    ".codexpolicy": "codex",
    ".md": "hookify",
    ".yaml": "idumb",
    ".yml": "idumb",
}
"""How the name of a file ends → the format that it is taken for."""


@command(
    "import",
    examples=[
        Example(
            "governance import .claude/settings.json -o team.toml",
            "The permission rules of Claude Code, as a pack.",
        ),
        Example(
            "governance import --from codex default.rules --name team",
            "Prefix rules of Codex; the pack is printed.",
        ),
        Example(
            "governance import .claude/hookify.no-rm.local.md --format json",
            "A hookify file, and what became of it, for a program.",
        ),
        Example(
            "governance import .claude/settings.json --allow",
            "For a project that lets nothing be by default.",
        ),
    ],
    exits="0 all was carried, 1 something was not (each with its line), 2 a file cannot be read",
)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE…")
@click.option(
    "--from",
    "format_of_files",
    type=click.Choice(FORMATS),
    default=None,
    help="What the files are.  [default: as their names end]",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=None,
    help="Write the pack to this file, which must not be there yet.  [default: print it]",
)
@click.option("--name", default=None, help="The name of the pack.  [default: as the file's]")
@click.option(
    "--allow",
    "carries_allow",
    is_flag=True,
    help="Carry what lets be as well, for a project whose `[defaults] tool` is ask or deny.",
)
@format_option()
def import_rules(
    files: tuple[Path, ...],
    format_of_files: str | None,
    output: Path | None,
    name: str | None,
    carries_allow: bool,
    format_name: str,
) -> int:
    """
    Read the rules of another system and make a pack of them.

    FILE is a settings file of Claude Code (.json), a policy of Gemini CLI (.toml), prefix
    rules of Codex (.rules), a rule of hookify (.md), or deny rules in the manner of iDumb
    (.yaml). Nothing in them is run. Every rule of the pack has examples, and the pack passes
    `governance check`.

    What could not be carried is told line by line with the reason, and so is where a rule
    reaches further, or less far, than it did. Nothing is guessed: an entry that is not
    understood is left out and named.
    """
    if len(files) > FILES_MAX:
        raise click.UsageError(f"at most {FILES_MAX} files are imported at once")
    sources = _sources(files, format_of_files)
    found = import_sources(
        sources,
        default_vocabulary(*TOOLS.values()),
        name=_name(name, output, [one for _, one in sources]),
        carries_allow=carries_allow,
    )
    if output is not None and found.text:
        _write(output, found.text)
    if format_name == "json":
        print_json(
            {
                "ok": found.whole,
                "pack": found.text,
                "file": str(output) if output is not None and found.text else "",
                "carried": [_carried_json(key, one) for key, one in found.carried.items()],
                "diagnostics": [diagnostic_json(one) for one in found.diagnostics],
            }
        )
        return FINE if found.whole else FOUND
    if output is None and found.text:
        # Into a file it goes as it is; a terminal is shown what would act on it.
        sys.stdout.write(visible(found.text) if sys.stdout.isatty() else found.text)
    print_diagnostics(found.diagnostics, stderr=True)
    left = sum(one.code == "GOV672" for one in found.diagnostics)
    print_line(
        f"{number_of(len(found.carried), 'rule')} carried, {left} left out",
        "wary" if left else "good",
        stderr=True,
    )
    return FINE if found.whole else FOUND


def _carried_json(name: str, entry: Entry) -> Json:
    return {"rule": name, "file": entry.file, "line": entry.line, "source": entry.text}


def _sources(files: Sequence[Path], format_of_files: str | None) -> list[tuple[Source, str]]:
    """
    Each file with its format.

    Raises:
        DefinitionError: GOV671, a file whose format its name does not tell; GOV610.
    """
    made: list[tuple[Source, str]] = []
    unclear: list[Diagnostic] = []
    for file in dict.fromkeys(files):
        format_of_file = format_of_files or _ENDINGS.get(file.suffix.lower())
        if format_of_file is None:
            endings = ", ".join(_ENDINGS)
            message = f"what `{file}` is cannot be told from its name; known are {endings}"
            mend = f"say it: `--from {'|'.join(FORMATS)}`"
            unclear.append(Diagnostic("GOV671", message, str(file), suggestion=mend))
            continue
        made.append((Source(str(file), text_of(file)), format_of_file))
    if unclear:
        raise DefinitionError(tuple(unclear))
    return made


def _name(name: str | None, output: Path | None, formats: Sequence[str]) -> str:
    if name is not None:
        if not KEBAB.fullmatch(name) or len(name) > 64:
            raise click.BadParameter(
                f"`{name[:64]}` is no name of a pack; write it like `git-safety`",
                param_hint="--name",
            )
        return name
    stem = "-".join(re.findall(r"[a-z0-9]+", PurePath(output or "").stem.lower()))
    one = formats[0] if len(set(formats)) == 1 else "rules"
    return stem[:64].strip("-") or f"imported-{one}"


def _write(output: Path, text: str) -> None:
    require_other(output, "pack")
    try:
        with output.open("x", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
    except FileExistsError:
        message = f"`{output}` is there already, and an import writes over nothing"
        mend = "take another name, or remove the file"
        raise DefinitionError(
            (Diagnostic("GOV674", message, str(output), suggestion=mend),)
        ) from None
    except OSError as error:
        raise file_error(output, error) from None


COMMANDS = {"import": import_rules}
