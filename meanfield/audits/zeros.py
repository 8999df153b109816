"""Weights that are zero, copied, or not independent, and outputs that do not depend on the input."""

from collections.abc import Iterator, Sequence

from meanfield.audits.finding import Finding
from meanfield.audits.row import Row
from meanfield.audits.scales import pattern
from meanfield.audits.weight import Weight


def copies(weights: Sequence[Weight]) -> Iterator[Finding]:
    """Weights that are copies of others: random networks have independent ones."""
    found: dict[str, list[Weight]] = {}
    for w in weights:
        if w.measured is not None and w.measured.copied is not None:
            found.setdefault(pattern(w.name.partition("#")[0]), []).append(w)
    for same in found.values():
        more = f", nor are {len(same) - 1} more" if len(same) > 1 else ""
        said = same[0].measured.copied if same[0].measured else ""
        text = f"{same[0].name} is no independent draw ({said}){more}: draw every layer by itself"
        yield Finding(same[0].module, "copies", "error", text)


def dependent_entries(weights: Sequence[Weight]) -> Iterator[Finding]:
    """Weights whose entries are not independent with mean 0."""
    for w in weights:
        if w.measured is None or w.measured.copied is not None or w.std == 0:
            continue
        if phrases := w.measured.findings:
            severity = "note" if w.role in ("other", "embedding") else "warning"
            yield Finding(w.module, "entries", severity, f"{w.name}: {phrases[0]}")


def zero_weights(weights: Sequence[Weight]) -> Iterator[Finding]:
    """Matrices of zeros: a head or the end of a residual branch may be one, another one lets no signal through."""
    for w in weights:
        if w.std > 0 or w.role in ("other", "embedding"):
            continue
        if w.role == "head":
            yield Finding(w.module, "zeros", "note", f"{w.name} is zero; gradients are measured before this head")
        elif w.role in ("residual_out", "scaled_out"):
            yield Finding(w.module, "zeros", "note", f"{w.name} is zero, so its residual branch is off at the start")
        else:
            yield Finding(w.module, "zeros", "error", f"{w.name} is zero and lets no signal through: draw it at random")


def constant_outputs(rows: Sequence[Row], explained: set[str]) -> Iterator[Finding]:
    """Modules whose output is the same for different inputs."""
    for row in rows:
        if row.varies or row.module in explained:
            continue
        dead = row.second_moment == 0
        what = "zero for all inputs: its units are dead" if dead else "the same for all inputs"
        yield Finding(row.module, "constant", "error" if dead else "warning", f"the output is {what}")
