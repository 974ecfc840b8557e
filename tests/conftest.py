# SPDX-License-Identifier: MIT
"""
conftest.py - the modules of tests/lib for every folder; and the last line of each run: how many
passed, failed and were skipped.
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent / "lib"))

COUNTS = {"passed": 0, "failed": 0, "skipped": 0}


def pytest_runtest_logreport(report):
    # A test counts by its call; setup and teardown count when they break, setup also when it skips.
    if report.when == "call" or report.outcome != "passed":
        COUNTS[report.outcome] += 1


def pytest_collectreport(report):
    if report.outcome != "passed":
        COUNTS[report.outcome] += 1


def pytest_unconfigure():
    print("{passed} passed, {failed} failed, {skipped} skipped".format(**COUNTS), flush=True)
