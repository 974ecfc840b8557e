# SPDX-License-Identifier: MIT
"""
test_grub.py - Debian's GRUB for UEFI loads the module of lib/port/grub: its command talks to an
x86_64 guest of ours and to the host.
"""

import pathlib
import re
import subprocess

import pytest

from machine import BUILD, TCG, X86_64
from qemu import doorbell
from talk import SECONDS, Talk

GRUB = pathlib.Path("/usr/lib/grub/x86_64-efi")
PROMPT = r"^grub \w+> "


@pytest.fixture
def image(tmp_path):
    """GRUB with this module and no other: it starts with its smallest command line."""
    modules, made = tmp_path / "modules", tmp_path / "grub.efi"
    modules.mkdir()
    (modules / "moddep.lst").write_text("ivsh:\n")
    (modules / "kernel.img").symlink_to(GRUB / "kernel.img")
    (modules / "ivsh.mod").symlink_to(BUILD / "grub-x86_64" / "ivsh.mod")
    words = ["grub-mkimage", "-O", "x86_64-efi", "-d", modules, "-p", "/", "-o", made, "ivsh"]
    subprocess.run(words, check=True)
    return made


class Grub:
    """GRUB's command line, on the firmware's console."""

    def __init__(self, world, image, device):
        self.qemu = world.program(
            "grub", *X86_64.words(), *TCG, *X86_64.board, "-m", X86_64.uefi_ram,
            "-bios", X86_64.firmware, "-kernel", image, *device,
        )  # fmt: skip
        self.at = 0
        self.qemu.expect(PROMPT, seconds=SECONDS, whole_lines=False)

    def type(self, words):
        """Key by key, as each is echoed: the firmware forgets what is typed ahead."""
        for key in f"ivsh {words}":
            self.at = len(self.qemu.text)
            self.qemu.type(key)
            self.qemu.expect(re.escape(key), after=self.at, whole_lines=False)
        self.at = len(self.qemu.text)
        self.qemu.type("\r")

    def ended(self):
        end = self.qemu.expect(PROMPT, after=self.at, seconds=SECONDS, whole_lines=False)
        return self.qemu.text[self.at : end.end()]

    def expect(self, pattern):
        return self.qemu.expect(pattern, after=self.at)

    def stop(self):
        self.qemu.type("\x03")

    def kill(self):
        self.qemu.kill()


def test_exchange(world, image):
    """Both ways, with a guest and with the host, and when either side dies and comes back."""
    Talk(world, lambda socket: Grub(world, image, doorbell(socket)), "grub").check()

