# SPDX-License-Identifier: MIT
"""loadtool.py - the load program against a server, and what the server's processes hold."""

import os
import subprocess

from rawclient import until

SOAK = bool(os.environ.get("IVSH_SOAK"))
DESCRIPTORS = 4096  # that each client of the load program may have, at least
MARGIN_KB = 2048  # by which a process may have grown: pages of its heap


def options(build):
    """What --help of the server says."""
    done = subprocess.run(
        [str(build / "ivsh-server"), "--help"], capture_output=True, text=True, timeout=10
    )
    return done.stdout + done.stderr


def many(build):
    """Options for more descriptors in a client than a usual one may have."""
    if "--client-descriptors" in options(build):
        return ["--client-descriptors", DESCRIPTORS]
    return []


class Mode:
    """A way to serve: options of the server, and of the load program."""

    def __init__(self, name):
        self.name = name
        self.is_classic = name == "classic"

    def serve(self, clients, vectors):
        mode = ["--classic"] if self.is_classic else []
        return [*mode, "--raw", "--slots", clients, "-n", vectors]

    def join(self, slots, vectors):
        mode = ["--classic"] if self.is_classic else ["--slots", slots]
        return [*mode, "--vectors", vectors]


def processes(server):
    """The keeper, and the process that serves; one and the same if there is no keeper."""
    words = dict(
        word.split("=", 1) for word in server.await_line("event=ready").split() if "=" in word
    )
    return sorted({server.process.pid, int(words.get("server", server.process.pid))})


def run(build, server, *arguments, timeout=60, pids=None):
    """One run: its lines, by phase, as {key: value}; the last one is "result". None may fail."""
    done = subprocess.run(
        [str(build / "tests" / "host" / "load"), "-S", str(server.socket)]
        + ["--timeout", str(timeout * 1000)]
        + ["--pid", ",".join(map(str, pids or processes(server)))]
        + [str(argument) for argument in arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout + 30,
    )
    phases = {}
    for line in done.stdout.splitlines():
        words = dict(word.split("=", 1) for word in line.split())
        phases[words.get("phase", "result")] = {
            key: float(value) if value.replace(".", "").replace("-", "").isdigit() else value
            for key, value in words.items()
        }
    phases["status"] = done.returncode
    phases["text"] = done.stdout + done.stderr
    return phases


def good(phases):
    assert phases["status"] == 0, phases["text"]
    return phases


def held(server):
    """By process: (descriptors, resident kB)."""
    state = {}
    for pid in processes(server):
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            size = next(int(line.split()[1]) for line in file if line.startswith("VmRSS:"))
        state[pid] = (len(os.listdir(f"/proc/{pid}/fd")), size)
    return state


def is_as_before(server, before, grown_kb=MARGIN_KB):
    """Wait until the processes hold as many descriptors as then; their memory is looked at once."""

    def same():
        now = held(server)
        return all(now[pid][0] == before[pid][0] for pid in before)

    until(same)
    now = held(server)
    for pid, (_, size) in before.items():
        assert grown_kb is None or now[pid][1] <= size + grown_kb, f"{pid} grew: {before} {now}"
    return now
