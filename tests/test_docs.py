"""The pages name what exists: files, import contracts, decisions with their status."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

import meanfield

ROOT = Path(__file__).parent.parent
PACKAGE = Path(meanfield.__file__).parent
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]
ARCHITECTURE = (DOCS / "architecture.md").read_text(encoding="utf-8")
FENCES = re.compile(r"^```.*?^```$", flags=re.MULTILINE | re.DOTALL)
FILES = re.compile(r"[\w./]*\w\.(?:py|json)\b|(?:\w+/)+(?=$|[\s:])")  # a file, or a folder that ends in a slash


def named_files(text: str) -> set[str]:
    """Files and folders in code spans, but for placeholders such as `<family>.py`."""
    spans = re.findall(r"`([^`\n]+)`", FENCES.sub("", text))
    return {name for span in spans if "<" not in span for name in FILES.findall(span)}


def exists(name: str) -> bool:
    if "/" in name.rstrip("/"):
        return any((base / name).exists() for base in (ROOT, PACKAGE, PACKAGE.parent))
    if name.endswith("/"):
        folders = (base / name for base in (ROOT, PACKAGE, PACKAGE.parent))
        return any(folder.is_dir() for folder in folders) or any(PACKAGE.rglob(name.rstrip("/")))
    return any(next(base.rglob(name), None) for base in (PACKAGE, ROOT / "tests", ROOT / "examples", DOCS))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_file_that_a_page_names_exists(page):
    assert [name for name in sorted(named_files(page.read_text(encoding="utf-8"))) if not exists(name)] == []


def test_names_of_files_are_found_and_missing_ones_noticed():
    text = "`theory/depth/ntk.py` and `python tests/corpus.py 5`, `a/b.py`, `layer_maps/`, `x/<family>.py`, `/√fan_in`"
    found = named_files(text)
    assert found == {"theory/depth/ntk.py", "tests/corpus.py", "a/b.py", "layer_maps/"}
    assert [name for name in sorted(found) if not exists(name)] == ["a/b.py"]


def test_the_table_of_guesses_has_the_formulas_that_a_stranger_looks_for():
    table = ARCHITECTURE.split("## Where is the formula of")[1].split("\n## ")[0]
    rows = [row.split("|") for row in table.splitlines() if row.count("|") >= 3]
    guesses = {row[1].strip(): named_files(row[2]) for row in rows[2:]}
    assert all(guesses.values())
    sought = "V(q) χ₁ q* c* ξ critical Fourier NNGP NTK Price Mehler multiple-testing gains Marchenko"
    for word in sought.split():
        assert any(word in formula for formula in guesses), word


def test_the_rooms_of_the_architecture_are_all_rooms():
    table = ARCHITECTURE.split("## Rooms")[1].split("\n## ")[0]
    rooms = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    assert {name.rstrip("/") for name in re.findall(r"^\| `(\w+/)`", table, flags=re.MULTILINE)} == rooms
    modules = {path.name for path in PACKAGE.glob("*.py")} - {"__init__.py", "__main__.py", "_version.py"}
    assert modules <= named_files(table)


def test_the_top_level_has_what_the_project_consists_of():
    if (ROOT / ".git").exists():  # in a checkout; the tests of the installed package have a part of it
        kept = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        names = "CHANGELOG.md CITATION.cff LICENSE README.md docs examples meanfield pyproject.toml tests"
        assert {name.split("/")[0] for name in kept.splitlines() if not name.startswith(".")} == set(names.split())


def test_no_room_has_more_than_sixteen_files_but_those_with_one_a_family_a_figure_or_a_command():
    rooms = [path.parent for path in PACKAGE.rglob("__init__.py")]
    sizes = {room.relative_to(PACKAGE).as_posix(): len(list(room.glob("*.py"))) for room in rooms}
    families = {"networks/layers", "theory/layer_maps", "montecarlo/layer_passes", "plotting", "cli"}
    assert {room: size for room, size in sizes.items() if size > 16 and room not in families} == {}


def test_the_layering_on_the_page_is_the_contracts_of_pyproject():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    section = ARCHITECTURE.split("## Layering")[1].split("\n## ")[0]
    (whole,) = re.findall(r"^```text\n(.*?)^```$", section, flags=re.MULTILINE | re.DOTALL)
    shown = {"meanfield": ["__main__", *whole.splitlines()]}
    for room, layers in re.findall(r"^- `([\w/]+)/`: (.*(?:\n  .*)*)", section, flags=re.MULTILINE):
        shown["meanfield." + room.replace("/", ".")] = " ".join(layers.split()).split(" → ")
    assert shown == {
        contract["containers"][0]: contract["layers"] for contract in contracts if contract["type"] == "layers"
    }


@pytest.mark.parametrize("page", sorted(DOCS.glob("decisions/0*.md")), ids=lambda page: page.stem)
def test_every_decision_has_a_number_a_status_a_date_and_the_alternatives_that_lost(page):
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"# {int(page.name[:4])}. ")
    assert re.search(r"^\*Status: (accepted|superseded), \d{4}-\d{2}-\d{2}[.;]", text, flags=re.MULTILINE)
    for part in ("Decision", "Why", "Alternatives that lost", "Price"):
        assert f"\n**{part}.** " in text, part
    assert f"\n{page.stem}\n" in (DOCS / "decisions" / "index.md").read_text(encoding="utf-8")


def test_the_citation_agrees_with_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pairs = re.findall(r'^([\w-]+): "?([^"\n]+)"?$', (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)
    citation = dict(pairs)
    assert citation["cff-version"] == "1.2.0"
    assert citation["license"] == project["license"]
    assert citation["title"].startswith("meanfield: ")
