# SPDX-License-Identifier: MIT
"""
test_hotplug.py - device_del and device_add under a guest without an OS: plug.elf.

Each cycle has a memory backend and a chardev of its own: QEMU 7.2 aborts when a device is plugged
in with the backend of one that was unplugged, and hangs with its chardev.
"""

import mmap
import os
import pathlib
import re
import struct
import subprocess
import threading
import time

import pytest

from machine import AARCH64, BUILD, RISCV64, TCG, X86_64
from qmp import Qmp, QmpClosed, qmp_words

OVMF = f"-bios {X86_64.firmware}"
SOAK = bool(os.environ.get("IVSH_SOAK"))
CYCLES = 50 if SOAK else 5
LIMIT = 60  # seconds
SIZE = 4 << 20
ESCAPES = re.compile(r"\x1b\[[0-9;?=]*[A-Za-z]|\r|\0")

PORT = "-device pcie-root-port,id=root,chassis=1,pref64-reserve=8M"
VIRT = "-M virt,gic-version=3 -cpu max"
# The machine; where the device is plugged in; what the guest must find.
NATIVE = "-global ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off"
MACHINES = {
    "pc": ("-M pc", {}, "controller, 0 ports"),
    "pc qboot": ("-M pc -bios qboot.rom", {}, "controller, 0 ports"),
    "q35 acpi": (f"-M q35 {PORT}", {"bus": "root"}, "controller, 1 ports"),
    "q35 acpi bridge": (
        f"-M q35 {PORT} -device pcie-pci-bridge,id=bridge,bus=root",
        {"bus": "bridge", "addr": "3"},
        "controller, 1 ports",
    ),
    "q35 acpi qboot": (f"-M q35 -bios qboot.rom {PORT}", {"bus": "root"}, "controller, 1 ports"),
    "q35 native": (f"-M q35 {NATIVE} {PORT}", {"bus": "root"}, "ports only, 1 ports"),
    "q35 native qboot": (
        f"-M q35 -bios qboot.rom {NATIVE} {PORT}",
        {"bus": "root"},
        "ports only, 1 ports",
    ),
    "pc OVMF": (f"-M pc {OVMF}", {}, "controller, 0 ports"),
    "q35 acpi OVMF": (f"-M q35 {OVMF} {PORT}", {"bus": "root"}, "controller, 1 ports"),
    "q35 native OVMF": (f"-M q35 {OVMF} {NATIVE} {PORT}", {"bus": "root"}, "ports only, 1 ports"),
    "microvm": (f"-M microvm,pcie=on,acpi=on {PORT}", {"bus": "root"}, "ports only, 1 ports"),
    "aarch64": (f"{PORT}", {"bus": "root"}, "ports only, 1 ports"),
    "aarch64 gicv3": (f"{VIRT} {PORT}", {"bus": "root"}, "ports only, 1 ports"),
    "riscv64": (f"{PORT}", {"bus": "root"}, "ports only, 1 ports"),
}


def machine_of(name):
    """Of a row of MACHINES: its architecture is in its name, or x86_64."""
    first = name.split()[0]
    return {"aarch64": AARCH64, "riscv64": RISCV64}.get(first, X86_64)


class Server:
    """ivsh-server over memory that it never writes."""

    def __init__(self, folder):
        self.socket = folder / "socket"
        words = ["-F", "-S", self.socket, "-l", SIZE, "-n", 2, "--slots", 4, "--raw"]
        self.process = subprocess.Popen(
            [BUILD / "host" / "ivsh-server", *map(str, words)],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        )
        for line in self.process.stderr:
            found = re.search(rb"event=ready.* memory=(\S+)", line)
            if found:
                self.memory = found[1].decode()
                return
        raise AssertionError(f"the server ended with status {self.process.wait()}")

    def close(self):
        self.process.terminate()
        assert self.process.wait(LIMIT) == 0
        self.process.stderr.close()


class Plain:
    """ivshmem-plain; each cycle has a new memory-backend-file over the same file."""

    doorbell = "none"

    def __init__(self, folder):
        self.path, self.count = folder / "memory", 0
        self.path.write_bytes(bytes(SIZE))
        self.memory = str(self.path)

    def _backend(self):
        self.count += 1
        return {"id": f"m{self.count}", "share": True, "mem-path": self.memory, "size": SIZE}

    def words(self, where):
        backend = self._backend()
        backend["share"] = "on"
        return [
            "-object", "memory-backend-file," + ",".join(f"{k}={v}" for k, v in backend.items()),
            "-device", f"ivshmem-plain,id=ivsh,memdev=m{self.count}{where}",
        ]  # fmt: skip

    def remove(self, qmp):
        qmp.command("object-del", id=f"m{self.count}")

    def add(self, qmp):
        qmp.command("object-add", **{"qom-type": "memory-backend-file"}, **self._backend())
        return {"driver": "ivshmem-plain", "memdev": f"m{self.count}"}

    def close(self):
        pass


class Doorbell:
    """ivshmem-doorbell; each cycle has a new chardev to the same server."""

    doorbell = "arrives"

    def __init__(self, folder):
        self.server, self.count = Server(folder), 0
        self.memory = self.server.memory

    def words(self, where):
        self.count += 1
        return [
            "-chardev", f"socket,id=c{self.count},path={self.server.socket}",
            "-device", f"ivshmem-doorbell,id=ivsh,vectors=2,chardev=c{self.count}{where}",
        ]  # fmt: skip

    def remove(self, qmp):
        qmp.command("chardev-remove", id=f"c{self.count}")

    def add(self, qmp):
        self.count += 1
        address = {"type": "unix", "data": {"path": str(self.server.socket)}}
        backend = {"type": "socket", "data": {"addr": address, "server": False}}
        qmp.command("chardev-add", id=f"c{self.count}", backend=backend)
        return {"driver": "ivshmem-doorbell", "vectors": 2, "chardev": f"c{self.count}"}

    def close(self):
        self.server.close()


class Guest:
    """QEMU with plug.elf, or plug.efi, and what it has printed. words: the machine's, and more."""

    def __init__(self, folder, words, machine=X86_64):
        socket = folder / "qmp"
        board = [] if "-M" in words else machine.board
        uefi = machine.firmware in words
        self.words = [*machine.words(), *TCG, *board, *words, *qmp_words(socket)]
        self.words += ["-m", str(machine.uefi_ram if uefi else 64)]
        self.words += ["-kernel", machine.efi("plug") if uefi else machine.image("plug")]
        self.process = subprocess.Popen(
            self.words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self.output, self.text = b"", ""
        self.ended, self.more = False, threading.Condition()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        try:
            self.qmp = Qmp(socket)
        except QmpClosed as error:
            self.reader.join(LIMIT)
            raise AssertionError(f"{error}: {self.text}") from error

    def _read(self):
        while data := self.process.stdout.read1(65536):
            with self.more:
                self.output += data
                self.text = ESCAPES.sub("", self.output.decode(errors="replace"))
                self.more.notify_all()
        with self.more:
            self.ended = True
            self.more.notify_all()

    def expect(self, pattern, after=0, seconds=LIMIT):
        """The match of (pattern) in whole lines from character (after) on, waited for."""
        expression, end = re.compile(pattern, re.MULTILINE), time.monotonic() + seconds
        with self.more:
            while True:
                found = expression.search(self.text[: self.text.rfind("\n") + 1], after)
                if found:
                    return found
                left = end - time.monotonic()
                why = "QEMU ended" if self.ended else "timeout" if left <= 0 else None
                assert not why, f"{why}: no {pattern!r} from {after} on in:\n{self.text}"
                self.more.wait(left)

    def holds(self):
        """QEMU's descriptors, and bytes of its own memory: not the guest's, nor what is shared."""
        process = pathlib.Path(f"/proc/{self.process.pid}")
        anonymous = re.search(r"RssAnon:\s+(\d+) kB", (process / "status").read_text())
        return len(os.listdir(process / "fd")), int(anonymous[1]) << 10

    def least(self, wanted=(0, 0), seconds=0.3):
        """The least of both, as RCU frees the last cycle's late; at once if (wanted) is enough."""
        least, end = self.holds(), time.monotonic() + seconds
        while time.monotonic() < end and any(a > b for a, b in zip(least, wanted)):
            time.sleep(0.01)
            least = tuple(map(min, zip(least, self.holds())))
        return least

    def close(self):
        self.qmp.close()
        self.process.kill()
        self.process.wait(LIMIT)
        self.reader.join(LIMIT)
        self.process.stdout.close()


@pytest.fixture
def start(tmp_path):
    """start(kind, words, ...): a backend of that kind, and a guest. They end with the test."""
    started = []

    def begin(kind, words, present, where, machine=X86_64):
        device = kind(tmp_path)
        started.append(device)
        text = "".join(f",{key}={value}" for key, value in where.items())
        words = [*words.split(), *(device.words(text) if present else [])]
        guest = Guest(tmp_path, words, machine)
        started.append(guest)
        return device, guest

    yield begin
    for one in reversed(started):
        one.close()


class Memory:
    """The last page of the shared memory, in which the guest answers."""

    def __init__(self, path):
        with open(path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), 4096, offset=SIZE - 4096)

    def answers(self, number, seconds=LIMIT):
        """The guest copies (number) from word 0 to word 1."""
        struct.pack_into("<I", self.map, 0, number)
        end = time.monotonic() + seconds
        while struct.unpack_from("<I", self.map, 4)[0] != number:
            assert time.monotonic() < end, "the guest does not answer in its memory"
            time.sleep(0.001)


def unplug(guest, device):
    """device_del until DEVICE_DELETED; the seconds that it took."""
    began = time.monotonic()
    at = len(guest.text)
    guest.qmp.command("device_del", id="ivsh")
    guest.qmp.event("DEVICE_DELETED", seconds=LIMIT, device="ivsh")
    took = time.monotonic() - began
    guest.expect(r"^ejected \S+: it has gone$", at)
    device.remove(guest.qmp)
    return took


def plug(guest, device, where):
    """device_add until the guest has the device open; the seconds that it took."""
    words = device.add(guest.qmp)
    began = time.monotonic()
    at = len(guest.text)
    guest.qmp.command("device_add", id="ivsh", **words, **where)
    guest.expect(rf"^open \S+: BAR2 .*, {SIZE} bytes, ID \d+, doorbell {device.doorbell}$", at)
    return time.monotonic() - began


# Each machine with plain where its slot is empty at boot, and doorbell where it is not; those that
# differ in firmware only with one of the two, and UEFI on q35 with none: demos/test_survive.py has
# it. In soak with all four.
ONE = {"pc qboot": 0, "q35 acpi qboot": 0, "q35 native qboot": 1, "q35 acpi bridge": 1}
ONE |= {"pc OVMF": 0, "q35 acpi OVMF": None, "q35 native OVMF": None}
CASES = [
    (machine, kind, present)
    for machine in MACHINES
    for kind in (Plain, Doorbell)
    for present in (False, True)
    if SOAK or (present == (kind == Doorbell) and ONE.get(machine, present) == present)
]


@pytest.mark.parametrize(
    "machine, kind, present",
    CASES,
    ids=lambda v: getattr(v, "__name__", {True: "present", False: "empty"}.get(v, v)),
)
def test_cycles(start, machine, kind, present):
    words, where, found = MACHINES[machine]
    device, guest = start(kind, words, present, where, machine_of(machine))
    assert guest.expect(r"^hot-plug: (.*)$")[1] == found
    guest.expect(r"^ready$")
    memory, flat, times = Memory(device.memory), None, []
    if not present:
        plug(guest, device, where)
    for cycle in range(1, CYCLES + 1):
        memory.answers(cycle)
        times.append((unplug(guest, device), plug(guest, device, where)))
        if cycle == 2:
            flat = guest.least()
    memory.answers(0)
    assert "FAIL" not in guest.text
    most = flat[0], flat[1] + (4 << 20) + CYCLES * (16 << 10)
    at_end = guest.least(most, LIMIT)
    away = [f"{1000 * max(column):.0f}" for column in zip(*times)]
    print(
        f"{machine}: at most {away[0]} ms to remove, {away[1]} to add;"
        f" {at_end[1] - flat[1] >> 10} KiB more"
    )
    assert at_end[0] <= most[0] and at_end[1] <= most[1], f"{flat} after 2 cycles, then {at_end}"


@pytest.mark.parametrize(
    "words, machine",
    [("-M q35 -device vmgenid,guid=auto", X86_64), (f"-M q35 {NATIVE}", X86_64), ("", AARCH64)],
    ids=["acpi", "native", "aarch64"],
)
def test_several_ports(start, tmp_path, words, machine):
    """
    Two of ours and another's, each in a port: each has slot number 0. ACPI names no more than that.
    """
    native = "vmgenid" not in words
    for i, port in enumerate(("root", "second", "third")):
        words += f" -device pcie-root-port,id={port},chassis={i},pref64-reserve=8M"
    (tmp_path / "memory2").write_bytes(bytes(SIZE))
    words += f" -object memory-backend-file,id=b,share=on,mem-path={tmp_path}/memory2,size={SIZE}"
    words += " -device ivshmem-plain,id=b,memdev=b,bus=second"
    words += " -device virtio-rng-pci,id=rng,bus=third"
    device, guest = start(Plain, words, True, {"bus": "root"}, machine)
    first, second = Memory(device.memory), Memory(tmp_path / "memory2")
    guest.expect(r"^ready$")
    first.answers(1)
    second.answers(1)
    # A port with another's device is not ours to answer.
    for number, name in enumerate(["b"] if native else ["b", "rng"], 2):
        at = len(guest.text)
        guest.qmp.command("device_del", id=name)
        guest.qmp.event("DEVICE_DELETED", seconds=LIMIT, device=name)
        if not native:
            guest.expect(r"^added (\S+)\n(.*\n)*?open \1: ", at)
        first.answers(number)

    # Now the guest knows what that slot number means, and closes no other device.
    backend = {"id": "c", "share": True, "mem-path": f"{tmp_path}/memory2", "size": SIZE}
    guest.qmp.command("object-add", **{"qom-type": "memory-backend-file"}, **backend)
    at = len(guest.text)
    guest.qmp.command("device_add", driver="ivshmem-plain", id="c", memdev="c", bus="second")
    at = guest.expect(r"^open .*\nheap.*\n", at).end()
    second.answers(4)
    guest.qmp.command("device_del", id="c")
    guest.qmp.event("DEVICE_DELETED", seconds=LIMIT, device="c")
    guest.expect(r"^ejected \S+: it has gone$", at)
    first.answers(5)
    assert guest.text.count("leaving", at) == 1 and guest.text.find("added", at) < 0, guest.text
    unplug(guest, device)
    plug(guest, device, {"bus": "second"})
    first.answers(9)
    guest.qmp.command("device_del", id="ivsh")
    guest.qmp.event("DEVICE_DELETED", seconds=LIMIT, device="ivsh")
    assert "FAIL" not in guest.text
