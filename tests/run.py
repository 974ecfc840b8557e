#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""run.py - runs every suite, shows what failed, and ends with the sum of all counts.

usage: tests/run.py [-v] [SUITE...] [--alone SUITE...] [--idle SUITE...]

Those in front run at once, one more than there are processors, since some wait more than they work;
those behind --alone measure time, or use all processors themselves. Those behind --idle only
compute: one at a time, from the start on and beside all others, they take what processor time the
others leave (nice 19).

A suite is a command in one word list, and its last line is `N passed, N failed, N skipped`:
  build/.../x_test        a program of the host, run as it is
  build/ARCH/.../x.elf    a guest program, run in QEMU
  tests/check/x.sh,ARG    a check with its arguments
  pytest:PATH,PATH        pytest files, or all of a folder
A suite that ends otherwise, or not at all, counts as one failure with its own name.
"""

import concurrent.futures
import os
import re
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from machine import MACHINES, TCG  # noqa: E402

LIMIT = 3600 if os.environ.get("IVSH_SOAK") else 1800  # seconds for one suite
GUEST_LIMIT = 600
IDLE_LIMIT = 2 * LIMIT  # for one that waits for the others
PRINTING = threading.Lock()
COUNT = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped$")

def command(suite):
    """(the command of a suite, its time limit in seconds)"""
    if suite.startswith("pytest:"):
        paths = suite.split(":", 1)[1].split(",")
        return ["/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", *paths], LIMIT
    if "," not in suite and suite.endswith(".elf"):
        machine = MACHINES[suite.split("/")[1]]
        words = [*machine.words(), *TCG, *machine.board, "-m", "128", "-kernel", suite]
        return words, GUEST_LIMIT
    return suite.split(","), LIMIT


def run(suite, verbose, idle=False):
    """Run one suite: its (passed, failed, skipped)."""
    words, limit = command(suite)
    if idle:
        words, limit = ["nice", "-n", "19", *words], IDLE_LIMIT
    start = time.monotonic()
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=limit,
            check=False,
        )
        output, status = done.stdout.decode(errors="replace"), done.returncode
    except subprocess.TimeoutExpired as expired:
        output, status = (expired.stdout or b"").decode(errors="replace"), None
    except OSError as error:  # it was not built, or is no program
        output, status = str(error), 127
    lines = output.replace("\r", "").rstrip("\n").split("\n")
    match = COUNT.match(lines[-1])
    counts = tuple(map(int, match.groups())) if match else (0, 0, 0)
    if status is None:
        lines.append(f"FAIL: {suite}: timeout: not done after {limit} s")
    elif not match:
        lines.append(f"FAIL: {suite}: ended with status {status} and without a count")
    elif (status != 0) != (counts[1] != 0):
        lines.append(f"FAIL: {suite}: status {status} with {counts[1]} failures")
    good = match and status == 0 and counts[1] == 0 and sum(counts) > 0
    if not good and counts[1] == 0:
        counts = (counts[0], counts[1] + 1, counts[2])
    if not (verbose or not good or counts[2]):  # what was skipped is shown, too
        lines = []
    lines.append(
        f"{'ok  ' if good else 'FAIL'} {suite}: {counts[0]} passed, {counts[1]} failed, "
        f"{counts[2]} skipped, {time.monotonic() - start:.1f} s"
    )
    with PRINTING:
        print("\n".join(lines), flush=True)
    return counts


def split(words):
    """The suites in front, those behind --alone, and those behind --idle."""
    suites = {"": [], "--alone": [], "--idle": []}
    kind = ""
    for word in words:
        if word in suites:
            kind = word
        elif word != "-v":
            suites[kind].append(word)
    return suites.values()


def main():
    verbose = "-v" in sys.argv
    together, alone, idle = split(sys.argv[1:])
    with concurrent.futures.ThreadPoolExecutor(1) as leftover:
        rest = [leftover.submit(run, suite, verbose, True) for suite in idle]
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count() + 1) as pool:
            results = list(pool.map(lambda suite: run(suite, verbose), together))
        results += [run(suite, verbose) for suite in alone]
        results += [future.result() for future in rest]
    total = [sum(counts) for counts in zip(*results)] or [0, 0, 0]
    print(f"{total[0]} passed, {total[1]} failed, {total[2]} skipped")
    return 1 if total[1] or not total[0] else 0


if __name__ == "__main__":
    sys.exit(main())
