# SPDX-License-Identifier: MIT
"""test_observer.py - two guests as dump and top see them: at work, stopped, killed."""

import hashlib
import json
import signal
import subprocess

from memory import memory_file
from pause import pause
from qemu import BUILD, plain

LIMIT = 30


def dump(memory):
    done = subprocess.run(
        [BUILD / "host/ivsh", "dump", "all", "--json", "--payload", "--file", memory],
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert (done.returncode, done.stderr) == (0, "")
    assert [record for record in records if record["type"] == "broken"] == []
    return {record["slot"]: record["moves"] for record in records if record["type"] == "slot"}


def test_guests(world):
    """Nothing is called broken, and while nobody runs not one byte changes: dump and ls."""
    memory = memory_file(world.folder)
    guests = [
        world.guest(f"slot {i}", f"stress --count=4000000 --quiet --slot={i}", *plain(memory))
        for i in (0, 1)
    ]
    guests[0].expect("^slot 1 says")
    guests[1].expect("^slot 0 says")
    # One that waits for a processor stands still, too.
    world.until(lambda: dump(memory) == {0: "yes", 1: "yes"}, "both move")
    for guest in guests:
        pause(guest.process.pid)
    before = hashlib.sha256(memory.read_bytes()).digest()
    assert dump(memory) == {0: "no", 1: "no"}
    listed = subprocess.run([BUILD / "host/ivsh", "ls", "--file", memory], timeout=LIMIT)
    assert listed.returncode == 0
    assert hashlib.sha256(memory.read_bytes()).digest() == before
    for guest in guests:
        guest.process.send_signal(signal.SIGCONT)
    world.until(lambda: dump(memory) == {0: "yes", 1: "yes"}, "both move again")
    for guest in guests:
        guest.kill()
    before = hashlib.sha256(memory.read_bytes()).digest()
    assert dump(memory) == {0: "no", 1: "no"}
    assert hashlib.sha256(memory.read_bytes()).digest() == before


def test_top(world):
    """What top shows of two guests at work is what their own counters say."""
    memory = memory_file(world.folder)
    guests = [
        world.guest(f"slot {i}", f"stress --count=4000000 --quiet --slot={i}", *plain(memory))
        for i in (0, 1)
    ]
    for guest in guests:
        guest.expect("^slot . says")
    words = [BUILD / "host/ivsh", "--file", memory, "top", "--json", "--count=6", "--interval=0.5"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=LIMIT)
    assert (done.returncode, done.stderr) == (0, "")
    looks = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(looks) == 6 and looks[-1]["broken_words"] == 0
    for i in (0, 1):
        seen = [look["peers"][i] for look in looks]
        assert "attached" in [peer["state"] for peer in seen]
        # A guest publishes its counters now and then: not in each interval, on a busy machine.
        rates = [peer["rates"]["sent"] or 0 for peer in seen]
        counted = [peer["counters"]["sent"] for peer in seen if peer["counters"]]
        assert max(rates) > 0 and counted[0] < counted[-1]
        values = [{one["name"]: one["value"] for one in peer["metrics"]} for peer in seen]
        name = "exchange_received_messages"
        assert values[0][name] < values[-1][name]
    for guest in guests:
        guest.kill()
