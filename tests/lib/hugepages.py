# SPDX-License-Identifier: MIT
"""hugepages.py - this machine's huge pages of 2M, for one test at a time of all that run."""

import contextlib
import fcntl
import os
import pathlib

POOL = pathlib.Path("/sys/kernel/mm/hugepages/hugepages-2048kB")


@contextlib.contextmanager
def alone():
    """No other test changes or takes them meanwhile: all files run by tests/run.py ask here."""
    if not POOL.exists():
        yield
        return
    fd = os.open(POOL, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)
