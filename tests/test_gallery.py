"""The gallery shows every example with its figure."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
GALLERY = (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "examples").glob("*.py")))
def test_every_example_is_in_the_gallery_with_the_figure_that_it_writes(name):
    assert f"## `{name}.py`" in GALLERY
    assert f"](figures/{name}.png)" in GALLERY
    assert (ROOT / "docs" / "figures" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    source = (ROOT / "examples" / f"{name}.py").read_text(encoding="utf-8")
    assert f'savefig("docs/figures/{name}.png"' in source
    assert '\nif __name__ == "__main__":\n' in source


def test_no_figure_is_left_of_an_example_that_is_gone():
    figures = {path.stem for path in (ROOT / "docs" / "figures").glob("*.png")}
    assert figures == {path.stem for path in (ROOT / "examples").glob("*.py")}
