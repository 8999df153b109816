"""Writes `theory/duals.md`: every dual kernel that is known in closed form, as the package gives it.

python docs/make_duals.py
"""

from pathlib import Path

import sympy

import meanfield as mf

HEAD = """# Dual kernels in closed form

For $U, V$ normal with variances $q_1, q_2$ and covariance $k$, the dual kernel of an activation is
$\\mathbb{E}\\,\\varphi(U)\\varphi(V)$. `mf.dual` gives it as a sympy expression where a
closed form is known, and this page lists them all. Parameters have their default values.

These expressions are for reading. The code computes numbers from forms without cancellation, which
`tests/activations/test_closed_forms.py` compares with quadrature at 40 digits.

"""


def page():
    """The whole page."""
    parts = [HEAD]
    for name in mf.catalogue():
        kernel = mf.dual(name)
        if kernel is not None:
            q1, q2 = sympy.symbols("q_1 q_2")
            latex = sympy.latex(kernel.subs({s: {"q1": q1, "q2": q2}.get(s.name, s) for s in kernel.free_symbols}))
            parts.append(f"## {name}\n\n$$\n{latex}\n$$\n\n")
    return "".join(parts).rstrip() + "\n"


if __name__ == "__main__":
    Path(__file__).with_name("theory").joinpath("duals.md").write_text(page())
