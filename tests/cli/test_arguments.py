import sys

import numpy as np
import pytest

from meanfield.cli.arguments import import_callable, parse_activation, parse_grid
from meanfield.errors import InvalidInput, MeanFieldError


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A user's module in the current directory; returns a function that writes it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))

    def write(name, text):
        (tmp_path / f"{name}.py").write_text(text)
        monkeypatch.delitem(sys.modules, name, raising=False)
        return name

    return write


@pytest.mark.parametrize("text", ["leaky_relu:negative_slope=0.2", "LeakyReLU: negative_slope=0.2"])
def test_parameters_go_with_a_name(text):
    assert float(parse_activation(text)(-1.0)) == -0.2
    assert float(parse_activation("leaky_relu", ["negative_slope=0.2"])(-1.0)) == -0.2


def test_several_parameters_are_separated_by_commas():
    phi = parse_activation("hardtanh:min_val=-2,max_val=3")
    assert phi([-5.0, 5.0]).tolist() == [-2.0, 3.0]


def test_text_is_a_formula():
    assert float(parse_activation("where(x > 0, x, 0.1*x)")(-2.0)) == pytest.approx(-0.2, rel=1e-15)


def test_a_function_comes_from_the_current_directory(module):
    module("mine_a", "import numpy as np\ndef bump(x, height=1.0):\n    return height * np.exp(-x**2)\n")
    assert float(parse_activation("mine_a:bump")(0.0)) == 1.0
    assert float(parse_activation("mine_a:bump", ["height=2"])(0.0)) == 2.0


def test_a_class_is_instantiated_with_the_parameters(module):
    lines = ["class Scale:", "  def __init__(self, by): self.by = by", "  def __call__(self, x): return self.by * x"]
    module("mine_b", "\n".join(lines))
    assert float(parse_activation("mine_b:Scale", ["by=3"])(1.0)) == 3.0
    with pytest.raises(InvalidInput, match="is a class, and calling it raised TypeError"):
        parse_activation("mine_b:Scale")


@pytest.mark.parametrize(
    ("text", "source", "message"),
    [
        ("absent_module:f", "", "needs the module 'absent_module'"),
        ("mine_c:f", "import absent_dependency\n", "absent_dependency"),
        ("mine_c:f", "1/0\n", "raised ZeroDivisionError"),
        ("mine_c:f", "raise SystemExit(3)\n", "raised SystemExit"),
        ("mine_c:f", "f(\n", "raised SyntaxError"),
        ("mine_c:g", "f = abs\n", "mine_c has no 'g'"),
        ("mine_c:f", "f = 3\n", "not a function but of type int"),
        ("mine_c:f.real", "f = 3\n", "not a function but of type int"),
        ("mine_c:f", "def f(x):\n    raise RuntimeError('no')\n", "raised RuntimeError at x"),
        ("mine_c:f", "def f(x):\n    return float('nan') * x\n", "NaN"),
    ],
)
def test_what_cannot_be_imported_or_called_is_said(module, text, source, message):
    module("mine_c", source)
    with pytest.raises(MeanFieldError, match=message):
        parse_activation(text)


@pytest.mark.parametrize("text", ["math", "math:", ":sin", "math:sin()", "ma th:sin", "math.:sin", "1a:b"])
def test_a_reference_to_a_function_has_one_form(text):
    with pytest.raises(InvalidInput, match=r"package\.module:name"):
        import_callable(text)


def test_grids_are_ranges_or_lists():
    assert parse_grid("0.5:3:6", "g").tolist() == [0.5, 1.0, 1.5, 2.0, 2.5, 3.0]
    assert parse_grid("1, 2,4", "g").tolist() == [1.0, 2.0, 4.0]
    assert np.shape(parse_grid("2", "g")) == (1,)


@pytest.mark.parametrize(
    "text", ["", "1:2", "1:2:3:4", "2:1:3", "-1:1:3", "0:inf:3", "0:1:1", "0:1:2.5", "0:1:1000000", "a", "1;2"]
)
def test_other_grids_are_refused(text):
    with pytest.raises(InvalidInput, match="low:high:count"):
        parse_grid(text, "--sigma-w")
