# SPDX-License-Identifier: MIT
"""ivsh - a Python program as a peer of the memory that virtual machines share through ivshmem.

    import ivsh

    with ivsh.Peer("/run/ivsh.sock", name="test") as peer:
        peer.send("alpha", 5, b"hello")          # to a slot, or to a name
        message = peer.receive(timeout=5)        # .peer .port .data .flags .request
        answer = peer.call("alpha", 7, b"now?", timeout=5)
        with peer.stream("alpha", 40) as stream:
            stream.write(b"...")
            stream.finish()
            data = stream.read()
        for each in peer.peers():
            print(each.slot, each.name, each.presence)
        frames = peer.metric("frames")           # a counter that everybody can read
        frames.add(1)
        peer.log("begun\\n")                     # kept after this peer's end
        print(peer.metrics("alpha"), peer.read_log("alpha").read())

Timeouts are in seconds; None waits without end, 0 does not wait. What fails raises a class of
ivsh.errors. A Peer may be used by several threads, which take turns: a call that waits has it for
up to 100 ms, for less while others want it too, and call() until it has its answer. In an event
loop a program calls ready() before each poll of fileno(), and again after it; with asyncio
receive_async() does that.

The library is libivsh-client.so.1; host.h, ivsh_host_open(3), says what each call does.
"""

from .errors import (
    Busy, Damaged, Error, Invalid, Lost, MissingPart, NoSpace, NotThere, OneWay, PeerGone, Platform,
    ReadOnly, Removed, Timeout, Version,
)  # fmt: skip
from .shown import Log, Metric, MetricKind, MetricValue
from .peer import (
    CONTROL, MAYBE_SEEN, MESSAGE, SPACE, TEXT, Event, EventKind, Message, Peer, PeerInfo,
    Presence, Stream,
)  # fmt: skip

__version__ = "0.1.0"

__all__ = [
    *("Busy", "Damaged", "Error", "Invalid", "Lost", "MissingPart", "NoSpace", "NotThere"),
    *("OneWay", "PeerGone", "Platform", "ReadOnly", "Removed", "Timeout", "Version"),
    *("CONTROL", "MAYBE_SEEN", "MESSAGE", "SPACE", "TEXT", "Event", "EventKind", "Message"),
    *("Log", "Metric", "MetricKind", "MetricValue", "Peer", "PeerInfo", "Presence", "Stream"),
]
