# SPDX-License-Identifier: MIT
"""test_moves.py - run-qemu.sh: machines that are migrated, restored or reset while they talk."""

import re
import signal

import pytest

from machine import MACHINES

pytestmark = pytest.mark.arches()

# The demo, and the lines that each guest must print once for its steps.
LEAVES = r"ivsh: device [0-9:.]+: the device is leaving: detached from slot {0}"
BACK = r"ivsh: device [0-9:.]+: the device is back: slot {0} of 8"
MOVED = r"ivsh: device [0-9:.]+: the machine or its memory was moved: slot {0} goes on in .*"
HERE = r"stress: here is slot {0} \(.*\) on bare-metal .*; waiting for 1 peer"
DEMOS = {
    "migrate": {0: {LEAVES: 1, BACK: 1}, 1: {LEAVES: 0}},
    "migrate plain-off": {0: {LEAVES: 1, BACK: 1}, 1: {LEAVES: 0}},
    "migrate plain-on": {0: {MOVED: 1, LEAVES: 0}, 1: {LEAVES: 1, BACK: 1}},
    "migrate plain-on-live": {0: {MOVED: 1, LEAVES: 0}, 1: {LEAVES: 1, BACK: 1}},
    "migrate doorbell-on": {0: {MOVED: 1, LEAVES: 0}, 1: {LEAVES: 1, BACK: 1}},
    "migrate both": {0: {LEAVES: 1, BACK: 1}, 1: {LEAVES: 1, BACK: 1}},
    "hotplug": {0: {LEAVES: 2, BACK: 2}, 1: {LEAVES: 2, BACK: 2}},
    "snapshot": {0: {LEAVES: 0}, 1: {LEAVES: 0}},
    "reset": {0: {HERE: 2}, 1: {HERE: 2}},
}
# What of it a split region has: its parts come and go with the doorbell, and none is migrated.
DEMOS |= {
    f"{demo} --split": DEMOS[demo]
    for demo in ("migrate", "migrate plain-off", "migrate both", "hotplug", "reset")
}


# What QEMU 7.2 does not do with a riscv64 machine.
MOVES = re.compile(r"migrate|snapshot")


def is_clean(world):
    assert list(world.folder.iterdir()) == []
    assert world.left() == []


# Three take different ways through a machine.
ELSEWHERE = {
    "migrate": ["aarch64", "riscv64"],
    "migrate plain-on": ["aarch64", "riscv64"],
    "reset": ["aarch64", "riscv64"],
}


@pytest.mark.parametrize(
    "demo",
    [
        pytest.param(demo, marks=pytest.mark.arches(*ELSEWHERE.get(demo, [])))
        for demo in DEMOS
    ],
)
def test_demo(world, arch, demo):
    """Each step is taken, each guest says what happened to it, and every byte is verified."""
    script = world.script(*demo.split(), "--no-build", "--timeout", "80")
    if MOVES.match(demo) and not MACHINES[arch].shows_moves:
        line = rf"run-qemu.sh: {demo.split()[0]}: this QEMU moves no {arch} machine whole: .*\n"
        assert re.fullmatch(line, script.done(2))
        return
    text = script.done(seconds=100)
    lines = text.splitlines()
    row, _, is_split = demo.partition(" --")
    row = "migrate doorbell-off" if row == "migrate" else row
    count = 30000 if is_split else 20000
    assert re.fullmatch(
        rf"run-qemu.sh: {row}: 2 of 2 guests done and verified, [0-9.]+ s", lines[-1])
    for guest, wanted in DEMOS[demo].items():
        mine = [line[4:] for line in lines if line.startswith(f"[{guest}] ")]
        for pattern, times in wanted.items():
            found = [line for line in mine if re.fullmatch(pattern.format(guest), line)]
            assert len(found) == times, (pattern, found)
        assert any(line.endswith(f" in {count}: every byte verified") for line in mine)
    is_clean(world)


@pytest.mark.parametrize(
    "words, text",
    [
        (["migrate", "sideways"], "run-qemu.sh: migrate sideways: no such row; try --help"),
        (["hotplug", "--guests", "3"], "run-qemu.sh: --guests 3: the demo hotplug has two guests"),
        (["reset", "--command", "demo"], "run-qemu.sh: --command: the demo reset runs stress"),
        (
            ["migrate", "plain-on", "--split"],
            "run-qemu.sh: --split: migrate plain-on: a guest cannot take along the parts that it"
            " can only read: take doorbell-off, plain-off or both",
        ),
        (
            ["snapshot", "--split"],
            "run-qemu.sh: --split: no snapshot can bring back the parts, which other guests write",
        ),
        (["hotplug", "all"], "run-qemu.sh: all: no such demo or option; try --help"),
    ],
)
def test_refused(world, words, text):
    script = world.script(*words, "--no-build")
    assert script.status() == 2
    assert script.text.splitlines() == [text]


@pytest.mark.parametrize("sig, status", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_in_the_middle(world, arch, sig, status):
    """Between the two QEMUs of a migration nothing is left, either; nor while a device is away."""
    if MACHINES[arch].shows_moves:
        script = world.script("migrate", "plain-off", "--no-build")
        script.expect("guest 0: another QEMU is started")
    else:
        script = world.script("hotplug", "--no-build")
        script.expect("guest 1: device_del")
    script.process.send_signal(sig)
    assert script.status() == status
    is_clean(world)
