# SPDX-License-Identifier: MIT
"""
test_split_guest.py - guests in a split region: each has a device for the common memory, which is an
ivshmem-doorbell where there is a server, and an ivshmem-plain for each part, and can write its own
part alone. SPEC 17.

Which device has what is found in the memories, wherever they are; what does not belong to the
region is named, and left out.
"""

import itertools
import json
import random
import re
import struct

import pytest

import split
from machine import BUILD, X86_64
from qemu import FAILED, NO_DEVICE, NO_PEER, SOAK, TIMEOUT, USAGE, notifications
from qmp import Qmp, qmp_words

from test_survive import migrate

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


def served(world, slots=2, **keywords):
    server = world.server("--split", slots=slots, bind=slots, **keywords)
    return split.Served(server, slots)


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


@pytest.mark.parametrize("where", [name for name in MACHINES if SOAK or name != "ovmf"])
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


@pytest.mark.parametrize("doorbells", [False, True])
@pytest.mark.parametrize("slots", [3, 16] if not SOAK else range(3, 17))
def test_many(world, slots, doorbells):
    """Slots 0 and the last one exchange, with devices in any order; the parts of all are there."""
    made = served(world, slots) if doorbells else region(world, slots)
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
    made.part(2).write_bytes(made.part(2).read_bytes()[: split.PAGE])
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
    # The own part is one of another formatting: both lines.
    made.format_part(1, name="stray", format_id=0xBAD)
    stray = split.device(made.folder / "stray", "stray", False)
    text = start(world, 1, "demo --timeout=5", [*common, *stray, *parts[0]]).done(FAILED)
    assert re.match(
        r"ivsh: device 00:02\.0: left out: a part of another formatting: .*\n"
        r"ivsh: device 00:01\.0: of the 2 parts of its region none can be written: ",
        text,
    ), text
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


@pytest.mark.parametrize("where", ["q35", "aavmf"])
def test_echo_on_both(world, where):
    """One program on two sets at once: to find the second one changes nothing of the first."""
    first, second = region(world, 2, "first"), region(world, 2, "second", format_id=0x2929)
    words = [*split.words(first, 1, key="a"), *split.words(second, 1, key="b")]
    echo = start(world, 1, "echo --device=0 --device=3", words, where)
    for made in (first, second):
        command = "ping 1 --count=100 --timeout=50"
        text = start(world, 0, command, split.words(made, 0)).done(seconds=60)
        assert re.search(r"^ping: .*100", text, re.M), text
        assert "left out" not in text
    echo.still_runs()
    assert "left out" not in echo.text
    echo.kill()


# --- With a server ------------------------------------------------------------------------------


SERVED = {
    "q35": ("q35", False),
    "q35, shuffled": ("q35", True),
    "pc": ("pc", False),
    "microvm": ("microvm", True),
    "ovmf": ("ovmf", False),
    "aarch64": ("aarch64", True),
    "aavmf": ("aavmf", False),
    "riscv64": ("riscv64", True),
}


@pytest.mark.parametrize("case", SERVED)
def test_doorbells(world, case):
    """Doorbells wake both; the parts are at the addresses of their slots, or anywhere."""
    where, shuffled = SERVED[case]
    made = served(world)
    order = [1, 0, "common"] if shuffled else None
    words = [split.words(made, own, order, not shuffled) for own in range(2)]
    echo = start(world, 1, "echo --name=alpha --wait=sleep --spin=0", words[1], where)
    command = "ping alpha --count=200 --timeout=50 --wait=sleep --spin=0"
    # On a busy host each answer of one ping may be there before its sender halts.
    for _ in range(5):
        text = start(world, 0, command, words[0], where).done(seconds=90)
        assert re.search(r"^ping: slot 1 \(alpha\): 200 round trips", text, re.M), text
        count = notifications(text, "ping")
        assert count["vectors"] == 2 and count["missed"] == 0, text
        if count["doorbell"]:
            break
    assert count["doorbell"], text
    echo.still_runs()
    echo.kill()


@pytest.mark.parametrize("where", [name for name in MACHINES if SOAK or name not in SLOW])
def test_one_way(world, where):
    """Slot 0 has of slot 1's part what is before the rings: it sends, and nothing comes. R18.4."""
    made = served(world)
    short = split.words(made, 0, placed=True, short=[1])
    recv = start(world, 1, "recv --count=3 --name=beta", split.words(made, 1, placed=True), where)
    for text in ("one", "two"):
        start(world, 0, f"send beta {text} --timeout=30", short, where).done(seconds=60)
    began = start(world, 0, "ping beta --timeout=50", short, where)
    one_way = "the channel is one-way, and this needs the other direction"
    assert f"ivsh: channel to slot 1 (beta): {one_way}" in began.done(FAILED, seconds=40)
    text = start(world, 0, "info", short, where).done(seconds=60)
    place = "part of slot 1: 00:10.1, 16384 bytes, for reading, at its address"
    assert f"{place}, not all of it: send only\n" in text.replace("\r", "")
    assert "left out" not in text
    # Whoever has all of it goes both ways, and what the other one said before is over.
    full = split.words(made, 0, placed=True)
    start(world, 0, "send beta three --timeout=30", full, where).done(seconds=60)
    text = recv.done(seconds=60)
    for sent in ("one", "two", "three"):
        assert re.search(rf"^slot 0, port 1: {sent}$", text, re.M), text
    # The other side's answer: slot 0 is there, and never reads.
    watch = start(world, 0, "watch --name=mute", short, where)
    watch.expect(r"^watch: slot 0 of 2$")
    text = start(world, 1, "send mute hello --timeout=30", split.words(made, 1), where).done(FAILED)
    assert f"ivsh: channel to slot 0 (mute): {one_way}" in text
    watch.kill()


def test_killed(world):
    """A guest dies, its part says it was there; it comes back, and the server shows both."""
    made = served(world, 3)
    watch = start(world, 2, "watch --count=3", split.words(made, 2, placed=True))
    watch.expect(r"^watch: slot 2 of 3$")
    for end in (True, False):
        recv = start(world, 1, "recv --count=0 --name=beta", split.words(made, 1, placed=True))
        watch.expect(r"^slot 1 \(beta\): is here$", after=len(watch.text) if not end else 0)
        if end:
            recv.kill()
            watch.expect(r"^slot 1 \(beta\): died$")
    watch.done()
    recv.kill()


def test_own_part_served(world):
    """The server gave slot 1, and its part is not there, or only for reading."""
    made = served(world, 3)
    order = ["common", 0, 2]
    assert re.fullmatch(
        r"ivsh: device 00:01\.0: no device has the part of slot 1, this guest's own: .*part-1",
        said(start(world, 1, "demo --timeout=5", split.words(made, 1, order)), FAILED),
    )
    # It can be looked at: that line, and the region.
    text = start(world, 1, "info", split.words(made, 1, order)).done()
    assert "ivsh: device 00:01.0: no device has the part of slot 1, this guest's own: " in text
    assert re.search(r"^region: version 2, ", text, re.M), text
    words = [*split.words(made, 1, order), *split.device(made.part(1), "own", True)]
    assert re.fullmatch(
        r"ivsh: device 00:04\.0: the part of slot 1, this guest's own, cannot be written: .*",
        said(start(world, 1, "demo --timeout=5", words), FAILED),
    )


@pytest.mark.parametrize("kind", ["bare", "uefi"])
def test_stream(world, kind):
    """
    A program over the library, which opens the devices by one call, sends a stream back to a
    process of the host; the checksums at both ends are equal.
    """
    size = (64 if SOAK else 8) << 20
    server = world.server("--split", slots=3, bind=1)
    far = world.guest(
        "far", "", *split.words(split.Served(server, 3), 0, [2, "common", 0, 1]),
        uefi=kind == "uefi", image="sums",
    )  # fmt: skip
    words = [BUILD / "host" / "looper", server.socket, "client", "push", "server", size]
    text = world.program("client", *words).done(seconds=120)
    found = re.search(rf"^stream in {size} (\w+) out {size} (\w+): done$", text, re.M)
    assert found and found[1] == found[2], text
    far.expect(rf"^sums: {size} {found[2]}: done$")


# --- Devices that leave and come ----------------------------------------------------------------

LEAVES = r"^ivsh: device [0-9a-f:.]+: the device is leaving: detached from slot 0$"
BACK = r"^ivsh: device [0-9a-f:.]+: the device is back: slot 0 of 3$"


def slot_sent(made, slot):
    """Messages that the peer of (slot) has published, as its part says. SPEC 5."""
    at = 4096 * (1 + slot % 2) + 0x280
    return struct.unpack_from("<Q", made.part(slot).read_bytes(), at)[0]


def unplug(qmp, what):
    qmp.command("device_del", id=f"device-{what}")
    qmp.event("DEVICE_DELETED", device=f"device-{what}")


PLUGS = {
    "pc": ("-M pc", {}),
    "q35, behind a bridge": (
        "-M q35 -device pcie-root-port,id=root,chassis=1,pref64-reserve=32M"
        " -device pcie-pci-bridge,id=bridge,bus=root",
        {"bus": "bridge"},
    ),
    "q35, native slots": (
        "-M q35 -global ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off "
        + " ".join(
            f"-device pcie-root-port,id=port-{what},chassis={i},pref64-reserve=4M"
            for i, what in enumerate(("common", 0, 1, 2), start=1)
        ),
        {"bus": "port-{}"},
    ),
}
PLUGS["q35 UEFI, native slots"] = PLUGS["q35, native slots"]


def where_of(what, bus):
    """The place of the common memory's device, and of each part's; a bridge has no device 0."""
    if "{}" in bus.get("bus", ""):
        return {"addr": "0", "bus": bus["bus"].format(what)}
    return {"addr": f"{8 if what == 'common' else 9 + what:x}", **bus}


def plug(qmp, path, name, readonly, bus):
    """A device for the part in (path); its memory has a name of its own (Plug, test_survive.py)."""
    qmp.command(
        "object-add", id=f"again-{name}", size=path.stat().st_size, share=True, readonly=readonly,
        **{"qom-type": "memory-backend-file", "mem-path": str(path)},
    )  # fmt: skip
    names = {"id": f"device-{name}", "memdev": f"again-{name}"}
    qmp.command("device_add", driver="ivshmem-plain", **names, **where_of(name, bus))


def plugged(made, own, bus):
    """As split.words(), with the names of the devices."""
    words = []
    for what in ("common", *range(made.slots)):
        place = {"id": f"device-{what}", **where_of(what, bus)}
        name = "".join(f",{key}={value}" for key, value in place.items())
        words += split.words(made, own, [what], bus=name)
    return words


@pytest.mark.parametrize("doorbells", [True, False])
@pytest.mark.parametrize("machine", PLUGS if SOAK else ["pc"])
def test_unplugged(world, machine, doorbells):
    """
    Another's part leaves, and the rest goes on without it; the own part leaves, and the command
    waits for it; the common memory leaves, and comes back. That one not with a server: QEMU 7.2 was
    seen to crash after an ivshmem-doorbell was unplugged, plugged in, and further peers connected.
    """
    made = served(world, 3) if doorbells else region(world, 3)
    path, uefi = world.folder / "qmp", "UEFI" in machine
    machine, bus = PLUGS[machine]
    words = [*plugged(made, 0, bus), *qmp_words(path)]
    echo = world.guest("slot 0", "echo --name=alpha", *words, machine=machine, uefi=uefi)
    qmp = Qmp(path)
    echo.expect("answers")
    back = 0

    def asked(slot, status=0):
        limit = {TIMEOUT: 3, NO_PEER: 1}.get(status, 20)
        command = f"ping alpha --count=20 --timeout={limit}"
        return start(world, slot, command, split.words(made, slot)).done(status)

    def wait_for(pattern, count):
        world.until(lambda: len(re.findall(pattern, echo.text, re.M)) == count, pattern)

    def is_back():
        nonlocal back
        back += 1
        wait_for(BACK, back)

    asked(1)
    unplug(qmp, 2)
    wait_for(LEAVES, 1)
    is_back()
    asked(1)
    asked(2, TIMEOUT)  # it is there, and nothing of slot 2 reaches it
    unplug(qmp, 0)
    wait_for(LEAVES, 2)
    asked(1, NO_PEER)
    assert len(re.findall(BACK, echo.text, re.M)) == back, echo.text
    plug(qmp, made.part(0), 0, False, bus)
    is_back()
    asked(1)
    if not doorbells:
        unplug(qmp, "common")
        wait_for(LEAVES, 3)
        asked(1, NO_PEER)
        plug(qmp, made.common(), "common", True, bus)
        is_back()
        asked(1)
    # A part that comes later joins when the set is opened next: the program goes on.
    plug(qmp, made.part(2), 2, True, bus)
    asked(1)
    asked(2, TIMEOUT)
    unplug(qmp, 1)
    is_back()
    asked(2)
    asked(1, TIMEOUT)
    echo.still_runs()
    echo.kill()


@pytest.mark.parametrize("what", [0, 1, "common"])
def test_gone(world, what):
    """A device of the set is ejected behind the guest's back, and plugged in again."""
    made = region(world)
    path = world.folder / "qmp"
    echo = world.guest(
        "slot 0", "echo --name=alpha", *plugged(made, 0, {}), *qmp_words(path), machine="-M pc"
    )
    echo.expect("answers")
    qmp = Qmp(path)
    qmp.monitor("o /w 0xae10 0")  # of ACPI's controller: the root bus
    qmp.monitor(f"o /w 0xae08 {1 << int(where_of(what, {})['addr'], 16)}")  # eject
    qmp.event("DEVICE_DELETED", device=f"device-{what}")
    echo.expect(r"^ivsh: device \S+: the device was removed without a request: slot 0 is lost$")
    plug(qmp, made.common() if what == "common" else made.part(what), what, what != 0, {})
    echo.expect(r"^ivsh: device \S+: the device is back: slot 0 of 2$")
    if what == 1:  # the set was whole without it: it joins when the set is opened again
        unplug(qmp, "common")
        qmp.command("object-del", id="common")
        plug(qmp, made.common(), "common", True, {})
        echo.expect(r"(?s)is leaving: .* the device is back: slot 0 of 2\n")
    start(world, 1, "ping alpha --count=20 --timeout=20", split.words(made, 1)).done()
    echo.still_runs()
    echo.kill()


def test_unplugged_beside_another(world):
    """
    A device of one set leaves a program that works with two: it comes back to that set, and not to
    a third one; the other set keeps its interrupts meanwhile.
    """
    sets = [served(world, 2, name=f"server{i}") for i in range(3)]
    path = world.folder / "qmp"
    words = [*plugged(sets[0], 0, {}), *qmp_words(path)]
    for i in (1, 2):
        words += split.words(sets[i], 0, key=f"set{i}-")
    # Of ivshmem devices, by their addresses: sets 1 and 2 from device 2 on, set 0 from 8 on.
    echo = world.guest(
        "slot 0", "echo --device=00:08.0 --device=0 --name=alpha --wait=sleep --spin=0 --count=500",
        *words, machine="-M pc",
    )  # fmt: skip
    echo.expect(r"(?s)answers\n.*answers\n")
    qmp = Qmp(path)

    def asked(made):
        command = "ping alpha --count=100 --timeout=20 --wait=sleep --spin=0"
        start(world, 1, command, split.words(made, 1)).done()

    for made in sets[:2]:
        asked(made)
    unplug(qmp, 0)
    echo.expect(LEAVES)
    asked(sets[1])
    plug(qmp, sets[0].part(0), 0, False, {})
    echo.expect(r"^ivsh: device [0-9a-f:.]+: the device is back: slot 0 of 2$")
    for made in sets[:2]:
        asked(made)
    text = echo.done()
    missed = [int(number) for number in re.findall(r"\(missed (\d+)\)", text)]
    assert len(missed) == 2 and max(missed) < 10, text


@pytest.mark.parametrize("first", ["common", 0, 1])
def test_no_device_yet(world, first):
    """A command waits for its own part and the common memory, whichever device comes first."""
    made = region(world)
    path = world.folder / "qmp"
    echo = world.guest("slot 0", "echo --count=10", *qmp_words(path), machine="-M pc")
    echo.expect(r"^ivsh: no ivshmem device yet: waiting for one to be plugged in$")
    qmp = Qmp(path)
    # The last one may come after the command has begun: it is another's.
    for what in [first, *(what for what in ("common", 0, 1) if what != first)]:
        assert "answers" not in echo.text or what == 1
        file = made.common() if what == "common" else made.part(what)
        plug(qmp, file, what, what != 0, {})
    echo.expect(r"^echo: slot 0 of 2 answers$")
    if first == 1:
        start(world, 1, "ping 0 --count=10 --timeout=20", split.words(made, 1)).done()
        echo.done()
    assert "ivsh: " not in echo.text.replace("ivsh: no ivshmem device yet", ""), echo.text


def test_json(world):
    """info --json has an object for each part, with the members that ivsh(1) lists."""
    made = region(world)
    lines = start(world, 1, "info --json", split.words(made, 1, placed=True)).done().splitlines()
    parts = [found for found in map(json.loads, lines) if found["type"] == "part"]
    assert parts == [
        {
            "type": "part", "slot": slot, "place": f"00:10.{slot}",
            "size_bytes": made.part_size, "is_writable": slot == 1, "is_known_by_address": True,
            "is_send_only": False,
        }
        for slot in range(2)
    ], lines  # fmt: skip


def test_migrated(world):
    """
    QEMU migrates no machine with memory that it only reads: each device is unplugged, and plugged
    in at the destination. The other guest's pings, sent until then, are answered there.
    """
    made = region(world, 3)
    qmps = []

    def machine(name, *more):
        words = [*X86_64.generation(), *qmp_words(world.folder / name), *more]
        guest = world.guest(name, "echo --name=alpha", *words, machine="-M pc")
        qmps.append(Qmp(world.folder / name))
        return guest

    source = machine("source", *plugged(made, 0, {}))
    source.expect("answers")
    ping = start(
        world, 1, "ping alpha --count=100000 --timeout=30 --keep-going", split.words(made, 1)
    )
    world.until(lambda: slot_sent(made, 0) > 1000, "they talk")
    for what in (1, "common", 0, 2):
        unplug(qmps[0], what)
        qmps[0].command("object-del", id="common" if what == "common" else f"part{what}")
    target = machine("target", "-incoming", "defer")
    migrate(world, *qmps)
    source.kill()
    ping.still_runs()
    for what in (2, 0, "common", 1):
        path = made.common() if what == "common" else made.part(what)
        plug(qmps[1], path, what, what != 0, {})
    target.expect(BACK)
    assert re.search(r"^ping: slot 0 \(alpha\): 100000 round trips", ping.done(seconds=60), re.M)
    assert "left out" not in target.text
    target.kill()
