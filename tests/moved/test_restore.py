# SPDX-License-Identifier: MIT
"""test_restore.py - snapshots of a guest and its shared memory, loaded under a living peer."""

import shutil
import subprocess
import time

import pytest

from ends import (
    LATE, Machine, Process, doorbell, first_to_lose, flow_both, go, judge, new_memory, none_lost,
    plain, settle,
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


# (machine, device, whether the peer is a guest, too)
CASES = [("pc", "plain", False), ("q35", "plain", True), ("q35", "doorbell", False)]


class Pair:
    """A guest that can be saved, and its peer. words: QEMU's, for the guest's device."""

    def __init__(self, world, kind="q35", device="plain", peer_is_guest=False, number=0):
        if device == "plain":
            self.memory = new_memory(world.folder, f"memory{number}")
            self.words, place = plain(self.memory), ("file", self.memory)
        else:
            server = world.server(slots=2, bind=2)
            self.words, place = doorbell(server.bound[0], True), ("socket", server.bound[1])
        disk = make_disk(world.folder, f"disk{number}.qcow2")
        self.guest = Machine(world, f"guest{number}", 0, kind=kind, disk=disk).start(self.words)
        self.guest.attached()
        if peer_is_guest:
            self.peer = Machine(world, f"peer{number}", 1).start(plain(self.memory, False))
        else:
            self.peer = Process(world, f"peer{number}", 1, place)
        self.peer.attached()

    def judge(self, before):
        """Let both go on, and stop: a Verdict."""
        flow_both(self.guest, self.peer)
        return judge([self.guest, self.peer], before, settle([self.guest, self.peer]), LATE)


@pytest.mark.parametrize("stops", ["peer", "guest"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-{case[1]}")
def test_loadvm(world, row, rounds, case, stops):
    """In the QEMU that made it. Afterwards one of the two does not look for 400 ms."""
    two = Pair(world, *case)
    for _ in rounds(2, 20):
        before = go(two.guest, two.peer)
        two.guest.qmp.monitor("savevm now")
        flow_both(two.guest, two.peer)
        with (two.peer if stops == "peer" else two.guest).stopped():
            two.guest.qmp.monitor("loadvm now")
            time.sleep(STOPPED)
        row.add(two.judge(before))
    row.close()


# Nothing shows an aarch64 guest a loadvm in the QEMU that it is in.
TEXT = [("aarch64", "plain", True), ("aarch64 gicv3", "doorbell", False)]


@pytest.mark.parametrize("case", CASES + TEXT, ids=lambda case: f"{case[0]}-{case[1]}")
def test_new_qemu(world, row, rounds, case):
    """-loadvm: the guest goes on in another QEMU, from where it was saved."""
    two = Pair(world, *case)
    for _ in rounds(2, 20):
        before = go(two.guest, two.peer)
        two.guest.qmp.monitor("savevm now")
        flow_both(two.guest, two.peer)
        with two.peer.stopped():
            two.guest.end()
            two.guest.start(two.words, "-loadvm", "now")
            two.guest.qmp.running()
            time.sleep(STOPPED)
        row.add(two.judge(before))
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
    for i in row.through(rounds(1, 20), reported=(1.0, 1.0)):
        two = Pair(world, number=i)
        guest, peer, memory = two.guest, two.peer, two.memory
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
        row.add(verdict, reported=took)
        for program in (*programs, peer.program):
            program.kill()
    row.close()


def test_two_on_two(world, row, rounds):
    """Two restores on two memories: each holds its slot, with a nonce of its own."""
    for i in rounds(1, 20):
        two = Pair(world, number=i)
        guest, peer = two.guest, two.peer
        memories = [two.memory, new_memory(world.folder, f"other{i}")]
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
