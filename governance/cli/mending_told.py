"""What `repair` and `restore` print of what they found and did."""

from __future__ import annotations

from governance.cli.config_restoring import ConfigRestore
from governance.cli.frame import FINE, FOUND
from governance.cli.output import print_json, print_line
from governance.cli.tables import print_table
from governance.engine.kept_values import FIGURES, INDEX_OF_MESSAGES, KEY
from governance.errors import number_of
from governance.journal.records import Finding
from governance.journal.repair import RepairReport, SessionRepair
from governance.values import Json

OF_STORE = {INDEX_OF_MESSAGES: "what messages are found by", FIGURES: "what figures count"}
"""What belongs to no session and is made anew, in words."""

_UNMENDED_MAX = 20


def anew_text(one: str, would: str) -> str:
    """What is made anew, or *would* be, as a line."""
    what = OF_STORE.get(one, "the state that is kept of it")
    subject = "the store" if one in OF_STORE else one
    return f"{subject}: {what} {would} made anew"


def told(
    report: RepairReport,
    format_name: str,
    plan: ConfigRestore | None = None,
    *,
    anew: tuple[str, ...] = (),
    lost: tuple[Finding, ...] = (),
) -> int:
    """Print what *report* says, of a repair or a restore; the exit code."""
    would = "would be" if report.dry_run else "was"
    code = FOUND if lost else code_of(report)
    if format_name == "json":
        made = report_json(report) | {"anew": list(anew), "gone": [_gone(one) for one in lost]}
        made["ok"] = bool(made["ok"]) and not lost
        print_json(made | ({} if plan is None else {"config": plan.as_json()}))
        return code
    if report.needed:
        _print(report)
    elif not anew and not lost and not report.unmended:
        print_line(f"nothing is to be repaired in {number_of(report.rows, 'row')}", "good")
    for one in anew:
        print_line(anew_text(one, would), "good")
    for one in report.unmended[:_UNMENDED_MAX]:
        print_line(f"not mended: {one}", "bad")
    if len(report.unmended) > _UNMENDED_MAX:
        print_line(f"and {len(report.unmended) - _UNMENDED_MAX} more", "bad")
    if report.unmended:
        print_line(
            "copy what is sound into a file with `governance store copy`, and bring the rest there "
            "with `governance repair --from`",
            "wary",
        )
    _print_gone(lost)
    return code


def _print_gone(lost: tuple[Finding, ...]) -> None:
    for one in lost[:_UNMENDED_MAX]:
        print_line(f"{_gone(one)}", "bad")
    if len(lost) > _UNMENDED_MAX:
        print_line(f"and {len(lost) - _UNMENDED_MAX} more", "bad")
    if lost:
        print_line("`governance repair --from COPY` takes it from a copy that has it", "wary")
    if any(one.what == KEY for one in lost):
        mend = "governance repair --accept SESSION --reason WHY"
        print_line(f"where none has a key, `{mend}` gives up the rows that it opens", "wary")


def _gone(one: Finding) -> str:
    return f"row {one.seq} of `{one.session}`: {one.message}"


def code_of(report: RepairReport) -> int:
    """The exit code: 1 where rows or values are lost, or something is not mended."""
    bad = report.unmended or report.values_lost or any(one.fresh for one in report.sessions)
    return FOUND if bad else FINE


def _print(report: RepairReport) -> None:
    would = "would be " if report.dry_run else ""
    print_line(f"{number_of(report.rows, 'row')} {would}there", "good")
    if report.merged:
        print_line(
            f"{number_of(report.merged, 'row')} of them {would}brought back from copies", "good"
        )
    if report.sessions:
        print_table(
            ("session", "lost", "brought back", "which are lost"),
            [_line(one) for one in report.sessions],
            whole=("lost", "brought back"),
        )
    if report.more:
        print_line(f"and {number_of(report.more, 'further session')}", "wary")
    if report.kept is not None:
        print_line(f"what stood there is kept as {report.kept}")
    if report.values_merged:
        print_line(
            f"{number_of(report.values_merged, 'value')} beside them {would}whole again", "good"
        )
    if report.quarantine is not None:
        held = [(report.quarantined, "row"), (report.quarantined_values, "damaged value")]
        told = " and ".join(number_of(count, what) for count, what in held if count)
        print_line(f"what fits nowhere, {told}, is in {report.quarantine}")
    for one in report.values_lost[:_UNMENDED_MAX]:
        print_line(f"{would}lost: {one}", "bad")
    if len(report.values_lost) > _UNMENDED_MAX:
        print_line(f"and {len(report.values_lost) - _UNMENDED_MAX} more", "bad")
    if report.lost:
        print_line(f"{number_of(report.lost, 'row')} {would}lost", "bad")
    if any(one.fresh for one in report.sessions) and not report.dry_run:
        mend = "governance repair --accept SESSION --reason WHY"
        print_line(f"their sessions may not work until `{mend}`", "wary")


def _line(one: SessionRepair) -> tuple[str, ...]:
    stretches = [str(a) if a == b else f"{a}-{b}" for a, b in one.lost[:20]]
    more = len(one.lost) - len(stretches)
    words = ", ".join(stretches) + (f" and {more} more" if more else "")
    if one.unproven:
        words += f" ({number_of(one.unproven, 'row')} after them cannot be proven)"
    return one.session, str(one.lost_rows), str(one.merged), words


def report_json(report: RepairReport) -> dict[str, Json]:
    """*report* as programs read it."""
    return {
        "ok": not (report.lost or report.values_lost or report.unmended),
        "needed": report.needed,
        "dry_run": report.dry_run,
        "rows": report.rows,
        "merged": report.merged,
        "lost": report.lost,
        "values_merged": report.values_merged,
        "values_lost": list(report.values_lost),
        "quarantined": report.quarantined,
        "quarantined_values": report.quarantined_values,
        "kept": str(report.kept or ""),
        "quarantine": str(report.quarantine or ""),
        "sources": list(report.sources),
        "problems": list(report.problems),
        "unmended": list(report.unmended),
        "more": report.more,
        "sessions": [
            {
                "session": one.session,
                "rows": one.rows,
                "merged": one.merged,
                "lost": [[first, last] for first, last in one.lost],
                "fresh": one.fresh,
                "unproven": one.unproven,
            }
            for one in report.sessions
        ],
    }
