# SPDX-License-Identifier: MIT
"""
test_aavmf.py - ivsh.efi on aarch64, started by AAVMF: its doorbells, how its shared memory is
cached, its end, and a migration. What the UEFI Shell sees is in test_uefi.py.
"""

import re
import struct

import pytest

from memory import memory_file
from qemu import (
    MACHINES, NO_DEVICE, NO_PEER, SOAK, TCG, TIMEOUT, USAGE,
    doorbell, notifications, plain,
)  # fmt: skip
from qmp import Qmp, qmp_words

from test_survive import host

AARCH64 = MACHINES["aarch64"]
COUNT = 20000 if SOAK else 200

GIC2 = "-M virt,gic-version=2 -cpu cortex-a72"
POLLS = "the firmware takes no LPIs of a GICv3: start QEMU with -M virt,gic-version=2"
BAR2 = r"^  BAR2: shared memory at 0x[0-9a-f]+, {} bytes, 64-bit, prefetchable, write-back$"


def guest(world, name, command, *device, machine=GIC2, **keywords):
    return world.guest(
        name, command, *device, arch="aarch64", machine=machine, uefi=True, **keywords
    )


# The GIC, how both wait, who answers, and whether doorbells interrupt this guest.
PINGS = {
    "poll, x86_64": ("2", "poll", "x86_64", False),
    "spin, aarch64": ("2", "spin", "aarch64", True),
    "sleep, x86_64": ("2", "sleep", "x86_64", True),
    "sleep, aarch64": ("2", "sleep", "aarch64", True),
    "EL2, sleep, aarch64": ("2,virtualization=on", "sleep", "aarch64", True),
    "GICv3, sleep, x86_64": ("3", "sleep", "x86_64", False),
}

# A sleeper that spins first has its answer before it halts, on some processors always.
SPINS = {"poll": "", "spin": "", "sleep": " --spin=0"}


@pytest.mark.parametrize("case", PINGS)
def test_ping(world, case):
    """A bare-metal guest of each architecture answers."""
    gic, wait, arch, interrupts = PINGS[case]
    server = world.server(bind=2)
    echo = world.guest(
        "echo", f"echo --name=alpha --wait={wait}", *doorbell(server.bound[1]), arch=arch
    )
    # On a busy host each answer of one ping may be there before its sender halts.
    for _ in range(5):
        text = guest(
            world, "ping", f"ping alpha --count={COUNT} --timeout=20 --wait={wait}{SPINS[wait]}",
            *doorbell(server.bound[0]), machine=f"-M virt,gic-version={gic} -cpu cortex-a72",
        ).done(seconds=60)  # fmt: skip
        assert f"ping: slot 1 (alpha): {COUNT} round trips of 64 bytes, us:" in text
        counted = notifications(text, "ping")
        assert counted["mode"] == wait and counted["vectors"] == (2 if interrupts else 0)
        if wait != "sleep" or not interrupts or counted["doorbell"]:
            break
    if interrupts and wait == "sleep":
        assert counted["doorbell"] > 0 and counted["missed"] <= 2, counted
    polls = f"ivsh: device 00:01.0: polling: {POLLS}\n"
    assert (polls in text) == (wait != "poll" and not interrupts), text
    echo.still_runs()


# Machines, and why no doorbell can interrupt there.
OTHERS = {
    "GICv3": ("-M virt,gic-version=3 -cpu cortex-a72", POLLS),
    "GICv3 without ITS": ("-M virt,gic-version=3,its=off -cpu cortex-a72", POLLS),
    "EL2": ("-M virt,gic-version=2,virtualization=on -cpu cortex-a72", ""),
    "max, four processors": ("-M virt,gic-version=2 -cpu max -smp 4,maxcpus=4", ""),
    "cortex-a53": ("-M virt,gic-version=2 -cpu cortex-a53", ""),
    "device tree": (f"{GIC2} -M acpi=off", ""),
}


@pytest.mark.parametrize("machine", OTHERS)
def test_info(world, machine):
    """Where it is cached and what cannot interrupt it is said in a line each."""
    words, why = OTHERS[machine]
    device = plain(memory_file(world.folder))
    text = guest(world, "info", "info --slot=0", *device, machine=words).done()
    assert re.search(r"^ivsh on UEFI aarch64$", text, re.MULTILINE), text
    assert re.search(BAR2.format(4 << 20), text, re.MULTILINE), text
    assert re.findall(r"^  no doorbell interrupts it: (.*)$", text, re.MULTILINE) == (
        [why] if why else []
    )


def test_large_memory(world):
    """64 GiB: AAVMF maps them in large blocks, which change together."""
    memory = memory_file(world.folder, 64 << 30)
    text = guest(world, "info", "info --slot=0", *plain(memory)).done()
    assert re.search(BAR2.format(64 << 30), text, re.MULTILINE), text
    memory.unlink()


def sections(image):
    """The parts of a PE image: name, its flags, where it is loaded to, and its bytes."""
    header = struct.unpack_from("<I", image, 0x3C)[0]
    assert image[header : header + 4] == b"PE\0\0"
    machine, count, _, _, _, optional, _ = struct.unpack_from("<HHIIIHH", image, header + 4)
    assert machine == 0xAA64
    for i in range(count):
        at = header + 24 + optional + 40 * i
        name, size, start, raw, offset, flags = struct.unpack_from("<8sIIII12xI", image, at)
        name = name.rstrip(b"\0").decode()
        yield name, flags, start, image[offset : offset + min(size, raw)]


def test_sections():
    """
    No part of the image is to be writable and executable: PE/COFF, 3.3 and 4. Nor does the image
    write to one that is not writable when it relocates itself.
    """
    found, writable, relocations = {}, set(), b""
    for name, flags, start, data in sections(AARCH64.efi().read_bytes()):
        assert start % 4096 == 0, name
        found[name] = (bool(flags & 1 << 29), bool(flags & 1 << 31))
        if found[name][1]:
            writable.update(range(start, start + len(data), 8))
        if name == ".rela":
            relocations = data
    assert found == {
        ".text": (True, False), ".rodata": (False, False), ".reloc": (False, False),
        ".rela": (False, False), ".dynamic": (False, True), ".data": (False, True),
    }  # fmt: skip
    targets = [where for where, _, _ in struct.iter_unpack("<QQQ", relocations)]
    assert targets and not [hex(where) for where in targets if where not in writable]


@pytest.mark.parametrize("more", ["", ",highmem=off"])
def test_gives_it_back(world, more):
    """
    The firmware's pages are as they were once the device is closed. And what it has for new devices
    ends where PCI's ports begin, at 0x3eff0000; configuration space may be right behind these.
    """
    words = [*AARCH64.words(), *TCG, *GIC2.replace(" -cpu", f"{more} -cpu").split()]
    words += ["-m", AARCH64.uefi_ram]
    words += ["-bios", AARCH64.firmware, "-kernel", AARCH64.efi("cached"), "-append", "--exit=qemu"]
    text = world.program("cached", *words, *plain(memory_file(world.folder))).done()
    assert re.search(r"^low: 0x1[0-9a-f]{7} to 0x3ef00000$", text, re.MULTILINE), text
    found = re.findall(r"^(before|open|closed): (.*)$", text, re.MULTILINE)
    device = "device memory"
    assert found == [("before", device), ("open", "write-back"), ("closed", device)], text
    assert text.endswith("\ndone\n")


def test_window_too_small(world):
    """AAVMF then gives no device an address, and QEMU has no option for it."""
    memory = memory_file(world.folder, 1 << 40)
    text = guest(world, "guest", "info --slot=0", *plain(memory)).done(NO_DEVICE)
    line = r"^ivsh: device 00:01\.0: .* of 1048576 MiB, .*: this machine has 524288 MiB at most$"
    assert re.search(line, text, re.MULTILINE), text
    memory.unlink()


ENDS = {"ls --frob": USAGE, "send 5 x --slot=0 --timeout=0.2": NO_PEER}


@pytest.mark.parametrize("command", ENDS)
def test_end(world, command):
    """Its status is QEMU's; without semihosting QEMU's is 0, and the verdict says it."""
    words = plain(memory_file(world.folder))
    if ENDS[command] == NO_PEER:
        guest(world, "first", "recv --slot=0 --timeout=0.1", *words).done(TIMEOUT)
    guest(world, "guest", command, *words).done(ENDS[command])
    argv = [word for word in AARCH64.words() if word not in AARCH64.end]
    silent = world.program(
        "without semihosting", *argv, *TCG, *AARCH64.board, "-m", AARCH64.uefi_ram, *words,
        "-bios", AARCH64.firmware, "-kernel", AARCH64.efi(), "-append", f"--exit=verdict {command}",
    )  # fmt: skip
    assert silent.done().endswith(f"\nexit: {ENDS[command]}\n")


MOVED = r"^ivsh: device \S+: the machine or its memory was moved: slot 0 goes on in .*$"


def test_migration(world):
    """The text of opt/ivsh/generation shows it; the echo goes on in the other memory."""
    memories = [memory_file(world.folder, name=name) for name in ("one", "two")]
    state = world.folder / "state"
    guests = []
    for i, memory in enumerate(memories):
        device = plain(memory, where=",master=on") + qmp_words(world.folder / f"qmp{i}")
        more = ["-incoming", f"exec:cat<{state}"] if i else []
        text = AARCH64.generation(f"text{i}")
        guests.append(guest(world, f"echo {i}", "echo --slot=0", *device, *text, *more))
        if i == 0:
            guests[0].expect(r"^echo: slot 0 of 8 answers$")
            host(world, "before", memory, "ping 0 --count=10", 1).done()
            with Qmp(world.folder / "qmp0") as qmp:
                qmp.migrate(f"exec:cat>{state}")
            guests[0].kill()
    guests[1].expect(MOVED)
    host(world, "after", memories[1], "ping 0 --count=10", 1).done()
    assert len(re.findall(MOVED, guests[1].text, re.MULTILINE)) == 1
