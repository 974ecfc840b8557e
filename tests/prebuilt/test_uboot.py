# SPDX-License-Identifier: MIT
"""
test_uboot.py - Debian's U-Boot of riscv64 runs a program that links the library alone: it talks to
an x86_64 guest of ours, and both check every byte.
"""

import pytest

from machine import BUILD, RISCV64, TCG
from qemu import SOAK, doorbell

UBOOT = "/usr/lib/u-boot"
ADDRESS = 0x82000000  # tests/prebuilt/program.ld
COUNT = 20000 if SOAK else 500
SECONDS = 300 if SOAK else 30

# The same U-Boot in M-mode, and in S-mode over QEMU's OpenSBI.
MODES = {
    "M-mode": ["-bios", f"{UBOOT}/qemu-riscv64/u-boot.bin"],
    "S-mode": ["-kernel", f"{UBOOT}/qemu-riscv64_smode/u-boot.bin"],
}


class UBoot:
    """U-Boot's command line on the serial port."""

    def __init__(self, world, mode, device):
        program = BUILD / "riscv64" / "prebuilt.bin"
        self.qemu = world.program(
            "u-boot", *RISCV64.words(), *TCG, "-M", "virt", "-m", 128, *MODES[mode],
            "-device", f"loader,file={program},addr={ADDRESS:#x},force-raw=on", *device,
        )  # fmt: skip
        self.qemu.expect("Hit any key to stop autoboot", whole_lines=False)
        self.at = 0
        self.run("")

    def run(self, command):
        """What U-Boot prints from the last command on, until it asks for the one after this."""
        self.at = len(self.qemu.text)
        self.qemu.type(command + "\n")
        end = self.qemu.expect("^=> $", after=self.at, seconds=SECONDS, whole_lines=False)
        return self.qemu.text[self.at : end.end()]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "verb, command, report",
    [
        ("talk", f"echo --count={COUNT}", f"echo: answered {COUNT} messages\n"),
        ("answer", f"ping --count={COUNT} --size=3000", f": {COUNT} round trips of 3000 bytes"),
    ],
)
def test_exchange(world, mode, verb, command, report):
    """Messages both ways; the one that began compares what came back."""
    server = world.server(bind=2)
    uboot = UBoot(world, mode, doorbell(server.bound[0]))
    uboot.run("pci enum")
    assert "0x1af4     0x1110" in uboot.run("pci 0")
    guest = world.guest("x86_64", command, *doorbell(server.bound[1]))
    text = uboot.run(f"go {ADDRESS:x} {verb} {COUNT}")
    assert "program: attached" in text and "program: done" in text, text
    assert "## Application terminated, rc = 0x0" in text, text
    assert report in guest.done()


def test_failure_is_seen(world):
    """What the cases above take for success is not there without a device, or without words."""
    uboot = UBoot(world, "M-mode", [])
    text = uboot.run(f"go {ADDRESS:x} talk 1")
    assert "program: device: " in text and "rc = 0x1" in text, text
    assert "rc = 0x2" in uboot.run(f"go {ADDRESS:x}")
