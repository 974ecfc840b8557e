# SPDX-License-Identifier: MIT
"""test_restore.py - snapshots of a guest and its shared memory, loaded under a living peer."""

import shutil
import subprocess
import time

import pytest

from ends import (
    Machine, Process, first_to_lose, flow_both, go, judge, new_memory, none_lost, plain, settle,
)  # fmt: skip
from memory import slot_word

NONCE = 0x10  # of a slot: SPEC 5
STOPPED = 0.4  # seconds for which the receiver does not look


def make_disk(folder, name):
    """A disk for snapshots."""
    path = folder / name
    subprocess.run(
        ["qemu-img", "create", "-q", "-f", "qcow2", path, "1M"], check=True, capture_output=True
    )
    return path


def pair(world, memory, kind, peer_is_guest, number=0):
    """A guest that can be saved, and its peer."""
    disk = make_disk(world.folder, f"disk{number}.qcow2")
    guest = Machine(world, f"guest{number}", 0, kind=kind, disk=disk).start(plain(memory))
    guest.attached()
    if peer_is_guest:
        peer = Machine(world, f"peer{number}", 1).start(plain(memory, False))
    else:
        peer = Process(world, f"peer{number}", 1, ("file", memory))
    peer.attached()
    return guest, peer


@pytest.mark.parametrize("stops", ["peer", "guest"])
@pytest.mark.parametrize("kind, peer_is_guest", [("pc", False), ("q35", True)])
def test_loadvm(world, row, rounds, kind, peer_is_guest, stops):
    """In the QEMU that made it. Afterwards one of the two does not look for 400 ms."""
    guest, peer = pair(world, new_memory(world.folder, "memory"), kind, peer_is_guest)
    for _ in rounds(2, 20):
        before = go(guest, peer)
        guest.qmp.monitor("savevm now")
        flow_both(guest, peer)
        if stops == "peer":
            with peer.stopped():
                guest.qmp.monitor("loadvm now")
                time.sleep(STOPPED)
        else:
            with guest.stopped():
                guest.qmp.monitor("loadvm now")
                time.sleep(STOPPED)
        flow_both(guest, peer)
        row.add(judge([guest, peer], before, settle([guest, peer])))
    row.close()


@pytest.mark.parametrize("kind, peer_is_guest", [("pc", False), ("q35", True)])
def test_new_qemu(world, row, rounds, kind, peer_is_guest):
    """-loadvm: the guest goes on in another QEMU, from where it was saved."""
    memory = new_memory(world.folder, "memory")
    guest, peer = pair(world, memory, kind, peer_is_guest)
    for _ in rounds(2, 20):
        before = go(guest, peer)
        guest.qmp.monitor("savevm now")
        flow_both(guest, peer)
        with peer.stopped():
            guest.end()
            guest.start(plain(memory), "-loadvm", "now")
            guest.qmp.running()
            time.sleep(STOPPED)
        flow_both(guest, peer)
        row.add(judge([guest, peer], before, settle([guest, peer])))
    row.close()


def saved_twice(guest):
    """Save it, and end its QEMU; two disks with the snapshot."""
    guest.qmp.monitor("savevm now")
    guest.end()
    copy = guest.disk.with_suffix(".copy")
    shutil.copy(guest.disk, copy)
    return guest.disk, copy


def test_two_on_one(world, row, rounds):
    """Two restores of one snapshot on one memory: one of them holds the slot, the other says so."""
    for i in rounds(1, 20):
        memory = new_memory(world.folder, f"memory{i}")
        guest, peer = pair(world, memory, "q35", False, i)
        go(guest, peer)
        disks = saved_twice(guest)
        programs = []
        for disk in disks:
            guest.disk = disk
            guest.start(plain(memory), "-loadvm", "now")
            guest.qmp.running()
            programs.append(guest.program)
        loser, took = first_to_lose(world, {program: 0 for program in programs})
        guest.program = next(program for program in programs if program is not loser)
        before = go(guest, peer)
        losses = sorted(program.text.count("lost-slot") for program in programs)
        after = settle([guest, peer])
        verdict = judge([guest, peer], before, after)
        none_lost(verdict, before, after)
        if losses != [0, 1]:
            verdict.problems.append(f"lost slots: {losses}")
        if took > 1.0:
            verdict.problems.append(f"reported after {took:.2f} s")
        row.add(verdict, reported=took)
        for program in (*programs, peer.program):
            program.kill()
    row.close()


def test_two_on_two(world, row, rounds):
    """Two restores on two memories: each holds its slot, with a nonce of its own."""
    for i in rounds(1, 20):
        memories = [new_memory(world.folder, f"memory{i}.{k}") for k in (0, 1)]
        guest, peer = pair(world, memories[0], "q35", False, i)
        go(guest, peer)
        disks = saved_twice(guest)
        nonces = [slot_word(memories[0].read_bytes(), 0, NONCE, "<Q")]
        twins, peers = [], [peer, None]
        for k, disk in enumerate(disks):
            twin = Machine(world, guest.name, 0, kind="q35", disk=disk)
            twin.count = 1 + k
            twin.start(plain(memories[k]), "-loadvm", "now")
            twin.qmp.running()
            twins.append(twin)
        peers[1] = Process(world, f"other{i}", 1, ("file", memories[1]))
        peers[1].attached()
        for k in (0, 1):
            flow_both(twins[k], peers[k])
            before = go(twins[k], peers[k])
            after = settle([twins[k], peers[k]])
            verdict = judge([twins[k], peers[k]], before, after)
            none_lost(verdict, before, after)
            nonces.append(slot_word(memories[k].read_bytes(), 0, NONCE, "<Q"))
            if twins[k].program.text.count("lost-slot"):
                verdict.problems.append("lost its slot")
            if nonces[-1] in nonces[:-1]:
                verdict.problems.append(f"nonces {nonces}")
            row.add(verdict)
        for end in (*twins, *peers):
            end.program.kill()
    row.close()
