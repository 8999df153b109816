"""What audits of models of every framework share: weights, rows, findings, and the report."""
