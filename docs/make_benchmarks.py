"""Write docs/benchmarks.md: run every script of tests/benchmarks and write its output into the page.

    python docs/make_benchmarks.py [a Python that has the extra `bench`]

Takes about twenty minutes, on a machine that does nothing else. Each script runs with one thread.
"""

import datetime
import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy
import scipy

import meanfield

ROOT = Path(__file__).parent.parent
HEAD = """# Speed

Times and errors side by side, measured by `python docs/make_benchmarks.py`. Times depend on the machine. Ratios depend
on it less, since both of their times are from the same run.

Here: {machine}, {cores} cores of which one was used, Python {python}, NumPy {numpy}, SciPy {scipy}, meanfield
{meanfield}; {date}.
"""
PARTS = {
    "tasks.py": "Each task beside an expert's code",
    "phase_diagram.py": "Phase diagrams of activations",
    "many.py": "Many networks, layers or inputs at once",
    "moments.py": "Moments of one activation",
    "simulation.py": "Simulation",
    "neural_tangents_kernels.py": "Beside neural-tangents",
    "neural_tangents_images.py": "Images and tokens beside neural-tangents",
}


def printed(script: str, python: str) -> str:
    """The output of a benchmark that the given Python runs with one thread."""
    environment = os.environ | dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    command = [python, "-W", "ignore", str(ROOT / "tests" / "benchmarks" / script)]
    environment["PYTHONPATH"] = str(ROOT)
    result = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, cwd=ROOT)
    return "\n".join(line.rstrip() for line in result.stdout.splitlines())


def main(bench: str | None) -> None:
    """Run them all and write the page."""
    versions = {"python": platform.python_version(), "numpy": numpy.__version__, "scipy": scipy.__version__}
    page = HEAD.format(
        machine=platform.machine(),
        cores=os.cpu_count(),
        meanfield=meanfield.__version__,
        date=datetime.date.today(),
        **versions,
    )
    for script, title in PARTS.items():
        python = bench if script.startswith("neural") else sys.executable
        if python is None:
            continue
        sys.stderr.write(f"{script}\n")
        about = (ROOT / "tests" / "benchmarks" / script).read_text().split('"""')[1].split("\n\n")
        text = " ".join(about[-1].split())
        page += f"\n## {title}\n\n{about[0].strip()}\n\n{text}\n\n```text\n{printed(script, python)}\n```\n"
    (ROOT / "docs" / "benchmarks.md").write_text(page)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
