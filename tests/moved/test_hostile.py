# SPDX-License-Identifier: MIT
"""
test_hostile.py - two peers exchange numbered messages while a guest writes anything to any place
that it can reach. What one memory for all cannot prevent is asserted, too. SPEC 9.
"""

import contextlib
import os
import time
import zlib

from ends import Process, doorbell, flow_both, numbers, settle
from machine import MACHINES, TCG
from qemu import SOAK

SECONDS = float(os.environ.get("IVSH_HOSTILE_SECONDS") or (60 if SOAK else 10))
STILL = 1.0  # how long the victims are stopped while memories are compared
LATE_US = 2_000_000
SLOTS = 3  # of the victims, and then the hostile guest
WORDS = f"peers={SLOTS} burst=4 pace=2000"


class Hostile:
    """The guest, over (device)."""

    def __init__(self, world, device, kind="x86_64"):
        machine = MACHINES[kind]
        words = [*machine.words(), *TCG, *machine.board, "-m", "64", *device]
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


def exchange(victims, seconds, hostile=None):
    """
    Let the victims exchange, and (hostile) write: (what went wrong between the victims, their
    reports before and after). One that ends, or says nothing any more, is a problem, too.
    """
    for end in victims:
        end.keys("g")
    flow_both(*victims)
    for end in victims:
        end.keys("z")
    before = [end.ask() for end in victims]
    if hostile:
        hostile.program.type("g")
    time.sleep(seconds)
    try:
        after = settle(victims)
    except AssertionError as error:
        return [str(error).splitlines()[0]], before, None
    return exchange_problems(before, after), before, after


def changed(victims, hostile, memories):
    """Which memories the guest changes while the victims stand still. memories: {name: path}."""

    def sums():
        return {name: zlib.crc32(path.read_bytes()) for name, path in memories.items()}

    with contextlib.ExitStack() as stack:
        for end in victims:
            stack.enter_context(end.stopped())
        before, stores = sums(), hostile.ask()[1]["stores"]
        time.sleep(STILL)
        after = sums()
        assert hostile.ask()[1]["stores"] > stores + 10000
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
    problems, _, _ = exchange(victims, min(SECONDS, 3), hostile)
    print("\n".join(problems))
    assert problems, "the check finds nothing"
    found, state = hostile.ask()
    (target,) = found.values()
    assert target["kept"] > target["stores"] / 10
    assert state["doorbells"] > 1000
    assert changed([], hostile, {"memory": memory}) == {"memory"}
