"""Where the tests find what they read."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS, EXAMPLES = ROOT / "docs", ROOT / "examples"
REFERENCE_FILES = ROOT / "tests" / "reference"
