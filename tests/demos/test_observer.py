# SPDX-License-Identifier: MIT
"""test_observer.py - two guests as dump and top see them: at work, stopped, killed."""

import hashlib
import json
import signal
import subprocess

from memory import memory_file
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
    assert dump(memory) == {0: "yes", 1: "yes"}
    for guest in guests:
        guest.process.send_signal(signal.SIGSTOP)
    before = hashlib.sha256(memory.read_bytes()).digest()
    assert dump(memory) == {0: "no", 1: "no"}
    listed = subprocess.run([BUILD / "host/ivsh", "ls", "--file", memory], timeout=LIMIT)
    assert listed.returncode == 0
    assert hashlib.sha256(memory.read_bytes()).digest() == before
    for guest in guests:
        guest.process.send_signal(signal.SIGCONT)
    assert dump(memory) == {0: "yes", 1: "yes"}
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
    words = [BUILD / "host/ivsh", "--file", memory, "top", "--json", "--count=3", "--interval=0.5"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=LIMIT)
    assert (done.returncode, done.stderr) == (0, "")
    looks = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(looks) == 3 and looks[-1]["broken_words"] == 0
    for i in (0, 1):
        first, last = looks[0]["peers"][i], looks[-1]["peers"][i]
        seconds = looks[-1]["time_s"] - looks[0]["time_s"]
        sent = (last["counters"]["sent"] - first["counters"]["sent"]) / seconds
        assert last["state"] == "attached" and sent > 0
        # Of the last interval alone, on a machine that does other things, too.
        assert 0.1 * sent < last["rates"]["sent"] < 10 * sent
        counted = [
            {one["name"]: one["value"] for one in look["peers"][i]["metrics"]} for look in looks
        ]
        # Stored at once, and so ahead of the counters.
        name = "exchange_received_messages"
        assert counted[0][name] < counted[-1][name] and counted[-1][name] > 0
    for guest in guests:
        guest.kill()
