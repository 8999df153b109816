"""Random short texts of formulas and networks, ordinary and hostile, and the cost of reading one in its own process."""

import json
import os
import resource
import signal

import numpy as np

LONGEST = 2000
UNARY = (
    *("exp", "log", "sqrt", "erf", "erfc", "sin", "cos", "tan", "sinh", "cosh", "tanh", "asin", "atan", "acosh", "abs"),
    *("sign", "heaviside", "sigmoid", "relu", "softplus", "Phi", "expm1", "log1p", "sech", "csch", "coth", "square"),
    *("floor", "ceil", "round", "trunc", "elu", "xielu", "smelu", "gelu", "mish", "selu", "celu", "softsign", "relu6"),
    *(
        "hardswish",
        "softshrink",
        "hardshrink",
        "tanhshrink",
        "squareplus",
        "silu",
        "leaky_relu",
        "hardtanh",
        "threshold",
    ),
)
NUMBERS = (
    "0",
    "1",
    "2",
    "3",
    "0.1",
    "1e-300",
    "1e300",
    "1e-8",
    "pi",
    "e",
    "7.25",
    "1/3",
    "9**9",
    "2**0.5",
    "12345678901234567890",
)
LAYERS = (
    "dense(1.4)",
    "dense(sqrt(2), 0.1)",
    "layernorm",
    "rmsnorm",
    "dropout(0.1)",
    "relu",
    "tanh",
    "gelu",
    "leaky_relu(0.2)",
    "batchnorm",
    "attention",
    "conv(1.4)",
    "average_pool(2)",
    "flatten",
    "gated(gelu)",
    "additive_noise(0.1)",
)


def number(rng):
    """A constant, small or extreme."""
    return (
        str(rng.choice(NUMBERS))
        if rng.random() < 0.5
        else f"{rng.normal() * 10.0 ** rng.integers(-3, 4):.{rng.integers(1, 17)}g}"
    )


def inner(rng, depth):
    """A formula with brackets around it where it needs them."""
    return f"({formula(rng, depth)})"


def formula(rng, depth):
    """A random formula of this depth."""
    if depth <= 0 or rng.random() < 0.1:
        return "x" if rng.random() < 0.8 else number(rng)
    a = inner(rng, depth - 1)
    match rng.integers(10):
        case 0 | 1 | 2:
            return f"{rng.choice(UNARY)}{a}"
        case 3 | 4:
            return f"{a} {rng.choice(['+', '-', '*', '/'])} {inner(rng, depth - 1)}"
        case 5:
            return f"{a}**{rng.choice(['2', '3', '(-1)', '0.5', '(1/3)', '100', '(-2.5)', 'x', '1e6', '20'])}"
        case 6:
            return f"where({condition(rng, depth - 1)}, {a}, {inner(rng, depth - 1)})"
        case 7:
            return f"{rng.choice(['max', 'min'])}({a}, {inner(rng, depth - 1)}, {number(rng)})"
        case 8:
            return f"clip({a}, {number(rng)}, {number(rng)})"
    return f"{number(rng)}*{a} + {number(rng)}"


def condition(rng, depth):
    """A random condition."""
    relation = f"{inner(rng, depth)} {rng.choice(['<', '<=', '>', '>=', '==', '!='])} {number(rng)}"
    return relation if rng.random() < 0.6 else f"({relation}) {rng.choice(['&', '|'])} ({inner(rng, depth - 1)} > x)"


def nested(rng, most):
    """One function around itself again and again."""
    step = formula(rng, 1) if rng.random() < 0.5 else f"{rng.choice(UNARY)}(x)"
    text = "x"
    for _ in range(rng.integers(2, most)):
        text = "".join(f"({text})" if c == "x" and not word(step, i) else c for i, c in enumerate(step))
        if len(text) > LONGEST:
            break
    return text


def word(text, i):
    """Whether the character belongs to a longer name."""
    return text[i - 1 : i].isalpha() or text[i + 1 : i + 2].isalpha()


def repeated(rng, most):
    """A long sum, product, quotient, maximum or condition of similar terms."""
    form = formula(rng, int(rng.integers(1, 3)))
    shift = rng.choice(["(x - {})", "({}*x)", "(x/{})", "(x**{})", "(x*{}.5 - {})"])
    terms, k = [], int(rng.integers(1, most))
    for i in range(1, k + 1):
        u = shift.replace("{}", str(i))
        terms.append("".join(u if c == "x" and not word(form, j) else c for j, c in enumerate(form)))
    joined = str(rng.choice([" + ", "*", " - ", "/", ", ", " > 0 and ", " > 0 or "])).join(f"({t})" for t in terms)
    if ", " in joined[:3] or "and" in joined or " or " in joined:
        joined = f"where({joined} > 0, x, 1)" if "and" in joined or " or " in joined else joined
    return joined


def hostile(rng):
    """Numbers, brackets and signs without end."""
    n = int(rng.integers(1, LONGEST))
    return str(
        rng.choice(
            [
                "9**" * min(n, 600) + "9",
                "(" * (n // 2) + "x" + ")" * (n // 2),
                "-" * n + "x",
                "x+" * (n // 2) + "x",
                "x*" + "9" * (n - 1),
                "x+0." + "9" * n,
                "x**" + "9" * min(n, 300),
                "x**-" + "9" * min(n, 20),
                "x**0." + "9" * n,
                "sqrt(" * (n // 6) + "x" + ")" * (n // 6),
                "~" * n + "x",
                "x if x>0 else " * (n // 16) + "x",
                "max(" + "x," * (n // 2) + "1)",
                "[" * n,
                "x." * n,
                "x" + "**2" * (n // 3),
                "(x+1)" + "**9" * min(n, 600),
                "2**" * (n // 3) + "x",
                "x" * n,
                "\u00b2" * n,
                "lambda x:" * (n // 9) + "x",
                "sqrt(" + "9" * min(n, 290) + ")*x",
                "*".join(f"(1/{10**20 + i})**(1/{i + 3})" for i in range(min(n, 40))) + "*x",
                "log(" + "9" * min(n, 290) + "/7)*x",
                f"(x+1)**{n}",
                f"((x+1)**{n % 100}+1)**{n % 97}",
                f"where(((x+1)**{n % 100}+x)**{n % 97} > 1, x, 1)",
                f"(1+1e-{n})**1e{n}*x",
                f"10**{n}*x",
                f"x*1e{n}",
                f"sin(10**{n % 300})*x",
                f"exp(exp({n % 9}))*x",
                f"erf({n})*tan({n}e{n % 290})*x",
            ]
        )
    )


def network(rng, depth=3):
    """A random network, with blocks inside of blocks."""
    parts = []
    for _ in range(rng.integers(1, 12 if depth == 3 else 4)):
        kind = rng.random()
        if kind < 0.5 or depth == 0:
            parts.append(str(rng.choice(LAYERS)))
        elif kind < 0.6:
            parts.append(formula(rng, int(rng.integers(1, 4))))
        elif kind < 0.65:
            parts.append(f"dense({formula(rng, 2).replace('x', '2')})")
        else:
            parts.append(f"{rng.choice(['residual', 'concatenate', 'network'])}({network(rng, depth - 1)})")
    if depth == 3 and rng.random() < 0.1:
        n = int(rng.integers(1, 400))
        return str(
            rng.choice(
                [
                    "relu," * n + "dense(1)",
                    "residual(" * n + "relu" + ")" * n,
                    "network(" * n + "relu" + ")" * n,
                    f"dense(1.4)*{10**n}",
                    f"relu, conv(1, kernel=({10 ** min(n, 30)}, 9))",
                    f"average_pool({10 ** min(n, 300)})",
                    f"attention(heads={10 ** min(n, 300)})",
                    "dense(" + "[" * n + "1" + "]" * n + ")",
                    f"dense({'9**' * n}9)",
                    "dense(" + "sqrt(1+" * n + "2" + ")" * n + ")",
                ]
            )
        )
    return ", ".join(parts)


def text(seed, index, size=1.0):
    """The kind, "activation" or "network", and the text of an index; a `size` below 1 makes it smaller."""
    rng = np.random.default_rng([seed, index])
    match index % 5:
        case 0:
            made = formula(rng, int(rng.integers(1, 1 + round(6 * size))))
        case 1:
            made = nested(rng, round(16 * size))
        case 2:
            made = repeated(rng, round(200 * size**2))
        case 3:
            made = hostile(rng)
        case _:
            return "network", network(rng)[:LONGEST]
    return "activation", made[:LONGEST]


def cost(read, what, limit):
    """Seconds of CPU, peak memory in MB and outcome of read(what), in a child that may use `limit` seconds."""
    receiver, sender = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(receiver)
        resource.setrlimit(resource.RLIMIT_CPU, (int(limit), int(limit)))
        signal.signal(signal.SIGXCPU, signal.SIG_DFL)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
        try:
            outcome = type(read(what)).__name__
        except BaseException as error:
            outcome = f"{type(error).__name__}: {error}"[:400]
        used = resource.getrusage(resource.RUSAGE_SELF)
        os.write(sender, json.dumps([used.ru_utime + used.ru_stime - before, used.ru_maxrss / 1024, outcome]).encode())
        os._exit(0)
    os.close(sender)
    with os.fdopen(receiver, "rb") as pipe:
        answer = pipe.read()
    _, _, used = os.wait4(child, 0)
    return tuple(json.loads(answer)) if answer else (used.ru_utime, used.ru_maxrss / 1024, "ended")
