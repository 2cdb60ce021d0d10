"""
Rules of other systems, read into packs of this one.

Each format has a reader that gives rules in the making and says, line by line, what it
left out and where the rule reaches otherwise than its source did. `governance.importing.packing`
makes a pack of them that passes the checks: a rule that does not is left out, with what the
check said. Nothing of a source is ever run.
"""

from __future__ import annotations

from governance.importing.packing import Imported, import_sources
from governance.importing.values import FORMATS, Source

__all__ = ["FORMATS", "Imported", "Source", "import_sources"]
