"""Theory against simulation: the only modules that see both."""

from meanfield.verdict.against_theory import crosscheck
from meanfield.verdict.given_weights import WeightCheck, check_weights
from meanfield.verdict.report import CrossCheck, Row

__all__ = ["CrossCheck", "Row", "WeightCheck", "check_weights", "crosscheck"]
