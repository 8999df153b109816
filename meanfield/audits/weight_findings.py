"""All findings that follow from the weights alone."""

from collections.abc import Sequence
from dataclasses import replace

from meanfield.audits.finding import Finding
from meanfield.audits.scales import unlike_their_like
from meanfield.audits.schemes import (
    foreign_gains,
    missed_weights,
    mistaken_fans,
    unlike_expected,
    unscaled_branches,
)
from meanfield.audits.weight import Weight
from meanfield.audits.zeros import copies, dependent_entries, zero_weights


def weight_findings(weights: Sequence[Weight], alpha: float, expect: str | None) -> list[Finding]:
    """Copies, zeros, scales unlike their like at the false-alarm rate `alpha`, and what named schemes say."""
    findings = [*copies(weights), *zero_weights(weights), *unlike_their_like(weights, alpha)]
    findings += unlike_expected(weights, expect) if expect is not None else ()
    findings += mistaken_fans(weights)
    findings += missed_weights(weights)
    findings += foreign_gains(weights)
    findings += unscaled_branches(weights)
    findings += dependent_entries(weights)
    return findings


def with_causes(findings: Sequence[Finding]) -> list[Finding]:
    """Foreign gains and unscaled branches become errors where signal or gradient leaves its band."""
    leaves = any(one.kind in ("signal", "gradient") and one.severity == "error" for one in findings)
    return [
        replace(one, severity="error")
        if leaves and one.kind in ("gain", "residual") and one.severity == "note"
        else one
        for one in findings
    ]
