import json
from types import SimpleNamespace

import pytest

from meanfield.cli.main import run


@pytest.fixture
def meanfield(capsys):
    """Run the command line in this process: status, out, err and, if asked for, the JSON."""

    def call(*arguments):
        status = run(arguments)
        out, err = capsys.readouterr()
        result = SimpleNamespace(status=status, out=out, err=err)
        if "--json" in arguments and status != 2:
            result.json = json.loads(out, parse_constant=lambda token: pytest.fail(f"{token} is not JSON"))
        return result

    return call
