# SPDX-License-Identifier: MIT
"""conftest.py - a world for each test, and a row of figures that its rounds come to."""

import pathlib
import statistics
import sys

import pytest

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[1:1] = [str(TESTS / "demos"), str(TESTS / "lib")]

from qemu import SOAK, World  # noqa: E402


class Row:
    """The rounds of one case. One that fails does not end it: the count says how often."""

    def __init__(self, name):
        self.name, self.rounds, self.failed = name, 0, []
        self.sums, self.times, self.limits = {}, {}, {}

    def add(self, verdict, **times):
        """A round's Verdict, and durations in seconds."""
        self.rounds += 1
        for key, value in verdict.sums.items():
            self.sums[key] = self.sums.get(key, 0) + value
        for key, value in times.items():
            self.times.setdefault(key, []).append(value)
        if verdict.problems:
            self.failed.append(f"round {self.rounds}: {verdict}")

    def late(self):
        """Lines of durations whose rounds are too long. A quarter may be three times as long."""
        lines = []
        for key, (median, least) in self.limits.items():
            times = sorted(self.times[key])
            long = sum(time > 3 * median for time in times)
            if statistics.median(times) > median or 4 * long > len(times) or times[0] > least:
                lines.append(f"{key}: " + ", ".join(f"{time:.2f} s" for time in times))
        return lines

    def through(self, rounds, **limits):
        """
        The rounds, and up to four times as many while one of the durations is too long, since a
        busy host makes rounds longer. limits: seconds of (the median, the least) of a duration.
        """
        self.limits = limits
        yield from rounds
        for more in range(4 * len(rounds)):
            if not self.late():
                break
            yield len(rounds) + more

    def __str__(self):
        parts = [f"row {self.name}: {self.rounds} rounds, {len(self.failed)} failed;"]
        parts += [f"{key}={value}" for key, value in self.sums.items()]
        parts += [
            f"{key}={statistics.median(values):.3f}/{max(values):.3f}s"
            for key, values in self.times.items()
        ]
        return " ".join(parts)

    def close(self):
        print(self)
        self.failed += self.late()
        assert self.rounds and not self.failed, "\n".join([str(self), *self.failed[:10]])


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.close()


@pytest.fixture
def row(request):
    """A test that ends calls its close()."""
    return Row(request.node.name)


@pytest.fixture
def rounds():
    """rounds(few, many): how often, in make test and in soak."""
    return lambda few, many: range(many if SOAK else few)
