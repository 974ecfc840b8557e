# SPDX-License-Identifier: MIT
"""test_bridge_share.py - pairs that share a link to the bus which is slower than they are."""

import collections
import contextlib
import socket
import struct
import threading
import time

from bridgetool import Peer, World, ivsh
from servertool import LIMIT

PORT = 77
RATE = 1000000  # bytes a second
CHUNK = 1 << 16
FLOODS, SLOTS = 3, range(5, 9)
QUIET = 12  # messages


class Slow:
    """A way to the loopback's (port) that passes RATE from its client, and keeps little of it."""

    def __init__(self, port):
        self.to = ("127.0.0.1", port)
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, CHUNK)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen()
        self.port = self.listener.getsockname()[1]
        self.sockets = [self.listener]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, far = self.listener.accept()[0], socket.create_connection(self.to)
                self.sockets += [near, far]
                for way in ((near, far, RATE), (far, near, None)):
                    threading.Thread(target=self._pass, args=way, daemon=True).start()

    @staticmethod
    def _pass(come, go, rate):
        with contextlib.suppress(OSError):
            while data := come.recv(CHUNK):
                go.sendall(data)
                time.sleep(len(data) / rate if rate else 0)
        for one in (come, go):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def close(self):
        for one in self.sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


def world_of(stack, folder):
    """Host a has four peers behind a slow link; b has slots for them, and one peer."""
    slots = [f"--slot={n}={folder}/b/s{n}" for n in SLOTS[1:]]
    names = "".join(f"local {i} = l{i}\n" for i in range(1, FLOODS + 1))
    large = ("-l", "64M", "--slots", "16")
    w = World(folder, "core", names, servers=(large, (*large, *slots)))
    stack.callback(w.stop)
    slow = Slow(w.nats.port)
    stack.callback(slow.close)
    for side in w.sides:
        side.bridge.stop()
    text = w.a.config.read_text()
    w.a.config.write_text(text.replace(f":{w.nats.port}", f":{slow.port}"))
    more = "".join(f"slot {n} = a/l{n - 5} socket={folder}/b/s{n}\n" for n in SLOTS[1:])
    w.b.config.write_text(w.b.config.read_text() + more)
    for side in w.sides:
        side.bridge.start()
    return w


def flood(peer, end):
    while not end.is_set():
        with contextlib.suppress(ivsh.Timeout):
            peer.send(5, PORT, bytes(4000), 0.2)


def test_slow_link(tmp_path):
    """
    SPEC R19.3.1: three peers send all they can over a link that takes a tenth of it: a fourth one's
    messages come as well, each of the three has its share, and nobody is seen to be gone.
    """
    with contextlib.ExitStack() as stack:
        w = world_of(stack, tmp_path)
        b = stack.enter_context(w.b.peer())
        peers = [stack.enter_context(Peer(w.a.socket, f"p{i}", slot=i)) for i in range(FLOODS + 1)]
        for peer in peers:
            peer.find("bpeer", LIMIT)
        for n in SLOTS:
            w.b.bridge.await_line(f"event=attach slot={n}")
        end = threading.Event()
        floods = [threading.Thread(target=flood, args=(p, end)) for p in peers[:FLOODS]]
        for thread in floods:
            thread.start()
        stack.callback(end.set)
        got = collections.Counter()
        for i in range(QUIET):
            peers[FLOODS].send(5, PORT, struct.pack("<Q", i), LIMIT)
            while True:
                m = b.receive(LIMIT)
                got[m.peer] += 1
                if m.peer == SLOTS[FLOODS]:
                    break
            assert m.data == struct.pack("<Q", i)
        end.set()
        for thread in floods:
            thread.join()
        shares = [got[n] for n in SLOTS[:FLOODS]]
        assert min(shares) > max(shares) / 4, shares
        kinds = []
        with contextlib.suppress(ivsh.Timeout):
            while True:
                kinds.append(b.next_event(0).kind)
        assert set(kinds) <= {ivsh.EventKind.UP}, w.b.bridge.lines
        assert w.a.bridge.status()[0]["connects"] == "1", w.a.bridge.lines
