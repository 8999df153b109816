import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import meanfield.plotting
from meanfield.plotting.axes import COLOURS, MARKERS, axes_for


def test_given_axes_are_used():
    ax = object()
    assert axes_for(ax) is ax


def test_new_axes_are_on_a_figure_that_can_be_saved_without_a_display(tmp_path):
    ax = axes_for(None, (3.0, 2.0))
    ax.figure.savefig(tmp_path / "figure.png")
    assert tuple(ax.figure.get_size_inches()) == (3.0, 2.0)
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_pyplot_is_not_imported_but_used_where_it_is_in_use():
    code = (
        "import os, sys; os.environ['MPLBACKEND'] = 'agg'\n"
        "from meanfield.plotting.axes import axes_for\n"
        "axes_for(None); assert 'matplotlib.pyplot' not in sys.modules\n"
        "import matplotlib.pyplot as plt\n"
        "assert axes_for(None).figure is plt.gcf()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def lightness(colour):
    """CIE L* of an sRGB colour."""
    linear = [
        ((c + 0.055) / 1.055) ** 2.4 if c > 0.04045 else c / 12.92
        for c in (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    ]
    y = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return 116 * y ** (1 / 3) - 16 if y > 0.008856 else 903.3 * y


def test_every_colour_stands_out_from_white_and_neighbours_differ_in_grey_or_by_marker():
    assert max(map(lightness, COLOURS)) < 75
    assert len(set(COLOURS)) == len(COLOURS)
    assert len(set(MARKERS)) == len(MARKERS) > len(COLOURS)


FIGURES = sorted(path.stem for path in Path(meanfield.plotting.__file__).parent.glob("[a-z]*.py"))


def test_importing_figures_imports_no_matplotlib_and_nothing_above_them():
    code = (
        f"import importlib, sys\n"
        f"for module in {FIGURES}: importlib.import_module('meanfield.plotting.' + module)\n"
        "above = ('matplotlib', 'meanfield.theory', 'meanfield.activations', 'meanfield.networks')\n"
        "print([name for name in sys.modules if name.startswith(above)])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_every_figure_can_be_imported_from_the_package():
    plots = {
        name
        for module in FIGURES
        for name in vars(importlib.import_module(f"meanfield.plotting.{module}"))
        if name.startswith("plot_")
    }
    assert plots == set(meanfield.plotting.__all__)
