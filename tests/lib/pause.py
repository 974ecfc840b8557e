# SPDX-License-Identifier: MIT
"""pause.py - a process that stands still."""

import contextlib
import os
import pathlib
import signal
import time

LIMIT = 10.0


def is_paused(pid):
    """Each of its threads stands still. proc(5), stat: T, or t under a debugger."""
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            if (task / "stat").read_text().rsplit(")", 1)[1].split()[0] not in "Tt":
                return False
    return True


def pause(pid):
    """
    Stop a process, until SIGCONT. kill(2) comes back before it stands still: until the thread that
    takes the signal has a processor, the others go on.
    """
    os.kill(pid, signal.SIGSTOP)
    end = time.monotonic() + LIMIT
    while not is_paused(pid):
        assert time.monotonic() < end, f"process {pid} does not stop"
        time.sleep(0.001)
