"""What a text means that is no formula of the grammar: typeset characters and habits of other notations."""

import re

#: Typeset characters, and how the grammar writes them.
CHARACTERS = {
    **dict.fromkeys("−–—‐‑", "-"),
    **dict.fromkeys("×·⋅∗•", "*"),
    **dict.fromkeys("÷∕", "/"),
    "²": "**2",
    "³": "**3",
    "√": "sqrt",
    "π": "pi",
    "σ": "sigmoid",
    "φ": "exp(-x**2/2)/sqrt(2*pi)",
    "Φ": "Phi",
    "≤": "<=",
    "≥": ">=",
    "≠": "!=",
    "½": "1/2",
    "ℯ": "e",
}
HABITS = (
    (r"\\|\$|\{", "formulas are written as in Python, not as in LaTeX"),
    (r"^\s*(def|return|lambda)\b", "write the body of the function alone, as in x*tanh(x)"),
    (r"\|[^|&]+\|", "absolute values are written abs(x)"),
    (r"[^=<>!]=[^=]", "write the right-hand side alone, as in x*tanh(x)"),
    (r"\d\s*[a-df-zA-DF-Z(]|\d\s*exp|\)\s*[\w(]|\bx\s*\(|\bx\s+x\b", "a product is written with *, as in 2*x"),
    (r"[A-Za-z]\w*\s+[\w(]", "the argument of a function is in parentheses, as in tanh(x)"),
)


def character_meant(character: str) -> str:
    """The end of a message about a character that is not ASCII.

    Examples
    --------
    >>> character_meant("²")
    '; write **2'
    """
    return f"; write {CHARACTERS[character]}" if character in CHARACTERS else ""


def habit_meant(text: str) -> str:
    """The end of a message about a text that cannot be read.

    Examples
    --------
    >>> habit_meant("2x + 1"), habit_meant("tanh x"), habit_meant("x + ")
    ('; a product is written with *, as in 2*x', '; the argument of a function is in parentheses, as in tanh(x)', '')
    """
    plain = re.sub(r"\b\d[\d.]*[eE][+-]?\d+", "1", text[:200])
    return next((f"; {hint}" for pattern, hint in HABITS if re.search(pattern, plain)), "")
