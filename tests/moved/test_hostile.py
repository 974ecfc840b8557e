# SPDX-License-Identifier: MIT
"""
test_hostile.py - two peers exchange numbered messages while a guest writes anything to any place
that it can reach. What one memory for all cannot prevent is asserted, too. SPEC 9.
"""

import contextlib
import os
import time
import zlib

import pytest

from ends import MACHINES, Machine, Process, doorbell, flow_both, numbers, settle
from machine import TCG
from qemu import LIMIT, SOAK
from split import parts

SECONDS = float(os.environ.get("IVSH_HOSTILE_SECONDS") or (60 if SOAK else 10))
SHORT = 1.0  # on other machines
STILL = 0.5  # how long the victims are stopped while memories are compared
LATE_US = 2_000_000
COMMON = 8192  # SPEC 17
HEARTBEAT = 4100  # in there, SPEC 4
SLOTS = 3  # of the victims, and then the hostile guest
WORDS = f"peers={SLOTS} burst=4 pace=2000"


class Hostile:
    """The guest, over (device)."""

    def __init__(self, world, device, kind="q35"):
        machine, board, _ = MACHINES[kind]
        words = [*machine.words(), *TCG, *board.split(), "-m", "64", *device]
        words += ["-kernel", machine.image("hostile")]
        self.program = world.program("hostile", *words)
        self.memories = numbers(self.program.expect("^ready name=hostile (.*)$")[1])["memories"]

    def ask(self):
        """({function of a device: numbers of its memory}, the numbers of the state)"""
        start = len(self.program.text)
        self.program.type("r")
        state = self.program.expect("^state name=hostile (.*)$", start)[1]
        found = {}
        for line in self.program.text[start:].splitlines():
            if line.startswith("memory "):
                function = int(line.split("function=")[1].split()[0], 16)
                found[function] = numbers(line)
        return found, numbers(state)

    def until(self, key, count):
        """Ask until the state's (key) is above (count); that answer."""
        end = time.monotonic() + LIMIT
        while (answer := self.ask())[1][key] <= count:
            if time.monotonic() >= end:
                self.program.fail(f"timeout: {key}: {answer[1][key]} after {LIMIT:.0f} s")
        return answer


def exchange_problems(before, after):
    """What two victims say that nobody but they may cause, of the flows between the two."""
    problems = []
    for slot in (0, 1):
        was, now = before[slot][0][1 - slot], after[slot][0][1 - slot]
        new = {key: now[key] - was[key] for key in now}
        for key in ("wrong", "missing", "repeated", "rewound", "again", "marked", "silent",
                    "lost", "resets", "broken"):  # fmt: skip
            if new[key]:
                problems.append(f"slot {slot}: {key} {new[key]}")
        if now["stall_us"] > LATE_US:
            problems.append(f"slot {slot}: {now['stall_us']} us without a message")
        if after[1 - slot][0][slot]["next"] != now["want"]:
            problems.append(f"slot {slot}: {after[1 - slot][0][slot]['next']}, want {now['want']}")
        state_was, state = before[slot][1], after[slot][1]
        for key in ("attaches", "lost_slot", "removed", "moved"):
            if state[key] != state_was[key]:
                problems.append(f"slot {slot}: {key} {state[key] - state_was[key]}")
    return problems


def exchange(victims, seconds, hostile=None, patience=LIMIT):
    """
    Let the victims exchange, and (hostile) write: (what went wrong between the victims, their
    reports before and after). One that ends, or says nothing any more, is a problem, too.
    patience: seconds with numbers that do not agree.
    """
    before = None
    try:
        for end in victims:
            end.keys("g")
        flow_both(*victims)
        for end in victims:
            end.keys("z")
        before = [end.ask() for end in victims]
        if hostile:
            hostile.program.type("g")
        time.sleep(seconds)
        after = settle(victims, patience)
    except AssertionError as error:
        print(error)
        return [str(error).splitlines()[0]], before, None
    return exchange_problems(before, after), before, after


def checksum(path):
    """Of all but the heartbeat in the common memory, with which the server goes on."""
    data = bytearray(path.read_bytes())
    if path.name == "common":
        data[HEARTBEAT : HEARTBEAT + 4] = bytes(4)
    return zlib.crc32(data)


def changed(victims, hostile, memories):
    """Which memories the guest changes while the victims stand still. memories: {name: path}."""

    def sums():
        return {name: checksum(path) for name, path in memories.items()}

    with contextlib.ExitStack() as stack:
        for end in victims:
            stack.enter_context(end.stopped())
        before, stores = sums(), hostile.ask()[1]["stores"]
        time.sleep(STILL)
        hostile.until("stores", stores + 10000)
        after = sums()
    return {name for name in memories if before[name] != after[name]}


def test_one_memory(world):
    """
    9 (c): in one memory it forges, loses or stops what two others exchange; the same check that a
    split region passes must say so.
    """
    memory = world.folder / "memory"
    server = world.server("--file", memory, slots=SLOTS, bind=SLOTS)
    victims = [Process(world, f"v{i}", i, ("socket", server.bound[i]), WORDS) for i in (0, 1)]
    hostile = Hostile(world, doorbell(server.bound[2]))
    assert exchange(victims, 1)[0] == []
    problems = []
    for _ in range(20):
        problems = problems or exchange(victims, min(SECONDS, 3), hostile, 3)[0]
    print("\n".join(problems))
    assert problems, "the check finds nothing"
    found, _ = hostile.until("doorbells", 1000)
    (target,) = found.values()
    assert target["kept"] > target["stores"] / 10
    assert changed([], hostile, {"memory": memory}) == {"memory"}


# --- A split region ------------------------------------------------------------------------------


def split_world(world, kind):
    """A server, the victims (a process and a guest), and the hostile guest."""
    server = world.server("--split", slots=SLOTS, bind=SLOTS)

    def device(slot):
        return [*doorbell(server.bound[slot]), *parts(server.folder, slot, SLOTS)]

    victims = [
        Process(world, "v0", 0, ("socket", server.bound[0]), WORDS),
        Machine(world, "v1", 1, WORDS, kind).start(device(1)),
    ]
    return server, victims, Hostile(world, device(2), kind)


@pytest.mark.parametrize("kind", ["q35", "pc", "microvm", "aarch64", "riscv64"])
def test_split(world, kind):
    """
    9 (b): nothing of what two others exchange is lost, forged, marked, late, or reset, and no store
    reaches their memories; so also with one that attaches meanwhile. What is sent to the hostile
    guest gets lost, and the senders say so.
    """
    server, victims, hostile = split_world(world, kind)
    assert exchange(victims, 0.5)[0] == []
    problems, before, after = exchange(victims, SECONDS if kind == "q35" else SHORT, hostile)
    assert problems == []
    print(*(f"{flows[1 - slot]}" for slot, (flows, _) in enumerate(after)), sep="\n")
    for slot, end in enumerate(victims):
        lost = before[slot][0][2]["lost"]
        end.until(lambda flows, _, lost=lost: flows[2]["lost"] > lost, "its channel breaks")
    start = len(victims[1].program.text)
    victims[1].keys("la")
    victims[1].attached(start)
    problems, _, after = exchange(victims, 1, hostile)
    assert problems == []
    hostile.until("doorbells", 1000)
    found, state = hostile.until("claims", 1000)
    print(state, *found.values(), *after, sep="\n")
    # Its own doorbell's memory, which no other guest has, and its own part.
    own = [memory for memory in found.values() if memory["kept"]]
    assert sorted(memory["size"] for memory in own) == [COMMON, max(m["size"] for m in own)]
    assert all(memory["kept"] > memory["stores"] / 10 for memory in own)
    memories = {name: server.folder / name for name in os.listdir(server.folder)}
    assert changed(victims, hostile, memories) == {"part-2"}
