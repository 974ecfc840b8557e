# SPDX-License-Identifier: MIT
"""test_uefi.py - ivsh.efi started from the UEFI Shell, over and over, by somebody at the keyboard."""

import re
import shutil

from memory import boot, slot_word
from qemu import EFI, EXIT_FAILED, OVMF, QEMU, doorbell

SUCCESS, INVALID_PARAMETER, ABORTED = "0x0", "0x2", "0x15"  # UEFI Specification, appendix D


class Shell:
    """A guest in the UEFI Shell, with ivsh.efi on its disk."""

    PROMPT = r"^FS0:\\> $"

    def __init__(self, world, *device):
        disk = world.folder / "disk"
        disk.mkdir()
        shutil.copy(EFI, disk / "ivsh.efi")
        self.guest = world.program(
            "shell", *QEMU, "-M", "q35", "-m", 256, "-bios", OVMF, *device,
            "-drive", f"file=fat:rw:{disk},format=raw,if=none,id=disk",
            "-device", "virtio-blk-pci,drive=disk",
        )  # fmt: skip
        self.guest.expect(r"^Press ESC in \d seconds", whole_lines=False)
        self.guest.type("\r")
        self.guest.expect(r"^Shell> $", whole_lines=False)
        self.run("fs0:")

    def start(self, command):
        """Type a command; where in the output its answer begins."""
        after = len(self.guest.text)
        self.guest.type(command + "\r")
        return self.guest.expect(re.escape(command) + "\n", after=after).end()

    def end(self, after):
        """What the command has printed from (after) on, when the shell asks for another."""
        found = self.guest.expect(self.PROMPT, after=after, whole_lines=False)
        return self.guest.text[after : found.start()]

    def run(self, command):
        return self.end(self.start(command))

    def status(self):
        """The exit status of the last command, as the shell has it."""
        return self.run("echo %lasterror%").strip()


def test_shell(world):
    """One boot for all of it. Nothing that a command did is in the way of the next one."""
    server = world.server(bind=2)
    echo = world.guest("echo", "echo --name=echo", *doorbell(server.bound[1]))
    shell = Shell(world, *doorbell(server.bound[0]))

    info = shell.run("ivsh.efi info")
    assert info.startswith("ivsh on UEFI x86_64\ndevice 0: ")
    assert "  VM ID (IVPosition): 0; MSI-X vectors: 2\n" in info
    assert "  we are slot 0\n  peer 1: attached, connected, life 1, name echo\n" in info
    assert shell.status() == SUCCESS
    assert shell.run("ivsh.efi info") == info
    assert "UEFI Interactive Shell" in shell.run("ver")

    text = shell.run("ivsh.efi ping echo --count=50 --timeout=20")
    assert text.startswith("ping: VM 1 (echo): 50 round trips of 64 bytes, us:")
    assert shell.status() == SUCCESS

    assert shell.run("ivsh.efi frob") == "ivsh: frob: no such command; try 'help'\n"
    assert shell.status() == INVALID_PARAMETER
    assert shell.run("ivsh.efi send 5 x --timeout=1").startswith("ivsh: timeout: not done after 1 s\n")
    assert shell.status() == ABORTED

    with server.memory() as memory:
        for key in ("\x1b", "\x03"):  # ESC, Ctrl-C
            life = boot(memory, 0) + 1
            after = shell.start("ivsh.efi recv --count=0")
            world.until(
                lambda: boot(memory, 0) == life and slot_word(memory, 0, 0) == 1, "recv attaches"
            )
            shell.guest.type(key)
            assert shell.end(after) == "ivsh: stopped\n"
            assert shell.status() == ABORTED
            assert slot_word(memory, 0, 0) == 2, "it said good-bye"
    assert "UEFI Interactive Shell" in shell.run("ver")
    echo.still_runs()
    shell.guest.still_runs()


def test_exit_status(world):
    """Without a shell, --exit=qemu carries it out."""
    guest = world.guest("guest", "info", uefi=True)
    assert "ivsh: no ivshmem device (1af4:1110) on the PCI bus: " in guest.done(EXIT_FAILED)
