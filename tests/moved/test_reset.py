# SPDX-License-Identifier: MIT
"""test_reset.py - a machine that is reset while numbered messages go both ways.

The guest notes what it sends and takes in memory that a reset leaves.
"""

import time

import pytest

from ends import Machine, Process, doorbell, go, judge, new_memory, plain, settle


@pytest.mark.parametrize("device", ["plain", "doorbell"])
@pytest.mark.parametrize("kind", ["pc", "q35", "aarch64", "riscv64"])
def test_reset(world, row, rounds, kind, device):
    """Nothing is lost, what comes again is marked, and on ivshmem-plain it is back within 1 s."""
    if device == "plain":
        memory = new_memory(world.folder, "memory")
        words, place = plain(memory), ("file", memory)
    else:
        server = world.server(slots=2, bind=2)
        words, place = doorbell(server.bound[0]), ("socket", server.bound[1])
    guest = Machine(world, "guest", 0, "inplace=1", kind).start(words)
    guest.attached()
    peer = Process(world, "peer", 1, place)
    peer.attached()
    # A busy host makes the firmware's part longer: the best round shows what the claim needs.
    for _ in row.through(rounds(3, 50), stall=(1.5, 1.0)):
        before = go(guest, peer)
        start, began = len(guest.program.text), time.monotonic()
        guest.qmp.command("system_reset")
        guest.attached(start)
        back = time.monotonic() - began
        guest.flows_from(1)
        peer.flows_from(0)
        stall = peer.ask()[0][0]["stall_us"] / 1e6
        after = settle([guest, peer])
        verdict = judge([guest, peer], before, after)
        for key in ("missing", "repeated", "rewound"):
            if verdict.sums[key]:
                verdict.problems.append(f"{key} {verdict.sums[key]}")
        row.add(verdict, attached=back, stall=stall)
    row.close()
