"""Mutation testing: a seeded sample of small faults, each planted into one room and judged by this room's tests.

    .ci/long mutants
    python tests/long/mutants.py 400 --seed 1

A fault is a swapped operator or comparison, a changed constant, a dropped `not` or minus, or swapped branches of a
conditional expression. A mutant is killed if a test fails, or runs longer than LIMIT. Survivors are listed with their
line. Fails if fewer than 85 % are killed.
"""

import argparse
import ast
import copy
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
#: Rooms, and the tests that judge them.
ROOMS = {
    "meanfield/numerics/quadrature": "tests/numerics/quadrature",
    "meanfield/numerics/breakpoints": "tests/numerics/breakpoints",
    "meanfield/numerics/pairs": "tests/numerics/pairs",
    "meanfield/numerics/solve": "tests/numerics/solve",
    "meanfield/numerics/statistics": "tests/numerics/statistics",
    "meanfield/numerics/discs": "tests/numerics/discs",
    "meanfield/theory/layer_maps": "tests/theory/layer_maps",
    "meanfield/theory/fixed_points": "tests/theory/fixed_points",
}
SHARE = 0.85
LIMIT = 900  # seconds a mutant
OPERATORS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult,
             ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.Lt: ast.Gt, ast.Gt: ast.Lt, ast.LtE: ast.Gt,
             ast.GtE: ast.Lt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.And: ast.Or, ast.Or: ast.And}  # fmt: skip


def faults(tree):
    """Functions that plant one fault each into the tree; annotations, docstrings and messages are left alone."""
    spared = set()
    for node in ast.walk(tree):
        hints = [getattr(node, "annotation", None), getattr(node, "returns", None)]
        hints += [node] if isinstance(node, ast.JoinedStr | ast.Raise) else []
        for hint in filter(None, hints):
            spared.update(id(part) for part in ast.walk(hint))
    for node in ast.walk(tree):
        if id(node) in spared:
            continue
        if isinstance(node, ast.BinOp | ast.BoolOp) and type(node.op) in OPERATORS:
            yield node.lineno, lambda node=node: setattr(node, "op", OPERATORS[type(node.op)]())
        elif isinstance(node, ast.Compare) and type(node.ops[0]) in OPERATORS:
            yield node.lineno, lambda node=node: node.ops.__setitem__(0, OPERATORS[type(node.ops[0])]())
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub):
            yield (
                node.lineno,
                lambda node=node: setattr(node, "op", ast.UAdd() if isinstance(node.op, ast.USub) else _Truth()),
            )
        elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
            yield node.lineno, lambda node=node: setattr(node, "value", node.value + 1 if node.value < 2 else 1)
        elif isinstance(node, ast.IfExp):
            yield node.lineno, lambda node=node: node.__dict__.update(body=node.orelse, orelse=node.body)


class _Truth(ast.Not):
    """Two negations, in place of one."""


def mutant(source, number):
    """The source with fault `number` planted, and its line; the copy of the tree is unparsed without comments."""
    tree = copy.deepcopy(ast.parse(source))
    line, plant = list(faults(tree))[number]
    plant()
    for node in ast.walk(tree):
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, _Truth):
            node.op, node.operand = ast.Not(), ast.UnaryOp(ast.Not(), node.operand)
    return ast.unparse(ast.fix_missing_locations(tree)), line


def killed(copied, tests):
    """Whether the room's tests fail in the copied tree."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", tests]
    environment = {**os.environ, "PYTHONPATH": f"{copied}{os.pathsep}{copied / 'tests'}"}
    try:
        return subprocess.run(command, cwd=copied, env=environment, capture_output=True, timeout=LIMIT).returncode != 0
    except subprocess.TimeoutExpired:
        return True


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("count", type=int, nargs="?", default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--room", choices=ROOMS, help="plant faults into this room only")
    arguments = parser.parse_args()
    sites = [
        (path, number, tests)
        for room, tests in ROOMS.items()
        if arguments.room in (None, room)
        for path in sorted((ROOT / room).glob("*.py"))
        for number, _ in enumerate(faults(ast.parse(path.read_text())))
    ]
    chosen = random.Random(arguments.seed).sample(sites, min(arguments.count, len(sites)))
    survivors = []
    with tempfile.TemporaryDirectory() as folder:
        copied = Path(folder)
        for name in ("meanfield", "tests"):
            shutil.copytree(ROOT / name, copied / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", copied)
        for done, (path, number, tests) in enumerate(chosen, 1):
            target = copied / path.relative_to(ROOT)
            changed, line = mutant(path.read_text(), number)
            target.write_text(changed)
            if not killed(copied, tests):
                survivors.append(f"{path.relative_to(ROOT)}:{line}: {path.read_text().splitlines()[line - 1].strip()}")
                print(survivors[-1], flush=True)
            shutil.copy(path, target)
            if done % 20 == 0:
                print(f"{done - len(survivors)} of {done} killed", flush=True)
    rate = 1 - len(survivors) / len(chosen)
    print(f"{rate:.1%} of {len(chosen)} mutants killed, of {len(sites)} that there are")
    return 0 if rate >= SHARE else 1


if __name__ == "__main__":
    sys.exit(main())
