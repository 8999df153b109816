"""Nothing depends on the caller's error state, warning filters, locale, directory or threads, or changes them."""

import json
import os
import re
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


@pytest.mark.slow
@pytest.mark.parametrize("which", [(), pytest.param(("slow",), marks=pytest.mark.long)])
def test_every_public_function_answers_the_same_in_a_hostile_state_and_leaves_it_as_it_was(which):
    script = (str(HERE / "callers_state.py"), *which)
    usual = answers(*script)
    hostile = answers("-W", "ignore", "-X", "warn_default_encoding", *script, "hostile", LC_ALL="C", PYTHONUTF8="0")
    assert hostile["changed"] == usual["changed"] == {}
    for name, text in usual["shown"].items():
        assert hostile["shown"][name] == text, name


@pytest.mark.long
def test_every_public_function_answers_the_same_from_threads():
    names = list(callers_state.CALLS)
    alone = {name: callers_state.shown(name) for name in names}
    with ThreadPoolExecutor(4) as pool:
        for name, text in zip(4 * names, pool.map(callers_state.shown, 4 * names), strict=True):
            words, numbers = words_and_numbers(text)
            assert words == words_and_numbers(alone[name])[0], name
            assert numbers == pytest.approx(words_and_numbers(alone[name])[1], rel=1e-9, abs=1e-12, nan_ok=True), name


def words_and_numbers(text):
    """A text without its numbers, and these; bounds on errors are left out, since they depend on what came before."""
    text = re.sub(r"error=(array\(\[[^]]*\]\)|[^,)]*)|evaluations=\d+|\s", "", text)
    number = r"-?\d+\.?\d*(?:e[-+]\d+)?"
    return re.sub(number, "#", text), [float(found) for found in re.findall(number, text)]
