# SPDX-License-Identifier: MIT
"""test_linux_guest.py - the conformance program in a guest with Linux, by either road."""

import pytest

from linux import Linux
from qemu import doorbell

from test_conformance import results, skipped

# What no process can read, and what a device that polls has not.
UNKNOWN = {"S1.2", "M1.3"}
NOTIFIED = {"D2.1", "D3.1", "D3.5", "D4.1", "D4.2", "D4.3", "D5.1", "D6.2"}


@pytest.mark.parametrize("road", ["vfio", "sysfs"])
def test_linux(world, road):
    server = world.server(bind=1)
    linux = Linux(world, road, *doorbell(server.bound[0], where=",addr=5"))
    text = linux.run("conformance --vectors=1 --pci=auto")
    assert ("VFIO" if road == "vfio" else "sysfs") in text
    found = results(text)
    assert "BROKEN" not in found.values(), text
    assert skipped(found) == UNKNOWN | (NOTIFIED if road == "sysfs" else set()), text
