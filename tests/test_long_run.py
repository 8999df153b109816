"""The long run runs every script, and fails if one of them does; versions are pinned to their lower bounds."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

LONG = Path(__file__).parent.parent / ".ci" / "long"


@pytest.mark.parametrize(("names", "status"), [((), 1), (("right",), 0), (("wrong", "right"), 1)])
def test_every_script_runs_and_a_failure_is_a_failure(tmp_path, names, status):
    (tmp_path / ".ci").mkdir()
    (tmp_path / "tests" / "long").mkdir(parents=True)
    shutil.copy(LONG, tmp_path / ".ci")
    (tmp_path / "tests" / "helper.py").write_text("STATUS = 3\n")
    (tmp_path / "tests" / "long" / "right.py").write_text("print('right ran')\n")
    (tmp_path / "tests" / "long" / "wrong.py").write_text("import helper\nraise SystemExit(helper.STATUS)\n")
    environment = os.environ | {"PYTHON": sys.executable}
    ran = subprocess.run([tmp_path / ".ci" / "long", *names], env=environment, capture_output=True, text=True)
    assert ran.returncode == status, ran.stderr
    assert "right ran" in ran.stdout
    assert ("failed: tests/long/wrong.py" in ran.stdout) == bool(status)


def test_every_runtime_dependency_has_a_lower_bound_that_can_be_pinned():
    """As `.ci/versions` does."""
    project = tomllib.loads((LONG.parent.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    for needed in (*project["dependencies"], *extras["xarray"], *extras["distributed"]):
        assert re.fullmatch(r"[a-z]+>=\d+(\.\d+)*", needed), needed
    in_tests = {name for each in extras["test"] for name in re.findall(r"^[\w-]+", each)}
    assert {"xarray", "distributed"} <= in_tests
