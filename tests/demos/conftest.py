# SPDX-License-Identifier: MIT
"""
conftest.py - a world for each test, and nothing of it left afterwards; and tests that run on
several architectures.

A test that has the mark arches(NAME...) runs on x86_64 and on those, and in soak on every
architecture. A row's mark counts before that of its file. IVSH_ARCH=NAME runs the marked ones on
that architecture alone.
"""

import os
import re

import pytest

from machine import MACHINES
from qemu import SOAK, World


def pytest_configure(config):
    config.addinivalue_line("markers", "arches(NAME...): besides x86_64; in soak on all")
    config.addinivalue_line("markers", "x86_64: on no other, in a file whose tests are marked")


def pytest_generate_tests(metafunc):
    if metafunc.definition.get_closest_marker("arches") and "arch" in metafunc.fixturenames:
        metafunc.parametrize("arch", MACHINES, indirect=True)


def is_wanted(item):
    """Whether this run has the test on its architecture. Some have no UEFI, one has the host."""
    params = dict(getattr(getattr(item, "callspec", None), "params", {}))
    mark = item.get_closest_marker("arches")
    if not mark:
        return True
    arch, only = params.pop("arch", "x86_64"), os.environ.get("IVSH_ARCH")
    words = f"{item.originalname} {params}".lower()
    if not MACHINES[arch].firmware and re.search(r"uefi|mixed|true\b", words):
        return False
    if item.get_closest_marker("x86_64") or "host" in params.values():
        return arch == "x86_64"
    if only:
        return arch == only
    return SOAK or arch == "x86_64" or arch in mark.args


def pytest_collection_modifyitems(config, items):
    out = [item for item in items if not is_wanted(item)]
    items[:] = [item for item in items if is_wanted(item)]
    if out:
        config.hook.pytest_deselected(items=out)


@pytest.fixture
def arch(request):
    return getattr(request, "param", "x86_64")


@pytest.fixture
def world(tmp_path, arch):
    made = World(tmp_path, arch=arch)
    yield made
    made.close()
