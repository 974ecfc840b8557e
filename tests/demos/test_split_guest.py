# SPDX-License-Identifier: MIT
"""
test_split_guest.py - guests in a split region, without a server: each has an ivshmem-plain for the
common memory and for each part, and can write its own part alone. SPEC 17.

Which device has what is found in the memories, wherever they are; what does not belong to the
region is named, and left out.
"""

import itertools
import random
import re

import pytest

import split
from qemu import FAILED, NO_DEVICE, SOAK, USAGE

VERIFIED = r"received \d+ bytes in {}: every byte verified$"
LEFT_OUT = r"^ivsh: device (\S+): left out: (.*)$"

MACHINES = {
    "q35": dict(machine="-M q35"),
    "pc": dict(machine="-M pc"),
    "microvm": dict(machine="-M microvm,pcie=on,acpi=on"),
    "ovmf": dict(uefi=True),
    "aarch64": dict(arch="aarch64"),
    "aavmf": dict(arch="aarch64", uefi=True),
    "riscv64": dict(arch="riscv64"),
}
SLOW = {"ovmf", "aavmf"}


def region(world, slots=2, name="region", **keywords):
    return split.Region(world.folder / name, slots, **keywords)


def start(world, own, command, words, where="q35"):
    return world.guest(f"slot {own}", command, *words, **MACHINES[where])


def exchange(world, made, where, orders=None, placed=False, command="demo --timeout=50", count=64):
    """Each slot's guest exchanges with all others; their outputs."""
    peers = made.slots - 1
    guests = []
    for own in range(made.slots):
        order = orders[own] if orders else None
        words = split.words(made, own, order, placed)
        guests.append(start(world, own, f"{command} --peers={peers}", words, where))
    texts = [guest.done(seconds=90) for guest in guests]
    for own, text in enumerate(texts):
        assert re.search(rf"slot {own}: .*{VERIFIED.format(count * peers)}", text, re.M), text
        assert "left out" not in text
    return texts


# --- Exchanges ----------------------------------------------------------------------------------


@pytest.mark.parametrize("where", MACHINES)
def test_exchange(world, where):
    """The devices stand in another order in each guest."""
    made = region(world)
    exchange(world, made, where, [[1, "common", 0], [0, 1, "common"]])


@pytest.mark.parametrize("where", MACHINES)
def test_placed(world, where):
    """At the addresses of their slots: whose part is whose is known."""
    made = region(world)
    command = "stress --count=2000 --timeout=50"
    exchange(world, made, where, placed=True, command=command, count=2000)
    text = start(world, 1, "info", split.words(made, 1, placed=True), where).done(seconds=60)
    for slot in range(2):
        assert re.search(
            rf"^  part of slot {slot}: 00:10\.{slot}, {made.part_size} bytes, "
            rf"{'writable' if slot == 1 else 'for reading'}, at its address$",
            text,
            re.M,
        ), text


def test_ping(world):
    """A command that waits for the other one's answers, and one that ends by itself."""
    made = region(world)
    echo = start(world, 1, "echo --name=alpha", split.words(made, 1))
    text = start(world, 0, "ping alpha --count=200 --timeout=20", split.words(made, 0)).done()
    assert re.search(r"^ping: .*200", text, re.M), text
    text = start(world, 0, "ls", split.words(made, 0)).done()
    assert re.search(r"^    1  attached .*  alpha$", text, re.M), text
    echo.kill()


@pytest.mark.parametrize("slots", [3, 16] if not SOAK else range(3, 17))
def test_many(world, slots):
    """Slots 0 and the last one exchange, with devices in any order; the parts of all are there."""
    made = region(world, slots)
    pick = random.Random(slots)
    guests = []
    for own in (0, slots - 1):
        order = ["common", *range(slots)]
        pick.shuffle(order)
        words = split.words(made, own, order)
        guests.append(start(world, own, "demo --timeout=50", words))
    for guest in guests:
        text = guest.done(seconds=90)
        assert re.search(VERIFIED.format(64), text, re.M), text
        assert "left out" not in text


# Devices of one set that a machine's root bus has room for; and beyond that, behind a bridge.
@pytest.mark.parametrize("where", [name for name in MACHINES if SOAK or name not in SLOW])
def test_sixteen(world, where):
    """Every machine takes 16 parts at the addresses of their slots: devices 16 and 17."""
    made = region(world, 16)
    words = split.words(made, 5, placed=True)
    text = start(world, 5, "info", words, where).done(seconds=60)
    found = re.findall(r"^  part of slot (\d+): 00:1([01])\.(\d), .*, at its address$", text, re.M)
    assert [(int(s), int(d) * 8 + int(f)) for s, d, f in found] == [(s, s) for s in range(16)]


# --- What is left out ---------------------------------------------------------------------------


def other_format(made):
    made.format_part(2, format_id=0xBAD)
    return "a part of another formatting: its format is 0x0000000000000bad, .*1818: .*"


def other_geometry(made):
    made.poke(2, 0x1C, 32)
    return "a part of another geometry: its header says slot 2"


def no_slot(made):
    made.poke(2, 0x34, 77)
    return "a part of a slot that there is not: its header says slot 77"


def no_part(made):
    made.part(2).write_bytes(bytes(made.part_size))


def others_memory(made):
    made.part(2).write_bytes(b"precious" * (made.part_size // 8))


def not_mapped(made):
    made.part(2).write_bytes(made.part(2).read_bytes()[: made.part_size // 2])
    return "the memory is smaller than the part: its header says slot 2"


CASES = [other_format, other_geometry, no_slot, no_part, others_memory, not_mapped]


@pytest.mark.parametrize("case", CASES)
def test_left_out(world, case):
    """Slots 0 and 1 exchange all the same, and nothing is stored into what is not theirs."""
    made = region(world, 3)
    line = case(made)
    before = made.part(2).read_bytes()
    guests = [
        start(world, own, "demo --timeout=20", split.words(made, own, [2, 1, 0, "common"]))
        for own in (0, 1)
    ]
    for guest in guests:
        text = guest.done()
        assert re.search(VERIFIED.format(64), text, re.M), text
        out = re.findall(LEFT_OUT, text, re.M)
        assert len(out) == (1 if line else 0), text
        if line:
            assert out[0][0] == "00:01.0"
            assert re.fullmatch(line, out[0][1]), text
    assert made.part(2).read_bytes() == before


def test_two_claim_one_slot(world):
    """Slot 2's part says slot 0: neither counts for slot 1, and slot 0 knows its own."""
    made = region(world, 3)
    made.poke(2, 0x34, 0)
    info = start(world, 1, "info", split.words(made, 1)).done()
    out = re.findall(LEFT_OUT, info, re.M)
    assert [place for place, _ in out] == ["00:02.0", "00:04.0"], info
    assert {why for _, why in out} == {
        "another device has a part of the same slot: its header says slot 0"
    }
    info = start(world, 0, "info", split.words(made, 0)).done()
    assert [place for place, _ in re.findall(LEFT_OUT, info, re.M)] == ["00:04.0"], info
    # At the addresses of their slots the lie helps nobody.
    guests = [
        start(world, own, "demo --timeout=20", split.words(made, own, placed=True))
        for own in (0, 1)
    ]
    for guest in guests:
        text = guest.done()
        assert re.search(VERIFIED.format(64), text, re.M), text
        assert re.findall(LEFT_OUT, text, re.M) == [
            ("00:10.2", "at the address of another slot's part: its header says slot 0")
        ]


def said(guest, status):
    """The one line of a guest that ends with (status)."""
    text = guest.done(status)
    lines = [line for line in text.splitlines() if line.startswith("ivsh: ")]
    assert len(lines) == 1, text
    return lines[0]


def test_own_part(world):
    """Missing, not writable, several of them: one line, and nothing is stored."""
    made = region(world, 3)
    before = [made.part(slot).read_bytes() for slot in range(3)]
    common = split.device(made.common(), "common", True)
    parts = [split.device(made.part(slot), f"part{slot}", True) for slot in range(3)]
    own = split.device(made.part(1), "own", False)
    also = split.device(made.part(2), "also", False)

    def line(words, status, command="demo --timeout=5"):
        return said(start(world, 1, command, words), status)

    assert re.fullmatch(
        r"ivsh: device 00:01\.0: of the 3 parts of its region none can be written: "
        r"leave out readonly=on at the backend of this guest's part",
        line([*common, *itertools.chain(*parts)], FAILED),
    )
    assert re.fullmatch(
        r"ivsh: device 00:02\.0: 2 parts can be written: add --slot=N, or readonly=on .*",
        line([*own, *common, *also], USAGE),
    )
    assert re.fullmatch(
        r"ivsh: device 00:01\.0: no device has the part of slot 0, this guest's own: .*part-0",
        line([*common, *own, *also], FAILED, "demo --slot=0 --timeout=5"),
    )
    assert re.fullmatch(
        r"ivsh: device 00:02\.0: the part of slot 0, this guest's own, cannot be written: .*",
        line([*common, *parts[0], *own, *also], FAILED, "demo --slot=0 --timeout=5"),
    )
    assert re.fullmatch(
        r"ivsh: --slot=2: the part that this guest can write is that of slot 1: leave --slot out",
        line([*common, *own], FAILED, "demo --slot=2 --timeout=5"),
    )
    assert re.fullmatch(
        r"ivsh: 2 ivshmem devices, and none has .*\(00:01\.0, .*a part of a split region.*",
        line([*own, *also], NO_DEVICE),
    )
    assert [made.part(slot).read_bytes() for slot in range(3)] == before


# --- Several regions in one machine -------------------------------------------------------------


def test_several(world):
    """A region of one memory beside two split ones: each is worked with, and the others stay."""
    first, second = region(world, 2, "first"), region(world, 2, "second", format_id=0x2929)
    whole = world.folder / "whole"
    whole.write_bytes(bytes(1 << 20))
    words = [
        [
            *split.words(second, own, [1, "common", 0], key="b"),
            *split.device(whole, "whole", False),
            *split.words(first, own, [0, 1, "common"], key="a"),
        ]
        for own in range(2)
    ]
    for device, slot in ((1, False), (6, False), (3, True)):
        before = [first.part(0).read_bytes(), second.part(0).read_bytes()]
        guests = [
            start(
                world, own,
                f"demo --device={device} --timeout=20{f' --slot={own}' if slot else ''}",
                words[own],
            )
            for own in range(2)
        ]  # fmt: skip
        for guest in guests:
            text = guest.done()
            assert re.search(VERIFIED.format(64), text, re.M), text
            assert "left out" not in text
        after = [first.part(0).read_bytes(), second.part(0).read_bytes()]
        changed = [a != b for a, b in zip(before, after)]
        assert changed == [device == 6, device == 1]


def test_echo_on_both(world):
    """One program on two sets at once."""
    first, second = region(world, 2, "first"), region(world, 2, "second", format_id=0x2929)
    words = [*split.words(first, 1, key="a"), *split.words(second, 1, key="b")]
    echo = start(world, 1, "echo --device=0 --device=3", words)
    for made in (first, second):
        text = start(world, 0, "ping 1 --count=100 --timeout=20", split.words(made, 0)).done()
        assert re.search(r"^ping: .*100", text, re.M), text
        assert "left out" not in text
    echo.still_runs()
    assert "left out" not in echo.text
    echo.kill()
