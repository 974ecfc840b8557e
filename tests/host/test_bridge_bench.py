# SPDX-License-Identifier: MIT
"""test_bridge_bench.py - what measures bridges runs."""

import subprocess
import sys

from bridgetool import ROOT

BENCH = ROOT / "tests/bench"


def test_bench():
    """Three hosts, each to each, and a few slices beside the bus."""
    words = [sys.executable, "-B"]
    done = subprocess.run(
        [*words, BENCH / "hosts.py", "3", "200", "1"], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert "1200 messages within" in done.stdout and " 0 slow consumers" in done.stdout
    done = subprocess.run(
        [*words, BENCH / "bridge.py", "4", "20", "500"], capture_output=True, text=True, timeout=300
    )
    # Its verdict is for machines that do nothing else.
    assert done.returncode in (0, 1) and done.stdout.count(" 4 rounds: ") == 10, done.stderr
