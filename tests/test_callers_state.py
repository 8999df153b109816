"""Nothing depends on the caller's error state, warning filters, locale, directory or threads, and nothing changes it."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import callers_state
import pytest

HERE = Path(__file__).parent


def answers(*arguments, **environment):
    """What the script `callers_state` prints: what each call showed, and what it changed."""
    command = [sys.executable, *arguments]
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), *sys.path]), **environment}
    done = subprocess.run(command, capture_output=True, text=True, env=variables, cwd=HERE.parent, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout)


def test_every_public_function_answers_the_same_in_a_hostile_state_and_leaves_it_as_it_was():
    script = str(HERE / "callers_state.py")
    usual = answers(script)
    hostile = answers(
        "-W", "error", "-X", "warn_default_encoding", script, "hostile", LC_ALL="C", PYTHONUTF8="0", TZ="Asia/Kathmandu"
    )
    assert hostile["changed"] == usual["changed"] == {}
    assert len(usual["shown"]) > 50
    for name, text in usual["shown"].items():
        assert hostile["shown"][name] == text, name


@pytest.mark.long
def test_every_public_function_answers_the_same_from_threads():
    names = list(callers_state.CALLS)
    alone = {name: callers_state.shown(name) for name in names}
    with ThreadPoolExecutor(4) as pool:
        for name, text in zip(4 * names, pool.map(callers_state.shown, 4 * names), strict=True):
            assert text == alone[name], name
