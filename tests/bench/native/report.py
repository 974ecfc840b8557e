#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""report.py - runs the benchmark and says what came out: a table of ratios, JSON, and a plot.

usage: report.py PROGRAM OUTPUT [ARGUMENT...]   (writes OUTPUT.json and OUTPUT.svg)

Only slices of one placement class are compared with each other: the class that has most of them.
All numbers are medians; two that differ by less than 8 % are a tie.
"""

import json
import platform
import statistics
import subprocess
import sys
from collections import Counter, defaultdict

from plot import beside, draw, head, load_before, processor, row, warn_of

FEW = 25  # slices of a cell; fewer are marked
OURS = "ivsh"
MODES = {
    "roundtrip": "Round trip, ns",
    "stream": "Streaming, copied in and out, ns per message",
    "zerocopy": "Streaming in place: one copy, ns per message",
    "batch": "Streaming in batches of 32, ns per message",
}
# Our mode and size; against whom, in which mode; the ratio that must not be exceeded.
GOALS = [
    ("roundtrip", 8, "pingpong", "roundtrip", 1.25),
    ("roundtrip", 8, "ck_ring", "roundtrip", 0.70),
    ("roundtrip", 64, "ck_ring", "roundtrip", 0.90),
    ("roundtrip", 1024, "ck_ring", "roundtrip", 0.80),
    ("roundtrip", 65536, "ck_ring", "roundtrip", 0.75),
    ("stream", 8, "boost", "stream", 1.1),
    ("batch", 8, "boost", "stream", 0.4),
    ("stream", 64, "boost", "stream", 1.3),
    ("batch", 64, "boost", "stream", 0.9),
    ("stream", 1024, "boost", "stream", 0.6),
    ("stream", 4096, "boost", "stream", 0.75),
    ("stream", 65536, "copy", "stream", 1 / 0.9),
]
COLOURS = {
    "ivsh": "#c1121f",
    "ck_ring": "#1d4e89",
    "boost": "#2a9d8f",
    "rte_ring": "#e09f3e",
    "textbook": "#8d99ae",
}


def size_name(size):
    for unit, name in ((1 << 20, "MiB"), (1 << 10, "KiB")):
        if size >= unit:
            return f"{size // unit} {name}"
    return f"{size} B"


def measure(command):
    """{class: {(contender, mode, size): [ns]}}, {class: [ns of a ping-pong]}"""
    slices = defaultdict(lambda: defaultdict(list))
    pings = defaultdict(list)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        for line in program.stdout:
            name, mode, size, place, ns, ping = line.split()
            slices[place][name, mode, int(size)].append(float(ns))
            pings[place].append(float(ping))
    if program.returncode != 0:
        sys.exit(program.returncode)
    return slices, pings


def number(ns):
    return f"{ns:.1f}" if ns < 100 else f"{ns:,.0f}"


def table(mode, cells, names):
    """One mode: medians, and in brackets how many times as long as ours that is."""
    names = [n for n in names if any((n, mode, s) in cells for _, _, s in cells)]
    sizes = sorted({size for _, m, size in cells if m == mode})
    if not names:
        return
    print(
        f"\n**{MODES[mode]}** (in brackets: theirs / ours; = is a tie; "
        f"* fewer than {FEW} slices)\n"
    )
    head([""] + names)
    for size in sizes:
        ours = cells.get((OURS, mode, size))
        words = [size_name(size)]
        for name in names:
            cell = cells.get((name, mode, size))
            if not cell:
                words.append("")
                continue
            word = number(cell["ns"]) + ("*" if cell["slices"] < FEW else "")
            if ours and name != OURS:
                word += beside(cell["ns"], ours["ns"])
            words.append(word)
        row(words)


def goals(cells):
    answers = []
    print("\n**Goals** (ours / theirs)\n")
    row(["", "against", "measured", "at most", ""])
    row([":--", ":--", "--:", "--:", ":--"])
    for mode, size, rival, rival_mode, most in GOALS:
        ours, theirs = cells.get((OURS, mode, size)), cells.get((rival, rival_mode, size))
        ratio = ours["ns"] / theirs["ns"] if ours and theirs else None
        verdict = "not measured" if ratio is None else "reached" if ratio <= most else "missed"
        if ratio is not None and min(ours["slices"], theirs["slices"]) < FEW:
            verdict += ", too few slices"
        measured = "" if ratio is None else f"{ratio:.2f}"
        what = f"{mode} {size_name(size)}"
        row([what, f"{rival} {rival_mode}", measured, f"{most:.2f}", verdict])
        answers.append(
            {
                "mode": mode,
                "size": size,
                "against": rival,
                "ratio": ratio,
                "most": most,
                "verdict": verdict,
            }
        )
    return answers


def plot(cells, path, title):
    """Two panels: time over size, a line for each contender."""
    panels = []
    for mode in ("roundtrip", "stream"):
        lines = defaultdict(list)
        for (name, m, size), cell in sorted(cells.items(), key=lambda c: c[0][2]):
            if m == mode:
                # The limits are parts of one line.
                known = name if name in COLOURS else "limit"
                if known != "limit" or name != "slot" or size != 8:
                    lines[known].append((size, cell["ns"]))
        panels.append((MODES[mode], lines))
    draw(path, title, panels, COLOURS, size_name, dashed=("limit",))


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    program, output, arguments = sys.argv[1], sys.argv[2], sys.argv[3:]
    load = load_before()
    slices, pings = measure([program] + arguments)
    if not slices:
        sys.exit("report.py: not one good slice: the machine is too busy")
    counts = Counter({place: sum(map(len, cells.values())) for place, cells in slices.items()})
    place = counts.most_common(1)[0][0]
    medians = {
        p: {k: {"ns": statistics.median(v), "slices": len(v)} for k, v in cells.items()}
        for p, cells in slices.items()
    }
    cells = medians[place]
    names = sorted(
        {name for name, _, _ in cells},
        key=lambda n: (not n.startswith(OURS), n not in COLOURS, n),
    )
    title = f"{processor()}, class {place}: bare ping-pong {statistics.median(pings[place]):.0f} ns"
    print(title)
    warn_of(load)
    for mode in MODES:
        table(mode, cells, names)
    answers = goals(cells)
    with open(output + ".json", "w", encoding="utf-8") as file:
        json.dump(
            {
                "processor": processor(),
                "kernel": platform.release(),
                "load_before": load,
                "class": place,
                "classes": {
                    p: {
                        "pingpong_ns": statistics.median(pings[p]),
                        "cells": [
                            {"contender": n, "mode": m, "size": s, **cell}
                            for (n, m, s), cell in sorted(medians[p].items())
                        ],
                    }
                    for p in medians
                },
                "goals": answers,
            },
            file,
            indent=1,
        )
    plot(cells, output + ".svg", title)
    print(f"\n{output}.json and {output}.svg are written.")


if __name__ == "__main__":
    main()
