# SPDX-License-Identifier: MIT
"""test_dump.py - dump: what it shows of living, dead and damaged regions, without a trace.

observe_test.c and frozen_test.c have the rules; here are the command, its mapping and its ends.
"""

import hashlib
import json
import os
import re
import signal
import subprocess
import time

import pytest

from peertool import DONE, FAILED, NO_DEVICE, USAGE
from rawclient import LIMIT, until


def dump(build, *words):
    """(exit status, the records, lines of stderr)."""
    done = subprocess.run(
        [build / "ivsh", "dump", "--json", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def of(records, kind):
    return [record for record in records if record["type"] == kind]


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def memory(build, tmp_path):
    path = tmp_path / "memory"
    made = ["mem", "create", path, "1M", "--slots", "4"]
    subprocess.run([build / "ivsh", *made], check=True, stdout=subprocess.DEVNULL, timeout=LIMIT)
    return path


@pytest.fixture
def dead(memory, at):
    """A memory whose two peers were killed in the middle of everything."""
    peers = at("-f", memory)
    running = [
        peers.start("stress", "--slot", slot, "--count", 500000, "--quiet") for slot in (0, 1)
    ]
    until(lambda: min(s["sent"] for s in counters(memory)) > 200)
    for process in running:
        peers.kill(process)
    return memory


def counters(path):
    """Of slots 0 and 1, by the layout of SPEC 5."""
    data = path.read_bytes()
    words = [data[8192 + slot * 2048 + 0x280 :][:8] for slot in (0, 1)]
    return [{"sent": int.from_bytes(word, "little")} for word in words]


def mappings(process, inode):
    """Wait for the mapping of the file: its permissions, and the access modes of descriptors."""

    def found():
        with open(f"/proc/{process.pid}/maps") as maps:
            return [line.split()[1] for line in maps if line.split()[4] == str(inode)]

    until(found)
    modes = set()
    for fd in os.listdir(f"/proc/{process.pid}/fd"):
        if os.stat(f"/proc/{process.pid}/fd/{fd}").st_ino == inode:
            with open(f"/proc/{process.pid}/fdinfo/{fd}") as info:
                modes.add(int(re.search(r"flags:\s+(\d+)", info.read())[1], 8) & os.O_ACCMODE)
    return found(), modes


def test_dead_region(build, dead):
    """Nobody broke a rule: nothing is broken, and not one byte is another afterwards."""
    before = digest(dead)
    dead.chmod(0o400)
    status, records, errors = dump(build, "all", "-f", dead, "--payload", "--count", 0)
    assert (status, errors) == (DONE, "")
    assert of(records, "broken") == []
    assert {s["slot"]: s["moves"] for s in of(records, "slot")} == {0: "no", 1: "no"}
    rings = [(r["from"], r["to"]) for r in of(records, "ring") if r["in_flight"] is not None]
    assert set(rings) >= {(0, 1), (1, 0)}
    assert sum(r["in_flight"] or 0 for r in of(records, "ring")) == len(of(records, "descriptor"))
    assert subprocess.run([build / "ivsh", "ls", "-f", dead], timeout=LIMIT).returncode == DONE
    assert digest(dead) == before


def test_living_region(build, memory, at):
    """Under traffic nothing is called broken, and both heartbeats move."""
    peers = at("-f", memory)
    for slot in (0, 1):
        peers.start("stress", "--slot", slot, "--count", 5000000, "--quiet")
    until(lambda: min(s["sent"] for s in counters(memory)) > 200)
    for _ in range(4):
        status, records, errors = dump(build, "all", "-f", memory, "--payload")
        assert (status, errors, of(records, "broken")) == (DONE, "", [])
        assert {s["slot"]: s["moves"] for s in of(records, "slot")} == {0: "yes", 1: "yes"}


@pytest.mark.parametrize("place", ["file", "socket"])
@pytest.mark.parametrize("command", ["dump", "ls", "capture --time=2 --output=/dev/null"])
def test_mapping(build, start, memory, at, place, command):
    """
    Every observer maps for reading, through a descriptor for reading, and takes no slot. A peer
    that was stopped has them look for a while.
    """
    server = start("-n", 2) if place == "socket" else None
    where = ["-S", server.socket] if server else ["-f", memory]
    peers = at(*where)
    stopped = peers.start("watch", "--name=stopped", *([] if server else ["--slot=0"]))
    until(lambda: peers.row("stopped"))
    stopped.send_signal(signal.SIGSTOP)
    taken = peers.row("stopped")["incarnation"]
    process = subprocess.Popen(
        [build / "ivsh", *where, *command.split()],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        if server:
            inode = None

            def find():
                nonlocal inode
                with open(f"/proc/{process.pid}/maps") as maps:
                    lines = [line.split() for line in maps]
                inode = next((int(x[4]) for x in lines if "memfd" in x[-2] or "memfd" in x[-1]), 0)
                return inode

            until(find)
        else:
            inode = memory.stat().st_ino
        permissions, modes = mappings(process, inode)
        assert set(permissions) == {"r--s"} and modes == {os.O_RDONLY}
        assert process.wait(LIMIT) == DONE
        assert {slot: row["incarnation"] for slot, row in peers.ls()[1].items()} == {0: taken}
    finally:
        process.kill()
        process.wait()


def test_damage(build, dead, tmp_path):
    """A word of a slot; a header without a geometry, and what --layout then shows; other sizes."""
    sound = bytearray(dead.read_bytes())
    damaged = tmp_path / "damaged"

    def made(offset, value, size=len(sound)):
        data = sound[:]
        data[offset : offset + 4] = value.to_bytes(4, "little")
        damaged.write_bytes((data + bytes(8192))[:size])
        return damaged

    status, records, errors = dump(build, "slots", "-f", made(8192, 77))
    assert status == FAILED and f"ivsh: {damaged}: 1 words break SPEC.md" in errors
    [broken] = of(records, "broken")
    assert (broken["rule"], broken["offset"], broken["value"]) == ("R5.3.3", "0x2000", "0x4d")

    status, records, errors = dump(build, "-f", made(0x18, 5))
    assert status == FAILED and "--layout" in errors and of(records, "slot") == []
    assert of(records, "found")[0]["unchecked_rings"] is None
    [header] = of(records, "header")
    layout = ",".join(str(header[key]) for key in ("descs", "small_size", "large_size"))
    status, records, _ = dump(build, "-f", damaged, "--layout", "4," + layout)
    assert status == FAILED and len(of(records, "slot")) == 2

    status, records, errors = dump(build, "-f", made(0x34, 0, len(sound) + 4096))
    assert (status, of(records, "broken")) == (DONE, [])
    status, records, errors = dump(build, "-f", made(0x34, 0, 65536))
    assert [b["word"] for b in of(records, "broken")] == ["header.size"]
    damaged.write_bytes(bytes(range(1, 129)) * 512)
    status, records, errors = dump(build, "-f", damaged)
    assert [b["word"] for b in of(records, "broken")] == ["header.magic"]
    damaged.write_bytes(bytes(65536))
    status, records, errors = dump(build, "-f", damaged)
    assert status == FAILED and "nobody has formatted" in errors and not of(records, "broken")


@pytest.mark.parametrize(
    "words, want",
    [
        (["nothing"], USAGE),
        (["ring", "0"], USAGE),
        (["ring", "1", "1"], USAGE),
        (["ring", "0", "9"], USAGE),
        (["slots", "x"], USAGE),
        (["--layout", "1,2,3"], USAGE),
        (["--layout", "256,32768,1024,1024"], FAILED),
    ],
)
def test_refused(build, memory, words, want):
    status, records, errors = dump(build, "-f", memory, *words)
    assert (status, records, len(errors.splitlines())) == (want, [], 1)


def test_no_file(build, tmp_path):
    assert dump(build, "-f", tmp_path / "none")[0] == NO_DEVICE


def test_many_rings(build, tmp_path):
    """128 slots have 16,256 rings: all are checked, few are shown."""
    path = tmp_path / "memory"
    words = ["mem", "create", path, "256M", "--slots", "128"]
    subprocess.run([build / "ivsh", *words], check=True, stdout=subprocess.DEVNULL, timeout=LIMIT)
    with open(path, "r+b") as file:
        file.seek(8192 + 128 * 2048 + 128 + 8)
        file.write(b"\1")
    begin = time.monotonic()
    status, records, _ = dump(build, "-f", path)
    assert time.monotonic() - begin < 30
    [broken], [rings] = of(records, "broken"), of(records, "rings")
    assert (status, broken["rule"], broken["word"]) == (FAILED, "R3.1.1", "receiver.generation_ack")
    assert (rings["rings"], rings["unused"], rings["shown"]) == (16256, 16256, 1)
    path.unlink()

