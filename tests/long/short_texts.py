"""30,000 generated texts of at most 2,000 characters: none takes more than 1 s of CPU or 300 MB to be read or refused.

    .ci/long short_texts                                              # 30,000 texts
    PYTHONPATH=tests python tests/long/short_texts.py 500 --seed 7    # 500 others

A refusal is an error of the package in one line; anything else fails, as a text beyond the limits does.
"""

import argparse
from collections import Counter

from generated_texts import cost, text

import meanfield as mf

SECONDS, MEGABYTES = 1.0, 300.0
READERS = {"activation": mf.activation, "network": mf.network}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("count", type=int, nargs="?", default=30_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    for warm in ("where(x > 0, sin(x)/x, abs(x))", "tanh(x) + elu(x)"):  # sympy and mpmath are loaded
        mf.activation(warm)
    outcomes, worst, largest, failed = Counter(), (0.0, ""), (0.0, ""), 0
    for index in range(arguments.count):
        kind, what = text(arguments.seed, index)
        seconds, memory, outcome = cost(READERS[kind], what, 10)
        name, _, message = outcome.partition(": ")
        outcomes[name] += 1
        worst, largest = max(worst, (seconds, what)), max(largest, (memory, what))
        refused = issubclass(getattr(mf, name, object), mf.MeanFieldError) and "\n" not in message
        if seconds > SECONDS or memory > MEGABYTES or not (refused or name in ("Activation", "Network")):
            failed += 1
            print(f"FAILED {kind} {seconds:.2f} s {memory:.0f} MB {outcome[:120]}: {what}", flush=True)
    print(f"{arguments.count} texts, {dict(outcomes)}")
    print(f"worst CPU {worst[0]:.2f} s: {worst[1][:100]}")
    print(f"worst memory {largest[0]:.0f} MB: {largest[1][:100]}")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
