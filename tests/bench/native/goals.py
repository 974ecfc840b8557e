# SPDX-License-Identifier: MIT
"""goals.py - what ours is measured against in one cell of one class, and what must be reached.

A cell is a mode and a size; all its numbers are of one run and one class of placement. A cell is
not judged unless everything in it that decides has FEW slices.
"""

from plot import TIE

FEW = 25
OURS, TUNED = "ivsh", "ivsh_tuned"
PEERS = ("ck_ring", "boost", "rte_ring")  # rings of others: the best one of a cell counts
# No ring at all: what the machine allows. The first one that the cell has.
LIMITS = {
    "roundtrip": ("pingpong", "slot"),
    "stream": ("chunks", "copy"),
    "zerocopy": (),
    "batch": (),
}
# At most, by mode and size: ours / the limit, and ours / the best peer.
OF_LIMIT = {
    ("roundtrip", 8): 1.10,
    ("roundtrip", 64): 1.12,
    ("roundtrip", 1024): 1.20,
}
OF_PEER = {
    ("roundtrip", 256): 0.95,
    ("roundtrip", 1024): 0.95,
    ("roundtrip", 4096): 1.0,
    ("roundtrip", 65536): 1.0,
    ("stream", 8): 1.1,
    ("stream", 64): 0.95,
    ("stream", 256): 0.6,
    ("stream", 1024): 0.6,
    ("stream", 4096): 0.75,
    ("stream", 65536): 1.0,
    ("batch", 8): 1.3,
    ("batch", 64): 1.0,
    ("batch", 256): 0.8,
}
# With the geometry of `ivsh tune`: never worse than without, beyond what two medians differ by
# anyway; and between far processors twice as fast in these cells.
OF_DEFAULT = 1 + TIE
TWICE = {("far", "stream", 256): 0.5, ("far", "stream", 1024): 0.5}


def limit_of(cells, mode, size):
    """The limit's name in that cell, or None."""
    return next((name for name in LIMITS[mode] if (name, mode, size) in cells), None)


def best_peer(cells, mode, size):
    """The name of the quickest of others' rings in that cell, or None."""
    there = [name for name in PEERS if (name, mode, size) in cells]
    return min(there, key=lambda name: cells[name, mode, size]["ns"], default=None)


def verdict(ratio, most, slices):
    if most is None:
        return ""
    if ratio is None:
        return "not measured"
    if min(slices) < FEW:
        return f"not judged: {min(slices)} of {FEW} slices"
    return "reached" if ratio <= most else "missed"


def compare(cells, ours, against, mode, size, most, others=()):
    """How (ours) stands to (against), which is None if it is not there, and the verdict. (others)
    decided which one that is."""
    mine, theirs = cells.get((ours, mode, size)), cells.get((against, mode, size))
    ratio = mine["ns"] / theirs["ns"] if mine and theirs else None
    decide = (ours, against, *others) if ratio else ()
    return {
        "mode": mode,
        "size": size,
        "ours": ours,
        "against": against,
        "ratio": ratio,
        "most": most,
        "verdict": verdict(ratio, most, [cells[name, mode, size]["slices"] for name in decide]),
    }


def judge(cells, place):
    """For each cell that ours has: how it stands to the limit, the best peer, the default."""
    answers = []
    for mode in LIMITS:
        for size in sorted({s for name, m, s in cells if name == OURS and m == mode}):
            cell = (mode, size)
            limit, peer = limit_of(cells, *cell), best_peer(cells, *cell)
            peers = [name for name in PEERS if (name, *cell) in cells]
            row = [
                compare(cells, OURS, limit, *cell, OF_LIMIT.get(cell)),
                compare(cells, OURS, peer, *cell, OF_PEER.get(cell), peers),
            ]
            if (TUNED, *cell) in cells:
                most = TWICE.get((place, *cell), OF_DEFAULT)
                row.append(compare(cells, TUNED, OURS, *cell, most))
            answers.append(row)
    return answers


def is_judged(answer):
    return answer["verdict"] in ("reached", "missed")
