"""The `fastdata` command that comes with the wheel."""

import os
import sys
from typing import NoReturn

from fastdata._fastdata import _command


def main() -> NoReturn:
    code = _command(["fastdata", *sys.argv[1:]])
    # Nothing of Python's is open, and what the system frees faster is left to it.
    os._exit(code)
