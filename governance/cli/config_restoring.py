"""What putting a project's configuration back would do: to its files, and to its law."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path

from attrs import evolve

from governance._attrs import frozen
from governance.cli.columns import print_columns
from governance.cli.other_law import rules_by
from governance.cli.output import Tone, print_line, styled
from governance.config import BackupTable, Config, load_config, loosenings, read_config
from governance.engine.backing import backup_folder
from governance.engine.config_files import Change, changes_of
from governance.engine.project_rules import pack_sources
from governance.errors import DefinitionError, MisuseError, number_of
from governance.journal.config_copy import SUFFIX, copies_in, read_copy
from governance.project import CONFIG_NAME, Project
from governance.rules.deciding import RuleSet
from governance.rules.paths import places_of
from governance.values import Json

DIFF_LINES_MAX = 200
"""Lines of difference that are shown of one file."""

RULES_SHOWN = 20

CODES: Mapping[str, str] = {
    "GOV572": "a backup that has no configuration beside it",
    "GOV573": "a restore of configuration that would weaken the law",
}


@frozen
class LawChange:
    """
    What becomes of the law, rule by rule; `weakens`: what was in force would hold no longer.

    A rule that reads otherwise counts as one that may be weaker: nobody but its reader can say.
    """

    added: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    loosened: tuple[str, ...] = ()

    @property
    def weakens(self) -> tuple[str, ...]:
        return (
            *(f"the rule `{one}` is gone" for one in self.gone),
            *(f"the rule `{one}` reads otherwise" for one in self.changed),
            *self.loosened,
        )


@frozen
class ConfigRestore:
    """
    A copy of configuration, as it would be put back.

    Attributes:
        law: ``None``: what is in force now cannot be read, so nothing can be weakened.
    """

    source: Path
    changes: tuple[Change, ...]
    law: LawChange | None

    @property
    def what(self) -> str:
        """What is recorded of it."""
        names = ", ".join(one.file.path for one in self.changes if one.changes)
        return f"the configuration was restored from `{self.source.name}`: {names or 'no change'}"

    def as_json(self) -> dict[str, Json]:
        """As programs read it."""
        law = self.law
        return {
            "source": str(self.source),
            "files": [
                {"path": one.file.path, "what": _verb(one), "diff": _diff(one)}
                for one in self.changes
            ],
            "law": None
            if law is None
            else {
                "added": list(law.added),
                "gone": list(law.gone),
                "changed": list(law.changed),
                "weakens": list(law.weakens),
            },
        }


def readable_config(project: Project) -> Config | None:
    """The configuration of *project* as it is; ``None`` where it is lost or broken."""
    try:
        return load_config(project.directory)
    except DefinitionError:
        return None


def config_source(project: Project, config: Config | None, named: str) -> Path:
    """
    The copy that *named* stands for: a file, a name in the folder of backups, or ``latest``.

    Raises:
        MisuseError: GOV572, there is none.
    """
    default = project.directory / BackupTable().folder
    folder = backup_folder(config) if config is not None else default
    if named == "latest":
        found = copies_in(folder)
        if found:
            return found[0]
    else:
        for one in (Path(named).absolute(), folder / named):
            beside = one if one.suffix == SUFFIX else one.with_suffix(SUFFIX)
            if beside.is_file():
                return beside
    raise MisuseError(
        f"there is no configuration of `{named}`, neither here nor in `{folder}`",
        code="GOV572",
        remedy="`governance backup list` names the backups; older ones have none",
    )


def planned(project: Project, config: Config | None, source: Path) -> ConfigRestore:
    """
    What putting the copy *source* back into *project* would do; nothing is changed.

    Raises:
        DefinitionError: With it the project would have no law at all: every problem of it.
        JournalError: GOV570, the copy cannot be used.
        MisuseError: GOV574, a file of it has no place there.
    """
    changes = changes_of(project, read_copy(source))
    texts = {str(project.directory / one.file.path): one.file.data for one in changes}
    file = str(project.config_file)
    text = texts.get(file)
    if text is None:
        raise MisuseError(
            f"`{source.name}` has no `{CONFIG_NAME}`", code="GOV572", remedy="take another backup"
        )
    uppers = config.uppers if config is not None else ()
    then = read_config(text, file, project.directory, uppers)
    rules = _rules(then, texts)
    return ConfigRestore(source, changes, _compared(config, then, rules))


def _rules(config: Config, instead: Mapping[str, bytes]) -> RuleSet:
    sources = pack_sources(config, instead=instead)
    places = places_of(str(config.directory))
    return rules_by(config, sources, places, project=config.document)


def _compared(now: Config | None, then: Config, rules: RuleSet) -> LawChange | None:
    if now is None:
        return None
    try:
        before = _rules(now, {})
    except DefinitionError:
        return None
    old, new = before.rules, rules.rules
    changed = [
        name
        for name in old.keys() & new.keys()
        # Where it stands in its file is no part of what it says.
        if evolve(old[name], position=0) != evolve(new[name], position=0)
        or before.compiled[name].shadow < rules.compiled[name].shadow
    ]
    milder = sorted(set(loosenings(then)) - set(loosenings(now)))
    exempts = [one for one in then.exempts if one not in now.exempts]
    loosened = [f"`{key}` is milder than it is now" for key in milder]
    loosened += [f"`{one.get('rule')}` is exempted: {one.get('reason')}" for one in exempts]
    return LawChange(
        added=tuple(sorted(new.keys() - old.keys())),
        gone=tuple(sorted(old.keys() - new.keys())),
        changed=tuple(sorted(changed)),
        loosened=tuple(loosened),
    )


def require_strength(plan: ConfigRestore, *, allowed: bool) -> None:
    """
    Return quietly unless *plan* weakens the law and that was not asked for.

    Raises:
        MisuseError: GOV573, with everything that would hold no longer.
    """
    weakens = plan.law.weakens if plan.law is not None else ()
    if weakens and not allowed:
        more = len(weakens) - RULES_SHOWN
        named = "; ".join(weakens[:RULES_SHOWN]) + (f"; and {more} more" if more > 0 else "")
        raise MisuseError(
            f"`{plan.source.name}` would weaken what is in force: {named}",
            code="GOV573",
            remedy="look at it with `--dry-run`; `--allow-weaker` restores it all the same",
        )


def print_plan(plan: ConfigRestore, *, dry_run: bool) -> None:
    """Show *plan* file by file, and rule by rule where the law changes."""
    would = "would be " if dry_run else ""
    print_columns(
        (styled("the same" if not one.changes else f"{would}{_verb(one)}", _tone(one)),
         styled(one.file.path))
        for one in plan.changes
    )  # fmt: skip
    for one in plan.changes:
        if dry_run and one.changes and one.before is not None:
            print_line("")
            print_line(_diff(one))
    if plan.law is None:
        print_line("what is in force now cannot be read, so nothing is compared", "wary")
        return
    for words, names in (
        ("new rules", plan.law.added),
        ("rules that go", plan.law.gone),
        ("rules that read otherwise", plan.law.changed),
    ):
        if names:
            print_line(f"{words}: {_some(names)}", "wary")
    for line in plan.law.loosened:
        print_line(line, "wary")


def _tone(one: Change) -> Tone:
    return "good" if one.changes else "quiet"


def _some(names: Sequence[str]) -> str:
    more = len(names) - RULES_SHOWN
    return ", ".join(names[:RULES_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _verb(one: Change) -> str:
    if not one.changes:
        return "same"
    return "made" if one.before is None else "changed"


def _diff(one: Change) -> str:
    if not one.changes:
        return ""
    before = (one.before or b"").decode("utf-8", "replace").splitlines()
    after = one.file.data.decode("utf-8", "replace").splitlines()
    path = one.file.path
    lines = list(difflib.unified_diff(before, after, path, path, lineterm=""))
    more = len(lines) - DIFF_LINES_MAX
    return "\n".join(
        lines[:DIFF_LINES_MAX] + ([f"… and {number_of(more, 'more line')}"] if more > 0 else [])
    )
