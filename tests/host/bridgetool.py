# SPDX-License-Identifier: MIT
"""bridgetool.py - two hosts of one machine: a region and a bridge each, and a bus between them."""

import contextlib
import json
import os
import pathlib
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

from rawclient import until
from servertool import BUILD, LIMIT, Server

ROOT = pathlib.Path(__file__).resolve().parents[2]
NATS = ROOT / "build/nats/usr/sbin/nats-server"

os.environ["IVSH_CLIENT_LIBRARY"] = str(BUILD / "libivsh-client.so.1")
sys.path.insert(0, str(ROOT / "host/python"))

import ivsh  # noqa: E402


PORT = 77


class Nats:
    """A nats-server of the test's own: on the loopback, with a store in the test's folder."""

    def __init__(self, folder, config=""):
        self.folder = folder
        # Bound for as long as the test runs, also while no server does: else the port could be
        # another test's before the next one. Whoever listens may bind it, too: both reuse it.
        self.port_holder = socket.socket()
        self.port_holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.port_holder.bind(("127.0.0.1", 0))
        self.port = self.port_holder.getsockname()[1]
        self.config = folder / "nats.conf"
        self.config.write_text(config)
        self.process = None
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    def start(self):
        ports = self.folder / "ports"
        ports.mkdir(exist_ok=True)
        for old in ports.iterdir():
            old.unlink()
        assert NATS.exists(), "nats-server is missing: ./setup.sh test"
        self.process = subprocess.Popen(
            [NATS, "-a", "127.0.0.1", "-p", str(self.port), "-js", "-sd", self.folder / "store"]
            + ["--ports_file_dir", ports, "-c", self.config],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(lambda: self._serves(ports))

    def _serves(self, ports):
        """It writes a file once it does."""
        assert self.process.poll() is None, "nats-server has ended"
        for file in ports.iterdir():
            with contextlib.suppress(ValueError):
                return bool(json.loads(file.read_text())["nats"])
        return False

    def stop(self, sig=signal.SIGKILL):
        if self.process.poll() is None:
            self.process.send_signal(sig)
        self.process.wait(LIMIT)

    def close(self):
        """It ends, and its port is anybody's."""
        if self.process:
            self.stop()
        self.port_holder.close()


class Raw:
    """A client of the bus that publishes and subscribes to anything."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), LIMIT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb")
        self.reply = ""
        assert self.file.readline().startswith(b"INFO ")
        self.socket.sendall(b'CONNECT {"verbose":false}\r\n')

    def publish(self, subject, data=b""):
        self.socket.sendall(b"PUB %s %d\r\n%s\r\n" % (subject.encode(), len(data), data))

    def flush(self):
        """Returns when the bus has taken all that was published."""
        self.socket.sendall(b"PING\r\n")
        while True:
            line = self.file.readline()
            assert line and not line.startswith(b"-ERR"), line
            if line == b"PONG\r\n":
                return

    def subscribe(self, subject):
        """From here on, only take() and publish()."""
        self.socket.sendall(b"SUB %s 1\r\n" % subject.encode())
        self.flush()

    def take(self):
        """The next message: its subject, its bytes. Where its answer goes: in (reply)."""
        while True:
            words = self.file.readline().split()
            assert words, "the bus has closed the connection"
            if words[0] == b"PING":
                self.socket.sendall(b"PONG\r\n")
            if words[0] == b"MSG":
                self.reply = words[3].decode() if len(words) == 5 else ""
                return words[1].decode(), self.file.read(int(words[-1]) + 2)[:-2]

    def close(self):
        self.file.close()
        self.socket.close()


class Bridge:
    """A running ivsh-bridge and its log."""

    def __init__(self, config):
        self.config = config
        self.prefix = ()  # what starts it
        self.lines = []
        self.more = threading.Condition()
        self.process = None
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [*self.prefix, BUILD / "ivsh-bridge", "--config", self.config],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.reader = threading.Thread(target=self._read, args=(self.process,), daemon=True)
        ready = self.count("event=ready")
        self.reader.start()
        self.await_line("event=ready", ready + 1)

    def _read(self, process):
        for line in process.stderr:
            with self.more:
                self.lines.append(line.rstrip("\n"))
                self.more.notify_all()

    def count(self, text):
        with self.more:
            return sum(text in line for line in self.lines)

    def await_line(self, text, count=1, limit=LIMIT):
        """Wait for the (count)th log line with (text) in it, and return it."""
        end = time.monotonic() + limit
        with self.more:
            while True:
                found = [line for line in self.lines if text in line]
                if len(found) >= count:
                    return found[count - 1]
                left = end - time.monotonic()
                assert left > 0, f"no {text!r} in the log: {self.lines}"
                self.more.wait(left)

    def status(self):
        """What --status prints: the bridge's fields, and those of its first pair."""
        done = subprocess.run(
            [BUILD / "ivsh-bridge", "--config", self.config, "--status"],
            capture_output=True,
            text=True,
            timeout=LIMIT,
        )
        assert done.returncode == 0, done.stderr
        lines = [line.split() for line in done.stdout.splitlines()]
        assert [line[0] for line in lines] == ["bridge", *["pair"] * (len(lines) - 1)]
        return [dict(word.split("=", 1) for word in line[1:]) for line in lines[:2]]

    def pair(self, key):
        return int(self.status()[1][key])

    def stop(self, sig=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(sig)
        status = self.process.wait(LIMIT)
        self.reader.join(LIMIT)
        self.process.stderr.close()
        return status


class Peer(ivsh.Peer):
    """A peer that lives also while the test does something else."""

    def __init__(self, *words, **keywords):
        super().__init__(*words, **keywords)
        self.ended = threading.Event()
        self.beating = threading.Thread(target=self._beat, daemon=True)
        self.beating.start()

    def _beat(self):
        while not self.ended.wait(0.1):
            with contextlib.suppress(ivsh.Error):
                # An event that the test has not taken answers any other wait at once.
                self.ready(ivsh.MESSAGE)

    def close(self):
        self.ended.set()
        self.beating.join(LIMIT)
        super().close()


class Side:
    """A host: a server with slot 5 for the other host's peer, and a bridge."""

    def __init__(self, folder, name, other, nats, mode, more="", server=()):
        self.folder = folder / name
        self.folder.mkdir()
        self.name, self.mode = name, mode
        self.server = Server(self.folder, "--slot", f"5={self.folder}/s5", *server)
        self.socket = self.server.socket
        self.config = self.folder / "bridge.conf"
        self.config.write_text(
            f"region = r\nhost = {name}\nurl = nats://127.0.0.1:{nats.port}\n"
            f"socket = {self.socket}\nstate = {self.folder}/state\n"
            f"local 0 = {name}peer\nslot 5 = {other}/{other}peer {mode} socket={self.folder}/s5\n"
            + more.replace("%s", name)
        )
        try:
            self.bridge = Bridge(self.config)
        except BaseException:
            self.server.stop()
            raise

    def peer(self, **keywords):
        """The peer of this host, in slot 0."""
        return Peer(self.socket, self.name + "peer", **keywords)

    def stop(self):
        """With the bridge's log, which pytest shows of a test that fails."""
        try:
            assert self.bridge.stop() in (0, -signal.SIGKILL), self.bridge.lines
        finally:
            if "PYTEST_CURRENT_TEST" in os.environ:
                print(f"--- the bridge of {self.name}:", *self.bridge.lines, sep="\n")
            self.server.stop()


class World:
    """Both hosts, a and b. In (more), %s is the name of each."""

    def __init__(self, folder, mode, more="", nats="", servers=((), ())):
        self.folder = folder
        self.nats = Nats(folder, nats)
        self.sides = []
        self.raws = []
        try:
            for name, other, server in (("a", "b", servers[0]), ("b", "a", servers[1])):
                self.sides.append(Side(folder, name, other, self.nats, mode, more, server))
        except BaseException:
            self.stop()
            raise
        self.a, self.b = self.sides

    def raw(self):
        self.raws.append(Raw(self.nats.port))
        return self.raws[-1]

    def stop(self):
        with contextlib.ExitStack() as stack:
            stack.callback(self.nats.close)
            for one in self.sides:
                stack.callback(one.stop)
            for raw in self.raws:
                stack.callback(raw.close)


def exchange(w, text):
    """A message each way, between the peers of both hosts."""
    with w.a.peer() as a, w.b.peer() as b:
        a.find("bpeer", LIMIT)
        b.find("apeer", LIMIT)
        for source, target in ((a, b), (b, a)):
            source.send(5, PORT, text, LIMIT)
            assert target.receive(LIMIT).data == text


def drained(peer, slot=None):
    """All events that are there by now; of one slot, or of any."""
    events = []
    try:
        while True:
            event = peer.next_event(0)
            if slot in (None, event.slot):
                events.append(event.kind)
    except ivsh.Timeout:
        return events


def await_event(peer, kind):
    """Wait for an event of slot 5, whatever comes before."""
    while True:
        event = peer.next_event(LIMIT)
        if event.slot == 5 and event.kind == kind:
            return


class Standin(threading.Thread):
    """A thread that says what the bridge of (side) has said last of its peer, again and again."""

    def __init__(self, w, side):
        super().__init__(daemon=True)
        self.raw, self.ended = w.raw(), threading.Event()
        self.raw.subscribe(f"ivsh.r.{side.name}.{side.name}peer.state.*.*")
        self.said = self.raw.take()
        self.start()

    def run(self):
        while not self.ended.wait(0.2):
            with contextlib.suppress(OSError):
                self.raw.publish(*self.said)


@contextlib.contextmanager
def killed(w, side):
    """
    The bridge of (side) is killed, and the other one takes it to be there for as long as this
    lasts: else nothing would be sent to it 3 s later.
    """
    standin = Standin(w, side)
    side.bridge.stop(signal.SIGKILL)
    try:
        yield
    finally:
        standin.ended.set()
        standin.join(LIMIT)


def waits(bridge):
    """
    What says whether messages wait for room in the region of (bridge): it had a turn since it was
    asked last, and none has found any.
    """
    seen = None

    def ask():
        nonlocal seen
        last, pair = seen, bridge.status()[1]
        seen = pair["received"]
        return pair["waiting"] != "0" and seen == last

    return ask


def fill(peer, is_stuck, more=b""):
    """
    Send numbers to slot 5, until there is no room while (is_stuck()): how many. That there is none
    alone says little: who makes some may only wait for a processor.
    """
    sent = 0
    end = time.monotonic() + 6 * LIMIT
    while True:
        try:
            peer.send(5, PORT, struct.pack("<Q", sent) + more, 0.2)
            sent += 1
        except ivsh.Timeout:
            if is_stuck():
                return sent
        assert time.monotonic() < end, f"it is not stuck: {sent} are sent"


def tool(*words, limit=LIMIT):
    """The command: its status, and what it printed."""
    done = subprocess.run([BUILD / "ivsh", *map(str, words)], capture_output=True, timeout=limit)
    return done.returncode, done.stdout, done.stderr


def numbered(number, sender=0):
    """A message of a Sender."""
    return struct.pack("<QQ", sender, number) * 2


class Sender(threading.Thread):
    """A thread that sends numbered messages to slot 5, up to (count). sender: its own number."""

    def __init__(self, peer, count=1 << 62, sender=0):
        super().__init__(daemon=True)
        self.peer, self.count, self.sender, self.sent = peer, count, sender, 0
        self.ended = threading.Event()
        self.start()

    def run(self):
        while self.sent < self.count and not self.ended.is_set():
            with contextlib.suppress(ivsh.Timeout, ivsh.NotThere):
                self.peer.send(5, PORT, numbered(self.sent, self.sender), 0.2)
                self.sent += 1

    def end(self):
        self.ended.set()
        self.join(LIMIT)


class Receiver(threading.Thread):
    """
    A thread that receives them: which ones are missing, and whether each gap was reported. Of each
    sender's: next, and used: the reports that explain nothing behind its last number.
    """

    def __init__(self, peer):
        super().__init__(daemon=True)
        self.peer = peer
        self.missing = self.gaps = self.silent = self.repeated = 0
        self.lost = 0  # reports
        self.nexts, self.used = {}, {}
        self.ended = threading.Event()
        self.start()

    def next(self, sender=0):
        return self.nexts.get(sender, 0)

    def has_lost(self, sender=0):
        """Whether a loss was reported behind its last number."""
        return self.lost > self.used.get(sender, 0)

    def run(self):
        while not self.ended.is_set():
            message = None
            with contextlib.suppress(ivsh.Timeout):
                message = self.peer.receive(0.05)
            before = self.lost
            # Each stands before this message, or behind it.
            self.lost += drained(self.peer, 5).count(ivsh.EventKind.LOST)
            if message:
                self._take(*struct.unpack_from("<QQ", message.data), before)

    def _take(self, sender, number, before):
        gap = number - self.next(sender)
        if gap < 0:
            self.repeated += 1
            return
        had = before > self.used.get(sender, 0)
        self.missing += gap
        self.gaps += gap > 0
        self.silent += gap > 0 and not self.has_lost(sender)
        # Of those that came with it, it takes one at the most: the others may stand behind it.
        self.used[sender] = before + (gap > 0 and not had)
        self.nexts[sender] = number + 1

    def end(self):
        self.ended.set()
        self.join(LIMIT)
