#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""hosts.py - what many hosts cost one bus: a server, a bridge and a peer for each, all of them.

usage: tests/bench/hosts.py [HOSTS [MESSAGES [SECONDS]]]

Each host has one peer, and a slot for the peer of each other host: HOSTS * (HOSTS - 1) of them,
110 of 11 hosts. First nobody sends, for SECONDS: what the states cost. Then tests/bench/bridge is
the peer of every host at once, and sends MESSAGES of 64 bytes from each to each other; all must
arrive. Prints what nats-server says of itself, and what the bridges took of processors and memory.
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.request

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "host"), str(TESTS / "lib")]

import bridgetool  # noqa: E402
from rawclient import until  # noqa: E402
from servertool import Server  # noqa: E402

PROGRAM = TESTS.parent / "build/host/tests/bench/bridge/bridge"
TICKS = 100  # of the clock that /proc counts in
LIMIT = 300  # seconds


class Host:
    """A server, and a bridge with a slot for the peer of each other host."""

    def __init__(self, folder, number, count, port):
        self.folder = folder / f"h{number}"
        self.folder.mkdir()
        others = [n for n in range(count) if n != number]
        words, mapping = [], ""
        for slot, other in enumerate(others, 1):
            words += ["--slot", f"{slot}={self.folder}/s{slot}"]
            mapping += f"slot {slot} = h{other}/p{other} socket={self.folder}/s{slot}\n"
        self.server = Server(self.folder, "--slots", "16", *words)
        config = self.folder / "bridge.conf"
        config.write_text(
            f"region = r\nhost = h{number}\nurl = nats://127.0.0.1:{port}\n"
            f"socket = {self.server.socket}\nstate = {self.folder}/state\n"
            f"local 0 = p{number}\n{mapping}"
        )
        self.bridge = bridgetool.Bridge(config)

    def stop(self):
        self.bridge.stop()
        self.server.stop()


def monitor(nats):
    """What nats-server says of itself."""
    ports = json.loads(next((nats.folder / "ports").iterdir()).read_text())
    with urllib.request.urlopen(ports["monitoring"][0] + "/varz", timeout=10) as answer:
        return json.load(answer)


def lost(host):
    """Messages that a bridge has counted as lost."""
    words = [bridgetool.BUILD / "ivsh-bridge", "--config", host.bridge.config, "--status"]
    done = subprocess.run(words, stdout=subprocess.PIPE, check=True, text=True, timeout=10)
    found = [word for word in done.stdout.split() if word.startswith("lost=")]
    assert found
    return sum(int(word.split("=")[1]) for word in found)


def seconds(pid):
    """Of a processor."""
    words = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / TICKS


def resident(pid):
    """MiB."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0


def spent(nats, hosts):
    """Of nats-server, and of all bridges."""
    return (
        time.monotonic(),
        monitor(nats),
        seconds(nats.process.pid),
        sum(seconds(h.bridge.process.pid) for h in hosts),
    )


def show(what, before, after):
    passed = after[0] - before[0]
    print(
        f"{what}: {passed:.1f} s: {(after[1]['in_msgs'] - before[1]['in_msgs']) / passed:.0f}"
        f" messages/s to the bus, {(after[1]['out_msgs'] - before[1]['out_msgs']) / passed:.0f}"
        f" from it; nats-server {(after[2] - before[2]) / passed:.2f} processors,"
        f" all bridges {(after[3] - before[3]) / passed:.2f}",
        flush=True,
    )


def run(folder, count, messages, idle):
    nats = bridgetool.Nats(folder, 'http: "127.0.0.1:-1"\n')
    hosts = []
    try:
        for number in range(count):
            hosts.append(Host(folder, number, count, nats.port))
        until(lambda: monitor(nats)["connections"] == count)
        time.sleep(1)
        before = spent(nats, hosts)
        time.sleep(idle)
        show(f"{count} hosts, {count * (count - 1)} mappings, idle", before, spent(nats, hosts))
        before = spent(nats, hosts)
        done = subprocess.run(
            [PROGRAM, "mesh", str(messages), *[h.server.socket for h in hosts]],
            stdout=subprocess.PIPE,
            check=True,
            text=True,
            timeout=LIMIT,
        )
        show("each to each", before, spent(nats, hosts))
        print(done.stdout, end="")
        now = monitor(nats)
        print(
            f"nats-server: {now['connections']} connections, {now['subscriptions']} subscriptions,"
            f" {now['slow_consumers']} slow consumers, {resident(nats.process.pid):.0f} MiB;"
            f" a bridge {max(resident(h.bridge.process.pid) for h in hosts):.1f} MiB"
        )
        return sum(lost(host) for host in hosts)
    finally:
        for host in hosts:
            host.stop()
        nats.stop()


def main():
    given = [int(word) for word in sys.argv[1:]]
    count, messages, idle = [*given, *(11, 1000, 5)[len(given) :]]
    with tempfile.TemporaryDirectory(prefix="ivsh-bench.") as folder:
        return run(pathlib.Path(folder), count, messages, idle) != 0


if __name__ == "__main__":
    sys.exit(main())
