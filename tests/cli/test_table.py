import csv
import io

import pytest

import meanfield as mf


def test_the_whole_catalogue_is_the_default(meanfield):
    result = meanfield("table", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(result.out)))
    assert [row["activation"] for row in rows] == list(mf.catalogue())
    relu = next(row for row in rows if row["activation"] == "relu")
    assert float(relu["forward"]) == pytest.approx(2**0.5, rel=1e-14)
    assert 0 < float(relu["forward_error"]) < 1e-12
    assert next(row for row in rows if row["activation"] == "sign")["backward"] == ""


def test_markdown_is_for_documents(meanfield):
    lines = meanfield("table", "relu", "sign", "--format", "markdown").out.splitlines()
    assert lines[0] == "| activation | forward | centered | backward |"
    assert lines[2] == "| relu | 1.414213562373 | 1.712858550450 | 1.414213562373 |"
    assert lines[3].endswith("| - |")


def test_plain_has_a_line_for_each(meanfield):
    out = meanfield("table", "relu", "x*sigmoid(x)").out
    assert "1.414213562373" in out
    assert "x*sigmoid(x)" in out


def test_an_activation_without_a_gain_there_keeps_its_row(meanfield):
    rows = meanfield("table", "--q", "1000", "--json").json["table"]
    broken = next(row for row in rows if row["activation"] == "exponential")["gains"]["forward"]
    assert broken["value"] is None
    assert "exponential" in broken["reason"]
    assert len(rows) == len(mf.catalogue())
