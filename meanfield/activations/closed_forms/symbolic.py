"""Dual kernels E φ(u)φ(v) as sympy expressions in q1 = E u², q2 = E v² and k = E uv."""

from collections.abc import Callable, Mapping
from math import perm, prod
from types import MappingProxyType, SimpleNamespace

from meanfield._types import Expression


def _rectifier(s: SimpleNamespace, negative: Expression, positive: Expression) -> Expression:
    a, b = (positive + negative) / 2, (positive - negative) / 2
    sine = s.sqrt(s.q1 * s.q2 - s.k**2)
    return a**2 * s.k + b**2 * (sine + s.k * s.asin(s.rho)) * 2 / s.pi


def _squared_relu(s: SimpleNamespace, scale: Expression = 1, bias: Expression = 0) -> Expression:
    sine = s.sqrt(s.q1 * s.q2 - s.k**2)
    square = (3 * s.k * sine + (s.pi / 2 + s.asin(s.rho)) * (s.q1 * s.q2 + 2 * s.k**2)) / (2 * s.pi)
    return scale**2 * square + scale * bias * (s.q1 + s.q2) / 2 + bias**2


def _gelu(s: SimpleNamespace) -> Expression:
    p = (1 + s.q1) * (1 + s.q2)
    d = p - s.k**2
    angle = s.k / 4 + s.k * s.asin(s.k / s.sqrt(p)) / (2 * s.pi)
    return angle + (s.k**2 + s.q1 * s.q2 * d) / (2 * s.pi * p * s.sqrt(d))


def _sine(s: SimpleNamespace, omega_0: Expression = 1) -> Expression:
    return s.exp(-(omega_0**2) * (s.q1 + s.q2) / 2) * s.sinh(omega_0**2 * s.k)


def _snake(s: SimpleNamespace, alpha: Expression) -> Expression:
    a = 4 * alpha**2
    wave = s.exp(-a * (s.q1 + s.q2) / 2) * s.cosh(a * s.k) - s.exp(-a * s.q1 / 2) - s.exp(-a * s.q2 / 2)
    return s.k + (1 + wave) / a


def _gabor(s: SimpleNamespace) -> Expression:
    determinant = 4 * (s.q1 * s.q2 - s.k**2)
    a = 1 + 2 * (s.q1 + s.q2) + determinant
    near = s.exp(-(s.q1 + s.q2 - 2 * s.k + determinant) / (2 * a))
    far = s.exp(-(s.q1 + s.q2 + 2 * s.k + determinant) / (2 * a))
    return (near - far) / (2 * s.sqrt(a))


def _monomial(s: SimpleNamespace, degree: Expression) -> Expression:
    n = int(degree)

    def term(j: int) -> Expression:
        pairs = (n - j) // 2
        return (perm(n, j) * prod(range(1, n - j, 2))) ** 2 * (s.q1 * s.q2) ** pairs * s.k**j / s.factorial(j)

    return sum(term(j) for j in range(n % 2, n + 1, 2))


KERNELS: Mapping[str, Callable[..., Expression]] = MappingProxyType(
    {
        "linear": lambda s: s.k,
        "relu": lambda s: _rectifier(s, s.Integer(0), 1),
        "leaky_relu": lambda s, negative_slope: _rectifier(s, negative_slope, 1),
        "prelu": lambda s, init: _rectifier(s, init, 1),
        "rrelu": lambda s, lower, upper: _rectifier(s, (lower + upper) / 2, 1),
        "abs": lambda s: _rectifier(s, s.Integer(-1), 1),
        "abrelu": lambda s, a, b: _rectifier(s, a, b),
        "squared_relu": _squared_relu,
        "star_relu": _squared_relu,
        "step": lambda s: s.Rational(1, 4) + s.asin(s.rho) / (2 * s.pi),
        "sign": lambda s: 2 * s.asin(s.rho) / s.pi,
        "erf": lambda s: 2 * s.asin(2 * s.k / s.sqrt((1 + 2 * s.q1) * (1 + 2 * s.q2))) / s.pi,
        "normal_cdf": lambda s: s.Rational(1, 4) + s.asin(s.k / s.sqrt((1 + s.q1) * (1 + s.q2))) / (2 * s.pi),
        "gelu": _gelu,
        "sin": _sine,
        "siren": _sine,
        "cos": lambda s: s.exp(-(s.q1 + s.q2) / 2) * s.cosh(s.k),
        "snake": _snake,
        "gaussian": lambda s: 1 / s.sqrt((1 + 2 * s.q1) * (1 + 2 * s.q2) - 4 * s.k**2),
        "gabor": _gabor,
        "exponential": lambda s: s.exp((s.q1 + s.q2) / 2 + s.k),
        "monomial": _monomial,
    }
)


def dual_expression(name: str, parameters: Mapping[str, float] = MappingProxyType({})) -> Expression:
    """The dual kernel E φ(u)φ(v) of an activation of the catalogue, as a sympy expression.

    Parameters
    ----------
    name : str
        The catalogue's name, not an alias.
    parameters : mapping
        All parameters of that activation; floats such as 0.1 enter as the fractions that they print as.

    Returns
    -------
    sympy.Expr or None
        In the symbols ``q1`` and ``q2`` (positive: the variances of u and v) and ``k`` (real: their covariance);
        None if no closed form is known. `closed_form` has the sources.

    Examples
    --------
    >>> dual_expression("erf")
    2*asin(2*k/(sqrt(2*q1 + 1)*sqrt(2*q2 + 1)))/pi
    >>> dual_expression("monomial", {"degree": 2})
    2*k**2 + q1*q2
    >>> dual_expression("tanh") is None
    True
    """
    if name not in KERNELS:
        return None
    import sympy

    q1, q2 = sympy.symbols("q1 q2", positive=True)
    k = sympy.Symbol("k", real=True)
    s = SimpleNamespace(**{f: getattr(sympy, f) for f in FUNCTIONS}, q1=q1, q2=q2, k=k, rho=k / sympy.sqrt(q1 * q2))
    return KERNELS[name](s, **{key: sympy.Rational(str(value)) for key, value in parameters.items()})


FUNCTIONS = ("Integer", "Rational", "asin", "cosh", "exp", "factorial", "pi", "sinh", "sqrt")
