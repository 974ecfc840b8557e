#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""report.py - what joins cost a server, by the number of clients: tables, JSON, and a plot.

usage: report.py OUTPUT   (writes OUTPUT.json and OUTPUT.svg)

IVSH_OTHER_SERVER names a server with the options of QEMU's, to measure beside ours.

All clients come at once to a server that has just started, and the contenders take turns. Numbers
are medians. The time is that of the load program, too: it takes every message and closes what came
with it. The processor time is the server's, all its processes', until nothing more is to be said.
"""

import json
import os
import platform
import statistics
import sys

from loadtool import OTHER, Mode, OtherMode, join_cost, swarm_cost
from plot import alone, beside, draw, head, load_before, processor, row, warn_of

OURS = "slots"
# Clients, vectors, rounds. Another server ends at 341 clients of 2 vectors, or 115 of 8.
SWARMS = [
    *[(clients, 2, 25) for clients in (2, 4, 8, 16, 32)],
    (64, 2, 15),
    (128, 2, 11),
    (256, 2, 7),
    (330, 2, 7),
    (4, 8, 25),
    (16, 8, 15),
    (64, 8, 9),
    (100, 8, 7),
]
PLOTTED = 2  # vectors
JOIN = (4, 2, 500, 9)  # slots, vectors, joins one after the other, rounds
SWARM_COLUMNS = {
    "wall_ms": "Until all have joined and know of all, ms",
    "cpu_ms": "The server's processor time, ms",
    "us_each": "The same for each notification that arrived, us",
}
JOIN_COLUMNS = {
    "median_us": "median, us",
    "p99_us": "99 of 100, us",
    "cpu_us": "the server's processor time, us",
}
COLOURS = ["#c1121f", "#f08a8a", "#1d4e89"]


def in_turns(modes, rounds, measure):
    """{mode: {key: [by round]}} of what (measure) answers; each round begins with another one."""
    taken = {mode.name: {} for mode in modes}
    for number in range(rounds):
        first = number % len(modes)
        for mode in modes[first:] + modes[:first]:
            for key, value in measure(mode).items():
                taken[mode.name].setdefault(key, []).append(value)
    return taken


def medians(taken):
    return {
        name: {key: statistics.median(values) for key, values in by_key.items()}
        for name, by_key in taken.items()
    }


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def compared(middle, names, key):
    """The cells of one row: each beside ours."""
    words = []
    for name in names:
        word = number(middle[name][key]) + ("*" if middle[name].get("lost") else "")
        if name != OURS:
            word += beside(middle[name][key], middle[OURS][key])
        words.append(word)
    return words


def swarm_tables(swarms, names):
    for key, title in SWARM_COLUMNS.items():
        print(f"\n**{title}** (in brackets: theirs / {OURS}; = is a tie; * it lost some)\n")
        head(["clients x vectors", "notifications", *names])
        for (clients, vectors), taken in swarms.items():
            words = [f"{clients} x {vectors}", f"{clients * clients * vectors:,}"]
            row(words + compared(medians(taken), names, key))


def loss_table(swarms, names):
    """Only who loses, and when."""
    lost = {
        place: {name: taken[name]["lost"] for name in names}
        for place, taken in swarms.items()
        if any(any(taken[name]["lost"]) for name in names)
    }
    if not lost:
        print("\nNo notification was lost.")
        return
    print("\n**Notifications lost**, median (least to most); no row: none\n")
    head(["clients x vectors", "notifications", *names])
    for (clients, vectors), by_name in lost.items():
        words = [f"{clients} x {vectors}", f"{clients * clients * vectors:,}"]
        for runs in by_name.values():
            span = f" ({min(runs):,.0f} to {max(runs):,.0f})" if any(runs) else ""
            words.append(f"{statistics.median(runs):,.0f}{span}")
        row(words)


def join_table(joins, names):
    slots, vectors, _, _ = JOIN
    print(f"\n**One client joins {slots} x {vectors}**; without slots it is told only of itself\n")
    head(["", *names])
    for key, title in JOIN_COLUMNS.items():
        row([title, *compared(medians(joins), names, key)])


def plot(swarms, names, path, title):
    panels = []
    for key in ("wall_ms", "us_each"):
        lines = {
            name: [
                (clients, medians(taken)[name][key])
                for (clients, vectors), taken in swarms.items()
                if vectors == PLOTTED
            ]
            for name in names
        }
        panels.append((SWARM_COLUMNS[key], lines))
    draw(path, f"{title}: {PLOTTED} vectors, by clients", panels, dict(zip(names, COLOURS)))


def measure(modes):
    swarms = {}
    for clients, vectors, rounds in SWARMS:
        print(f"{clients} x {vectors}: {rounds} rounds", file=sys.stderr)
        swarms[clients, vectors] = in_turns(
            modes, rounds, lambda mode: swarm_cost(mode, clients, vectors)
        )
    slots, vectors, count, rounds = JOIN
    return swarms, in_turns(modes, rounds, lambda mode: join_cost(mode, slots, vectors, count))


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    if OTHER and not os.access(OTHER, os.X_OK):
        sys.exit(f"report.py: {OTHER}: no program")
    output = sys.argv[1]
    modes = [Mode("slots"), Mode("classic")] + ([OtherMode(OTHER)] if OTHER else [])
    names = [mode.name for mode in modes]
    try:
        with alone():
            load = load_before()
            swarms, joins = measure(modes)
    except AssertionError as error:  # one of ours has lost something, or never came
        sys.exit(f"report.py: {error}")
    title = f"{processor()}, {os.cpu_count()} processors"
    print(title)
    warn_of(load)
    swarm_tables(swarms, names)
    loss_table(swarms, names)
    join_table(joins, names)
    with open(output + ".json", "w", encoding="utf-8") as file:
        json.dump(
            {
                "processor": processor(),
                "processors": os.cpu_count(),
                "kernel": platform.release(),
                "load_before": load,
                "swarms": [
                    {"clients": clients, "vectors": vectors, "runs": taken}
                    for (clients, vectors), taken in swarms.items()
                ],
                "joins": {"slots": JOIN[0], "vectors": JOIN[1], "count": JOIN[2], "runs": joins},
            },
            file,
            indent=1,
        )
    plot(swarms, names, output + ".svg", title)
    print(f"\n{output}.json and {output}.svg are written.")


if __name__ == "__main__":
    main()
