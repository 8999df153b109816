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


def test_schemes_of_the_same_sigmas_share_a_line(meanfield):
    out = meanfield("table", "gelu", "--schemes").out
    heading = "activation scheme sigma_w sigma_b q 10 q 50 q 200 gradient 10 gradient 50 gradient 200 verdict"
    assert " ".join(out.splitlines()[0].split()) == heading
    line = next(line for line in out.splitlines() if "he_normal +1" in line)
    assert "2.97e-14" in line
    assert line.endswith("signal and gradient vanish")
    assert "xavier_normal +5: and xavier_uniform, lecun_normal, lecun_uniform, orthogonal, delta_orthogonal" in out
    assert "q = 1 repels" in out


def test_schemes_in_csv_have_all_digits_and_every_row(meanfield):
    rows = list(csv.DictReader(io.StringIO(meanfield("table", "relu", "tanh", "--schemes", "--format", "csv").out)))
    assert len(rows) == 2 * len({row["scheme"] for row in rows})
    assert float(rows[0]["q 10"]) == pytest.approx(2.0**-10, rel=1e-14)


def test_schemes_depths_width_and_q_are_as_asked(meanfield):
    call = ("table", "relu", "--scheme", "normal:std=0.1", "--scheme", "he_normal", "--depth", "3,2", "--width", "100")
    answer = meanfield(*call, "--q", "2", "--json").json
    assert (answer["q"], answer["depths"]) == (2.0, [2, 3])
    first, second = answer["table"]
    assert (first["scheme"], first["sigma_w"]) == ("normal:std=0.1", 1.0)
    assert first["q"] == pytest.approx([0.5, 0.25])
    assert second["gradient"] == pytest.approx([1, 1])


def test_schemes_say_what_overflows(meanfield):
    answer = meanfield("table", "exponential", "--scheme", "he_normal", "--json").json["table"][0]
    assert answer["q"] == ["inf", "inf", "inf"]
    out = meanfield("table", "exponential", "--scheme", "he_normal").out
    assert "infinite from layer 3 on" in out
    assert "nan" not in out.lower()


def test_schemes_in_markdown_without_an_activation_are_those_of_a_dozen(meanfield):
    lines = meanfield("table", "--scheme", "torch_linear", "--depth", "5", "--format", "markdown").out.splitlines()
    assert lines[0].startswith("| activation | scheme | sigma_w | sigma_b | q 5 |")
    assert 12 <= len(lines) - 2 <= 15
    assert "| relu | torch_linear | 0.577 | 0.018 |" in lines[3]


def test_all_is_the_catalogue(meanfield):
    rows = meanfield("table", "--scheme", "he_normal", "--depth", "2", "--all", "--json").json["table"]
    assert [row["activation"] for row in rows] == list(mf.catalogue())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--depth", "3"), "--depth goes with --schemes"),
        (("--width", "3"), "--width goes with --schemes"),
        (("--all",), "--all goes with --schemes"),
        (("relu", "--schemes", "--all"), "name activations or give --all"),
        (("--schemes", "--depth", "1,x"), "--depth is whole numbers between commas"),
        (("--schemes", "--depth", "0"), "depth must be a whole number"),
        (("relu", "--scheme", "normal"), "normal needs std="),
        (("relu", "--scheme", "he"), "'he' names several schemes: choose he_normal or he_uniform"),
        (("--schemes", "--format", "html"), "--format must be one of"),
    ],
)
def test_questions_about_schemes_that_make_no_sense_are_refused(meanfield, arguments, message):
    result = meanfield("table", *arguments)
    assert result.status == 2
    assert message in result.err
    assert result.err.count("\n") == 1
