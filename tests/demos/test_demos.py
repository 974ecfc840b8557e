# SPDX-License-Identifier: MIT
"""test_demos.py - run-qemu.sh: the named demos, its options, and what it leaves behind."""

import re
import time

import pytest

from hugepages import POOL, alone
from machine import MACHINES

pytestmark = pytest.mark.arches()

BARE, UEFI = "bare-metal", "UEFI"
NAMES = ["alpha", "beta", "gamma", "delta"]
PROGRESS = [(16, 457), (32, 3918), (48, 13614), (64, 32768)]  # of 64: message, its bytes


def who(slot):
    return f"slot {slot} ({NAMES[slot]})"


def check_talk(text, kinds, arch, progress=PROGRESS):
    """Every guest said hello to every other, showed its progress, and verified every byte."""
    lines = text.splitlines()
    worlds = [f"{kind} {arch}" if arch else kind for kind in kinds]
    count = len(worlds)
    for me in range(count):
        mine = [line for line in lines if line.startswith(f"[{me}] ")]
        assert (
            f"[{me}] demo: here is {who(me)} on {worlds[me]}; waiting for {count - 1} "
            f"peer{'s' if count > 2 else ''}" in mine
        )
        for peer in range(count):
            if peer == me:
                continue
            hello = f"{who(peer)} says: hello, here is {who(peer)} on {worlds[peer]}"
            assert f"[{me}] {hello}" in mine
            for number, size in progress:
                good = f"{who(peer)}: message {number} of 64, {size} bytes: good"
                assert f"[{me}] {good}" in mine
        summary = re.escape(f"[{me}] demo: {who(me)}: ") + (
            rf"sent (\d+) bytes in {64 * (count - 1)} messages, received \1 bytes in "
            rf"{64 * (count - 1)}: every byte verified"
        )
        assert any(re.fullmatch(summary, line) for line in mine)


def check_end(world, script, count=2, of="guests"):
    """All guests are done, and nothing of the run is left: no file, no process."""
    text = script.done(seconds=90)
    assert f": {count} of {count} {of} done and verified, " in text.splitlines()[-1]
    assert list(world.folder.iterdir()) == []
    assert world.left() == []
    return text


@pytest.mark.arches("aarch64", "riscv64")
@pytest.mark.parametrize(
    "demo, kinds, limit",
    [
        ("bare", [BARE, BARE], 15),
        ("plain", [BARE, BARE], 15),
        ("split", [BARE, BARE], 15),
        ("plain --split", [BARE, BARE], 15),
        ("mixed --split", [BARE, UEFI], 60),
        ("uefi", [UEFI, UEFI], 60),
        ("mixed", [BARE, UEFI], 60),
    ],
)
def test_demo(world, arch, demo, kinds, limit):
    began = time.monotonic()
    text = check_end(world, world.script(*demo.split(), "--no-build"))
    took = time.monotonic() - began
    print(f"{demo}: {took:.1f} s")
    check_talk(text, kinds, arch)
    assert took < limit


@pytest.mark.x86_64  # of all
@pytest.mark.parametrize("words", [[], ["--split"]], ids=["one", "split"])
def test_cross(world, words):
    """A guest of each architecture and a process of the host, in one region."""
    worlds = [f"bare-metal {name}" for name in MACHINES] + ["Linux"]
    text = check_end(world, world.script("cross", *words, "--no-build"), 4, "peers")
    check_talk(text, worlds, None)


HUGE = POOL / "nr_hugepages"


def test_huge_pages(world, arch):
    """Both kinds, end to end; the pages that were borrowed are given back."""
    with alone():
        before = HUGE.read_text() if HUGE.exists() else None
        script = world.script("hugepages", "--no-build")
        status = script.process.wait(60)
        if status == 77:
            pytest.skip(script.text.strip())
        text = check_end(world, script)
        assert (HUGE.read_text() if HUGE.exists() else None) == before
    halves = text.split("run-qemu.sh: on huge pages: ")
    assert len(halves) == 3
    assert halves[1].startswith("ivsh-server --hugetlb 2M\n")
    assert halves[2].startswith(f"ivsh-server -m {world.folder}/ivsh-huge.")
    for half in halves[1:]:
        check_talk(half, [BARE] * 2, arch)
        assert ": bare: 2 of 2 guests done and verified, " in half


def test_four_guests(world, arch):
    text = check_end(world, world.script("bare", "--no-build", "--guests", "4"), 4)
    check_talk(text, [BARE] * 4, arch)


def test_larger_memory(world, arch):
    text = check_end(world, world.script("--no-build", "--memory", "64M", "--vectors", "4"))
    assert "message 64 of 64, 1048576 bytes: good" in text
    check_talk(text, [BARE] * 2, arch, progress=[])


def test_two_runs_at_once(world, arch):
    """Each has a folder of its own: they do not meet."""
    first = world.script("plain", "--no-build")
    second = world.script("bare", "--no-build")
    check_talk(first.done(seconds=60), [BARE] * 2, arch)
    check_talk(second.done(seconds=60), [BARE] * 2, arch)
    assert list(world.folder.iterdir()) == []


def test_keep(world):
    text = world.script("plain", "--no-build", "--keep").done()
    kept = re.search(r"^run-qemu\.sh: kept: (.*)$", text, re.MULTILINE)[1]
    assert [str(path) for path in world.folder.iterdir()] == [kept]
    folder = world.folder / kept.rsplit("/", 1)[1]
    assert (folder / "memory").stat().st_size == 4 << 20
    for guest in range(2):
        log = (folder / f"guest.{guest}.log").read_text()
        assert "every byte verified" in log and f"[{guest}] " in log


def test_timeout(world):
    """Guests that never end: a name for it, a status, and nothing left."""
    script = world.script("--no-build", "--timeout", "1", "--command", "recv --count=0")
    assert script.status(20) == 1
    assert "run-qemu.sh: timeout: not done after 1 s" in script.lines
    assert ": 0 of 2 guests done and verified, " in script.lines[-1]
    assert list(world.folder.iterdir()) == []
    assert world.left() == []


def test_terminated(world, arch):
    """SIGTERM in the middle: the guests and the server end with it."""
    script = world.script("--no-build", "--command", "recv --count=0")
    script.expect(rf"^\+ qemu-system-{arch} .*--name=beta'")
    script.process.terminate()
    assert script.status(20) == 143
    assert list(world.folder.iterdir()) == []
    assert world.left() == []


def test_terminated_while_it_starts(world):
    """SIGTERM while the script forks: a child that runs the trap, too, ends no more than itself."""
    for i in range(40):
        script = world.script("--no-build", "--command", "recv --count=0")
        script.expect(r"^\+ qemu-system-x86_64 .*--name=beta'")
        time.sleep(i * 0.0001)
        script.process.terminate()
        assert script.status(20) == 143
        assert list(world.folder.iterdir()) == []
    assert world.left() == []


def test_commands(world, arch):
    """--command, once for each guest; every QEMU command line is shown."""
    text = check_end(
        world,
        world.script("--no-build", "--command", "recv --port=3", "--command", "send 0 hi --port=3"),
    )
    assert "[0] slot 1 (beta), port 3: hi" in text
    assert "[1] sent 2 bytes to slot 0 (alpha)" in text
    assert len(re.findall(rf"^\+ qemu-system-{arch} -accel ", text, re.MULTILINE)) == 2
