"""
The plugin's folder in Hermes' home: loads the guard, and blocks every tool where it cannot.

Hermes goes on without a plugin that it cannot load. So this file imports nothing of ours
before it has to, and stays when the package that it loads is gone.

Put here by `governance init --host hermes`, taken away by `governance uninstall --host hermes`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

RECORD = Path(__file__).parent / "governance.json"


def register(ctx: Any) -> None:
    """What Hermes calls when it loads the plugin."""
    try:
        from governance.hosts.hermes.plugin import recorded_project
        from governance.hosts.hermes.plugin import register as guard

        guard(ctx, recorded_project(RECORD))
    except Exception as error:  # noqa: BLE001 -- Hermes would go on without a guard
        why = (
            f"governance cannot be loaded, so this is refused: {type(error).__name__}: {error}. "
            f"Install `session-governance` for {sys.executable}, or run "
            "`governance uninstall --host hermes`."
        )
        ctx.register_hook("pre_tool_call", lambda **_: {"action": "block", "message": why})
        ctx.register_middleware("tool_execution", lambda **_: json.dumps({"error": why}))
