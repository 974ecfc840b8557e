# SPDX-License-Identifier: MIT
"""plot.py - what the benchmarks say in: the rows of a table, and lines over logarithmic axes."""

import contextlib
import fcntl
import os
import platform
from math import log10

LOCK = "/tmp/ivsh-bench.lock"  # of every benchmark of this project: tests/bench/native has it, too
WIDTH, HEIGHT, LEFT, TOP, GAP = 430, 340, 60, 50, 70
TIE = 0.08  # two medians that differ by less are not told apart


def row(words):
    print("| " + " | ".join(words) + " |")


def head(words):
    """The first row of a table, whose first column is left-aligned and the others right."""
    row(words)
    row([":--"] + ["--:"] * (len(words) - 1))


def beside(value, ours):
    """How many times ours that is, to be appended to it."""
    return " (=)" if abs(value / ours - 1) < TIE else f" ({value / ours:.2f})"


def processor():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor()


@contextlib.contextmanager
def alone():
    """No other benchmark measures meanwhile: waits for its end."""
    with open(LOCK, "a", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def load_before():
    """Of the last minute, to be asked before the first measurement."""
    return os.getloadavg()[0]


def warn_of(load):
    if load > 0.5:
        print(f"Load was {load:.1f} before the start: not for publishing.")


def ticks(low, high):
    """Round numbers from 10**(low) to 10**(high): powers of ten, and more where these are few."""
    steps = (1,) if high - low >= 2 else (1, 2, 5)
    for power in range(int(low) - 1, int(high) + 2):
        for step in steps:
            if low <= power + log10(step) <= high:
                yield step * 10**power


def draw(path, title, panels, colours, label=str, dashed=()):
    """Write an SVG: a panel beside the other, both axes logarithmic.

    panels: [(title, {name of a line: [(x, y), ...]})]; one without lines stays empty.
    label: what stands at an x. dashed: names of lines.
    """
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{len(panels) * (WIDTH + GAP) + LEFT}" '
        f'height="{HEIGHT + TOP + 60}" font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="#fff"/>',
        f'<text x="{LEFT}" y="18" font-size="14">{title}</text>',
    ]
    for number, (name, lines) in enumerate(panels):
        if lines:
            panel(out, LEFT + number * (WIDTH + GAP), name, lines, colours, label, dashed)
    out.append("</svg>")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(out) + "\n")


def panel(out, x0, title, lines, colours, label, dashed):
    points = [p for line in lines.values() for p in line]
    low, high = log10(min(p[1] for p in points)), log10(max(p[1] for p in points))
    first, last = log10(min(p[0] for p in points)), log10(max(p[0] for p in points))
    y0 = TOP + HEIGHT

    def across(x):
        return x0 + (log10(x) - first) / ((last - first) or 1) * WIDTH

    def up(y):
        return y0 - (log10(y) - low) / ((high - low) or 1) * HEIGHT

    out.append(f'<text x="{x0}" y="{TOP - 10}">{title}</text>')
    for value in sorted({p[0] for p in points}):
        x = across(value)
        out.append(f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{y0}" stroke="#eee"/>')
        out.append(
            f'<text x="{x:.1f}" y="{y0 + 16}" text-anchor="middle" font-size="10">'
            f"{label(value)}</text>"
        )
    for value in ticks(low, high):
        y = up(value)
        out.append(f'<line x1="{x0}" y1="{y:.1f}" x2="{x0 + WIDTH}" y2="{y:.1f}" stroke="#ddd"/>')
        out.append(f'<text x="{x0 - 6}" y="{y + 4:.1f}" text-anchor="end">{value:,}</text>')
    for i, (name, line) in enumerate(sorted(lines.items())):
        stroke = f'stroke="{colours.get(name, "#000")}" stroke-width="2"'
        if name in dashed:
            stroke += ' stroke-dasharray="4 3"'
        places = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in line)
        out.append(f'<polyline points="{places}" fill="none" {stroke}/>')
        y = TOP + 14 + 16 * i
        out.append(f'<line x1="{x0 + 8}" y1="{y - 4}" x2="{x0 + 28}" y2="{y - 4}" {stroke}/>')
        out.append(f'<text x="{x0 + 34}" y="{y}">{name}</text>')
