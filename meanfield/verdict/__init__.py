"""Theory against simulation: the only modules that see both."""

from meanfield.verdict.against_theory import crosscheck
from meanfield.verdict.report import CrossCheck, Row

__all__ = ["CrossCheck", "Row", "crosscheck"]
