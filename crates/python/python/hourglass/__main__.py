"""The program: `python -m hourglass configs/conv.json`, and the command `hourglass`."""

import signal
import sys

from . import _native


def main() -> int:
    """Runs the program with this process's command line, and gives its exit code."""
    # The program listens for Ctrl-C itself; Python's own handler would wait for Python code to run.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return _native.main(["hourglass", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
