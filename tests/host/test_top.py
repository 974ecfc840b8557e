# SPDX-License-Identifier: MIT
"""test_top.py - top: in a terminal emulator, as text and as JSON, without a trace.

What it shows of a region's words is compared with those words, and its rates with what a talker
sent. top_test.c has the rates of made looks. SPEC R4.3, R5.4, R5.5.
"""

import hashlib
import json
import os
import random
import re
import signal
import struct
import subprocess
import time

import pytest

from peertool import DONE, FAILED, NO_DEVICE, STOPPED, USAGE, Talker
from rawclient import LIMIT, until
from terminal import Terminal

SLOTS, SLOT_SIZE, SENT, NAME = 8192, 2048, 0x280, 0x40  # SPEC 5
MODES = r"^[0-9a-f]+(?::[0-9a-f]+)+$"  # of stty -g
ROW = re.compile(r"^ +(\d+) (\S+) +(attached|silent|gone|absent|\?) +")


@pytest.fixture
def memory(build, tmp_path):
    path = tmp_path / "memory"
    made = ["mem", "create", path, "1M", "--slots", "4"]
    subprocess.run([build / "ivsh", *made], check=True, stdout=subprocess.DEVNULL, timeout=LIMIT)
    return path


@pytest.fixture
def talker(build, memory):
    talker = Talker(build, memory)
    assert talker("open", 0) == talker("open", 1) == 0
    yield talker
    talker.close()


@pytest.fixture
def screen(build, memory):
    """Start top on a terminal: screen("--interval", "0.1", lines=40)."""
    terminals = []

    def start(*words, place=("-f", memory), program=None, **keywords):
        command = program or [build / "ivsh", "top", *place, *words]
        terminals.append(Terminal(*command, **keywords))
        return terminals[-1]

    yield start
    for terminal in terminals:
        terminal.close()


class Observer:
    """top --json: its objects as they come."""

    def __init__(self, build, memory, *words):
        self.process = subprocess.Popen(
            [build / "ivsh", "top", "-f", memory, "--json", *map(str, words)],
            stdout=subprocess.PIPE,
            text=True,
        )

    def next(self):
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def observe(build, memory):
    running = []

    def start(*words):
        running.append(Observer(build, memory, *words))
        return running[-1]

    yield start
    for observer in running:
        observer.close()


def run(build, *words, **keywords):
    """(exit status, stdout, lines of stderr)"""
    done = subprocess.run(
        [build / "ivsh", "top", *map(str, words)],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=LIMIT,
        **keywords,
    )
    return done.returncode, done.stdout, done.stderr.splitlines()


def hammer(at, memory, count=50000000):
    peers = at("-f", memory)
    for slot, name in enumerate(["alpha", "beta"]):
        peers.start("stress", "--slot", slot, "--name", name, "--count", count, "--quiet")
    until(lambda: min(sent(memory, slot) for slot in (0, 1)) > 200)
    return peers


def sent(memory, slot):
    data = memory.read_bytes()
    return struct.unpack_from("<Q", data, SLOTS + slot * SLOT_SIZE + SENT)[0]


def heartbeat(memory, slot):
    return struct.unpack_from("<I", memory.read_bytes(), SLOTS + slot * SLOT_SIZE + 8)[0]


def rows(terminal):
    """The lines of the table of peers, by name."""
    found = (ROW.match(line) for line in terminal.lines())
    return {match[2]: match.string.split() for match in found if match}


def order(terminal):
    return list(rows(terminal))


# --- What it says --------------------------------------------------------------------------------


class Sums:
    """What an observer's rates make in all, of what is known, from its second look on."""

    def __init__(self, observer):
        self.observer = observer
        self.last = observer.next()
        self.sent, self.received, self.bytes_out, self.bytes_in = 0, 0, 0, 0
        self.estimated = False

    def look(self):
        look = self.observer.next()
        seconds = look["time_s"] - self.last["time_s"]
        rates = [peer["rates"] for peer in look["peers"]]
        self.sent += (rates[0]["sent"] or 0) * seconds
        self.received += (rates[1]["received"] or 0) * seconds
        self.bytes_out += (rates[0]["bytes_out"] or 0) * seconds
        self.bytes_in += (rates[1]["bytes_in"] or 0) * seconds
        self.estimated |= look["rates"]["is_estimate"]
        self.last = look

    def until(self, condition):
        """Look until all of it is seen, and once more. Looks of before are read first."""

        def is_seen():
            self.look()
            return condition()

        until(is_seen)
        self.look()


def test_rates(talker, observe):
    """What a talker sent: its messages by its counters, the bytes of few messages exactly."""
    sums = Sums(observe("--interval", 0.3))
    for count, size in [(10, 100), (1, 8), (6, 1000), (3, 3000)]:
        before = sums.bytes_out
        assert talker("send", 0, 5, size, count) == count
        assert talker("receive", 1, count) == count
        sums.until(lambda: sums.bytes_out - before > 0.9 * count * size)
        assert sums.bytes_out - before == pytest.approx(count * size, rel=0.1)
        assert sums.bytes_in == pytest.approx(sums.bytes_out)
    assert not sums.estimated
    counters = [peer["counters"] for peer in sums.last["peers"]]
    before = sums.bytes_out
    assert talker("pass", 0, 5, 64, 50000) == 50000
    sums.until(lambda: sums.bytes_out - before > 0.9 * 50000 * 64)
    now = [peer["counters"] for peer in sums.last["peers"]]
    # A peer publishes its counters at least every 256 calls.
    assert 50000 <= now[0]["sent"] + 256 <= 50034 + 256
    assert sums.bytes_out - before == pytest.approx(50000 * 64, rel=0.1)
    assert sums.estimated and sums.last["peers"][0]["rates"]["received"] == 0
    assert sums.sent == pytest.approx(now[0]["sent"] - counters[0]["sent"], rel=0.1)
    assert sums.received == pytest.approx(now[1]["received"] - counters[1]["received"], rel=0.1)
    assert [p["name"] for p in sums.last["peers"]] == ["zero", "one"]


def test_no_counters(talker, observe):
    """A peer's rings move, and it has published no counter: its rates are unknown, and not 0."""
    observer = observe("--interval", 0.5)
    observer.next()
    assert talker("send", 0, 5, 64, 10) == talker("receive", 1, 10) == 10
    looks = []

    def is_seen():
        looks.append(observer.next()["peers"][0])
        return looks[-1]["rates"]["bytes_out"]

    until(is_seen)
    moved = looks[-1]
    assert moved["rates"]["sent"] is None and moved["counters"]["sent"] == 0


def test_fill(talker, observe):
    """What is in flight: descriptors, and bytes of the small area in units of 64."""
    observer = observe("--interval", 0.2)
    first = observer.next()
    descs, small = first["descs"], first["small_size"]
    looks = []

    def ring_with(in_flight):
        """The second look at a ring that has so many: nothing moves any more."""

        def is_seen():
            looks.append(observer.next())
            rings = [r for r in looks[-1]["rings"] if (r["from"], r["to"]) == (0, 1)]
            return rings and rings[0]["in_flight"] == in_flight

        until(is_seen)
        looks.append(observer.next())
        [ring] = [r for r in looks[-1]["rings"] if (r["from"], r["to"]) == (0, 1)]
        return ring

    assert talker("send", 0, 5, 100, 20) == 20
    ring = ring_with(20)
    assert (ring["state"], ring["in_flight"], ring["small_taken"]) == ("in step", 20, 20 * 128)
    assert (ring["large_taken"], ring["descriptors"], ring["bytes"]) == (0, 0, 0)
    fill = max(20 / descs, 2560 / small)
    assert looks[-1]["peers"][0]["fill"] == pytest.approx(fill, abs=0.001)
    assert talker("receive", 1, 20) == 20
    ring = ring_with(0)
    assert (ring["in_flight"], ring["small_taken"]) == (0, 0)


def test_hammered(at, memory, observe):
    """Under load the rates are the counters' differences, nothing is broken, and all is JSON."""
    hammer(at, memory)
    observer = observe("--interval", 0.5)
    looks = []

    def is_known():
        looks.append(observer.next())
        return [peer["state"] for peer in looks[-1]["peers"]] == ["attached"] * 2

    until(is_known)
    last = looks[-1]
    for _ in range(5):
        look = observer.next()
        seconds = look["time_s"] - last["time_s"]
        for before, now in zip(last["peers"], look["peers"]):
            delta = now["counters"]["sent"] - before["counters"]["sent"]
            assert now["rates"]["sent"] * seconds == pytest.approx(delta, rel=0.2, abs=50)
            assert now["state"] == "attached" and now["counters"]["sent"] > 200
        assert (look["broken_words"], look["went_back"], look["formatted_again"]) == (0, 0, 0)
        last = look
    assert {p["name"] for p in last["peers"]} == {"alpha", "beta"}
    assert all(0 <= p["fill"] <= 1 for p in last["peers"])


def test_presence(at, memory, observe):
    """Unknown at first, attached once its heartbeat moved, silent two seconds after a kill."""
    peers = hammer(at, memory)
    observer = observe("--interval", 0.1, "--sort", "slot")
    seen = []

    def state():
        seen.append(observer.next()["peers"][1]["state"])
        return seen[-1]

    until(lambda: state() == "attached")
    beat = heartbeat(memory, 1)
    until(lambda: heartbeat(memory, 1) != beat)
    killed = time.monotonic()
    peers.kill(peers.running[1])
    until(lambda: state() == "silent")
    assert time.monotonic() - killed > 1.5
    assert set(seen) == {None, "attached", "silent"} or set(seen) == {"attached", "silent"}


def test_incarnation(talker, observe):
    """Another incarnation begins its counters anew: no rate, and none below 0."""
    observer = observe("--interval", 0.1)
    assert talker("pass", 0, 5, 64, 5000) == 5000
    until(lambda: observer.next()["peers"][0]["counters"]["sent"] > 4000)
    assert talker("close", 0) == talker("open", 0) == 0
    looks = []

    def is_new():
        looks.append(observer.next()["peers"][0])
        return looks[-1]["incarnation"] == 2

    until(is_new)
    assert looks[-1]["rates"]["sent"] is None
    assert all(o["rates"]["sent"] is None or o["rates"]["sent"] >= 0 for o in looks)


def test_server(build, start, at):
    """A server's heartbeat is seen to move, and to stand still when it was killed."""
    server = start("-n", 2)
    process = subprocess.Popen(
        [build / "ivsh", "top", "-S", server.socket, "--json", "--interval", "0.3"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        until(lambda: json.loads(process.stdout.readline())["server"] == "running")
        server.stop(signal.SIGKILL)
        until(lambda: json.loads(process.stdout.readline())["server"] == "stopped or killed")
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("seed", range(20))
def test_random(build, tmp_path, seed):
    """Random bytes, behind nothing, a magic, or a header that is sound: no crash, no health."""
    path = tmp_path / "memory"
    words = ["mem", "create", path, "1M", "--slots", "4"]
    subprocess.run([build / "ivsh", *words], check=True, stdout=subprocess.DEVNULL, timeout=LIMIT)
    data = path.read_bytes()
    keep = [0, 8, 64, 4096, 8192][seed % 5]
    path.write_bytes(data[:keep] + random.Random(seed).randbytes(len(data) - keep))
    status, output, errors = run(
        build, "-f", path, "--json", "--count", 3, "--interval", 0.3, "--sort", "fill"
    )
    looks = [json.loads(line) for line in output.splitlines()]
    assert len(looks) == 3 and errors == []
    assert looks[0]["is_region"] == (keep >= 64) and status == (DONE if keep >= 64 else FAILED)
    if keep >= 64:
        assert looks[-1]["broken_words"] > 0
        assert {p["state"] for p in looks[-1]["peers"]} <= {None, "silent", "absent", "gone"}
    else:
        assert looks[-1]["why"] or looks[-1]["broken_words"]
    status, output, errors = run(build, "-f", path, "--count", 1, "--interval", 0.1)
    assert errors == [] and output.isascii() and output.replace("\n", "").isprintable()


def test_not_yet(build, memory, observe):
    """No region yet; then one; then another one in its place."""
    sound = memory.read_bytes()
    with open(memory, "r+b") as file:
        file.write(bytes(8))
    observer = observe("--interval", 0.1)
    look = observer.next()
    assert not look["is_region"] and "nobody has formatted" in look["why"]
    with open(memory, "r+b") as file:
        file.write(sound[:8])
    until(lambda: observer.next()["is_region"])
    with open(memory, "r+b") as file:  # the format's number alone
        file.seek(0x28)
        file.write(b"another.")
    until(lambda: observer.next()["formatted_again"] == 1)
    assert observer.next()["is_region"]


def test_back(memory, at, observe):
    """A memory that goes back, as to a snapshot: told. A living peer stores its words again."""
    peers = hammer(at, memory)
    observer = observe("--interval", 0.1)
    before = memory.read_bytes()
    until(lambda: observer.next()["peers"][0]["state"] == "attached")
    beats = [heartbeat(memory, slot) for slot in (0, 1)]
    until(lambda: all(heartbeat(memory, slot) - beats[slot] > 1 for slot in (0, 1)))
    for process in peers.running:
        peers.kill(process)
    last = [sent(memory, slot) for slot in (0, 1)]
    until(lambda: [peer["counters"]["sent"] for peer in observer.next()["peers"]] == last)
    with open(memory, "r+b") as file:
        file.seek(SLOTS)
        file.write(before[SLOTS : SLOTS + 4 * SLOT_SIZE])
    until(lambda: observer.next()["went_back"] > 0)


def test_impossible_state(memory, observe):
    """A heartbeat that moves makes no peer of a slot whose state is impossible."""
    observer = observe("--interval", 0.1)
    states = []
    with open(memory, "r+b", buffering=0) as file:
        for heartbeat in range(1, 9):
            file.seek(SLOTS)
            file.write(struct.pack("<III", 7, 1, heartbeat))
            peers = observer.next()["peers"]
            states += [peer["state"] for peer in peers if peer["slot"] == 0]
    assert len(states) >= 6 and set(states) == {None}


def test_trace(build, memory, at):
    """A quiet memory is the same afterwards, byte for byte; of a file for reading alone, too."""
    peers = hammer(at, memory)
    for process in peers.running:
        peers.kill(process)
    memory.chmod(0o400)
    before = hashlib.sha256(memory.read_bytes()).hexdigest()
    process = subprocess.Popen(
        [build / "ivsh", "top", "-f", memory, "--plain", "--interval", "0.3"],
        stdout=subprocess.PIPE,
    )
    inode = memory.stat().st_ino

    def mapped():
        with open(f"/proc/{process.pid}/maps") as maps:
            return {line.split()[1] for line in maps if line.split()[4] == str(inode)}

    for _ in range(4):
        while process.stdout.readline().strip():
            pass
    assert mapped() == {"r--s"}
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=LIMIT)
    assert process.returncode == DONE
    assert hashlib.sha256(memory.read_bytes()).hexdigest() == before


# --- As text -------------------------------------------------------------------------------------


def test_plain(build, memory, talker):
    """A block for an interval; a stranger's name is printable."""
    with open(memory, "r+b") as file:
        file.seek(SLOTS + SLOT_SIZE + NAME)
        file.write(b'\x1b[31m"\xff\\')
    status, output, errors = run(build, "-f", memory, "--count", 2, "--interval", 0.3)
    blocks = output.strip().split("\n\n")
    assert (status, errors, len(blocks)) == (DONE, [], 2)
    lines = blocks[1].splitlines()
    # Unknown yet, or silent, where the second look comes late.
    peers = r"2 (unknown yet|silent)"
    about = rf"{re.escape(str(memory))}: 1M, 4 slots: 0 attached, {peers}; server none; 0 "
    found = re.match(about, lines[0])
    state = {"unknown yet": "?", "silent": "silent"}[found[1]]
    table = [line.split() for line in lines if not line.startswith(str(memory))][-3:]
    assert table[0][0] == "SLOT" and table[0][-1] == "NAME"
    assert [(row[0], row[1], row[-1]) for row in table[1:]] == [
        ("0", state, "zero"),
        ("1", state, '?[31m"?\\'),
    ]
    status, output, _ = run(build, "-f", memory, "--json", "--count", 1, "--interval", 0.3)
    assert json.loads(output)["peers"][1]["name"] == '?[31m"?\\'


@pytest.mark.parametrize("given, status", [([], DONE), (["--count", 1000], STOPPED)])
def test_stopped(build, memory, given, status):
    """A signal is the end, and not an error where there is no other end."""
    process = subprocess.Popen(
        [build / "ivsh", "top", "-f", memory, "--interval", "0.1", *map(str, given)],
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
    )
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=LIMIT)
    assert process.returncode == status


@pytest.mark.parametrize(
    "words",
    [
        ["--interval", "0"],
        ["--interval", "0.01"],
        ["--interval", "4000"],
        ["--interval", "x"],
        ["--interval", "1x"],
        ["--sort", "nothing"],
        ["--payload"],
        ["word"],
    ],
)
def test_refused(build, memory, words):
    status, output, errors = run(build, "-f", memory, *words)
    assert (status, output, len(errors)) == (USAGE, "", 1)


def test_nowhere(build, tmp_path):
    status, output, errors = run(build, "-f", tmp_path / "none")
    assert (status, output, len(errors)) == (NO_DEVICE, "", 1)


# --- On a terminal -------------------------------------------------------------------------------


def test_screen(screen, at, memory):
    """The right peers, and their rates; keys: sort, reverse, choose, details, help, pause, quit."""
    hammer(at, memory)
    top = screen("--interval", "0.2")
    top.await_text("2 attached")
    until(lambda: "-" not in rows(top).get("alpha", "-" * 9)[4:9])
    assert "server none" in top.lines()[0] and str(memory)[:20] in top.lines()[0]
    assert all(len(line) <= 80 for line in top.lines())
    assert any(bar in top.lines()[1] for bar in "▁▂▃▄▅▆▇█")
    for title in "SLOT NAME STATE BEAT OUT/s IN/s OUTB/s INB/s FILL DOORB SAVED MISS ERR".split():
        assert title in top.lines()[3]

    assert order(top) == ["alpha", "beta"]
    top.keys("r")
    until(lambda: order(top) == ["beta", "alpha"])
    top.keys("r", "s")  # by name
    until(lambda: order(top) == ["alpha", "beta"])
    top.keys("S")

    top.keys("Enter")
    assert "slot 0  alpha" in top.await_text("IN FLIGHT")
    top.keys("Down")
    top.await_text("slot 1  beta")
    top.keys("Up")
    top.await_text("slot 0  alpha")
    counted = int(re.search(r"sent (\d+)", top.text())[1])
    until(lambda: int(re.search(r"sent (\d+)", top.text())[1]) > counted)
    assert int(re.search(r"sent (\d+)", top.text())[1]) <= sent(memory, 0)

    top.keys(" ")
    top.await_text("PAUSED")

    def stands_still():
        counted = top.text()
        time.sleep(0.5)
        return top.text() == counted

    until(stands_still)
    top.keys(" ")
    top.await_text("PAUSED", absent=True)

    top.keys("+")
    top.await_text("every 0.1s")
    top.keys("-", "-", "-")
    top.await_text("every 1.0s")
    top.keys("?")
    text = top.await_text("sort by the next column")
    assert "how full its fullest ring is" in text and "resets of rings" in text
    top.keys("Escape")
    top.await_text("IN FLIGHT")
    top.keys("q")
    assert top.status() == DONE


def test_resize(screen, talker):
    """80x24, 120x40, 60x10 and back: redrawn at once, whatever the interval."""
    top = screen("--interval", "60")
    top.await_text("zero")
    assert "TREND" not in top.text()
    top.resize(120, 40)
    top.await_text("TREND")
    assert len(top.lines()) == 40
    until(lambda: "q quit" in top.lines()[39] and "LOST" in top.lines()[3])
    top.resize(60, 10)
    assert top.await_text("needs 80x24, has 60x10").count("\n") == 9
    top.resize(100, 30)
    top.await_text("zero")
    until(lambda: "q quit" in top.lines()[29])
    top.keys("q")
    assert top.status() == DONE


def test_many(screen, build, tmp_path):
    """More peers than lines: the chosen one is in sight."""
    path = tmp_path / "many"
    words = ["mem", "create", path, "64M", "--slots", "64"]
    subprocess.run([build / "ivsh", *words], check=True, stdout=subprocess.DEVNULL, timeout=LIMIT)
    with open(path, "r+b") as file:
        for slot in range(64):  # each detached
            file.seek(SLOTS + slot * SLOT_SIZE)
            file.write(struct.pack("<II", 2, 1))
            file.seek(SLOTS + slot * SLOT_SIZE + NAME)
            file.write(b"peer%d" % slot)
    top = screen("--interval", "0.5", place=("-f", path))
    top.await_text("64 absent")
    until(lambda: order(top) == [f"peer{i}" for i in range(19)])
    top.keys("End")
    top.await_text("peer63")
    until(lambda: order(top)[-1:] == ["peer63"] and len(order(top)) == 19)
    top.keys("PageUp", "PageUp", "Up")
    top.await_text("peer24 ")
    top.keys("Home")
    top.await_text("peer0 ")
    path.unlink()


def test_ascii(screen, talker):
    """Without UTF-8 bars are ASCII."""
    top = screen("--interval", "0.1", LC_ALL="C")
    top.await_text("zero")
    talker("pass", 0, 5, 64, 10000)
    until(lambda: re.search(r"  [_?.*#:=+-]+#", top.lines()[1]))
    assert top.text().isascii()


@pytest.mark.parametrize("end", ["q", "C-c", "TERM", "truncated"])
def test_terminal_restored(screen, build, memory, end):
    """The terminal's modes afterwards are those before, and the screen is what it was."""
    script = f"stty -g; {build}/ivsh top -f {memory} --interval 0.1; echo status $?; stty -g; cat"
    top = screen(program=["sh", "-c", f"trap : INT; {script}"])
    top.await_text("0 attached")
    if end in ("q", "C-c"):
        top.keys(end)
    elif end == "TERM":
        [child] = subprocess.check_output(["pgrep", "-P", str(top.pid())]).split()
        os.kill(int(child), signal.SIGTERM)
    else:
        os.truncate(memory, 0)
    top.await_text("status")
    until(lambda: len(re.findall(MODES, top.text(), re.MULTILINE)) == 2)
    text = top.text()
    assert f"status {FAILED if end == 'truncated' else DONE}" in text
    assert ("truncated while in use" in text) == (end == "truncated")
    before, after = re.findall(MODES, text, re.MULTILINE)
    assert before == after
    assert "attached" not in text


def test_stop_and_continue(screen, build, memory):
    """Ctrl-Z gives the terminal back; fg takes it again."""
    top = screen(program=["env", "PS1=> ", "bash", "--norc", "--noprofile", "-i"])
    top.keys(f"{build}/ivsh top -f {memory} --interval 0.1", "Enter")
    top.await_text("0 attached")
    top.keys("C-z")
    top.await_text("Stopped")
    top.keys("echo so $((40 + 2))", "Enter")
    assert "attached" not in top.await_text("so 42")
    top.keys("fg", "Enter")
    top.await_text("0 attached")
    top.keys("q")
    top.await_text("so 42")
    top.keys("exit", "Enter")
    assert top.status() == DONE


@pytest.mark.parametrize("name, line", [("", "TERM is not set"), ("nonsense", "TERM=nonsense")])
def test_no_such_terminal(screen, memory, name, line):
    """One line, and text."""
    top = screen("--count", "1", "--interval", "0.1", TERM=name)
    assert top.status() == DONE
    text = "".join(top.text(history=True).split())  # lines are wrapped
    assert text.count("textinsteadofascreen") == 1 and "".join(line.split()) in text
    assert "0attached;servernone" in text


def test_screen_no_region(screen, tmp_path):
    """Random bytes, then a formatter at work: said, and looked at again."""
    path = tmp_path / "random"
    path.write_bytes(random.Random(1).randbytes(1 << 20))
    top = screen("--interval", "0.1", place=("-f", path))
    assert "no region" in top.await_text("which is not ours")
    with open(path, "r+b") as file:
        file.write(bytes(8))
    top.await_text("nobody has formatted")
    top.keys("s", "Enter", "Down", "r")
    top.keys("q")
    assert top.status() == DONE


# --- Split regions -------------------------------------------------------------------------------


@pytest.fixture
def split(build, tmp_path):
    """The folder of a split region."""
    path = tmp_path / "split"
    made = ["mem", "create", "--split", path, "1M", "--slots", "4"]
    subprocess.run([build / "ivsh", *made], check=True, stdout=subprocess.DEVNULL, timeout=LIMIT)
    return path


@pytest.fixture
def split_talker(build, split):
    talker = Talker(build, split)
    assert talker("open", 0) == talker("open", 1) == 0
    yield talker
    talker.close()


def test_split_rates(build, split, split_talker):
    """What the talker sent, from words in two parts; bytes, from the sender's ring."""
    observer = Observer(build, split, "--interval", 0.3)
    try:
        look = observer.next()
        assert look["is_region"] and look["parts_out"] == look["broken_words"] == 0
        assert look["memory"] == sum(path.stat().st_size for path in split.iterdir())
        last, total = look, 0.0
        assert split_talker("pass", 0, 5, 64, 20000) == 20000

        def is_seen():
            nonlocal look, last, total
            last, look = look, observer.next()
            zero = look["peers"][0]
            total += (zero["rates"]["bytes_out"] or 0) * (look["time_s"] - last["time_s"])
            return zero["counters"]["sent"] >= 20000 - 256 and total  # SPEC R5.5

        until(is_seen)
        is_seen()
        zero, one = look["peers"]
        assert (zero["name"], zero["state"], one["name"]) == ("zero", "attached", "one")
        assert zero["counters"]["sent"] <= 20000
        assert total < 1.5 * 64 * 20000
        [ring] = [r for r in look["rings"] if (r["from"], r["to"]) == (0, 1)]
        assert (ring["state"], ring["in_flight"]) == ("in step", 0)
        assert split_talker("send", 0, 5, 3000, 10) == 10
        until(lambda: observer.next()["rings"][0]["in_flight"] == 10)
    finally:
        observer.close()


def test_split_late(build, split):
    """A part that is formatted late: named until then, and its peer is seen afterwards."""
    part = split / "part-1"
    magic = part.read_bytes()[:8]
    with open(part, "r+b") as file:
        file.write(bytes(8))
    observer = Observer(build, split, "--interval", 0.1)
    try:
        assert observer.next()["parts_out"] == 1
        status, text, errors = run(build, "-f", split, "--count=1", "--interval=0.1")
        assert (status, errors) == (DONE, [])
        assert "parts that are not used: of slot 1 (see dump header)" in text
        with open(part, "r+b") as file:
            file.write(magic)
        talker = Talker(build, split)
        try:
            assert talker("open", 0) == talker("open", 1) == 0
            until(lambda: [p["name"] for p in observer.next()["peers"]] == ["zero", "one"])
            assert observer.next()["parts_out"] == 0
        finally:
            talker.close()
    finally:
        observer.close()


def test_split_screen(screen, split, split_talker):
    """A part is truncated: the screen goes on, and its terminal is as it was afterwards."""
    top = screen("--interval", "0.1", place=("-f", split))
    top.await_text("zero")
    os.truncate(split / "part-3", 0)
    top.await_text("parts that are not used: of slot 3")
    # The line of the handler is drawn over.
    top.await_text("truncated while in use", absent=True)
    assert order(top) == ["zero", "one"]
    top.keys("q")
    assert top.status() == DONE
