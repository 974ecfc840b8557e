# SPDX-License-Identifier: MIT
"""test_observer.py - two guests as an observer on the host sees them: at work, stopped, killed."""

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
