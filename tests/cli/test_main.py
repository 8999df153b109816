import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from work import calls

import meanfield as mf
from meanfield.cli import gain as gain_module
from meanfield.cli.main import app, run

COMMANDS = (
    "gain",
    "recommend",
    "critical",
    "fixed-points",
    "phase",
    "propagate",
    "spectrum",
    "check",
    "transform",
    "table",
)
WITH_ACTIVATION = COMMANDS[:-1]
HOSTILE = {
    "import": "__import__('os').system('x')",
    "attribute": "(1).__class__",
    "power tower": "x**9**9**9",
    "100 kB": "x+" * 50_000 + "x",
    "deep": "(" * 50_000 + "x",
    "lambda": "lambda: 0",
    "empty": "",
    "newlines": "x +\n\n* ;",
    "null byte": "x\0",
    "walrus": "(y := x)",
    "deep network": "residual(" * 900 + "dense" + ")" * 900,
    "long network": "relu, " * 20_000 + "dense",
    "network of a lambda": "relu, dense(lambda: 0)",
    "network of an attribute": "dense.__class__",
    "network of a call of a call": "dense()()",
    "network of an import": "relu, dense(__import__('os').getpid())",
    "network of a star": "residual(*dense)",
    "network of an f-string": "f'{dense}', dense",
    "network of text": "conv(1, weights='delta')",
    "network of a power tower": "dense(9**9**9**9)",
    "network with a keyword twice": "dense(sigma_w=1, sigma_w=2)",
    "network of control characters": "dense\0, relu",
}


def one_line(err):
    return err.startswith("error: ") and err.endswith("\n") and err.count("\n") == 1 and len(err) < 700


def test_version_is_that_of_the_package(meanfield):
    assert meanfield("--version").out == f"meanfield {mf.__version__}\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command_has_an_example_that_runs(meanfield, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = [line for line in meanfield(command, "--help").out.splitlines() if "Example: meanfield" in line]
    assert lines
    for line in lines:
        words = shlex.split(line.partition("Example: meanfield ")[2])
        if command == "phase":
            words += ["--sigma-w", "0.5:3:6", "--sigma-b", "0:1:5"]
        result = meanfield(*words)
        assert (result.status, result.err) == (0, "")
        assert result.out


def test_no_arguments_show_the_help(meanfield):
    result = meanfield()
    assert result.status == 0
    assert all(command in result.out for command in COMMANDS)


@pytest.mark.parametrize("command", WITH_ACTIVATION)
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_text_is_refused_in_one_line_and_little_work(meanfield, command, text):
    mf.activation("2*x"), mf.phase_diagram, mf.recommend  # imports are not meant

    def refused():
        result = meanfield(command, text)
        assert result.status == 2
        assert result.out == ""
        assert one_line(result.err)

    assert calls(refused) < 400_000


@pytest.mark.parametrize(
    "words",
    [
        ["nonsense"],
        ["gain"],
        ["gain", "gelu", "extra"],
        ["gain", "gelu", "--nonsense"],
        ["gain", "gelu", "--q", "three"],
        ["gain", "gelu", "--q", "-1"],
        ["transform", "relu, dense"],
        ["transform", "sign"],
        ["transform", "tanh", "--method", "sideways"],
        ["transform", "tanh", "--framework", "mxnet"],
        ["transform", "tanh", "--zeta", "1"],
        ["transform", "tanh", "--branch", "7"],
        ["transform", "tanh", "--block", "tanh, dense(2)"],
        ["gain", "gelu", "--q", "nan"],
        ["gain", "gelu", "--kind", "sideways"],
        ["gain", "sign", "--kind", "backward"],
        ["gain", "gelu", "--param", "approximate"],
        ["gain", "relu", "--param", "slope=1"],
        ["gain", "exp(x**2)"],
        ["gain", "relu, dense"],
        ["gain", "leaky_relu(slope=1)"],
        ["table", "relu, dense"],
        ["phase", "layernorm"],
        ["critical", "layernorm"],
        ["critical", "batchnorm(8), relu, dense"],
        ["propagate", "layernorm", "--sigma-w", "2"],
        ["propagate", "relu, dense", "--sigma-w", "-1"],
        ["propagate", "relu, dense", "--param", "a=1"],
        ["propagate", "relu, dense((1, 2))"],
        ["propagate", "relu, dens(1)"],
        ["propagate", "concatenate(relu, dense), relu"],
        ["fixed-points", "relu, dropout"],
        ["check", "relu, batchnorm(2), dense"],
        ["check", "relu, dense, tanh, dense", "--init", "critical"],
        ["check", "relu, dense", "--weights", "weights.npz"],
        ["critical", "sign"],
        ["critical", "tanh", "--sigma-b", "1:0:5"],
        ["critical", "tanh", "--sigma-b", "-1"],
        ["critical", "tanh", "-o", "line.bmp"],
        ["phase", "tanh", "-o", "nowhere/phase.png"],
        ["phase", "tanh", "--sigma-w", "0:1"],
        ["phase", "tanh", "--sigma-w", "a,b"],
        ["phase", "tanh", "--sigma-w", "0:1:99999999"],
        ["propagate", "tanh", "--c", "1.5"],
        ["propagate", "tanh", "--depth", "0"],
        ["propagate", "tanh", "--sigma-w", "-1"],
        ["fixed-points", "tanh", "--sigma-b", "0.1"],
        ["fixed-points", "tanh", "--q-max", "0"],
        ["check", "tanh", "--weights", "heavy"],
        ["check", "tanh", "--method", "guess"],
        ["check", "tanh", "--dtype", "int8"],
        ["check", "tanh", "--seed", "-1"],
        ["check", "tanh", "--init", "math"],
        ["check", "tanh", "--init", "math:sin"],
        ["check", "tanh", "--init", "math:sin", "--weights", "uniform"],
        ["recommend", "gelu", "--depth", "0"],
        ["recommend", "gelu", "--framework", "mxnet"],
        ["recommend", "geluu"],
        ["table", "--format", "html"],
        ["table", "relu", "nonsense"],
        ["table", "--q", "0"],
    ],
    ids=" ".join,
)
def test_bad_usage_is_one_line_and_status_2(meanfield, words):
    result = meanfield(*words)
    assert (result.status, result.out) == (2, "")
    assert one_line(result.err)


def test_the_nearest_names_are_told(meanfield):
    assert "gelu" in meanfield("gain", "geluu").err


@pytest.mark.parametrize(
    ("raised", "status", "told"),
    [
        (KeyboardInterrupt(), 130, ""),
        (BrokenPipeError(32, "broken"), 141, ""),
        (PermissionError(13, "Permission denied", "x.png"), 2, "error: x.png: Permission denied\n"),
        (MemoryError(), 2, "error: not enough memory; use fewer points, networks or units\n"),
    ],
    ids=["interrupt", "broken pipe", "no permission", "memory"],
)
def test_what_stops_a_command_has_its_own_status_and_no_traceback(meanfield, monkeypatch, raised, status, told):
    def stop(*_):
        raise raised

    monkeypatch.setattr(gain_module, "gains_or_reasons", stop)
    monkeypatch.setattr("os.dup2", lambda *_: None)  # pytest's own standard output is to stay open
    result = meanfield("gain", "gelu")
    assert result.status == status
    assert result.err.lstrip("\n") == told


def test_a_bug_is_told_in_one_line_with_a_status_of_its_own(meanfield, monkeypatch):
    def stop(*_):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(gain_module, "gains_or_reasons", stop)
    result = meanfield("gain", "gelu")
    assert result.status == 70
    assert one_line(result.err)
    assert "bug" in result.err


def test_nobody_reading_the_output_is_not_an_error():
    command = f"{Path(sys.executable).parent / 'meanfield'} table relu | true"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert result.stderr == ""


def test_the_installed_command_exits_with_the_status():
    script = Path(sys.executable).parent / "meanfield"
    good = subprocess.run([script, "--version"], capture_output=True, text=True, check=False)
    bad = subprocess.run([script, "gain", "lambda: 0"], capture_output=True, text=True, check=False)
    assert (good.returncode, good.stdout, good.stderr) == (0, f"meanfield {mf.__version__}\n", "")
    assert (bad.returncode, bad.stdout) == (2, "")
    assert one_line(bad.stderr)


def test_version_and_help_import_neither_numpy_nor_rich_nor_matplotlib():
    code = (
        "import sys, typer; before = set(sys.modules);"  # old versions of typer import rich
        "from meanfield.cli.main import run; run(['--version']); run(['recommend', '--help']);"
        "print(sorted({'numpy', 'scipy', 'sympy', 'rich', 'matplotlib'} & (set(sys.modules) - before)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "[]"


def test_the_app_runs_under_typers_own_runner():
    from typer.testing import CliRunner

    result = CliRunner().invoke(app, ["gain", "relu", "--json"])
    assert result.exit_code == 0
    assert '"forward"' in result.stdout


def test_run_takes_the_arguments_of_the_process_by_default(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["meanfield", "--version"])
    assert run() == 0
    assert capsys.readouterr().out.startswith("meanfield ")
