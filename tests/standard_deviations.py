"""Standard deviations for property tests: 0, or large enough that their squares are floats."""

from hypothesis import strategies as st

LEAST = 1e-150


def deviations(highest):
    return st.floats(0, highest).map(lambda sigma: sigma if sigma >= LEAST else 0.0)
