# SPDX-License-Identifier: MIT
"""test_kill.py - guests that send each other numbers, and are killed at any time, like their
server: what was accepted arrives, in order, and nothing comes twice without its mark. SPEC R6.3,
R7.1, R7.9, R7.11."""

import os
import random
import signal
import time

import pytest

from qemu import SOAK, doorbell
from split import parts

pytestmark = pytest.mark.arches()

ROUNDS = int(os.environ.get("KILL_ROUNDS", 30 if SOAK else 12))
MESH_SECONDS = int(os.environ.get("MESH_SECONDS", 600 if SOAK else 20))

# The victims, in turn: slots; SERVER, whose supervisor starts another; POWER, server and
# supervisor: a new pair finds the memory in its file, and all that was accepted. It does not take a
# memory that is in use, so the guests go, too; but for a while they are alone.
SERVER, POWER = "server", "power"
VICTIMS = [(0,), (SERVER,), (0, 1), (SERVER, 1), (POWER, 0, 1), (1,)]


class Log:
    """The output of all incarnations of one guest."""

    def __init__(self):
        self.accepted = {}  # receiver: (incarnation, number)...
        self.came = {}  # sender: (incarnation, number, marked)...

    def read(self, text):
        """Add a whole console; a last line that was cut says nothing."""
        for line in text[: text.rfind("\n") + 1].splitlines():
            words = line.split()
            assert words and words[0] != "FAIL:", line
            numbers = tuple(map(int, words[2:])) if words[0] in "SR" else ()
            if words[0] == "S":
                self.accepted.setdefault(int(words[1]), []).append(numbers)
            elif words[0] == "R":
                self.came.setdefault(int(words[1]), []).append(numbers)


class Guests:
    """Some guests behind one server, one to a slot. arches: of each; else the world's."""

    def __init__(self, world, count, pace=0, hold=0, arches=None, split=False):
        self.world, self.count, self.pace, self.hold = world, count, pace, hold
        self.split = split
        self.arches = arches or [world.arch] * count
        self.begin(POWER)
        self.logs = [Log() for _ in range(count)]
        self.guests = [None] * count
        for slot in range(count):
            self.begin(slot)

    def begin(self, slot, command="stream"):
        if slot == SERVER:
            return  # its supervisor does that
        if slot == POWER:
            words = ["--file", self.world.folder / "memory", *(["--split"] if self.split else [])]
            self.server = self.world.server(*words, bind=self.count)
            self.takeovers = 0
            return
        command = f"{command} {self.count} {self.pace} {self.hold if command == 'stream' else 0}"
        place = doorbell(self.server.bound[slot])
        if self.split:
            place += parts(self.server.folder, slot, self.count)
        self.guests[slot] = self.world.guest(
            f"guest {slot}", command, *place, arch=self.arches[slot], image="numbers"
        )

    def end(self, slot):
        if slot == SERVER:
            os.kill(self.server.serving, signal.SIGKILL)
            self.takeovers += 1
            return
        if slot == POWER:
            self.server.kill()
            for guest in range(self.count):  # they talk on
                self.expect_traffic(guest)
            self.world.programs.remove(self.server)
            return
        self.guests[slot].kill()
        self.logs[slot].read(self.guests[slot].text)
        self.world.programs.remove(self.guests[slot])

    def expect_traffic(self, slot):
        """It has sent something and received something since now."""
        after = max(self.guests[slot].text.rfind("\n"), 0)
        self.guests[slot].expect(r"^S \d+ \d+ \d+$", after)
        self.guests[slot].expect(r"^R \d+ \d+ \d+ \d+$", after)

    def expect_server(self):
        """It serves, or another in its place."""
        self.server.expect("event=ready")
        self.world.until(
            lambda: self.server.text.count("event=takeover") >= self.takeovers, "another takes over"
        )

    def drain(self):
        """Kill all, let their last incarnations receive the rest, check: (accepted, came again)."""
        for slot in range(self.count):
            self.expect_traffic(slot)
        for slot in range(self.count):
            self.end(slot)
        for slot in range(self.count):
            self.begin(slot, "drain")
        for slot in range(self.count):
            assert self.guests[slot].done().endswith("over\n")
            self.logs[slot].read(self.guests[slot].text)
        pairs = [(s, r) for s in range(self.count) for r in range(self.count) if s != r]
        again = sum(self.check(sender, receiver) for sender, receiver in pairs)
        return sum(len(self.logs[s].accepted[r]) for s, r in pairs), again

    def check(self, sender, receiver):
        """All that went one way; how many came again."""
        seen, last, again = set(), (0, 0), 0
        for incarnation, number, marked in self.logs[receiver].came[sender]:
            item = (incarnation, number)
            if item in seen:
                assert marked, f"{sender} to {receiver}: {item} came again, without a mark"
                again += 1
            else:
                assert item > last, f"{sender} to {receiver}: {item} came after {last}"
                seen.add(item)
                last = item
        missing = [item for item in self.logs[sender].accepted[receiver] if item not in seen]
        assert not missing, f"{sender} to {receiver}: accepted, and never came: {missing[:10]}"
        return again


def test_kill_matrix(world):
    """Two that stream; the one, the other, both, their server, or all are killed."""
    kill_matrix(Guests(world, 2, hold=10), ROUNDS)


def test_kill_matrix_split(world):
    """The same where each can write its own part alone."""
    guests = Guests(world, 2, hold=10, split=True)
    kill_matrix(guests, ROUNDS if SOAK else ROUNDS // 2)


@pytest.mark.x86_64  # and the other one
@pytest.mark.parametrize("arches", [("aarch64", "x86_64"), ("x86_64", "riscv64")], ids="-".join)
def test_kill_matrix_of_two_architectures(world, arches):
    guests = Guests(world, 2, hold=10, arches=arches)
    kill_matrix(guests, ROUNDS if SOAK else ROUNDS // 2, least=10)


def kill_matrix(guests, rounds, least=40):
    """least: messages accepted in a round."""
    dice = random.Random(5)
    for round_ in range(rounds):
        guests.expect_server()
        for slot in range(2):
            guests.expect_traffic(slot)
        time.sleep(dice.random() * 0.1)  # any instruction: there is nothing to wait for
        victims = VICTIMS[round_ % len(VICTIMS)]
        for slot in victims:
            guests.end(slot)
        for slot in victims:
            guests.begin(slot)
    accepted, again = guests.drain()
    assert accepted > least * rounds
    print(f"{rounds} rounds: {accepted} accepted, {again} came again, marked")
    assert again > 0, "who is killed while it keeps a message gets it again"


def test_mesh_of_4(world):
    """All to all, asleep in between; one is killed each second."""
    dice = random.Random(6)
    guests = Guests(world, 4, pace=20)
    for slot in range(4):
        guests.expect_traffic(slot)
    for _ in range(MESH_SECONDS):
        victim = dice.randrange(4)
        time.sleep(1)
        guests.end(victim)
        guests.begin(victim)
        guests.expect_traffic(victim)
    accepted, again = guests.drain()
    assert accepted > 100 * MESH_SECONDS
    print(f"{MESH_SECONDS} kills: {accepted} accepted, {again} came again, marked")
