"""Sphinx configuration: `sphinx-build -W -b html docs docs/_build`."""

import re
from typing import Any

from meanfield import __version__

project = "meanfield"
author = "the meanfield developers"
release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.mathjax", "sphinx.ext.viewcode", "numpydoc"]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
numpydoc_show_class_members = False  # each class documents its attributes in its own docstring
numpydoc_class_members_toctree = False
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings have shapes and ranges, which say more
html_theme = "alabaster"
html_theme_options = {"page_width": "1160px", "body_max_width": "900px", "code_font_size": "0.8em"}


def setup(app: Any) -> None:
    """Take bars in docstrings for absolute values, not for reST's substitutions."""
    app.connect("autodoc-process-docstring", lambda app, what, name, thing, options, lines: escape_bars(lines))


def escape_bars(lines: list[str]) -> None:
    """Escape every bar that is not inside a literal; sessions are left alone."""
    for i, line in enumerate(lines):
        if not line.lstrip().startswith((">>>", "...")):
            lines[i] = "".join(
                part if part.startswith("``") else part.replace("|", r"\|") for part in re.split(r"(``.*?``)", line)
            )
