# SPDX-License-Identifier: MIT
"""test_dump.py - dump: what it shows of living, dead and damaged regions, without a trace.

observe_test.c and frozen_test.c have the rules; here are the command, its mapping and its ends.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import pathlib
import re
import signal
import subprocess

import pytest

from pause import pause
from peertool import DONE, FAILED, NO_DEVICE, USAGE
from rawclient import LIMIT, until, within


ENDLESS = 4000000000  # messages: until it is killed


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
        peers.start("stress", "--slot", slot, "--count", ENDLESS, "--quiet") for slot in (0, 1)
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


def are_sound(build, place, moves):
    """Nothing is broken; whether the heartbeats do that, for which a peer needs a processor."""
    status, records, errors = dump(build, "all", "-f", place, "--payload", "--count", 0)
    assert (status, errors, of(records, "broken")) == (DONE, "", [])
    return {s["slot"]: s["moves"] for s in of(records, "slot")} == moves


@contextlib.contextmanager
def held(words):
    """
    An observer that looks until the end of the block: what it would print has no room in the pipe,
    or only SIGINT ends it. At the end it must be done.
    """
    ours, theirs = os.pipe()
    os.write(theirs, bytes(fcntl.fcntl(theirs, fcntl.F_SETPIPE_SZ, 4096)))
    process = subprocess.Popen(
        ["stdbuf", "-o0", *words], stdout=theirs, stderr=subprocess.DEVNULL
    )
    os.close(theirs)
    try:
        yield process
        assert process.poll() is None
        process.send_signal(signal.SIGINT if "capture" in words else signal.SIGCONT)
        while os.read(ours, 4096):
            pass
        assert process.wait(LIMIT) == DONE
    finally:
        process.kill()
        process.wait()
        os.close(ours)


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
        peers.start("stress", "--slot", slot, "--count", ENDLESS, "--quiet")
    until(lambda: min(s["sent"] for s in counters(memory)) > 200)
    for _ in range(4):
        until(lambda: are_sound(build, memory, {0: "yes", 1: "yes"}))


@pytest.mark.parametrize("place", ["file", "socket"])
@pytest.mark.parametrize("command", ["dump", "ls", "capture --output=/dev/null"])
def test_mapping(build, start, memory, at, place, command):
    """
    Every observer maps for reading, through a descriptor for reading, and takes no slot, also of a
    peer that was stopped.
    """
    server = start("-n", 2) if place == "socket" else None
    where = ["-S", server.socket] if server else ["-f", memory]
    peers = at(*where)
    stopped = peers.start("watch", "--name=stopped", *([] if server else ["--slot=0"]))
    until(lambda: peers.row("stopped"))
    stopped.send_signal(signal.SIGSTOP)
    taken = peers.row("stopped")["incarnation"]
    with held([build / "ivsh", *where, *command.split()]) as process:
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
        assert {slot: row["incarnation"] for slot, row in peers.ls()[1].items()} == {0: taken}


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
    status, records, _ = within(30, lambda: dump(build, "-f", path), 3)
    [broken], [rings] = of(records, "broken"), of(records, "rings")
    assert (status, broken["rule"], broken["word"]) == (FAILED, "R3.1.1", "receiver.generation_ack")
    assert (rings["rings"], rings["unused"], rings["shown"]) == (16256, 16256, 1)
    path.unlink()



# --- Split regions -------------------------------------------------------------------------------


@pytest.fixture
def split(build, tmp_path):
    """The folder of a split region of 3 slots, which nobody has used."""
    path = tmp_path / "split"
    made = ["mem", "create", "--split", path, "1M", "--slots", "3"]
    subprocess.run([build / "ivsh", *made], check=True, stdout=subprocess.DEVNULL, timeout=LIMIT)
    return path


def patch(path, offset, value, size=4):
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(value.to_bytes(size, "little"))


def digests(folder):
    return {path.name: digest(path) for path in sorted(folder.iterdir())}


def test_split_sound(build, split):
    """Every part is shown, and all rings are checked; nothing is stored."""
    before = digests(split)
    status, records, errors = dump(build, "all", "-f", split)
    assert (status, errors, of(records, "broken")) == (DONE, "", [])
    parts = of(records, "part")
    assert [(p["part"], p["slot"], p["state"]) for p in parts] == [
        (slot, slot, "sound") for slot in range(3)
    ]
    [header], [rings] = of(records, "header"), of(records, "rings")
    for part in parts:
        assert all(part[key] == header[key] for key in ("descs", "large_size", "format_id"))
    assert (rings["rings"], rings["unused"], rings["absent"]) == (6, 6, 0)
    assert digests(split) == before


def parts_sent(folder):
    """What slots 0 and 1 have sent, by the layout of SPEC 17."""
    words = [
        (folder / f"part-{slot}").read_bytes()[4096 * (1 + slot) + 0x280 :][:8] for slot in (0, 1)
    ]
    return [int.from_bytes(word, "little") for word in words]


@pytest.mark.parametrize("end", ["alive", "killed"])
def test_split_peers(build, split, at, end):
    """Under traffic, and behind it, nothing is broken, and all that is in flight is found."""
    peers = at("-f", split)
    running = [
        peers.start("stress", "--slot", slot, "--count", ENDLESS, "--quiet") for slot in (0, 1)
    ]
    until(lambda: min(parts_sent(split)) > 200)
    if end == "killed":
        for process in running:
            peers.kill(process)
    before = digests(split)
    moves = "no" if end == "killed" else "yes"
    for _ in range(3):
        until(lambda: are_sound(build, split, {0: moves, 1: moves}))
    status, records, errors = dump(build, "all", "-f", split, "--payload", "--count", 0)
    assert (status, errors, of(records, "broken")) == (DONE, "", [])
    slots = of(records, "slot")
    assert [(s["slot"], s["part"], s["offset"]) for s in slots] == [
        (slot, slot, hex(4096 * (1 + slot))) for slot in (0, 1)
    ]
    rings = of(records, "ring")
    # Each peer opens its rings with slot 2, too.
    pairs = [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)]
    assert [(r["from"], r["to"], r["part"]) for r in rings] == [(a, b, a) for a, b in pairs]
    assert [(r["part"], r["offset"]) for r in of(records, "receiver")] == [
        (to, hex(6144 + 4096 * (to % 2) + 256 * (giver - (giver > to)))) for giver, to in pairs
    ]
    if end == "killed":
        assert sum(r["in_flight"] for r in rings) == len(of(records, "descriptor"))
        assert digests(split) == before


def test_split_server(build, start, at):
    """By a server's probe, of which each memory is open for reading: as in its folder."""
    server = start("--split", "--slots", "3")
    peers = at("-S", server.socket)
    peers.start("echo", "--name=alpha")
    until(lambda: peers.row("alpha"))
    status, records, errors = dump(build, "-S", server.socket)
    assert (status, errors, of(records, "broken")) == (DONE, "", [])
    assert [p["state"] for p in of(records, "part")] == ["sound"] * 3
    [slot] = of(records, "slot")
    assert (slot["name"], slot["part"], slot["moves"]) == ("alpha", 0, "yes")
    assert of(records, "server")[0]["moves"] == "yes"
    folder = f"{server.socket}.split"
    again = dump(build, "-f", folder)[1]
    for kind in ("header", "part"):
        assert [{**r, "memory": 0} for r in of(again, kind)] == [
            {**r, "memory": 0} for r in of(records, kind)
        ]


STATE = 8192  # of the slot, in the part of an odd one


@pytest.mark.parametrize(
    "offset, value, size, state, rule, broken, absent",
    [
        (0, 0, 8, "unformatted", "R17.3.2", 0, 0),
        (0, 77, 8, "foreign", "R17.4.1", 1, 0),
        (0x08, 3, 4, "damaged", "R17.4.1", 1, 0),
        (0x1C, 16, 4, "damaged", "R17.4.1", 1, 0),
        (0x28, 1, 8, "another-format", "R17.4.1", 0, 4),
        (0x34, 2, 4, "damaged", "R17.4.3", 1, 0),
        (STATE, 77, 4, "sound", "R5.3.3", 1, 0),
    ],
)
def test_split_damage(build, split, offset, value, size, state, rule, broken, absent):
    """A word of part 1: it is named with its part, and the other parts are shown."""
    patch(split / "part-1", offset, value, size)
    status, records, errors = dump(build, "-f", split)
    assert status == (FAILED if broken else DONE)
    assert errors == (
        f"ivsh: {split}: 1 words break SPEC.md, 1 in part 1\n" if broken else ""
    )
    assert [p["state"] for p in of(records, "part")] == ["sound", state, "sound"]
    found = of(records, "broken" if broken else "unsure")
    assert [(f["rule"], f["part"], f["offset"]) for f in found] == [(rule, 1, hex(offset))]
    assert of(records, "rings")[0]["absent"] == absent


@pytest.mark.parametrize("command", ["ls", "dump", "top --count=1", "capture --time=1"])
def test_split_missing(build, split, command):
    """Of a part that is missing, a link, a folder or too short: a line, and the rest is shown."""
    part = split / "part-1"
    kept = part.read_bytes()
    for why in ("No such file or directory", "a link", "not a file of at least 4096 bytes"):
        part.unlink()
        if "link" in why:
            part.symlink_to(split / "part-0")
        elif "file of" in why:
            part.write_bytes(kept[:4095])
        done = subprocess.run(
            [build / "ivsh", "-f", split, *command.split()], capture_output=True, timeout=LIMIT
        )
        lines = done.stderr.decode().splitlines()
        assert done.returncode == DONE
        assert lines[0] == f"ivsh: {part}: {why}: slot 1 is not shown"
        if command.startswith(("ls", "top")):
            assert b"parts that are not used: of slot 1 " in done.stdout
        if command.startswith("capture"):
            assert "parts that are not used: of slot 1:" in lines[1]
        part.unlink(missing_ok=True)
        part.write_bytes(kept)


def test_split_short(build, split):
    """What is before the rings is shown, and what is behind its end is not."""
    os.truncate(split / "part-1", 16384)
    status, records, errors = dump(build, "-f", split)
    assert (status, errors) == (DONE, "")
    assert [p["state"] for p in of(records, "part")] == ["sound", "short", "sound"]
    assert of(records, "part")[1]["memory"] == 16384
    assert [(n["part"], n["word"]) for n in of(records, "note")] == [(1, "part.size")]
    # From 1 to the others; the others' rings to it have its lines, which are here.
    assert of(records, "rings")[0]["absent"] == 2


def between_looks(words):
    """An observer that stands still while it waits for its second look: another one if it is over
    before we come."""
    for _ in range(10):
        process = subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        sleeps = pathlib.Path(f"/proc/{process.pid}/syscall")

        def is_asleep():
            return sleeps.read_text().split()[0] in ("230", "7", "271")  # clock_nanosleep, poll

        until(lambda: process.poll() is not None or is_asleep())
        if process.poll() is None:
            pause(process.pid)
            if is_asleep():
                return process
        process.kill()
        process.communicate()
    raise AssertionError("never between two looks")


@pytest.mark.parametrize("command", ["dump all", "top --interval=1 --count=2"])
def test_split_truncated_meanwhile(build, split, command):
    """The owner of a part truncates it between two looks: that costs nobody more than the part."""
    process = between_looks([build / "ivsh", "-f", split, *command.split(), "--json"])
    try:
        os.truncate(split / "part-1", 0)
        process.send_signal(signal.SIGCONT)
        output, errors = process.communicate(timeout=LIMIT)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == DONE
    [line] = errors.splitlines()
    assert line.startswith(f"ivsh: {split}: part 1: it was truncated while in use")
    records = [json.loads(one) for one in output.splitlines()]
    if command.startswith("top"):
        assert [one["parts_out"] for one in records] in ([0, 1], [1, 1])
        return
    assert [p["state"] for p in of(records, "part")] == ["sound", "unformatted", "sound"]


def test_split_common(build, split):
    """The header is damaged: --layout shows the rest. One of its files alone is no region."""
    [header] = of(dump(build, "-f", split)[1], "header")
    layout = ",".join(
        str(header[key]) for key in ("slots", "descs", "small_size", "large_size", "log_size")
    )
    patch(split / "common", 0x18, 5)
    patch(split / "common", 0x28, 5)
    status, records, errors = dump(build, "-f", split)
    assert (status, len(of(records, "rings"))) == (DONE, 1)  # 5 slots are a geometry, too
    assert [p["state"] for p in of(records, "part")] == ["another-format"] * 3 + ["missing"] * 2
    patch(split / "common", 0x1C, 5)
    status, records, errors = dump(build, "-f", split)
    assert status == FAILED and "--layout" in errors and of(records, "part") == []
    status, records, errors = dump(build, "-f", split, "--layout", layout)
    assert [p["state"] for p in of(records, "part")] == ["sound"] * 3
    assert of(records, "rings")[0]["absent"] == 0
    status, records, errors = dump(build, "-f", split / "part-0")
    assert status == FAILED and "give the folder" in of(records, "broken")[0]["why"]
    (split / "common").unlink()
    status, records, errors = dump(build, "-f", split)
    assert (status, records) == (FAILED, []) and errors.startswith(f"ivsh: {split}/common: No such")


@pytest.mark.parametrize("place", ["folder", "server"])
@pytest.mark.parametrize(
    "command", ["dump", "top --count=2", "capture --output=/dev/null"]
)
def test_split_mapping(build, start, split, tmp_path, place, command):
    """Each file is mapped for reading, through a descriptor for reading, and stays as it was."""
    where, folder = ["-f", split], split
    if place == "server":
        folder = tmp_path / "served"
        server = start("--split", "--file", folder, "--slots", "3")
        where = ["-S", server.socket]
    before = digests(folder)
    with held([build / "ivsh", *where, *command.split()]) as process:
        for path in sorted(folder.iterdir(), reverse=True):
            permissions, modes = mappings(process, path.stat().st_ino)
            assert set(permissions) == {"r--s"} and modes == {os.O_RDONLY}
    for name, value in digests(folder).items():
        assert name == "common" or value == before[name]
