#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""report.py - runs the benchmark and says what came out: a table of ratios, JSON, and a plot.

usage: report.py PROGRAM OUTPUT [ARGUMENT...]   (writes OUTPUT.json and OUTPUT.svg)

Only slices of one placement class are compared with each other: the class that has most of them.
All numbers are medians; two that differ by less than 8 % are a tie.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
from collections import Counter, defaultdict
from math import log10

FEW = 25  # slices of a cell; fewer are marked
TIE = 0.08
OURS = "ivsh"
MODES = {
    "roundtrip": "Round trip, ns",
    "stream": "Streaming, copied in and out, ns per message",
    "zerocopy": "Streaming in place: one copy, ns per message",
    "batch": "Streaming in batches of 32, ns per message",
}
# Issue 6: our mode and size; against whom, in which mode; the ratio that must not be exceeded.
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
    "ivsh-1024": "#f08a8a",
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


def row(words):
    print("| " + " | ".join(words) + " |")


def table(mode, cells, names):
    """One mode: medians, and in brackets how many times as long as ours that is."""
    names = [n for n in names if any((n, mode, s) in cells for _, _, s in cells)]
    sizes = sorted({size for _, m, size in cells if m == mode})
    if not names:
        return
    print(f"\n**{MODES[mode]}** (in brackets: theirs / ours; = is a tie; * fewer than {FEW} slices)\n")
    row([""] + names)
    row([":--"] + ["--:"] * len(names))
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
                ratio = cell["ns"] / ours["ns"]
                word += " (=)" if abs(ratio - 1) < TIE else f" ({ratio:.2f})"
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
        row([f"{mode} {size_name(size)}", f"{rival} {rival_mode}", measured, f"{most:.2f}", verdict])
        answers.append(
            {"mode": mode, "size": size, "against": rival, "ratio": ratio, "most": most, "verdict": verdict}
        )
    return answers


def plot(cells, path, title):
    """Two panels, both axes logarithmic: time over size, a line for each contender."""
    width, height, left, top, gap = 430, 340, 60, 50, 70
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{2 * (width + gap) + left}" '
        f'height="{height + top + 60}" font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="#fff"/>',
        f'<text x="{left}" y="18" font-size="14">{title}</text>',
    ]
    for panel, mode in enumerate(("roundtrip", "stream")):
        lines = defaultdict(list)
        for (name, m, size), cell in sorted(cells.items(), key=lambda c: c[0][2]):
            if m == mode:
                # The limits are parts of one line.
                known = name if name in COLOURS else "limit"
                if known != "limit" or name != "slot" or size != 8:
                    lines[known].append((size, cell["ns"]))
        if not lines:
            continue
        points = [p for line in lines.values() for p in line]
        low, high = log10(min(p[1] for p in points)), log10(max(p[1] for p in points))
        first, last = log10(min(p[0] for p in points)), log10(max(p[0] for p in points))
        x0, y0 = left + panel * (width + gap), top + height

        def at(size, ns):
            x = x0 + (log10(size) - first) / ((last - first) or 1) * width
            return x, y0 - (log10(ns) - low) / ((high - low) or 1) * height

        out.append(f'<text x="{x0}" y="{top - 10}">{MODES[mode]}</text>')
        for size in sorted({p[0] for p in points}):
            x = at(size, 10**low)[0]
            out.append(f'<line x1="{x:.1f}" y1="{top}" x2="{x:.1f}" y2="{y0}" stroke="#eee"/>')
            out.append(f'<text x="{x:.1f}" y="{y0 + 16}" text-anchor="middle" font-size="10">{size_name(size)}</text>')
        for power in range(int(low) - 1, int(high) + 2):
            if low <= power <= high:
                y = at(10**first, 10**power)[1]
                out.append(f'<line x1="{x0}" y1="{y:.1f}" x2="{x0 + width}" y2="{y:.1f}" stroke="#ddd"/>')
                out.append(f'<text x="{x0 - 6}" y="{y + 4:.1f}" text-anchor="end">{10**power:,}</text>')
        for i, (name, line) in enumerate(sorted(lines.items())):
            colour = COLOURS.get(name, "#000")
            style = ' stroke-dasharray="4 3"' if name == "limit" else ""
            path_points = " ".join("%.1f,%.1f" % at(*p) for p in line)
            out.append(f'<polyline points="{path_points}" fill="none" stroke="{colour}" stroke-width="2"{style}/>')
            y = top + 14 + 16 * i
            out.append(f'<line x1="{x0 + 8}" y1="{y - 4}" x2="{x0 + 28}" y2="{y - 4}" stroke="{colour}" stroke-width="2"{style}/>')
            out.append(f'<text x="{x0 + 34}" y="{y}">{name}</text>')
    out.append("</svg>")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(out) + "\n")


def processor():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor()


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    program, output, arguments = sys.argv[1], sys.argv[2], sys.argv[3:]
    load = os.getloadavg()[0]
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
    names = sorted({name for name, _, _ in cells}, key=lambda n: (not n.startswith(OURS), n not in COLOURS, n))
    title = f"{processor()}, class {place}: bare ping-pong {statistics.median(pings[place]):.0f} ns"
    print(title)
    if load > 0.5:
        print(f"Load was {load:.1f} before the start: not for publishing.")
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
