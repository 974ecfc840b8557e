# SPDX-License-Identifier: MIT
"""conftest.py - the world of tests/demos, for the conformance program."""

import pathlib
import sys

import pytest

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[1:1] = [str(TESTS / "demos"), str(TESTS / "port")]

from qemu import World  # noqa: E402


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.close()
