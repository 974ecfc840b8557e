# SPDX-License-Identifier: MIT
"""
test_conformance.py - the conformance program passes in every world, and finds each platform that
breaks a clause: wrong_test.elf has one mistake after another in the platform that passes.
"""

import re

import pytest

from machine import BUILD, MACHINES, TCG, X86_64

from memory import memory_file
from qemu import SOAK, doorbell, plain

GICV3 = "-M virt,gic-version=3 -cpu cortex-a72"
LIMIT = 600  # seconds: another test may have the processors


def results(text):
    """What became of each clause: {"D3.5": "kept"}; and the counts agree."""
    found = dict(re.findall(r"^([PDMS]\d\.\d): .*: (kept|BROKEN|skipped)", text, re.MULTILINE))
    counts = [list(found.values()).count(state) for state in ("kept", "BROKEN", "skipped")]
    assert "{} passed, {} failed, {} skipped".format(*counts) in text, text
    return found


def skipped(found):
    return {clause for clause, state in found.items() if state == "skipped"}


# The world, QEMU's words for another machine, and what cannot be checked there: a list of
# functions, a VM generation, a hot-plug controller, how riscv64 and OVMF cache.
NO_LIST = {"P4.1", "P4.2"}
NO_CACHE = {"P2.3", "P2.6"}
GUESTS = {
    "q35": ("x86_64", None, False, NO_LIST | {"P5.1"}),
    "microvm": ("x86_64", "-M microvm,pcie=on,acpi=on", False, NO_LIST | {"P5.1", "P5.2"}),
    "GICv2": ("aarch64", None, False, NO_LIST | {"P5.1", "P5.2"}),
    "GICv3": ("aarch64", GICV3, False, NO_LIST | {"P5.1", "P5.2"}),
    "riscv64": ("riscv64", None, False, NO_LIST | NO_CACHE | {"P5.1", "P5.2"}),
    "OVMF": ("x86_64", None, True, NO_CACHE | {"P5.1"}),
    "AAVMF": ("aarch64", None, True, {"P5.1", "P5.2"}),
}


@pytest.mark.parametrize("case", GUESTS)
def test_guest(world, case):
    arch, machine, uefi, unchecked = GUESTS[case]
    server = world.server(bind=1)
    word = "--exit=qemu " if uefi else ""
    text = world.guest(
        "guest", f"{word}--vectors=2", *doorbell(server.bound[0]),
        arch=arch, machine=machine, uefi=uefi, image="conformance",
    ).done(seconds=LIMIT)  # fmt: skip
    found = results(text)
    assert "BROKEN" not in found.values(), text
    assert skipped(found) == unchecked, text


def test_generation(world):
    """With a vmgenid device that clause is checked, too."""
    server = world.server(bind=1)
    words = [*doorbell(server.bound[0]), *X86_64.generation()]
    text = world.guest("guest", "--vectors=2", *words, image="conformance").done(seconds=LIMIT)
    assert results(text)["P5.1"] == "kept", text


# What needs a notification.
NOTIFIED = {"P3.2", "P3.3", "P3.4", "D2.1", "D3.5", "D4.2", "D4.3", "D5.1"}


def test_plain(world):
    """Without interrupts what needs a notification is skipped."""
    device = plain(memory_file(world.folder))
    text = world.guest("guest", "", *device, image="conformance").done(seconds=LIMIT)
    found = results(text)
    assert "BROKEN" not in found.values(), text
    assert skipped(found) == NO_LIST | NOTIFIED | {"P5.1"}, text


def test_read_only(world):
    """
    QEMU 7.2 starts with a memory that cannot be written, and drops the guest's stores. A transport
    over it breaks M1.2, by the same check.
    """
    memory = f"memory-backend-file,id=m,size=4M,share=on,mem-path={memory_file(world.folder)}"
    device = ["-object", f"{memory},readonly=on", "-device", "ivshmem-plain,memdev=m"]
    text = world.guest("guest", "", *device, image="conformance").done(1, seconds=LIMIT)
    found = results(text)
    assert [clause for clause, state in found.items() if state == "BROKEN"] == ["P2.5"], text


def test_no_device(world):
    """No clause is broken, and yet the status is no success: next to nothing was checked."""
    guest = world.guest("guest", "", image="conformance")
    guest.expect(r"conformance: device 0: .* no such ivshmem device", seconds=LIMIT)
    found = results(guest.done(3, seconds=LIMIT))
    assert found["D1.1"] == "kept" and found["P1.2"] == "skipped", guest.text


@pytest.mark.parametrize("place", ["server", "file"])
def test_host(world, place):
    if place == "server":
        words = ["--vectors=2", world.server().socket]
    else:
        words = [f"--file={memory_file(world.folder)}"]
    text = world.program("conformance", BUILD / "host" / "conformance", *words).done(seconds=LIMIT)
    found = results(text)
    assert "BROKEN" not in found.values(), text
    # A process' client has nothing to check anew.
    assert ("D2.1" in skipped(found)) == (place == "file") and "D5.1" in skipped(found), text


USAGE = {"no place": [], "a word": ["--vectors=9999", "x"], "two": ["a", "b"], "option": ["--what"]}


@pytest.mark.parametrize("case", USAGE)
def test_usage(world, case):
    text = world.program("conformance", BUILD / "host" / "conformance", *USAGE[case]).done(2)
    assert "conformance" in text


# riscv64's takes a minute of the processor, and its page tables say nothing of caches: in soak.
@pytest.mark.parametrize("arch", [a for a in MACHINES if SOAK or a != "riscv64"])
def test_wrong(world, arch):
    """Each mistake is found, under its clause, and no other clause is broken by it."""
    server = world.server(bind=1)
    text = world.guest(
        "guest", "", *doorbell(server.bound[0]), arch=arch, image="wrong_test"
    ).done(seconds=LIMIT)  # fmt: skip
    assert "FAIL" not in text and "6 passed, 0 failed, 0 skipped" in text, text


# The mistakes that end the guest, what is printed then, and the clause.
FATAL = {
    "registers": ("P2.1", r"page fault"),
    "memory": ("P2.5", r"page fault"),
    "unmap": ("P2.4", r"page fault"),
    "sleep": ("D3.3", None),
}


@pytest.mark.parametrize("case", FATAL)
def test_fatal(world, case):
    """A guest that crashes, or hangs, has named the clause before."""
    clause, crash = FATAL[case]
    server = world.server(bind=1)
    guest = world.guest(
        "guest", f"fatal {case}", *doorbell(server.bound[0]), image="wrong_test"
    )  # fmt: skip
    begun = rf"^{re.escape(clause)}: [^:]*: "
    if crash:
        guest.expect(crash, seconds=LIMIT)
        guest.status(LIMIT)
        assert re.findall(r"^([PDMS]\d\.\d): ", guest.text, re.MULTILINE)[-1] == clause, guest.text
        assert not re.search(begun + "(kept|BROKEN|skipped)", guest.text, re.MULTILINE), guest.text
    else:
        guest.expect(begun + "$", seconds=LIMIT, whole_lines=False)
        guest.kill()
