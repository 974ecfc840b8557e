#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""report.py - runs the benchmark and says what came out: tables and verdicts for each class of
placement that the run met, JSON, and a plot.

usage: report.py PROGRAM OUTPUT [ARGUMENT...]   (writes OUTPUT.json and OUTPUT.svg)

The arguments are PROGRAM's; --geometry=FILE and --tuned=FILE take a geometry file, too.

Only slices of one class are compared with each other. All numbers are medians; two that differ by
less than 8 % are a tie. What must be reached stands in goals.py.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
from collections import Counter, defaultdict

from goals import FEW, OURS, is_judged, judge, limit_of
from plot import beside, draw, head, load_before, processor, row, warn_of

CLASSES = {
    "sibling": "two threads of one core",
    "cluster": "two cores near each other",
    "far": "two cores far apart",
}
MODES = {
    "roundtrip": "Round trip, ns",
    "stream": "Streaming, copied in and out, ns per message",
    "zerocopy": "Streaming in place: one copy, ns per message",
    "batch": "Streaming in batches of 32, ns per message",
}
# Those of the short table, which README has: the columns, and the rows.
SHORT_NAMES = {
    "ivsh": "ivsh",
    None: "limit",
    "ck_ring": "ck_ring",
    "boost": "Boost spsc",
    "rte_ring": "rte_ring",
    "unix_packet": "UNIX socket",
    "vsock": "vsock",
}
SHORT = [("roundtrip", 8), ("roundtrip", 1024), ("stream", 8), ("stream", 1024)]
COLOURS = {
    "ivsh": "#c1121f",
    "ck_ring": "#1d4e89",
    "boost": "#2a9d8f",
    "rte_ring": "#e09f3e",
    "textbook": "#8d99ae",
    "unix_packet": "#6a4c93",
    "vsock": "#b5838d",
}


def size_name(size):
    for unit, name in ((1 << 20, "MiB"), (1 << 10, "KiB")):
        if size >= unit:
            return f"{size // unit} {name}"
    return f"{size} B"


def bytes_of(text):
    """A number of a geometry file."""
    units = {"K": 1 << 10, "M": 1 << 20}
    return int(text[:-1]) * units[text[-1]] if text[-1:] in units else int(text)


def with_geometry(argument):
    """The argument, with what a geometry file says in place of its name (ivsh(1))."""
    option, _, path = argument.partition("=")
    if option not in ("--geometry", "--tuned") or set(path) <= set("0123456789,"):
        return argument
    if os.path.exists(path) and not os.path.isfile(path):
        sys.exit(f"report.py: {path}: not a regular file")
    try:
        with open(path, encoding="utf-8") as file:
            lines = [line.split("=") for line in file if line.strip() and line[0] != "#"]
        values = {key.strip(): bytes_of(value.strip()) for key, value in lines}
        sizes = [values.pop(key) for key in ("descs", "small-size", "large-size")]
    except OSError as error:
        sys.exit(f"report.py: {path}: {error.strerror}: give a geometry file, or three numbers")
    except (KeyError, ValueError, IndexError):
        lines = []
    if len(lines) != 3:
        sys.exit(f"report.py: {path}: a geometry file has descs, small-size, large-size, each once")
    return f"{option}={','.join(map(str, sizes))}"


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


def summary(ns):
    """Of the slices of a cell. A cell that is now quick and now slow shows in its quartiles."""
    q1, median, q3 = statistics.quantiles(ns, method="inclusive") if len(ns) > 1 else ns * 3
    return {"ns": median, "q1": q1, "q3": q3, "slices": len(ns)}


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


def beside_goal(answer):
    """A ratio, to whom, and what it must be."""
    if answer["ratio"] is None:
        return "not measured" if answer["most"] else ""
    words = f"{answer['ratio']:.2f} {answer['against']}"
    if answer["most"] is not None:
        words += f" (at most {answer['most']:.2f}: {answer['verdict']})"
    return words


def goals(cells, place):
    """The verdicts, a row for each cell."""
    answers = judge(cells, place)
    print(f"\n**Class {place}: ours / theirs, and what must be reached**\n")
    head(["", "ivsh, ns (quartiles)", "of the limit", "of the best ring", "tuned, of the default"])
    for row_of in answers:
        mode, size = row_of[0]["mode"], row_of[0]["size"]
        cell = cells[OURS, mode, size]
        ours = f"{number(cell['ns'])} ({number(cell['q1'])} to {number(cell['q3'])})"
        words = [beside_goal(answer) for answer in row_of]
        row([f"{mode} {size_name(size)}", ours, *words, *[""] * (3 - len(words))])
    flat = [answer for row_of in answers for answer in row_of]
    counts = Counter(answer["verdict"] for answer in flat if is_judged(answer))
    rest = sum(answer["most"] is not None and not is_judged(answer) for answer in flat)
    print(
        f"\nclass {place}: {counts['reached']} goals reached, {counts['missed']} missed, "
        f"{rest} not judged"
    )
    return flat


def short(cells, place):
    """The rows of README's table. A stream's second number is of batches of 32."""
    print(f"\n**Class {place}, in short** (ns)\n")
    there = {name for name, _, _ in cells} | {None}
    head(["", *(title for name, title in SHORT_NAMES.items() if name in there)])
    for mode, size in SHORT:
        words = [f"{place}: {'round trip' if mode == 'roundtrip' else mode}, {size_name(size)}"]
        for name in filter(there.__contains__, SHORT_NAMES):
            name = name or limit_of(cells, mode, size)
            cell, batch = cells.get((name, mode, size)), cells.get((name, "batch", size))
            word = number(cell["ns"]) if cell else ""
            words.append(word + (f" ({number(batch['ns'])})" if batch and mode == "stream" else ""))
        row(words)


def met(slices, pings):
    """Say which classes there were, and answer those with enough slices to be judged."""
    good = []
    for place, what in CLASSES.items():
        if place not in slices:
            print(f"class {place} ({what}): not met: no two processors here stand like that")
            continue
        cells = slices[place]
        most = max(map(len, cells.values()))
        ping = f"bare ping-pong {statistics.median(pings[place]):.0f} ns"
        print(f"class {place} ({what}): {ping}, {sum(map(len, cells.values()))} slices", end="")
        if most < FEW:
            print(f", at most {most} of a cell, which needs {FEW}: not judged")
        else:
            print()
            good.append(place)
    if len(slices) == 1:
        print("This run met one class only: its verdicts say nothing about the others.")
    return good


def plot(cells, path, title):
    """Two panels: time over size, a line for each contender."""
    panels = []
    for mode in ("roundtrip", "stream"):
        lines = defaultdict(list)
        for (name, m, size), cell in sorted(cells.items(), key=lambda c: c[0][2]):
            # Ours in another geometry is in the tables.
            if m == mode and (name == OURS or not name.startswith(OURS)):
                # The limits are parts of one line.
                known = name if name in COLOURS else "limit"
                if known != "limit" or name != "slot" or size != 8:
                    lines[known].append((size, cell["ns"]))
        panels.append((MODES[mode], lines))
    draw(path, title, panels, COLOURS, size_name, dashed=("limit",))


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    program, output = sys.argv[1:3]
    arguments = [with_geometry(argument) for argument in sys.argv[3:]]
    load = load_before()
    slices, pings = measure([program] + arguments)
    if not slices:
        sys.exit("report.py: not one good slice: the machine is too busy")
    medians = {
        p: {k: summary(v) for k, v in cells.items()} for p, cells in slices.items()
    }
    # The class that has most slices is plotted, and shown even if it is not judged.
    first = max(slices, key=lambda p: sum(map(len, slices[p].values())))
    print(f"{processor()}, kernel {platform.release()}")
    warn_of(load)
    good = met(slices, pings)
    answers = {}
    for place in good or [first]:
        cells = medians[place]
        names = sorted(
            {name for name, _, _ in cells},
            key=lambda n: (not n.startswith(OURS), n not in COLOURS, n),
        )
        print(f"\n## Class {place}")
        for mode in MODES:
            table(mode, cells, names)
        answers[place] = goals(cells, place)
        short(cells, place)
    with open(output + ".json", "w", encoding="utf-8") as file:
        json.dump(
            {
                "processor": processor(),
                "kernel": platform.release(),
                "load_before": load,
                "classes": {
                    p: {
                        "pingpong_ns": statistics.median(pings[p]),
                        "cells": [
                            {"contender": n, "mode": m, "size": s, **cell}
                            for (n, m, s), cell in sorted(medians[p].items())
                        ],
                        "goals": answers.get(p, []),
                    }
                    for p in medians
                },
            },
            file,
            indent=1,
        )
    ping = f"bare ping-pong {statistics.median(pings[first]):.0f} ns"
    plot(medians[first], output + ".svg", f"{processor()}, class {first}: {ping}")
    print(f"\n{output}.json and {output}.svg are written.")


if __name__ == "__main__":
    main()
