#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""run.py - runs each fuzzer for its share of SECONDS, and shows how much it tried.

usage: tests/fuzz/run.py SECONDS BINARY...

A binary is build/.../NAME_fuzz, built with libFuzzer. It starts from tests/fuzz/corpus/NAME, which
also holds the regressions, and from what earlier runs found in build/fuzz/NAME; it adds to that. An
input that crashes it is left as build/fuzz/NAME-crash-...; `BINARY FILE` runs that one alone.
"""

import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
LENGTH = 4096  # bytes of input at most
ONE_INPUT = 10  # seconds for one input at most: more is a finding
MEMORY = 1024  # MiB
GRACE = 60  # seconds for the corpus and the end


def run(binary, seconds):
    """Run one fuzzer: whether it found nothing."""
    name = os.path.basename(binary).removesuffix("_fuzz")
    known = os.path.join(HERE, "corpus", name)
    found = os.path.join("build", "fuzz", name)
    os.makedirs(found, exist_ok=True)
    words = [
        binary,
        f"-max_total_time={max(1, seconds - 1)}",  # it ends when more than that has passed
        f"-max_len={LENGTH}",
        f"-timeout={ONE_INPUT}",
        f"-rss_limit_mb={MEMORY}",
        f"-artifact_prefix={found}-",
        "-print_final_stats=1",
        found,
    ] + ([known] if os.path.isdir(known) else [])
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds + GRACE,
            check=False,
        )
        status, output = done.returncode, done.stderr.decode(errors="replace")
    except subprocess.TimeoutExpired as expired:
        status, output = "timeout", (expired.stderr or b"").decode(errors="replace")
    tried = re.search(r"number_of_executed_units:\s*(\d+)", output)
    covers = re.findall(r"cov: (\d+)", output)
    good = status == 0 and tried is not None
    if not good:
        print("\n".join(output.rstrip().split("\n")[-60:]))
    executions = tried.group(1) if tried else "?"
    edges = covers[-1] if covers else "?"
    print(
        f"{'ok  ' if good else 'FAIL:'} fuzz: {name}: {executions} executions, {edges} edges, "
        f"{seconds} s" + ("" if good else f", status {status}"),
        flush=True,
    )
    return good


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    binaries = sys.argv[2:]
    share = max(1, int(sys.argv[1]) // len(binaries))
    failed = sum(not run(binary, share) for binary in binaries)
    print(f"{len(binaries) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
