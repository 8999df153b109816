"""`meanfield audit`: exit status, JSON, page, and what it says without torch."""

import importlib.util
import json

import pytest

from meanfield.cli.main import run

MODELS = """
from torch import nn

def good():
    model = nn.Sequential(nn.Linear(16, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 4))
    for layer in model[::2]:
        nn.init.kaiming_normal_(layer.weight)
    return model

def cloned():
    model = good()
    model.extend([nn.ReLU(), nn.Linear(4, 64), nn.ReLU(), nn.Linear(64, 64)])
    nn.init.kaiming_normal_(model[6].weight)
    model[8].load_state_dict(model[2].state_dict())
    return model

def tokens():
    return nn.Sequential(nn.Embedding(50, 32), nn.Linear(32, 50))

def broken():
    raise RuntimeError("no")
"""


@pytest.fixture
def models(tmp_path, monkeypatch):
    (tmp_path / "audited_models.py").write_text(MODELS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_exit_status_text_json_and_page(torch, models, capsys):
    assert run(["audit", "audited_models:good", "--input", "8,16", "--redraws", "4", "--html", "page.html"]) == 0
    assert capsys.readouterr().out.startswith("passed: Sequential, 5 modules")
    assert "</html>" in (models / "page.html").read_text(encoding="utf-8")
    assert run(["audit", "audited_models:cloned", "--input", "8,16", "--redraws", "0", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["passed"] is False
    assert run(["audit", "audited_models:tokens", "--input", "4,8:int<50", "--redraws", "0"]) == 0


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["audited_models:good", "--input", "8,a"], "must be a shape such as"),
        (["audited_models:good", "--input", "8,17"], "does not run on these inputs"),
        (["audited_models:broken", "--input", "8,17"], "raised RuntimeError: no"),
        (["audited_models:nosuch", "--input", "8,17"], "has no 'nosuch'"),
    ],
)
def test_bad_usage_is_one_line(torch, models, capsys, arguments, why):
    assert run(["audit", *arguments]) == 2
    assert why in capsys.readouterr().err


@pytest.mark.skipif(importlib.util.find_spec("torch") is not None, reason="torch is installed")
def test_without_torch_the_command_says_how_to_install_it(capsys):
    assert run(["audit", "math:sqrt", "--input", "8,16"]) == 2
    assert 'pip install "meanfield-nn[torch]"' in capsys.readouterr().err
