"""``python -m meanfield`` and the command ``meanfield``: the command line, which may be interrupted from its start."""

import os
import signal
import sys

INTERRUPTED = 130  # exit status


def main() -> int:
    """Run the command line; an interruption while it is imported ends the process without a traceback."""
    usual = signal.getsignal(signal.SIGINT)
    if usual is signal.default_int_handler:
        signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))
    from meanfield.cli.main import run

    if usual is signal.default_int_handler:
        signal.signal(signal.SIGINT, usual)
    try:
        return run()
    except KeyboardInterrupt:
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
