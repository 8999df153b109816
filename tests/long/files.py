"""Files changed at random are refused in one sentence or read as they were, in little time and memory.

Each of 10,000 changed files of a diagram, of a checkpoint's block and of weights is read. No other exception than
InvalidInput, no message over 300 characters, no warning, at most 1 s and 32 MiB a file.
"""

import tempfile
import time
import tracemalloc
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
from mutated_files import KINDS, mutants

import meanfield as mf
from meanfield.archive import load_arrays
from meanfield.theory.phase_diagram.checkpoint import FORMAT
from meanfield.theory.phase_diagram.diagram import FIELDS
from meanfield.weights.loading import load

COUNT = 10_000


def main():
    warnings.simplefilter("error")
    folder = Path(tempfile.mkdtemp())
    axes = np.linspace(0.5, 3.0, 5), np.linspace(0.0, 1.0, 4)
    mf.phase_diagram("erf", *axes, checkpoint=folder / "sweep").save(folder / "diagram.npz")
    np.savez(
        folder / "weights.npz", **{"a.weight": np.random.default_rng(1).normal(size=(20, 30)), "a.bias": np.ones(20)}
    )
    readers = {
        "diagram.npz": mf.PhaseDiagram.load,
        "sweep/block-000000.npz": lambda path: load_arrays(path, {"format": FORMAT, "index": 0}, FIELDS),
        "weights.npz": load,
    }
    faults = 0
    tracemalloc.start()
    for name, read in readers.items():
        data, path, outcomes = (folder / name).read_bytes(), folder / "mutant.npz", Counter()
        for i, mutant in enumerate(mutants(np.random.default_rng(0), data, COUNT)):
            path.write_bytes(mutant)
            tracemalloc.reset_peak()
            before, begun = tracemalloc.get_traced_memory()[0], time.process_time()
            try:
                read(path)
                outcome = "read"
            except mf.InvalidInput as error:
                outcome = "refused" if len(str(error)) < 300 and "\n" not in str(error) else f"message: {error}"
            except Exception as error:
                outcome = f"{KINDS[i % len(KINDS)].__name__}: {type(error).__name__}: {error}"
            if (took := time.process_time() - begun) > 1.0:
                outcome = f"{took:.1f} s"
            if (peak := tracemalloc.get_traced_memory()[1] - before) > 2**25:
                outcome = f"{peak} bytes"
            outcomes[outcome] += 1
        print(name, dict(outcomes.most_common(12)))
        faults += sum(count for outcome, count in outcomes.items() if outcome not in ("read", "refused"))
    return faults


if __name__ == "__main__":
    raise SystemExit(1 if main() else 0)
