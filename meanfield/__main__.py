"""``python -m meanfield`` is the command line."""

from meanfield.cli.main import run

if __name__ == "__main__":
    run()
