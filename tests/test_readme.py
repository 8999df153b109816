"""What README.md and the pages of docs/ show is what happens: their Python and console blocks are run."""

import doctest
import re
import shlex
from pathlib import Path

import pytest

from meanfield.initializers.catalogue import SCHEMES

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
SLOW = (
    "README.md",
    "docs/simulation.md",
    "docs/theory/batchnorm.md",
    "docs/theory/critical_line.md",
    "docs/theory/gated.md",
)
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)


def blocks(page: Path, language: str) -> list[str]:
    return [body for name, body in FENCE.findall(page.read_text(encoding="utf-8")) if name == language]


def with_blocks(language: str) -> list[object]:
    names = {page.relative_to(ROOT).as_posix(): page for page in PAGES if blocks(page, language)}
    slow = {name: [pytest.mark.slow] for name in SLOW} if language == "pycon" else {}
    return [pytest.param(page, id=name, marks=slow.get(name, [])) for name, page in names.items()]


@pytest.mark.parametrize("page", with_blocks("pycon"))
def test_the_python_sessions_print_what_they_show(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told: list[str] = []
    session = doctest.DocTestParser().get_doctest("\n".join(blocks(page, "pycon")), {}, page.name, str(page), 0)
    assert session.examples
    result = doctest.DocTestRunner(optionflags=FLAGS).run(session, out=told.append)
    assert result.failed == 0, "".join(told)


@pytest.mark.parametrize("page", with_blocks("console"))
def test_the_commands_print_what_they_show(page, tmp_path, monkeypatch, capsys):
    from meanfield.cli.main import run

    monkeypatch.chdir(tmp_path)
    for body in blocks(page, "console"):
        for command, shown in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", body, flags=re.MULTILINE):
            program, *arguments = shlex.split(command)
            assert program == "meanfield"
            status = run(arguments)
            printed = capsys.readouterr()
            assert status == (2 if shown.startswith("error:") else 0), printed.err
            got = printed.err if status else printed.out
            assert doctest.OutputChecker().check_output(shown, got, FLAGS), f"{command} printed\n{got}"


def test_every_link_to_a_file_leads_to_one():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_two_set_up_commands_are_as_promised():
    main_job, tests = "pip install . && meanfield recommend gelu\n", 'pip install ".[test]" && pytest\n'
    assert blocks(ROOT / "README.md", "sh") == [main_job, tests]


def test_the_readme_is_the_description_of_the_package():
    assert 'readme = "README.md"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_the_readme_counts_the_schemes():
    count = re.search(r"`initializer` has (\d+) named schemes", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert count
    assert int(count[1]) == len(SCHEMES)
