"""The public names are there, agree between `__init__.py` and its stub, and are documented in full."""

import ast
import dataclasses
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import meanfield as mf

# name: arguments that calls may rely on, in order
FUNCTIONS = {
    "activation": "spec derivative breakpoints name surrogate parameters",
    "catalogue": "",
    "expectation": "f q rtol atol",
    "pair_expectation": "f g q q2 c rtol",
    "gain": "spec kind q",
    "gains": "spec q",
    "calculate_gain": "nonlinearity param",
    "mlp": "spec sigma_w sigma_b",
    "network": "text",
    "variance_map": "block q",
    "correlation_map": "block c q",
    "fixed_points": "block q_max",
    "analyze": "block",
    "propagate": "block depth q c q2 width pixels tokens token_c",
    "fluctuations": "block depth width q c q2",
    "lyapunov": "block q weights",
    "isometry": "spec depth spread",
    "jacobian": "block depth width networks q weights rng workers",
    "spectrum": "block depth q weights widths",
    "kernel": "block inputs depth",
    "ntk": "block inputs depth",
    "critical_line": "spec_or_block sigma_b stable_only",
    "critical_point": "spec",
    "phase_diagram": "spec_or_block sigma_w sigma_b workers progress",
    "recommend": "spec depth width",
    "transform": "spec method depth block zeta tau eta branch",
    "written": "layer",
    "forget_bias": "memory cell sigma_w sigma_v input_q",
    "embedding": "tokens std frequencies patches positions position_std base width scale class_std",
    "simulate": "block depth width networks q c inputs pixels weights method dtype rng workers progress tokens token_c",
    "crosscheck": "block depth width networks q c inputs pixels weights method dtype rng workers progress",
    "check_weights": "weights activation inputs q c networks layout rng alpha",
    "initializer": "name activation gain mode law",
    "schemes": "",
    "measure": "weights",
    "input_statistics": "X",
}
LAYERS = {"Dense": "sigma_w sigma_b", "Network": "layers", "Residual": "branch branch_scale skip_scale"}
LAYERS |= {"Dropout": "rate", "BatchNorm": "batch_size", "Conv": "sigma_w sigma_b kernel_size weights padding stride"}
LAYERS |= {"Concatenate": "branch", "LayerNorm": "", "RMSNorm": "", "Flatten": "", "GlobalAveragePool": ""}
LAYERS |= {
    "AveragePool": "size",
    "Attention": "sigma_w sigma_b scores sigma_qk causal",
    "Gated": "activation sigma_w sigma_b",
}
LAYERS |= {"GroupNorm": "groups"}
LAYERS |= {"Parallel": "branches", "Scale": "value", "StochasticDepth": "branch rate"}
LAYERS |= {"MultiplicativeNoise": "std", "AdditiveNoise": "std"}
# name: attributes that a result has
RESULTS = {
    "Activation": "derivative breakpoints jumps name parameters expression",
    "Estimate": "value error converged evaluations",
    "Sample": "mean standard_error n",
    "FixedPoint": "q slope stable",
    "Analysis": "q_star chi_parallel chi_1 c_star chi_c xi_q xi_c xi_gradient phase",
    "Embedding": "q token_c c covariance mean alike correlation normalised norm_gradient to_dict plot",
    "Trajectory": "q c one_minus_c chi gradient token_c mean",
    "CriticalLine": "sigma_b sigma_w q chi_parallel stable error reason xi_c deepest",
    "CriticalPoint": "sigma_w sigma_b q universality",
    "PhaseDiagram": "sigma_w sigma_b q_star chi_1 c_star xi_q xi_c phase plot save load to_xarray",
    "TransformedActivation": "input_scale input_shift output_shift output_scale local_slope residual branches",
    "Recommendation": "sigma_w sigma_b gain q xi_c reason snippets",
    "Simulation": "q c gradient",
    "CrossCheck": "passed z rows plot to_dict cause",
    "WeightCheck": "passed z rows plot to_dict sigma_w sigma_b",
    "Initializer": "name source formula std sigma_w sigma_w_at sigma_b_at bias",
    "Measurement": "name shape fan_in fan_out sigma_w mean tail singular_values correlation scheme summary to_dict",
}
INPUT_ERRORS = ["UnknownActivation", "BadActivation", "DivergentExpectation", "InfiniteDerivative", "InvalidInput"]
ERRORS = [*INPUT_ERRORS, "NoFixedPoint", "NotConverged"]


@pytest.mark.parametrize(("name", "arguments"), [*FUNCTIONS.items(), *LAYERS.items()])
def test_callables_take_the_arguments_that_were_promised(name, arguments):
    have = list(inspect.signature(getattr(mf, name)).parameters)
    assert have[: len(arguments.split())] == arguments.split()


@pytest.mark.parametrize(("name", "attributes"), RESULTS.items())
def test_results_have_the_attributes_that_were_promised(name, attributes):
    thing = getattr(mf, name)
    fields = dataclasses.fields(thing) if dataclasses.is_dataclass(thing) else ()
    have = set(dir(thing)) | {field.name for field in fields}
    assert set(attributes.split()) <= have


@pytest.mark.parametrize("name", ERRORS)
def test_errors_have_one_base(name):
    assert issubclass(getattr(mf, name), mf.MeanFieldError)


def test_errors_about_the_input_are_value_errors():
    for name in INPUT_ERRORS:
        assert issubclass(getattr(mf, name), ValueError)


def test_all_lists_what_can_be_had():
    assert len(set(mf.__all__)) == len(mf.__all__)
    assert {*FUNCTIONS, *LAYERS, *RESULTS, *ERRORS, "MeanFieldError", "__version__"} <= set(mf.__all__)
    assert set(mf.__all__) <= set(dir(mf))
    for name in mf.__all__:
        assert getattr(mf, name) is not None


def test_the_stub_and_the_package_agree_name_by_name_and_module_by_module():
    stub = ast.parse(Path(mf.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    home = {alias.name: node.module for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    (listed,) = [ast.literal_eval(node.value) for node in stub.body if isinstance(node, ast.Assign)]
    assert set(listed) == set(home) == set(mf.__all__)
    assert home == {name: f"meanfield.{module}" for name, module in mf._HOME.items()}


REFERENCE = re.compile(r"^\.\. auto(\w+):: meanfield\.([\w.]+)\n(?:   :members: (.*)\n)?", flags=re.MULTILINE)


def referenced() -> list[tuple[str, str, list[str]]]:
    """Directive, name and members of every entry of the reference page."""
    page = Path(__file__).parent.parent / "docs" / "api.md"
    found = REFERENCE.findall(page.read_text(encoding="utf-8"))
    return [(kind, name, members.split(", ") if members else []) for kind, name, members in found]


def test_the_reference_page_has_every_public_name_once():
    public = [*mf.__all__, *(f"{room}.{name}" for room in mf._MODULES for name in getattr(mf, room).__all__)]
    assert sorted(name for _, name, _ in referenced()) == sorted(set(public) - {"__version__"})


def test_the_reference_page_shows_functions_as_functions_and_members_that_exist():
    for kind, name, members in referenced():
        thing = mf
        for part in name.split("."):
            thing = getattr(thing, part)
        if inspect.isclass(thing):
            assert kind == ("exception" if issubclass(thing, Exception) else "class"), name
        else:
            assert kind == "function", name
        fields = {field.name for field in dataclasses.fields(thing)} if dataclasses.is_dataclass(thing) else set()
        assert [member for member in members if member not in fields and not hasattr(thing, member)] == [], name


def sections(thing: object) -> set[str]:
    return set(re.findall(r"^(\w[\w ]*)\n-{3,}$", inspect.getdoc(thing) or "", flags=re.MULTILINE))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_documents_parameters_returns_raises_and_has_an_example(name):
    function = getattr(mf, name)
    required = {"Returns", "Examples"}
    if inspect.signature(function).parameters:
        required |= {"Parameters"}
    missing = required - sections(function)
    assert not missing
    assert ">>> " in inspect.getdoc(function)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_argument_is_documented(name):
    text = inspect.getdoc(getattr(mf, name))
    documented = re.findall(r"^(\*{0,2}\w+(?:, \*{0,2}\w+)*)(?: :|$)", text, flags=re.MULTILINE)
    names = {entry.strip("* ") for line in documented for entry in line.split(",")}
    assert set(inspect.signature(getattr(mf, name)).parameters) <= names


DEFINITIONS = {
    "activation",
    "catalogue",
    "expectation",
    "mlp",
    "network",
    "gains",
    "calculate_gain",
    "crosscheck",
}
DEFINITIONS |= {"written", "check_weights", "initializer", "schemes", "measure", "input_statistics"}


@pytest.mark.parametrize("name", sorted(set(FUNCTIONS) - DEFINITIONS))
def test_every_function_that_rests_on_a_paper_names_it(name):
    assert re.search(r"References\n-+\n.*(arXiv:\d{4}\.\d{5})", inspect.getdoc(getattr(mf, name)), flags=re.DOTALL)


@pytest.mark.parametrize("name", sorted(set(FUNCTIONS) - {"catalogue", "mlp", "analyze", "gains", "schemes"}))
def test_every_function_that_refuses_input_says_with_what_error(name):
    assert "Raises" in sections(getattr(mf, name))


@pytest.mark.parametrize("name", [*RESULTS, *(name for name, arguments in LAYERS.items() if arguments)])
def test_every_class_documents_its_attributes_or_parameters(name):
    assert sections(getattr(mf, name)) & {"Attributes", "Parameters"}


def test_results_cannot_be_changed_by_accident():
    with pytest.raises(TypeError, match="does not support item assignment"):
        mf.gains("relu")["forward"] = 1.0
    with pytest.raises(dataclasses.FrozenInstanceError):
        mf.gain("relu").value = 1.0


@pytest.mark.slow
def test_importing_every_module_leaves_the_public_names_what_they_are():
    code = """
import importlib, pkgutil, types, meanfield as mf
for module in pkgutil.walk_packages(mf.__path__, "meanfield."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
print([name for name in mf.__all__ if isinstance(getattr(mf, name), types.ModuleType)])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "[]"
