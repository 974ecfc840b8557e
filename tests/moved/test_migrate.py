# SPDX-License-Identifier: MIT
"""test_migrate.py - guests that migrate while numbered messages go both ways."""

import json
import re
import struct
import subprocess
import time

import pytest

from ends import (
    Machine, Place, Process, doorbell, first_to_lose, flow_both, follow, go, judge, new_memory,
    none_lost, plain, settle,
)  # fmt: skip
from qemu import BUILD, LIMIT

KINDS = ["pc", "q35", "aarch64"]
PAGE = 4096  # the server page, which begins with its epoch: SPEC 4


@pytest.mark.parametrize("memory", ["same", "other"])
@pytest.mark.parametrize("kind", KINDS)
def test_leave_first(world, row, rounds, kind, memory):
    """The way of QEMU's document: the peer leaves, the guest migrates, the peer comes back."""
    files = [new_memory(world.folder, f"memory{i}") for i in range(1 if memory == "same" else 2)]
    place = Place(world.folder, *files)
    guest = Machine(world, "guest", 0, kind=kind).start(plain(files[0]))
    guest.attached()
    peer = Process(world, "peer", 1, ("file", place.path))
    peer.attached()
    for _ in rounds(2, 50):
        before = go(guest, peer)
        peer.keys("l")
        full = guest.ask()[0][1]["full"]
        guest.until(lambda flows, _: flows[1]["full"] > full, "a full ring")
        guest.move(plain(place.other()))
        follow(peer, place)
        flow_both(guest, peer)
        after = settle([guest, peer])
        verdict = judge([guest, peer], before, after)
        none_lost(verdict, before, after)
        row.add(verdict)
    row.close()


# Not where a text shows the move: what the guest takes before it looks is not promised (DESIGN).
@pytest.mark.parametrize("size", ["8", "64", "1024", "mix"])
@pytest.mark.parametrize("kind", KINDS[:2])
def test_live_peer(world, row, rounds, kind, size):
    """
    The peer writes to the memory meanwhile, and QEMU does not copy all of that: nothing wrong may
    be believed, and what is missing is reported to both. Then the peer follows to the new memory.
    """
    place = Place(world.folder, *(new_memory(world.folder, f"memory{i}") for i in range(2)))
    words = f"size={size} burst=32"
    guest = Machine(world, "guest", 0, words, kind).start(plain(place.paths[0]))
    guest.attached()
    peer = Process(world, "peer", 1, ("file", place.path), words)
    peer.attached()
    for _ in rounds(1, 50):
        before = go(guest, peer)
        guest.move(plain(place.other()))
        said = follow(peer, place)
        flow_both(guest, peer)
        verdict = judge([guest, peer], before, settle([guest, peer]))
        row.add(verdict, away=said["away_us"] / 1e6)
    row.close()


def unplug(qmp, back):
    """device_del, and what was behind the device; back: ("object", ID) or ("chardev", ID)."""
    qmp.forget()
    qmp.command("device_del", id="ivsh")
    qmp.event("DEVICE_DELETED", device="ivsh")
    if back[0] == "object":
        qmp.command("object-del", id=back[1])
    else:
        qmp.command("chardev-remove", id=back[1])


def plug(qmp, bus, back, path):
    """device_add, with a new memdev or chardev: with the old one QEMU ends, or hangs."""
    if back[0] == "object":
        qmp.command(
            "object-add", **{
                "qom-type": "memory-backend-file", "id": back[1], "share": True,
                "mem-path": str(path), "size": path.stat().st_size,
            }
        )  # fmt: skip
        device = {"driver": "ivshmem-plain", "memdev": back[1]}
    else:
        address = {"type": "unix", "data": {"path": str(path)}}
        socket = {"addr": address, "server": False}
        qmp.command("chardev-add", id=back[1], backend={"type": "socket", "data": socket})
        device = {"driver": "ivshmem-doorbell", "chardev": back[1], "vectors": 2}
    qmp.command("device_add", id="ivsh", bus=bus, master="off", **device)


@pytest.mark.parametrize(
    "kind, device",
    [(kind, device) for kind in ("pc", "q35", "q35 native") for device in ("plain", "doorbell")]
    + [("aarch64", "plain"), ("aarch64 gicv3", "doorbell")],
)
def test_detach(world, row, rounds, kind, device):
    """master=off: unplugged, migrated, plugged in, with a second guest as its peer."""
    where = ""
    if device == "plain":
        memory = new_memory(world.folder, "memory")
        devices = [plain(memory, False), plain(memory, False)]
        path, kind_of_back = memory, "object"
    else:
        server = world.server(slots=2, bind=2)
        devices = [doorbell(server.bound[0]), doorbell(server.bound[1])]
        path, kind_of_back = server.bound[0], "chardev"
    guest = Machine(world, "guest", 0, kind=kind)
    where = f",bus={guest.bus}"
    devices[0][-1] += where
    guest.start(devices[0])
    guest.attached()
    peer = Machine(world, "peer", 1).start(devices[1])
    peer.attached()
    back = (kind_of_back, "mem" if device == "plain" else "chr")
    for i in row.through(rounds(2, 50), away=(1.0, 1.0)):
        before = go(guest, peer)
        unplug(guest.qmp, back)
        guest.move([])
        start = len(guest.program.text)
        back = (kind_of_back, f"back{i}")
        plug(guest.qmp, guest.bus, back, path)
        said = guest.attached(start)
        flow_both(guest, peer)
        after = settle([guest, peer])
        verdict = judge([guest, peer], before, after)
        none_lost(verdict, before, after)
        if device != "plain":
            go(guest, peer)
            guest.until(lambda _, state: state["wakes_doorbell"] > 5, "doorbells")
        row.add(verdict, away=said["away_us"] / 1e6)
    row.close()


@pytest.mark.parametrize("kind", ["q35 native", "microvm", "aarch64"])
def test_detach_at_once(world, row, rounds, kind):
    """Plugged in before the guest goes on: it attaches sooner than the text is looked at again."""
    memory = new_memory(world.folder, "memory")
    guest = Machine(world, "guest", 0, kind=kind)
    guest.start(plain(memory, False, where=f",bus={guest.bus}"))
    guest.attached()
    peer = Process(world, "peer", 1, ("file", memory))
    peer.attached()
    back = ("object", "mem")
    for i in rounds(3, 50):
        before = go(guest, peer)
        unplug(guest.qmp, back)
        guest.move([], paused=True)
        start = len(guest.program.text)
        back = ("object", f"back{i}")
        plug(guest.qmp, guest.bus, back, memory)
        guest.qmp.command("cont")
        guest.attached(start)
        flow_both(guest, peer)
        after = settle([guest, peer])
        verdict = judge([guest, peer], before, after)
        none_lost(verdict, before, after)
        row.add(verdict)
    row.close()


def test_second_server(world, row, rounds):
    """doorbell master=on: the copy overwrites the page of the destination's server."""
    servers = [world.server(slots=4, bind=2, name=f"server{i}") for i in range(2)]
    place = Place(world.folder, *(server.bound[1] for server in servers))
    guest = Machine(world, "guest", 0, "peers=4").start(doorbell(servers[0].bound[0], True))
    guest.attached()
    peer = Process(world, "peer", 1, ("socket", place.path), "peers=4")
    peer.attached()
    for _ in row.through(rounds(2, 50), page=(0.5, 0.5)):
        before = go(guest, peer)
        server = servers[(place.now + 1) % 2]
        guest.move(doorbell(server.bound[0], True))
        loaded = time.monotonic()
        settled = shown_well(world, server, loaded)
        follow(peer, place)
        flow_both(guest, peer)
        verdict = judge([guest, peer], before, settle([guest, peer]))
        row.add(verdict, page=settled)
    row.close()


def status_of(server):
    words = [BUILD / "host" / "ivsh-server", "status", "-S", server.socket, "--json"]
    return json.loads(subprocess.run(words, check=True, capture_output=True).stdout)


def shown_well(world, server, since, seconds=LIMIT):
    """
    Seconds until `status` and `ls` agree on the epoch, and no free slot is up in either. ls watches
    the heartbeats for a while: what counts is when it began, behind the page's new epoch.
    """
    memory = server.memory()
    while True:
        status, now = status_of(server), time.monotonic() - since
        late = now > seconds
        if status["server"]["epoch"] != struct.unpack_from("<I", memory, PAGE)[0] and not late:
            continue
        words = [BUILD / "host" / "ivsh", "-S", server.socket, "ls"]
        listed = subprocess.run(words, check=True, capture_output=True, text=True).stdout
        free = {slot["id"] for slot in status["slots"] if slot["state"] == "free"}
        rows = [re.split(r"\s+", line.strip()) for line in listed.splitlines()]
        up = {int(r[0]) for r in rows if r[0].isdigit() and ("up" in r[1:3] or "attached" in r)}
        epoch = int(re.search(r"^server: epoch (0x[0-9a-f]+)", listed, re.MULTILINE)[1], 16)
        if epoch == status["server"]["epoch"] and not up & free:
            return now
        if late:
            raise AssertionError(f"{status}\n{listed}\n{world.report()}")


def test_both_move(world, row, rounds):
    """One guest unplugs, the other migrates with the memory; then the first moves and attaches."""
    files = [new_memory(world.folder, f"memory{i}") for i in range(2)]
    a = Machine(world, "a", 0).start(plain(files[0]))
    a.attached()
    b = Machine(world, "b", 1)
    b.start(plain(files[0], False, where=f",bus={b.bus}"))
    b.attached()
    back = ("object", "mem")
    for i in rounds(2, 20):
        before = go(a, b)
        unplug(b.qmp, back)
        a.move(plain(files[(i + 1) % 2]))
        b.move([])
        start = len(b.program.text)
        back = ("object", f"back{i}")
        plug(b.qmp, b.bus, back, files[(i + 1) % 2])
        said = b.attached(start)
        flow_both(a, b)
        after = settle([a, b])
        verdict = judge([a, b], before, after)
        none_lost(verdict, before, after)
        row.add(verdict, away=said["away_us"] / 1e6)
    row.close()


@pytest.mark.parametrize("kind", KINDS)
def test_source_goes_on(world, row, rounds, kind):
    """The source of a migration is continued, on the same memory: one of the two holds the slot."""
    for i in row.through(rounds(1, 20), reported=(1.0, 1.0)):
        memory = new_memory(world.folder, f"memory{i}")
        guest = Machine(world, f"guest{i}", 0, kind=kind).start(plain(memory))
        guest.attached()
        peer = Process(world, f"peer{i}", 1, ("file", memory))
        peer.attached()
        go(guest, peer)
        old, qmp = guest.move(plain(memory), keep=True)
        flow_both(guest, peer)
        marks = {program: len(program.text) for program in (old, guest.program)}
        qmp.command("cont")
        loser, took = first_to_lose(world, marks)
        other = old if loser is guest.program else guest.program
        if loser is guest.program:
            guest.program = old
        before = go(guest, peer)
        losses = {
            program: program.text[mark:].count("lost-slot") for program, mark in marks.items()
        }
        verdict = judge([guest, peer], before, settle([guest, peer]))
        none_lost(verdict, before, [guest.ask(), peer.ask()])
        if losses != {loser: 1, other: 0}:
            verdict.problems.append(f"lost slots: {sorted(losses.values())}")
        row.add(verdict, reported=took)
        peer.quit()
        for program in (old, other, loser):
            program.kill()
    row.close()
