#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""report.py - what messages between two guests cost: tables on standard output, and JSON.

The commands of ivsh.elf and ivsh.efi say what an application sees: round trips, a stream, and how
many doorbells they took, for each way of waiting. pair.elf says what of a round trip is the
library's: it compares with two flags in the same memory, between the same two guests, by turns.

All figures are medians: of the runs, and for pair.elf of the slices of all runs.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from collections import defaultdict

import measure
import pair
from plot import alone, load_before, processor, row, warn_of

GOAL = 2.2  # 8 bytes there and back by polling, in round trips of flags
FEW = 25  # slices of a cell; fewer are marked
WORLDS = {"bare": "bare metal", "uefi": "UEFI"}


def table(title, head, rows):
    """Columns as wide as they need; the first (head[0]) words of a row are text."""
    texts, head = head[0], head[1:]
    widths = [max(len(line[i]) for line in [head, *rows]) for i in range(len(head))]
    print(f"\n**{title}**\n")
    for line in [head, *rows]:
        row([w.ljust(n) if i < texts else w.rjust(n) for i, (w, n) in enumerate(zip(line, widths))])
        if line is head:
            rules = ["-" * (n - 1) for n in widths]
            row([":" + r if i < texts else r + ":" for i, r in enumerate(rules)])


def medians(runs):
    """One of each figure of a cell."""
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}


def notified_of_1000(cell):
    return f"{1000 * cell['notifications_per_message']:.2f}"


def table_roundtrip(cells):
    rows = []
    for world, name in WORLDS.items():
        alone = cells.get((world, "doorbell", "sleep", 0))
        for wait in measure.WAITS:
            cell = cells.get((world, "roundtrip", wait, 8))
            if cell:
                against = f"{cell['p50'] / alone['p50']:.2f}" if wait == "sleep" else ""
                rows.append(
                    [
                        name, wait, f"{cell['p50']:.2f}", f"{cell['p99']:.2f}",
                        f"{1e6 / cell['p50']:,.0f}",
                    ]
                    + [notified_of_1000(cell), against]
                )
        if alone:
            rows.append([name, "doorbell alone", f"{alone['p50']:.2f}", f"{alone['p99']:.2f}"])
            rows[-1] += [f"{1e6 / alone['p50']:,.0f}", "", "1.00"]
    head = [2, "", "wait", "median, us", "p99, us", "a second, at the median"]
    head += ["doorbells for 1000 messages", "in round trips of bare doorbells"]
    table("Round trips of 8 bytes, ivsh bench echo", head, rows)


def table_stream(cells):
    rows = []
    for world, name in WORLDS.items():
        for wait in measure.WAITS:
            found = [cells.get((world, "stream", wait, size)) for size in measure.SIZES]
            if all(found):
                rows.append([name, wait] + [f"{cell['per_second']:,.0f}" for cell in found])
                rows[-1] += [notified_of_1000(cell) for cell in found]
    sizes = [f"{size} B" for size in measure.SIZES]
    head = [2, "", "wait", *sizes, *(f"doorbells for 1000, {size}" for size in sizes)]
    table("Messages a second one way, ivsh bench sink", head, rows)


def table_pair(rows):
    lines, flags = [], []
    for r in rows:
        mark = "" if r["slices"] >= FEW else "*"
        low, high = r["ratio_quartiles"]
        where = [r["place"], r["pause"]]
        if r["size"] == min(pair.SIZES):
            lines.append([*where, "flag", f"{r['flag_ns']:.0f}", "1.00", "", ""])
        lines.append(
            [*where, f"{r['size']} B", f"{r['ns']:.0f}", f"{r['ratio']:.2f}{mark}"]
            + [f"{low:.2f} to {high:.2f}", str(r["slices"])]
        )
    head = [3, "place", "pause", "", "round trip, ns", "library / flag", "middle half", "slices"]
    table(
        f"Polling against a bare flag, bare metal, by turns (* fewer than {FEW} slices)", head,
        lines,
    )


def goals(rows):
    """Of each place: a message of 8 bytes against flags."""
    answers, lines = [], []
    for r in rows:
        if r["size"] == 8:
            verdict = "reached" if r["ratio"] <= GOAL else "missed"
            if r["slices"] < FEW:
                verdict += ", too few slices"
            answers.append({**r, "most": GOAL, "verdict": verdict})
            lines.append([r["place"], r["pause"], f"{r['ratio']:.2f}", f"{GOAL:.2f}", verdict])
    table("Goal: 8 bytes, library / flag", [2, "place", "pause", "measured", "at most", ""], lines)
    return answers


def qemu_version():
    done = subprocess.run(
        ["qemu-system-x86_64", "--version"], capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()[0]


def progress(text):
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def run_all(words, wanted, repeat, share):
    """{(world, name, wait, size): [figures of a run]}, and the slices of pair.elf"""
    found, slices = defaultdict(list), []
    for turn in range(repeat):
        if "pair" in wanted:
            progress(f"run {turn + 1} of {repeat}: pair")
            slices += measure.pairs(words, share)
        for world in WORLDS:
            if world in wanted:
                for key, figures in measure.cells(words, world == "uefi", share):
                    progress(f"run {turn + 1} of {repeat}: {world} {key[0]} {key[1]} {key[2]}")
                    found[(world, *key)].append(figures)
    progress("")
    return found, slices


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("output", help="the JSON file to write")
    parser.add_argument("--only", default="pair,bare,uefi", help="of these, separated by commas")
    parser.add_argument("--repeat", type=int, default=3, help="how often each is run (3)")
    parser.add_argument("--quick", action="store_true", help="once, and a tenth of the length")
    options = parser.parse_args()
    options.only = options.only.split(",")
    if options.repeat < 1 or not options.only or set(options.only) - {"pair", *WORLDS}:
        parser.error("--only: pair, bare, uefi; --repeat: 1 or more")
    return options


def main():
    options = arguments()
    if len(os.sched_getaffinity(0)) < 2:
        sys.exit("report.py: two guests that poll need two processors")
    with alone():
        load = load_before()
        words, how = measure.accelerator()
        runs, slices = run_all(
            words, options.only, 1 if options.quick else options.repeat, 0.1 if options.quick else 1
        )
    cells = {key: medians(figures) for key, figures in runs.items()}
    rows = pair.summary(slices)
    shown = [r for r in rows if r["slices"] >= FEW] or rows
    print(f"{processor()}; {qemu_version()}; {how}")
    warn_of(load)
    if cells:
        table_roundtrip(cells)
        table_stream(cells)
    if rows:
        table_pair(shown)
    answer = goals(shown) if rows else []
    with open(options.output, "w", encoding="utf-8") as file:
        json.dump(
            {
                "processor": processor(),
                "kernel": platform.release(),
                "qemu": qemu_version(),
                "accelerator": how,
                "load_before": load,
                "repeat": 1 if options.quick else options.repeat,
                "cells": [
                    {"world": w, "what": n, "wait": m, "size": s, **cell, "runs": runs[w, n, m, s]}
                    for (w, n, m, s), cell in cells.items()
                ],
                "pair": rows,
                "goals": answer,
            },
            file,
            indent=1,
        )
    print(f"\n{options.output} is written.")


if __name__ == "__main__":
    main()
