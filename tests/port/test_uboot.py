# SPDX-License-Identifier: MIT
"""
test_uboot.py - Debian's U-Boot of riscv64 and of x86_64 run the program of lib/port/u-boot, which
links the library alone: it talks to an x86_64 guest of ours and to the host.
"""

import re

import pytest

from machine import BUILD, RISCV64, TCG, X86_64
from qemu import doorbell
from talk import SECONDS, Talk

UBOOT = "/usr/lib/u-boot"


class Kind:
    """machine: QEMU's words for it and for its U-Boot. address: of the program, as tests.mk has."""

    def __init__(self, arch, machine, address):
        self.arch, self.machine, self.address = arch, machine.split(), address


# riscv64: in M-mode, and in S-mode over QEMU's OpenSBI.
KINDS = {
    "riscv64": Kind(RISCV64, f"-M virt -bios {UBOOT}/qemu-riscv64/u-boot.bin", 0x82000000),
    "riscv64-sbi": Kind(
        RISCV64, f"-M virt -kernel {UBOOT}/qemu-riscv64_smode/u-boot.bin", 0x82000000
    ),
    "x86_64": Kind(X86_64, f"-M pc -bios {UBOOT}/qemu-x86_64/u-boot.rom", 0x4000000),
}


class UBoot:
    """U-Boot's command line on the serial port."""

    def __init__(self, world, kind, device):
        program = BUILD / kind.arch.arch / "u-boot.bin"
        self.address = kind.address
        self.qemu = world.program(
            "u-boot", *kind.arch.words(), *TCG, "-m", 256, *kind.machine,
            "-device", f"loader,file={program},addr={self.address:#x},force-raw=on", *device,
        )  # fmt: skip
        self.qemu.expect("Hit any key to stop autoboot", whole_lines=False)
        self.at = 0
        self.run("")
        self.run("pci enum")

    def begin(self, command):
        """Type it. A prompt counts behind its echo: an earlier key may still get one of its own."""
        self.at = len(self.qemu.text)
        self.qemu.type(command + "\n")
        echo = self.qemu.expect(re.escape(command), after=self.at, whole_lines=False)
        self.at = echo.end()

    def ended(self):
        """What U-Boot prints from the last command on, until it asks for the one after this."""
        end = self.qemu.expect("^=> $", after=self.at, seconds=SECONDS, whole_lines=False)
        return self.qemu.text[self.at : end.end()]

    def run(self, command):
        self.begin(command)
        return self.ended()

    def type(self, words):
        self.begin(f"go {self.address:x} {words}")

    def expect(self, pattern):
        return self.qemu.expect(pattern, after=self.at)

    def stop(self):
        self.qemu.type("\x03")

    def kill(self):
        self.qemu.kill()


@pytest.mark.parametrize("kind", KINDS)
def test_exchange(world, kind):
    """Both ways, with a guest and with the host, and when either side dies and comes back."""
    Talk(world, lambda socket: UBoot(world, KINDS[kind], doorbell(socket)), "u-boot").check()


@pytest.mark.parametrize("kind", ["riscv64", "x86_64"])
def test_failure_is_seen(world, kind):
    """What the case above takes for success is not there without a device, or without words."""
    uboot = UBoot(world, KINDS[kind], [])
    uboot.type("echo 1")
    text = uboot.ended()
    assert "ivsh: device: no such device" in text and "rc = 0x1" in text, text
