"""The command as a process: exit statuses, interruptions, closed streams, and code of users that prints or exits."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

COMMAND = [sys.executable, "-m", "meanfield"]
MODULE = """
import sys
print("imported")

def talks(x):
    print("called")
    return x

def leaves(rng, fan_out, fan_in):
    sys.exit(3)
"""


def run(*words, **options):
    return subprocess.run([*COMMAND, *words], capture_output=True, text=True, timeout=60, check=False, **options)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "talking.py").write_text(MODULE)
    return tmp_path


def test_what_a_module_and_a_function_print_is_not_in_the_answer(folder):
    result = run("gain", "talking:talks", "--json", cwd=folder)
    assert result.returncode == 0
    assert json.loads(result.stdout)["activation"] == "talks"
    assert "imported" in result.stderr
    assert "called" in result.stderr


def test_a_check_that_fails_has_status_1():
    result = run("check", "relu", "--init", "he_normal:activation=linear", "--depth", "6", "--width", "128")
    assert (result.returncode, result.stderr) == (1, "")


def test_a_bug_has_status_70_and_no_traceback(folder):
    (folder / "breaks.py").write_text(
        "import meanfield.cli.gain as command\ncommand.gains_or_reasons = None\nabs = abs\n"
    )
    result = run("gain", "breaks:abs", cwd=folder)
    assert result.returncode == 70
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("error: ")


def test_a_function_that_exits_is_told(folder):
    words = ("check", "tanh", "--sigma-w", "1", "--init", "talking:leaves", "--depth", "2", "--width", "16")
    result = run(*words, cwd=folder)
    assert result.returncode == 2
    assert "SystemExit" in result.stderr or "sys.exit" in result.stderr
    assert result.stderr.splitlines()[-1].startswith("error: ")


@pytest.mark.parametrize("words", [("gain", "tanh", "--json"), ("--version",), ()])
def test_closed_standard_output_is_one_sentence(words):
    result = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *COMMAND, *words], stderr=subprocess.PIPE, text=True, check=False
    )
    assert (result.returncode, result.stderr) == (2, "error: standard output is closed; send it to a file or a pipe\n")


def test_a_wrong_name_has_status_2_with_closed_standard_error_too():
    assert run("gain", "nosuch").returncode == 2
    closed = subprocess.run(["sh", "-c", 'exec "$@" 2>&-', "sh", *COMMAND, "gain", "nosuch"], check=False)
    assert closed.returncode == 2


@pytest.mark.parametrize("delay", [0.03, 0.1, 0.3])
def test_an_interruption_leaves_no_traceback(delay):
    """Python's own start is not meant: the clock runs from when it is done."""
    start = "import sys; from meanfield.__main__ import main; print('started', flush=True); sys.exit(main())"
    words = ["check", "tanh", "--sigma-w", "1.5", "--depth", "30", "--width", "512", "--networks", "256"]
    process = subprocess.Popen(
        [sys.executable, "-c", start, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # shells ignore it in background
    )
    assert process.stdout.readline() == "started\n"
    time.sleep(delay)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err


def test_a_reader_that_goes_away_is_status_141():
    reader, writer = os.pipe()
    os.close(reader)
    result = subprocess.run([*COMMAND, "table"], stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (result.returncode, result.stderr) == (141, "")
