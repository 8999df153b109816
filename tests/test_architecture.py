"""The architecture of docs/architecture.md holds: one idea a file, imports downwards, two wings blind to each other."""

import ast
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

import meanfield

PACKAGE = Path(meanfield.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
SOURCES = {path.relative_to(PACKAGE).as_posix(): path.read_text(encoding="utf-8") for path in FILES}
TREES = {name: ast.parse(source) for name, source in SOURCES.items()}

LONGEST = 300  # lines
LAZY = {"matplotlib", "sympy", "torch", "jax", "keras", "xarray", "joblib"}
COMMAND_LINE = {"typer", "rich"}


def imported(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def test_the_package_is_there_to_be_looked_at():
    assert {"__init__.py", "errors.py", "theory/states.py", "montecarlo/simulation.py"} <= set(SOURCES)


def test_no_module_imports_the_package_root_or_relatively():
    found = {name: set(imported(ast.walk(tree))) for name, tree in TREES.items()}
    assert not [name for name, names in found.items() if "meanfield" in names or any(n.startswith(".") for n in names)]


def test_every_file_says_what_it_is():
    assert not [name for name, tree in TREES.items() if not ast.get_docstring(tree)]


def test_every_file_is_short():
    lengths = {name: len(source.splitlines()) for name, source in SOURCES.items()}
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}


def test_heavy_packages_are_imported_inside_functions():
    for name, tree in TREES.items():
        heavy = LAZY if name.startswith("cli/") else LAZY | COMMAND_LINE
        assert not {module.split(".")[0] for module in imported(tree.body)} & heavy, name


def test_nothing_is_evaluated_and_nothing_unpickled():
    for name, tree in TREES.items():
        called = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
        assert not {f.id for f in called if isinstance(f, ast.Name)} & {"eval", "exec", "compile", "__import__"}, name
        assert not {module.split(".")[0] for module in imported(ast.walk(tree))} & {"pickle", "shelve", "marshal"}, name


def test_the_import_contracts_hold():
    command = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    found = subprocess.run(
        [sys.executable, "-c", command, "--no-cache"],
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert found.returncode == 0, found.stdout + found.stderr
    assert "0 broken" in found.stdout


@pytest.mark.parametrize(
    "folder",
    [
        "activations",
        "networks",
        "numerics",
        "theory",
        "montecarlo",
        "plotting",
        "weights",
        "recommendation",
        "shaping",
        "cli",
    ],
)
def test_every_folder_of_the_architecture_is_a_package(folder):
    assert f"{folder}/__init__.py" in SOURCES
    assert len([name for name in SOURCES if name.startswith(f"{folder}/")]) > 1
