# SPDX-License-Identifier: MIT
"""test_bridge_turns.py - what a bridge does for remote peers that have nothing for it."""

import contextlib
import struct
import time

from rawclient import until
from servertool import BUILD, LIMIT
from test_bridge_loop import ATTACHED, LARGE, PORT, many, world_of

IDLE = range(6, 18)  # slots of a, and peers of c
TICK = 1.0  # ms between two looks at all, at least
SOON = 0.9  # ms after the last one


def turns_of(path, first=0):
    """Of each turn behind (first), but for the last: when it began, in ms, and its looks."""
    data = path.read_bytes()
    count = struct.unpack_from("<Q", data)[0]
    found = struct.iter_unpack("<QQ", data[16 * (1 + first) : 16 * count])
    return [(began / 1e6, looks) for began, looks in found]


def test_idle_peers(tmp_path):
    """
    With 12 remote peers that say nothing, and one that does, messages wake the bridge, and each
    wakes it a few times. It looks at the idle ones once in a millisecond, however often that is.
    """
    with contextlib.ExitStack() as stack:
        slots = [f"--slot={n}={tmp_path}/a/s{n}" for n in IDLE]
        # Between two turns it sleeps: no poll(2) but that one.
        more = "busy-poll = 0\n"
        w = world_of(stack, tmp_path, more=more, servers=((*LARGE, *slots), ()))
        path = tmp_path / "turns"
        w.a.bridge.stop()
        w.a.bridge.prefix = ("env", f"LD_PRELOAD={BUILD / 'turns.so'}", f"IVSH_TURNS={path}")
        w.a.bridge.start()
        c = many(stack, w, "".join(f"slot {n} = c/p{n} socket={tmp_path}/a/s{n}\n" for n in IDLE))
        c.bridge.start()
        a, b = stack.enter_context(w.a.peer()), stack.enter_context(w.b.peer())
        until(lambda: all(a.peer(n).presence == ATTACHED for n in (5, *IDLE)))
        b.find("apeer", LIMIT)
        begun, times, soon = len(turns_of(path)), [], []
        end = time.monotonic() + 3 * LIMIT
        # As many turns as it takes, on whatever machine, that begin soon behind a look at all.
        while len(soon) < 100 and time.monotonic() < end:
            for _ in range(200):
                times.append(-time.monotonic())
                for source, target in ((a, b), (b, a)):
                    source.send(5, PORT, b"", LIMIT)
                    target.receive(LIMIT)
                times[-1] += time.monotonic()
            turns = turns_of(path, begun)
            pairs = [(one, two) for one, two in zip(turns, turns[1:]) if one[1] >= len(IDLE)]
            soon = [two[1] for one, two in pairs if two[0] - one[0] < SOON]
        passed = turns[-1][0] - turns[0][0]
        large = sum(looks >= len(IDLE) for looks in soon)
        print(f"{len(turns)} turns in {passed:.0f} ms, {large} of {len(soon)} soon ones are large")
        print(f"{len(times)} trips, a quarter within {sorted(times)[len(times) // 4]:.6f} s")
        # Some may have stood still between their begin and their look at the clock.
        assert len(soon) >= 100 and large < len(soon) / 4
        assert len(turns) < 10 * len(times) + passed / TICK
        # A bridge that no message wakes sleeps for 20 ms.
        assert sorted(times)[len(times) // 4] < 0.010
