"""Sphinx: MyST pages, Furo, and nothing that is fetched while building."""

from __future__ import annotations

from governance import __version__

project = "governance"
author = "The governance authors"
copyright = author
release = __version__
extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "governance"
html_copy_source = False
html_static_path = ["_static"]
html_css_files = ["wide.css"]
nitpicky = True
