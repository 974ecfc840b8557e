# SPDX-License-Identifier: MIT
"""loadtool.py - the load program against a server, and what the server's processes hold."""

import os
import pathlib
import subprocess
import tempfile

from rawclient import until
from servertool import BUILD, Other, Server

OTHER = os.environ.get("IVSH_OTHER_SERVER")  # with the options of QEMU's, to compare with
SOAK = bool(os.environ.get("IVSH_SOAK"))
DESCRIPTORS = 4096  # that each client of the load program may have, at least
HEAD = 3  # messages before the doorbells: version, own ID, memory
LOSSY_MS = 500  # of silence, after which nothing more is expected of a server that loses
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

    def start(self, folder, clients, vectors):
        return Server(folder, *self.serve(clients, vectors), *many(BUILD))

    def check(self, phases):
        return good(phases)


class OtherMode(Mode):
    """As QEMU's server serves: it may lose messages, we may not."""

    def __init__(self, program):
        super().__init__("classic")
        self.name = os.path.basename(program)
        self.program = program

    def join(self, slots, vectors):
        return [*super().join(slots, vectors), "--lossy", LOSSY_MS]

    def start(self, folder, clients, vectors):
        return Other(self.program, folder, vectors)

    def check(self, phases):
        assert {"join", "joins"} & phases.keys(), phases["text"]
        return phases


def run(build, server, *arguments, tries=5, **keywords):
    """
    A run, as run_once(). Who waits for the slot of one that has just left is refused after a
    second: a server that gets no processor for so long is asked again.
    """
    refused = "reason=no-free-slot"
    before = server.count(refused)
    phases = run_once(build, server, *arguments, **keywords)
    if phases["status"] == 0 or server.count(refused) == before or tries == 1:
        return phases
    return run(build, server, *arguments, tries=tries - 1, **keywords)


def run_once(build, server, *arguments, timeout=60):
    """One run: its lines, by phase, as {key: value}; the last one is "result"."""
    done = subprocess.run(
        [str(build / "tests" / "host" / "load"), "-S", str(server.socket)]
        + ["--timeout", str(timeout * 1000)]
        + ["--pid", ",".join(map(str, server.pids))]
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


def alone(mode, clients, vectors, *arguments):
    """One run against a server that starts and ends with it."""
    with tempfile.TemporaryDirectory() as folder:
        server = mode.start(pathlib.Path(folder), clients, vectors)
        try:
            join = mode.join(clients, vectors)
            return mode.check(run(BUILD, server, *join, *arguments, timeout=120))
        finally:
            server.stop()


def swarm_cost(mode, clients, vectors):
    """The cost until all clients that join at once know all, and the server's work after that."""
    phases = alone(mode, clients, vectors, "--clients", clients)
    join, quiet = phases["join"], phases.get("quiet", {"cpu_ms": 0})
    cpu_ms = join["cpu_ms"] + quiet["cpu_ms"]
    notifications = join["messages"] - HEAD * clients
    return {
        "wall_ms": join["wall_ms"],
        "cpu_ms": cpu_ms,
        "notifications": notifications,
        "us_each": cpu_ms * 1000 / notifications,
        "lost": join["lost"],
        "incomplete": join["incomplete"],
    }


def join_cost(mode, slots, vectors, count):
    """The cost of one client's join, (count) one after the other; in classic mode it is alone."""
    joins = alone(mode, slots, vectors, "--joins", count)["joins"]
    return {
        "median_us": joins["median_us"],
        "p99_us": joins["p99_us"],
        "cpu_us": joins["cpu_ms"] * 1000 / count,
    }


def held(server):
    """By process: (descriptors, resident kB)."""
    state = {}
    for pid in server.pids:
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
