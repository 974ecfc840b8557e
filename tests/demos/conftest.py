# SPDX-License-Identifier: MIT
"""conftest.py - a world for each test, and nothing of it left afterwards."""

import pytest

from qemu import World


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.close()
