# SPDX-License-Identifier: MIT
"""
test_uefi_riscv64.py - ivsh.efi on riscv64. Debian has the firmware from 13 on, with QEMU 10.
"""

import pathlib
import re

import pytest

from memory import memory_file
from qemu import MACHINES, NO_DEVICE, SOAK, TCG, USAGE, doorbell, plain

RISCV64 = MACHINES["riscv64"]
FIRMWARE = pathlib.Path("/usr/share/qemu-efi-riscv64")
COUNT = 20000 if SOAK else 200

pytestmark = pytest.mark.skipif(
    not FIRMWARE.exists(), reason="Debian 12 has no UEFI firmware for riscv64"
)


def guest(world, command, *device):
    words = [*RISCV64.words(), *TCG, "-M", "virt", "-m", "256", *device]
    flash = f"if=pflash,format=raw,file={FIRMWARE}/RISCV_VIRT"
    words += ["-drive", f"{flash}_CODE.fd,unit=0,readonly=on"]
    words += ["-drive", f"{flash}_VARS.fd,unit=1,snapshot=on"]  # no write reaches the file
    words += ["-kernel", RISCV64.efi(), "-append", f"--exit=verdict {command}"]
    return world.program("riscv64", *words)


ENDS = {"info": NO_DEVICE, "frob": USAGE}


@pytest.mark.parametrize("command", ENDS)
def test_end(world, command):
    """Its status is QEMU's, and it says it."""
    text = guest(world, command).done(ENDS[command], seconds=60)
    assert text.endswith(f"\nexit: {ENDS[command]}\n")


def test_ping(world):
    """A bare-metal guest of x86_64 answers; this one polls, and says why."""
    server = world.server(bind=2)
    echo = world.guest("echo", "echo --name=alpha", *doorbell(server.bound[1]))
    command = f"ping alpha --count={COUNT} --timeout=20 --wait=sleep"
    text = guest(world, command, *doorbell(server.bound[0])).done(seconds=90)
    text = text.replace("\n", "")  # its console has lines of 80 characters
    assert f"ping: slot 1 (alpha): {COUNT} round trips of 64 bytes, us:" in text
    assert "polling: the firmware takes no interrupts of devices on riscv64" in text
    echo.still_runs()


def test_info(world):
    text = guest(world, "info --slot=0", *plain(memory_file(world.folder))).done(seconds=60)
    assert re.search(r"^.*ivsh on UEFI riscv64$", text, re.MULTILINE), text
    assert "64-bit, prefetchable, cached as its PMA says" in text.replace("\n", "")
