"""The page of an audit: one HTML file without scripts, with the figure as inline SVG."""

import io
import math
import re
from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

from meanfield.audits.finding import Finding
from meanfield.audits.row import Row

STYLE = """body { font: 15px/1.45 sans-serif; margin: 2em auto; max-width: 70em; padding: 0 1em;
  color: #111; background: #fff }
table { border-collapse: collapse; margin: 1em 0 } th, td { border-bottom: 1px solid #bbb; padding: .25em .6em }
th, td { text-align: left; vertical-align: top } td.number { text-align: right; font-variant-numeric: tabular-nums }
.verdict { border: 2px solid #111; padding: .6em .8em } svg { max-width: 100%; height: auto }"""
COLUMNS = (
    "module",
    "kind",
    "weights",
    "second moment",
    "theory",
    "gradient",
    "theory",
    "correlation",
    "why theory stops",
)


def page(model: str, verdict: str, findings: Sequence[Finding], rows: Sequence[Row], figure: Any) -> str:
    """The page as text. Severities are words, so that no colour carries a meaning."""
    return "\n".join(
        [
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f"<title>Audit of {escape(model)}</title>\n<style>{STYLE}</style>\n</head>\n<body>",
            f"<h1>Audit of {escape(model)}</h1>\n<p class=verdict>{escape(verdict)}</p>",
            "<h2>Findings</h2>",
            *_findings(findings),
            "<h2>Signal and gradient</h2>",
            _svg(figure),
            "<h2>Modules</h2>",
            *_table(rows),
            "</body>\n</html>\n",
        ]
    )


def _findings(findings: Sequence[Finding]) -> Iterator[str]:
    if not findings:
        yield "<p>None.</p>"
        return
    yield "<table><tr><th>severity</th><th>kind</th><th>module</th><th>what</th></tr>"
    for one in findings:
        cells = (one.severity, one.kind, one.module, one.text)
        yield "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
    yield "</table>"


def _table(rows: Sequence[Row]) -> Iterator[str]:
    yield "<table><tr>" + "".join(f"<th>{name}</th>" for name in COLUMNS) + "</tr>"
    for row in rows:
        weights = "<br>".join(escape(f"{w.name}: σ_w = {w.sigma_w:.3g}, {w.scheme}") for w in row.weights)
        numbers = (
            row.second_moment,
            row.predicted_second_moment,
            row.gradient,
            row.predicted_gradient,
            row.correlation,
        )
        cells = "".join(f"<td class=number>{'' if math.isnan(v) else f'{v:.3g}'}</td>" for v in numbers)
        why = "" if row.theory == "predicted" else escape(row.theory)
        names = f"<td>{escape(row.module) or '(model)'}</td><td>{escape(row.kind)}</td><td>{weights}</td>"
        yield f"<tr>{names}{cells}<td>{why}</td></tr>"
    yield "</table>"


def _svg(figure: Any) -> str:
    file = io.StringIO()
    figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    found = re.search(r"<svg.*</svg>", file.getvalue(), re.DOTALL)
    return re.sub(r"<metadata>.*?</metadata>", "", found[0], flags=re.DOTALL) if found else ""
