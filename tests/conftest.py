"""Options of the test run: one BLAS thread, the same examples on every machine, and which tests are slow."""

import os

from hypothesis import settings

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):  # matrices are small: threads only wait
    os.environ.setdefault(name, "1")

settings.register_profile("same", derandomize=True, deadline=None, database=None)
settings.register_profile("random", deadline=None, print_blob=True)
settings.load_profile("same")  # --hypothesis-profile=random draws others in every run


def pytest_addoption(parser):
    parser.addoption(
        "--corpus",
        type=int,
        default=105,
        help="how many random functions of the corpus to try (105 takes seconds, 5000 half an hour)",
    )
