"""What the classes of the configuration say of themselves: the docs table, and a first file."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

from attrs import NOTHING, fields_dict

from governance._attrs import frozen
from governance.config._reading import keys_of
from governance.config._tree import HEADS, LEVELS, OTHERS, PRESETS, SHIPPED, TABLES
from governance.config._untrusted import UNTRUSTED

_WIDTH = 96

_UNITS = (
    ("seconds", "seconds"),
    ("minutes", "minutes"),
    ("days", "days"),
    ("_ms", "milliseconds"),
    ("kilobytes", "kilobytes"),
    ("megabytes", "megabytes"),
    ("characters", "characters"),
    ("tokens", "tokens"),
    ("sessions", "sessions"),
    ("threads", "threads"),
    ("queue", "events"),
    ("repeats", "times"),
    ("hours", "hours"),
    ("backups", "backups"),
    ("hourly", "times an hour"),
    ("values", "values"),
    ("grants", "grants"),
    ("scopes", "scopes"),
)

_FREE: tuple[tuple[str, str, str], ...] = (
    ("exempt[]", "table", "A rule of another file that does not hold: `rule`, `reason`, …"),
    ("fields.NAME", "scalar", "A field of the project with its default, for rules and context."),
)


@frozen
class KeySpec:
    """
    One key of ``governance.toml``.

    Attributes:
        key: As written, such as ``"resume.notice_seconds_min"``; ``NAME`` and ``[]`` stand
            for a name of the author's and for an array of tables.

        default: As TOML, ``"required"``, or ``"none"`` where the key has no default.

        unit: Of a figure; else ``""``.

        values: The whole enumeration, or ``None``.
    """

    key: str
    type: str
    default: str
    unit: str
    doc: str
    values: tuple[str, ...] | None = None


def _specs() -> tuple[KeySpec, ...]:
    found = []
    for name, table in (*TABLES.items(), *OTHERS.items()):
        if table is None:
            continue
        for key, meta in keys_of(table).items():
            found.append(
                KeySpec(
                    key=f"{HEADS.get(name, name)}.{key}",
                    type=str(meta["type"]),
                    default=_default(fields_dict(table)[key].default),
                    unit=next((unit for part, unit in _UNITS if part in key), ""),
                    doc=str(meta["doc"]),
                    values=meta["values"],  # type: ignore[arg-type]
                )
            )
    found += [KeySpec(key, kind, "none", "", doc) for key, kind, doc in _FREE]
    return tuple(found)


def _default(value: object) -> str:
    if value is NOTHING:
        return "required"
    return "none" if value is None else _toml(value)


def _toml(value: object) -> str:
    import tomli_w

    plain = list(value) if isinstance(value, tuple) else value
    text = tomli_w.dumps({"x": plain}).strip()
    if isinstance(plain, Mapping) and not plain:
        return "{}"
    return " ".join(text.removeprefix("x = ").split()).replace("[ ", "[").replace(", ]", "]")


KEYS: tuple[KeySpec, ...] = _specs()
"""Every key of ``governance.toml``, in the order of the file."""


def key_table() -> str:
    """The keys as a Markdown table, for the docs."""
    lines = ["| key | type | default | unit | meaning |", "| --- | --- | --- | --- | --- |"]
    for one in KEYS:
        doc = one.doc
        if one.values is not None:
            doc += " One of " + ", ".join(f"`{value}`" for value in one.values) + "."
        lines.append(f"| `{one.key}` | {one.type} | `{one.default}` | {one.unit} | {doc} |")
    return "\n".join(lines) + "\n"


def untrusted_table() -> str:
    """What counts of each key until a person has trusted the file, as a Markdown table."""
    counts = {
        "free": "as it stands",
        "stricter": "where it is stricter than the default",
        "ignored": "not at all",
    }
    lines = ["| key | counts | because |", "| --- | --- | --- |"]
    lines += [
        f"| `{key}` | {counts[one.law]} | {one.why} |"
        for law in ("ignored", "stricter", "free")
        for key, one in UNTRUSTED.items()
        if one.law == law
    ]
    return "\n".join(lines) + "\n"


def level_table() -> str:
    """What each level puts in place of a default, as a Markdown table for the docs."""
    keys = sorted(
        {(table, key) for preset in PRESETS.values() for table in preset for key in preset[table]}
    )
    lines = ["| key | " + " | ".join(LEVELS) + " |", "| --- |" + " --- |" * len(LEVELS)]
    for table, key in keys:
        name = f"{HEADS.get(table, table)}.{key}"
        default = next(one.default for one in KEYS if one.key == name)
        cells = [_toml(PRESETS[level].get(table, {})[key])
                 if key in PRESETS[level].get(table, {}) else default
                 for level in LEVELS]  # fmt: skip
        lines.append(f"| `{name}` | " + " | ".join(f"`{one}`" for one in cells) + " |")
    return "\n".join(lines) + "\n"


def default_toml(
    packs: Sequence[str] = (SHIPPED,), *, name: str = "", hosts: Sequence[str] = ()
) -> str:
    """
    The ``governance.toml`` that ``governance init`` writes; it loads without a problem.

    Args:
        packs: What stands under ``[packs] paths``.

        name: The project's name; empty leaves it to the folder.

        hosts: Harnesses that get a table of their own.
    """
    written: dict[str, object] = {"packs.paths": list(packs)}
    if name:
        written["project.name"] = name
    lines = [
        "# What governs the agents that work in this project.",
        "#",
        "# Every key may be left out: what stands behind a `#` is its default. A key that is",
        "# misspelled is an error, never silence; `governance check` reads this file.",
    ]
    for table, kind in TABLES.items():
        lines += ["", *_comment(kind.__doc__ or ""), f"[{table}]"]
        for one in (spec for spec in KEYS if spec.key.startswith(f"{table}.")):
            lines += _entry(one, table, written)
    host = OTHERS["hosts"]
    # INVARIANT: the tables of hosts have a class; what the rules read has none.
    assert host is not None
    for harness in hosts:
        lines += ["", *_comment(host.__doc__ or ""), f"[hosts.{_toml_key(harness)}]"]
        for one in (spec for spec in KEYS if spec.key.startswith("hosts.NAME.")):
            if one.key != "hosts.NAME.custom":
                lines += _entry(one, "hosts.NAME", written)
    lines += [
        "",
        "# Other tables, each as often as it is needed:",
        "#",
        "#   [[exempt]]         a rule of another file that does not hold here, and why",
        "#   [fields]           fields of the project, for rules and context",
        "#   [hosts.NAME]       how one agent harness is governed",
        "#   [[listener]]       a program that is shown events as JSON",
    ]
    return "\n".join(lines) + "\n"


def _entry(spec: KeySpec, table: str, written: Mapping[str, object]) -> list[str]:
    key = spec.key.removeprefix(f"{table}.")
    doc = spec.doc
    if spec.values is not None and spec.type == "str":
        doc += " One of " + ", ".join(spec.values) + "."
    made = _comment(doc)
    if spec.key in written:
        return [*made, f"{key} = {_toml(written[spec.key])}"]
    if spec.default == "none":
        return [*made, f"#{key} ="]
    return [*made, f"#{key} = {spec.default}"]


def _comment(text: str) -> list[str]:
    plain = " ".join(text.split()).replace("``", "`")
    return textwrap.wrap(plain, _WIDTH, initial_indent="# ", subsequent_indent="# ")


def _toml_key(name: str) -> str:
    bare = name and all(sign.isascii() and (sign.isalnum() or sign in "-_") for sign in name)
    return name if bare else _toml(name)
