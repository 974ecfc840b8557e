# SPDX-License-Identifier: MIT
"""test_peer.py - ivsh, the host tool: processes that talk over a server, and over a plain file."""

import os
import random
import re
import signal
import socket
import struct
import subprocess
import threading
import time

import pytest

from peertool import FAILED, NO_DEVICE, NO_PEER, STOPPED, TIMEOUT, USAGE, finish
from rawclient import LIMIT, RawClient, until, within

SLOT = 8192  # offset of slot 0; a slot has 2048 bytes
HEARTBEAT = 8  # in it


@pytest.fixture
def memory(tmp_path):
    path = tmp_path / "memory"
    path.write_bytes(b"")
    os.truncate(path, 4 << 20)
    return path


def is_mapped(pid, path):
    """Whether the process has (path) in its memory."""
    with open(f"/proc/{pid}/maps") as maps:
        return str(path) in maps.read()


# --- Talk -------------------------------------------------------------------------------------


def test_ls_shows_both(peers):
    peers.echo("--name", "alpha")
    peers.echo("--name", "beta two")
    head, rows = peers.ls()
    assert re.match(r"region: version 2, \d+ bytes, 8 slots, rings of 256 descriptors", head[0])
    assert re.match(r"server: epoch 0x[0-9a-f]{8}, running$", head[1])
    assert sorted(rows) == [0, 1], "ls has no slot"
    for slot, name in ((0, "alpha"), (1, "beta two")):
        assert rows[slot]["name"] == name
        assert rows[slot]["presence"] == "attached"
        assert rows[slot]["connection"] == "up"
        assert (rows[slot]["incarnation"], rows[slot]["vectors"]) == ("1", "2")
        assert not rows[slot]["own"]


def test_send_and_receive(peers):
    receiver = peers.start("recv", "--name", "alpha")
    status, output, _ = peers.run("send", "alpha", "hello", "to  you", "--name", "beta")
    assert (status, output) == (0, b"sent 13 bytes to slot 0 (alpha)\n")
    assert finish(receiver) == (0, b"slot 1 (beta), port 1: hello to  you\n", [])


def test_services(peers):
    """ls shows a peer's service, and the service's name stands for its port."""
    receiver = peers.start("recv", "--name", "al:pha", "--port", "4711")
    status, output, _ = peers.run("send", "al:pha:text", "hello")
    assert (status, output) == (0, b"sent 5 bytes to slot 0 (al:pha)\n")
    assert finish(receiver) == (0, b"slot 1, port 4711: hello\n", [])
    peers.echo("--name", "beta", "--port", "99")
    assert b"\n       service echo: port 99\n" in peers.run("ls")[1]
    assert b" 3 round trips of 64 bytes" in peers.run("ping", "beta:echo", "--count", "3")[1]
    assert b" 3 round trips of 64 bytes" in peers.run("ping", "0:echo", "--count", "3")[1]
    status, _, errors = peers.run("send", "beta:text", "hello", "--timeout", "0.2")
    assert (status, errors) == (
        NO_PEER,
        ["ivsh: timeout: 0.2 s without peer beta:text: ivsh ls shows who is there"],
    )


def test_watch(peers):
    """Up, down and restarted, each when the server sees it: by its heartbeat it would be silent."""
    watch = peers.start("watch", "--count", "4")
    assert watch.stdout.readline() == b"watch: slot 0 of 8\n"
    echo = peers.echo("--name", "alpha")
    assert watch.stdout.readline() == b"slot 1 (alpha): is here\n"
    peers.kill(echo)
    assert watch.stdout.readline() == b"slot 1 (alpha): died\n"
    echo = peers.echo("--name", "beta")
    assert watch.stdout.readline() == b"slot 1 (beta): is here\n"
    echo.terminate()
    assert finish(watch) == (0, b"slot 1 (beta): left\n", [])


def test_watch_says_that_a_slot_is_broken(at, memory):
    """A state that is none is no good-bye; ls says so, too. SPEC R5.3.4."""
    zero, one = at("-f", memory, "--slot", 0), at("-f", memory, "--slot", 1)
    watch = zero.start("watch", "--count", "2")
    assert watch.stdout.readline() == b"watch: slot 0 of 8\n"
    echo = one.echo("--name", "alpha")
    assert watch.stdout.readline() == b"slot 1 (alpha): is here\n"
    one.kill(echo)
    with open(memory, "r+b") as file:
        file.seek(SLOT + 2048)
        file.write((77).to_bytes(4, "little"))
    line = b"slot 1 (alpha): has a broken slot: its words are impossible\n"
    assert finish(watch) == (0, line, [])
    row = at("-f", memory).row("alpha")
    assert (row["presence"], row["incarnation"]) == ("broken", "1")


def test_text_of_a_stranger_is_cleaned(peers):
    receiver = peers.start("recv", "--name", "alpha", "--port", "9")
    evil = b"\x1b[2Jred\n\xff\x00"
    assert peers.run("send", "alpha", "-", "--port", "9", stdin=evil)[0] == 0
    assert finish(receiver)[1] == b"slot 1, port 9: .[2Jred...\n"


def test_count_and_other_ports(peers):
    receiver = peers.start("recv", "--name", "alpha", "--count", "2")
    for port, text in ((1, "one"), (5, "other"), (1, "two")):
        assert peers.run("send", "alpha", text, "--port", port)[0] == 0
    status, output, errors = finish(receiver)
    assert (status, output) == (0, b"slot 1, port 1: one\nslot 1, port 1: two\n")
    assert errors == ["ivsh: recv: slot 1, port 5: 5 bytes dropped"]


@pytest.mark.parametrize(
    "options,expected",
    [
        ((), b"slot 1, port 1, maybe seen: early\n"),
        (("--discard-backlog",), b"slot 1, port 1: late\n"),
    ],
)
def test_what_was_sent_to_an_earlier_life(peers, options, expected):
    """It outlives both ends, and the new incarnation receives it, or discards it on request."""
    first = peers.echo()
    os.kill(first.pid, signal.SIGSTOP)
    assert peers.run("send", "0", "early")[0] == 0
    peers.kill(first)
    receiver = peers.start("recv", "--name", "again", *options)
    if options:
        assert peers.run("send", "again", "late")[0] == 0
    assert finish(receiver)[:2] == (0, expected)


def test_binary_round_trip_of_the_largest_message(peers):
    most = int(re.search(r" \+ (\d+) bytes", peers.ls()[0][0])[1])
    message = random.Random(1).randbytes(most)
    peers.echo()
    receiver = peers.start("recv", "--name", "pipe", "--raw-output", "--count", "2")
    assert peers.run("send", "pipe", "-", stdin=message)[0] == 0
    assert peers.run("send", "pipe", "-", stdin=b"")[0] == 0
    assert finish(receiver) == (0, message, [])
    status, _, errors = peers.run("send", "0", "-", stdin=message + b"x")
    assert status == 1
    assert errors == [f"ivsh: send: {most + 1} bytes: a message of this region has at most {most}"]


def test_ping(peers):
    echo = peers.echo("--name", "mirror", "--count", "150")
    for count, size in ((100, 64), (49, 8192), (1, 0)):
        status, output, errors = peers.run("ping", "mirror", "--count", count, "--size", size)
        assert (status, errors) == (0, [])
        assert re.match(
            rb"ping: slot 0 \(mirror\): %d round trips of %d bytes, us:" % (count, size)
            + rb" min \d+\.\d\d p50 \d+\.\d\d p99 \d+\.\d\d max \d+\.\d\d\n"
            rb"ping: wait spin, 2 vectors: notifications sent ",
            output,
        )
    status, output, errors = finish(echo)
    assert (status, errors) == (0, [])
    begin = b"echo: answered 150 messages\necho: wait spin, 2 vectors: notifications sent "
    assert output.startswith(begin)


def test_killed_peer_is_gone_at_once(peers):
    """... and its name and counters stay to be read."""
    victim = peers.echo("--name", "victim")
    assert peers.run("ping", "victim", "--count", "10")[0] == 0
    peers.kill(victim)
    row = within(0.9, lambda: peers.row("victim"))
    assert row["presence"] == "gone" and not row["own"]
    peers.echo("--name", "other", "--discard-backlog")  # this one takes the slot
    assert peers.row("victim") is None and peers.row("other")["incarnation"] == "2"


def test_killed_peers_in_slots_of_their_own(peers):
    for process in [peers.echo("--name", name) for name in ("first", "second")]:
        peers.kill(process)
    rows = peers.ls()[1]
    for slot in (0, 1):
        assert (rows[slot]["presence"], rows[slot]["connection"]) == ("gone", "down")
    assert rows[1]["name"] == "second"


def test_peer_that_dies_while_it_is_waited_for(peers):
    victim = peers.echo("--name", "victim")
    pinger = peers.start("ping", "victim", "--count", "1000000", "--timeout", "0")
    until(lambda: peers.count("victim", "received") > 0)
    peers.kill(victim)
    status, output, errors = finish(pinger)
    assert status == 1 and b"round trips" in output
    assert errors == ["ivsh: slot 0 (victim): died meanwhile"]


def test_stopped_peer_is_silent(peers):
    process = peers.echo("--name", "sleeper")
    os.kill(process.pid, signal.SIGSTOP)
    row = peers.row("sleeper")
    assert (row["presence"], row["connection"]) == ("silent", "up")
    os.kill(process.pid, signal.SIGCONT)
    until(lambda: peers.row("sleeper")["presence"] == "attached")


def test_copied_peer_is_silent_soon(peers):
    """
    A migration brings slots of another server's epoch, whose peers are elsewhere: silent after 500
    ms, and ls does not watch them for longer. SPEC R5.4.4.
    """
    client = RawClient(peers.server.socket)
    client.handshake(8, 2)
    slot = SLOT + 5 * 2048
    memory = client.map()
    memory[slot + 0x40 : slot + 0x45] = b"moved"
    struct.pack_into("<II", memory, slot + 0x1C, 0x12345678, 1)  # server_epoch, connection
    struct.pack_into("<IIII", memory, slot, 1, 7, 99, 2)  # attached

    def look():
        began = time.monotonic()
        row = peers.row("moved")
        assert (row["presence"], row["incarnation"]) == ("silent", "7")
        assert time.monotonic() - began > 0.5

    within(1.5, look)  # ls watches for two seconds otherwise


def test_slow_heartbeat_is_no_silence(at, memory):
    """SPEC R5.4.3: a peer is silent once its heartbeat has stood still for two seconds."""
    zero = at("-f", memory, "--slot", 0)
    zero.kill(zero.echo("--name", "slow"))

    def beat_late():
        """Its heartbeat is late each time: by less than two seconds, more than one."""
        ls = at("-f", memory).start("ls")
        with open(memory, "r+b", buffering=0) as file:
            until(lambda: is_mapped(ls.pid, memory))
            while ls.poll() is None:
                time.sleep(1.4)
                file.seek(SLOT + HEARTBEAT)
                (beat,) = struct.unpack("<I", file.read(4))
                file.seek(SLOT + HEARTBEAT)
                file.write(struct.pack("<I", (beat + 1) % 2**32))
        status, output, errors = finish(ls)
        assert (status, errors) == (0, [])
        return re.search(rb"^    0  attached .*  slow$", output, re.MULTILINE)

    # A heartbeat may be later than that: others may have the processors.
    assert any(beat_late() for _ in range(5))


# --- Ends -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words,sig,status",
    [
        (("echo",), signal.SIGINT, 0),
        (("recv", "--count", "0"), signal.SIGTERM, 0),
        (("echo", "--count", "5"), signal.SIGINT, STOPPED),
        (("recv",), signal.SIGTERM, STOPPED),
        (("ping", "nobody", "--timeout", "0"), signal.SIGINT, STOPPED),
        (("echo", "--wait", "poll"), signal.SIGTERM, 0),
        (("echo", "--wait", "sleep"), signal.SIGTERM, 0),
    ],
)
def test_signals_end_in_order(peers, words, sig, status):
    process = peers.start(*words, "--name", "stopper")
    until(lambda: peers.row("stopper"))
    process.send_signal(sig)
    got, _, errors = finish(process)
    assert (got, errors) == (status, ["ivsh: stopped"] if status == STOPPED else [])
    assert peers.row("stopper")["presence"] == "absent", "it said good-bye"


def test_nobody_reads_the_output(peers):
    read_end, write_end = os.pipe()
    receiver = peers.start("recv", "--name", "alpha", "--count", "0", stdout=write_end)
    os.close(write_end)
    os.close(read_end)
    assert peers.run("send", "alpha", "kept")[0] == 0
    status, _, errors = finish(receiver)
    assert (status, errors) == (141, [])
    assert peers.run("recv")[1] == b"slot 1, port 1, maybe seen: kept\n"


@pytest.mark.parametrize("mode", ["poll", "spin", "sleep"])
def test_server_that_ends(start, at, mode):
    for timeout in ("0.5", "2", "8", "32"):
        server = start()
        peers = at("-S", server.socket)
        receiver = peers.start("recv", "--name", "alpha", "--timeout", timeout, "--wait", mode)
        until(lambda: peers.row("alpha") or receiver.poll() is not None)
        server.stop(signal.SIGKILL)
        status, _, errors = finish(receiver)
        assert status == TIMEOUT
        assert errors[-1] == f"ivsh: timeout: {timeout} s without a message on port 1"
        if len(errors) > 1:
            break
        # It was over before the server was: it needs more time.
    assert errors[:-1] == [f"ivsh: {server.socket}: the server hung up: going on without it"]


def test_no_command_means_info(peers):
    assert peers.run() == peers.run("info") == peers.run("ls")
    assert peers.run()[1].startswith(b"region: version 2, ")


# --- Refusals ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words,text",
    [
        (("list",), "list: no such command"),
        (("send",), "send: give PEER TEXT..."),
        (("send", "1"), "send: give PEER TEXT..."),
        (("put", "1"), "put: give PEER FILE"),
        (("ping", "1", "2"), "2: one word too many"),
        (("ls", "all"), "all: one word too many"),
        (("ls", "--count", "1"), "ls: --count means nothing here"),
        (("echo", "--size", "1"), "echo: --size means nothing here"),
        (("ls", "-w", "sleep"), "ls: --wait means nothing here"),
        (("echo", "--wait", "nap"), "--wait=nap: not poll, spin or sleep"),
        (("echo", "--slot", "256", "-f", "x"), "--slot=256: not a number from 0 to 255"),
        (("echo", "-f", "x"), "add --slot=N"),
        (("echo", "-f", "x", "-S", "y"), "not both"),
        (("ls", "--file=x", "-f", "y"), "--file: only once"),
        (("echo", "--pci", "auto", "-f", "x"), "--pci: give a device, or a file, or a server's"),
        (("echo", "--pci", "0:2"), "--pci=0:2: not auto, nor an address such as 0000:00:02.0"),
        (("echo", "--pci", "00:20.0"), "--pci=00:20.0: not auto, nor an address"),
        (("echo", "--pci=-1:0:2.0"), "--pci=-1:0:2.0: not auto, nor an address"),
        (("echo", "--pci= 0:0x2.0"), "--pci= 0:0x2.0: not auto, nor an address"),
        (("ping", "--pci", "0:2.0", "--pci", "0:3.0"), "--pci: only once; echo takes several"),
        (("ping", "1", "--peer=2"), "ping: 1 and --peer=2: give one of them"),
        (("recv", "--timeout", "0.0000000009"), "--timeout=0.0000000009: less than a nanosecond"),
        (("recv", "--count", "-1"), "--count=-1: not a number"),
        (("recv", "--count", "4294967296"), "--count=4294967296: not a number"),
        (("recv", "--count", "0x"), "--count=0x: not a number"),
        (("recv", "--port", "65536"), "--port=65536: not a number"),
        (("recv", "--name", "n" * 32), "at most 31"),
        (("recv", "--name", "a\nb"), "printable"),
        (("ping", "1", "--count", "0"), "ping: --count=0: 1 to 1000000"),
        (("--what",), "--what: no such option"),
        (("recv", "--coun", "1"), "--coun: no such option"),
        (("-x",), "-x: no such option"),
        (("recv", "--raw-output=1"), "--raw-output: takes no value"),
        (("echo", "--peer", "1"), "echo: --peer means nothing here"),
        (("recv", "--timeout"), "--timeout: needs a value"),
        (("recv", "--timeout", "-1"), "--timeout=-1: not a number of seconds from 0 to 86400"),
        (("recv", "--timeout", "1.5s"), "--timeout=1.5s: not a number of seconds"),
        (("recv", "--timeout", "."), "--timeout=.: not a number of seconds"),
        (("recv", "--timeout", "1e9"), "--timeout=1e9: not a number of seconds"),
    ],
)
def test_usage(at, words, text):
    status, output, errors = at().run(*words)
    assert (status, output) == (2, b"")
    assert len(errors) == 1 and errors[0].startswith("ivsh: ") and text in errors[0]


@pytest.mark.parametrize(
    "pci, text",
    [
        ("auto", "--pci=auto: /sys/bus/pci: No such file or directory: mount sysfs at /sys, in a"),
        ("0:2.0", "device 0000:00:02.0: /sys/bus/pci: No such file or directory"),
    ],
)
def test_pci_without_sysfs(pci, text):
    unshare = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-rm"]
    script = 'mount -t tmpfs none /sys && exec "$@"'
    done = subprocess.run(
        [*unshare, "sh", "-ec", script, "sh", "build/host/ivsh", "info", "--pci", pci],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert (done.returncode, done.stdout) == (NO_DEVICE, ""), done
    assert done.stderr.startswith("ivsh: " + text) and done.stderr.count("\n") == 1


def test_help_and_version(at):
    status, output, errors = at().run("ls", "--help")
    assert (status, errors) == (0, []) and output.startswith(b"Usage: ivsh ")
    status, output, _ = at().run("-v")
    assert status == 0 and re.match(rb"ivsh \d+\.\d+\.\d+, region version 2\n$", output)


def test_default_socket(at, tmp_path, monkeypatch):
    """Where ivsh-server has it."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    expected = "/run/ivsh.sock" if os.geteuid() == 0 else f"{tmp_path}/ivsh.sock"
    if os.path.exists(expected):
        pytest.skip("a server is running there")
    status, _, errors = at().run("ls")
    assert status == NO_DEVICE
    assert errors == [
        f"ivsh: {expected}: connect: No such file or directory: is ivsh-server running?"
    ]


@pytest.mark.parametrize("file", [False, True])
def test_nobody_at_the_socket(at, tmp_path, file):
    path = tmp_path / "s"
    if file:
        path.write_bytes(b"")
    status, _, errors = at("-S", path).run("ls")
    assert status == NO_DEVICE and len(errors) == 1
    assert errors[0].startswith(f"ivsh: {path}: connect: ")
    assert errors[0].endswith(": is ivsh-server running?")


def test_server_of_another_version(at, tmp_path):
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve():
            client, _ = listener.accept()
            client.sendall(struct.pack("<q", 17))
            client.close()

        thread = threading.Thread(target=serve)
        thread.start()
        status, _, errors = at("-S", path).run("recv")
        thread.join(LIMIT)
    assert status == 1 and len(errors) == 1
    assert errors[0].startswith(f"ivsh: {path}: the server sent protocol version 17, this client")


def test_server_that_is_full(start, at):
    server = start("--slots", 2)
    clients = [RawClient(server.socket) for _ in range(2)]
    for client in clients:
        client.handshake(2, 2)
    status, _, errors = at("-S", server.socket).run("recv")
    assert status == 1 and len(errors) == 1
    assert "version 1" in errors[0] and "when no slot is free" in errors[0]
    head, rows = at("-S", server.socket).ls()
    assert re.match(r"server: epoch 0x[0-9a-f]{8}, running$", head[1])
    assert [rows[slot]["connection"] for slot in (0, 1)] == ["up", "up"], "who is there is seen"
    for client in clients:
        client.close()


def test_raw_server(start, at):
    peers = at("-S", start("--raw").socket)
    for words in (("ls",), ("recv", "--timeout", "0.2")):
        status, _, errors = peers.run(*words)
        assert status == 1 and len(errors) == 1
        assert "nobody has formatted the memory: start ivsh-server without --raw" in errors[0]


def test_slot_of_a_server(peers):
    status, _, errors = peers.run("recv", "--slot", "5")
    assert status == 1
    assert errors == ["ivsh: --slot=5: the server gave slot 0: leave --slot out"]


def test_peers_that_are_not(peers):
    peers.echo("--name", "alpha")
    for peer, text in (
        ("8", "peer 8: not another's slot: there are 0 to 7, and we are in 1"),
        ("1", "peer 1: not another's slot: there are 0 to 7, and we are in 1"),
        ("99999999999999999999999", "timeout: 0.2 s without peer 99999999999999999999999: ivsh ls"),
        ("5", "timeout: 0.2 s without peer 5: ivsh ls shows who is there"),
        ("alph", "timeout: 0.2 s without peer alph: ivsh ls shows who is there"),
    ):
        status, output, errors = peers.run("send", peer, "x", "--timeout", "0.2")
        assert (status, output) == (NO_PEER, b"")
        assert len(errors) == 1 and errors[0].startswith("ivsh: " + text)


@pytest.mark.parametrize("peer", ["", ":", ":text"])
@pytest.mark.parametrize(
    "words", [("send", "PEER", "x"), ("ping", "PEER"), ("ping", "--peer", "PEER")]
)
def test_peer_without_a_name(peers, peer, words):
    """It is not the next best peer that has none, either."""
    receiver = peers.start("recv")
    until(lambda: peers.ls()[1])
    status, output, errors = peers.run(*[peer if word == "PEER" else word for word in words])
    assert (status, output) == (USAGE, b"")
    assert errors == [f'ivsh: peer "{peer}": no name: give a slot\'s number or a name']
    assert receiver.poll() is None


def test_no_answer(peers):
    peers.start("recv", "--name", "deaf", "--count", "0")
    peers.await_row("deaf")
    status, output, errors = peers.run("ping", "deaf", "--timeout", "0.2")
    assert (status, output) == (TIMEOUT, b"")
    assert errors == [
        "ivsh: timeout: 0.2 s without an answer from slot 0 (deaf): does it run echo?"
    ]
    status, _, errors = peers.run("ping", "deaf", "--size", 1 << 20)
    assert status == 1 and "a message of this region has at most" in errors[0]


FLOOD = ("bench", "sink", "--peer", "victim", "--count", 10000000, "--name", "flood")


@pytest.mark.parametrize("end", ["timeout", "signal"])
def test_flood_of_other_messages(peers, end):
    """Messages on another port neither renew put's timeout nor hide a signal."""
    for timeout in (0.2, 2, 20) if end == "timeout" else (0,):
        flood = peers.start(*FLOOD)
        peers.await_row("flood")  # and waits for its victim
        words = ("put", "flood", os.devnull, "--timeout", timeout, "--name", "victim")
        victim = peers.start(*words, pipesize=4096)
        # put prints a line for each message; once this pipe is full it stops, and the ring fills
        # up: unless its time is over before.
        pipe = victim.stderr.fileno()
        until(lambda: peers.count("flood", "full") > 0 or victim.poll() is not None)
        if victim.poll() is None:
            break
    if end == "signal":
        victim.send_signal(signal.SIGINT)
    else:
        time.sleep(timeout + 0.05)  # put waits in its write: its time is over when it goes on
    # Fewer lines than the ring has messages: put cannot find it empty meanwhile.
    text = b""
    while len(text) < 8192 and (piece := os.read(pipe, 8192 - len(text))):
        text += piece
    last = b"ivsh: timeout: %g s without " % timeout if end == "timeout" else b"ivsh: stopped\n"
    assert text.splitlines(True)[-1].startswith(last)
    assert victim.wait(LIMIT) == (TIMEOUT if end == "timeout" else STOPPED)
    assert flood.wait(LIMIT) == 1, "its peer has left"


def test_flood_at_ping(peers):
    """The same, where the messages are as large as an answer."""
    peers.start(*FLOOD)
    peers.await_row("flood")  # and waits for its victim
    ping = peers.start("ping", "flood", "--timeout", "0.2", "--name", "victim")
    status, _, errors = finish(ping)
    assert status == TIMEOUT
    text = "an answer from slot 0 (flood): does it run echo?"
    assert errors == [f"ivsh: timeout: 0.2 s without {text}"]


def test_ring_that_stays_full(peers):
    """A peer that does not read: the sender waits, and says what for."""
    deaf = peers.start("recv", "--name", "deaf", "--count", "0")
    peers.await_row("deaf")
    os.kill(deaf.pid, signal.SIGSTOP)
    results = [
        peers.run("send", "0", "-", "--timeout", "0.2", stdin=bytes(32768)) for _ in range(2)
    ]
    assert results[0][0] == 0 and results[1][0] == TIMEOUT
    assert results[1][2] == ["ivsh: timeout: 0.2 s without room for a message to slot 0 (deaf)"]


# --- A plain file -----------------------------------------------------------------------------


def test_two_slots_of_a_file(at, memory):
    zero, three = at("-f", memory, "--slot", 0), at("-f", memory, "--slot", 3)
    waiting = three.start("recv", "--name", "three")  # slot 0 has still to format
    zero.echo("--name", "zero")
    status, output, _ = at("-f", memory, "--slot", 1).run("send", "three", "by", "file")
    assert (status, output) == (0, b"sent 7 bytes to slot 3 (three)\n")
    assert finish(waiting) == (0, b"slot 1, port 1: by file\n", [])
    assert three.run("ping", "zero", "--count", "20")[0] == 0
    os.chmod(memory, 0o400)
    head, rows = at("-f", memory).ls()
    assert "8 slots" in head[0] and head[1] == "server: none"
    assert {slot: row["presence"] for slot, row in rows.items()} == {
        0: "attached",
        1: "absent",
        3: "absent",
    }
    assert rows[0]["vectors"] == "0" and rows[0]["connection"] == "unknown"
    assert not any(row["own"] for row in rows.values())


def test_slot_that_is_taken(at, memory):
    zero = at("-f", memory, "--slot", 0)
    first = zero.echo()
    before = memory.read_bytes()[SLOT + 16 : SLOT + 24]
    status, _, errors = zero.run("recv")
    assert status == 1
    assert errors == [
        f"ivsh: {memory}: slot 0 is taken by a living peer: choose another --slot"
    ]
    assert memory.read_bytes()[SLOT + 16 : SLOT + 24] == before and first.poll() is None


def test_ls_writes_nothing(at, memory):
    zero = at("-f", memory, "--slot", 0)
    zero.kill(zero.echo("--name", "dead"))
    before = memory.read_bytes()
    assert at("-f", memory).row("dead")["presence"] == "silent"
    assert memory.read_bytes() == before


@pytest.mark.parametrize("words", [("ls",), ("recv", "--slot", "1", "--timeout", "0.2")])
@pytest.mark.parametrize(
    "offset,value,text",
    [
        (0, bytes(8), "nobody has formatted the memory"),
        (0, b"precious", "starts with 0x73756f6963657270, which is not ours"),
        (8, b"\x07", "version 7, features 0x1; this program knows version 2, features 0x3"),
        (12, b"\x10", "version 2, features 0x10;"),
        (16, b"\x01", "header is damaged"),
        (24, b"\xff\xff\xff\xff", "header is damaged"),
    ],
)
def test_header_that_is_not_ours(at, memory, words, offset, value, text):
    zero = at("-f", memory, "--slot", 0)
    zero.kill(zero.echo())
    with open(memory, "r+b") as file:
        file.seek(offset)
        file.write(value)
    before = memory.read_bytes()
    status, output, errors = at("-f", memory).run(*words)
    assert (status, output) == (1, b"")
    assert len(errors) == 1 and errors[0].startswith(f"ivsh: {memory}: ") and text in errors[0]
    assert memory.read_bytes() == before


def test_truncated_region(at, memory):
    zero = at("-f", memory, "--slot", 0)
    zero.kill(zero.echo())
    os.truncate(memory, 1 << 20)
    for words in (("ls",), ("recv", "--slot", "1")):
        status, _, errors = at("-f", memory).run(*words)
        assert status == 1
        assert errors == [
            f"ivsh: {memory}: the memory has 1048576 bytes, 4190208 are needed: give a larger one,"
            " or fewer --slots"
        ]


def test_memory_that_shrinks_in_use(at, memory):
    echo = at("-f", memory, "--slot", 0).echo()
    os.truncate(memory, 0)
    assert finish(echo) == (1, b"", ["ivsh: the memory was truncated while in use: it is lost"])


@pytest.mark.parametrize(
    "size,words,text",
    [
        (None, ("recv", "--slot", "0"), "open: No such file or directory"),
        (None, ("ls",), "open: No such file or directory"),
        (100, ("recv", "--slot", "0"), "has 100 bytes"),
        (100, ("ls",), "not a file of at least 4096 bytes"),
        (5000000, ("recv", "--slot", "0"), "power of two"),
        (65536, ("recv", "--slot", "0"), "has 65536 bytes, 712704 are needed"),
        (65536, ("recv", "--slot", "1", "--timeout", "0.2"), "has 65536 bytes, 712704 are needed"),
        (65536, ("ls",), "nobody has formatted the memory"),
    ],
)
def test_files_that_are_no_region(at, tmp_path, size, words, text):
    path = tmp_path / "memory"
    if size is not None:
        path.write_bytes(b"")
        os.truncate(path, size)
    status, _, errors = at("-f", path).run(*words)
    assert status == (NO_DEVICE if size is None else FAILED)
    assert len(errors) == 1 and errors[0].startswith(f"ivsh: {path}: ") and text in errors[0]


def test_slot_beyond_the_region(at, memory):
    zero = at("-f", memory, "--slot", 0)
    zero.kill(zero.echo())
    status, _, errors = at("-f", memory, "--slot", 8).run("recv")
    assert status == 1
    assert errors == [f"ivsh: {memory}: --slot=8: the region has slots 0 to 7"]


# --- Machines and memories that are moved -----------------------------------------------------


def test_memory_goes_back_under_stress(at, memory):
    """The exchange begins again, whichever slot the renewal is found at. SPEC R5.12."""
    peers = at("-f", memory)
    ends = [
        peers.start("stress", "--slot", slot, "--count", 120000, "--quiet", "--timeout", 20)
        for slot in (0, 5)
    ]
    with open(memory, "r+b", buffering=0) as file:

        def word(offset):
            file.seek(SLOT + offset)
            return struct.unpack("<I", file.read(4))[0]

        until(lambda: word(0) == 1 and word(5 * 2048) == 1)
        until(lambda: word(0x280) > 500)  # sent
        back = (word(HEARTBEAT) - 100000) % 2**32
        file.seek(SLOT + HEARTBEAT)
        file.write(struct.pack("<I", back))
        until(lambda: word(4) > 1)  # the next incarnation
    for process in ends:
        output, errors = process.communicate(timeout=6 * LIMIT)  # both exchanges, on a busy host
        lines = errors.decode().splitlines()
        assert (process.returncode, [e for e in lines if "moved" not in e]) == (0, [])
        assert b"in 120000: every byte verified" in output


def test_echo_waits_for_a_format_and_goes_on_elsewhere(start, at, tmp_path):
    """A memory without a region, after one was there, holds up no other region."""
    other = tmp_path / "other"
    other.mkdir()
    first, second = start(), start(folder=other)
    echo = at("-S", first.socket, "-S", second.socket)
    client = RawClient(second.socket)  # slot 0, which would format
    client.handshake(8, 2)
    memory = client.map()
    process = echo.echo()
    assert b"answers" in process.stdout.readline()
    header = memory[:4096]
    memory[0 : SLOT + 8 * 2048] = bytes(SLOT + 8 * 2048)
    line = process.stderr.readline()
    assert b"the memory has no region yet: waiting for slot 0" in line, line
    assert at("-S", first.socket).run("ping", "0", "--count", 100)[0] == 0
    memory[:4096] = header
    assert b"attached again" in process.stderr.readline()
    assert at("-S", second.socket).run("ping", "1", "--count", 100)[0] == 0
