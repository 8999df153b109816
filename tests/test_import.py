"""Importing the package costs nothing: every heavy import waits until it is used."""

import subprocess
import sys

import pytest

HEAVY = ("matplotlib", "sympy", "typer", "rich", "torch", "jax", "xarray", "scipy", "numpy")


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    return done.stdout.strip()


def test_import_meanfield_loads_none_of_the_heavy_packages():
    assert run(f"import meanfield, sys; print([m for m in {HEAVY} if m in sys.modules])") == "[]"


@pytest.mark.parametrize(
    "job",
    [
        "mf.gain('gelu')",
        "mf.recommend('tanh')",
        "mf.gain(lambda x: x * (x > 0))",
        "mf.propagate(mf.mlp('tanh', 1.5, 0.1), 3, c=0.5)",
        "mf.simulate('relu', 2, 8, networks=2, rng=0)",
    ],
)
def test_a_computation_loads_no_figures_no_command_line_and_no_framework(job):
    heavy = ("matplotlib", "typer", "rich", "torch", "jax", "xarray")
    assert run(f"import meanfield as mf, sys; {job}; print([m for m in {heavy} if m in sys.modules])") == "[]"


@pytest.mark.parametrize("job", ["mf.gain('gelu')", "mf.gain(lambda x: x * (x > 0))"])
def test_names_and_callables_need_no_algebra(job):
    assert run(f"import meanfield as mf, sys; {job}; print('sympy' in sys.modules)") == "False"


def test_every_public_name_can_be_had_after_a_star_import():
    assert run("from meanfield import *; print(gain.__name__, Network.__name__)") == "gain Network"


def test_a_misspelt_public_name_is_an_attribute_error():
    code = "import meanfield\ntry: meanfield.gian\nexcept AttributeError as e: print(e)"
    assert run(code) == "module 'meanfield' has no attribute 'gian'"
