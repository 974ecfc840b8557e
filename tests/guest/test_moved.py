# SPDX-License-Identifier: MIT
"""
test_moved.py - a guest sees that it was migrated or restored from a snapshot, and has its identity
again after a reset: moved.elf and moved.efi.
"""

import itertools
import os
import re
import shutil
import subprocess
import threading
import time

import pytest

from machine import AARCH64, RISCV64, TCG, X86_64
from qmp import Qmp, qmp_words

OVMF = X86_64.firmware
SOAK = bool(os.environ.get("IVSH_SOAK"))
LIMIT = 60  # seconds

# Nothing outlives the tests, however they end.
LEASH = [shutil.which("setpriv"), "--pdeathsig", "TERM"]

PC, Q35 = "-M pc -m 64M", "-M q35 -m 64M"
PC_QBOOT, Q35_QBOOT = f"{PC} -bios qboot.rom", f"{Q35} -bios qboot.rom"
MICROVM = "-M microvm,pcie=on,acpi=on -m 64M"
UEFI = f"-M q35 -m 128M -bios {OVMF}"
ARM = "-M virt,gic-version=2 -cpu cortex-a72 -m 64M"
ARM_ITS = "-M virt,gic-version=3 -cpu max -m 64M"
RISCV = "-M virt,aia=aplic-imsic -bios none -m 64M"

READY = r"ready: machine ([0-9a-f]{16}) nonce ([0-9a-f]{16})"
GENERATION = r"generation ([0-9a-f]{16}) after (\d+) us nonce ([0-9a-f]{16})"


def guid(value="auto"):
    return f"-device vmgenid,guid={value}"


def text(value):
    return f"-fw_cfg name=opt/ivsh/generation,string={value}"


ONE, OTHER = (f"{digit * 8}-{digit * 4}-4{digit * 3}-8{digit * 3}-{digit * 12}" for digit in "12")


class Guest:
    """A QEMU that runs moved.elf or moved.efi, with a connection to its QMP socket."""

    numbers = itertools.count()

    def __init__(self, folder, how, *options):
        socket = folder / f"qmp{next(self.numbers)}"
        words = " ".join(options).split()
        machine = AARCH64 if "-cpu" in words else RISCV64 if "none" in words else X86_64
        image = machine.efi("moved") if OVMF in words else machine.image("moved")
        self.argv = [*LEASH, *machine.words(reboot=True), *TCG, *words]
        self.argv += ["-kernel", str(image), "-append", how]
        self.argv += qmp_words(socket)
        self.process = subprocess.Popen(
            self.argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self.output, self.at, self.more = "", 0, threading.Condition()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        self.qmp = Qmp(socket)

    def _read(self):
        while data := self.process.stdout.read1(65536):
            with self.more:
                self.output += data.decode(errors="replace").replace("\r", "")
                self.more.notify_all()
        with self.more:
            self.output += "(the end)\n"
            self.more.notify_all()

    def expect(self, pattern, seconds=LIMIT):
        """The groups of the next line that matches, waited for; what is before it is passed."""
        end = time.monotonic() + seconds
        with self.more:
            while True:
                found = re.search(f"{pattern}\n", self.output[self.at :])
                if found:
                    self.at += found.end()
                    return found.groups()
                left = end - time.monotonic()
                if left <= 0 or self.output.endswith("(the end)\n"):
                    self.fail(f"no {pattern!r}")
                self.more.wait(left)

    def began(self):
        """What it prints at its start: its identity and its VM generation."""
        machine, _ = self.expect(READY)
        return machine, self.moved()[0]

    def moved(self):
        """The VM generation and a nonce, as it prints them at the next change: one for a move."""
        generation, _, nonce = self.expect(GENERATION)
        if self.expect("(settled|generation .*)") != ("settled",):
            self.fail("one move, two changes")
        return generation, nonce

    def fail(self, what):
        command = " ".join(self.argv)
        raise AssertionError(f"{what}\n{command}\n{self.output}")

    def close(self):
        self.qmp.close()
        self.process.kill()
        self.process.wait(LIMIT)
        self.reader.join(LIMIT)
        self.process.stdout.close()


@pytest.fixture
def start(tmp_path):
    """start(how, options...): a guest, which ends with the test."""
    guests = []

    def begin(*words):
        guests.append(Guest(tmp_path, *words))
        return guests[-1]

    yield begin
    for guest in guests:
        guest.close()


def disk(folder):
    """QEMU's words for a disk that a snapshot is stored in."""
    path = folder / "disk"
    if not path.exists():
        command = ["qemu-img", "create", "-q", "-f", "qcow2", str(path), "512M"]
        subprocess.run(command, check=True, timeout=LIMIT)
    return f"-drive if=none,id=disk,format=qcow2,file={path}"


# How the guest looks, the machine, and what differs between the two QEMUs.
MOVES = {
    "pc, GUID": ("load", PC, guid(ONE), guid(OTHER)),
    "q35, GUID": ("load", Q35, guid(), guid()),
    "q35, GUID, own memory": ("own", Q35, guid(), guid()),
    "pc, GUID, own memory": ("own", PC, guid(ONE), guid(OTHER)),
    "pc, the same GUID": ("load", PC, guid(ONE), guid(ONE)),
    "pc, the same GUID, clock": ("clock", PC, guid(ONE), guid(ONE)),
    "q35, the same GUID, halts": ("sleep", Q35, guid(ONE), guid(ONE)),
    "microvm, text": ("clock", MICROVM, text("one"), text("two")),
    "microvm, text, halts": ("sleep", MICROVM, text("one"), text("two")),
    "microvm, text gone": ("sleep", MICROVM, text("one"), ""),
    "q35 qboot, text": ("sleep", Q35_QBOOT, text("one"), text("two")),
    "pc qboot, text": ("sleep", PC_QBOOT, text("one"), text("ones")),
    "q35, GUID and text": ("sleep", Q35, f"{guid()} {text('one')}", f"{guid()} {text('two')}"),
    "q35, text beside a GUID": (
        "clock",
        Q35,
        f"{guid(ONE)} {text('one')}",
        f"{guid(ONE)} {text('two')}",
    ),
    "q35, other files": ("sleep", Q35, text("one"), f"-fw_cfg name=opt/a,string=b {text('two')}"),
    "aarch64, text": ("clock", ARM, text("one"), text("two")),
    "aarch64, text, halts": ("sleep", ARM_ITS, text("one"), text("two")),
    "aarch64, text gone": ("sleep", ARM, text("one"), ""),
    "OVMF, GUID": ("load", UEFI, guid(), guid()),
    "OVMF, the same GUID": ("sleep", UEFI, guid(ONE), guid(ONE)),
    "OVMF, text": ("clock", UEFI, text("one"), text("two")),
}


@pytest.mark.parametrize("case", MOVES)
def test_migrate_to_file(start, tmp_path, case):
    """To a file and back, as the source and as its twin: one change each, and other nonces."""
    how, machine, before, after = MOVES[case]
    source = start(how, machine, before)
    _, first = source.began()
    source.qmp.migrate(f"exec:cat>{tmp_path}/state")
    changes = [(first, "")]
    for _ in range(2):
        other = start(how, machine, after, f"-incoming exec:cat<{tmp_path}/state")
        changes.append(other.moved())
    generations, nonces = zip(*changes)
    assert first not in generations[1:] and len(set(nonces)) == 3, changes


STREAMS = ["pc, GUID", "q35, the same GUID, halts", "microvm, text", "aarch64, text, halts"]


@pytest.mark.parametrize("case", STREAMS)
def test_migrate_over_socket(start, tmp_path, case):
    """From one QEMU to the other."""
    how, machine, before, after = MOVES[case]
    source = start(how, machine, before)
    _, first = source.began()
    uri = f"unix:{tmp_path}/socket"
    other = start(how, machine, after, f"-incoming {uri}")
    source.qmp.migrate(uri)
    moved, _ = other.moved()
    assert moved != first


# How the guest looks, the machine, and what differs between the two QEMUs.
SNAPSHOTS = {
    "pc": ("load", PC, guid(ONE), guid(OTHER)),
    "pc, clock": ("clock", PC, guid(ONE), guid(ONE)),
    "q35, own memory": ("own", Q35, guid(), guid()),
    "pc, halts": ("sleep", PC, guid(), guid()),
    "q35": ("sleep", Q35, guid(ONE), guid(ONE)),
    "OVMF": ("load", UEFI, guid(), guid()),
}


@pytest.mark.parametrize("case", SNAPSHOTS)
def test_loadvm(start, tmp_path, case):
    """In the same QEMU, twice: each time another VM generation than all those before."""
    how, machine, before, _ = SNAPSHOTS[case]
    guest = start(how, machine, before, disk(tmp_path))
    _, first = guest.began()
    guest.qmp.monitor("savevm one")
    seen = {first}
    for _ in range(20 if SOAK else 3):
        guest.qmp.monitor("loadvm one")
        moved, _ = guest.moved()
        assert moved not in seen
        seen.add(moved)


WITH_TEXT = {
    "microvm": ("clock", MICROVM, text("one"), text("two")),
    "aarch64": ("clock", ARM, text("one"), text("two")),
    "aarch64, halts": ("sleep", ARM_ITS, text("one"), text("two")),
}


@pytest.mark.parametrize("case", [*SNAPSHOTS, *WITH_TEXT])
def test_loadvm_new_qemu(start, tmp_path, case):
    """-loadvm in two other QEMUs, one after the other: a change in each, and other nonces."""
    how, machine, before, after = {**SNAPSHOTS, **WITH_TEXT}[case]
    source = start(how, machine, before, disk(tmp_path))
    _, first = source.began()
    source.qmp.monitor("savevm one")
    source.qmp.quit()
    nonces = set()
    for _ in range(2):
        other = start(how, machine, after, disk(tmp_path), "-loadvm one")
        moved, nonce = other.moved()
        assert moved != first
        nonces.add(nonce)
        other.qmp.quit()
    assert len(nonces) == 2


# The machine, its options, and resets.
RESETS = {
    "pc": (PC, "", 3),
    "pc, GUID": (PC, guid(), 3),
    "q35": (Q35, "", 3),
    "q35, GUID": (Q35, guid(), 3),
    "q35 qboot": (Q35_QBOOT, "", 3),
    "pc qboot": (PC_QBOOT, "", 3),
    "microvm": (MICROVM, text("one"), 3),
    "aarch64": (ARM, "", 3),
    "aarch64, text": (ARM_ITS, text("one"), 3),
    "riscv64": (RISCV, "", 3),
    "OVMF, GUID": (UEFI, guid(), 1),
}


@pytest.mark.parametrize("case", RESETS)
def test_reset(start, case):
    """A machine has its identity again after each reset, and no other machine has it."""
    machine, options, resets = RESETS[case]
    guests = [start("sleep", machine, options) for _ in range(2)]
    identities = [guest.expect(READY)[0] for guest in guests]
    for _ in range(20 if SOAK else resets):
        guests[0].qmp.command("system_reset")
        assert guests[0].expect(READY)[0] == identities[0]
    assert identities[0] != identities[1] and "0" * 16 not in identities


def test_reset_after_migration(start, tmp_path):
    """The identity goes along with the memory, although the other QEMU has another GUID."""
    source = start("load", PC, guid())
    identity, _ = source.began()
    source.qmp.migrate(f"exec:cat>{tmp_path}/state")
    other = start("load", PC, guid(), f"-incoming exec:cat<{tmp_path}/state")
    other.moved()
    other.qmp.command("system_reset")
    assert other.expect(READY)[0] == identity


def test_same_guid(start):
    """Without a former start the identity is of the GUID, which the operator can give again."""
    identities = {start("load", PC, guid(value)).began()[0] for value in (ONE, ONE, OTHER)}
    assert len(identities) == 2


@pytest.mark.parametrize("machine", [PC, Q35, Q35_QBOOT, MICROVM, UEFI, ARM, RISCV])
def test_no_source(start, machine):
    """A machine without any source has no VM generation, and ends as any other."""
    guest = start("load", machine)
    guest.expect(READY)
    guest.expect("(no generation)")


def test_no_fw_cfg_dma(start):
    """A fw_cfg without DMA is none."""
    guest = start("load", PC, text("one"), "-global fw_cfg.dma_enabled=off")
    guest.expect("(no generation)")
