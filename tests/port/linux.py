# SPDX-License-Identifier: MIT
"""linux.py - a guest with Debian's Linux kernel, and a shell on its serial line.

    linux = Linux(world, "vfio", *doorbell(server.bound[1]))
    text = linux.run("ivsh --pci auto info")
"""

from machine import BUILD, TCG, X86_64
from qemu import DONE

BOOT = 180  # seconds; 3 on a machine that does nothing else
PROMPT = "^linux # $"  # host/demo/init

# no_timer_check: on a host that is busy a kernel sees too few timer interrupts under TCG at its
# start, and panics ("timer doesn't work through Interrupt-remapped IO-APIC").
# QEMU's machine, and the kernel's words.
ROADS = {
    "vfio": (
        ["-M", "q35,kernel-irqchip=split", "-device", "intel-iommu,intremap=on"], "intel_iommu=on",
    ),
    "sysfs": (["-M", "q35"], ""),
}  # fmt: skip


class Linux:
    """A guest with Linux: a shell on its serial line."""

    def __init__(self, world, road, *device):
        machine, more = ROADS[road]
        self.qemu = world.program(
            f"linux, {road}", X86_64.program, *TCG, "-nodefaults", "-display", "none", "-no-reboot",
            "-serial", "stdio", *machine, "-m", 256, *device,
            "-kernel", BUILD / "linux" / "vmlinuz", "-initrd", BUILD / "linux" / "initramfs",
            "-append", f"console=ttyS0 quiet loglevel=1 panic=-1 no_timer_check {more}",
        )  # fmt: skip
        self.road = road
        self.at = self.qemu.expect(PROMPT, seconds=BOOT, whole_lines=False).end()
        self.run("stty cols 250")  # the shell breaks no line

    def start(self, command):
        """Type a command. What comes behind it is read by ended(), or by expect()."""
        self.qemu.type(command + "\n")
        self.at = self.qemu.expect(r"\n", after=self.at).end()

    def ended(self, status=DONE):
        """What the command has printed, which ends with (status)."""
        end = self.qemu.expect(PROMPT, after=self.at, seconds=BOOT, whole_lines=False)
        text = self.qemu.text[self.at : end.start()]
        self.at = end.end()
        if status is not None:
            self.start("echo status $?")
            said = self.ended(None)
            assert said == f"status {status}\n", f"{said}\n{self.qemu.world.report()}"
        return text

    def run(self, command, status=DONE):
        self.start(command)
        return self.ended(status)

    def expect(self, pattern):
        self.at = self.qemu.expect(pattern, after=self.at).end()
