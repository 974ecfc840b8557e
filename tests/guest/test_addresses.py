# SPDX-License-Identifier: MIT
"""
test_addresses.py - where devices that are plugged in are placed: plug.elf, and test_hotplug.py.
"""

import itertools
import os
import re
import struct
import time

import pytest

from machine import AARCH64, RISCV64, X86_64
from test_hotplug import LIMIT, NATIVE, Guest

MIB, GIB = 1 << 20, 1 << 30
SOAK = bool(os.environ.get("IVSH_SOAK"))
EMPTY = "-device pcie-root-port,id=root,chassis=1"  # 2 MiB of prefetchable window, by SeaBIOS
BEHIND = f"{EMPTY} -device pcie-pci-bridge,id=bridge,bus=root"




class Plugs:
    """A guest, and ivshmem-plain devices of any size that are plugged into it and out of it."""

    def __init__(self, folder, words, cold=(), machine=X86_64):
        """cold: (size, bus) of each device that is there from the start."""
        self.folder, self.count, self.there = folder, 0, {}
        words = words.split()
        for size, bus in cold:
            backend = self._backend(size)
            name = f"cold{self.count}"
            self.there[name] = backend
            text = ",".join(f"{key}={value}" for key, value in {**backend, "share": "on"}.items())
            words += ["-object", f"memory-backend-file,{text}"]
            words += ["-device", f"ivshmem-plain,id={name},memdev={backend['id']},bus={bus}"]
        self.guest = Guest(folder, words, machine)
        self.guest.expect(r"^ready$")

    def _backend(self, size):
        self.count += 1
        path = self.folder / f"memory{self.count}"
        path.touch()
        os.truncate(path, size)
        return {"id": f"m{self.count}", "share": True, "mem-path": str(path), "size": size}

    def begin(self, name, size, **where):
        """Plug it in; where what the guest says about it begins."""
        self.there[name] = backend = self._backend(size)
        at, qmp = len(self.guest.text), self.guest.qmp
        qmp.command("object-add", **{"qom-type": "memory-backend-file"}, **backend)
        qmp.command("device_add", driver="ivshmem-plain", id=name, memdev=backend["id"], **where)
        return at

    def plug(self, name, size, **where):
        """Plug it in until the guest has it open; the address of its BAR2."""
        at = self.begin(name, size, **where)
        found = self.guest.expect(rf"^open \S+: BAR2 (0x\w+), {size} bytes.*\nheap|^FAIL.*$", at)
        assert found[1], self.guest.text
        return int(found[1], 16)

    def unplug(self, name):
        backend, at, qmp = self.there.pop(name), len(self.guest.text), self.guest.qmp
        qmp.command("device_del", id=name)
        qmp.event("DEVICE_DELETED", device=name)
        self.guest.expect(r"^ejected \S+: it has gone$", at)
        qmp.command("object-del", id=backend["id"])
        os.unlink(backend["mem-path"])

    def answer(self):
        """Each memory is that of its own device: the guest answers there, and nowhere else."""
        for number, backend in enumerate(self.there.values(), 1):
            with open(backend["mem-path"], "r+b") as file:
                file.seek(backend["size"] - 4096)
                file.write(struct.pack("<I", number))
        end = time.monotonic() + LIMIT
        for number, backend in enumerate(self.there.values(), 1):
            want, offset = struct.pack("<I", number), backend["size"] - 4092
            with open(backend["mem-path"], "rb", buffering=0) as file:
                while os.pread(file.fileno(), 4, offset) != want:
                    assert time.monotonic() < end, f"no answer in {backend}: {self.guest.text}"
                    time.sleep(0.002)

    def heaps(self):
        """Where the heap ended after each open: the page tables are behind it."""
        return re.findall(r"^heap (\S+)$", self.guest.text, re.MULTILINE)


@pytest.fixture
def plugs(tmp_path):
    started = []

    def begin(*words, **more):
        started.append(Plugs(tmp_path, *words, **more))
        return started[-1]

    yield begin
    for one in started:
        one.guest.close()


@pytest.mark.parametrize("processor", ["-cpu qemu64", "-cpu max"])
def test_one_gib_again(plugs, processor):
    """Addresses and page tables of 1 GiB are used again; -cpu qemu64 has no pages of 1 GiB."""
    machine, last = plugs(f"-M pc {processor}"), None
    for _ in range(300 if SOAK else 5):
        address = machine.plug("one", GIB)
        machine.answer()
        assert last in (None, address)
        last = address
        machine.unplug("one")
    heaps = machine.heaps()
    assert len(set(heaps)) == 1, heaps


@pytest.mark.parametrize("size", [4 * MIB, 64 * MIB, GIB])
@pytest.mark.parametrize(
    "words, where",
    [
        (f"-M q35 {EMPTY}", {"bus": "root"}),
        (f"-M q35 {NATIVE} {EMPTY}", {"bus": "root"}),
        (f"-M q35 {BEHIND}", {"bus": "bridge", "addr": "3"}),
        (f"-M q35 -bios qboot.rom {NATIVE} {EMPTY}", {"bus": "root"}),
        (f"-M microvm,pcie=on,acpi=on {EMPTY}", {"bus": "root"}),
        (EMPTY, {"bus": "root"}),
    ],
    ids=["acpi", "native", "bridge", "qboot", "microvm", "aarch64"],
)
def test_empty_port(plugs, words, where, size):
    """A port that is empty at boot, without a reserve: its window grows, or moves."""
    machine = plugs(words, machine=AARCH64 if words == EMPTY else X86_64)
    for _ in range(3):
        machine.plug("one", size, **where)
        machine.answer()
        machine.unplug("one")


@pytest.mark.parametrize("size, fits", [(256 * MIB, True), (GIB, False)], ids=["256", "1024"])
def test_32_bit(plugs, size, fits):
    """Without addresses above 4 GiB, the window of 752 MiB has to do; what does not fit is said."""
    machine = plugs(f"-M virt,highmem=off -cpu cortex-a53 {EMPTY}", machine=AARCH64)
    if fits:
        assert machine.plug("one", size, bus="root") + size < 4 * GIB
        machine.answer()
    else:
        at = machine.begin("one", size, bus="root")
        machine.guest.expect(rf"^\S+: no room for {size} bytes: its port needs \d+$", at)


# Bridges of all kinds, and where a device is then.
SWITCH = (
    "-device pcie-root-port,id=p,chassis=1 -device x3130-upstream,id=up,bus=p"
    " -device xio3130-downstream,id=d1,bus=up,chassis=2,slot=1"
    " -device xio3130-downstream,id=d2,bus=up,chassis=2,slot=2"
)
PLACES = {
    "root bus": ("", ["pcie.0"]),
    "port": ("-device pcie-root-port,id=p,chassis=1", ["p"]),
    "bridge": ("-device pcie-pci-bridge,id=b,bus=pcie.0", ["b,addr=1", "pcie.0"]),
    "bridge in port": (BEHIND, ["bridge,addr=1", "bridge,addr=4"]),
    "switch": (SWITCH, ["d2", "d1", "pcie.0"]),
    "second root": (
        "-device pxb-pcie,id=x,bus_nr=8,bus=pcie.0 -device pcie-root-port,id=p,bus=x", ["p"],
    ),
    "two bridges": (
        "-device pcie-pci-bridge,id=b,bus=pcie.0"
        " -device pci-bridge,id=c,bus=b,addr=1,chassis_nr=3", ["c,addr=2"],
    ),
}  # fmt: skip
# Others' devices, whose addresses are in nobody's way.
OTHERS = "-device virtio-rng-pci,bus=pcie.0 -device e1000e,bus=pcie.0 -device qemu-xhci,bus=pcie.0"
SPARE = "-device pcie-root-port,id=spare,chassis=9"  # plug.elf wants one


# QEMU 7.2 has no pxb-pcie for riscv64.
@pytest.mark.parametrize(
    "machine, place",
    [(AARCH64, place) for place in PLACES]
    + [(RISCV64, place) for place in PLACES if place != "second root"],
    ids=str,
)
def test_no_firmware(plugs, machine, place):
    """Without firmware: bus numbers, windows, and addresses for 32- and 64-bit BARs."""
    bridges, buses = PLACES[place]
    words = f"{OTHERS} {SPARE} {bridges}"
    guest = plugs(words, cold=[(MIB << 2 * i, bus) for i, bus in enumerate(buses)], machine=machine)
    opened = re.findall(r"^open \S+: BAR2 (0x\w+), (\d+) bytes", guest.guest.text, re.MULTILINE)
    there = [(int(address, 16), int(size)) for address, size in opened]
    assert sorted(size for _, size in there) == [MIB << 2 * i for i in range(len(buses))]
    for (one, size), (other, _) in itertools.permutations(there, 2):
        assert one % size == 0 and not one <= other < one + size, there
    guest.answer()


@pytest.mark.parametrize("where", ["cold", "hot"])
def test_64_gib(plugs, where):
    """A BAR2 of 64 GiB, of a sparse file: its last page is answered in."""
    size = 64 * GIB
    if where == "cold":
        guest = plugs(SPARE, cold=[(size, "pcie.0")], machine=AARCH64)
    else:
        guest = plugs(EMPTY, machine=AARCH64)
        guest.plug("one", size, bus="root")
    guest.answer()
    # Page tables of blocks of 1 GiB: the heap is almost whole.
    assert re.search(rf"^open \S+: BAR2 0x\w+, {size} bytes", guest.guest.text, re.MULTILINE)


SIZES = [MIB << i for i in range(11)]
ORDERS = [[GIB, MIB, 16 * MIB], [MIB, GIB, 256 * MIB], [4 * MIB, 4 * MIB, 4 * MIB]]


@pytest.mark.parametrize("cold", SIZES if SOAK else [MIB, 256 * MIB, GIB], ids=lambda s: s >> 20)
def test_beside(plugs, cold):
    """Beside a device that firmware placed, in each order of sizes, no address is given twice."""
    machine = plugs("-M pc", cold=[(cold, "pci.0")])
    placed = re.search(r"^open \S+: BAR2 (0x\w+), (\d+)", machine.guest.text, re.MULTILINE)
    for sizes in itertools.permutations([MIB, 32 * MIB, GIB]) if SOAK else ORDERS:
        there = [(int(placed[1], 16), cold)]
        for number, size in enumerate(sizes):
            there.append((machine.plug(f"hot{number}", size), size))
            machine.answer()
        for (one, size), (other, _) in itertools.permutations(there, 2):
            assert not one <= other < one + size, there
        for number in range(len(sizes)):
            machine.unplug(f"hot{number}")
    assert "FAIL" not in machine.guest.text
