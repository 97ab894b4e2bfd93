"""Starts a program that ends when the process that asked for it ends: `python -I -S tether.py PARENT PROGRAM ARGUMENT…`.

A supervisor that is killed with SIGKILL cannot stop its children any more; the kernel can (Linux, PR_SET_PDEATHSIG). It is set here, in
a fresh process just before exec, and not in a `preexec_fn`, which may deadlock in a parent that runs threads (the database engine does).
The process id stays the same through exec. Elsewhere than on Linux this only executes the program; there the next start finds
what was left by its pid file (`broker.py`). It is run as a file, isolated and without site-packages: standard library only.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
_USAGE = 64


def main(argv: list[str]) -> None:
    """Tie this process to its parent and become the program; exits where that is not possible."""
    if len(argv) < 3:  # noqa: PLR2004 - own name, parent, program
        sys.exit(_USAGE)
    parent, program = int(argv[1]), argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            # The parent ended before the tie was made.
            sys.exit(1)
    os.execv(program[0], program)  # noqa: S606 - the program and its arguments come from `spawn`, no shell


if __name__ == "__main__":
    main(sys.argv)
