# SPDX-License-Identifier: MIT
"""
test_console.py - what guests print, read in the region: by `ivsh cat` while they live, and in their
slot's log when they are dead; the metrics of their commands. SPEC R15.1 to R15.3, R5.15.
"""

import re
import signal
import struct
import subprocess

import pytest

from memory import Log, metrics
from pause import pause
from qemu import BUILD, TRAP, doorbell

IVSH = BUILD / "host" / "ivsh"
LOG = 64 << 10


def line(number):
    """Line (number) of tests/guest/printer.c."""
    letters = bytes(ord("a") + (number + i) % 26 for i in range(number % 97))
    return b"%d " % number + letters + b"\n"


def lines(count=0, size=0):
    """(count) lines, or as many as have (size) bytes."""
    made, text = 0, []
    while len(text) < count or made < size:
        text.append(line(len(text)))
        made += len(text[-1])
    return b"".join(text)


def serial(guest):
    """What its serial port has shown, from the first line on; firmware and its CR left out."""
    text = guest.text.encode()
    assert line(0) + line(1) in text, guest.text
    return text[text.index(line(0) + line(1)) :]


def big(world, **keywords):
    """A server whose region has logs of 64 KiB."""
    return world.server("--log-size=64K", size="16M", bind=1, **keywords)


def printer(world, server, command, uefi=False):
    """A guest in slot 0."""
    return world.guest("printer", command, *doorbell(server.bound[0]), uefi=uefi, image="printer")


@pytest.mark.arches("aarch64", "riscv64")
@pytest.mark.parametrize("uefi", [False, pytest.param(True, marks=pytest.mark.x86_64)])
@pytest.mark.parametrize("end", ["printing", "waiting"])
def test_killed(world, uefi, end):
    """Killed in the midst of a line: the last 64 KiB are there, to the last byte stored."""
    server = big(world)
    memory = server.memory()
    guest = printer(world, server, "0 exit" if end == "printing" else "1500 stay", uefi)
    most = lines(1500) + b"1500 in the midst"
    if end == "printing":
        world.until(lambda: Log(memory, 0).position > LOG + 20000, "100,000 bytes", 120)
    else:
        world.until(lambda: Log(memory, 0).position == len(most), "the last line", 120)
    guest.kill()
    log = Log(memory, 0)
    want = lines(size=log.position)[: log.position] if end == "printing" else most
    # A piece that was being stored took the place of the oldest bytes.
    assert log.size == LOG and LOG - 256 <= len(log.data) <= LOG
    assert log.data == want[-len(log.data) :]
    assert log.begin == 0 and (end == "printing" or log.data.endswith(b"1500 in the midst"))
    shown = subprocess.run(
        [IVSH, "-S", server.socket, "log", "0"], capture_output=True, timeout=60, check=True
    )
    assert shown.stdout == log.data
    # The log has each byte before the serial port shows it.
    assert want.startswith(serial(guest))


@pytest.mark.arches("aarch64", "riscv64")
@pytest.mark.parametrize(
    "end, status, last",
    [
        ("trap", TRAP, rb"\ntrap .*(invalid opcode|(undefined|illegal) instruction)(.*\n)+"),
        ("abort", 127, rb""),
        ("assert", 127, rb"assertion .*strcmp\(argv\[2\], .* failed: file .*printer.c.*\n"),
    ],
)
def test_crashed(world, end, status, last):
    """What a guest prints as it dies is in its log, to the last register: as at the serial port."""
    server = big(world)
    guest = printer(world, server, f"200 {end}")
    guest.done(status)
    log = Log(server.memory(), 0)
    assert log.data == guest.output
    assert re.fullmatch(last, log.data.removeprefix(lines(200))), log.data[-2000:]


def test_restarted(world):
    """The next incarnation of the slot goes on behind the bytes of the one that crashed."""
    server = big(world)
    first = printer(world, server, "100 trap")
    first.done(TRAP)
    second = printer(world, server, "50 exit")
    second.done()
    log = Log(server.memory(), 0)
    assert log.data == first.output + second.output
    assert log.data[log.begin - log.oldest :] == lines(50)


def ivsh(world, server, name, *words, **popen):
    return world.program(name, IVSH, "-S", server.socket, "--name", name, *words, **popen)


def cat(world, server, to="far", name="near"):
    made = ivsh(world, server, name, "cat", to)
    made.process.stdin.close()
    return made


def command(world, server, words, uefi=False):
    """A guest in slot 0, named far, that runs a command."""
    return world.guest("far", f"--name=far {words}", *doorbell(server.bound[0]), uefi=uefi)


@pytest.mark.arches("aarch64", "riscv64")
@pytest.mark.parametrize("uefi", [False, pytest.param(True, marks=pytest.mark.x86_64)])
def test_commands(world, uefi):
    """What a command prints from its attach on is in the log; with --no-log it is not."""
    server = big(world)
    memory = server.memory()
    guest = command(world, server, "recv --count=0", uefi)
    world.until(lambda: memory[8192 + 64 : 8192 + 67] == b"far", "the guest", 60)
    for text in ["first", "second"]:
        ivsh(world, server, "near", "send", "far", text).done()
        guest.expect(rf"\(near\), port 1: {text}$|^slot \d, port 1: {text}$")
    guest.kill()
    data = Log(memory, 0).data.decode()
    assert re.search(r": first\n.*: second\n$", data, re.DOTALL)
    assert guest.text.endswith(data)
    again = command(world, server, "recv --no-log")
    ivsh(world, server, "near", "send", "far", "third").done()
    assert re.search(r", port 1(, maybe seen)?: third$", again.done(), re.MULTILINE)
    assert Log(memory, 0).data.decode() == data


@pytest.mark.parametrize("uefi", [False, pytest.param(True, marks=pytest.mark.x86_64)])
def test_console(world, uefi):
    """cat prints what the guest had printed, and then what it prints; several readers do."""
    server = big(world)
    guest = command(world, server, "watch --console", uefi)
    guest.expect(r"^watch: slot 0 of 8")
    near = cat(world, server)
    near.expect(r"^watch: slot 0 of 8\n(.*\n)*slot \d \(near\): is here$")
    later = cat(world, server, "far:console", "later")
    near.expect(r"^slot \d \(later\): is here$")
    later.expect(r"^watch: slot 0 of 8\n(.*\n)*slot \d \(later\): is here$")
    later.process.send_signal(signal.SIGTERM)
    near.expect(r"^slot \d \(later\): left$")
    guest.kill()
    assert "the peer" in near.done(1)


def test_console_end(world):
    """A command that ends gives its readers all that it has printed, and they end well."""
    server = big(world)
    guest = command(world, server, "recv --console --count=2")
    near = cat(world, server)
    world.until(lambda: b"console" in server.memory()[8192:10240], "the service")
    ivsh(world, server, "sender", "send", "far", "one").done()
    near.expect("one$")  # it is connected
    ivsh(world, server, "sender", "send", "far", "two").done()
    text = guest.done()
    assert near.done() == Log(server.memory(), 0).data.decode()
    assert near.text in text and re.search(r"one\n.*two\n", near.text)


def test_console_beside(world):
    """echo and streams do their work beside it."""
    server = big(world)
    command(world, server, "echo --console").expect("answers$")
    near = cat(world, server)
    near.expect("^echo: slot 0 of 8 answers$")
    out = ivsh(world, server, "ping", "ping", "far", "--count=500", "--size=3000").done()
    assert "500 round trips of 3000 bytes" in out
    near.still_runs()


def test_console_streams(world):
    server = big(world)
    command(world, server, "streams --console").expect("serves$")
    near = cat(world, server)
    near.expect("^streams: slot 0 of 8 serves$")
    out = cat(world, server, "far:stream-source", "other")
    assert out.status() == 0 and out.output == b"".join(struct.pack("<I", i) for i in range(16384))
    near.still_runs()


def test_console_slow(world):
    """A reader that takes nothing holds nobody up: it loses bytes, and is told how many."""
    server = big(world)
    guest = command(world, server, "recv --console --count=0")
    near = cat(world, server)
    world.until(lambda: b"console" in server.memory()[8192:10240], "the service")
    ivsh(world, server, "sender", "send", "far", "begin").done()
    near.expect("port 1: begin$")
    pause(near.process.pid)
    text = "x" * 16000
    for _ in range(30):
        ivsh(world, server, "sender", "send", "far", text).done()
    ivsh(world, server, "sender", "send", "far", "end").done()
    guest.expect("port 1: end$")
    near.process.send_signal(signal.SIGCONT)
    near.expect("port 1: end$")
    lost = int(re.search(r"\n\[console: (\d+) bytes lost\]\n", near.text)[1])
    got = re.sub(r"\n\[console: \d+ bytes lost\]\n", "", near.text)
    assert len(got) + lost == Log(server.memory(), 0).position
    assert lost > 100000


@pytest.mark.parametrize(
    "words, status, wanted",
    [
        ("echo --console --no-log", 1, "--console: not with --no-log"),
        ("ping near --console", 2, "--console means nothing here"),
        ("echo --console=1", 2, "--console: takes no value"),
    ],
)
def test_refused(world, words, status, wanted):
    server = big(world)
    assert wanted in command(world, server, words).done(status)


def test_no_logs(world):
    """Where the region has none, a command runs without, and --console says so."""
    server = world.server("--log-size=0", bind=1)
    assert "the region has no logs" in command(world, server, "echo --console").done(1)
    command(world, server, "echo").expect("answers$")
    ping = ivsh(world, server, "near", "ping", "far", "--count=3").done()
    assert "3 round trips" in ping


def test_metrics(world):
    """Guests and processes show what their commands count, also when they have left."""
    server = big(world)
    memory = server.memory()
    command(world, server, "echo").expect("answers$")
    ping = ivsh(world, server, "near", "ping", "far", "--count=100", "--size=50")
    ping.done()
    assert metrics(memory, 0) == {"echo_messages": 100, "echo_bytes": 5000}
    seen = metrics(memory, 1)
    assert 0 < seen.pop("ping_last_ns") < 10**9
    assert seen == {"ping_round_trips": 100, "ping_lost": 0}


def test_metrics_exchange(world):
    server = big(world)
    memory = server.memory()
    guest = command(world, server, "stress --count=200 --quiet")
    ivsh(world, server, "near", "stress", "--count=200", "--quiet").done()
    guest.done()
    far, near = metrics(memory, 0), metrics(memory, 1)
    for way, other in [("sent", "received"), ("received", "sent")]:
        assert far[f"exchange_{way}_messages"] == 200
        assert far[f"exchange_{way}_bytes"] == near[f"exchange_{other}_bytes"] > 10000


def test_metrics_streams(world):
    server = big(world)
    memory = server.memory()
    command(world, server, "streams").expect("serves$")
    sink = ivsh(world, server, "near", "cat", "far:stream-sink")
    sink.process.stdin.write(bytes(100000))
    sink.process.stdin.flush()
    world.until(lambda: metrics(memory, 0)["streams_bytes_received"] == 100000, "the bytes")
    assert metrics(memory, 0)["streams_open"] == 1
    sink.process.stdin.close()
    assert sink.status() == 0
    world.until(lambda: metrics(memory, 0)["streams_open"] == 0, "the end")
    assert metrics(memory, 0)["streams_connections"] == 1
