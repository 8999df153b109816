"""Options of the test run."""


def pytest_addoption(parser):
    parser.addoption(
        "--corpus",
        type=int,
        default=105,
        help="how many random functions of the corpus to try (105 takes seconds, 5000 half an hour)",
    )
