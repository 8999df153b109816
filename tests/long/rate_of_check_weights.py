"""`check_weights` fails random weights as seldom as it says: 300 networks at a false-alarm rate of 1 %."""

import itertools
import sys

import numpy as np

from meanfield.cross_check.check_weights import check_weights

WIDTHS = (32, 64, 64, 50, 64, 10)
failed = 0
for activation, gain in (("relu", 2**0.5), ("tanh", 1.5), ("gelu", 1.0)):
    for seed in range(100):
        rng = np.random.default_rng(seed)
        weights = [gain * rng.standard_normal((n, m)) / m**0.5 for m, n in itertools.pairwise(WIDTHS)]
        failed += not check_weights(weights, activation, rng=seed)
print(f"{failed} of 300 failed; 3 are expected")
sys.exit(failed > 9)  # with probability 0.001 at the stated rate
