# SPDX-License-Identifier: MIT
"""test_kill.py - peers and servers are killed: accepted messages arrive, and survivors learn soon
that a peer was killed. SPEC R4.2, R5.10, R6.3, R7.1, R7.9, R7.11."""

import mmap
import os
import pathlib
import random
import signal
import statistics
import struct
import subprocess
import time

import pytest

from rawclient import LIMIT, SOAK, is_over, until

ROUNDS = {
    "file": int(os.environ.get("KILL_ROUNDS", 300 if SOAK else 30)),
    "shm": 36 if SOAK else 12,
    "split": 300 if SOAK else 24,
}
TOLD = {"serving": 300 if SOAK else 20, "down": 30 if SOAK else 5, "replaced": 30 if SOAK else 10,
        "alone": 30 if SOAK else 5}  # fmt: skip

# tests/host/numbers.h
PEERS = 2
HEAD, STOP, RESTARTS, RETRIES, COUNT, WRONG = 224, 0, 4, 12, 16, 24
WINDOW = 65536
TRIED, LAST, AGAIN, ACCEPTED, NOTES = 0, 4, 8, 12, 12 + WINDOW

# The victims of each round, in any order within one. A supervisor's death leaves a server that no
# supervisor replaces. `all` is a machine that loses its power: the memory is a file, and stays.
VICTIMS = ["sender", "receiver", "sender receiver", "server", "server sender", "all",
           "receiver", "server receiver", "server sender receiver", "supervisor", "sender",
           "all"]  # fmt: skip


class Notes:
    """The notes of all peers, in all their incarnations."""

    def __init__(self, path):
        self.path = path
        with open(path, "w+b") as file:
            file.truncate(HEAD + NOTES * PEERS * PEERS)
            self.map = mmap.mmap(file.fileno(), 0)
        self.put(COUNT, PEERS)

    def put(self, offset, value):
        struct.pack_into("<I", self.map, offset, value)

    def word(self, offset):
        return struct.unpack_from("<I", self.map, offset)[0]

    def pairs(self):
        pairs = [(s, r) for s in range(PEERS) for r in range(PEERS) if s != r]
        return [HEAD + NOTES * (s * PEERS + r) for s, r in pairs]

    def highest(self, pair):
        """The last number that was accepted."""
        number = self.word(pair + TRIED)
        while number and not self.map[pair + ACCEPTED + number % WINDOW]:
            number -= 1
        return number

    def check(self):
        wrong = self.map[WRONG:HEAD].split(b"\0")[0].decode()
        assert not wrong, wrong

    def settle(self):
        """All that was accepted has arrived: how many in all."""
        self.put(STOP, 1)
        time.sleep(0.01)  # a call that is on its way ends
        highest = [self.highest(pair) for pair in self.pairs()]

        def arrived():
            self.check()
            return all(self.word(pair + LAST) >= n for pair, n in zip(self.pairs(), highest))

        until(arrived)
        self.put(STOP, 0)
        return sum(highest)

    def accepted(self):
        return sum(self.highest(pair) for pair in self.pairs())

    def again(self):
        return sum(self.word(pair + AGAIN) for pair in self.pairs())


class Streams:
    """Two processes that send each other numbers as fast as they can, and their server."""

    def __init__(self, start, build, folder, kind):
        self.start, self.build, self.folder = start, build, folder
        self.memory = {
            "file": ("--file", folder / "memory"),
            "shm": ("--shm", f"/ivsh-{os.getpid()}"),
            "split": ("--file", folder / "split", "--split"),
        }[kind]
        self.notes = Notes(folder / "notes")
        self.peers = [None] * PEERS
        self.serve()
        for slot in range(PEERS):
            self.begin(slot)

    def serve(self):
        sockets = [f"--slot={slot}={self.folder}/{slot}" for slot in range(PEERS)]
        self.server = self.start(*self.memory, *sockets)
        self.takeovers = 0

    def begin(self, slot):
        words = [self.build / "numbers", self.folder / str(slot), self.notes.path]
        self.peers[slot] = subprocess.Popen([str(word) for word in words])

    def kill(self, who):
        """kill -9, at whatever instruction it is."""
        if who in ("server", "supervisor"):
            # Not the one before the other has found another server: that is `power`.
            self.server.await_line("event=takeover" if self.takeovers else "event=ready",
                                   self.takeovers or 1)  # fmt: skip
        if who == "server":
            os.kill(self.server.serving, signal.SIGKILL)
            self.takeovers += 1
        elif who == "supervisor":
            os.kill(self.server.supervisor, signal.SIGKILL)
            self.server.process.wait(LIMIT)
        elif who == "power":
            servers = [self.server.serving, *self.end_children()]
            assert self.server.stop(signal.SIGKILL) == -signal.SIGKILL
            until(lambda: all(map(is_over, servers)))
        else:
            peer = self.peers[["sender", "receiver"].index(who)]
            peer.kill()
            assert peer.wait(LIMIT) == -signal.SIGKILL, self.notes.check()

    def end_children(self):
        """Also of a supervisor that is just starting another server, which would go on alone."""
        if self.server.process.poll() is not None:
            return []
        supervisor = f"/proc/{self.server.supervisor}"
        os.kill(self.server.supervisor, signal.SIGSTOP)
        stat = pathlib.Path(supervisor, "stat")
        until(lambda: stat.read_text().rsplit(")", 1)[1].split()[0] == "T")
        children = pathlib.Path(supervisor, "task", str(self.server.supervisor), "children")
        pids = [int(child) for child in children.read_text().split()]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        return pids

    def close(self):
        for peer in self.peers:
            peer.kill()
            peer.wait(LIMIT)
        # A server that found the memory does not remove it.
        if self.memory[0] == "--shm":
            pathlib.Path("/dev/shm" + self.memory[1]).unlink(missing_ok=True)


@pytest.fixture
def streams(start, build, tmp_path, kind):
    streams = Streams(start, build, tmp_path, kind)
    yield streams
    streams.close()


@pytest.mark.parametrize("kind", ROUNDS)
def test_kill_matrix(streams, kind):
    rounds = ROUNDS[kind]
    dice = random.Random(4)
    count = 0
    for round_ in range(rounds):
        power = VICTIMS[round_ % len(VICTIMS)] == "all"
        victims = "power sender receiver" if power else VICTIMS[round_ % len(VICTIMS)]
        victims = victims.split()
        dice.shuffle(victims)
        time.sleep(dice.random() * 0.03)
        for who in victims:
            streams.kill(who)
            time.sleep(dice.choice([0, 0, dice.random() * 0.01]))
        if power:
            streams.serve()
            assert streams.server.field("kept") == "1"
        for slot, who in enumerate(["sender", "receiver"]):
            if who in victims:
                streams.begin(slot)
        if round_ % 5 == 4:
            count = streams.notes.settle()
    until(lambda: streams.notes.accepted() > 50 * rounds)  # they go on, after whatever happened
    count = streams.notes.settle()
    assert count > 50 * rounds
    assert not SOAK or kind == "shm" or streams.notes.again() > 0
    notes = streams.notes
    print(f"{kind}: {rounds} rounds: {count} accepted, {notes.again()} came again, marked;"
          f" {notes.word(RETRIES)} handshakes begun again")  # fmt: skip


class Survivor:
    """
    A peer that sleeps, and tells how soon it learns of another's death, and from whom: `gone` is
    what a server says, where heartbeats have not shown it before. The aim for the median is 0.1 s.
    """

    def __init__(self, build, server):
        self.process = subprocess.Popen(
            [str(build / "survivor"), server.socket],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
        )  # fmt: skip

    def tell(self, word):
        self.process.stdin.write(word + "\n")

    def ask(self, word):
        self.tell(word)
        return self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        assert line, f"survivor: ended with {self.process.wait(LIMIT)}"
        took, self.peer = line.split()
        return int(took)

    def killed(self):
        """The same of a peer that was killed; the server must have said so."""
        took = self.answer()
        assert self.peer == "gone", f"after {took} us by heartbeats"
        return took

    def close(self):
        self.process.stdin.close()
        self.process.wait(LIMIT)
        self.process.stdout.close()


@pytest.fixture
def survivor(start, build):
    server = start()
    survivor = Survivor(build, server)
    survivor.server = server
    yield survivor
    survivor.close()


def test_survivor_in_a_split_region(start, build):
    """The server tells it in its own slot's page."""
    server = start("--split")
    survivor, took = Survivor(build, server), []
    try:
        for turn in range(31 if SOAK else 6):
            if turn == 5:
                server.kill_serving()
            survivor.ask("begin")
            survivor.tell("kill")
            took.append(survivor.killed())
    finally:
        survivor.close()
    print(f"split: median {statistics.median(took):.0f} us, most {max(took)} us")


def killed_serving(survivor, dice):
    survivor.tell("kill")
    return survivor.killed()


def killed_down(survivor, dice):
    """Nobody serves when the peer is killed; another does soon after."""
    server = survivor.server
    takeovers = server.count("event=takeover")
    os.kill(server.supervisor, signal.SIGSTOP)
    os.kill(server.serving, signal.SIGKILL)
    survivor.tell("kill")
    time.sleep(dice.random() * 0.2)
    os.kill(server.supervisor, signal.SIGCONT)
    server.await_line("event=takeover", takeovers + 1)
    return survivor.killed()


def killed_replaced(survivor, dice):
    """The peer is killed while another server begins: at once, or after two servers that died."""
    server = survivor.server
    time.sleep(dice.choice([0, 0.15]))
    takeovers = server.count("event=takeover")
    os.kill(server.serving, signal.SIGKILL)
    time.sleep(dice.random() * 0.01)
    survivor.tell("kill")
    server.await_line("event=takeover", takeovers + 1)
    return survivor.killed()


@pytest.mark.parametrize("how", TOLD)
def test_survivor_is_told(survivor, how):
    """Asleep, and by the server, whatever is just done to that."""
    dice, took = random.Random(5), []
    if how == "alone":
        os.kill(survivor.server.supervisor, signal.SIGKILL)
        survivor.server.await_line("what=supervisor-gone")
    kill = {"down": killed_down, "replaced": killed_replaced}.get(how, killed_serving)
    for _ in range(TOLD[how]):
        survivor.ask("begin")
        took.append(kill(survivor, dice))
    print(f"{how}: {len(took)} kills: median {statistics.median(took):.0f} us, most {max(took)} us")


def test_survivor_of_all(survivor):
    """Peer, server and supervisor die at once: heartbeats tell."""
    survivor.ask("begin")
    survivor.server.stop(signal.SIGKILL)
    took = survivor.ask("kill")
    print(f"without a server: {took} us")
    assert survivor.peer == "silent"
