# SPDX-License-Identifier: MIT
"""machine.py - the machine of each architecture that guests run on: QEMU's program and its words,
the images, and what QEMU's exit status is for a guest's own.

    machine = MACHINES["aarch64"]
    words = [*machine.words(), *TCG, *machine.board, "-m", "64", "-kernel", machine.image()]
    assert subprocess.run(words).returncode == machine.status(3)
"""

import functools
import pathlib
import resource
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"

# TCG with one processor drops fences between machines, unless more could be added (DESIGN.md,
# "TCG").
TCG = "-accel tcg -smp 1,maxcpus=2".split()


def processor_seconds(call):
    """The processor time of the programs that (call) starts and waits for."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    call()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def ram_first(mib):
    """
    The machine's RAM for a guest whose device's memory is migrated with it: before that. With
    another object there, QEMU 10.0 ends in a migration under TCG ("Bad ram offset",
    tlb_reset_dirty_range_all).
    """
    size = f"-m {mib} -object memory-backend-ram,id=ram,size={mib}M"
    return f"{size} -machine memory-backend=ram".split()


class Machine:
    """
    arch: as uname -m prints it. program: QEMU's. board: the words of the machine and processor that
    tests take without a reason for another. firmware: for UEFI, or None. uefi_ram: MiB that it
    needs. vectors: the most that a device gets.
    """

    def __init__(self, arch, board, end, firmware, uefi_ram=256, vectors=128):
        self.arch, self.program = arch, f"qemu-system-{arch}"
        self.board, self.end = board.split(), end.split()
        self.firmware, self.uefi_ram, self.vectors = firmware, uefi_ram, vectors

    def __repr__(self):
        return self.arch

    def words(self, reboot=False):
        """
        QEMU's program, and the words of every guest: the serial line is standard input and output,
        and the guest's status reaches QEMU's. Without (reboot), a reset ends QEMU.
        """
        fixed = ["-nodefaults", "-display", "none", *([] if reboot else ["-no-reboot"])]
        return [self.program, *fixed, "-serial", "stdio", *self.end]

    def image(self, name="ivsh"):
        """A bare-metal image, for -kernel."""
        return BUILD / self.arch / f"{name}.elf"

    def efi(self, name="ivsh"):
        """The same as an UEFI application."""
        return BUILD / f"uefi-{self.arch}" / f"{name}.efi"

    def status(self, value):
        """QEMU's exit status when the guest ends with (value). lib/bare/arch.h, arch_exit()."""
        return value << 1 | 1 if self.arch == "x86_64" and value else value

    def value(self, status):
        """The guest's exit status, of QEMU's; None: no guest ends so."""
        if self.arch != "x86_64" or status == 0:
            return status
        return status >> 1 if status & 1 else None

    @functools.cached_property
    def shows_moves(self):
        """
        Whether this QEMU has what generation() needs: for riscv64, 7.2 does not take -fw_cfg.
        """
        if self.arch != "riscv64":
            return True
        words = "-M virt -bios none -nodefaults -display none -S -monitor stdio".split()
        words = [self.program, *words, *self.generation("probe")]
        tried = subprocess.run(words, input=b"quit\n", capture_output=True, check=False)
        return tried.returncode == 0

    def generation(self, text="auto"):
        """
        The words that let a guest see that it is another machine than before. text: a GUID on
        x86_64, any text elsewhere; it must differ from that of the QEMU before.
        """
        if self.arch == "x86_64":
            return ["-device", f"vmgenid,guid={text}"]
        return ["-fw_cfg", f"name=opt/ivsh/generation,string={text}"]


MACHINES = {
    machine.arch: machine
    for machine in (
        Machine(
            "x86_64", "-M q35", "-device isa-debug-exit,iobase=0xf4,iosize=4",
            "/usr/share/ovmf/OVMF.fd",
        ),
        Machine(
            "aarch64", "-M virt,gic-version=2 -cpu cortex-a72",
            "-semihosting-config enable=on,target=native",
            "/usr/share/qemu-efi-aarch64/QEMU_EFI.fd",
            vectors=64,  # SPIs of the GICv2m
        ),
        Machine("riscv64", "-M virt,aia=aplic-imsic -bios none", "", None),
    )
}  # fmt: skip
X86_64, AARCH64, RISCV64 = MACHINES.values()
