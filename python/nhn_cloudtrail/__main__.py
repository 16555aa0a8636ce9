"""The command `nhn-cloudtrail`, also as `python -m nhn_cloudtrail`."""

import sys

from ._native import run


def main() -> int:
    """Runs the command with the arguments of the process, and gives its exit status."""
    return run(["nhn-cloudtrail", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
