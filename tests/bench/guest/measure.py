# SPDX-License-Identifier: MIT
"""measure.py - runs two guests against each other and reads what they print.

Each run boots two guests anew, and takes a server and a folder of its own. The guests are placed as
the host places them; those of pair.elf each stay on one processor.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
from contextlib import contextmanager

TESTS = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TESTS / "demos"), str(TESTS / "lib")]

import pair
from qemu import TCG, World, X86_64, doorbell, notifications

KVM = "-accel kvm -cpu host".split()
SIZES = (8, 64, 1024)
LIMIT = 120  # seconds for one run

# How many round trips, and how many messages one way, take about a second under TCG.
TRIPS = {"poll": 100000, "spin": 100000, "sleep": 10000}
MESSAGES = {"poll": 1000000, "spin": 1000000, "sleep": 200000}
WAITS = tuple(TRIPS)
SLICES = 1000, 200  # rounds of pair.elf, round trips of a slice: short ones meet less of the host


def accelerator():
    """
    QEMU's words, and a sentence. KVM counts only if a guest reaches main() and ends within a
    second, as in run-qemu.sh: /dev/kvm may be there and emulate every instruction.
    """
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return TCG, "TCG: there is no /dev/kvm to use"
    words = [
        *X86_64.words(), *KVM, "-M", "q35", "-m", "64", "-kernel", X86_64.image(),
        "-append", "--exit=verdict help",
    ]
    try:
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            timeout=1, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return TCG, "TCG: /dev/kvm is there, and no guest ends on it within a second"
    if done.returncode != 0 or not re.search(rb"\nexit: 0\r?\n$", done.stdout):
        return TCG, "TCG: /dev/kvm is there, and QEMU cannot use it"
    return KVM, "KVM"


@contextmanager
def world(words):
    with tempfile.TemporaryDirectory(prefix="ivsh-bench.") as folder:
        made = World(pathlib.Path(folder), words)
        try:
            yield made
        finally:
            made.close()


def number(pattern, text):
    found = re.search(pattern, text)
    assert found, f"no {pattern!r} in:\n{text}"
    return float(found[1])


def two(words, uefi, commands):
    """What two guests print that run a command each and end by themselves: the second one first."""
    with world(words) as made:
        server = made.server(bind=2)
        first, second = [
            made.guest(
                command.split()[0], f"{command} --timeout={LIMIT}", *doorbell(server.bound[i]),
                uefi=uefi,
            )
            for i, command in enumerate(commands)
        ]  # fmt: skip
        return second.done(seconds=LIMIT + 15), first.done()


def times(text):
    """Microseconds."""
    return {name: number(rf" {name} (\d+\.\d\d)", text) for name in ("min", "p50", "p99")}


def roundtrip(words, uefi, wait, count):
    texts = two(
        words, uefi,
        [f"echo --count={count} --wait={wait}", f"bench echo --count={count} --wait={wait}"],
    )  # fmt: skip
    sides = notifications(texts[0], "bench"), notifications(texts[1], "echo")
    assert f"echo: answered {count} messages\n" in texts[1]
    return {**times(texts[0]), "messages": 2 * count, **both(sides, 2 * count)}


def stream(words, uefi, wait, size, count):
    texts = two(
        words, uefi,
        [
            f"sink --count={count} --wait={wait}",
            f"bench sink --count={count} --size={size} --wait={wait}",
        ],
    )  # fmt: skip
    sides = notifications(texts[0], "bench"), notifications(texts[1], "sink")
    assert f"sink: took {count} messages, {count * size} bytes\n" in texts[1]
    rate = number(r" one way: (\d+) a second", texts[0])
    return {"per_second": rate, "messages": count, **both(sides, count)}


def bare_doorbell(words, uefi, count):
    """A doorbell there and one back: what a round trip between sleepers has at the least."""
    with world(words) as made:
        server = made.server(bind=2)
        commands = ["ack --wait=sleep --peer=1", f"bench ack --wait=sleep --count={count}"]
        ack, bench = [
            made.guest(command.split()[0], command, *doorbell(server.bound[i]), uefi=uefi)
            for i, command in enumerate(commands)
        ]
        text = bench.done(seconds=LIMIT)
        ack.kill()
        return times(text)


def both(sides, messages):
    """The two sides' counters together."""
    keys = ("sent", "suppressed", "doorbell", "timer", "missed")
    total = {key: sum(side[key] for side in sides) for key in keys}
    return {**total, "notifications_per_message": total["sent"] / messages}


def pairs(words, share):
    """The slices of one run of pair.elf. (share) of the usual number of them."""
    with world(words) as made:
        return pair.run(made, max(int(SLICES[0] * share), 10), SLICES[1], LIMIT)


def cells(words, uefi, share):
    """Every cell of one world once: (name, wait, size), and what was measured."""
    for wait in WAITS:
        trips, messages = int(TRIPS[wait] * share), int(MESSAGES[wait] * share)
        yield ("roundtrip", wait, 8), roundtrip(words, uefi, wait, trips)
        for size in SIZES:
            yield ("stream", wait, size), stream(words, uefi, wait, size, messages)
    yield ("doorbell", "sleep", 0), bare_doorbell(words, uefi, int(TRIPS["sleep"] * share))
