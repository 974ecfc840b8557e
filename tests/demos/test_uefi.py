# SPDX-License-Identifier: MIT
"""
test_uefi.py - ivsh.efi started from the UEFI Shell, over and over, by somebody at the keyboard.
"""

import os
import re
import shutil
import socket
import struct
import threading
import time

import pytest

from memory import incarnation, memory_file, slot_word
from qemu import LIMIT, MACHINES, NO_DEVICE, ROOT, TCG, doorbell, plain

# UEFI Specification, appendix D
SUCCESS, INVALID_PARAMETER, UNSUPPORTED, DEVICE_ERROR = "0x0", "0x2", "0x3", "0x7"
NOT_FOUND, TIMEOUT, ABORTED = "0xE", "0x12", "0x15"


MAN = ROOT / "firmware" / "uefi" / "ivsh.man"


class Shell:
    """A guest in the UEFI Shell, with ivsh.efi on its disk."""

    PROMPT = r"^FS0:\\> $"

    def __init__(self, world, kind, *device):
        disk = world.folder / "disk"
        disk.mkdir()
        shutil.copy(kind.efi(), disk / "ivsh.efi")
        shutil.copy(MAN, disk / "ivsh.man")
        self.guest = world.program(
            "shell", *kind.words(), *TCG, *kind.board, "-m", kind.uefi_ram,
            "-bios", kind.firmware, *device,
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
        """The command's output from (after) on, when the shell shows its prompt."""
        found = self.guest.expect(self.PROMPT, after=after, whole_lines=False)
        return self.guest.text[after : found.start()]

    def run(self, command):
        return self.end(self.start(command))

    def status(self):
        """The exit status of the last command, as the shell has it."""
        return self.run("echo %lasterror%").strip()


    def loader_pages(self):
        """Pages that applications have: with none running, what they have left behind."""
        return int(
            re.search(r"^ *LoaderData *: *([\d,]+) ", self.run("memmap"), re.M)[1].replace(",", "")
        )

    def is_unharmed(self):
        """Its console needs the firmware's timer interrupt; `stall` uses the firmware's clock."""
        assert "UEFI Interactive Shell" in self.run("ver")
        assert re.fullmatch(r"\d\d/\d\d/\d{4}\n", self.run("date"))
        assert re.match(r"LOCAL|UTC", self.run("timezone"))
        for _ in range(3):  # a busy machine is late, too, but not each time
            began = time.monotonic()
            assert self.run("stall 1000000") == ""
            took = time.monotonic() - began
            if took < 4:
                break
        assert 0.9 < took < 4, f"stall 1000000 took {took:.2f} s"
        assert self.run("echo here") == "here\n"

    def stop(self, world, memory, command, key):
        """Start a command that waits, as slot 0, and type a key; what it prints."""
        number = incarnation(memory, 0) + 1
        after = self.start(command)
        world.until(
            lambda: incarnation(memory, 0) == number and slot_word(memory, 0, 0) == 1, "it attaches"
        )
        self.guest.type(key)
        return self.end(after)


class Notifier:
    """A neighbour notifies every vector of a slot all the time, requested or not."""

    PAUSE = 0.0002  # seconds

    def __init__(self, server, slot, slots=8, vectors=2):
        self.count, self.ended, self.doorbells = 0, threading.Event(), []
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(LIMIT)
        self.socket.connect(str(server.socket))
        for _ in range(3 + slots * vectors):
            data, fds, _, _ = socket.recv_fds(self.socket, 8, 1)
            is_own = struct.unpack("<q", data)[0] == slot
            for fd in fds:
                self.doorbells.append(fd) if is_own else os.close(fd)
        self.thread = threading.Thread(target=self._notify, daemon=True)

    def _notify(self):
        while not self.ended.wait(self.PAUSE):
            for fd in self.doorbells:
                os.write(fd, struct.pack("<Q", 1))
            self.count += 1

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join(LIMIT)
        self.socket.close()
        for fd in self.doorbells:
            os.close(fd)


def leaves_all_well(world, server, shell):
    """
    However a command ends, and with doorbells coming all the time, the firmware has its own back.
    """
    with server.memory() as memory, Notifier(server, 0) as notifier:
        for wait in ("sleep", "spin", "poll"):
            text = shell.run(f"ivsh.efi ping echo --count=50 --timeout=20 --wait={wait}")
            assert text.startswith("ping: slot 1 (echo): 50 round trips of 64 bytes"), text
            shell.run(f"ivsh.efi send 5 x --timeout=1 --wait={wait}")
            assert shell.status() == NOT_FOUND
            text = shell.stop(world, memory, f"ivsh.efi recv --wait={wait}", "\x03")
            assert text == "ivsh: stopped\n"
            shell.is_unharmed()
        for _ in range(3):
            assert "\n*   0  absent    up  " in shell.run("ivsh.efi info")
        shell.is_unharmed()
        assert notifier.count > 1000


def waits_cheaply(world, server, shell):
    """With nobody to talk to; the firmware's own tick is most of what it takes."""
    with server.memory() as memory:
        number = incarnation(memory, 0) + 1
        after = shell.start("ivsh.efi recv --count=0 --wait=sleep")
        world.until(lambda: incarnation(memory, 0) == number, "recv attaches")
        used, began = shell.guest.processor_seconds(), time.monotonic()
        time.sleep(10)
        share = (shell.guest.processor_seconds() - used) / (time.monotonic() - began)
        print(f"a UEFI guest that waits: {share:.1%} of a core")
        assert share < 0.10, f"{share:.1%} of a core"
        shell.guest.type("\x03")
        assert shell.end(after) == ""


ARCHES = ["x86_64", "aarch64"]


@pytest.mark.parametrize("arch", ARCHES)
def test_shell(world, arch):
    """One boot for all of it. Nothing that a command did is in the way of the next one."""
    server = world.server(bind=2)
    echo = world.guest("echo", "echo --name=echo", *doorbell(server.bound[1]))
    shell = Shell(world, MACHINES[arch], *doorbell(server.bound[0]))

    info = shell.run("ivsh.efi info")
    assert info.startswith(f"ivsh on UEFI {arch}\ndevice 0: ")
    assert "  VM ID (IVPosition): 0; MSI-X vectors: 2\n" in info
    assert re.search(r"^\*   0  absent    up  ", info, re.MULTILINE), info
    assert re.search(r"^    1  attached  up  +1  +2  .*  echo$", info, re.MULTILINE), info
    assert shell.status() == SUCCESS
    assert shell.run("ivsh.efi ls").splitlines()[0] == info.splitlines()[0]
    assert shell.status() == SUCCESS
    assert "UEFI Interactive Shell" in shell.run("ver")

    text = shell.run("ivsh.efi ping echo --count=50 --timeout=20")
    assert text.startswith("ping: slot 1 (echo): 50 round trips of 64 bytes, us:")
    assert shell.status() == SUCCESS
    pages = shell.loader_pages()
    text = shell.run(
        "ivsh.efi ping echo --port=9 --count=1000000 --timeout=1"
    )  # and 8 MB for its times
    assert text == "ivsh: timeout: 1 s without an answer from slot 1 (echo): does it run echo?\n"
    assert shell.loader_pages() == pages

    # OVMF's tables say uncached; AAVMF's are changed.
    cached = "(uncached|write-back)" if arch == "x86_64" else "write-back"
    assert re.search(rf"64-bit, prefetchable, {cached}\n", info)
    for command in ("help ivsh", "ivsh.efi -?", "ivsh -?"):
        text = shell.run(command)
        assert "Talks to other virtual machines through QEMU's ivshmem device." in text, text
        assert "IVSH [--exit=qemu] [COMMAND" in text, text
    for command in ("ivsh.efi -h", "ivsh.efi --help", "ivsh.efi help"):
        assert shell.run(command).startswith("Usage: ivsh [OPTION]... [COMMAND]\n"), command
    assert re.fullmatch(
        r"ivsh \d+\.\d+\.\d+, region version \d+\n", shell.run("ivsh.efi --version")
    )

    assert shell.run("ivsh.efi frob") == "ivsh: frob: no such command; try 'help'\n"
    assert shell.status() == INVALID_PARAMETER
    assert shell.run("ivsh.efi send 5 x --timeout=1").startswith(
        "ivsh: timeout: 1 s without peer 5: "
    )
    assert shell.status() == NOT_FOUND
    assert shell.run(
        "ivsh.efi recv --timeout=0.5"
    ) == "ivsh: timeout: 0.5 s without a message on port 1\n"
    assert shell.status() == TIMEOUT
    assert shell.run("ivsh.efi recv --slot=7").startswith("ivsh: --slot=7: the server gave slot 0")
    assert shell.status() == DEVICE_ERROR
    assert shell.run("ivsh.efi get 1 x") == f"ivsh: get: UEFI {arch} has no files\n"
    assert shell.status() == UNSUPPORTED
    assert shell.run("ivsh.efi recv --device=7").startswith("ivsh: --device=7: there is none there")
    assert shell.status() == NOT_FOUND

    with server.memory() as memory:
        for key in ("\x1b", "\x03"):  # ESC, Ctrl-C
            for command, said, status in (
                ("recv", "ivsh: stopped\n", ABORTED), ("recv --count=0", "", SUCCESS)
            ):
                assert shell.stop(world, memory, f"ivsh.efi {command}", key) == said
                assert shell.status() == status
            assert slot_word(memory, 0, 0) == 2, "it said good-bye"

    # A doorbell wakes a sleeper at once: the firmware's tick is 10 ms, and 3 ms where a peer polls.
    text = shell.run("ivsh.efi ping echo --count=50 --timeout=20 --wait=sleep")
    assert float(re.search(r" p50 ([\d.]+)", text)[1]) < 2500, text
    shell.is_unharmed()
    leaves_all_well(world, server, shell)
    echo.still_runs()
    echo.kill()
    waits_cheaply(world, server, shell)
    shell.is_unharmed()
    shell.guest.still_runs()


@pytest.mark.parametrize("arch", ARCHES)
def test_exit_status(world, arch):
    """Without a shell, --exit=verdict carries it out; --exit=qemu, too, without a word."""
    kind = MACHINES[arch]
    guest = world.guest("guest", "info", arch=arch, uefi=True)
    missing = "ivsh: no ivshmem device (1af4:1110) on the PCI bus: "
    assert missing in guest.done(NO_DEVICE)
    words = [*kind.board, "-m", kind.uefi_ram, "-bios", kind.firmware, "-kernel", kind.efi()]
    words += ["-append", "--exit=qemu info"]
    guest = world.program("guest", *kind.words(), *TCG, *words)
    text = guest.done(kind.status(NO_DEVICE))
    assert missing in text and "exit: " not in text


ROOTS = {
    "q35": (
        "-M q35 -device pxb-pcie,id=root,bus_nr=128"
        " -device pcie-root-port,id=behind,bus=root,slot=3",
        ",bus=behind", "pcie.0", "81:00.0",
    ),
    "pc": ("-M pc -device pxb,id=root,bus_nr=64", ",bus=root,addr=2", "pci.0", "41:02.0"),
}  # fmt: skip


@pytest.mark.parametrize("machine", ROOTS)
def test_another_root_bus(world, machine):
    """No bridge of bus 0 leads to it; firmware has found it all the same, and so does its index."""
    line, where, root, place = ROOTS[machine]
    server = world.server(bind=2)
    devices = doorbell(server.bound[0], where=where)
    guests = [
        world.guest(
            "alpha", f"demo --device={place} --timeout=55", *devices, machine=line, uefi=True
        ),
        world.guest("beta", "demo --timeout=55", *doorbell(server.bound[1])),
    ]
    for guest in guests:
        assert ": every byte verified\n" in guest.done(seconds=60)
    other = plain(memory_file(world.folder), where=f",bus={root},addr=9")
    text = world.guest("info", "info", *devices, *other, machine=line, uefi=True).done()
    assert re.findall(r"^device \d: (\S+),", text, re.MULTILINE) == ["00:09.0", place]


KNOB = "-fw_cfg name=opt/ovmf/X-PciMmio64Mb,string=262144"


def test_window_too_small(world):
    """OVMF then gives no device an address, and has no console; what happened is said on COM1."""
    memory = memory_file(world.folder, 256 << 30)
    guest = world.guest("guest", "info --slot=0", *plain(memory), uefi=True)
    text = guest.done(NO_DEVICE)
    assert re.fullmatch(
        rf"ivsh: device 00:01\.0: the firmware's window .* of 262144 MiB, .* add {KNOB} to QEMU\n",
        text,
    )
    text = world.guest("guest", "info --slot=0", *plain(memory), *KNOB.split(), uefi=True).done()
    assert re.search(r"BAR2: shared memory at 0x[0-9a-f]+, 274877906944 bytes", text)
    memory.unlink()
