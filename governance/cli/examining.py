"""What `doctor` looks at, one function a check; each says what it saw and what is wrong."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

from attrs import field

from governance._attrs import frozen
from governance.cli.founding import installed_hosts
from governance.cli.frame import file_error
from governance.cli.guard import key_path
from governance.cli.heartbeat import Beat, called_ms, installed_ms, missed_in
from governance.cli.installed import HookSilent, run_hook
from governance.cli.opening import rules_of, store_of, unguarded_store_of
from governance.cli.output import moment, span
from governance.cli.plain_rows import plain_rows
from governance.cli.recording import recording_engine
from governance.config import load_config
from governance.engine.backing import is_embedded, read_status
from governance.engine.config_files import unfinished
from governance.engine.health import InFile, unused
from governance.engine.lawmaking import trusted_config, waiting_keys
from governance.engine.opening import PROJECT_SESSION, paused_reason
from governance.engine.store_place import place_elsewhere
from governance.errors import WARNING, DefinitionError, Diagnostic, GovernanceError, number_of
from governance.hosts import (
    HOOKED,
    INSTALLABLE,
    adapter_of,
    installer_of,
    transcripts_of,
)
from governance.journal.faults import StoreReadOnly, only_readable, unwritable
from governance.journal.opening import open_journal, store_path
from governance.journal.records import Journal
from governance.journal.servers import OnServer, ServerReport
from governance.journal.verifying import first_of, verify_some
from governance.project import FILE_BYTES_MAX, Project, inspect_project, open_project
from governance.rules.layers import LEFT_OUT
from governance.service.client import ServiceUnreachable, ask, socket_file

VERIFIED_ROWS_MAX = 20_000
"""Rows that are walked here; `governance verify` walks them all."""

LOG_DAYS = 7
DAY_MS = 86_400_000
PROBE_SESSION = "doctor"
CODES: Mapping[str, str] = {
    "GOV640": "hooks of a host that are missing, changed or switched off",
    "GOV641": "calls that ran while no hook was called",
    "GOV642": "failures that hooks have written into their log",
    "GOV643": "a project that is paused",
    "GOV644": "a journal that does not hold",
    "GOV645": "a hook that cannot be run, or is silent",
    "GOV646": "sessions with rows from before encryption",
    "GOV549": "a backup that failed",
}


@frozen
class Check:
    """
    One thing that was looked at.

    Attributes:
        saw: What was seen, in a few words.
    """

    name: str
    saw: str
    findings: tuple[Diagnostic, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.findings


@frozen
class Surroundings:
    """Where and when is looked: the project, this process's variables, the time."""

    project: Project
    now_ms: int
    environment: Mapping[str, str] = field(hash=False)


def examine(around: Surroundings) -> tuple[Check, ...]:
    """Every check; one that cannot be made is itself a finding."""
    return tuple(_guarded(name, check, around) for name, check in CHECKS.items())


def _guarded(name: str, check: Callable[[Surroundings], Check], around: Surroundings) -> Check:
    try:
        return check(around)
    except DefinitionError as error:
        return Check(name, "cannot be looked at", error.diagnostics)
    except GovernanceError as error:
        found = Diagnostic(error.code, error.message, suggestion=error.remedy)
        return Check(name, "cannot be looked at", (found,))
    except OSError as error:
        if error.filename is None:
            raise
        denied = file_error(Path(os.fsdecode(error.filename)), error)
        return Check(name, "cannot be looked at", denied.diagnostics)


def _parts(around: Surroundings) -> Check:
    open_project(around.project.directory)
    config = load_config(around.project.directory)
    waiting = waiting_keys(config)
    saw = "governance.toml loads"
    if waiting:
        shown = ", ".join(f"`{one.key}`" for one in waiting)
        saw += f"; not as written until `governance trust`: {shown}"
    return Check("configuration", saw)


def _rules(around: Surroundings) -> Check:
    loaded = rules_of(load_config(around.project.directory))
    rules = sum(len(pack.rules) for pack in loaded.packs)
    warnings = sum(one.severity == WARNING for one in loaded.diagnostics)
    saw = f"{number_of(rules, 'rule')} in {number_of(len(loaded.packs), 'pack')}"
    if warnings:
        saw += f"; {number_of(warnings, 'warning')}, see `governance check`"
    for one in loaded.diagnostics:
        if one.code == LEFT_OUT:
            saw += f"; {one.file}: {one.message}; {one.suggestion}"
    return Check("rules", saw, loaded.errors)


def _store(around: Surroundings) -> Check:
    with store_of(around.project) as journal:
        sessions, rows, found = _verified(journal)
        if isinstance(journal, InFile):
            found += unused(journal.path).findings
    found += _barred(around.project)
    server = _server(around.project)
    on = server.saw if server is not None else f"SQLite of apsw {_apsw_version()}"
    found += server.findings if server is not None else ()
    saw = f"nothing wrong in {number_of(rows, 'row')} of {number_of(sessions, 'session')}; {on}"
    elsewhere = place_elsewhere(load_config(around.project.directory))
    if elsewhere is not None:
        saw += f"; it is `{elsewhere}`, outside the project"
    sound = all(one.severity == WARNING or one.code == StoreReadOnly.code for one in found)
    return Check("journal", saw if sound else "does not hold", found)


def _barred(project: Project) -> tuple[Diagnostic, ...]:
    """That nothing can be written to the store of *project*, where that is so."""
    config = trusted_config(load_config(project.directory))
    if not is_embedded(config):
        return ()
    path = store_path(config.journal.url, project.directory)
    barred = unwritable(path)
    if barred is None:
        return ()
    error = only_readable(path, barred)
    return (Diagnostic(error.code, error.message, suggestion=error.remedy),)


def _encryption(around: Surroundings) -> Check:
    # Whether a row is encrypted is all that is looked at.
    with unguarded_store_of(around.project) as (journal, guard):
        found = plain_rows(journal)
    if found is None:
        return Check("encryption", "off")
    seen = f"{'the first ' if found.more else ''}{number_of(found.count, 'session')}"
    if not found.sessions:
        return Check("encryption", f"on; {seen}, each encrypted from its first row on")
    count = number_of(len(found.sessions), "session")
    named = f", `{found.sessions[0]}` first" if guard is None else ""
    plain = Diagnostic(
        "GOV646",
        f"{count} began before encryption and can be read by anybody{named}",
        suggestion="`governance archive` takes one that is over out of the store: destroy the file "
        "that it writes, and backups from before",
        severity=WARNING,
    )
    return Check(
        "encryption", f"on; of {seen} {len(found.sessions)} not from the first row on", (plain,)
    )


def _server(project: Project) -> ServerReport | None:
    """What the server is like that the store is on; none where it is a file."""
    url = trusted_config(load_config(project.directory)).journal.url
    with closing(
        open_journal(url, base=project.directory, create=False, for_reading=True)
    ) as journal:
        return journal.server_report() if isinstance(journal, OnServer) else None


def _verified(journal: Journal) -> tuple[int, int, tuple[Diagnostic, ...]]:
    """Sessions and rows that were walked, up to the bound, and what is wrong with them."""
    sessions = rows = 0
    after, found = "", []
    while rows < VERIFIED_ROWS_MAX and (page := journal.sessions(after=after, limit=1_000)):
        names = first_of(page, VERIFIED_ROWS_MAX - rows)
        report = verify_some(journal, names)
        sessions, rows = sessions + len(names), rows + report.rows
        found += [
            Diagnostic(
                "GOV644",
                f"session {one.session}, row {one.seq}: {one.message}",
                suggestion="`governance verify` shows all of it; `governance repair` mends it",
            )
            for one in report.findings
        ]
        after = names[-1]
    return sessions, rows, tuple(found)


def _apsw_version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("apsw")
    except PackageNotFoundError:
        return "of unknown version"


def _places(around: Surroundings) -> Check:
    project = around.project
    found = [*inspect_project(project)]
    for secret in (key_path(project), project.trust_file(), *_stored(project)):
        try:
            mode = secret.stat().st_mode & 0o777
        except OSError:
            continue  # not there: nothing that could be read by others
        if mode & 0o077:
            message = f"`{secret}` has mode {mode:04o}, which lets others in"
            hint = f"`chmod {mode & 0o700:o} {secret}`"
            found.append(Diagnostic("GOV335", message, str(secret), 0, (), hint, WARNING))
    return Check("files", "private, on a local disk" if not found else "", tuple(found))


def _stored(project: Project) -> tuple[Path, ...]:
    return tuple(project.private.glob("*.db*")) if project.private.is_dir() else ()


def _hooks(around: Surroundings) -> Check:
    """The hooks of every host that has some here, or had."""
    looked = [check for host in _hooked() if (check := _hooks_of(around, host)) is not None]
    if not looked:
        first = " or ".join(f"`governance init --host {host}`" for host in _hooked())
        others = installed_hosts(around.project)
        saw = f"of no host; {first} installs them"
        return Check("hooks", "no installed host has any" if others else saw)
    saw = "; ".join(one.saw for one in looked)
    return Check("hooks", saw, tuple(found for one in looked for found in one.findings))


def _hooked() -> tuple[str, ...]:
    """Hosts that call hooks which `init` installs."""
    return tuple(host for host in HOOKED if host in INSTALLABLE)


def _hooks_of(around: Surroundings, host: str) -> Check | None:
    directory, installer = around.project.directory, installer_of(host)
    try:
        commands = installer.commands(directory)
    except GovernanceError as error:
        found = Diagnostic(error.code, error.message, suggestion=error.remedy)
        return Check(host, f"{host}: cannot be looked at", (found,))
    if not commands and installed_ms(around.project, host) is None:
        return None
    events = adapter_of(host).events
    file = directory / installer.settings
    again = f"run `governance init --host {host}` again"
    told = installer.problems(directory)
    if not commands:
        told = (f"`{installer.settings}` has none of the hooks that were installed",)
    findings = [_finding("GOV640", one, file, again) for one in told]
    findings += [
        _finding("GOV640", one.message, one.file, one.mend)
        for one in (*installer.switches(directory), *installer.shadows(around.environment))
    ]
    findings += _broken_commands(host, commands, file)
    saw = f"{host}: {len(commands)} of {len(events)} are installed"
    if len(commands) == len(events) and not findings:
        try:
            saw += _answering(around, host, commands)
        except HookSilent as error:
            findings.append(Diagnostic(error.code, error.message, suggestion=error.remedy))
    return Check(host, saw, tuple(findings))


def _other_hosts(around: Surroundings) -> Check:
    """Whether what was put into hosts with settings of another kind is still in its place."""
    hosts = [host for host in installed_hosts(around.project) if host not in _hooked()]
    found = [
        _finding("GOV640", one, installer_of(host).settings, f"run `governance init --host {host}`")
        for host in hosts
        for one in installer_of(host).problems(around.project.directory)
    ]
    return Check("other hosts", ", ".join(hosts) or "none is installed", tuple(found))


def _finding(code: str, message: str, file: Path, mend: str) -> Diagnostic:
    return Diagnostic(code, message, str(file), suggestion=mend)


def _broken_commands(host: str, commands: Mapping[str, str], file: Path) -> list[Diagnostic]:
    """Files and folders that the commands name and that are gone."""
    gone: dict[str, None] = {}
    for line in commands.values():
        try:
            words = shlex.split(line)
        except ValueError:
            gone[f"the command `{line}` is none that a shell can read"] = None
            continue
        first = words[1] if words[0] == "exec" else words[0]
        for one in (first, *(word for word in words if word.startswith("/"))):
            if not Path(one).exists():
                gone[f"`{one}` is gone, and the hooks need it: every tool is denied"] = None
    mend = f"run `governance init --host {host}` again, with the engine that is installed now"
    return [_finding("GOV640", one, file, mend) for one in gone]


def _answering(around: Surroundings, host: str, commands: Mapping[str, str]) -> str:
    """Whether the hook that is installed starts, finds the engine and reads the project."""
    probe = adapter_of(host).probe
    if not probe:
        return ""
    before = _log_lines(around.project)
    answered = run_hook(
        commands[probe],
        {"hook_event_name": probe, "session_id": PROBE_SESSION},
        variables={},
        directory=around.project.directory,
    )
    said = _log_lines(around.project)[len(before) :]
    if answered.code or said:
        why = said[-1].partition(f" {probe} ")[2] if said else f"exit code {answered.code}"
        raise HookSilent(
            f"the installed hook fails: {why}", remedy="mend that; until then every tool is denied"
        )
    return f", and answer in {answered.took_ms:.0f} ms"


def _heartbeat(around: Surroundings) -> Check:
    """
    The transcripts of every host that is installed, against the journal.

    Of a host that has none its last call is told.
    """
    since = {host: installed_ms(around.project, host) for host in INSTALLABLE}
    installed = {host: at_ms for host, at_ms in since.items() if at_ms is not None}
    if not installed:
        return Check("heartbeat", "no host is installed")
    saw: list[str] = []
    findings: list[Diagnostic] = []
    for host, since_ms in installed.items():
        count, beats = _beats(around, host, since_ms)
        findings += [_gap(host, one) for one in beats]
        said = f"the journal agrees with {number_of(count, 'transcript')} of the client"
        if not count:
            with store_of(around.project) as journal:
                last_ms = called_ms(journal, host)
            said = "has not called us lately" if last_ms is None else f"called at {moment(last_ms)}"
        saw.append(f"{host}: {said if not beats else 'the guard was off'}")
    return Check("heartbeat", "; ".join(saw), tuple(findings))


def _beats(around: Surroundings, host: str, since_ms: int) -> tuple[int, list[Beat]]:
    """How many transcripts of *host* there are, and what is missing, written down by now."""
    found = transcripts_of(host)(around.project.directory, around.environment)
    with store_of(around.project) as journal:
        looked = [missed_in(one, journal, since_ms=since_ms, now_ms=around.now_ms) for one in found]
        beats = [one for one in looked if one is not None]
        known = {one.session for one in beats if journal.head(one.session).seq}
    if beats:
        _record(around.project, host, beats, known)
    return len(found), beats


def _gap(host: str, one: Beat) -> Diagnostic:
    return Diagnostic(
        "GOV641",
        f"{number_of(one.missed, 'call')} of session {one.session} of {host} ran without a hook, "
        f"from {moment(one.from_ms)} to {moment(one.to_ms)}; it is in the journal now",
        suggestion="see why the hooks were off: a switch of the client, a killed hook",
    )


def _record(project: Project, host: str, beats: list[Beat], known: set[str]) -> None:
    with recording_engine(project) as engine:
        for one in beats:
            session = one.session if one.session in known else PROJECT_SESSION
            engine.record(
                session,
                "guard.gap",
                {"host": host, "from": one.from_ms, "to": one.to_ms, "missed": one.missed},
                actor="doctor",
            )


def _service(around: Surroundings) -> Check:
    """Whether hooks may use the service, and whether it is there; they do without it too."""
    if not load_config(around.project.directory).service.enabled:
        return Check("service", "switched off here; hooks decide by themselves")
    file = socket_file()
    if file is not None and file.parent.is_dir() and file.parent.stat().st_mode & 0o077:
        mend = f"`chmod 700 {file.parent}`"
        what = f"others may enter `{file.parent}`, so that no hook uses the service"
        found = Diagnostic("GOV711", what, str(file.parent), suggestion=mend, severity=WARNING)
        return Check("service", "not used", (found,))
    try:
        told = ask("status")
    except ServiceUnreachable as error:
        hung = Diagnostic(error.code, error.message, suggestion=error.remedy, severity=WARNING)
        return Check("service", "gives no answer", (hung,))
    if told is None:
        return Check("service", "does not run; the next hook starts it")
    listed = told.get("projects")
    here = str(around.project.directory) in (listed if isinstance(listed, (list, tuple)) else ())
    holds = "has this project open" if here else "has not been asked for this project yet"
    return Check("service", f"runs as process {told.get('pid')} and {holds}")


def _backup(around: Surroundings) -> Check:
    broken_off = unfinished(around.project)
    if broken_off:
        found = Diagnostic(
            "GOV574",
            f"a restore of the configuration was broken off: {', '.join(broken_off)}",
            suggestion="run `governance restore … --config-only` again: it ends the first one",
        )
        return Check("backup", "a restore was broken off", (found,))
    config = trusted_config(load_config(around.project.directory))
    seconds = config.backup.age_seconds_max
    plan = f"one is made every {span(seconds * 1000)}" if seconds else "none is made by itself"
    if not is_embedded(config):
        plan = f"of the configuration alone, the store is not copied here: {plan}"
    status = read_status(around.project)
    if status is None or not (status.path or status.error):
        return Check("backup", f"{plan}; there is none yet")
    if status.path:
        return Check("backup", f"{plan}; the last is from {moment(status.at_ms)}")
    found = Diagnostic(
        "GOV549",
        f"the last backup failed at {moment(status.at_ms)}: {status.error}",
        suggestion="mend what it says, then run `governance backup`",
        severity=WARNING,
    )
    return Check("backup", "failed", (found,))


def _pause(around: Surroundings) -> Check:
    with store_of(around.project) as journal:
        reason = paused_reason(journal, around.now_ms)
    if not reason:
        return Check("pause", "governance is on")
    found = Diagnostic(
        "GOV643",
        f"governance is paused: {reason}",
        suggestion="it ends by itself; `governance pause --end` ends it now",
        severity=WARNING,
    )
    return Check("pause", "paused", (found,))


def _log(around: Surroundings) -> Check:
    since = moment(around.now_ms - LOG_DAYS * DAY_MS)
    probes = {probe for host in HOOKED if (probe := adapter_of(host).probe)}
    lines = [
        line
        for line in _log_lines(around.project)
        # Our own try of the hook leaves a line when it fails, and has been told of then.
        if line[: len(since)] >= since and not any(f" {one} " in line for one in probes)
    ]
    if not lines:
        return Check("log", f"no hook has failed within {LOG_DAYS} days")
    file = around.project.log_file
    newest = " ".join(lines[-1].split()[1:])
    found = Diagnostic(
        "GOV642",
        f"{number_of(len(lines), 'line')} within {LOG_DAYS} days, the newest: {newest[:300]}",
        str(file),
        suggestion="mend what it says, then remove the file",
        severity=WARNING,
    )
    return Check("log", number_of(len(lines), "line"), (found,))


def _log_lines(project: Project) -> list[str]:
    try:
        with project.log_file.open("rb") as stream:
            return stream.read(FILE_BYTES_MAX).decode("utf-8", "replace").splitlines()
    except OSError:
        return []


CHECKS: Mapping[str, Callable[[Surroundings], Check]] = {
    "configuration": _parts,
    "rules": _rules,
    "journal": _store,
    "encryption": _encryption,
    "backup": _backup,
    "files": _places,
    "hooks": _hooks,
    "service": _service,
    "other hosts": _other_hosts,
    "heartbeat": _heartbeat,
    "pause": _pause,
    "log": _log,
}
