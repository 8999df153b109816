"""Importing the package costs nothing: every heavy import waits until it is used."""

import subprocess
import sys

import pytest

import meanfield

HEAVY = ("matplotlib", "sympy", "typer", "rich", "torch", "jax", "xarray", "scipy", "numpy")


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    return done.stdout.strip()


def test_import_meanfield_loads_none_of_the_heavy_packages():
    assert run(f"import meanfield, sys; print([m for m in {HEAVY} if m in sys.modules])") == "[]"


def test_computations_load_no_figures_no_command_line_no_framework_and_no_algebra_for_names_and_callables():
    heavy = ("matplotlib", "typer", "rich", "torch", "jax", "xarray")
    code = f"""
import meanfield as mf, sys
mf.gain("gelu")
mf.gain(lambda x: x * (x > 0))
print("sympy" in sys.modules)
mf.recommend("tanh")
mf.propagate(mf.mlp("tanh", 1.5, 0.1), 3, c=0.5)
mf.simulate("relu", 2, 8, networks=2, rng=0)
print([m for m in {heavy} if m in sys.modules])
"""
    assert run(code) == "False\n[]"


def test_a_wrong_name_is_told_without_algebra_special_functions_or_optimisers():
    code = """
import meanfield as mf, sys
try:
    mf.gain("nosuch")
except mf.UnknownActivation:
    print([m for m in ("sympy", "scipy.special", "scipy.optimize") if m in sys.modules])
"""
    assert run(code) == "[]"


def test_every_public_name_can_be_had_after_a_star_import():
    assert run("from meanfield import *; print(gain.__name__, Network.__name__)") == "gain Network"


def test_a_misspelt_public_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'meanfield' has no attribute 'gian'"):
        _ = meanfield.gian
