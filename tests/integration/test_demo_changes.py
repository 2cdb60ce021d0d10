"""The main job depends on the rules: one that is changed changes what the demo shows."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from governance._shipped import BY_NAME
from tests.integration.conftest import ROOT, Demo, run_demo

RULE = 'id = "git.no-force-push"'


def changed_packs(folder: Path) -> Path:
    """The shipped packs, in which forcing a push is only warned about."""
    folder.mkdir()
    for file in (ROOT / "rules").glob("*.toml"):
        if file.stem in BY_NAME:
            continue
        text = file.read_text(encoding="utf-8")
        if RULE in text:
            before, rule = text.split(RULE)
            changed = re.sub(r'action = "deny"', 'action = "warn"', rule, count=1)
            changed = re.sub(r'severity = "\w+"', 'severity = "low"', changed, count=1)
            text = before + RULE + changed
        (folder / file.name).write_text(text, encoding="utf-8")
    return folder


def decisions(demo: Demo) -> list[tuple[str, str]]:
    """(intent, action) of every decided call, without the project's folder."""
    done = demo.place.run("log", "demo", "--format", "jsonl", "--dir", str(demo.project))
    made = [json.loads(line) for line in done.stdout.splitlines()]
    data: list[dict[str, Any]] = [
        row["body"]["data"] for row in made if row["kind"] == "tool.decided"
    ]
    folder = str(demo.project.resolve())
    return [(one["intent"].replace(folder, ""), one["action"]) for one in data]


def test_one_changed_rule_changes_the_demo(demo: Demo, tmp_path: Path) -> None:
    """A push that was denied is let through with a warning, and what hung on it changes too."""
    packs = changed_packs(tmp_path / "packs")

    other = run_demo(tmp_path, "--packs", str(packs))

    assert other.shown.returncode == 0, other.shown.stdout + other.shown.stderr
    push = "shell     git push --force origin main"
    assert re.search(rf"deny +{push}", demo.shown.stdout)
    assert re.search(rf"warn +{push}", other.shown.stdout)
    assert "in the recording it was refused; here it would have run" in other.shown.stdout
    before, after = decisions(demo), decisions(other)
    assert [intent for intent, _ in before] == [intent for intent, _ in after]
    differing = {
        intent: (old, new)
        for (intent, old), (_, new) in zip(before, after, strict=True)
        if old != new
    }
    assert differing.pop("shell git push --force origin main") == ("deny", "warn")
    # Two serious violations are not three: the step that switched tools off is not taken.
    assert set(differing.values()) <= {("deny", "allow")}
    assert "escalated by" in demo.shown.stdout
    assert "escalated by" not in other.shown.stdout
