"""How often audits of well-initialised models end in an error, and how often planted faults are found and named.

Needs torch, and passes without it. With arguments: the draws of each model, and of each fault, and the first seed.
"""

import importlib.util
import sys
import time
import warnings
from collections import Counter

DRAWS, PLANTED, FIRST = 20, 20, 0
MOST_ALARMS = 0.03  # of all audits of well-initialised models
LEAST_FOUND = 0.95  # of the draws of each fault


def false_alarms(draws, first):
    """Errors among audits of well-initialised models, by model; False if there are too many."""
    import torch
    import torch_architectures as zoo

    import meanfield.torch as mft

    alarms, audits, begun = Counter(), 0, time.process_time()
    for name, make in zoo.WELL_INITIALISED.items():
        kinds = Counter()
        for seed in range(first, first + draws):
            torch.manual_seed(seed)
            model, inputs = make()
            found = mft.audit(model, inputs, rng=seed)
            audits += 1
            alarms[name] += not found.passed
            kinds.update({f"{one.severity} {one.kind}" for one in found.findings})
            for one in found.findings:
                if one.severity == "error":
                    print(f"  {name}, seed {seed}: {one}")
        print(f"{name}: {alarms[name]} of {draws} audits with errors; {dict(kinds)}", flush=True)
    total = sum(alarms.values())
    print(f"{total} of {audits} audits with errors, {time.process_time() - begun:.0f} s of CPU")
    return total <= MOST_ALARMS * audits


def faults(draws):
    """Planted faults that are found and named; False if one is not in 95 % of the draws."""
    import torch
    import torch_architectures as zoo
    from planted_torch_faults import FAULTS

    import meanfield.torch as mft

    enough = True
    for name, (make, plant, kind, severity) in FAULTS.items():
        named = 0
        for seed in range(draws):
            torch.manual_seed(1000 + seed)
            model, inputs = make(zoo)
            module = plant(model, torch)
            found = mft.audit(model, inputs, redraws=0, rng=seed)
            named += any((f.kind, f.module, f.severity) == (kind, module, severity) for f in found.findings)
        print(f"{name}: found and named in {named} of {draws} draws", flush=True)
        enough &= named >= LEAST_FOUND * draws
    return enough


if __name__ == "__main__":
    if importlib.util.find_spec("torch") is None:
        print("torch is not installed: nothing was run")
        sys.exit()
    warnings.simplefilter("ignore")
    numbers = [int(word) for word in sys.argv[1:4]]
    draws, planted, first = (*numbers, *(DRAWS, PLANTED, FIRST)[len(numbers) :])
    sys.exit(not (false_alarms(draws, first) & faults(planted)))
