# SPDX-License-Identifier: MIT
"""test_bridge_loop.py - what ivsh-bridge waits for holds up nothing else."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest
from bridgetool import PORT, Peer, Side, World, await_event, fill, ivsh, waits
from rawclient import SOAK, until
from servertool import BUILD, LIMIT, Server

ECHO = 7
ATTACHED = ivsh.Presence.ATTACHED
DOWN, UP, RESTARTED = ivsh.EventKind.DOWN, ivsh.EventKind.UP, ivsh.EventKind.RESTARTED


@pytest.fixture
def stack():
    with contextlib.ExitStack() as one:
        yield one


def world_of(stack, folder, **keywords):
    w = World(folder, "core", **keywords)
    stack.callback(w.stop)
    return w


def remap(side, more, limit=LIMIT):
    """Add lines to the configuration of a running bridge."""
    count = side.bridge.count("event=reload")
    side.config.write_text(side.config.read_text() + more)
    side.bridge.process.send_signal(signal.SIGHUP)
    assert "result=done" in side.bridge.await_line("event=reload", count + 1, limit)


def drain(peer):
    """What slot 5 was seen to do."""
    seen = []
    with contextlib.suppress(ivsh.Timeout):
        while True:
            event = peer.next_event(0)
            if event.slot == 5:
                seen.append(event.kind)
    return seen


class Hang:
    """A socket, by default on the loopback, that accepts connections and never says anything."""

    def __init__(self, path=None):
        self.taken = []
        self.listener = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
        self.listener.bind(str(path) if path else ("127.0.0.1", 0))
        self.name = self.listener.getsockname()
        self.listener.listen(8)
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                self.taken.append(self.listener.accept()[0])

    def is_waited_for(self):
        """Whoever connected last has not given up."""
        try:
            return not self.taken or self.taken[-1].recv(1, socket.MSG_DONTWAIT) != b""
        except BlockingIOError:
            return True
        except ConnectionResetError:
            return False

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join(LIMIT)
        self.listener.close()
        for one in self.taken:
            one.close()


class Exchange(threading.Thread):
    """Messages from one peer to slot 5 and back, one after the other, and the events of both."""

    def __init__(self, one, other):
        super().__init__(daemon=True)
        self.one, self.other = one, other
        self.turns, self.seen = 0, []
        self.ended = threading.Event()
        one.find(None, LIMIT)
        for peer in (one, other):
            until(lambda peer=peer: (drain(peer), peer.peer(5).presence == ATTACHED)[1])
        self.start()

    def run(self):
        while not self.ended.is_set():
            for source, target in ((self.one, self.other), (self.other, self.one)):
                source.send(5, PORT, b"%d" % self.turns, LIMIT)
                assert target.receive(LIMIT).data == b"%d" % self.turns
                self.seen += drain(source)
            self.turns += 1

    def more(self):
        """Messages still pass, both ways."""
        turns = self.turns
        until(lambda: self.turns > turns + 1)

    def end(self):
        """What slot 5 was seen to do on either side, since the begin."""
        self.ended.set()
        self.join(3 * LIMIT)
        assert not self.is_alive()
        for peer in (self.one, self.other):
            self.seen += drain(peer)
        return self.seen


def is_quiet(exchange, w):
    """Slot 5 was not seen to go, nor to lose anything, on either side. That it came may be late."""
    seen = exchange.end()
    for side in w.sides:
        print(side.name, *side.bridge.lines, sep="\n")
    assert set(seen) <= {UP}


def test_hanging_socket(stack, tmp_path):
    """While a slot's server hangs, the other slots' messages pass, and none is seen to be down."""
    w = world_of(stack, tmp_path)
    hang = Hang(tmp_path / "hang")
    stack.callback(hang.close)
    remap(w.b, "local 1 = second\n")
    a, b = stack.enter_context(w.a.peer()), stack.enter_context(w.b.peer())
    stack.enter_context(Peer(w.b.socket, "second"))
    exchange = Exchange(a, b)
    stack.callback(exchange.end)
    remap(w.a, f"slot 6 = b/second socket={tmp_path}/hang\n")
    # One attempt takes 5 s.
    until(lambda: hang.taken)
    exchange.more()
    assert w.a.bridge.status()[0]["open"] == "1"
    assert "slot=6 " in w.a.bridge.await_line("event=attach-failed")
    until(lambda: len(hang.taken) >= 2)
    exchange.more()
    # In the midst of one, it can be taken out, and put in again.
    right = w.a.config.read_text()
    w.a.config.write_text(right[: right.index("slot 6")])
    remap(w.a, "")
    remap(w.a, f"slot 6 = b/second socket={tmp_path}/hang\n")
    until(lambda: len(hang.taken) >= 3)
    exchange.more()
    is_quiet(exchange, w)
    # And the bridge ends, long before the attempt does.
    begin = time.monotonic()
    assert w.a.bridge.stop() == 0
    assert time.monotonic() - begin < 4
    until(lambda: a.peer(5).presence != ATTACHED)
    w.a.bridge.start()


def test_hanging_bus(stack, tmp_path):
    """While servers of the bus hang, a bridge answers, takes another mapping, and ends."""
    hang = Hang()
    stack.callback(hang.close)
    w = world_of(stack, tmp_path, more=f"url = nats://127.0.0.1:{hang.name[1]}\n")
    a, b = stack.enter_context(w.a.peer()), stack.enter_context(w.b.peer())
    Exchange(a, b).end()
    w.nats.stop()

    def in_the_midst(act):
        """(act) is over before the attempt that had begun then."""
        until(lambda: hang.taken and hang.is_waited_for())
        count = len(hang.taken)
        act()
        return len(hang.taken) == count and hang.is_waited_for()

    hang.taken.clear()
    until(lambda: in_the_midst(w.a.bridge.status), 6 * LIMIT)
    right = w.a.config.read_text()
    w.a.config.write_text(right.replace("b/bpeer", "b/other"))
    until(lambda: in_the_midst(lambda: remap(w.a, "")), 6 * LIMIT)
    w.a.config.write_text(right)
    until(lambda: in_the_midst(lambda: remap(w.a, "")), 6 * LIMIT)
    begin = time.monotonic()
    assert w.b.bridge.stop() == 0
    assert time.monotonic() - begin < 4
    w.nats.start()
    w.b.bridge.start()
    Exchange(a, b).end()


def pause(pids, sig):
    for pid in pids:
        os.kill(pid, sig)


def test_server_stopped(stack, tmp_path):
    """A server that stands still for 5 s stops none of its peers' messages, here or elsewhere."""
    w = world_of(stack, tmp_path)
    a, b = stack.enter_context(w.a.peer()), stack.enter_context(w.b.peer())
    exchange = Exchange(a, b)
    stack.callback(exchange.end)
    incarnations = a.peer(5).incarnation, b.peer(5).incarnation
    pids = w.a.server.pids
    pause(pids, signal.SIGSTOP)
    try:
        end = time.monotonic() + 5
        while time.monotonic() < end:
            exchange.more()
            assert w.a.bridge.status()[0]["open"] == "1"
        w.a.bridge.await_line("event=region-silent")
    finally:
        pause(pids, signal.SIGCONT)
    w.a.bridge.await_line("event=region-up", 2)
    exchange.more()
    is_quiet(exchange, w)
    assert (a.peer(5).incarnation, b.peer(5).incarnation) == incarnations
    # One that begins meanwhile answers, and has its slot when the server runs again.
    w.a.bridge.stop()
    downs = w.a.bridge.count("event=region-down")
    pause(pids, signal.SIGSTOP)
    try:
        w.a.bridge.start()
        assert w.a.bridge.status()[0]["open"] == "0"
        w.a.bridge.await_line("event=region-down", downs + 1)
        assert w.a.bridge.status()[0]["open"] == "0"
    finally:
        pause(pids, signal.SIGCONT)
    Exchange(a, b).end()


def test_other_server(stack, tmp_path):
    """
    Two servers, and a slot at each: while one is stopped, and when it is killed and comes back, the
    other's pair goes on.
    """
    w = world_of(stack, tmp_path)
    (tmp_path / "two").mkdir()
    two = Server(tmp_path / "two", "--slot", f"6={tmp_path}/two/s6")
    stack.callback(lambda: two.stop())
    remap(w.b, "local 1 = second\n")
    remap(w.a, f"slot 6 = b/second socket={tmp_path}/two/s6\n")
    a, b = stack.enter_context(w.a.peer()), stack.enter_context(w.b.peer())
    exchange = Exchange(a, b)
    stack.callback(exchange.end)
    pids = two.pids
    pause(pids, signal.SIGSTOP)
    try:
        # Now it is to be attached.
        stack.enter_context(Peer(w.b.socket, "second"))
        end = time.monotonic() + 5
        while time.monotonic() < end:
            exchange.more()
            w.a.bridge.status()
        assert w.a.bridge.count("event=attach slot=6") == 0
    finally:
        pause(pids, signal.SIGCONT)
    w.a.bridge.await_line("event=attach slot=6")
    two.stop(signal.SIGKILL)
    w.a.bridge.await_line("event=detach slot=6")
    attaches = w.a.bridge.count("event=attach slot=6")
    end = time.monotonic() + 3
    while time.monotonic() < end:
        exchange.more()
        w.a.bridge.status()
    two = Server(tmp_path / "two", "--slot", f"6={tmp_path}/two/s6")
    w.a.bridge.await_line("event=attach slot=6", attaches + 1)
    exchange.more()
    is_quiet(exchange, w)


MANY = 40
SLOTS = range(6, 6 + MANY)
LARGE = ("--slots", "64", "-l", "64M")


def many(stack, w, remotes):
    """A third host, whose bridge is down, with 40 peers for the slots of a that (remotes) maps."""
    names = "".join(f"local {n} = p{n}\n" for n in SLOTS)
    c = Side(w.folder, "c", "a", w.nats, "core", names, LARGE)
    w.sides.append(c)
    c.bridge.stop()
    # Slot 5 has a socket of its own, which only the bridge uses.
    peers = [stack.enter_context(Peer(c.socket, "x")) for _ in range(MANY + 6)]
    c.peers = {peer.slot: peer for peer in peers}
    assert c.peers.keys() >= set(SLOTS)
    remap(w.a, remotes)
    return c


def are_attached(peer):
    return all(peer.peer(n).presence == ATTACHED for n in SLOTS)


def is_any_attached(peer):
    """Its events are what tells a peer that others are gone."""
    drain(peer)
    return any(peer.peer(n).presence == ATTACHED for n in (5, *SLOTS))


def test_many(stack, tmp_path):
    """40 remote peers come at the same moment: each gets a slot, and none is seen to be down."""
    slots = [f"--slot={n}={tmp_path}/a/s{n}" for n in SLOTS]
    w = world_of(stack, tmp_path, servers=((*LARGE, *slots), ()))
    remotes = [f"slot {n} = c/p{n} socket={tmp_path}/a/s{n}\n" for n in SLOTS]
    c = many(stack, w, "".join(remotes))
    a, b = stack.enter_context(w.a.peer()), stack.enter_context(w.b.peer())
    exchange = Exchange(a, b)
    stack.callback(exchange.end)
    c.bridge.start()
    until(lambda: are_attached(a))
    exchange.more()
    is_quiet(exchange, w)


def test_few_descriptors(stack, tmp_path):
    """Where descriptors run out the log says so, and the slots that have theirs keep them."""
    slots = [f"--slot={n}={tmp_path}/a/s{n}" for n in SLOTS]
    w = world_of(stack, tmp_path, servers=((*LARGE, *slots), ()))
    remotes = [f"slot {n} = c/p{n} socket={tmp_path}/a/s{n}\n" for n in SLOTS]
    c = many(stack, w, "".join(remotes))
    w.a.bridge.stop()
    w.a.bridge.prefix = ("prlimit", "--nofile=2000:2000")
    w.a.bridge.start()
    a, b = stack.enter_context(w.a.peer()), stack.enter_context(w.b.peer())
    exchange = Exchange(a, b)
    stack.callback(exchange.end)
    c.bridge.start()
    w.a.bridge.await_line("2000 descriptors are too few: raise ulimit -n, or LimitNOFILE=")
    until(lambda: sum(a.peer(n).presence == ATTACHED for n in SLOTS) >= 5)
    end = time.monotonic() + 4
    while time.monotonic() < end:
        exchange.more()
    assert w.a.bridge.count("event=detach") == 0
    assert not are_attached(a)
    # The descriptors of three are free, below those of others: three more have them, and no other.
    known = w.a.bridge.count("event=attach ")
    there = [n for n in SLOTS if w.a.bridge.count(f"event=attach slot={n} ")]
    for n in there[:3]:
        c.peers[n].close()
    w.a.bridge.await_line("event=detach ", 3)
    w.a.bridge.await_line("event=attach ", known + 3)
    end = time.monotonic() + 2
    while time.monotonic() < end:
        exchange.more()
        # The lowest that is free is the next one: as many were never open at once.
        assert max(map(int, os.listdir(f"/proc/{w.a.bridge.process.pid}/fd"))) < 2000 - 64
    assert w.a.bridge.count("event=detach ") == 3
    assert w.a.bridge.count("event=attach ") == known + 3
    is_quiet(exchange, w)


def test_many_claims(stack, tmp_path):
    """
    The same in a memory without a server, where a bridge was killed: each of its slots is watched
    for 2 s before the next bridge takes it. Whatever comes first goes on meanwhile.
    """
    memory = tmp_path / "memory"
    create = ["mem", "create", memory, "64M", "--slots", "64"]
    subprocess.run([BUILD / "ivsh", *create], check=True, timeout=LIMIT, stdout=subprocess.DEVNULL)
    w = world_of(stack, tmp_path)
    w.a.bridge.stop()
    text = w.a.config.read_text().replace(f" socket={tmp_path}/a/s5", "")
    w.a.config.write_text(text.replace(f"socket = {w.a.socket}", f"file = {memory}"))
    w.a.bridge.start()
    c = many(stack, w, "".join(f"slot {n} = c/p{n}\n" for n in SLOTS))
    a = stack.enter_context(Peer(str(memory), "apeer", slot=0))
    b = stack.enter_context(w.b.peer())
    c.bridge.start()
    until(lambda: are_attached(a), 3 * LIMIT)
    w.a.bridge.stop(signal.SIGKILL)
    until(lambda: not is_any_attached(a))
    c.bridge.stop()
    w.a.bridge.start()
    exchange = Exchange(a, b)
    stack.callback(exchange.end)
    c.bridge.start()
    until(lambda: are_attached(a), 3 * LIMIT)
    exchange.more()
    is_quiet(exchange, w)


def test_many_pairs(stack, tmp_path):
    """
    A mapping of 1,500 more pairs, each with a file of its own, 9,000 in soak, which take longer
    than a peer may be silent: the one before them goes on.
    """
    stack.callback(lambda: shutil.rmtree(tmp_path / "a/state"))
    w = world_of(stack, tmp_path)
    remap(w.a, "".join(f"local {n} = l{n}\n" for n in range(100, 250)))
    a, b = stack.enter_context(w.a.peer()), stack.enter_context(w.b.peer())
    exchange = Exchange(a, b)
    stack.callback(exchange.end)
    slots = range(6, 66 if SOAK else 16)
    remap(w.a, "".join(f"slot {n} = c/p{n} socket={tmp_path}/none\n" for n in slots), 4 * LIMIT)
    exchange.more()
    is_quiet(exchange, w)


class Program:
    """A peer that can be killed: the tool's echo."""

    def __init__(self, side):
        self.process = subprocess.Popen(
            [BUILD / "ivsh", "-S", side.socket, "echo", f"--name={side.name}peer"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert b"answers" in self.process.stdout.readline()

    def kill(self):
        self.process.kill()
        self.process.wait(LIMIT)
        self.process.stdout.close()


@pytest.mark.parametrize("mode", ["core", "jetstream"])
def test_restarts(stack, tmp_path, mode):
    """A peer that is killed and comes back twice within a second is seen to, on the other host."""
    w = World(tmp_path, mode)
    stack.callback(w.stop)
    for side, other in ((w.a, w.b), (w.b, w.a)):
        with other.peer() as watcher:
            program = Program(side)
            try:
                # The event comes behind what peer() shows.
                await_event(watcher, UP)
                for turn in range(3):
                    drain(watcher)
                    before = watcher.peer(5).incarnation
                    for _ in range(1 + turn):
                        program.kill()
                        program = Program(side)
                    seen = []

                    def is_seen(watcher=watcher, before=before, seen=seen):
                        """As one that went and came, which is the last of its events."""
                        seen += drain(watcher)
                        went = {RESTARTED} <= set(seen) or {DOWN, UP} <= set(seen)
                        return went and seen[-1] != DOWN and watcher.peer(5).incarnation > before

                    until(is_seen)
                    # The last one is there, and answers.
                    incarnation = w_incarnation(side)
                    other.bridge.await_line(f" for=peer incarnation={incarnation}")
                    until(lambda: watcher.peer(5).presence == ATTACHED)
                    watcher.send(5, ECHO, b"?", LIMIT)
                    assert watcher.receive(LIMIT).data == b"?"
            finally:
                program.kill()


def test_other_region(stack, tmp_path):
    """
    SPEC R19.3.3: a peer that comes back in another memory, whose incarnations begin anew, while
    messages of the last one wait for room: it is not taken for the last one.
    """
    w = world_of(stack, tmp_path, more="buffer = 1M\n")
    a, b = stack.enter_context(w.a.peer()), w.b.peer()
    Exchange(a, b).end()
    fill(b, waits(w.a.bridge), bytes(b.max_size - 8))
    assert w_incarnation(w.b) == 1
    w.b.server.stop()
    b.close()
    until(lambda: not w.a.bridge.pair("present"))
    assert w.a.bridge.pair("attached") == 1
    w.b.server = Server(w.b.folder, "--slot", f"5={w.b.folder}/s5")
    b = stack.enter_context(w.b.peer())
    assert w_incarnation(w.b) == 1
    seen, end = [], time.monotonic() + LIMIT
    while not ({RESTARTED} <= set(seen) or {DOWN, UP} <= set(seen)):
        assert time.monotonic() < end, seen
        with contextlib.suppress(ivsh.Timeout):
            a.receive(0.01)
        seen += drain(a)
    b.find("apeer", LIMIT)
    b.send(5, PORT, b"again", LIMIT)
    while a.receive(LIMIT).data != b"again":
        pass


def test_gone_sender(stack, tmp_path):
    """SPEC R19.3.2: what a peer has sent that is gone, and that comes later, has its slot."""
    w = World(tmp_path, "jetstream")
    stack.callback(w.stop)
    a, b = w.a.peer(), stack.enter_context(w.b.peer())
    Exchange(a, b).end()
    w.b.bridge.stop(signal.SIGKILL)
    sent = w.a.bridge.pair("sent")
    a.send(5, PORT, b"kept", LIMIT)
    until(lambda: w.a.bridge.pair("sent") > sent)
    a.close()
    until(lambda: (drain(b), b.peer(5).presence != ATTACHED)[1])
    w.b.bridge.start()
    while b.receive(LIMIT).data != b"kept":
        pass
    w.b.bridge.await_line("event=attach slot=5 peer=a/apeer for=messages")
    w.b.bridge.await_line("event=detach slot=5 peer=a/apeer reason=delivered")
    until(lambda: (drain(b), b.peer(5).presence != ATTACHED)[1])


def w_incarnation(side):
    """Of slot 0, as the region has it."""
    done = subprocess.run(
        [BUILD / "ivsh", "-S", side.socket, "ls", "--json"],
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    slots = [json.loads(line) for line in done.stdout.splitlines()]
    return next(one["incarnation"] for one in slots if one.get("slot") == 0)
