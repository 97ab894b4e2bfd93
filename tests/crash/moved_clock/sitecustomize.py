"""Python's wall clock, moved for a test: with this folder on PYTHONPATH, `time.time` and `time.time_ns` differ from the machine's by the
seconds that the file CAUSELINE_TEST_CLOCK holds (a little-endian double), at every moment what it holds then.

The wall clock alone: monotonic clocks never step. `datetime.now`, the JVM and the database engine read the machine's clock by themselves.
"""

import mmap
import os
import struct
import time


def _move() -> None:
    with open(os.environ["CAUSELINE_TEST_CLOCK"], "rb") as file:  # noqa: PTH123 - nothing more is imported before the program begins
        offset = mmap.mmap(file.fileno(), 8, prot=mmap.PROT_READ)
    read, true_time, true_ns = struct.Struct("<d").unpack_from, time.time, time.time_ns
    time.time = lambda: true_time() + read(offset)[0]
    time.time_ns = lambda: true_ns() + int(read(offset)[0] * 1_000_000_000)


_move()
